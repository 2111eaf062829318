/* Cases as rows: the order of fields is the format; a new one raises PACKED_FORMAT. */
#include "case_file.h"
#include "packed.h"

#include <assert.h>

#define PACKED_FORMAT 2U
#define HEADER_BYTES  90U
#define REQUEST_BYTES 101U

#define REQUEST_STATE_MAX SKP__V1__REQUEST_STATE__REQUEST_STATE_ENDED

/* ---------------------------------------------------------------- writing */

static void put_header(struct packed_writer *writer, const struct case_file *file)
{
    packed_put_u8(writer, PACKED_FORMAT);
    packed_put(writer, file->case_id.bytes, ID_BYTES);
    packed_put(writer, file->leaf.bytes, HASH_BYTES);
    packed_put_u64(writer, file->place);
    packed_put_u32(writer, file->version);
    packed_put_u8(writer, file->persons);
    packed_put_u8(writer, file->product);
    packed_put_u8(writer, file->guidance);
    packed_put_date(writer, file->reference_date);
    packed_put_oin(writer, &file->responsible);
    packed_put_u16(writer, (uint16_t)file->request_count);
    assert(writer->len == HEADER_BYTES);
}

static void put_request(struct packed_writer *writer, const struct case_request *request)
{
    packed_put(writer, request->request_id.bytes, ID_BYTES);
    packed_put(writer, request->bundle_id.bytes, ID_BYTES);
    packed_put_u16(writer, request->line);
    packed_put_oin(writer, &request->creditor);
    packed_put(writer, request->leaf.bytes, HASH_BYTES);
    packed_put_u32(writer, request->recorded_version);
    packed_put_u8(writer, request->state);
    packed_put_u8(writer, request->outcome);
    packed_put_u8(writer, request->consent);
    packed_put_i64(writer, request->total_cents);
}

struct span case_pack(const struct case_file *file, struct arena *arena)
{
    assert(file->place != 0);
    assert(file->request_count >= 1 && file->request_count <= CASE_MAX_REQUESTS);
    size_t room = HEADER_BYTES + file->request_count * REQUEST_BYTES;
    uint8_t *data = arena_alloc(arena, room);
    if (!data)
        return (struct span){0};
    struct packed_writer writer = {.data = data, .room = room};
    put_header(&writer, file);
    for (size_t i = 0; i < file->request_count; i++)
        put_request(&writer, &file->requests[i]);
    assert(writer.len == room);
    return span_of(data, room);
}

/* ---------------------------------------------------------------- reading */

static void take_header(struct packed_reader *reader, struct case_file *file)
{
    if (packed_take_u8(reader, PACKED_FORMAT) != PACKED_FORMAT)
        reader->bad = true;
    packed_take(reader, file->case_id.bytes, ID_BYTES);
    packed_take(reader, file->leaf.bytes, HASH_BYTES);
    file->place = packed_take_u64(reader);
    file->version = packed_take_u32(reader);
    file->persons = packed_take_u8(reader, 2);
    file->product = packed_take_u8(reader, SKP__V1__PRODUCT__PRODUCT_REFINANCING);
    file->guidance = packed_take_u8(reader, SKP__V1__GUIDANCE__GUIDANCE_BUDGET);
    file->reference_date = packed_take_date(reader);
    packed_take_oin(reader, &file->responsible);
    file->request_count = packed_take_u16(reader);
    if (id_is_nil(&file->case_id) || file->place == 0 || file->persons == 0 ||
        file->request_count == 0 || file->request_count > CASE_MAX_REQUESTS)
        reader->bad = true;
}

/* What was never taken has nothing to tell yet. */
static bool is_blank(const struct case_request *request)
{
    static const struct skp_hash no_leaf;
    return id_is_nil(&request->bundle_id) && request->line == 0 &&
           request->creditor.text[0] == '\0' && hash_equal(&request->leaf, &no_leaf) &&
           request->recorded_version == 0 && request->outcome == 0 && request->consent == 0 &&
           request->total_cents == 0;
}

static void take_request(struct packed_reader *reader, struct case_request *request)
{
    packed_take(reader, request->request_id.bytes, ID_BYTES);
    packed_take(reader, request->bundle_id.bytes, ID_BYTES);
    request->line = packed_take_u16(reader);
    packed_take_oin(reader, &request->creditor);
    packed_take(reader, request->leaf.bytes, HASH_BYTES);
    request->recorded_version = packed_take_u32(reader);
    request->state = packed_take_u8(reader, REQUEST_STATE_MAX);
    request->outcome = packed_take_u8(reader, SKP__V1__OUTCOME__OUTCOME_UNREADABLE);
    request->consent = packed_take_u8(reader, SKP__V1__CONSENT__CONSENT_IMPEDIMENT);
    request->total_cents = packed_take_amount(reader);
    if (id_is_nil(&request->request_id) || (request->state == 0 && !is_blank(request)))
        reader->bad = true;
}

static void take_requests(struct packed_reader *reader, struct case_file *file)
{
    for (size_t i = 0; i < file->request_count && !reader->bad; i++) {
        struct case_request *request = &file->requests[i];
        take_request(reader, request);
        if (i > 0 && id_compare(&request[-1].request_id, &request->request_id) >= 0)
            reader->bad = true;
    }
}

enum skp_err case_unpack(struct span bytes, struct arena *arena, struct case_file *ret_case)
{
    struct packed_reader reader = {.rest = bytes};
    struct case_file file = {0};
    take_header(&reader, &file);
    /* The length is checked before anything is allocated for it. */
    if (reader.bad || reader.rest.len != file.request_count * REQUEST_BYTES)
        return SKP_E_DATA_LOSS;
    file.requests = arena_calloc(arena, file.request_count, sizeof *file.requests);
    if (!file.requests)
        return SKP_E_NO_MEMORY;
    take_requests(&reader, &file);
    if (reader.bad)
        return SKP_E_DATA_LOSS;
    *ret_case = file;
    return SKP_OK;
}
