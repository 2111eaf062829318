/* The rows of a result file, gathered while working and written in the order of the file handed in. */
#ifndef SKP_RESULTS_H
#define SKP_RESULTS_H

#include "cli.h"
#include "result_csv.h"

struct results {
    struct result_row *rows; /* texts are borrowed until results_finish() */
    size_t count, room;
    size_t by_status[RESULT_REFUSED + 1];
    struct csv_writer *writer; /* of results_open(); NULL: no file was asked for */
    const char *path;
};

/* Opens the file that results_finish() fills (path NULL: none), before anything is sent: who asks for the outcome must be
 * able to get it. `inputs` as in cli_check_output(). 0 or the exit code, told. */
int results_open(struct cli *cli, struct results *results, const char *path,
                 const char *const *inputs, size_t count);

/* Without results_finish() there is no file. */
void results_fini(struct results *results);

/* NO_MEMORY. */
enum skp_err results_add(struct results *results, const struct result_row *row) SKP_MUST_CHECK;

/* A REFUSED row for each problem; dossier and creditor unknown. */
enum skp_err results_add_problems(struct results *results,
                                  const struct csv_problems *problems) SKP_MUST_CHECK;

/* Leaves out rows that are refused because of another line where their own line has a reason of its own. */
void results_drop_echoes(struct results *results);

/* Reads the file handed in again, for the rows that are about nothing yet: columns `dossier` and `creditor` of their
 * lines, as they stand there, into `arena`. A line that cannot be read stays nameless. Errors of csv_reader_open(). */
enum skp_err results_name_rows(struct results *results, const char *path, const char *dossier,
                               const char *creditor, struct arena *arena) SKP_MUST_CHECK;

/* The receipts have the last word about the rows that were sent (RESULT_REGISTERED): those not stored become
 * refused. `sql`, a literal, gives stage and err of the newest that was said about a request id. Sticky
 * errors of the database. */
void results_settle(struct results *results, struct state_db *db, const char *sql);

/* Sorts, writes the file that was opened, says the counts. Returns the exit code: EXIT_SOME when a row was refused or is
 * ambiguous. */
int results_finish(struct cli *cli, struct results *results);

#endif
