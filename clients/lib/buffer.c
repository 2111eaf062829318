#include "buffer.h"

#include <assert.h>
#include <stdlib.h>

#define BUFFER_STEP      16384
#define FRAME_BODY_BYTES (FRAME_MAX_BYTES - 2)

void buffer_init(struct buffer *buffer, size_t max_bytes)
{
    *buffer = (struct buffer){.max_bytes = max_bytes};
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

static void move_to_front(struct buffer *buffer)
{
    if (buffer->start > 0 && buffer->len > 0)
        memmove(buffer->data, buffer->data + buffer->start, buffer->len);
    buffer->start = 0;
}

uint8_t *buffer_room(struct buffer *buffer, size_t bytes)
{
    if (bytes > buffer->max_bytes || buffer->len > buffer->max_bytes - bytes)
        return NULL;
    if (buffer->start + buffer->len + bytes > buffer->capacity)
        move_to_front(buffer);
    if (buffer->len + bytes > buffer->capacity) {
        size_t wanted = buffer->len + bytes;
        size_t capacity = (wanted + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
        uint8_t *data = realloc(buffer->data, capacity);
        if (data == NULL)
            return NULL;
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->start + buffer->len;
}

void buffer_added(struct buffer *buffer, size_t bytes)
{
    assert(buffer->start + buffer->len + bytes <= buffer->capacity);
    buffer->len += bytes;
}

void buffer_consume(struct buffer *buffer, size_t bytes)
{
    assert(bytes <= buffer->len);
    buffer->start += bytes;
    buffer->len -= bytes;
    if (buffer->len == 0)
        buffer->start = 0;
}

/* The header is written; the caller fills the body behind it. */
static uint8_t *begin_frame(struct buffer *buffer, enum frame_type type, size_t body_bytes)
{
    uint8_t *room = buffer_room(buffer, FRAME_HEADER_BYTES + body_bytes);
    if (room != NULL)
        frame_write_header(type, body_bytes, room);
    return room;
}

enum skp_err buffer_add_frame(struct buffer *buffer, enum frame_type type,
                              const ProtobufCMessage *message)
{
    size_t body_bytes = protobuf_c_message_get_packed_size(message);
    if (body_bytes > FRAME_BODY_BYTES)
        return SKP_E_FRAME_TOO_LARGE;
    uint8_t *frame = begin_frame(buffer, type, body_bytes);
    if (frame == NULL)
        return SKP_E_FULL;
    protobuf_c_message_pack(message, frame + FRAME_HEADER_BYTES);
    buffer_added(buffer, FRAME_HEADER_BYTES + body_bytes);
    return SKP_OK;
}

enum skp_err buffer_add_body(struct buffer *buffer, enum frame_type type, struct span body)
{
    if (body.len > FRAME_BODY_BYTES)
        return SKP_E_FRAME_TOO_LARGE;
    uint8_t *frame = begin_frame(buffer, type, body.len);
    if (frame == NULL)
        return SKP_E_FULL;
    if (body.len > 0)
        memcpy(frame + FRAME_HEADER_BYTES, body.data, body.len);
    buffer_added(buffer, FRAME_HEADER_BYTES + body.len);
    return SKP_OK;
}
