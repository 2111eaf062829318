/* A SQLite VFS over the system's own whose disk can be full, whose sync can fail once, and which
 * counts: what an ordinary machine will not show on demand. fault_vfs_install() makes it the
 * default of the process. */
#ifndef SKP_FAULT_VFS_H
#define SKP_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>

struct fault_knobs {
    bool is_full;         /* writes that make a file longer find no room */
    int syncs_to_failure; /* counts down; the sync at 1 fails; 0 = none */
    int writes_to_failure;
    int sync_count;
};

static struct fault_knobs fault_knobs;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

static sqlite3_vfs *fault_real_vfs;

static sqlite3_file *fault_real(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static bool fault_is_due(int *countdown)
{
    return *countdown > 0 && --*countdown == 0;
}

static int fault_close(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xClose(fault_real(file));
}

static int fault_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    return fault_real(file)->pMethods->xRead(fault_real(file), data, len, offset);
}

static int fault_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    sqlite3_file *real = fault_real(file);
    sqlite3_int64 size = 0;
    if (fault_is_due(&fault_knobs.writes_to_failure))
        return SQLITE_IOERR_WRITE;
    if (fault_knobs.is_full && real->pMethods->xFileSize(real, &size) == SQLITE_OK &&
        offset + len > size)
        return SQLITE_FULL;
    return real->pMethods->xWrite(real, data, len, offset);
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fault_real(file)->pMethods->xTruncate(fault_real(file), size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
    fault_knobs.sync_count++;
    if (fault_is_due(&fault_knobs.syncs_to_failure))
        return SQLITE_IOERR_FSYNC;
    return fault_real(file)->pMethods->xSync(fault_real(file), flags);
}

static int fault_file_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    return fault_real(file)->pMethods->xFileSize(fault_real(file), ret_size);
}

static int fault_lock(sqlite3_file *file, int lock)
{
    return fault_real(file)->pMethods->xLock(fault_real(file), lock);
}

static int fault_unlock(sqlite3_file *file, int lock)
{
    return fault_real(file)->pMethods->xUnlock(fault_real(file), lock);
}

static int fault_check_lock(sqlite3_file *file, int *ret_locked)
{
    return fault_real(file)->pMethods->xCheckReservedLock(fault_real(file), ret_locked);
}

static int fault_control(sqlite3_file *file, int operation, void *argument)
{
    return fault_real(file)->pMethods->xFileControl(fault_real(file), operation, argument);
}

static int fault_sector_size(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xSectorSize(fault_real(file));
}

static int fault_characteristics(sqlite3_file *file)
{
    return fault_real(file)->pMethods->xDeviceCharacteristics(fault_real(file));
}

static int fault_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    return fault_real(file)->pMethods->xShmMap(fault_real(file), page, size, extend, ret);
}

static int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return fault_real(file)->pMethods->xShmLock(fault_real(file), offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *file)
{
    fault_real(file)->pMethods->xShmBarrier(fault_real(file));
}

static int fault_shm_unmap(sqlite3_file *file, int delete_file)
{
    return fault_real(file)->pMethods->xShmUnmap(fault_real(file), delete_file);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_file_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_check_lock,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                      int *ret_flags)
{
    struct fault_file *fault = (struct fault_file *)file;
    (void)vfs;
    fault->real = (sqlite3_file *)(fault + 1);
    int rc = fault_real_vfs->xOpen(fault_real_vfs, name, fault->real, flags, ret_flags);
    fault->base.pMethods = rc == SQLITE_OK ? &fault_methods : NULL;
    return rc;
}

static inline void fault_vfs_install(void)
{
    static sqlite3_vfs fault_vfs;
    fault_real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *fault_real_vfs;
    fault_vfs.pNext = NULL;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile += (int)sizeof(struct fault_file);
    fault_vfs.xOpen = fault_open;
    sqlite3_vfs_register(&fault_vfs, 1);
}

#endif
