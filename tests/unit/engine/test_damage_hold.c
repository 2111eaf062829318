/* The clock jumps, or deadlines are held already, and a bit flips among the deadlines. */
#include "damage_fixture.h"

#define LIMIT_MS    (72 * INT64_C(3600000))
#define OVERDUE_DAY 20270301

static int setup_real(void **state)
{
    return setup_store(state, false, LIMIT_MS);
}

static void assert_held_unreadable(struct world *w)
{
    assert_true(engine_deadlines_held(w->engine));
    assert_true(engine_deadlines_unreadable(w->engine));
}

/* Nobody knows how many wait. */
static void a_jump_is_held_though_the_deadlines_cannot_be_read(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    FILE *log = tmpfile();
    register_cases(w, cases);
    world_tick(w);
    damage_page(w, "deadline");
    request_answer_with(w, &cases[0].requests[0], 100);
    log_set_stream(log);
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    log_set_stream(NULL);
    assert_held_unreadable(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), 1);
    assert_int_equal(lines_of(log, " error deadlines_held waiting=? "), 1);
    assert_int_equal(lines_of(log, " error deadlines_unreadable "), 1);
    assert_int_equal(lines_of(log, ""), 2);
    (void)fclose(log);
}

static void held_survives_a_restart_though_the_deadlines_cannot_be_read(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    world_tick(w);
    world_go_to(w, OVERDUE_DAY, WORLD_MINUTE);
    assert_true(engine_deadlines_held(w->engine));
    damage_page(w, "deadline");
    world_tick(w);
    assert_held_unreadable(w);
    damage_page(w, "deadline"); /* the bit flips back */
    world_tick(w);
    assert_true(engine_deadlines_held(w->engine));
    assert_false(engine_deadlines_unreadable(w->engine));
}

static void deadlines_that_are_readable_again_are_told_while_held_too(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct party nobody = {.session = 0};
    register_cases(w, cases);
    world_tick(w);
    damage_page(w, "deadline");
    (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    assert_held_unreadable(w);
    flip_page("deadline");
    (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    assert_true(engine_deadlines_held(w->engine));
    assert_false(engine_deadlines_unreadable(w->engine));
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 0);
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REAL(a_jump_is_held_though_the_deadlines_cannot_be_read),
        REAL(held_survives_a_restart_though_the_deadlines_cannot_be_read),
        REAL(deadlines_that_are_readable_again_are_told_while_held_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
