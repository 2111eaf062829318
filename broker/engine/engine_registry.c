/* The registry as the engine keeps it: read whole when the broker starts, then each next one made
 * from the last and the rows that changed. */
#include "txn.h"

typedef enum skp_err (*add_fn)(struct registry_builder *builder, struct span bytes);

static const struct {
    enum store_table table;
    add_fn add;
} sources[] = {
    {STORE_PARTICIPANT, registry_add_participant},
    {STORE_RECORD, registry_add_record},
    {STORE_AGREEMENT, registry_add_agreement},
};
#define SOURCE_COUNT (sizeof sources / sizeof sources[0])

static enum skp_err add_all(struct store *store, enum store_table table, add_fn add,
                            struct registry_builder *builder)
{
    uint8_t after[STORE_KEY_MAX + 1];
    struct span from = {.data = after, .len = 0};
    for (;;) {
        struct arena arena;
        arena_init(&arena, (size_t)16 << 20);
        struct store_row *rows;
        size_t count = 0;
        enum skp_err err = store_scan(store, table, from, span_of(NULL, 0), 1000, (size_t)4 << 20,
                                      &arena, &rows, &count);
        for (size_t i = 0; !err && i < count; i++)
            err = add(builder, rows[i].value);
        if (!err && count > 0)
            from = store_key_after(rows[count - 1].key, after);
        arena_fini(&arena);
        if (err || count == 0)
            return err;
    }
}

/* The builder ends here. */
static enum skp_err put_in_place(struct engine *engine, struct registry_builder *builder,
                                 enum skp_err err)
{
    struct registry *fresh = NULL;
    if (err) {
        registry_builder_free(builder);
        return err;
    }
    if ((err = registry_build(builder, &fresh)))
        return err;
    pthread_mutex_lock(&engine->lock);
    struct registry *old = engine->registry;
    engine->registry = fresh;
    pthread_mutex_unlock(&engine->lock);
    registry_unref(old);
    return SKP_OK;
}

enum skp_err engine_load_registry(struct engine *engine, struct store *store)
{
    struct registry_builder *builder = registry_builder_new();
    enum skp_err err = builder ? SKP_OK : SKP_E_NO_MEMORY;
    for (size_t i = 0; !err && i < SOURCE_COUNT; i++)
        err = add_all(store, sources[i].table, sources[i].add, builder);
    return put_in_place(engine, builder, err);
}

static enum skp_err add_changed(const struct workset *ws, size_t source,
                                struct registry_builder *builder)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < ws->rows.count; i++) {
        const struct ws_row *row = map_value_at(&ws->rows, i);
        if (row->table == sources[source].table && row->dirty)
            err = sources[source].add(builder, row->value);
    }
    return err;
}

/* A participant that is registered again is no new row: then, and when much was replaced since the
 * last time, all is read anew. */
enum skp_err engine_renew_registry(struct txn *txn)
{
    struct engine *engine = txn->engine;
    struct registry_builder *builder = registry_builder_from(txn->registry);
    enum skp_err err = builder ? SKP_OK : SKP_E_NO_MEMORY;
    for (size_t i = 0; !err && i < SOURCE_COUNT; i++)
        err = add_changed(&txn->ws, i, builder);
    if (!err)
        return put_in_place(engine, builder, SKP_OK);
    registry_builder_free(builder);
    err = store_begin(engine->store);
    if (!err)
        err = engine_load_registry(engine, engine->store);
    store_rollback(engine->store);
    return err;
}
