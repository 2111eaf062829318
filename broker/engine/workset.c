#include "workset.h"

#include <assert.h>
#include <stdlib.h>

#define WS_KEY_BYTES (STORE_KEY_MAX + 2) /* table, length, key padded with zeros */
#define WS_MAX_ROWS  (1u << 20)
#define WS_PASSING   32 /* rows whose values are in memory only to see that they are there */

_Static_assert(WS_KEY_BYTES <= MAP_KEY_MAX, "every key of the store fits");

enum skp_err ws_init(struct workset *ws, struct store *store, struct arena *arena)
{
    *ws = (struct workset){.store = store, .arena = arena};
    return map_init(&ws->rows, WS_KEY_BYTES, 256, WS_MAX_ROWS);
}

void ws_fini(struct workset *ws)
{
    map_fini(&ws->rows);
}

static void map_key(enum store_table table, const struct row_key *key,
                    uint8_t ret_bytes[WS_KEY_BYTES])
{
    memset(ret_bytes, 0, WS_KEY_BYTES);
    ret_bytes[0] = (uint8_t)table;
    ret_bytes[1] = (uint8_t)key->len;
    memcpy(ret_bytes + 2, key->bytes, key->len);
}

static enum skp_err add_row(struct workset *ws, enum store_table table, const struct row_key *key,
                            const uint8_t *bytes, struct ws_row **ret_row)
{
    struct ws_table *rows = &ws->tables[table];
    struct ws_row *row = arena_calloc(ws->arena, 1, sizeof *row);
    if (!row)
        return SKP_E_NO_MEMORY;
    row->table = table;
    row->key = *key;
    enum skp_err err = map_put(&ws->rows, bytes, row);
    if (err)
        return err;
    *(rows->last ? &rows->last->next : &rows->first) = row;
    rows->last = row;
    *ret_row = row;
    return SKP_OK;
}

static bool is_row(const struct ws_row *row, enum store_table table, const struct row_key *key)
{
    return row && row->table == table && span_equal(row_key_span(&row->key), row_key_span(key));
}

static enum skp_err row_of(struct workset *ws, enum store_table table, const struct row_key *key,
                           struct ws_row **ret_row)
{
    uint8_t bytes[WS_KEY_BYTES];
    enum skp_err err = SKP_OK;
    if (!is_row(ws->recent, table, key)) {
        map_key(table, key, bytes);
        struct ws_row *row = map_get(&ws->rows, bytes);
        if (!row)
            err = add_row(ws, table, key, bytes, &row);
        if (err)
            return err;
        ws->recent = row;
    }
    *ret_row = ws->recent;
    return SKP_OK;
}

enum skp_err ws_want(struct workset *ws, enum store_table table, struct row_key key)
{
    struct ws_row *row;
    enum skp_err err = row_of(ws, table, &key, &row);
    if (!err)
        row->wanted = true;
    return err;
}

enum skp_err ws_want_version(struct workset *ws, enum store_table table, struct row_key key)
{
    struct ws_row *row;
    return row_of(ws, table, &key, &row);
}

static enum skp_err load_table(struct workset *ws, enum store_table table, struct ws_row **wanted,
                               size_t count)
{
    struct store_row *rows = arena_calloc(ws->arena, count, sizeof *rows);
    if (!rows)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        rows[i].key = row_key_span(&wanted[i]->key);
    enum skp_err err = store_get(ws->store, table, rows, count, ws->arena);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++) {
        wanted[i]->value = rows[i].value;
        wanted[i]->version = rows[i].version;
        wanted[i]->loaded = true;
    }
    return SKP_OK;
}

static enum skp_err load_versions(struct workset *ws, enum store_table table,
                                  struct ws_row **wanted, size_t count)
{
    enum skp_err err = SKP_OK;
    for (size_t first = 0; !err && first < count; first += WS_PASSING) {
        struct store_row rows[WS_PASSING] = {0};
        size_t part = count - first < WS_PASSING ? count - first : WS_PASSING;
        struct arena_mark before = arena_mark(ws->arena);
        for (size_t i = 0; i < part; i++)
            rows[i].key = row_key_span(&wanted[first + i]->key);
        err = store_get(ws->store, table, rows, part, ws->arena);
        for (size_t i = 0; !err && i < part; i++) {
            wanted[first + i]->version = rows[i].version;
            wanted[first + i]->versioned = true;
        }
        arena_rewind(ws->arena, &before);
    }
    return err;
}

static size_t not_loaded(const struct workset *ws, enum store_table table, bool whole,
                         struct ws_row **ret_rows)
{
    size_t count = 0;
    for (struct ws_row *row = ws->tables[table].first; row; row = row->next)
        if (!row->loaded && row->wanted == whole && (whole || !row->versioned))
            ret_rows[count++] = row;
    return count;
}

enum skp_err ws_load(struct workset *ws)
{
    struct ws_row **rows = arena_calloc(ws->arena, ws->rows.count + 1, sizeof(struct ws_row *));
    if (!rows)
        return SKP_E_NO_MEMORY;
    enum skp_err err = SKP_OK;
    for (int n = 1; !err && n < STORE_TABLE_END; n++) {
        enum store_table table = (enum store_table)n;
        size_t count = not_loaded(ws, table, true, rows);
        if (count > 0)
            err = load_table(ws, table, rows, count);
        if (!err)
            err = load_versions(ws, table, rows, not_loaded(ws, table, false, rows));
    }
    return err;
}

enum skp_err ws_exists(struct workset *ws, enum store_table table, struct row_key key,
                       bool *ret_exists)
{
    struct ws_row *row;
    enum skp_err err = row_of(ws, table, &key, &row);
    if (!err && !row->loaded && !row->versioned)
        err = load_versions(ws, table, &row, 1);
    if (!err)
        *ret_exists = row->version > 0 || row->dirty;
    return err;
}

enum skp_err ws_get(struct workset *ws, enum store_table table, struct row_key key,
                    struct ws_row **ret_row)
{
    struct ws_row *row;
    enum skp_err err = row_of(ws, table, &key, &row);
    if (!err && !row->loaded)
        err = load_table(ws, table, &row, 1);
    if (err)
        return err;
    *ret_row = row;
    return SKP_OK;
}

void ws_changed(struct ws_row *row)
{
    ws_put(row, row->value);
}

void ws_put(struct ws_row *row, struct span value)
{
    assert(row->loaded);
    row->value = value;
    row->dirty = true;
    row->gone = false;
}

void ws_remove(struct ws_row *row)
{
    assert(row->loaded);
    row->gone = true;
    row->dirty = false;
}

enum skp_err ws_append(struct workset *ws, enum store_table table, struct row_key key,
                       struct span value)
{
    struct ws_row *row;
    enum skp_err err = row_of(ws, table, &key, &row);
    if (err)
        return err;
    if (!row->loaded && !row->versioned)
        row->version = table == STORE_DEADLINE || table == STORE_OPEN ? STORE_ANY : STORE_NEW;
    row->loaded = true;
    ws_put(row, value);
    return SKP_OK;
}

enum skp_err ws_forget(struct workset *ws, enum store_table table, struct row_key key)
{
    struct ws_row *row;
    enum skp_err err = row_of(ws, table, &key, &row);
    if (err)
        return err;
    if (!row->loaded)
        row->version = STORE_ANY;
    row->loaded = true;
    ws_remove(row);
    return SKP_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct store_row *left = a;
    const struct store_row *right = b;
    size_t len = left->key.len < right->key.len ? left->key.len : right->key.len;
    int order = memcmp(left->key.data, right->key.data, len);
    return order != 0 ? order : (left->key.len > right->key.len) - (left->key.len < right->key.len);
}

/* In the order of their keys: neighbours in the store's trees are then written one after the other. */
static size_t collect(const struct workset *ws, enum store_table table, bool gone,
                      struct store_row *ret_rows)
{
    size_t count = 0;
    for (const struct ws_row *row = ws->tables[table].first; row; row = row->next)
        if (gone ? row->gone && row->version > 0 : row->dirty)
            ret_rows[count++] = (struct store_row){
                .key = row_key_span(&row->key), .value = row->value, .version = row->version};
    qsort(ret_rows, count, sizeof *ret_rows, by_key);
    return count;
}

enum skp_err ws_save(struct workset *ws, size_t *ret_count)
{
    struct store_row *rows = arena_calloc(ws->arena, ws->rows.count + 1, sizeof *rows);
    if (!rows)
        return SKP_E_NO_MEMORY;
    size_t total = 0;
    for (int n = 1; n < STORE_TABLE_END; n++) {
        enum store_table table = (enum store_table)n;
        size_t count = collect(ws, table, false, rows);
        enum skp_err err = count > 0 ? store_put(ws->store, table, rows, count) : SKP_OK;
        if (err)
            return err;
        total += count;
        count = collect(ws, table, true, rows);
        err = count > 0 ? store_remove(ws->store, table, rows, count) : SKP_OK;
        if (err)
            return err;
        total += count;
    }
    *ret_count = total;
    return SKP_OK;
}

enum skp_err ws_count(struct store *store, enum store_table table, struct span from, struct span to,
                      size_t *ret_count)
{
    uint8_t after[STORE_KEY_MAX + 1];
    size_t total = 0;
    for (;;) {
        struct arena arena;
        struct store_row *rows;
        size_t count = 0;
        arena_init(&arena, (size_t)16 << 20);
        enum skp_err err =
            store_scan(store, table, from, to, 2000, (size_t)4 << 20, &arena, &rows, &count);
        total += count;
        if (!err && count > 0)
            from = store_key_after(rows[count - 1].key, after);
        arena_fini(&arena);
        if (!err && count == 0)
            *ret_count = total;
        if (err || count == 0)
            return err;
    }
}
