/* Collect: the addressee signs "safe with me"; the entries go, the senders hear it with that
 * signature. */
#include "txn.h"

#include "fact.h"
#include "mutant.h"

#include <stdio.h>

struct collect_work {
    Skp__V1__Collect *request;
    Skp__V1__CollectStatement *statement;
    uint32_t collected;
    uint64_t *unknown;
    size_t unknown_count;
    uint64_t *done;        /* positions, for the leases */
    struct skp_oin *lanes; /* whose mail each of them was */
};

/* The statement goes to the senders as it is, in an event: what their clients would not take is not
 * taken here. */
static enum skp_err check_items(struct engine_call *call, const struct collect_work *work)
{
    char path[WIRE_PATH_MAX];
    const Skp__V1__CollectStatement *statement = work->statement;
    for (size_t i = 0; i < statement->n_items; i++) {
        (void)snprintf(path, sizeof path, "statement.items[%zu].head_hash", i);
        if (statement->items[i]->head_hash.len != HASH_BYTES)
            return engine_refuse(call, SKP_E_HASH_FORMAT, path, NULL);
    }
    if (work->request->statement.len > FACT_MAX_STATEMENT)
        return engine_refuse(call, SKP_E_DECODE_ITEMS, "statement", NULL);
    return SKP_OK;
}

static enum skp_err check_statement(struct engine_call *call, struct collect_work *work)
{
    const Skp__V1__CollectStatement *statement = work->statement;
    if (strcmp(statement->context, COLLECT_CONTEXT) != 0)
        return engine_refuse(call, SKP_E_DECODE, "statement.context", NULL);
    if (strcmp(statement->participant, call->peer.text) != 0)
        return engine_refuse(call, SKP_E_SENDER_MISMATCH, "statement.participant", NULL);
    if (strlen(statement->mailbox) > MAILBOX_NAME_MAX)
        return engine_refuse(call, SKP_E_TEXT_TOO_LONG, "statement.mailbox", NULL);
    if (statement->n_items == 0 || statement->n_items > FACT_MAX_COLLECTED)
        return engine_refuse(call, SKP_E_DECODE_ITEMS, "statement.items", NULL);
    enum skp_err err = check_items(call, work);
    if (err || MUTANT(collect_unsigned))
        return err;
    return engine_check_peer(call, wire_span(work->request->statement), work->request->jws, "jws");
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
    work->done = arena_calloc(&call->arena, FACT_MAX_COLLECTED, sizeof *work->done);
    work->lanes = arena_calloc(&call->arena, FACT_MAX_COLLECTED, sizeof *work->lanes);
    if (!work->unknown || !work->done || !work->lanes)
        return SKP_E_NO_MEMORY;
    /* Each sender hears the statement whole: with as many senders as items this is what is told. */
    call->work.weight = work->statement->n_items * call->request.len;
    return check_statement(call, work);
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
    for (size_t i = 0; !err && i < work->statement->n_items; i++)
        err = ws_want(&txn->ws, STORE_ENTRY,
                      entry_key(call, work, work->statement->items[i]->position));
    return err;
}

static bool names_bundle(const Skp__V1__CollectedItem *item, const struct entry_row *entry)
{
    return span_equal(wire_span(item->head_hash), span_of(entry->head_hash.bytes, HASH_BYTES));
}

/* Requests of a collected bundle remember it. */
static enum skp_err mark_pages(struct txn *txn, const struct entry_row *entry)
{
    if (oin_equal(&entry->lane, &txn->engine->broker))
        return SKP_OK; /* the broker asks nothing */
    unsigned pages = (entry->bundle_lines + PAGE_LINES - 1) / PAGE_LINES;
    for (unsigned number = 0; number < pages; number++) {
        struct ws_row *row;
        struct page_row *page;
        enum skp_err err = txn_page(txn, &entry->bundle_id, number, &row, &page);
        if (err)
            return err;
        if (!page)
            continue;
        for (size_t i = 0; i < page->count; i++)
            if (page->requests[i].state != 0 &&
                (!entry->partial || mask_has(&entry->mask, number * PAGE_LINES + i)))
                page->requests[i].flags |= REQUEST_COLLECTED;
        ws_changed(row);
    }
    return SKP_OK;
}

/* Positions of this sender's mail, from `first` on. NULL: no memory. */
static uint64_t *positions_of(struct txn *txn, const struct collect_work *work, size_t first,
                              size_t *ret_count)
{
    uint64_t *positions = arena_calloc(&txn->arena, work->collected - first, sizeof *positions);
    size_t count = 0;
    for (size_t i = first; positions && i < work->collected; i++)
        if (oin_equal(&work->lanes[i], &work->lanes[first]))
            positions[count++] = work->done[i];
    *ret_count = count;
    return positions;
}

static bool is_told(const struct collect_work *work, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (oin_equal(&work->lanes[i], &work->lanes[index]))
            return true;
    return false;
}

/* One event per statement and sender, with the statement, its signature, and what of it was this
 * sender's and taken: the statement also names what is of others, or was answered as unknown. */
static enum skp_err tell_sender(struct txn *txn, struct engine_call *call,
                                const struct collect_work *work, size_t first)
{
    const struct skp_oin *sender = &work->lanes[first];
    if (oin_equal(sender, &txn->engine->broker) || is_told(work, first))
        return SKP_OK;
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, &call->peer, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    event->collected = positions_of(txn, work, first, &event->n_collected);
    if (!event->collected)
        return SKP_E_NO_MEMORY;
    event->statement = work->request->statement;
    event->jws = work->request->jws;
    return txn_say(txn, sender, line);
}

static enum skp_err take_item(struct txn *txn, struct engine_call *call, struct collect_work *work,
                              const Skp__V1__CollectedItem *item)
{
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
    work->lanes[work->collected] = entry.lane;
    work->done[work->collected++] = item->position;
    return mark_pages(txn, &entry);
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    struct collect_work *work = call->state;
    work->collected = 0;
    work->unknown_count = 0;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < work->statement->n_items; i++)
        err = take_item(txn, call, work, work->statement->items[i]);
    for (size_t i = 0; !err && i < work->collected; i++)
        err = tell_sender(txn, call, work, i);
    return err;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    struct collect_work *work = call->state;
    bool wanted = false;
    for (size_t i = 0; i < work->collected; i++)
        wanted |= lease_collected(&txn->engine->leases, &call->peer, work->statement->mailbox,
                                  work->done[i], txn->sequence);
    if (wanted)
        engine_post_wake(txn->engine, &call->peer, work->statement->mailbox);
    Skp__V1__Collected collected;
    skp__v1__collected__init(&collected);
    collected.tag = work->request->tag;
    collected.collected = work->collected;
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
