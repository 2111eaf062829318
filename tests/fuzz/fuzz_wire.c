/* Any bytes as any message: what wire_check takes, protobuf-c must unpack, and pack to the same
 * message.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_wire.c
 *   ./fuzz_wire -max_len=4096 corpus/
 *
 * The first byte picks the message type. Lines also go through the schema of facts. */
#include "fact.h"
#include "unit/proto/messages.h"
#include "wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_path(const char *path)
{
    expect(memchr(path, '\0', WIRE_PATH_MAX) != NULL);
}

static void go_round(const ProtobufCMessageDescriptor *type, struct span bytes, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *first = NULL;
    ProtobufCMessage *second = NULL;
    if (wire_check(type, bytes, path)) {
        check_path(path);
        expect(wire_unpack(type, bytes, arena, path, &first) != SKP_OK);
        return;
    }
    expect(wire_unpack(type, bytes, arena, path, &first) == SKP_OK);
    expect(first->n_unknown_fields == 0);
    struct span packed = wire_pack(first, arena);
    expect(packed.data != NULL);
    expect(wire_unpack(type, packed, arena, path, &second) == SKP_OK);
    expect(span_equal(packed, wire_pack(second, arena)));
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
    expect(fact_item_id(line, &id) == SKP_OK);
    (void)fact_commitment(line, &commitment);
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
