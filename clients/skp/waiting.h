/* What waits in a creditor's mailbox, counted: lists to be filled in, and notices that ask nothing.
 *
 * Looks only at the signed lines, so nothing is opened and nothing is kept. An overview may come before or behind
 * the requests it names, so lists and terms are known only after waiting_finish(). */
#ifndef SKP_WAITING_H
#define SKP_WAITING_H

#include "book.h"
#include "calendar.h"
#include "envelope.h"
#include "map.h"

struct waiting_request {
    struct skp_id request_id;
    struct skp_oin counsellor;
    plain_date due; /* when no overview names it */
};

struct waiting {
    const struct book *book;
    plain_date today;     /* the caller's to set before it looks */
    struct map lists;     /* counsellors and rounds: each becomes one list */
    struct map in_rounds; /* requests that an overview names */
    struct map asked;     /* requests to answer */
    struct map overdue;   /* requests whose term has passed, asked or not */
    struct waiting_request *requests;
    size_t request_count, request_room;
    size_t messages;
    int64_t oldest_ms; /* when the oldest of the lists came; 0: no lists */
    plain_date due;    /* the earliest; 0: none */
    enum skp_err err;  /* NO_MEMORY */
};

/* NO_MEMORY; waiting_fini() in any case. `book` is borrowed. */
enum skp_err waiting_init(struct waiting *waiting, const struct book *book) SKP_MUST_CHECK;
void waiting_fini(struct waiting *waiting);

/* Counts one delivery. */
void waiting_look(struct waiting *waiting, const Skp__V1__Delivery *delivery,
                  const struct envelope_delivery *checked);

/* After the last delivery: what of the requests no overview names. */
void waiting_finish(struct waiting *waiting);

/* How many of the requests to answer are overdue. */
size_t waiting_overdue(const struct waiting *waiting);

#endif
