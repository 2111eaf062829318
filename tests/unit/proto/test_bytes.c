#include "testing.h"

#include "bytes.h"
#include "random.h"

static void a_new_id_is_a_version_4_uuid(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct skp_id id = id_new();
        assert_int_equal(id.bytes[6] >> 4, 4);
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
}

static void two_new_ids_differ(void **state)
{
    (void)state;
    struct skp_id a = id_new();
    struct skp_id b = id_new();
    assert_false(id_equal(&a, &b));
    assert_int_not_equal(id_compare(&a, &b), 0);
}

static void a_pool_gives_no_id_twice(void **state)
{
    (void)state;
    struct id_pool pool = {0};
    struct skp_id ids[2 * ID_POOL_COUNT + 1];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        ids[i] = id_pool_take(&pool);
        assert_int_equal(ids[i].bytes[6] >> 4, 4);
        assert_int_equal(ids[i].bytes[8] >> 6, 2);
        for (size_t j = 0; j < i; j++)
            assert_false(id_equal(&ids[i], &ids[j]));
    }
}

static void an_id_of_a_time_is_a_version_7_uuid_and_sorts_by_it(void **state)
{
    static const uint8_t time[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06};
    (void)state;
    struct skp_id id = id_new_at(0x010203040506);
    struct skp_id later = id_new_at(0x010203040507);
    assert_memory_equal(id.bytes, time, sizeof time);
    assert_int_equal(id.bytes[6] >> 4, 7);
    assert_int_equal(id.bytes[8] >> 6, 2);
    assert_true(id_compare(&id, &later) < 0);
    struct skp_id same = id_new_at(0x010203040506);
    assert_false(id_equal(&id, &same));
}

static void an_id_beside_another_sorts_next_to_it_and_is_its_own(void **state)
{
    (void)state;
    struct skp_id first = id_new();
    struct id_pool pool = {0};
    struct skp_id a = id_pool_take_beside(&pool, &first);
    struct skp_id b = id_pool_take_beside(&pool, &first);
    assert_memory_equal(a.bytes, first.bytes, ID_BYTES / 2);
    assert_int_equal(a.bytes[8] >> 6, 2);
    assert_false(id_equal(&a, &first));
    assert_false(id_equal(&a, &b));
}

static void an_id_survives_print_and_parse(void **state)
{
    (void)state;
    struct skp_id id = {{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x46, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                         0xcc, 0xdd, 0xee, 0xff}};
    struct skp_id parsed;
    char text[ID_TEXT_BYTES];
    id_print(&id, text);
    assert_string_equal(text, "00112233-4455-4677-8899-aabbccddeeff");
    assert_true(id_parse(text, &parsed));
    assert_true(id_equal(&id, &parsed));
    assert_true(id_parse("00112233-4455-4677-8899-AABBCCDDEEFF", &parsed));
    assert_true(id_equal(&id, &parsed));
}

static void what_is_no_id_is_refused_and_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "00112233-4455-4677-8899-aabbccddeef",
        "00112233-4455-4677-8899-aabbccddeeff0",
        "00112233-4455-4677-8899-aabbccddeeff ",
        " 00112233-4455-4677-8899-aabbccddeef",
        "00112233445546778899aabbccddeeff",
        "00112233+4455-4677-8899-aabbccddeeff",
        "0011223g-4455-4677-8899-aabbccddeeff",
        "{0112233-4455-4677-8899-aabbccddeef}",
        "00000000-0000-0000-0000-000000000000",
    };
    struct skp_id before = id_new();
    struct skp_id id = before;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(id_parse(texts[i], &id));
        assert_true(id_equal(&id, &before));
    }
}

static void an_id_is_taken_only_whole_and_not_nil(void **state)
{
    (void)state;
    static const uint8_t zeros[ID_BYTES + 1];
    uint8_t bytes[ID_BYTES + 1] = {[ID_BYTES - 1] = 1};
    struct skp_id id;
    assert_true(id_take(span_of(bytes, ID_BYTES), &id));
    assert_false(id_is_nil(&id));
    assert_false(id_take(span_of(bytes, ID_BYTES - 1), &id));
    assert_false(id_take(span_of(bytes, ID_BYTES + 1), &id));
    assert_false(id_take(span_of(zeros, ID_BYTES), &id));
    assert_false(id_take(span_of(NULL, 0), &id));
}

static void a_hash_is_taken_only_whole(void **state)
{
    (void)state;
    static const uint8_t zeros[HASH_BYTES + 1];
    struct skp_hash hash;
    assert_true(hash_take(span_of(zeros, HASH_BYTES), &hash));
    assert_false(hash_take(span_of(zeros, HASH_BYTES - 1), &hash));
    assert_false(hash_take(span_of(zeros, HASH_BYTES + 1), &hash));
}

static void an_oin_is_twenty_digits_or_capitals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "0000009900000000100",
        "000000990000000010000",
        "0000009900000000100a",
        "0000009900000000100 ",
        "00000099-00000001000",
        "0000009900000000100\xc3\x84",
    };
    struct skp_oin oin;
    assert_true(oin_take(span_text("00000099000000001000"), &oin));
    assert_string_equal(oin.text, "00000099000000001000");
    assert_true(oin_take(span_of("0000000ABCXYZ0001000trailing", OIN_CHARS), &oin));
    assert_string_equal(oin.text, "0000000ABCXYZ0001000");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(oin_take(span_text(bad[i]), &oin));
    assert_false(oin_take(span_of("0000009900000000100\0", OIN_CHARS), &oin));
    assert_string_equal(oin.text, "0000000ABCXYZ0001000");
}

static void spans_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(span_equal(span_of(NULL, 0), span_text("")));
    assert_true(span_equal(span_text("abc"), span_of("abcd", 3)));
    assert_false(span_equal(span_text("abc"), span_text("abd")));
    assert_false(span_equal(span_text("abc"), span_text("abcd")));
}

static void count_up(void *ctx, void *ret_bytes, size_t len)
{
    uint8_t *next = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)ret_bytes)[i] = (*next)++;
}

static void a_steered_source_gives_the_same_ids_again(void **state)
{
    (void)state;
    uint8_t counter = 0;
    random_steer(count_up, &counter);
    struct skp_id first = id_new();
    counter = 0;
    struct skp_id again = id_new();
    random_steer(NULL, NULL);
    struct skp_id free_again = id_new();
    assert_true(id_equal(&first, &again));
    assert_false(id_equal(&first, &free_again));
    assert_int_equal(first.bytes[0], 0);
    assert_int_equal(first.bytes[15], 15);
}

static void randomness_fills_more_than_one_chunk(void **state)
{
    (void)state;
    static uint8_t bytes[200001];
    random_bytes(bytes, sizeof bytes - 1);
    size_t zeros = 0;
    for (size_t i = sizeof bytes - 2001; i < sizeof bytes - 1; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 100);
    assert_int_equal(bytes[sizeof bytes - 1], 0);
    assert_true(random_u64() != random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_id_is_a_version_4_uuid),
        cmocka_unit_test(two_new_ids_differ),
        cmocka_unit_test(a_pool_gives_no_id_twice),
        cmocka_unit_test(an_id_of_a_time_is_a_version_7_uuid_and_sorts_by_it),
        cmocka_unit_test(an_id_beside_another_sorts_next_to_it_and_is_its_own),
        cmocka_unit_test(an_id_survives_print_and_parse),
        cmocka_unit_test(what_is_no_id_is_refused_and_leaves_the_output_alone),
        cmocka_unit_test(an_id_is_taken_only_whole_and_not_nil),
        cmocka_unit_test(a_hash_is_taken_only_whole),
        cmocka_unit_test(an_oin_is_twenty_digits_or_capitals),
        cmocka_unit_test(spans_are_equal_by_content),
        cmocka_unit_test(a_steered_source_gives_the_same_ids_again),
        cmocka_unit_test(randomness_fills_more_than_one_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
