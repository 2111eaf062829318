/* What cannot be delivered as it was sealed: taken out of the mailbox, so that the lane goes on with
 * a gap, and sent back to its counsellor in the same transaction, to be sealed again.
 *
 * Looked at when it is about to be delivered: the addressee's mailbox record of now may say that
 * nobody opens any more with the certificates it was sealed for. Only requests that are open go
 * back; what else stands in the bundle is delivered all the same, since nobody could seal it again.
 * Where the bundle itself is damaged nothing of it can be delivered: the whole entry is set aside
 * (quarantine.h). */
#ifndef SKP_PARK_H
#define SKP_PARK_H

#include "engine_internal.h"
#include "txn.h"

/* Must open requests of this entry go back? Reads only when the record withdraws something. Read
 * worker. `record` may be NULL: then nothing was withdrawn. */
enum skp_err park_wanted(struct store *reader, struct arena *arena,
                         const struct registry_record *record, const struct entry_row *entry,
                         const struct bundle_row *bundle, bool *ret_wanted) SKP_MUST_CHECK;

/* The entry `row` is damaged and was taken out: open requests of the bundle that it still leads to,
 * if that bundle agrees, go back. Store worker. */
enum skp_err park_damaged_entry(struct txn *txn, const struct store_row *row) SKP_MUST_CHECK;

/* Submits these entries, which the session holds. Loop thread. What cannot be parked now, for want of
 * room or memory, is given back, and its mailbox woken after a pause. */
void park_submit(struct engine *engine, const struct skp_oin *oin, const char *mailbox,
                 uint64_t session, const uint64_t *positions, size_t count);

#endif
