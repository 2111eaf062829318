/* A growable run of bytes with two ends: what came in and is not read yet, what must go out.
 *
 * Born with a maximum, so that no peer and no caller makes it grow without end. */
#ifndef SKP_BUFFER_H
#define SKP_BUFFER_H

#include "bytes.h"
#include "errors.h"
#include "frame.h"

#include <protobuf-c/protobuf-c.h>

struct buffer {
    uint8_t *data;
    size_t start; /* first byte that is not consumed */
    size_t len;   /* bytes from there */
    size_t capacity;
    size_t max_bytes;
};

void buffer_init(struct buffer *buffer, size_t max_bytes);
void buffer_fini(struct buffer *buffer);

/* Room for `bytes` more behind the last one, or NULL over the maximum or out of memory. Bytes
 * written there count once buffer_added() is called. */
uint8_t *buffer_room(struct buffer *buffer, size_t bytes);
void buffer_added(struct buffer *buffer, size_t bytes);
void buffer_consume(struct buffer *buffer, size_t bytes);

static inline const uint8_t *buffer_bytes(const struct buffer *buffer)
{
    return buffer->data + buffer->start;
}

/* Adds one whole frame. FRAME_TOO_LARGE when its body is over the wire's limit; FULL over the
 * maximum. */
enum skp_err buffer_add_frame(struct buffer *buffer, enum frame_type type,
                              const ProtobufCMessage *message) SKP_MUST_CHECK;
enum skp_err buffer_add_body(struct buffer *buffer, enum frame_type type,
                             struct span body) SKP_MUST_CHECK;

#endif
