/* Any bytes as any message, against protobuf-c: what wire_check takes, protobuf-c unpacks to what the bytes
 * say, and packs to the same message; what protobuf-c refuses, wire_check refuses.
 *
 * The first byte picks the message type. Lines also go through the schema of facts, agreements and
 * records through theirs. */
#include "fact.h"
#include "fuzz.h"
#include "messages.h"
#include "statement.h"
#include "wire.h"

static void check_path(const char *path)
{
    EXPECT(memchr(path, '\0', WIRE_PATH_MAX) != NULL);
}

/* ---------------------------------------------------------------- against protobuf-c alone */

static uint64_t take_varint(struct span *rest)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t byte = take_byte(rest);
        value |= (uint64_t)(byte & 0x7f) << shift % 64;
        if (byte < 0x80)
            break;
    }
    return value;
}

/* What the bytes of one field say: how often it stands there, and its last value. */
struct said {
    size_t times;
    uint64_t number;
    struct span bytes;
};

/* Only for bytes that wire_check takes: nothing is checked here, so little can be wrong. */
static struct said listen(struct span message, const ProtobufCFieldDescriptor *field)
{
    struct said said = {.times = 0};
    bool is_bytes = field->type >= PROTOBUF_C_TYPE_STRING;
    while (message.len > 0) {
        uint64_t tag = take_varint(&message);
        bool prefixed = (tag & 7) == 2;
        uint64_t number = take_varint(&message); /* skp.proto has only varints and lengths */
        struct span bytes = take_span(&message, prefixed ? (size_t)number : 0);
        if (tag >> 3 != field->id)
            continue;
        if (prefixed && !is_bytes) {
            for (; bytes.len > 0; said.times++)
                said.number = take_varint(&bytes);
            continue;
        }
        said.times++;
        said.number = number;
        said.bytes = bytes;
    }
    return said;
}

static const void *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const uint8_t *)message + offset;
}

static void compare_value(const ProtobufCFieldDescriptor *field, const void *value,
                          const struct said *said)
{
    const ProtobufCBinaryData *bytes = value;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        EXPECT(span_equal(span_text(*(const char *const *)value), said->bytes));
        break;
    case PROTOBUF_C_TYPE_BYTES:
        EXPECT(span_equal(span_of(bytes->data, bytes->len), said->bytes));
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        EXPECT(*(const uint64_t *)value == said->number);
        break;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_ENUM:
        EXPECT((uint64_t) * (const int32_t *)value == said->number);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        EXPECT(*(const uint32_t *)value == said->number);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        EXPECT((uint64_t) * (const protobuf_c_boolean *)value == said->number);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        EXPECT(*(void *const *)value != NULL);
        break;
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        abort(); /* skp.proto has no such field */
    }
}

/* protobuf-c must have unpacked what the bytes say: as many of each, and the same. */
static void compare(const ProtobufCMessage *message, struct span bytes)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        struct said said = listen(bytes, field);
        const void *value = member(message, field->offset);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t *count = member(message, field->quantifier_offset);
            EXPECT(*count == said.times);
        } else if (said.times > 0) {
            EXPECT(said.times == 1);
            compare_value(field, value, &said);
        }
    }
}

/* The bytes to protobuf-c without a check before: what it refuses, wire_check refused. */
static void ask_protobuf(const ProtobufCMessageDescriptor *type, struct span bytes, bool taken)
{
    struct arena arena;
    arena_init(&arena, (size_t)64 << 20);
    ProtobufCMessage *message =
        protobuf_c_message_unpack(type, &arena.protobuf, bytes.len, bytes.data);
    EXPECT(!taken || message != NULL);
    if (taken)
        compare(message, bytes);
    arena_fini(&arena);
}

static void go_round(const ProtobufCMessageDescriptor *type, struct span bytes, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *first = NULL;
    ProtobufCMessage *second = NULL;
    bool taken = wire_check(type, bytes, path) == SKP_OK;
    ask_protobuf(type, bytes, taken);
    if (!taken) {
        check_path(path);
        EXPECT(wire_unpack(type, bytes, arena, path, &first) != SKP_OK);
        return;
    }
    EXPECT(wire_unpack(type, bytes, arena, path, &first) == SKP_OK);
    EXPECT(first->n_unknown_fields == 0);
    struct span packed = wire_pack(first, arena);
    EXPECT(packed.data != NULL);
    EXPECT(wire_unpack(type, packed, arena, path, &second) == SKP_OK);
    EXPECT(span_equal(packed, wire_pack(second, arena)));
}

/* Items and proof that nobody made together lead to no root: the one of zeros neither. */
static void prove_items(const Skp__V1__EventFact *event, struct arena *arena)
{
    static const struct skp_hash zeros;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    if (wire_unpack(&skp__v1__collect_statement__descriptor, wire_span(event->statement), arena,
                    path, &message))
        return;
    Skp__V1__CollectStatement *statement = (Skp__V1__CollectStatement *)(void *)message;
    statement->items_root = wire_bytes(span_of(zeros.bytes, HASH_BYTES));
    EXPECT(!statement_holds_items(statement, event));
}

static void read_fact(struct span bytes, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    struct skp_id id;
    struct skp_hash commitment;
    if (fact_read(bytes, arena, path, &line)) {
        check_path(path);
        return;
    }
    EXPECT(fact_item_id(line, &id) == SKP_OK);
    (void)fact_commitment(line, &commitment);
    if (line->fact_case == SKP__V1__LINE__FACT_EVENT)
        prove_items(line->event, arena);
}

static void check_file(const ProtobufCMessageDescriptor *type, struct span bytes,
                       struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    enum skp_err err = wire_unpack(type, bytes, arena, path, &message);
    if (!err && type == &skp__v1__agreement__descriptor)
        err = fact_check_agreement((const Skp__V1__Agreement *)message, path);
    else if (!err && type == &skp__v1__mailbox_record__descriptor)
        err = fact_check_record((const Skp__V1__MailboxRecord *)message, path);
    if (err)
        check_path(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *type = all_messages[data[0] % ALL_MESSAGES_COUNT];
    struct span bytes = span_of(data + 1, size - 1);
    struct arena arena;
    arena_init(&arena, (size_t)16 << 20);
    go_round(type, bytes, &arena);
    check_file(type, bytes, &arena);
    if (type == &skp__v1__line__descriptor)
        read_fact(bytes, &arena);
    arena_fini(&arena);
    return 0;
}
