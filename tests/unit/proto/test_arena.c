#include "testing.h"

#include "arena.h"
#include "skp.pb-c.h"

#include <string.h>

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    uint8_t *pieces[300];
    arena_init(&arena, (size_t)1 << 20);
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 300; i++) {
        for (size_t at = 0; at < i; at++)
            assert_int_equal(pieces[i][at], i & 0xff);
    }
    arena_fini(&arena);
}

static void the_cap_is_exact(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1024);
    for (size_t i = 0; i < 64; i++)
        assert_non_null(arena_alloc(&arena, 16));
    assert_false(arena.exhausted);
    assert_null(arena_alloc(&arena, 1));
    assert_true(arena.exhausted);
    assert_int_equal(arena.used_bytes, 1024);
    arena_fini(&arena);
}

static void one_piece_may_take_all_of_it_and_none_more(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    assert_null(arena_alloc(&arena, ((size_t)1 << 20) + 1));
    assert_non_null(arena_alloc(&arena, (size_t)1 << 20));
    assert_null(arena_alloc(&arena, 1));
    arena_fini(&arena);
}

static void what_came_after_a_mark_is_given_back(void **state)
{
    (void)state;
    for (unsigned before = 0; before < 4;
         before++) { /* nothing, a small piece, a large one, both */
        struct arena arena;
        arena_init(&arena, (size_t)1 << 20);
        uint8_t *small = before & 1 ? arena_calloc(&arena, 1, 100) : NULL;
        uint8_t *large = before & 2 ? arena_calloc(&arena, 1, 40000) : NULL;
        size_t used = arena.used_bytes;
        for (unsigned round = 0; round < 100; round++) { /* far more than the cap, if it stayed */
            struct arena_mark mark = arena_mark(&arena);
            for (size_t bytes = 1; bytes < 100000; bytes = bytes * 5 + 1)
                memset(arena_alloc(&arena, bytes), 0xff, bytes);
            assert_null(arena_alloc(&arena, (size_t)1 << 20));
            arena_rewind(&arena, &mark);
            assert_int_equal(arena.used_bytes, used);
            assert_false(arena.exhausted);
        }
        assert_true(small == NULL || (small[0] == 0 && small[99] == 0));
        assert_true(large == NULL || (large[0] == 0 && large[39999] == 0));
        assert_non_null(arena_alloc(&arena, 16));
        arena_fini(&arena);
    }
}

static void absurd_sizes_do_not_wrap_around(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_calloc(&arena, (size_t)1 << 33, (size_t)1 << 33));
    assert_true(arena.exhausted);
    assert_non_null(arena_alloc(&arena, 1));
    arena_fini(&arena);
}

static void a_reset_gives_everything_back(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    for (int round = 0; round < 50; round++) {
        assert_non_null(arena_alloc(&arena, 60000));
        assert_non_null(arena_alloc(&arena, 100));
        assert_null(arena_alloc(&arena, 60000));
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
        assert_false(arena.exhausted);
    }
    arena_fini(&arena);
}

static void a_reset_keeps_one_block_for_the_next_use(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100000);
    void *first = arena_alloc(&arena, 16);
    arena_reset(&arena);
    assert_ptr_equal(arena_alloc(&arena, 16), first);
    arena_fini(&arena);
    arena_fini(&arena);
}

static void a_copy_is_a_copy_and_calloc_is_zero(void **state)
{
    (void)state;
    struct arena arena;
    char text[] = "Jansen";
    arena_init(&arena, 100000);
    memset(arena_alloc(&arena, 512), 0xff, 512);
    arena_reset(&arena);
    uint8_t *zeroed = arena_calloc(&arena, 64, 8);
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(zeroed[i], 0);
    char *copy = arena_copy(&arena, text, sizeof text);
    text[0] = 'H';
    assert_string_equal(copy, "Jansen");
    assert_non_null(arena_copy(&arena, NULL, 0));
    arena_fini(&arena);
}

static void protobuf_cannot_take_more_than_the_cap(void **state)
{
    (void)state;
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i += 2) {
        bytes[i] = 0x22; /* CaseView.requests, empty */
        bytes[i + 1] = 0;
    }
    struct arena arena;
    arena_init(&arena, 20000);
    assert_null(protobuf_c_message_unpack(&skp__v1__case_view__descriptor, &arena.protobuf,
                                          sizeof bytes, bytes));
    assert_true(arena.exhausted);
    assert_true(arena.used_bytes <= 20000);
    arena_fini(&arena);

    arena_init(&arena, 200000);
    assert_non_null(protobuf_c_message_unpack(&skp__v1__case_view__descriptor, &arena.protobuf,
                                              sizeof bytes, bytes));
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(the_cap_is_exact),
        cmocka_unit_test(one_piece_may_take_all_of_it_and_none_more),
        cmocka_unit_test(what_came_after_a_mark_is_given_back),
        cmocka_unit_test(absurd_sizes_do_not_wrap_around),
        cmocka_unit_test(a_reset_gives_everything_back),
        cmocka_unit_test(a_reset_keeps_one_block_for_the_next_use),
        cmocka_unit_test(a_copy_is_a_copy_and_calloc_is_zero),
        cmocka_unit_test(protobuf_cannot_take_more_than_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
