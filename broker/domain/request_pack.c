/* Requests as rows: the order of fields is the format; a new one raises PACKED_FORMAT. */
#include "packed.h"
#include "request.h"

#include <assert.h>

#define PACKED_FORMAT 3U

#define FLAGS_MAX (REQUEST_URGENT | REQUEST_CONTAINS_BSN)

void request_pack(const struct request_state *state, uint8_t ret_bytes[REQUEST_PACKED_BYTES])
{
    struct packed_writer writer = {.data = ret_bytes, .room = REQUEST_PACKED_BYTES};
    packed_put_u8(&writer, PACKED_FORMAT);
    packed_put(&writer, state->request_id.bytes, ID_BYTES);
    packed_put(&writer, state->case_id.bytes, ID_BYTES);
    packed_put(&writer, state->leaf.bytes, HASH_BYTES);
    packed_put(&writer, state->answer_leaf.bytes, HASH_BYTES);
    packed_put_u64(&writer, state->case_place);
    packed_put_u64(&writer, state->position);
    packed_put_i64(&writer, state->published_at_ms);
    packed_put_i64(&writer, state->answered_at_ms);
    packed_put_i64(&writer, state->total_cents);
    packed_put_u64(&writer, state->brand_mark);
    packed_put_date(&writer, state->due_date);
    packed_put_u32(&writer, state->version);
    packed_put_u32(&writer, state->answer_version);
    packed_put_u32(&writer, state->claim_kinds);
    packed_put_u8(&writer, state->state);
    packed_put_u8(&writer, state->outcome);
    packed_put_u8(&writer, state->consent);
    packed_put_u8(&writer, state->product);
    packed_put_u8(&writer, state->guidance);
    packed_put_u8(&writer, state->flags);
    packed_put_u8(&writer, state->last_round);
    assert(writer.len == REQUEST_PACKED_BYTES);
}

static void take_fields(struct packed_reader *reader, struct request_state *ret_state)
{
    packed_take(reader, ret_state->request_id.bytes, ID_BYTES);
    packed_take(reader, ret_state->case_id.bytes, ID_BYTES);
    packed_take(reader, ret_state->leaf.bytes, HASH_BYTES);
    packed_take(reader, ret_state->answer_leaf.bytes, HASH_BYTES);
    ret_state->case_place = packed_take_u64(reader);
    ret_state->position = packed_take_u64(reader);
    ret_state->published_at_ms = packed_take_amount(reader);
    ret_state->answered_at_ms = packed_take_amount(reader);
    ret_state->total_cents = packed_take_amount(reader);
    ret_state->brand_mark = packed_take_u64(reader);
    ret_state->due_date = packed_take_date(reader);
    ret_state->version = packed_take_u32(reader);
    ret_state->answer_version = packed_take_u32(reader);
    ret_state->claim_kinds = packed_take_u32(reader);
    ret_state->state = packed_take_u8(reader, SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEALED);
    ret_state->outcome = packed_take_u8(reader, SKP__V1__OUTCOME__OUTCOME_UNREADABLE);
    ret_state->consent = packed_take_u8(reader, SKP__V1__CONSENT__CONSENT_IMPEDIMENT);
    ret_state->product = packed_take_u8(reader, SKP__V1__PRODUCT__PRODUCT_REFINANCING);
    ret_state->guidance = packed_take_u8(reader, SKP__V1__GUIDANCE__GUIDANCE_BUDGET);
    ret_state->flags = packed_take_u8(reader, FLAGS_MAX);
    ret_state->last_round = packed_take_u8(reader, UINT8_MAX);
}

enum skp_err request_unpack(const uint8_t bytes[REQUEST_PACKED_BYTES],
                            struct request_state *ret_state)
{
    struct packed_reader reader = {.rest = span_of(bytes, REQUEST_PACKED_BYTES)};
    struct request_state state = {0};
    uint8_t format = packed_take_u8(&reader, PACKED_FORMAT);
    take_fields(&reader, &state);
    if (reader.bad || format != PACKED_FORMAT)
        return SKP_E_DATA_LOSS;
    if (!request_state_name(state.state) || id_is_nil(&state.request_id) ||
        id_is_nil(&state.case_id) || state.case_place == 0)
        return SKP_E_DATA_LOSS;
    *ret_state = state;
    return SKP_OK;
}
