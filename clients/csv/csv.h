/* CSV as Dutch offices use it: `;`, quotes, a spreadsheet in between.
 *
 * Reads UTF-8 (with or without byte order mark) and Windows-1252, CRLF and LF, line ends within
 * quotes; finds columns by name, in any order, whatever the case and the spaces in the name. One
 * bad row never stops a file: it is returned with its line number and the reason, and reading goes
 * on. The number of rows is not limited, the length of one is.
 *
 * Writes UTF-8 with byte order mark and CRLF, beside the path and renamed when complete, with mode
 * 0600. Texts are written so that a spreadsheet keeps them (csv_text.h); reading takes that off
 * again.
 *
 * Refuses to guess: a row with more or fewer cells than the header is an error, except for empty
 * cells behind the last column. A reader or writer belongs to one thread. */
#ifndef SKP_CSV_H
#define SKP_CSV_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CSV_MAX_LINE_BYTES 65536
#define CSV_MAX_COLUMNS    256

/* What is wrong, and where. Strings are borrowed from tables that live as long as the program. */
struct csv_problem {
    unsigned long line; /* as an editor counts; 0: the file as a whole */
    enum skp_err err;
    const char *column;       /* NULL: the row as a whole */
    unsigned long other_line; /* the row it contradicts; 0: none */
    int os_error;             /* errno of IO and NOT_FOUND */
};

#define CSV_PROBLEM_TEXT_BYTES 256

/* The Dutch sentence: "regel 12, kolom Bedrag: Waarde in deze kolom is niet leesbaar". */
void csv_problem_print(const struct csv_problem *problem, char *ret_text);

struct csv_column {
    const char *name; /* as written; lives as long as the reader or writer */
    bool required;    /* the header must have it */
};

struct csv_row {
    unsigned long line; /* where the row begins */
    enum skp_err err;   /* CSV_LINE, TEXT_ENCODING, TEXT_CONTROL (a NUL), IO (nothing follows) */
    const char *column; /* the column of err; NULL: the row as a whole */
    char **cells; /* one per column asked for, "" when the file lacks it; until the next call */
};

struct csv_reader;

/* At most CSV_MAX_COLUMNS columns, which are copied. NOT_FOUND, IO; TEXT_ENCODING (UTF-16);
 * CSV_HEADER with the column that is missing or there twice; NO_MEMORY. */
enum skp_err csv_reader_open(const char *path, const struct csv_column *columns, size_t count,
                             struct csv_reader **ret_reader,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

void csv_reader_free(struct csv_reader *reader);

/* The next row; false at the end. */
bool csv_reader_next(struct csv_reader *reader, struct csv_row *ret_row);

/* Whether the file has column `index`. */
bool csv_reader_has(const struct csv_reader *reader, size_t index);

/* Columns that were not asked for, for a note to the user; NULL behind the last. The name is the
 * file's own: unchecked text. */
const char *csv_reader_ignored(const struct csv_reader *reader, size_t index);

struct csv_writer;

/* The same onto a stream, which stays the caller's: no file, no mode, no name. NO_MEMORY. */
enum skp_err csv_writer_stream(FILE *out, const struct csv_column *columns, size_t count,
                               struct csv_writer **ret_writer) SKP_MUST_CHECK;

/* Marks the file as one of a play, in a last column CSV_PLAY_COLUMN that says Ja on every row. Before the first row
 * (asserted). Readers of such a file need not know of it. */
#define CSV_PLAY_COLUMN "Proef"
void csv_writer_mark_play(struct csv_writer *writer);

/* Writes the header. IO, NO_MEMORY. */
enum skp_err csv_writer_open(const char *path, const struct csv_column *columns, size_t count,
                             struct csv_writer **ret_writer,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* The next cell. The number of cells per row is the number of columns (asserted). text: somebody's
 * words or numbers, made safe; plain: a date, an amount, one of our own words. */
void csv_writer_text(struct csv_writer *writer, const char *text);
void csv_writer_plain(struct csv_writer *writer, const char *text);
void csv_writer_number(struct csv_writer *writer, size_t number);
void csv_writer_end_row(struct csv_writer *writer);

/* Syncs, puts the file in its place (a stream is flushed) and frees the writer. IO: the file that was there is
 * unchanged. */
enum skp_err csv_writer_close(struct csv_writer *writer,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Frees the writer and leaves no file; not for a stream (asserted). NULL is fine. */
void csv_writer_abandon(struct csv_writer *writer);

#endif
