/* Destroying sealed parts: the line and its commitment stay, so every proof stays whole. */
#include "quarantine.h"

/* Lines of one bundle whose parts go. */
struct doomed {
    struct skp_id bundle_id;
    struct line_mask lines;
};

enum skp_err txn_destroy_part(struct txn *txn, const struct skp_id *bundle_id, size_t line)
{
    for (size_t i = txn->doomed_count; i > 0; i--)
        if (id_equal(&txn->doomed[i - 1].bundle_id, bundle_id)) {
            mask_set(&txn->doomed[i - 1].lines, line);
            return SKP_OK;
        }
    struct doomed *doomed =
        txn_grow(txn, &txn->doomed, &txn->doomed_count, &txn->doomed_room, sizeof *doomed);
    if (!doomed)
        return SKP_E_NO_MEMORY;
    doomed->bundle_id = *bundle_id;
    mask_set(&doomed->lines, line);
    return SKP_OK;
}

/* Head and lines are bytes inside the Bundle and keep theirs; only the wrapping is packed again. */
static enum skp_err empty_parts(struct txn *txn, const struct doomed *doomed, struct span body,
                                struct span *ret_body)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(&skp__v1__bundle__descriptor, body, &txn->arena, path, &message);
    if (err)
        return err == SKP_E_NO_MEMORY ? err : SKP_E_DATA_LOSS;
    Skp__V1__Bundle *bundle = (Skp__V1__Bundle *)(void *)message;
    for (size_t i = 0; i < bundle->n_sealed; i++)
        if (mask_has(&doomed->lines, i))
            bundle->sealed[i].len = 0;
    *ret_body = wire_pack(&bundle->base, &txn->arena);
    return ret_body->data ? SKP_OK : SKP_E_NO_MEMORY;
}

static enum skp_err destroy(struct txn *txn, const struct doomed *doomed)
{
    struct row_key key = key_bundle(&doomed->bundle_id);
    struct store_row row = {.key = row_key_span(&key)};
    struct bundle_row bundle = {0};
    enum skp_err err = store_get(txn->ws.store, STORE_BUNDLE, &row, 1, &txn->arena);
    /* What is damaged stays as it is found, and goes to nobody any more. */
    if (quarantine_is_named(txn, err))
        return SKP_OK;
    if (!err)
        err = bundle_row_read(row.value, &txn->arena, &bundle);
    if (!err)
        err = empty_parts(txn, doomed, bundle.body, &bundle.body);
    if (err)
        return err;
    row.value = bundle_row_pack(&bundle, &txn->arena);
    return row.value.data ? store_put(txn->ws.store, STORE_BUNDLE, &row, 1) : SKP_E_NO_MEMORY;
}

/* Straight in the store, one after the other: any number of large bundles takes the room of one. */
enum skp_err parts_flush(struct txn *txn)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < txn->doomed_count; i++) {
        struct arena_mark before = arena_mark(&txn->arena);
        err = destroy(txn, &txn->doomed[i]);
        arena_rewind(&txn->arena, &before);
    }
    return err;
}
