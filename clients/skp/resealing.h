/* Sealing again what could not be opened, or not be delivered: the very same lines, in new bundles, for the
 * certificates of now. Every receipt and proof of them stays valid.
 *
 * Works off what opening.c asked for, as far as it is known how. Bounded: after RESEAL_TIMES a person must find
 * out why a creditor cannot read it. Decides and signs; says nothing to anybody. */
#ifndef SKP_RESEALING_H
#define SKP_RESEALING_H

#include "registering.h"

#define RESEAL_TIMES 3 /* per request */

struct resealing {
    struct state_db *db;
    const struct book *book;
    struct identity identity;
    /* As of struct planning. */
    enum skp_err (*target)(void *ctx, const Skp__V1__DirectoryEntry *creditor, const char *brand,
                           struct target **ret_target);
    void *ctx;
    /* Called for each request that is not sealed again. UNSEAL (after RESEAL_TIMES), BSN_NOT_ALLOWED and NOT_FOUND
     * (nothing was kept of it) are for good; RECIPIENT_UNKNOWN and what `target` says is tried again at the next run. */
    void (*on_left)(void *left_ctx, const struct skp_oin *creditor, const struct skp_id *request_id,
                    enum skp_err err);
    void *left_ctx;
    size_t sealed;
};

/* Whether something waits to be sealed again, or was and has no receipt. */
bool resealing_waits(struct state_db *db);

/* Signs all that waits into the outbox, in one transaction. NO_MEMORY, IO, and those of envelope.h. */
enum skp_err resealing_run(struct resealing *resealing) SKP_MUST_CHECK;

#endif
