/* skp creditor answer: a filled-in saldolijst back to the counsellors. */
#include "commands.h"

#include "outbox.h"
#include "questions.h"
#include "results.h"
#include "targets.h"
#include "wire.h"

#define FILE_MAX_BYTES  ((size_t)1 << 30)
#define BATCH_MAX_ARENA ((size_t)128 << 20)

struct answer_command {
    struct cli *cli;
    const char *file, *result;
    int correction; /* --reason */
    struct arena arena;
    struct list_answers answers;
    struct link link;
    struct targets targets;
    struct results results;
    struct arena batch_arena;
    struct draft draft;
};

/* What became of a request before anything was sent. */
static enum skp_err note(struct answer_command *command, const struct list_request *given,
                         enum result_status status, struct csv_problem problem)
{
    struct result_row row = {.line = (uint32_t)(problem.line > 0 ? problem.line : given->line),
                             .dossier = "",
                             .creditor = "",
                             .status = (int)status,
                             .problem = problem,
                             .request_id = given->request_id};
    return results_add(&command->results, &row);
}

static enum skp_err note_refused(struct answer_command *command, const struct list_request *given,
                                 enum skp_err err)
{
    struct csv_problem problem = {.line = given->line, .err = err};
    return note(command, given, RESULT_REFUSED, problem);
}

/* ---------------------------------------------------------------- signing */

static enum skp_err flush(struct answer_command *command)
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
    arena_reset(&command->batch_arena);
    return err ? err : draft_init(&command->draft, &command->batch_arena);
}

static void remember(struct answer_command *command, const struct question *question,
                     const struct built_answer *built)
{
    if (built->line->answer->outcome == SKP__V1__OUTCOME__OUTCOME_UNREADABLE) {
        state_run(&command->cli->state, "UPDATE question SET returned = 1 WHERE request_id = ?",
                  "d", &question->request_id);
        return;
    }
    state_run(&command->cli->state,
              "UPDATE question SET returned = 0, returned_err = 0 WHERE request_id = ?", "d",
              &question->request_id);
    /* The commitment is written while signing; what counts here is what was said. */
    struct span fact = wire_pack(&built->line->base, &command->arena);
    if (!fact.data)
        command->cli->state.err = SKP_E_NO_MEMORY;
    state_run(&command->cli->state, "INSERT OR REPLACE INTO answer_out VALUES (?,?,1,0,?,?,?)",
              "dihbb", &question->request_id, (int64_t)built->line->answer->version,
              &built->fingerprint, fact, built->part);
}

static enum skp_err send_built(struct answer_command *command, const struct question *question,
                               const struct target *target, const struct built_answer *built)
{
    size_t bytes = draft_line_bytes(built->line, built->part);
    if (!draft_has_room(&command->draft, 1, bytes)) {
        enum skp_err err = flush(command);
        if (err)
            return err;
    }
    remember(command, question, built);
    draft_add(&command->draft, &target->to, built->line, built->part, built->line->answer->version);
    return SKP_OK;
}

/* ---------------------------------------------------------------- one request */

/* Whether another run has an answer on its way; *ret_same: this very one. UNREADABLE is kept without a fingerprint. */
static bool is_under_way(struct answer_command *command, const struct question *question,
                         const struct built_answer *built, bool *ret_same)
{
    struct state_db *db = &command->cli->state;
    bool found = false;
    sqlite3_stmt *row =
        state_ask(db,
                  "SELECT fingerprint FROM answer_out WHERE request_id = ?1 AND stage = 1"
                  " UNION ALL SELECT x'' FROM question WHERE request_id = ?1 AND returned = 1",
                  "d", &question->request_id);
    while (state_next(db, row)) {
        struct skp_hash sent = state_hash(row, 0);
        bool unreadable = built->line->answer->outcome == SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
        found = true;
        *ret_same =
            sqlite3_column_bytes(row, 0) == 0 ? unreadable : hash_equal(&sent, &built->fingerprint);
    }
    return found;
}

static enum skp_err build(struct answer_command *command, const struct list_request *given,
                          const struct question *question)
{
    struct built_answer built;
    struct csv_problem problem;
    struct target *target = NULL;
    bool same = false;
    const Skp__V1__DirectoryEntry *counsellor =
        book_find(&command->link.book, question->counsellor.text);
    plain_date today = calendar_date_of_ms(link_now_ms(&command->link));
    enum skp_err err = answers_build(question, given, counsellor, command->correction, today,
                                     &command->cli->settings, &command->arena, &built, &problem);
    if (err == SKP_E_NO_MEMORY)
        return err;
    if (err)
        return note(command, given, RESULT_REFUSED, problem);
    if (built.unchanged)
        return note(command, given, RESULT_UNCHANGED, (struct csv_problem){.line = given->line});
    if (is_under_way(command, question, &built, &same)) /* its receipt says what became of it */
        return same ? note(command, given, RESULT_REGISTERED, (struct csv_problem){0})
                    : note_refused(command, given, SKP_E_CONFLICT);
    err = counsellor ? targets_find(&command->targets, counsellor, "", &target)
                     : SKP_E_RECIPIENT_UNKNOWN;
    if (err)
        return note_refused(command, given, err);
    err = send_built(command, question, target, &built);
    return err ? err : note(command, given, RESULT_REGISTERED, (struct csv_problem){0});
}

static enum skp_err take_request(struct answer_command *command, const struct list_request *given)
{
    struct question question;
    if (given->broken || given->outcome == 0)
        return SKP_OK; /* its problems are rows already, or nothing was answered */
    enum skp_err err =
        questions_load(&command->cli->state, &given->request_id, &command->arena, &question);
    if (err == SKP_E_NOT_FOUND)
        return note_refused(command, given, SKP_E_REQUEST_UNKNOWN);
    return err ? err : build(command, given, &question);
}

static enum skp_err take_all(struct answer_command *command)
{
    struct state_db *db = &command->cli->state;
    arena_init(&command->batch_arena, BATCH_MAX_ARENA);
    enum skp_err err = draft_init(&command->draft, &command->batch_arena);
    state_begin(db);
    for (const struct list_request *at = command->answers.requests; !err && at; at = at->next)
        err = take_request(command, at);
    if (!err)
        err = flush(command);
    if (err)
        state_rollback(db);
    else
        err = state_commit(db);
    arena_fini(&command->batch_arena);
    return err;
}

/* ---------------------------------------------------------------- the whole */

static int prepare(struct answer_command *command)
{
    struct cli *cli = command->cli;
    struct csv_problem problem = {0};
    if (list_answers_read(command->file, &command->arena, &command->answers, &problem))
        return cli_fail_file(cli, command->file, &problem);
    int code = cli_open_state(cli);
    if (code == 0)
        code = link_open(cli, &command->link, NULL, NULL);
    if (code != 0)
        return code;
    enum skp_err err = link_send_outbox(&command->link);
    if (!err)
        err = link_fetch_directory(&command->link);
    if (!err)
        err = targets_init(&command->targets, &command->link);
    return err ? link_failed(&command->link, err) : 0;
}

static int run_answer(struct answer_command *command)
{
    struct cli *cli = command->cli;
    int code = prepare(command);
    if (code != 0)
        return code;
    enum skp_err err = results_add_problems(&command->results, &command->answers.problems);
    if (!err)
        err = take_all(command);
    if (err)
        return cli_state_failed(cli, err);
    enum skp_err sent = link_send_outbox(&command->link);
    results_settle(&command->results, &cli->state,
                   "SELECT returned, returned_err FROM question WHERE request_id = ?1"
                   " AND returned > 0 UNION ALL SELECT stage, err FROM (SELECT stage, err"
                   " FROM answer_out WHERE request_id = ?1 AND NOT EXISTS (SELECT 1 FROM question"
                   "  WHERE request_id = ?1 AND returned > 0) ORDER BY version DESC LIMIT 1)");
    err = results_name_rows(&command->results, command->file, "Referentienummer", "SHV",
                            &command->arena);
    if (err)
        return cli_fail(cli, err, command->file);
    cli_put(cli, "rows", (int64_t)command->answers.row_count);
    code = results_finish(cli, &command->results);
    if (sent)
        code = link_failed(&command->link, sent);
    return code;
}

static int run(struct cli *cli, char **args)
{
    struct answer_command command = {.cli = cli};
    const char *reason = NULL;
    struct cli_option options[] = {
        {"--result", &command.result, NULL}, {"--reason", &reason, NULL}, {NULL, NULL, NULL}};
    int code = cli_parse(cli, args, options, &command.file, 1);
    if (code != EXIT_ALL_OK)
        return code;
    if (reason && csv_word_read(csv_words_correction, reason, &command.correction))
        return cli_usage(cli, "onbekende reden: ", "unknown reason: ", reason);
    arena_init(&command.arena, FILE_MAX_BYTES);
    code = results_open(cli, &command.results, command.result, &command.file, 1);
    if (code == 0)
        code = run_answer(&command);
    results_fini(&command.results);
    targets_fini(&command.targets);
    link_close(&command.link);
    arena_fini(&command.arena);
    return code;
}

const struct command command_answer = {
    .words = "creditor answer",
    .usage = "FILE.csv [--reason WORD] [--result RESULT.csv]",
    .dutch =
        "Beantwoordt de ingevulde regels van een saldolijst; --reason geldt voor correcties zonder "
        "eigen reden.",
    .english =
        "Answers the rows of a saldolijst that were filled in; --reason is for corrections without "
        "a reason of their own.",
    .needs_settings = true,
    .role = SKP__V1__ROLE__ROLE_CREDITOR,
    .run = run,
};
