#include "statement.h"

#include "fact.h"

#include <assert.h>

struct skp_hash statement_leaf(uint64_t position, const struct skp_hash *head_hash)
{
    uint8_t data[sizeof position + HASH_BYTES];
    for (size_t i = 0; i < sizeof position; i++)
        data[i] = (uint8_t)(position >> (8 * (sizeof position - 1 - i)));
    memcpy(data + sizeof position, head_hash->bytes, HASH_BYTES);
    return merkle_leaf(span_of(data, sizeof data));
}

enum skp_err statement_leaves(Skp__V1__CollectedItem *const *items, size_t count,
                              struct skp_hash *ret_leaves, size_t *ret_bad)
{
    struct skp_hash head_hash;
    for (size_t i = 0; i < count; i++) {
        if (!hash_take(wire_span(items[i]->head_hash), &head_hash)) {
            *ret_bad = i;
            return SKP_E_HASH_FORMAT;
        }
        ret_leaves[i] = statement_leaf(items[i]->position, &head_hash);
    }
    return SKP_OK;
}

/* ---------------------------------------------------------------- making */

/* The items by address, as protobuf-c wants them. */
static enum skp_err list_items(const Skp__V1__CollectedItem *items, size_t count,
                               struct arena *arena, Skp__V1__Collect *collect)
{
    Skp__V1__CollectedItem *copies = arena_copy(arena, items, count * sizeof *items);
    collect->items = arena_calloc(arena, count, sizeof *collect->items);
    if (!copies || !collect->items)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        collect->items[i] = &copies[i];
    collect->n_items = count;
    return SKP_OK;
}

static enum skp_err root_of(const Skp__V1__Collect *collect, struct arena *arena,
                            struct skp_hash *ret_root)
{
    size_t bad;
    struct skp_hash *leaves = arena_calloc(arena, collect->n_items, sizeof *leaves);
    if (!leaves)
        return SKP_E_NO_MEMORY;
    enum skp_err err = statement_leaves(collect->items, collect->n_items, leaves, &bad);
    if (!err)
        *ret_root = merkle_root(leaves, collect->n_items);
    return err;
}

enum skp_err statement_make(const struct keypair *signer, const struct skp_oin *participant,
                            const char *mailbox, const Skp__V1__CollectedItem *items, size_t count,
                            int64_t at_ms, struct arena *arena, Skp__V1__Collect *ret_collect)
{
    Skp__V1__CollectStatement statement;
    Skp__V1__Collect collect;
    struct skp_hash root;
    const char *jws;
    skp__v1__collect_statement__init(&statement);
    skp__v1__collect__init(&collect);
    enum skp_err err = list_items(items, count, arena, &collect);
    if (!err)
        err = root_of(&collect, arena, &root);
    if (err)
        return err;
    statement.context = wire_text(COLLECT_CONTEXT);
    statement.participant = wire_text(participant->text);
    statement.mailbox = wire_text(mailbox);
    statement.item_count = (uint32_t)count;
    statement.collected_at_ms = at_ms;
    statement.items_root = wire_bytes(span_of(root.bytes, HASH_BYTES));
    struct span bytes = wire_pack(&statement.base, arena);
    if (!bytes.data)
        return SKP_E_NO_MEMORY;
    if ((err = jws_sign(signer, bytes, at_ms, arena, &jws)))
        return err;
    collect.statement = wire_bytes(bytes);
    collect.jws = wire_text(jws);
    *ret_collect = collect;
    return SKP_OK;
}

/* ---------------------------------------------------------------- proving some of them */

enum skp_err statement_prove(const struct merkle_tree *items, struct arena *arena,
                             Skp__V1__EventFact *event)
{
    struct merkle_place places[FACT_MAX_COLLECTED];
    struct skp_hash proof[FACT_MAX_COLLECTED];
    assert(items->count <= FACT_MAX_COLLECTED && event->n_collected <= items->count);
    for (size_t i = 0; i < event->n_collected; i++)
        places[i].index = event->collected[i]->index;
    size_t len = merkle_tree_prove(items, places, event->n_collected, proof);
    const struct skp_hash *kept = arena_copy(arena, proof, len * sizeof *proof);
    event->proof = arena_calloc(arena, len, sizeof *event->proof);
    if (!kept || !event->proof)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < len; i++)
        event->proof[i] = wire_bytes(span_of(kept[i].bytes, HASH_BYTES));
    event->n_proof = len;
    return SKP_OK;
}

static bool take_places(const Skp__V1__EventFact *event, struct merkle_place *ret_places)
{
    struct skp_hash head_hash;
    for (size_t i = 0; i < event->n_collected; i++) {
        const Skp__V1__ProvenItem *item = event->collected[i];
        if (!hash_take(wire_span(item->head_hash), &head_hash))
            return false;
        ret_places[i].index = item->index;
        ret_places[i].hash = statement_leaf(item->position, &head_hash);
    }
    return true;
}

static bool take_proof(const Skp__V1__EventFact *event, struct skp_hash *ret_proof)
{
    for (size_t i = 0; i < event->n_proof; i++)
        if (!hash_take(wire_span(event->proof[i]), &ret_proof[i]))
            return false;
    return true;
}

bool statement_holds_items(const Skp__V1__CollectStatement *statement,
                           const Skp__V1__EventFact *event)
{
    struct merkle_place places[FACT_MAX_COLLECTED];
    struct skp_hash proof[FACT_MAX_COLLECTED];
    struct skp_hash root;
    return event->n_collected <= FACT_MAX_COLLECTED && event->n_proof <= FACT_MAX_COLLECTED &&
           hash_take(wire_span(statement->items_root), &root) && take_places(event, places) &&
           take_proof(event, proof) &&
           merkle_verify_places(places, event->n_collected, statement->item_count, proof,
                                event->n_proof, &root);
}
