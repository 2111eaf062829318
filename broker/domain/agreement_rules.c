/* Where and when an agreement applies. */
#include "agreement.h"

#include "mutant.h"

#include <stdlib.h>

/* A weekly schedule whose days are never working days would be searched for ever. */
#define OPENING_SEARCH_DAYS 366

/* ---------------------------------------------------------------- scope */

static int compare_oin_to_key(const void *key, const void *element)
{
    return strcmp(((const struct skp_oin *)key)->text, ((const struct skp_oin *)element)->text);
}

bool agreement_is_valid(const struct agreement *agreement, plain_date date)
{
    return date >= agreement->valid_from &&
           (agreement->valid_until == 0 || date <= agreement->valid_until);
}

bool agreement_in_force(const struct agreement *agreement, const struct skp_oin *counsellor,
                        plain_date date)
{
    return agreement_is_valid(agreement, date) &&
           bsearch(counsellor, agreement->counsellors, agreement->counsellor_count,
                   sizeof *agreement->counsellors, compare_oin_to_key) != NULL;
}

static bool scope_has(uint32_t scope, uint8_t code)
{
    return scope == 0 || (code < 32 && (scope & (1U << code)) != 0);
}

bool agreement_covers(const struct agreement *agreement, uint32_t claim_kinds, uint8_t product,
                      uint8_t guidance, const char *brand)
{
    if (MUTANT(scope_ignored))
        return true;
    if (agreement->claim_kinds != 0 && (claim_kinds & ~agreement->claim_kinds) != 0)
        return false;
    if (*agreement->brand != '\0' && strcmp(agreement->brand, brand) != 0)
        return false;
    return scope_has(agreement->products, product) && scope_has(agreement->guidances, guidance);
}

/* ---------------------------------------------------------------- schedule */

static plain_date later_of(plain_date a, plain_date b)
{
    return a > b ? a : b;
}

static bool opens_on(const struct agreement *agreement, const struct calendar *calendar,
                     plain_date date)
{
    unsigned bit = ((unsigned)calendar_weekday(date) + 6U) % 7U; /* Monday 0 ... Sunday 6 */
    return (agreement->weekdays & (1U << bit)) != 0 && calendar_is_working_day(calendar, date);
}

int64_t agreement_next_opening(const struct agreement *agreement, const struct calendar *calendar,
                               int64_t after_ms)
{
    if (agreement->weekdays == 0)
        return 0;
    plain_date date = calendar_date_of_ms(after_ms);
    date = later_of(date, later_of(agreement->valid_from, agreement->first_date));
    for (int i = 0; i < OPENING_SEARCH_DAYS; i++, date = calendar_add_days(date, 1)) {
        if (agreement->valid_until != 0 && date > agreement->valid_until)
            return 0;
        int64_t opening_ms = calendar_ms_of(date, agreement->minute_of_day);
        if (opening_ms > after_ms && opens_on(agreement, calendar, date))
            return opening_ms;
    }
    return 0;
}
