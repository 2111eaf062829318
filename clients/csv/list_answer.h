/* What the answered rows of a saldolijst say, per request.
 *
 * Rows may be re-sorted, left out and left empty; an empty row is no answer. One row is enough to
 * say something of the whole request (client unknown, unreadable, deceased, no cooperation, one total). Rows
 * that contradict each other break the request and nothing else: a broken one must not be sent.
 * Silence is never consent: agreed only when every claim row says Ja and none names an impediment;
 * what an agreement of the form "unless impediment" adds to that is decided by who knows the
 * agreement. */
#ifndef SKP_LIST_ANSWER_H
#define SKP_LIST_ANSWER_H

#include "list_csv.h"

#define LIST_MAX_CLAIMS 64 /* of one request (proto/fact.h) */

struct list_claim {
    struct list_claim *next;
    unsigned long line;
    struct skp_id claim_id; /* nil: found by the creditor, give it a new id */
    int state;              /* Skp__V1__ClaimState */
    int kind, debtor, preference;
    int64_t amount_cents;   /* 0 under one total, and for a sold claim without amount */
    int64_t original_cents; /* 0 = not given */
    plain_date origin_date;
    bool deviates; /* from the amount in the list */
    const char *invoice_number;
};

struct list_request {
    struct list_request *next;
    unsigned long line; /* of its first row */
    struct skp_id request_id;
    struct skp_oin counsellor;
    uint32_t version;      /* Regelversie as it came */
    size_t row_count;      /* in this file */
    size_t answered_count; /* of them */
    bool broken;
    int outcome;   /* Skp__V1__Outcome; 0 = not answered */
    bool complete; /* no row of it in this file is left open */
    bool one_total;
    int64_t total_cents;
    size_t claim_count;
    struct list_claim *claims, *last_claim;
    int consent; /* Skp__V1__Consent, of outcome CLAIMS */
    int reason;  /* Skp__V1__Reason, of NO_COOPERATION or IMPEDIMENT */
    int correction;
    plain_date balance_date; /* 0 = not given */
    const char *client_number_creditor, *transferred_to, *note;
    struct csv_contact contact;
    struct list_answer_row *rows, *last_row; /* as read */
};

struct list_answer_row {
    struct list_answer_row *next;
    struct list_row row; /* without the question */
};

struct list_answers {
    size_t row_count;
    size_t request_count;
    struct list_request *requests, *last_request; /* in the order of their first rows */
    struct csv_problems problems;
};

/* Everything lives in `arena`. An error is about the file as a whole: NOT_FOUND, IO, TEXT_ENCODING,
 * CSV_HEADER, NO_MEMORY. */
enum skp_err list_answers_read(const char *path, struct arena *arena,
                               struct list_answers *ret_answers,
                               struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Whether a person filled in an answer in this row. */
bool list_row_is_answered(const struct list_answer *answer);

/* Decides what the rows of one request say together; list_answers_read() has done so. Pure, but for
 * the arena of `problems`. NO_MEMORY. */
enum skp_err list_request_settle(struct list_request *request,
                                 struct csv_problems *problems) SKP_MUST_CHECK;

#endif
