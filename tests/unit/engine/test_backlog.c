/* A long mailbox whose mail is another session's for now: it is passed in turns, and once. */
#include "engine_mail.h"
#include "faulty_store.h"

#define BACKLOG     3000
#define TURN_ROWS   1300 /* at most, of one call */
#define FIRST       10   /* sessions */
#define SECOND      11
#define LONG_ENOUGH ((int64_t)1 << 60)

static void fill(struct world *w, struct told_case *ret_cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        case_make(&ret_cases[i], &w->creditor, 1);
        case_register(w, &ret_cases[i]);
    }
}

static void put(struct world *w, enum store_table table, struct row_key key, struct span value)
{
    struct store_row row = {.key = row_key_span(&key), .value = value, .version = STORE_ANY};
    assert_ok(store_put(w->store, table, &row, 1));
}

/* Entries of the counsellor's lane that lead nowhere: nobody looks behind one that is passed over. */
static void make_backlog(struct world *w)
{
    struct entry_row entry = {
        .bundle_id = id_new(), .bundle_lines = 1, .lane = w->counsellor.oin, .stored_at_ms = 1};
    struct span value = entry_row_pack(&entry, &w->arena);
    assert_ok(store_begin(w->store));
    for (uint64_t position = 1; position <= BACKLOG; position++)
        put(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", position), value);
    put(w, STORE_MAILBOX, key_mailbox(&w->creditor.oin, ""), u64_pack(BACKLOG, &w->arena));
    assert_ok(store_commit(w->store));
}

static void take(struct world *w, uint64_t session, uint64_t position)
{
    uint32_t attempt;
    assert_int_equal(lease_take(&w->engine->leases, &w->creditor.oin, "", position,
                                &w->counsellor.oin, session, LONG_ENOUGH, &attempt),
                     LEASE_TAKEN);
}

/* The engine's reader, which counts from now on. */
static const struct store *count_reading(struct world *w)
{
    w->engine->reader = faulty_store_new(w->engine->reader);
    return w->engine->reader;
}

static void first_gives_back(void *ctx)
{
    struct world *w = ctx;
    uint64_t position = 1;
    assert_ok(engine_release(w->engine, &w->creditor.oin, FIRST, "", &position, 1));
}

/* The beginning of the lane was passed over as another's: what stands behind is not taken before it. */
static void a_lane_that_becomes_free_while_it_is_passed_is_begun_at_its_first(void **state)
{
    static struct told_case told[300];
    struct world *w = *state;
    struct post post = {.count = 0};
    fill(w, told, 300);
    take(w, FIRST, 1);
    (void)count_reading(w);
    faulty_store_act_after(w->engine->reader, 1, first_gives_back, w);
    for (unsigned calls = 0; calls < 3 && post.count == 0; calls++)
        post = fetch_on(w, &w->creditor, SECOND, &post, 300, 4 << 20);
    assert_true(post.count > 0);
    assert_int_equal(post.mails[0].delivery->position, 1);
}

static void first_collects(void *ctx)
{
    struct world *w = ctx;
    (void)lease_collected(&w->engine->leases, &w->creditor.oin, "", 1,
                          w->engine->chain.sequence + 1);
}

/* Behind what was collected nothing was ever given back. */
static void a_lane_that_is_collected_while_it_is_passed_goes_on_with_its_next(void **state)
{
    static struct told_case told[300];
    struct world *w = *state;
    struct post post = {.count = 0};
    fill(w, told, 300);
    take(w, FIRST, 1);
    (void)count_reading(w);
    faulty_store_act_after(w->engine->reader, 1, first_collects, w);
    for (unsigned calls = 0; calls < 3 && post.count == 0; calls++)
        post = fetch_on(w, &w->creditor, SECOND, &post, 300, 4 << 20);
    assert_true(post.count > 0);
    assert_int_equal(post.mails[0].delivery->position, 2);
}

static void a_blocked_lane_is_passed_in_turns_and_once(void **state)
{
    struct world *w = *state;
    struct post post = {.count = 0};
    size_t read = 0;
    unsigned calls = 0;
    make_backlog(w);
    take(w, FIRST, 1);
    fill_from_broker(w);
    const struct store *counting = count_reading(w);
    while (!post.caught_up && calls < 10) {
        assert_int_equal(post.count, 0);
        post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
        size_t now = faulty_store_rows_scanned(counting);
        assert_true(now - read <= TURN_ROWS);
        read = now;
        calls++;
    }
    assert_int_equal(calls, 3);
    assert_int_equal(post.count, 1);
    assert_non_null(find_overview(&post, 0));
    assert_true(read <= BACKLOG + 10);
    fill_from_broker(w);
    post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    assert_int_equal(post.count, 1);
    assert_true(faulty_store_rows_scanned(counting) - read <= 10);
}

/* Another lane's mail fills the credit again and again: what was passed over is not read for each. */
static void what_was_passed_over_is_not_read_again_for_more_credit(void **state)
{
    struct world *w = *state;
    struct post post = {.count = 0};
    make_backlog(w);
    take(w, FIRST, 1);
    for (int i = 0; i < 4; i++)
        fill_from_broker(w);
    const struct store *counting = count_reading(w);
    size_t found = 0;
    for (unsigned calls = 0; calls < 6; calls++) {
        post = fetch_on(w, &w->creditor, SECOND, &post, 1, 1 << 20);
        found += post.count;
    }
    assert_int_equal(found, 4);
    assert_true(faulty_store_rows_scanned(counting) <= BACKLOG + 100);
}

static void set_lane(struct world *w, uint64_t position, const struct skp_oin *lane)
{
    struct row_key key = key_entry(&w->creditor.oin, "", position);
    struct store_row row = {.key = row_key_span(&key)};
    struct entry_row entry;
    assert_ok(store_begin(w->store));
    assert_ok(store_get(w->store, STORE_ENTRY, &row, 1, &w->arena));
    assert_ok(entry_row_read(row.value, &entry));
    entry.lane = *lane;
    put(w, STORE_ENTRY, key, entry_row_pack(&entry, &w->arena));
    assert_ok(store_commit(w->store));
}

/* The second does not fit, and with it the session leaves a lane: its own doing is no reason to begin again. */
static void what_does_not_fit_is_the_first_of_the_next_call(void **state)
{
    struct world *w = *state;
    struct post post = {.count = 0};
    make_backlog(w);
    take(w, FIRST, 1);
    fill_from_broker(w);
    fill_from_broker(w);
    set_lane(w, BACKLOG + 2, &w->rsa.oin);
    for (unsigned calls = 0; calls < 10 && post.count == 0; calls++)
        post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1);
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->position, BACKLOG + 1);
    const struct store *counting = count_reading(w);
    post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1);
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->position, BACKLOG + 2);
    assert_true(faulty_store_rows_scanned(counting) <= 10);
}

/* Its own collecting frees a lane, behind which nothing was passed over. */
static void a_lane_that_becomes_free_is_no_reason_to_read_another_again(void **state)
{
    struct world *w = *state;
    struct post post = {.count = 0};
    make_backlog(w);
    take(w, FIRST, 1);
    fill_from_broker(w);
    for (unsigned calls = 0; calls < 10 && !post.caught_up; calls++)
        post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    const struct store *counting = count_reading(w);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(post.count, 1);
        collect(w, &w->creditor, SECOND, "", post.mails, 1);
        fill_from_broker(w);
        post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    }
    assert_true(faulty_store_rows_scanned(counting) <= 50);
    first_gives_back(w);
    (void)fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    assert_true(engine_rows_aside(w->engine) > 0); /* it came by: they lead nowhere */
}

/* More of them than are remembered one by one. */
static void after_many_lanes_became_free_all_is_read_again(void **state)
{
    struct world *w = *state;
    static struct told_case told[1];
    struct post post = {.count = 0};
    fill(w, told, 1);
    take(w, FIRST, 1);
    post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    assert_int_equal(post.count, 0);
    first_gives_back(w);
    for (uint64_t position = 2; position < 40; position++) {
        take(w, FIRST, position);
        assert_ok(engine_release(w->engine, &w->creditor.oin, FIRST, "", &position, 1));
    }
    post = fetch_on(w, &w->creditor, SECOND, &post, 5, 1 << 20);
    assert_int_equal(post.count, 1);
}

static void a_lane_that_became_free_is_taken_from_its_first_entry(void **state)
{
    struct world *w = *state;
    static struct told_case told[5];
    fill(w, told, 4);
    struct post mine = fetch_from(w, &w->creditor, FIRST, "", 1, 1 << 20);
    struct post theirs = fetch_from(w, &w->creditor, SECOND, "", 10, 1 << 20);
    assert_int_equal(theirs.count, 0);
    theirs = fetch_on(w, &w->creditor, SECOND, &theirs, 10, 1 << 20);
    assert_int_equal(theirs.count, 0);
    collect(w, &w->creditor, FIRST, "", mine.mails, 1);
    fill(w, told + 4, 1);
    theirs = fetch_on(w, &w->creditor, SECOND, &theirs, 10, 1 << 20);
    assert_int_equal(theirs.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(theirs.mails[i].delivery->position, i + 2);
}

static void what_a_session_gives_back_it_gets_before_what_follows(void **state)
{
    struct world *w = *state;
    static struct told_case told[4];
    uint64_t positions[] = {2};
    fill(w, told, 3);
    struct post mine = fetch_from(w, &w->creditor, FIRST, "", 10, 1 << 20);
    assert_int_equal(mine.count, 3);
    assert_ok(engine_release(w->engine, &w->creditor.oin, FIRST, "", positions, 1));
    fill(w, told + 3, 1);
    mine = fetch_on(w, &w->creditor, FIRST, &mine, 10, 1 << 20);
    assert_int_equal(mine.count, 2);
    assert_int_equal(mine.mails[0].delivery->position, 2);
    assert_int_equal(mine.mails[1].delivery->position, 4);
}

/* The credit ends in the middle of what was read: nothing is left out, nothing comes twice. */
static void a_small_credit_goes_on_where_it_ended(void **state)
{
    struct world *w = *state;
    static struct told_case told[6];
    struct post post = {.count = 0};
    fill(w, told, 6);
    for (uint64_t position = 1; position <= 6; position += 2) {
        post = fetch_on(w, &w->creditor, FIRST, &post, 2, 1 << 20);
        assert_int_equal(post.count, 2);
        assert_int_equal(post.mails[0].delivery->position, position);
        assert_int_equal(post.mails[1].delivery->position, position + 1);
    }
    assert_int_equal(fetch_on(w, &w->creditor, FIRST, &post, 2, 1 << 20).count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lane_that_becomes_free_while_it_is_passed_is_begun_at_its_first),
        TEST(a_lane_that_is_collected_while_it_is_passed_goes_on_with_its_next),
        TEST(a_blocked_lane_is_passed_in_turns_and_once),
        TEST(what_was_passed_over_is_not_read_again_for_more_credit),
        TEST(what_does_not_fit_is_the_first_of_the_next_call),
        TEST(a_lane_that_becomes_free_is_no_reason_to_read_another_again),
        TEST(after_many_lanes_became_free_all_is_read_again),
        TEST(a_lane_that_became_free_is_taken_from_its_first_entry),
        TEST(what_a_session_gives_back_it_gets_before_what_follows),
        TEST(a_small_credit_goes_on_where_it_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
