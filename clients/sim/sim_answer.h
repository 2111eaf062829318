/* A creditor that answers saldolijsten, by the shares of sim_table.h.
 *
 * Whether and when a request is answered, and how, depends on the seed, the creditor and the counsellor's
 * client number; what is said of a claim also on its invoice number. Random ids play no part, so
 * that a run repeats whatever ids the broker and its clients drew. */
#ifndef SKP_SIM_ANSWER_H
#define SKP_SIM_ANSWER_H

#include "list_csv.h"
#include "sim_random.h"

/* Who answers, and what comes in days (0: any): from the day after `after` until `until`. */
struct sim_answering {
    uint64_t seed;
    struct skp_oin creditor;
    plain_date after, until;
};

/* The answer for one row; empty when this creditor never answers the request. Texts are static or
 * borrowed from the row. */
struct list_answer sim_answer(const struct sim_answering *answering, const struct list_row *row);

/* A balance: what the client said (CSV_NO_AMOUNT: unknown), and costs the client did not know of. */
int64_t sim_answer_amount(struct sim_random *random, int64_t known_cents);

/* The day on which it answers; 0: never. */
plain_date sim_answer_date(const struct sim_answering *answering, const struct list_row *row);

struct sim_answered {
    size_t rows;      /* written; when it is 0 there is no file */
    size_t later;     /* answered after `until`, each counted in every list it stands in */
    size_t refused;   /* could not be read, and are left out */
    const char *path; /* of a problem: the list it is about, borrowed; NULL: the file written */
};

/* Reads lists and writes one with the answers of these days filled in; a claim that stands in several is answered
 * once. Without days every row is written, answered or not. IO, NOT_FOUND, CSV_HEADER ... with the problem;
 * VALUE_INVALID when rows could not be read: the first one is the problem. */
enum skp_err sim_answer_files(const struct sim_answering *answering, char *const *lists,
                              size_t list_count, const char *out_path,
                              struct sim_answered *ret_answered,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
