#include "testing.h"

#include "messages.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

/* Levels under and with `type`; fails when it meets itself. */
static unsigned walk_schema(const ProtobufCMessageDescriptor *type,
                            const ProtobufCMessageDescriptor **above, unsigned depth)
{
    unsigned deepest = depth;
    assert_true(depth <= WIRE_MAX_DEPTH);
    for (unsigned i = 0; i < depth - 1; i++)
        assert_ptr_not_equal(above[i], type);
    above[depth - 1] = type;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            unsigned below = walk_schema(field->descriptor, above, depth + 1);
            deepest = below > deepest ? below : deepest;
        }
    }
    return deepest;
}

static void no_message_holds_itself(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *above[WIRE_MAX_DEPTH];
    unsigned deepest = 0;
    for (size_t i = 0; i < ALL_MESSAGES_COUNT; i++) {
        unsigned depth = walk_schema(all_messages[i], above, 1);
        deepest = depth > deepest ? depth : deepest;
    }
    assert_in_range(deepest, 3, WIRE_MAX_DEPTH / 2);
}

static void no_message_holds_a_float(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_MESSAGES_COUNT; i++) {
        for (unsigned at = 0; at < all_messages[i]->n_fields; at++) {
            const ProtobufCFieldDescriptor *field = &all_messages[i]->fields[at];
            assert_int_not_equal(field->type, PROTOBUF_C_TYPE_FLOAT);
            assert_int_not_equal(field->type, PROTOBUF_C_TYPE_DOUBLE);
        }
    }
}

/* protobuf-c reads a packed list of bool in a way of its own, and wire_check counts at most 24
 * fields. */
static void every_message_is_one_that_wire_check_can_walk(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_MESSAGES_COUNT; i++) {
        const ProtobufCMessageDescriptor *type = all_messages[i];
        assert_in_range(type->n_fields, 1, 24);
        for (unsigned at = 0; at < type->n_fields; at++)
            assert_false(type->fields[at].type == PROTOBUF_C_TYPE_BOOL &&
                         type->fields[at].label == PROTOBUF_C_LABEL_REPEATED);
    }
}

static void every_enum_begins_with_unspecified(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL_MESSAGES_COUNT; i++) {
        for (unsigned at = 0; at < all_messages[i]->n_fields; at++) {
            const ProtobufCFieldDescriptor *field = &all_messages[i]->fields[at];
            if (field->type != PROTOBUF_C_TYPE_ENUM)
                continue;
            const ProtobufCEnumDescriptor *list = field->descriptor;
            assert_int_equal(list->values[0].value, 0);
            assert_non_null(strstr(list->values[0].name, "_UNSPECIFIED"));
        }
    }
}

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < ALL_MESSAGES_COUNT; i++) {
        if (strcmp(all_messages[i]->short_name, name) == 0)
            return true;
    }
    return false;
}

static void the_tests_know_every_message_of_the_schema(void **state)
{
    (void)state;
    char file[4096];
    char line[4096];
    size_t messages = 0;
    const char *slash = strrchr(__FILE__, '/');
    assert_non_null(slash);
    (void)snprintf(file, sizeof file, "%.*s/../../../proto/skp.proto", (int)(slash - __FILE__),
                   __FILE__);
    FILE *proto = fopen(file, "r");
    assert_non_null(proto);
    while (fgets(line, sizeof line, proto)) {
        char name[128];
        if (sscanf(line, "message %127[A-Za-z]", name) != 1)
            continue;
        assert_true(is_listed(name));
        messages++;
    }
    (void)fclose(proto);
    assert_int_equal(messages, ALL_MESSAGES_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_message_holds_itself),
        cmocka_unit_test(no_message_holds_a_float),
        cmocka_unit_test(every_message_is_one_that_wire_check_can_walk),
        cmocka_unit_test(every_enum_begins_with_unspecified),
        cmocka_unit_test(the_tests_know_every_message_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
