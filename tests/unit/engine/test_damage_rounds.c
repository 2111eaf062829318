/* A bit flips in what the clock participant needs: deadlines, rounds, what waits for them. */
#include "damage_fixture.h"
#include "engine_internal.h"
#include "park.h"
#include "quarantine.h"

static struct span first_key(struct world *w, enum store_table table)
{
    static const uint8_t zero;
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, table, span_of(&zero, 1), span_of(NULL, 0), 1, 1000, &w->arena,
                         &rows, &count));
    store_rollback(w->store);
    assert_int_equal(count, 1);
    return rows[0].key;
}

static void damage_first_at(struct world *w, enum store_table table, size_t at)
{
    struct span key = first_key(w, table);
    struct row_key copy = {.len = key.len};
    memcpy(copy.bytes, key.data, key.len);
    damage_byte(w, table, copy, at);
}

static void damage_first(struct world *w, enum store_table table)
{
    damage_first_at(w, table, NEEDLE_BYTES);
}

/* A damaged deadline and a damaged list of what waits are both written again from their keys. */
static void a_round_is_published_though_its_deadline_was_damaged(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct party nobody = {.session = 0};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    damage_first(w, STORE_WAITING);
    damage_first(w, STORE_DEADLINE);
    world_set_time(w, 20270204, TEN_HOURS + 1);
    for (size_t i = 0; i < 8; i++)
        (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
    assert_int_equal(listed(w, "DAMAGED"), 2);
}

static void a_damaged_page_keeps_nothing_else_from_becoming_overdue(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_PAGE, key_page(&cases[1].requests[0].bundle_id, 0));
    world_go_to(w, 20270301, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 2);
    assert_int_equal(listed(w, "NOT_DUE"), 1);
}

/* It was the last of its agreement. */
static void what_waits_for_a_damaged_round_leaves_with_one_in_its_place(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .valid_until = 20270204};
    struct party nobody = {.session = 0};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_set_time(w, 20270204, TEN_HOURS);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    damage_first(w, STORE_ROUND);
    tick_through(w, 20270204, TEN_HOURS + 1);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(REQUESTED));
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
}

/* The round that was opened is gone, and nobody can tell whose it was: what waits for it leaves with the
 * next, and the clock goes on. */
static void a_damaged_round_keeps_nothing_else_from_happening(void **state)
{
    struct world *w = *state;
    struct told_case told, other;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct party nobody = {.session = 0};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    case_make(&other, &w->rsa, 1); /* at once: due on the fifteenth */
    case_register(w, &other);
    world_set_time(w, 20270204, TEN_HOURS);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    damage_first_at(w, STORE_ROUND, ID_BYTES); /* of its agreement */
    tick_through(w, 20270204, TEN_HOURS + 1);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(WAITING_FOR_ROUND));
    assert_int_equal(listed(w, "DAMAGED"), 1);
    tick_through(w, 20270211, TEN_HOURS);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(REQUESTED));
    tick_through(w, 20270216, TEN_HOURS);
    assert_int_equal(view_request(w, &other, 0)->state, STATE(OVERDUE));
    json_decref(world_admin(w, "{'command':'round.list'}"));
}

/* What fails together is tried again one by one, and the tick then does the same. */
static void a_tick_that_shares_its_transaction_meets_the_damage_too(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct party nobody = {.session = 0};
    uint64_t nowhere[] = {1000};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_set_time(w, 20270204, TEN_HOURS);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    damage_first(w, STORE_ROUND);
    world_set_time(w, 20270204, TEN_HOURS + 1);
    park_submit(w->engine, &w->creditor.oin, "", w->creditor.session, nowhere, 1);
    assert_int_not_equal(world_ask(w, &nobody, ENGINE_TICK, NULL)->err, SKP_OK);
    world_pump(w);
    assert_int_equal(listed(w, "DAMAGED"), 1);
}

static void a_damaged_round_is_not_closed_and_its_terms_run_on(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .valid_until = 20270205};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_go_to(w, 20270204, TEN_HOURS);
    json_t *list = world_admin(w, "{'command':'round.list'}");
    json_t *row = json_array_get(json_object_get(list, "rows"), 0);
    struct skp_id round_id;
    assert_true(id_parse(json_string_value(json_object_get(row, "round_id")), &round_id));
    json_decref(list);
    damage(w, STORE_ROUND, key_round(&round_id));
    tick_through(w, 20270219, TEN_HOURS);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(OVERDUE));
    world_tick(w);
}

/* ---------------------------------------------------------------- two agreements, one page */

/* Its requests wait for rounds of two agreements: the first for Thursday's, the second for Friday's. */
static void wait_for_two(struct world *w, struct told_case *told, struct skp_id *ret_ids)
{
    struct agreement_terms thursday = {.weekdays = THURSDAYS,
                                       .minute_of_day = TEN_HOURS,
                                       .term_working_days = 3,
                                       .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
    struct agreement_terms friday = {.weekdays = THURSDAYS << 1,
                                     .minute_of_day = TEN_HOURS,
                                     .product = SKP__V1__PRODUCT__PRODUCT_REFINANCING};
    ret_ids[0] = agreement_make(w, &w->creditor, &thursday);
    ret_ids[1] = agreement_make(w, &w->creditor, &friday);
    case_make(told, &w->creditor, 2);
    told->requests[1].product = SKP__V1__PRODUCT__PRODUCT_REFINANCING;
    case_register(w, told);
}

/* The key of the row of what waits for this agreement. */
static struct row_key waiting_key(struct world *w, const struct skp_id *agreement_id)
{
    struct row_key whole = key_round(agreement_id);
    struct row_key end = key_after_prefix(&whole);
    struct row_key key;
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, STORE_WAITING, row_key_span(&whole), row_key_span(&end), 2, 1000,
                         &w->arena, &rows, &count));
    store_rollback(w->store);
    assert_int_equal(count, 1);
    key.len = rows[0].key.len;
    memcpy(key.bytes, rows[0].key.data, key.len);
    return key;
}

static void assert_two_rounds(struct world *w, const struct told_case *told)
{
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(view_request(w, told, 0)->state, STATE(REQUESTED));
    assert_int_equal(view_request(w, told, 0)->due_date, 20270209);
    assert_int_equal(view_request(w, told, 1)->state, STATE(WAITING_FOR_ROUND));
    tick_through(w, 20270205, TEN_HOURS);
    assert_int_equal(view_request(w, told, 1)->state, STATE(REQUESTED));
    assert_int_equal(view_request(w, told, 1)->due_date, 20270219);
}

static void a_damaged_list_of_what_waits_names_its_own_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_id ids[2];
    wait_for_two(w, &told, ids);
    damage(w, STORE_WAITING, waiting_key(w, &ids[0]));
    assert_two_rounds(w, &told);
}

/* Both are damaged, and nobody knows which request waits for which round: all leave with the first, and
 * the second has nothing to do. */
static void two_damaged_lists_of_one_page_leave_with_the_first_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_id ids[2];
    wait_for_two(w, &told, ids);
    struct row_key second = waiting_key(w, &ids[1]);
    damage(w, STORE_WAITING, waiting_key(w, &ids[0]));
    damage(w, STORE_WAITING, second);
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(REQUESTED));
    assert_int_equal(view_request(w, &told, 1)->state, STATE(REQUESTED));
    tick_through(w, 20270205, TEN_HOURS);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
    world_tick(w);
}

/* As a list that names too much, however it came to. */
static void a_round_leaves_out_what_left_before(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_id ids[2];
    wait_for_two(w, &told, ids);
    struct row_key key = waiting_key(w, &ids[0]);
    struct store_row row = {
        .key = row_key_span(&key), .value = u64_pack(3, &w->arena), .version = STORE_ANY};
    assert_ok(store_begin(w->store));
    assert_ok(store_put(w->store, STORE_WAITING, &row, 1));
    assert_ok(store_commit(w->store));
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(view_request(w, &told, 1)->state, STATE(REQUESTED));
    struct post post = collect_all(w, &w->creditor);
    tick_through(w, 20270205, TEN_HOURS);
    world_tick(w);
    post = collect_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_int_equal(find_overview(&post, 0)->total_items, 2); /* both are still open */
    assert_int_equal(view_request(w, &told, 1)->due_date, 20270209);
}

/* The number of rows is what is wrong with the page: nothing is found there, and no row is to blame. */
static void requests_that_are_not_found_stop_no_clock(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    agreement_make(w, &w->creditor, &terms);
    damage_page(w, "sqlite_autoindex_page_1");
    tick_through(w, 20270204, TEN_HOURS);
    tick_through(w, 20270301, WORLD_MINUTE);
    struct post post = fetch_all(w, &w->creditor);
    assert_non_null(find_overview(&post, 0));
    assert_int_equal(find_overview(&post, 0)->total_items, 0);
    assert_true(count_events(&post, EVENT(ROUND_CLOSED)) >= 1);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
}

/* Three stand on that page: one is not found, and what is found cannot be written. */
static void requests_that_cannot_be_written_stop_no_clock(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    register_cases(w, cases);
    agreement_make(w, &w->creditor, &terms);
    damage_page(w, "sqlite_autoindex_page_1");
    for (int i = 0; i < 3; i++)
        tick_through(w, 20270301, WORLD_MINUTE);
    struct post post = fetch_all(w, &w->creditor);
    assert_non_null(find_overview(&post, 0));
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 0);
    damage_page(w, "sqlite_autoindex_page_1"); /* the bit flips back */
    tick_through(w, 20270301, WORLD_MINUTE + 1);
    for (size_t i = 0; i < CASES; i++)
        assert_int_equal(view_request(w, &cases[i], 0)->state, STATE(OVERDUE));
    assert_int_equal(engine_rows_aside(w->engine), 0);
}

/* A round does not list them, which may pass; that they do not become overdue does not. */
static void requests_that_were_passed_over_are_named_for_good_when_they_are_due(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    agreement_make(w, &w->creditor, &terms);
    damage(w, STORE_PAGE, key_page(&told.requests[0].bundle_id, 0));
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    tick_through(w, 20270301, WORLD_MINUTE);
    assert_int_equal(listed(w, "PASSED_OVER"), 0);
    assert_int_equal(listed(w, "NOT_DUE"), 1);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* The disk reads badly on the day of a round, and well on that of the next. */
static void what_waits_on_a_page_that_is_readable_again_leaves_with_the_next_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage_page(w, "sqlite_autoindex_page_1");
    tick_through(w, 20270204, TEN_HOURS);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(find_overview(&post, 0)->total_items, 0);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    damage_page(w, "sqlite_autoindex_page_1"); /* the bit flips back */
    assert_int_equal(view_request(w, &told, 0)->state, STATE(WAITING_FOR_ROUND));
    tick_through(w, 20270211, TEN_HOURS);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(REQUESTED));
    assert_int_equal(listed(w, "PASSED_OVER"), 0);
    assert_int_equal(engine_rows_aside(w->engine), 0);
    post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
}

/* No round reads them any more. */
static void requests_that_are_answered_after_all_are_not_named_any_longer(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    agreement_make(w, &w->creditor, &terms);
    damage_page(w, "sqlite_autoindex_page_1");
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    damage_page(w, "sqlite_autoindex_page_1"); /* the bit flips back */
    request_answer_with(w, &told.requests[0], 100);
    assert_int_equal(listed(w, "PASSED_OVER"), 0);
    assert_int_equal(engine_rows_aside(w->engine), 0);
}

static void put(struct world *w, enum store_table table, struct row_key key, struct span value)
{
    struct store_row row = {.key = row_key_span(&key), .value = value, .version = STORE_ANY};
    assert_ok(store_begin(w->store));
    assert_ok(store_put(w->store, table, &row, 1));
    assert_ok(store_commit(w->store));
}

static void what_was_kept_and_is_damaged_itself_is_kept_anew_and_counted_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    agreement_make(w, &w->creditor, &terms);
    struct row_key page = key_page(&told.requests[0].bundle_id, 0);
    damage_page(w, "sqlite_autoindex_page_1");
    tick_through(w, 20270204, TEN_HOURS);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    put(w, STORE_META, quarantine_key(STORE_PAGE, row_key_span(&page)), span_of("", 0));
    tick_through(w, 20270211, TEN_HOURS);
    assert_int_equal(listed(w, "PASSED_OVER"), 1);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* None of them was tried. */
static void deadlines_that_cannot_be_read_are_neither_stuck_nor_done(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_page(w, "deadline");
    w->engine->due = (struct due_state){.stuck = 1, .alone = 1, .retries = true};
    tick_through(w, 20270301, WORLD_MINUTE);
    assert_int_equal(w->engine->due.stuck, 1);
    assert_int_equal(w->engine->due.alone, 1);
}

static void assert_deadlines(struct world *w, bool readable)
{
    json_t *said = world_admin(w, "{'command':'status'}");
    assert_int_equal(json_is_null(json_object_get(said, "deadlines")), !readable);
    assert_int_equal(json_is_true(json_object_get(said, "deadlines_unreadable")), !readable);
    assert_int_equal(engine_deadlines_unreadable(w->engine), !readable);
    json_decref(said);
}

/* No row is to blame, so none can be set aside: what is due waits, and nothing else does. */
static void deadlines_that_cannot_be_read_are_told_once_and_stop_nothing_else(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct party nobody = {.session = 0};
    FILE *log = tmpfile();
    register_cases(w, cases);
    damage_page(w, "deadline");
    for (size_t i = 1; i < CASES; i++)
        request_answer_with(w, &cases[i].requests[0], 100);
    log_set_stream(log);
    world_set_time(w, 20270301, WORLD_MINUTE);
    for (size_t i = 0; i < 4; i++)
        assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    assert_true(engine_next_tick_ms(w->engine) > 0); /* a pause */
    assert_deadlines(w, false);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), CASES - 1);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 0);
    flip_page("deadline");
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
    log_set_stream(NULL);
    assert_deadlines(w, true);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 1);
    assert_int_equal(lines_of(log, " error deadlines_unreadable "), 1);
    assert_int_equal(lines_of(log, " info deadlines_readable "), 1);
    assert_int_equal(lines_of(log, ""), 2);
    (void)fclose(log);
}

/* Two cannot be done, between others that can; they are tried again for as long as they stand there. */
static void deadlines_that_cannot_be_done_keep_none_behind_them_waiting(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct skp_id ids[2] = {{{1}}, {{2}}};
    struct party nobody = {.session = 0};
    register_cases(w, cases);
    for (size_t i = 0; i < 2; i++) {
        put(w, STORE_ROUND, key_round(&ids[i]), span_of(ids[i].bytes, 1));
        put(w, STORE_DEADLINE,
            key_deadline(world_now_ms(w) - (int64_t)i, DEADLINE_ROUND_CLOSE, &ids[i], 0),
            u64_pack(1, &w->arena));
    }
    tick_through(w, 20270301, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), CASES);
    for (size_t i = 0; i < 2; i++) {
        struct row_key key = key_round(&ids[i]);
        struct store_row row = {.key = row_key_span(&key), .version = STORE_ANY};
        assert_ok(store_begin(w->store));
        assert_ok(store_remove(w->store, STORE_ROUND, &row, 1));
        assert_ok(store_commit(w->store));
    }
    for (int i = 0; i < 4; i++)
        (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    assert_int_equal(world_tick(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_round_is_published_though_its_deadline_was_damaged),
        TEST(a_damaged_page_keeps_nothing_else_from_becoming_overdue),
        TEST(what_waits_for_a_damaged_round_leaves_with_one_in_its_place),
        TEST(a_damaged_round_keeps_nothing_else_from_happening),
        TEST(a_tick_that_shares_its_transaction_meets_the_damage_too),
        TEST(a_damaged_round_is_not_closed_and_its_terms_run_on),
        TEST(a_damaged_list_of_what_waits_names_its_own_again),
        TEST(two_damaged_lists_of_one_page_leave_with_the_first_round),
        TEST(a_round_leaves_out_what_left_before),
        TEST(requests_that_are_not_found_stop_no_clock),
        TEST(requests_that_cannot_be_written_stop_no_clock),
        TEST(requests_that_were_passed_over_are_named_for_good_when_they_are_due),
        TEST(what_waits_on_a_page_that_is_readable_again_leaves_with_the_next_round),
        TEST(requests_that_are_answered_after_all_are_not_named_any_longer),
        TEST(what_was_kept_and_is_damaged_itself_is_kept_anew_and_counted_once),
        TEST(deadlines_that_cannot_be_read_are_neither_stuck_nor_done),
        TEST(deadlines_that_cannot_be_read_are_told_once_and_stop_nothing_else),
        TEST(deadlines_that_cannot_be_done_keep_none_behind_them_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
