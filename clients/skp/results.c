#include "results.h"

#include <stdlib.h>

static const struct {
    const char *name, *dutch, *english;
} words[] = {
    [RESULT_REGISTERED] = {"stored", "verwerkt", "stored"},
    [RESULT_UNCHANGED] = {"unchanged", "ongewijzigd", "unchanged"},
    [RESULT_DIGITAL] = {"digital", "digitaal, meteen", "digital, at once"},
    [RESULT_NEXT_ROUND] = {"next_round", "digitaal, volgende ronde", "digital, next round"},
    [RESULT_LETTER] = {"letter", "per brief", "by letter"},
    [RESULT_AMBIGUOUS] = {"ambiguous", "niet eenduidig", "ambiguous"},
    [RESULT_REFUSED] = {"refused", "geweigerd", "refused"},
};

void results_fini(struct results *results)
{
    free(results->rows);
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

static int write_file(struct cli *cli, const struct results *results, const char *path)
{
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    enum skp_err err = result_writer_open(path, &writer, &problem);
    if (err)
        return cli_fail_file(cli, path, &problem);
    for (size_t i = 0; i < results->count; i++)
        result_writer_put(writer, &results->rows[i]);
    err = csv_writer_close(writer, &problem);
    return err ? cli_fail_file(cli, path, &problem) : 0;
}

int results_finish(struct cli *cli, struct results *results, const char *path)
{
    if (results->count > 0)
        qsort(results->rows, results->count, sizeof *results->rows, by_line);
    for (size_t status = 1; status <= RESULT_REFUSED; status++) {
        cli_put(cli, words[status].name, (int64_t)results->by_status[status]);
        if (results->by_status[status] > 0)
            cli_say(cli, "%6zu regels: %s", "%6zu rows: %s", results->by_status[status],
                    cli->english ? words[status].english : words[status].dutch);
    }
    int code = path ? write_file(cli, results, path) : 0;
    bool all_ok =
        results->by_status[RESULT_REFUSED] == 0 && results->by_status[RESULT_AMBIGUOUS] == 0;
    if (code == 0 && !all_ok && !path)
        cli_say(cli, "Geef --result RESULT.csv voor de reden per regel.",
                "Give --result RESULT.csv for the reason of each row.");
    return code != 0 ? code : all_ok ? EXIT_ALL_OK : EXIT_SOME;
}
