/* Merkle trees as RFC 9162 section 2.1: leaf = SHA-256(0x00 || data), node = SHA-256(0x01 || left
 * || right).
 *
 * Used at four places: the lines of a bundle, the bundle heads of a batch, the receipts of a
 * commit, the items of a collect statement. Pure functions; hashing allocates nothing per leaf. */
#ifndef SKP_MERKLE_H
#define SKP_MERKLE_H

#include "bytes.h"

#define MERKLE_MAX_PATH 16 /* enough for 65,536 leaves */

struct skp_hash sha256(struct span data);

/* Several spans hashed as one. */
struct skp_hash sha256_spans(const struct span *spans, size_t count);

struct skp_hash merkle_leaf(struct span data);

/* Root over leaf hashes; of no leaves: SHA-256 of nothing. */
struct skp_hash merkle_root(const struct skp_hash *leaves, size_t count);

/* Audit path of leaf `index`, nearest first, into ret_path[MERKLE_MAX_PATH]. Returns its length.
 * count is at most 65,536. */
size_t merkle_path(const struct skp_hash *leaves, size_t count, size_t index,
                   struct skp_hash *ret_path);

/* A tree kept whole, for whoever needs many paths of it: one path costs nothing more to make. Borrows
 * the room that it was made in. */
struct merkle_tree {
    const struct skp_hash *nodes; /* the leaves, then each level above them, up to the root */
    size_t count;                 /* leaves */
};

/* How many hashes of room a tree of `count` leaves takes; at least 1. */
size_t merkle_tree_room(size_t count);

/* Makes the tree in `room`; `leaves` may be the start of it. count is at most 65,536. */
struct merkle_tree merkle_tree_make(const struct skp_hash *leaves, size_t count,
                                    struct skp_hash *room);

struct skp_hash merkle_tree_root(const struct merkle_tree *tree);

/* As merkle_path(). */
size_t merkle_tree_path(const struct merkle_tree *tree, size_t index, struct skp_hash *ret_path);

/* Whether `leaf` at `index` of a tree with `count` leaves leads to `root` by `path`. */
bool merkle_verify(const struct skp_hash *leaf, size_t index, size_t count,
                   const struct skp_hash *path, size_t path_len, const struct skp_hash *root);

/* Several leaves of one tree, proven together: of their audit paths what does not follow from the
 * leaves themselves, each hash once; level by level from the leaves up, on each from left to right.
 * Of one leaf it is its audit path, of all leaves nothing. */
struct merkle_place {
    size_t index;
    struct skp_hash hash; /* of the leaf */
};

/* Puts the proof of `places` (at least one; ascending by index, no index twice) into ret_proof, which
 * has room for as many hashes as the tree has leaves. Returns its length. Uses `places` up. */
size_t merkle_tree_prove(const struct merkle_tree *tree, struct merkle_place *places, size_t count,
                         struct skp_hash *ret_proof);

/* Whether `places` are leaves of a tree with `leaf_count` leaves and this root; false also when they
 * do not ascend, or are none. Uses `places` up. */
bool merkle_verify_places(struct merkle_place *places, size_t count, size_t leaf_count,
                          const struct skp_hash *proof, size_t proof_len,
                          const struct skp_hash *root);

#endif
