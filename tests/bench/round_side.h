/* One side of the round: all counsellors or all creditors, in a process of their own, on libskp.
 *
 * Every party holds one session. What it sends was sealed before; what it gets it keeps in memory, collects, and
 * opens only after the clock stopped. A creditor answers once all its requests are with it. */
#ifndef SKP_ROUND_SIDE_H
#define SKP_ROUND_SIDE_H

#include "round_plan.h"

struct round_side_result {
    unsigned lines;      /* requests or answers that came, each kept and collected */
    unsigned wrong;      /* came twice, to somebody else, or do not open to what was sealed */
    unsigned missing;    /* never came */
    unsigned deliveries; /* with those of the broker's own facts */
    unsigned collects;   /* signed statements */
    unsigned answered;   /* requests the broker's cases view shows as answered; counsellors only */
    uint64_t delivery_bytes;
};

struct round_side_config {
    const struct round_plan *plan;
    const struct round_pki *pki;
    uint16_t port;
    unsigned first_party, party_count;
    int from_parent, to_parent; /* pipes of one byte per step: see below */
};

/* Connects all and publishes their records, says 'R'; at 'L' reads the directory, says 'L'; at 'G' works, says 'D'
 * when all is done and goes on collecting until 'S'; then checks and fills *ret_result. Ends the process when a session fails. */
void round_side_run(const struct round_side_config *config, struct round_side_result *ret_result);

#endif
