/* A statement of collection with its signature and the certificates in it takes three kilobytes, and is
 * told to each sender whose mail was taken. In the store it lies once (table statement); the rows of the
 * bundles that tell of it leave it out and say where it belongs. Whoever gets such a bundle gets it
 * whole, as it was signed. */
#ifndef SKP_STATEMENTS_H
#define SKP_STATEMENTS_H

#include "txn.h"

/* A statement of this transaction. Lives in its arena. */
struct kept_statement {
    uint64_t number;
    struct span fields; /* of EventFact, as every line that tells of it holds them */
};

/* Its row, saved with the transaction. NO_MEMORY. */
enum skp_err statements_keep(struct txn *txn, const Skp__V1__Collect *collect,
                             const struct kept_statement **ret_kept) SKP_MUST_CHECK;

/* What these lines of row->body, in their order, tell of is left out of it: of all of them, or the first
 * has none and it stays as it is. NO_MEMORY. */
enum skp_err statements_leave_out(struct arena *arena, const struct said_line *lines, size_t count,
                                  struct bundle_row *row) SKP_MUST_CHECK;

/* The other way round: row->body is whole again, in `arena`. Inside a transaction of the store. DATA_LOSS:
 * it cannot be made whole; store->damaged names the statement, where one is to blame. NO_MEMORY, or
 * what store_get() says. */
enum skp_err statements_put_back(struct store *store, struct arena *arena,
                                 struct bundle_row *row) SKP_MUST_CHECK;

#endif
