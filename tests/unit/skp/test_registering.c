#include "skp_scene.h"

#define ZEEMEEUW_1 SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n"
#define ZEEMEEUW_2 SCENE_CASE("2026-1") "Zeemeeuw;;;F-002;7,50;eerste;telecom\r\n"
#define BAKKER     SCENE_CASE("2026-1") "Bakker Jansen;;;;30;eerste;overig\r\n"

static const char two_creditors[] = SCENE_HEADER ZEEMEEUW_1 ZEEMEEUW_2 BAKKER;
static const char sorted_otherwise[] = SCENE_HEADER BAKKER ZEEMEEUW_2 ZEEMEEUW_1;
static const char other_amount[] =
    SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;99,99;eerste;telecom\r\n" ZEEMEEUW_2 BAKKER;
static const char one_more[] =
    SCENE_HEADER SCENE_CASE("2026-1") "De Linde;;;;1;eerste;zorgpremie\r\n";

static struct scene *scene_with_creditor(void)
{
    struct scene *scene = scene_new();
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    return scene;
}

/* Reads every line of every bundle as the broker does. */
static void check_lines(struct scene *scene, const struct envelope_batch *batch)
{
    char path[WIRE_PATH_MAX];
    for (size_t i = 0; i < batch->bundle_count; i++) {
        ProtobufCMessage *message = NULL;
        struct skp_hash leaves[BUNDLE_MAX_LINES];
        struct envelope_head head;
        assert_ok(wire_unpack(&skp__v1__bundle__descriptor, batch->bundles[i], &scene->arena, path,
                              &message));
        const Skp__V1__Bundle *bundle = (const Skp__V1__Bundle *)message;
        assert_ok(envelope_read_head(batch->heads[i], &scene->arena, path, &head));
        assert_ok(envelope_check_bundle(bundle, &head, leaves));
        for (size_t n = 0; n < bundle->n_lines; n++) {
            Skp__V1__Line *line = NULL;
            if (fact_read(wire_span(bundle->lines[n]), &scene->arena, path, &line))
                fail_msg("%s", path);
        }
    }
}

static int64_t count(struct state_db *db, const char *sql)
{
    return state_number(db, -1, sql, "");
}

/* Handed in, and stored by the broker. */
static void store(struct scene *scene, const char *csv)
{
    scene_register(scene, csv, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
}

static void a_case_becomes_facts_that_the_broker_can_read(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    assert_int_equal(batch.bundle_count, 2);
    assert_int_equal(batch.line_count, 3); /* case, letter, request */
    check_lines(scene, &batch);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM claim"), 2);
    results_fini(&results);
    scene_free(scene);
}

static void a_check_sends_nothing_and_remembers_nothing(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    scene_register(scene, two_creditors, true, &results);
    assert_int_equal(results.by_status[RESULT_DIGITAL], 2);
    assert_int_equal(results.by_status[RESULT_LETTER], 1);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM case_file"), 0);
    results_fini(&results);
    scene_free(scene);
}

static void the_outbox_survives_a_crash_byte_for_byte(void **state)
{
    struct scene *scene = scene_with_creditor();
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch before = scene_outbox(scene, &scene->office);
    state_close(&scene->office);
    assert_ok(state_open(scene_file(scene, "office.db", NULL), &scene->office));
    struct envelope_batch after = scene_outbox(scene, &scene->office);
    assert_true(id_equal(&before.batch_id, &after.batch_id));
    assert_true(hash_equal(&before.root, &after.root));
    assert_true(span_equal(before.header, after.header));
    assert_string_equal(before.jws, after.jws);
    assert_int_equal(before.bundle_count, after.bundle_count);
    for (size_t i = 0; i < before.bundle_count; i++) {
        assert_true(span_equal(before.bundles[i], after.bundles[i]));
        assert_true(span_equal(before.heads[i], after.heads[i]));
    }
    scene_free(scene);
}

static void the_same_file_twice_says_nothing_new(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    store(scene, two_creditors);
    scene_register(scene, sorted_otherwise, false, &results);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request"), 2);
    assert_int_equal(results.by_status[RESULT_UNCHANGED], 2);
    assert_int_equal(results.by_status[RESULT_LETTER], 1);
    results_fini(&results);
    scene_free(scene);
}

/* Under two of its names: two requests, whichever row comes first. */
#define SECOND_NAME SCENE_CASE("2026-1") "Telecom Zeemeeuw;;;F-002;7,50;eerste;telecom\r\n"
#define BROKEN_NAME SCENE_CASE("2026-1") "Telecom Zeemeeuw;;;F-002;zeven;eerste;telecom\r\n"

static void a_creditor_under_two_names_is_recognised_by_name_in_any_order(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    store(scene, SCENE_HEADER ZEEMEEUW_1 SECOND_NAME);
    scene_register(scene, SCENE_HEADER SECOND_NAME ZEEMEEUW_1, false, &results);
    assert_int_equal(results.by_status[RESULT_UNCHANGED], 2);
    results_fini(&results);
    scene_free(scene);
}

static void a_new_name_above_the_old_one_does_not_take_its_request(void **state)
{
    static const char *const files[] = {SCENE_HEADER SECOND_NAME ZEEMEEUW_1,
                                        SCENE_HEADER BROKEN_NAME ZEEMEEUW_1};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct scene *scene = scene_with_creditor();
        struct results results = {0};
        store(scene, SCENE_HEADER ZEEMEEUW_1);
        scene_register(scene, files[i], false, &results);
        assert_int_equal(results.rows[1].line, 3);
        assert_int_equal(results.rows[1].status, RESULT_UNCHANGED);
        assert_int_equal(
            count(&scene->office, "SELECT count(*) FROM request WHERE name_key = 'zeemeeuw'"), 1);
        results_fini(&results);
        scene_free(scene);
    }
}

static void another_amount_for_what_was_asked_is_refused_here(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    store(scene, two_creditors);
    scene_register(scene, other_amount, false, &results);
    assert_int_equal(results.by_status[RESULT_REFUSED], 2);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    results_fini(&results);
    scene_free(scene);
}

static void a_shorter_file_drops_nothing_and_a_new_creditor_makes_the_next_version(void **state)
{
    struct scene *scene = scene_with_creditor();
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    Skp__V1__Line *line = NULL;
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    scene_register(scene, one_more, false, NULL);
    batch = scene_outbox(scene, &scene->office);
    assert_ok(
        wire_unpack(&skp__v1__bundle__descriptor, batch.bundles[0], &scene->arena, path, &message));
    const Skp__V1__Bundle *bundle = (const Skp__V1__Bundle *)message;
    assert_int_equal(bundle->n_lines, 2);
    assert_ok(fact_read(wire_span(bundle->lines[0]), &scene->arena, path, &line));
    assert_int_equal(line->fact_case, SKP__V1__LINE__FACT_CASE_FACT);
    assert_int_equal(line->case_fact->version, 2);
    assert_int_equal(line->case_fact->n_request_ids, 3);
    scene_free(scene);
}

/* The version that was never confirmed is said again, not skipped. */
static void a_lost_case_keeps_its_version(void **state)
{
    struct scene *scene = scene_with_creditor();
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    struct skp_report report = {.batch_id = batch.batch_id, .err = SKP_E_BATCH_TOO_OLD};
    assert_ok(outbox_settle(&scene->office, &report, SCENE_NOW_MS));
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    scene_register(scene, two_creditors, false, NULL);
    batch = scene_outbox(scene, &scene->office);
    assert_int_equal(batch.line_count, 3);
    assert_int_equal(count(&scene->office, "SELECT version FROM case_file"), 1);
    scene_free(scene);
}

static void an_open_outcome_leaves_the_batch_where_it_is(void **state)
{
    struct scene *scene = scene_with_creditor();
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    const enum skp_err open[] = {SKP_E_OUTCOME_UNKNOWN, SKP_E_NOT_CONNECTED, SKP_E_BUSY,
                                 SKP_E_DATA_LOSS, SKP_E_PROOF_INVALID};
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        struct skp_report report = {.batch_id = batch.batch_id, .err = open[i]};
        assert_ok(outbox_settle(&scene->office, &report, SCENE_NOW_MS));
        assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 1);
    }
    scene_free(scene);
}

static void a_refused_line_is_said_and_asked_again_under_its_own_id(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    scene_register(scene, two_creditors, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 1, 0, SKP_E_BSN_NOT_ALLOWED);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request WHERE stage = 3"), 1);
    assert_err(count(&scene->office, "SELECT max(err) FROM request"), SKP_E_BSN_NOT_ALLOWED);
    scene_register(scene, two_creditors, false, &results);
    assert_int_equal(scene_outbox(scene, &scene->office).line_count, 2); /* case, request */
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request"), 2);
    results_fini(&results);
    scene_free(scene);
}

static void an_ambiguous_creditor_is_declared_but_not_asked(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results = {0};
    (void)state;
    scene_add_entry(scene, SCENE_SECOND, "Zeemeeuw", NULL, true, NULL);
    scene_register(scene, two_creditors, false, &results);
    assert_int_equal(results.by_status[RESULT_AMBIGUOUS], 2);
    for (size_t i = 0; i < results.count; i++)
        if (results.rows[i].status == RESULT_AMBIGUOUS)
            assert_err(results.rows[i].problem.err, SKP_E_CREDITOR_AMBIGUOUS);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    assert_int_equal(batch.line_count, 2); /* case with both requests, letter */
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request WHERE stage = 0"), 1);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    results_fini(&results);
    /* the office adds the OIN: the same request, now asked */
    scene_register(scene,
                   SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;" SCENE_CREDITOR
                                                     ";;F-001;12,50;eerste;telecom\r\n",
                   false, NULL);
    batch = scene_outbox(scene, &scene->office);
    assert_int_equal(batch.line_count, 2); /* case as before, request */
    assert_int_equal(count(&scene->office, "SELECT version FROM case_file"), 1);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request"), 2);
    scene_free(scene);
}

static void a_bsn_goes_only_to_whom_may_have_it(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct register_file file;
    struct csv_problem problem;
    struct span with, without;
    (void)state;
    scene_read_cases(scene, two_creditors, &file);
    assert_ok(register_read_bsn(
        scene_file(scene, "bsn.csv", "Dossier;BSN;PartnerBSN\r\n2026-1;999990019;\r\n"), &file,
        &file.problems, &problem));
    assert_string_equal(file.cases->client.bsn, "999990019");
    assert_ok(cases_build_part(file.cases, file.cases->requests, true, &scene->settings,
                               &scene->arena, &with));
    assert_ok(cases_build_part(file.cases, file.cases->requests, false, &scene->settings,
                               &scene->arena, &without));
    assert_non_null(memmem(with.data, with.len, "999990019", 9));
    assert_null(memmem(without.data, without.len, "999990019", 9));
    scene_free(scene);
}

#define ROW(person, address, claim)                                                                \
    "2026-1;K1;SK;budgetbeheer;02-11-2026;00000099000000001000;V;" person                          \
    ";05-05-1988;;;;" address ";1234AB;Proefstad;;" claim "\r\n"
#define TELECOM                "Zeemeeuw;;;F-001;12,50;eerste;telecom"
#define ENERGY                 "Energie Duin;;;;30;eerste;energie"
#define ASKED(person, address) SCENE_HEADER ROW(person, address, TELECOM)

/* What the office hands in, and whether all who open it may have a BSN. */
struct handed {
    const char *csv, *bsn;
    bool entitled;
};

static void hand_in(struct scene *scene, const struct handed *handed, struct results *ret_results)
{
    struct register_file file;
    struct csv_problem problem;
    struct target *target = NULL;
    assert_ok(scene_target(scene, book_find(&scene->book, SCENE_CREDITOR), "", &target));
    target->bsn_entitled = handed->entitled;
    scene_read_cases(scene, handed->csv, &file);
    if (handed->bsn)
        assert_ok(register_read_bsn(scene_file(scene, "bsn.csv", handed->bsn), &file,
                                    &file.problems, &problem));
    struct registering registering = scene_registering(scene);
    *ret_results = (struct results){0};
    assert_ok(registering_run(&registering, &file, false));
    assert_ok(registering_results(&registering, &file, false, ret_results));
    registering_fini(&registering);
}

/* What becomes of one request when the broker has it and the office's files say something later. */
static enum skp_err register_again(struct handed before, struct handed after)
{
    struct scene *scene = scene_with_creditor();
    struct results results;
    hand_in(scene, &before, &results);
    results_fini(&results);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    hand_in(scene, &after, &results);
    assert_int_equal(results.count, 1);
    enum skp_err err = results.rows[0].problem.err;
    assert_int_equal(results.rows[0].status, err ? RESULT_REFUSED : RESULT_UNCHANGED);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    results_fini(&results);
    scene_free(scene);
    return err;
}

#define BEFORE      ASKED("Verzonnen", "Proefstraat;1;;")
#define BSN(number) "Dossier;BSN;PartnerBSN\r\n2026-1;" number ";\r\n"

static void what_was_mended_after_it_was_asked_is_not_called_fine(void **state)
{
    const struct handed before = {BEFORE, NULL, true};
    (void)state;
    assert_err(register_again(before, before), SKP_OK);
    assert_err(register_again(before, (struct handed){BEFORE, BSN("999990019"), true}),
               SKP_E_CASE_CHANGED);
    assert_err(register_again(before, (struct handed){BEFORE, BSN("999990019"), false}),
               SKP_OK); /* it would not go anyway */
    assert_err(
        register_again(before, (struct handed){ASKED("Anders", "Proefstraat;1;;"), NULL, true}),
        SKP_E_CASE_CHANGED);
    assert_err(
        register_again(before, (struct handed){ASKED("Verzonnen", "Proefstraat;10;;"), NULL, true}),
        SKP_E_CASE_CHANGED);
    assert_err(register_again((struct handed){BEFORE, BSN("999990020"), true},
                              (struct handed){BEFORE, BSN("999990019"), true}),
               SKP_E_CASE_CHANGED);
}

/* Somebody who opens it was not entitled, and is now, or does not open it any more; or the reverse. */
static void the_same_files_are_no_change_when_who_may_have_a_bsn_changed(void **state)
{
    const struct handed withheld = {BEFORE, BSN("999990019"), false};
    const struct handed sent = {BEFORE, BSN("999990019"), true};
    (void)state;
    assert_err(register_again(withheld, sent), SKP_OK);
    assert_err(register_again(withheld, withheld), SKP_OK);
    assert_err(register_again(sent, withheld), SKP_OK);
    assert_err(register_again(withheld, (struct handed){BEFORE, NULL, true}), SKP_OK);
    assert_err(register_again(withheld, (struct handed){ASKED("Anders", "Proefstraat;1;;"),
                                                        BSN("999990019"), true}),
               SKP_E_CASE_CHANGED);
}

static void a_file_without_the_bsn_that_was_sent_changes_nothing(void **state)
{
    (void)state;
    assert_err(register_again((struct handed){BEFORE, BSN("999990019"), true},
                              (struct handed){BEFORE, NULL, true}),
               SKP_OK);
}

/* What was sealed is not kept longer than it is needed, so nobody can see any more whether something was mended. */
static void of_what_was_answered_it_is_said_that_the_client_was_not_compared(void **state)
{
    const struct handed before = {BEFORE, BSN("999990020"), true};
    const struct handed mended = {BEFORE, BSN("999990019"), true};
    struct scene *scene = scene_with_creditor();
    struct results results;
    (void)state;
    hand_in(scene, &before, &results);
    results_fini(&results);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    hand_in(scene, &before, &results);
    assert_false(results.rows[0].not_compared);
    results_fini(&results);
    state_run(&scene->office, "DELETE FROM kept_line", ""); /* the answer came */
    hand_in(scene, &mended, &results);
    assert_int_equal(results.rows[0].status, RESULT_UNCHANGED);
    assert_true(results.rows[0].not_compared);
    results_fini(&results);
    scene_free(scene);
}

/* One address per case: what went with another one could only be put back for a part of it. */
static void a_new_creditor_of_a_client_who_moved_waits_until_the_case_is_as_it_was(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct results results;
    (void)state;
    scene_add_entry(scene, SCENE_SECOND, "Energie Duin", NULL, true, NULL);
    hand_in(scene, &(struct handed){BEFORE, NULL, true}, &results);
    results_fini(&results);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    hand_in(scene,
            &(struct handed){ASKED("Verzonnen", "Verhuisweg;9;;")
                                 ROW("Verzonnen", "Verhuisweg;9;;", ENERGY),
                             NULL, true},
            &results);
    assert_int_equal(results.by_status[RESULT_REFUSED], 2);
    for (size_t i = 0; i < results.count; i++)
        assert_err(results.rows[i].problem.err, SKP_E_CASE_CHANGED);
    results_fini(&results);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM outbox"), 0);
    assert_int_equal(count(&scene->office, "SELECT count(*) FROM request"), 1);
    const struct handed put_back = {BEFORE ROW("Verzonnen", "Proefstraat;1;;", ENERGY), NULL, true};
    hand_in(scene, &put_back, &results);
    results_fini(&results);
    batch = scene_outbox(scene, &scene->office);
    assert_int_equal(batch.line_count, 2); /* case, request */
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    hand_in(scene, &put_back, &results);
    assert_int_equal(results.by_status[RESULT_UNCHANGED], 2);
    results_fini(&results);
    scene_free(scene);
}

static void thousands_of_cases_are_cut_in_batches_that_fit(void **state)
{
    struct scene *scene = scene_with_creditor();
    struct skp_id ids[8];
    (void)state;
    size_t room = 800000, used = 0;
    char *csv = malloc(room);
    used += (size_t)snprintf(csv, room, "%s", SCENE_HEADER);
    for (int i = 0; i < 4400; i++)
        used +=
            (size_t)snprintf(csv + used, room - used,
                             "D%d;K1;SK;budgetbeheer;02-11-2026;00000099000000001000;V;Verzonnen;"
                             "05-05-1988;;;;Proefstraat;1;;;1234AB;Proefstad;;"
                             "Zeemeeuw;;;F%d;1,00;eerste;telecom\r\n",
                             i, i);
    scene_register(scene, csv, false, NULL);
    free(csv);
    size_t batches = outbox_list(&scene->office, ids, 8);
    assert_int_equal(batches, 2);
    size_t lines = 0;
    for (size_t i = 0; i < batches; i++) {
        struct envelope_batch batch;
        assert_ok(outbox_load(&scene->office, &ids[i], &scene->arena, &batch));
        check_lines(scene, &batch);
        lines += batch.line_count;
    }
    assert_int_equal(lines, 8800);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_becomes_facts_that_the_broker_can_read),
        cmocka_unit_test(a_check_sends_nothing_and_remembers_nothing),
        cmocka_unit_test(the_outbox_survives_a_crash_byte_for_byte),
        cmocka_unit_test(the_same_file_twice_says_nothing_new),
        cmocka_unit_test(a_creditor_under_two_names_is_recognised_by_name_in_any_order),
        cmocka_unit_test(a_new_name_above_the_old_one_does_not_take_its_request),
        cmocka_unit_test(another_amount_for_what_was_asked_is_refused_here),
        cmocka_unit_test(a_shorter_file_drops_nothing_and_a_new_creditor_makes_the_next_version),
        cmocka_unit_test(a_lost_case_keeps_its_version),
        cmocka_unit_test(an_open_outcome_leaves_the_batch_where_it_is),
        cmocka_unit_test(a_refused_line_is_said_and_asked_again_under_its_own_id),
        cmocka_unit_test(an_ambiguous_creditor_is_declared_but_not_asked),
        cmocka_unit_test(a_bsn_goes_only_to_whom_may_have_it),
        cmocka_unit_test(what_was_mended_after_it_was_asked_is_not_called_fine),
        cmocka_unit_test(the_same_files_are_no_change_when_who_may_have_a_bsn_changed),
        cmocka_unit_test(a_file_without_the_bsn_that_was_sent_changes_nothing),
        cmocka_unit_test(of_what_was_answered_it_is_said_that_the_client_was_not_compared),
        cmocka_unit_test(a_new_creditor_of_a_client_who_moved_waits_until_the_case_is_as_it_was),
        cmocka_unit_test(thousands_of_cases_are_cut_in_batches_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
