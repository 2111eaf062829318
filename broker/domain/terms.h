/* Terms: when something is due, on time, overdue.
 *
 * A term starts the working day after publication into the mailbox, collected or not, and ends
 * 24:00 Europe/Amsterdam on the due day; received before that is on time. Overdue goes out at 07:00
 * on the next working day. Working days are those of calendar.h; a due date is told together with
 * CALENDAR_VERSION. Pure; `calendar` may be NULL: the law's days only. All instants are business
 * time in milliseconds. */
#ifndef SKP_TERMS_H
#define SKP_TERMS_H

#include "agreement.h"

#define TERMS_DEFAULT_WORKING_DAYS                                                                 \
    10                              /* algemene procesafspraken: answer within 10 working days     \
                                     */
#define TERMS_URGENT_WORKING_DAYS 1 /* until urgent terms in hours exist */
#define TERMS_OVERDUE_MINUTE      (7 * 60)

/* The due date of what is published at `published_ms` with `working_days` (at least 1) of term. */
plain_date terms_due_date(const struct calendar *calendar, int64_t published_ms,
                          uint32_t working_days);

/* Received before 24:00 of the due date? 24:00 itself is late. */
bool terms_on_time(plain_date due_date, int64_t received_ms);

/* When overdue is told: 07:00 on the working day after the due date. */
int64_t terms_overdue_at_ms(const struct calendar *calendar, plain_date due_date);

/* Does a request leave at once, or wait for the round of `agreement` (NULL = none applies)? At
 * once: urgent; no agreement; no round by schedule (nobody can say how long the wait would be); or
 * more than the agreement's waiting_working_days until the next opening, today not counted. */
enum terms_route { TERMS_AT_ONCE, TERMS_WAIT_FOR_ROUND };
enum terms_route terms_route(const struct agreement *agreement, const struct calendar *calendar,
                             bool urgent, int64_t now_ms);

#endif
