#include "answers_build.h"
#include "skp_scene.h"

/* One request of one or two claims, as asked and as filled in. */
struct answering {
    struct arena arena;
    Skp__V1__RequestFact asked;
    Skp__V1__KnownClaim claims[2];
    Skp__V1__KnownClaim *claim_list[2];
    struct skp_id ids[2];
    struct question question;
    struct list_request given;
    struct list_answer_row rows[2];
    struct list_claim given_claims[2];
    Skp__V1__DirectoryEntry counsellor;
    Skp__V1__AgreementSummary agreement;
    Skp__V1__AgreementSummary *agreement_list[1];
    struct skp_id agreement_id;
    struct settings settings;
    struct built_answer built;
    struct csv_problem problem;
};

static void add_claim(struct answering *a, size_t i, int64_t cents)
{
    a->ids[i] = id_new();
    skp__v1__known_claim__init(&a->claims[i]);
    a->claims[i].claim_id = wire_bytes(span_of(a->ids[i].bytes, ID_BYTES));
    a->claims[i].kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT;
    a->claims[i].amount_cents = cents;
    a->claims[i].debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    a->claim_list[i] = &a->claims[i];
    a->given_claims[i] =
        (struct list_claim){.line = 2 + i,
                            .claim_id = a->ids[i],
                            .state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED,
                            .kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT,
                            .debtor = SKP__V1__DEBTOR__DEBTOR_FIRST,
                            .preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT,
                            .amount_cents = cents,
                            .invoice_number = ""};
    a->rows[i] = (struct list_answer_row){
        .row = {.line = 2 + i, .claim_id = a->ids[i], .answer = {.amount_cents = cents}}};
    if (i > 0) {
        a->given_claims[i - 1].next = &a->given_claims[i];
        a->rows[i - 1].next = &a->rows[i];
    }
}

static struct answering *answering_new(void)
{
    struct answering *a = calloc(1, sizeof *a);
    arena_init(&a->arena, 1 << 20);
    skp__v1__request_fact__init(&a->asked);
    add_claim(a, 0, 1000);
    add_claim(a, 1, 2000);
    a->asked.n_claims = 2;
    a->asked.claims = a->claim_list;
    a->asked.product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    a->asked.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    a->question = (struct question){.request_id = id_new(),
                                    .bundle_id = id_new(),
                                    .counsellor = scene_oin(SCENE_COUNSELLOR),
                                    .line = 3,
                                    .fact = &a->asked};
    a->given = (struct list_request){.line = 2,
                                     .request_id = a->question.request_id,
                                     .row_count = 2,
                                     .answered_count = 2,
                                     .outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS,
                                     .complete = true,
                                     .total_cents = 3000,
                                     .claim_count = 2,
                                     .claims = a->given_claims,
                                     .consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER,
                                     .client_number_creditor = "",
                                     .transferred_to = "",
                                     .note = "",
                                     .contact = {"", "", ""},
                                     .rows = a->rows};
    skp__v1__directory_entry__init(&a->counsellor);
    skp__v1__agreement_summary__init(&a->agreement);
    a->agreement_id = id_new();
    a->agreement.agreement_id = wire_bytes(span_of(a->agreement_id.bytes, ID_BYTES));
    a->agreement.version = 4;
    a->agreement.valid_from_date = 20260101;
    a->agreement.consent_form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    a->agreement_list[0] = &a->agreement;
    a->counsellor.n_agreements = 1;
    a->counsellor.agreements = a->agreement_list;
    return a;
}

static void answering_free(struct answering *a)
{
    arena_fini(&a->arena);
    free(a);
}

static enum skp_err build(struct answering *a)
{
    return answers_build(&a->question, &a->given, &a->counsellor, 0, 20261103, &a->settings,
                         &a->arena, &a->built, &a->problem);
}

/* Builds, and reads the fact as the broker does. */
static const Skp__V1__AnswerFact *build_fact(struct answering *a)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    assert_ok(build(a));
    assert_non_null(a->built.line);
    struct span packed = wire_pack(&a->built.line->base, &a->arena);
    if (fact_read(packed, &a->arena, path, &line))
        fail_msg("%s", path);
    return line->answer;
}

/* The broker took it: from now on another answer is a correction. */
static void accept(struct answering *a)
{
    a->question.answered_version = a->built.line->answer->version;
    a->question.answered_fingerprint = a->built.fingerprint;
    a->question.answered = a->built.line->answer;
}

static void an_answer_names_what_it_answers(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->version, 1);
    assert_int_equal(fact->request_line, 3);
    assert_true(fact->complete);
    assert_int_equal(fact->total_cents, 3000);
    assert_int_equal(fact->n_claims, 2);
    assert_int_equal(fact->consent, SKP__V1__CONSENT__CONSENT_NEEDS_OFFER);
    assert_int_equal(fact->agreement_id.len, 0);
    answering_free(a);
}

static void agreed_names_the_agreement_that_covers_it(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->given.consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->consent, SKP__V1__CONSENT__CONSENT_PRE_AGREED);
    assert_memory_equal(fact->agreement_id.data, a->agreement_id.bytes, ID_BYTES);
    assert_int_equal(fact->agreement_version, 4);
    answering_free(a);
}

static void agreed_without_an_agreement_is_refused_and_never_weakened(void **state)
{
    struct answering *a = answering_new();
    Skp__V1__ClaimKind kinds[] = {SKP__V1__CLAIM_KIND__CLAIM_KIND_WATER};
    (void)state;
    a->given.consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    a->agreement.n_claim_kinds = 1;
    a->agreement.claim_kinds = kinds;
    assert_err(build(a), SKP_E_AGREEMENT_SCOPE);
    assert_int_equal(a->problem.line, 2);
    a->counsellor.n_agreements = 0;
    assert_err(build(a), SKP_E_AGREEMENT_UNKNOWN);
    answering_free(a);
}

static void a_covenant_reads_no_impediment_as_agreed(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->agreement.consent_form = SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT;
    assert_int_equal(build_fact(a)->consent, SKP__V1__CONSENT__CONSENT_PRE_AGREED);
    a->given.consent = SKP__V1__CONSENT__CONSENT_IMPEDIMENT;
    a->given.reason = SKP__V1__REASON__REASON_RECIDIVISM;
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->consent, SKP__V1__CONSENT__CONSENT_IMPEDIMENT);
    assert_int_equal(fact->agreement_id.len, 0);
    answering_free(a);
}

static void silence_under_an_ordinary_agreement_is_never_consent(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    assert_int_equal(build_fact(a)->consent, SKP__V1__CONSENT__CONSENT_NEEDS_OFFER);
    answering_free(a);
}

static void a_claim_that_is_left_out_stops_the_answer(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->rows[0].next = NULL; /* the row was deleted */
    assert_err(build(a), SKP_E_REQUIRED);
    assert_string_equal(a->problem.column, "Regelkenmerk");
    a->rows[0].next = &a->rows[1];
    a->rows[1].row.answer.amount_cents = CSV_NO_AMOUNT; /* the row was left empty */
    a->rows[1].row.answer.original_cents = CSV_NO_AMOUNT;
    assert_err(build(a), SKP_E_REQUIRED);
    assert_string_equal(a->problem.column, "OpenstaandBedrag");
    assert_int_equal(a->problem.line, 3);
    answering_free(a);
}

static void the_same_answer_again_is_not_sent(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    (void)build_fact(a);
    accept(a);
    /* the file was sorted the other way */
    a->given.claims = &a->given_claims[1];
    a->given_claims[1].next = &a->given_claims[0];
    a->given_claims[0].next = NULL;
    assert_ok(build(a));
    assert_true(a->built.unchanged);
    assert_null(a->built.line);
    answering_free(a);
}

static void another_answer_needs_a_reason_and_is_the_next_version(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    (void)build_fact(a);
    accept(a);
    a->given_claims[0].amount_cents = 900;
    a->given.total_cents = 2900;
    assert_err(build(a), SKP_E_CORRECTION_REASON);
    a->given.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED;
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->version, 2);
    assert_int_equal(fact->correction,
                     SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED);
    answering_free(a);
}

static void a_reason_for_a_first_answer_is_refused(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->given.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_OTHER;
    assert_err(build(a), SKP_E_FIELD_UNEXPECTED);
    answering_free(a);
}

static void a_found_claim_gets_an_id_and_keeps_it(void **state)
{
    struct answering *a = answering_new();
    Skp__V1__AnswerPart part;
    skp__v1__answer_part__init(&part);
    char *invoices[] = {(char *)(uintptr_t) "", (char *)(uintptr_t) "N-1"};
    (void)state;
    a->asked.n_claims = 1; /* the client knew of the first only */
    a->given_claims[1].claim_id = (struct skp_id){{0}};
    a->given_claims[1].invoice_number = "N-1";
    a->rows[1].row.claim_id = (struct skp_id){{0}};
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->claims[1]->claim_id.len, ID_BYTES);
    uint8_t before[ID_BYTES];
    memcpy(before, fact->claims[1]->claim_id.data, ID_BYTES);
    accept(a);
    part.n_invoice_numbers = 2;
    part.invoice_numbers = invoices;
    a->question.answered_part = &part;
    assert_ok(build(a));
    assert_true(a->built.unchanged);
    a->given_claims[1].amount_cents = 1;
    a->given.total_cents = 1001;
    a->given.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR;
    fact = build_fact(a);
    assert_memory_equal(fact->claims[1]->claim_id.data, before, ID_BYTES);
    answering_free(a);
}

static void a_claim_of_another_request_is_not_answered(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->given_claims[1].claim_id = id_new();
    assert_err(build(a), SKP_E_CLAIM_UNKNOWN);
    answering_free(a);
}

static void an_unknown_client_is_answered_in_one_row(void **state)
{
    struct answering *a = answering_new();
    (void)state;
    a->given.outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT;
    a->given.consent = 0;
    a->given.claims = NULL;
    a->given.total_cents = 0;
    a->rows[0].next = NULL;
    const Skp__V1__AnswerFact *fact = build_fact(a);
    assert_int_equal(fact->n_claims, 0);
    assert_int_equal(a->built.part.len, 0);
    answering_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_names_what_it_answers),
        cmocka_unit_test(agreed_names_the_agreement_that_covers_it),
        cmocka_unit_test(agreed_without_an_agreement_is_refused_and_never_weakened),
        cmocka_unit_test(a_covenant_reads_no_impediment_as_agreed),
        cmocka_unit_test(silence_under_an_ordinary_agreement_is_never_consent),
        cmocka_unit_test(a_claim_that_is_left_out_stops_the_answer),
        cmocka_unit_test(the_same_answer_again_is_not_sent),
        cmocka_unit_test(another_answer_needs_a_reason_and_is_the_next_version),
        cmocka_unit_test(a_reason_for_a_first_answer_is_refused),
        cmocka_unit_test(a_found_claim_gets_an_id_and_keeps_it),
        cmocka_unit_test(a_claim_of_another_request_is_not_answered),
        cmocka_unit_test(an_unknown_client_is_answered_in_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
