#include "power_vfs_internal.h"

#include <errno.h>
#include <string.h>

static struct power_handle *handle_of(sqlite3_file *base)
{
    return (struct power_handle *)base;
}

/* ---------------------------------------------------------------- failing */

bool power_fails_now(struct power_vfs *vfs, enum power_call kind, enum power_failure *ret_how)
{
    vfs->calls++;
    *ret_how = POWER_CUT;
    if (vfs->is_off)
        return true;
    if (vfs->fails_in == 0 || !(vfs->failing_kinds & kind) || --vfs->fails_in > 0)
        return false;
    vfs->has_failed = true;
    vfs->is_off = vfs->failure == POWER_CUT;
    *ret_how = vfs->failure;
    return true;
}

static bool is_dead(const struct power_handle *handle)
{
    return handle->file->is_orphaned;
}

/* A write in which the power goes, or that finds no room half-way, leaves a part behind. */
static int write_failing(struct power_handle *handle, const uint8_t *data, size_t len,
                         size_t offset, enum power_failure how)
{
    struct power_vfs *vfs = handle->vfs;
    vfs->last_errno = how == POWER_EDQUOT ? EDQUOT : EIO;
    if (how == POWER_EIO || how == POWER_EDQUOT)
        return SQLITE_IOERR_WRITE;
    if (how == POWER_ENOSPC)
        return SQLITE_FULL;
    if (how == POWER_SHORT || power_chance(&vfs->random, 50))
        power_disk_write(&handle->file->disk, offset, data, len / 2);
    return how == POWER_SHORT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

/* ---------------------------------------------------------------- reading and writing */

static bool meets_bad_place(const struct power_file *file, size_t len, size_t offset)
{
    return file->bad_rc != SQLITE_OK && offset <= file->bad_at && file->bad_at - offset < len;
}

static int read_locked(const struct power_handle *handle, void *data, size_t len, size_t offset)
{
    const struct power_bytes *now = &handle->file->disk.now;
    if (is_dead(handle) || handle->vfs->is_off)
        return SQLITE_IOERR_READ;
    if (meets_bad_place(handle->file, len, offset))
        return handle->file->bad_rc;
    size_t there = offset >= now->len ? 0 : now->len - offset < len ? now->len - offset : len;
    if (there > 0)
        memcpy(data, now->data + offset, there);
    memset((uint8_t *)data + there, 0, len - there);
    return there == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int vfs_read(sqlite3_file *base, void *data, int len, sqlite3_int64 offset)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    int rc = read_locked(handle, data, (size_t)len, (size_t)offset);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

static int write_locked(struct power_handle *handle, const void *data, size_t len, size_t offset)
{
    struct power_vfs *vfs = handle->vfs;
    struct power_file *file = handle->file;
    enum power_failure how;
    if (is_dead(handle) || vfs->is_off)
        return SQLITE_IOERR_WRITE;
    vfs->counts.writes++;
    if (power_fails_now(vfs, POWER_WRITES, &how))
        return write_failing(handle, data, len, offset, how);
    if (vfs->is_full && offset + len > file->disk.now.len)
        return SQLITE_FULL;
    vfs->counts.main_writes += file->is_main;
    if (meets_bad_place(file, len, offset))
        file->bad_rc = SQLITE_OK;
    power_disk_write(&file->disk, offset, data, len);
    return SQLITE_OK;
}

static int vfs_write(sqlite3_file *base, const void *data, int len, sqlite3_int64 offset)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    int rc = write_locked(handle, data, (size_t)len, (size_t)offset);
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct power_handle *handle = handle_of(base);
    enum power_failure how;
    int rc = SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&handle->vfs->mutex);
    if (!is_dead(handle) && !power_fails_now(handle->vfs, POWER_OTHERS, &how)) {
        power_disk_resize(&handle->file->disk, (size_t)size);
        rc = SQLITE_OK;
    }
    pthread_mutex_unlock(&handle->vfs->mutex);
    return rc;
}

static int vfs_sync(sqlite3_file *base, int flags)
{
    struct power_handle *handle = handle_of(base);
    struct power_vfs *vfs = handle->vfs;
    enum power_failure how;
    int rc = SQLITE_IOERR_FSYNC;
    (void)flags;
    pthread_mutex_lock(&vfs->mutex);
    if (!is_dead(handle)) {
        vfs->counts.syncs++;
        if (!power_fails_now(vfs, POWER_SYNCS, &how)) {
            power_disk_sync(&handle->file->disk);
            if (!handle->file->is_named)
                power_names_sync(vfs);
            handle->file->is_named = !handle->file->is_deleted;
            rc = SQLITE_OK;
        }
    }
    pthread_mutex_unlock(&vfs->mutex);
    return rc;
}

static int vfs_file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
    struct power_handle *handle = handle_of(base);
    pthread_mutex_lock(&handle->vfs->mutex);
    bool is_well = !is_dead(handle) && !handle->vfs->is_off;
    if (is_well)
        *ret_size = (sqlite3_int64)handle->file->disk.now.len;
    pthread_mutex_unlock(&handle->vfs->mutex);
    return is_well ? SQLITE_OK : SQLITE_IOERR_FSTAT;
}

static int vfs_control(sqlite3_file *base, int operation, void *argument)
{
    struct power_vfs *vfs = handle_of(base)->vfs;
    if (operation != SQLITE_FCNTL_LAST_ERRNO)
        return SQLITE_NOTFOUND;
    pthread_mutex_lock(&vfs->mutex);
    *(int *)argument = vfs->last_errno;
    pthread_mutex_unlock(&vfs->mutex);
    return SQLITE_OK;
}

/* As SQLite's own VFS for Unix says of a local disk. */
static int vfs_sector_size(sqlite3_file *base)
{
    (void)base;
    return 4096;
}

static int vfs_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int vfs_close(sqlite3_file *base)
{
    struct power_handle *handle = handle_of(base);
    struct power_vfs *vfs = handle->vfs;
    pthread_mutex_lock(&vfs->mutex);
    power_locks_drop(handle);
    handle->file->handles--;
    if (handle->deletes)
        handle->file->is_deleted = true;
    power_file_let_go(vfs, handle->file);
    pthread_mutex_unlock(&vfs->mutex);
    return SQLITE_OK;
}

const sqlite3_io_methods power_methods = {
    .iVersion = 2,
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_file_size,
    .xLock = power_lock,
    .xUnlock = power_unlock,
    .xCheckReservedLock = power_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_characteristics,
    .xShmMap = power_shm_map,
    .xShmLock = power_shm_lock,
    .xShmBarrier = power_shm_barrier,
    .xShmUnmap = power_shm_unmap,
};
