#include "list_answer.h"

#include "list_fields.h"
#include "map.h"

#include <string.h>

#define MAX_REQUESTS ((size_t)1 << 24)

struct reading {
    struct list_answers *answers;
    struct arena *arena;
    struct map requests; /* by id */
    struct csv_field fields[LIST_ANSWER_ROW_FIELDS];
};

bool list_row_is_answered(const struct list_answer *answer)
{
    return answer->client_unknown || answer->unreadable || answer->deceased || answer->agreed ||
           answer->debt != 0 || answer->no_cooperation != 0 || answer->impediment != 0 ||
           answer->amount_cents != CSV_NO_AMOUNT;
}

static enum skp_err find_request(struct reading *reading, const struct list_row *row,
                                 struct list_request **ret_request)
{
    struct list_answers *answers = reading->answers;
    *ret_request = map_get(&reading->requests, &row->request_id);
    if (*ret_request)
        return SKP_OK;
    struct list_request *added = arena_alloc(reading->arena, sizeof(*added));
    if (!added || map_put(&reading->requests, &row->request_id, added))
        return SKP_E_NO_MEMORY;
    *added = (struct list_request){.line = row->line,
                                   .request_id = row->request_id,
                                   .counsellor = row->counsellor,
                                   .version = row->version};
    if (answers->last_request)
        answers->last_request->next = added;
    else
        answers->requests = added;
    answers->last_request = added;
    answers->request_count++;
    *ret_request = added;
    return SKP_OK;
}

static enum skp_err keep_row(struct reading *reading, const struct list_row *row,
                             struct list_request *request)
{
    struct list_answer_row *added = arena_alloc(reading->arena, sizeof(*added));
    if (!added)
        return SKP_E_NO_MEMORY;
    *added = (struct list_answer_row){.row = *row};
    if (csv_record_keep(reading->fields, LIST_ANSWER_ROW_FIELDS, reading->arena, &added->row))
        return SKP_E_NO_MEMORY;
    if (request->last_row)
        request->last_row->next = added;
    else
        request->rows = added;
    request->last_row = added;
    return SKP_OK;
}

static enum skp_err take_row(struct reading *reading, const struct csv_row *found)
{
    struct list_row row = {.line = found->line};
    struct list_request *request = NULL;
    bool good = false;
    enum skp_err err = csv_record_read(reading->fields, LIST_ANSWER_ROW_FIELDS, found->cells,
                                       found->line, &reading->answers->problems, &row, &good);
    if (err || id_is_nil(&row.request_id))
        return err;
    err = find_request(reading, &row, &request);
    if (err)
        return err;
    request->row_count++;
    if (!good) {
        request->broken = true;
        return SKP_OK;
    }
    return keep_row(reading, &row, request);
}

static enum skp_err take_rows(struct reading *reading, struct csv_reader *reader)
{
    struct csv_row row;
    enum skp_err err = SKP_OK;
    while (!err && csv_reader_next(reader, &row)) {
        struct csv_problem problem = {.line = row.line, .err = row.err, .column = row.column};
        reading->answers->row_count++;
        if (row.err == SKP_E_IO)
            err = SKP_E_IO;
        else if (row.err)
            err = csv_problems_add(&reading->answers->problems, problem);
        else
            err = take_row(reading, &row);
    }
    return err;
}

static enum skp_err settle_all(struct reading *reading)
{
    enum skp_err err = SKP_OK;
    for (struct list_request *at = reading->answers->requests; !err && at; at = at->next)
        err = list_request_settle(at, &reading->answers->problems);
    return err;
}

enum skp_err list_answers_read(const char *path, struct arena *arena,
                               struct list_answers *ret_answers, struct csv_problem *ret_problem)
{
    struct list_answers answers = {.problems = {.arena = arena}};
    struct reading reading = {.answers = &answers, .arena = arena};
    struct csv_column columns[LIST_ANSWER_ROW_FIELDS];
    struct csv_reader *reader = NULL;
    list_answer_row_fields(reading.fields);
    csv_record_columns(reading.fields, LIST_ANSWER_ROW_FIELDS, columns);
    enum skp_err err = csv_reader_open(path, columns, LIST_ANSWER_ROW_FIELDS, &reader, ret_problem);
    if (err)
        return err;
    err = map_init(&reading.requests, ID_BYTES, 64, MAX_REQUESTS);
    if (!err)
        err = take_rows(&reading, reader);
    if (!err)
        err = settle_all(&reading);
    map_fini(&reading.requests);
    csv_reader_free(reader);
    if (err)
        *ret_problem = (struct csv_problem){.err = err};
    else
        *ret_answers = answers;
    return err;
}
