/* Writes to the log, put together. SQLite writes each page to it in two calls, header and page, and a
 * small transaction has twenty of them, one behind the other; here they wait for the sync, which is
 * before anybody is told where the log ends. Whoever else reads the log therefore finds all of it in
 * the file, and this connection's own reads empty the buffer first. Of a large transaction the disk
 * begins with each piece but the first as soon as it is written, so that the sync has little left to
 * wait for; a small one is quicker in one go.
 *
 * What could not be written is gone, and no later write or sync succeeds without it, until its
 * transaction has ended: else a commit that was refused could come to the file after all. */
#include "store_sqlite_internal.h"

#include "mutant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define BUFFER_BYTES (120 * 1024) /* SQLite's VFS for Unix takes less than 128 KiB at once */

static struct sqlite_log *log_of(sqlite3_file *file)
{
    return (struct sqlite_log *)(uintptr_t)file->pMethods; /* its first member */
}

static int empty(sqlite3_file *file)
{
    struct sqlite_log *log = log_of(file);
    if (log->len > 0 && log->failed == SQLITE_OK)
        log->failed = sqlite_write_under(log->base, file, log->bytes, log->len, log->offset);
    log->len = 0;
    return log->failed;
}

/* A system that cannot begin early, or not now, need not: the sync is what counts. But an error of the disk
 * may be told here and then no more, not even to the sync. */
static int begin_on_disk(const struct sqlite_log *log, int len)
{
    if (log->fd < 0 || sync_file_range(log->fd, log->offset, len, SYNC_FILE_RANGE_WRITE) == 0)
        return SQLITE_OK;
    bool is_of_disk = errno == EIO || errno == ENOSPC || errno == EDQUOT;
    return is_of_disk ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int empty_early(sqlite3_file *file)
{
    struct sqlite_log *log = log_of(file);
    int len = log->len;
    int rc = empty(file);
    if (rc == SQLITE_OK && len > 0 && log->is_large)
        rc = log->failed = begin_on_disk(log, len);
    log->is_large = log->is_large || len > 0;
    return rc;
}

/* Inside what waits, or right behind it: SQLite also writes a page again that the same transaction
 * has put into the log before. */
static bool fits(const struct sqlite_log *log, int len, sqlite3_int64 offset)
{
    return log->len > 0 && offset >= log->offset && offset <= log->offset + log->len &&
           offset + len <= log->offset + BUFFER_BYTES;
}

static int write_log(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    struct sqlite_log *log = log_of(file);
    if (log->failed != SQLITE_OK)
        return log->failed;
    if (!fits(log, len, offset)) {
        int rc = empty_early(file);
        if (rc != SQLITE_OK || len > BUFFER_BYTES)
            return rc != SQLITE_OK ? rc : sqlite_write_under(log->base, file, data, len, offset);
        log->offset = offset;
    }
    int at = (int)(offset - log->offset);
    memcpy(log->bytes + at, data, (size_t)len);
    if (log->len < at + len)
        log->len = at + len;
    return SQLITE_OK;
}

static int read_log(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    struct sqlite_log *log = log_of(file);
    bool is_rolling_back = log->failed != SQLITE_OK; /* what it reads was committed before */
    int rc = empty(file);
    return rc == SQLITE_OK || is_rolling_back ? log->base->xRead(file, bytes, len, offset) : rc;
}

static int sync_log(sqlite3_file *file, int flags)
{
    int rc = empty(file);
    log_of(file)->is_large = false;
    return rc == SQLITE_OK ? log_of(file)->base->xSync(file, flags) : rc;
}

static int truncate_log(sqlite3_file *file, sqlite3_int64 size)
{
    int rc = empty(file);
    return rc == SQLITE_OK ? log_of(file)->base->xTruncate(file, size) : rc;
}

static int size_log(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    int rc = empty(file);
    return rc == SQLITE_OK ? log_of(file)->base->xFileSize(file, ret_size) : rc;
}

enum skp_err sqlite_log_attach(struct sqlite_store *store)
{
    struct sqlite_log *log = &store->log;
    sqlite3_file *file = NULL;
    if (MUTANT(sync_normal))
        return SKP_OK; /* without the sync that empties it */
    int rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (rc != SQLITE_OK || !file->pMethods) /* the journal that comes before there is a log */
        return sqlite_fail(store, SQLITE_OPENING, rc != SQLITE_OK ? rc : SQLITE_CANTOPEN);
    log->bytes = malloc(BUFFER_BYTES);
    if (!log->bytes)
        return store_fail_memory(&store->base);
    /* SQLite keeps its own descriptor to itself. */
    log->fd = open(sqlite3_filename_wal(sqlite3_db_filename(store->db, "main")),
                   O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    log->base = file->pMethods;
    log->methods = *file->pMethods;
    log->methods.xRead = read_log;
    log->methods.xWrite = write_log;
    log->methods.xSync = sync_log;
    log->methods.xTruncate = truncate_log;
    log->methods.xFileSize = size_log;
    file->pMethods = &log->methods;
    return SKP_OK;
}

void sqlite_log_forget(struct sqlite_store *store)
{
    store->log.len = 0;
    store->log.is_large = false;
    store->log.failed = SQLITE_OK;
}

void sqlite_log_free(struct sqlite_store *store)
{
    free(store->log.bytes);
    if (store->log.fd >= 0)
        close(store->log.fd);
}
