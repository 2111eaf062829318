#include "csv_record.h"

#include "csv_text.h"
#include "fact.h"
#include "text.h"

#include <inttypes.h>

enum skp_err csv_problems_add(struct csv_problems *problems, struct csv_problem problem)
{
    struct csv_problem_node *node = arena_alloc(problems->arena, sizeof(*node));
    if (!node)
        return SKP_E_NO_MEMORY;
    *node = (struct csv_problem_node){.problem = problem};
    if (problems->last)
        problems->last->next = node;
    else
        problems->first = node;
    problems->last = node;
    problems->count++;
    return SKP_OK;
}

void csv_record_columns(const struct csv_field *fields, size_t count,
                        struct csv_column *ret_columns)
{
    for (size_t i = 0; i < count; i++)
        ret_columns[i] = (struct csv_column){fields[i].name, fields[i].need != CSV_OPTIONAL};
}

static char *trim(char *cell)
{
    cell += strspn(cell, " ");
    size_t len = strlen(cell);
    while (len > 0 && cell[len - 1] == ' ')
        len--;
    cell[len] = '\0';
    return cell;
}

static enum skp_err read_text(const struct csv_field *field, const char *cell,
                              const char **ret_text)
{
    size_t chars = 0;
    enum skp_err err = text_check(span_text(cell), &chars);
    if (err)
        return err;
    if (csv_text_is_mangled(cell))
        return SKP_E_VALUE_INVALID;
    if (chars > (field->max_chars > 0 ? field->max_chars : CSV_TEXT_CHARS))
        return SKP_E_TEXT_TOO_LONG;
    *ret_text = cell;
    return SKP_OK;
}

static enum skp_err read_amount(const char *cell, int64_t *ret_cents)
{
    int64_t cents = 0;
    enum skp_err err = csv_value_read_amount(cell, &cents);
    if (err)
        return err;
    if (cents != CSV_NO_AMOUNT && fact_check_cents(cents))
        return SKP_E_AMOUNT_RANGE;
    *ret_cents = cents;
    return SKP_OK;
}

static enum skp_err read_date(const char *cell, plain_date *ret_date)
{
    plain_date date = 0;
    enum skp_err err = csv_value_read_date(cell, &date);
    if (!err && date != 0)
        err = fact_check_date(date);
    if (!err)
        *ret_date = date;
    return err;
}

static enum skp_err read_id(const char *cell, struct skp_id *ret_id)
{
    return cell[0] == '\0' || id_parse(cell, ret_id) ? SKP_OK : SKP_E_ID_FORMAT;
}

static enum skp_err read_oin(const char *cell, struct skp_oin *ret_oin)
{
    return cell[0] == '\0' || oin_take(span_text(cell), ret_oin) ? SKP_OK : SKP_E_OIN_FORMAT;
}

static void set_empty(const struct csv_field *field, void *member)
{
    switch (field->kind) {
    case CSV_TEXT:
        *(const char **)member = "";
        break;
    case CSV_DATE:
        *(plain_date *)member = 0;
        break;
    case CSV_AMOUNT:
        *(int64_t *)member = CSV_NO_AMOUNT;
        break;
    case CSV_FLAG:
        *(bool *)member = false;
        break;
    case CSV_WORD:
        *(int *)member = 0;
        break;
    case CSV_NUMBER:
        *(uint32_t *)member = 0;
        break;
    case CSV_OIN:
        *(struct skp_oin *)member = (struct skp_oin){0};
        break;
    case CSV_ID:
        *(struct skp_id *)member = (struct skp_id){0};
        break;
    case CSV_POSTCODE:
    case CSV_BSN:
        *(char *)member = '\0';
        break;
    }
}

static enum skp_err read_member(const struct csv_field *field, char *cell, void *ret_member)
{
    switch (field->kind) {
    case CSV_TEXT:
        return read_text(field, cell, ret_member);
    case CSV_DATE:
        return read_date(cell, ret_member);
    case CSV_AMOUNT:
        return read_amount(cell, ret_member);
    case CSV_FLAG:
        return csv_value_read_flag(cell, ret_member);
    case CSV_WORD:
        return csv_word_read(field->words, cell, ret_member);
    case CSV_NUMBER:
        return csv_value_read_number(cell, ret_member);
    case CSV_OIN:
        return read_oin(cell, ret_member);
    case CSV_ID:
        return read_id(cell, ret_member);
    case CSV_POSTCODE:
        return csv_value_read_postcode(cell, ret_member);
    case CSV_BSN:
        return csv_value_read_bsn(cell, ret_member);
    }
    return SKP_E_INTERNAL;
}

enum skp_err csv_record_read(const struct csv_field *fields, size_t count, char **cells,
                             unsigned long line, struct csv_problems *problems, void *ret_record,
                             bool *ret_good)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        void *member = (uint8_t *)ret_record + fields[i].offset;
        char *cell = trim(cells[i]);
        set_empty(&fields[i], member);
        enum skp_err err = read_member(&fields[i], cell, member);
        if (!err && fields[i].need == CSV_FILLED && cell[0] == '\0')
            err = SKP_E_REQUIRED;
        if (!err)
            continue;
        good = false;
        struct csv_problem problem = {
            .line = line, .err = err, .column = fields[i].name, .field = &fields[i]};
        if (csv_problems_add(problems, problem))
            return SKP_E_NO_MEMORY;
    }
    *ret_good = good;
    return SKP_OK;
}

enum skp_err csv_record_keep(const struct csv_field *fields, size_t count, struct arena *arena,
                             void *record)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i].kind != CSV_TEXT)
            continue;
        const char **text = (const char **)((uint8_t *)record + fields[i].offset);
        const char *kept = (*text)[0] == '\0' ? "" : arena_copy(arena, *text, strlen(*text) + 1);
        if (!kept)
            return SKP_E_NO_MEMORY;
        *text = kept;
    }
    return SKP_OK;
}

#define PRINT_BYTES 64

/* What is written for a member; points into it, into a table or into `space`. */
static const char *print_member(const struct csv_field *field, const void *member, char *space)
{
    switch (field->kind) {
    case CSV_TEXT:
        return *(const char *const *)member ? *(const char *const *)member : "";
    case CSV_DATE:
        csv_value_print_date(*(const plain_date *)member, space);
        return space;
    case CSV_AMOUNT:
        csv_value_print_amount(*(const int64_t *)member, space);
        return space;
    case CSV_FLAG:
        return *(const bool *)member ? "Ja" : "";
    case CSV_WORD:
        return csv_word_print(field->words, *(const int *)member);
    case CSV_NUMBER:
        space[0] = '\0';
        if (*(const uint32_t *)member > 0)
            snprintf(space, PRINT_BYTES, "%" PRIu32, *(const uint32_t *)member);
        return space;
    case CSV_OIN:
        return ((const struct skp_oin *)member)->text;
    case CSV_ID:
        space[0] = '\0';
        if (!id_is_nil(member))
            id_print(member, space);
        return space;
    case CSV_POSTCODE:
    case CSV_BSN:
        return member;
    }
    return "";
}

const struct csv_field *csv_record_differs(const struct csv_field *fields, size_t count,
                                           const void *before, const void *record)
{
    for (size_t i = 0; i < count; i++) {
        char space_before[PRINT_BYTES], space[PRINT_BYTES];
        const char *was =
            print_member(&fields[i], (const uint8_t *)before + fields[i].offset, space_before);
        const char *is =
            print_member(&fields[i], (const uint8_t *)record + fields[i].offset, space);
        if (is[0] != '\0' && strcmp(was, is) != 0)
            return &fields[i];
    }
    return NULL;
}

void csv_record_write(const struct csv_field *fields, size_t count, struct csv_writer *writer,
                      const void *record)
{
    for (size_t i = 0; i < count; i++) {
        char space[PRINT_BYTES];
        const char *text =
            print_member(&fields[i], (const uint8_t *)record + fields[i].offset, space);
        switch (fields[i].kind) {
        case CSV_TEXT:
        case CSV_NUMBER:
        case CSV_OIN:
        case CSV_POSTCODE:
        case CSV_BSN:
            csv_writer_text(writer, text);
            break;
        case CSV_ID: /* four dashes: a spreadsheet leaves it alone */
        case CSV_DATE:
        case CSV_AMOUNT:
        case CSV_FLAG:
        case CSV_WORD:
            csv_writer_plain(writer, text);
            break;
        }
    }
}
