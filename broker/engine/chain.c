/* The broker's hash chain: one signed link per commit over the receipts it gives and the batches it
 * took. */
#include "batch_work.h"
#include "txn.h"

struct skp_hash chain_taken_leaf(struct span header, struct span jws)
{
    uint8_t zero = 0;
    struct span parts[] = {span_of(&zero, 1), header, jws};
    return sha256_spans(parts, 3);
}

/* ---------------------------------------------------------------- receipts */

/* Beyond this, refusals are named without their paths. */
#define RECEIPT_MAX_BYTES (FRAME_MAX_BYTES - (size_t)32 * 1024)

#define REFUSAL_BYTES ((size_t)29)       /* without its path: bundle, line, item and code */
#define REST_BYTES    ((size_t)8 * 1024) /* texts and other fields, the commit and the way to it */
#define LONGEST_BYTES (REFUSAL_BYTES * BATCH_MAX_LINES + REST_BYTES + JWS_MAX_BYTES)
_Static_assert(LONGEST_BYTES <= FRAME_MAX_BYTES, "a receipt may refuse every line of a batch");

static void fill_texts(Skp__V1__ReceiptBody *body, Skp__V1__ErrorText *texts,
                       Skp__V1__ErrorText **pointers)
{
    for (size_t i = 0; i < body->n_refusals; i++) {
        uint32_t code = body->refusals[i]->code;
        size_t seen = 0;
        while (seen < body->n_texts && pointers[seen]->code != code)
            seen++;
        if (seen < body->n_texts)
            continue;
        const struct skp_error_info *info = skp_error((enum skp_err)code);
        skp__v1__error_text__init(&texts[seen]);
        texts[seen].code = code;
        texts[seen].name = wire_text(info->name);
        texts[seen].sentence = wire_text(info->sentence);
        texts[seen].remedy = wire_text(info->remedy);
        texts[seen].retry = (Skp__V1__Retry)info->retry;
        pointers[seen] = &texts[seen];
        body->n_texts++;
    }
    body->texts = pointers;
}

static enum skp_err fill_refusals(const struct batch_work *work, struct arena *arena,
                                  Skp__V1__ReceiptBody *body)
{
    size_t max = work->line_count + 1;
    Skp__V1__Refusal *refusals = arena_calloc(arena, max, sizeof *refusals);
    body->refusals = arena_calloc(arena, max, sizeof *body->refusals);
    unsigned codes;
    skp_error_list(&codes);
    Skp__V1__ErrorText *texts = arena_calloc(arena, codes, sizeof *texts);
    Skp__V1__ErrorText **pointers = arena_calloc(arena, codes, sizeof(Skp__V1__ErrorText *));
    if (!refusals || !body->refusals || !texts || !pointers)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < work->line_count; i++) {
        const struct batch_line *line = &work->lines[i];
        if (!line->err)
            continue;
        Skp__V1__Refusal *refusal = &refusals[body->n_refusals];
        skp__v1__refusal__init(refusal);
        refusal->bundle = line->bundle;
        refusal->line = line->line;
        if (!id_is_nil(&line->item_id))
            refusal->item_id = wire_id(&line->item_id);
        refusal->code = (uint32_t)line->err;
        refusal->path = wire_text(line->path ? line->path : "");
        body->refusals[body->n_refusals++] = refusal;
    }
    fill_texts(body, texts, pointers);
    return SKP_OK;
}

static enum skp_err pack_receipt(struct txn *txn, struct engine_call *call)
{
    struct batch_work *work = call->state;
    Skp__V1__ReceiptBody body;
    skp__v1__receipt_body__init(&body);
    body.context = wire_text(RECEIPT_CONTEXT);
    body.sender = work->header.sender.text;
    body.batch_id = wire_id(&work->header.batch_id);
    body.batch_root = wire_bytes(span_of(work->header.root.bytes, HASH_BYTES));
    body.stored = work->stored;
    body.without_effect = work->without_effect;
    body.stored_at_ms = txn->now_ms;
    enum skp_err err = fill_refusals(work, &txn->arena, &body);
    if (err)
        return err;
    /* A batch can be wrong at more places than a frame has room to name. */
    if (skp__v1__receipt_body__get_packed_size(&body) > RECEIPT_MAX_BYTES)
        for (size_t i = 0; i < body.n_refusals; i++)
            body.refusals[i]->path = wire_text("");
    /* The answer is packed after the transaction's memory could be gone: the body lives with the
     * call. */
    work->receipt_body = wire_pack(&body.base, &call->arena);
    return work->receipt_body.data ? SKP_OK : SKP_E_NO_MEMORY;
}

static enum skp_err make_receipts(struct txn *txn, struct skp_hash *leaves)
{
    for (size_t i = 0; i < txn->receipt_count; i++) {
        struct batch_work *work = txn->receipts[i]->state;
        enum skp_err err = pack_receipt(txn, txn->receipts[i]);
        if (err)
            return err;
        leaves[i] = merkle_leaf(work->receipt_body);
        work->receipt_index = (uint32_t)i;
    }
    return SKP_OK;
}

static enum skp_err save_batch(struct txn *txn, struct engine_call *call,
                               const struct merkle_tree *receipts)
{
    struct batch_work *work = call->state;
    work->receipt_path_len = merkle_tree_path(receipts, work->receipt_index, work->receipt_path);
    struct batch_row row = {.header = work->header_bytes,
                            .jws = work->jws,
                            .root = work->header.root,
                            .commit = txn->sequence,
                            .receipt = work->receipt_body,
                            .receipt_index = work->receipt_index,
                            .receipt_path =
                                span_of(work->receipt_path, work->receipt_path_len * HASH_BYTES)};
    struct span value = batch_row_pack(&row, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    return ws_append(&txn->ws, STORE_BATCH, key_batch(&work->header.sender, &work->header.batch_id),
                     value);
}

/* ---------------------------------------------------------------- the link */

static enum skp_err sign_header(struct txn *txn, const struct skp_hash *receipts_root,
                                const struct skp_hash *taken_root)
{
    struct engine *engine = txn->engine;
    Skp__V1__CommitHeader header;
    skp__v1__commit_header__init(&header);
    header.context = wire_text(COMMIT_CONTEXT);
    header.broker = engine->broker.text;
    header.store_id = wire_id(&engine->store_id);
    header.sequence = txn->sequence;
    header.previous = wire_bytes(span_of(engine->chain.hash.bytes, HASH_BYTES));
    header.receipts_root = wire_bytes(span_of(receipts_root->bytes, HASH_BYTES));
    header.receipt_count = (uint32_t)txn->receipt_count;
    header.taken_root = wire_bytes(span_of(taken_root->bytes, HASH_BYTES));
    header.committed_at_ms = txn->real_ms;
    header.play = engine->play;
    txn->commit_header = wire_pack(&header.base, &txn->arena);
    if (!txn->commit_header.data)
        return SKP_E_NO_MEMORY;
    txn->commit_hash = sha256(txn->commit_header);
    return jws_sign(txn->signer, txn->commit_header, txn->real_ms, &txn->arena, &txn->commit_jws);
}

static enum skp_err save_link(struct txn *txn)
{
    struct commit_row row = {.header = txn->commit_header, .jws = span_text(txn->commit_jws)};
    struct chain_mark mark = {.sequence = txn->sequence, .hash = txn->commit_hash};
    struct span link = commit_row_pack(&row, &txn->arena);
    struct span head = chain_mark_pack(&mark, &txn->arena);
    if (!link.data || !head.data)
        return SKP_E_NO_MEMORY;
    enum skp_err err = ws_append(&txn->ws, STORE_COMMIT, key_commit(txn->sequence), link);
    struct ws_row *chain;
    if (!err)
        err = ws_get(&txn->ws, STORE_META, key_meta(META_CHAIN), &chain);
    if (!err)
        ws_put(chain, head);
    return err;
}

enum skp_err chain_link(struct txn *txn)
{
    size_t count = txn->receipt_count;
    struct skp_hash root = {{0}}; /* of no receipts */
    struct skp_hash taken = {{0}};
    struct skp_hash *leaves = arena_calloc(&txn->arena, merkle_tree_room(count), sizeof *leaves);
    if (!leaves)
        return SKP_E_NO_MEMORY;
    enum skp_err err = make_receipts(txn, leaves);
    if (!err && count > 0) {
        struct merkle_tree receipts = merkle_tree_make(leaves, count, leaves);
        root = merkle_tree_root(&receipts);
        for (size_t i = 0; !err && i < count; i++)
            err = save_batch(txn, txn->receipts[i], &receipts);
    }
    if (err)
        return err;
    if (txn->taken_count > 0)
        taken = merkle_root(txn->taken, txn->taken_count);
    err = sign_header(txn, &root, &taken);
    return err ? err : save_link(txn);
}
