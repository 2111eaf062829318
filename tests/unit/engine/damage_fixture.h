/* A store in a file, of which one bit flips in one row while the broker is stopped. */
#ifndef SKP_DAMAGE_FIXTURE_H
#define SKP_DAMAGE_FIXTURE_H

#include "engine_mail.h"
#include "log.h"
#include "store_sqlite_internal.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT(name)  SKP__V1__EVENT_KIND__EVENT_KIND_##name
#define STATE(name)  SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define NEEDLE_BYTES 120 /* of a value: enough to find it by */
#define CASES        3

static char folder[] = "/tmp/skp-damage-XXXXXX";
static char file[64];

/* What the store is for it says itself. */
static inline enum skp_err open_file(struct world *w)
{
    struct store *store;
    char why[256] = "";
    assert_ok(store_sqlite_open(file, false, &store, why));
    return world_open(w, store, false);
}

/* A store for play is never held; `hold_limit_ms`: of others. */
static inline int setup_store(void **state, bool play, int64_t hold_limit_ms)
{
    struct store *store;
    char why[256] = "";
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/store.db", folder);
    world_init(w, play);
    world_close(w);
    w->hold_limit_ms = hold_limit_ms;
    assert_ok(store_sqlite_open(file, true, &store, why));
    assert_ok(world_open(w, store, play));
    world_people(w);
    *state = w;
    return 0;
}

static inline int setup(void **state)
{
    return setup_store(state, true, 0);
}

static inline int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    world_teardown(state);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", file, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* ---------------------------------------------------------------- damage */

static inline struct span value_of(struct world *w, enum store_table table, struct span key)
{
    struct store_row row = {.key = key};
    assert_ok(store_begin(w->store));
    assert_ok(store_get(w->store, table, &row, 1, &w->arena));
    store_rollback(w->store);
    assert_true(row.version > 0 && row.value.len > 0);
    return row.value;
}

/* A row is its key, a version, a sum of eight bytes and its value. */
#define VALUE_AFTER_KEY 10

/* Where the file has this value, and nowhere else. A short one, which may stand anywhere: behind its key. */
static inline off_t place_of(int fd, struct span key, struct span value)
{
    struct stat status;
    off_t place = -1;
    bool is_short = value.len <= VALUE_AFTER_KEY;
    assert_ok(fstat(fd, &status));
    size_t len = (size_t)status.st_size;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, len, 0), (ssize_t)len);
    struct span sought = is_short ? key : value;
    for (uint8_t *at = bytes; at; at = at ? at + 1 : NULL) {
        at = memmem(at, len - (size_t)(at - bytes), sought.data, sought.len);
        const uint8_t *found = at;
        size_t rest = at ? len - (size_t)(at - bytes) - key.len : 0;
        size_t most = VALUE_AFTER_KEY + value.len;
        if (at && is_short)
            found = memmem(at + key.len, rest < most ? rest : most, value.data, value.len);
        if (!found)
            continue;
        assert_true(place < 0);
        place = found - bytes;
    }
    assert_true(place >= 0);
    free(bytes);
    return place;
}

/* The broker stops, one bit of this byte of a row's value flips (of its last, when it is shorter), the
 * broker starts. */
static inline void damage_byte(struct world *w, enum store_table table, struct row_key key,
                               size_t at)
{
    struct span value = value_of(w, table, row_key_span(&key));
    size_t len = value.len < NEEDLE_BYTES ? value.len : NEEDLE_BYTES;
    at = at < len ? at : len - 1;
    uint8_t byte = value.data[at] ^ 1;
    world_close(w);
    int fd = open(file, O_RDWR);
    assert_true(fd >= 0);
    off_t place = place_of(fd, row_key_span(&key), span_of(value.data, len));
    assert_int_equal(pwrite(fd, &byte, 1, place + (off_t)at), 1);
    close(fd);
    assert_ok(open_file(w));
}

static inline void damage(struct world *w, enum store_table table, struct row_key key)
{
    damage_byte(w, table, key, NEEDLE_BYTES);
}

/* The broker stops, these bits of a byte of a row's key flip, the broker starts. */
static inline void damage_key(struct world *w, struct row_key key, size_t at, uint8_t bits)
{
    struct stat status;
    world_close(w);
    int fd = open(file, O_RDWR);
    assert_ok(fstat(fd, &status));
    size_t len = (size_t)status.st_size;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, len, 0), (ssize_t)len);
    uint8_t *found = memmem(bytes, len, key.bytes, key.len);
    assert_non_null(found);
    assert_null(memmem(found + 1, len - (size_t)(found + 1 - bytes), key.bytes, key.len));
    found[at] ^= bits;
    assert_int_equal(pwrite(fd, found + at, 1, found + at - bytes), 1);
    free(bytes);
    close(fd);
    assert_ok(open_file(w));
}

/* Where the tree of this name begins in the file. */
static inline off_t page_of(const char *name)
{
    char sql[100];
    sqlite3 *db;
    sqlite3_stmt *statement;
    (void)snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name='%s'", name);
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    off_t page = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return (page - 1) * SQLITE_PAGE_BYTES;
}

/* One bit flips in how many rows the first page of this tree has. */
static inline void flip_page(const char *name)
{
    uint8_t byte;
    off_t at = page_of(name) + 4;
    int fd = open(file, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

/* The broker stops, that bit flips, the broker starts. */
static inline void damage_page(struct world *w, const char *name)
{
    world_close(w);
    flip_page(name);
    assert_ok(open_file(w));
}

/* How many lines of the log, read from its start, are of this event. */
static inline size_t lines_of(FILE *log, const char *event)
{
    char line[LOG_LINE_MAX];
    size_t count = 0;
    rewind(log);
    while (fgets(line, sizeof line, log))
        count += strstr(line, event) != NULL;
    return count;
}

/* What is due happens, though some ticks meet damage. */
static inline void tick_through(struct world *w, plain_date date, int minute)
{
    struct party nobody = {.session = 0};
    world_set_time(w, date, minute);
    for (size_t i = 0; i < 12; i++)
        (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
}

/* How many rows the operator sees set aside for this cause. */
static inline size_t listed(struct world *w, const char *cause)
{
    json_t *said = world_admin(w, "{'command':'damage.list'}");
    json_t *rows = json_object_get(said, "rows");
    size_t count = 0;
    assert_true(json_is_array(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        assert_true(json_string_length(json_object_get(row, "row")) > 0);
        assert_true(json_string_length(json_object_get(row, "means")) > 0);
        count += strcmp(json_string_value(json_object_get(row, "cause")), cause) == 0;
    }
    json_decref(said);
    return count;
}

static inline void register_cases(struct world *w, struct told_case *ret_cases)
{
    for (size_t i = 0; i < CASES; i++) {
        case_make(&ret_cases[i], &w->creditor, 1);
        case_register(w, &ret_cases[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
