#include "store_sqlite_internal.h"

#include "mutant.h"

#include <errno.h>

int sqlite_write_under(const sqlite3_io_methods *base, sqlite3_file *file, const void *data,
                       int len, sqlite3_int64 offset)
{
    int error = 0;
    int rc = base->xWrite(file, data, len, offset);
    if (rc == SQLITE_IOERR_WRITE &&
        base->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK && error == EDQUOT)
        return SQLITE_FULL;
    return rc;
}

/* A damaged file, as far as SQLite can tell. */
static bool is_damage(int rc)
{
    int primary = rc & 0xff;
    return primary == SQLITE_PAGE_DAMAGED || primary == SQLITE_CORRUPT ||
           primary == SQLITE_NOTADB || rc == SQLITE_IOERR_CORRUPTFS || rc == SQLITE_IOERR_DATA;
}

/* A failed sync says nothing about what is on disk, and a second try may succeed without the first
 * one's pages (https://wiki.postgresql.org/wiki/Fsync_Errors). During a commit every error is such
 * a case but two: without room or the lock the commit record was not written. */
static bool is_unknown(enum sqlite_phase phase, int rc)
{
    if (MUTANT(sync_error_forgiven))
        return false;
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
        return true;
    int primary = rc & 0xff;
    bool is_full = primary == SQLITE_FULL && !MUTANT(full_disk_is_final);
    return phase == SQLITE_SYNCING && !is_full && primary != SQLITE_BUSY;
}

static enum skp_err error_of(enum sqlite_phase phase, int rc)
{
    if (phase != SQLITE_OPENING && is_unknown(phase, rc))
        return SKP_E_OUTCOME_UNKNOWN;
    if (is_damage(rc))
        return SKP_E_DATA_LOSS;
    if ((rc & 0xff) == SQLITE_NOMEM)
        return SKP_E_NO_MEMORY;
    return phase == SQLITE_OPENING ? SKP_E_IO : SKP_E_UNAVAILABLE;
}

enum skp_err sqlite_fail(struct sqlite_store *store, enum sqlite_phase phase, int rc)
{
    static const char *const doing[] = {
        [SQLITE_OPENING] = "opening",
        [SQLITE_READING] = "reading",
        [SQLITE_WRITING] = "writing",
        [SQLITE_SYNCING] = "bringing to disk",
    };
    if ((rc & 0xff) == SQLITE_FULL && store->reserve_fd >= 0)
        sqlite_reserve_give(store);
    /* Not sqlite3_errmsg(): it may quote what it could not store. */
    return store_fail(
        &store->base, error_of(phase, rc), "%s the store: %s (SQLite code %d)", doing[phase],
        rc == SQLITE_PAGE_DAMAGED ? "a page differs from its checksum or cannot be read"
                                  : sqlite3_errstr(rc),
        rc);
}
