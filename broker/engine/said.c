/* What the broker itself tells: facts of a transaction, as signed batches like anybody else's. */
#include "statements.h"

#include <stdlib.h>

enum skp_err txn_say(struct txn *txn, const struct skp_oin *recipient, Skp__V1__Line *line)
{
    return txn_say_statement(txn, recipient, line, NULL);
}

enum skp_err txn_say_statement(struct txn *txn, const struct skp_oin *recipient,
                               Skp__V1__Line *line, const struct kept_statement *kept)
{
    struct said_line *said =
        txn_grow(txn, &txn->said, &txn->said_count, &txn->said_room, sizeof *said);
    if (!said)
        return SKP_E_NO_MEMORY;
    said->recipient = *recipient;
    said->line = line;
    said->kept = kept;
    return SKP_OK;
}

Skp__V1__EventFact *txn_event(struct txn *txn, Skp__V1__EventKind kind, const struct skp_oin *other,
                              Skp__V1__Line **ret_line)
{
    Skp__V1__Line *line = arena_calloc(&txn->arena, 1, sizeof *line);
    Skp__V1__EventFact *event = arena_calloc(&txn->arena, 1, sizeof *event);
    struct skp_id id = id_pool_take(&txn->ids);
    uint8_t *id_bytes = arena_copy(&txn->arena, id.bytes, ID_BYTES);
    char *name = other ? arena_copy(&txn->arena, other->text, sizeof other->text) : wire_text("");
    if (!line || !event || !id_bytes || !name)
        return NULL;
    skp__v1__line__init(line);
    skp__v1__event_fact__init(event);
    line->fact_case = SKP__V1__LINE__FACT_EVENT;
    line->event = event;
    event->event_id = wire_bytes(span_of(id_bytes, ID_BYTES));
    event->version = 1;
    event->kind = kind;
    event->happened_at_ms = txn->now_ms;
    event->other = name;
    *ret_line = line;
    return event;
}

static int by_recipient(const void *a, const void *b)
{
    const struct said_line *left = a;
    const struct said_line *right = b;
    int order = strcmp(left->recipient.text, right->recipient.text);
    if (order == 0)
        order = (left->kept != NULL) - (right->kept != NULL);
    return order != 0 ? order : (left->place > right->place) - (left->place < right->place);
}

/* One batch in the making. */
struct said_batch {
    struct txn *txn;
    struct envelope_writer *writer; /* NULL: none open */
    struct skp_id batch_id;
    const struct said_line **firsts; /* the first line of each bundle; the others follow it */
    size_t bundle_count, bundle_room;
};

static enum skp_err save_bundle(struct said_batch *batch, const struct envelope_batch *made,
                                const struct merkle_tree *heads, size_t index)
{
    struct txn *txn = batch->txn;
    struct skp_hash path[MERKLE_MAX_PATH];
    size_t path_len = merkle_tree_path(heads, index, path);
    struct envelope_head head;
    char where[WIRE_PATH_MAX] = "";
    enum skp_err err = envelope_read_head(made->heads[index], &txn->arena, where, &head);
    if (err)
        return err;
    struct skp_hash head_hash = sha256(made->heads[index]);
    const struct said_line *lines = batch->firsts[index];
    const struct skp_oin *recipient = &lines->recipient;
    struct bundle_row row = {.sender = txn->engine->broker,
                             .batch_id = batch->batch_id,
                             .bundle_index = (uint32_t)index,
                             .recipient = *recipient,
                             .line_count = head.line_count,
                             .head_hash = head_hash,
                             .path = span_of(path, path_len * HASH_BYTES),
                             .body = made->bundles[index]};
    if ((err = statements_leave_out(&txn->arena, lines, head.line_count, &row)))
        return err;
    struct span value = bundle_row_pack(&row, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    if ((err = ws_append(&txn->ws, STORE_BUNDLE, key_bundle(&head.bundle_id), value)))
        return err;
    struct entry_row entry = {.bundle_id = head.bundle_id,
                              .head_hash = head_hash,
                              .bundle_lines = head.line_count,
                              .lane = txn->engine->broker,
                              .stored_at_ms = txn->now_ms};
    uint64_t position;
    err = txn_position(txn, recipient, "", &position);
    return err ? err : txn_deliver(txn, recipient, "", position, &entry);
}

static enum skp_err save_row(struct said_batch *batch, const struct envelope_batch *made)
{
    struct txn *txn = batch->txn;
    struct batch_row row = {.header = made->header,
                            .jws = span_text(made->jws),
                            .root = made->root,
                            .commit = txn->sequence};
    struct span value = batch_row_pack(&row, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    return ws_append(&txn->ws, STORE_BATCH, key_batch(&txn->engine->broker, &batch->batch_id),
                     value);
}

static enum skp_err close_batch(struct said_batch *batch)
{
    struct txn *txn = batch->txn;
    struct envelope_batch made;
    enum skp_err err = envelope_finish(batch->writer, txn->signer, txn->real_ms, &made);
    if (err)
        return err;
    batch->writer = NULL;
    struct skp_hash *leaves =
        arena_calloc(&txn->arena, merkle_tree_room(made.bundle_count), sizeof *leaves);
    if (!leaves)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < made.bundle_count; i++)
        leaves[i] = merkle_leaf(made.heads[i]);
    struct merkle_tree heads = merkle_tree_make(leaves, made.bundle_count, leaves);
    err = save_row(batch, &made);
    for (size_t i = 0; !err && i < made.bundle_count; i++)
        err = save_bundle(batch, &made, &heads, i);
    return err;
}

static enum skp_err open_bundle(struct said_batch *batch, const struct said_line *first)
{
    struct txn *txn = batch->txn;
    struct skp_id ignored;
    enum skp_err err =
        envelope_bundle_begin(batch->writer, &first->recipient, "", NULL, 0, &ignored);
    if (err)
        return err;
    const struct said_line **slot =
        txn_grow(txn, &batch->firsts, &batch->bundle_count, &batch->bundle_room, sizeof *slot);
    if (!slot)
        return SKP_E_NO_MEMORY;
    *slot = first;
    return SKP_OK;
}

static enum skp_err open_batch(struct said_batch *batch, const struct said_line *first)
{
    struct txn *txn = batch->txn;
    batch->batch_id = id_is_nil(&txn->said_id) ? id_new_at(txn->real_ms) : txn->said_id;
    txn->said_id = (struct skp_id){{0}};
    batch->firsts = NULL;
    batch->bundle_count = batch->bundle_room = 0;
    batch->writer = envelope_writer_new(&txn->arena, &txn->engine->broker, NULL, &batch->batch_id);
    return batch->writer ? open_bundle(batch, first) : SKP_E_NO_MEMORY;
}

/* Lines with a statement have bundles of their own: one that is damaged takes no other news with it. */
static bool go_together(const struct said_line *a, const struct said_line *b)
{
    return oin_equal(&a->recipient, &b->recipient) && (a->kept != NULL) == (b->kept != NULL);
}

/* The line goes into the open bundle, else into a new one, else into a new batch. */
static enum skp_err add_line(struct said_batch *batch, const struct said_line *said)
{
    bool same = batch->writer && batch->bundle_count > 0 &&
                go_together(batch->firsts[batch->bundle_count - 1], said);
    enum skp_err err = SKP_E_BATCH_TOO_LARGE;
    if (same)
        err = envelope_line_add(batch->writer, said->line, span_of(NULL, 0), NULL);
    if (err == SKP_E_BATCH_TOO_LARGE && batch->writer) {
        err = open_bundle(batch, said);
        if (!err)
            err = envelope_line_add(batch->writer, said->line, span_of(NULL, 0), NULL);
    }
    if (err != SKP_E_BATCH_TOO_LARGE)
        return err;
    err = batch->writer ? close_batch(batch) : SKP_OK;
    if (!err)
        err = open_batch(batch, said);
    return err ? err : envelope_line_add(batch->writer, said->line, span_of(NULL, 0), NULL);
}

enum skp_err said_flush(struct txn *txn)
{
    if (txn->said_count == 0)
        return SKP_OK;
    struct said_batch batch = {.txn = txn};
    /* What one recipient hears keeps its order, statements of collection apart. */
    for (size_t i = 0; i < txn->said_count; i++)
        txn->said[i].place = i;
    qsort(txn->said, txn->said_count, sizeof *txn->said, by_recipient);
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < txn->said_count; i++)
        err = add_line(&batch, &txn->said[i]);
    if (!err && batch.writer)
        err = close_batch(&batch);
    return err;
}
