/* skp counsellor watch: answers and events, as they come. */
#include "commands.h"

#include "answers_write.h"
#include "calendar.h"
#include "collecting.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define TURN_MS 200

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void say_date(plain_date date, char *text)
{
    text[0] = '\0';
    if (calendar_date_valid(date))
        calendar_print_dutch(date, text);
}

static void on_event(void *ctx, const Skp__V1__EventFact *event)
{
    const struct collecting *collecting = ctx;
    const struct cli *cli = collecting->cli;
    char due[CALENDAR_TEXT_BYTES], other[BOOK_LABEL_BYTES];
    size_t count = event->n_request_ids;
    const char *requests = cli_noun(cli, count, NOUN_REQUEST);
    say_date(event->due_date, due);
    (void)book_label(&collecting->link.book, event->other, other);
    switch (event->kind) {
    case SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED:
        cli_say(cli, "gevraagd: %s, %zu %s, antwoord uiterlijk %s",
                "published: %s, %zu %s, answer by %s", other, count, requests, due);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED:
        cli_say(cli, "opgehaald door %s", "collected by %s", other);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE:
        cli_say(cli, "te laat: %s, %zu %s", "overdue: %s, %zu %s", other, count, requests);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED:
        cli_say(cli, "een ronde is gesloten", "a round is closed");
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE:
        cli_say(cli, "een dossier is compleet", "a case is complete");
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_UNSPECIFIED:
    case _SKP__V1__EVENT_KIND_IS_INT_SIZE:
        return;
    }
}

struct watching {
    struct cli *cli;
    const char *out;
    bool once;
    struct collecting collecting;
    size_t written; /* answers that were new at the last writing */
    bool ever_written;
};

static int write_answers(struct watching *watching)
{
    char path[2 * CONFIG_TEXT_BYTES];
    struct csv_problem problem = {0};
    size_t count = 0;
    size_t answers = watching->collecting.opening.answers;
    if (!watching->out || (watching->ever_written && watching->written == answers))
        return 0;
    int len = snprintf(path, sizeof path, "%s/antwoorden.csv", watching->out);
    if (len < 0 || (size_t)len >= sizeof path)
        return cli_fail(watching->cli, SKP_E_IO, watching->out);
    if (answers_write(&watching->cli->state, path, &count, &problem))
        return cli_fail_file(watching->cli, path, &problem);
    if (answers > watching->written)
        cli_say(watching->cli, "%zu %s", "%zu %s", answers - watching->written,
                cli_noun(watching->cli, answers - watching->written, NOUN_NEW_ANSWER));
    watching->written = answers;
    watching->ever_written = true;
    return 0;
}

static int watch_on(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    int code = 0;
    while (stopped == 0 && code == 0) {
        enum skp_err err = collecting_turn(collecting, TURN_MS);
        if (err)
            return link_failed(&collecting->link, err);
        if (collecting->drained)
            code = write_answers(watching);
    }
    return code;
}

static int watch_once(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    enum skp_err err = collecting_drain(collecting);
    int code = write_answers(watching); /* also what came before it broke off */
    return err ? link_failed(&collecting->link, err) : code;
}

static int run_watch(struct watching *watching)
{
    struct cli *cli = watching->cli;
    struct collecting *collecting = &watching->collecting;
    int code = collecting_open(cli, collecting, on_event);
    if (code == 0)
        code = watching->once ? watch_once(watching) : watch_on(watching);
    cli_put(cli, "answers", (int64_t)collecting->opening.answers);
    cli_put(cli, "events", (int64_t)collecting->opening.events);
    cli_put(cli, "collected", (int64_t)collecting->collected);
    cli_put(cli, "not_collected", (int64_t)collecting->not_collected);
    bool left = collecting->not_collected + collecting->link.problems > 0;
    return code == 0 && left ? EXIT_SOME : code;
}

static int run(struct cli *cli, char **args)
{
    struct watching watching = {.cli = cli};
    struct cli_option options[] = {
        {"--out", &watching.out, NULL}, {"--once", NULL, &watching.once}, {NULL, NULL, NULL}};
    struct sigaction action = {.sa_handler = on_signal};
    if (!cli_parse(cli, args, options, NULL, 0))
        return EXIT_USAGE;
    int code = cli_make_folder(cli, watching.out);
    if (code == 0)
        code = cli_open_state(cli);
    if (code != 0)
        return code;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    code = run_watch(&watching);
    collecting_close(&watching.collecting);
    return code;
}

const struct command command_watch = {
    .words = "counsellor watch",
    .usage = "[--once] [--out DIR]",
    .dutch = "Haalt antwoorden en berichten op; schrijft antwoorden.csv in DIR. --once stopt als "
             "er niets "
             "meer klaarstaat.",
    .english = "Fetches answers and events; writes antwoorden.csv in DIR. --once ends when nothing "
               "is left.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
