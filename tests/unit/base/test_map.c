#include "testing.h"

#include "bytes.h"
#include "map.h"
#include "siphash.h"

#define MANY 20000

/* Key number i of `bytes` bytes: only the last bytes differ, as badly chosen ids would. */
static void make_key(uint8_t *key, size_t bytes, uint32_t i)
{
    memset(key, 0, bytes);
    memcpy(key + bytes - sizeof(i), &i, sizeof(i));
}

static void siphash_gives_the_published_vectors(void **state)
{
    (void)state;
    uint8_t seed[SIPHASH_SEED_BYTES];
    uint8_t data[16];
    for (uint8_t i = 0; i < 16; i++)
        seed[i] = data[i] = i;
    assert_true(siphash(seed, data, 0) == UINT64_C(0xabac0158050fc4dc));
    assert_true(siphash(seed, data, 1) == UINT64_C(0xc9f49bf37d57ca93));
    assert_true(siphash(seed, data, 8) == UINT64_C(0x369095118d299a8e));
    assert_true(siphash(seed, data, 15) == UINT64_C(0xd320d86d2a519956));
}

static void a_map_finds_what_was_put_for_all_key_lengths(void **state)
{
    (void)state;
    const size_t lengths[] = {ID_BYTES, OIN_CHARS, HASH_BYTES, MAP_KEY_MAX};
    for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
        struct map map;
        uint8_t key[MAP_KEY_MAX];
        assert_ok(map_init(&map, lengths[l], 0, MANY));
        for (uint32_t i = 0; i < MANY; i++) {
            make_key(key, lengths[l], i);
            assert_ok(map_put_index(&map, key, i));
        }
        for (uint32_t i = 0; i < 2 * MANY; i++) {
            size_t index = MANY;
            make_key(key, lengths[l], i);
            assert_int_equal(map_find_index(&map, key, &index), i < MANY);
            assert_int_equal(index, i < MANY ? i : MANY);
        }
        map_fini(&map);
    }
}

/* Short keys in a map of long ones are filled up with zeros. */
static void keys_that_end_in_zeros_are_told_apart(void **state)
{
    (void)state;
    struct map map;
    uint8_t key[MAP_KEY_MAX] = {0};
    assert_ok(map_init(&map, sizeof key, 0, MANY));
    assert_ok(map_add(&map, key, NULL));
    for (size_t at = 0; at < sizeof key; at++) {
        memset(key, 0, sizeof key);
        key[at] = 1;
        assert_ok(map_add(&map, key, NULL));
        memset(key, 1, at);
        if (at > 0)
            assert_ok(map_add(&map, key, NULL));
    }
    assert_int_equal(map.count, 2 * sizeof key);
    assert_err(map_add(&map, key, NULL), SKP_E_DUPLICATE_ITEM);
    map_fini(&map);
}

static void iteration_follows_the_order_of_insertion(void **state)
{
    (void)state;
    struct map map;
    uint8_t key[ID_BYTES];
    assert_ok(map_init(&map, sizeof(key), 4, 1000));
    for (uint32_t i = 0; i < 1000; i++) {
        make_key(key, sizeof(key), (i * 7919) % 1000);
        assert_ok(map_put_index(&map, key, i));
    }
    assert_int_equal(map.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        make_key(key, sizeof(key), (i * 7919) % 1000);
        assert_memory_equal(map_key_at(&map, i), key, sizeof(key));
        size_t index = 0;
        assert_true(map_find_index(&map, map_key_at(&map, i), &index));
        assert_int_equal(index, i);
    }
    map_fini(&map);
}

static void putting_again_replaces_and_adding_again_refuses(void **state)
{
    (void)state;
    struct map map;
    struct skp_id id = {{1}};
    int one;
    int two;
    assert_ok(map_init(&map, sizeof(id), 1, 10));
    assert_ok(map_add(&map, &id, &one));
    assert_err(map_add(&map, &id, &two), SKP_E_DUPLICATE_ITEM);
    assert_ptr_equal(map_get(&map, &id), &one);
    assert_ok(map_put(&map, &id, &two));
    assert_ptr_equal(map_get(&map, &id), &two);
    assert_ptr_equal(map_value_at(&map, 0), &two);
    assert_int_equal(map.count, 1);
    map_fini(&map);
}

static void a_null_value_is_a_value(void **state)
{
    (void)state;
    struct map map;
    struct skp_id id = {{2}};
    struct skp_id other = {{3}};
    void *value = &map;
    assert_ok(map_init(&map, sizeof(id), 1, 10));
    assert_ok(map_put(&map, &id, NULL));
    assert_true(map_has(&map, &id));
    assert_false(map_has(&map, &other));
    assert_false(map_find(&map, &other, &value));
    assert_ptr_equal(value, &map);
    assert_true(map_find(&map, &id, &value));
    assert_null(value);
    assert_null(map_get(&map, &other));
    map_fini(&map);
}

static void a_full_map_refuses_new_keys_and_keeps_the_old(void **state)
{
    (void)state;
    struct map map;
    uint8_t key[ID_BYTES];
    assert_ok(map_init(&map, sizeof(key), 100, 3));
    for (uint32_t i = 0; i < 3; i++) {
        make_key(key, sizeof(key), i);
        assert_ok(map_add(&map, key, NULL));
    }
    assert_ok(map_put_index(&map, key, 33));
    make_key(key, sizeof(key), 3);
    assert_err(map_put_index(&map, key, 3), SKP_E_NO_MEMORY);
    assert_err(map_add(&map, key, NULL), SKP_E_NO_MEMORY);
    assert_false(map_has(&map, key));
    assert_int_equal(map.count, 3);
    size_t index = 0;
    assert_true(map_find_index(&map, map_key_at(&map, 2), &index));
    assert_int_equal(index, 33);
    map_fini(&map);
}

static void a_map_may_be_given_back_twice(void **state)
{
    (void)state;
    struct map map;
    assert_ok(map_init(&map, ID_BYTES, 2, 10));
    map_fini(&map);
    map_fini(&map);
}

static void two_maps_hash_with_different_seeds(void **state)
{
    (void)state;
    struct map a;
    struct map b;
    assert_ok(map_init(&a, ID_BYTES, 1, 10));
    assert_ok(map_init(&b, ID_BYTES, 1, 10));
    assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
    map_fini(&a);
    map_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_published_vectors),
        cmocka_unit_test(a_map_finds_what_was_put_for_all_key_lengths),
        cmocka_unit_test(keys_that_end_in_zeros_are_told_apart),
        cmocka_unit_test(iteration_follows_the_order_of_insertion),
        cmocka_unit_test(putting_again_replaces_and_adding_again_refuses),
        cmocka_unit_test(a_null_value_is_a_value),
        cmocka_unit_test(a_full_map_refuses_new_keys_and_keeps_the_old),
        cmocka_unit_test(a_map_may_be_given_back_twice),
        cmocka_unit_test(two_maps_hash_with_different_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
