#include "ctl_print.h"

#include "csv_text.h"

#include <stdint.h>
#include <string.h>

static void put_cell(FILE *stream, const json_t *value)
{
    char text[CTL_CELL_BYTES] = "";
    if (!json_is_null(value))
        ctl_print_value(value, text);
    bool safe = !json_is_string(value) || !csv_text_needs_apostrophe(text);
    bool quoted = strpbrk(text, ";\"\r\n") != NULL;
    if (quoted)
        fputc('"', stream);
    if (!safe)
        fputc('\'', stream);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"')
            fputc('"', stream);
        fputc(*at, stream);
    }
    if (quoted)
        fputc('"', stream);
}

static void print_row(FILE *stream, const json_t *row, bool header)
{
    const char *name;
    json_t *value;
    const char *between = "";
    json_t *object = json_copy((json_t *)(uintptr_t)row); /* counts, and changes nothing */
    json_object_del(object, "ok");
    json_object_foreach(object, name, value)
    {
        fputs(between, stream);
        if (header)
            fputs(name, stream);
        else
            put_cell(stream, value);
        between = ";";
    }
    fputs("\r\n", stream);
    json_decref(object);
}

void ctl_print_csv(FILE *stream, const json_t *answer)
{
    size_t index;
    json_t *row;
    const json_t *rows = json_object_get(answer, "rows");
    if (rows != NULL && json_array_size(rows) == 0)
        return;
    fputs("\xef\xbb\xbf", stream);
    print_row(stream, rows != NULL ? json_array_get(rows, 0) : answer, true);
    if (rows == NULL)
        print_row(stream, answer, false);
    json_array_foreach(rows, index, row) print_row(stream, row, false);
}
