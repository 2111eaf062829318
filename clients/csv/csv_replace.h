/* Whether what stands at a path may be written over by a file of ours.
 *
 * A new file takes the place of an old one under its name, so a mistyped name would cost somebody their own file. Only
 * what this writer made before, or an empty file, gives way. Pure but for reading the file. */
#ifndef SKP_CSV_REPLACE_H
#define SKP_CSV_REPLACE_H

#include "csv.h"

/* CSV_WHY_NONE: yes, or nothing is there. CSV_WHY_NO_PLAIN_FILE; CSV_WHY_NOT_OURS: it is not empty and its first
 * line is not these names. */
enum csv_why csv_replace_check(const char *path, const struct csv_column *columns, size_t count);

#endif
