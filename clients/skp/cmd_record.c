/* skp counsellor record-answer: what came back on paper. */
#include "commands.h"

#include "link.h"
#include "map.h"
#include "matching.h"
#include "outbox.h"
#include "recording.h"
#include "register_plan.h"
#include "results.h"

#define FILE_MAX_BYTES ((size_t)256 << 20)
#define BATCH_LINES    1000
#define MAX_REQUESTS   ((size_t)1 << 24)

struct record_command {
    struct cli *cli;
    const char *file, *result;
    struct arena arena;
    struct link link;
    struct addressee broker;
    struct draft draft;
    struct csv_problems problems;
    struct results results;
    struct map seen; /* requests that rows of this file were taken for -> the line of it */
    bool brands;     /* the file has the column Merk */
    bool broke_off;  /* the file could not be read to its end */
};

/* The request a row is about (it went by letter, or could not be read and does so now), and what was
 * recorded for it before. */
struct off_network {
    struct skp_id request_id, case_id;
    size_t found;
    bool brands_differ;
    bool brand_too;   /* it was for no brand, and there is one for a brand */
    bool ambiguous;   /* whose it is was never settled, so the broker does not know it */
    uint32_t version; /* stored, or on its way from another run; 0: none */
    int stage;        /* of that one */
    int outcome, consent;
    int64_t total_cents;
    plain_date received_date;
};

static void find_letters(struct state_db *db, const struct record_row *row, bool any_brand,
                         struct off_network *found)
{
    char key[MATCHING_KEY_BYTES];
    matching_key(row->creditor, key);
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT r.request_id, r.case_id, r.route,"
                  " min(r.brand) OVER () <> max(r.brand) OVER ()"
                  " FROM request AS r JOIN case_file AS c USING (case_id)"
                  " WHERE c.dossier = ?1 AND r.name_key = ?2 AND (?4 OR r.brand = ?3)"
                  " AND (r.route IN (2, 3) OR EXISTS (SELECT 1 FROM reseal AS s WHERE s.request_id "
                  "= r.request_id"
                  "  AND s.bundle_id = r.bundle_id AND s.stage IN (0, 3)))",
                  "ttti", row->dossier, key, row->brand, (int64_t)any_brand);
    while (state_next(db, rows)) {
        found->request_id = state_id(rows, 0);
        found->case_id = state_id(rows, 1);
        found->ambiguous = sqlite3_column_int(rows, 2) == ROUTE_AMBIGUOUS;
        found->brands_differ = sqlite3_column_int(rows, 3) != 0;
        found->found++;
    }
}

/* An empty brand is that of the letter that was for none, where there is one; else it says nothing, as where the file
 * has no column for it. */
static void find_letter(const struct record_command *command, const struct record_row *row,
                        struct off_network *found)
{
    struct state_db *db = &command->cli->state;
    struct off_network any = {0};
    if (command->brands)
        find_letters(db, row, false, found);
    if (row->brand[0] != '\0')
        return;
    find_letters(db, row, true, &any);
    found->brand_too = any.brands_differ;
    if (found->found == 0)
        *found = any;
}

static void find_request(const struct record_command *command, const struct record_row *row,
                         struct off_network *found)
{
    struct state_db *db = &command->cli->state;
    find_letter(command, row, found);
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT version, outcome, consent, total_cents, received_date, stage"
                  " FROM recorded WHERE request_id = ? AND stage IN (1, 2)"
                  " ORDER BY version DESC LIMIT 1",
                  "d", &found->request_id);
    while (state_next(db, rows)) {
        found->version = (uint32_t)sqlite3_column_int64(rows, 0);
        found->outcome = sqlite3_column_int(rows, 1);
        found->consent = sqlite3_column_int(rows, 2);
        found->total_cents = sqlite3_column_int64(rows, 3);
        found->received_date = sqlite3_column_int(rows, 4);
        found->stage = sqlite3_column_int(rows, 5);
    }
}

static bool said_before(const struct off_network *found, const struct record_row *row)
{
    int64_t cents = row->total_cents == CSV_NO_AMOUNT ? 0 : row->total_cents;
    return found->version > 0 && found->outcome == row->outcome && found->consent == row->consent &&
           found->total_cents == cents && found->received_date == row->received_date;
}

static enum skp_err add_result(struct record_command *command, const struct record_row *row,
                               const struct skp_id *request_id, bool brand_too,
                               enum result_status status, struct csv_problem problem)
{
    problem.line = row->line;
    struct result_row result = {.line = (uint32_t)row->line,
                                .dossier = row->dossier,
                                .creditor = row->creditor,
                                .status = (int)status,
                                .problem = problem,
                                .brand_too = brand_too,
                                .request_id = *request_id};
    return results_add(&command->results, &result);
}

static enum skp_err note(struct record_command *command, const struct record_row *row,
                         const struct skp_id *request_id, enum result_status status,
                         enum skp_err err, const char *column)
{
    return add_result(command, row, request_id, false, status,
                      (struct csv_problem){.err = err, .column = err ? column : NULL});
}

static enum skp_err note_taken(struct record_command *command, const struct record_row *row,
                               const struct off_network *found, enum result_status status)
{
    enum skp_err err = map_put_index(&command->seen, found->request_id.bytes, row->line);
    return err ? err
               : add_result(command, row, &found->request_id, found->brand_too, status,
                            (struct csv_problem){0});
}

/* The first that is taken counts; that it is about the same letter need not show, where one names the brand and one does
 * not. */
static enum skp_err note_double(struct record_command *command, const struct record_row *row,
                                const struct off_network *found, size_t first)
{
    return add_result(command, row, &found->request_id, false, RESULT_REFUSED,
                      (struct csv_problem){.err = SKP_E_DUPLICATE_ITEM,
                                           .column = found->brand_too ? "Merk" : NULL,
                                           .other_line = first});
}

static enum skp_err say_row(struct record_command *command, const struct record_row *row,
                            const struct off_network *found)
{
    const char *column = NULL;
    Skp__V1__Line *line = NULL;
    uint32_t version = found->version + 1;
    enum skp_err err = recording_build(row, &found->request_id, &found->case_id, version,
                                       &command->arena, &line, &column);
    if (err == SKP_E_NO_MEMORY)
        return err;
    if (err)
        return note(command, row, &found->request_id, RESULT_REFUSED, err, column);
    const Skp__V1__RecordedAnswerFact *fact = line->recorded;
    state_run(&command->cli->state, "INSERT OR REPLACE INTO recorded VALUES (?,?,1,0,?,?,?,?)",
              "diiiii", &found->request_id, (int64_t)version, (int64_t)fact->outcome,
              (int64_t)fact->consent, fact->total_cents, (int64_t)fact->received_date);
    draft_add(&command->draft, &command->broker, line, span_of("", 0), version);
    return note_taken(command, row, found, RESULT_REGISTERED);
}

static enum skp_err take_row(struct record_command *command, const struct record_row *row)
{
    struct off_network found = {0};
    find_request(command, row, &found);
    if (found.found == 0)
        return note(command, row, &found.request_id, RESULT_REFUSED, SKP_E_REQUEST_UNKNOWN,
                    "Schuldeiser");
    if (found.brands_differ)
        return note(command, row, &(struct skp_id){{0}}, RESULT_AMBIGUOUS, SKP_E_REQUIRED, "Merk");
    if (found.found > 1 || found.ambiguous)
        return note(command, row, &(struct skp_id){{0}}, RESULT_AMBIGUOUS, SKP_E_CREDITOR_AMBIGUOUS,
                    "Schuldeiser");
    size_t first;
    if (map_find_index(&command->seen, found.request_id.bytes, &first))
        return note_double(command, row, &found, first);
    if (said_before(&found, row)) /* of what is on its way, its receipt says what became of it */
        return note_taken(command, row, &found,
                          found.stage == STAGE_SENT ? RESULT_REGISTERED : RESULT_UNCHANGED);
    if (found.stage == STAGE_SENT)
        return note(command, row, &found.request_id, RESULT_REFUSED, SKP_E_CONFLICT, NULL);
    return say_row(command, row, &found);
}

static enum skp_err flush(struct record_command *command)
{
    struct skp_client *client = command->link.client;
    struct envelope_batch batch;
    if (command->draft.count == 0)
        return SKP_OK;
    int64_t now_ms = skp_now_ms(client);
    enum skp_err err =
        draft_sign(&command->draft, skp_self(client), skp_signer(client), now_ms, &batch);
    if (!err)
        outbox_put(&command->cli->state, &command->draft, &batch, now_ms);
    return err ? err : draft_init(&command->draft, &command->arena);
}

static enum skp_err take_rows(struct record_command *command, struct csv_reader *reader)
{
    struct csv_row found;
    enum skp_err err = SKP_OK;
    while (!err && csv_reader_next(reader, &found)) {
        struct record_row row = {.line = found.line};
        bool good = false;
        command->broke_off = found.err == SKP_E_IO;
        if (command->broke_off)
            return SKP_E_IO;
        if (found.err) {
            struct csv_problem problem = {.line = found.line, .err = found.err};
            err = csv_problems_add(&command->problems, problem);
            continue;
        }
        err = csv_record_read(record_fields, RECORD_FIELDS, found.cells, found.line,
                              &command->problems, &row, &good);
        if (!err && good)
            err = csv_record_keep(record_fields, RECORD_FIELDS, &command->arena, &row);
        if (!err && good)
            err = take_row(command, &row);
        if (!err && command->draft.count >= BATCH_LINES)
            err = flush(command);
    }
    return err;
}

static enum skp_err take_file(struct record_command *command, struct csv_reader *reader)
{
    struct state_db *db = &command->cli->state;
    command->problems.arena = &command->arena;
    enum skp_err err = draft_init(&command->draft, &command->arena);
    if (!err)
        err = map_init(&command->seen, ID_BYTES, 64, MAX_REQUESTS);
    state_begin(db);
    if (!err)
        err = take_rows(command, reader);
    if (!err)
        err = flush(command);
    if (!err)
        err = results_add_problems(&command->results, &command->problems);
    if (err) {
        state_rollback(db);
        return err;
    }
    return state_commit(db);
}

static int connect_and_clear(struct record_command *command)
{
    int code = cli_open_state(command->cli);
    if (code == 0)
        code = link_open(command->cli, &command->link, NULL, NULL);
    if (code != 0)
        return code;
    command->broker = link_broker(&command->link);
    enum skp_err err = link_send_outbox(&command->link);
    return err ? link_failed(&command->link, err) : 0;
}

static int run_record(struct record_command *command)
{
    struct cli *cli = command->cli;
    struct csv_column columns[RECORD_FIELDS];
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_record_columns(record_fields, RECORD_FIELDS, columns);
    if (csv_reader_open(command->file, columns, RECORD_FIELDS, &reader, &problem))
        return cli_fail_file(cli, command->file, &problem);
    command->brands = csv_reader_has(reader, RECORD_BRAND);
    int code = connect_and_clear(command);
    enum skp_err err = code == 0 ? take_file(command, reader) : SKP_OK;
    csv_reader_free(reader);
    if (code != 0)
        return code;
    if (err && command->broke_off)
        return cli_fail_file(cli, command->file, &(struct csv_problem){.err = err});
    if (err)
        return cli_state_failed(cli, err);
    enum skp_err sent = link_send_outbox(&command->link);
    results_settle(&command->results, &cli->state,
                   "SELECT stage, err FROM recorded WHERE request_id = ?"
                   " ORDER BY version DESC LIMIT 1");
    err = results_name_rows(&command->results, command->file, "Dossier", "Schuldeiser",
                            &command->arena);
    if (err)
        return cli_fail(cli, err, command->file);
    code = results_finish(cli, &command->results);
    return sent ? link_failed(&command->link, sent) : code;
}

static int run(struct cli *cli, char **args)
{
    struct record_command command = {.cli = cli};
    struct cli_option options[] = {{"--result", &command.result, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, &command.file, 1);
    if (code != EXIT_ALL_OK)
        return code;
    arena_init(&command.arena, FILE_MAX_BYTES);
    code = results_open(cli, &command.results, command.result, &command.file, 1);
    if (code == 0)
        code = run_record(&command);
    results_fini(&command.results);
    map_fini(&command.seen);
    link_close(&command.link);
    arena_fini(&command.arena);
    return code;
}

const struct command command_record = {
    .words = "counsellor record-answer",
    .usage = "FILE.csv [--result RESULT.csv]",
    .dutch = "Legt antwoorden vast die per brief kwamen.",
    .english = "Records answers that came by letter.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_COUNSELLOR,
    .run = run,
};
