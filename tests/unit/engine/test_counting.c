/* Answers are counted for the case they belong to, though many cases are counted in one row. */
#include "reseal_fixture.h"

#include "workset.h"

/* Cases with this many requests each, to be opened in one letter; in the world's arena. */
static struct told_case *make_cases(struct world *w, size_t count, size_t requests)
{
    struct told_case *cases = arena_calloc(&w->arena, count, sizeof *cases);
    assert_non_null(cases);
    for (size_t i = 0; i < count; i++)
        case_make(&cases[i], &w->creditor, requests);
    return cases;
}

static void register_together(struct world *w, struct told_case *cases, size_t count)
{
    struct letter letter;
    uint32_t lines = 0;
    letter_begin(&letter, w, &w->counsellor);
    for (size_t i = 0; i < count; i++) {
        case_write(&letter, &cases[i]);
        lines += 1 + (uint32_t)cases[i].count;
    }
    assert_taken(letter_send(&letter), lines);
}

static size_t progress_rows(struct world *w)
{
    static const uint8_t zero;
    size_t count = 0;
    assert_ok(store_begin(w->store));
    assert_ok(ws_count(w->store, STORE_PROGRESS, span_of(&zero, 1), span_of(NULL, 0), &count));
    store_rollback(w->store);
    return count;
}

/* What the counsellor hears when everything that was noted is counted: these cases are complete. */
static void assert_told(struct world *w, const struct told_case *cases, size_t count)
{
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), count);
    for (size_t i = 0; i < count; i++) {
        size_t times = 0;
        for (size_t n = 0; n < count; n++)
            times += span_equal(wire_span(find_event(&post, EVENT(CASE_COMPLETE), n)->case_id),
                                span_of(cases[i].id.bytes, ID_BYTES));
        assert_int_equal(times, 1);
    }
}

static void two_cases_of_one_letter_share_a_row_and_are_each_told_once(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 2, 2);
    register_together(w, cases, 2);
    assert_int_equal(progress_rows(w), 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    request_answer_with(w, &cases[1].requests[0], 100);
    assert_told(w, cases, 0);
    request_answer_with(w, &cases[1].requests[1], 100);
    assert_told(w, &cases[1], 1);
    request_answer_with(w, &cases[1].requests[1], 90); /* a correction */
    assert_told(w, cases, 0);
    request_answer_with(w, &cases[0].requests[1], 100);
    assert_told(w, &cases[0], 1);
    assert_int_equal(progress_rows(w), 1);
}

/* Of two counsellors' calls too; what is opened later gets a row of its own. */
static void cases_of_one_commit_share_a_row_and_those_of_another_do_not(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 3, 1);
    struct letter letters[2];
    struct answer *answers[2];
    for (size_t i = 0; i < 2; i++) {
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &cases[i]);
        answers[i] = letter_submit(&letters[i]);
    }
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    assert_ok(answers[0]->err);
    assert_ok(answers[1]->err);
    assert_int_equal(progress_rows(w), 1);
    case_register(w, &cases[2]);
    assert_int_equal(progress_rows(w), 2);
    for (size_t i = 0; i < 3; i++)
        request_answer_with(w, &cases[i].requests[0], 100);
    assert_told(w, cases, 3);
}

static void sixty_five_cases_make_two_rows(void **state)
{
    struct world *w = *state;
    size_t count = PROGRESS_CASES + 1;
    struct told_case *cases = make_cases(w, count, 1);
    register_together(w, cases, count);
    assert_int_equal(progress_rows(w), 2);
    for (size_t i = 0; i < count; i++)
        request_answer_with(w, &cases[i].requests[0], 100);
    assert_told(w, cases, count);
}

static void the_next_version_of_a_case_is_counted_where_the_first_was(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 2, 2);
    struct letter letter;
    cases[1].count = 1;
    register_together(w, cases, 2);
    request_answer_with(w, &cases[1].requests[0], 100);
    assert_told(w, &cases[1], 1);
    cases[1].count = 2;
    cases[1].version++;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &cases[1]);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &cases[1].requests[1]);
    assert_taken(letter_send(&letter), 2);
    assert_int_equal(progress_rows(w), 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    assert_told(w, cases, 0);
    request_answer_with(w, &cases[1].requests[1], 100);
    assert_told(w, &cases[1], 1);
    request_answer_with(w, &cases[0].requests[1], 100);
    assert_told(w, &cases[0], 1);
}

static void say_again(struct world *w, struct told_case *told, size_t count)
{
    struct letter letter;
    told->count = count;
    told->version++;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, told);
    assert_taken(letter_send(&letter), 1);
}

static void a_case_that_is_said_again_as_it_was_is_not_told_again(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 1, 1);
    register_together(w, cases, 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    assert_told(w, cases, 1);
    say_again(w, &cases[0], 1);
    assert_told(w, cases, 0);
}

/* What it declared and never sent goes: it is complete with what came back, or when that comes. */
static void a_case_that_drops_what_it_waited_for_is_complete(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 2, 1);
    struct told_case wide[2];
    struct letter letter;
    for (size_t i = 0; i < 2; i++) {
        struct told_case other;
        case_make(&other, &w->creditor, 1);
        wide[i] = cases[i];
        wide[i].requests[1] = other.requests[0];
        wide[i].count = 2;
    }
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &wide[0]);
    line_case(&letter, &wide[1]);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &wide[0].requests[0]);
    line_request(&letter, &wide[1].requests[0]);
    assert_taken(letter_send(&letter), 4);
    request_answer_with(w, &wide[0].requests[0], 100);
    assert_told(w, cases, 0);
    say_again(w, &wide[0], 1);
    assert_told(w, &cases[0], 1);
    say_again(w, &wide[1], 1);
    assert_told(w, cases, 0);
    request_answer_with(w, &wide[1].requests[0], 100);
    assert_told(w, &cases[1], 1);
}

static void a_request_that_was_sealed_again_is_counted_where_its_case_is(void **state)
{
    struct world *w = *state;
    struct told_case *cases = make_cases(w, 2, 1);
    register_together(w, cases, 2);
    assert_taken(say_unreadable(w, &cases[1].requests[0]), 1);
    assert_resealed(reseal(w, &cases[1], 0));
    assert_int_equal(progress_rows(w), 1);
    request_answer_with(w, &cases[1].requests[0], 100);
    assert_told(w, &cases[1], 1);
    request_answer_with(w, &cases[0].requests[0], 100);
    assert_told(w, &cases[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_cases_of_one_letter_share_a_row_and_are_each_told_once),
        TEST(cases_of_one_commit_share_a_row_and_those_of_another_do_not),
        TEST(sixty_five_cases_make_two_rows),
        TEST(the_next_version_of_a_case_is_counted_where_the_first_was),
        TEST(a_case_that_is_said_again_as_it_was_is_not_told_again),
        TEST(a_case_that_drops_what_it_waited_for_is_complete),
        TEST(a_request_that_was_sealed_again_is_counted_where_its_case_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
