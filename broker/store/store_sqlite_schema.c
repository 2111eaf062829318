#include "store_sqlite_internal.h"

#include "mutant.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define SQL_BYTES 256

#define TEXT_OF(number) #number
#define AS_TEXT(number) TEXT_OF(number)

static enum skp_err run(struct sqlite_store *store, const char *sql)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? SKP_OK : sqlite_fail(store, SQLITE_OPENING, rc);
}

/* The first column of the first row as a number. */
static enum skp_err query_number(struct sqlite_store *store, const char *sql, int *ret_number)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *ret_number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? SKP_OK : sqlite_fail(store, SQLITE_OPENING, rc);
}

enum skp_err sqlite_harden(struct sqlite_store *store)
{
    /* A changed file must not be able to run anything, and no reader may checkpoint when it closes.
     */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !store->base.writer, NULL);
    enum skp_err err = run(store, "PRAGMA cell_size_check=ON;"
                                  "PRAGMA mmap_size=0;"
                                  "PRAGMA temp_store=MEMORY;"
                                  "PRAGMA secure_delete=ON;"
                                  "PRAGMA synchronous=FULL;"
                                  "PRAGMA wal_autocheckpoint=0;");
    /* In pages: SQLite turns KiB into pages before it knows how large these are. 16 and 4 MiB; the
     * writer changes the same pages again and again, a reader passes by. */
    if (!err)
        err = run(store, store->base.writer ? "PRAGMA cache_size=2048" : "PRAGMA cache_size=512");
    return !err && MUTANT(sync_normal) ? run(store, "PRAGMA synchronous=NORMAL") : err;
}

struct identity {
    int application_id;
    int schema_version;
    int object_count;
};

static enum skp_err read_identity(struct sqlite_store *store, struct identity *ret_identity)
{
    enum skp_err err = query_number(store, "PRAGMA application_id", &ret_identity->application_id);
    if (err == SKP_OK)
        err = query_number(store, "PRAGMA user_version", &ret_identity->schema_version);
    if (err == SKP_OK)
        err =
            query_number(store, "SELECT count(*) FROM sqlite_schema", &ret_identity->object_count);
    return err;
}

static bool is_empty(const struct identity *identity)
{
    return identity->application_id == 0 && identity->schema_version == 0 &&
           identity->object_count == 0;
}

static enum skp_err check_identity(struct sqlite_store *store, const struct identity *identity)
{
    if (identity->application_id != SQLITE_APPLICATION_ID)
        return store_fail(&store->base, SKP_E_DATA_LOSS, "%s is not a store of schuldenknooppunt",
                          store->path);
    if (identity->schema_version == SQLITE_SCHEMA_VERSION)
        return SKP_OK;
    bool is_newer = identity->schema_version > SQLITE_SCHEMA_VERSION;
    return store_fail(&store->base, SKP_E_CONFIG,
                      "%s has schema version %d, this broker reads %d only: %s", store->path,
                      identity->schema_version, SQLITE_SCHEMA_VERSION,
                      is_newer ? "start the broker that wrote it, or a newer one"
                               : "finish its cases with the broker that wrote it, and begin a new "
                                 "store with this one");
}

/* Some file systems cannot carry a write-ahead log; a weaker journal is no answer to that. */
static enum skp_err enter_log_mode(struct sqlite_store *store)
{
    sqlite3_stmt *statement = NULL;
    bool is_wal = false;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        is_wal = strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    if (rc != SQLITE_ROW)
        return sqlite_fail(store, SQLITE_OPENING, rc);
    if (!is_wal)
        return store_fail(&store->base, SKP_E_IO,
                          "%s is on a file system without a write-ahead log: use a local disk",
                          store->path);
    return SKP_OK;
}

/* Rows of more than a few hundred bytes would make a tree of their own keys deep and wide to search:
 * they lie in a table in the order they come, with the keys in an index. A key that is SQLite's own
 * number of the row needs no index. */
static bool has_row_numbers(enum store_table table)
{
    return store_has_number_keys(table) || table == STORE_BATCH || table == STORE_BUNDLE ||
           table == STORE_PAGE || table == STORE_CASE || table == STORE_JOURNAL;
}

void sqlite_schema_print(enum store_table table, char *ret_sql, size_t size)
{
    int len = snprintf(ret_sql, size,
                       "CREATE TABLE %s(key %s PRIMARY KEY NOT NULL, version INTEGER NOT NULL, "
                       "sum INTEGER NOT NULL, value BLOB NOT NULL) %sSTRICT",
                       store_table_name(table), store_has_number_keys(table) ? "INTEGER" : "BLOB",
                       has_row_numbers(table) ? "" : "WITHOUT ROWID, ");
    assert(len > 0 && (size_t)len < size);
}

static enum skp_err create_tables(struct sqlite_store *store)
{
    char sql[SQL_BYTES];
    enum skp_err err = run(store, "BEGIN IMMEDIATE");
    for (unsigned table = 1; err == SKP_OK && table < STORE_TABLE_END; table++) {
        sqlite_schema_print((enum store_table)table, sql, sizeof sql);
        err = run(store, sql);
    }
    if (err != SKP_OK)
        return err;
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             SQLITE_APPLICATION_ID, SQLITE_SCHEMA_VERSION);
    return run(store, sql);
}

/* A missing or odd table shows when the statements are prepared. */
static enum skp_err check_tables(struct sqlite_store *store)
{
    sqlite3_stmt *statement = NULL;
    enum skp_err err = SKP_OK;
    for (unsigned table = 1; err == SKP_OK && table < STORE_TABLE_END; table++)
        err = sqlite_statement(store, (enum store_table)table, STATEMENT_GET, &statement);
    return err;
}

static enum skp_err shape_pages(struct sqlite_store *store)
{
    int rc = sqlite_sums_reserve(store->db);
    if (rc != SQLITE_OK)
        return sqlite_fail(store, SQLITE_OPENING, rc);
    return run(store, "PRAGMA page_size=" AS_TEXT(SQLITE_PAGE_BYTES));
}

enum skp_err sqlite_schema_open(struct sqlite_store *store, bool create)
{
    struct identity identity = {0};
    enum skp_err err = read_identity(store, &identity);
    if (err != SKP_OK)
        return err;
    /* An empty file is what a crash leaves between making the file and its schema. */
    bool fresh = create && is_empty(&identity);
    err = fresh ? shape_pages(store) : check_identity(store, &identity);
    if (err == SKP_OK)
        err = enter_log_mode(store);
    if (err == SKP_OK && fresh)
        err = create_tables(store);
    if (err == SKP_OK)
        err = check_tables(store);
    /* The first page may have come from the log, or from before it was ours. */
    if (err == SKP_OK)
        store->sums.are_used = true;
    return err;
}
