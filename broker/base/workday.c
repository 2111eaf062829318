/* The second half of calendar.h: holidays and working days. */
#include "calendar.h"

#include "mutant.h"

#include <assert.h>

#define MAX_WORKING_DAYS 10000

/* The anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8). */
plain_date calendar_easter(int year)
{
    assert(year >= 1 && year <= 9999);
    int golden = year % 19;
    int century = year / 100;
    int of_century = year % 100;
    int correction = (century - (century + 8) / 25 + 1) / 3;
    int epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    int to_sunday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    int late = (golden + 11 * epact + 22 * to_sunday) / 451;
    int sum = epact + to_sunday - 7 * late + 114;
    return year * 10000 + sum / 31 * 100 + sum % 31 + 1;
}

static bool is_fixed_holiday(plain_date date)
{
    switch (date % 10000) {
    case 101:  /* Nieuwjaarsdag */
    case 505:  /* Bevrijdingsdag */
    case 1225: /* both Christmas days */
    case 1226:
        return true;
    case 426:
        return calendar_weekday(date) == SATURDAY;
    case 427: /* Koningsdag */
        return calendar_weekday(date) != SUNDAY;
    }
    return false;
}

static bool is_easter_holiday(plain_date date)
{
    switch (calendar_days_between(calendar_easter(date / 10000), date)) {
    case -2: /* Goede Vrijdag */
    case 1:  /* tweede Paasdag */
    case 39: /* Hemelvaartsdag */
    case 50: /* tweede Pinksterdag */
        return true;
    }
    return false;
}

bool calendar_is_holiday(plain_date date)
{
    assert(calendar_date_valid(date));
    return is_fixed_holiday(date) || is_easter_holiday(date);
}

static bool is_extra_day(const struct calendar *calendar, plain_date date)
{
    for (size_t i = 0; calendar && i < calendar->extra_count; i++)
        if (calendar->extra_days[i] == date)
            return true;
    return false;
}

bool calendar_is_working_day(const struct calendar *calendar, plain_date date)
{
    enum weekday weekday = calendar_weekday(date);
    if (weekday == SATURDAY || weekday == SUNDAY)
        return false;
    return !calendar_is_holiday(date) && !is_extra_day(calendar, date);
}

plain_date calendar_next_working_day(const struct calendar *calendar, plain_date date)
{
    do
        date = calendar_add_days(date, 1);
    while (!calendar_is_working_day(calendar, date));
    return date;
}

plain_date calendar_add_working_days(const struct calendar *calendar, plain_date date, int n)
{
    assert(n >= -MAX_WORKING_DAYS && n <= MAX_WORKING_DAYS);
    if (n == 0)
        return calendar_is_working_day(calendar, date) ? date
                                                       : calendar_next_working_day(calendar, date);
    int step = n > 0 ? 1 : -1;
    if (MUTANT(calendar_off_by_one))
        n -= step;
    while (n != 0) {
        date = calendar_add_days(date, step);
        if (calendar_is_working_day(calendar, date))
            n -= step;
    }
    return date;
}

int calendar_count_working_days(const struct calendar *calendar, plain_date from, plain_date to)
{
    int32_t last = calendar_day_number(to);
    int count = 0;
    for (int32_t day = calendar_day_number(from) + 1; day <= last; day++)
        count += calendar_is_working_day(calendar, calendar_date_of_day(day));
    return count;
}
