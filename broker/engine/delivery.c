#include "delivery.h"

#include "engine_internal.h"

/* The bundle with the lines that are not for the recipient (yet) left out; their leaf hashes keep
 * proofs whole. */
static enum skp_err withhold(struct arena *arena, const struct entry_row *entry, struct span body,
                             struct span *ret_body)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(&skp__v1__bundle__descriptor, body, arena, path, &message);
    if (err)
        return SKP_E_DATA_LOSS;
    Skp__V1__Bundle *bundle = (Skp__V1__Bundle *)(void *)message;
    Skp__V1__Withheld *withheld = arena_calloc(arena, bundle->n_lines + 1, sizeof *withheld);
    struct skp_hash *leaves = arena_calloc(arena, bundle->n_lines + 1, sizeof *leaves);
    bundle->withheld = arena_calloc(arena, bundle->n_lines + 1, sizeof *bundle->withheld);
    if (!withheld || !leaves || !bundle->withheld)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < bundle->n_lines; i++) {
        if (mask_has(&entry->mask, i))
            continue;
        skp__v1__withheld__init(&withheld[i]);
        leaves[i] = merkle_leaf(wire_span(bundle->lines[i]));
        withheld[i].line = (uint32_t)i;
        withheld[i].leaf_hash = wire_bytes(span_of(leaves[i].bytes, HASH_BYTES));
        bundle->withheld[bundle->n_withheld++] = &withheld[i];
        bundle->lines[i] = (ProtobufCBinaryData){.len = 0};
        if (i < bundle->n_sealed)
            bundle->sealed[i] = (ProtobufCBinaryData){.len = 0};
    }
    *ret_body = wire_pack(&bundle->base, arena);
    return ret_body->data ? SKP_OK : SKP_E_NO_MEMORY;
}

enum skp_err delivery_pack(const struct delivery *out, const char *mailbox, struct arena *scratch,
                           struct arena *arena, struct span *ret_frame)
{
    struct batch_row batch;
    enum skp_err err = batch_row_read(out->batch_at.value, &batch);
    if (err)
        return err;
    struct span body = out->bundle.body;
    if (out->entry.partial && (err = withhold(scratch, &out->entry, body, &body)))
        return err;
    ProtobufCBinaryData path[MERKLE_MAX_PATH];
    Skp__V1__Delivery delivery;
    skp__v1__delivery__init(&delivery);
    delivery.mailbox = wire_text(mailbox);
    delivery.position = out->position;
    delivery.attempt = out->attempt;
    delivery.stored_at_ms = out->entry.stored_at_ms;
    delivery.header = wire_bytes(batch.header);
    delivery.jws = engine_text(scratch, batch.jws);
    delivery.n_path = out->bundle.path.len / HASH_BYTES;
    delivery.path = path;
    for (size_t i = 0; i < delivery.n_path && i < MERKLE_MAX_PATH; i++)
        path[i] = wire_bytes(span_of(out->bundle.path.data + i * HASH_BYTES, HASH_BYTES));
    delivery.bundle_index = out->bundle.bundle_index;
    delivery.bundle = wire_bytes(body);
    if (!delivery.jws)
        return SKP_E_NO_MEMORY;
    *ret_frame = wire_pack(&delivery.base, arena);
    return ret_frame->data ? SKP_OK : SKP_E_NO_MEMORY;
}
