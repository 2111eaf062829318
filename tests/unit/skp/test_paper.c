/* What is not on the wire: answers on paper, agreement files, and the counting. */
#include "agreements.h"
#include "recording.h"
#include "report.h"
#include "skp_scene.h"
#include "told.h"

static enum skp_err record(struct scene *scene, const struct record_row *row,
                           const Skp__V1__RecordedAnswerFact **ret_fact)
{
    char path[WIRE_PATH_MAX];
    const char *column = NULL;
    Skp__V1__Line *line = NULL, *read = NULL;
    struct skp_id request_id = id_new(), case_id = id_new();
    enum skp_err err =
        recording_build(row, &request_id, &case_id, 1, &scene->arena, &line, &column);
    if (err)
        return err;
    struct span packed = wire_pack(&line->base, &scene->arena);
    if (fact_read(packed, &scene->arena, path, &read))
        fail_msg("%s", path);
    *ret_fact = read->recorded;
    return SKP_OK;
}

static void an_answer_on_paper_becomes_a_fact(void **state)
{
    struct scene *scene = scene_new();
    const Skp__V1__RecordedAnswerFact *fact = NULL;
    struct record_row row = {.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS,
                             .total_cents = 12345,
                             .consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER,
                             .received_date = 20261110};
    (void)state;
    assert_ok(record(scene, &row, &fact));
    assert_int_equal(fact->total_cents, 12345);
    row.outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT;
    assert_err(record(scene, &row, &fact), SKP_E_CLAIM_UNKNOWN);
    row.total_cents = CSV_NO_AMOUNT;
    row.consent = 0;
    assert_ok(record(scene, &row, &fact));
    row.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    assert_err(record(scene, &row, &fact), SKP_E_REQUIRED);
    scene_free(scene);
}

static void a_letter_is_no_ground_for_agreed_beforehand(void **state)
{
    struct scene *scene = scene_new();
    const Skp__V1__RecordedAnswerFact *fact = NULL;
    struct record_row row = {.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS,
                             .total_cents = 1,
                             .consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED,
                             .received_date = 20261110};
    (void)state;
    assert_err(record(scene, &row, &fact), SKP_E_CONSENT_INVALID);
    scene_free(scene);
}

/* ---------------------------------------------------------------- agreements */

static const char description[] = "creditor = " SCENE_CREDITOR "\n"
                                  "counsellors = " SCENE_COUNSELLOR ", " SCENE_SECOND "\n"
                                  "valid_from = 01-01-2026\n"
                                  "consent_form = tenzij belemmering\n"
                                  "term_working_days = 10\n"
                                  "schedule = di,do 07:00\n"
                                  "products = SK,SB\n"
                                  "claim_kinds = huur\n";

static void an_agreement_follows_its_description(void **state)
{
    struct scene *scene = scene_new();
    char why[CONFIG_WHY_BYTES];
    Skp__V1__Agreement *agreement = NULL;
    (void)state;
    if (agreements_describe(scene_file(scene, "a.conf", description), &scene->arena, &agreement,
                            why))
        fail_msg("%s", why);
    assert_int_equal(agreement->n_counsellors, 2);
    assert_int_equal(agreement->consent_form,
                     SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT);
    assert_int_equal(agreement->schedule->weekdays, 0x0a);
    assert_int_equal(agreement->schedule->minute_of_day, 420);
    assert_int_equal(agreement->n_products, 2);
    assert_int_equal(agreement->silence, SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING);
    scene_free(scene);
}

static void a_description_that_cannot_be_read_is_not_guessed(void **state)
{
    static const char *const bad[] = {"schedule = dinsdag 07:00\n", "schedule = di 7 uur\n",
                                      "products = XX\n", "valid_from = morgen\n"};
    struct scene *scene = scene_new();
    char why[CONFIG_WHY_BYTES], text[1024];
    Skp__V1__Agreement *agreement = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *from = strncmp(bad[i], "valid", 5) == 0 ? "" : "valid_from = 01-01-2026\n";
        (void)snprintf(text, sizeof text, "creditor = %s\ncounsellors = %s\n%s%s", SCENE_CREDITOR,
                       SCENE_COUNSELLOR, from, bad[i]);
        assert_err(
            agreements_describe(scene_file(scene, "a.conf", text), &scene->arena, &agreement, why),
            SKP_E_CONFIG);
    }
    scene_free(scene);
}

static void each_party_signs_the_same_bytes_once(void **state)
{
    struct scene *scene = scene_new();
    char why[CONFIG_WHY_BYTES];
    const char *reason = "";
    Skp__V1__Agreement *agreement = NULL;
    Skp__V1__SignedAgreement drafted = SKP__V1__SIGNED_AGREEMENT__INIT, *file = NULL;
    struct jws_signer signer;
    int64_t now_ms = clock_real_ms(clock_system());
    (void)state;
    assert_ok(agreements_describe(scene_file(scene, "a.conf", description), &scene->arena,
                                  &agreement, why));
    drafted.agreement = wire_bytes(wire_pack(&agreement->base, &scene->arena));
    const char *path = scene_file(scene, "a.skp", NULL);
    assert_ok(agreements_save(path, &drafted, &scene->arena, why));
    assert_ok(agreements_load(path, &scene->arena, &file, &agreement, why));
    assert_ok(agreements_sign(file, agreement, scene->creditor_sign, now_ms, &scene->arena));
    assert_ok(agreements_sign(file, agreement, scene->office_sign, now_ms, &scene->arena));
    assert_err(agreements_sign(file, agreement, scene->office_sign, now_ms, &scene->arena),
               SKP_E_DUPLICATE_ITEM);
    assert_int_equal(file->n_signatures, 2);
    assert_ok(jws_verify(scene->trust, NULL, span_text(file->signatures[1]),
                         wire_span(file->agreement), now_ms, &signer, &reason));
    assert_string_equal(signer.oin.text, SCENE_COUNSELLOR);
    scene_free(scene);
}

/* `refusal`: why it is refused; "": it is not. */
static void expect_draft(struct scene *scene, const char *name, const char *refusal)
{
    char line[512];
    struct told told;
    (void)snprintf(line, sizeof line, "agreement draft --from %s/a.conf --out %s/%s", scene->folder,
                   scene->folder, name);
    run(line, &told);
    assert_int_equal(told.code, refusal[0] != '\0' ? EXIT_USAGE : EXIT_ALL_OK);
    says(&told, refusal);
}

static void a_draft_takes_the_place_of_a_draft_and_of_nothing_else(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    char why[CONFIG_WHY_BYTES];
    Skp__V1__Agreement *agreement = NULL;
    Skp__V1__SignedAgreement *file = NULL;
    (void)scene_file(scene, "a.conf", description);
    (void)scene_file(scene, "a.skp", "");
    expect_draft(scene, "a.skp", "");
    expect_draft(scene, "a.skp", "");
    (void)scene_file(scene, "out.csv", "Dossier");
    expect_draft(scene, "out.csv", "out.csv: Onbekende opdracht of optie: hier staat al een ander");
    expect_draft(scene, "", "/: Onbekende opdracht of optie: hier staat iets dat geen gewoon");
    const char *path = scene_file(scene, "a.skp", NULL);
    assert_ok(agreements_load(path, &scene->arena, &file, &agreement, why));
    assert_ok(agreements_sign(file, agreement, scene->creditor_sign, SCENE_NOW_MS, &scene->arena));
    assert_ok(agreements_save(path, file, &scene->arena, why));
    expect_draft(scene, "a.skp", "a.skp: Onbekende opdracht of optie: hier staat een ondertekende");
    assert_ok(agreements_load(path, &scene->arena, &file, &agreement, why));
    assert_int_equal(file->n_signatures, 1);
    scene_free(scene);
}

static void a_stranger_cannot_sign(void **state)
{
    struct scene *scene = scene_new();
    char why[CONFIG_WHY_BYTES];
    Skp__V1__Agreement *agreement = NULL;
    Skp__V1__SignedAgreement file;
    skp__v1__signed_agreement__init(&file);
    (void)state;
    assert_ok(agreements_describe(scene_file(scene, "a.conf", description), &scene->arena,
                                  &agreement, why));
    file.agreement = wire_bytes(wire_pack(&agreement->base, &scene->arena));
    agreement->creditor = agreement->counsellors[1];
    assert_err(agreements_sign(&file, agreement, scene->creditor_sign, SCENE_NOW_MS, &scene->arena),
               SKP_E_SIGNER_INVALID);
    assert_int_equal(file.n_signatures, 0);
    scene_free(scene);
}

/* ---------------------------------------------------------------- counting */

static void letters_replaced_follow_their_definition(void **state)
{
    struct report report = {0};
    struct request_view digital = {.route = ROUTE_DIGITAL,
                                   .stage = STAGE_STORED,
                                   .state = SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED,
                                   .consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED,
                                   .collected = true};
    struct request_view letter = {.route = ROUTE_LETTER,
                                  .stage = STAGE_STORED,
                                  .state = SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED,
                                  .consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER};
    (void)state;
    report_count_request(&report, &digital);
    report_count_request(&report, &letter);
    digital.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE;
    digital.consent = 0;
    report_count_request(&report, &digital);
    assert_int_equal(report_letters_replaced(&report), 2 + 1 + 2); /* collected, answered, agreed */
    assert_int_equal(report.off_network, 1);
    assert_int_equal(report.overdue, 1);
}

static void a_case_with_a_missing_request_is_incomplete(void **state)
{
    struct case_tally tally = {0};
    struct request_view view = {.route = ROUTE_DIGITAL,
                                .stage = STAGE_STORED,
                                .state = SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED};
    (void)state;
    views_tally(&tally, &view);
    assert_int_equal(views_case_state(&tally), SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    view.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED;
    views_tally(&tally, &view);
    assert_int_equal(views_case_state(&tally), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    view.stage = STAGE_REFUSED;
    views_tally(&tally, &view);
    assert_int_equal(views_case_state(&tally), SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_on_paper_becomes_a_fact),
        cmocka_unit_test(a_letter_is_no_ground_for_agreed_beforehand),
        cmocka_unit_test(an_agreement_follows_its_description),
        cmocka_unit_test(a_description_that_cannot_be_read_is_not_guessed),
        cmocka_unit_test(each_party_signs_the_same_bytes_once),
        cmocka_unit_test(a_draft_takes_the_place_of_a_draft_and_of_nothing_else),
        cmocka_unit_test(a_stranger_cannot_sign),
        cmocka_unit_test(letters_replaced_follow_their_definition),
        cmocka_unit_test(a_case_with_a_missing_request_is_incomplete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
