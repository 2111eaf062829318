/* CSV as Dutch offices use it: `;`, quotes, a spreadsheet in between.
 *
 * Reads UTF-8 (with or without byte order mark) and Windows-1252, CRLF and LF, line ends within
 * quotes; finds columns by name, in any order, whatever the case and the spaces in the name. One
 * bad row never stops a file: it is returned with its line number and the reason, and reading goes
 * on. The number of rows is not limited, the length of one is.
 *
 * Writes UTF-8 with byte order mark and CRLF, without a name until it is complete (where the file system can do that, else
 * beside the path), with mode 0600. Texts are written so that a spreadsheet keeps them (csv_text.h); reading takes that off
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

/* Why a file as a whole is refused, where the code alone leaves somebody guessing. */
enum csv_why {
    CSV_WHY_NONE,
    CSV_WHY_EMPTY,         /* CSV_HEADER */
    CSV_WHY_COMMA,         /* CSV_HEADER */
    CSV_WHY_TAB,           /* CSV_HEADER */
    CSV_WHY_QUOTES,        /* CSV_HEADER */
    CSV_WHY_MISSING,       /* CSV_HEADER, of `column` */
    CSV_WHY_TWICE,         /* CSV_HEADER, of `column` */
    CSV_WHY_LINE_ENDS,     /* CSV_HEADER: the header holds control characters */
    CSV_WHY_UTF16,         /* TEXT_ENCODING */
    CSV_WHY_UNREADABLE,    /* IO: a folder, or no right to read */
    CSV_WHY_NO_PLAIN_FILE, /* USAGE: the output exists and is a device, a folder, a pipe */
    CSV_WHY_NOT_OURS,      /* USAGE: the output exists and holds something else */
    CSV_WHY_SIGNED,        /* USAGE: the output exists and is an agreement that somebody signed */
};

struct csv_field;

/* What is wrong, and where. Strings are borrowed from tables that live as long as the program. */
struct csv_problem {
    unsigned long line; /* as an editor counts; 0: the file as a whole */
    enum skp_err err;
    const char *column;       /* NULL: the row as a whole */
    unsigned long other_line; /* the row it contradicts or repeats; 0: none */
    int os_error;             /* errno of IO and NOT_FOUND */
    enum csv_why why;
    const struct csv_field *field; /* of `column`, where a table of fields read it; else NULL */
};

#define CSV_PROBLEM_TEXT_BYTES 384

/* The Dutch sentence: "regel 12, kolom Bedrag: Waarde in deze kolom is niet leesbaar". */
void csv_problem_print(const struct csv_problem *problem, char *ret_text);

/* The reason with its remedy, "" for none. */
const char *csv_problem_why(const struct csv_problem *problem, bool english);

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

/* Writes the header. IO, NO_MEMORY; USAGE: what is there is no plain file, or one that is neither empty nor
 * begins with this header: never written over. */
enum skp_err csv_writer_open(const char *path, const struct csv_column *columns, size_t count,
                             struct csv_writer **ret_writer,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* The same onto a stream, which stays the caller's: no file, no mode, no name. NO_MEMORY. */
enum skp_err csv_writer_stream(FILE *out, const struct csv_column *columns, size_t count,
                               struct csv_writer **ret_writer) SKP_MUST_CHECK;

/* Marks the file as one of a play, in a last column CSV_PLAY_COLUMN that says Ja on every row.
 * Before the first row (asserted). Readers of such a file need not know of it. */
#define CSV_PLAY_COLUMN "Proef"
void csv_writer_mark_play(struct csv_writer *writer);

/* The next cell. The number of cells per row is the number of columns (asserted). text: somebody's
 * words or numbers, made safe; plain: a date, an amount, one of our own words. */
void csv_writer_text(struct csv_writer *writer, const char *text);
void csv_writer_plain(struct csv_writer *writer, const char *text);
void csv_writer_number(struct csv_writer *writer, size_t number);
void csv_writer_end_row(struct csv_writer *writer);

/* What was written so far is on the disk, without a name yet: closing takes less time. Not for a stream. IO. */
enum skp_err csv_writer_sync(struct csv_writer *writer,
                             struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Syncs, puts the file in its place, syncs its folder (a stream is flushed) and frees the writer. IO: the file that
 * was there is unchanged, unless only the folder's sync failed: then the new one is there and a power cut may undo it. */
enum skp_err csv_writer_close(struct csv_writer *writer,
                              struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* The same for a file (asserted) that takes the place of none: IO with os_error EEXIST when one is there by now. */
enum skp_err csv_writer_close_new(struct csv_writer *writer,
                                  struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Frees the writer and leaves no file; not for a stream (asserted). NULL is fine. */
void csv_writer_abandon(struct csv_writer *writer);

#endif
