#include "ctl_print.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS 32

bool ctl_answer_is_ok(const json_t *answer)
{
    return json_is_true(json_object_get(answer, "ok"));
}

/* Nothing from an answer may steer a terminal. */
static void put_text(char *cell, size_t cell_bytes, const char *text)
{
    size_t used = strlen(cell);
    for (; *text != '\0' && used + 1 < cell_bytes; text++) {
        unsigned char byte = (unsigned char)*text;
        cell[used] = *text;
        if (byte < 0x20 || byte == 0x7f)
            cell[used] = '?';
        used++;
    }
    cell[used] = '\0';
}

void ctl_print_value(const json_t *value, char *cell, size_t cell_bytes)
{
    char number[32];
    size_t index;
    json_t *item;
    if (json_is_string(value)) {
        put_text(cell, cell_bytes, json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        put_text(cell, cell_bytes, number);
    } else if (json_is_boolean(value)) {
        put_text(cell, cell_bytes, json_is_true(value) ? "yes" : "no");
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, item)
        {
            put_text(cell, cell_bytes, index > 0 ? "," : "");
            ctl_print_value(item, cell, cell_bytes);
        }
    } else {
        put_text(cell, cell_bytes, "-");
    }
}

size_t ctl_value_bytes(const json_t *value)
{
    size_t index;
    json_t *item;
    size_t bytes = json_is_string(value) ? json_string_length(value) + 1 : 32;
    json_array_foreach(value, index, item) bytes += ctl_value_bytes(item) + 1;
    return bytes;
}

/* Columns on the screen: code points, not bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void pad(FILE *stream, size_t from, size_t to)
{
    for (; from < to; from++)
        fputc(' ', stream);
}

struct column {
    const char *name;
    size_t width;
    bool number; /* right-aligned */
};

static size_t find_columns(const json_t *rows, struct column *columns)
{
    const char *name;
    json_t *value;
    json_t *row;
    size_t index;
    size_t count = 0;
    json_object_foreach(json_array_get(rows, 0), name, value)
    {
        if (count < MAX_COLUMNS)
            columns[count++] = (struct column){name, width_of(name), json_is_integer(value)};
    }
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            char cell[CTL_CELL_BYTES] = "";
            ctl_print_value(json_object_get(row, columns[i].name), cell, sizeof cell);
            if (width_of(cell) > columns[i].width)
                columns[i].width = width_of(cell);
        }
    }
    return count;
}

static void print_cell(FILE *stream, const struct column *column, const char *text, bool last)
{
    size_t width = width_of(text);
    if (column->number)
        pad(stream, width, column->width);
    fputs(text, stream);
    if (!last) {
        if (!column->number)
            pad(stream, width, column->width);
        fputs("  ", stream);
    }
}

static void print_table(FILE *stream, const json_t *rows)
{
    struct column columns[MAX_COLUMNS];
    size_t index;
    json_t *row;
    size_t count = find_columns(rows, columns);
    if (count == 0) {
        fputs("nothing\n", stream);
        return;
    }
    for (size_t i = 0; i < count; i++)
        print_cell(stream, &columns[i], columns[i].name, i + 1 == count);
    fputc('\n', stream);
    json_array_foreach(rows, index, row)
    {
        for (size_t i = 0; i < count; i++) {
            char cell[CTL_CELL_BYTES] = "";
            ctl_print_value(json_object_get(row, columns[i].name), cell, sizeof cell);
            print_cell(stream, &columns[i], cell, i + 1 == count);
        }
        fputc('\n', stream);
    }
}

static void print_members(FILE *stream, const json_t *answer)
{
    const char *name;
    json_t *value;
    size_t width = 0;
    json_t *object = json_copy((json_t *)(uintptr_t)answer); /* counts, and changes nothing */
    json_object_del(object, "ok");
    bool is_list = json_object_del(object, "rows") == 0;
    json_object_foreach(object, name, value)
    {
        if (strlen(name) > width)
            width = strlen(name);
    }
    if (width == 0 && !is_list)
        fputs("ok\n", stream);
    json_object_foreach(object, name, value)
    {
        char cell[CTL_CELL_BYTES] = "";
        ctl_print_value(value, cell, sizeof cell);
        fprintf(stream, "%-*s  %s\n", (int)width, name, cell);
    }
    json_decref(object);
}

void ctl_print_answer(FILE *stream, const json_t *answer)
{
    const json_t *rows = json_object_get(answer, "rows");
    const char *text = json_string_value(json_object_get(answer, "text"));
    if (rows != NULL)
        print_table(stream, rows);
    if (text != NULL)
        fputs(text, stream);
    else
        print_members(stream, answer);
}

static const char *member(const json_t *object, const char *name, char *cell)
{
    cell[0] = '\0';
    ctl_print_value(json_object_get(object, name), cell, CTL_CELL_BYTES);
    return cell;
}

void ctl_print_refusal(FILE *stream, const json_t *answer)
{
    char cell[CTL_CELL_BYTES];
    const json_t *error = json_object_get(answer, "error");
    fprintf(stream, "%s ", member(error, "code", cell));
    fprintf(stream, "%s", member(error, "name", cell));
    if (member(error, "path", cell)[0] != '\0')
        fprintf(stream, " (%s)", cell);
    fprintf(stream, ": %s.", member(error, "sentence", cell));
    fprintf(stream, " What to do: %s\n", member(error, "remedy", cell));
}
