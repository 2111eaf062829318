/* The broker's own books as rows: rounds, progress of cases, notes, links of the chain, marks. */
#include "row_pieces.h"

/* ---------------------------------------------------------------- rounds, cases */

struct span round_row_pack(const struct round_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, row->reason.len + row->next_from.len + (2 * ID_BYTES) + OIN_CHARS + 64);
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
    put_span(&writer, row->next_from);
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
    row.next_from = take_span(&reader);
    row.reason = take_span(&reader);
    if (finished(&reader) || row.state < ROUND_OPENING)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

bool round_row_agreement(struct span value, struct skp_id *ret_agreement_id, uint32_t *ret_version)
{
    struct packed_reader reader = {.rest = value};
    struct skp_id round_id;
    take_id(&reader, &round_id);
    take_id(&reader, ret_agreement_id);
    *ret_version = packed_take_u32(&reader);
    return !reader.bad;
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

#define PROGRESS_PACKED_BYTES ((size_t)PROGRESS_CASES * 2)

struct span progress_row_pack(const struct progress_row *row, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, PROGRESS_PACKED_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    for (size_t i = 0; i < PROGRESS_CASES; i++)
        packed_put_u16(&writer, row->cases[i].waits);
    return written(&writer);
}

enum skp_err progress_row_read(struct span value, struct progress_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct progress_row row;
    for (size_t i = 0; i < PROGRESS_CASES; i++) {
        row.cases[i].waits = packed_take_u16(&reader);
        if (row.cases[i].waits > CASE_MAX_REQUESTS && row.cases[i].waits < PROGRESS_TOLD)
            reader.bad = true;
    }
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}

struct progress_row progress_row_lost(void)
{
    struct progress_row row;
    for (size_t i = 0; i < PROGRESS_CASES; i++)
        row.cases[i] = (struct progress){.waits = PROGRESS_LOST};
    return row;
}

struct span notes_pack(const struct note *notes, size_t count, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, count * NOTE_PACKED_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    for (size_t i = 0; i < count; i++) {
        packed_put_oin(&writer, &notes[i].counsellor);
        put_id(&writer, &notes[i].case_id);
        packed_put_u64(&writer, notes[i].place);
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
        notes[i].place = packed_take_u64(&reader);
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

struct span watermark_pack(const struct watermark *mark, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, ID_BYTES + 8 + HASH_BYTES);
    if (!writer.data)
        return span_of(NULL, 0);
    put_id(&writer, &mark->store_id);
    packed_put_u64(&writer, mark->chain.sequence);
    put_hash(&writer, &mark->chain.hash);
    return written(&writer);
}

enum skp_err watermark_unpack(struct span value, struct watermark *ret_mark)
{
    struct packed_reader reader = {.rest = value};
    struct watermark mark;
    take_id(&reader, &mark.store_id);
    mark.chain.sequence = packed_take_u64(&reader);
    take_hash(&reader, &mark.chain.hash);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_mark = mark;
    return SKP_OK;
}

struct span loss_mark_pack(const struct loss_mark *mark, struct arena *arena)
{
    struct packed_writer writer = writer_new(arena, 8 + 8 + 8);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_u64(&writer, mark->kept);
    packed_put_u64(&writer, mark->lost);
    packed_put_i64(&writer, mark->accepted_ms);
    return written(&writer);
}

enum skp_err loss_mark_read(struct span value, struct loss_mark *ret_mark)
{
    struct packed_reader reader = {.rest = value};
    struct loss_mark mark = {.kept = packed_take_u64(&reader)};
    mark.lost = packed_take_u64(&reader);
    mark.accepted_ms = packed_take_amount(&reader);
    if (finished(&reader))
        return SKP_E_DATA_LOSS;
    *ret_mark = mark;
    return SKP_OK;
}

struct span aside_row_pack(const struct aside_row *row, struct arena *arena)
{
    struct packed_writer writer =
        writer_new(arena, 1 + 1 + 8 + 4 + row->key.len + 4 + row->value.len);
    if (!writer.data)
        return span_of(NULL, 0);
    packed_put_u8(&writer, row->table);
    packed_put_u8(&writer, row->cause);
    packed_put_i64(&writer, row->at_ms);
    put_span(&writer, row->key);
    put_span(&writer, row->value);
    return written(&writer);
}

enum skp_err aside_row_read(struct span value, struct aside_row *ret_row)
{
    struct packed_reader reader = {.rest = value};
    struct aside_row row = {.table = packed_take_u8(&reader, STORE_TABLE_END - 1)};
    row.cause = packed_take_u8(&reader, UINT8_MAX);
    row.at_ms = packed_take_amount(&reader);
    row.key = take_span(&reader);
    row.value = take_span(&reader);
    if (finished(&reader) || row.table == 0)
        return SKP_E_DATA_LOSS;
    *ret_row = row;
    return SKP_OK;
}
