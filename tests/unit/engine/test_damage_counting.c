/* A bit flips in what answers are counted with: cases are told complete all the same, or named. */
#include "damage_fixture.h"
#include "faulty_store.h"

#define MANY 300 /* cases: more journal rows than one turn counts */

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

/* Its next version, with one request more. */
static void add_request(struct world *w, struct told_case *told)
{
    struct told_case extra;
    struct letter letter;
    case_make(&extra, &w->creditor, 1);
    told->requests[told->count] = extra.requests[0];
    told->version++;
    told->count++;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told->requests[told->count - 1]);
    assert_taken(letter_send(&letter), 2);
}

/* Nobody is refused for it: the next version goes in, and what it adds is waited for. */
static void a_case_whose_row_is_damaged_may_change(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    damage(w, STORE_PROGRESS, register_together(w, cases));
    add_request(w, &cases[0]);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    assert_int_equal(told_complete(w), 0);
    request_answer_with(w, &cases[0].requests[2], 100);
    assert_int_equal(told_complete(w), 1);
}

/* The row of what is opened now has never been written, so nobody looks for it beside the damage. */
static void a_damaged_row_is_not_in_the_way_of_new_cases(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct told_case fresh;
    damage(w, STORE_PROGRESS, register_together(w, cases));
    case_make(&fresh, &w->creditor, 1);
    case_register(w, &fresh);
    request_answer_with(w, &fresh.requests[0], 100);
    assert_int_equal(told_complete(w), 1);
}

static size_t told_complete_of(struct world *w, const struct skp_id *case_id)
{
    size_t told = 0;
    struct post post;
    do {
        post = collect_all(w, &w->counsellor);
        for (size_t n = 0; n < count_events(&post, EVENT(CASE_COMPLETE)); n++)
            told += span_equal(wire_span(find_event(&post, EVENT(CASE_COMPLETE), n)->case_id),
                               span_of(case_id->bytes, ID_BYTES));
    } while (post.count > 0);
    return told;
}

/* Its two answers are on the pages, and the note of the second waits for another turn, when the pages say
 * that it is complete. What the next version adds is waited for all the same. */
static void notes_that_come_late_count_for_nothing(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct letter letter;
    struct party nobody = {.session = 0};
    struct row_key key = register_together(w, cases);
    struct told_case *many = arena_calloc(&w->arena, MANY, sizeof *many);
    assert_non_null(many);
    letter_begin(&letter, w, &w->counsellor);
    for (size_t i = 0; i < MANY; i++) {
        case_make(&many[i], &w->creditor, 1);
        case_write(&letter, &many[i]);
    }
    assert_taken(letter_send(&letter), 2 * MANY);
    world_tick(w);
    request_answer_with(w, &cases[0].requests[0], 100);
    for (size_t i = 0; i < MANY; i++)
        request_answer_with(w, &many[i].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    damage(w, STORE_PROGRESS, key);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    assert_int_equal(told_complete_of(w, &cases[0].id), 1);
    add_request(w, &cases[0]);
    world_tick(w);
    assert_int_equal(told_complete_of(w, &cases[0].id), 0);
    request_answer_with(w, &cases[0].requests[2], 100);
    world_tick(w);
    assert_int_equal(told_complete_of(w, &cases[0].id), 1);
}

/* No row can be named: the number of its cells is what is wrong with the page. */
static void a_damaged_page_of_counts_stops_neither_the_clock_nor_the_telling(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    (void)register_together(w, cases);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    damage_page(w, "case_progress");
    struct party nobody = {.session = 0};
    for (int i = 0; i < 3; i++)
        assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    assert_int_equal(told_complete_of(w, &cases[0].id), 1);
}

/* The number of rows is what is wrong with the page, so that none is to blame. */
static void answers_that_cannot_be_counted_keep_nothing_from_happening(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    request_answer_with(w, &cases[0].requests[0], 100);
    damage_page(w, "sqlite_autoindex_journal_1");
    tick_through(w, 20270301, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), CASES - 1);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), 0);
}

static size_t pages_explained(const struct sqlite_store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < SQLITE_PAGES_EXPLAINED; i++)
        count += store->sums.explained[i] != 0;
    return count;
}

/* By a copy of the log, which is another connection. */
static void a_page_that_was_written_anew_is_held_against_its_sum_again(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    damage(w, STORE_PROGRESS, register_together(w, cases));
    struct sqlite_store *store = (struct sqlite_store *)w->store;
    request_answer_with(w, &cases[0].requests[0], 100);
    world_tick(w);
    assert_int_equal(pages_explained(store), 1);
    store->checkpoint_bytes = (int64_t)store->log_pages * SQLITE_PAGE_BYTES - 1;
    assert_ok(store_maintain(w->store));
    assert_true(store->copy.is_under_way);
    sqlite3_db_release_memory(store->db); /* so that it is read from the file */
    request_answer_with(w, &cases[0].requests[1], 100);
    world_tick(w);
    assert_int_equal(pages_explained(store), 0);
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

/* The transaction is over then: nothing more is asked of it. */
static void a_row_that_cannot_be_set_aside_ends_its_turn_and_no_more(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct party nobody = {.session = 0};
    struct row_key key = register_together(w, cases);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[0].requests[1], 100);
    damage(w, STORE_PROGRESS, key);
    struct store *store = w->engine->store;
    w->engine->store = faulty_store_borrow(store);
    assert_err(world_ask(w, &nobody, ENGINE_TICK, NULL)->err, SKP_E_UNAVAILABLE);
    store_close(w->engine->store);
    w->engine->store = store;
    assert_int_equal(told_complete(w), 1);
}

/* Its case is damaged as well, and every answer meets that. */
static void what_is_named_already_is_not_counted_again(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct row_key key = register_together(w, cases);
    damage(w, STORE_PROGRESS, key);
    damage(w, STORE_CASE, key_case(&w->counsellor.oin, &cases[1].id));
    for (size_t n = 0; n < 2; n++) {
        request_answer_with(w, &cases[1].requests[n], 100);
        world_tick(w);
        assert_int_equal(engine_rows_aside(w->engine), 2);
    }
    assert_int_equal(listed(w, "DAMAGED"), 1);
    assert_int_equal(listed(w, "NOT_COUNTED"), 1);
}

static void put_row(struct world *w, enum store_table table, struct row_key key)
{
    struct store_row row = {
        .key = row_key_span(&key), .value = u64_pack(1, &w->arena), .version = STORE_NEW};
    assert_ok(store_begin(w->store));
    assert_ok(store_put(w->store, table, &row, 1));
    assert_ok(store_commit(w->store));
}

/* Its round cannot be read, though it is as it was written. */
static void a_deadline_that_cannot_be_done_keeps_no_answer_from_being_counted(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party nobody = {.session = 0};
    struct skp_id round_id = {{1}};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    put_row(w, STORE_ROUND, key_round(&round_id));
    put_row(w, STORE_DEADLINE, key_deadline(world_now_ms(w), DEADLINE_ROUND_CLOSE, &round_id, 0));
    request_answer_with(w, &told.requests[0], 100);
    for (int i = 0; i < 4; i++) {
        enum skp_err err = world_ask(w, &nobody, ENGINE_TICK, NULL)->err;
        assert_err(err, i % 2 == 0 ? SKP_E_INTERNAL : SKP_OK); /* it is tried again */
    }
    assert_int_equal(told_complete_of(w, &told.id), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_case_is_told_complete),
        TEST(cases_are_counted_on_their_pages_when_their_row_is_damaged),
        TEST(a_case_whose_row_is_damaged_may_change),
        TEST(a_damaged_row_is_not_in_the_way_of_new_cases),
        TEST(notes_that_come_late_count_for_nothing),
        TEST(a_damaged_page_of_counts_stops_neither_the_clock_nor_the_telling),
        TEST(answers_that_cannot_be_counted_keep_nothing_from_happening),
        TEST(a_page_that_was_written_anew_is_held_against_its_sum_again),
        TEST(what_can_be_counted_nowhere_is_named),
        TEST(a_row_that_cannot_be_set_aside_ends_its_turn_and_no_more),
        TEST(what_is_named_already_is_not_counted_again),
        TEST(a_deadline_that_cannot_be_done_keeps_no_answer_from_being_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
