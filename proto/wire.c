#include "wire.h"

#include "text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* More than any message of skp.proto has; the tests walk all of them. */
#define MAX_FIELDS 24

/* protobuf-c reads tags and lengths from at most five bytes, values from at most ten. */
#define MAX_VARINT_BYTES 10
#define MAX_PREFIX_BYTES 5
#define MAX_FIELD_NUMBER 0x1fffffffU /* 2^29 - 1, the specification's limit */

enum wire_type { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2, WIRE_32BIT = 5 };

/* Where the walk is: a chain on the stack that is printed only when something is wrong. */
struct place {
    const struct place *up;
    const char *name; /* NULL: `number` of a field without a name */
    uint32_t number;
    bool indexed;
    size_t index;
};

_Static_assert(WIRE_MAX_ITEMS <= UINT16_MAX, "a walk counts them in 16 bits");

struct walk {
    const ProtobufCMessageDescriptor *type;
    struct span rest;
    const struct place *place; /* of this message; NULL at the top */
    unsigned depth;
    char *path;
    bool arm_seen;               /* a value of any oneof */
    uint16_t counts[MAX_FIELDS]; /* values seen, by index of the field */
};

/* ---------------------------------------------------------------- paths */

static size_t print_place(const struct place *place, char *path)
{
    if (!place)
        return 0;
    size_t used = print_place(place->up, path);
    if (used >= WIRE_PATH_MAX - 1)
        return used;
    size_t room = WIRE_PATH_MAX - used;
    const char *dot = used ? "." : "";
    int printed = 0;
    if (!place->name)
        printed = snprintf(path + used, room, "%sfield %u", dot, place->number);
    else if (place->indexed)
        printed = snprintf(path + used, room, "%s%s[%zu]", dot, place->name, place->index);
    else
        printed = snprintf(path + used, room, "%s%s", dot, place->name);
    assert(printed >= 0);
    return used + (size_t)printed;
}

static enum skp_err fail_at(const struct walk *walk, const struct place *place, enum skp_err err)
{
    walk->path[0] = '\0';
    (void)print_place(place, walk->path);
    return err;
}

/* ---------------------------------------------------------------- scalars */

static void skip(struct span *rest, size_t bytes)
{
    assert(bytes <= rest->len);
    if (bytes > 0)
        *rest = span_of(rest->data + bytes, rest->len - bytes);
}

/* Takes a varint of at most `max_bytes` that fits in 64 bits. Longer spellings of a value are legal
 * protobuf (some writers reserve room for lengths) and mean the same to every reader. */
static bool take_long_varint(struct span *rest, size_t max_bytes, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->len && i < max_bytes; i++) {
        uint8_t byte = rest->data[i];
        if (i == MAX_VARINT_BYTES - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            skip(rest, i + 1);
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Nearly all tags and lengths are one byte. */
static inline bool take_varint(struct span *rest, size_t max_bytes, uint64_t *ret_value)
{
    if (rest->len == 0 || rest->data[0] >= 0x80)
        return take_long_varint(rest, max_bytes, ret_value);
    *ret_value = rest->data[0];
    skip(rest, 1);
    return true;
}

static bool take_prefixed(struct span *rest, struct span *ret_bytes)
{
    uint64_t len = 0;
    if (!take_varint(rest, MAX_PREFIX_BYTES, &len) || len > rest->len)
        return false;
    *ret_bytes = span_of(rest->data, (size_t)len);
    skip(rest, (size_t)len);
    return true;
}

static bool fits_int32(uint64_t value)
{
    return value <= INT32_MAX || value >= (uint64_t)(int64_t)INT32_MIN;
}

static enum wire_type wire_type_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
        return WIRE_VARINT;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32BIT;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    }
    abort();
}

/* Values stand in the order of their numbers, and nearly all lists have no gaps. */
static bool enum_has(const ProtobufCEnumDescriptor *type, int value)
{
    unsigned index = (unsigned)value;
    return (index < type->n_values && type->values[index].value == value) ||
           protobuf_c_enum_descriptor_get_value(type, value);
}

/* A reader would cut a value that is too wide for its field; then it is not what was said. */
static enum skp_err check_varint(const ProtobufCFieldDescriptor *field, uint64_t value)
{
    bool fits = true;
    if (field->type == PROTOBUF_C_TYPE_INT32 || field->type == PROTOBUF_C_TYPE_ENUM)
        fits = fits_int32(value);
    else if (field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_SINT32)
        fits = value <= UINT32_MAX;
    else if (field->type == PROTOBUF_C_TYPE_BOOL)
        fits = value <= 1;
    if (!fits)
        return SKP_E_DECODE;
    if (field->type == PROTOBUF_C_TYPE_ENUM && !enum_has(field->descriptor, (int)(int64_t)value))
        return SKP_E_ENUM_VALUE;
    return SKP_OK;
}

static enum skp_err take_scalar(const ProtobufCFieldDescriptor *field, struct span *rest)
{
    enum wire_type wire = wire_type_of(field->type);
    if (wire != WIRE_VARINT) {
        size_t width = wire == WIRE_32BIT ? 4 : 8;
        if (rest->len < width)
            return SKP_E_DECODE;
        skip(rest, width);
        return SKP_OK;
    }
    uint64_t value = 0;
    if (!take_varint(rest, MAX_VARINT_BYTES, &value))
        return SKP_E_DECODE;
    return check_varint(field, value);
}

/* ---------------------------------------------------------------- fields */

static enum skp_err walk_message(struct walk *walk);

static size_t field_index(const struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    return (size_t)(field - walk->type->fields);
}

/* Fields stand in the order of their numbers, which nearly all messages count from one. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
                                                  uint32_t number)
{
    if (number <= type->n_fields && type->fields[number - 1].id == number)
        return &type->fields[number - 1];
    return protobuf_c_message_descriptor_get_field(type, number);
}

static struct place field_place(const struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    return (struct place){.up = walk->place,
                          .name = field->name,
                          .indexed = field->label == PROTOBUF_C_LABEL_REPEATED,
                          .index = walk->counts[field_index(walk, field)]};
}

static enum skp_err fail_in(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                            enum skp_err err)
{
    struct place place = field_place(walk, field);
    return fail_at(walk, &place, err);
}

/* Whether another arm of the oneof that `field` belongs to was given before. protobuf-c gives the
 * arms of one oneof one place for the case number. */
static bool other_arm_is_set(const struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    if (!walk->arm_seen || !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return false;
    for (unsigned i = 0; i < walk->type->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &walk->type->fields[i];
        if (other != field && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            other->quantifier_offset == field->quantifier_offset && walk->counts[i] > 0)
            return true;
    }
    return false;
}

static enum skp_err check_count(const struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    size_t count = walk->counts[field_index(walk, field)];
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return count < WIRE_MAX_ITEMS ? SKP_OK : SKP_E_DECODE_ITEMS;
    if (count > 0)
        return SKP_E_DUPLICATE_FIELD;
    return other_arm_is_set(walk, field) ? SKP_E_ONEOF_CONFLICT : SKP_OK;
}

static enum skp_err walk_packed(struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    struct span items = {0};
    if (!take_prefixed(&walk->rest, &items))
        return fail_in(walk, field, SKP_E_DECODE);
    while (items.len > 0) {
        enum skp_err err = check_count(walk, field);
        if (!err)
            err = take_scalar(field, &items);
        if (err)
            return fail_in(walk, field, err);
        walk->counts[field_index(walk, field)]++;
    }
    return SKP_OK;
}

static enum skp_err walk_submessage(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                                    struct span bytes)
{
    struct place place = field_place(walk, field);
    if (walk->depth + 1 > WIRE_MAX_DEPTH)
        return fail_at(walk, &place, SKP_E_DECODE_DEPTH);
    struct walk inner = {.type = field->descriptor,
                         .rest = bytes,
                         .place = &place,
                         .depth = walk->depth + 1,
                         .path = walk->path};
    return walk_message(&inner);
}

static enum skp_err walk_value(struct walk *walk, const ProtobufCFieldDescriptor *field)
{
    enum skp_err err = check_count(walk, field);
    if (err)
        return fail_in(walk, field, err);
    struct span bytes = {0};
    if (wire_type_of(field->type) != WIRE_BYTES)
        err = take_scalar(field, &walk->rest);
    else if (!take_prefixed(&walk->rest, &bytes))
        err = SKP_E_DECODE;
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        err = text_check(bytes, NULL);
    if (err)
        return fail_in(walk, field, err);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        err = walk_submessage(walk, field, bytes);
        if (err)
            return err;
    }
    walk->arm_seen |= (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    walk->counts[field_index(walk, field)]++;
    return SKP_OK;
}

/* A tag has one spelling: protobuf-c reads longer ones in ways of its own. */
static bool take_tag(struct span *rest, uint32_t *ret_number, unsigned *ret_wire)
{
    size_t before = rest->len;
    uint64_t tag = 0;
    if (!take_varint(rest, MAX_PREFIX_BYTES, &tag))
        return false;
    size_t used = before - rest->len;
    if (used > 1 && tag >> (7 * (used - 1)) == 0)
        return false;
    uint64_t number = tag >> 3;
    if (number == 0 || number > MAX_FIELD_NUMBER)
        return false;
    *ret_number = (uint32_t)number;
    *ret_wire = (unsigned)(tag & 7);
    return true;
}

static bool wire_exists(unsigned wire)
{
    return wire == WIRE_VARINT || wire == WIRE_64BIT || wire == WIRE_BYTES || wire == WIRE_32BIT;
}

static enum skp_err walk_field(struct walk *walk)
{
    uint32_t number = 0;
    unsigned wire = 0;
    if (!take_tag(&walk->rest, &number, &wire) || !wire_exists(wire))
        return fail_at(walk, walk->place, SKP_E_DECODE);
    const ProtobufCFieldDescriptor *field = find_field(walk->type, number);
    if (!field) {
        struct place place = {.up = walk->place, .number = number};
        return fail_at(walk, &place, SKP_E_UNKNOWN_FIELD);
    }
    if (wire == wire_type_of(field->type))
        return walk_value(walk, field);
    if (wire == WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED)
        return walk_packed(walk, field);
    return fail_in(walk, field, SKP_E_DECODE);
}

static enum skp_err walk_message(struct walk *walk)
{
    assert(walk->type->n_fields <= MAX_FIELDS);
    while (walk->rest.len > 0) {
        enum skp_err err = walk_field(walk);
        if (err)
            return err;
    }
    return SKP_OK;
}

/* ---------------------------------------------------------------- the door */

enum skp_err wire_check(const ProtobufCMessageDescriptor *type, struct span bytes, char *ret_path)
{
    struct walk walk = {.type = type, .rest = bytes, .depth = 1, .path = ret_path};
    return walk_message(&walk);
}

enum skp_err wire_unpack(const ProtobufCMessageDescriptor *type, struct span bytes,
                         struct arena *arena, char *ret_path, ProtobufCMessage **ret_message)
{
    enum skp_err err = wire_check(type, bytes, ret_path);
    if (err)
        return err;
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &arena->protobuf, bytes.len, bytes.data);
    if (!message) {
        ret_path[0] = '\0';
        return arena->exhausted ? SKP_E_NO_MEMORY : SKP_E_DECODE;
    }
    *ret_message = message;
    return SKP_OK;
}

struct span wire_pack(const ProtobufCMessage *message, struct arena *arena)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(arena, len);
    if (!bytes)
        return (struct span){0};
    return span_of(bytes, protobuf_c_message_pack(message, bytes));
}
