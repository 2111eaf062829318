#include "merkle.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#define MAX_DEPTH (8 * sizeof(size_t))

static const uint8_t leaf_prefix = 0x00;
static const uint8_t node_prefix = 0x01;

/* One digest context per thread: fetching the algorithm and allocating a context would cost more
 * than hashing a line. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key;
static EVP_MD *algorithm;

static void context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void hashing_init(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (algorithm == NULL || pthread_key_create(&context_key, context_free) != 0)
        abort(); /* no SHA-256 in this OpenSSL: nothing here can work */
}

static EVP_MD_CTX *hashing_begin(void)
{
    pthread_once(&once, hashing_init);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        if (context == NULL || pthread_setspecific(context_key, context) != 0)
            abort();
    }
    if (EVP_DigestInit_ex2(context, algorithm, NULL) != 1)
        abort();
    return context;
}

struct skp_hash sha256_spans(const struct span *spans, size_t count)
{
    struct skp_hash hash;
    EVP_MD_CTX *context = hashing_begin();
    for (size_t i = 0; i < count; i++) {
        if (spans[i].len > 0 && EVP_DigestUpdate(context, spans[i].data, spans[i].len) != 1)
            abort();
    }
    if (EVP_DigestFinal_ex(context, hash.bytes, NULL) != 1)
        abort();
    return hash;
}

struct skp_hash sha256(struct span data)
{
    return sha256_spans(&data, 1);
}

struct skp_hash merkle_leaf(struct span data)
{
    struct span spans[] = {span_of(&leaf_prefix, 1), data};
    return sha256_spans(spans, 2);
}

static struct skp_hash merkle_node(const struct skp_hash *left, const struct skp_hash *right)
{
    struct span spans[] = {
        span_of(&node_prefix, 1),
        span_of(left->bytes, HASH_BYTES),
        span_of(right->bytes, HASH_BYTES),
    };
    return sha256_spans(spans, 3);
}

/* A binary counter of complete subtrees: after i leaves the stack holds one subtree per set bit of
 * i, the largest first. That is the split at the largest power of two that the RFC asks, without
 * recursion. */
struct skp_hash merkle_root(const struct skp_hash *leaves, size_t count)
{
    struct skp_hash stack[MAX_DEPTH + 1];
    size_t depth = 0;
    if (count == 0)
        return sha256(span_of(NULL, 0));
    for (size_t i = 0; i < count; i++) {
        stack[depth++] = leaves[i];
        for (size_t full = i + 1; (full & 1) == 0; full >>= 1) {
            stack[depth - 2] = merkle_node(&stack[depth - 2], &stack[depth - 1]);
            depth--;
        }
    }
    for (; depth > 1; depth--)
        stack[depth - 2] = merkle_node(&stack[depth - 2], &stack[depth - 1]);
    return stack[0];
}

/* The largest power of two smaller than `count`; count is at least 2. */
static size_t split_of(size_t count)
{
    size_t split = 1;
    while (split < count - split)
        split <<= 1;
    return split;
}

size_t merkle_path(const struct skp_hash *leaves, size_t count, size_t index,
                   struct skp_hash *ret_path)
{
    assert(index < count && count <= (size_t)1 << MERKLE_MAX_PATH);
    struct skp_hash from_top[MERKLE_MAX_PATH];
    size_t len = 0;
    while (count > 1) {
        size_t split = split_of(count);
        if (index < split) {
            from_top[len++] = merkle_root(leaves + split, count - split);
            count = split;
        } else {
            from_top[len++] = merkle_root(leaves, split);
            leaves += split;
            index -= split;
            count -= split;
        }
    }
    for (size_t i = 0; i < len; i++)
        ret_path[i] = from_top[len - 1 - i];
    return len;
}

/* Pairing level by level, where a last node without neighbour moves up unchanged, gives the tree of the
 * RFC: the left half of each split is complete, so it is never the one that lacks a neighbour. */
size_t merkle_tree_room(size_t count)
{
    size_t room = 1;
    for (; count > 1; count = (count + 1) / 2)
        room += count;
    return room;
}

struct merkle_tree merkle_tree_make(const struct skp_hash *leaves, size_t count,
                                    struct skp_hash *room)
{
    assert(count <= (size_t)1 << MERKLE_MAX_PATH);
    if (count == 0)
        room[0] = merkle_root(leaves, 0);
    else
        memmove(room, leaves, count * sizeof *leaves);
    struct skp_hash *level = room;
    for (size_t width = count; width > 1; width = (width + 1) / 2) {
        struct skp_hash *above = level + width;
        for (size_t i = 0; i < width; i += 2)
            above[i / 2] = i + 1 < width ? merkle_node(&level[i], &level[i + 1]) : level[i];
        level = above;
    }
    return (struct merkle_tree){.nodes = room, .count = count};
}

struct skp_hash merkle_tree_root(const struct merkle_tree *tree)
{
    return tree->nodes[merkle_tree_room(tree->count) - 1];
}

size_t merkle_tree_path(const struct merkle_tree *tree, size_t index, struct skp_hash *ret_path)
{
    assert(index < tree->count);
    const struct skp_hash *level = tree->nodes;
    size_t len = 0;
    for (size_t width = tree->count; width > 1; width = (width + 1) / 2) {
        size_t neighbour = index ^ 1;
        if (neighbour < width)
            ret_path[len++] = level[neighbour];
        level += width;
        index /= 2;
    }
    return len;
}

/* RFC 9162 section 2.1.3.2, its variables fn, sn and r in our words. */
bool merkle_verify(const struct skp_hash *leaf, size_t index, size_t count,
                   const struct skp_hash *path, size_t path_len, const struct skp_hash *root)
{
    if (index >= count)
        return false;
    size_t last = count - 1;
    struct skp_hash hash = *leaf;
    for (size_t i = 0; i < path_len; i++) {
        if (last == 0)
            return false;
        if ((index & 1) != 0 || index == last) {
            hash = merkle_node(&path[i], &hash);
            while ((index & 1) == 0 && index != 0) {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = merkle_node(&hash, &path[i]);
        }
        index >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&hash, root);
}

/* ---------------------------------------------------------------- several leaves */

/* Whether the neighbour of places[i] is known too. Places ascend: then it is the next. */
static bool has_neighbour(const struct merkle_place *places, size_t count, size_t i)
{
    return i + 1 < count && places[i + 1].index == (places[i].index ^ 1);
}

size_t merkle_tree_prove(const struct merkle_tree *tree, struct merkle_place *places, size_t count,
                         struct skp_hash *ret_proof)
{
    const struct skp_hash *level = tree->nodes;
    size_t len = 0;
    assert(count > 0 && places[count - 1].index < tree->count);
    for (size_t width = tree->count; width > 1; width = (width + 1) / 2) {
        size_t above = 0;
        for (size_t i = 0; i < count; i++) {
            size_t index = places[i].index;
            if (has_neighbour(places, count, i))
                i++;
            else if ((index ^ 1) < width)
                ret_proof[len++] = level[index ^ 1];
            places[above++].index = index / 2;
        }
        count = above;
        level += width;
    }
    return len;
}

static bool places_ascend(const struct merkle_place *places, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (places[i].index <= places[i - 1].index)
            return false;
    return count > 0;
}

static struct merkle_place parent_of(const struct merkle_place *place,
                                     const struct skp_hash *neighbour)
{
    return (struct merkle_place){
        .index = place->index / 2,
        .hash = (place->index & 1) != 0 ? merkle_node(neighbour, &place->hash)
                                        : merkle_node(&place->hash, neighbour),
    };
}

bool merkle_verify_places(struct merkle_place *places, size_t count, size_t leaf_count,
                          const struct skp_hash *proof, size_t proof_len,
                          const struct skp_hash *root)
{
    size_t used = 0;
    if (!places_ascend(places, count) || places[count - 1].index >= leaf_count)
        return false;
    for (size_t width = leaf_count; width > 1; width = (width + 1) / 2) {
        size_t above = 0;
        for (size_t i = 0; i < count; i++) {
            struct merkle_place place = places[i];
            if (has_neighbour(places, count, i))
                place = parent_of(&place, &places[++i].hash);
            else if ((place.index ^ 1) >= width)
                place.index /= 2; /* a last node without neighbour moves up unchanged */
            else if (used < proof_len)
                place = parent_of(&place, &proof[used++]);
            else
                return false;
            places[above++] = place;
        }
        count = above;
    }
    return used == proof_len && hash_equal(&places[0].hash, root);
}
