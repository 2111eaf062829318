/* Collect: the addressee signs "safe with me"; the entries go, the senders hear it with that
 * signature. */
#include "txn.h"

#include "fact.h"
#include "mutant.h"
#include "statement.h"
#include "statements.h"

#include <stdio.h>

struct taken_item {
    size_t item;         /* its place in the statement */
    struct skp_oin lane; /* whose mail it was */
};

struct collect_work {
    Skp__V1__Collect *request;
    Skp__V1__CollectStatement *statement;
    struct merkle_tree tree; /* of the items */
    uint64_t *unknown;
    size_t unknown_count;
    struct taken_item *taken;
    size_t taken_count;
    const struct kept_statement *kept; /* NULL: nobody was told yet */
};

#define PROOF_MAX_BYTES 512 /* of one item: itself, and a path in a tree of FACT_MAX_COLLECTED */

static enum skp_err check_statement(struct engine_call *call, const struct collect_work *work)
{
    const Skp__V1__CollectStatement *statement = work->statement;
    if (strcmp(statement->context, COLLECT_CONTEXT) != 0)
        return engine_refuse(call, SKP_E_DECODE, "statement.context", NULL);
    if (strcmp(statement->participant, call->peer.text) != 0)
        return engine_refuse(call, SKP_E_SENDER_MISMATCH, "statement.participant", NULL);
    if (strlen(statement->mailbox) > MAILBOX_NAME_MAX)
        return engine_refuse(call, SKP_E_TEXT_TOO_LONG, "statement.mailbox", NULL);
    if (MUTANT(collect_unsigned))
        return SKP_OK;
    return engine_check_peer(call, wire_span(work->request->statement), work->request->jws, "jws");
}

/* The items are what was signed. Each sender gets its own with a proof from this tree. */
static enum skp_err check_items(struct engine_call *call, struct collect_work *work)
{
    const Skp__V1__Collect *request = work->request;
    char path[WIRE_PATH_MAX];
    size_t bad;
    if (request->n_items == 0 || request->n_items > FACT_MAX_COLLECTED)
        return engine_refuse(call, SKP_E_DECODE_ITEMS, "items", NULL);
    if (request->n_items != work->statement->item_count)
        return engine_refuse(call, SKP_E_COUNT_MISMATCH, "items", NULL);
    struct skp_hash *room =
        arena_calloc(&call->arena, merkle_tree_room(request->n_items), sizeof *room);
    if (!room)
        return SKP_E_NO_MEMORY;
    if (statement_leaves(request->items, request->n_items, room, &bad)) {
        (void)snprintf(path, sizeof path, "items[%zu].head_hash", bad);
        return engine_refuse(call, SKP_E_HASH_FORMAT, path, NULL);
    }
    work->tree = merkle_tree_make(room, request->n_items, room);
    struct skp_hash root = merkle_tree_root(&work->tree);
    if (!span_equal(wire_span(work->statement->items_root), span_of(root.bytes, HASH_BYTES)) &&
        !MUTANT(items_not_signed))
        return engine_refuse(call, SKP_E_ROOT_MISMATCH, "items", NULL);
    return SKP_OK;
}

/* As many senders as items is the most that is told. */
static size_t weight_of(const Skp__V1__Collect *request)
{
    return request->n_items * (request->statement.len + strlen(request->jws) + PROOF_MAX_BYTES);
}

static enum skp_err verify(struct engine_call *call)
{
    struct collect_work *work = arena_calloc(&call->arena, 1, sizeof *work);
    if (!work)
        return SKP_E_NO_MEMORY;
    call->state = work;
    enum skp_err err = engine_unpack(call, &skp__v1__collect__descriptor, (void *)&work->request);
    if (err)
        return err;
    call->tag = work->request->tag;
    ProtobufCMessage *message;
    char path[WIRE_PATH_MAX] = "";
    err = wire_unpack(&skp__v1__collect_statement__descriptor, wire_span(work->request->statement),
                      &call->arena, path, &message);
    if (err)
        return engine_refuse_in(call, err, "statement", path);
    work->statement = (Skp__V1__CollectStatement *)(void *)message;
    work->unknown = arena_calloc(&call->arena, FACT_MAX_COLLECTED, sizeof *work->unknown);
    work->taken = arena_calloc(&call->arena, FACT_MAX_COLLECTED, sizeof *work->taken);
    if (!work->unknown || !work->taken)
        return SKP_E_NO_MEMORY;
    call->work.weight = weight_of(work->request);
    err = check_items(call, work);
    return err ? err : check_statement(call, work);
}

static struct row_key entry_key(const struct engine_call *call, const struct collect_work *work,
                                uint64_t position)
{
    return key_entry(&call->peer, work->statement->mailbox, position);
}

static enum skp_err want(struct txn *txn, struct engine_call *call)
{
    struct collect_work *work = call->state;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < work->request->n_items; i++)
        err = ws_want(&txn->ws, STORE_ENTRY,
                      entry_key(call, work, work->request->items[i]->position));
    return err;
}

static bool names_bundle(const Skp__V1__CollectedItem *item, const struct entry_row *entry)
{
    return span_equal(wire_span(item->head_hash), span_of(entry->head_hash.bytes, HASH_BYTES));
}

/* How much of this sender's mail was taken; `first` is the first of it. */
static size_t count_of_sender(const struct collect_work *work, size_t first)
{
    size_t count = 0;
    for (size_t i = first; i < work->taken_count; i++)
        count += oin_equal(&work->taken[i].lane, &work->taken[first].lane);
    return count;
}

/* What was taken of this sender's mail, from `first` on, with its proof. */
static enum skp_err tell_items(struct txn *txn, const struct collect_work *work, size_t first,
                               Skp__V1__EventFact *event)
{
    size_t room = count_of_sender(work, first);
    Skp__V1__ProvenItem *items = arena_calloc(&txn->arena, room, sizeof *items);
    event->collected = arena_calloc(&txn->arena, room, sizeof *event->collected);
    if (!items || !event->collected)
        return SKP_E_NO_MEMORY;
    for (size_t i = first; i < work->taken_count; i++) {
        if (!oin_equal(&work->taken[i].lane, &work->taken[first].lane))
            continue;
        const Skp__V1__CollectedItem *item = work->request->items[work->taken[i].item];
        Skp__V1__ProvenItem *proven = &items[event->n_collected];
        skp__v1__proven_item__init(proven);
        proven->index = (uint32_t)work->taken[i].item;
        proven->position = item->position;
        proven->head_hash = item->head_hash;
        event->collected[event->n_collected++] = proven;
    }
    return statement_prove(&work->tree, &txn->arena, event);
}

static bool is_told(const struct collect_work *work, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (oin_equal(&work->taken[i].lane, &work->taken[index].lane))
            return true;
    return false;
}

/* One event per statement and sender, with the statement, its signature, and what of it was this
 * sender's and taken. */
static enum skp_err tell_sender(struct txn *txn, struct engine_call *call,
                                struct collect_work *work, size_t first)
{
    const struct skp_oin *sender = &work->taken[first].lane;
    if (oin_equal(sender, &txn->engine->broker) || is_told(work, first))
        return SKP_OK;
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, &call->peer, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    event->statement = work->request->statement;
    event->jws = work->request->jws;
    enum skp_err err = tell_items(txn, work, first, event);
    if (!err && !work->kept)
        err = statements_keep(txn, work->request, &work->kept);
    return err ? err : txn_say_statement(txn, sender, line, work->kept);
}

static enum skp_err take_item(struct txn *txn, struct engine_call *call, struct collect_work *work,
                              size_t place)
{
    const Skp__V1__CollectedItem *item = work->request->items[place];
    struct ws_row *row;
    struct entry_row entry;
    enum skp_err err = ws_get(&txn->ws, STORE_ENTRY, entry_key(call, work, item->position), &row);
    if (err)
        return err;
    if (row->version == 0 || row->gone ||
        !lease_is_held(&txn->engine->leases, &call->peer, work->statement->mailbox, item->position,
                       call->session)) {
        work->unknown[work->unknown_count++] = item->position;
        return SKP_OK;
    }
    if ((err = entry_row_read(row->value, &entry)))
        return err;
    if (!names_bundle(item, &entry)) {
        work->unknown[work->unknown_count++] = item->position;
        return SKP_OK;
    }
    if (!MUTANT(collected_stays))
        ws_remove(row);
    work->taken[work->taken_count++] = (struct taken_item){.item = place, .lane = entry.lane};
    return SKP_OK;
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    struct collect_work *work = call->state;
    work->taken_count = 0;
    work->unknown_count = 0;
    work->kept = NULL;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < work->request->n_items; i++)
        err = take_item(txn, call, work, i);
    for (size_t i = 0; !err && i < work->taken_count; i++)
        err = tell_sender(txn, call, work, i);
    return err;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    struct collect_work *work = call->state;
    bool wanted = false;
    for (size_t i = 0; i < work->taken_count; i++)
        wanted |=
            lease_collected(&txn->engine->leases, &call->peer, work->statement->mailbox,
                            work->request->items[work->taken[i].item]->position, txn->sequence);
    if (wanted)
        engine_post_wake(txn->engine, &call->peer, work->statement->mailbox);
    Skp__V1__Collected collected;
    skp__v1__collected__init(&collected);
    collected.tag = work->request->tag;
    collected.collected = (uint32_t)work->taken_count;
    collected.n_unknown = work->unknown_count;
    collected.unknown = work->unknown;
    return engine_answer(call, FRAME_COLLECTED, &collected.base);
}

const struct verb verb_collect = {.name = "collect",
                                  .runs_when_full = true,
                                  .verify = verify,
                                  .want = want,
                                  .decide = decide,
                                  .answer = answer};
