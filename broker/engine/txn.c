#include "txn.h"

#include "hold.h"
#include "log.h"
#include "mutant.h"
#include "quarantine.h"
#include "watermark.h"

#include <stdlib.h>

#define TXN_MAX_TRIES 8

/* ---------------------------------------------------------------- one run */

static enum skp_err txn_init(struct txn *txn, struct engine *engine)
{
    *txn = (struct txn){.engine = engine, .first_due_ms = INT64_MAX};
    arena_init(&txn->arena, engine->txn_bytes);
    txn->registry = engine_registry(engine);
    txn->signer = engine_signer_ref(engine);
    txn->now_ms = clock_business_ms(engine->clock);
    txn->real_ms = clock_real_ms(engine->clock);
    txn->sequence = engine->chain.sequence + 1;
    return ws_init(&txn->ws, engine->store, &txn->arena);
}

static void txn_fini(struct txn *txn)
{
    ws_fini(&txn->ws);
    registry_unref(txn->registry);
    keypair_unref(txn->signer);
    arena_fini(&txn->arena);
}

static struct engine_call *call_of(struct work_item *item)
{
    return (struct engine_call *)(void *)item;
}

static enum skp_err want_all(struct txn *txn, struct work_item *items)
{
    for (struct work_item *item = items; item; item = item->next) {
        const struct verb *verb = engine_verb_of(call_of(item)->verb);
        enum skp_err err = verb->want ? verb->want(txn, call_of(item)) : SKP_OK;
        if (err)
            return err;
    }
    return ws_load(&txn->ws);
}

static enum skp_err decide_all(struct txn *txn, struct work_item *items)
{
    for (struct work_item *item = items; item; item = item->next) {
        struct engine_call *call = call_of(item);
        call->err = SKP_OK;
        enum skp_err err = engine_verb_of(call->verb)->decide(txn, call);
        if (err)
            return err;
    }
    return SKP_OK;
}

static bool changes_anything(const struct txn *txn)
{
    if (txn->said_count > 0 || txn->note_count > 0 || txn->aside_count > 0)
        return true;
    for (size_t i = 0; i < txn->ws.rows.count; i++) {
        const struct ws_row *row = map_value_at(&txn->ws.rows, i);
        if (row->dirty || row->gone)
            return true;
    }
    return txn->receipt_count > 0;
}

static enum skp_err save_all(struct txn *txn)
{
    enum skp_err err = said_flush(txn);
    if (!err)
        err = txn_save_notes(txn);
    if (!err)
        err = txn_pack_changed(txn);
    if (!err)
        err = chain_link(txn);
    size_t rows = 0;
    if (!err)
        err = ws_save(&txn->ws, &rows);
    if (!err)
        err = parts_flush(txn);
    if (!err)
        err = store_commit(txn->engine->store);
    return err == SKP_E_OUTCOME_UNKNOWN && MUTANT(ack_before_commit) ? SKP_OK : err;
}

static enum skp_err run(struct txn *txn, struct work_item *items, bool *ret_committed)
{
    enum skp_err err = store_begin(txn->engine->store);
    if (!err)
        err = want_all(txn, items);
    if (!err)
        err = decide_all(txn, items);
    if (!err && changes_anything(txn)) {
        err = save_all(txn);
        *ret_committed = err == SKP_OK;
    }
    if (!*ret_committed)
        store_rollback(txn->engine->store);
    return err;
}

/* ---------------------------------------------------------------- after it */

static void new_head(struct txn *txn)
{
    struct engine *engine = txn->engine;
    Skp__V1__ChainHead head;
    skp__v1__chain_head__init(&head);
    head.commit = wire_bytes(txn->commit_header);
    head.jws = wire_text(txn->commit_jws);
    size_t len = skp__v1__chain_head__get_packed_size(&head);
    uint8_t *bytes = malloc(len);
    if (bytes)
        skp__v1__chain_head__pack(&head, bytes);
    pthread_mutex_lock(&engine->lock);
    engine->chain = (struct chain_mark){.sequence = txn->sequence, .hash = txn->commit_hash};
    if (txn->first_due_ms < engine->next_due_ms)
        engine->next_due_ms = txn->first_due_ms;
    if (bytes) {
        free(engine->head_bytes);
        engine->head_bytes = bytes;
        engine->head_len = len;
    }
    pthread_mutex_unlock(&engine->lock);
}

static void committed(struct txn *txn)
{
    struct engine *engine = txn->engine;
    new_head(txn);
    watermark_follow(engine);
    if (txn->offset_changed)
        clock_set_business_offset(engine->clock, txn->offset_ms);
    hold_committed(txn);
    quarantine_committed(txn);
    if (txn->note_count > 0)
        atomic_store(&engine->fold_wanted, true);
    if (txn->registry_changed) {
        enum skp_err err = engine_renew_registry(txn);
        if (err)
            log_line(LOG_ERROR, "registry_not_loaded", "code=%d name=%s", (int)err,
                     skp_error_name(err));
    }
    for (size_t i = 0; i < txn->wake_count; i++)
        engine_post_wake(engine, &txn->wakes[i].oin, txn->wakes[i].mailbox);
}

static void answer_all(struct txn *txn, struct work_item *items)
{
    for (struct work_item *item = items, *next; item; item = next) {
        next = item->next;
        struct engine_call *call = call_of(item);
        const struct verb *verb = engine_verb_of(call->verb);
        enum skp_err err = !call->err && verb->answer ? verb->answer(txn, call) : SKP_OK;
        if (err && !call->err)
            engine_refuse(call, err, "", NULL);
        engine_finish(call);
    }
}

static void refuse_all(struct work_item *items, enum skp_err err)
{
    for (struct work_item *item = items, *next; item; item = next) {
        next = item->next;
        engine_refuse(call_of(item), err, "", NULL);
        engine_finish(call_of(item));
    }
}

/* What went wrong, once, in the log, which nobody fills by asking for what is damaged again and again; what
 * the callers hear is never more than is known. */
static enum skp_err spoken(struct engine *engine, enum skp_err err)
{
    enum log_level level = err == SKP_E_DATA_LOSS ? LOG_WARN : LOG_ERROR;
    log_line(level, "commit_failed", "code=%d name=%s why=%s", (int)err, skp_error_name(err),
             engine->store->why);
    if (err == SKP_E_OUTCOME_UNKNOWN) {
        engine_fail(engine, err,
                    "the disk did not confirm a commit; start again, nothing confirmed is lost");
        return SKP_E_OUTCOME_UNKNOWN;
    }
    if (err == SKP_E_DATA_LOSS && !quarantine_submit(engine, &engine->store->damaged))
        return SKP_E_INTERNAL;
    return SKP_E_UNAVAILABLE;
}

/* A batch alone, such as one whose thousands of lines each name one of the largest cases: later is no
 * better. */
static bool is_too_large(const struct txn *txn, const struct work_item *items)
{
    const struct engine_call *call = (const struct engine_call *)(const void *)items;
    return !items->next && call->verb == ENGINE_BATCH &&
           txn->arena.used_bytes > txn->arena.max_bytes / 2;
}

static enum skp_err run_once(struct engine *engine, struct work_item *items)
{
    struct txn txn;
    bool was_committed = false;
    enum skp_err err = txn_init(&txn, engine);
    if (!err)
        err = run(&txn, items, &was_committed);
    if (!err && was_committed)
        committed(&txn);
    if (!err)
        answer_all(&txn, items);
    else
        atomic_store(&engine->fold_wanted, true); /* it may have been folding */
    if (err == SKP_E_NO_MEMORY && is_too_large(&txn, items))
        err = SKP_E_BATCH_TOO_LARGE;
    txn_fini(&txn);
    return err;
}

/* Not about the store as a whole: one call may ask too much or meet a damaged row. */
static bool may_be_of_one(enum skp_err err)
{
    return err != SKP_E_OUTCOME_UNKNOWN && err != SKP_E_UNAVAILABLE && err != SKP_E_CONFLICT;
}

static void run_all(struct engine *engine, struct work_item *items)
{
    enum skp_err err = SKP_E_CONFLICT;
    for (unsigned attempt = 0; err == SKP_E_CONFLICT && attempt < TXN_MAX_TRIES; attempt++)
        err = run_once(engine, items);
    if (!err)
        return;
    if (!items->next || !may_be_of_one(err)) {
        refuse_all(items, err == SKP_E_BATCH_TOO_LARGE ? err : spoken(engine, err));
        return;
    }
    for (struct work_item *item = items, *next; item; item = next) {
        next = item->next;
        item->next = NULL;
        run_all(engine, item);
    }
}

static void say_tight(struct engine *engine, bool is_tight)
{
    if (is_tight == engine->is_tight)
        return;
    engine->is_tight = is_tight;
    if (is_tight)
        log_line(LOG_ERROR, "intake_paused",
                 "why=the disk of the store is full; collecting goes on, make room for the rest");
    else
        log_line(LOG_INFO, "intake_resumed", "why=the disk of the store has room again");
}

/* On a full disk little goes on; the others hear UNAVAILABLE. What is left of the list. */
static struct work_item *refuse_intake(struct work_item *items)
{
    struct work_item *left = NULL;
    struct work_item **end = &left;
    for (struct work_item *item = items, *next; item; item = next) {
        next = item->next;
        item->next = NULL;
        if (engine_verb_of(call_of(item)->verb)->runs_when_full) {
            *end = item;
            end = &item->next;
        } else {
            refuse_all(item, SKP_E_UNAVAILABLE);
        }
    }
    return left;
}

void txn_drain(void *ctx, struct work_item *items)
{
    struct engine *engine = ctx;
    if (atomic_load(&engine->failed)) {
        refuse_all(items, SKP_E_UNAVAILABLE);
        return;
    }
    say_tight(engine, store_is_tight(engine->store));
    if (engine->is_tight)
        items = refuse_intake(items);
    if (items)
        run_all(engine, items);
    enum skp_err err = atomic_load(&engine->failed) ? SKP_OK : store_maintain(engine->store);
    if (err)
        spoken(engine, err);
}
