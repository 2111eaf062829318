/* skp counsellor register: cases from the office's file to the creditors and the broker. */
#include "commands.h"

#include "outbox.h"
#include "registering.h"

#define FILE_MAX_BYTES ((size_t)2 << 30)

struct register_command {
    struct cli *cli;
    const char *file, *bsn, *result;
    bool check;
    struct arena arena;
    struct register_file cases;
    struct csv_problems bsn_problems; /* lines of the other file */
    struct link link;
    struct targets targets;
    struct registering registering;
    struct results results;
};

static int read_files(struct register_command *command)
{
    struct csv_problem problem = {0};
    const char *path = command->file;
    enum skp_err err = register_read(path, &command->arena, &command->cases, &problem);
    if (!err && command->bsn) {
        path = command->bsn;
        command->bsn_problems.arena = &command->arena;
        err = register_read_bsn(path, &command->cases, &command->bsn_problems, &problem);
        size_t unused = command->bsn_problems.count;
        if (!err && unused > 0)
            cli_warn(command->cli, "%s: %zu %s", "%s: %zu %s", path, unused,
                     cli_noun(command->cli, unused, NOUN_UNUSED_ROW));
    }
    if (err)
        return cli_fail_file(command->cli, path, &problem);
    for (const struct csv_problem_node *at = command->cases.ignored.first; at; at = at->next)
        cli_warn(command->cli, "kolom wordt niet gelezen: %s", "column is not read: %s",
                 at->problem.column);
    return 0;
}

/* What an earlier run left in the outbox goes first: it may settle what this file asks again. */
static int connect_and_clear(struct register_command *command)
{
    struct link *link = &command->link;
    int code = link_open(command->cli, link, NULL, NULL);
    if (code != 0)
        return code;
    enum skp_err err = command->check ? SKP_OK : link_send_outbox(link);
    if (!err)
        err = link_fetch_directory(link);
    if (!err)
        err = targets_init(&command->targets, link);
    return err ? link_failed(link, err) : 0;
}

static enum skp_err plan(struct register_command *command)
{
    struct link *link = &command->link;
    command->registering = (struct registering){
        .planning = {.db = &command->cli->state,
                     .book = &link->book,
                     .now_ms = link_now_ms(link),
                     .target = targets_find,
                     .ctx = &command->targets},
        .identity = {.self = *skp_self(link->client),
                     .broker = link_broker(link),
                     .signer = skp_signer(link->client),
                     .now_ms = skp_now_ms(link->client)},
        .settings = &command->cli->settings,
    };
    return registering_run(&command->registering, &command->cases, command->check);
}

/* Rows of the BSN file come last: their lines are of another file than those that are named here. */
static enum skp_err gather_results(struct register_command *command)
{
    struct results *results = &command->results;
    enum skp_err err =
        registering_results(&command->registering, &command->cases, command->check, results);
    if (!err)
        err = results_name_rows(results, command->file, "Dossier", "Schuldeiser", &command->arena);
    if (!err)
        err = results_add_problems(results, &command->bsn_problems);
    return err;
}

static void tell_not_compared(struct register_command *command)
{
    struct cli *cli = command->cli;
    const struct result_row *rows = command->results.rows;
    size_t count = 0;
    for (size_t i = 0; i < command->results.count; i++)
        count += rows[i].not_compared;
    cli_put(cli, "not_compared", (int64_t)count);
    if (count > 0)
        cli_say(cli,
                "%zu %s al beantwoord: persoonsgegevens, adres en BSN niet vergeleken. Geef een "
                "verbetering daarvan zelf door aan de schuldeiser.",
                "%zu %s answered already: persons, address and BSN not compared. Tell the creditor "
                "yourself what was mended in them.",
                count, cli_noun(cli, count, NOUN_ROW));
}

static int finish(struct register_command *command, enum skp_err sent)
{
    struct cli *cli = command->cli;
    size_t cases = command->cases.case_count, requests = command->cases.request_count;
    enum skp_err err = gather_results(command);
    if (err)
        return cli_state_failed(cli, err);
    cli_put(cli, "cases", (int64_t)cases);
    cli_put(cli, "requests", (int64_t)requests);
    cli_say(cli, "%zu %s, %zu %s", "%zu %s, %zu %s", cases, cli_noun(cli, cases, NOUN_CASE),
            requests, cli_noun(cli, requests, NOUN_REQUEST));
    int code = results_finish(cli, &command->results);
    tell_not_compared(command);
    if (sent) {
        code = link_failed(&command->link, sent);
        cli_warn(cli, "Wat nog niet is bevestigd, staat klaar en gaat de volgende keer opnieuw.",
                 "What is not confirmed yet is kept and goes out again next time.");
    }
    return code;
}

static int run_command(struct register_command *command)
{
    int code = read_files(command);
    if (code == 0)
        code = cli_open_state(command->cli);
    if (code == 0)
        code = connect_and_clear(command);
    if (code != 0)
        return code;
    enum skp_err err = plan(command);
    if (err)
        code = cli_state_failed(command->cli, err);
    else
        code = finish(command, command->check ? SKP_OK : link_send_outbox(&command->link));
    registering_fini(&command->registering);
    return code;
}

static int run(struct cli *cli, char **args)
{
    struct register_command command = {.cli = cli};
    struct cli_option options[] = {{"--bsn", &command.bsn, NULL},
                                   {"--result", &command.result, NULL},
                                   {"--check", NULL, &command.check},
                                   {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, &command.file, 1);
    if (code != EXIT_ALL_OK)
        return code;
    arena_init(&command.arena, FILE_MAX_BYTES);
    code = results_open(cli, &command.results, command.result,
                        (const char *[]){command.file, command.bsn}, 2);
    if (code == 0)
        code = run_command(&command);
    results_fini(&command.results);
    targets_fini(&command.targets);
    link_close(&command.link);
    arena_fini(&command.arena);
    return code;
}

const struct command command_register = {
    .words = "counsellor register",
    .usage = "FILE.csv [--bsn BSN.csv] [--check] [--result RESULT.csv]",
    .dutch = "Meldt dossiers aan; --check verstuurt niets en zegt wat er zou gebeuren.",
    .english = "Registers cases; --check sends nothing and says what would happen.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
