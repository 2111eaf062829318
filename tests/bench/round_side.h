/* One side of the round: all counsellors or all creditors, in a process of their own, on libskp.
 *
 * What they send was sealed before; what they get they keep in a file, collect, and open only after the clock
 * stopped. A creditor answers once all its requests are with it. */
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
    double rss_mb; /* peak, before anything is opened */
};

struct round_side_config {
    const struct round_plan *plan;
    const struct round_pki *pki;
    const char *post; /* a file that does not exist yet */
    uint16_t port;
    unsigned first_party, party_count;
};

struct round_side {
    pid_t pid;
    int from, to;                     /* pipes, one byte per step */
    struct round_side_result *result; /* shared memory, written by the process */
};

/* Starts the process. It connects all and publishes their records, says 'R'; at 'L' reads the directory, says 'L'; at
 * 'G' works, says 'D' when all is done and goes on collecting until 'S'; then checks, fills the result and ends. */
void round_side_start(struct round_side *side, const struct round_side_config *config);
void round_side_tell(const struct round_side *side, char word);

/* False when it did not leave with 0. */
bool round_side_end(struct round_side *side);
void round_side_free(struct round_side *side); /* the result */

#endif
