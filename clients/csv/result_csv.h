/* resultaat.csv: what became of each row that a user handed in, with a sentence and a remedy in
 * Dutch. */
#ifndef SKP_RESULT_CSV_H
#define SKP_RESULT_CSV_H

#include "csv_record.h"

enum result_status {
    RESULT_REGISTERED = 1, /* stored by the broker */
    RESULT_UNCHANGED,      /* said before, word for word */
    RESULT_DIGITAL,        /* --check: leaves at once */
    RESULT_NEXT_ROUND,     /* --check: leaves on `date` */
    RESULT_LETTER,         /* goes by letter */
    RESULT_AMBIGUOUS,      /* more than one participant has this name */
    RESULT_REFUSED,
};

struct result_row {
    uint32_t line;                  /* of the file handed in; 0: the file as a whole */
    const char *dossier, *creditor; /* "" = not known */
    int status;                     /* enum result_status */
    struct csv_problem problem;     /* err 0: none */
    uint32_t cause_line;            /* refused because this other line is wrong; 0: for itself */
    bool not_compared; /* of RESULT_UNCHANGED: answered, and so not held against anything */
    bool brand_too;    /* recorded on the letter for no brand, and there is one for a brand */
    plain_date date;   /* of RESULT_NEXT_ROUND */
    struct skp_id request_id; /* nil: none */
};

/* Close with csv_writer_close(). */
enum skp_err result_writer_open(const char *path, struct csv_writer **ret_writer,
                                struct csv_problem *ret_problem) SKP_MUST_CHECK;
void result_writer_put(struct csv_writer *writer, const struct result_row *row);

/* The word of the column Status. */
const char *result_status_word(enum result_status status);

/* What a case worker can do about an error, in Dutch; for every code of the error list. */
const char *result_remedy(enum skp_err err);

/* The same for one cell, where its column says more: the words that it takes, how an amount is written. */
#define RESULT_REMEDY_BYTES 640
void result_remedy_row(const struct csv_problem *problem, char *ret_text);

#endif
