/* The BSNs a creditor may have, in a file of their own and only when it asks: clients/CSV.md, bsn-saldolijst.csv. */
#ifndef SKP_BSN_WRITE_H
#define SKP_BSN_WRITE_H

#include "csv.h"
#include "state_db.h"

/* One row per request that is not answered yet and came with a BSN; the file has mode 0600. An error is of the
 * file, or of the database when ret_problem says no more than its code. */
enum skp_err bsn_write(struct state_db *db, const char *path, size_t *ret_rows,
                       struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
