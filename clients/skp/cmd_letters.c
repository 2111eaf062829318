/* skp counsellor letters: what remains on paper. */
#include "commands.h"

#include "letters_csv.h"
#include "views.h"

/* 0: no letter. */
static int reason_of(const struct request_view *view)
{
    if (view->route == ROUTE_AMBIGUOUS)
        return LETTER_AMBIGUOUS;
    if (view->unsealable)
        return LETTER_UNREADABLE;
    return view->route == ROUTE_LETTER && !views_answered(view) ? view->letter_reason : 0;
}

static size_t write_rows(struct cli *cli, struct csv_writer *writer)
{
    struct views views;
    struct request_view view;
    size_t count = 0;
    views_open(&views, &cli->state, NULL);
    while (views_next(&views, &view)) {
        struct letter_row row = {.dossier = view.dossier,
                                 .creditor = view.creditor_name,
                                 .address = view.address,
                                 .reason = reason_of(&view)};
        if (row.reason == 0)
            continue;
        letters_writer_put(writer, &row);
        count++;
    }
    views_close(&views);
    return count;
}

static int run(struct cli *cli, char **args)
{
    const char *path = NULL;
    struct cli_option options[] = {{NULL, NULL, NULL}};
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    int code = cli_parse(cli, args, options, &path, 1);
    if (code != EXIT_ALL_OK)
        return code;
    code = cli_open_state(cli);
    if (code != 0)
        return code;
    if (letters_writer_open(path, &writer, &problem))
        return cli_fail_file(cli, path, &problem);
    state_mark_file(&cli->state, writer);
    size_t count = write_rows(cli, writer);
    enum skp_err err = state_error(&cli->state);
    if (err) {
        csv_writer_abandon(writer);
        return cli_state_failed(cli, err);
    }
    if (csv_writer_close(writer, &problem))
        return cli_fail_file(cli, path, &problem);
    cli_put(cli, "letters", (int64_t)count);
    cli_say(cli, "%zu %s", "%zu %s", count, cli_noun(cli, count, NOUN_LETTER));
    return EXIT_ALL_OK;
}

const struct command command_letters = {
    .words = "counsellor letters",
    .usage = "OUT.csv",
    .dutch = "Schrijft op wat per brief moet: dossier, schuldeiser, adres, reden.",
    .english = "Writes what remains on paper: case, creditor, address, reason.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
