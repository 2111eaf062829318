/* antwoorden.csv: what a counsellor gets back. One row per claim; an answer without claims is one
 * row. */
#ifndef SKP_ANSWERS_CSV_H
#define SKP_ANSWERS_CSV_H

#include "csv_person.h"

struct answer_row {
    const char *dossier, *creditor;
    struct skp_id request_id;
    int state;   /* Skp__V1__RequestState */
    int outcome; /* Skp__V1__Outcome */
    int consent; /* Skp__V1__Consent */
    int reason;  /* Skp__V1__Reason */
    const char *client_number_creditor;
    /* the claim */
    const char *invoice_number;
    int kind;        /* Skp__V1__ClaimKind */
    int claim_state; /* Skp__V1__ClaimState */
    int debtor;
    int preference;
    int64_t amount_cents, original_cents; /* CSV_NO_AMOUNT = none */
    bool deviates;
    /* the answer */
    bool one_total;
    int64_t total_cents;
    plain_date balance_date;
    const char *transferred_to, *note;
    struct csv_contact contact;
    uint32_t version; /* 1, higher after corrections */
    int correction;
    plain_date received_date;
};

/* A row that says nothing: no amounts. Fill in from there; texts may stay NULL. */
struct answer_row answers_row_empty(void);

/* Close with csv_writer_close(). */
enum skp_err answers_writer_open(const char *path, struct csv_writer **ret_writer,
                                 struct csv_problem *ret_problem) SKP_MUST_CHECK;
void answers_writer_put(struct csv_writer *writer, const struct answer_row *row);

#endif
