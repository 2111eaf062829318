#include "testing.h"

#include "merkle.h"

#include <pthread.h>
#include <stdio.h>

#define MAX_LEAVES 70

/* The reference leaves and roots of Certificate Transparency (RFC 6962, whose tree RFC 9162 keeps).
 */
static const char *const known_leaves[] = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};

static const char *const known_roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static size_t from_hex(const char *text, uint8_t *ret_bytes)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        ret_bytes[i] = (uint8_t)byte;
    }
    return len;
}

static void the_trees_of_the_rfc_have_their_roots(void **state)
{
    (void)state;
    struct skp_hash leaves[8];
    uint8_t bytes[HASH_BYTES];
    for (size_t i = 0; i < 8; i++)
        leaves[i] = merkle_leaf(span_of(bytes, from_hex(known_leaves[i], bytes)));
    for (size_t count = 0; count <= 8; count++) {
        struct skp_hash root = merkle_root(leaves, count);
        assert_int_equal(from_hex(known_roots[count], bytes), HASH_BYTES);
        assert_memory_equal(root.bytes, bytes, HASH_BYTES);
    }
}

static void hashing_spans_is_hashing_their_bytes(void **state)
{
    (void)state;
    struct span pieces[] = {span_text("sal"), span_of(NULL, 0), span_text("do")};
    struct skp_hash whole = sha256(span_text("saldo"));
    struct skp_hash joined = sha256_spans(pieces, 3);
    assert_true(hash_equal(&whole, &joined));
}

/* MTH of the RFC, word for word: slow and obviously right. */
static struct skp_hash reference_root(const struct skp_hash *leaves, size_t count)
{
    static const uint8_t one = 1;
    size_t split = 1;
    if (count == 1)
        return leaves[0];
    while (split * 2 < count)
        split *= 2;
    struct skp_hash left = reference_root(leaves, split);
    struct skp_hash right = reference_root(leaves + split, count - split);
    struct span spans[] = {span_of(&one, 1), span_of(left.bytes, HASH_BYTES),
                           span_of(right.bytes, HASH_BYTES)};
    return sha256_spans(spans, 3);
}

static void make_leaves(struct skp_hash *ret_leaves, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = (uint8_t)i;
        ret_leaves[i] = merkle_leaf(span_of(&byte, 1));
    }
}

static void every_size_has_the_root_of_the_definition(void **state)
{
    (void)state;
    struct skp_hash leaves[MAX_LEAVES];
    make_leaves(leaves, MAX_LEAVES);
    for (size_t count = 1; count <= MAX_LEAVES; count++) {
        struct skp_hash root = merkle_root(leaves, count);
        struct skp_hash expected = reference_root(leaves, count);
        assert_true(hash_equal(&root, &expected));
    }
}

static void only_the_right_place_verifies(const struct skp_hash *leaves, size_t count, size_t index)
{
    struct skp_hash path[MERKLE_MAX_PATH + 1];
    struct skp_hash root = merkle_root(leaves, count);
    size_t len = merkle_path(leaves, count, index, path);
    assert_true(merkle_verify(&leaves[index], index, count, path, len, &root));
    for (size_t other = 0; other <= count; other++) {
        if (other != index)
            assert_false(merkle_verify(&leaves[index], other, count, path, len, &root));
    }
    path[len] = root;
    assert_false(merkle_verify(&leaves[index], index, count, path, len + 1, &root));
    if (len > 0)
        assert_false(merkle_verify(&leaves[index], index, count, path, len - 1, &root));
    for (size_t step = 0; step < len; step++) {
        path[step].bytes[step % HASH_BYTES] ^= 1;
        assert_false(merkle_verify(&leaves[index], index, count, path, len, &root));
        path[step].bytes[step % HASH_BYTES] ^= 1;
    }
}

static void every_leaf_of_every_size_is_proven_at_its_place_only(void **state)
{
    (void)state;
    struct skp_hash leaves[MAX_LEAVES];
    make_leaves(leaves, MAX_LEAVES);
    for (size_t count = 1; count <= MAX_LEAVES; count++) {
        for (size_t index = 0; index < count; index++)
            only_the_right_place_verifies(leaves, count, index);
    }
}

static void another_leaf_or_root_is_refused(void **state)
{
    (void)state;
    struct skp_hash leaves[5];
    struct skp_hash path[MERKLE_MAX_PATH];
    make_leaves(leaves, 5);
    struct skp_hash root = merkle_root(leaves, 5);
    size_t len = merkle_path(leaves, 5, 4, path);
    assert_int_equal(len, 1);
    assert_false(merkle_verify(&leaves[3], 4, 5, path, len, &root));
    root.bytes[31] ^= 0x80;
    assert_false(merkle_verify(&leaves[4], 4, 5, path, len, &root));
}

static void nothing_is_proven_in_an_empty_tree(void **state)
{
    (void)state;
    struct skp_hash root = merkle_root(NULL, 0);
    assert_false(merkle_verify(&root, 0, 0, NULL, 0, &root));
}

/* Without the prefixes a node could be shown as if it were a line. */
static void a_node_cannot_pass_for_a_leaf(void **state)
{
    (void)state;
    struct skp_hash leaves[2];
    make_leaves(leaves, 2);
    struct skp_hash root = merkle_root(leaves, 2);
    struct skp_hash forged = merkle_leaf(span_of(leaves, sizeof leaves));
    assert_false(hash_equal(&root, &forged));
}

static void *hash_often(void *expected)
{
    for (int i = 0; i < 2000; i++) {
        struct skp_hash hash = sha256(span_text("saldo"));
        if (!hash_equal(&hash, expected))
            return expected;
    }
    return NULL;
}

static void threads_hash_without_each_other(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct skp_hash expected = sha256(span_text("saldo"));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_often, &expected), 0);
    for (size_t i = 0; i < 4; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

static void a_kept_tree_has_the_root_and_the_paths_of_its_leaves(void **state)
{
    (void)state;
    struct skp_hash leaves[MAX_LEAVES];
    struct skp_hash room[3 * MAX_LEAVES];
    for (size_t count = 0; count <= MAX_LEAVES; count++) {
        if (count > 0)
            leaves[count - 1] = merkle_leaf(span_of(&count, sizeof count));
        assert_true(merkle_tree_room(count) <= sizeof room / sizeof room[0]);
        struct merkle_tree tree = merkle_tree_make(leaves, count, room);
        struct skp_hash root = merkle_root(leaves, count);
        struct skp_hash kept = merkle_tree_root(&tree);
        assert_true(hash_equal(&kept, &root));
        for (size_t i = 0; i < count; i++) {
            struct skp_hash path[MERKLE_MAX_PATH];
            struct skp_hash same[MERKLE_MAX_PATH];
            size_t len = merkle_path(leaves, count, i, path);
            assert_int_equal(merkle_tree_path(&tree, i, same), len);
            assert_memory_equal(same, path, len * sizeof *path);
        }
    }
}

/* ---------------------------------------------------------------- several leaves */

#define SOME_LEAVES 11 /* every set of these is tried */

struct some {
    struct merkle_place places[SOME_LEAVES];
    size_t count;
    struct skp_hash proof[SOME_LEAVES + 1];
    size_t len;
};

static bool some_hold(const struct some *some, size_t leaf_count, const struct skp_hash *root)
{
    struct some copy = *some; /* verifying uses it up */
    return merkle_verify_places(copy.places, copy.count, leaf_count, copy.proof, copy.len, root);
}

/* The leaves whose bits are set. */
static struct some some_of(const struct merkle_tree *tree, unsigned set)
{
    struct some some = {.count = 0};
    for (size_t i = 0; i < tree->count; i++)
        if ((set >> i & 1) != 0)
            some.places[some.count++] = (struct merkle_place){.index = i, .hash = tree->nodes[i]};
    struct some copy = some;
    some.len = merkle_tree_prove(tree, copy.places, copy.count, some.proof);
    assert_true(some.len + some.count <= tree->count);
    return some;
}

static void any_leaves_are_proven_together(void **state)
{
    (void)state;
    struct skp_hash leaves[SOME_LEAVES];
    struct skp_hash room[3 * SOME_LEAVES];
    make_leaves(leaves, SOME_LEAVES);
    for (size_t count = 1; count <= SOME_LEAVES; count++) {
        struct merkle_tree tree = merkle_tree_make(leaves, count, room);
        struct skp_hash root = merkle_tree_root(&tree);
        for (unsigned set = 1; set < 1u << count; set++) {
            struct some some = some_of(&tree, set);
            assert_true(some_hold(&some, count, &root));
        }
        struct some all = some_of(&tree, (1u << count) - 1);
        assert_int_equal(all.len, 0);
    }
}

static void one_leaf_is_proven_by_its_audit_path(void **state)
{
    (void)state;
    struct skp_hash leaves[SOME_LEAVES];
    struct skp_hash room[3 * SOME_LEAVES];
    struct skp_hash path[MERKLE_MAX_PATH];
    make_leaves(leaves, SOME_LEAVES);
    struct merkle_tree tree = merkle_tree_make(leaves, SOME_LEAVES, room);
    for (size_t i = 0; i < SOME_LEAVES; i++) {
        struct some some = some_of(&tree, 1u << i);
        assert_int_equal(merkle_tree_path(&tree, i, path), some.len);
        assert_memory_equal(path, some.proof, some.len * sizeof *path);
    }
}

/* Of three leaves of eleven: 0, 3 and 10. */
static void several_leaves_are_proven_at_their_places_only(void **state)
{
    (void)state;
    struct skp_hash leaves[SOME_LEAVES];
    struct skp_hash room[3 * SOME_LEAVES];
    make_leaves(leaves, SOME_LEAVES);
    struct merkle_tree tree = merkle_tree_make(leaves, SOME_LEAVES, room);
    struct skp_hash root = merkle_tree_root(&tree);
    const struct some good = some_of(&tree, 1u | 1u << 3 | 1u << 10);
    struct some some = good;
    assert_int_equal(good.len, 4);
    for (size_t i = 0; i < good.count; i++) {
        for (size_t index = 0; index < SOME_LEAVES + 2; index++) {
            some.places[i].index = index;
            assert_int_equal(some_hold(&some, SOME_LEAVES, &root), index == good.places[i].index);
        }
        some = good;
        some.places[i].hash.bytes[i] ^= 1;
        assert_false(some_hold(&some, SOME_LEAVES, &root));
        some = good;
    }
    for (size_t i = 0; i < good.len; i++) {
        some.proof[i].bytes[31] ^= 0x80;
        assert_false(some_hold(&some, SOME_LEAVES, &root));
        some = good;
    }
    some.len--;
    assert_false(some_hold(&some, SOME_LEAVES, &root));
    some.len += 2; /* one more than it takes */
    assert_false(some_hold(&some, SOME_LEAVES, &root));
}

static void leaves_that_do_not_ascend_or_are_none_prove_nothing(void **state)
{
    (void)state;
    struct skp_hash leaves[4];
    struct skp_hash room[12];
    make_leaves(leaves, 4);
    struct merkle_tree tree = merkle_tree_make(leaves, 4, room);
    struct skp_hash root = merkle_tree_root(&tree);
    const struct some good = some_of(&tree, 0x3);
    struct some some = good;
    some.places[0] = good.places[1];
    some.places[1] = good.places[0];
    assert_false(some_hold(&some, 4, &root));
    some.places[0] = good.places[1];
    some.places[1] = good.places[1];
    assert_false(some_hold(&some, 4, &root));
    some.count = 0;
    some.len = 1;
    some.proof[0] = root;
    assert_false(some_hold(&some, 4, &root));
    assert_false(some_hold(&some, 0, &root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trees_of_the_rfc_have_their_roots),
        cmocka_unit_test(hashing_spans_is_hashing_their_bytes),
        cmocka_unit_test(every_size_has_the_root_of_the_definition),
        cmocka_unit_test(every_leaf_of_every_size_is_proven_at_its_place_only),
        cmocka_unit_test(another_leaf_or_root_is_refused),
        cmocka_unit_test(nothing_is_proven_in_an_empty_tree),
        cmocka_unit_test(a_node_cannot_pass_for_a_leaf),
        cmocka_unit_test(a_kept_tree_has_the_root_and_the_paths_of_its_leaves),
        cmocka_unit_test(any_leaves_are_proven_together),
        cmocka_unit_test(one_leaf_is_proven_by_its_audit_path),
        cmocka_unit_test(several_leaves_are_proven_at_their_places_only),
        cmocka_unit_test(leaves_that_do_not_ascend_or_are_none_prove_nothing),
        cmocka_unit_test(threads_hash_without_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
