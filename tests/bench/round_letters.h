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

/* Of writing over what a file holds, as a log that is used again, and fdatasync. */
struct round_sync {
    double p50_us, p99_us;
};

/* So many bytes, `count` times; before each the thread sleeps so long, as whoever waits for a letter
 * does. 0: one follows another, and the processor never rests. */
void round_letters_sync(const char *folder, size_t bytes, unsigned count, unsigned sleep_us,
                        struct round_sync *ret_sync);

#endif
