#include "xxh64.h"

#include "testing.h"

static uint64_t sum_of(const char *text, uint64_t seed)
{
    return xxh64(seed, span_of(text, strlen(text)));
}

/* From the reference implementation (xxhsum -H1, and python3-xxhash for the seeds). */
static void sums_are_those_of_the_reference(void **state)
{
    (void)state;
    assert_true(sum_of("", 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(sum_of("a", 0) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(sum_of("abc", 0) == UINT64_C(0x44BC2CF5AD770999));
    assert_true(sum_of("Nobody inspects the spammish repetition", 0) ==
                UINT64_C(0xFBCEA83C8A378BF1));
}

static void every_flipped_bit_shows(void **state)
{
    uint8_t bytes[100] = {1, 2, 3};
    (void)state;
    for (size_t len = 1; len <= sizeof bytes; len++) {
        uint64_t whole = xxh64(7, span_of(bytes, len));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1U << bit % 8);
            assert_true(xxh64(7, span_of(bytes, len)) != whole);
            bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1U << bit % 8);
        }
    }
}

static void length_and_seed_count(void **state)
{
    static const uint8_t zeros[64];
    (void)state;
    for (size_t len = 0; len < sizeof zeros; len++) {
        assert_true(xxh64(0, span_of(zeros, len)) != xxh64(0, span_of(zeros, len + 1)));
        assert_true(xxh64(0, span_of(zeros, len)) != xxh64(1, span_of(zeros, len)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_reference),
        cmocka_unit_test(every_flipped_bit_shows),
        cmocka_unit_test(length_and_seed_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
