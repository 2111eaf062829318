/* Bytes into rows of cells: quotes, line ends, encodings; the floor under csv.h.
 *
 * Knows nothing of headers. A row that cannot be split is reported with its line number, and
 * reading goes on behind it. Line ends within quotes belong to the row: a quote that is never closed
 * takes the rest of the file. Belongs to one thread. */
#ifndef SKP_CSV_LINES_H
#define SKP_CSV_LINES_H

#include "csv.h"

struct csv_lines {
    FILE *in; /* owned */
    bool windows_1252;
    bool at_end; /* `in` has no more */
    bool failed; /* reading broke off */
    unsigned long line;
    size_t start, end; /* what of `buffer` is not yet used */
    char *buffer;
    char *text;   /* the cells of the present row, each with a NUL */
    char **cells; /* CSV_MAX_COLUMNS */
};

struct csv_cells {
    unsigned long line; /* where the row begins, as an editor counts */
    enum skp_err err;   /* CSV_LINE: quotes, too long, too many cells; TEXT_CONTROL: a NUL;
                         IO: nothing follows */
    size_t count;
    char **cells; /* until the next call; may be written to */
};

/* Takes `in`, a seekable stream, also on error. TEXT_ENCODING, IO, NO_MEMORY. */
enum skp_err csv_lines_init(struct csv_lines *lines, FILE *in) SKP_MUST_CHECK;
void csv_lines_fini(struct csv_lines *lines);

/* The next row that is not blank; false at the end. */
bool csv_lines_next(struct csv_lines *lines, struct csv_cells *ret_cells);

#endif
