#include "registering.h"

#include "fact.h"
#include "outbox.h"

#include <stdlib.h>

#define PLAN_MAX_BYTES  ((size_t)2 << 30)
#define BATCH_MAX_ARENA ((size_t)128 << 20)

/* ---------------------------------------------------------------- batches */

struct batching {
    struct registering *registering;
    struct arena arena;
    struct draft draft;
};

static void remember_sent(struct state_db *db, const struct draft_line *line)
{
    struct skp_id item_id;
    if (fact_item_id(line->line, &item_id))
        return; /* it was packed, so it has one */
    if (line->line->fact_case != SKP__V1__LINE__FACT_OFF_NETWORK)
        state_run(db, "INSERT OR REPLACE INTO kept_line VALUES (?,?,?)", "dbb", &item_id,
                  line->kept.line, line->kept.plaintext);
    if (line->line->fact_case != SKP__V1__LINE__FACT_CASE_FACT)
        state_run(db,
                  "UPDATE request SET stage = 1, err = 0, leaf = ?, head_hash = ?, bundle_id = ?"
                  " WHERE request_id = ?",
                  "hhdd", &line->leaf, &line->head_hash, &line->bundle_id, &item_id);
}

static enum skp_err flush(struct batching *batching)
{
    struct registering *registering = batching->registering;
    struct state_db *db = registering->planning.db;
    struct envelope_batch batch;
    if (batching->draft.count == 0)
        return SKP_OK;
    enum skp_err err =
        draft_sign(&batching->draft, &registering->identity.self, registering->identity.signer,
                   registering->identity.now_ms, &batch);
    if (!err) {
        outbox_put(db, &batching->draft, &batch, registering->identity.now_ms);
        for (size_t i = 0; i < batching->draft.count; i++)
            remember_sent(db, &batching->draft.lines[i]);
    }
    arena_reset(&batching->arena);
    return err ? err : draft_init(&batching->draft, &batching->arena);
}

static void remember_claims(struct state_db *db, const struct built_line *built)
{
    const struct register_claim *claim = built->item ? built->item->asked->claims : NULL;
    for (size_t i = 0; claim && built->claim_ids; claim = claim->next, i++)
        if (claim->invoice_number[0] != '\0')
            state_run(db, "INSERT INTO claim VALUES (?,?,?)", "ddt", &built->claim_ids[i],
                      &built->item->request_id, claim->invoice_number);
}

/* A case goes whole into one batch: the broker takes requests only beside their case. */
static enum skp_err say_case(struct batching *batching, const struct plan_case *plan)
{
    struct registering *registering = batching->registering;
    struct built_case built;
    enum skp_err err = cases_build(plan, &registering->identity.broker, registering->settings,
                                   &batching->arena, &built);
    if (!err && !draft_has_room(&batching->draft, built.count, built.bytes)) {
        err = flush(batching); /* which forgets what was built */
        if (!err)
            err = cases_build(plan, &registering->identity.broker, registering->settings,
                              &batching->arena, &built);
    }
    for (size_t i = 0; !err && i < built.count; i++) {
        const struct built_line *line = &built.lines[i];
        draft_add(&batching->draft, line->to, line->line, line->part, line->version);
        remember_claims(registering->planning.db, line);
    }
    return err;
}

/* ---------------------------------------------------------------- the file */

static enum skp_err take_case(struct registering *registering, struct batching *batching,
                              const struct register_case *asked)
{
    struct plan_case *plan = NULL;
    enum skp_err err = plan_case(&registering->planning, asked, &plan);
    if (err)
        return err;
    registering->plans[registering->plan_count++] = plan;
    plan_remember(&registering->planning, plan);
    return say_case(batching, plan);
}

enum skp_err registering_run(struct registering *registering, const struct register_file *file,
                             bool check)
{
    struct state_db *db = registering->planning.db;
    struct batching batching = {.registering = registering};
    arena_init(&registering->arena, PLAN_MAX_BYTES);
    arena_init(&batching.arena, BATCH_MAX_ARENA);
    registering->planning.arena = &registering->arena;
    registering->plans = calloc(file->case_count + 1, sizeof(*registering->plans));
    enum skp_err err =
        registering->plans ? draft_init(&batching.draft, &batching.arena) : SKP_E_NO_MEMORY;
    state_begin(db);
    for (const struct register_case *at = file->cases; !err && at; at = at->next)
        err = take_case(registering, &batching, at);
    if (!err)
        err = flush(&batching);
    if (err || check)
        state_rollback(db);
    else
        err = state_commit(db);
    arena_fini(&batching.arena);
    return err;
}

void registering_fini(struct registering *registering)
{
    free(registering->plans);
    arena_fini(&registering->arena);
    registering->plans = NULL;
}

/* ---------------------------------------------------------------- what became of it */

static void planned_status(const struct plan_case *plan, const struct plan_request *request,
                           struct result_row *row)
{
    if (plan->err) {
        row->status = RESULT_REFUSED;
        row->problem.err = plan->err;
        return;
    }
    switch (request->route) {
    case ROUTE_DIGITAL:
        row->status = request->round_date != 0 ? RESULT_NEXT_ROUND : RESULT_DIGITAL;
        row->date = request->round_date;
        if (request->stage == STAGE_STORED) {
            row->status = RESULT_UNCHANGED;
            row->not_compared = request->not_compared;
        }
        return;
    case ROUTE_LETTER:
        row->status = RESULT_LETTER;
        return;
    case ROUTE_AMBIGUOUS:
        row->status = RESULT_AMBIGUOUS;
        break;
    case ROUTE_REFUSED:
        row->status = RESULT_REFUSED;
        break;
    }
    row->problem.err = request->err;
}

/* The receipt has the last word about what was sent; what it stored is no plan any more. */
static void real_status(struct state_db *db, const struct plan_request *request,
                        struct result_row *row)
{
    if (row->status == RESULT_REFUSED || row->status == RESULT_AMBIGUOUS)
        return;
    sqlite3_stmt *found = state_ask(db, "SELECT stage, err FROM request WHERE request_id = ?", "d",
                                    &request->request_id);
    while (state_next(db, found)) {
        enum stage stage = (enum stage)sqlite3_column_int(found, 0);
        if (stage == STAGE_STORED && row->status != RESULT_LETTER &&
            row->status != RESULT_UNCHANGED)
            row->status = RESULT_REGISTERED;
        if (stage == STAGE_STORED)
            continue;
        row->status = RESULT_REFUSED;
        row->problem.err = stage == STAGE_REFUSED ? (enum skp_err)sqlite3_column_int(found, 1)
                                                  : SKP_E_OUTCOME_UNKNOWN;
    }
}

static enum skp_err add_request(struct registering *registering, const struct plan_case *plan,
                                const struct plan_request *request, bool check,
                                struct results *results)
{
    struct result_row row = {.dossier = plan->asked->dossier,
                             .creditor = request->asked->creditor_name,
                             .request_id = request->request_id};
    unsigned long cause = plan->asked->broken_line;
    planned_status(plan, request, &row);
    if (row.status == RESULT_REFUSED && row.problem.err == SKP_E_VALUE_INVALID)
        row.cause_line = (uint32_t)(cause > 0 ? cause : request->asked->broken_line);
    if (!check)
        real_status(registering->planning.db, request, &row);
    enum skp_err err = SKP_OK;
    for (const struct register_claim *claim = request->asked->claims; !err && claim;
         claim = claim->next) {
        row.line = (uint32_t)claim->line;
        row.problem.line = claim->line;
        err = results_add(results, &row);
    }
    return err;
}

enum skp_err registering_results(struct registering *registering, const struct register_file *file,
                                 bool check, struct results *results)
{
    enum skp_err err = results_add_problems(results, &file->problems);
    for (size_t i = 0; !err && i < registering->plan_count; i++) {
        const struct plan_case *plan = registering->plans[i];
        for (const struct plan_request *at = plan->requests; !err && at; at = at->next)
            err = add_request(registering, plan, at, check, results);
    }
    results_drop_echoes(results);
    return err ? err : state_error(registering->planning.db);
}
