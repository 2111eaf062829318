#include "store_sqlite_internal.h"

#include "mutant.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define OLDEST_SQLITE       3037000 /* STRICT tables */
#define OPEN_WAIT_MS        5000
#define BUSY_WAIT_MS        250
#define LOG_TRUNCATE_FACTOR 2 /* times the size at which a checkpoint begins */

static pthread_once_t configured = PTHREAD_ONCE_INIT;

static enum skp_err fail_errno(struct sqlite_store *store, const char *doing, const char *path)
{
    return store_fail(&store->base, SKP_E_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

static enum skp_err run(struct sqlite_store *store, enum sqlite_phase phase,
                        enum sqlite_control control)
{
    int rc = sqlite_control(store, control);
    return rc == SQLITE_DONE ? SKP_OK : sqlite_fail(store, phase, rc);
}

/* Called after each commit with the length of the log; takes the place of SQLite's own checkpoints.
 */
static int on_committed(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct sqlite_store *)context)->log_pages = pages;
    return SQLITE_OK;
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    sqlite_copy_close(store);
    /* After a failed sync nothing is known; a checkpoint at closing would write as if it were. */
    if (store->db && base->state == STORE_DEAD)
        sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite_statements_free(store);
    int rc = sqlite3_close(store->db);
    assert(rc == SQLITE_OK);
    sqlite_log_free(store);
    if (store->reserve_fd >= 0)
        close(store->reserve_fd);
    if (base->state != STORE_DEAD)
        sqlite_watermark_sync(store);
    if (store->watermark_fd >= 0)
        close(store->watermark_fd);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->path);
    free(store);
}

/* A rollback finds no memory when it is needed most, and is then done before anything else. */
static enum skp_err end_transaction(struct sqlite_store *store)
{
    enum skp_err err = SKP_OK;
    if (!sqlite3_get_autocommit(store->db))
        err = run(store, store->base.writer ? SQLITE_WRITING : SQLITE_READING, CONTROL_ROLLBACK);
    if (!err)
        sqlite_log_forget(store);
    return err;
}

static enum skp_err sqlite_begin(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    enum skp_err err = end_transaction(store);
    if (err)
        return err;
    if (base->writer)
        return run(store, SQLITE_WRITING, CONTROL_BEGIN_WRITING);
    /* A snapshot begins with the first row read, not with BEGIN. */
    err = run(store, SQLITE_READING, CONTROL_BEGIN_READING);
    return err ? err : run(store, SQLITE_READING, CONTROL_SNAPSHOT);
}

static enum skp_err sqlite_commit(struct store *base)
{
    enum skp_err err = sqlite_expect_transaction(sqlite_of(base));
    return err ? err : run(sqlite_of(base), SQLITE_SYNCING, CONTROL_COMMIT);
}

/* SQLite may have rolled back by itself. The words are those of what went wrong before. */
static void sqlite_rollback(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_control(store, CONTROL_ROLLBACK);
    if (sqlite3_get_autocommit(store->db))
        sqlite_log_forget(store);
}

/* Copies the log into the file as far as readers allow. BUSY is no failure here: the next one gets
 * further. */
static enum skp_err checkpoint(struct sqlite_store *store, int mode, bool *ret_complete)
{
    int log_pages = 0;
    int done_pages = 0;
    int rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, &log_pages, &done_pages);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        return sqlite_fail(store, SQLITE_SYNCING, rc);
    /* Both are -1 where another program holds the checkpoint's lock: then nothing was copied. */
    *ret_complete = log_pages >= 0 && log_pages == done_pages;
    /* A log that is copied whole starts again at its beginning with the next commit. */
    if (*ret_complete) {
        store->log_pages = 0;
        sqlite_watermark_sync(store);
    }
    return SKP_OK;
}

/* Most of a long log is copied beside the commits; `*ret_rest`: what there is now is to be copied here. A
 * log that readers or a full disk keep from being copied in time is copied by whom it hinders. */
static enum skp_err copy_most(struct sqlite_store *store, int64_t log_size, bool *ret_rest)
{
    bool hurries = store->is_tight || log_size > SQLITE_LOG_MOST(store->checkpoint_bytes);
    int rc = SQLITE_OK;
    *ret_rest = hurries;
    if (store->copy.is_under_way)
        *ret_rest = sqlite_copy_ended(store, hurries, &rc);
    else if (!hurries)
        rc = sqlite_copy_begin(store);
    return rc == SQLITE_OK ? SKP_OK : sqlite_fail(store, SQLITE_SYNCING, rc);
}

/* Where the copy was whole, the log has begun again. */
static enum skp_err copy_rest(struct sqlite_store *store, int64_t log_size, int64_t limit)
{
    bool complete = log_size <= limit;
    enum skp_err err = SKP_OK;
    if (complete)
        sqlite_watermark_sync(store);
    else
        err = checkpoint(store, SQLITE_CHECKPOINT_PASSIVE, &complete);
    if (err == SKP_OK && complete)
        sqlite_reserve_follow_no_more(store);
    else if (err == SKP_OK)
        sqlite_reserve_follow(store, log_size);
    /* While a reader holds on to a part, cutting would only wait for it, with all commits behind.
     */
    if (err == SKP_OK && complete && log_size > LOG_TRUNCATE_FACTOR * store->checkpoint_bytes)
        err = checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, &complete);
    return err;
}

static enum skp_err sqlite_maintain(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    int64_t log_size = (int64_t)store->log_pages * SQLITE_PAGE_BYTES;
    bool is_rest = false;
    bool was_tight = store->is_tight;
    sqlite_reserve_take(store);
    /* On a full disk each checkpoint gives back the room of the log. */
    int64_t limit = store->is_tight ? 0 : store->checkpoint_bytes;
    if (log_size <= limit && !store->copy.is_under_way)
        return SKP_OK;
    enum skp_err err = end_transaction(store);
    if (err == SKP_OK)
        err = copy_most(store, log_size, &is_rest);
    if (err == SKP_OK && is_rest)
        err = copy_rest(store, log_size, limit);
    return err == SKP_E_UNAVAILABLE && was_tight ? SKP_OK : err; /* was said before */
}

static enum skp_err sqlite_check(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    sqlite3_stmt *statement = NULL;
    char words[96];
    /* From here on rows are looked at one by one, also on damaged pages. */
    store->sums.are_forgiven = true;
    store->sums.found = 0;
    /* Not quick_check, which does not hold the index of keys against its table. */
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA integrity_check", -1, &statement, NULL);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(statement);
        if (rc != SQLITE_ROW)
            break;
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        if (text && strcmp(text, "ok") != 0)
            store_damage(base, text);
    }
    sqlite3_finalize(statement);
    (void)snprintf(words, sizeof words,
                   "pages that differ from their checksum or cannot be read: %u",
                   store->sums.found);
    if (store->sums.found > 0)
        store_damage(base, words);
    if (rc == SQLITE_DONE)
        return SKP_OK;
    enum skp_err err = sqlite_fail(store, SQLITE_READING, rc);
    if (err != SKP_E_DATA_LOSS)
        return err;
    store_damage(base, base->why);
    return SKP_OK;
}

static void sqlite_forgive(struct store *base, bool forgives)
{
    struct sqlite_store *store = sqlite_of(base);
    if (forgives)
        store->sums.are_forgiven = true;
    else
        sqlite_sums_forgive_no_more(store->db, &store->sums);
}

static enum skp_err sqlite_work_beside(struct store *base)
{
    return sqlite_copy_beside(sqlite_of(base));
}

static bool sqlite_is_tight(const struct store *base)
{
    return ((const struct sqlite_store *)base)->is_tight;
}

static enum skp_err sqlite_reader(struct store *store, struct store **ret_reader);

static const struct store_ops sqlite_ops = {
    .name = "sqlite",
    .close = sqlite_close,
    .reader = sqlite_reader,
    .begin = sqlite_begin,
    .get = sqlite_get,
    .scan = sqlite_scan,
    .put = sqlite_put,
    .remove = sqlite_remove,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .maintain = sqlite_maintain,
    .work_beside = sqlite_work_beside,
    .check = sqlite_check,
    .forgive = sqlite_forgive,
    .is_tight = sqlite_is_tight,
    .watermark_write = sqlite_watermark_write,
    .watermark_read = sqlite_watermark_read,
};

static struct sqlite_store *handle_new(const char *path, bool writer)
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->base.ops = &sqlite_ops;
    store->base.writer = writer;
    store->lock_fd = -1;
    store->reserve_fd = -1;
    store->log.fd = -1;
    store->watermark_fd = -1;
    store->checkpoint_bytes = SQLITE_LOG_BYTES;
    store->path = strdup(path);
    if (store->path)
        return store;
    free(store);
    return NULL;
}

static enum skp_err connect_file(struct sqlite_store *store)
{
    int flags = store->base.writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(store->path, &store->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite_sums_attach(store->db, &store->sums);
    if (rc != SQLITE_OK)
        return sqlite_fail(store, SQLITE_OPENING, rc);
    sqlite3_busy_timeout(store->db, store->base.writer ? OPEN_WAIT_MS : BUSY_WAIT_MS);
    return sqlite_harden(store);
}

static enum skp_err sqlite_reader(struct store *base, struct store **ret_reader)
{
    struct sqlite_store *reader = handle_new(sqlite_of(base)->path, false);
    if (!reader)
        return store_fail_memory(base);
    reader->sums.are_used = true; /* the writer has seen that the file is ours */
    enum skp_err err = connect_file(reader);
    if (err == SKP_OK)
        err = sqlite_controls_make(reader);
    if (err != SKP_OK) {
        store_fail(base, err, "%s", reader->base.why);
        store_close(&reader->base);
        return err;
    }
    *ret_reader = &reader->base;
    return SKP_OK;
}

/* Nobody asks how much memory SQLite has, and counting it takes a lock that all connections share. Too
 * late, when something else of this process used SQLite before, it is refused and nothing is lost. */
static void count_no_memory(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum skp_err check_library(struct sqlite_store *store)
{
    if (sqlite3_libversion_number() < OLDEST_SQLITE)
        return store_fail(&store->base, SKP_E_IO, "SQLite %s is too old: 3.37 is needed",
                          sqlite3_libversion());
    if (sqlite3_threadsafe() == 0)
        return store_fail(&store->base, SKP_E_IO, "this SQLite was built without threads");
    pthread_once(&configured, count_no_memory);
    return SKP_OK;
}

/* A file of its own: SQLite's locks are on the store itself, and closing any descriptor of that
 * would drop them. The lock goes with the process; the file stays, since removing it would let two
 * brokers lock two files. */
static enum skp_err take_lock(struct sqlite_store *store)
{
    enum skp_err err = sqlite_open_beside(store, "-lock", &store->lock_fd);
    if (err || flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return err;
    if (errno == EWOULDBLOCK)
        return store_fail(&store->base, SKP_E_IO,
                          "another broker has the store %s open: stop that one first", store->path);
    return fail_errno(store, "lock", store->path);
}

/* Makes the empty file, for its owner only; SQLite gives -wal and -shm the same mode. */
static enum skp_err ensure_file(struct sqlite_store *store, bool create)
{
    if (!create)
        return access(store->path, F_OK) == 0 ? SKP_OK : fail_errno(store, "open", store->path);
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return fail_errno(store, "create", store->path);
    return SKP_OK;
}

static enum skp_err sync_directory(struct sqlite_store *store)
{
    const char *slash = strrchr(store->path, '/');
    size_t len = slash ? (size_t)(slash - store->path) + 1 : 0;
    char *path = slash ? strndup(store->path, len) : strdup(".");
    if (!path)
        return store_fail_memory(&store->base);
    enum skp_err err = SKP_OK;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        err = fail_errno(store, "sync", path);
    if (fd >= 0)
        close(fd);
    free(path);
    return err;
}

/* What the last broker wrote but perhaps did not sync must be on disk before anything is said about
 * it. The checkpoint writes it again, so that the sync is not answered from pages the kernel has
 * given up on. */
static enum skp_err settle_on_disk(struct sqlite_store *store)
{
    sqlite3_file *file = NULL;
    bool complete = false;
    if (MUTANT(settle_skipped))
        return SKP_OK;
    enum skp_err err = checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, &complete);
    if (err != SKP_OK)
        return err;
    if (!complete)
        return store_fail(&store->base, SKP_E_IO,
                          "another program reads the store %s: stop that one first", store->path);
    /* Through SQLite's own descriptor, for the sake of its locks. */
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK)
        rc = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    return rc == SQLITE_OK ? sync_directory(store) : sqlite_fail(store, SQLITE_OPENING, rc);
}

static enum skp_err open_copy(struct sqlite_store *store)
{
    struct sqlite_store *through = handle_new(store->path, true);
    if (!through)
        return store_fail_memory(&store->base);
    through->sums.are_used = true;
    enum skp_err err = sqlite_copy_open(store, through);
    if (!err && (err = connect_file(through)))
        store_fail(&store->base, err, "%s", through->base.why);
    return err;
}

static enum skp_err open_file(struct sqlite_store *store, bool create)
{
    enum skp_err err = check_library(store);
    if (err == SKP_OK)
        err = sqlite_find_place(store);
    if (err == SKP_OK)
        err = take_lock(store);
    if (err == SKP_OK)
        err = ensure_file(store, create);
    if (err == SKP_OK)
        err = connect_file(store);
    if (err == SKP_OK)
        err = sqlite_schema_open(store, create);
    if (err == SKP_OK)
        err = sqlite_controls_make(store);
    if (err == SKP_OK)
        err = sqlite_watermark_open(store);
    if (err == SKP_OK)
        err = settle_on_disk(store);
    if (err == SKP_OK)
        err = sqlite_log_attach(store); /* the checkpoint has opened it */
    if (err == SKP_OK)
        err = open_copy(store);
    if (err == SKP_OK)
        err = sqlite_reserve_open(store);
    if (err != SKP_OK)
        return err;
    sqlite3_wal_hook(store->db, on_committed, store);
    sqlite3_busy_timeout(store->db, BUSY_WAIT_MS);
    return SKP_OK;
}

enum skp_err store_sqlite_open(const char *path, bool create, struct store **ret_store,
                               char *ret_why)
{
    struct sqlite_store *store = handle_new(path, true);
    if (!store) {
        snprintf(ret_why, sizeof store->base.why, "out of memory");
        return SKP_E_NO_MEMORY;
    }
    enum skp_err err = open_file(store, create);
    if (err == SKP_OK) {
        *ret_store = &store->base;
        return SKP_OK;
    }
    memcpy(ret_why, store->base.why, sizeof store->base.why);
    /* No checkpoint at closing: what could not be opened is left as it was found. */
    store->base.state = STORE_DEAD;
    store_close(&store->base);
    return err == SKP_E_OUTCOME_UNKNOWN || err == SKP_E_UNAVAILABLE ? SKP_E_IO : err;
}
