#include "terms.h"

#include <assert.h>
#include <limits.h>

plain_date terms_due_date(const struct calendar *calendar, int64_t published_ms,
                          uint32_t working_days)
{
    assert(working_days >= 1 && working_days <= INT_MAX);
    return calendar_add_working_days(calendar, calendar_date_of_ms(published_ms),
                                     (int)working_days);
}

bool terms_on_time(plain_date due_date, int64_t received_ms)
{
    return received_ms < calendar_term_end_ms(due_date);
}

int64_t terms_overdue_at_ms(const struct calendar *calendar, plain_date due_date)
{
    return calendar_ms_of(calendar_next_working_day(calendar, due_date), TERMS_OVERDUE_MINUTE);
}

enum terms_route terms_route(const struct agreement *agreement, const struct calendar *calendar,
                             bool urgent, int64_t now_ms)
{
    if (urgent || !agreement)
        return TERMS_AT_ONCE;
    int64_t opening_ms = agreement_next_opening(agreement, calendar, now_ms);
    if (opening_ms == 0)
        return TERMS_AT_ONCE;
    int wait = calendar_count_working_days(calendar, calendar_date_of_ms(now_ms),
                                           calendar_date_of_ms(opening_ms));
    return (uint32_t)wait > agreement->waiting_working_days ? TERMS_AT_ONCE : TERMS_WAIT_FOR_ROUND;
}
