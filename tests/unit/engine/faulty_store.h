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

#endif
