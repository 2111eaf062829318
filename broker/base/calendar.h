/* Dutch dates, working days and Amsterdam time, computed without a time zone database.
 *
 * Working days follow the Algemene termijnenwet (https://wetten.overheid.nl/BWBR0002448): article 3
 * lists Nieuwjaarsdag, the second days of Easter and Whitsun, both Christmas days, Ascension Day,
 * the day the King's birthday is celebrated (27 April, the 26th when the 27th is a Sunday) and 5
 * May, every year; paragraph 2 equates Good Friday. Days the Crown equates once (paragraph 3) go in
 * the extra days of an agreement. King's Day is computed as since 2014.
 *
 * Local time is Central European Time with the summer time of Directive 2000/84/EC: from the last
 * Sunday of March to the last Sunday of October, 01:00 UTC. The rule is applied to every year.
 *
 * Pure: no clock, no allocation, any thread. Dates handed in and results must be within the years 1
 * to 9999 (asserted); a date that a peer names passes calendar_date_valid() and a range check
 * first. */
#ifndef SKP_CALENDAR_H
#define SKP_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A date as yyyymmdd: 20261203. 0 = not given, never valid. */
typedef int32_t plain_date;

/* Goes up when a computed holiday or the summer time rule changes; due dates name it. */
#define CALENDAR_VERSION 1U

#define CALENDAR_MINUTES_PER_DAY 1440

#define CALENDAR_TEXT_BYTES 11

/* Extra days off beside the law's, e.g. of an agreement. `calendar` may be NULL everywhere: the law
 * only. */
struct calendar {
    const plain_date *extra_days; /* borrowed, any order */
    size_t extra_count;
};

enum weekday { SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY };

/* A day of the Gregorian calendar, years 1 to 9999. */
bool calendar_date_valid(plain_date date);

/* Days since 1970-01-01 and back; day numbers outside the years 1 to 9999 are asserted. */
int32_t calendar_day_number(plain_date date);
plain_date calendar_date_of_day(int32_t day_number);

enum weekday calendar_weekday(plain_date date);
plain_date calendar_add_days(plain_date date, int days);
int calendar_days_between(plain_date from, plain_date to); /* to - from */

/* The same day `months` later (or earlier), the last day of the month when there is none. */
plain_date calendar_add_months(plain_date date, int months);

/* "03-12-2026" (Dutch) and "2026-12-03" (ISO 8601) into ret_text[CALENDAR_TEXT_BYTES]. */
void calendar_print_dutch(plain_date date, char *ret_text);
void calendar_print_iso(plain_date date, char *ret_text);

/* Whether an instant (UTC ms) can be turned into a date: the years 1 to 9999, less the last day.
 * Ask this first about an instant that a peer names. */
bool calendar_ms_valid(int64_t at_ms);

/* The date and the minute of the day on the clocks of Amsterdam at an instant (UTC ms). */
plain_date calendar_date_of_ms(int64_t at_ms);
int calendar_minute_of_ms(int64_t at_ms);

/* The instant of a minute of the day (0 to 1440, where 1440 is 24:00) in Amsterdam. A time that the
 * spring change skips is read with the offset before it (02:30 is 03:30 summer time); a time that
 * autumn repeats is its first occurrence. */
int64_t calendar_ms_of(plain_date date, int minute_of_day);

/* 24:00 Amsterdam of `date`: a term that ends on that day is kept by what was received before it.
 */
int64_t calendar_term_end_ms(plain_date date);

/* Easter Sunday of a year (1 to 9999) by the Gregorian rule. */
plain_date calendar_easter(int year);

/* Whether article 3 of the Algemene termijnenwet names the day, weekday or not. */
bool calendar_is_holiday(plain_date date);

bool calendar_is_working_day(const struct calendar *calendar, plain_date date);

/* The first working day after `date`. */
plain_date calendar_next_working_day(const struct calendar *calendar, plain_date date);

/* n > 0: the n-th working day after `date`; n < 0: the n-th before it; n = 0: `date` itself, or the
 * next working day when it is none. A term of n working days that starts the working day after
 * publication is due on calendar_add_working_days(calendar, published, n). */
plain_date calendar_add_working_days(const struct calendar *calendar, plain_date date, int n);

/* The number of working days d with from < d <= to; 0 when `to` is not after `from`. */
int calendar_count_working_days(const struct calendar *calendar, plain_date from, plain_date to);

#endif
