#include "packed.h"
#include "rows.h"

#include <assert.h>

/* ---------------------------------------------------------------- small pieces */

static struct packed_writer writer_new(struct arena *arena, size_t bytes)
{
    struct packed_writer writer = {.data = arena_alloc(arena, bytes), .room = bytes};
    if (!writer.data)
        writer.room = 0;
    return writer;
}

static struct span written(const struct packed_writer *writer)
{
    return span_of(writer->data, writer->len);
}

static void put_span(struct packed_writer *writer, struct span bytes)
{
    packed_put_u32(writer, (uint32_t)bytes.len);
    packed_put(writer, bytes.data, bytes.len);
}

static struct span take_span(struct packed_reader *reader)
{
    size_t len = packed_take_u32(reader);
    if (reader->bad || len > reader->rest.len) {
        reader->bad = true;
        return span_of(NULL, 0);
    }
    struct span bytes = span_of(reader->rest.data, len);
    reader->rest = span_of(reader->rest.data + len, reader->rest.len - len);
    return bytes;
}

static void put_id(struct packed_writer *writer, const struct skp_id *id)
{
    packed_put(writer, id->bytes, ID_BYTES);
}

static void put_hash(struct packed_writer *writer, const struct skp_hash *hash)
{
    packed_put(writer, hash->bytes, HASH_BYTES);
}

static void take_id(struct packed_reader *reader, struct skp_id *ret_id)
{
    packed_take(reader, ret_id->bytes, ID_BYTES);
}

static void take_hash(struct packed_reader *reader, struct skp_hash *ret_hash)
{
    packed_take(reader, ret_hash->bytes, HASH_BYTES);
}

/* A value is right when everything was read and nothing is left. */
static enum skp_err finished(const struct packed_reader *reader)
{
    return reader->bad || reader->rest.len > 0 ? SKP_E_DATA_LOSS : SKP_OK;
}

/* ---------------------------------------------------------------- batch, bundle */

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
    struct packed_writer writer = writer_new(
        arena, row->path.len + row->body.len + (2 * OIN_CHARS) + ID_BYTES + HASH_BYTES + 16);
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
    return written(&writer);
}

enum skp_err bundle_row_read(struct span value, struct bundle_row *ret_row)
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

/* ---------------------------------------------------------------- entry, round, notes */

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

struct span round_row_pack(const struct round_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, row->reason.len + row->open_from.len + (2 * ID_BYTES) + OIN_CHARS + 64);
    if (!writer.data)
        return span_of(NULL, 0);
    put_id(&writer, &row->round_id);
    put_id(&writer, &row->agreement_id);
    packed_put_u32(&writer, row->agreement_version);
    packed_put_oin(&writer, &row->creditor);
    packed_put_u8(&writer, row->state);
    packed_put_i64(&writer, row->opened_at_ms);
    packed_put_i64(&writer, row->closed_at_ms);
    packed_put_date(&writer, row->due_date);
    packed_put_u32(&writer, row->parts);
    packed_put_u32(&writer, row->items);
    packed_put_u32(&writer, row->published);
    packed_put_u8(&writer, row->open_listed);
    put_span(&writer, row->open_from);
    put_span(&writer, row->reason);
    return written(&writer);
}

enum skp_err round_row_read(struct span value, struct round_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct round_row row = {.state = 0};
    take_id(&reader, &row.round_id);
    take_id(&reader, &row.agreement_id);
    row.agreement_version = packed_take_u32(&reader);
    packed_take_oin(&reader, &row.creditor);
    row.state = packed_take_u8(&reader, ROUND_CLOSED);
    row.opened_at_ms = packed_take_amount(&reader);
    row.closed_at_ms = packed_take_amount(&reader);
    row.due_date = packed_take_date(&reader);
    row.parts = packed_take_u32(&reader);
    row.items = packed_take_u32(&reader);
    row.published = packed_take_u32(&reader);
    row.open_listed = packed_take_u8(&reader, 1) != 0;
    row.open_from = take_span(&reader);
    row.reason = take_span(&reader);
    if (finished(&reader) || row.state < ROUND_OPENING)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

struct span round_pages_pack(const struct round_page *pages, size_t count, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, count * ROUND_PAGE_PACKED_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    for (size_t i = 0; i < count; i++) {
        put_id(&writer, &pages[i].bundle_id);
        packed_put_u16(&writer, pages[i].number);
        packed_put_u32(&writer, pages[i].bits);
    }
    return written(&writer);
}

enum skp_err round_pages_read(struct span value, struct arena *arena, struct round_page **ret_pages,
                              size_t *ret_count)
{
    size_t count = value.len / ROUND_PAGE_PACKED_BYTES;
    struct round_page *pages = arena_calloc(arena, count + 1, sizeof *pages);
    if (!pages)
        return SKP_E_NO_MEMORY;
    struct packed_reader reader = {.rest = value};
    for (size_t i = 0; i < count; i++) {
        take_id(&reader, &pages[i].bundle_id);
        pages[i].number = packed_take_u16(&reader);
        pages[i].bits = packed_take_u32(&reader);
        if (pages[i].number >= BUNDLE_PAGES)
            return SKP_E_DATA_LOSS;
    }
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_pages = pages;
    *ret_count = count;
    return SKP_OK;
}

struct span progress_row_pack(const struct progress_row *row, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, 8);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_u32(&writer, row->asked);
    packed_put_u32(&writer, row->answered);
    return written(&writer);
}

enum skp_err progress_row_read(struct span value, struct progress_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct progress_row row = {.asked = packed_take_u32(&reader)};
    row.answered = packed_take_u32(&reader);
    if (finished(&reader) || row.answered > row.asked)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

struct span notes_pack(const struct note *notes, size_t count, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, count * NOTE_PACKED_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    for (size_t i = 0; i < count; i++) {
        packed_put_oin(&writer, &notes[i].counsellor);
        put_id(&writer, &notes[i].case_id);
    }
    return written(&writer);
}

enum skp_err notes_read(struct span value, struct arena *arena, struct note **ret_notes,
                        size_t *ret_count)
{
    size_t count = value.len / NOTE_PACKED_BYTES;
    struct note *notes = arena_calloc(arena, count + 1, sizeof *notes);
    if (!notes)
        return SKP_E_NO_MEMORY;
    struct packed_reader reader = {.rest = value};
    for (size_t i = 0; i < count; i++) {
        packed_take_oin(&reader, &notes[i].counsellor);
        take_id(&reader, &notes[i].case_id);
    }
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_notes = notes;
    *ret_count = count;
    return SKP_OK;
}

/* ---------------------------------------------------------------- commit, marks */

struct span commit_row_pack(const struct commit_row *row, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, row->header.len + row->jws.len + 8);
    if (!writer.data)
        return span_of(NULL, 0);
    put_span(&writer, row->header);
    put_span(&writer, row->jws);
    return written(&writer);
}

enum skp_err commit_row_read(struct span value, struct commit_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct commit_row row = {.header = take_span(&reader)};
    row.jws = take_span(&reader);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

struct span u64_pack(uint64_t value, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, 8);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_u64(&writer, value);
    return written(&writer);
}

enum skp_err u64_read(struct span value, uint64_t *ret_value)
{
    struct packed_reader reader = {.rest = value};
    uint64_t number = packed_take_u64(&reader);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_value = number;
    return SKP_OK;
}

struct span store_mark_pack(const struct store_mark *mark, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, ID_BYTES + 1);
    if (!writer.data)
        return span_of(NULL, 0);
    put_id(&writer, &mark->store_id);
    packed_put_u8(&writer, mark->play);
    return written(&writer);
}

enum skp_err store_mark_read(struct span value, struct store_mark *ret_mark)
{
    struct packed_reader reader = {.rest = value};
    struct store_mark mark = {.play = false};
    take_id(&reader, &mark.store_id);
    mark.play = packed_take_u8(&reader, 1) != 0;
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_mark = mark;
    return SKP_OK;
}

struct span clock_mark_pack(const struct clock_mark *mark, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, 8 + 1);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_i64(&writer, mark->seen_ms);
    packed_put_u8(&writer, mark->held);
    return written(&writer);
}

enum skp_err clock_mark_read(struct span value, struct clock_mark *ret_mark)
{
    struct packed_reader reader = {.rest = value};
    struct clock_mark mark = {.seen_ms = (int64_t)packed_take_u64(&reader)};
    mark.held = packed_take_u8(&reader, 1) != 0;
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_mark = mark;
    return SKP_OK;
}

struct span chain_mark_pack(const struct chain_mark *mark, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, 8 + HASH_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_u64(&writer, mark->sequence);
    put_hash(&writer, &mark->hash);
    return written(&writer);
}

enum skp_err chain_mark_read(struct span value, struct chain_mark *ret_mark)
{
    struct packed_reader reader = {.rest = value};
    struct chain_mark mark = {.sequence = packed_take_u64(&reader)};
    take_hash(&reader, &mark.hash);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_mark = mark;
    return SKP_OK;
}
