#include "results.h"

#include <stdlib.h>
#include <string.h>

/* In Dutch the word is that of the file. */
static const struct {
    const char *name, *english;
} words[] = {
    [RESULT_REGISTERED] = {"stored", "stored"},
    [RESULT_UNCHANGED] = {"unchanged", "unchanged"},
    [RESULT_DIGITAL] = {"digital", "digital, at once"},
    [RESULT_NEXT_ROUND] = {"next_round", "digital, next round"},
    [RESULT_LETTER] = {"letter", "by letter"},
    [RESULT_AMBIGUOUS] = {"ambiguous", "ambiguous"},
    [RESULT_REFUSED] = {"refused", "refused"},
};

void results_fini(struct results *results)
{
    free(results->rows);
    csv_writer_abandon(results->writer);
    *results = (struct results){0};
}

enum skp_err results_add(struct results *results, const struct result_row *row)
{
    if (results->count == results->room) {
        size_t room = results->room > 0 ? 2 * results->room : 256;
        struct result_row *rows = reallocarray(results->rows, room, sizeof *rows);
        if (!rows)
            return SKP_E_NO_MEMORY;
        results->rows = rows;
        results->room = room;
    }
    results->rows[results->count++] = *row;
    results->by_status[row->status]++;
    return SKP_OK;
}

enum skp_err results_add_problems(struct results *results, const struct csv_problems *problems)
{
    enum skp_err err = SKP_OK;
    const struct csv_problem_node *at = problems->first;
    for (; !err && at; at = at->next) {
        struct result_row row = {.line = (uint32_t)at->problem.line,
                                 .dossier = "",
                                 .creditor = "",
                                 .status = RESULT_REFUSED,
                                 .problem = at->problem};
        err = results_add(results, &row);
    }
    return err;
}

static void refuse(struct results *results, struct result_row *row, enum skp_err err)
{
    results->by_status[row->status]--;
    results->by_status[RESULT_REFUSED]++;
    row->status = RESULT_REFUSED;
    row->problem.line = row->line;
    row->problem.err = err;
}

void results_settle(struct results *results, struct state_db *db, const char *sql)
{
    for (size_t i = 0; i < results->count; i++) {
        struct result_row *row = &results->rows[i];
        if (row->status != RESULT_REGISTERED)
            continue;
        sqlite3_stmt *found = state_ask(db, sql, "d", &row->request_id);
        while (state_next(db, found)) {
            int stage = sqlite3_column_int(found, 0);
            if (stage != STAGE_STORED)
                refuse(results, row,
                       stage == STAGE_REFUSED ? (enum skp_err)sqlite3_column_int(found, 1)
                                              : SKP_E_OUTCOME_UNKNOWN);
        }
    }
}

static int by_line(const void *a, const void *b)
{
    const struct result_row *left = a, *right = b;
    return (left->line > right->line) - (left->line < right->line);
}

/* The rows from `begin` that are of one line: *ret_end is behind them. Whether one is refused for itself. */
static bool has_own_reason(const struct results *results, size_t begin, size_t *ret_end)
{
    const struct result_row *rows = results->rows;
    bool own = false;
    size_t at = begin;
    for (; at < results->count && rows[at].line == rows[begin].line; at++)
        own = own || (rows[at].status == RESULT_REFUSED && rows[at].cause_line == 0);
    *ret_end = at;
    return own;
}

void results_drop_echoes(struct results *results)
{
    size_t kept = 0, end = 0;
    if (results->count > 0)
        qsort(results->rows, results->count, sizeof *results->rows, by_line);
    for (size_t begin = 0; begin < results->count; begin = end) {
        bool own = has_own_reason(results, begin, &end);
        for (size_t at = begin; at < end; at++) {
            if (own && results->rows[at].cause_line > 0)
                results->by_status[RESULT_REFUSED]--;
            else
                results->rows[kept++] = results->rows[at];
        }
    }
    results->count = kept;
}

/* ---------------------------------------------------------------- what a row is about */

static bool is_nameless(const struct result_row *row)
{
    return row->dossier[0] == '\0' && row->creditor[0] == '\0';
}

static enum skp_err name_row(const struct csv_row *found, struct arena *arena,
                             struct result_row *row)
{
    const char *dossier = arena_copy(arena, found->cells[0], strlen(found->cells[0]) + 1);
    const char *creditor = arena_copy(arena, found->cells[1], strlen(found->cells[1]) + 1);
    if (!dossier || !creditor)
        return SKP_E_NO_MEMORY;
    row->dossier = dossier;
    row->creditor = creditor;
    return SKP_OK;
}

/* Both are in the order of the file. */
static enum skp_err name_rows(struct results *results, struct csv_reader *reader,
                              struct arena *arena)
{
    struct csv_row found;
    enum skp_err err = SKP_OK;
    size_t i = 0;
    while (!err && i < results->count && csv_reader_next(reader, &found)) {
        if (found.err == SKP_E_IO)
            return SKP_E_IO;
        while (i < results->count && results->rows[i].line < found.line)
            i++;
        for (; !err && i < results->count && results->rows[i].line == found.line; i++)
            if (!found.err && is_nameless(&results->rows[i]))
                err = name_row(&found, arena, &results->rows[i]);
    }
    return err;
}

enum skp_err results_name_rows(struct results *results, const char *path, const char *dossier,
                               const char *creditor, struct arena *arena)
{
    const struct csv_column columns[] = {{dossier, false}, {creditor, false}};
    struct csv_problem problem;
    struct csv_reader *reader = NULL;
    bool nameless = false;
    for (size_t i = 0; !nameless && i < results->count; i++)
        nameless = is_nameless(&results->rows[i]);
    if (!nameless)
        return SKP_OK;
    enum skp_err err = csv_reader_open(path, columns, 2, &reader, &problem);
    if (err)
        return err;
    qsort(results->rows, results->count, sizeof *results->rows, by_line);
    err = name_rows(results, reader, arena);
    csv_reader_free(reader);
    return err;
}

/* ---------------------------------------------------------------- the file */

int results_open(struct cli *cli, struct results *results, const char *path,
                 const char *const *inputs, size_t count)
{
    struct csv_problem problem;
    int code = cli_check_output(cli, path, inputs, count);
    if (code == 0 && path && result_writer_open(path, &results->writer, &problem))
        code = cli_fail_file(cli, path, &problem);
    results->path = path;
    if (code != 0)
        cli_warn(cli, "Er is niets verstuurd.", "Nothing was sent.");
    return code;
}

static int write_file(struct cli *cli, struct results *results)
{
    struct csv_problem problem;
    state_mark_file(&cli->state, results->writer);
    for (size_t i = 0; i < results->count; i++)
        result_writer_put(results->writer, &results->rows[i]);
    enum skp_err err = csv_writer_close(results->writer, &problem);
    results->writer = NULL;
    return err ? cli_fail_file(cli, results->path, &problem) : 0;
}

int results_finish(struct cli *cli, struct results *results)
{
    if (results->count > 0)
        qsort(results->rows, results->count, sizeof *results->rows, by_line);
    for (size_t status = 1; status <= RESULT_REFUSED; status++) {
        cli_put(cli, words[status].name, (int64_t)results->by_status[status]);
        if (results->by_status[status] > 0)
            cli_say(cli, "%6zu %s: %s", "%6zu %s: %s", results->by_status[status],
                    cli_noun(cli, results->by_status[status], NOUN_ROW),
                    cli->english ? words[status].english
                                 : result_status_word((enum result_status)status));
    }
    int code = results->writer ? write_file(cli, results) : 0;
    bool all_ok =
        results->by_status[RESULT_REFUSED] == 0 && results->by_status[RESULT_AMBIGUOUS] == 0;
    if (code == 0 && !all_ok && !results->path)
        cli_say(cli, "Geef --result RESULT.csv voor de reden per regel.",
                "Give --result RESULT.csv for the reason of each row.");
    return code != 0 ? code : all_ok ? EXIT_ALL_OK : EXIT_SOME;
}
