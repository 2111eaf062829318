/* skp creditor collect: what waits, as saldolijsten. */
#include "commands.h"

#include "bsn_write.h"
#include "collecting.h"
#include "lists_write.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define MAX_NUMBER 10000

struct collect_command {
    struct cli *cli;
    const char *out, *bsn;
    struct collecting collecting;
    struct question_list lists[QUESTIONS_MAX_LISTS];
};

/* A name that is not there yet: somebody may be filling in the list of this morning. */
static bool free_path(const struct collect_command *command, const struct question_list *list,
                      char *ret_path, size_t path_bytes)
{
    char name[LISTS_NAME_BYTES];
    struct stat found;
    for (int number = 1; number < MAX_NUMBER; number++) {
        lists_name(list, number, name);
        int len = snprintf(ret_path, path_bytes, "%s/%s", command->out, name);
        if (len < 0 || (size_t)len >= path_bytes)
            return false;
        if (lstat(ret_path, &found) != 0)
            return true;
    }
    return false;
}

/* An empty round is told, so that it is not taken for one that did not come. */
static void say_no_rows(const struct cli *cli, const struct question_list *list)
{
    char id[ID_TEXT_BYTES];
    id_print(&list->round_id, id);
    if (list->count > 0)
        cli_say(cli, "saldolijst %.*s: intussen geschreven door een andere skp",
                "saldolijst %.*s: written by another skp meanwhile", list->is_round ? 8 : OIN_CHARS,
                list->is_round ? id : list->counsellor.text);
    else if (list->is_round)
        cli_say(cli, "ronde %.8s: niets open", "round %.8s: nothing open", id);
}

static int write_list(struct collect_command *command, const struct question_list *list)
{
    struct cli *cli = command->cli;
    struct csv_problem problem = {0};
    char path[4096];
    size_t rows = 0;
    enum skp_err err = SKP_OK;
    do {
        if (!free_path(command, list, path, sizeof path))
            return cli_fail(cli, SKP_E_IO, command->out);
        err = lists_write(&cli->state, &command->collecting.link.book, list, path, &rows, &problem);
    } while (err == SKP_E_IO && problem.os_error == EEXIST);
    if (err)
        return cli_fail_export(cli, path, &problem);
    if (rows == 0) {
        say_no_rows(cli, list);
        return 0;
    }
    cli_say(cli, "%s: %zu %s, %zu %s", "%s: %zu %s, %zu %s", path, list->count,
            cli_noun(cli, list->count, NOUN_REQUEST), rows, cli_noun(cli, rows, NOUN_ROW));
    json_t *files = json_object_get(cli->result, "files");
    (void)json_array_append_new(files, json_string(path));
    return 0;
}

static int write_lists(struct collect_command *command)
{
    struct cli *cli = command->cli;
    int code = 0;
    (void)json_object_set_new(cli->result, "files", json_array());
    size_t count = questions_lists(&cli->state, command->lists, QUESTIONS_MAX_LISTS);
    enum skp_err err = state_error(&cli->state);
    if (err)
        return cli_state_failed(cli, err);
    for (size_t i = 0; code == 0 && i < count; i++)
        code = write_list(command, &command->lists[i]);
    if (count == 0)
        cli_say(cli, "Er is niets nieuws.", "There is nothing new.");
    return code;
}

static int write_bsns(struct collect_command *command)
{
    struct cli *cli = command->cli;
    struct csv_problem problem = {0};
    size_t rows = 0;
    if (bsn_write(&cli->state, command->bsn, &rows, &problem))
        return cli_fail_export(cli, command->bsn, &problem);
    cli_put(cli, "bsn_rows", (int64_t)rows);
    cli_say(cli, "%s: %zu %s", "%s: %zu %s", command->bsn, rows, cli_noun(cli, rows, NOUN_ROW));
    return 0;
}

static void tell_unreadable(const struct collect_command *command)
{
    struct cli *cli = command->cli;
    size_t count = command->collecting.opening.unreadable;
    cli_put(cli, "unreadable", (int64_t)count);
    if (count > 0)
        cli_warn(
            cli,
            "Niet te lezen: %zu %s. Kijk eerst of elke sleutel van een gepubliceerd certificaat "
            "in de instellingen staat. Anders: stuur de lijst terug waarin Onleesbaar op Ja "
            "staat, dan verstuurt de schuldhulpverlener ze opnieuw.",
            "Cannot be read: %zu %s. First see that the key of every published certificate "
            "stands in the settings. Otherwise send back the list that says Onleesbaar Ja, and "
            "the counsellor seals them again.",
            count, cli_noun(cli, count, NOUN_REQUEST));
}

/* Lists are written also when the connection broke off: what is in the database was collected. */
static int run_collect(struct collect_command *command)
{
    struct cli *cli = command->cli;
    struct collecting *collecting = &command->collecting;
    int code = collecting_open(cli, collecting, NULL);
    if (code != 0)
        return code;
    enum skp_err err = collecting_drain(collecting);
    code = write_lists(command);
    if (code == 0 && command->bsn)
        code = write_bsns(command);
    if (err)
        code = link_failed(&collecting->link, err);
    tell_unreadable(command);
    cli_put(cli, "requests", (int64_t)collecting->opening.requests);
    cli_put(cli, "overviews", (int64_t)collecting->opening.overviews);
    cli_put(cli, "collected", (int64_t)collecting->collected);
    cli_put(cli, "not_collected", (int64_t)collecting->not_collected);
    bool left = collecting->not_collected + collecting->link.problems > 0;
    return code == 0 && left ? EXIT_SOME : code;
}

static int run(struct cli *cli, char **args)
{
    static struct collect_command command;
    command = (struct collect_command){.cli = cli};
    struct cli_option options[] = {
        {"--out", &command.out, NULL}, {"--bsn", &command.bsn, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    if (!command.out)
        return cli_missing(cli, "--out DIR");
    code = cli_make_folder(cli, command.out);
    if (code == 0)
        code = cli_open_state(cli);
    if (code != 0)
        return code;
    code = run_collect(&command);
    collecting_close(&command.collecting);
    return code;
}

const struct command command_collect = {
    .words = "creditor collect",
    .usage = "--out DIR [--bsn BSN.csv]",
    .dutch = "Haalt saldoverzoeken op en schrijft saldolijsten in DIR; --bsn ook de BSN's.",
    .english = "Collects requests and writes saldolijsten in DIR; --bsn the BSNs too.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_CREDITOR,
    .run = run,
};
