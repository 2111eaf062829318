#include "statements.h"

#include <assert.h>

#define NUMBER_BITS 20 /* statements of one transaction */
#define BEGIN_BYTES 128

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
    assert(txn->kept_count >> NUMBER_BITS == 0 && txn->sequence >> (63 - NUMBER_BITS) == 0);
    *kept = (struct kept_statement){.number = txn->sequence << NUMBER_BITS | txn->kept_count++,
                                    .fields = packed};
    *ret_kept = kept;
    return ws_append(&txn->ws, STORE_STATEMENT, key_statement(kept->number), packed);
}

static void append(struct span *to, const uint8_t *data, size_t len)
{
    memcpy((uint8_t *)(uintptr_t)to->data + to->len, data, len);
    to->len += len;
}

/* NULL: it does not stand there. Nothing else begins like a statement, with its root in it. */
static const uint8_t *find(struct span in, struct span fields)
{
    size_t begin = fields.len < BEGIN_BYTES ? fields.len : BEGIN_BYTES;
    const uint8_t *at = memmem(in.data, in.len, fields.data, begin);
    bool is_whole = at && in.len - (size_t)(at - in.data) >= fields.len &&
                    memcmp(at, fields.data, fields.len) == 0;
    return is_whole ? at : NULL;
}

enum skp_err statements_leave_out(struct txn *txn, const struct said_line *lines, size_t count,
                                  struct bundle_row *row)
{
    struct left_out *left_out = arena_calloc(&txn->arena, count, sizeof *left_out);
    struct span rest = row->body;
    struct span body = span_of(arena_alloc(&txn->arena, rest.len), 0);
    if (!left_out || !body.data)
        return SKP_E_NO_MEMORY;
    row->left_out = left_out;
    for (size_t i = 0; i < count; i++) {
        const struct kept_statement *kept = lines[i].kept;
        const uint8_t *at = kept ? find(rest, kept->fields) : NULL;
        if (!at)
            continue;
        append(&body, rest.data, (size_t)(at - rest.data));
        left_out[row->left_out_count++] =
            (struct left_out){.at = (uint32_t)body.len, .statement = kept->number};
        rest =
            span_of(at + kept->fields.len, rest.len - (size_t)(at - rest.data) - kept->fields.len);
    }
    append(&body, rest.data, rest.len);
    row->body = body;
    return SKP_OK;
}

static enum skp_err load(struct store *store, struct arena *arena, const struct bundle_row *row,
                         struct store_row **ret_statements)
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
    return store_get(store, STORE_STATEMENT, statements, count, arena);
}

enum skp_err statements_put_back(struct store *store, struct arena *arena, struct bundle_row *row)
{
    struct store_row *statements;
    size_t whole = row->body.len;
    if (row->left_out_count == 0)
        return SKP_OK;
    enum skp_err err = load(store, arena, row, &statements);
    if (err)
        return err;
    for (size_t i = 0; i < row->left_out_count; i++) {
        if (statements[i].version == 0)
            return SKP_E_DATA_LOSS;
        whole += statements[i].value.len;
    }
    struct span body = span_of(arena_alloc(arena, whole), 0);
    if (!body.data)
        return SKP_E_NO_MEMORY;
    size_t from = 0;
    for (size_t i = 0; i < row->left_out_count; i++) {
        append(&body, row->body.data + from, row->left_out[i].at - from);
        append(&body, statements[i].value.data, statements[i].value.len);
        from = row->left_out[i].at;
    }
    append(&body, row->body.data + from, row->body.len - from);
    row->body = body;
    row->left_out_count = 0;
    return SKP_OK;
}
