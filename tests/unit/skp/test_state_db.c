#include "skp_scene.h"

#define NAMED_CASE "INSERT INTO case_file VALUES (?, ?, 1, 0, 1, 1, 1, 20261102, '', 0, 0)"

static void the_file_is_for_its_owner_only(void **state)
{
    struct scene *scene = scene_new();
    struct stat info;
    (void)state;
    assert_int_equal(stat(scene_file(scene, "office.db", NULL), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(state_number(&scene->office, 0, "PRAGMA synchronous", ""), 2);
    scene_free(scene);
}

static void what_was_committed_is_there_after_opening_again(void **state)
{
    struct scene *scene = scene_new();
    struct skp_id id = id_new();
    (void)state;
    state_begin(&scene->office);
    state_run(&scene->office, NAMED_CASE, "dt", &id, "2026-1");
    assert_ok(state_commit(&scene->office));
    state_close(&scene->office);
    assert_ok(state_open(scene_file(scene, "office.db", NULL), &scene->office));
    assert_int_equal(state_number(&scene->office, -1,
                                  "SELECT version FROM case_file WHERE case_id = ?", "d", &id),
                     1);
    scene_free(scene);
}

static void one_error_undoes_the_whole_transaction_and_is_then_forgotten(void **state)
{
    struct scene *scene = scene_new();
    struct skp_id first = id_new(), second = id_new();
    (void)state;
    state_begin(&scene->office);
    state_run(&scene->office, NAMED_CASE, "dt", &first, "2026-1");
    state_run(&scene->office, NAMED_CASE, "dt", &second, "2026-1");
    assert_err(state_commit(&scene->office), SKP_E_IO);
    assert_int_equal(state_number(&scene->office, -1, "SELECT count(*) FROM case_file", ""), 0);
    assert_ok(state_error(&scene->office));
    scene_free(scene);
}

static void a_process_that_stops_midway_leaves_nothing(void **state)
{
    struct scene *scene = scene_new();
    struct skp_id id = id_new();
    (void)state;
    state_begin(&scene->office);
    state_run(&scene->office, NAMED_CASE, "dt", &id, "2026-1");
    state_close(&scene->office);
    assert_ok(state_open(scene_file(scene, "office.db", NULL), &scene->office));
    assert_int_equal(state_number(&scene->office, -1, "SELECT count(*) FROM case_file", ""), 0);
    scene_free(scene);
}

static void a_file_of_another_version_is_left_alone(void **state)
{
    struct scene *scene = scene_new();
    struct state_db again;
    (void)state;
    state_run(&scene->office, "PRAGMA user_version = 77", "");
    assert_ok(state_error(&scene->office));
    assert_err(state_open(scene_file(scene, "office.db", NULL), &again), SKP_E_IO);
    assert_non_null(strstr(again.why, "another version"));
    state_close(&again);
    scene_free(scene);
}

static void a_state_that_met_a_play_is_marked_for_ever(void **state)
{
    struct scene *scene = scene_new();
    (void)state;
    assert_false(scene->office.play);
    state_mark_play(&scene->office);
    assert_ok(state_error(&scene->office));
    state_close(&scene->office);
    assert_ok(state_open(scene_file(scene, "office.db", NULL), &scene->office));
    assert_true(scene->office.play);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_is_for_its_owner_only),
        cmocka_unit_test(what_was_committed_is_there_after_opening_again),
        cmocka_unit_test(one_error_undoes_the_whole_transaction_and_is_then_forgotten),
        cmocka_unit_test(a_process_that_stops_midway_leaves_nothing),
        cmocka_unit_test(a_file_of_another_version_is_left_alone),
        cmocka_unit_test(a_state_that_met_a_play_is_marked_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
