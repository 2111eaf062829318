/* A store that fails once when told to, in front of a good one. */
#ifndef SKP_FAULTY_STORE_H
#define SKP_FAULTY_STORE_H

#include "store.h"

struct faulty_store;

/* Takes the inner store; one that borrows it leaves it open when it closes. */
struct store *faulty_store_new(struct store *inner);
struct store *faulty_store_borrow(struct store *inner);

/* The next commit gives `err` and is not done; OUTCOME_UNKNOWN: it may be, as `really` says. */
void faulty_store_fail_commit(struct store *store, enum skp_err err, bool really);

/* The next `count` puts give `err`. */
void faulty_store_fail_puts(struct store *store, enum skp_err err, unsigned count);

/* After `count` more gets the next one gives `err`. */
void faulty_store_fail_get_after(struct store *store, unsigned count, enum skp_err err);

/* After `count` more scans, before the next one, something happens elsewhere. */
void faulty_store_act_after(struct store *store, unsigned count, void (*act)(void *ctx), void *ctx);

/* How many rows its scans have read. */
size_t faulty_store_rows_scanned(const struct store *store);

#endif
