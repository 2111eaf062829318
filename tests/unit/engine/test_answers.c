/* Answers in time and late, those that do not come, and what completes a case. */
#include "rounds_fixture.h"

static void overdue_goes_to_both_sides_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told, 3);
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
    register_one(w, &told, 3);
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

/* Its last byte came at 23:59; it is decided after midnight, when the term has ended. */
static void an_answer_is_in_time_by_when_it_was_received(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    register_one(w, &told, 1);
    world_go_to(w, 20270215, 23 * 60 + 59);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &told.requests[0], 100);
    struct answer *answer = letter_submit(&letter);
    world_set_time(w, 20270216, 0);
    world_pump(w);
    assert_taken(receipt_of(&letter, answer, NULL), 1);
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED);
}

static void a_complete_case_is_told_once(void **state)
{
    struct world *w = *state;
    struct told_case told;
    register_one(w, &told, 2);
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
    register_one(w, &told, 2);
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
    register_one(w, &told, 1);
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

static Skp__V1__ReceiptBody *answer_naming(struct world *w, const struct asked *asked,
                                           const struct skp_id *agreement_id, uint32_t version)
{
    struct letter letter;
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    Skp__V1__Line *line = answer_new(w, asked, 4200);
    line->answer->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    line->answer->agreement_id = wire_id(agreement_id);
    line->answer->agreement_version = version;
    letter_line(&letter, line, "", NULL);
    return letter_send(&letter);
}

static void an_answer_names_the_version_of_the_day_it_was_asked(void **state)
{
    struct world *w = *state;
    struct told_case before;
    struct told_case after;
    struct agreement_terms terms = {.form = SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT};
    struct skp_id id = terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    terms.valid_from = TUESDAY;
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &before, 2);
    world_go_to(w, TUESDAY, 10 * 60);
    register_one(w, &after, 2);
    assert_refused(answer_naming(w, &after.requests[0], &id, 1), 0, 0, SKP_E_AGREEMENT_UNKNOWN,
                   "answer");
    assert_taken(answer_naming(w, &after.requests[1], &id, 2), 1);
    assert_taken(answer_naming(w, &before.requests[0], &id, 1), 1);
    assert_taken(answer_naming(w, &before.requests[1], &id, 2), 1);
}

/* It left in the last round of version 1, when version 2 had begun: the overview names version 1. */
static void what_leaves_in_a_last_round_is_answered_under_its_version(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id = terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.weekdays = 0;
    terms.valid_from = TUESDAY;
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 2);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(find_overview(&post, 0)->agreement_version, 1);
    assert_taken(answer_naming(w, &told.requests[0], &id, 1), 1);
    assert_taken(answer_naming(w, &told.requests[1], &id, 2), 1);
}

/* Not under one that was replaced before that. */
static void what_leaves_in_a_last_round_is_answered_under_no_older_version(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.form = SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT};
    struct skp_id id = terms.id = agreement_make(w, &w->creditor, &terms);
    terms.version = 2;
    terms.form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    terms.weekdays = THURSDAYS;
    terms.minute_of_day = TEN_HOURS;
    agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 2);
    terms.version = 3;
    terms.weekdays = 0;
    terms.valid_from = TUESDAY;
    agreement_make(w, &w->creditor, &terms);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(find_overview(&post, 0)->agreement_version, 2);
    assert_refused(answer_naming(w, &told.requests[0], &id, 1), 0, 0, SKP_E_AGREEMENT_UNKNOWN,
                   "answer");
    assert_taken(answer_naming(w, &told.requests[0], &id, 2), 1);
    assert_taken(answer_naming(w, &told.requests[1], &id, 3), 1);
}

/* Nor under one that has ended: of three versions the second began and ended before the round. */
static void what_leaves_in_a_last_round_leaves_under_a_version_that_has_not_ended(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id = terms.id = agreement_make(w, &w->creditor, &terms);
    register_one(w, &told, 1);
    terms.version = 2;
    terms.weekdays = MONDAYS;
    terms.valid_from = terms.valid_until = TUESDAY;
    agreement_make(w, &w->creditor, &terms);
    terms.version = 3;
    terms.weekdays = 0;
    terms.valid_from = THURSDAY;
    terms.valid_until = 0;
    agreement_make(w, &w->creditor, &terms);
    world_go_to(w, THURSDAY, TEN_HOURS);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(find_overview(&post, 0)->agreement_version, 1);
    assert_taken(answer_naming(w, &told.requests[0], &id, 1), 1);
}

static void an_answer_said_again_has_no_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    register_one(w, &told, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(overdue_goes_to_both_sides_once),
        TEST(an_answer_after_the_term_is_late_and_kept),
        TEST(an_answer_is_in_time_by_when_it_was_received),
        TEST(a_complete_case_is_told_once),
        TEST(a_case_completed_by_dropping_what_was_refused_is_told),
        TEST(what_the_counsellor_must_decide_is_counted),
        TEST(consent_on_the_ground_of_an_agreement_is_taken),
        TEST(an_answer_names_the_version_of_the_day_it_was_asked),
        TEST(what_leaves_in_a_last_round_is_answered_under_its_version),
        TEST(what_leaves_in_a_last_round_is_answered_under_no_older_version),
        TEST(what_leaves_in_a_last_round_leaves_under_a_version_that_has_not_ended),
        TEST(an_answer_said_again_has_no_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
