/* brieven.csv: what remains on paper. One row per letter. */
#ifndef SKP_LETTERS_CSV_H
#define SKP_LETTERS_CSV_H

#include "csv_record.h"

enum letter_reason {
    LETTER_NOT_CONNECTED = 1, /* a participant without a mailbox */
    LETTER_NOT_FOUND,         /* nobody in the directory has this name */
    LETTER_AMBIGUOUS,         /* more than one has */
    LETTER_UNREADABLE,        /* the creditor could not open what was sent */
};

struct letter_row {
    const char *dossier, *creditor;
    const char *address; /* of the creditor, "" = not known */
    int reason;          /* enum letter_reason */
};

/* Close with csv_writer_close(). */
enum skp_err letters_writer_open(const char *path, struct csv_writer **ret_writer,
                                 struct csv_problem *ret_problem) SKP_MUST_CHECK;
void letters_writer_put(struct csv_writer *writer, const struct letter_row *row);

#endif
