/* What cannot be opened is said, counts as no answer, and can come on paper instead. */
#include "reseal_fixture.h"

static void unreadable_reaches_the_counsellor_and_counts_as_no_answer(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_unreadable(w, &told, 2);
    request_answer_with(w, &told.requests[1], 5000);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 2);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), 0);
    const Skp__V1__CaseView *view = view_case(w, &w->counsellor, &told.id);
    assert_int_equal(view->state, SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    assert_int_equal(view->to_decide, 0);
    assert_state(w, &told, 0, STATE(UNREADABLE));
    assert_int_equal(view_request(w, &told, 0)->outcome, SKP__V1__OUTCOME__OUTCOME_UNREADABLE);
}

static void unreadable_is_never_overdue(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_unreadable(w, &told, 1);
    world_go_to(w, 20270301, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 0);
    assert_state(w, &told, 0, STATE(UNREADABLE));
}

static void who_answered_cannot_say_unreadable_any_more(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    request_answer_with(w, &told.requests[0], 5000);
    told.requests[0].answer_version = 0;
    assert_refused(say_unreadable(w, &told.requests[0]), 0, 0, SKP_E_STATE_INVALID, "answer");
    assert_state(w, &told, 0, STATE(ANSWERED));
}

/* ---------------------------------------------------------------- on paper instead */

static Skp__V1__ReceiptBody *record(struct world *w, const struct told_case *told, size_t n,
                                    uint32_t version, int64_t cents)
{
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_recorded(&letter, told, &told->requests[n].id, version, cents);
    return letter_send(&letter);
}

static void what_stays_unreadable_is_recorded_from_paper_and_the_case_is_complete(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    assert_refused(record(w, &told, 0, 1, 900), 0, 0, SKP_E_STATE_INVALID, "recorded.request_id");
    (void)say_unreadable(w, &told.requests[0]);
    request_answer_with(w, &told.requests[1], 100);
    world_tick(w);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    assert_taken(record(w, &told, 0, 1, 900), 1);
    world_tick(w);
    assert_state(w, &told, 0, STATE(RECORDED));
    assert_int_equal(view_request(w, &told, 0)->total_cents, 900);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    struct post events = fetch_to_the_end(w, &w->counsellor, 9, 100);
    assert_int_equal(count_events(&events, EVENT(CASE_COMPLETE)), 1);
}

static void what_was_recorded_instead_is_corrected_and_never_sealed_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_unreadable(w, &told, 1);
    assert_taken(record(w, &told, 0, 1, 900), 1);
    Skp__V1__ReceiptBody *again = record(w, &told, 0, 1, 900);
    assert_int_equal(again->without_effect, 1);
    assert_refused(record(w, &told, 0, 1, 901), 0, 0, SKP_E_STALE, "recorded.version");
    assert_taken(record(w, &told, 0, 2, 950), 1);
    assert_int_equal(view_request(w, &told, 0)->total_cents, 950);
    struct asked before = told.requests[0];
    assert_unchanged(reseal(w, &told, 0));
    struct letter letter;
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &before, 100);
    assert_refused(letter_send(&letter), 0, 0, SKP_E_STATE_INVALID, "answer");
    assert_state(w, &told, 0, STATE(RECORDED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unreadable_reaches_the_counsellor_and_counts_as_no_answer),
        TEST(unreadable_is_never_overdue),
        TEST(who_answered_cannot_say_unreadable_any_more),
        TEST(what_stays_unreadable_is_recorded_from_paper_and_the_case_is_complete),
        TEST(what_was_recorded_instead_is_corrected_and_never_sealed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
