/* skp counsellor creditors: whom does one's own relation list mean? */
#include "commands.h"

#include "link.h"
#include "matching.h"

#include <string.h>

enum { COLUMN_NAME, COLUMN_OIN, COLUMN_COUNT };
enum { OUT_LINE, OUT_NAME, OUT_MATCH, OUT_OIN, OUT_COUNT };

struct matching_command {
    struct cli *cli;
    const char *file, *out;
    struct link link;
    struct csv_reader *reader;
    struct csv_writer *writer;
    size_t counts[MATCH_NOT_FOUND + 1];
    size_t bad_rows;
};

/* What became of a row: in the file, on the screen in English, in JSON. */
struct outcome {
    const char *dutch, *english, *name;
};

static const struct outcome outcomes[] = {
    [MATCH_FOUND] = {"gevonden", "found", "FOUND"},
    [MATCH_AMBIGUOUS] = {"niet eenduidig", "ambiguous", "AMBIGUOUS"},
    [MATCH_NOT_FOUND] = {"niet gevonden", "not found", "NOT_FOUND"},
};
static const struct outcome unreadable = {"niet leesbaar", "unreadable", "UNREADABLE"};

/* Names go to the file only: a creditor may be a private person. */
static void put_row(struct matching_command *command, const struct csv_row *row,
                    const struct outcome *outcome, const char *oin)
{
    char line[24];
    (void)snprintf(line, sizeof line, "%lu", row->line);
    cli_say(command->cli, "regel %s: %s %s", "line %s: %s %s", line,
            command->cli->english ? outcome->english : outcome->dutch, oin);
    (void)json_array_append_new(json_object_get(command->cli->result, "rows"),
                                json_pack("{s:I, s:s, s:s}", "line", (json_int_t)row->line,
                                          "outcome", outcome->name, "oin", oin));
    if (!command->writer)
        return;
    csv_writer_plain(command->writer, line);
    csv_writer_text(command->writer, row->err ? "" : row->cells[COLUMN_NAME]);
    csv_writer_plain(command->writer, outcome->dutch);
    csv_writer_text(command->writer, oin);
    csv_writer_end_row(command->writer);
}

/* Empty is an OIN not given. */
static bool read_oin(const char *cell, struct skp_oin *ret_oin)
{
    struct span text = span_text(cell + strspn(cell, " "));
    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    return text.len == 0 || oin_take(text, ret_oin);
}

static void match_row(struct matching_command *command, const struct csv_row *row)
{
    const Skp__V1__DirectoryEntry *entry = NULL;
    struct skp_oin oin = {""};
    if (row->err || !read_oin(row->cells[COLUMN_OIN], &oin)) {
        command->bad_rows++;
        put_row(command, row, &unreadable, "");
        return;
    }
    enum match match = matching_find(&command->link.book, row->cells[COLUMN_NAME], &oin, &entry);
    command->counts[match]++;
    put_row(command, row, &outcomes[match], entry ? entry->oin : "");
}

static int open_files(struct matching_command *command)
{
    static const struct csv_column in[COLUMN_COUNT] = {{"Schuldeiser", true},
                                                       {"SchuldeiserOIN", false}};
    static const struct csv_column out[OUT_COUNT] = {
        {"Regel", true}, {"Schuldeiser", true}, {"Uitkomst", true}, {"SchuldeiserOIN", true}};
    struct csv_problem problem = {0};
    int code = cli_check_output(command->cli, command->out, &command->file, 1);
    if (code != 0)
        return code;
    if (csv_reader_open(command->file, in, COLUMN_COUNT, &command->reader, &problem))
        return cli_fail_file(command->cli, command->file, &problem);
    if (command->out && csv_writer_open(command->out, out, OUT_COUNT, &command->writer, &problem))
        return cli_fail_file(command->cli, command->out, &problem);
    return 0;
}

/* A list that broke off midway is no list: OUT.csv would look whole. */
static int match_rows(struct matching_command *command)
{
    struct csv_row row;
    while (csv_reader_next(command->reader, &row)) {
        struct csv_problem problem = {.err = row.err};
        if (row.err == SKP_E_IO)
            return cli_fail_file(command->cli, command->file, &problem);
        match_row(command, &row);
    }
    return 0;
}

static int run_matching(struct matching_command *command)
{
    struct cli *cli = command->cli;
    struct csv_problem problem = {0};
    int code = open_files(command);
    if (code == 0)
        code = link_open(cli, &command->link, NULL, NULL);
    if (code != 0)
        return code;
    enum skp_err err = link_fetch_directory(&command->link);
    if (err)
        return link_failed(&command->link, err);
    if (command->writer)
        state_mark_file(&cli->state, command->writer);
    (void)json_object_set_new(cli->result, "rows", json_array());
    code = match_rows(command);
    if (code != 0)
        return code;
    if (command->writer && csv_writer_close(command->writer, &problem))
        code = cli_fail_file(cli, command->out, &problem);
    command->writer = NULL;
    cli_put(cli, "found", (int64_t)command->counts[MATCH_FOUND]);
    cli_put(cli, "ambiguous", (int64_t)command->counts[MATCH_AMBIGUOUS]);
    cli_put(cli, "not_found", (int64_t)command->counts[MATCH_NOT_FOUND]);
    cli_say(cli, "%zu gevonden, %zu niet eenduidig, %zu niet gevonden",
            "%zu found, %zu ambiguous, %zu not found", command->counts[MATCH_FOUND],
            command->counts[MATCH_AMBIGUOUS], command->counts[MATCH_NOT_FOUND]);
    bool some = command->counts[MATCH_AMBIGUOUS] + command->bad_rows > 0;
    return code != 0 ? code : some ? EXIT_SOME : EXIT_ALL_OK;
}

static int run(struct cli *cli, char **args)
{
    struct matching_command command = {.cli = cli};
    struct cli_option options[] = {{"--out", &command.out, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, &command.file, 1);
    if (code != EXIT_ALL_OK)
        return code;
    code = run_matching(&command);
    csv_writer_abandon(command.writer);
    if (command.reader)
        csv_reader_free(command.reader);
    link_close(&command.link);
    return code;
}

const struct command command_creditors = {
    .words = "counsellor creditors",
    .usage = "FILE.csv [--out OUT.csv]",
    .dutch = "Zoekt de namen uit de eigen relatielijst op (kolom Schuldeiser).",
    .english = "Looks up the names of one's own relation list (column Schuldeiser).",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
