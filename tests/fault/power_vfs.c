#include "power_vfs_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct power_vfs *vfs_of(sqlite3_vfs *base)
{
    return (struct power_vfs *)base;
}

static struct power_handle *handle_of(sqlite3_file *base)
{
    return (struct power_handle *)base;
}

/* ---------------------------------------------------------------- files */

static struct power_file *file_find(struct power_vfs *vfs, const char *name)
{
    for (struct power_file *file = vfs->files; file; file = file->next)
        if (name && file->name && !file->is_deleted && strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

static struct power_file *file_new(struct power_vfs *vfs, const char *name)
{
    struct power_file *file = calloc(1, sizeof *file);
    if (!file)
        abort();
    file->name = name ? strdup(name) : NULL;
    if (name && !file->name)
        abort();
    file->next = vfs->files;
    vfs->files = file;
    return file;
}

static void file_free(struct power_file *file)
{
    power_disk_fini(&file->disk);
    free(file->name);
    free(file);
}

static void file_unlist(struct power_vfs *vfs, const struct power_file *file)
{
    struct power_file **link = &vfs->files;
    while (*link && *link != file)
        link = &(*link)->next;
    if (*link)
        *link = file->next;
}

/* A deleted file stays until its last handle is closed and its deletion is on disk. */
static bool is_needless(const struct power_file *file)
{
    return file->handles == 0 &&
           (file->is_orphaned || !file->name || (file->is_deleted && !file->is_named));
}

void power_file_let_go(struct power_vfs *vfs, struct power_file *file)
{
    if (!is_needless(file))
        return;
    file_unlist(vfs, file);
    file_free(file);
}

/* Names made and names removed are on disk together. */
void power_names_sync(struct power_vfs *vfs)
{
    for (struct power_file *file = vfs->files, *next; file; file = next) {
        next = file->next;
        if (file->is_deleted) {
            file->is_named = false;
            power_file_let_go(vfs, file);
        }
    }
}

/* ---------------------------------------------------------------- names */

static int vfs_open(sqlite3_vfs *base, const char *name, sqlite3_file *opened, int flags,
                    int *ret_flags)
{
    struct power_vfs *vfs = vfs_of(base);
    struct power_handle *handle = handle_of(opened);
    bool is_main = flags & SQLITE_OPEN_MAIN_DB;
    memset(handle, 0, sizeof *handle);
    pthread_mutex_lock(&vfs->mutex);
    struct power_file *file = file_find(vfs, name);
    /* The store makes the empty database file with calls of its own. */
    if (!file && !vfs->is_off && (is_main || (flags & SQLITE_OPEN_CREATE))) {
        file = file_new(vfs, name);
        file->is_main = is_main;
        file->is_named = is_main;
    }
    if (file && !vfs->is_off) {
        file->handles++;
        handle->base.pMethods = &power_methods;
        handle->vfs = vfs;
        handle->file = file;
        handle->deletes = flags & SQLITE_OPEN_DELETEONCLOSE;
    }
    pthread_mutex_unlock(&vfs->mutex);
    if (ret_flags)
        *ret_flags = flags;
    return handle->file ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_delete(sqlite3_vfs *base, const char *name, int syncs)
{
    struct power_vfs *vfs = vfs_of(base);
    enum power_failure how;
    int rc = SQLITE_IOERR_DELETE_NOENT;
    pthread_mutex_lock(&vfs->mutex);
    struct power_file *file = file_find(vfs, name);
    if (file && power_fails_now(vfs, POWER_OTHERS, &how))
        rc = SQLITE_IOERR_DELETE;
    else if (file) {
        file->is_deleted = true;
        if (syncs)
            power_names_sync(vfs);
        else
            power_file_let_go(vfs, file);
        rc = SQLITE_OK;
    }
    pthread_mutex_unlock(&vfs->mutex);
    return rc;
}

static int vfs_access(sqlite3_vfs *base, const char *name, int flags, int *ret_is_there)
{
    struct power_vfs *vfs = vfs_of(base);
    pthread_mutex_lock(&vfs->mutex);
    const struct power_file *file = file_find(vfs, name);
    /* SQLite's own VFS takes an empty journal or log for none. */
    *ret_is_there = file && (flags != SQLITE_ACCESS_EXISTS || file->disk.now.len > 0);
    pthread_mutex_unlock(&vfs->mutex);
    return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *base, int len, char *ret_bytes)
{
    struct power_vfs *vfs = vfs_of(base);
    pthread_mutex_lock(&vfs->mutex);
    for (int i = 0; i < len; i++)
        ret_bytes[i] = (char)power_random(&vfs->random);
    pthread_mutex_unlock(&vfs->mutex);
    return len;
}

/* ---------------------------------------------------------------- the disk as a whole */

struct power_vfs *power_vfs_new(uint64_t seed)
{
    struct power_vfs *vfs = calloc(1, sizeof *vfs);
    if (!vfs || sqlite3_initialize() != SQLITE_OK)
        abort();
    vfs->real = sqlite3_vfs_find(NULL);
    assert(strcmp(vfs->real->zName, "power") != 0);
    vfs->random = seed;
    pthread_mutex_init(&vfs->mutex, NULL);
    vfs->base = *vfs->real;
    vfs->base.pNext = NULL;
    vfs->base.zName = "power";
    vfs->base.szOsFile = sizeof(struct power_handle);
    vfs->base.xOpen = vfs_open;
    vfs->base.xDelete = vfs_delete;
    vfs->base.xAccess = vfs_access;
    vfs->base.xRandomness = vfs_randomness;
    if (sqlite3_vfs_register(&vfs->base, 1) != SQLITE_OK)
        abort();
    sqlite3_randomness(0, NULL); /* the next random number of SQLite is asked from us */
    return vfs;
}

void power_vfs_free(struct power_vfs *vfs)
{
    if (!vfs)
        return;
    sqlite3_vfs_unregister(&vfs->base);
    sqlite3_vfs_register(vfs->real, 1);
    sqlite3_randomness(0, NULL);
    for (struct power_file *file = vfs->files, *next; file; file = next) {
        next = file->next;
        assert(file->handles == 0);
        file_free(file);
    }
    pthread_mutex_destroy(&vfs->mutex);
    free(vfs);
}

const uint8_t *power_vfs_bytes(struct power_vfs *vfs, const char *name, size_t *ret_len)
{
    pthread_mutex_lock(&vfs->mutex);
    const struct power_file *file = file_find(vfs, name);
    const uint8_t *data = file ? file->disk.now.data : NULL;
    *ret_len = file ? file->disk.now.len : 0;
    pthread_mutex_unlock(&vfs->mutex);
    return data;
}

void power_vfs_put(struct power_vfs *vfs, const char *name, const uint8_t *data, size_t len)
{
    pthread_mutex_lock(&vfs->mutex);
    power_names_sync(vfs);
    struct power_file *file = file_find(vfs, name);
    assert(!file || file->handles == 0);
    if (file) {
        file_unlist(vfs, file);
        file_free(file);
    }
    if (data) {
        file = file_new(vfs, name);
        file->is_main = file->is_named = true;
        power_disk_write(&file->disk, 0, data, len);
        power_disk_sync(&file->disk);
    }
    pthread_mutex_unlock(&vfs->mutex);
}

uint64_t power_vfs_calls(const struct power_vfs *vfs)
{
    return vfs->calls;
}

void power_vfs_fail(struct power_vfs *vfs, unsigned kinds, uint64_t n, enum power_failure how)
{
    pthread_mutex_lock(&vfs->mutex);
    vfs->fails_in = n;
    vfs->failing_kinds = kinds;
    vfs->failure = how;
    vfs->has_failed = false;
    pthread_mutex_unlock(&vfs->mutex);
}

void power_vfs_fail_reads(struct power_vfs *vfs, const char *name, size_t at, int rc)
{
    pthread_mutex_lock(&vfs->mutex);
    struct power_file *file = file_find(vfs, name);
    assert(file);
    file->bad_at = at;
    file->bad_rc = rc;
    pthread_mutex_unlock(&vfs->mutex);
}

bool power_vfs_has_failed(struct power_vfs *vfs)
{
    pthread_mutex_lock(&vfs->mutex);
    bool has_failed = vfs->has_failed;
    pthread_mutex_unlock(&vfs->mutex);
    return has_failed;
}

bool power_vfs_is_off(const struct power_vfs *vfs)
{
    return vfs->is_off;
}

void power_vfs_set_full(struct power_vfs *vfs, bool is_full)
{
    pthread_mutex_lock(&vfs->mutex);
    vfs->is_full = is_full;
    pthread_mutex_unlock(&vfs->mutex);
}

struct power_counts power_vfs_counts(const struct power_vfs *vfs)
{
    return vfs->counts;
}

uint64_t power_vfs_fingerprint(const struct power_vfs *vfs)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const struct power_file *file = vfs->files; file; file = file->next)
        for (size_t i = 0; !file->is_orphaned && i < file->disk.now.len; i++)
            sum = (sum ^ file->disk.now.data[i]) * UINT64_C(1099511628211);
    return sum;
}

/* ---------------------------------------------------------------- cuts and kills */

/* The bytes move to a new file; the old one stays with the handles that are dead now. */
static struct power_file *reborn(struct power_file *old)
{
    struct power_file *file = calloc(1, sizeof *file);
    if (!file)
        abort();
    file->name = old->name;
    file->disk = old->disk;
    file->is_main = old->is_main;
    file->is_named = old->is_named;
    file->is_deleted = old->is_deleted;
    file->bad_rc = old->bad_rc;
    file->bad_at = old->bad_at;
    old->name = NULL;
    old->disk = (struct power_disk){.op_count = 0};
    old->is_orphaned = true;
    return file;
}

/* Whether the name is there after a cut: one that was made or removed without a sync may be. */
static bool survives(struct power_vfs *vfs, const struct power_file *file)
{
    if (file->is_main)
        return true;
    if (file->is_deleted)
        return file->is_named && !file_find(vfs, file->name) && power_chance(&vfs->random, 50);
    return file->is_named || power_chance(&vfs->random, 50);
}

static void cut_file(struct power_vfs *vfs, struct power_file *file)
{
    enum power_fate fate = (enum power_fate)(power_random(&vfs->random) % POWER_FATES);
    power_disk_cut(&file->disk, fate, &vfs->random, &vfs->counts.loss);
    if (!survives(vfs, file)) {
        free(file->name);
        file->name = NULL;
    }
    file->is_deleted = false;
    file->is_named = true;
}

static void end_process(struct power_vfs *vfs,
                        void (*change)(struct power_vfs *vfs, struct power_file *file))
{
    struct power_file *fresh = NULL;
    struct power_file **tail = &fresh;
    pthread_mutex_lock(&vfs->mutex);
    for (struct power_file *file = vfs->files; file; file = file->next) {
        if (file->is_orphaned)
            continue;
        *tail = reborn(file);
        tail = &(*tail)->next;
    }
    for (struct power_file *file = vfs->files, *next; file; file = next) {
        next = file->next;
        power_file_let_go(vfs, file);
    }
    *tail = vfs->files;
    vfs->files = fresh;
    for (struct power_file *file = fresh, *next; file; file = next) {
        next = file->next;
        if (file->is_orphaned)
            break;
        if (change && file->name)
            change(vfs, file);
        power_file_let_go(vfs, file);
    }
    vfs->is_off = false;
    vfs->fails_in = 0;
    pthread_mutex_unlock(&vfs->mutex);
}

void power_vfs_cut(struct power_vfs *vfs)
{
    vfs->counts.cuts++;
    end_process(vfs, cut_file);
}

void power_vfs_kill(struct power_vfs *vfs)
{
    vfs->counts.kills++;
    end_process(vfs, NULL);
}
