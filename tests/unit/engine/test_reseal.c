/* What cannot be opened is said, sealed again and asked anew, and every proof stays valid. */
#include "engine_mail.h"

#include <jansson.h>

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define EVENT(name) SKP__V1__EVENT_KIND__EVENT_KIND_##name

/* ---------------------------------------------------------------- saying and sealing */

static Skp__V1__Line *unreadable_new(struct world *w, const struct asked *asked)
{
    Skp__V1__Line *line = answer_new(w, asked, 100);
    line->answer->outcome = SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
    line->answer->n_claims = 0;
    line->answer->total_cents = 0;
    return line;
}

static Skp__V1__ReceiptBody *say_unreadable(struct world *w, const struct asked *asked)
{
    struct letter letter;
    letter_begin(&letter, w, asked->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, unreadable_new(w, asked), "", NULL);
    return letter_send(&letter);
}

/* The case again, and these of its requests in a new bundle. */
static Skp__V1__ReceiptBody *reseal_to(struct world *w, struct told_case *told,
                                       const struct party *to, size_t first, size_t count)
{
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, told);
    letter_to(&letter, to);
    for (size_t i = 0; i < count; i++)
        line_reseal(&letter, &told->requests[first + i]);
    return letter_send(&letter);
}

static Skp__V1__ReceiptBody *reseal(struct world *w, struct told_case *told, size_t n)
{
    return reseal_to(w, told, told->requests[n].creditor, n, 1);
}

static void assert_resealed(const Skp__V1__ReceiptBody *body)
{
    assert_taken(body, 2);
    assert_int_equal(body->without_effect, 1); /* the case, said again */
}

static void assert_unchanged(const Skp__V1__ReceiptBody *body)
{
    assert_taken(body, 2);
    assert_int_equal(body->without_effect, 2);
}

static void assert_state(struct world *w, const struct told_case *told, size_t n,
                         Skp__V1__RequestState wanted)
{
    assert_int_equal(view_request(w, told, n)->state, wanted);
}

static const struct mail *mail_of(const struct post *post, const struct skp_id *bundle_id)
{
    for (size_t i = 0; i < post->count; i++)
        if (id_equal(&post->mails[i].checked.head.bundle_id, bundle_id))
            return &post->mails[i];
    fail_msg("no such bundle was delivered");
    return NULL;
}

/* Opens line `n` as a client does: with the creditor's key, held against the signed commitment. */
static enum skp_err open_part(struct world *w, const struct party *party, const struct mail *mail,
                              size_t n, const struct asked *asked)
{
    struct seal_place place = {.sender = mail->checked.header.sender,
                               .recipient = mail->checked.head.recipient,
                               .batch_id = mail->checked.header.batch_id,
                               .bundle_id = mail->checked.head.bundle_id};
    struct span boxes[] = {span_text(mail->checked.bundle->key_boxes[0])};
    struct skp_hash commitment;
    struct seal_key key;
    struct span part;
    assert_ok(unseal_box(&party->opens, 1, boxes, 1, &place, &w->arena, &key));
    assert_true(hash_take(wire_span(mail->lines[n]->request->commitment), &commitment));
    return unseal_part(&key, &place, &asked->id, &commitment,
                       wire_span(mail->checked.bundle->sealed[n]), &w->arena, &part);
}

/* ---------------------------------------------------------------- unreadable */

static void unreadable_reaches_the_counsellor_and_counts_as_no_answer(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
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
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
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

/* ---------------------------------------------------------------- sealed again */

static void a_resealed_request_is_asked_anew_with_a_new_term(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
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
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_taken(say_unreadable(w, &told.requests[0]), 1);
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
    assert_refused(reseal(w, &told, 0), 1, 0, SKP_E_BSN_NOT_ALLOWED, "request.request_id");
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

/* ---------------------------------------------------------------- not deliverable as it was sealed */

static struct skp_hash thumbprint_of(const struct party *party)
{
    return sha256(keypair_der(party->opens));
}

/* The creditor has a new key and says that the old one is gone. */
static void lose_the_key(struct world *w, struct party *ret_after)
{
    struct skp_hash lost = thumbprint_of(&w->creditor);
    *ret_after = w->creditor;
    ret_after->opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, ret_after, 2, &lost, 1));
}

static json_int_t open_pages(struct world *w)
{
    json_t *status = world_admin(w, "{'command':'status'}");
    json_int_t count = json_integer_value(json_object_get(status, "open_pages"));
    json_decref(status);
    return count;
}

static void what_is_sealed_for_a_lost_key_goes_back_and_the_lane_goes_on(void **state)
{
    struct world *w = *state;
    struct told_case told, later;
    struct party after;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    lose_the_key(w, &after);
    case_make(&later, &after, 1);
    case_register(w, &later);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->position, 2); /* a visible gap */
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
    assert_state(w, &told, 1, STATE(RESEAL_NEEDED));
    assert_false(view_request(w, &told, 1)->collected);
    assert_int_equal(open_pages(w), 1); /* of the later one */
    assert_state(w, &later, 0, STATE(REQUESTED));
    post = collect_all(w, &w->counsellor);
    const Skp__V1__EventFact *event = find_event(&post, EVENT(RESEAL_NEEDED), 0);
    assert_non_null(event);
    assert_null(find_event(&post, EVENT(RESEAL_NEEDED), 1));
    assert_string_equal(event->other, OIN_CREDITOR);
    assert_int_equal(event->n_request_ids, 2);
}

static void what_went_back_is_sealed_again_and_delivered(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_taken(reseal_to(w, &told, &after, 0, 2), 3);
    assert_state(w, &told, 0, STATE(REQUESTED));
    assert_false(view_request(w, &told, 0)->collected);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_true(view_request(w, &told, 0)->collected);
    assert_ok(open_part(w, &after, &post.mails[0], 0, &told.requests[0]));
    request_answer_with(w, &told.requests[0], 5000);
    request_answer_with(w, &told.requests[1], 5000);
    world_tick(w);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
}

static void an_older_key_that_was_not_withdrawn_still_opens(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_hash other = {{7}};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct party after = w->creditor;
    after.opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, &after, 2, &other, 1));
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
    assert_state(w, &told, 0, STATE(REQUESTED));
}

static void only_open_requests_go_back(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 3);
    case_register(w, &told);
    request_answer_with(w, &told.requests[1], 5000);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
    assert_state(w, &told, 1, STATE(ANSWERED));
    struct post post = fetch_all(w, &w->creditor); /* the rest of the bundle */
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->attempt, 1);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_non_null(post.mails[0].lines[1]);
    world_go_to(w, 20270301, WORLD_MINUTE);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED)); /* and its term stands still */
}

static void answers_are_delivered_however_they_were_sealed(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct skp_hash lost = thumbprint_of(&w->counsellor);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, answer_new(w, &told.requests[0], 5000), "TEST", NULL);
    assert_taken(letter_send(&letter), 1);
    struct party after = w->counsellor;
    after.opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, &after, 2, &lost, 1));
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 1);
}

static void a_key_that_is_lost_after_delivery_costs_nothing_that_was_collected(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    collect_all(w, &w->creditor);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(REQUESTED));
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
    assert_refused(record(w, &told, 0, 1, 900), 0, 0, SKP_E_STATE_INVALID, "recorded.case_id");
    (void)say_unreadable(w, &told.requests[0]);
    request_answer_with(w, &told.requests[1], 100);
    world_tick(w);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    assert_taken(record(w, &told, 0, 1, 900), 1);
    world_tick(w);
    assert_state(w, &told, 0, SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED);
    assert_int_equal(view_request(w, &told, 0)->total_cents, 900);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    struct post events = fetch_to_the_end(w, &w->counsellor, 9, 100);
    assert_int_equal(count_events(&events, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 1);
}

static void what_was_recorded_instead_is_corrected_and_never_sealed_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    (void)say_unreadable(w, &told.requests[0]);
    assert_taken(record(w, &told, 0, 1, 900), 1);
    Skp__V1__ReceiptBody *again = record(w, &told, 0, 1, 900);
    assert_int_equal(again->without_effect, 1);
    assert_refused(record(w, &told, 0, 1, 901), 0, 0, SKP_E_STALE, "recorded.case_id");
    assert_taken(record(w, &told, 0, 2, 950), 1);
    assert_int_equal(view_request(w, &told, 0)->total_cents, 950);
    struct asked before = told.requests[0];
    assert_unchanged(reseal(w, &told, 0));
    struct letter letter;
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &before, 100);
    assert_refused(letter_send(&letter), 0, 0, SKP_E_STATE_INVALID, "answer");
    assert_state(w, &told, 0, SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(unreadable_reaches_the_counsellor_and_counts_as_no_answer),
        TEST(unreadable_is_never_overdue),
        TEST(who_answered_cannot_say_unreadable_any_more),
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
        TEST(what_is_sealed_for_a_lost_key_goes_back_and_the_lane_goes_on),
        TEST(what_went_back_is_sealed_again_and_delivered),
        TEST(an_older_key_that_was_not_withdrawn_still_opens),
        TEST(only_open_requests_go_back),
        TEST(answers_are_delivered_however_they_were_sealed),
        TEST(what_stays_unreadable_is_recorded_from_paper_and_the_case_is_complete),
        TEST(what_was_recorded_instead_is_corrected_and_never_sealed_again),
        TEST(a_key_that_is_lost_after_delivery_costs_nothing_that_was_collected),
    };
    return cmocka_run_group_tests_name("sealing again", tests, NULL, NULL);
}
