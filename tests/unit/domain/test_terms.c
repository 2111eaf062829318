#include "testing.h"

#include "domain_facts.h"

#define HOUR_MS INT64_C(3600000)

static void assert_due(plain_date published, uint32_t working_days, plain_date due)
{
    assert_int_equal(terms_due_date(NULL, at(published, 12, 0), working_days), due);
}

static void a_term_starts_the_working_day_after_publication(void **state)
{
    (void)state;
    assert_due(20261119, 1, 20261120); /* Thursday */
    assert_due(20261120, 1, 20261123); /* Friday */
    assert_due(20261121, 1, 20261123); /* Saturday */
    assert_due(20261122, 1, 20261123); /* Sunday */
    assert_due(20261119, 10, 20261203);
}

static void a_day_ends_at_midnight_in_amsterdam(void **state)
{
    (void)state;
    assert_int_equal(terms_due_date(NULL, at(20261119, 24, 0) - 1, 1), 20261120);
    assert_int_equal(terms_due_date(NULL, at(20261119, 24, 0), 1), 20261123);
}

static void christmas_and_new_year_do_not_count(void **state)
{
    (void)state;
    assert_due(20261224, 1, 20261228);
    assert_due(20261218, 10, 20270105);
    assert_due(20261231, 1, 20270104);
}

static void kings_day_and_liberation_day_do_not_count(void **state)
{
    (void)state;
    assert_due(20270426, 1, 20270428);
    assert_due(20270423, 10, 20270512); /* also 5 May and Ascension Day, 6 May */
}

static void easter_2027_does_not_count(void **state)
{
    (void)state;
    assert_due(20270325, 1, 20270330);
    assert_due(20270319, 10, 20270406);
}

static void extra_days_of_an_agreement_do_not_count(void **state)
{
    (void)state;
    const plain_date extra[] = {20261120};
    struct calendar calendar = {.extra_days = extra, .extra_count = 1};
    assert_int_equal(terms_due_date(&calendar, at(20261119, 12, 0), 1), 20261123);
}

static void received_on_the_due_day_is_on_time_and_at_midnight_late(void **state)
{
    (void)state;
    /* 24:00 of 3 December 2026 in Amsterdam is 23:00Z. */
    const int64_t end_ms = INT64_C(1796338800000);
    assert_true(end_ms == at(20261203, 24, 0));
    assert_true(terms_on_time(20261203, end_ms - 1));
    assert_false(terms_on_time(20261203, end_ms));
    assert_true(terms_on_time(20261203, 0));
}

static void the_days_on_which_the_clocks_change_end_at_midnight_too(void **state)
{
    (void)state;
    const int64_t spring_end_ms = INT64_C(1806271200000); /* 2027-03-28T22:00Z */
    const int64_t autumn_end_ms = INT64_C(1825023600000); /* 2027-10-31T23:00Z */
    assert_true(terms_on_time(20270328, spring_end_ms - 1));
    assert_false(terms_on_time(20270328, spring_end_ms));
    assert_true(terms_on_time(20271031, autumn_end_ms - 1));
    assert_false(terms_on_time(20271031, autumn_end_ms));
    assert_true(spring_end_ms - at(20270328, 0, 0) == 23 * HOUR_MS);
    assert_true(autumn_end_ms - at(20271031, 0, 0) == 25 * HOUR_MS);
}

static void publication_on_a_day_the_clocks_change_counts_as_that_day(void **state)
{
    (void)state;
    /* 2027-10-31T22:59:59Z is 23:59:59 of the 31st; an hour earlier by summer time it would be the
     * first of November. */
    assert_int_equal(terms_due_date(NULL, INT64_C(1825023599000), 1), 20271101);
    assert_int_equal(terms_due_date(NULL, INT64_C(1825023600000), 1), 20271102);
}

static void overdue_is_told_at_seven_on_the_next_working_day(void **state)
{
    (void)state;
    assert_true(terms_overdue_at_ms(NULL, 20261203) == at(20261204, 7, 0));
    assert_true(terms_overdue_at_ms(NULL, 20261224) == at(20261228, 7, 0));
    /* Over Easter and the change of the clocks: 07:00 is 05:00Z on Tuesday 30 March 2027. */
    assert_true(terms_overdue_at_ms(NULL, 20270325) == INT64_C(1806382800000));
}

static void overdue_is_never_told_before_the_term_has_ended(void **state)
{
    (void)state;
    for (plain_date due = 20260101; due < 20280101; due = calendar_add_days(due, 1))
        assert_false(terms_on_time(due, terms_overdue_at_ms(NULL, due)));
}

/* ---------------------------------------------------------------- at once, or in the round */

static struct agreement weekly(void)
{
    return (struct agreement){.valid_from = 20260101,
                              .weekdays = MONDAYS,
                              .minute_of_day = 540,
                              .waiting_working_days = 5,
                              .brand = ""};
}

static void a_request_waits_for_a_round_that_is_near(void **state)
{
    (void)state;
    struct agreement agreement = weekly();
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260602, 10, 0)),
                     TERMS_WAIT_FOR_ROUND);
    /* Just missed: exactly five working days. */
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260601, 9, 0)),
                     TERMS_WAIT_FOR_ROUND);
}

static void a_request_that_would_wait_too_long_leaves_at_once(void **state)
{
    (void)state;
    struct agreement agreement = weekly();
    agreement.waiting_working_days = 4;
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260601, 9, 0)), TERMS_AT_ONCE);
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260602, 9, 0)),
                     TERMS_WAIT_FOR_ROUND);
}

static void a_round_that_falls_on_easter_monday_is_too_far(void **state)
{
    (void)state;
    struct agreement agreement = weekly();
    assert_int_equal(terms_route(&agreement, NULL, false, at(20270322, 10, 0)), TERMS_AT_ONCE);
    assert_int_equal(terms_route(&agreement, NULL, false, at(20270330, 10, 0)),
                     TERMS_WAIT_FOR_ROUND);
}

static void urgent_requests_and_those_without_agreement_leave_at_once(void **state)
{
    (void)state;
    struct agreement agreement = weekly();
    int64_t now_ms = at(20260602, 10, 0);
    assert_int_equal(terms_route(&agreement, NULL, true, now_ms), TERMS_AT_ONCE);
    assert_int_equal(terms_route(NULL, NULL, false, now_ms), TERMS_AT_ONCE);
}

static void without_a_next_round_a_request_leaves_at_once(void **state)
{
    (void)state;
    struct agreement agreement = weekly();
    agreement.valid_until = 20260607;
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260602, 10, 0)), TERMS_AT_ONCE);
    agreement.valid_until = 0;
    agreement.weekdays = 0;
    assert_int_equal(terms_route(&agreement, NULL, false, at(20260602, 10, 0)), TERMS_AT_ONCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_term_starts_the_working_day_after_publication),
        cmocka_unit_test(a_day_ends_at_midnight_in_amsterdam),
        cmocka_unit_test(christmas_and_new_year_do_not_count),
        cmocka_unit_test(kings_day_and_liberation_day_do_not_count),
        cmocka_unit_test(easter_2027_does_not_count),
        cmocka_unit_test(extra_days_of_an_agreement_do_not_count),
        cmocka_unit_test(received_on_the_due_day_is_on_time_and_at_midnight_late),
        cmocka_unit_test(the_days_on_which_the_clocks_change_end_at_midnight_too),
        cmocka_unit_test(publication_on_a_day_the_clocks_change_counts_as_that_day),
        cmocka_unit_test(overdue_is_told_at_seven_on_the_next_working_day),
        cmocka_unit_test(overdue_is_never_told_before_the_term_has_ended),
        cmocka_unit_test(a_request_waits_for_a_round_that_is_near),
        cmocka_unit_test(a_request_that_would_wait_too_long_leaves_at_once),
        cmocka_unit_test(a_round_that_falls_on_easter_monday_is_too_far),
        cmocka_unit_test(urgent_requests_and_those_without_agreement_leave_at_once),
        cmocka_unit_test(without_a_next_round_a_request_leaves_at_once),
    };
    return cmocka_run_group_tests_name("terms", tests, NULL, NULL);
}
