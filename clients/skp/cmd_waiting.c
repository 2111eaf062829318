/* skp creditor waiting: is there something to collect, or collected and still to be answered? Looks, and
 * leaves all of it where it is. */
#include "commands.h"

#include "link.h"
#include "unanswered.h"
#include "waiting.h"

#include <stdio.h>

#define LOOK_MESSAGES 512
#define LOOK_BYTES    (32u << 20)
#define MAX_POSITIONS 4096
#define LINGER_MS     300
#define OVERDUE_BYTES 48

struct waiting_command {
    struct cli *cli;
    struct link link;
    struct waiting waiting;
    struct unanswered unanswered; /* collected before */
    uint64_t positions[MAX_POSITIONS];
    size_t position_count;
    uint64_t elsewhere;
    bool drained;
    bool more_behind; /* than was looked at, maybe */
};

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct waiting_command *command = ctx;
    waiting_look(&command->waiting, delivery, checked);
    if (command->waiting.err)
        command->link.err = command->waiting.err;
    if (command->position_count < MAX_POSITIONS)
        command->positions[command->position_count++] = delivery->position;
    bool enough = command->position_count >= LOOK_MESSAGES;
    command->more_behind = command->drained = enough;
}

static void on_drained(void *ctx, uint64_t waiting)
{
    struct waiting_command *command = ctx;
    command->elsewhere = waiting;
    command->drained = true;
    command->more_behind = false;
}

/* ", waarvan 1 te laat"; empty when none is. */
static void print_overdue(const struct cli *cli, size_t count, char text[OVERDUE_BYTES])
{
    text[0] = '\0';
    if (count > 0 && cli->english)
        (void)snprintf(text, OVERDUE_BYTES, ", of which %zu overdue", count);
    else if (count > 0)
        (void)snprintf(text, OVERDUE_BYTES, ", waarvan %zu te laat", count);
}

static void say_lists(const struct cli *cli, const struct waiting *waiting, int days)
{
    char due[CALENDAR_TEXT_BYTES] = "-", overdue[OVERDUE_BYTES];
    size_t asked = waiting->asked.count;
    if (waiting->due != 0)
        calendar_print_dutch(waiting->due, due);
    print_overdue(cli, waiting_overdue(waiting), overdue);
    cli_say(cli, "%zu %s, %zu %s%s, oudste %d %s, antwoord uiterlijk %s",
            "%zu %s, %zu %s%s, oldest %d %s, answer by %s", waiting->lists.count,
            cli_noun(cli, waiting->lists.count, NOUN_LIST), asked,
            cli_noun(cli, asked, NOUN_REQUEST), overdue, days,
            cli_noun(cli, (size_t)days, NOUN_WORKING_DAY), due);
}

static void say_unanswered(const struct cli *cli, const struct unanswered *unanswered)
{
    char due[CALENDAR_TEXT_BYTES] = "-", overdue[OVERDUE_BYTES];
    if (unanswered->due != 0)
        calendar_print_dutch(unanswered->due, due);
    print_overdue(cli, unanswered->overdue, overdue);
    cli_say(cli, "%zu %s opgehaald en nog te beantwoorden%s, antwoord uiterlijk %s",
            "%zu %s collected and still to be answered%s, answer by %s", unanswered->count,
            cli_noun(cli, unanswered->count, NOUN_REQUEST), overdue, due);
}

/* Notices ask nothing, so they are no reason to run collect now. */
static void say_notices(const struct cli *cli, const struct waiting *waiting)
{
    cli_say(cli, "0 lijsten, %zu %s", "0 lists, %zu %s", waiting->messages,
            cli_noun(cli, waiting->messages, NOUN_MESSAGE));
}

static int count_days(const struct waiting *waiting)
{
    if (waiting->oldest_ms == 0 || !calendar_ms_valid(waiting->oldest_ms))
        return 0;
    return calendar_count_working_days(NULL, calendar_date_of_ms(waiting->oldest_ms),
                                       waiting->today);
}

static plain_date earliest(plain_date one, plain_date other)
{
    return one == 0 || (other != 0 && other < one) ? other : one;
}

static void put_numbers(const struct waiting_command *command, int days)
{
    struct cli *cli = command->cli;
    const struct waiting *waiting = &command->waiting;
    const struct unanswered *unanswered = &command->unanswered;
    cli_put(cli, "lists", (int64_t)waiting->lists.count);
    cli_put(cli, "messages", (int64_t)waiting->messages);
    cli_put(cli, "elsewhere", (int64_t)command->elsewhere);
    (void)json_object_set_new(cli->result, "more_behind", json_boolean(command->more_behind));
    cli_put(cli, "requests", (int64_t)waiting->request_count);
    cli_put(cli, "unanswered", (int64_t)unanswered->count);
    cli_put(cli, "overdue", (int64_t)(waiting_overdue(waiting) + unanswered->overdue));
    cli_put(cli, "oldest_working_days", days);
    cli_put(cli, "answer_by_date", earliest(waiting->due, unanswered->due));
}

static int say_waiting(struct waiting_command *command)
{
    struct cli *cli = command->cli;
    const struct waiting *waiting = &command->waiting;
    const struct unanswered *unanswered = &command->unanswered;
    size_t elsewhere = (size_t)command->elsewhere;
    int days = count_days(waiting);
    put_numbers(command, days);
    if (waiting->lists.count > 0)
        say_lists(cli, waiting, days);
    else if (waiting->messages > 0)
        say_notices(cli, waiting);
    else if (elsewhere == 0 && unanswered->count == 0)
        cli_say(cli, "Er wacht niets.", "Nothing is waiting.");
    if (command->more_behind)
        cli_say(cli, "en wat daarachter ligt, is niet bekeken: haal eerst op",
                "and what lies behind was not looked at: collect first");
    if (elsewhere > 0)
        cli_say(cli, "%zu %s bij een andere verbinding", "%zu %s at another session", elsewhere,
                cli_noun(cli, elsewhere, NOUN_MESSAGE));
    if (unanswered->count > 0)
        say_unanswered(cli, unanswered);
    bool some = waiting->lists.count + elsewhere + unanswered->count > 0 || command->more_behind;
    return some ? EXIT_SOME : EXIT_ALL_OK;
}

/* What was looked at is let go again, so that collect gets it at once. */
static enum skp_err let_go(struct waiting_command *command)
{
    struct skp_client *client = command->link.client;
    const char *mailbox = command->cli->settings.mailbox;
    enum skp_err err = skp_fetch(client, mailbox, 0, 0);
    if (!err && command->position_count > 0)
        err = skp_release(client, mailbox, command->positions, command->position_count);
    link_linger(&command->link, LINGER_MS);
    return err;
}

static int run_waiting(struct waiting_command *command)
{
    static const struct link_events events = {.on_delivery = on_delivery, .on_drained = on_drained};
    struct link *link = &command->link;
    int code = link_open(command->cli, link, &events, command);
    if (code != 0)
        return code;
    enum skp_err err = waiting_init(&command->waiting, &link->book);
    command->waiting.today = calendar_date_of_ms(link_now_ms(link));
    if (!err)
        err = link_fetch_directory(link);
    if (!err)
        err = skp_fetch(link->client, command->cli->settings.mailbox, LOOK_MESSAGES, LOOK_BYTES);
    if (!err)
        err = link_wait(link, &command->drained);
    if (!err)
        err = let_go(command);
    if (err)
        return link_failed(link, err);
    waiting_finish(&command->waiting);
    err =
        unanswered_count(&command->cli->state, &link->book, command->waiting.today,
                         &command->waiting.asked, &command->waiting.overdue, &command->unanswered);
    return err ? cli_state_failed(command->cli, err) : say_waiting(command);
}

static int run(struct cli *cli, char **args)
{
    static struct waiting_command command;
    command = (struct waiting_command){.cli = cli};
    struct cli_option options[] = {{NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, NULL, 0);
    if (code != EXIT_ALL_OK)
        return code;
    code = cli_open_state(cli);
    if (code == EXIT_ALL_OK)
        code = run_waiting(&command);
    link_close(&command.link);
    waiting_fini(&command.waiting);
    return code;
}

const struct command command_waiting = {
    .words = "creditor waiting",
    .usage = "",
    .dutch = "Zegt of er iets wacht, opgehaald of niet: code 0 niets te beantwoorden, 1 wel, of "
             "berichten bij een andere verbinding of achter de 512 die het bekijkt (in JSON: "
             "more_behind).",
    .english = "Says whether something waits, collected or not: exit code 0 nothing to answer, 1 "
               "something, or messages at another session or behind the 512 it looks at (in "
               "JSON: more_behind).",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_CREDITOR,
    .run = run,
};
