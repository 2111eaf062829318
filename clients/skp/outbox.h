/* What was signed and has no receipt yet: kept as bytes, so that a crash sends the very same again.
 *
 * outbox_put() belongs in the transaction that made the batch; only after its commit may the batch be sent.
 * outbox_settle() applies a report to cases, requests and answers and keeps the receipt. */
#ifndef SKP_OUTBOX_H
#define SKP_OUTBOX_H

#include "draft.h"
#include "skp.h"
#include "state_db.h"

/* Adds a signed batch with its lines. Sticky errors of `db`. */
void outbox_put(struct state_db *db, const struct draft *draft, const struct envelope_batch *batch,
                int64_t at_ms);

/* The ids of all batches that wait, oldest first. */
size_t outbox_list(struct state_db *db, struct skp_id *ret_ids, size_t max);

/* The batch as it was signed; lives in `arena`. NOT_FOUND, IO, NO_MEMORY. */
enum skp_err outbox_load(struct state_db *db, const struct skp_id *batch_id, struct arena *arena,
                         struct envelope_batch *ret_batch) SKP_MUST_CHECK;

/* Whether a report with this error leaves open what became of the batch: no connection, broker busy, no proof. */
bool outbox_is_open(enum skp_err err);

/* One transaction. A report that leaves the outcome open changes nothing. */
enum skp_err outbox_settle(struct state_db *db, const struct skp_report *report,
                           int64_t at_ms) SKP_MUST_CHECK;

#endif
