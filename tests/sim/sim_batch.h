/* Batches that participants of a simulation make, each with its record ("invoke") in the history.
 *
 * Functions end the program on error: what is made here is well-formed; what breaks a rule on
 * purpose is for the broker to refuse and for the model to expect. */
#ifndef SKP_SIM_BATCH_H
#define SKP_SIM_BATCH_H

#include "envelope.h"
#include "sim_history.h"

struct sim_party;

enum sim_batch_state { SIM_UNSENT, SIM_SENT, SIM_DONE };

/* What a participant keeps on its own disk until the broker has it: survives its own restarts. */
struct sim_batch {
    struct sim_batch *next;
    struct arena arena;
    struct envelope_batch sealed;
    enum sim_batch_state state;
    bool stored; /* acknowledged at least once */
};
void sim_batch_free(struct sim_batch *batch);

/* A batch in the making. */
struct sim_maker {
    struct sim_party *party;
    struct sim_batch *batch;
    struct envelope_writer *writer;
    struct sim_text text; /* its bundles, as JSON */
    struct skp_id bundle_id;
    uint32_t line; /* the next one of the open bundle */
    size_t bundles;
};

/* `batch_id` NULL: a new one. */
void sim_maker_begin(struct sim_maker *maker, struct sim_party *party,
                     const struct skp_id *batch_id);
void sim_maker_bundle(struct sim_maker *maker, const char *to, X509 *const *certs,
                      size_t cert_count);

/* `part_of` NULL: nothing is sealed, so that the same line can be said again word for word; else the item the
 * part names. `format`: members of the line's record. */
void sim_maker_line(struct sim_maker *maker, Skp__V1__Line *line, const struct skp_id *part_of,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Signs, records, gives the batch to the party's outbox. */
struct sim_batch *sim_maker_finish(struct sim_maker *maker);

/* Whether an opened part is the one that was sealed for this item. */
bool sim_part_fits(struct span part, const struct skp_id *item, bool is_request);

#endif
