#include "resealing.h"

#include "fact.h"
#include "outbox.h"
#include "wire.h"

#define LIST_MAX_BYTES  ((size_t)256 << 20)
#define BATCH_MAX_ARENA ((size_t)128 << 20)

/* One request that waits. */
struct waiting_line {
    struct waiting_line *next;
    struct skp_id request_id, case_id;
    struct skp_oin creditor;
    const char *brand;
    int64_t times; /* asked so far, with this time */
    struct envelope_kept request, case_fact;
};

struct run {
    struct resealing *resealing;
    struct arena list;  /* what waits */
    struct arena arena; /* of one batch */
    struct draft draft;
    struct skp_id said_case; /* in this batch; nil: none */
    struct waiting_line *first, *last;
};

bool resealing_waits(struct state_db *db)
{
    return state_number(db, 0, "SELECT 1 FROM reseal WHERE stage IN (0, 1) LIMIT 1", "") != 0;
}

/* ---------------------------------------------------------------- what waits */

static enum skp_err add_waiting(struct run *run, sqlite3_stmt *row)
{
    struct state_db *db = run->resealing->db;
    struct waiting_line *line = arena_calloc(&run->list, 1, sizeof *line);
    if (!line)
        return SKP_E_NO_MEMORY;
    *line = (struct waiting_line){
        .request_id = state_id(row, 0),
        .case_id = state_id(row, 1),
        .creditor = state_oin(row, 2),
        .times = sqlite3_column_int64(row, 3),
        .request = {.line = state_blob(db, row, 4, &run->list),
                    .plaintext = state_blob(db, row, 5, &run->list)},
        .brand = state_text(db, row, 7, &run->list),
        .case_fact = {.line = state_blob(db, row, 6, &run->list), .plaintext = span_of("", 0)},
    };
    if (run->last)
        run->last->next = line;
    else
        run->first = line;
    run->last = line;
    return SKP_OK;
}

/* By case, so that each is said once per batch. */
static enum skp_err list_waiting(struct run *run)
{
    struct state_db *db = run->resealing->db;
    enum skp_err err = SKP_OK;
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT s.request_id, r.case_id, r.creditor,"
                  " (SELECT count(*) FROM reseal AS a WHERE a.request_id = s.request_id),"
                  " k.line, k.plaintext, c.line, r.brand FROM reseal AS s"
                  " JOIN request AS r ON r.request_id = s.request_id AND r.bundle_id = s.bundle_id"
                  " LEFT JOIN kept_line AS k ON k.item_id = s.request_id"
                  " LEFT JOIN kept_line AS c ON c.item_id = r.case_id"
                  " WHERE s.stage = 0 ORDER BY r.case_id, r.place",
                  "");
    while (!err && state_next(db, rows))
        err = add_waiting(run, rows);
    if (rows)
        (void)sqlite3_reset(rows);
    return err ? err : state_error(db);
}

/* ---------------------------------------------------------------- signing */

static void remember_sealed(struct state_db *db, const struct draft_line *line)
{
    struct skp_id request_id;
    if (line->line->fact_case != SKP__V1__LINE__FACT_REQUEST ||
        fact_item_id(line->line, &request_id))
        return;
    state_run(db, "UPDATE reseal SET stage = 1 WHERE request_id = ? AND stage = 0", "d",
              &request_id);
    state_run(db,
              "UPDATE request SET head_hash = ?, bundle_id = ?, published_at_ms = 0,"
              " collected_at_ms = 0, due_date = 0, overdue = 0 WHERE request_id = ?",
              "hdd", &line->head_hash, &line->bundle_id, &request_id);
}

static enum skp_err flush(struct run *run)
{
    const struct identity *identity = &run->resealing->identity;
    struct envelope_batch batch;
    if (run->draft.count == 0)
        return SKP_OK;
    enum skp_err err =
        draft_sign(&run->draft, &identity->self, identity->signer, identity->now_ms, &batch);
    if (err)
        return err;
    outbox_put(run->resealing->db, &run->draft, &batch, identity->now_ms);
    for (size_t i = 0; i < run->draft.count; i++)
        remember_sealed(run->resealing->db, &run->draft.lines[i]);
    run->said_case = (struct skp_id){{0}};
    arena_reset(&run->arena);
    return draft_init(&run->draft, &run->arena);
}

static enum skp_err read_line(struct run *run, const struct envelope_kept *kept,
                              Skp__V1__Line **ret_line)
{
    char path[WIRE_PATH_MAX];
    return fact_read(kept->line, &run->arena, path, ret_line);
}

static enum skp_err say_case(struct run *run, const struct waiting_line *waiting)
{
    Skp__V1__Line *line = NULL;
    if (id_equal(&run->said_case, &waiting->case_id))
        return SKP_OK;
    enum skp_err err = read_line(run, &waiting->case_fact, &line);
    if (err)
        return err;
    draft_add_again(&run->draft, &run->resealing->identity.broker, line, waiting->case_fact,
                    line->case_fact->version);
    run->said_case = waiting->case_id;
    return SKP_OK;
}

static enum skp_err say_request(struct run *run, const struct waiting_line *waiting,
                                const struct target *target)
{
    Skp__V1__Line *line = NULL;
    size_t bytes = draft_kept_bytes(&waiting->request) + draft_kept_bytes(&waiting->case_fact);
    enum skp_err err = draft_has_room(&run->draft, 2, bytes) ? SKP_OK : flush(run);
    if (!err)
        err = say_case(run, waiting);
    if (!err)
        err = read_line(run, &waiting->request, &line);
    if (err)
        return err;
    draft_add_again(&run->draft, &target->to, line, waiting->request, line->request->version);
    run->resealing->sealed++;
    return SKP_OK;
}

/* ---------------------------------------------------------------- one request */

static bool holds_bsn(const struct waiting_line *waiting)
{
    struct arena arena;
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    arena_init(&arena, (size_t)1 << 20);
    bool holds = fact_read(waiting->request.line, &arena, path, &line) == SKP_OK &&
                 line->fact_case == SKP__V1__LINE__FACT_REQUEST && line->request->contains_bsn;
    arena_fini(&arena);
    return holds;
}

/* Why it is not sealed again, for good; SKP_OK: it is. */
static enum skp_err final_verdict(const struct waiting_line *waiting, const struct target *target)
{
    if (waiting->times > RESEAL_TIMES)
        return SKP_E_UNSEAL;
    if (waiting->request.line.len == 0 || waiting->case_fact.line.len == 0)
        return SKP_E_NOT_FOUND;
    return target && holds_bsn(waiting) && !target->bsn_entitled ? SKP_E_BSN_NOT_ALLOWED : SKP_OK;
}

static void leave(struct run *run, const struct waiting_line *waiting, enum skp_err err,
                  bool for_good)
{
    struct resealing *resealing = run->resealing;
    state_run(resealing->db,
              "UPDATE reseal SET stage = ?, err = ? WHERE request_id = ? AND stage = 0", "iid",
              (int64_t)(for_good ? STAGE_REFUSED : STAGE_NEW), (int64_t)err, &waiting->request_id);
    if (resealing->on_left)
        resealing->on_left(resealing->left_ctx, &waiting->creditor, &waiting->request_id, err);
}

static enum skp_err take(struct run *run, const struct waiting_line *waiting)
{
    struct resealing *resealing = run->resealing;
    struct target *target = NULL;
    const Skp__V1__DirectoryEntry *entry = book_find(resealing->book, waiting->creditor.text);
    enum skp_err err = final_verdict(waiting, NULL);
    if (!err) {
        enum skp_err unknown =
            entry ? resealing->target(resealing->ctx, entry, waiting->brand, &target)
                  : SKP_E_RECIPIENT_UNKNOWN;
        if (unknown == SKP_E_NO_MEMORY)
            return unknown;
        if (unknown) {
            leave(run, waiting, unknown, false);
            return SKP_OK;
        }
        err = final_verdict(waiting, target);
    }
    if (err) {
        leave(run, waiting, err, true);
        return SKP_OK;
    }
    return say_request(run, waiting, target);
}

enum skp_err resealing_run(struct resealing *resealing)
{
    struct run run = {.resealing = resealing};
    arena_init(&run.list, LIST_MAX_BYTES);
    arena_init(&run.arena, BATCH_MAX_ARENA);
    enum skp_err err = draft_init(&run.draft, &run.arena);
    state_begin(resealing->db);
    if (!err)
        err = list_waiting(&run);
    for (const struct waiting_line *at = run.first; !err && at; at = at->next)
        err = take(&run, at);
    if (!err)
        err = flush(&run);
    if (err)
        state_rollback(resealing->db);
    else
        err = state_commit(resealing->db);
    arena_fini(&run.arena);
    arena_fini(&run.list);
    return err;
}
