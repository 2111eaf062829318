/* What comes out of the mailbox, into the state database: requests and overviews for a creditor, answers
 * for a counsellor, events for both.
 *
 * Nobody is taken at the broker's word: an answer must be of who was asked, "collected" must be signed by the
 * addressee, and a part holds a BSN exactly when the signed line says so, and then one that passes the elfproef.
 *
 * Everything is kept under its own id, so the same delivery a second time has no effect. What may be
 * collected is only what was read whole: a part that does not open, or an answer to something else than was
 * asked, leaves the delivery where it is. A request that cannot be read is kept with the reason; once it was answered
 * UNREADABLE, or came again sealed anew, it is in nobody's way any more. Writes inside the caller's transaction. */
#ifndef SKP_OPENING_H
#define SKP_OPENING_H

#include "skp.h"
#include "state_db.h"

/* Opens a sealed part: skp_open_part(), or a test's own way. */
typedef enum skp_err (*open_part_fn)(void *ctx, const Skp__V1__Delivery *delivery,
                                     const struct envelope_delivery *checked, size_t index,
                                     struct arena *arena, struct span *ret_part);

/* Checks an event of kind COLLECTED: skp_check_collected(), or a test's own way. */
typedef enum skp_err (*check_collected_fn)(void *ctx, const Skp__V1__EventFact *event);

struct opening {
    struct state_db *db;
    const struct skp_oin *broker;
    open_part_fn open_part;
    check_collected_fn check_collected;
    void *ctx;          /* of these and of on_event */
    bool bsn_forbidden; /* we are not entitled to a BSN */
    /* Called for each event and answer that is new; may be NULL. */
    void (*on_event)(void *ctx, const Skp__V1__EventFact *event);
    size_t requests, overviews, answers, events; /* new ones */
    size_t unreadable;    /* requests that cannot be read, or that creditors could not read */
    enum skp_err problem; /* of the last delivery: why it is not to be collected */
};

/* Reads one delivery into the database. Whether it may be collected after the commit is
 * opening->problem == SKP_OK. Database errors are sticky there. */
void opening_take(struct opening *opening, const Skp__V1__Delivery *delivery,
                  const struct envelope_delivery *checked);

/* Whether the client or the partner stands there with a BSN. */
bool opening_has_bsn(const Skp__V1__PersonPart *part);

/* The state of a request (Skp__V1__RequestState) as it follows from what is known here. Zero means that it
 * has not happened. Pure. */
struct request_facts {
    enum stage stage;
    bool off_network, recorded, overdue;
    int64_t published_at_ms;
    int64_t answered_at_ms; /* of the first answer */
    int reseal;             /* Skp__V1__RequestState that asks to seal it again, while it does; 0 */
    int32_t due_date;
};
Skp__V1__RequestState opening_request_state(const struct request_facts *facts);

#endif
