/* Checksums, bounded scans and store_verify(): what must be alike in every backend. */
#include "mutant.h"
#include "store_backend.h"

#include <assert.h>
#include <xxhash.h>

#define FIRST_CAPACITY     16
#define VERIFY_ROWS        1024
#define VERIFY_BYTES       ((size_t)4 * STORE_VALUE_MAX)
#define VERIFY_ARENA_BYTES ((size_t)16 * STORE_VALUE_MAX)

struct store_verifier {
    store_damage_fn on_damage;
    void *context;
    size_t found;
};

/* Against damage by chance, not against deceit: signatures and the chain are for that. */
uint64_t store_row_sum(enum store_table table, struct span key, struct span value)
{
    return XXH64(value.data, value.len, XXH64(key.data, key.len, (XXH64_hash_t)table));
}

static void tell_damage(struct store *store, unsigned table, struct span key, const char *what)
{
    store->verifier->found++;
    store->verifier->on_damage(store->verifier->context, table, key, what);
}

void store_damage(struct store *store, const char *what)
{
    assert(store->verifier);
    tell_damage(store, 0, (struct span){0}, what);
}

/* A key that is too long is damaged itself. */
static void name_damaged(struct store *store, enum store_table table, struct span key)
{
    if (key.len == 0 || key.len > STORE_KEY_MAX)
        return;
    store->damaged.table = table;
    store->damaged.key_len = key.len;
    memcpy(store->damaged.key, key.data, key.len);
}

bool store_row_is_whole(enum store_table table, const struct store_row *row, uint64_t sum)
{
    bool was_written = row->version > 0 && row->version <= INT64_MAX;
    return was_written && store_row_sum(table, row->key, row->value) == sum;
}

enum skp_err store_row_check(struct store *store, enum store_table table,
                             const struct store_row *row, uint64_t sum)
{
    if (store_row_is_whole(table, row, sum) || MUTANT(sum_not_checked) || store->takes_damaged)
        return SKP_OK;
    if (store->verifier) {
        tell_damage(store, table, row->key, "the row differs from its checksum");
        return SKP_OK;
    }
    name_damaged(store, table, row->key);
    return store_fail(store, SKP_E_DATA_LOSS, "table %s: a row differs from its checksum",
                      store_table_name(table));
}

/* Doubles the array; the old one stays in the arena until that is reset. */
static bool make_room(struct store_scan_list *list)
{
    if (list->count < list->capacity)
        return true;
    size_t capacity = list->capacity > 0 ? 2 * list->capacity : FIRST_CAPACITY;
    struct store_row *rows = arena_calloc(list->arena, capacity, sizeof *rows);
    if (!rows)
        return false;
    if (list->count > 0)
        memcpy(rows, list->rows, list->count * sizeof *rows);
    list->rows = rows;
    list->capacity = capacity;
    return true;
}

static bool copy_row(struct store_scan_list *list, const struct store_row *found)
{
    void *key = arena_copy(list->arena, found->key.data, found->key.len);
    void *value = arena_copy(list->arena, found->value.data, found->value.len);
    if (!key || !value || !make_room(list))
        return false;
    list->rows[list->count++] = (struct store_row){
        .key = span_of(key, found->key.len),
        .value = span_of(value, found->value.len),
        .version = found->version,
    };
    list->bytes += found->value.len;
    return true;
}

static bool is_full(const struct store_scan_list *list, const struct store_row *found)
{
    if (list->count == list->max_rows)
        return true;
    return list->count > 0 &&
           (list->bytes > list->max_bytes || found->value.len > list->max_bytes - list->bytes);
}

/* The key that ends a scan may be what is damaged, and the rows behind it be of those asked for. A case stays
 * where it is when it is damaged: it would be in the way of its neighbour's for good. */
static bool ends_unchecked(const struct store_scan_list *list)
{
    return list->table == STORE_CASE;
}

bool store_scan_add(struct store_scan_list *list, const struct store_row *found, uint64_t sum)
{
    bool is_beyond = list->to.len > 0 && store_key_compare(found->key, list->to) >= 0;
    if (is_full(list, found) || (is_beyond && ends_unchecked(list)))
        return false;
    list->err = store_row_check(list->store, list->table, found, sum);
    if (is_beyond)
        return false;
    if (list->err == SKP_OK && !copy_row(list, found))
        list->err = store_fail_memory(list->store);
    return list->err == SKP_OK;
}

/* Reads one run of rows and moves *from behind it; *ret_count is 0 at the end of the table. */
static enum skp_err verify_run(struct store *store, enum store_table table, struct arena *arena,
                               struct span *from, uint8_t *from_buffer, size_t *ret_count)
{
    struct store_row *rows = NULL;
    arena_reset(arena);
    enum skp_err err = store_scan(store, table, *from, (struct span){0}, VERIFY_ROWS, VERIFY_BYTES,
                                  arena, &rows, ret_count);
    if (err != SKP_OK || *ret_count == 0)
        return err;
    struct span last = rows[*ret_count - 1].key;
    if (last.len > STORE_KEY_MAX)
        return store_fail(store, SKP_E_DATA_LOSS, "a key is too long, the rest is not readable");
    *from = store_key_after(last, from_buffer);
    return SKP_OK;
}

static enum skp_err verify_table(struct store *store, enum store_table table, struct arena *arena)
{
    uint8_t from_buffer[STORE_KEY_MAX + 1];
    struct span from = {0};
    size_t count = 0;
    enum skp_err err;
    do {
        err = verify_run(store, table, arena, &from, from_buffer, &count);
    } while (err == SKP_OK && count > 0);
    if (err != SKP_E_DATA_LOSS)
        return err;
    /* What lies behind an unreadable page is lost to a scan; the other tables are not. */
    tell_damage(store, table, (struct span){0}, store->why);
    return SKP_OK;
}

static enum skp_err verify_tables(struct store *store)
{
    struct arena arena;
    arena_init(&arena, VERIFY_ARENA_BYTES);
    enum skp_err err = store->ops->check(store);
    for (unsigned table = 1; err == SKP_OK && table < STORE_TABLE_END; table++)
        err = verify_table(store, (enum store_table)table, &arena);
    arena_fini(&arena);
    return err;
}

enum skp_err store_verify(struct store *store, store_damage_fn on_damage, void *context)
{
    struct store_verifier verifier = {.on_damage = on_damage, .context = context};
    enum skp_err err = store_begin(store);
    if (err != SKP_OK)
        return err;
    store->verifier = &verifier;
    err = verify_tables(store);
    store->verifier = NULL;
    if (store->ops->forgive)
        store->ops->forgive(store, false);
    store_rollback(store);
    if (err == SKP_OK && verifier.found > 0)
        return store_fail(store, SKP_E_DATA_LOSS, "the store is damaged in %zu places",
                          verifier.found);
    return err;
}
