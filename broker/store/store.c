#include "store_backend.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const char *store_table_name(enum store_table table)
{
    static const char *const names[STORE_TABLE_END] = {
#define X(name, number, text) [number] = #text,
        STORE_TABLES(X)
#undef X
    };
    assert(table > 0 && table < STORE_TABLE_END);
    return names[table];
}

bool store_has_number_keys(enum store_table table)
{
    return table == STORE_COMMIT || table == STORE_PROGRESS || table == STORE_STATEMENT;
}

enum skp_err store_fail(struct store *store, enum skp_err err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(store->why, sizeof store->why, format, arguments);
    va_end(arguments);
    return err;
}

enum skp_err store_fail_conflict(struct store *store, enum store_table table)
{
    return store_fail(store, SKP_E_CONFLICT, "table %s: a row has another version than expected",
                      store_table_name(table));
}

enum skp_err store_fail_memory(struct store *store)
{
    return store_fail(store, SKP_E_NO_MEMORY, "the rows do not fit in the memory given for them");
}

int store_key_compare(struct span a, struct span b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared > 0 ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct span store_key_after(struct span key, uint8_t *buffer)
{
    assert(key.len <= STORE_KEY_MAX);
    if (key.len > 0)
        memcpy(buffer, key.data, key.len);
    buffer[key.len] = 0;
    return span_of(buffer, key.len + 1);
}

static void assert_in_transaction(const struct store *store)
{
    assert(store->state == STORE_IN_TRANSACTION);
}

static void assert_keys(enum store_table table, const struct store_row *rows, size_t count)
{
    assert(table > 0 && table < STORE_TABLE_END);
    assert(count == 0 || rows);
    for (size_t i = 0; i < count; i++) {
        assert(rows[i].key.data);
        assert(rows[i].key.len > 0 && rows[i].key.len <= STORE_KEY_MAX);
        assert(!store_has_number_keys(table) || rows[i].key.len == STORE_NUMBER_BYTES);
    }
}

/* OUTCOME_UNKNOWN is final; the caller has no way to ask the disk again on this handle. */
static enum skp_err note_death(struct store *store, enum skp_err err)
{
    if (err == SKP_E_OUTCOME_UNKNOWN) {
        store->ops->rollback(store);
        store->state = STORE_DEAD;
    }
    return err;
}

static enum skp_err end_if_failed(struct store *store, enum skp_err err)
{
    if (err != SKP_OK) {
        store->ops->rollback(store);
        store->state = STORE_IDLE;
    }
    return note_death(store, err);
}

enum skp_err store_reader(struct store *store, struct store **ret_reader)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    return store->ops->reader(store, ret_reader);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_rollback(store);
    store->ops->close(store);
}

enum skp_err store_begin(struct store *store)
{
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert(store->state == STORE_IDLE);
    enum skp_err err = store->ops->begin(store);
    if (err == SKP_OK)
        store->state = STORE_IN_TRANSACTION;
    return end_if_failed(store, err);
}

enum skp_err store_get(struct store *store, enum store_table table, struct store_row *rows,
                       size_t count, struct arena *arena)
{
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    assert_keys(table, rows, count);
    store->damaged.table = 0;
    return note_death(store, store->ops->get(store, table, rows, count, arena));
}

enum skp_err store_scan(struct store *store, enum store_table table, struct span from,
                        struct span to, size_t max_rows, size_t max_bytes, struct arena *arena,
                        struct store_row **ret_rows, size_t *ret_count)
{
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    assert(table > 0 && table < STORE_TABLE_END);
    assert(from.len <= STORE_KEY_MAX + 1 && to.len <= STORE_KEY_MAX + 1);
    assert(max_rows > 0);
    store->damaged.table = 0;
    return note_death(store, store->ops->scan(store, table, from, to, max_rows, max_bytes, arena,
                                              ret_rows, ret_count));
}

enum skp_err store_put(struct store *store, enum store_table table, const struct store_row *rows,
                       size_t count)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    assert_keys(table, rows, count);
    for (size_t i = 0; i < count; i++) {
        assert(rows[i].value.len <= STORE_VALUE_MAX);
        assert(rows[i].value.len == 0 || rows[i].value.data);
    }
    return end_if_failed(store, store->ops->put(store, table, rows, count));
}

enum skp_err store_remove(struct store *store, enum store_table table, const struct store_row *rows,
                          size_t count)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    assert_keys(table, rows, count);
    return end_if_failed(store, store->ops->remove(store, table, rows, count));
}

static void forgive(struct store *store, bool forgives)
{
    store->takes_damaged = forgives;
    if (store->ops->forgive)
        store->ops->forgive(store, forgives);
}

enum skp_err store_take_damaged(struct store *store, enum store_table table, struct store_row *row,
                                struct arena *arena)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    assert_keys(table, row, 1);
    struct store_row gone = {.key = row->key, .version = STORE_ANY};
    store->damaged.table = 0;
    forgive(store, true);
    enum skp_err err = store->ops->get(store, table, row, 1, arena);
    if (!err && row->version > 0)
        err = store->ops->remove(store, table, &gone, 1);
    forgive(store, false);
    return end_if_failed(store, err);
}

enum skp_err store_commit(struct store *store)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert_in_transaction(store);
    enum skp_err err = end_if_failed(store, store->ops->commit(store));
    if (err == SKP_OK)
        store->state = STORE_IDLE;
    return err;
}

void store_rollback(struct store *store)
{
    if (store->state != STORE_IN_TRANSACTION)
        return;
    store->ops->rollback(store);
    store->state = STORE_IDLE;
}

bool store_is_tight(const struct store *store)
{
    assert(store->writer);
    return store->ops->is_tight && store->ops->is_tight(store);
}

enum skp_err store_maintain(struct store *store)
{
    assert(store->writer);
    if (store->state == STORE_DEAD)
        return SKP_E_OUTCOME_UNKNOWN;
    assert(store->state == STORE_IDLE);
    return note_death(store, store->ops->maintain(store));
}

enum skp_err store_work_beside(struct store *store)
{
    assert(store->writer);
    return store->ops->work_beside ? store->ops->work_beside(store) : SKP_OK;
}

enum skp_err store_watermark_write(struct store *store, struct span mark, bool sync)
{
    assert(store->writer && mark.len > 0 && mark.len <= STORE_WATERMARK_MAX);
    return store->ops->watermark_write ? store->ops->watermark_write(store, mark, sync) : SKP_OK;
}

enum skp_err store_watermark_read(struct store *store, uint8_t ret_mark[STORE_WATERMARK_MAX],
                                  size_t *ret_len)
{
    assert(store->writer);
    if (store->ops->watermark_read)
        return store->ops->watermark_read(store, ret_mark, ret_len);
    *ret_len = 0;
    return SKP_OK;
}
