/* The reference backend: what the store promises, as plainly as possible.
 *
 * A transaction and a snapshot are both a set of roots that share nodes with the committed ones, so
 * rollback is forgetting, and a reader holds no lock while it reads. */
#include "store_backend.h"
#include "store_tree.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Shared by the writer and its readers; the writer owns it. */
struct memory {
    pthread_mutex_t lock; /* of what follows */
    struct tree_node *committed[STORE_TABLE_END];
    size_t reader_count;
};

struct memory_store {
    struct store base;
    struct memory *memory;
    struct tree_node *roots[STORE_TABLE_END]; /* of the transaction or snapshot */
    uint64_t random;
    uint64_t call;
};

static struct memory_store *memory_of(struct store *store)
{
    return (struct memory_store *)store;
}

/* xorshift64: treaps want variety, tests want the same run again. */
static uint64_t next_random(struct memory_store *store)
{
    store->random ^= store->random << 13;
    store->random ^= store->random >> 7;
    store->random ^= store->random << 17;
    return store->random;
}

static void change_reader_count(struct memory *memory, size_t change)
{
    pthread_mutex_lock(&memory->lock);
    memory->reader_count += change;
    pthread_mutex_unlock(&memory->lock);
}

static void memory_close(struct store *store)
{
    struct memory *memory = memory_of(store)->memory;
    if (store->writer) {
        assert(memory->reader_count == 0);
        for (unsigned i = 0; i < STORE_TABLE_END; i++)
            tree_unref(memory->committed[i]);
        pthread_mutex_destroy(&memory->lock);
        free(memory);
    } else {
        change_reader_count(memory, (size_t)-1);
    }
    free(store);
}

static enum skp_err memory_begin(struct store *store)
{
    struct memory_store *self = memory_of(store);
    pthread_mutex_lock(&self->memory->lock);
    for (unsigned i = 0; i < STORE_TABLE_END; i++)
        self->roots[i] = tree_ref(self->memory->committed[i]);
    pthread_mutex_unlock(&self->memory->lock);
    return SKP_OK;
}

static void memory_rollback(struct store *store)
{
    struct memory_store *self = memory_of(store);
    for (unsigned i = 0; i < STORE_TABLE_END; i++) {
        tree_unref(self->roots[i]);
        self->roots[i] = NULL;
    }
}

static enum skp_err memory_commit(struct store *store)
{
    struct memory_store *self = memory_of(store);
    pthread_mutex_lock(&self->memory->lock);
    for (unsigned i = 0; i < STORE_TABLE_END; i++) {
        struct tree_node *old = self->memory->committed[i];
        self->memory->committed[i] = self->roots[i];
        self->roots[i] = old;
    }
    pthread_mutex_unlock(&self->memory->lock);
    memory_rollback(store); /* lets go of the old roots, outside the lock */
    return SKP_OK;
}

static enum skp_err get_row(struct store *store, enum store_table table, struct store_row *row,
                            struct arena *arena)
{
    const struct tree_row *found = tree_get(memory_of(store)->roots[table], row->key);
    row->version = 0;
    row->value = (struct span){0};
    if (!found)
        return SKP_OK;
    uint8_t *value = arena_copy(arena, found->value.data, found->value.len);
    if (!value)
        return store_fail_memory(store);
    row->value = span_of(value, found->value.len);
    row->version = found->version;
    if (store->takes_damaged && store_row_is_whole(table, row, found->sum))
        row->version = 0;
    return store_row_check(store, table, row, found->sum);
}

static enum skp_err memory_get(struct store *store, enum store_table table, struct store_row *rows,
                               size_t count, struct arena *arena)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; err == SKP_OK && i < count; i++)
        err = get_row(store, table, &rows[i], arena);
    return err;
}

static bool on_scanned(void *context, const struct tree_row *found)
{
    struct store_row row = {.key = found->key, .value = found->value, .version = found->version};
    return store_scan_add(context, &row, found->sum);
}

static enum skp_err memory_scan(struct store *store, enum store_table table, struct span from,
                                struct span to, size_t max_rows, size_t max_bytes,
                                struct arena *arena, struct store_row **ret_rows, size_t *ret_count)
{
    struct store_scan_list list = {.store = store,
                                   .table = table,
                                   .arena = arena,
                                   .to = to,
                                   .max_rows = max_rows,
                                   .max_bytes = max_bytes};
    tree_walk(memory_of(store)->roots[table], from, on_scanned, &list);
    if (list.err != SKP_OK)
        return list.err;
    *ret_rows = list.rows;
    *ret_count = list.count;
    return SKP_OK;
}

static enum skp_err put_row(struct memory_store *self, enum store_table table,
                            const struct store_row *row)
{
    const struct tree_row *old = tree_get(self->roots[table], row->key);
    uint64_t old_version = old ? old->version : 0;
    assert(!old || old->call != self->call); /* a key twice in one call */
    if (row->version != STORE_ANY && row->version != old_version)
        return store_fail_conflict(&self->base, table);
    struct tree_row put = {.key = row->key,
                           .value = row->value,
                           .version = old_version + 1,
                           .sum = store_row_sum(table, row->key, row->value),
                           .call = self->call};
    self->roots[table] = tree_put(self->roots[table], &put, next_random(self));
    return SKP_OK;
}

static enum skp_err memory_put(struct store *store, enum store_table table,
                               const struct store_row *rows, size_t count)
{
    struct memory_store *self = memory_of(store);
    enum skp_err err = SKP_OK;
    self->call++;
    for (size_t i = 0; err == SKP_OK && i < count; i++)
        err = put_row(self, table, &rows[i]);
    return err;
}

static enum skp_err remove_row(struct memory_store *self, enum store_table table,
                               const struct store_row *row)
{
    const struct tree_row *old = tree_get(self->roots[table], row->key);
    uint64_t old_version = old ? old->version : 0;
    if (row->version != STORE_ANY && row->version != old_version)
        return store_fail_conflict(&self->base, table);
    if (old)
        self->roots[table] = tree_remove(self->roots[table], row->key);
    return SKP_OK;
}

static enum skp_err memory_remove(struct store *store, enum store_table table,
                                  const struct store_row *rows, size_t count)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; err == SKP_OK && i < count; i++)
        err = remove_row(memory_of(store), table, &rows[i]);
    return err;
}

/* Memory has no log to shorten and no file to be damaged in. */
static enum skp_err nothing_to_do(struct store *store)
{
    (void)store;
    return SKP_OK;
}

static struct memory_store *handle_new(struct memory *memory, bool writer);

static enum skp_err memory_reader(struct store *store, struct store **ret_reader)
{
    struct memory *memory = memory_of(store)->memory;
    struct memory_store *reader = handle_new(memory, false);
    if (!reader)
        return store_fail_memory(store);
    change_reader_count(memory, 1);
    *ret_reader = &reader->base;
    return SKP_OK;
}

static const struct store_ops memory_ops = {
    .name = "memory",
    .close = memory_close,
    .reader = memory_reader,
    .begin = memory_begin,
    .get = memory_get,
    .scan = memory_scan,
    .put = memory_put,
    .remove = memory_remove,
    .commit = memory_commit,
    .rollback = memory_rollback,
    .maintain = nothing_to_do,
    .check = nothing_to_do,
};

static struct memory_store *handle_new(struct memory *memory, bool writer)
{
    struct memory_store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->base.ops = &memory_ops;
    store->base.writer = writer;
    store->memory = memory;
    store->random = UINT64_C(0x9e3779b97f4a7c15);
    return store;
}

enum skp_err store_memory_open(struct store **ret_store)
{
    struct memory *memory = calloc(1, sizeof *memory);
    struct memory_store *store = memory ? handle_new(memory, true) : NULL;
    if (!store) {
        free(memory);
        return SKP_E_NO_MEMORY;
    }
    pthread_mutex_init(&memory->lock, NULL);
    *ret_store = &store->base;
    return SKP_OK;
}
