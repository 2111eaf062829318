#include "store_sqlite_internal.h"

#include "mutant.h"

#include <assert.h>
#include <stdio.h>

#define SQL_BYTES 256

struct statement_text {
    const char *before; /* the name of the table */
    const char *after;
};

#define PUT_COLUMNS "(key, version, sum, value) VALUES(?1, 1, ?2, ?3)"

/* ?1 is the key everywhere. Versions are counted by the statements, so that none has to be read
 * first. */
static const struct statement_text statement_texts[STATEMENT_COUNT] = {
    [STATEMENT_GET] = {"SELECT key, version, sum, value FROM ", " WHERE key=?1"},
    [STATEMENT_SCAN] = {"SELECT key, version, sum, value FROM ", " WHERE key>=?1 ORDER BY key"},
    [STATEMENT_INSERT] = {"INSERT INTO ", PUT_COLUMNS},
    [STATEMENT_UPDATE] = {"UPDATE ", " SET version=version+1, sum=?2, value=?3"
                                     " WHERE key=?1 AND version=?4"},
    [STATEMENT_UPSERT] = {"INSERT INTO ",
                          PUT_COLUMNS " ON CONFLICT(key) DO UPDATE SET version=version+1,"
                                      " sum=excluded.sum, value=excluded.value"},
    [STATEMENT_DELETE] = {"DELETE FROM ", " WHERE key=?1 AND version=?2"},
    [STATEMENT_DELETE_ANY] = {"DELETE FROM ", " WHERE key=?1"},
    [STATEMENT_FIND] = {"SELECT key, version, sum, value FROM ", " WHERE +key=?1"},
    [STATEMENT_DELETE_FOUND] = {"DELETE FROM ", " WHERE +key=?1 AND sum=?2"},
};

static enum skp_err prepare(struct sqlite_store *store, enum store_table table,
                            enum sqlite_statement kind)
{
    char sql[SQL_BYTES];
    const struct statement_text *text = &statement_texts[kind];
    int len =
        snprintf(sql, sizeof sql, "%s%s%s", text->before, store_table_name(table), text->after);
    assert(len > 0 && (size_t)len < sizeof sql);
    int rc = sqlite3_prepare_v3(store->db, sql, len + 1, SQLITE_PREPARE_PERSISTENT,
                                &store->statements[table][kind], NULL);
    if (rc == SQLITE_ERROR)
        return store_fail(&store->base, SKP_E_DATA_LOSS,
                          "table %s is missing or not as it was made", store_table_name(table));
    return rc == SQLITE_OK ? SKP_OK : sqlite_fail(store, SQLITE_READING, rc);
}

enum skp_err sqlite_statement(struct sqlite_store *store, enum store_table table,
                              enum sqlite_statement kind, sqlite3_stmt **ret)
{
    sqlite3_stmt **cached = &store->statements[table][kind];
    if (!*cached) {
        enum skp_err err = prepare(store, table, kind);
        if (err != SKP_OK)
            return err;
    }
    *ret = *cached;
    return SKP_OK;
}

static const char *const control_texts[CONTROL_COUNT] = {
    [CONTROL_BEGIN_WRITING] = "BEGIN IMMEDIATE",
    [CONTROL_BEGIN_READING] = "BEGIN",
    [CONTROL_SNAPSHOT] = "SELECT 1 FROM meta LIMIT 1",
    [CONTROL_COMMIT] = "COMMIT",
    [CONTROL_ROLLBACK] = "ROLLBACK",
};

enum skp_err sqlite_controls_make(struct sqlite_store *store)
{
    int rc = SQLITE_OK;
    for (unsigned i = 0; rc == SQLITE_OK && i < CONTROL_COUNT; i++)
        rc = sqlite3_prepare_v3(store->db, control_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &store->controls[i], NULL);
    return rc == SQLITE_OK ? SKP_OK : sqlite_fail(store, SQLITE_OPENING, rc);
}

int sqlite_control(struct sqlite_store *store, enum sqlite_control control)
{
    int rc = sqlite3_step(store->controls[control]);
    sqlite3_reset(store->controls[control]);
    return rc == SQLITE_ROW ? SQLITE_DONE : rc;
}

void sqlite_statements_free(struct sqlite_store *store)
{
    for (unsigned i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(store->controls[i]);
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        for (unsigned kind = 0; kind < STATEMENT_COUNT; kind++)
            sqlite3_finalize(store->statements[table][kind]);
    }
}

/* The row under the cursor; borrowed until the next step, its key perhaps in `buffer`. */
static struct store_row column_row(sqlite3_stmt *statement, enum store_table table,
                                   uint8_t buffer[STORE_NUMBER_BYTES], uint64_t *ret_sum)
{
    *ret_sum = (uint64_t)sqlite3_column_int64(statement, 2);
    return (struct store_row){
        .key = sqlite_key_column(statement, 0, table, buffer),
        .value = sqlite_column_span(statement, 3),
        .version = (uint64_t)sqlite3_column_int64(statement, 1),
    };
}

static enum skp_err take_row(struct store *store, enum store_table table, sqlite3_stmt *statement,
                             struct store_row *row, struct arena *arena)
{
    uint8_t buffer[STORE_NUMBER_BYTES];
    uint64_t sum = 0;
    struct store_row found = column_row(statement, table, buffer, &sum);
    found.key = row->key; /* a damaged index that leads to another row is found out too */
    enum skp_err err = store_row_check(store, table, &found, sum);
    if (err != SKP_OK)
        return err;
    uint8_t *value = arena_copy(arena, found.value.data, found.value.len);
    if (!value)
        return store_fail_memory(store);
    sqlite_of(store)->taken_sum = sum;
    row->value = span_of(value, found.value.len);
    row->version = found.version > 0 ? found.version : STORE_ANY; /* damaged, to be taken */
    return SKP_OK;
}

/* A whole row is not the one that is to be taken: another has come to say its key. */
static bool is_passed_over(const struct store *store, enum store_table table,
                           sqlite3_stmt *statement, struct span key)
{
    uint8_t buffer[STORE_NUMBER_BYTES];
    uint64_t sum = 0;
    if (!store->takes_damaged)
        return false;
    struct store_row found = column_row(statement, table, buffer, &sum);
    found.key = key;
    return store_row_is_whole(table, &found, sum);
}

static enum skp_err get_row(struct store *store, enum store_table table, sqlite3_stmt *statement,
                            struct store_row *row, struct arena *arena)
{
    enum skp_err err = SKP_OK;
    row->version = 0;
    row->value = (struct span){0};
    int rc = sqlite_key_bind(statement, 1, table, row->key);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    while (rc == SQLITE_ROW && is_passed_over(store, table, statement, row->key))
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        err = take_row(store, table, statement, row, arena);
    else if (rc != SQLITE_DONE)
        err = sqlite_fail(sqlite_of(store), SQLITE_READING, rc);
    sqlite3_reset(statement);
    return err;
}

/* Damage that no row has named yet. */
static bool is_of_page(const struct store *store, enum skp_err err)
{
    return err == SKP_E_DATA_LOSS && store->damaged.table == 0;
}

static enum skp_err get_from_damaged_page(struct store *store, enum store_table table,
                                          sqlite3_stmt *statement, struct store_row *row,
                                          struct arena *arena)
{
    struct sqlite_store *self = sqlite_of(store);
    self->sums.are_forgiven = true;
    self->sums.found = 0;
    enum skp_err err = get_row(store, table, statement, row, arena);
    if (store->damaged.table != 0)
        (void)sqlite_sums_explain(&self->sums);
    sqlite_sums_forgive_no_more(self->db, &self->sums);
    if (err == SKP_OK && row->version == 0)
        return store_fail(store, SKP_E_DATA_LOSS, "table %s: a page differs from its checksum",
                          store_table_name(table));
    return err;
}

/* A flipped bit in its key, and it stands among others: only who reads them all comes by. */
static enum skp_err find_damaged(struct store *store, enum store_table table, struct store_row *row,
                                 struct arena *arena)
{
    sqlite3_stmt *statement = NULL;
    if (!store->takes_damaged)
        return SKP_OK;
    sqlite_of(store)->is_out_of_order = row->version == 0;
    if (row->version > 0)
        return SKP_OK;
    enum skp_err err = sqlite_statement(sqlite_of(store), table, STATEMENT_FIND, &statement);
    return err ? err : get_row(store, table, statement, row, arena);
}

enum skp_err sqlite_get(struct store *store, enum store_table table, struct store_row *rows,
                        size_t count, struct arena *arena)
{
    sqlite3_stmt *statement = NULL;
    enum skp_err err = sqlite_statement(sqlite_of(store), table, STATEMENT_GET, &statement);
    for (size_t i = 0; err == SKP_OK && i < count; i++) {
        err = get_row(store, table, statement, &rows[i], arena);
        if (is_of_page(store, err))
            err = get_from_damaged_page(store, table, statement, &rows[i], arena);
        if (err == SKP_OK)
            err = find_damaged(store, table, &rows[i], arena);
    }
    return err;
}

/* Steps until the list has enough. The upper bound is the list's: one statement serves with and
 * without. */
static enum skp_err fill_list(struct sqlite_store *store, sqlite3_stmt *statement, struct span from,
                              struct store_scan_list *list)
{
    bool wants_more = true;
    int rc = sqlite_key_bind_from(statement, 1, list->table, from);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    while (rc == SQLITE_ROW && wants_more) {
        uint8_t buffer[STORE_NUMBER_BYTES];
        uint64_t sum = 0;
        struct store_row row = column_row(statement, list->table, buffer, &sum);
        wants_more = store_scan_add(list, &row, sum);
        if (wants_more)
            rc = sqlite3_step(statement);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        list->err = sqlite_fail(store, SQLITE_READING, rc);
    sqlite3_reset(statement);
    return list->err;
}

/* The scan again, for the row that the damage of a page is in; store->damaged says which. */
static void name_damaged_row(struct sqlite_store *store, sqlite3_stmt *statement, struct span from,
                             struct store_scan_list list)
{
    list.err = SKP_OK;
    list.rows = NULL;
    list.count = list.capacity = list.bytes = 0;
    store->sums.are_forgiven = true;
    store->sums.found = 0;
    (void)fill_list(store, statement, from, &list);
    if (store->base.damaged.table != 0)
        (void)sqlite_sums_explain(&store->sums);
    sqlite_sums_forgive_no_more(store->db, &store->sums);
}

enum skp_err sqlite_scan(struct store *store, enum store_table table, struct span from,
                         struct span to, size_t max_rows, size_t max_bytes, struct arena *arena,
                         struct store_row **ret_rows, size_t *ret_count)
{
    struct store_scan_list list = {.store = store,
                                   .table = table,
                                   .arena = arena,
                                   .to = to,
                                   .max_rows = max_rows,
                                   .max_bytes = max_bytes};
    sqlite3_stmt *statement = NULL;
    enum skp_err err = sqlite_statement(sqlite_of(store), table, STATEMENT_SCAN, &statement);
    if (err == SKP_OK)
        err = fill_list(sqlite_of(store), statement, from, &list);
    if (is_of_page(store, err))
        name_damaged_row(sqlite_of(store), statement, from, list);
    if (err != SKP_OK)
        return err;
    *ret_rows = list.rows;
    *ret_count = list.count;
    return SKP_OK;
}

/* Runs a bound writing statement; no row touched means that it was not there in the expected
 * version. */
static enum skp_err run_write(struct store *store, enum store_table table, sqlite3_stmt *statement,
                              int rc, bool must_change)
{
    struct sqlite_store *self = sqlite_of(store);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (rc == SQLITE_CONSTRAINT_PRIMARYKEY)
        return store_fail_conflict(store, table);
    if (rc != SQLITE_DONE)
        return sqlite_fail(self, SQLITE_WRITING, rc);
    if (must_change && sqlite3_changes(self->db) == 0)
        return store_fail_conflict(store, table);
    return SKP_OK;
}

static enum sqlite_statement put_kind(uint64_t version)
{
    if (version == STORE_NEW)
        return STATEMENT_INSERT;
    return version == STORE_ANY || MUTANT(version_not_checked) ? STATEMENT_UPSERT
                                                               : STATEMENT_UPDATE;
}

static enum skp_err put_row(struct store *store, enum store_table table,
                            const struct store_row *row)
{
    sqlite3_stmt *statement = NULL;
    enum sqlite_statement kind = put_kind(row->version);
    enum skp_err err = sqlite_statement(sqlite_of(store), table, kind, &statement);
    if (err != SKP_OK)
        return err;
    int rc = sqlite_key_bind(statement, 1, table, row->key);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(statement, 2, (int64_t)store_row_sum(table, row->key, row->value));
    if (rc == SQLITE_OK)
        rc = sqlite_bind_span(statement, 3, row->value);
    if (rc == SQLITE_OK && kind == STATEMENT_UPDATE)
        rc = sqlite3_bind_int64(statement, 4, (int64_t)row->version);
    return run_write(store, table, statement, rc, true);
}

static bool has_damaged_row(struct store *store, enum store_table table, sqlite3_stmt *statement,
                            sqlite3_int64 page)
{
    struct sqlite_store *self = sqlite_of(store);
    bool found = false;
    int rc = sqlite_key_bind_from(statement, 1, table, (struct span){0});
    while (rc == SQLITE_OK || (rc == SQLITE_ROW && !found)) {
        uint8_t buffer[STORE_NUMBER_BYTES];
        uint64_t sum = 0;
        rc = sqlite3_step(statement);
        if (rc != SQLITE_ROW)
            break;
        struct store_row row = column_row(statement, table, buffer, &sum);
        found = self->sums.last == page && !store_row_is_whole(table, &row, sum);
    }
    sqlite3_reset(statement);
    return found;
}

/* A change met a damaged page. The transaction is over; where a row explains the damage the next
 * try gets through. Reads the whole table, once for each such page. */
static enum skp_err write_again_or_not(struct store *store, enum store_table table)
{
    struct sqlite_store *self = sqlite_of(store);
    sqlite3_int64 page = self->sums.last;
    sqlite3_stmt *statement = NULL;
    store->ops->rollback(store);
    if (sqlite_statement(self, table, STATEMENT_SCAN, &statement))
        return SKP_E_DATA_LOSS;
    self->sums.are_forgiven = true;
    bool is_explained =
        has_damaged_row(store, table, statement, page) && sqlite_sums_explain(&self->sums);
    sqlite_sums_forgive_no_more(self->db, &self->sums);
    return is_explained ? store_fail_conflict(store, table) : SKP_E_DATA_LOSS;
}

/* A reading that failed may have ended SQLite's transaction, and the changes made in it are gone: what is
 * written then would be committed by itself, row by row. */
enum skp_err sqlite_expect_transaction(struct sqlite_store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        return SKP_OK;
    return store_fail(&store->base, SKP_E_UNAVAILABLE,
                      "the transaction has ended, since the store could not be read");
}

enum skp_err sqlite_put(struct store *store, enum store_table table, const struct store_row *rows,
                        size_t count)
{
    enum skp_err err = sqlite_expect_transaction(sqlite_of(store));
    store->damaged.table = 0;
    for (size_t i = 0; err == SKP_OK && i < count; i++)
        err = put_row(store, table, &rows[i]);
    return err == SKP_E_DATA_LOSS ? write_again_or_not(store, table) : err;
}

/* Whether the row is there at all, without reading its value. */
static enum skp_err expect_absent(struct store *store, enum store_table table,
                                  const struct store_row *row)
{
    sqlite3_stmt *statement = NULL;
    enum skp_err err = sqlite_statement(sqlite_of(store), table, STATEMENT_GET, &statement);
    if (err != SKP_OK)
        return err;
    int rc = sqlite_key_bind(statement, 1, table, row->key);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (rc == SQLITE_ROW)
        return store_fail_conflict(store, table);
    return rc == SQLITE_DONE ? SKP_OK : sqlite_fail(sqlite_of(store), SQLITE_READING, rc);
}

static enum skp_err delete_row(struct store *store, enum store_table table,
                               const struct store_row *row, enum sqlite_statement kind)
{
    bool is_versioned = kind == STATEMENT_DELETE;
    uint64_t second = is_versioned ? row->version : sqlite_of(store)->taken_sum;
    sqlite3_stmt *statement = NULL;
    enum skp_err err = sqlite_statement(sqlite_of(store), table, kind, &statement);
    if (err != SKP_OK)
        return err;
    int rc = sqlite_key_bind(statement, 1, table, row->key);
    if (rc == SQLITE_OK && kind != STATEMENT_DELETE_ANY)
        rc = sqlite3_bind_int64(statement, 2, (int64_t)second);
    return run_write(store, table, statement, rc, is_versioned);
}

static enum skp_err remove_row(struct store *store, enum store_table table,
                               const struct store_row *row)
{
    if (row->version == STORE_NEW)
        return expect_absent(store, table, row);
    if (store->takes_damaged && sqlite_of(store)->is_out_of_order)
        return delete_row(store, table, row, STATEMENT_DELETE_FOUND);
    enum sqlite_statement kind =
        row->version == STORE_ANY ? STATEMENT_DELETE_ANY : STATEMENT_DELETE;
    return delete_row(store, table, row, kind);
}

enum skp_err sqlite_remove(struct store *store, enum store_table table,
                           const struct store_row *rows, size_t count)
{
    enum skp_err err = sqlite_expect_transaction(sqlite_of(store));
    store->damaged.table = 0;
    for (size_t i = 0; err == SKP_OK && i < count; i++)
        err = remove_row(store, table, &rows[i]);
    return err == SKP_E_DATA_LOSS ? write_again_or_not(store, table) : err;
}
