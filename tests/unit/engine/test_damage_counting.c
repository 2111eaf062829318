/* A bit flips in what answers are counted with: cases are told complete all the same, or named. */
#include "damage_fixture.h"

/* Nobody has to read a case to know that nothing of it is waited for. */
static void a_damaged_case_is_told_complete(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_CASE, key_case(&w->counsellor.oin, &cases[1].id));
    for (size_t i = 0; i < CASES; i++)
        request_answer_with(w, &cases[i].requests[0], 100);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), CASES);
    assert_int_equal(listed(w, "NOT_COUNTED"), 0);
}

/* Cases of one letter: they are counted in one row. Its key. */
static struct row_key register_together(struct world *w, struct told_case *cases)
{
    static const uint8_t zero;
    struct letter letter;
    struct store_row *rows;
    size_t count = 0;
    struct row_key key = {.len = STORE_NUMBER_BYTES};
    letter_begin(&letter, w, &w->counsellor);
    for (size_t i = 0; i < CASES; i++) {
        case_make(&cases[i], &w->creditor, 2);
        case_write(&letter, &cases[i]);
    }
    assert_taken(letter_send(&letter), CASES * 3);
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, STORE_PROGRESS, span_of(&zero, 1), span_of(NULL, 0), 10, 1000,
                         &w->arena, &rows, &count));
    assert_int_equal(count, 1);
    memcpy(key.bytes, rows[0].key.data, STORE_NUMBER_BYTES);
    store_rollback(w->store);
    return key;
}

static size_t told_complete(struct world *w)
{
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    return count_events(&post, EVENT(CASE_COMPLETE));
}

/* One case is complete before the damage, one has an answer that is not counted yet, one has none. */
static void cases_are_counted_on_their_pages_when_their_row_is_damaged(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct row_key key = register_together(w, cases);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    assert_int_equal(told_complete(w), 1);
    request_answer_with(w, &cases[1].requests[0], 100);
    damage(w, STORE_PROGRESS, key);
    assert_int_equal(told_complete(w), 0);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    request_answer_with(w, &cases[2].requests[0], 100);
    request_answer_with(w, &cases[1].requests[1], 100);
    assert_int_equal(told_complete(w), 1);
    request_answer_with(w, &cases[1].requests[1], 90); /* a correction */
    assert_int_equal(told_complete(w), 0);
    request_answer_with(w, &cases[2].requests[1], 100);
    assert_int_equal(told_complete(w), 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    assert_int_equal(listed(w, "NOT_COUNTED"), 0);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* Nobody is refused for it: the next version goes in, and what it adds is waited for. */
static void a_case_whose_row_is_damaged_may_change(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct letter letter;
    struct row_key key = register_together(w, cases);
    damage(w, STORE_PROGRESS, key);
    case_make(&cases[2], &w->creditor, 1);
    cases[0].requests[2] = cases[2].requests[0];
    cases[0].count = 3;
    cases[0].version++;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &cases[0]);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &cases[0].requests[2]);
    assert_taken(letter_send(&letter), 2);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    assert_int_equal(told_complete(w), 0);
    request_answer_with(w, &cases[0].requests[2], 100);
    assert_int_equal(told_complete(w), 1);
}

/* The row and a page of one case: that case is named, its neighbours are told. */
static void what_can_be_counted_nowhere_is_named(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct row_key key = register_together(w, cases);
    for (size_t i = 0; i < CASES; i++)
        for (size_t n = 0; n < 2; n++)
            request_answer_with(w, &cases[i].requests[n], 100);
    damage(w, STORE_PROGRESS, key);
    damage(w, STORE_PAGE, key_page(&cases[1].requests[0].bundle_id, 0));
    assert_int_equal(told_complete(w), 2);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    assert_int_equal(listed(w, "NOT_COUNTED"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_case_is_told_complete),
        TEST(cases_are_counted_on_their_pages_when_their_row_is_damaged),
        TEST(a_case_whose_row_is_damaged_may_change),
        TEST(what_can_be_counted_nowhere_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
