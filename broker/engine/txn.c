#include "txn.h"

#include "log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TXN_ARENA_BYTES ((size_t)512 << 20)
#define TXN_MAX_TRIES   8

void *txn_grow(struct txn *txn, void *array_ptr, size_t *count, size_t *room, size_t element)
{
    uint8_t *array;
    memcpy(&array, array_ptr, sizeof array);
    if (*count == *room) {
        size_t wider = *room ? *room * 2 : 16;
        uint8_t *copy = arena_calloc(&txn->arena, wider, element);
        if (!copy)
            return NULL;
        if (*count > 0)
            memcpy(copy, array, *count * element);
        memcpy(array_ptr, &copy, sizeof copy);
        array = copy;
        *room = wider;
    }
    return array + (*count)++ * element;
}

/* ---------------------------------------------------------------- decoded rows */

enum skp_err txn_page(struct txn *txn, const struct skp_id *bundle_id, unsigned page,
                      struct ws_row **ret_row, struct page_row **ret_page)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_PAGE, key_page(bundle_id, page), &row);
    if (!err && !row->object && row->version > 0) {
        struct page_row *decoded = arena_calloc(&txn->arena, 1, sizeof *decoded);
        err = decoded ? page_row_read(row->value, decoded) : SKP_E_NO_MEMORY;
        if (!err)
            row->object = decoded;
    }
    if (err)
        return err;
    *ret_row = row;
    *ret_page = row->object;
    return SKP_OK;
}

enum skp_err txn_case(struct txn *txn, const struct skp_oin *counsellor,
                      const struct skp_id *case_id, struct ws_row **ret_row,
                      struct case_file **ret_case)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_CASE, key_case(counsellor, case_id), &row);
    if (!err && !row->object && row->version > 0) {
        struct case_file *decoded = arena_calloc(&txn->arena, 1, sizeof *decoded);
        err = decoded ? case_unpack(row->value, &txn->arena, decoded) : SKP_E_NO_MEMORY;
        if (!err)
            row->object = decoded;
    }
    if (err)
        return err;
    *ret_row = row;
    *ret_case = row->object;
    return SKP_OK;
}

/* Packing waits until all calls have decided: a page that is changed by many is packed once. */
static enum skp_err pack_changed(struct txn *txn)
{
    for (size_t i = 0; i < txn->ws.rows.count; i++) {
        struct ws_row *row = map_value_at(&txn->ws.rows, i);
        if (!row->dirty || !row->object)
            continue;
        if (row->table == STORE_PAGE)
            row->value = page_row_pack(row->object, &txn->arena);
        else if (row->table == STORE_CASE)
            row->value = case_pack(row->object, &txn->arena);
        else
            continue;
        if (!row->value.data)
            return SKP_E_NO_MEMORY;
    }
    return SKP_OK;
}

/* ---------------------------------------------------------------- effects */

static enum skp_err next_position(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                                  uint64_t *ret_position)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_MAILBOX, key_mailbox(oin, mailbox), &row);
    if (err)
        return err;
    uint64_t last = 0;
    if (row->value.len > 0 && (err = u64_read(row->value, &last)))
        return err;
    struct span value = u64_pack(last + 1, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(row, value);
    *ret_position = last + 1;
    return SKP_OK;
}

static enum skp_err wake_later(struct txn *txn, const struct skp_oin *oin, const char *mailbox)
{
    for (size_t i = 0; i < txn->wake_count; i++)
        if (oin_equal(&txn->wakes[i].oin, oin) && strcmp(txn->wakes[i].mailbox, mailbox) == 0)
            return SKP_OK;
    struct wake_note *note =
        txn_grow(txn, &txn->wakes, &txn->wake_count, &txn->wake_room, sizeof *note);
    if (!note)
        return SKP_E_NO_MEMORY;
    note->oin = *oin;
    snprintf(note->mailbox, sizeof note->mailbox, "%s", mailbox);
    return SKP_OK;
}

enum skp_err txn_deliver(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                         const struct entry_row *entry)
{
    uint64_t position;
    enum skp_err err = next_position(txn, oin, mailbox, &position);
    if (err)
        return err;
    struct span value = entry_row_pack(entry, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    if ((err = ws_append(&txn->ws, STORE_ENTRY, key_entry(oin, mailbox, position), value)))
        return err;
    return wake_later(txn, oin, mailbox);
}

enum skp_err txn_note(struct txn *txn, const struct skp_oin *counsellor,
                      const struct request_state *request)
{
    struct note *note = txn_grow(txn, &txn->notes, &txn->note_count, &txn->note_room, sizeof *note);
    if (!note)
        return SKP_E_NO_MEMORY;
    *note = (struct note){.counsellor = *counsellor,
                          .case_id = request->case_id,
                          .request_id = request->request_id,
                          .state = request->state,
                          .outcome = request->outcome,
                          .consent = request->consent,
                          .total_cents = request->total_cents};
    return SKP_OK;
}

enum skp_err txn_deadline(struct txn *txn, int64_t due_ms, enum deadline_kind kind,
                          const struct skp_id *object, uint32_t part)
{
    struct span value = u64_pack(txn->sequence, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    return ws_append(&txn->ws, STORE_DEADLINE, key_deadline(due_ms, (uint8_t)kind, object, part),
                     value);
}

/* Journal rows hold as many notes as fit well in one row. */
#define NOTES_PER_ROW 1024

static enum skp_err save_notes(struct txn *txn)
{
    for (size_t at = 0; at < txn->note_count; at += NOTES_PER_ROW) {
        size_t count = txn->note_count - at < NOTES_PER_ROW ? txn->note_count - at : NOTES_PER_ROW;
        struct span value = notes_pack(txn->notes + at, count, &txn->arena);
        if (!value.data)
            return SKP_E_NO_MEMORY;
        enum skp_err err =
            ws_append(&txn->ws, STORE_JOURNAL,
                      key_journal(txn->sequence, (uint32_t)(at / NOTES_PER_ROW)), value);
        if (err)
            return err;
    }
    return SKP_OK;
}

/* ---------------------------------------------------------------- one run */

static enum skp_err txn_init(struct txn *txn, struct engine *engine)
{
    *txn = (struct txn){.engine = engine};
    arena_init(&txn->arena, TXN_ARENA_BYTES);
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
    if (txn->said_count > 0 || txn->note_count > 0)
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
        err = save_notes(txn);
    if (!err)
        err = pack_changed(txn);
    if (!err)
        err = chain_link(txn);
    size_t rows = 0;
    if (!err)
        err = ws_save(&txn->ws, &rows);
    return err ? err : store_commit(txn->engine->store);
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
    engine->next_due_ms = 0;
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
    if (txn->offset_changed)
        clock_set_business_offset(engine->clock, txn->offset_ms);
    if (txn->note_count > 0)
        atomic_store(&engine->fold_wanted, true);
    if (txn->registry_changed) {
        enum skp_err err = store_begin(engine->store);
        if (!err)
            err = engine_load_registry(engine, engine->store);
        store_rollback(engine->store);
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

/* What went wrong, once, in the log; what the callers hear is never more than is known. */
static enum skp_err spoken(struct engine *engine, enum skp_err err)
{
    log_line(LOG_ERROR, "commit_failed", "code=%d name=%s why=%s", (int)err, skp_error_name(err),
             engine->store->why);
    if (err == SKP_E_OUTCOME_UNKNOWN) {
        engine_fail(engine, err,
                    "the disk did not confirm a commit; start again, nothing confirmed is lost");
        return SKP_E_OUTCOME_UNKNOWN;
    }
    return err == SKP_E_DATA_LOSS ? SKP_E_INTERNAL : SKP_E_UNAVAILABLE;
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
        refuse_all(items, spoken(engine, err));
        return;
    }
    for (struct work_item *item = items, *next; item; item = next) {
        next = item->next;
        item->next = NULL;
        run_all(engine, item);
    }
}

void txn_drain(void *ctx, struct work_item *items)
{
    struct engine *engine = ctx;
    if (atomic_load(&engine->failed)) {
        refuse_all(items, SKP_E_UNAVAILABLE);
        return;
    }
    run_all(engine, items);
    enum skp_err err = atomic_load(&engine->failed) ? SKP_OK : store_maintain(engine->store);
    if (err)
        spoken(engine, err);
}
