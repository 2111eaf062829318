/* Rounds (saldocheckronde): what waits for one agreement goes out as one overview, and is closed
 * after its term.
 *
 * Inside a transaction of the store worker. Opening only makes the round and asks for its
 * publication; the overview leaves in parts of at most ENGINE_TICK_LINES new requests, each part a
 * transaction of its own, so that a large round never holds up the mail. */
#ifndef SKP_ROUNDS_H
#define SKP_ROUNDS_H

#include "txn.h"

/* Opens a round of `agreement`; `reason` when somebody opens it by hand ("" = by schedule). */
enum skp_err round_open(struct txn *txn, const struct agreement *agreement, const char *reason,
                        struct skp_id *ret_round_id) SKP_MUST_CHECK;

/* The next part of its overview; more parts ask for themselves. *ret_lines requests went out. */
enum skp_err round_publish(struct txn *txn, const struct skp_id *round_id, uint32_t part,
                           size_t *ret_lines) SKP_MUST_CHECK;

/* NOT_FOUND, STATE_INVALID (not published, or closed before). */
enum skp_err round_close(struct txn *txn, const struct skp_id *round_id) SKP_MUST_CHECK;

/* Puts the agreement's next opening among the deadlines. */
enum skp_err round_schedule(struct txn *txn, const struct agreement *agreement) SKP_MUST_CHECK;

#endif
