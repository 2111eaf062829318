/* skp creditor waiting: is there something to collect? Looks, and leaves all of it where it is. */
#include "commands.h"

#include "fact.h"
#include "link.h"
#include "lists_write.h"
#include "map.h"

#define LOOK_MESSAGES 512
#define LOOK_BYTES    (32u << 20)
#define ARENA_BYTES   ((size_t)8 << 20)
#define MAX_POSITIONS 4096
#define LINGER_MS     300

struct waiting_command {
    struct cli *cli;
    struct link link;
    struct map lists;     /* counsellors and rounds */
    struct map in_rounds; /* requests that an overview names */
    uint64_t positions[MAX_POSITIONS];
    size_t position_count;
    size_t requests;
    int64_t oldest_ms;
    plain_date due;
    uint64_t elsewhere;
    bool drained;
};

static void earlier_due(struct waiting_command *command, plain_date due)
{
    if (due != 0 && (command->due == 0 || due < command->due))
        command->due = due;
}

/* A counsellor and a round are each one list; both kinds share the map, padded to 20 characters. */
static void note_list(struct waiting_command *command, struct span name)
{
    uint8_t key[OIN_CHARS] = {0};
    memcpy(key, name.data, name.len < sizeof key ? name.len : sizeof key);
    if (map_put(&command->lists, key, command))
        command->link.err = SKP_E_NO_MEMORY;
}

static void look_at_request(struct waiting_command *command, const Skp__V1__Delivery *delivery,
                            const struct envelope_delivery *checked,
                            const Skp__V1__RequestFact *fact)
{
    command->requests++;
    if (map_has(&command->in_rounds, fact->request_id.data))
        return;
    const Skp__V1__DirectoryEntry *entry =
        book_find(&command->link.book, checked->header.sender.text);
    struct book_scope scope = {
        .product = (int)fact->product, .guidance = (int)fact->guidance, .brand = fact->brand};
    for (size_t i = 0; i < fact->n_claims; i++)
        scope.kinds |= 1U << (unsigned)fact->claims[i]->kind;
    plain_date today = calendar_date_of_ms(link_now_ms(&command->link));
    note_list(command, span_text(checked->header.sender.text));
    earlier_due(command, lists_due_date(entry ? book_agreement(entry, &scope, today) : NULL,
                                        fact->urgent, delivery->stored_at_ms));
}

static void look_at_overview(struct waiting_command *command, const Skp__V1__OverviewFact *fact)
{
    note_list(command, span_of(fact->round_id.data, fact->round_id.len));
    for (size_t i = 0; i < fact->n_items; i++) {
        earlier_due(command, fact->items[i]->due_date);
        if (map_put(&command->in_rounds, fact->items[i]->request_id.data, command))
            command->link.err = SKP_E_NO_MEMORY;
    }
}

static void look_at_lines(struct waiting_command *command, const Skp__V1__Delivery *delivery,
                          const struct envelope_delivery *checked)
{
    struct arena arena;
    char path[WIRE_PATH_MAX];
    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < checked->bundle->n_lines; i++) {
        Skp__V1__Line *line = NULL;
        struct span bytes = wire_span(checked->bundle->lines[i]);
        arena_reset(&arena);
        if (bytes.len == 0 || fact_read(bytes, &arena, path, &line))
            continue;
        if (line->fact_case == SKP__V1__LINE__FACT_REQUEST)
            look_at_request(command, delivery, checked, line->request);
        else if (line->fact_case == SKP__V1__LINE__FACT_OVERVIEW)
            look_at_overview(command, line->overview);
    }
    arena_fini(&arena);
}

static void on_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                        const struct envelope_delivery *checked)
{
    struct waiting_command *command = ctx;
    if (command->oldest_ms == 0 || delivery->stored_at_ms < command->oldest_ms)
        command->oldest_ms = delivery->stored_at_ms;
    look_at_lines(command, delivery, checked);
    if (command->position_count < MAX_POSITIONS)
        command->positions[command->position_count++] = delivery->position;
    command->drained = command->position_count >= LOOK_MESSAGES; /* enough seen */
}

static void on_drained(void *ctx, uint64_t waiting)
{
    struct waiting_command *command = ctx;
    command->elsewhere = waiting;
    command->drained = true;
}

static int say_waiting(struct waiting_command *command)
{
    struct cli *cli = command->cli;
    char due[CALENDAR_TEXT_BYTES] = "-";
    size_t lists = command->lists.count;
    plain_date today = calendar_date_of_ms(link_now_ms(&command->link));
    int days =
        command->oldest_ms == 0 || !calendar_ms_valid(command->oldest_ms)
            ? 0
            : calendar_count_working_days(NULL, calendar_date_of_ms(command->oldest_ms), today);
    if (command->due != 0)
        calendar_print_dutch(command->due, due);
    cli_put(cli, "lists", (int64_t)lists);
    cli_put(cli, "messages", (int64_t)command->position_count);
    cli_put(cli, "requests", (int64_t)command->requests);
    cli_put(cli, "oldest_working_days", days);
    cli_put(cli, "answer_by_date", command->due);
    if (command->position_count == 0 && command->elsewhere == 0) {
        cli_say(cli, "Er wacht niets.", "Nothing is waiting.");
        return EXIT_ALL_OK;
    }
    cli_say(cli, "%zu lijsten, oudste %d werkdagen, antwoord uiterlijk %s",
            "%zu lists, oldest %d working days, answer by %s", lists, days, due);
    return EXIT_SOME;
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
    if (map_init(&command->lists, OIN_CHARS, 64, 1 << 20) ||
        map_init(&command->in_rounds, ID_BYTES, 1024, 1 << 24))
        return cli_fail(command->cli, SKP_E_NO_MEMORY, "");
    int code = link_open(command->cli, link, &events, command);
    if (code != 0)
        return code;
    enum skp_err err = link_fetch_directory(link);
    if (!err)
        err = skp_fetch(link->client, command->cli->settings.mailbox, LOOK_MESSAGES, LOOK_BYTES);
    if (!err)
        err = link_wait(link, &command->drained);
    if (!err)
        err = let_go(command);
    return err ? link_failed(link, err) : say_waiting(command);
}

static int run(struct cli *cli, char **args)
{
    static struct waiting_command command;
    command = (struct waiting_command){.cli = cli};
    struct cli_option options[] = {{NULL, NULL, NULL}};
    if (!cli_parse(cli, args, options, NULL, 0))
        return EXIT_USAGE;
    int code = run_waiting(&command);
    link_close(&command.link);
    map_fini(&command.lists);
    map_fini(&command.in_rounds);
    return code;
}

const struct command command_waiting = {
    .words = "creditor waiting",
    .usage = "",
    .dutch = "Zegt of er iets wacht: code 0 niets, 1 wel.",
    .english = "Says whether something waits: exit code 0 nothing, 1 something.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_CREDITOR,
    .run = run,
};
