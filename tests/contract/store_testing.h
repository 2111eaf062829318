/* What the tests of the store share: a store of either backend in a folder of its own, short forms
 * of the bulk calls for one row, and the raw SQLite file for who wants to damage it. */
#ifndef SKP_STORE_TESTING_H
#define SKP_STORE_TESTING_H

#include "testing.h"

#include "store_sqlite_internal.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    char path[96];
    struct store *store;
    struct arena arena;
};

/* One test on each backend. */
#define ON_BOTH(test) {#test " [memory]", test, open_memory, close_fixture, NULL}, ON_SQLITE(test)
#define ON_SQLITE(test)                                                                            \
    {                                                                                              \
#test " [sqlite]", test, open_sqlite, close_fixture, NULL                                  \
    }

static inline struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->dir, sizeof fixture->dir, "/tmp/skp-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    snprintf(fixture->path, sizeof fixture->path, "%s/store.db", fixture->dir);
    arena_init(&fixture->arena, (size_t)256 * 1024 * 1024);
    return fixture;
}

static inline void sqlite_open_again(struct fixture *fixture)
{
    char why[256] = "";
    store_close(fixture->store);
    fixture->store = NULL;
    enum skp_err err = store_sqlite_open(fixture->path, true, &fixture->store, why);
    if (err)
        print_error("%s\n", why);
    assert_ok(err);
}

/* Until it is opened again a checkpoint comes after a few MiB of log. */
static inline void sqlite_shorten_the_log(struct fixture *fixture)
{
    ((struct sqlite_store *)fixture->store)->checkpoint_bytes = (int64_t)4 * 1024 * 1024;
}

static inline int open_memory(void **state)
{
    struct fixture *fixture = fixture_new();
    assert_ok(store_memory_open(&fixture->store));
    *state = fixture;
    return 0;
}

static inline int open_sqlite(void **state)
{
    struct fixture *fixture = fixture_new();
    sqlite_open_again(fixture);
    *state = fixture;
    return 0;
}

static inline int close_fixture(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    struct fixture *fixture = *state;
    store_close(fixture->store);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        unlink(path);
    }
    assert_ok(rmdir(fixture->dir));
    arena_fini(&fixture->arena);
    free(fixture);
    return 0;
}

static inline struct store_row row_of(const char *key, const char *value, uint64_t version)
{
    return (struct store_row){.key = span_text(key), .value = span_text(value), .version = version};
}

static inline enum skp_err put_one(struct store *store, const char *key, const char *value,
                                   uint64_t version)
{
    struct store_row row = row_of(key, value, version);
    return store_put(store, STORE_BATCH, &row, 1);
}

static inline enum skp_err remove_one(struct store *store, const char *key, uint64_t version)
{
    struct store_row row = row_of(key, "", version);
    return store_remove(store, STORE_BATCH, &row, 1);
}

/* The row of table batch, in the transaction that is open. */
static inline struct store_row get_one(struct fixture *fixture, struct store *store,
                                       const char *key)
{
    struct store_row row = row_of(key, "", 0);
    assert_ok(store_get(store, STORE_BATCH, &row, 1, &fixture->arena));
    return row;
}

static inline void assert_row(struct store_row row, const char *value, uint64_t version)
{
    assert_int_equal(row.version, version);
    assert_int_equal(row.value.len, strlen(value));
    if (row.value.len > 0)
        assert_memory_equal(row.value.data, value, row.value.len);
}

static inline void assert_absent(struct store_row row)
{
    assert_int_equal(row.version, 0);
    assert_int_equal(row.value.len, 0);
}

/* A transaction of one row. */
static inline void commit_one(struct store *store, const char *key, const char *value,
                              uint64_t version)
{
    assert_ok(store_begin(store));
    assert_ok(put_one(store, key, value, version));
    assert_ok(store_commit(store));
}

/* Runs SQL on the file, with a connection that knows nothing of us but the sums of pages, so that they
 * hide no damage to rows; the store must be closed. */
static inline void raw_sql(const struct fixture *fixture, const char *sql)
{
    sqlite3 *db = NULL;
    struct sqlite_sums sums = {.found = 0};
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite_sums_attach(db, &sums), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Where the tree of a table begins in the file. */
static inline off_t root_page(sqlite3 *db, const char *table)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name=?1", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    off_t page = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return (page - 1) * SQLITE_PAGE_BYTES;
}

static inline void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

#endif
