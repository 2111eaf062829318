/* What becomes of each request of a registration: who is meant, digital or by letter, new or known.
 *
 * Joins one case of the file with what the state database remembers and what the directory says, and
 * decides; says nothing to anybody. Ids are given here, once and for life: by Dossier, and within it by
 * creditor and brand. What was declared stays declared, so a shorter file drops nothing. */
#ifndef SKP_REGISTER_PLAN_H
#define SKP_REGISTER_PLAN_H

#include "book.h"
#include "draft.h"
#include "matching.h"
#include "register_csv.h"
#include "state_db.h"

enum route { ROUTE_DIGITAL = 1, ROUTE_LETTER, ROUTE_AMBIGUOUS, ROUTE_REFUSED };

struct target; /* targets.h: a connected creditor */

struct plan_request {
    struct plan_request *next;
    const struct register_request *asked;
    struct skp_id request_id;
    struct skp_hash fingerprint;
    enum route route;
    int letter_reason;                       /* enum letter_reason */
    enum skp_err err;                        /* of ROUTE_REFUSED */
    const Skp__V1__DirectoryEntry *creditor; /* NULL: nobody found */
    struct target *target;                   /* of ROUTE_DIGITAL */
    size_t place;                            /* in the case */
    enum stage stage;                        /* as remembered */
    bool not_compared;     /* nothing is kept to hold the client against: answered */
    plain_date round_date; /* it waits for a round; 0: leaves at once */
};

struct plan_case {
    const struct register_case *asked;
    struct skp_id case_id;
    uint32_t version;
    bool known;         /* remembered, maybe never stored */
    enum skp_err err;   /* the case as a whole is refused */
    struct skp_id *ids; /* all that are declared, in order */
    size_t id_count, known_count;
    struct plan_request *requests, *last;
    bool say_case;  /* the case must be said again: it is new or has grown, or a request needs it */
    size_t to_send; /* requests that still must be said */
};

/* What planning needs to know of the world. */
struct planning {
    struct state_db *db;
    const struct book *book;
    struct arena *arena;
    int64_t now_ms; /* business time */
    /* The certificates of a connected creditor, checked; an error refuses its requests. */
    enum skp_err (*target)(void *ctx, const Skp__V1__DirectoryEntry *creditor, const char *brand,
                           struct target **ret_target);
    void *ctx;
};

/* Decides. NO_MEMORY, IO; what is wrong with a case or request is in the plan. */
enum skp_err plan_case(struct planning *planning, const struct register_case *asked,
                       struct plan_case **ret_plan) SKP_MUST_CHECK;

/* Writes new cases and requests, and what changed of known ones. Sticky errors of the database. */
void plan_remember(struct planning *planning, const struct plan_case *plan);

/* Whether the broker must still hear of it. */
bool plan_must_send(const struct plan_request *request);

#endif
