/* A bit flips in the key of a row that is met by scans: it then says something that was never so, and may
 * stand where nobody looks for it. */
#include "damage_fixture.h"

#define OVERDUE_DAY 20270301
#define AT_HOUR     0 /* of eight bytes, the highest first */
#define AT_KIND     8
#define AT_LAST_ID  (AT_KIND + ID_BYTES)

/* The keys of all deadlines, in their order. */
static struct store_row *deadlines(struct world *w, size_t *ret_count)
{
    static const uint8_t zero;
    struct store_row *rows;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, STORE_DEADLINE, span_of(&zero, 1), span_of(NULL, 0), 100, 10000,
                         &w->arena, &rows, ret_count));
    store_rollback(w->store);
    return rows;
}

/* One deadline of three that are due in the same minute. */
static void damage_deadline(struct world *w, size_t which, size_t at, uint8_t bits)
{
    struct row_key key;
    size_t count;
    struct store_row *rows = deadlines(w, &count);
    assert_int_equal(count, CASES);
    key.len = rows[which].key.len;
    memcpy(key.bytes, rows[which].key.data, key.len);
    damage_key(w, key, at, bits);
}

static void assert_others_are_overdue(struct world *w)
{
    size_t count;
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), CASES - 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    (void)deadlines(w, &count);
    assert_int_equal(count, 0);
    assert_int_equal(world_tick(w), 0);
}

static void a_deadline_for_a_page_that_does_not_exist_stops_no_clock(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_deadline(w, 0, AT_LAST_ID, 1);
    assert_others_are_overdue(w);
    assert_int_equal(listed(w, "NOT_DUE"), 1);
}

static void a_deadline_of_no_kind_stops_no_clock(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_deadline(w, CASES - 1, AT_KIND, 8);
    assert_others_are_overdue(w);
}

/* It stands before the others, and says that it is due in half a million years; nobody finds it by its key. */
static void a_deadline_that_went_far_off_hides_none_behind_it(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    size_t count;
    register_cases(w, cases);
    damage_deadline(w, 0, AT_HOUR + 1, 0x40);
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), CASES - 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    (void)deadlines(w, &count);
    assert_int_equal(count, 1);
    assert_int_equal(world_tick(w), 0);
}

/* Its highest bit: it stands behind all others, and reads as a time long before them. */
static void a_deadline_before_all_time_is_not_due(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_deadline(w, 0, AT_HOUR, 0x80);
    assert_others_are_overdue(w);
    assert_true(engine_next_tick_ms(w->engine) > 0);
}

/* It says that it is another's, and stands before two that are this mailbox's. */
static void an_entry_that_went_to_another_mailbox_hides_none_behind_it(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_key(w, key_entry(&w->creditor.oin, "", 1), 0, 0x40);
    struct post post = fetch_all(w, &w->creditor);
    if (!post.caught_up)
        post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, CASES - 1);
    assert_true(post.caught_up);
    assert_int_equal(listed(w, "DAMAGED"), 1);
}

/* It says that it is the one before it, which stands there still and is whole. */
static void an_entry_that_took_anothers_key_blocks_no_mailbox(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct row_key key = key_entry(&w->creditor.oin, "", CASES);
    register_cases(w, cases);
    damage_key(w, key, key.len - 1, CASES ^ (CASES - 1));
    struct post post = fetch_all(w, &w->creditor);
    if (!post.caught_up)
        post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, CASES - 1);
    assert_true(post.caught_up);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    for (size_t i = 0; i < CASES - 1; i++)
        assert_int_equal(view_request(w, &cases[i], 0)->state, STATE(REQUESTED));
}

/* Of two pages of one bundle: the first was set aside long before, and written again. */
static void a_deadline_that_took_the_key_of_one_set_aside_stops_no_clock(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct row_key keys[2];
    size_t count;
    case_make(&told, &w->creditor, PAGE_LINES + 1);
    case_register(w, &told);
    struct store_row *rows = deadlines(w, &count);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        keys[i].len = rows[i].key.len;
        memcpy(keys[i].bytes, rows[i].key.data, keys[i].len);
    }
    damage(w, STORE_DEADLINE, keys[0]);
    tick_through(w, WORLD_MONDAY, WORLD_MINUTE + 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    damage_key(w, keys[1], keys[1].len - 1, 1);
    clock_manual_advance(&w->clock, 60000);
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 1);
    (void)deadlines(w, &count);
    assert_int_equal(count, 0);
    assert_int_equal(world_tick(w), 0);
}

/* The row was written again, and then hurt as well. */
static void what_is_damaged_twice_is_kept_twice(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct row_key key;
    size_t count;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct store_row *rows = deadlines(w, &count);
    assert_int_equal(count, 1);
    key.len = rows[0].key.len;
    memcpy(key.bytes, rows[0].key.data, key.len);
    for (int64_t times = 1; times <= 3; times++) {
        damage(w, STORE_DEADLINE, key);
        clock_manual_advance(&w->clock, 60000);
        tick_through(w, WORLD_MONDAY, WORLD_MINUTE + (int)times);
        assert_int_equal(listed(w, "DAMAGED"), times);
        assert_int_equal(engine_rows_aside(w->engine), times);
    }
    world_close(w);
    assert_ok(open_file(w));
    assert_int_equal(engine_rows_aside(w->engine), 3);
    tick_through(w, OVERDUE_DAY, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_for_a_page_that_does_not_exist_stops_no_clock),
        TEST(a_deadline_of_no_kind_stops_no_clock),
        TEST(a_deadline_that_went_far_off_hides_none_behind_it),
        TEST(a_deadline_before_all_time_is_not_due),
        TEST(an_entry_that_went_to_another_mailbox_hides_none_behind_it),
        TEST(an_entry_that_took_anothers_key_blocks_no_mailbox),
        TEST(a_deadline_that_took_the_key_of_one_set_aside_stops_no_clock),
        TEST(what_is_damaged_twice_is_kept_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
