#include "fact_fixture.h"

static void fill_case(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    f->line.case_fact = &f->case_fact;
    skp__v1__case_fact__init(&f->case_fact);
    f->case_fact.case_id = f->ids[0];
    f->case_fact.version = 1;
    f->case_fact.persons = 2;
    f->case_fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    f->case_fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    f->case_fact.reference_date = 20261203;
    f->case_fact.responsible = f->counsellor;
    f->case_fact.request_ids = f->ids + 1;
    f->case_fact.n_request_ids = 3;
}

#define CASE_RULES(X)                                                                              \
    X(case_without_id, REQUIRED, "case_fact.case_id", f->case_fact.case_id.len = 0)                \
    X(case_with_short_id, ID_FORMAT, "case_fact.case_id", f->case_fact.case_id.len = 15)           \
    X(case_with_nil_id, ID_FORMAT, "case_fact.case_id", memset(f->id_bytes[0], 0, ID_BYTES))       \
    X(case_without_version, REQUIRED, "case_fact.version", f->case_fact.version = 0)               \
    X(case_of_nobody, PERSONS, "case_fact.persons", f->case_fact.persons = 0)                      \
    X(case_of_three, PERSONS, "case_fact.persons", f->case_fact.persons = 3)                       \
    X(case_without_product, ENUM_VALUE, "case_fact.product", f->case_fact.product = 0)             \
    X(case_with_unknown_product, ENUM_VALUE, "case_fact.product", f->case_fact.product = 6)        \
    X(case_without_guidance, ENUM_VALUE, "case_fact.guidance", f->case_fact.guidance = 0)          \
    X(case_without_date, REQUIRED, "case_fact.reference_date", f->case_fact.reference_date = 0)    \
    X(case_with_no_such_date, DATE_INVALID, "case_fact.reference_date",                            \
      f->case_fact.reference_date = 20260230)                                                      \
    X(case_without_municipality, REQUIRED, "case_fact.responsible", f->counsellor[0] = '\0')       \
    X(case_with_short_oin, OIN_FORMAT, "case_fact.responsible", f->counsellor[19] = '\0')          \
    X(case_with_lower_case_oin, OIN_FORMAT, "case_fact.responsible", f->counsellor[9] = 'a')       \
    X(case_without_requests, REQUIRED, "case_fact.request_ids", f->case_fact.n_request_ids = 0)    \
    X(case_with_too_many_requests, DECODE_ITEMS, "case_fact.request_ids",                          \
      f->case_fact.n_request_ids = FACT_MAX_REQUESTS + 1)                                          \
    X(case_with_an_empty_request_id, ID_FORMAT, "case_fact.request_ids[1]", f->ids[2].len = 0)     \
    X(case_with_a_request_twice, DUPLICATE_ITEM, "case_fact.request_ids[2]", f->ids[3] = f->ids[1])
CASE_RULES(SPOIL_FUNCTION)

static void a_case_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {CASE_RULES(SPOIL_ROW)};
    assert_good(fill_case);
    assert_spoiled(fill_case, cases, sizeof cases / sizeof cases[0]);
}

static void fill_largest_case(struct fixture *f)
{
    fill_case(f);
    f->case_fact.n_request_ids = FACT_MAX_REQUESTS;
}

static void a_case_may_have_256_requests(void **state)
{
    (void)state;
    assert_good(fill_largest_case);
}

/* ---------------------------------------------------------------- requests */

static void fill_request(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    f->line.request = &f->request;
    skp__v1__request_fact__init(&f->request);
    f->request.request_id = f->ids[0];
    f->request.version = 1;
    f->request.commitment = fixture_hash(f);
    f->request.contains_bsn = 1;
    f->request.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    f->request.product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    f->request.guidance = SKP__V1__GUIDANCE__GUIDANCE_BUDGET_COACHING;
    f->request.reference_date = 20240229;
    (void)strcpy(f->text, "Voorbeeld Energie");
    f->request.brand = f->text;
    for (size_t i = 0; i <= FACT_MAX_CLAIMS; i++) {
        skp__v1__known_claim__init(&f->known[i]);
        f->known[i].claim_id = f->ids[i + 1];
        f->known[i].kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
        f->known[i].amount_cents = 12345;
        f->known[i].debtor = SKP__V1__DEBTOR__DEBTOR_UNKNOWN;
        f->known_list[i] = &f->known[i];
    }
    f->request.claims = f->known_list;
    f->request.n_claims = 2;
}

static void fill_bare_request(struct fixture *f)
{
    fill_request(f);
    f->request.commitment.len = 0;
    f->request.contains_bsn = 0;
    f->request.n_claims = 0;
    f->text[0] = '\0';
}

static void fill_largest_request(struct fixture *f)
{
    fill_request(f);
    f->request.n_claims = FACT_MAX_CLAIMS;
    f->known[5].amount_cents = FACT_MAX_CENTS;
    f->known[6].amount_cents = 0;
    for (size_t i = 0; i < FACT_MAX_BRAND; i++)
        (void)strcpy(f->text + 2 * i, "\xc3\xab"); /* counted in characters, not bytes */
}

#define REQUEST_RULES(X)                                                                           \
    X(request_without_id, REQUIRED, "request.request_id", f->request.request_id.len = 0)           \
    X(request_without_version, REQUIRED, "request.version", f->request.version = 0)                \
    X(request_with_half_a_commitment, HASH_FORMAT, "request.commitment",                           \
      f->request.commitment.len = 16)                                                              \
    X(request_with_bsn_but_nothing_sealed, FIELD_UNEXPECTED, "request.contains_bsn",               \
      f->request.commitment.len = 0)                                                               \
    X(request_without_debtor, ENUM_VALUE, "request.debtor", f->request.debtor = 0)                 \
    X(request_without_product, ENUM_VALUE, "request.product", f->request.product = 0)              \
    X(request_without_guidance, ENUM_VALUE, "request.guidance", f->request.guidance = 0)           \
    X(request_without_date, REQUIRED, "request.reference_date", f->request.reference_date = 0)     \
    X(request_on_no_leap_day, DATE_INVALID, "request.reference_date",                              \
      f->request.reference_date = 20250229)                                                        \
    X(request_with_blank_brand, REQUIRED, "request.brand", (void)strcpy(f->text, "   "))           \
    X(request_with_long_brand, TEXT_TOO_LONG, "request.brand", memset(f->text, 'x', 81))           \
    X(request_with_brand_on_two_lines, TEXT_CONTROL, "request.brand", f->text[3] = '\n')           \
    X(request_with_too_many_claims, DECODE_ITEMS, "request.claims",                                \
      f->request.n_claims = FACT_MAX_CLAIMS + 1)                                                   \
    X(known_claim_without_id, REQUIRED, "request.claims[1].claim_id",                              \
      f->known[1].claim_id.len = 0)                                                                \
    X(known_claim_without_kind, ENUM_VALUE, "request.claims[1].kind", f->known[1].kind = 0)        \
    X(known_claim_below_nothing, AMOUNT_RANGE, "request.claims[1].amount_cents",                   \
      f->known[1].amount_cents = -1)                                                               \
    X(known_claim_above_the_limit, AMOUNT_RANGE, "request.claims[0].amount_cents",                 \
      f->known[0].amount_cents = FACT_MAX_CENTS + 1)                                               \
    X(known_claim_without_debtor, ENUM_VALUE, "request.claims[0].debtor", f->known[0].debtor = 0)  \
    X(known_claim_twice, DUPLICATE_CLAIM, "request.claims[1].claim_id",                            \
      f->known[1].claim_id = f->known[0].claim_id)
REQUEST_RULES(SPOIL_FUNCTION)

static void a_request_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {REQUEST_RULES(SPOIL_ROW)};
    assert_good(fill_request);
    assert_good(fill_bare_request);
    assert_good(fill_largest_request);
    assert_spoiled(fill_request, cases, sizeof cases / sizeof cases[0]);
}

/* ---------------------------------------------------------------- off network, withdrawal */

static void fill_off_network(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_OFF_NETWORK;
    f->line.off_network = &f->off_network;
    skp__v1__off_network_fact__init(&f->off_network);
    f->off_network.request_id = f->ids[0];
    f->off_network.version = 1;
    f->off_network.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_PRIVATE;
}

static void fill_withdrawal(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_WITHDRAWAL;
    f->line.withdrawal = &f->withdrawal;
    skp__v1__withdrawal_fact__init(&f->withdrawal);
    f->withdrawal.request_id = f->ids[0];
    f->withdrawal.version = 1;
    f->withdrawal.case_id = f->ids[1];
}

#define OFF_NETWORK_RULES(X)                                                                       \
    X(off_network_without_id, REQUIRED, "off_network.request_id",                                  \
      f->off_network.request_id.len = 0)                                                           \
    X(off_network_without_version, REQUIRED, "off_network.version", f->off_network.version = 0)    \
    X(off_network_without_kind, ENUM_VALUE, "off_network.kind", f->off_network.kind = 0)
OFF_NETWORK_RULES(SPOIL_FUNCTION)

#define WITHDRAWAL_RULES(X)                                                                        \
    X(withdrawal_without_id, REQUIRED, "withdrawal.request_id", f->withdrawal.request_id.len = 0)  \
    X(withdrawal_without_version, REQUIRED, "withdrawal.version", f->withdrawal.version = 0)       \
    X(withdrawal_without_case, REQUIRED, "withdrawal.case_id", f->withdrawal.case_id.len = 0)
WITHDRAWAL_RULES(SPOIL_FUNCTION)

static void an_off_network_request_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {OFF_NETWORK_RULES(SPOIL_ROW)};
    assert_good(fill_off_network);
    assert_spoiled(fill_off_network, cases, sizeof cases / sizeof cases[0]);
}

static void a_withdrawal_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {WITHDRAWAL_RULES(SPOIL_ROW)};
    assert_good(fill_withdrawal);
    assert_spoiled(fill_withdrawal, cases, sizeof cases / sizeof cases[0]);
}

/* ---------------------------------------------------------------- lines */

static void a_line_states_exactly_one_fact(void **state)
{
    (void)state;
    struct fixture f;
    char path[WIRE_PATH_MAX];
    fixture_init(&f);
    assert_err(fixture_read(&f, path), SKP_E_BODY_MISSING);
}

static void a_line_has_a_largest_size(void **state)
{
    (void)state;
    static const uint8_t large[FACT_MAX_LINE + 1];
    struct arena arena;
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    arena_init(&arena, 1000);
    assert_err(fact_read(span_of(large, sizeof large), &arena, path, &line), SKP_E_BATCH_TOO_LARGE);
    assert_err(fact_read(span_of(large, FACT_MAX_LINE), &arena, path, &line), SKP_E_DECODE);
    arena_fini(&arena);
}

static void a_line_is_about_its_item(void **state)
{
    (void)state;
    static void (*const fills[])(struct fixture *) = {fill_case, fill_request, fill_off_network,
                                                      fill_withdrawal};
    static struct fixture f;
    struct skp_id id;
    for (size_t i = 0; i < sizeof fills / sizeof fills[0]; i++) {
        fixture_init(&f);
        assert_err(fact_item_id(&f.line, &id), SKP_E_BODY_MISSING);
        fills[i](&f);
        assert_ok(fact_item_id(&f.line, &id));
        assert_memory_equal(id.bytes, f.id_bytes[0], ID_BYTES);
        memset(f.id_bytes[0], 0, ID_BYTES);
        assert_err(fact_item_id(&f.line, &id), SKP_E_ID_FORMAT);
    }
}

static void only_sealing_facts_have_a_commitment(void **state)
{
    (void)state;
    static struct fixture f;
    struct skp_hash commitment;
    fixture_init(&f);
    assert_false(fact_commitment(&f.line, &commitment));
    fill_case(&f);
    assert_false(fact_commitment(&f.line, &commitment));
    fill_bare_request(&f);
    assert_false(fact_commitment(&f.line, &commitment));
    fill_request(&f);
    assert_true(fact_commitment(&f.line, &commitment));
    assert_memory_equal(commitment.bytes, f.hash, HASH_BYTES);
}

/* ---------------------------------------------------------------- single values */

static void a_date_is_a_day_of_the_calendar(void **state)
{
    (void)state;
    static const int32_t good[] = {19000101, 20240229, 20000229, 20261231, 21991231};
    static const int32_t wrong[] = {0,        -20260101, 20260230, 20250229, 19000229, 20261301,
                                    20260001, 20260100,  20260431, 1,        INT32_MIN};
    static const int32_t far[] = {18991231, 22000101, INT32_MAX / 10000 * 10000 + 101};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_ok(fact_check_date(good[i]));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_err(fact_check_date(wrong[i]), SKP_E_DATE_INVALID);
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
        assert_err(fact_check_date(far[i]), SKP_E_DATE_RANGE);
}

static void an_amount_is_from_nothing_to_a_billion_euros(void **state)
{
    (void)state;
    assert_ok(fact_check_cents(0));
    assert_ok(fact_check_cents(99999999999));
    assert_err(fact_check_cents(100000000000), SKP_E_AMOUNT_RANGE);
    assert_err(fact_check_cents(-1), SKP_E_AMOUNT_RANGE);
    assert_err(fact_check_cents(INT64_MAX), SKP_E_AMOUNT_RANGE);
    assert_err(fact_check_cents(INT64_MIN), SKP_E_AMOUNT_RANGE);
}

static void text_is_counted_in_characters(void **state)
{
    (void)state;
    assert_ok(fact_check_text("", 0));
    assert_ok(fact_check_text("\xe2\x82\xac\xf0\x9f\x8f\xa0z", 3));
    assert_err(fact_check_text("\xe2\x82\xac\xf0\x9f\x8f\xa0z", 2), SKP_E_TEXT_TOO_LONG);
    assert_err(fact_check_text("\xff", 5), SKP_E_TEXT_ENCODING);
    assert_err(fact_check_text("\t", 5), SKP_E_TEXT_CONTROL);
    assert_ok(fact_check_oin("00000099000000001000"));
    assert_err(fact_check_oin(""), SKP_E_OIN_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_follows_its_rules),
        cmocka_unit_test(a_case_may_have_256_requests),
        cmocka_unit_test(a_request_follows_its_rules),
        cmocka_unit_test(an_off_network_request_follows_its_rules),
        cmocka_unit_test(a_withdrawal_follows_its_rules),
        cmocka_unit_test(a_line_states_exactly_one_fact),
        cmocka_unit_test(a_line_has_a_largest_size),
        cmocka_unit_test(a_line_is_about_its_item),
        cmocka_unit_test(only_sealing_facts_have_a_commitment),
        cmocka_unit_test(a_date_is_a_day_of_the_calendar),
        cmocka_unit_test(an_amount_is_from_nothing_to_a_billion_euros),
        cmocka_unit_test(text_is_counted_in_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
