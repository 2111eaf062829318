#include "fact_fixture.h"

#define OUTCOME(name)    SKP__V1__OUTCOME__OUTCOME_##name
#define CONSENT(name)    SKP__V1__CONSENT__CONSENT_##name
#define REASON(name)     SKP__V1__REASON__REASON_##name
#define SOLD             SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD
#define CORRECTION(name) SKP__V1__CORRECTION_REASON__CORRECTION_REASON_##name

static void fill_claims(struct fixture *f, size_t count, int64_t cents)
{
    for (size_t i = 0; i < count; i++) {
        skp__v1__claim__init(&f->claims[i]);
        f->claims[i].claim_id = f->ids[i + 2];
        f->claims[i].state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
        f->claims[i].kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_HEALTH;
        f->claims[i].amount_cents = cents;
        f->claims[i].preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
        f->claims[i].debtor = SKP__V1__DEBTOR__DEBTOR_BOTH;
        f->claim_list[i] = &f->claims[i];
    }
    f->answer.claims = f->claim_list;
    f->answer.n_claims = count;
    f->answer.total_cents = (int64_t)count * cents;
}

/* Two claims of 100 euros, and an offer is wanted. */
static void fill_answer(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    f->line.answer = &f->answer;
    skp__v1__answer_fact__init(&f->answer);
    f->answer.request_id = f->ids[0];
    f->answer.version = 1;
    f->answer.request_bundle_id = f->ids[1];
    f->answer.request_leaf = fixture_hash(f);
    f->answer.outcome = OUTCOME(CLAIMS);
    f->answer.complete = 1;
    fill_claims(f, 2, 10000);
    f->answer.consent = CONSENT(NEEDS_OFFER);
    f->answer.commitment = fixture_hash(f);
    f->answer.balance_date = 20261203;
}

static void fill_pre_agreed(struct fixture *f)
{
    fill_answer(f);
    f->answer.consent = CONSENT(PRE_AGREED);
    f->answer.agreement_id = f->ids[9];
    f->answer.agreement_version = 3;
}

static void fill_covenant(struct fixture *f)
{
    fill_pre_agreed(f);
    f->answer.consent = CONSENT(UNSPECIFIED);
}

static void fill_impediment(struct fixture *f)
{
    fill_answer(f);
    f->answer.consent = CONSENT(IMPEDIMENT);
    f->answer.reason = REASON(SECURED_CLAIM);
}

static void fill_one_total(struct fixture *f)
{
    fill_answer(f);
    fill_claims(f, 2, 0);
    f->answer.one_total = 1;
    f->answer.total_cents = 12345;
}

static void fill_one_total_without_claims(struct fixture *f)
{
    fill_one_total(f);
    f->answer.n_claims = 0;
}

static void fill_sold(struct fixture *f)
{
    fill_answer(f);
    fill_claims(f, 1, 0);
    f->claims[0].state = SOLD;
    f->claims[0].preference = 0;
}

static void fill_unknown_client(struct fixture *f)
{
    fill_answer(f);
    f->answer.outcome = OUTCOME(UNKNOWN_CLIENT);
    f->answer.consent = 0;
    f->answer.n_claims = 0;
    f->answer.total_cents = 0;
}

static void fill_no_cooperation(struct fixture *f)
{
    fill_unknown_client(f);
    f->answer.outcome = OUTCOME(NO_COOPERATION);
    f->answer.reason = REASON(RECIDIVISM);
}

static void fill_correction(struct fixture *f)
{
    fill_answer(f);
    f->answer.version = 2;
    f->answer.correction = CORRECTION(COSTS_REMOVED);
}

static void fill_largest(struct fixture *f)
{
    fill_answer(f);
    fill_claims(f, FACT_MAX_CLAIMS, FACT_MAX_CENTS / FACT_MAX_CLAIMS);
}

static void an_answer_can_say_what_creditors_say(void **state)
{
    (void)state;
    assert_good(fill_answer);
    assert_good(fill_pre_agreed);
    assert_good(fill_covenant);
    assert_good(fill_impediment);
    assert_good(fill_one_total);
    assert_good(fill_one_total_without_claims);
    assert_good(fill_sold);
    assert_good(fill_unknown_client);
    assert_good(fill_no_cooperation);
    assert_good(fill_correction);
    assert_good(fill_largest);
}

#define ANSWER_RULES(X)                                                                            \
    X(no_request, REQUIRED, "answer.request_id", f->answer.request_id.len = 0)                     \
    X(no_version, REQUIRED, "answer.version", f->answer.version = 0)                               \
    X(no_bundle, REQUIRED, "answer.request_bundle_id", f->answer.request_bundle_id.len = 0)        \
    X(short_bundle, ID_FORMAT, "answer.request_bundle_id", f->answer.request_bundle_id.len = 4)    \
    X(no_leaf, REQUIRED, "answer.request_leaf", f->answer.request_leaf.len = 0)                    \
    X(short_leaf, HASH_FORMAT, "answer.request_leaf", f->answer.request_leaf.len = 31)             \
    X(no_outcome, ENUM_VALUE, "answer.outcome", f->answer.outcome = 0)                             \
    X(short_commitment, HASH_FORMAT, "answer.commitment", f->answer.commitment.len = 20)           \
    X(no_such_day, DATE_INVALID, "answer.balance_date", f->answer.balance_date = 20261131)         \
    X(correction_without_reason, CORRECTION_REASON, "answer.correction", f->answer.version = 2)    \
    X(first_answer_as_correction, FIELD_UNEXPECTED, "answer.correction",                           \
      f->answer.correction = CORRECTION(OTHER))
ANSWER_RULES(SPOIL_FUNCTION)

static void an_answer_says_what_it_answers(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {ANSWER_RULES(SPOIL_ROW)};
    assert_spoiled(fill_answer, cases, sizeof cases / sizeof cases[0]);
}

#define CLAIM_RULES(X)                                                                             \
    X(claims_missing, CLAIM_UNKNOWN, "answer.claims", f->answer.n_claims = 0)                      \
    X(too_many_claims, DECODE_ITEMS, "answer.claims", fill_claims(f, FACT_MAX_CLAIMS + 1, 1))      \
    X(claim_without_id, REQUIRED, "answer.claims[1].claim_id", f->claims[1].claim_id.len = 0)      \
    X(claim_without_state, ENUM_VALUE, "answer.claims[1].state", f->claims[1].state = 0)           \
    X(claim_without_kind, ENUM_VALUE, "answer.claims[0].kind", f->claims[0].kind = 0)              \
    X(claim_without_rank, ENUM_VALUE, "answer.claims[0].preference", f->claims[0].preference = 0)  \
    X(claim_without_debtor, ENUM_VALUE, "answer.claims[0].debtor", f->claims[0].debtor = 0)        \
    X(claim_twice, DUPLICATE_CLAIM, "answer.claims[1].claim_id",                                   \
      f->claims[1].claim_id = f->claims[0].claim_id)                                               \
    X(claim_of_nothing, AMOUNT_ZERO, "answer.claims[1].amount_cents",                              \
      f->claims[1].amount_cents = 0)                                                               \
    X(negative_claim, AMOUNT_RANGE, "answer.claims[1].amount_cents",                               \
      f->claims[1].amount_cents = -10000)                                                          \
    X(claim_of_all_the_money, AMOUNT_RANGE, "answer.claims[0].amount_cents",                       \
      f->claims[0].amount_cents = INT64_MAX)                                                       \
    X(negative_original, AMOUNT_RANGE, "answer.claims[0].original_cents",                          \
      f->claims[0].original_cents = -1)                                                            \
    X(total_too_low, AMOUNT_SUM, "answer.total_cents", f->answer.total_cents--)                    \
    X(total_missing, AMOUNT_SUM, "answer.total_cents", f->answer.total_cents = 0)                  \
    X(negative_total, AMOUNT_RANGE, "answer.total_cents", f->answer.total_cents = -1)              \
    X(sum_above_the_limit, AMOUNT_RANGE, "answer.total_cents",                                     \
      fill_claims(f, 2, FACT_MAX_CENTS / 2 + 1), f->answer.total_cents = FACT_MAX_CENTS)
CLAIM_RULES(SPOIL_FUNCTION)

static void claims_add_up(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {CLAIM_RULES(SPOIL_ROW)};
    assert_spoiled(fill_answer, cases, sizeof cases / sizeof cases[0]);
}

#define TOTAL_RULES(X)                                                                             \
    X(total_of_nothing, AMOUNT_ZERO, "answer.total_cents", f->answer.total_cents = 0)              \
    X(amount_beside_the_total, FIELD_UNEXPECTED, "answer.claims[1].amount_cents",                  \
      f->claims[1].amount_cents = 1)
TOTAL_RULES(SPOIL_FUNCTION)

static void one_total_says_it_all(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {TOTAL_RULES(SPOIL_ROW)};
    assert_spoiled(fill_one_total, cases, sizeof cases / sizeof cases[0]);
}

#define OTHER_OUTCOME_RULES(X)                                                                     \
    X(unknown_client_with_claims, CLAIM_UNKNOWN, "answer.claims", fill_claims(f, 1, 100),          \
      f->answer.total_cents = 0)                                                                   \
    X(zero_balance_with_total, CLAIM_UNKNOWN, "answer.total_cents",                                \
      f->answer.outcome = OUTCOME(ZERO_BALANCE), f->answer.total_cents = 1)                        \
    X(unknown_debt_with_one_total, CLAIM_UNKNOWN, "answer.one_total",                              \
      f->answer.outcome = OUTCOME(UNKNOWN_DEBT), f->answer.one_total = 1)                          \
    X(unknown_client_who_agrees, CONSENT_INVALID, "answer.consent",                                \
      f->answer.consent = CONSENT(PRE_AGREED))                                                     \
    X(deceased_who_wants_an_offer, CONSENT_INVALID, "answer.consent",                              \
      f->answer.outcome = OUTCOME(REPORTED_DECEASED), f->answer.consent = CONSENT(NEEDS_OFFER))    \
    X(no_cooperation_without_reason, REASON_MISSING, "answer.reason",                              \
      f->answer.outcome = OUTCOME(NO_COOPERATION))                                                 \
    X(unknown_client_with_reason, FIELD_UNEXPECTED, "answer.reason",                               \
      f->answer.reason = REASON(OTHER))
OTHER_OUTCOME_RULES(SPOIL_FUNCTION)

static void fill_unreadable(struct fixture *f)
{
    fill_unknown_client(f);
    f->answer.outcome = OUTCOME(UNREADABLE);
    f->answer.commitment.len = 0;
    f->answer.balance_date = 0;
}

#define UNREADABLE_RULES(X)                                                                        \
    X(unreadable_with_claims, CLAIM_UNKNOWN, "answer.claims", fill_claims(f, 1, 100),              \
      f->answer.total_cents = 0)                                                                   \
    X(unreadable_with_total, CLAIM_UNKNOWN, "answer.total_cents", f->answer.total_cents = 1)       \
    X(unreadable_that_agrees, CONSENT_INVALID, "answer.consent",                                   \
      f->answer.consent = CONSENT(NEEDS_OFFER))                                                    \
    X(unreadable_with_reason, FIELD_UNEXPECTED, "answer.reason", f->answer.reason = REASON(OTHER)) \
    X(unreadable_with_agreement, FIELD_UNEXPECTED, "answer.agreement_id",                          \
      f->answer.agreement_id = f->ids[5], f->answer.agreement_version = 1)                         \
    X(unreadable_with_a_part, FIELD_UNEXPECTED, "answer.commitment",                               \
      f->answer.commitment = fixture_hash(f))                                                      \
    X(unreadable_with_balance_date, FIELD_UNEXPECTED, "answer.balance_date",                       \
      f->answer.balance_date = 20261203)                                                           \
    X(unreadable_as_correction, FIELD_UNEXPECTED, "answer.version", f->answer.version = 2,         \
      f->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_OTHER)
UNREADABLE_RULES(SPOIL_FUNCTION)

static void unreadable_says_nothing_of_the_debt(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {UNREADABLE_RULES(SPOIL_ROW)};
    assert_good(fill_unreadable);
    assert_spoiled(fill_unreadable, cases, sizeof cases / sizeof cases[0]);
}

static void other_outcomes_bring_no_claims_and_no_consent(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {OTHER_OUTCOME_RULES(SPOIL_ROW)};
    assert_spoiled(fill_unknown_client, cases, sizeof cases / sizeof cases[0]);
}

#define CONSENT_RULES(X)                                                                           \
    X(agreed_without_agreement, CONSENT_INVALID, "answer.agreement_id",                            \
      f->answer.agreement_id.len = 0, f->answer.agreement_version = 0)                             \
    X(agreed_without_its_version, CONSENT_INVALID, "answer.agreement_version",                     \
      f->answer.agreement_version = 0)                                                             \
    X(agreed_on_half_an_id, ID_FORMAT, "answer.agreement_id", f->answer.agreement_id.len = 8)      \
    X(agreed_with_a_reason_against, CONSENT_INVALID, "answer.reason",                              \
      f->answer.reason = REASON(NEW_DEBT))                                                         \
    X(impediment_without_reason, REASON_MISSING, "answer.reason",                                  \
      f->answer.consent = CONSENT(IMPEDIMENT))                                                     \
    X(version_of_no_agreement, REQUIRED, "answer.agreement_id",                                    \
      f->answer.consent = CONSENT(NEEDS_OFFER), f->answer.agreement_id.len = 0)                    \
    X(agreement_of_no_version, REQUIRED, "answer.agreement_version",                               \
      f->answer.consent = CONSENT(NEEDS_OFFER), f->answer.agreement_version = 0)
CONSENT_RULES(SPOIL_FUNCTION)

static void consent_has_a_ground_and_an_impediment_a_reason(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {CONSENT_RULES(SPOIL_ROW)};
    assert_spoiled(fill_pre_agreed, cases, sizeof cases / sizeof cases[0]);
}

static void an_answer_is_about_its_request(void **state)
{
    (void)state;
    static struct fixture f;
    struct skp_id id;
    struct skp_hash commitment;
    fixture_init(&f);
    fill_answer(&f);
    assert_ok(fact_item_id(&f.line, &id));
    assert_memory_equal(id.bytes, f.id_bytes[0], ID_BYTES);
    assert_true(fact_commitment(&f.line, &commitment));
    f.answer.commitment.len = 0;
    assert_false(fact_commitment(&f.line, &commitment));
}

/* ---------------------------------------------------------------- answers on paper */

static void fill_recorded(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_RECORDED;
    f->line.recorded = &f->recorded;
    skp__v1__recorded_answer_fact__init(&f->recorded);
    f->recorded.request_id = f->ids[0];
    f->recorded.version = 1;
    f->recorded.case_id = f->ids[1];
    f->recorded.outcome = OUTCOME(CLAIMS);
    f->recorded.total_cents = 5000;
    f->recorded.consent = CONSENT(NEEDS_OFFER);
    f->recorded.received_date = 20261203;
}

static void fill_recorded_unknown(struct fixture *f)
{
    fill_recorded(f);
    f->recorded.outcome = OUTCOME(UNKNOWN_CLIENT);
    f->recorded.total_cents = 0;
    f->recorded.consent = 0;
}

#define RECORDED_RULES(X)                                                                          \
    X(paper_without_request, REQUIRED, "recorded.request_id", f->recorded.request_id.len = 0)      \
    X(paper_without_version, REQUIRED, "recorded.version", f->recorded.version = 0)                \
    X(paper_without_case, REQUIRED, "recorded.case_id", f->recorded.case_id.len = 0)               \
    X(paper_without_outcome, ENUM_VALUE, "recorded.outcome", f->recorded.outcome = 0)              \
    X(paper_unreadable, FIELD_UNEXPECTED, "recorded.outcome",                                      \
      f->recorded.outcome = OUTCOME(UNREADABLE))                                                   \
    X(paper_claims_of_nothing, AMOUNT_ZERO, "recorded.total_cents", f->recorded.total_cents = 0)   \
    X(paper_negative, AMOUNT_RANGE, "recorded.total_cents", f->recorded.total_cents = -5)          \
    X(paper_unknown_with_total, CLAIM_UNKNOWN, "recorded.total_cents",                             \
      f->recorded.outcome = OUTCOME(UNKNOWN_DEBT))                                                 \
    X(paper_pre_agreed, CONSENT_INVALID, "recorded.consent",                                       \
      f->recorded.consent = CONSENT(PRE_AGREED))                                                   \
    X(paper_unknown_with_consent, CONSENT_INVALID, "recorded.consent",                             \
      f->recorded.outcome = OUTCOME(UNKNOWN_DEBT), f->recorded.total_cents = 0)                    \
    X(paper_never_received, REQUIRED, "recorded.received_date", f->recorded.received_date = 0)
RECORDED_RULES(SPOIL_FUNCTION)

static void a_recorded_answer_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {RECORDED_RULES(SPOIL_ROW)};
    assert_good(fill_recorded);
    assert_good(fill_recorded_unknown);
    assert_spoiled(fill_recorded, cases, sizeof cases / sizeof cases[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_can_say_what_creditors_say),
        cmocka_unit_test(an_answer_says_what_it_answers),
        cmocka_unit_test(claims_add_up),
        cmocka_unit_test(one_total_says_it_all),
        cmocka_unit_test(other_outcomes_bring_no_claims_and_no_consent),
        cmocka_unit_test(unreadable_says_nothing_of_the_debt),
        cmocka_unit_test(consent_has_a_ground_and_an_impediment_a_reason),
        cmocka_unit_test(an_answer_is_about_its_request),
        cmocka_unit_test(a_recorded_answer_follows_its_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
