#include "store_tree.h"

#include "store_backend.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The row apart from the node: copying a path does not copy values. */
struct shared_row {
    atomic_size_t refs;
    struct tree_row row;
    uint8_t bytes[];
};

struct tree_node {
    atomic_size_t refs;
    uint64_t priority; /* not above the parent's */
    struct shared_row *shared;
    struct tree_node *child[2]; /* smaller, larger */
};

static void *alloc_or_die(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        abort();
    return memory;
}

static struct shared_row *row_new(const struct tree_row *row)
{
    struct shared_row *shared = alloc_or_die(sizeof *shared + row->key.len + row->value.len);
    uint8_t *value = shared->bytes + row->key.len;
    atomic_init(&shared->refs, 1);
    memcpy(shared->bytes, row->key.data, row->key.len);
    if (row->value.len > 0)
        memcpy(value, row->value.data, row->value.len);
    shared->row = *row;
    shared->row.key.data = shared->bytes;
    shared->row.value.data = value;
    return shared;
}

static struct shared_row *row_ref(struct shared_row *shared)
{
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

static void row_unref(struct shared_row *shared)
{
    if (atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1)
        free(shared);
}

/* Takes the row. */
static struct tree_node *node_new(struct shared_row *shared, uint64_t priority)
{
    struct tree_node *node = alloc_or_die(sizeof *node);
    atomic_init(&node->refs, 1);
    node->priority = priority;
    node->shared = shared;
    node->child[0] = node->child[1] = NULL;
    return node;
}

struct tree_node *tree_ref(struct tree_node *root)
{
    if (root)
        atomic_fetch_add_explicit(&root->refs, 1, memory_order_relaxed);
    return root;
}

void tree_unref(struct tree_node *root)
{
    if (!root || atomic_fetch_sub_explicit(&root->refs, 1, memory_order_acq_rel) > 1)
        return;
    tree_unref(root->child[0]);
    tree_unref(root->child[1]);
    row_unref(root->shared);
    free(root);
}

/* A node that only the caller holds, so that it may be changed. Going down from the root, one
 * reference means nobody else can reach the node: a copied parent holds a second one. */
static struct tree_node *node_own(struct tree_node *node)
{
    if (atomic_load_explicit(&node->refs, memory_order_acquire) == 1)
        return node;
    struct tree_node *copy = node_new(row_ref(node->shared), node->priority);
    copy->child[0] = tree_ref(node->child[0]);
    copy->child[1] = tree_ref(node->child[1]);
    tree_unref(node);
    return copy;
}

const struct tree_row *tree_get(const struct tree_node *root, struct span key)
{
    while (root) {
        int order = store_key_compare(key, root->shared->row.key);
        if (order == 0)
            return &root->shared->row;
        root = root->child[order > 0];
    }
    return NULL;
}

/* Both nodes are owned. */
static struct tree_node *rotate_up(struct tree_node *node, int side)
{
    struct tree_node *child = node->child[side];
    node->child[side] = child->child[!side];
    child->child[!side] = node;
    return child;
}

static struct tree_node *node_put(struct tree_node *node, struct shared_row *shared,
                                  uint64_t priority)
{
    if (!node)
        return node_new(shared, priority);
    node = node_own(node);
    int order = store_key_compare(shared->row.key, node->shared->row.key);
    if (order == 0) {
        row_unref(node->shared);
        node->shared = shared;
        return node;
    }
    int side = order > 0;
    node->child[side] = node_put(node->child[side], shared, priority);
    if (node->child[side]->priority > node->priority)
        return rotate_up(node, side);
    return node;
}

struct tree_node *tree_put(struct tree_node *root, const struct tree_row *row, uint64_t random)
{
    return node_put(root, row_new(row), random);
}

/* One tree of two, all keys of `low` below those of `high`. Takes both. */
static struct tree_node *node_merge(struct tree_node *low, struct tree_node *high)
{
    if (!low)
        return high;
    if (!high)
        return low;
    if (low->priority > high->priority) {
        low = node_own(low);
        low->child[1] = node_merge(low->child[1], high);
        return low;
    }
    high = node_own(high);
    high->child[0] = node_merge(low, high->child[0]);
    return high;
}

struct tree_node *tree_remove(struct tree_node *root, struct span key)
{
    int order = store_key_compare(key, root->shared->row.key);
    if (order != 0) {
        root = node_own(root);
        root->child[order > 0] = tree_remove(root->child[order > 0], key);
        return root;
    }
    struct tree_node *rest = node_merge(tree_ref(root->child[0]), tree_ref(root->child[1]));
    tree_unref(root);
    return rest;
}

bool tree_walk(const struct tree_node *root, struct span from, tree_visit_fn visit, void *context)
{
    if (!root)
        return true;
    const struct tree_row *row = &root->shared->row;
    if (store_key_compare(row->key, from) < 0)
        return tree_walk(root->child[1], from, visit, context);
    return tree_walk(root->child[0], from, visit, context) && visit(context, row) &&
           tree_walk(root->child[1], from, visit, context);
}
