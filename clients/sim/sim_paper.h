/* Letters that come back: answers on paper, as the office writes them down for `skp counsellor record-answer`.
 *
 * Whether, when and how a letter is answered depends on the seed, the counsellor, the case number and the
 * creditor's name. */
#ifndef SKP_SIM_PAPER_H
#define SKP_SIM_PAPER_H

#include "csv_record.h"

/* Who wrote the letters, when, and what comes in days: from the day after `after` until `until`. */
struct sim_letters {
    uint64_t seed;
    struct skp_oin counsellor;
    plain_date sent, after, until;
};

/* One answer on paper. */
struct sim_letter_answer {
    int outcome;         /* Skp__V1__Outcome */
    int64_t total_cents; /* CSV_NO_AMOUNT: none */
};

/* The day on which the letter is answered; 0: never. */
plain_date sim_letter_date(const struct sim_letters *letters, const char *dossier,
                           const char *creditor);

/* `known_cents` is what the client knew of, CSV_NO_AMOUNT: no amount. */
struct sim_letter_answer sim_letter_answer(const struct sim_letters *letters, const char *dossier,
                                           const char *creditor, int64_t known_cents);

/* Reads brieven.csv, looks the amounts up in aanmelding.csv and writes the answers that came. *ret_rows were
 * written; when it is 0 there is no file. NOT_FOUND, IO, CSV_HEADER, NO_MEMORY ... with the problem; *ret_path
 * (borrowed from the arguments) is the file it is about. */
enum skp_err sim_letters_file(const struct sim_letters *letters, const char *letters_path,
                              const char *register_path, const char *out_path, size_t *ret_rows,
                              const char **ret_path,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
