/* A bit flips in the key of a row that is met by scans: it then says something that was never so, and may
 * stand where nobody looks for it. */
#include "damage_fixture.h"

#define OVERDUE_DAY 20270301
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_deadline_for_a_page_that_does_not_exist_stops_no_clock),
        TEST(a_deadline_of_no_kind_stops_no_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
