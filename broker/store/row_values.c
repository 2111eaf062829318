/* Mail as rows: batches, bundles, pages of requests, entries of mailboxes. */
#include "row_pieces.h"

#include <assert.h>

/* ---------------------------------------------------------------- batch, bundle */

#define LEFT_OUT_BYTES (4 + 8) /* packed */

struct span batch_row_pack(const struct batch_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, row->header.len + row->jws.len + row->receipt.len +
                              row->receipt_path.len + HASH_BYTES + 8 + 4 + 16);
    if (!writer.data)
        return span_of(NULL, 0);
    put_span(&writer, row->header);
    put_span(&writer, row->jws);
    put_hash(&writer, &row->root);
    packed_put_u64(&writer, row->commit);
    put_span(&writer, row->receipt);
    packed_put_u32(&writer, row->receipt_index);
    put_span(&writer, row->receipt_path);
    return written(&writer);
}

enum skp_err batch_row_read(struct span value, struct batch_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct batch_row row = {.header = take_span(&reader)};
    row.jws = take_span(&reader);
    take_hash(&reader, &row.root);
    row.commit = packed_take_u64(&reader);
    row.receipt = take_span(&reader);
    row.receipt_index = packed_take_u32(&reader);
    row.receipt_path = take_span(&reader);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

struct span bundle_row_pack(const struct bundle_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, row->path.len + row->body.len + (2 * OIN_CHARS) + ID_BYTES + HASH_BYTES +
                              20 + row->left_out_count * LEFT_OUT_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_oin(&writer, &row->sender);
    put_id(&writer, &row->batch_id);
    packed_put_u32(&writer, row->bundle_index);
    packed_put_oin(&writer, &row->recipient);
    packed_put_u32(&writer, row->line_count);
    put_hash(&writer, &row->head_hash);
    put_span(&writer, row->path);
    put_span(&writer, row->body);
    packed_put_u32(&writer, (uint32_t)row->left_out_count);
    for (size_t i = 0; i < row->left_out_count; i++) {
        packed_put_u32(&writer, row->left_out[i].at);
        packed_put_u64(&writer, row->left_out[i].statement);
    }
    return written(&writer);
}

/* They follow each other, and belong into the body. */
static enum skp_err take_left_out(struct packed_reader *reader, struct arena *arena,
                                  struct bundle_row *row)
{
    size_t count = packed_take_u32(reader);
    uint32_t from = 0;
    if (reader->bad || count > reader->rest.len / LEFT_OUT_BYTES)
        return SKP_E_DATA_LOSS;
    struct left_out *left_out = count > 0 ? arena_calloc(arena, count, sizeof *left_out) : NULL;
    if (count > 0 && !left_out)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        left_out[i].at = packed_take_u32(reader);
        left_out[i].statement = packed_take_u64(reader);
        if (left_out[i].at < from || left_out[i].at > row->body.len)
            return SKP_E_DATA_LOSS;
        from = left_out[i].at;
    }
    row->left_out = left_out;
    row->left_out_count = count;
    return SKP_OK;
}

enum skp_err bundle_row_read(struct span value, struct arena *arena, struct bundle_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct bundle_row row = {.bundle_index = 0};
    packed_take_oin(&reader, &row.sender);
    take_id(&reader, &row.batch_id);
    row.bundle_index = packed_take_u32(&reader);
    packed_take_oin(&reader, &row.recipient);
    row.line_count = packed_take_u32(&reader);
    take_hash(&reader, &row.head_hash);
    row.path = take_span(&reader);
    row.body = take_span(&reader);
    enum skp_err err = take_left_out(&reader, arena, &row);
    if (err)
        return err;
    if (finished(&reader) || row.line_count > 256)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

/* ---------------------------------------------------------------- page */

#define PAGE_HEAD_BYTES ((2 * OIN_CHARS) + 1 + MAILBOX_NAME_MAX + 4 + HASH_BYTES + 1)

struct span page_row_pack(const struct page_row *row, struct arena *arena)
{
    assert(row->count <= PAGE_LINES);
    struct packed_writer writer =
        writer_new(arena, PAGE_HEAD_BYTES + row->count * REQUEST_PACKED_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_oin(&writer, &row->counsellor);
    packed_put_oin(&writer, &row->creditor);
    size_t mailbox_len = strlen(row->mailbox);
    packed_put_u8(&writer, (uint8_t)mailbox_len);
    packed_put(&writer, row->mailbox, mailbox_len);
    packed_put_u32(&writer, row->bundle_lines);
    put_hash(&writer, &row->head_hash);
    packed_put_u8(&writer, (uint8_t)row->count);
    for (size_t i = 0; i < row->count; i++) {
        uint8_t slot[REQUEST_PACKED_BYTES] = {0};
        if (row->requests[i].state != 0)
            request_pack(&row->requests[i], slot);
        packed_put(&writer, slot, sizeof slot);
    }
    return written(&writer);
}

static enum skp_err slot_read(struct packed_reader *reader, struct request_state *ret_request)
{
    static const uint8_t empty[REQUEST_PACKED_BYTES];
    uint8_t slot[REQUEST_PACKED_BYTES];
    packed_take(reader, slot, sizeof slot);
    if (reader->bad)
        return SKP_E_DATA_LOSS;
    *ret_request = (struct request_state){.state = 0};
    if (memcmp(slot, empty, sizeof slot) == 0)
        return SKP_OK;
    return request_unpack(slot, ret_request);
}

enum skp_err page_row_read(struct span value, struct page_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    packed_take_oin(&reader, &ret_row->counsellor);
    packed_take_oin(&reader, &ret_row->creditor);
    size_t mailbox_len = packed_take_u8(&reader, MAILBOX_NAME_MAX);
    if (reader.bad)
        return SKP_E_DATA_LOSS;
    memset(ret_row->mailbox, 0, sizeof ret_row->mailbox);
    packed_take(&reader, ret_row->mailbox, mailbox_len);
    if (strlen(ret_row->mailbox) != mailbox_len)
        return SKP_E_DATA_LOSS;
    ret_row->bundle_lines = packed_take_u32(&reader);
    take_hash(&reader, &ret_row->head_hash);
    ret_row->count = packed_take_u8(&reader, PAGE_LINES);
    for (size_t i = 0; i < ret_row->count && !reader.bad; i++)
        if (slot_read(&reader, &ret_row->requests[i]))
            return SKP_E_DATA_LOSS;
    return finished(&reader);
}

/* ---------------------------------------------------------------- entry */

struct span entry_row_pack(const struct entry_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, ID_BYTES + HASH_BYTES + 4 + OIN_CHARS + 8 + 1 + 32);
    if (!writer.data)
        return span_of(NULL, 0);
    put_id(&writer, &row->bundle_id);
    put_hash(&writer, &row->head_hash);
    packed_put_u32(&writer, row->bundle_lines);
    packed_put_oin(&writer, &row->lane);
    packed_put_i64(&writer, row->stored_at_ms);
    packed_put_u8(&writer, row->partial);
    if (row->partial)
        packed_put(&writer, row->mask.bits, sizeof row->mask.bits);
    return written(&writer);
}

enum skp_err entry_row_read(struct span value, struct entry_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct entry_row row = {.partial = false};
    take_id(&reader, &row.bundle_id);
    take_hash(&reader, &row.head_hash);
    row.bundle_lines = packed_take_u32(&reader);
    packed_take_oin(&reader, &row.lane);
    row.stored_at_ms = packed_take_amount(&reader);
    row.partial = packed_take_u8(&reader, 1) != 0;
    if (row.partial)
        packed_take(&reader, row.mask.bits, sizeof row.mask.bits);
    if (finished(&reader) || row.bundle_lines > BUNDLE_PAGES * PAGE_LINES)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}
