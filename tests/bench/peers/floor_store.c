#include "floor_store.h"

#include "workload.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512

/* A record of the log: this, then the body, padded to 8 bytes. A deletion has no body. */
struct log_head {
    uint32_t check, len;
    uint64_t id;
    uint32_t queue, is_deleted;
};

static struct {
    enum { ENGINE_NULL, ENGINE_LOG, ENGINE_SQLITE } engine;
    int log;
    uint8_t *log_bytes;
    size_t log_room;
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *remove, *commit;
} store;

/* ---------------------------------------------------------------- log */

/* FNV-1a over words: cheap, and enough for a bound. */
static uint32_t check_of(const uint8_t *bytes, size_t len)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i + sizeof sum <= len; i += sizeof sum) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        sum = (sum ^ word) * UINT64_C(1099511628211);
    }
    return (uint32_t)(sum ^ sum >> 32);
}

static size_t write_record(uint8_t *to, struct log_head head, const void *body)
{
    size_t padded = (sizeof head + head.len + 7) / 8 * 8;
    memset(to, 0, padded);
    memcpy(to + sizeof head, body, head.len);
    memcpy(to, &head, sizeof head);
    head.check = check_of(to, padded);
    memcpy(to, &head, sizeof head);
    return padded;
}

static void commit_log(const struct floor_batch *batch)
{
    size_t room = (batch->entry_count + batch->deleted_count) * (LETTER_BYTES + 64);
    size_t len = 0;
    if (room > store.log_room) {
        store.log_room = 2 * room;
        store.log_bytes = realloc(store.log_bytes, store.log_room);
        if (!store.log_bytes)
            workload_die("out of memory");
    }
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct floor_entry *entry = &batch->entries[i];
        struct log_head head = {.len = (uint32_t)entry->envelope->body.len,
                                .id = entry->id,
                                .queue = entry->envelope->queue};
        len += write_record(store.log_bytes + len, head, entry->envelope->body.data);
    }
    for (size_t i = 0; i < batch->deleted_count; i++)
        len += write_record(store.log_bytes + len,
                            (struct log_head){.id = batch->deleted[i], .is_deleted = 1}, "");
    for (size_t done = 0; done < len;) {
        ssize_t put = write(store.log, store.log_bytes + done, len - done);
        if (put < 0)
            workload_die("floor: the log cannot be written");
        done += (size_t)put;
    }
    if (fdatasync(store.log) != 0)
        workload_die("floor: the log cannot be synced");
}

/* ---------------------------------------------------------------- SQLite */

static void execute(const char *sql)
{
    if (sqlite3_exec(store.db, sql, NULL, NULL, NULL) != SQLITE_OK)
        workload_die("%s: %s", sql, sqlite3_errmsg(store.db));
}

static void prepare(const char *sql, sqlite3_stmt **ret_statement)
{
    if (sqlite3_prepare_v2(store.db, sql, -1, ret_statement, NULL) != SQLITE_OK)
        workload_die("%s: %s", sql, sqlite3_errmsg(store.db));
}

static void step(sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        workload_die("floor: %s", sqlite3_errmsg(store.db));
    sqlite3_reset(statement);
}

static void open_sqlite(const char *path, bool has_index)
{
    if (sqlite3_open(path, &store.db) != SQLITE_OK)
        workload_die("%s cannot be opened", path);
    execute("PRAGMA journal_mode=WAL");
    execute("PRAGMA synchronous=FULL");
    execute("PRAGMA cache_size=-65536");
    execute("CREATE TABLE m(id INTEGER PRIMARY KEY, queue INT, body BLOB)");
    if (has_index)
        execute("CREATE INDEX mi ON m(queue, id)");
    prepare("INSERT INTO m VALUES(?, ?, ?)", &store.insert);
    prepare("DELETE FROM m WHERE id = ?", &store.remove);
    prepare("BEGIN IMMEDIATE", &store.begin);
    prepare("COMMIT", &store.commit);
}

static void commit_sqlite(const struct floor_batch *batch)
{
    step(store.begin);
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct floor_entry *entry = &batch->entries[i];
        sqlite3_bind_int64(store.insert, 1, (sqlite3_int64)entry->id);
        sqlite3_bind_int(store.insert, 2, (int)entry->envelope->queue);
        sqlite3_bind_blob(store.insert, 3, entry->envelope->body.data,
                          (int)entry->envelope->body.len, SQLITE_STATIC);
        step(store.insert);
    }
    for (size_t i = 0; i < batch->deleted_count; i++) {
        sqlite3_bind_int64(store.remove, 1, (sqlite3_int64)batch->deleted[i]);
        step(store.remove);
    }
    step(store.commit);
}

/* ---------------------------------------------------------------- any */

void floor_store_open(const char *engine, const char *folder)
{
    char path[PATH_BYTES];
    if (strcmp(engine, "null") == 0) {
        store.engine = ENGINE_NULL;
    } else if (strcmp(engine, "log") == 0) {
        store.engine = ENGINE_LOG;
        snprintf(path, sizeof path, "%s/log", folder);
        store.log = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
        if (store.log < 0)
            workload_die("%s cannot be made", path);
    } else {
        store.engine = ENGINE_SQLITE;
        snprintf(path, sizeof path, "%s/floor.db", folder);
        open_sqlite(path, strcmp(engine, "sqlite-idx") == 0);
    }
}

void floor_store_commit(const struct floor_batch *batch)
{
    if (store.engine == ENGINE_LOG)
        commit_log(batch);
    else if (store.engine == ENGINE_SQLITE)
        commit_sqlite(batch);
}
