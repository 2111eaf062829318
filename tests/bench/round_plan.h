/* Post made before the clock starts: cases, requests, and every batch sealed and signed.
 *
 * All ids are known to the plan, so creditors' answers, which name the leaf of what they answer, are ready too. The
 * index of a request stands in the last four bytes of its id; the twelve before are random. In memory stands about a
 * hundred bytes per request, shared by all processes; the batches lie in files (round_file.h). */
#ifndef SKP_ROUND_PLAN_H
#define SKP_ROUND_PLAN_H

#include "envelope.h"
#include "round_pki.h"

#include <stdio.h>

struct round_shape {
    unsigned cases; /* in all */
    unsigned
        requests_tenths; /* per case, tenths: 135 is 13 and 14 in turn; each to another creditor */
    unsigned creditors;  /* drawn by Zipf, s = 1 */
    unsigned counsellors;
    const char *sizes_file;  /* CSV whose last column sizes the counsellors; NULL: all the same */
    unsigned bundle_lines;   /* a bundle is full with this many */
    bool singly;             /* a batch is one case, or one answer */
    bool is_one_way;         /* creditors do not answer */
    unsigned collect_ms;     /* a desk signs for what it has stored at most this often */
    unsigned batches_in_air; /* of one side together: sent and not yet stored */
    unsigned credit;         /* deliveries on their way to one party; 0: as the broker allows */
};

struct round_request {
    struct skp_id id;
    uint32_t case_index, counsellor, creditor; /* the last two: indexes of parties */
    uint32_t line;
    struct skp_id bundle_id; /* where the request stands, once sealed */
    struct skp_hash leaf;
};

/* Parties: counsellors first, then creditors. */
struct round_party {
    struct round_identity identity;
    unsigned first_case, case_count; /* of a counsellor */
    unsigned batch_count, bundle_count;
    unsigned expected_lines; /* requests to a creditor, answers to a counsellor */
    unsigned first_asked;    /* a creditor's requests are by_creditor[first_asked], ... */
    uint64_t batch_bytes;    /* of its batches, as they travel */
};

struct round_plan {
    struct round_shape shape;
    char folder[256];            /* of the batch files */
    struct round_party *parties; /* shared with the processes that pack */
    unsigned party_count;
    struct skp_id *case_ids;
    struct round_request *requests; /* case by case; shared, too */
    unsigned request_count;
    unsigned *by_creditor; /* indexes of requests: by creditor, then by counsellor */
    uint64_t random;
};

/* `folder` must not exist yet. Ends the program when something fails; there must be as many creditors as a case has
 * requests. */
void round_plan_make(struct round_plan *plan, const struct round_shape *shape,
                     struct round_pki *pki, const char *folder);
void round_plan_free(struct round_plan *plan); /* the files stay */

/* The requests of a case are [first of index, first of index + 1). */
static inline unsigned round_first_request(const struct round_plan *plan, unsigned case_index)
{
    return (unsigned)((uint64_t)case_index * plan->shape.requests_tenths / 10);
}

static inline bool round_is_counsellor(const struct round_plan *plan, unsigned party)
{
    return party < plan->shape.counsellors;
}

/* Of all parties. */
unsigned round_batch_count(const struct round_plan *plan);
unsigned round_bundle_count(const struct round_plan *plan);
uint64_t round_batch_bytes(const struct round_plan *plan);

/* The request an id is of, NULL for a stranger. */
struct round_request *round_request_of(const struct round_plan *plan, const struct skp_id *id);

#endif
