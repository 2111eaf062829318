#include "csv.h"

#include "csv_lines.h"
#include "csv_text.h"
#include "text.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ABSENT SIZE_MAX

struct csv_reader {
    struct csv_lines lines;
    struct csv_column columns[CSV_MAX_COLUMNS];
    size_t column_count;
    size_t header_count; /* columns of the file */
    size_t where[CSV_MAX_COLUMNS];
    char *cells[CSV_MAX_COLUMNS];
    char *ignored[CSV_MAX_COLUMNS];
    size_t ignored_count;
    char nothing[1];
};

/* "klantnummer SHV " names the column KlantnummerSHV. */
static bool same_name(const char *a, const char *b)
{
    for (;;) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (*a == '\0')
            return true;
        a++;
        b++;
    }
}

static size_t find_column(const struct csv_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        if (same_name(reader->columns[i].name, name))
            return i;
    }
    return ABSENT;
}

static enum skp_err header_error(struct csv_problem *ret_problem, unsigned long line,
                                 const char *column, enum csv_why why)
{
    *ret_problem =
        (struct csv_problem){.line = line, .err = SKP_E_CSV_HEADER, .column = column, .why = why};
    return SKP_E_CSV_HEADER;
}

/* One cell with another program's separator in it is no column that lacks. */
static enum skp_err missing(struct csv_problem *ret_problem, const struct csv_cells *header,
                            const char *column)
{
    const char *first = header->cells[0];
    if (header->count == 1 && strchr(first, ','))
        return header_error(ret_problem, header->line, NULL, CSV_WHY_COMMA);
    if (header->count == 1 && strchr(first, '\t'))
        return header_error(ret_problem, header->line, NULL, CSV_WHY_TAB);
    return header_error(ret_problem, header->line, column, CSV_WHY_MISSING);
}

static enum skp_err note_ignored(struct csv_reader *reader, const char *name)
{
    if (name[0] == '\0')
        return SKP_OK;
    char *copy = strdup(name);
    if (!copy)
        return SKP_E_NO_MEMORY;
    reader->ignored[reader->ignored_count++] = copy;
    return SKP_OK;
}

/* Of a file with other line ends the first row is all of it, and must not be told as names of columns. A tab is
 * another program's separator. */
static bool has_control(const char *name)
{
    while (*name != '\0' && ((unsigned char)*name >= ' ' || *name == '\t'))
        name++;
    return *name != '\0';
}

static enum skp_err bind_columns(struct csv_reader *reader, const struct csv_cells *header,
                                 struct csv_problem *ret_problem)
{
    for (size_t i = 0; i < reader->column_count; i++)
        reader->where[i] = ABSENT;
    for (size_t i = 0; i < header->count; i++) {
        char *name = csv_text_restore(header->cells[i]);
        if (has_control(name))
            return header_error(ret_problem, header->line, NULL, CSV_WHY_LINE_ENDS);
        size_t column = find_column(reader, name);
        if (column == ABSENT) {
            if (note_ignored(reader, name))
                return SKP_E_NO_MEMORY;
            continue;
        }
        if (reader->where[column] != ABSENT)
            return header_error(ret_problem, header->line, reader->columns[column].name,
                                CSV_WHY_TWICE);
        reader->where[column] = i;
    }
    for (size_t i = 0; i < reader->column_count; i++) {
        if (reader->columns[i].required && reader->where[i] == ABSENT)
            return missing(ret_problem, header, reader->columns[i].name);
    }
    reader->header_count = header->count;
    return SKP_OK;
}

static enum skp_err read_header(struct csv_reader *reader, struct csv_problem *ret_problem)
{
    struct csv_cells header;
    if (!csv_lines_next(&reader->lines, &header))
        return header_error(ret_problem, 0, NULL, CSV_WHY_EMPTY);
    if (header.err == SKP_E_IO)
        return SKP_E_IO;
    if (header.err)
        return header_error(ret_problem, header.line, NULL, CSV_WHY_QUOTES);
    return bind_columns(reader, &header, ret_problem);
}

/* Takes the stream, also on error. */
static enum skp_err reader_new(FILE *in, const struct csv_column *columns, size_t count,
                               struct csv_reader **ret_reader, struct csv_problem *ret_problem)
{
    assert(count > 0 && count <= CSV_MAX_COLUMNS);
    struct csv_problem problem = {0};
    struct csv_reader *reader = calloc(1, sizeof(*reader));
    enum skp_err err = SKP_E_NO_MEMORY;
    if (!reader) {
        fclose(in);
    } else {
        memcpy(reader->columns, columns, count * sizeof(*columns));
        reader->column_count = count;
        errno = 0;
        err = csv_lines_init(&reader->lines, in);
        if (!err)
            err = read_header(reader, &problem);
    }
    if (err) {
        problem.err = err;
        problem.os_error = err == SKP_E_IO ? errno : 0;
        if (err == SKP_E_TEXT_ENCODING)
            problem.why = CSV_WHY_UTF16;
        if (problem.os_error == EISDIR)
            problem.why = CSV_WHY_UNREADABLE;
        csv_reader_free(reader);
        *ret_problem = problem;
        return err;
    }
    *ret_reader = reader;
    return SKP_OK;
}

enum skp_err csv_reader_open(const char *path, const struct csv_column *columns, size_t count,
                             struct csv_reader **ret_reader, struct csv_problem *ret_problem)
{
    FILE *in = fopen(path, "re");
    if (!in) {
        enum skp_err err = errno == ENOENT ? SKP_E_NOT_FOUND : SKP_E_IO;
        *ret_problem =
            (struct csv_problem){.err = err,
                                 .os_error = errno,
                                 .why = errno == EACCES ? CSV_WHY_UNREADABLE : CSV_WHY_NONE};
        return err;
    }
    return reader_new(in, columns, count, ret_reader, ret_problem);
}

void csv_reader_free(struct csv_reader *reader)
{
    if (!reader)
        return;
    csv_lines_fini(&reader->lines);
    for (size_t i = 0; i < reader->ignored_count; i++)
        free(reader->ignored[i]);
    free(reader);
}

static bool has_right_count(const struct csv_reader *reader, const struct csv_cells *found)
{
    for (size_t i = reader->header_count; i < found->count; i++) {
        if (found->cells[i][0] != '\0')
            return false;
    }
    return found->count >= reader->header_count;
}

static void fill_cells(struct csv_reader *reader, const struct csv_cells *found,
                       struct csv_row *row)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        reader->cells[i] = reader->nothing;
        if (reader->where[i] == ABSENT)
            continue;
        char *cell = found->cells[reader->where[i]];
        if (text_check(span_text(cell), NULL) == SKP_E_TEXT_ENCODING) {
            row->err = SKP_E_TEXT_ENCODING;
            row->column = reader->columns[i].name;
            return;
        }
        reader->cells[i] = csv_text_restore(cell);
    }
}

bool csv_reader_next(struct csv_reader *reader, struct csv_row *ret_row)
{
    struct csv_cells found;
    if (!csv_lines_next(&reader->lines, &found))
        return false;
    struct csv_row row = {.line = found.line, .err = found.err, .cells = reader->cells};
    if (!row.err && !has_right_count(reader, &found))
        row.err = SKP_E_CSV_LINE;
    if (!row.err)
        fill_cells(reader, &found, &row);
    if (row.err)
        row.cells = NULL;
    *ret_row = row;
    return true;
}

bool csv_reader_has(const struct csv_reader *reader, size_t index)
{
    assert(index < reader->column_count);
    return reader->where[index] != ABSENT;
}

const char *csv_reader_ignored(const struct csv_reader *reader, size_t index)
{
    return index < reader->ignored_count ? reader->ignored[index] : NULL;
}
