/* A creditor that answers a saldolijst, by the shares of the calibration.
 *
 * Whether a request is answered, and how, depends on the seed, the creditor and the counsellor's
 * client number; what is said of a claim also on its invoice number. Random ids play no part, so
 * that a run repeats whatever ids the broker and its clients drew. */
#ifndef SKP_SIM_ANSWER_H
#define SKP_SIM_ANSWER_H

#include "list_csv.h"

/* The answer for one row; empty when this creditor does not answer the request. Texts are static or
 * borrowed from the row. */
struct list_answer sim_answer(uint64_t seed, const struct skp_oin *creditor,
                              const struct list_row *row);

/* Reads a list, writes it with the answers filled in. IO, NOT_FOUND, CSV_HEADER ... with the
 * problem; VALUE_INVALID when rows could not be read: the first one is the problem, the others are
 * left out and counted in *ret_refused. */
enum skp_err sim_answer_file(uint64_t seed, const struct skp_oin *creditor, const char *list_path,
                             const char *out_path, size_t *ret_refused,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
