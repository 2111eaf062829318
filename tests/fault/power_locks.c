#include "power_vfs_internal.h"

#include <stdlib.h>

static struct power_handle *handle_of(sqlite3_file *base)
{
    return (struct power_handle *)base;
}

/* ---------------------------------------------------------------- locks of the file
 * https://sqlite.org/lockingv3.html: SHARED, then RESERVED, PENDING and EXCLUSIVE for one. */

static int take_lock(struct power_handle *handle, int lock)
{
    struct power_file *file = handle->file;
    if (lock == SQLITE_LOCK_SHARED) {
        if (file->pending || file->exclusive)
            return SQLITE_BUSY;
        file->shared++;
    } else if (lock == SQLITE_LOCK_RESERVED) {
        if (file->reserved)
            return SQLITE_BUSY;
        file->reserved = handle;
    } else {
        if ((file->pending && file->pending != handle) ||
            (file->reserved && file->reserved != handle))
            return SQLITE_BUSY;
        file->pending = handle;
        if (file->shared > 1) {
            handle->lock = SQLITE_LOCK_PENDING;
            return SQLITE_BUSY;
        }
        file->exclusive = handle;
    }
    handle->lock = lock;
    return SQLITE_OK;
}

int power_lock(sqlite3_file *base, int lock)
{
    struct power_handle *handle = handle_of(base);
    int rc = SQLITE_OK;
    pthread_mutex_lock(&handle->vfs->mutex);
    /* Without a lock what is dead removes no files, which it would by their name. */
    if (handle->file->is_orphaned)
        rc = SQLITE_IOERR_LOCK;
    else if (handle->lock < lock)
        rc = take_lock(handle, lock);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

static void drop_lock(struct power_handle *handle, int lock)
{
    struct power_file *file = handle->file;
    if (handle->lock <= lock)
        return;
    if (file->reserved == handle)
        file->reserved = NULL;
    if (file->pending == handle)
        file->pending = NULL;
    if (file->exclusive == handle)
        file->exclusive = NULL;
    if (lock == SQLITE_LOCK_NONE)
        file->shared--;
    handle->lock = lock;
}

int power_unlock(sqlite3_file *base, int lock)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    drop_lock(handle, lock);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return SQLITE_OK;
}

int power_check_lock(sqlite3_file *base, int *ret_is_reserved)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    *ret_is_reserved = handle->file->reserved != NULL;
    pthread_mutex_unlock(&handle->vfs->mutex);
    return SQLITE_OK;
}

/* ---------------------------------------------------------------- shared memory of the log */

int power_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **ret_page)
{
    struct power_handle *handle = handle_of(base);
    struct power_file *file = handle->file;
    int rc = SQLITE_OK;
    *ret_page = NULL;
    if (page >= POWER_SHM_PAGES)
        return SQLITE_IOERR_SHMMAP;
    pthread_mutex_lock(&handle->vfs->mutex);
    if (!handle->uses_shm) {
        handle->uses_shm = true;
        file->shm_users++;
    }
    if (!file->shm[page] && extend) {
        file->shm[page] = calloc(1, (size_t)size);
        rc = file->shm[page] ? SQLITE_OK : SQLITE_NOMEM;
    }
    *ret_page = file->shm[page];
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

static bool is_free(const struct power_handle *handle, int slot, int flags)
{
    const struct power_file *file = handle->file;
    if (file->shm_exclusive[slot] && file->shm_exclusive[slot] != handle)
        return false;
    unsigned others = file->shm_shared[slot] - handle->shm_shared[slot];
    return (flags & SQLITE_SHM_SHARED) || others == 0;
}

static void set_slot(struct power_handle *handle, int slot, int flags)
{
    struct power_file *file = handle->file;
    bool locks = flags & SQLITE_SHM_LOCK;
    if (flags & SQLITE_SHM_EXCLUSIVE)
        file->shm_exclusive[slot] = locks ? handle : NULL;
    else if (handle->shm_shared[slot] != locks) {
        file->shm_shared[slot] += locks ? 1U : -1U;
        handle->shm_shared[slot] = locks;
    }
}

int power_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    struct power_handle *handle = handle_of(base);
    bool locks = flags & SQLITE_SHM_LOCK;
    pthread_mutex_lock(&handle->vfs->mutex);
    int rc = locks && handle->file->is_orphaned ? SQLITE_IOERR_SHMLOCK : SQLITE_OK;
    for (int slot = offset; rc == SQLITE_OK && locks && slot < offset + count; slot++)
        rc = is_free(handle, slot, flags) ? SQLITE_OK : SQLITE_BUSY;
    for (int slot = offset; rc == SQLITE_OK && slot < offset + count; slot++)
        set_slot(handle, slot, flags);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

void power_shm_barrier(sqlite3_file *base)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    pthread_mutex_unlock(&handle->vfs->mutex);
}

static void drop_shm(struct power_handle *handle)
{
    struct power_file *file = handle->file;
    for (int slot = 0; slot < SQLITE_SHM_NLOCK; slot++) {
        set_slot(handle, slot, SQLITE_SHM_SHARED);
        if (file->shm_exclusive[slot] == handle)
            file->shm_exclusive[slot] = NULL;
    }
    if (!handle->uses_shm)
        return;
    handle->uses_shm = false;
    if (--file->shm_users > 0)
        return;
    for (int page = 0; page < POWER_SHM_PAGES; page++) {
        free(file->shm[page]);
        file->shm[page] = NULL;
    }
}

int power_shm_unmap(sqlite3_file *base, int deletes)
{
    struct power_handle *handle = handle_of(base);
    (void)deletes;
    pthread_mutex_lock(&handle->vfs->mutex);
    drop_shm(handle);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return SQLITE_OK;
}

void power_locks_drop(struct power_handle *handle)
{
    drop_lock(handle, SQLITE_LOCK_NONE);
    drop_shm(handle);
}
