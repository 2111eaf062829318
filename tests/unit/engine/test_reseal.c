/* What could not be opened is sealed again and asked anew, and every proof stays valid. */
#include "reseal_fixture.h"

static const struct mail *mail_of(const struct post *post, const struct skp_id *bundle_id)
{
    for (size_t i = 0; i < post->count; i++)
        if (id_equal(&post->mails[i].checked.head.bundle_id, bundle_id))
            return &post->mails[i];
    fail_msg("no such bundle was delivered");
    return NULL;
}

static void a_resealed_request_is_asked_anew_with_a_new_term(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_unreadable(w, &told, 1);
    world_set_time(w, 20270203, WORLD_MINUTE);
    collect_all(w, &w->counsellor);
    assert_resealed(reseal(w, &told, 0));
    const Skp__V1__RequestView *view = view_request(w, &told, 0);
    assert_int_equal(view->state, STATE(REQUESTED));
    assert_int_equal(view->outcome, 0);
    assert_int_equal(view->due_date, 20270217); /* ten working days after Wednesday */
    assert_false(view->collected);
    struct post post = collect_all(w, &w->counsellor);
    const Skp__V1__EventFact *event = find_event(&post, EVENT(PUBLISHED), 0);
    assert_non_null(event);
    assert_int_equal(event->n_request_ids, 1);
    assert_int_equal(event->due_date, 20270217);
}

static void a_resealed_request_is_answered_at_its_new_place(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_unreadable(w, &told, 1);
    assert_resealed(reseal(w, &told, 0));
    struct post post = fetch_all(w, &w->creditor);
    const struct mail *mail = mail_of(&post, &told.requests[0].bundle_id);
    assert_ok(open_part(w, &w->creditor, mail, 0, &told.requests[0]));
    request_answer_with(w, &told.requests[0], 5000);
    assert_state(w, &told, 0, STATE(ANSWERED));
    world_tick(w);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), 1);
    world_go_to(w, 20270301, WORLD_MINUTE);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 0);
}

static void the_old_place_takes_no_answer(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct asked old = told.requests[0];
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    Skp__V1__Line *unreadable = unreadable_new(w, &old);
    letter_line(&letter, unreadable, "", NULL);
    assert_taken(letter_send(&letter), 1);
    assert_resealed(reseal(w, &told, 0));

    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &old, 5000);
    assert_refused(letter_send(&letter), 0, 0, SKP_E_STATE_INVALID, "answer");
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, unreadable, "", NULL);
    const Skp__V1__ReceiptBody *again = letter_send(&letter);
    assert_taken(again, 1);
    assert_int_equal(again->without_effect, 1);
    assert_state(w, &told, 0, STATE(REQUESTED));
}

static void a_request_can_be_unreadable_more_than_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    for (int i = 0; i < 3; i++) {
        assert_taken(say_unreadable(w, &told.requests[0]), 1);
        world_tick(w);
        assert_resealed(reseal(w, &told, 0));
        assert_state(w, &told, 0, STATE(REQUESTED));
    }
    request_answer_with(w, &told.requests[0], 5000);
    assert_state(w, &told, 0, STATE(ANSWERED));
}

static void the_same_line_in_any_other_state_has_no_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct asked at_first = told.requests[0];
    assert_unchanged(reseal(w, &told, 0));
    told.requests[0] = at_first;
    request_answer_with(w, &told.requests[0], 5000);
    assert_unchanged(reseal(w, &told, 0));
    assert_state(w, &told, 0, STATE(ANSWERED));
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
}

static void a_resealed_request_does_not_wait_for_a_round(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {
        .weekdays = THURSDAYS, .minute_of_day = TEN_HOURS, .term_working_days = 5};
    agreement_make(w, &w->creditor, &terms);
    world_tick(w);
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    world_go_to(w, 20270204, TEN_HOURS + 1);
    collect_all(w, &w->creditor);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
    world_set_time(w, 20270205, WORLD_MINUTE);
    assert_resealed(reseal(w, &told, 0));
    assert_int_equal(view_request(w, &told, 0)->due_date, 20270212);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    world_go_to(w, 20270211, TEN_HOURS + 1);
    post = collect_all(w, &w->creditor);
    const Skp__V1__OverviewFact *overview = find_overview(&post, 0);
    assert_int_equal(overview->n_items, 2); /* both are still open, each at its own place */
    bool listed = false;
    for (size_t i = 0; i < overview->n_items; i++)
        listed |= span_equal(wire_span(overview->items[i]->bundle_id),
                             span_of(told.requests[0].bundle_id.bytes, ID_BYTES));
    assert_true(listed);
}

static void a_request_is_not_resealed_for_somebody_else(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct asked at_first = told.requests[0];
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
    assert_refused(reseal_to(w, &told, &w->rsa, 0, 1), 1, 0, SKP_E_ID_REUSED, "request.request_id");
    told.requests[0] = at_first;
    assert_state(w, &told, 0, STATE(UNREADABLE));
}

static void a_bsn_is_not_resealed_to_who_lost_the_right(void **state)
{
    struct world *w = *state;
    struct told_case told;
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_CREDITOR
                       "','name':'Schuldeiser','roles':['creditor'],'bsn_entitled':true}");
    case_make(&told, &w->creditor, 1);
    told.requests[0].contains_bsn = true;
    case_register(w, &told);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_CREDITOR
                       "','name':'Schuldeiser','roles':['creditor']}");
    assert_refused(reseal(w, &told, 0), 1, 0, SKP_E_BSN_NOT_ALLOWED, "request.contains_bsn");
    assert_state(w, &told, 0, STATE(UNREADABLE));
}

/* ---------------------------------------------------------------- proofs */

static void one_part_is_resealed_and_destroyed_and_its_neighbours_stay_whole(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 3);
    case_register(w, &told);
    struct asked before[3] = {told.requests[0], told.requests[1], told.requests[2]};
    assert_taken(say_unreadable(w, &told.requests[1]), 1);
    assert_resealed(reseal(w, &told, 1));
    /* Each delivery was held against its signature, path, head and leaves when it was fetched. */
    struct post post = fetch_all(w, &w->creditor);
    const struct mail *old = mail_of(&post, &before[1].bundle_id);
    const struct mail *new = mail_of(&post, &told.requests[1].bundle_id);
    assert_true(hash_equal(&old->checked.leaves[1], &new->checked.leaves[0]));
    assert_int_equal(old->checked.bundle->sealed[1].len, 0);
    assert_ok(open_part(w, &w->creditor, old, 0, &before[0]));
    assert_ok(open_part(w, &w->creditor, old, 2, &before[2]));
    assert_ok(open_part(w, &w->creditor, new, 0, &told.requests[1]));
    assert_int_equal(
        collect(w, &w->creditor, w->creditor.session, "", post.mails, post.count)->collected, 2);
}

static void many_parts_of_one_bundle_are_resealed_at_once(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 80);
    case_register(w, &told);
    struct skp_id old_bundle = told.requests[0].bundle_id;
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    for (size_t i = 0; i < 79; i++)
        letter_line(&letter, unreadable_new(w, &told.requests[i]), "", NULL);
    assert_taken(letter_send(&letter), 79);
    const Skp__V1__ReceiptBody *body = reseal_to(w, &told, &w->creditor, 0, 79);
    assert_taken(body, 80);
    assert_int_equal(body->without_effect, 1);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 2);
    const struct mail *old = mail_of(&post, &old_bundle);
    for (size_t i = 0; i < 80; i++)
        assert_int_equal(old->checked.bundle->sealed[i].len > 0, i == 79);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_resealed_request_is_asked_anew_with_a_new_term),
        TEST(a_resealed_request_is_answered_at_its_new_place),
        TEST(the_old_place_takes_no_answer),
        TEST(a_request_can_be_unreadable_more_than_once),
        TEST(the_same_line_in_any_other_state_has_no_effect),
        TEST(a_resealed_request_does_not_wait_for_a_round),
        TEST(a_request_is_not_resealed_for_somebody_else),
        TEST(a_bsn_is_not_resealed_to_who_lost_the_right),
        TEST(one_part_is_resealed_and_destroyed_and_its_neighbours_stay_whole),
        TEST(many_parts_of_one_bundle_are_resealed_at_once),
    };
    return cmocka_run_group_tests_name("sealing again", tests, NULL, NULL);
}
