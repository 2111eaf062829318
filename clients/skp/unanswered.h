/* What a creditor has collected and still has to answer, counted from the state database. */
#ifndef SKP_UNANSWERED_H
#define SKP_UNANSWERED_H

#include "book.h"
#include "calendar.h"
#include "map.h"
#include "state_db.h"

struct unanswered {
    size_t count;   /* requests */
    size_t overdue; /* of those: the broker said so, or the term has passed */
    plain_date due; /* the earliest; 0: none */
};

/* The ids of all requests that the broker ever called overdue, into an empty map; map_fini() in any case.
 * NO_MEMORY, IO; DECODE when the database was tampered with. */
enum skp_err unanswered_load_overdue(struct state_db *db, struct map *map) SKP_MUST_CHECK;

/* Counts the requests without a stored answer on `today`, but for those in `asked_again` (request ids; NULL:
 * none): they are delivered once more. `told_overdue` (or NULL): more ids the broker called overdue. A term is
 * that of the overview, else that of the agreement in `book`. Errors as above. */
enum skp_err unanswered_count(struct state_db *db, const struct book *book, plain_date today,
                              const struct map *asked_again, const struct map *told_overdue,
                              struct unanswered *ret_unanswered) SKP_MUST_CHECK;

#endif
