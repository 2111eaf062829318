#include "calendar.h"

#include <assert.h>

#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_DAY    (CALENDAR_MINUTES_PER_DAY * MS_PER_MINUTE)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)

#define FIRST_DAY (-719162) /* 0001-01-01 */
#define LAST_DAY  2932896   /* 9999-12-31 */

static plain_date date_of(int year, int month, int day)
{
    return year * 10000 + month * 100 + day;
}

static int year_of(plain_date date)
{
    return date / 10000;
}

static int month_of(plain_date date)
{
    return date / 100 % 100;
}

static int day_of(plain_date date)
{
    return date % 100;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool calendar_date_valid(plain_date date)
{
    if (date < 10101 || date > 99991231)
        return false;
    int month = month_of(date);
    int day = day_of(date);
    return month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year_of(date), month);
}

/* Years that start in March put the leap day last, so that a month's first day is a straight line
 * through the month number (Howard Hinnant, https://howardhinnant.github.io/date_algorithms.html).
 * Years 1 to 9999 only, so nothing here is negative before the epoch is taken off. */
int32_t calendar_day_number(plain_date date)
{
    assert(calendar_date_valid(date));
    int year = year_of(date) - (month_of(date) <= 2);
    int era = year / 400;
    int year_of_era = year - era * 400;
    int month_from_march = (month_of(date) + 9) % 12;
    int day_of_year = (153 * month_from_march + 2) / 5 + day_of(date) - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

plain_date calendar_date_of_day(int32_t day_number)
{
    assert(day_number >= FIRST_DAY && day_number <= LAST_DAY);
    int days = day_number + 719468;
    int era = days / 146097;
    int day_of_era = days - era * 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return date_of(year_of_era + era * 400 + (month <= 2), month, day);
}

/* 0001-01-01 was a Monday. */
static enum weekday weekday_of(int32_t day_number)
{
    return (enum weekday)((day_number - FIRST_DAY + 1) % 7);
}

enum weekday calendar_weekday(plain_date date)
{
    return weekday_of(calendar_day_number(date));
}

plain_date calendar_add_days(plain_date date, int days)
{
    return calendar_date_of_day(calendar_day_number(date) + days);
}

int calendar_days_between(plain_date from, plain_date to)
{
    return calendar_day_number(to) - calendar_day_number(from);
}

plain_date calendar_add_months(plain_date date, int months)
{
    assert(calendar_date_valid(date));
    int total = year_of(date) * 12 + month_of(date) - 1 + months;
    assert(total >= 12 && total < 10000 * 12);
    int last = days_in_month(total / 12, total % 12 + 1);
    return date_of(total / 12, total % 12 + 1, day_of(date) < last ? day_of(date) : last);
}

static void put_digits(char *text, int width, int number)
{
    for (int i = width - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void calendar_print_dutch(plain_date date, char *ret_text)
{
    assert(calendar_date_valid(date));
    put_digits(ret_text, 2, day_of(date));
    ret_text[2] = '-';
    put_digits(ret_text + 3, 2, month_of(date));
    ret_text[5] = '-';
    put_digits(ret_text + 6, 4, year_of(date));
    ret_text[10] = '\0';
}

void calendar_print_iso(plain_date date, char *ret_text)
{
    assert(calendar_date_valid(date));
    put_digits(ret_text, 4, year_of(date));
    ret_text[4] = '-';
    put_digits(ret_text + 5, 2, month_of(date));
    ret_text[7] = '-';
    put_digits(ret_text + 8, 2, day_of(date));
    ret_text[10] = '\0';
}

/* Amsterdam time */

static int32_t last_sunday(int year, int month)
{
    int32_t last = calendar_day_number(date_of(year, month, 31));
    return last - (int32_t)weekday_of(last);
}

/* 01:00 UTC on the last Sunday of a month of 31 days. */
static int64_t change_ms(int year, int month)
{
    return last_sunday(year, month) * MS_PER_DAY + MS_PER_HOUR;
}

/* The year may be the UTC one or the Amsterdam one: they differ only far from both changes. */
static int64_t offset_ms_at(int64_t at_ms, int year)
{
    bool summer = at_ms >= change_ms(year, 3) && at_ms < change_ms(year, 10);
    return summer ? 2 * MS_PER_HOUR : MS_PER_HOUR;
}

static int64_t floor_day(int64_t ms)
{
    return ms >= 0 ? ms / MS_PER_DAY : -((-ms + MS_PER_DAY - 1) / MS_PER_DAY);
}

bool calendar_ms_valid(int64_t at_ms)
{
    return at_ms >= FIRST_DAY * MS_PER_DAY && at_ms < LAST_DAY * MS_PER_DAY;
}

static int64_t local_ms(int64_t at_ms)
{
    assert(calendar_ms_valid(at_ms));
    plain_date utc_date = calendar_date_of_day((int32_t)floor_day(at_ms));
    return at_ms + offset_ms_at(at_ms, year_of(utc_date));
}

plain_date calendar_date_of_ms(int64_t at_ms)
{
    return calendar_date_of_day((int32_t)floor_day(local_ms(at_ms)));
}

int calendar_minute_of_ms(int64_t at_ms)
{
    int64_t local = local_ms(at_ms);
    return (int)((local - floor_day(local) * MS_PER_DAY) / MS_PER_MINUTE);
}

int64_t calendar_ms_of(plain_date date, int minute_of_day)
{
    assert(minute_of_day >= 0 && minute_of_day <= CALENDAR_MINUTES_PER_DAY);
    int64_t local = calendar_day_number(date) * MS_PER_DAY + minute_of_day * MS_PER_MINUTE;
    /* Asking only whether summer time fits gives the documented answers: in the gap neither offset
     * fits and winter's is the one before the change; in the overlap both fit and summer's comes
     * first. */
    int64_t if_summer = local - 2 * MS_PER_HOUR;
    return offset_ms_at(if_summer, year_of(date)) == 2 * MS_PER_HOUR ? if_summer
                                                                     : local - MS_PER_HOUR;
}

int64_t calendar_term_end_ms(plain_date date)
{
    return calendar_ms_of(date, CALENDAR_MINUTES_PER_DAY);
}
