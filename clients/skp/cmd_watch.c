/* skp counsellor watch: answers and events, as they come. */
#include "commands.h"

#include "answers_write.h"
#include "calendar.h"
#include "collecting.h"
#include "resealing.h"
#include "targets.h"

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
    case SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED:
        cli_say(cli, "opnieuw versturen nodig: %s, %zu %s", "to be sealed again: %s, %zu %s", other,
                count, requests);
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
    size_t written;                    /* answers that were new at the last writing */
    int64_t resealed_before, resealed; /* with the broker */
    size_t left;
    bool tried; /* to seal again, when there were */
    size_t tried_at;
    bool unsent;    /* what was sealed may still be in the outbox */
    uint64_t heard; /* up to where it was looked for what must be sealed again */
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
        return cli_fail_export(watching->cli, path, &problem);
    if (answers > watching->written)
        cli_say(watching->cli, "%zu %s", "%zu %s", answers - watching->written,
                cli_noun(watching->cli, answers - watching->written, NOUN_NEW_ANSWER));
    watching->written = answers;
    watching->ever_written = true;
    return 0;
}

/* ---------------------------------------------------------------- sealed again */

static void on_left(void *ctx, const struct skp_oin *creditor, const struct skp_id *request_id,
                    enum skp_err err)
{
    struct watching *watching = ctx;
    const struct cli *cli = watching->cli;
    char id[ID_TEXT_BYTES], label[BOOK_LABEL_BYTES];
    id_print(request_id, id);
    (void)book_label(&watching->collecting.link.book, creditor->text, label);
    watching->left++;
    if (err == SKP_E_UNSEAL)
        cli_warn(cli,
                 "Saldoverzoek %s is %d keer opnieuw verstuurd en nog steeds onleesbaar voor %s. "
                 "Bel de schuldeiser; het staat nu bij de brieven.",
                 "Request %s was sealed again %d times and is still unreadable for %s. Call the "
                 "creditor; it stands among the letters now.",
                 id, RESEAL_TIMES, label);
    else
        cli_warn(cli, "Saldoverzoek %s voor %s is niet opnieuw verstuurd: %s",
                 "Request %s to %s was not sealed again: %s", id, label,
                 cli->english ? skp_error(err)->sentence : skp_error(err)->dutch);
}

static enum skp_err seal_for(struct watching *watching, struct targets *targets)
{
    struct link *link = &watching->collecting.link;
    struct resealing resealing = {.db = &watching->cli->state,
                                  .book = &link->book,
                                  .identity = {.self = *skp_self(link->client),
                                               .broker = link_broker(link),
                                               .signer = skp_signer(link->client),
                                               .now_ms = skp_now_ms(link->client)},
                                  .target = targets_find,
                                  .ctx = targets,
                                  .on_left = on_left,
                                  .left_ctx = watching};
    return resealing_run(&resealing);
}

/* The directory is fetched again: who could not read it may have published new certificates. */
static enum skp_err seal_again(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    struct targets targets;
    size_t unreadable = collecting->opening.unreadable;
    enum skp_err err = targets_init(&targets, &collecting->link);
    if (!err)
        err = collecting_refresh(collecting);
    if (!err)
        err = seal_for(watching, &targets);
    targets_fini(&targets);
    watching->tried = !err;
    watching->tried_at = unreadable;
    return err;
}

/* What could not be sealed is tried again when something new comes, and at the next run. */
static bool is_tried(const struct watching *watching)
{
    return watching->tried && watching->tried_at == watching->collecting.opening.unreadable;
}

/* What is under way does not leave twice. */
static bool is_due(const struct watching *watching)
{
    const struct link *link = &watching->collecting.link;
    return link->settled == link->sent && (watching->unsent || !is_tried(watching)) &&
           resealing_waits(&watching->cli->state);
}

static enum skp_err send_again(struct watching *watching)
{
    enum skp_err err = is_tried(watching) ? SKP_OK : seal_again(watching);
    if (err)
        return err;
    err = collecting_send(&watching->collecting);
    watching->unsent = err != SKP_OK;
    return err;
}

static int64_t count_resealed(const struct watching *watching)
{
    return state_number(&watching->cli->state, 0, "SELECT count(*) FROM reseal WHERE stage = 2",
                        "") -
           watching->resealed_before;
}

static void tell_resealed(struct watching *watching)
{
    int64_t more = count_resealed(watching) - watching->resealed;
    if (more <= 0)
        return;
    cli_say(watching->cli, "opnieuw verstuurd: %zu %s", "sealed again: %zu %s", (size_t)more,
            cli_noun(watching->cli, (size_t)more, NOUN_REQUEST));
    watching->resealed += more;
}

/* A broker that is away is not tried, until it is back and has said that the mailbox is empty. */
static int reseal(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    enum skp_err err = is_due(watching) ? send_again(watching) : SKP_OK;
    if (err == SKP_E_NOT_CONNECTED && !watching->once)
        err = collecting_ask_again(collecting);
    tell_resealed(watching);
    return err ? link_failed(&collecting->link, err) : 0;
}

/* ---------------------------------------------------------------- watching */

/* Also a report and a session that came back. What another process of ours took in and left undone waits until
 * something is heard here. */
static bool has_news(struct watching *watching)
{
    uint64_t heard = watching->collecting.link.heard;
    bool news = heard != watching->heard;
    watching->heard = heard;
    return news;
}

/* Only here do signals end it in good order; anywhere else they end it at once. */
static int watch_on(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    struct sigaction action = {.sa_handler = on_signal};
    int code = 0;
    stopped = 0;
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    while (stopped == 0 && code == 0) {
        enum skp_err err = collecting_reload(collecting);
        if (!err)
            err = collecting_turn(collecting, TURN_MS);
        if (err)
            return link_failed(&collecting->link, err);
        if (collecting->drained)
            code = write_answers(watching);
        if (code == 0 && collecting->drained && has_news(watching))
            code = reseal(watching);
        (void)fflush(stdout); /* what was said is for now, also through a pipe */
    }
    return code;
}

static int watch_once(struct watching *watching)
{
    struct collecting *collecting = &watching->collecting;
    enum skp_err err = collecting_drain(collecting);
    int code = write_answers(watching); /* also what came before it broke off */
    if (err)
        return link_failed(&collecting->link, err);
    if (code == 0)
        code = reseal(watching);
    if (code != 0 || watching->resealed == 0)
        return code;
    err = collecting_drain_again(collecting);
    code = write_answers(watching);
    return err ? link_failed(&collecting->link, err) : code;
}

static int run_watch(struct watching *watching)
{
    struct cli *cli = watching->cli;
    struct collecting *collecting = &watching->collecting;
    watching->resealed_before = count_resealed(watching);
    int code = collecting_open(cli, collecting, on_event);
    if (code == 0)
        code = watching->once ? watch_once(watching) : watch_on(watching);
    cli_put(cli, "answers", (int64_t)collecting->opening.answers);
    cli_put(cli, "events", (int64_t)collecting->opening.events);
    cli_put(cli, "collected", (int64_t)collecting->collected);
    cli_put(cli, "not_collected", (int64_t)collecting->not_collected);
    cli_put(cli, "resealed", watching->resealed);
    bool left = watching->left + collecting->not_collected + collecting->link.problems > 0;
    return code == 0 && left ? EXIT_SOME : code;
}

static int run(struct cli *cli, char **args)
{
    struct watching watching = {.cli = cli};
    struct cli_option options[] = {
        {"--out", &watching.out, NULL}, {"--once", NULL, &watching.once}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    code = cli_make_folder(cli, watching.out);
    if (code == 0)
        code = cli_open_state(cli);
    if (code != 0)
        return code;
    code = run_watch(&watching);
    collecting_close(&watching.collecting);
    return code;
}

const struct command command_watch = {
    .words = "counsellor watch",
    .usage = "[--once] [--out DIR]",
    .dutch =
        "Haalt antwoorden en berichten op; schrijft antwoorden.csv in DIR. Wat een schuldeiser "
        "niet kon lezen, wordt opnieuw verstuurd. --once stopt als er niets meer klaarstaat.",
    .english =
        "Fetches answers and events; writes antwoorden.csv in DIR. What a creditor could not "
        "read is sealed again. --once ends when nothing is left.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
