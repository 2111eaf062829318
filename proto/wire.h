/* Strict reading of one protobuf message.
 *
 * protobuf-c takes things the specification or our rules forbid: field number 0, unknown fields,
 * single fields given twice, invalid UTF-8, NUL inside strings, unlimited nesting, and lists whose
 * unpacked form is fifty times their wire form. wire_check() walks the bytes along the message's
 * descriptor first and refuses all of those, so that what protobuf-c then unpacks is exactly what
 * was said. */
#ifndef SKP_WIRE_H
#define SKP_WIRE_H

#include "arena.h"
#include "bytes.h"
#include "errors.h"

#define WIRE_MAX_DEPTH 16
#define WIRE_MAX_ITEMS 8192 /* of one repeated field: a receipt may refuse every line of a batch */
#define WIRE_PATH_MAX  96

/* Checks `bytes` against `type`: DECODE, DECODE_DEPTH, DECODE_ITEMS, UNKNOWN_FIELD,
 * DUPLICATE_FIELD, ONEOF_CONFLICT, TEXT_ENCODING, TEXT_CONTROL, ENUM_VALUE (a number not in the
 * list). On error ret_path[WIRE_PATH_MAX] names the place ("claims[3].kind"), never a value. */
enum skp_err wire_check(const ProtobufCMessageDescriptor *type, struct span bytes,
                        char *ret_path) SKP_MUST_CHECK;

/* wire_check, then unpack into `arena`. *ret_message lives as long as the arena and is never freed
 * on its own. NO_MEMORY when the arena's cap is reached. ret_path as above. */
enum skp_err wire_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                         struct arena *arena, char *ret_path,
                         ProtobufCMessage **ret_message) SKP_MUST_CHECK;

/* Borrowed both ways: protobuf-c has no const bytes or texts, but never writes into them. */
static inline struct span wire_span(ProtobufCBinaryData bytes)
{
    return span_of(bytes.data, bytes.len);
}

static inline ProtobufCBinaryData wire_bytes(struct span bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static inline ProtobufCBinaryData wire_id(const struct skp_id *id)
{
    return wire_bytes(span_of(id->bytes, ID_BYTES));
}

/* NULL is the empty text, as it is in protobuf. */
static inline char *wire_text(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

/* Packs into the arena. Empty span (data NULL) when the cap is reached. */
struct span wire_pack(const ProtobufCMessage *message, struct arena *arena);

#endif
