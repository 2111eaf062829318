/* Room that is kept for the day the disk is full, so that mail can still be collected, which is what
 * makes room. A file without a name: nobody has to remove it. */
#include "store_sqlite_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB           ((uint64_t)1024 * 1024)
#define BEYOND_BYTES  (24 * MIB) /* the transaction that made the log too long, and something more */
#define RESERVE_BYTES ((uint64_t)SQLITE_LOG_MOST(SQLITE_LOG_BYTES) + BEYOND_BYTES)
#define MARGIN_BYTES  (8 * MIB) /* of room beside it, before intake begins again */

enum skp_err sqlite_reserve_open(struct sqlite_store *store)
{
    char *path = NULL;
    if (asprintf(&path, "%s-reserve", store->path) < 0)
        return store_fail_memory(&store->base);
    enum skp_err err = sqlite_open_beside(store, "-reserve", &store->reserve_fd);
    if (!err && unlink(path) != 0)
        err = store_fail(&store->base, SKP_E_IO, "cannot make %s: %s", path, strerror(errno));
    free(path);
    store->is_tight = true;
    sqlite_reserve_take(store);
    return err;
}

static bool has_room(const struct sqlite_store *store)
{
    struct statvfs disk;
    return fstatvfs(store->reserve_fd, &disk) != 0 ||
           disk.f_bavail * (uint64_t)disk.f_frsize >= RESERVE_BYTES + MARGIN_BYTES;
}

void sqlite_reserve_take(struct sqlite_store *store)
{
    if (!store->is_tight || !has_room(store))
        return;
    int error = posix_fallocate(store->reserve_fd, 0, (off_t)RESERVE_BYTES);
    if (error == ENOSPC || error == EDQUOT)
        sqlite_reserve_give(store);
    else
        store->is_tight = false; /* also on a disk that keeps no room for files */
}

/* The checkpoint that the reserve is for makes the file longer by as much as the log has at most. */
void sqlite_reserve_follow(struct sqlite_store *store, int64_t log_bytes)
{
    uint64_t wanted = (uint64_t)log_bytes + BEYOND_BYTES;
    if (store->is_tight || wanted <= RESERVE_BYTES)
        return;
    int error = posix_fallocate(store->reserve_fd, 0, (off_t)wanted);
    store->reserve_is_longer = true;
    if (error == ENOSPC || error == EDQUOT)
        store->is_tight = true; /* and what there is is kept: it still fits the log */
}

void sqlite_reserve_follow_no_more(struct sqlite_store *store)
{
    if (!store->reserve_is_longer)
        return;
    store->reserve_is_longer = false;
    sqlite_reserve_give(store);
    sqlite_reserve_take(store);
}

void sqlite_reserve_give(struct sqlite_store *store)
{
    store->is_tight = true;
    if (ftruncate(store->reserve_fd, 0) != 0)
        store_fail(&store->base, SKP_E_UNAVAILABLE,
                   "the disk is full, and cannot give its reserve");
}
