#include "faulty_store.h"

#include <stdio.h>
#include <stdlib.h>

struct faulty_store {
    struct store base;
    struct store *inner;
    bool borrows;
    enum skp_err commit_err;
    bool really;
    enum skp_err put_err;
    unsigned puts;
    enum skp_err get_err;
    unsigned gets;
    size_t rows_scanned;
    void (*act)(void *ctx);
    void *ctx;
    unsigned scans;
};

static struct faulty_store *faulty_of(struct store *store)
{
    return (struct faulty_store *)(void *)store;
}

static void faulty_close(struct store *store)
{
    if (!faulty_of(store)->borrows)
        store_close(faulty_of(store)->inner);
    free(store);
}

static enum skp_err faulty_reader(struct store *store, struct store **ret_reader)
{
    return store_reader(faulty_of(store)->inner, ret_reader);
}

static enum skp_err faulty_begin(struct store *store)
{
    return store_begin(faulty_of(store)->inner);
}

static enum skp_err faulty_get(struct store *store, enum store_table table, struct store_row *rows,
                               size_t count, struct arena *arena)
{
    struct faulty_store *faulty = faulty_of(store);
    if (faulty->get_err && faulty->gets-- == 0) {
        enum skp_err err = faulty->get_err;
        faulty->get_err = SKP_OK;
        return err;
    }
    enum skp_err err = store_get(faulty->inner, table, rows, count, arena);
    store->damaged = faulty->inner->damaged; /* it can be named here, and not be taken */
    return err;
}

static enum skp_err faulty_scan(struct store *store, enum store_table table, struct span from,
                                struct span to, size_t max_rows, size_t max_bytes,
                                struct arena *arena, struct store_row **ret_rows, size_t *ret_count)
{
    struct faulty_store *faulty = faulty_of(store);
    if (faulty->act && faulty->scans-- == 0) {
        faulty->act(faulty->ctx);
        faulty->act = NULL;
    }
    enum skp_err err =
        store_scan(faulty->inner, table, from, to, max_rows, max_bytes, arena, ret_rows, ret_count);
    faulty->rows_scanned += err ? 0 : *ret_count;
    return err;
}

static enum skp_err faulty_put(struct store *store, enum store_table table,
                               const struct store_row *rows, size_t count)
{
    struct faulty_store *faulty = faulty_of(store);
    if (faulty->puts > 0) {
        faulty->puts--;
        return faulty->put_err;
    }
    return store_put(faulty->inner, table, rows, count);
}

static enum skp_err faulty_remove(struct store *store, enum store_table table,
                                  const struct store_row *rows, size_t count)
{
    return store_remove(faulty_of(store)->inner, table, rows, count);
}

static enum skp_err faulty_commit(struct store *store)
{
    struct faulty_store *faulty = faulty_of(store);
    enum skp_err err = faulty->commit_err;
    faulty->commit_err = SKP_OK;
    if (err && !faulty->really)
        return err;
    enum skp_err real = store_commit(faulty->inner);
    return err ? err : real;
}

static void faulty_rollback(struct store *store)
{
    store_rollback(faulty_of(store)->inner);
}

static enum skp_err faulty_maintain(struct store *store)
{
    return store_maintain(faulty_of(store)->inner);
}

static const struct store_ops ops = {.name = "faulty",
                                     .close = faulty_close,
                                     .reader = faulty_reader,
                                     .begin = faulty_begin,
                                     .get = faulty_get,
                                     .scan = faulty_scan,
                                     .put = faulty_put,
                                     .remove = faulty_remove,
                                     .commit = faulty_commit,
                                     .rollback = faulty_rollback,
                                     .maintain = faulty_maintain};

struct store *faulty_store_new(struct store *inner)
{
    struct faulty_store *faulty = calloc(1, sizeof *faulty);
    if (!faulty)
        abort();
    faulty->base.ops = &ops;
    faulty->base.writer = true;
    (void)snprintf(faulty->base.why, sizeof faulty->base.why, "a test said so");
    faulty->inner = inner;
    return &faulty->base;
}

struct store *faulty_store_borrow(struct store *inner)
{
    struct store *store = faulty_store_new(inner);
    faulty_of(store)->borrows = true;
    return store;
}

void faulty_store_fail_commit(struct store *store, enum skp_err err, bool really)
{
    faulty_of(store)->commit_err = err;
    faulty_of(store)->really = really;
}

void faulty_store_fail_puts(struct store *store, enum skp_err err, unsigned count)
{
    faulty_of(store)->put_err = err;
    faulty_of(store)->puts = count;
}

void faulty_store_fail_get_after(struct store *store, unsigned count, enum skp_err err)
{
    faulty_of(store)->get_err = err;
    faulty_of(store)->gets = count;
}

size_t faulty_store_rows_scanned(const struct store *store)
{
    return ((const struct faulty_store *)(const void *)store)->rows_scanned;
}

void faulty_store_act_after(struct store *store, unsigned count, void (*act)(void *ctx), void *ctx)
{
    struct faulty_store *faulty = faulty_of(store);
    faulty->act = act;
    faulty->ctx = ctx;
    faulty->scans = count;
}
