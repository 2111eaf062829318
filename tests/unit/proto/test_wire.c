#include "testing.h"

#include "bytes_by_hand.h"
#include "skp.pb-c.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>

static char path[WIRE_PATH_MAX];

static enum skp_err check(const ProtobufCMessageDescriptor *type, const struct bytes *bytes)
{
    (void)snprintf(path, sizeof path, "untouched");
    return wire_check(type, span_of(bytes->data, bytes->len), path);
}

static enum skp_err check_raw(const ProtobufCMessageDescriptor *type, const char *raw, size_t len)
{
    struct bytes bytes = {0};
    put(&bytes, raw, len);
    return check(type, &bytes);
}

#define CHECK(type, raw) check_raw(&skp__v1__##type##__descriptor, (raw), sizeof(raw) - 1)

/* The text as Hello.software. */
static enum skp_err check_text(const char *text, size_t len)
{
    struct bytes bytes = {0};
    put_prefixed(&bytes, 2, text, len);
    return check(&skp__v1__hello__descriptor, &bytes);
}

#define CHECK_TEXT(text) check_text((text), sizeof(text) - 1)

/* ---------------------------------------------------------------- bad input */

static void an_empty_message_is_a_message(void **state)
{
    (void)state;
    assert_ok(CHECK(ping, ""));
    assert_string_equal(path, "untouched");
}

static void random_bytes_are_no_message(void **state)
{
    (void)state;
    assert_err(CHECK(hello, "\xde\xad\xbe\xef\xff\xff"), SKP_E_DECODE);
    assert_string_equal(path, "");
}

static void a_varint_ends_within_ten_bytes(void **state)
{
    (void)state;
    assert_ok(CHECK(ping, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_err(CHECK(ping, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), SKP_E_DECODE);
    assert_string_equal(path, "nonce");
    assert_err(CHECK(ping, "\x08\x80"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x08"), SKP_E_DECODE);
}

static void field_number_0_is_refused_in_any_spelling(void **state)
{
    (void)state;
    assert_err(CHECK(ping, "\x00\x00"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x80\x00\x00"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x80\x80\x80\x80\x00\x00"), SKP_E_DECODE);
}

static void a_tag_has_one_spelling(void **state)
{
    (void)state;
    assert_ok(CHECK(ping, "\x08\x05"));
    assert_err(CHECK(ping, "\x88\x00\x05"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x88\x80\x80\x80\x80\x01\x05"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x88\x80\x80\x80\x10\x05"), SKP_E_DECODE); /* 2^29 + 1 */
}

static void groups_and_unknown_wire_types_are_refused(void **state)
{
    (void)state;
    for (unsigned wire = 0; wire < 8; wire++) {
        struct bytes bytes = {0};
        put_tag(&bytes, 77, wire);
        put(&bytes, "\x00\x00\x00\x00\x00\x00\x00\x00", 8);
        bool exists = wire == 0 || wire == 1 || wire == 2 || wire == 5;
        assert_err(check(&skp__v1__ping__descriptor, &bytes),
                   exists ? SKP_E_UNKNOWN_FIELD : SKP_E_DECODE);
    }
}

static void a_known_field_with_another_wire_type_is_refused(void **state)
{
    (void)state;
    assert_err(CHECK(ping, "\x0a\x01\x05"), SKP_E_DECODE);
    assert_string_equal(path, "nonce");
    assert_err(CHECK(ping, "\x0d\x01\x02\x03\x04"), SKP_E_DECODE);
    assert_err(CHECK(hello, "\x10\x05"), SKP_E_DECODE);
    assert_string_equal(path, "software");
}

static void an_inner_length_stays_inside_the_outer(void **state)
{
    (void)state;
    assert_ok(CHECK(hello, "\x1a\x03\x0a\x01\x41\x12\x00"));
    assert_err(CHECK(hello, "\x1a\x03\x0a\x02\x41\x12\x00"), SKP_E_DECODE);
    assert_string_equal(path, "latest_head.commit");
    assert_err(CHECK(hello, "\x1a\x08\x0a\x01\x41\x12\x00"), SKP_E_DECODE);
    assert_err(CHECK(hello, "\x12\xff\xff\xff\xff\x0f"), SKP_E_DECODE);
    assert_err(CHECK(hello, "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), SKP_E_DECODE);
}

static void trailing_garbage_is_refused(void **state)
{
    (void)state;
    assert_err(CHECK(ping, "\x08\x05garbage"), SKP_E_DECODE);
    assert_err(CHECK(ping, "\x08\x05\x80"), SKP_E_DECODE);
}

static void a_list_of_too_many_items_is_refused(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    for (int i = 0; i < WIRE_MAX_ITEMS; i++)
        put(&bytes, "\x22\x00", 2); /* CaseView.requests, empty */
    assert_ok(check(&skp__v1__case_view__descriptor, &bytes));
    put(&bytes, "\x22\x00", 2);
    assert_err(check(&skp__v1__case_view__descriptor, &bytes), SKP_E_DECODE_ITEMS);
    assert_string_equal(path, "requests[8192]");
}

static void packed_and_single_items_count_together(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    uint8_t ones[WIRE_MAX_ITEMS];
    memset(ones, 1, sizeof ones);
    put_prefixed(&bytes, 1, ones, sizeof ones - 1); /* Hello.versions */
    put_number(&bytes, 1, 1);
    assert_ok(check(&skp__v1__hello__descriptor, &bytes));
    put_number(&bytes, 1, 1);
    assert_err(check(&skp__v1__hello__descriptor, &bytes), SKP_E_DECODE_ITEMS);
}

static void a_packed_list_is_checked_item_by_item(void **state)
{
    (void)state;
    assert_ok(CHECK(directory_entry, "\x1a\x02\x01\x02")); /* roles */
    assert_err(CHECK(directory_entry, "\x1a\x02\x01\x09"), SKP_E_ENUM_VALUE);
    assert_string_equal(path, "roles[1]");
    assert_err(CHECK(directory_entry, "\x1a\x02\x01\x82"), SKP_E_DECODE);
}

static void an_unknown_field_is_refused_by_number(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    put_number(&bytes, 99, 1);
    assert_err(check(&skp__v1__line__descriptor, &bytes), SKP_E_UNKNOWN_FIELD);
    assert_string_equal(path, "field 99");
    assert_err(CHECK(line, "\x22\x04\xfa\x01\x01x"), SKP_E_UNKNOWN_FIELD);
    assert_string_equal(path, "answer.field 31");
}

static void a_single_field_is_given_once(void **state)
{
    (void)state;
    assert_err(CHECK(ping, "\x08\x05\x08\x05"), SKP_E_DUPLICATE_FIELD);
    assert_string_equal(path, "nonce");
    assert_err(CHECK(ping, "\x08\x00\x08\x00"), SKP_E_DUPLICATE_FIELD);
    assert_err(CHECK(hello, "\x1a\x00\x1a\x00"), SKP_E_DUPLICATE_FIELD);
    assert_err(CHECK(hello, "\x12\x00\x12\x01x"), SKP_E_DUPLICATE_FIELD);
    assert_err(CHECK(line, "\x22\x00\x22\x00"), SKP_E_DUPLICATE_FIELD);
}

static void only_one_arm_of_a_oneof_is_given(void **state)
{
    (void)state;
    assert_ok(CHECK(line, "\x1a\x00"));
    assert_err(CHECK(line, "\x1a\x00\x22\x00"), SKP_E_ONEOF_CONFLICT);
    assert_string_equal(path, "answer");
}

static void a_code_outside_the_list_is_refused(void **state)
{
    (void)state;
    assert_ok(CHECK(line, "\x22\x02\x58\x0c"));
    assert_err(CHECK(line, "\x22\x02\x58\x0d"), SKP_E_ENUM_VALUE);
    assert_string_equal(path, "answer.reason");
    assert_err(CHECK(line, "\x22\x0b\x58\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
               SKP_E_ENUM_VALUE);
    assert_err(CHECK(line, "\x22\x06\x4a\x04\x10\x01\x18\x11"), SKP_E_ENUM_VALUE);
    assert_string_equal(path, "answer.claims[0].kind");
}

static void a_value_too_wide_for_its_field_is_refused(void **state)
{
    (void)state;
    assert_ok(CHECK(published, "\x10\xff\xff\xff\xff\x0f"));
    assert_err(CHECK(published, "\x10\x80\x80\x80\x80\x10"), SKP_E_DECODE);
    assert_string_equal(path, "version");
    assert_err(CHECK(case_view, "\x10\x81\x80\x80\x80\x10"),
               SKP_E_DECODE); /* CASE_STATE 1 if cut */
    assert_ok(CHECK(receipt, "\x30\x01"));
    assert_err(CHECK(receipt, "\x30\x02"), SKP_E_DECODE);
    assert_ok(CHECK(round_schedule, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")); /* -1 */
    assert_err(CHECK(round_schedule, "\x18\xff\xff\xff\xff\x0f"), SKP_E_DECODE);
}

static void text_is_utf8(void **state)
{
    (void)state;
    assert_ok(CHECK_TEXT("Jansen-\xc3\x84\xc3\xb1\xe2\x82\xac\xf0\x9f\x8f\xa0"));
    assert_err(CHECK_TEXT("\xff"), SKP_E_TEXT_ENCODING);
    assert_string_equal(path, "software");
    assert_err(CHECK_TEXT("a\x80z"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xc3"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xe2\x82"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xc3("), SKP_E_TEXT_ENCODING);
}

static void overlong_and_surrogate_spellings_are_not_utf8(void **state)
{
    (void)state;
    assert_err(CHECK_TEXT("\xc0\x80"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xe0\x80\xaf"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xf0\x80\x80\xaf"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xed\xa0\x80"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xed\xbf\xbf"), SKP_E_TEXT_ENCODING);
    assert_err(CHECK_TEXT("\xf4\x90\x80\x80"), SKP_E_TEXT_ENCODING);
    assert_ok(CHECK_TEXT("\xf4\x8f\xbf\xbf"));
    assert_ok(CHECK_TEXT("\xee\x80\x80"));
}

static void text_holds_no_nul(void **state)
{
    (void)state;
    assert_err(CHECK_TEXT("ab\0cd"), SKP_E_TEXT_CONTROL);
    assert_err(CHECK_TEXT("ab\0"), SKP_E_TEXT_CONTROL);
}

static void text_holds_nothing_that_hides_or_turns_text(void **state)
{
    (void)state;
    assert_err(CHECK_TEXT("a\nb"), SKP_E_TEXT_CONTROL);
    assert_err(CHECK_TEXT("a\x1b[2J"), SKP_E_TEXT_CONTROL);
    assert_err(CHECK_TEXT("\x7f"), SKP_E_TEXT_CONTROL);
    assert_err(CHECK_TEXT("\xc2\x85"), SKP_E_TEXT_CONTROL);
    assert_err(CHECK_TEXT("a\xe2\x80\xaetxt"), SKP_E_TEXT_CONTROL); /* U+202E */
    assert_err(CHECK_TEXT("\xe2\x81\xa6"), SKP_E_TEXT_CONTROL);     /* U+2066 */
    assert_err(CHECK_TEXT("\xe2\x80\x8f"), SKP_E_TEXT_CONTROL);     /* U+200F */
    assert_err(CHECK_TEXT("\xd8\x9c"), SKP_E_TEXT_CONTROL);         /* U+061C */
    assert_err(CHECK_TEXT("\xe2\x80\xa8"), SKP_E_TEXT_CONTROL);     /* U+2028 */
    assert_err(CHECK_TEXT("\xef\xbb\xbf"), SKP_E_TEXT_CONTROL);     /* U+FEFF */
}

/* Plain text is passed over eight bytes at a time. */
static void every_byte_is_looked_at_wherever_it_stands(void **state)
{
    (void)state;
    char text[20];
    for (size_t at = 0; at < sizeof text; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            memset(text, byte % 2 == 0 ? ' ' : '~', sizeof text);
            text[at] = (char)byte;
            enum skp_err expected = byte < 0x20 || byte == 0x7f ? SKP_E_TEXT_CONTROL : SKP_OK;
            if (byte >= 0x80)
                expected = SKP_E_TEXT_ENCODING;
            assert_int_equal(check_text(text, sizeof text), expected);
        }
    }
}

static void bad_encoding_wins_over_bad_characters(void **state)
{
    (void)state;
    assert_err(CHECK_TEXT("\n\xff"), SKP_E_TEXT_ENCODING);
}

static void bytes_may_hold_anything(void **state)
{
    (void)state;
    assert_ok(CHECK(begin, "\x0a\x04\x00\xff\n\x80"));
}

static void a_path_names_the_item_and_the_field_in_it(void **state)
{
    (void)state;
    struct bytes inner = {0};
    struct bytes bytes = {0};
    for (int i = 0; i < 63; i++)
        put(&bytes, "\x22\x00", 2);
    put_prefixed(&inner, 1073741, "", 0);
    put_prefixed(&bytes, 4, inner.data, inner.len);
    assert_err(check(&skp__v1__case_view__descriptor, &bytes), SKP_E_UNKNOWN_FIELD);
    assert_string_equal(path, "requests[63].field 1073741");
}

/* ---------------------------------------------------------------- depth */

static const ProtobufCMessageDescriptor nest_descriptor;
static const ProtobufCFieldDescriptor nest_fields[] = {
    {.name = "inner_with_a_name",
     .id = 1,
     .label = PROTOBUF_C_LABEL_NONE,
     .type = PROTOBUF_C_TYPE_MESSAGE,
     .offset = sizeof(ProtobufCMessage),
     .descriptor = &nest_descriptor},
};
static const ProtobufCIntRange nest_ranges[] = {{.start_value = 1, .orig_index = 0}, {0, 1}};
static const ProtobufCMessageDescriptor nest_descriptor = {
    .magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    .name = "Nest",
    .sizeof_message = sizeof(ProtobufCMessage) + sizeof(void *),
    .n_fields = 1,
    .fields = nest_fields,
    .n_field_ranges = 1,
    .field_ranges = nest_ranges,
};

static void nest(struct bytes *bytes, unsigned levels)
{
    bytes->len = 0;
    for (unsigned i = 1; i < levels; i++) {
        struct bytes inner = *bytes;
        bytes->len = 0;
        put_prefixed(bytes, 1, inner.data, inner.len);
    }
}

static void a_message_nested_deeper_than_16_is_refused(void **state)
{
    (void)state;
    static struct bytes bytes;
    nest(&bytes, WIRE_MAX_DEPTH);
    assert_ok(check(&nest_descriptor, &bytes));
    nest(&bytes, WIRE_MAX_DEPTH + 1);
    assert_err(check(&nest_descriptor, &bytes), SKP_E_DECODE_DEPTH);
    assert_int_equal(strlen(path), WIRE_PATH_MAX - 1);
    assert_memory_equal(path, "inner_with_a_name.inner_with", 28);
    nest(&bytes, 300);
    assert_err(check(&nest_descriptor, &bytes), SKP_E_DECODE_DEPTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_message_is_a_message),
        cmocka_unit_test(random_bytes_are_no_message),
        cmocka_unit_test(a_varint_ends_within_ten_bytes),
        cmocka_unit_test(field_number_0_is_refused_in_any_spelling),
        cmocka_unit_test(a_tag_has_one_spelling),
        cmocka_unit_test(groups_and_unknown_wire_types_are_refused),
        cmocka_unit_test(a_known_field_with_another_wire_type_is_refused),
        cmocka_unit_test(an_inner_length_stays_inside_the_outer),
        cmocka_unit_test(trailing_garbage_is_refused),
        cmocka_unit_test(a_list_of_too_many_items_is_refused),
        cmocka_unit_test(packed_and_single_items_count_together),
        cmocka_unit_test(a_packed_list_is_checked_item_by_item),
        cmocka_unit_test(an_unknown_field_is_refused_by_number),
        cmocka_unit_test(a_single_field_is_given_once),
        cmocka_unit_test(only_one_arm_of_a_oneof_is_given),
        cmocka_unit_test(a_code_outside_the_list_is_refused),
        cmocka_unit_test(a_value_too_wide_for_its_field_is_refused),
        cmocka_unit_test(text_is_utf8),
        cmocka_unit_test(overlong_and_surrogate_spellings_are_not_utf8),
        cmocka_unit_test(text_holds_no_nul),
        cmocka_unit_test(text_holds_nothing_that_hides_or_turns_text),
        cmocka_unit_test(every_byte_is_looked_at_wherever_it_stands),
        cmocka_unit_test(bad_encoding_wins_over_bad_characters),
        cmocka_unit_test(bytes_may_hold_anything),
        cmocka_unit_test(a_path_names_the_item_and_the_field_in_it),
        cmocka_unit_test(a_message_nested_deeper_than_16_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
