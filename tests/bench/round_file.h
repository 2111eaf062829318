/* Batches and received bundles in files, so that a round of any size needs little memory.
 *
 * Files of one run on one machine: plain structs, never read by another build. */
#ifndef SKP_ROUND_FILE_H
#define SKP_ROUND_FILE_H

#include "round_plan.h"

/* ---------------------------------------------------------------- batches of one party */

FILE *round_batches_create(const struct round_plan *plan, unsigned party);
void round_batches_add(FILE *file, const struct envelope_batch *batch);

struct round_batch {
    struct envelope_batch sealed; /* without heads */
    size_t bytes;
    void *memory;
};

/* Reads the batch that stands at *offset and moves it on. End with round_batch_free(). */
void round_batches_next(const struct round_plan *plan, unsigned party, long *offset,
                        struct round_batch *ret_batch);
void round_batch_free(struct round_batch *batch);

/* ---------------------------------------------------------------- bundles that came */

struct round_post {
    unsigned party;
    struct seal_place place;
    size_t len;
};

FILE *round_post_create(const char *path);
void round_post_add(FILE *file, const struct round_post *post, const void *bytes);

/* The next one from where the file stands; *ret_bytes has room for the largest frame. False at the end. */
bool round_post_next(FILE *file, struct round_post *ret_post, void *ret_bytes);

#endif
