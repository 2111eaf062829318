/* Counting what became of requests, for operators: numbers that name nobody.
 *
 * published = answered + overdue + open + stopped. Reads pages as they were committed, never those
 * of the transaction at hand; on the store worker. */
#ifndef SKP_ADMIN_TALLY_H
#define SKP_ADMIN_TALLY_H

#include "admin.h"

struct admin_tally {
    size_t waiting;   /* for a round: not published yet */
    size_t published; /* into the creditor's mailbox */
    size_t collected; /* of these, the creditor signed for */
    size_t answered;
    size_t late; /* of the answered ones, after the term */
    size_t overdue;
    size_t open;     /* the term runs */
    size_t stopped;  /* anything else: unreadable, withdrawn, ended */
    size_t resealed; /* asked anew elsewhere, and counted there: none of the above */
};

void admin_tally_add(struct admin_tally *tally, const struct request_state *request,
                     bool collected);

/* Adds the requests of a page whose bits are set. `ws` is of the store as it was committed. */
enum skp_err admin_tally_page(struct admin_tally *tally, struct workset *ws,
                              const struct page_row *page, uint32_t bits) SKP_MUST_CHECK;

/* Adds what one part of a round published. DATA_LOSS when a page is not there. */
enum skp_err admin_tally_part(struct admin_run *run, struct span part,
                              struct admin_tally *tally) SKP_MUST_CHECK;

/* Says all but `waiting`, each under its own name. */
void admin_tally_say(const struct admin_tally *tally, json_t *answer);

#endif
