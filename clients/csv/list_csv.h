/* saldolijst.csv: what a creditor collects, with room for its answers. One row per claim.
 *
 * The columns of the live system come first (A to W, in its order), ours to the right: first the
 * rest of the answer, then what the answer is about. There is deliberately no column for the BSN.
 * Writing rows and reading whole rows back; what the answers mean is in list_answer.h. */
#ifndef SKP_LIST_CSV_H
#define SKP_LIST_CSV_H

#include "csv_person.h"

/* SoortSchuld, column S. */
enum list_debt {
    LIST_DEBT_OPEN = 1,
    LIST_DEBT_TRANSFERRED, /* to a new holder */
    LIST_DEBT_UNKNOWN,     /* this creditor does not know the claim */
    LIST_DEBT_ZERO,        /* known, and nothing is owed any more */
};

extern const struct csv_word list_words_debt[];

/* What a person at the creditor fills in. */
struct list_answer {
    const char *client_number_creditor;
    struct csv_contact contact;
    bool client_unknown;
    bool agreed;             /* standaard akkoord */
    plain_date balance_date; /* 0 = the reference date */
    int debt;                /* enum list_debt; 0 with an amount = open */
    const char *invoice_number;
    plain_date origin_date;
    int64_t original_cents; /* CSV_NO_AMOUNT = not given, as below */
    int64_t amount_cents;
    bool one_total;     /* the amount is that of all claims of the request */
    int preference;     /* Skp__V1__Preference; 0 = concurrent */
    bool in_collection; /* at an agency; the claim stays the creditor's */
    bool disputed;
    const char *transferred_to;
    int no_cooperation; /* Skp__V1__Reason */
    int impediment;     /* Skp__V1__Reason */
    bool deceased;
    bool unreadable; /* the request could not be opened: to be sealed again */
    int correction;  /* Skp__V1__CorrectionReason: from the second answer on */
    const char *note;
};

struct list_row {
    unsigned long line; /* when read */
    struct skp_id request_id;
    /* the question, as the live system has it */
    const char *reference; /* of the bundle or message it came in */
    const char *counsellor_name;
    struct csv_contact contact;
    const char *client_number_counsellor;
    const char *client_number_creditor; /* according to the counsellor */
    int product;
    struct csv_person client, partner; /* their bsn is not used */
    struct csv_address address;
    const char *invoice_number; /* according to the counsellor */
    struct list_answer answer;
    /* the question, the rest */
    const char *brand;
    bool urgent;
    int guidance;
    bool agreement; /* an agreement covers this request */
    plain_date reference_date;
    const char *municipality;
    const char *round;
    plain_date due_date;
    int state;           /* Skp__V1__RequestState */
    const char *country; /* of the address; as sealed, like the note */
    const char *note;    /* the counsellor's */
    /* what the answer is about */
    int64_t known_cents; /* according to the counsellor */
    int debtor;
    struct skp_id claim_id; /* nil: the client knew of no claim, or a row the creditor added */
    uint32_t version;
    int kind;
    struct skp_oin counsellor;
};

/* A row that says nothing: no amounts. Fill in from there; texts may stay NULL when it is written. */
struct list_row list_row_empty(void);

/* Close with csv_writer_close(). */
enum skp_err list_writer_open(const char *path, struct csv_writer **ret_writer,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;
void list_writer_put(struct csv_writer *writer, const struct list_row *row);

/* Reading whole rows, as a program does that fills the answers in. Errors as csv_reader_open(). */
enum skp_err list_reader_open(const char *path, struct csv_reader **ret_reader,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* The row as a struct; its texts live as long as `row`. NO_MEMORY; what is wrong is in problems. */
enum skp_err list_row_take(const struct csv_row *row, struct csv_problems *problems,
                           struct list_row *ret_row, bool *ret_good) SKP_MUST_CHECK;

#endif
