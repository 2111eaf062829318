/* What comes out of the mailbox, into the state database: requests and overviews for a creditor, answers
 * for a counsellor, events for both.
 *
 * Everything is kept under its own id, so the same delivery a second time has no effect. What may be
 * collected is only what was read whole: a part that does not open, or an answer to something else than was
 * asked, leaves the delivery where it is. Writes inside the caller's transaction. */
#ifndef SKP_OPENING_H
#define SKP_OPENING_H

#include "skp.h"
#include "state_db.h"

/* Opens a sealed part: skp_open_part(), or a test's own way. */
typedef enum skp_err (*open_part_fn)(void *ctx, const Skp__V1__Delivery *delivery,
                                     const struct envelope_delivery *checked, size_t index,
                                     struct arena *arena, struct span *ret_part);

struct opening {
    struct state_db *db;
    const struct skp_oin *broker;
    open_part_fn open_part;
    void *ctx;
    /* Called for each event and answer that is new; may be NULL. */
    void (*on_event)(void *ctx, const Skp__V1__EventFact *event);
    size_t requests, overviews, answers, events; /* new ones */
    enum skp_err problem; /* of the last delivery: why it is not to be collected */
};

/* Reads one delivery into the database. Whether it may be collected after the commit is
 * opening->problem == SKP_OK. Database errors are sticky there. */
void opening_take(struct opening *opening, const Skp__V1__Delivery *delivery,
                  const struct envelope_delivery *checked);

/* Whether an event of the list of words has happened to a request: its state as it follows from what is
 * known here (Skp__V1__RequestState). All zero means "not". Pure. */
struct request_facts {
    enum stage stage;
    bool off_network, recorded, overdue;
    int64_t published_at_ms;
    int64_t answered_at_ms; /* of the first answer */
    int32_t due_date;
};
Skp__V1__RequestState opening_request_state(const struct request_facts *facts);

#endif
