#include "testing.h"

#include "frame.h"

#include <string.h>

#define BODY_BYTES 40

static size_t write_frame(enum frame_type type, size_t body_len, uint8_t *ret_bytes)
{
    frame_write_header(type, body_len, ret_bytes);
    memset(ret_bytes + FRAME_HEADER_BYTES, 0x5a, body_len);
    return FRAME_HEADER_BYTES + body_len;
}

static enum skp_err refused_as(const uint8_t *bytes, size_t have)
{
    enum frame_type type = FRAME_HELLO;
    size_t total = 0;
    enum skp_err err = SKP_OK;
    if (frame_peek(bytes, have, &type, &total, &err) != FRAME_BAD)
        return SKP_OK;
    return err;
}

static void a_header_is_length_type_and_flags(void **state)
{
    (void)state;
    uint8_t header[FRAME_HEADER_BYTES];
    frame_write_header(FRAME_DELIVERY, 0x012345, header);
    const uint8_t wanted[] = {0x00, 0x01, 0x23, 0x47, 33, 0};
    assert_memory_equal(header, wanted, sizeof wanted);
}

static void a_frame_survives_any_split(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES + BODY_BYTES];
    size_t len = write_frame(FRAME_BUNDLE, BODY_BYTES, bytes);
    for (size_t have = 0; have < len; have++) {
        enum frame_type type = FRAME_HELLO;
        size_t total = 0;
        enum skp_err err = SKP_OK;
        assert_int_equal(frame_peek(bytes, have, &type, &total, &err), FRAME_NEED_MORE);
        assert_int_equal(total, have < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : len);
    }
}

static void a_whole_frame_is_ready_whatever_follows(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES + BODY_BYTES + 9] = {0};
    size_t len = write_frame(FRAME_RECEIPT, BODY_BYTES, bytes);
    for (size_t have = len; have <= sizeof bytes; have++) {
        enum frame_type type = FRAME_HELLO;
        size_t total = 0;
        enum skp_err err = SKP_OK;
        assert_int_equal(frame_peek(bytes, have, &type, &total, &err), FRAME_READY);
        assert_int_equal(total, len);
        assert_int_equal(type, FRAME_RECEIPT);
    }
}

static void a_frame_may_have_an_empty_body(void **state)
{
    (void)state;
    uint8_t bytes[FRAME_HEADER_BYTES];
    enum frame_type type = FRAME_HELLO;
    size_t total = 0;
    enum skp_err err = SKP_OK;
    assert_int_equal(write_frame(FRAME_PING, 0, bytes), sizeof bytes);
    assert_int_equal(frame_peek(bytes, sizeof bytes, &type, &total, &err), FRAME_READY);
    assert_int_equal(total, sizeof bytes);
    assert_int_equal(type, FRAME_PING);
}

static void a_length_of_nothing_is_refused_at_once(void **state)
{
    (void)state;
    const uint8_t nothing[] = {0, 0, 0, 0};
    const uint8_t no_flags[] = {0, 0, 0, 1, FRAME_PING};
    assert_err(refused_as(nothing, sizeof nothing), SKP_E_FRAME_EMPTY);
    assert_err(refused_as(no_flags, 4), SKP_E_FRAME_EMPTY);
    assert_err(refused_as(no_flags, sizeof no_flags), SKP_E_FRAME_EMPTY);
}

static void a_length_over_the_limit_is_refused_before_anything_is_allocated(void **state)
{
    (void)state;
    const uint8_t largest[] = {0x00, 0x04, 0x00, 0x00, FRAME_BUNDLE, 0};
    const uint8_t one_more[] = {0x00, 0x04, 0x00, 0x01};
    const uint8_t absurd[] = {0xff, 0xff, 0xff, 0xff};
    assert_int_equal(refused_as(largest, sizeof largest), SKP_OK);
    assert_err(refused_as(one_more, sizeof one_more), SKP_E_FRAME_TOO_LARGE);
    assert_err(refused_as(absurd, sizeof absurd), SKP_E_FRAME_TOO_LARGE);
}

static void only_the_listed_types_pass(void **state)
{
    (void)state;
    unsigned known = 0;
    for (unsigned type = 0; type < 256; type++) {
        const uint8_t bytes[] = {0, 0, 0, 2, (uint8_t)type, 0};
        enum skp_err wanted = frame_type_name(type) ? SKP_OK : SKP_E_FRAME_TYPE_UNKNOWN;
        assert_err(refused_as(bytes, 5), wanted);
        assert_err(refused_as(bytes, sizeof bytes), wanted);
        known += wanted == SKP_OK;
    }
    unsigned listed = 0;
#define X(name, number, message, sender) listed++;
    FRAME_TYPES(X)
#undef X
    assert_int_equal(known, listed);
    assert_null(frame_type_name(256 + FRAME_HELLO));
}

static void any_reserved_flag_is_refused(void **state)
{
    (void)state;
    for (unsigned flags = 1; flags < 256; flags++) {
        const uint8_t bytes[] = {0, 0, 0, 2, FRAME_PING, (uint8_t)flags};
        assert_err(refused_as(bytes, sizeof bytes), SKP_E_FRAME_FLAGS);
    }
}

static void types_are_named_as_their_messages(void **state)
{
    (void)state;
    assert_string_equal(frame_type_name(FRAME_HELLO), "Hello");
    assert_string_equal(frame_type_name(FRAME_GOING_AWAY), "GoingAway");
    assert_string_equal(frame_type_name(FRAME_DIRECTORY_GET), "DirectoryGet");
    assert_null(frame_type_name(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_length_type_and_flags),
        cmocka_unit_test(a_frame_survives_any_split),
        cmocka_unit_test(a_whole_frame_is_ready_whatever_follows),
        cmocka_unit_test(a_frame_may_have_an_empty_body),
        cmocka_unit_test(a_length_of_nothing_is_refused_at_once),
        cmocka_unit_test(a_length_over_the_limit_is_refused_before_anything_is_allocated),
        cmocka_unit_test(only_the_listed_types_pass),
        cmocka_unit_test(any_reserved_flag_is_refused),
        cmocka_unit_test(types_are_named_as_their_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
