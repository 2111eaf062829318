#include "outbox.h"

#include "fact.h"
#include "wire.h"

#define RECEIPT_MAX_BYTES (16 << 20)

/* ---------------------------------------------------------------- in */

static void put_line(struct state_db *db, const struct envelope_batch *batch,
                     const struct draft_line *line)
{
    struct skp_id item_id;
    if (fact_item_id(line->line, &item_id))
        return; /* it was packed, so it has one */
    state_run(db, "INSERT INTO outbox_line VALUES (?,?,?,?,?,?,0)", "diiidi", &batch->batch_id,
              (int64_t)line->bundle, (int64_t)line->index, (int64_t)line->line->fact_case, &item_id,
              (int64_t)line->version);
}

void outbox_put(struct state_db *db, const struct draft *draft, const struct envelope_batch *batch,
                int64_t at_ms)
{
    state_run(db, "INSERT INTO outbox VALUES (?,?,?,?,?,?)", "dibthi", &batch->batch_id, at_ms,
              batch->header, batch->jws, &batch->root, (int64_t)batch->line_count);
    for (size_t i = 0; i < batch->bundle_count; i++)
        state_run(db, "INSERT INTO outbox_bundle VALUES (?,?,?,?)", "dibb", &batch->batch_id,
                  (int64_t)i, batch->heads[i], batch->bundles[i]);
    for (size_t i = 0; i < draft->count; i++)
        put_line(db, batch, &draft->lines[i]);
}

/* ---------------------------------------------------------------- out */

size_t outbox_list(struct state_db *db, struct skp_id *ret_ids, size_t max)
{
    sqlite3_stmt *rows =
        state_ask(db, "SELECT batch_id FROM outbox ORDER BY created_at_ms, batch_id LIMIT ?", "i",
                  (int64_t)max);
    size_t count = 0;
    while (state_next(db, rows))
        if (count < max)
            ret_ids[count++] = state_id(rows, 0);
    return count;
}

static enum skp_err load_bundles(struct state_db *db, struct arena *arena,
                                 struct envelope_batch *batch)
{
    batch->bundles = arena_calloc(arena, BATCH_MAX_BUNDLES, sizeof *batch->bundles);
    batch->heads = arena_calloc(arena, BATCH_MAX_BUNDLES, sizeof *batch->heads);
    if (!batch->bundles || !batch->heads)
        return SKP_E_NO_MEMORY;
    sqlite3_stmt *rows =
        state_ask(db, "SELECT head, body FROM outbox_bundle WHERE batch_id = ? ORDER BY place", "d",
                  &batch->batch_id);
    while (state_next(db, rows)) {
        if (batch->bundle_count == BATCH_MAX_BUNDLES)
            continue;
        batch->heads[batch->bundle_count] = state_blob(db, rows, 0, arena);
        batch->bundles[batch->bundle_count++] = state_blob(db, rows, 1, arena);
    }
    return state_error(db);
}

/* The bundles first: another run that settles the batch takes all of it away at once, so when its row is still there
 * the bundles were all there. */
enum skp_err outbox_load(struct state_db *db, const struct skp_id *batch_id, struct arena *arena,
                         struct envelope_batch *ret_batch)
{
    struct envelope_batch batch = {.batch_id = *batch_id};
    enum skp_err err = load_bundles(db, arena, &batch);
    if (err)
        return err;
    sqlite3_stmt *row = state_ask(
        db, "SELECT header, jws, root, line_count FROM outbox WHERE batch_id = ?", "d", batch_id);
    bool found = false;
    while (state_next(db, row)) {
        found = true;
        batch.header = state_blob(db, row, 0, arena);
        batch.jws = state_text(db, row, 1, arena);
        batch.root = state_hash(row, 2);
        batch.line_count = (size_t)sqlite3_column_int64(row, 3);
    }
    err = state_error(db);
    if (!err && !found)
        err = SKP_E_NOT_FOUND;
    if (!err)
        *ret_batch = batch;
    return err;
}

/* ---------------------------------------------------------------- what came of it */

/* Not yet known, or only for now: the bytes stay, and go out again. Behind a receipt without proof the batch may well
 * be stored; to sign the same lines anew would say something else under their ids. */
bool outbox_is_open(enum skp_err err)
{
    return err && (skp_error(err)->retry == SKP_RETRY_LATER || err == SKP_E_DATA_LOSS ||
                   err == SKP_E_PROOF_INVALID);
}

/* A refusal of one line is told by its item id; of the batch as a whole it is that of every line. */
static void mark_refusals(struct state_db *db, const struct skp_report *report)
{
    if (report->err) {
        state_run(db, "UPDATE outbox_line SET err = ? WHERE batch_id = ?", "id",
                  (int64_t)report->err, &report->batch_id);
        return;
    }
    for (size_t i = 0; i < report->receipt->n_refusals; i++) {
        const Skp__V1__Refusal *refusal = report->receipt->refusals[i];
        state_run(db,
                  "UPDATE outbox_line SET err = ? WHERE batch_id = ? AND bundle = ? AND line = ?",
                  "idii", (int64_t)refusal->code, &report->batch_id, (int64_t)refusal->bundle,
                  (int64_t)refusal->line);
    }
}

#define LINES_OF(kind) "FROM outbox_line AS l WHERE l.batch_id = ?1 AND l.kind IN (" kind ")"

/* Numbers of facts in Line: 1 case, 2 off network, 3 request, 4 answer, 5 recorded. */
static void apply(struct state_db *db, const struct skp_id *batch_id)
{
    state_run(db,
              "UPDATE case_file SET stored_version = l.version " LINES_OF(
                  "1") " AND l.item_id = case_id AND l.err = 0",
              "d", batch_id);
    state_run(
        db,
        "UPDATE request SET err = l.err, stage = CASE l.err WHEN 0 THEN 2 ELSE 3 END " LINES_OF(
            "2,3") " AND l.item_id = request_id AND stage = 1",
        "d", batch_id);
    state_run(
        db,
        "UPDATE reseal SET err = l.err, stage = CASE l.err WHEN 0 THEN 2 ELSE 3 END " LINES_OF(
            "3") " AND l.item_id = request_id AND stage = 1",
        "d", batch_id);
    state_run(
        db,
        "UPDATE answer_out SET err = l.err, stage = CASE l.err WHEN 0 THEN 2 ELSE 3 END " LINES_OF(
            "4") " AND l.item_id = request_id AND l.version = answer_out.version AND stage = 1",
        "d", batch_id);
    state_run(db,
              "UPDATE question SET returned_err = l.err,"
              " returned = CASE l.err WHEN 0 THEN 2 ELSE 3 END " LINES_OF(
                  "4") " AND l.item_id = request_id AND returned = 1",
              "d", batch_id);
    state_run(
        db,
        "UPDATE recorded SET err = l.err, stage = CASE l.err WHEN 0 THEN 2 ELSE 3 END " LINES_OF(
            "5") " AND l.item_id = request_id AND l.version = recorded.version",
        "d", batch_id);
    /* What came back on paper is not sealed again. */
    state_run(db,
              "UPDATE reseal SET stage = 3 WHERE stage = 0 AND request_id IN"
              " (SELECT l.item_id " LINES_OF("5") " AND l.err = 0)",
              "d", batch_id);
    state_run(
        db,
        "DELETE FROM kept_line WHERE item_id IN (SELECT l.item_id " LINES_OF("5") " AND l.err = 0)",
        "d", batch_id);
}

enum skp_err outbox_settle(struct state_db *db, const struct skp_report *report, int64_t at_ms)
{
    if (outbox_is_open(report->err))
        return SKP_OK;
    struct arena arena;
    arena_init(&arena, RECEIPT_MAX_BYTES);
    struct span proof = report->proof ? wire_pack(&report->proof->base, &arena) : span_of("", 0);
    state_begin(db);
    mark_refusals(db, report);
    apply(db, &report->batch_id);
    state_run(db, "INSERT OR REPLACE INTO receipt VALUES (?,?,?,?)", "diib", &report->batch_id,
              at_ms, (int64_t)report->err, proof);
    state_run(db, "DELETE FROM outbox_line WHERE batch_id = ?", "d", &report->batch_id);
    state_run(db, "DELETE FROM outbox_bundle WHERE batch_id = ?", "d", &report->batch_id);
    state_run(db, "DELETE FROM outbox WHERE batch_id = ?", "d", &report->batch_id);
    enum skp_err err = state_commit(db);
    arena_fini(&arena);
    return err;
}
