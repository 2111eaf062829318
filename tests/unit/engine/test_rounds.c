/* The clock participant: rounds, due dates, overdue, completeness. */
#include "engine_mail.h"

#include <jansson.h>
#include <stdio.h>

#define TUESDAY  20270202
#define THURSDAY 20270204
#define FRIDAY   20270205

/* Rounds on Thursdays at ten, answers within ten working days. */
static struct skp_id thursdays(struct world *w)
{
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    world_tick(w);
    return id;
}

static void register_many(struct world *w, struct told_case *cases, size_t count, size_t requests)
{
    for (size_t i = 0; i < count; i++) {
        case_make(&cases[i], &w->creditor, requests);
        case_register(w, &cases[i]);
    }
}

/* ---------------------------------------------------------------- leaving */

static void a_request_without_agreement_leaves_at_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
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
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
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
    case_make(&told, &w->creditor, 1);
    case_register(w, &told); /* Monday: three working days to wait */
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
    world_go_to(w, TUESDAY, 9 * 60);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
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
    case_make(&first, &w->creditor, 33);
    case_register(w, &first);
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

/* ---------------------------------------------------------------- rounds */

static void an_empty_overview_is_sent_too(void **state)
{
    struct world *w = *state;
    thursdays(w);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    const Skp__V1__OverviewFact *overview = find_overview(&post, 0);
    assert_int_equal(overview->n_items, 0);
    assert_int_equal(overview->total_items, 0);
    assert_true(overview->last);
}

static void a_round_opens_once_for_each_hour_of_its_schedule(void **state)
{
    struct world *w = *state;
    thursdays(w);
    world_go_to(w, THURSDAY, TEN_HOURS);
    world_go_to(w, THURSDAY, TEN_HOURS + 1);
    world_go_to(w, FRIDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
    world_go_to(w, 20270211, TEN_HOURS);
    post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
}

static void a_replaced_agreement_opens_no_rounds(void **state)
{
    struct world *w = *state;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.minute_of_day = TEN_HOURS + 60;
    terms.valid_from = 20270208;
    agreement_make(w, &w->creditor, &terms);
    world_go_to(w, THURSDAY, 23 * 60);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
    assert_int_equal(find_overview(&post, 0)->agreement_version, 1);
    for (int week = 0; week < 2; week++) {
        world_go_to(w, 20270211 + 7 * week, TEN_HOURS);
        world_go_to(w, 20270211 + 7 * week, 23 * 60);
        post = collect_all(w, &w->creditor);
        assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
        assert_int_equal(find_overview(&post, 0)->agreement_version, 2);
    }
}

/* The broker was away at the last hour that the agreement was valid. */
static void a_round_whose_hour_was_missed_is_opened_late(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .valid_until = THURSDAY};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_go_to(w, FRIDAY, 9 * 60);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    world_go_to(w, 20270215, 9 * 60);
    post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 0);
}

static void an_overview_lists_what_is_still_open_oldest_first(void **state)
{
    struct world *w = *state;
    struct told_case first;
    struct told_case second;
    thursdays(w);
    case_make(&first, &w->creditor, 2);
    case_register(w, &first);
    world_go_to(w, THURSDAY, TEN_HOURS);
    collect_all(w, &w->creditor);
    request_answer_with(w, &first.requests[0], 5000);
    case_make(&second, &w->creditor, 1);
    case_register(w, &second);
    world_go_to(w, 20270211, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    const Skp__V1__OverviewFact *overview = find_overview(&post, 0);
    assert_int_equal(overview->n_items, 2);
    assert_true(span_equal(wire_span(overview->items[0]->request_id),
                           span_of(first.requests[1].id.bytes, ID_BYTES)));
    assert_int_equal(overview->items[0]->due_date, 20270218);
    assert_true(span_equal(wire_span(overview->items[1]->request_id),
                           span_of(second.requests[0].id.bytes, ID_BYTES)));
    assert_int_equal(overview->items[1]->due_date, 20270225);
    /* What is listed again is not delivered again. */
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
}

static void a_large_round_leaves_in_parts(void **state)
{
    struct world *w = *state;
    static struct told_case cases[11];
    thursdays(w);
    register_many(w, cases, 11, 200);
    uint64_t before = w->engine->chain.sequence;
    world_go_to(w, THURSDAY, TEN_HOURS);
    assert_true(w->engine->chain.sequence >= before + 4); /* open, three parts */
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2200);
    size_t items = 0;
    const Skp__V1__OverviewFact *overview = find_overview(&post, 0);
    for (uint32_t n = 0; find_overview(&post, n); n++) {
        overview = find_overview(&post, n);
        assert_int_equal(overview->part, n + 1);
        assert_int_equal(overview->last, !find_overview(&post, n + 1));
        items += overview->n_items;
    }
    assert_int_equal(items, 2200);
    assert_int_equal(overview->total_items, 2200);
    struct post events = collect_all(w, &w->counsellor);
    size_t told = 0;
    for (size_t n = 0; find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, n); n++)
        told += find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, n)->n_request_ids;
    assert_int_equal(told, 2200);
}

/* The next round delivers nothing, and lists all of it again. */
static void a_long_list_of_open_requests_leaves_in_parts_too(void **state)
{
    struct world *w = *state;
    static struct told_case cases[11];
    struct map listed;
    size_t items = 0;
    thursdays(w);
    register_many(w, cases, 11, 200);
    world_go_to(w, THURSDAY, TEN_HOURS);
    collect_all(w, &w->creditor);
    uint64_t before = w->engine->chain.sequence;
    world_go_to(w, 20270211, TEN_HOURS);
    assert_true(w->engine->chain.sequence >= before + 4); /* open, three parts */
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 0);
    assert_ok(map_init(&listed, ID_BYTES, 2200, 2200));
    for (uint32_t n = 0; find_overview(&post, n); n++) {
        const Skp__V1__OverviewFact *overview = find_overview(&post, n);
        assert_int_equal(overview->last, !find_overview(&post, n + 1));
        for (size_t i = 0; i < overview->n_items; i++)
            assert_ok(map_add(&listed, overview->items[i]->request_id.data, NULL));
        items = overview->last ? overview->total_items : 0;
    }
    assert_int_equal(listed.count, 2200);
    assert_int_equal(items, 2200);
    map_fini(&listed);
}

static void a_round_closes_after_its_term(void **state)
{
    struct world *w = *state;
    struct told_case told;
    thursdays(w);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_go_to(w, THURSDAY, TEN_HOURS);
    collect_all(w, &w->creditor);
    world_go_to(w, 20270218, 23 * 60 + 59);
    struct post before = collect_all(w, &w->creditor);
    assert_int_equal(count_events(&before, SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED), 0);
    world_go_to(w, 20270219, 7 * 60);
    struct post post = collect_all(w, &w->creditor);
    const Skp__V1__EventFact *closed =
        find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED, 0);
    assert_non_null(closed);
    assert_int_equal(closed->due_date, 20270218);
    assert_null(find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED, 1));
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE), 1);
    json_t *list = world_admin(w, "{'command':'round.list'}");
    json_t *rows = json_object_get(list, "rows");
    assert_int_equal(json_array_size(rows), 2); /* the second opened late */
    json_t *row = NULL;
    for (size_t i = 0; i < 2; i++) {
        json_t *one = json_array_get(rows, i);
        if (strcmp(json_string_value(json_object_get(one, "state")), "CLOSED") == 0)
            row = one;
    }
    assert_non_null(row);
    assert_string_equal(json_string_value(json_object_get(row, "reason")), "");
    assert_string_equal(json_string_value(json_object_get(row, "opened")), "2027-02-04T10:00");
    assert_string_equal(json_string_value(json_object_get(row, "closed")), "2027-02-19T07:00");
    assert_string_equal(json_string_value(json_object_get(row, "due")), "2027-02-18");
    assert_int_equal(json_integer_value(json_object_get(row, "items")), 1);
    json_decref(list);
}

/* ---------------------------------------------------------------- terms */

static void overdue_goes_to_both_sides_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 3);
    case_register(w, &told);
    request_answer_with(w, &told.requests[1], 100);
    collect_all(w, &w->creditor);
    collect_all(w, &w->counsellor);
    world_go_to(w, 20270216, 7 * 60 - 1);
    struct post early = collect_all(w, &w->creditor);
    assert_int_equal(count_events(&early, SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE), 0);
    world_go_to(w, 20270216, 7 * 60);
    const struct party *sides[] = {&w->creditor, &w->counsellor};
    for (size_t i = 0; i < 2; i++) {
        struct post post = collect_all(w, sides[i]);
        const Skp__V1__EventFact *event =
            find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE, 0);
        assert_non_null(event);
        assert_null(find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE, 1));
        assert_int_equal(event->n_request_ids, 2);
        assert_int_equal(event->due_date, 20270215);
        assert_string_equal(event->other, sides[1 - i]->oin.text);
    }
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE);
    world_go_to(w, 20270217, 7 * 60);
    assert_int_equal(collect_all(w, &w->creditor).count, 0);
    assert_int_equal(collect_all(w, &w->counsellor).count, 0);
}

static void an_answer_after_the_term_is_late_and_kept(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 3);
    case_register(w, &told);
    world_go_to(w, 20270215, 23 * 60 + 59);
    request_answer_with(w, &told.requests[0], 100);
    world_go_to(w, 20270216, 0);
    request_answer_with(w, &told.requests[1], 200);
    world_go_to(w, 20270216, 8 * 60);
    request_answer_with(w, &told.requests[2], 300);
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(view_request(w, &told, i)->state,
                         SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE);
        assert_int_equal(view_request(w, &told, i)->total_cents, 100 * (i + 1));
    }
}

static void a_complete_case_is_told_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    request_answer_with(w, &told.requests[0], 100);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 0);
    request_answer_with(w, &told.requests[1], 100);
    world_tick(w);
    post = collect_all(w, &w->counsellor);
    const Skp__V1__EventFact *event =
        find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE, 0);
    assert_non_null(event);
    assert_true(span_equal(wire_span(event->case_id), span_of(told.id.bytes, ID_BYTES)));
    request_answer_with(w, &told.requests[1], 90); /* a correction */
    world_tick(w);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 1);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 0);
    assert_int_equal(view_request(w, &told, 1)->total_cents, 90);
    struct letter letter;
    told.version++;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    assert_taken(letter_send(&letter), 1);
    world_tick(w);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 0);
}

/* What is missing may be dropped by the counsellor: that completes a case too. */
static void a_case_completed_by_dropping_what_was_refused_is_told(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[0]);
    letter_send(&letter);
    request_answer_with(w, &told.requests[0], 100);
    world_tick(w);
    collect_all(w, &w->counsellor);
    told.count = 1;
    told.version = 2;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    assert_taken(letter_send(&letter), 1);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 1);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
}

static void what_the_counsellor_must_decide_is_counted(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 0);
    line->answer->outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT;
    line->answer->n_claims = 0;
    letter_line(&letter, line, "", NULL);
    line_answer(&letter, &told.requests[1], 700);
    assert_taken(letter_send(&letter), 2);
    const Skp__V1__CaseView *view = view_case(w, &w->counsellor, &told.id);
    assert_int_equal(view->state, SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    assert_int_equal(view->to_decide, 1);
}

static void consent_on_the_ground_of_an_agreement_is_taken(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct agreement_terms terms = {.weekdays = 0};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 4200);
    line->answer->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    line->answer->agreement_id = wire_id(&id);
    line->answer->agreement_version = 1;
    letter_line(&letter, line, "", NULL);
    assert_taken(letter_send(&letter), 1);
    assert_int_equal(view_request(w, &told, 0)->consent, SKP__V1__CONSENT__CONSENT_PRE_AGREED);
}

static void an_answer_said_again_has_no_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 4200);
    for (uint32_t i = 0; i < 2; i++) {
        letter_begin(&letter, w, &w->creditor);
        letter_to(&letter, &w->counsellor);
        letter_line(&letter, line, "", NULL);
        Skp__V1__ReceiptBody *body = letter_send(&letter);
        assert_taken(body, 1);
        assert_int_equal(body->without_effect, i);
    }
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 1);
}

/* ---------------------------------------------------------------- steering a play clock */

static void advancing_stops_at_each_deadline(void **state)
{
    struct world *w = *state;
    static const char *const stops[] = {"2027-02-04T10:00", "2027-02-11T10:00", "2027-02-18T10:00",
                                        "2027-02-19T07:00", "2027-02-19T12:00"};
    struct told_case told;
    thursdays(w);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        json_t *said = world_admin(w, "{'command':'clock.advance','to':'2027-02-19T12:00'}");
        assert_string_equal(json_string_value(json_object_get(said, "business_time")), stops[i]);
        assert_int_equal(json_is_true(json_object_get(said, "reached")), i == 4);
        json_decref(said);
        world_tick(w);
    }
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

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
        TEST(an_empty_overview_is_sent_too),
        TEST(a_round_opens_once_for_each_hour_of_its_schedule),
        TEST(a_replaced_agreement_opens_no_rounds),
        TEST(a_round_whose_hour_was_missed_is_opened_late),
        TEST(an_overview_lists_what_is_still_open_oldest_first),
        TEST(a_large_round_leaves_in_parts),
        TEST(a_long_list_of_open_requests_leaves_in_parts_too),
        TEST(a_round_closes_after_its_term),
        TEST(overdue_goes_to_both_sides_once),
        TEST(an_answer_after_the_term_is_late_and_kept),
        TEST(a_complete_case_is_told_once),
        TEST(a_case_completed_by_dropping_what_was_refused_is_told),
        TEST(what_the_counsellor_must_decide_is_counted),
        TEST(consent_on_the_ground_of_an_agreement_is_taken),
        TEST(an_answer_said_again_has_no_effect),
        TEST(advancing_stops_at_each_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
