/* Frames: how messages stand in the TLS stream.
 *
 *   length  4 bytes, big endian: type + flags + body
 *   type    1 byte, enum frame_type
 *   flags   1 byte, 0 in this version
 *   body    one protobuf message of skp.proto
 *
 * Pure: no I/O and no memory of its own. PROTOCOL.md chapter 2. */
#ifndef SKP_FRAME_H
#define SKP_FRAME_H

#include "bytes.h"
#include "errors.h"

#define FRAME_HEADER_BYTES 6
#define FRAME_MAX_BYTES    262144 /* largest value of the length field */
#define SKP_ALPN           "skp/1"

/* name, number, message of skp.proto, who sends it: C client, B broker, X both */
#define FRAME_TYPES(X)                                                                             \
    X(HELLO, 1, hello, C)                                                                          \
    X(WELCOME, 2, welcome, B)                                                                      \
    X(PING, 3, ping, X)                                                                            \
    X(PONG, 4, pong, X)                                                                            \
    X(GOING_AWAY, 5, going_away, B)                                                                \
    X(ERROR, 6, error, X)                                                                          \
    X(BEGIN, 16, begin, C)                                                                         \
    X(BUNDLE, 17, bundle, C)                                                                       \
    X(END, 18, end, C)                                                                             \
    X(RECEIPT, 19, receipt, B)                                                                     \
    X(FETCH, 32, fetch, C)                                                                         \
    X(DELIVERY, 33, delivery, B)                                                                   \
    X(WAITING, 34, waiting, B)                                                                     \
    X(COLLECT, 35, collect, C)                                                                     \
    X(COLLECTED, 36, collected, B)                                                                 \
    X(EXTEND, 37, extend, C)                                                                       \
    X(RELEASE, 38, release, C)                                                                     \
    X(PUBLISH, 48, publish, C)                                                                     \
    X(PUBLISHED, 49, published, B)                                                                 \
    X(DIRECTORY_GET, 50, directory_get, C)                                                         \
    X(DIRECTORY, 51, directory, B)                                                                 \
    X(CASES_GET, 52, cases_get, C)                                                                 \
    X(CASES, 53, cases, B)

enum frame_type {
#define X(name, number, message, sender) FRAME_##name = (number),
    FRAME_TYPES(X)
#undef X
};

struct frame {
    enum frame_type type;
    struct span body;
};

/* Name of a type as in skp.proto ("Hello"), NULL when unknown. */
const char *frame_type_name(unsigned type);

/* Writes the header of a frame with `body_len` bytes of body (at most FRAME_MAX_BYTES - 2). */
void frame_write_header(enum frame_type type, size_t body_len,
                        uint8_t ret_header[FRAME_HEADER_BYTES]);

enum frame_status { FRAME_NEED_MORE, FRAME_READY, FRAME_BAD };

/* Looks at the first `have` bytes of the stream.
 * FRAME_READY: *ret_total is the length of the whole frame with header, *ret_type its type.
 * FRAME_NEED_MORE: *ret_total is how many bytes are needed to go on (header, then whole frame), so that
 *   nothing is allocated for a frame that is refused.
 * FRAME_BAD: *ret_err is FRAME_EMPTY, FRAME_TOO_LARGE, FRAME_TYPE_UNKNOWN or FRAME_FLAGS; the stream
 *   cannot go on. All of them are known from the first six bytes. */
enum frame_status frame_peek(const uint8_t *bytes, size_t have, enum frame_type *ret_type,
                             size_t *ret_total, enum skp_err *ret_err);

#endif
