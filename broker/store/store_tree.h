/* An ordered map whose old versions stay as they were: a treap (Seidel and Aragon, 1996) with
 * counted, copied-on-write nodes, for the memory backend.
 *
 * A root is a plain pointer, NULL = empty. Taking a snapshot is tree_ref(); a change copies only
 * the nodes on its path that somebody else still holds. O(log n) expected. Out of memory ends the
 * process.
 *
 * Threads: a root may be changed by one thread only, yet it may share nodes with roots of other
 * threads. */
#ifndef SKP_STORE_TREE_H
#define SKP_STORE_TREE_H

#include "bytes.h"

struct tree_node;

/* A row as stored; key and value are its own. */
struct tree_row {
    struct span key;
    struct span value;
    uint64_t version;
    uint64_t sum;
    uint64_t call; /* the put that wrote it */
};

/* Both forgive NULL; tree_ref() returns its argument. */
struct tree_node *tree_ref(struct tree_node *root);
void tree_unref(struct tree_node *root);

/* The row with this key, NULL = none; valid while the root is held. */
const struct tree_row *tree_get(const struct tree_node *root, struct span key);

/* Copies the row in, in place of one with the same key. Takes the root, returns the new one.
 * `random` shapes the tree. */
struct tree_node *tree_put(struct tree_node *root, const struct tree_row *row, uint64_t random);

/* The row must be there. Takes the root, returns the new one. */
struct tree_node *tree_remove(struct tree_node *root, struct span key);

/* Calls `visit` for each row with key >= from in order, until it returns false. False: it did. */
typedef bool (*tree_visit_fn)(void *context, const struct tree_row *row);
bool tree_walk(const struct tree_node *root, struct span from, tree_visit_fn visit, void *context);

#endif
