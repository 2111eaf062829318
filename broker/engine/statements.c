#include "statements.h"

#include <assert.h>

#define BEGIN_BYTES 128 /* to look for; a search for all of it would first study three kilobytes */

enum skp_err statements_keep(struct txn *txn, const Skp__V1__Collect *collect,
                             const struct kept_statement **ret_kept)
{
    Skp__V1__EventFact fields;
    struct kept_statement *kept = arena_alloc(&txn->arena, sizeof *kept);
    skp__v1__event_fact__init(&fields);
    fields.statement = collect->statement;
    fields.jws = collect->jws;
    struct span packed = wire_pack(&fields.base, &txn->arena);
    if (!kept || !packed.data)
        return SKP_E_NO_MEMORY;
    assert(txn->kept_count >> STATEMENT_BITS == 0 && txn->sequence >> (63 - STATEMENT_BITS) == 0);
    *kept = (struct kept_statement){.number = txn->sequence << STATEMENT_BITS | txn->kept_count++,
                                    .fields = packed};
    *ret_kept = kept;
    return ws_append(&txn->ws, STORE_STATEMENT, key_statement(kept->number), packed);
}

/* A body that is put together in room enough for it. */
struct joined {
    uint8_t *bytes;
    size_t len;
};

static void append(struct joined *body, const uint8_t *data, size_t len)
{
    memcpy(body->bytes + body->len, data, len);
    body->len += len;
}

/* NULL: it does not stand there. */
static const uint8_t *find(struct span in, struct span fields)
{
    size_t begin = fields.len < BEGIN_BYTES ? fields.len : BEGIN_BYTES;
    const uint8_t *at = memmem(in.data, in.len, fields.data, begin);
    bool is_whole = at && in.len - (size_t)(at - in.data) >= fields.len &&
                    memcmp(at, fields.data, fields.len) == 0;
    return is_whole ? at : NULL;
}

enum skp_err statements_leave_out(struct arena *arena, const struct said_line *lines, size_t count,
                                  struct bundle_row *row)
{
    if (!lines[0].kept)
        return SKP_OK;
    struct left_out *left_out = arena_calloc(arena, count, sizeof *left_out);
    struct joined body = {.bytes = arena_alloc(arena, row->body.len)};
    struct span rest = row->body;
    if (!left_out || !body.bytes)
        return SKP_E_NO_MEMORY;
    row->left_out = left_out;
    for (size_t i = 0; i < count; i++) {
        const struct kept_statement *kept = lines[i].kept;
        const uint8_t *at = find(rest, kept->fields);
        if (!at)
            continue;
        size_t before = (size_t)(at - rest.data);
        append(&body, rest.data, before);
        left_out[row->left_out_count++] =
            (struct left_out){.at = (uint32_t)body.len, .statement = kept->number};
        rest = span_of(at + kept->fields.len, rest.len - before - kept->fields.len);
    }
    append(&body, rest.data, rest.len);
    row->body = span_of(body.bytes, body.len);
    return SKP_OK;
}

/* A row that must be there and is not is damage with a name. */
static enum skp_err find_all_there(struct store *store, const struct store_row *statements,
                                   size_t count, size_t *ret_bytes)
{
    *ret_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        *ret_bytes += statements[i].value.len;
        if (statements[i].version > 0)
            continue;
        store->damaged =
            (struct store_damaged){.table = STORE_STATEMENT, .key_len = statements[i].key.len};
        memcpy(store->damaged.key, statements[i].key.data, statements[i].key.len);
        return SKP_E_DATA_LOSS;
    }
    return SKP_OK;
}

static enum skp_err load(struct store *store, struct arena *arena, const struct bundle_row *row,
                         struct store_row **ret_statements, size_t *ret_bytes)
{
    size_t count = row->left_out_count;
    struct store_row *statements = arena_calloc(arena, count, sizeof *statements);
    struct row_key *keys = arena_calloc(arena, count, sizeof *keys);
    if (!statements || !keys)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        keys[i] = key_statement(row->left_out[i].statement);
        statements[i].key = row_key_span(&keys[i]);
    }
    *ret_statements = statements;
    enum skp_err err = store_get(store, STORE_STATEMENT, statements, count, arena);
    return err ? err : find_all_there(store, statements, count, ret_bytes);
}

enum skp_err statements_put_back(struct store *store, struct arena *arena, struct bundle_row *row)
{
    struct store_row *statements;
    size_t bytes;
    size_t from = 0;
    if (row->left_out_count == 0)
        return SKP_OK;
    enum skp_err err = load(store, arena, row, &statements, &bytes);
    if (err)
        return err;
    struct joined body = {.bytes = arena_alloc(arena, row->body.len + bytes)};
    if (!body.bytes)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < row->left_out_count; i++) {
        append(&body, row->body.data + from, row->left_out[i].at - from);
        append(&body, statements[i].value.data, statements[i].value.len);
        from = row->left_out[i].at;
    }
    append(&body, row->body.data + from, row->body.len - from);
    row->body = span_of(body.bytes, body.len);
    row->left_out_count = 0;
    return SKP_OK;
}
