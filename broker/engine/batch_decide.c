/* Deciding a batch: dedup, then its bundles, those to the broker first, so that requests find their
 * cases. */
#include "batch_work.h"

#include "fact.h"
#include "mutant.h"
#include "workflow.h"

#include <stdlib.h>

/* ---------------------------------------------------------------- want */

static enum skp_err want_line(struct txn *txn, const struct batch_work *work,
                              const struct batch_line *line)
{
    struct skp_id id;
    const Skp__V1__Line *fact = line->fact;
    if (line->read_err)
        return SKP_OK;
    if (fact->fact_case == SKP__V1__LINE__FACT_REQUEST)
        return ws_want(
            &txn->ws, STORE_PAGE,
            key_page(&work->bundles[line->bundle].head.bundle_id, line->line / PAGE_LINES));
    if (fact->fact_case == SKP__V1__LINE__FACT_CASE_FACT)
        return ws_want(&txn->ws, STORE_CASE, key_case(&work->header.sender, &line->item_id));
    if (fact->fact_case == SKP__V1__LINE__FACT_RECORDED &&
        id_take(wire_span(fact->recorded->case_id), &id))
        return ws_want(&txn->ws, STORE_CASE, key_case(&work->header.sender, &id));
    if (fact->fact_case == SKP__V1__LINE__FACT_ANSWER &&
        id_take(wire_span(fact->answer->request_bundle_id), &id))
        return ws_want(&txn->ws, STORE_PAGE,
                       key_page(&id, fact->answer->request_line / PAGE_LINES));
    return SKP_OK;
}

enum skp_err batch_want(struct txn *txn, struct engine_call *call)
{
    struct batch_work *work = call->state;
    enum skp_err err =
        ws_want(&txn->ws, STORE_BATCH, key_batch(&work->header.sender, &work->header.batch_id));
    for (size_t i = 0; !err && i < work->bundle_count; i++) {
        const struct envelope_head *head = &work->bundles[i].head;
        if (oin_equal(&head->recipient, &txn->engine->broker))
            continue;
        err = ws_want_version(&txn->ws, STORE_BUNDLE, key_bundle(&head->bundle_id));
        if (!err && strlen(head->mailbox) <= MAILBOX_NAME_MAX)
            err = ws_want(&txn->ws, STORE_MAILBOX, key_mailbox(&head->recipient, head->mailbox));
    }
    for (size_t i = 0; !err && i < work->line_count; i++)
        err = want_line(txn, work, &work->lines[i]);
    return err;
}

/* ---------------------------------------------------------------- verdicts */

void batch_refuse(struct batch_line *line, enum skp_err err, const char *path)
{
    line->err = err;
    line->path = path;
}

void batch_take(struct batch_run *run, struct batch_line *line)
{
    line->taken = true;
    run->work->stored++;
}

void batch_no_effect(struct batch_run *run)
{
    run->work->stored++;
    run->work->without_effect++;
}

static void refuse_bundle(struct batch_run *run, const struct batch_bundle *bundle,
                          enum skp_err err, const char *path)
{
    for (size_t n = 0; n < bundle->head.line_count; n++) {
        struct batch_line *line = &run->work->lines[bundle->first_line + n];
        if (!line->err)
            batch_refuse(line, err, path);
    }
}

/* ---------------------------------------------------------------- rows of a bundle */

enum skp_err batch_save_bundle(struct batch_run *run, const struct batch_bundle *bundle)
{
    struct txn *txn = run->txn;
    size_t index = (size_t)(bundle - run->work->bundles);
    struct skp_hash path[MERKLE_MAX_PATH];
    size_t path_len = merkle_tree_path(&run->work->heads, index, path);
    struct bundle_row row = {.sender = run->work->header.sender,
                             .batch_id = run->work->header.batch_id,
                             .bundle_index = (uint32_t)index,
                             .recipient = bundle->head.recipient,
                             .line_count = bundle->head.line_count,
                             .head_hash = bundle->head_hash,
                             .path = span_of(path, path_len * HASH_BYTES),
                             .body = bundle->body};
    struct span value = bundle_row_pack(&row, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    return ws_append(&txn->ws, STORE_BUNDLE, key_bundle(&bundle->head.bundle_id), value);
}

enum skp_err batch_position(struct batch_run *run, const struct batch_bundle *bundle,
                            uint64_t *ret_position)
{
    return txn_position(run->txn, &bundle->head.recipient, bundle->head.mailbox, ret_position);
}

enum skp_err batch_deliver(struct batch_run *run, const struct batch_bundle *bundle,
                           uint64_t position, const struct line_mask *mask, size_t mask_count)
{
    struct entry_row entry = {.bundle_id = bundle->head.bundle_id,
                              .head_hash = bundle->head_hash,
                              .bundle_lines = bundle->head.line_count,
                              .lane = run->work->header.sender,
                              .stored_at_ms = run->txn->now_ms,
                              .partial = mask_count < bundle->head.line_count &&
                                         !MUTANT(refused_line_delivered),
                              .mask = *mask};
    return txn_deliver(run->txn, &bundle->head.recipient, bundle->head.mailbox, position, &entry);
}

/* ---------------------------------------------------------------- a bundle */

static bool bundle_id_is_used(struct batch_run *run, const struct batch_bundle *bundle,
                              enum skp_err *ret_err)
{
    bool exists = false;
    *ret_err = ws_exists(&run->txn->ws, STORE_BUNDLE, key_bundle(&bundle->head.bundle_id), &exists);
    return exists && !MUTANT(bundle_id_used_twice);
}

/* Roles are checked line by line; what remains is one kind of fact to one kind of recipient. */
static void check_roles(struct batch_run *run, const struct batch_bundle *bundle,
                        uint32_t recipient_roles)
{
    for (size_t n = 0; n < bundle->head.line_count; n++) {
        struct batch_line *line = &run->work->lines[bundle->first_line + n];
        if (line->err)
            continue;
        enum skp_err err = registry_may_say(run->roles, recipient_roles, line->fact->fact_case);
        if (err)
            batch_refuse(line, err, "");
        else if ((err = workflow_takes(line->fact)))
            batch_refuse(line, err, fact_name(line->fact));
    }
}

static enum skp_err decide_sealed(struct batch_run *run, struct batch_bundle *bundle)
{
    const struct registry_participant *recipient =
        registry_find(run->txn->registry, &bundle->head.recipient);
    enum skp_err err = SKP_OK;
    if (!recipient || oin_equal(&recipient->oin, &run->work->header.sender))
        refuse_bundle(run, bundle, recipient ? SKP_E_RECIPIENT_SELF : SKP_E_RECIPIENT_UNKNOWN,
                      "recipient");
    else if (!registry_record_of(recipient, bundle->head.mailbox))
        refuse_bundle(run, bundle, SKP_E_RECIPIENT_NOT_CONNECTED, "recipient");
    else if (bundle_id_is_used(run, bundle, &err))
        refuse_bundle(run, bundle, SKP_E_ID_REUSED, "bundle_id");
    else if (!err) {
        check_roles(run, bundle, recipient->roles);
        err = batch_decide_requests(run, bundle, recipient);
        if (!err)
            err = batch_decide_answers(run, bundle);
    }
    return err;
}

static enum skp_err decide_own(struct batch_run *run, struct batch_bundle *bundle)
{
    check_roles(run, bundle, 0);
    return batch_decide_own(run, bundle);
}

static enum skp_err decide_bundles(struct batch_run *run)
{
    struct batch_work *work = run->work;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < work->bundle_count; i++)
        if (oin_equal(&work->bundles[i].head.recipient, &run->txn->engine->broker))
            err = decide_own(run, &work->bundles[i]);
    for (size_t i = 0; !err && i < work->bundle_count; i++)
        if (!oin_equal(&work->bundles[i].head.recipient, &run->txn->engine->broker))
            err = decide_sealed(run, &work->bundles[i]);
    return err;
}

/* ---------------------------------------------------------------- a batch */

static void start_over(struct batch_work *work)
{
    work->stored = work->without_effect = 0;
    work->again = work->duplicate = false;
    for (size_t i = 0; i < work->line_count; i++) {
        work->lines[i].err = work->lines[i].read_err;
        work->lines[i].path = work->lines[i].read_path;
        work->lines[i].taken = false;
    }
}

/* Sent before: the original receipt, or ID_REUSED for other bytes. */
static enum skp_err decide_again(struct txn *txn, struct engine_call *call,
                                 const struct ws_row *row)
{
    struct batch_work *work = call->state;
    struct batch_row original;
    enum skp_err err = batch_row_read(row->value, &original);
    if (err)
        return err;
    if (!span_equal(original.header, work->header_bytes) && !MUTANT(other_bytes_taken)) {
        engine_refuse(call, SKP_E_ID_REUSED, "header.batch_id", NULL);
        return SKP_OK;
    }
    struct ws_row *link;
    err = ws_get(&txn->ws, STORE_COMMIT, key_commit(original.commit), &link);
    if (!err && link->version == 0)
        err = SKP_E_DATA_LOSS;
    if (!err)
        err = commit_row_read(link->value, &work->original_commit);
    work->original = original;
    work->duplicate = true;
    return err;
}

static enum skp_err note_taken(struct txn *txn, struct engine_call *call)
{
    struct batch_work *work = call->state;
    struct skp_hash *leaf =
        txn_grow(txn, &txn->taken, &txn->taken_count, &txn->taken_room, sizeof *leaf);
    struct engine_call **slot = txn_grow(txn, &txn->receipts, &txn->receipt_count,
                                         &txn->receipt_room, sizeof(struct engine_call *));
    if (!leaf || !slot)
        return SKP_E_NO_MEMORY;
    *leaf = chain_taken_leaf(work->header_bytes, work->jws);
    *slot = call;
    return SKP_OK;
}

static enum skp_err decide_new(struct txn *txn, struct engine_call *call,
                               const struct registry_participant *sender)
{
    struct batch_run run = {.txn = txn, .call = call, .work = call->state, .roles = sender->roles};
    enum skp_err err = map_init(&run.cases, ID_BYTES, 64, (size_t)BATCH_MAX_LINES * 256);
    if (!err)
        err = decide_bundles(&run);
    map_fini(&run.cases);
    return err ? err : note_taken(txn, call);
}

static bool stands_earlier(const struct txn *txn, const struct batch_work *work)
{
    for (size_t i = 0; i < txn->receipt_count; i++) {
        const struct batch_work *other = txn->receipts[i]->state;
        if (oin_equal(&other->header.sender, &work->header.sender) &&
            id_equal(&other->header.batch_id, &work->header.batch_id))
            return true;
    }
    return false;
}

enum skp_err batch_decide(struct txn *txn, struct engine_call *call)
{
    struct batch_work *work = call->state;
    start_over(work);
    const struct registry_participant *sender = registry_find(txn->registry, &work->header.sender);
    if (!sender) {
        engine_refuse(call, SKP_E_NOT_REGISTERED, "header.sender", NULL);
        return SKP_OK;
    }
    if (stands_earlier(txn, work)) {
        work->again = true;
        return SKP_OK;
    }
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_BATCH,
                              key_batch(&work->header.sender, &work->header.batch_id), &row);
    if (err)
        return err;
    bool is_known = row->version > 0 && !MUTANT(dedup_off);
    return is_known ? decide_again(txn, call, row) : decide_new(txn, call, sender);
}

/* ---------------------------------------------------------------- answer */

static enum skp_err answer_receipt(struct engine_call *call, struct span body, struct span path,
                                   uint32_t index, struct span header, struct span jws,
                                   bool duplicate)
{
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    ProtobufCBinaryData hashes[MERKLE_MAX_PATH];
    char *text = engine_text(&call->arena, jws);
    if (!text)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < path.len / HASH_BYTES; i++)
        hashes[i] = wire_bytes(span_of(path.data + i * HASH_BYTES, HASH_BYTES));
    receipt.body = wire_bytes(body);
    receipt.n_path = path.len / HASH_BYTES;
    receipt.path = hashes;
    receipt.index = index;
    receipt.commit = wire_bytes(header);
    receipt.jws = text;
    receipt.duplicate = duplicate;
    return engine_answer(call, FRAME_RECEIPT, &receipt.base);
}

enum skp_err batch_answer(struct txn *txn, struct engine_call *call)
{
    struct batch_work *work = call->state;
    if (work->again)
        return engine_refuse(call, SKP_E_BUSY, "header.batch_id", "the same batch is being stored");
    if (work->duplicate)
        return answer_receipt(call, work->original.receipt, work->original.receipt_path,
                              work->original.receipt_index, work->original_commit.header,
                              work->original_commit.jws, true);
    return answer_receipt(
        call, work->receipt_body, span_of(work->receipt_path, work->receipt_path_len * HASH_BYTES),
        work->receipt_index, txn->commit_header, span_text(txn->commit_jws), false);
}
