/* Deadlines are held when business time cannot be trusted: after a jump of the clock, or when the
 * settings say that the store was restored.
 *
 * While they are held nothing fires; batches and mail go on. The store remembers it, and the
 * business time the broker last saw. A person who saw the list releases them (admin_state.c). In a
 * store for play time moves by command: it is never held. Store worker, unless said otherwise. */
#ifndef SKP_HOLD_H
#define SKP_HOLD_H

#include "txn.h"

/* At opening, inside a transaction: what the store remembers; says it when they are held. */
enum skp_err hold_load(struct engine *engine, struct arena *arena) SKP_MUST_CHECK;

/* As the engine last committed it. Any thread. */
struct clock_mark hold_mark(struct engine *engine);

/* First thing of a tick: begins to hold when time jumped or the settings ask for it. */
enum skp_err hold_watch(struct txn *txn, bool *ret_held) SKP_MUST_CHECK;

/* Last thing of a tick that was not held: what time it was. `worked`: it commits anyway. */
enum skp_err hold_remember(struct txn *txn, bool worked) SKP_MUST_CHECK;

/* What is due may happen; `reason` lives as long as the transaction. */
enum skp_err hold_release(struct txn *txn, size_t count, const char *reason) SKP_MUST_CHECK;

/* After the commit: the engine and the log hear what changed. */
void hold_committed(struct txn *txn);

/* Does the mark want a tick, though nothing is due? Any thread. */
bool hold_wants_tick(const struct engine *engine, const struct clock_mark *mark, int64_t now_ms);

/* How many deadlines are due at this moment, as the store has them. Inside a transaction. */
enum skp_err hold_count_due(struct store *store, int64_t now_ms, size_t *ret_count) SKP_MUST_CHECK;

#endif
