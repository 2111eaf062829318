#include "ctl_print.h"

#include "csv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Texts, and lists of them, are somebody's words; the rest is ours. */
static void put_cell(struct csv_writer *writer, const json_t *value)
{
    size_t bytes = ctl_value_bytes(value);
    char *text = calloc(1, bytes);
    if (text == NULL)
        abort(); /* out of memory for one cell */
    if (value != NULL && !json_is_null(value))
        ctl_print_value(value, text, bytes);
    if (json_is_string(value) || json_is_array(value))
        csv_writer_text(writer, text);
    else
        csv_writer_plain(writer, text);
    free(text);
}

static size_t columns_of(json_t *row, struct csv_column columns[CSV_MAX_COLUMNS])
{
    const char *name;
    json_t *value;
    size_t count = 0;
    json_object_foreach(row, name, value)
    {
        if (count < CSV_MAX_COLUMNS && strcmp(name, "ok") != 0)
            columns[count++] = (struct csv_column){name, true};
    }
    return count;
}

void ctl_print_csv(FILE *stream, const json_t *answer, bool play)
{
    struct csv_column columns[CSV_MAX_COLUMNS];
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    const json_t *rows = json_object_get(answer, "rows");
    json_t *first = rows != NULL ? json_array_get(rows, 0) : (json_t *)(uintptr_t)answer;
    size_t count = columns_of(first, columns);
    if (count == 0 || csv_writer_stream(stream, columns, count, &writer))
        return;
    if (play)
        csv_writer_mark_play(writer);
    for (size_t index = 0; index < (rows != NULL ? json_array_size(rows) : 1); index++) {
        const json_t *row = rows != NULL ? json_array_get(rows, index) : answer;
        for (size_t i = 0; i < count; i++)
            put_cell(writer, json_object_get(row, columns[i].name));
        csv_writer_end_row(writer);
    }
    if (csv_writer_close(writer, &problem))
        perror("skpctl");
}
