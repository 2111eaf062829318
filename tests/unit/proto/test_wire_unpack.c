#include "testing.h"

#include "bytes_by_hand.h"
#include "messages.h"
#include "wire.h"

#include <string.h>

static char path[WIRE_PATH_MAX];

static void fill_answer(struct bytes *bytes)
{
    struct bytes claim = {0};
    struct bytes answer = {0};
    put_prefixed(&claim, 1, "0123456789abcdef", 16);
    put_number(&claim, 2, 1);
    put_number(&claim, 3, 8);
    put_number(&claim, 4, 123456);
    put_number(&claim, 6, 1);
    put_number(&claim, 8, 1);
    put_prefixed(&answer, 1, "fedcba9876543210", 16);
    put_number(&answer, 2, 1);
    put_number(&answer, 5, 1);
    for (int i = 0; i < 3; i++)
        put_prefixed(&answer, 9, claim.data, claim.len);
    put_number(&answer, 11, 3);
    put_prefixed(bytes, 4, answer.data, answer.len);
}

static void what_is_unpacked_is_what_was_said(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    struct arena arena;
    ProtobufCMessage *message = NULL;
    fill_answer(&bytes);
    arena_init(&arena, 100000);
    assert_ok(wire_unpack(&skp__v1__line__descriptor, span_of(bytes.data, bytes.len), &arena, path,
                          &message));
    const Skp__V1__Line *line = (const Skp__V1__Line *)message;
    assert_int_equal(line->fact_case, SKP__V1__LINE__FACT_ANSWER);
    assert_int_equal(line->answer->n_claims, 3);
    assert_int_equal(line->answer->claims[2]->amount_cents, 123456);
    struct span packed = wire_pack(message, &arena);
    assert_true(span_equal(packed, span_of(bytes.data, bytes.len)));
    arena_fini(&arena);
}

static void unpacking_stops_at_the_cap_of_the_arena(void **state)
{
    (void)state;
    struct bytes bytes = {0};
    struct arena arena;
    ProtobufCMessage *message = NULL;
    fill_answer(&bytes);
    arena_init(&arena, 300);
    assert_err(wire_unpack(&skp__v1__line__descriptor, span_of(bytes.data, bytes.len), &arena, path,
                           &message),
               SKP_E_NO_MEMORY);
    assert_null(message);
    arena_fini(&arena);
}

static void packing_stops_at_the_cap_of_the_arena(void **state)
{
    (void)state;
    struct arena arena;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    arena_init(&arena, 0);
    struct span empty = wire_pack(&ping.base, &arena);
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    ping.nonce = 1;
    assert_null(wire_pack(&ping.base, &arena).data);
    arena_fini(&arena);
}

/* ---------------------------------------------------------------- random changes */

static uint64_t dice = 0x9e3779b97f4a7c15;

static uint32_t roll(uint32_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t)(dice >> 33) % sides;
}

static void change(struct bytes *bytes)
{
    uint32_t at = roll((uint32_t)bytes->len);
    switch (roll(4)) {
    case 0:
        bytes->data[at] = (uint8_t)(bytes->data[at] ^ (1U << roll(8)));
        return;
    case 1:
        bytes->data[at] = (uint8_t)roll(256);
        return;
    case 2:
        memmove(bytes->data + at + 1, bytes->data + at, bytes->len - at);
        bytes->data[at] = (uint8_t)roll(256);
        bytes->len++;
        return;
    case 3:
        memmove(bytes->data + at, bytes->data + at + 1, bytes->len - at - 1);
        bytes->len--;
        return;
    }
}

/* Checks, unpacks, packs and does it again; true when the bytes were taken. */
static bool goes_round(const ProtobufCMessageDescriptor *type, struct span bytes)
{
    struct arena arena;
    ProtobufCMessage *first = NULL;
    ProtobufCMessage *second = NULL;
    arena_init(&arena, (size_t)1 << 20);
    bool taken = wire_check(type, bytes, path) == SKP_OK;
    assert_int_equal(wire_unpack(type, bytes, &arena, path, &first) == SKP_OK, taken);
    if (taken) {
        struct span packed = wire_pack(first, &arena);
        assert_ok(wire_unpack(type, packed, &arena, path, &second));
        assert_true(span_equal(packed, wire_pack(second, &arena)));
        assert_int_equal(first->n_unknown_fields, 0);
    }
    arena_fini(&arena);
    return taken;
}

static void whatever_is_taken_unpacks_and_packs_to_the_same_message(void **state)
{
    (void)state;
    unsigned taken = 0;
    static struct bytes seed;
    static struct bytes changed;
    fill_answer(&seed);
    for (int round = 0; round < 40000; round++) {
        changed = seed;
        for (uint32_t i = roll(3) + 1; i > 0; i--)
            change(&changed);
        taken += goes_round(&skp__v1__line__descriptor, span_of(changed.data, changed.len));
    }
    assert_in_range(taken, 1000, 39000);
}

static void noise_never_crashes_any_message(void **state)
{
    (void)state;
    static struct bytes noise;
    for (int round = 0; round < 40000; round++) {
        noise.len = roll(64);
        for (size_t i = 0; i < noise.len; i++)
            noise.data[i] = (uint8_t)(roll(2) ? roll(256) : roll(24));
        (void)goes_round(all_messages[roll(ALL_MESSAGES_COUNT)], span_of(noise.data, noise.len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_unpacked_is_what_was_said),
        cmocka_unit_test(unpacking_stops_at_the_cap_of_the_arena),
        cmocka_unit_test(packing_stops_at_the_cap_of_the_arena),
        cmocka_unit_test(whatever_is_taken_unpacks_and_packs_to_the_same_message),
        cmocka_unit_test(noise_never_crashes_any_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
