/* antwoorden.csv from the state database: every answer in force, a row per claim. */
#ifndef SKP_ANSWERS_WRITE_H
#define SKP_ANSWERS_WRITE_H

#include "csv.h"
#include "state_db.h"

/* Writes the file anew. *ret_count answers. Errors of the file are in ret_problem, those of the database
 * in db->why. */
enum skp_err answers_write(struct state_db *db, const char *path, size_t *ret_count,
                           struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
