/* What a result file says of a row: first the plan, and then the receipt. */
#include "results.h"
#include "skp_scene.h"

static const char newest_answer[] = "SELECT stage, err FROM answer_out WHERE request_id = ?"
                                    " ORDER BY version DESC LIMIT 1";

struct given {
    struct scene *scene;
    struct results results;
};

static struct result_row *add(struct given *given, enum result_status status)
{
    struct result_row row = {.line = (uint32_t)given->results.count + 2,
                             .dossier = "",
                             .creditor = "",
                             .status = (int)status,
                             .request_id = id_new()};
    assert_ok(results_add(&given->results, &row));
    return &given->results.rows[given->results.count - 1];
}

static void say(struct given *given, const struct skp_id *request_id, int version, enum stage stage,
                enum skp_err err)
{
    struct skp_hash fingerprint = {{0}};
    state_run(&given->scene->creditor, "INSERT INTO answer_out VALUES (?,?,?,?,?,?,?)", "diiihbb",
              request_id, (int64_t)version, (int64_t)stage, (int64_t)err, &fingerprint,
              span_of("", 0), span_of("", 0));
    assert_ok(state_error(&given->scene->creditor));
}

static void settle(struct given *given)
{
    results_settle(&given->results, &given->scene->creditor, newest_answer);
    assert_ok(state_error(&given->scene->creditor));
}

static struct given given_new(void)
{
    return (struct given){.scene = scene_new()};
}

static void given_free(struct given *given)
{
    results_fini(&given->results);
    scene_free(given->scene);
}

static void what_the_broker_stored_stays_registered(void **state)
{
    struct given given = given_new();
    struct result_row *row = add(&given, RESULT_REGISTERED);
    (void)state;
    say(&given, &row->request_id, 1, STAGE_STORED, SKP_OK);
    settle(&given);
    assert_int_equal(row->status, RESULT_REGISTERED);
    assert_int_equal(given.results.by_status[RESULT_REGISTERED], 1);
    given_free(&given);
}

static void what_the_broker_refused_says_why_and_on_which_row(void **state)
{
    struct given given = given_new();
    struct result_row *row = add(&given, RESULT_REGISTERED);
    (void)state;
    say(&given, &row->request_id, 1, STAGE_REFUSED, SKP_E_LEAF_MISMATCH);
    settle(&given);
    assert_int_equal(row->status, RESULT_REFUSED);
    assert_err(row->problem.err, SKP_E_LEAF_MISMATCH);
    assert_int_equal(row->problem.line, row->line);
    assert_int_equal(given.results.by_status[RESULT_REGISTERED], 0);
    assert_int_equal(given.results.by_status[RESULT_REFUSED], 1);
    given_free(&given);
}

static void without_a_receipt_the_outcome_is_unknown(void **state)
{
    struct given given = given_new();
    struct result_row *row = add(&given, RESULT_REGISTERED);
    (void)state;
    say(&given, &row->request_id, 1, STAGE_SENT, SKP_OK);
    settle(&given);
    assert_int_equal(row->status, RESULT_REFUSED);
    assert_err(row->problem.err, SKP_E_OUTCOME_UNKNOWN);
    given_free(&given);
}

static void the_newest_version_counts(void **state)
{
    struct given given = given_new();
    struct result_row *row = add(&given, RESULT_REGISTERED);
    (void)state;
    say(&given, &row->request_id, 1, STAGE_STORED, SKP_OK);
    say(&given, &row->request_id, 2, STAGE_REFUSED, SKP_E_CORRECTION_REASON);
    settle(&given);
    assert_err(row->problem.err, SKP_E_CORRECTION_REASON);
    given_free(&given);
}

static void a_row_that_was_never_sent_keeps_its_own_status(void **state)
{
    struct given given = given_new();
    struct result_row *row = add(&given, RESULT_UNCHANGED);
    (void)state;
    say(&given, &row->request_id, 1, STAGE_REFUSED, SKP_E_LEAF_MISMATCH);
    settle(&given);
    assert_int_equal(row->status, RESULT_UNCHANGED);
    assert_int_equal(given.results.by_status[RESULT_REFUSED], 0);
    given_free(&given);
}

static void a_refused_row_says_whose_it_is(void **state)
{
    struct given given = given_new();
    struct scene *scene = given.scene;
    struct register_file file;
    (void)state;
    scene_read_cases(scene,
                     SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12.34;eerste;telecom\r\n"
                                                       "te weinig;cellen\r\n",
                     &file);
    struct registering registering = scene_registering(scene);
    assert_ok(registering_run(&registering, &file, true));
    assert_ok(registering_results(&registering, &file, true, &given.results));
    assert_ok(results_name_rows(&given.results, scene_file(scene, "in.csv", NULL), "Dossier",
                                "Schuldeiser", &scene->arena));
    assert_int_equal(given.results.count, 2);
    assert_int_equal(given.results.rows[0].line, 2);
    assert_string_equal(given.results.rows[0].dossier, "2026-1");
    assert_string_equal(given.results.rows[0].creditor, "Zeemeeuw");
    assert_string_equal(given.results.rows[1].dossier, "");
    registering_fini(&registering);
    given_free(&given);
}

static void what_is_known_already_is_not_read_again(void **state)
{
    struct given given = given_new();
    struct scene *scene = given.scene;
    (void)state;
    add(&given, RESULT_REGISTERED)->dossier = "eigen";
    (void)add(&given, RESULT_REFUSED);
    assert_ok(results_name_rows(&given.results,
                                scene_file(scene, "in.csv", "SHV;Referentienummer\nA;1\nB;2\n"),
                                "Referentienummer", "SHV", &scene->arena));
    assert_string_equal(given.results.rows[0].dossier, "eigen");
    assert_string_equal(given.results.rows[1].dossier, "2");
    assert_string_equal(given.results.rows[1].creditor, "B");
    given_free(&given);
}

static void a_good_row_held_back_names_the_bad_one_and_a_bad_one_is_told_once(void **state)
{
    struct given given = given_new();
    struct scene *scene = given.scene;
    struct register_file file;
    (void)state;
    scene_read_cases(
        scene,
        SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,34;eerste;telecom\r\n" SCENE_CASE(
            "2026-1") "Zeemeeuw;;;F-002;12.34;eerste;telecom\r\n",
        &file);
    struct registering registering = scene_registering(scene);
    assert_ok(registering_run(&registering, &file, true));
    assert_ok(registering_results(&registering, &file, true, &given.results));
    assert_int_equal(given.results.count, 2);
    assert_int_equal(given.results.by_status[RESULT_REFUSED], 2);
    assert_int_equal(given.results.rows[0].line, 2);
    assert_int_equal(given.results.rows[0].cause_line, 3);
    assert_int_equal(given.results.rows[1].line, 3);
    assert_int_equal(given.results.rows[1].cause_line, 0);
    assert_string_equal(given.results.rows[1].problem.column, "Bedrag");
    registering_fini(&registering);
    given_free(&given);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_broker_stored_stays_registered),
        cmocka_unit_test(what_the_broker_refused_says_why_and_on_which_row),
        cmocka_unit_test(without_a_receipt_the_outcome_is_unknown),
        cmocka_unit_test(the_newest_version_counts),
        cmocka_unit_test(a_row_that_was_never_sent_keeps_its_own_status),
        cmocka_unit_test(a_refused_row_says_whose_it_is),
        cmocka_unit_test(what_is_known_already_is_not_read_again),
        cmocka_unit_test(a_good_row_held_back_names_the_bad_one_and_a_bad_one_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
