/* A year of post, made before the clock starts: cases, requests, and every batch sealed and signed.
 *
 * All ids are known to the plan, so creditors' answers, which name the leaf of what they answer, are ready
 * too. The index of a request stands in the last four bytes of its id; the twelve before are random. */
#ifndef SKP_ROUND_PLAN_H
#define SKP_ROUND_PLAN_H

#include "envelope.h"
#include "round_pki.h"

struct round_sizes {
    unsigned cases;       /* in all */
    unsigned per_case;    /* requests, each to another creditor */
    unsigned creditors;   /* drawn by Zipf, s = 1 */
    unsigned counsellors; /* cases are dealt out one by one */
};

struct round_request {
    struct skp_id id;
    unsigned case_index, counsellor, creditor;
    struct skp_id bundle_id; /* where the request stands, once sealed */
    uint32_t line;
    struct skp_hash leaf;
};

struct round_batch {
    struct round_batch *next;
    struct arena arena;
    struct envelope_batch sealed;
};

/* Parties: counsellors first, then creditors. */
struct round_party {
    struct round_identity identity;
    struct round_batch *batches, **batches_end;
    unsigned batch_count;
    unsigned expected_lines; /* requests to a creditor, answers to a counsellor */
};

struct round_plan {
    struct round_sizes sizes;
    struct round_party *parties;
    unsigned party_count;
    struct skp_id *case_ids;
    struct round_request *requests; /* case by case */
    unsigned request_count;
    unsigned batch_count, bundle_count;
    uint64_t batch_bytes; /* of bundles, as they travel */
    uint64_t random;
};

/* Ends the program when something fails; --creditors must be at least --per-case. */
void round_plan_make(struct round_plan *plan, const struct round_sizes *sizes,
                     struct round_pki *pki);
void round_plan_free(struct round_plan *plan);

static inline bool round_is_counsellor(const struct round_plan *plan, unsigned party)
{
    return party < plan->sizes.counsellors;
}

/* The request an id is of, NULL for a stranger. */
struct round_request *round_request_of(const struct round_plan *plan, const struct skp_id *id);

#endif
