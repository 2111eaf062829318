/* skp creditor report: what was asked here and what was answered, in numbers. */
#include "commands.h"

#include "unanswered.h"

#include <stdlib.h>

/* What one counsellor asked. */
struct asked_by {
    struct skp_oin counsellor;
    size_t requests, answered, overdue, open;
};

struct reporting {
    struct cli *cli;
    struct map overdue; /* request ids the broker told of */
    struct asked_by total;
    struct asked_by *list;
    size_t count;
};

static void count(struct asked_by *by, bool answered, bool overdue)
{
    by->requests++;
    by->answered += answered;
    by->overdue += !answered && overdue;
    by->open += !answered && !overdue;
}

static enum skp_err take_row(struct reporting *reporting, sqlite3_stmt *row)
{
    struct skp_id id = state_id(row, 0);
    struct skp_oin counsellor = state_oin(row, 1);
    bool answered = sqlite3_column_int(row, 2) != 0;
    bool overdue = map_has(&reporting->overdue, id.bytes);
    if (reporting->count == 0 ||
        !oin_equal(&reporting->list[reporting->count - 1].counsellor, &counsellor)) {
        struct asked_by *list =
            reallocarray(reporting->list, reporting->count + 1, sizeof *reporting->list);
        if (!list)
            return SKP_E_NO_MEMORY;
        reporting->list = list;
        list[reporting->count++] = (struct asked_by){.counsellor = counsellor};
    }
    count(&reporting->list[reporting->count - 1], answered, overdue);
    count(&reporting->total, answered, overdue);
    return SKP_OK;
}

static enum skp_err count_all(struct reporting *reporting)
{
    struct state_db *db = &reporting->cli->state;
    enum skp_err err = unanswered_load_overdue(db, &reporting->overdue);
    if (err)
        return err;
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT request_id, counsellor, EXISTS (SELECT 1 FROM answer_out AS o"
                  " WHERE o.request_id = q.request_id AND o.stage = 2)"
                  " FROM question AS q ORDER BY counsellor",
                  "");
    while (!err && state_next(db, rows))
        err = take_row(reporting, rows);
    return err ? err : state_error(db);
}

/* ---------------------------------------------------------------- saying it */

static json_t *counts(const struct asked_by *by)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "requests", (json_int_t)by->requests, "answered",
                     (json_int_t)by->answered, "overdue", (json_int_t)by->overdue, "open",
                     (json_int_t)by->open);
}

static void say_line(const struct cli *cli, const char *who, const struct asked_by *by)
{
    cli_say(cli, "%s: %zu %s, %zu beantwoord, %zu te laat, %zu open",
            "%s: %zu %s, %zu answered, %zu overdue, %zu open", who, by->requests,
            cli_noun(cli, by->requests, NOUN_REQUEST), by->answered, by->overdue, by->open);
}

static void say(const struct reporting *reporting)
{
    struct cli *cli = reporting->cli;
    json_t *list = json_array();
    for (size_t i = 0; i < reporting->count; i++) {
        const struct asked_by *by = &reporting->list[i];
        json_t *item = counts(by);
        (void)json_object_set_new(item, "counsellor", json_string(by->counsellor.text));
        (void)json_array_append_new(list, item);
        say_line(cli, by->counsellor.text, by);
    }
    say_line(cli, cli->english ? "together" : "samen", &reporting->total);
    json_t *total = counts(&reporting->total);
    (void)json_object_update(cli->result, total);
    json_decref(total);
    (void)json_object_set_new(cli->result, "list", list);
}

static enum skp_err write_file(const struct reporting *reporting, const char *path,
                               struct csv_problem *ret_problem)
{
    static const struct csv_column columns[] = {{"SHVOIN", true},
                                                {"Saldoverzoeken", true},
                                                {"Beantwoord", true},
                                                {"TeLaat", true},
                                                {"Open", true}};
    struct csv_writer *writer = NULL;
    enum skp_err err =
        csv_writer_open(path, columns, sizeof columns / sizeof columns[0], &writer, ret_problem);
    if (err)
        return err;
    state_mark_file(&reporting->cli->state, writer);
    for (size_t i = 0; i < reporting->count; i++) {
        const struct asked_by *by = &reporting->list[i];
        csv_writer_text(writer, by->counsellor.text);
        csv_writer_number(writer, by->requests);
        csv_writer_number(writer, by->answered);
        csv_writer_number(writer, by->overdue);
        csv_writer_number(writer, by->open);
        csv_writer_end_row(writer);
    }
    return csv_writer_close(writer, ret_problem);
}

static int run_report(struct reporting *reporting, const char *out)
{
    struct cli *cli = reporting->cli;
    struct csv_problem problem = {0};
    int code = cli_open_state(cli);
    if (code != 0)
        return code;
    enum skp_err err = count_all(reporting);
    if (err)
        return cli_state_failed(cli, err);
    if (out && write_file(reporting, out, &problem))
        return cli_fail_file(cli, out, &problem);
    cli_say_play(cli);
    say(reporting);
    return EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    struct reporting reporting = {.cli = cli};
    const char *out = NULL;
    struct cli_option options[] = {{"--out", &out, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    code = run_report(&reporting, out);
    map_fini(&reporting.overdue);
    free(reporting.list);
    return code;
}

const struct command command_report_creditor = {
    .words = "creditor report",
    .usage = "[--out FILE.csv]",
    .dutch = "Telt wat er gevraagd en beantwoord is, per schuldhulpverlener; --out schrijft de "
             "lijst.",
    .english = "Counts what was asked and answered, per counsellor; --out writes the list.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_CREDITOR,
    .run = run,
};
