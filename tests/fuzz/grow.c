#include "grow.h"

#include "skp.pb-c.h"

#include <string.h>

#define MAX_ITEMS 4
#define MAX_DEPTH 6

struct writer {
    uint64_t *random;
    uint8_t *at;
    size_t room;
    unsigned depth;
};

uint64_t grow_random(uint64_t *random)
{
    uint64_t next = *random ? *random : 88172645463325252U;
    next ^= next << 13;
    next ^= next >> 7;
    next ^= next << 17;
    return *random = next;
}

struct skp_id grow_id(unsigned n)
{
    struct skp_id id;
    memset(id.bytes, 0x20 + (int)(n % GROW_IDS), sizeof id.bytes);
    return id;
}

static unsigned below(struct writer *writer, unsigned limit)
{
    return (unsigned)(grow_random(writer->random) >> 16) % limit;
}

/* ---------------------------------------------------------------- the wire */

static void put_byte(struct writer *writer, unsigned byte)
{
    if (writer->room == 0)
        return;
    *writer->at++ = (uint8_t)byte;
    writer->room--;
}

static void put_varint(struct writer *writer, uint64_t value)
{
    for (; value > 0x7f; value >>= 7)
        put_byte(writer, (unsigned)(value & 0x7f) | 0x80);
    put_byte(writer, (unsigned)value);
}

static void put_bytes(struct writer *writer, const ProtobufCFieldDescriptor *field,
                      struct span bytes)
{
    if (writer->room < bytes.len + 10)
        return;
    put_varint(writer, (uint64_t)field->id << 3 | 2);
    put_varint(writer, bytes.len);
    if (bytes.len > 0)
        memcpy(writer->at, bytes.data, bytes.len);
    writer->at += bytes.len;
    writer->room -= bytes.len;
}

/* ---------------------------------------------------------------- values */

static bool ends_in(const char *name, const char *end)
{
    size_t len = strlen(name);
    return len >= strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

static int64_t number_for(struct writer *writer, const char *name)
{
    static const int64_t dates[] = {20270201, 20270202, 20270131, 20261203, 20280229, 20270230};
    static const int64_t cents[] = {0, 1, 12345, 99999999999, 100000000000, -1, INT64_MIN};
    static const int64_t numbers[] = {1, 1, 1, 2, 3, 0, 5, 10, 63, 600, 5000, 4294967295};
    if (ends_in(name, "_date"))
        return dates[below(writer, 6)];
    if (ends_in(name, "_cents"))
        return cents[below(writer, below(writer, 4) ? 3 : 7)];
    if (ends_in(name, "_at_ms"))
        return INT64_C(1801468800000) + below(writer, 100000);
    return numbers[below(writer, below(writer, 8) ? 5 : 12)];
}

static const char *text_for(struct writer *writer, const char *name)
{
    static const char *const oins[] = {"00000099000000001000", "00000099000000002000",
                                       "00000099000000003000", "00000099000000009000", "geen OIN"};
    static const char *const named_oins[] = {"sender",      "recipient", "responsible", "other",
                                             "counsellor",  "creditor",  "participant", "broker",
                                             "counsellors", "oins"};
    static const char *const contexts[] = {"skp.v1 batch",   "skp.v1 commit",  "skp.v1 receipt",
                                           "skp.v1 collect", "skp.v1 mailbox", "skp.v1 agreement"};
    static const char *const texts[] = {"",         "",     "TEST", "a b",
                                        "\xc3\xa9", "\xff", "\x01", "x\xe2\x80\xae"};
    for (size_t i = 0; i < sizeof named_oins / sizeof named_oins[0]; i++) {
        if (strcmp(name, named_oins[i]) == 0)
            return oins[below(writer, below(writer, 8) ? 3 : 5)];
    }
    if (strcmp(name, "context") == 0)
        return contexts[below(writer, 6)];
    return texts[below(writer, below(writer, 8) ? 5 : 8)];
}

static void put_binary(struct writer *writer, const ProtobufCFieldDescriptor *field)
{
    uint8_t bytes[40];
    size_t len = HASH_BYTES;
    memset(bytes, 0xab, sizeof bytes);
    if (ends_in(field->name, "_id") || ends_in(field->name, "_ids") ||
        strcmp(field->name, "after") == 0) {
        struct skp_id id = grow_id(below(writer, GROW_IDS));
        memcpy(bytes, id.bytes, sizeof id.bytes);
        len = ID_BYTES;
    }
    if (below(writer, 16) == 0)
        len = below(writer, sizeof bytes);
    put_bytes(writer, field, span_of(bytes, len));
}

static void put_enum(struct writer *writer, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCEnumDescriptor *list = field->descriptor;
    unsigned count = list->n_values;
    unsigned n = below(writer, 16) == 0 ? 0 : below(writer, count);
    uint64_t value = (uint64_t)(int64_t)list->values[n].value;
    if (below(writer, 32) == 0)
        value = count + 7;
    put_varint(writer, (uint64_t)field->id << 3);
    put_varint(writer, value);
}

static void put_message(struct writer *writer, const ProtobufCFieldDescriptor *field)
{
    uint8_t bytes[4096];
    size_t max = writer->room / 2 < sizeof bytes ? writer->room / 2 : sizeof bytes;
    if (writer->depth >= MAX_DEPTH)
        return;
    size_t len = grow_message(field->descriptor, writer->random, bytes, max);
    put_bytes(writer, field, span_of(bytes, len));
}

static void put_value(struct writer *writer, const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        put_message(writer, field);
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        put_bytes(writer, field, span_text(text_for(writer, field->name)));
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        put_binary(writer, field);
    } else if (field->type == PROTOBUF_C_TYPE_ENUM) {
        put_enum(writer, field);
    } else {
        bool is_bool = field->type == PROTOBUF_C_TYPE_BOOL;
        put_varint(writer, (uint64_t)field->id << 3);
        put_varint(writer, is_bool ? 1 : (uint64_t)number_for(writer, field->name));
    }
}

/* ---------------------------------------------------------------- messages */

/* One arm of a oneof; other fields mostly, lists a few times. */
static unsigned times_of(struct writer *writer, const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, unsigned arm)
{
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return &type->fields[arm] == field ? 1 : 0;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return below(writer, MAX_ITEMS);
    return below(writer, 8) ? 1 : 0;
}

size_t grow_message(const ProtobufCMessageDescriptor *type, uint64_t *random, uint8_t *ret_bytes,
                    size_t max)
{
    static _Thread_local unsigned depth;
    struct writer writer = {.random = random, .at = ret_bytes, .room = max, .depth = ++depth};
    unsigned arm = below(&writer, type->n_fields ? type->n_fields : 1);
    for (unsigned i = 0; i < type->n_fields; i++) {
        unsigned times = times_of(&writer, type, &type->fields[i], arm);
        for (unsigned n = 0; n < times && writer.room > 20; n++)
            put_value(&writer, &type->fields[i]);
    }
    depth--;
    return (size_t)(writer.at - ret_bytes);
}
