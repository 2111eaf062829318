#include "csv_lines.h"

#include "csv_encoding.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES ((size_t)4 * CSV_MAX_LINE_BYTES)
#define CHUNK_BYTES  ((size_t)16 * 1024)
#define TEXT_BYTES   (CSV_MAX_LINE_BYTES + CSV_MAX_COLUMNS + 2)

/* Where the splitting of one row has got to. */
struct split {
    const char *at, *end;
    char *out;
    unsigned long newlines; /* within quotes */
};

enum skp_err csv_lines_init(struct csv_lines *lines, FILE *in)
{
    *lines = (struct csv_lines){.in = in, .line = 1};
    enum skp_err err = csv_encoding_detect(in, &lines->windows_1252);
    if (!err) {
        lines->buffer = malloc(BUFFER_BYTES);
        lines->text = malloc(TEXT_BYTES);
        lines->cells = calloc(CSV_MAX_COLUMNS, sizeof(*lines->cells));
        if (!lines->buffer || !lines->text || !lines->cells)
            err = SKP_E_NO_MEMORY;
    }
    if (err)
        csv_lines_fini(lines);
    return err;
}

void csv_lines_fini(struct csv_lines *lines)
{
    if (lines->in)
        fclose(lines->in);
    free(lines->buffer);
    free(lines->text);
    free(lines->cells);
    *lines = (struct csv_lines){0};
}

static void append_1252(struct csv_lines *lines, const char *chunk, size_t len)
{
    for (size_t i = 0; i < len; i++)
        lines->end += csv_encoding_from_1252((uint8_t)chunk[i], lines->buffer + lines->end);
}

/* Fills the buffer, so that a row of the allowed length is in it as a whole. */
static void refill(struct csv_lines *lines)
{
    if (lines->at_end || lines->end - lines->start > CSV_MAX_LINE_BYTES + 2)
        return;
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    while (!lines->at_end && BUFFER_BYTES - lines->end >= CHUNK_BYTES * CSV_1252_MAX_BYTES) {
        char chunk[CHUNK_BYTES];
        size_t got = fread(chunk, 1, sizeof(chunk), lines->in);
        if (lines->windows_1252) {
            append_1252(lines, chunk, got);
        } else {
            memcpy(lines->buffer + lines->end, chunk, got);
            lines->end += got;
        }
        lines->at_end = got == 0;
    }
    lines->failed = lines->failed || ferror(lines->in) != 0;
}

/* Whether the row ends here; then `at` is put behind the line end. */
static bool take_line_end(struct split *split)
{
    if (split->at == split->end)
        return true;
    const char *at = split->at;
    if (*at == '\r' && at + 1 < split->end)
        at++;
    if (*at != '\n')
        return false;
    split->at = at + 1;
    return true;
}

/* From behind the opening quote to behind the closing one. */
static enum skp_err take_quoted(struct split *split)
{
    while (split->at < split->end) {
        char c = *split->at++;
        if (c == '"') {
            if (split->at == split->end || *split->at != '"')
                return SKP_OK;
            split->at++;
        }
        if (c == '\n')
            split->newlines++;
        *split->out++ = c;
    }
    return SKP_E_CSV_LINE;
}

static void take_plain(struct split *split)
{
    while (split->at < split->end && *split->at != ';' && *split->at != '\n')
        *split->out++ = *split->at++;
    if (split->at < split->end && *split->at == '\n' && split->out[-1] == '\r') {
        split->out--;
        split->at--;
    }
}

static enum skp_err take_cell(struct split *split)
{
    enum skp_err err = SKP_OK;
    if (split->at < split->end && *split->at == '"') {
        split->at++;
        err = take_quoted(split);
    } else {
        /* The byte before the first cell is a NUL, so that take_plain() may look back. */
        take_plain(split);
    }
    *split->out++ = '\0';
    return err;
}

static enum skp_err split_row(struct csv_lines *lines, struct split *split, size_t *ret_count)
{
    size_t count = 0;
    for (;;) {
        if (count == CSV_MAX_COLUMNS)
            return SKP_E_CSV_LINE;
        lines->cells[count++] = split->out;
        if (take_cell(split))
            return SKP_E_CSV_LINE;
        *ret_count = count;
        if (take_line_end(split))
            return SKP_OK;
        if (*split->at != ';')
            return SKP_E_CSV_LINE;
        split->at++;
    }
}

/* Where in a row that cannot be split the next byte stands. */
enum place { PLACE_CELL, PLACE_PLAIN, PLACE_QUOTED, PLACE_QUOTE_IN_QUOTED };

static enum place behind(enum place place, char c)
{
    if (place == PLACE_QUOTED)
        return c == '"' ? PLACE_QUOTE_IN_QUOTED : PLACE_QUOTED;
    if (c == '"' && place != PLACE_PLAIN)
        return PLACE_QUOTED; /* opened, or doubled */
    return c == ';' ? PLACE_CELL : PLACE_PLAIN;
}

/* Goes behind the end of the row at `start`, however far that is. Line ends within quotes are none: what
 * somebody wrote in a cell never becomes a row. Quotes that are never closed take the rest of the file. */
static void skip_row(struct csv_lines *lines)
{
    enum place place = PLACE_CELL;
    for (;;) {
        while (lines->start < lines->end) {
            char c = lines->buffer[lines->start++];
            lines->line += c == '\n';
            if (c == '\n' && place != PLACE_QUOTED)
                return;
            place = behind(place, c);
        }
        if (lines->at_end)
            return;
        refill(lines);
    }
}

static struct csv_cells read_row(struct csv_lines *lines)
{
    struct csv_cells row = {.line = lines->line, .cells = lines->cells};
    size_t window = lines->end - lines->start;
    if (window > CSV_MAX_LINE_BYTES)
        window = CSV_MAX_LINE_BYTES;
    const char *begin = lines->buffer + lines->start;
    struct split split = {.at = begin, .end = begin + window, .out = lines->text};
    *split.out++ = '\0';
    row.err = split_row(lines, &split, &row.count);
    /* Not a line end but the end of the window: the row is too long. */
    bool cut = split.at == split.end && lines->end - lines->start > window && split.at[-1] != '\n';
    if (row.err || cut) {
        row.err = SKP_E_CSV_LINE;
        row.count = 0;
        skip_row(lines);
        return row;
    }
    size_t used = (size_t)(split.at - begin);
    if (memchr(begin, '\0', used))
        row.err = SKP_E_TEXT_CONTROL;
    lines->start += used;
    lines->line += split.newlines + 1;
    return row;
}

/* Spreadsheets leave rows of nothing but separators below their table. */
static bool is_blank(const struct csv_cells *row)
{
    for (size_t i = 0; i < row->count; i++) {
        if (row->cells[i][0] != '\0')
            return false;
    }
    return row->err == SKP_OK;
}

bool csv_lines_next(struct csv_lines *lines, struct csv_cells *ret_cells)
{
    for (;;) {
        refill(lines);
        if (lines->failed) {
            *ret_cells = (struct csv_cells){.line = lines->line, .err = SKP_E_IO};
            lines->failed = false;
            lines->at_end = true;
            lines->start = lines->end;
            return true;
        }
        if (lines->start == lines->end)
            return false;
        struct csv_cells row = read_row(lines);
        if (!is_blank(&row)) {
            *ret_cells = row;
            return true;
        }
    }
}
