/* Receipts as files: what the broker signed that it stored, one file for each batch, to keep or to hand over.
 *
 * A file is a packed Receipt, as it came; `skp verify-receipt` checks it with nothing but the anchors. */
#ifndef SKP_RECEIPTS_H
#define SKP_RECEIPTS_H

#include "state_db.h"

#define RECEIPTS_WHY_BYTES 512

struct receipts_count {
    size_t written;
    size_t there;   /* files of an earlier run, left as they are: a receipt never changes */
    size_t without; /* batches that were refused as a whole: there is no proof of storing */
};

/* Writes BATCHID.receipt, of a play BATCHID.proef.receipt (mode 0600), in `folder` for each receipt
 * of the database. IO or NO_MEMORY with ret_why[RECEIPTS_WHY_BYTES]; what was written before stays. */
enum skp_err receipts_export(struct state_db *db, const char *folder,
                             struct receipts_count *ret_count, char *ret_why) SKP_MUST_CHECK;

#endif
