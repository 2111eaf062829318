/* After a jump of the clock or a restore nothing fires before a person has seen the list. */
#include "engine_mail.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR_MS INT64_C(3600000)
#define OVERDUE SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE

#define AFTER_TERM 20270301 /* four weeks on: ten working days have gone by */

static char folder[] = "/tmp/skp-hold-XXXXXX";
static char file[64];

static void open_file(struct world *w, bool create, bool play)
{
    struct store *store;
    char why[256] = "";
    assert_ok(store_sqlite_open(file, create, &store, why));
    assert_ok(world_open(w, store, play));
}

/* Stops the broker, and starts it on the same store. */
static void start_again(struct world *w)
{
    world_close(w);
    open_file(w, false, false);
}

static int setup(void **state, bool play)
{
    struct world *w = calloc(1, sizeof *w);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/store.db", folder);
    world_init(w, play);
    world_close(w);
    w->hold_limit_ms = 72 * HOUR_MS;
    w->hold_deadlines = play;
    open_file(w, true, play);
    world_people(w);
    world_tick(w);
    *state = w;
    return 0;
}

static int setup_real(void **state)
{
    return setup(state, false);
}

static int setup_play(void **state)
{
    return setup(state, true);
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    world_teardown(state);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", file, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* ---------------------------------------------------------------- helpers */

/* Somebody sets the clock. */
static void jump(struct world *w, int64_t hours)
{
    clock_manual_jump(&w->clock, hours * HOUR_MS);
    world_tick(w);
}

static size_t told_overdue(struct world *w)
{
    struct post post = collect_all(w, &w->counsellor);
    return count_events(&post, OVERDUE);
}

/* One request that will be overdue; everything that was told before is collected. */
static void register_one(struct world *w, struct told_case *told)
{
    case_make(told, &w->creditor, 1);
    case_register(w, told);
    world_tick(w);
    assert_int_equal(told_overdue(w), 0);
}

static bool status_says_held(struct world *w)
{
    json_t *said = world_admin(w, "{'command':'status'}");
    bool held = json_is_true(json_object_get(said, "deadlines_held"));
    assert_int_equal(held, engine_deadlines_held(w->engine));
    json_decref(said);
    return held;
}

/* What a person counts in the list. */
static size_t count_in_list(struct world *w)
{
    json_t *said = world_admin(w, "{'command':'deadline.list'}");
    json_t *row;
    size_t index;
    size_t due = 0;
    json_array_foreach(json_object_get(said, "rows"), index, row) due +=
        json_is_true(json_object_get(row, "is_due"));
    json_decref(said);
    return due;
}

static const char *release(struct world *w, size_t count)
{
    char *command = arena_calloc(&w->arena, 1, 100);
    (void)snprintf(command, 100, "{'command':'deadline.release','reason':'gezien','count':%zu}",
                   count);
    return command;
}

/* ---------------------------------------------------------------- jumps */

static void a_clock_that_jumps_fires_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_true(status_says_held(w));
    assert_int_equal(told_overdue(w), 0);
    assert_true(engine_next_tick_ms(w->engine) > 0);
    world_go_to(w, AFTER_TERM, TEN_HOURS + 120);
    assert_int_equal(told_overdue(w), 0);
}

static void a_commit_that_sets_no_earlier_deadline_asks_for_no_tick(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    world_tick(w);
    uint64_t before = w->engine->chain.sequence;
    collect_all(w, &w->creditor);
    assert_true(w->engine->chain.sequence > before);
    assert_true(engine_next_tick_ms(w->engine) > 0);
}

static void a_clock_that_goes_back_fires_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    jump(w, -1);
    assert_false(status_says_held(w));
    jump(w, -1);
    assert_true(status_says_held(w));
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_int_equal(told_overdue(w), 0);
}

static void time_that_goes_by_fires_what_is_due(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    for (int day = 0; day < 28; day++)
        jump(w, 24);
    assert_false(status_says_held(w));
    assert_int_equal(told_overdue(w), 1);
}

/* Its round cannot be read. The broker sees the days go by all the same. */
static void a_deadline_that_cannot_be_done_is_no_jump(void **state)
{
    struct world *w = *state;
    struct party nobody = {.session = 0};
    struct skp_id id = {{1}};
    struct row_key round = key_round(&id);
    struct row_key deadline = key_deadline(world_now_ms(w), DEADLINE_ROUND_CLOSE, &id, 0);
    struct store_row rows[] = {{.key = row_key_span(&round), .value = span_of(id.bytes, 1)},
                               {.key = row_key_span(&deadline), .value = u64_pack(1, &w->arena)}};
    assert_ok(store_begin(w->store));
    assert_ok(store_put(w->store, STORE_ROUND, &rows[0], 1));
    assert_ok(store_put(w->store, STORE_DEADLINE, &rows[1], 1));
    assert_ok(store_commit(w->store));
    for (int day = 0; day < 4; day++) {
        clock_manual_jump(&w->clock, 24 * HOUR_MS);
        for (int tick = 0; tick < 3; tick++)
            (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    }
    start_again(w);
    (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    assert_false(status_says_held(w));
}

static void a_weekend_is_no_jump(void **state)
{
    struct world *w = *state;
    world_close(w);
    clock_manual_jump(&w->clock, 63 * HOUR_MS);
    open_file(w, false, false);
    world_tick(w);
    assert_false(status_says_held(w));
    jump(w, 73);
    assert_true(status_says_held(w));
}

static void a_restored_store_is_held_when_the_settings_say_so(void **state)
{
    struct world *w = *state;
    w->hold_deadlines = true;
    start_again(w);
    world_tick(w);
    assert_true(status_says_held(w));
    assert_int_equal(count_in_list(w), 0);
    assert_admin_ok(w, release(w, 0));
    world_tick(w);
    assert_false(status_says_held(w));
}

static void a_play_clock_never_holds(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    assert_false(status_says_held(w));
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_false(status_says_held(w));
    assert_int_equal(told_overdue(w), 1);
}

/* ---------------------------------------------------------------- while held */

static void who_saw_the_list_releases_it(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    size_t due = count_in_list(w);
    assert_int_equal(due, 1);
    assert_admin_ok(w, release(w, due));
    world_tick(w);
    assert_false(status_says_held(w));
    assert_int_equal(told_overdue(w), 1);
    assert_int_equal(count_in_list(w), 0);
    jump(w, 71);
    assert_false(status_says_held(w));
}

static void a_wrong_count_releases_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    assert_admin_refused(w, release(w, 0), SKP_E_STATE_INVALID);
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_admin_refused(w, release(w, 0), SKP_E_COUNT_MISMATCH);
    assert_admin_refused(w, release(w, 2), SKP_E_COUNT_MISMATCH);
    assert_admin_refused(w, "{'command':'deadline.release','reason':'x'}", SKP_E_COUNT_MISMATCH);
    assert_admin_refused(w, "{'command':'deadline.release','count':1}", SKP_E_REASON_MISSING);
    json_t *said = world_admin(w, release(w, 7));
    const char *sentence =
        json_string_value(json_object_get(json_object_get(said, "error"), "sentence"));
    assert_non_null(strstr(sentence, "due now: 1;"));
    json_decref(said);
    world_tick(w);
    assert_true(status_says_held(w));
    assert_int_equal(told_overdue(w), 0);
}

static void held_survives_a_restart(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told);
    jump(w, 100);
    assert_true(status_says_held(w));
    clock_manual_jump(&w->clock, -100 * HOUR_MS);
    start_again(w);
    assert_true(status_says_held(w));
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_true(status_says_held(w));
    assert_int_equal(told_overdue(w), 0);
    assert_admin_ok(w, release(w, 1));
    start_again(w);
    world_tick(w);
    assert_false(status_says_held(w));
    assert_int_equal(told_overdue(w), 1);
}

static void mail_goes_on_while_deadlines_wait(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct told_case later;
    register_one(w, &told);
    world_go_to(w, AFTER_TERM, TEN_HOURS);
    assert_true(status_says_held(w));
    case_make(&later, &w->creditor, 2);
    case_register(w, &later);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 3);
    request_answer_with(w, &later.requests[0], 100);
    request_answer_with(w, &later.requests[1], 200);
    world_tick(w);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 2);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 1);
    assert_int_equal(count_events(&post, OVERDUE), 0);
    assert_true(status_says_held(w));
}

#define REAL(name) cmocka_unit_test_setup_teardown(name, setup_real, teardown)
#define PLAY(name) cmocka_unit_test_setup_teardown(name, setup_play, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REAL(a_clock_that_jumps_fires_nothing),
        REAL(a_commit_that_sets_no_earlier_deadline_asks_for_no_tick),
        REAL(a_clock_that_goes_back_fires_nothing),
        REAL(time_that_goes_by_fires_what_is_due),
        REAL(a_deadline_that_cannot_be_done_is_no_jump),
        REAL(a_weekend_is_no_jump),
        REAL(a_restored_store_is_held_when_the_settings_say_so),
        PLAY(a_play_clock_never_holds),
        REAL(who_saw_the_list_releases_it),
        REAL(a_wrong_count_releases_nothing),
        REAL(held_survives_a_restart),
        REAL(mail_goes_on_while_deadlines_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
