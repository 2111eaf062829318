/* Participants from a file: clients/CSV.md describes its columns. */
#ifndef SKP_CTL_IMPORT_H
#define SKP_CTL_IMPORT_H

#include "csv.h"

#include <jansson.h>

struct ctl_import;

/* Opens the CSV file; what is wrong with it in ret_problem. */
enum skp_err ctl_import_open(const char *path, struct ctl_import **ret_import,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;
void ctl_import_close(struct ctl_import *import);

/* The next row as a request; false at the end. A row that cannot be read gives NULL and its problem. The caller
 * drops the reference. */
bool ctl_import_next(struct ctl_import *import, json_t **ret_request, unsigned long *ret_line,
                     struct csv_problem *ret_problem);

#endif
