/* Merkle proofs: what a tree proves verifies, and nothing else does.
 *
 * The input chooses how many leaves there are, which one is proven, and how the proof is spoiled. The two
 * ways to make a tree must agree. The same bytes choose several leaves that are proven together. */
#include "fuzz.h"
#include "merkle.h"

#include <string.h>

#define LEAVES_MAX 700

struct proof {
    struct skp_hash leaf, root;
    struct skp_hash path[MERKLE_MAX_PATH + 1];
    size_t index, count, len;
};

static bool holds(const struct proof *proof)
{
    return merkle_verify(&proof->leaf, proof->index, proof->count, proof->path, proof->len,
                         &proof->root);
}

static struct skp_hash leaves[LEAVES_MAX], room[4 * LEAVES_MAX];

static struct proof make_proof(struct span *rest)
{
    struct proof proof = {.count = 1 + take_pair(rest) % LEAVES_MAX};
    struct skp_hash again[MERKLE_MAX_PATH];
    proof.index = take_pair(rest) % proof.count;
    for (size_t i = 0; i < proof.count; i++)
        leaves[i] = merkle_leaf(span_of(&i, sizeof i));
    struct merkle_tree tree = merkle_tree_make(leaves, proof.count, room);
    EXPECT(merkle_tree_room(proof.count) <= sizeof room / sizeof room[0]);
    proof.leaf = leaves[proof.index];
    proof.root = merkle_root(leaves, proof.count);
    proof.len = merkle_path(leaves, proof.count, proof.index, proof.path);
    struct skp_hash root = merkle_tree_root(&tree);
    EXPECT(hash_equal(&root, &proof.root));
    EXPECT(merkle_tree_path(&tree, proof.index, again) == proof.len);
    EXPECT(memcmp(again, proof.path, proof.len * sizeof *again) == 0);
    return proof;
}

/* ---------------------------------------------------------------- several leaves */

static struct several {
    struct merkle_place places[LEAVES_MAX];
    size_t count, tree_count;
    struct skp_hash proof[LEAVES_MAX];
    size_t len;
    struct skp_hash root;
} several;

static bool all_hold(void)
{
    static struct merkle_place copy[LEAVES_MAX]; /* used up */
    memcpy(copy, several.places, several.count * sizeof copy[0]);
    return merkle_verify_places(copy, several.count, several.tree_count, several.proof, several.len,
                                &several.root);
}

/* The input says how far the leaves are apart. */
static void prove_several(const struct proof *first, struct span *rest)
{
    static struct merkle_place copy[LEAVES_MAX];
    struct merkle_tree tree = {.nodes = room, .count = first->count};
    several.count = 0;
    several.tree_count = first->count;
    several.root = first->root;
    for (size_t at = first->index; at < first->count; at += 1 + take_byte(rest) % 8)
        several.places[several.count++] = (struct merkle_place){.index = at, .hash = leaves[at]};
    memcpy(copy, several.places, several.count * sizeof copy[0]);
    several.len = merkle_tree_prove(&tree, copy, several.count, several.proof);
    EXPECT(several.len + several.count <= first->count);
    EXPECT(all_hold());
}

/* One bit of one thing is another: it cannot hold any more. */
static void spoil_several(struct span *rest)
{
    unsigned bit = take_byte(rest);
    unsigned which = take_pair(rest);
    struct skp_hash *hash = &several.root;
    size_t old_len = several.len;
    if (which % 3 == 1)
        hash = &several.places[which % several.count].hash;
    else if (which % 3 == 2 && several.len > 0)
        hash = &several.proof[which % several.len];
    hash->bytes[bit / 8] = (uint8_t)(hash->bytes[bit / 8] ^ 1u << bit % 8);
    EXPECT(!all_hold());
    hash->bytes[bit / 8] = (uint8_t)(hash->bytes[bit / 8] ^ 1u << bit % 8);
    several.places[which % several.count].index ^= 1 + bit;
    EXPECT(!all_hold());
    several.places[which % several.count].index ^= 1 + bit;
    several.len = take_pair(rest) % (old_len + 2);
    EXPECT(all_hold() == (several.len == old_len));
}

/* ---------------------------------------------------------------- one leaf */

static void put_hash(struct skp_hash *hash, struct span *rest)
{
    struct span bytes = take_span(rest, HASH_BYTES);
    if (bytes.len > 0)
        memcpy(hash->bytes, bytes.data, bytes.len);
}

static void flip(struct skp_hash *hash, struct span *rest)
{
    unsigned bit = take_byte(rest);
    hash->bytes[bit / 8] = (uint8_t)(hash->bytes[bit / 8] ^ 1u << bit % 8);
}

/* One thing that was not so; what is proven about index and count stays the same. */
static void spoil(struct proof *proof, struct span *rest)
{
    size_t step = proof->len ? take_byte(rest) % proof->len : 0;
    switch (take_byte(rest) % 7) {
    case 0:
        flip(&proof->leaf, rest);
        break;
    case 1:
        flip(&proof->root, rest);
        break;
    case 2:
        flip(&proof->path[step], rest);
        break;
    case 3:
        put_hash(&proof->leaf, rest);
        break;
    case 4:
        put_hash(&proof->path[step], rest);
        break;
    case 5:
        proof->len = take_byte(rest) % (MERKLE_MAX_PATH + 1);
        break;
    default:
        proof->index = take_pair(rest);
        break;
    }
}

/* Nothing that the input can say matches a hash by chance: only what was left as it was verifies. A lone
 * leaf is its own root. */
static bool should_hold(const struct proof *proof, const struct proof *good)
{
    if (proof->index != good->index || proof->len != good->len)
        return false;
    if (good->count == 1)
        return hash_equal(&proof->leaf, &proof->root);
    return hash_equal(&proof->leaf, &good->leaf) && hash_equal(&proof->root, &good->root) &&
           memcmp(proof->path, good->path, good->len * sizeof good->path[0]) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size);
    struct proof proof = make_proof(&rest);
    struct proof good = proof;
    EXPECT(holds(&proof));
    struct span same = rest;
    prove_several(&proof, &same);
    spoil_several(&same);
    while (rest.len > 0) {
        spoil(&proof, &rest);
        EXPECT(holds(&proof) == should_hold(&proof, &good));
    }
    proof = good;
    proof.count = 1 + take_pair(&rest);
    (void)holds(
        &proof); /* another count may fit the same path: the signed header says which holds */
    return 0;
}
