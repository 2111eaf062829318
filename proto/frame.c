#include "frame.h"

#include "mutant.h"
#include "skp.pb-c.h"

#include <assert.h>

#define LENGTH_BYTES     4
#define TYPE_FLAGS_BYTES 2

const char *frame_type_name(unsigned type)
{
    switch (type) {
#define X(name, number, message, sender)                                                           \
    case (number):                                                                                 \
        return skp__v1__##message##__descriptor.short_name;
        FRAME_TYPES(X)
#undef X
    }
    return NULL;
}

void frame_write_header(enum frame_type type, size_t body_len,
                        uint8_t ret_header[FRAME_HEADER_BYTES])
{
    assert(body_len <= FRAME_MAX_BYTES - TYPE_FLAGS_BYTES);
    assert(frame_type_name(type));
    uint32_t length = (uint32_t)body_len + TYPE_FLAGS_BYTES;
    ret_header[0] = (uint8_t)(length >> 24);
    ret_header[1] = (uint8_t)(length >> 16);
    ret_header[2] = (uint8_t)(length >> 8);
    ret_header[3] = (uint8_t)length;
    ret_header[4] = (uint8_t)type;
    ret_header[5] = 0;
}

static size_t read_length(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3];
}

/* What is wrong with as much of the header as is there. Refused as early as possible: a frame of
 * length 0 or 1 may never bring a sixth byte. */
static enum skp_err check_header(const uint8_t *bytes, size_t have)
{
    if (have >= LENGTH_BYTES && read_length(bytes) < TYPE_FLAGS_BYTES)
        return SKP_E_FRAME_EMPTY;
    if (have >= LENGTH_BYTES && read_length(bytes) > FRAME_MAX_BYTES && !MUTANT(frame_limit_off))
        return SKP_E_FRAME_TOO_LARGE;
    if (have > LENGTH_BYTES && !frame_type_name(bytes[4]))
        return SKP_E_FRAME_TYPE_UNKNOWN;
    if (have >= FRAME_HEADER_BYTES && bytes[5] != 0)
        return SKP_E_FRAME_FLAGS;
    return SKP_OK;
}

enum frame_status frame_peek(const uint8_t *bytes, size_t have, enum frame_type *ret_type,
                             size_t *ret_total, enum skp_err *ret_err)
{
    enum skp_err err = check_header(bytes, have);
    if (err) {
        *ret_err = err;
        return FRAME_BAD;
    }
    if (have < FRAME_HEADER_BYTES) {
        *ret_total = FRAME_HEADER_BYTES;
        return FRAME_NEED_MORE;
    }
    size_t total = LENGTH_BYTES + read_length(bytes);
    *ret_total = total;
    if (have < total)
        return FRAME_NEED_MORE;
    *ret_type = (enum frame_type)bytes[4];
    return FRAME_READY;
}
