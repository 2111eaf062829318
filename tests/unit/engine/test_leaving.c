/* When a request leaves: at once or in its round, in which order and to which mailbox. */
#include "rounds_fixture.h"

static void a_request_without_agreement_leaves_at_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told, 2);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
    const Skp__V1__RequestView *view = view_request(w, &told, 0);
    assert_int_equal(view->state, SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED);
    assert_int_equal(view->due_date, 20270215); /* ten working days after Monday */
    assert_string_equal(view->creditor, OIN_CREDITOR);
    struct post events = fetch_all(w, &w->counsellor);
    const Skp__V1__EventFact *event =
        find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, 0);
    assert_non_null(event);
    assert_int_equal(event->n_request_ids, 2);
    assert_int_equal(event->due_date, 20270215);
    assert_int_equal(event->calendar_version, CALENDAR_VERSION);
    assert_int_equal(event->round_id.len, 0);
    assert_string_equal(event->other, OIN_CREDITOR);
}

static void a_request_with_agreement_waits_for_its_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    thursdays(w);
    register_one(w, &told, 2);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND);
    world_go_to(w, THURSDAY, TEN_HOURS - 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
    const Skp__V1__OverviewFact *overview = find_overview(&post, 0);
    assert_non_null(overview);
    assert_true(overview->last);
    assert_int_equal(overview->part, 1);
    assert_int_equal(overview->total_items, 2);
    assert_int_equal(overview->n_items, 2);
    assert_int_equal(overview->due_date, 20270218);
    assert_string_equal(overview->items[0]->counsellor, OIN_COUNSELLOR);
    assert_true(span_equal(wire_span(overview->items[0]->bundle_id),
                           span_of(told.requests[0].bundle_id.bytes, ID_BYTES)));
    assert_int_equal(view_request(w, &told, 1)->due_date, 20270218);
    struct post events = fetch_all(w, &w->counsellor);
    const Skp__V1__EventFact *event =
        find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, 0);
    assert_int_equal(event->n_request_ids, 2);
    assert_int_equal(event->round_id.len, ID_BYTES);
}

/* The test's clock stands still, so these have nothing but their order. */
static void what_waits_leaves_in_the_order_it_came_even_within_one_millisecond(void **state)
{
    struct world *w = *state;
    static struct told_case told[12];
    thursdays(w);
    register_many(w, told, 9, 1);
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    for (size_t i = 9; i < 12; i++) {
        case_make(&told[i], &w->creditor, 1);
        line_case(&letter, &told[i]);
    }
    for (size_t i = 9; i < 12; i++) {
        letter_to(&letter, &w->creditor);
        line_request(&letter, &told[i].requests[0]);
    }
    assert_taken(letter_send(&letter), 6);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    size_t found = 0;
    for (size_t i = 0; i < post.count; i++) {
        if (!oin_equal(&post.mails[i].checked.header.sender, &w->counsellor.oin))
            continue;
        assert_true(found < 12);
        assert_true(
            id_equal(&post.mails[i].checked.head.bundle_id, &told[found++].requests[0].bundle_id));
    }
    assert_int_equal(found, 12);
}

static void an_urgent_request_never_waits(void **state)
{
    struct world *w = *state;
    struct told_case told;
    thursdays(w);
    case_make(&told, &w->creditor, 2);
    told.requests[1].urgent = true;
    case_register(w, &told);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_null(post.mails[0].lines[0]);
    assert_int_equal(post.mails[0].checked.bundle->n_withheld, 1);
    assert_int_equal(view_request(w, &told, 1)->due_date, TUESDAY);
    assert_int_equal(view_request(w, &told, 0)->due_date, 0);
    world_go_to(w, THURSDAY, TEN_HOURS);
    post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
}

static void who_would_wait_too_long_leaves_at_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .waiting_working_days = 2};
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 1); /* Monday: three working days to wait */
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
    world_go_to(w, TUESDAY, 9 * 60);
    register_one(w, &told, 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
}

/* One transaction may publish a round and take a request that leaves at once: two events. */
static void what_leaves_at_once_is_not_told_as_part_of_a_round(void **state)
{
    struct world *w = *state;
    struct told_case first;
    struct told_case second;
    struct letter letter;
    struct party nobody = {.session = 0};
    struct agreement_terms terms = {.weekdays = THURSDAYS,
                                    .minute_of_day = TEN_HOURS,
                                    .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &first, 33);
    world_set_time(w, THURSDAY, TEN_HOURS);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err); /* opens */
    case_make(&second, &w->creditor, 1);
    second.requests[0].product = SKP__V1__PRODUCT__PRODUCT_REFINANCING; /* not covered */
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &second);
    struct answer *tick = world_submit(w, &nobody, ENGINE_TICK, span_of("", 0), NULL, 0);
    struct answer *sent = letter_submit(&letter);
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    assert_ok(tick->err);
    assert_ok(sent->err);
    struct post post = fetch_all(w, &w->counsellor);
    size_t alone = 0;
    for (size_t i = 0; find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, i); i++) {
        const Skp__V1__EventFact *event =
            find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, i);
        assert_int_equal(event->due_date, 20270218);
        alone += event->round_id.len == 0 && event->n_request_ids == 1;
    }
    assert_int_equal(alone, 1);
}

static void a_bundle_for_a_branch_waits_and_goes_to_the_branch(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    assert_ok(publish_record(w, &w->creditor, "zuid", 1));
    thursdays(w);
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to_mailbox(&letter, &w->creditor, "zuid");
    line_request(&letter, &told.requests[0]);
    assert_taken(letter_send(&letter), 2);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post south = fetch_from(w, &w->creditor, 2, "zuid", 10, 1 << 20);
    assert_int_equal(count_lines(&south, SKP__V1__LINE__FACT_REQUEST), 1);
    struct post main_box = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&main_box, SKP__V1__LINE__FACT_REQUEST), 0);
    assert_non_null(find_overview(&main_box, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_without_agreement_leaves_at_once),
        TEST(a_request_with_agreement_waits_for_its_round),
        TEST(what_waits_leaves_in_the_order_it_came_even_within_one_millisecond),
        TEST(an_urgent_request_never_waits),
        TEST(who_would_wait_too_long_leaves_at_once),
        TEST(what_leaves_at_once_is_not_told_as_part_of_a_round),
        TEST(a_bundle_for_a_branch_waits_and_goes_to_the_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
