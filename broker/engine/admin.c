#include "admin.h"

#include "fact.h"

#include <stdio.h>
#include <stdlib.h>

static const struct admin_command *const groups[] = {admin_participant_commands,
                                                     admin_agreement_commands, admin_round_commands,
                                                     admin_state_commands};

enum skp_err admin_refuse(struct admin_run *run, enum skp_err err, const char *path,
                          const char *sentence)
{
    engine_refuse(run->call, err, path, sentence);
    return SKP_OK;
}

const char *admin_text(const struct admin_run *run, const char *name)
{
    const char *text = json_string_value(json_object_get(run->request, name));
    return text ? text : "";
}

bool admin_id(struct admin_run *run, const char *name, struct skp_id *ret_id)
{
    if (id_parse(admin_text(run, name), ret_id))
        return true;
    engine_refuse(run->call, SKP_E_ID_FORMAT, name, "give the id as it is shown in lists");
    return false;
}

enum skp_err admin_need_reason(struct admin_run *run)
{
    const char *reason = admin_text(run, "reason");
    enum skp_err err = reason[0] ? fact_check_text(reason, 200) : SKP_E_REASON_MISSING;
    return err ? engine_refuse(run->call, err, "reason", NULL) : SKP_OK;
}

json_t *admin_rows(struct admin_run *run)
{
    json_t *rows = json_array();
    return json_object_set_new(run->answer, "rows", rows) == 0 ? rows : NULL;
}

json_t *admin_json_id(const struct skp_id *id)
{
    char text[ID_TEXT_BYTES];
    id_print(id, text);
    return json_string(text);
}

json_t *admin_json_time(int64_t at_ms)
{
    char date[CALENDAR_TEXT_BYTES];
    char text[32];
    if (at_ms <= 0 || at_ms == INT64_MAX)
        return json_null();
    int minute = calendar_minute_of_ms(at_ms);
    calendar_print_iso(calendar_date_of_ms(at_ms), date);
    snprintf(text, sizeof text, "%sT%02d:%02d", date, minute / 60, minute % 60);
    return json_string(text);
}

json_t *admin_json_date(plain_date date)
{
    char text[CALENDAR_TEXT_BYTES];
    if (date == 0)
        return json_null();
    calendar_print_iso(date, text);
    return json_string(text);
}

#define EACH_PAGE_ROWS   500
#define EACH_ARENA_BYTES ((size_t)4 << 20)

static enum skp_err say_more(struct admin_run *run, enum store_table table, struct span from,
                             struct span to)
{
    size_t more = 0;
    enum skp_err err = ws_count(run->txn->ws.store, table, from, to, &more);
    if (!err && more > 0)
        json_object_set_new(run->answer, "more", json_integer((json_int_t)more));
    return err;
}

enum skp_err admin_each(struct admin_run *run, enum store_table table, struct span from,
                        struct span to, admin_row_fn each)
{
    json_t *list = admin_rows(run);
    uint8_t after[STORE_KEY_MAX + 1];
    for (size_t seen = 0; list && seen < ADMIN_LIST_MAX;) {
        struct arena arena;
        struct store_row *rows;
        size_t count = 0;
        size_t left = ADMIN_LIST_MAX - seen;
        arena_init(&arena, EACH_ARENA_BYTES);
        enum skp_err err = store_scan(run->txn->ws.store, table, from, to,
                                      left < EACH_PAGE_ROWS ? left : EACH_PAGE_ROWS,
                                      (size_t)1 << 20, &arena, &rows, &count);
        for (size_t i = 0; !err && i < count; i++, seen++)
            err = each(run, list, &rows[i]);
        if (!err && count > 0)
            from = store_key_after(rows[count - 1].key, after);
        arena_fini(&arena);
        if (err || count == 0)
            return err;
    }
    return list ? say_more(run, table, from, to) : SKP_E_NO_MEMORY;
}

/* ---------------------------------------------------------------- dispatch */

static const struct admin_command *find_command(const char *name)
{
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++)
        for (const struct admin_command *command = groups[g]; command->name; command++)
            if (strcmp(command->name, name) == 0)
                return command;
    return NULL;
}

static enum skp_err run_command(struct admin_run *run)
{
    const struct admin_command *command = find_command(admin_text(run, "command"));
    if (!command || (run->call->verb == ENGINE_ADMIN_READ && !command->only_asks))
        return admin_refuse(run, SKP_E_USAGE, "command", NULL);
    return command->fn(run);
}

static json_t *error_answer(const struct engine_call *call)
{
    const struct skp_error_info *info = skp_error(call->err);
    return json_pack("{s:b,s:{s:i,s:s,s:s,s:s,s:s}}", "ok", 0, "error", "code", (int)info->code,
                     "name", info->name, "path", call->path, "sentence",
                     call->sentence[0] ? call->sentence : info->sentence, "remedy", info->remedy);
}

/* A refusal is an answer like any other: the socket always gets JSON. */
static enum skp_err keep_text(struct engine_call *call, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    call->answer_text = text ? arena_copy(&call->arena, text, strlen(text) + 1) : NULL;
    free(text);
    return call->answer_text ? SKP_OK : SKP_E_NO_MEMORY;
}

static enum skp_err answer_json(struct admin_run *run)
{
    struct engine_call *call = run->call;
    if (!call->err)
        return keep_text(call, run->answer);
    json_t *error = error_answer(call);
    enum skp_err err = keep_text(call, error);
    json_decref(error);
    call->err = SKP_OK;
    return err;
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    json_error_t where;
    struct admin_run run = {.txn = txn, .call = call};
    run.request = json_loadb((const char *)call->request.data, call->request.len,
                             JSON_REJECT_DUPLICATES, &where);
    run.answer = json_pack("{s:b}", "ok", 1);
    enum skp_err err = run.answer ? SKP_OK : SKP_E_NO_MEMORY;
    if (!err && !json_is_object(run.request))
        admin_refuse(&run, SKP_E_DECODE, "", "the request is not a JSON object");
    else if (!err)
        err = run_command(&run);
    if (!err)
        err = answer_json(&run);
    json_decref(run.request);
    json_decref(run.answer);
    return err;
}

/* A transaction in which nothing can be said or saved: what the reader sees. */
static enum skp_err answer_from(struct engine_call *call, struct store *reader)
{
    struct engine *engine = call->engine;
    struct txn txn = {.engine = engine,
                      .registry = engine_registry(engine),
                      .now_ms = clock_business_ms(engine->clock),
                      .sequence = engine_commits(engine) + 1};
    arena_init(&txn.arena, ENGINE_BATCH_ARENA_BYTES);
    enum skp_err err = ws_init(&txn.ws, reader, &txn.arena);
    if (!err)
        err = decide(&txn, call);
    ws_fini(&txn.ws);
    arena_fini(&txn.arena);
    registry_unref(txn.registry);
    return err;
}

enum engine_verb engine_admin_verb(const char *command)
{
    const struct admin_command *known = find_command(command);
    return known && known->only_asks ? ENGINE_ADMIN_READ : ENGINE_ADMIN;
}

const struct verb verb_admin = {.name = "admin", .runs_when_full = true, .decide = decide};
const struct verb verb_admin_read = {.name = "admin_read", .read = answer_from};
