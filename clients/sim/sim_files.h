/* The files of a generated world: participants.csv, agreements.csv and, per counsellor, the files
 * that `skp counsellor register` reads. clients/CSV.md describes them. */
#ifndef SKP_SIM_FILES_H
#define SKP_SIM_FILES_H

#include "sim_world.h"

/* Writes all of them into the folder `out`, which it makes when it is not there. On error
 * ret_problem->column holds nothing and ret_path[SIM_PATH_BYTES] the file. IO, NO_MEMORY. */
#define SIM_PATH_BYTES 1024
enum skp_err sim_files_write(const struct sim_world *world, const char *out, char *ret_path,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

#endif
