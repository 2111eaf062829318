/* The counsellor's view of its requests, as it follows from the state database: the one place where
 * reports, letters, answers and verification get it from. */
#ifndef SKP_VIEWS_H
#define SKP_VIEWS_H

#include "opening.h"
#include "register_plan.h"

struct request_view {
    struct skp_id request_id, case_id;
    const char *dossier, *creditor_name, *address, *brand;
    struct skp_oin creditor, responsible;
    enum route route;
    int letter_reason;
    enum stage stage;
    enum skp_err err;
    Skp__V1__RequestState state; /* 0: the broker does not have it */
    Skp__V1__Outcome outcome;
    Skp__V1__Consent consent;
    int64_t total_cents;
    plain_date due_date;
    bool collected, overdue;
    bool unsealable; /* waits to be sealed again; that does not help, or did not the last time */
    int64_t case_created_at_ms;
    /* the answer in force; NULL: none */
    const Skp__V1__AnswerFact *answer;
    const Skp__V1__AnswerPart *part; /* NULL when nothing was sealed */
    int64_t answered_at_ms;          /* of this version */
    plain_date recorded_date;
};

struct views {
    struct state_db *db;
    sqlite3_stmt *rows;
    struct arena arena; /* of the present row */
};

/* All requests by dossier and place, or those of one dossier (NULL: all). One reader at a time. */
void views_open(struct views *views, struct state_db *db, const char *dossier);

/* The next one; what it points to lives until the next call. False at the end or on a sticky error. */
bool views_next(struct views *views, struct request_view *ret_view);
void views_close(struct views *views);

/* A request counts as answered: by the creditor, or on paper. */
bool views_answered(const struct request_view *view);

/* What case_phase() of the broker would say of a case with such requests. Start with zeros. */
struct case_tally {
    size_t requests, missing, answered, waiting;
};
void views_tally(struct case_tally *tally, const struct request_view *view);
Skp__V1__CaseState views_case_state(const struct case_tally *tally);

#endif
