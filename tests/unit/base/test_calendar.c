#include "testing.h"

#include "calendar.h"

#include <stdlib.h>
#include <time.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* An instant given in UTC, from glibc rather than from the code under test. */
static int64_t utc_ms(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute};
    return (int64_t)timegm(&tm) * 1000;
}

static void each_day_of_three_centuries_goes_round(void **state)
{
    (void)state;
    plain_date date = 18991231;
    int weekday = SUNDAY;
    for (int day = calendar_day_number(18991231); date < 22000101; day++) {
        assert_true(calendar_date_valid(date));
        assert_int_equal(calendar_day_number(date), day);
        assert_int_equal(calendar_date_of_day(day), date);
        assert_int_equal(calendar_weekday(date), weekday);
        plain_date next = calendar_add_days(date, 1);
        assert_true(next > date);
        assert_int_equal(calendar_days_between(date, next), 1);
        date = next;
        weekday = (weekday + 1) % 7;
    }
    assert_int_equal(date, 22000101);
}

static void day_numbers_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -700000; day < 2900000; day += 977) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        plain_date date = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
        assert_int_equal(calendar_date_of_day((int32_t)day), date);
        assert_int_equal(calendar_weekday(date), tm.tm_wday);
    }
}

static void only_days_of_the_calendar_are_valid(void **state)
{
    (void)state;
    const plain_date good[] = {10101, 20240229, 20000229, 20261231, 99991231};
    const plain_date bad[] = {0,        -20260101, 20260229, 21000229, 20260431, 20261301,
                              20260001, 20260100,  20260132, 101,      100000101};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(calendar_date_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(calendar_date_valid(bad[i]));
}

static void the_first_and_last_day_are_reachable(void **state)
{
    (void)state;
    assert_int_equal(calendar_date_of_day(calendar_day_number(10101)), 10101);
    assert_int_equal(calendar_date_of_day(calendar_day_number(99991231)), 99991231);
    assert_int_equal(calendar_day_number(19700101), 0);
}

static void months_end_where_the_month_ends(void **state)
{
    (void)state;
    assert_int_equal(calendar_add_months(20260115, 4), 20260515);
    assert_int_equal(calendar_add_months(20251031, 4), 20260228);
    assert_int_equal(calendar_add_months(20231031, 4), 20240229);
    assert_int_equal(calendar_add_months(20260831, 8), 20270430);
    assert_int_equal(calendar_add_months(20260331, -1), 20260228);
    assert_int_equal(calendar_add_months(20260115, -13), 20241215);
    assert_int_equal(calendar_add_months(20260115, 0), 20260115);
}

static void dates_print_in_dutch_and_in_iso_order(void **state)
{
    (void)state;
    char text[CALENDAR_TEXT_BYTES];
    calendar_print_dutch(20261203, text);
    assert_string_equal(text, "03-12-2026");
    calendar_print_iso(20261203, text);
    assert_string_equal(text, "2026-12-03");
    calendar_print_iso(10101, text);
    assert_string_equal(text, "0001-01-01");
}

static void easter_falls_where_the_almanac_says(void **state)
{
    (void)state;
    const plain_date easters[] = {20000423, 20010415, 20020331, 20030420, 20040411, 20050327,
                                  20060416, 20070408, 20080323, 20090412, 20100404, 20110424,
                                  20130331, 20150405, 20160327, 20180401, 20190421, 20200412,
                                  20240331, 20260405, 20380425, 20490418, 20760419, 21000328};
    for (size_t i = 0; i < sizeof(easters) / sizeof(easters[0]); i++)
        assert_int_equal(calendar_easter(easters[i] / 10000), easters[i]);
}

static void easter_is_a_sunday_between_22_march_and_25_april_in_every_year(void **state)
{
    (void)state;
    for (int year = 1; year <= 9999; year++) {
        plain_date easter = calendar_easter(year);
        assert_int_equal(calendar_weekday(easter), SUNDAY);
        assert_in_range(easter, year * 10000 + 322, year * 10000 + 425);
    }
}

#define HOLIDAYS_PER_YEAR 9

/* Written down from published calendars: New Year, Good Friday, Easter Monday, King's Day,
 * Ascension Day, Liberation Day, Whit Monday, Christmas; in order of the year. */
static const plain_date holidays[][HOLIDAYS_PER_YEAR] = {
    {20240101, 20240329, 20240401, 20240427, 20240505, 20240509, 20240520, 20241225, 20241226},
    {20250101, 20250418, 20250421, 20250426, 20250505, 20250529, 20250609, 20251225, 20251226},
    {20260101, 20260403, 20260406, 20260427, 20260505, 20260514, 20260525, 20261225, 20261226},
    {20270101, 20270326, 20270329, 20270427, 20270505, 20270506, 20270517, 20271225, 20271226},
    {20280101, 20280414, 20280417, 20280427, 20280505, 20280525, 20280605, 20281225, 20281226},
    {20290101, 20290330, 20290402, 20290427, 20290505, 20290510, 20290521, 20291225, 20291226},
    {20300101, 20300419, 20300422, 20300427, 20300505, 20300530, 20300610, 20301225, 20301226},
};

static void the_holidays_of_2024_to_2030_are_these_and_no_others(void **state)
{
    (void)state;
    const size_t years = sizeof(holidays) / sizeof(holidays[0]);
    size_t found = 0;
    for (plain_date date = 20240101; date <= 20301231; date = calendar_add_days(date, 1)) {
        if (!calendar_is_holiday(date))
            continue;
        assert_true(found < years * HOLIDAYS_PER_YEAR);
        assert_int_equal(date, holidays[found / HOLIDAYS_PER_YEAR][found % HOLIDAYS_PER_YEAR]);
        found++;
    }
    assert_int_equal(found, years * HOLIDAYS_PER_YEAR);
}

static void kings_day_moves_to_saturday_when_it_would_be_a_sunday(void **state)
{
    (void)state;
    assert_true(calendar_is_holiday(20310426));
    assert_false(calendar_is_holiday(20310427));
    assert_false(calendar_is_holiday(20260426));
    assert_true(calendar_is_holiday(20260427));
}

static void liberation_day_is_off_every_year_not_only_each_fifth(void **state)
{
    (void)state;
    for (int year = 2014; year <= 2050; year++)
        assert_true(calendar_is_holiday(year * 10000 + 505));
}

static void weekends_holidays_and_extra_days_are_no_working_days(void **state)
{
    (void)state;
    const plain_date extra[] = {20261224, 20260515};
    const struct calendar calendar = {extra, 2};
    assert_true(calendar_is_working_day(NULL, 20261203));
    assert_false(calendar_is_working_day(NULL, 20261205));
    assert_false(calendar_is_working_day(NULL, 20261206));
    assert_false(calendar_is_working_day(NULL, 20261225));
    assert_true(calendar_is_working_day(NULL, 20261224));
    assert_false(calendar_is_working_day(&calendar, 20261224));
    assert_false(calendar_is_working_day(&calendar, 20260515));
    assert_true(calendar_is_working_day(&calendar, 20261223));
}

static void ten_working_days_over_christmas_end_in_january(void **state)
{
    (void)state;
    /* Friday 18 December 2026. Off: Christmas (Friday, Saturday), New Year (Friday), weekends. */
    assert_int_equal(calendar_add_working_days(NULL, 20261218, 1), 20261221);
    assert_int_equal(calendar_add_working_days(NULL, 20261218, 4), 20261224);
    assert_int_equal(calendar_add_working_days(NULL, 20261218, 5), 20261228);
    assert_int_equal(calendar_add_working_days(NULL, 20261218, 8), 20261231);
    assert_int_equal(calendar_add_working_days(NULL, 20261218, 10), 20270105);
    const plain_date extra[] = {20261224};
    const struct calendar calendar = {extra, 1};
    assert_int_equal(calendar_add_working_days(&calendar, 20261218, 10), 20270106);
}

static void working_days_also_count_back(void **state)
{
    (void)state;
    assert_int_equal(calendar_add_working_days(NULL, 20270105, -2), 20261231);
    assert_int_equal(calendar_add_working_days(NULL, 20270103, -1), 20261231);
    assert_int_equal(calendar_add_working_days(NULL, 20261225, 0), 20261228);
    assert_int_equal(calendar_add_working_days(NULL, 20261224, 0), 20261224);
    assert_int_equal(calendar_next_working_day(NULL, 20260402), 20260407);
}

static void counting_working_days_undoes_adding_them(void **state)
{
    (void)state;
    for (plain_date date = 20260101; date < 20280101; date = calendar_add_days(date, 1)) {
        for (int n = 1; n <= 12; n++) {
            plain_date due = calendar_add_working_days(NULL, date, n);
            assert_int_equal(calendar_count_working_days(NULL, date, due), n);
            assert_true(calendar_is_working_day(NULL, due));
        }
    }
    assert_int_equal(calendar_count_working_days(NULL, 20261203, 20261203), 0);
    assert_int_equal(calendar_count_working_days(NULL, 20261203, 20261201), 0);
}

static void spring_skips_an_hour_in_2026(void **state)
{
    (void)state;
    int64_t change = utc_ms(2026, 3, 29, 1, 0);
    assert_int_equal(calendar_minute_of_ms(change - 1), 1 * 60 + 59);
    assert_int_equal(calendar_minute_of_ms(change), 3 * 60);
    assert_int_equal(calendar_date_of_ms(change), 20260329);
    assert_int_equal(calendar_ms_of(20260329, 119), change - MINUTE_MS);
    assert_int_equal(calendar_ms_of(20260329, 120), change);
    assert_int_equal(calendar_ms_of(20260329, 150), change + 30 * MINUTE_MS);
    assert_int_equal(calendar_ms_of(20260329, 180), change);
    assert_int_equal(calendar_ms_of(20260330, 0) - calendar_ms_of(20260329, 0), 23 * HOUR_MS);
}

static void autumn_repeats_an_hour_in_2026_and_the_first_one_counts(void **state)
{
    (void)state;
    int64_t change = utc_ms(2026, 10, 25, 1, 0);
    assert_int_equal(calendar_minute_of_ms(change - 1), 2 * 60 + 59);
    assert_int_equal(calendar_minute_of_ms(change), 2 * 60);
    assert_int_equal(calendar_ms_of(20261025, 120), change - HOUR_MS);
    assert_int_equal(calendar_ms_of(20261025, 179), change - MINUTE_MS);
    assert_int_equal(calendar_ms_of(20261025, 180), change + HOUR_MS);
    assert_int_equal(calendar_ms_of(20261026, 0) - calendar_ms_of(20261025, 0), 25 * HOUR_MS);
}

static void a_term_ends_at_midnight_in_amsterdam(void **state)
{
    (void)state;
    assert_int_equal(calendar_term_end_ms(20261203), utc_ms(2026, 12, 3, 23, 0));
    assert_int_equal(calendar_term_end_ms(20260701), utc_ms(2026, 7, 1, 22, 0));
    assert_int_equal(calendar_term_end_ms(20260328), utc_ms(2026, 3, 28, 23, 0));
    assert_int_equal(calendar_term_end_ms(20260329), utc_ms(2026, 3, 29, 22, 0));
    assert_int_equal(calendar_term_end_ms(20261231), utc_ms(2026, 12, 31, 23, 0));
    assert_int_equal(calendar_date_of_ms(calendar_term_end_ms(20261231) - 1), 20261231);
    assert_int_equal(calendar_date_of_ms(calendar_term_end_ms(20261231)), 20270101);
}

/* The C library follows the same rule when TZ spells it out, without a time zone database. */
static void amsterdam_agrees_with_the_c_library_for_a_century(void **state)
{
    (void)state;
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    for (int64_t at = utc_ms(1998, 1, 1, 0, 0); at < utc_ms(2100, 1, 1, 0, 0);
         at += 30 * MINUTE_MS) {
        time_t seconds = (time_t)(at / 1000);
        struct tm tm;
        localtime_r(&seconds, &tm);
        plain_date date = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
        int minute = tm.tm_hour * 60 + tm.tm_min;
        if (calendar_date_of_ms(at) != date || calendar_minute_of_ms(at) != minute)
            fail_msg("%lld reads as %d %d", (long long)at, calendar_date_of_ms(at),
                     calendar_minute_of_ms(at));
        int64_t back = calendar_ms_of(date, minute);
        if (back != at && back != at - HOUR_MS)
            fail_msg("%d %d goes back to %lld", date, minute, (long long)back);
    }
}

static void instants_outside_the_calendar_are_told_apart(void **state)
{
    (void)state;
    assert_true(calendar_ms_valid(0));
    assert_true(calendar_ms_valid(-DAY_MS));
    assert_int_equal(calendar_date_of_ms(-2 * HOUR_MS), 19691231);
    assert_false(calendar_ms_valid(INT64_MAX));
    assert_false(calendar_ms_valid(INT64_MIN));
    int64_t last = calendar_day_number(99991231) * DAY_MS;
    assert_false(calendar_ms_valid(last));
    assert_int_equal(calendar_date_of_ms(last - 1), 99991231);
    int64_t first = calendar_day_number(10101) * DAY_MS;
    assert_false(calendar_ms_valid(first - 1));
    assert_int_equal(calendar_date_of_ms(first), 10101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_of_three_centuries_goes_round),
        cmocka_unit_test(day_numbers_agree_with_the_c_library),
        cmocka_unit_test(only_days_of_the_calendar_are_valid),
        cmocka_unit_test(the_first_and_last_day_are_reachable),
        cmocka_unit_test(months_end_where_the_month_ends),
        cmocka_unit_test(dates_print_in_dutch_and_in_iso_order),
        cmocka_unit_test(easter_falls_where_the_almanac_says),
        cmocka_unit_test(easter_is_a_sunday_between_22_march_and_25_april_in_every_year),
        cmocka_unit_test(the_holidays_of_2024_to_2030_are_these_and_no_others),
        cmocka_unit_test(kings_day_moves_to_saturday_when_it_would_be_a_sunday),
        cmocka_unit_test(liberation_day_is_off_every_year_not_only_each_fifth),
        cmocka_unit_test(weekends_holidays_and_extra_days_are_no_working_days),
        cmocka_unit_test(ten_working_days_over_christmas_end_in_january),
        cmocka_unit_test(working_days_also_count_back),
        cmocka_unit_test(counting_working_days_undoes_adding_them),
        cmocka_unit_test(spring_skips_an_hour_in_2026),
        cmocka_unit_test(autumn_repeats_an_hour_in_2026_and_the_first_one_counts),
        cmocka_unit_test(a_term_ends_at_midnight_in_amsterdam),
        cmocka_unit_test(amsterdam_agrees_with_the_c_library_for_a_century),
        cmocka_unit_test(instants_outside_the_calendar_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
