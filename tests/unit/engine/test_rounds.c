/* Rounds: when they open and close, and what their overviews list. */
#include "rounds_fixture.h"

#include <jansson.h>

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

/* A round of Thursdays under version 1, and version 2 from Wednesday. */
static struct skp_id wait_while_replaced(struct world *w, struct told_case *told, uint32_t weekdays,
                                         int minute)
{
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.weekdays = weekdays;
    terms.minute_of_day = minute;
    terms.valid_from = 20270203;
    agreement_make(w, &w->creditor, &terms);
    register_one(w, told, 1);
    assert_int_equal(view_request(w, told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND);
    return terms.id;
}

static void assert_leaves_in_one_round(struct world *w, uint32_t version)
{
    world_go_to(w, THURSDAY, TEN_HOURS);
    world_go_to(w, THURSDAY, 23 * 60);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 1);
    assert_int_equal(find_overview(&post, 0)->agreement_version, version);
}

static void what_waits_under_a_version_that_was_replaced_leaves_in_one_last_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    wait_while_replaced(w, &told, 0, 0);
    assert_leaves_in_one_round(w, 1);
    world_go_to(w, 20270212, 23 * 60);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_OVERVIEW), 0);
}

/* Monday's would be longer than was promised when it was taken. */
static void nobody_waits_longer_because_the_next_version_opens_later(void **state)
{
    struct world *w = *state;
    struct told_case told;
    wait_while_replaced(w, &told, MONDAYS, TEN_HOURS);
    assert_leaves_in_one_round(w, 1);
}

static void what_waits_leaves_with_the_next_version_when_that_opens_the_same_day(void **state)
{
    struct world *w = *state;
    struct told_case told;
    wait_while_replaced(w, &told, THURSDAYS, TEN_HOURS + 60);
    assert_leaves_in_one_round(w, 2);
}

static void two_versions_with_one_hour_open_one_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    wait_while_replaced(w, &told, THURSDAYS, TEN_HOURS);
    assert_leaves_in_one_round(w, 2);
}

/* Of three versions with one hour the second took the request, and the third opens by hand only. */
static void the_last_round_is_of_the_version_that_was_replaced_last(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.valid_from = 20270201;
    agreement_make(w, &w->creditor, &terms);
    terms.version = 3;
    terms.weekdays = 0;
    terms.valid_from = 20270203;
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 1);
    assert_leaves_in_one_round(w, 2);
}

/* Version 1 promised this Thursday; version 2 opens on Mondays, and no longer when this one comes. */
static void nobody_waits_longer_because_two_versions_began(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_id id = wait_while_replaced(w, &told, MONDAYS, TEN_HOURS);
    struct agreement_terms third = {.id = id, .version = 3, .valid_from = THURSDAY};
    agreement_make(w, &w->creditor, &third);
    assert_leaves_in_one_round(w, 2);
}

/* The broker was away at the last hour that the agreement was valid. */
static void a_round_whose_hour_was_missed_is_opened_late(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .valid_until = THURSDAY};
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 1);
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
    register_one(w, &first, 2);
    world_go_to(w, THURSDAY, TEN_HOURS);
    collect_all(w, &w->creditor);
    request_answer_with(w, &first.requests[0], 5000);
    register_one(w, &second, 1);
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
    register_one(w, &told, 1);
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

/* ---------------------------------------------------------------- steering a play clock */

static void advancing_stops_at_each_deadline(void **state)
{
    struct world *w = *state;
    static const char *const stops[] = {"2027-02-04T10:00", "2027-02-11T10:00", "2027-02-18T10:00",
                                        "2027-02-19T07:00", "2027-02-19T12:00"};
    struct told_case told;
    thursdays(w);
    register_one(w, &told, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_overview_is_sent_too),
        TEST(a_round_opens_once_for_each_hour_of_its_schedule),
        TEST(a_replaced_agreement_opens_no_rounds),
        TEST(what_waits_under_a_version_that_was_replaced_leaves_in_one_last_round),
        TEST(nobody_waits_longer_because_the_next_version_opens_later),
        TEST(what_waits_leaves_with_the_next_version_when_that_opens_the_same_day),
        TEST(two_versions_with_one_hour_open_one_round),
        TEST(the_last_round_is_of_the_version_that_was_replaced_last),
        TEST(nobody_waits_longer_because_two_versions_began),
        TEST(a_round_whose_hour_was_missed_is_opened_late),
        TEST(an_overview_lists_what_is_still_open_oldest_first),
        TEST(a_large_round_leaves_in_parts),
        TEST(a_long_list_of_open_requests_leaves_in_parts_too),
        TEST(a_round_closes_after_its_term),
        TEST(advancing_stops_at_each_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
