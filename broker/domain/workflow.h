/* The states of cases, claims, offers and payments, and which may follow which.
 *
 * Requests have a table of their own (request.h). States of later releases stand in these tables
 * all the same, marked as such: whoever asks for one hears NOT_YET_AVAILABLE, and not that the word
 * is unknown. State 0 is that there is none yet. Pure; any thread. Read the lists by row: from the
 * state on the left to those on the right; * is later.
 *
 *     case      -                INCOMPLETE, INVENTORY
 *               INCOMPLETE       INVENTORY, COMPLETE, *ENDED
 *               INVENTORY        INCOMPLETE, COMPLETE, *ENDED
 *               COMPLETE         INCOMPLETE, INVENTORY, *CALCULATED, *ENDED
 *               *CALCULATED      COMPLETE (an answer came or changed), *OFFERING, *ENDED
 *               *OFFERING        *CALCULATED (an amount changed), *AGREED, *ENDED
 *               *AGREED          *CALCULATED, *RUNNING, *ENDED
 *               *RUNNING         *DISCHARGED, *ENDED
 *     claim     any state after any other: an answer that corrects another replaces it as a whole
 *     offer     -                *OFFERED, *COURT_ORDERED (after NO_COOPERATION)
 *               *OFFERED         *AGREED, *DECLINED, *NO_ANSWER, *SUPERSEDED
 *               *AGREED          *SUPERSEDED
 *               *DECLINED        *RECONSIDERED, *COURT_ORDERED, *SUPERSEDED
 *               *NO_ANSWER       *RECONSIDERED, *COURT_ORDERED, *SUPERSEDED
 *               *RECONSIDERED    *AGREED, *DECLINED, *NO_ANSWER, *SUPERSEDED
 *     payment   -                *PAYABLE
 *               *PAYABLE         *PAID
 *               *PAID            *PAID (the next part), *DISCHARGED */
#ifndef SKP_WORKFLOW_H
#define SKP_WORKFLOW_H

#include "errors.h"
#include "skp.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum workflow { WORKFLOW_CASE, WORKFLOW_CLAIM, WORKFLOW_OFFER, WORKFLOW_PAYMENT };

/* "COURT_ORDERED"; NULL when there is no such state. */
const char *workflow_name(enum workflow workflow, uint8_t state);

/* False for states that do not exist. */
bool workflow_may_move(enum workflow workflow, uint8_t from, uint8_t to);

/* Whether a later release brings this state (asserted to exist). */
bool workflow_is_later(enum workflow workflow, uint8_t state);

/* Whether this release takes a well-formed line, whatever it is about: NOT_YET_AVAILABLE. */
enum skp_err workflow_takes(const Skp__V1__Line *line) SKP_MUST_CHECK;

#endif
