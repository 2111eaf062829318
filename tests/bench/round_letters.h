/* Letters: prepared batches of one case with one request, sent one at a time by the plan's first counsellor. */
#ifndef SKP_ROUND_LETTERS_H
#define SKP_ROUND_LETTERS_H

#include "round_plan.h"

struct round_letters {
    double p50_us, p99_us; /* from handing it to libskp until its stored receipt is checked */
    double bytes;          /* of one batch */
};

/* A plan of `letters` such batches, with one counsellor. */
struct round_shape round_letters_shape(unsigned letters, unsigned creditors);

/* Connects the counsellor, sends all, and closes. */
void round_letters_send(const struct round_plan *plan, const struct round_pki *pki, uint16_t port,
                        struct round_letters *ret_letters);

/* Microseconds of writing so many bytes over what a file holds, as a log that is used again, and fdatasync. */
void round_letters_sync(const char *folder, size_t bytes, unsigned count, double *ret_p50_us,
                        double *ret_p99_us);

#endif
