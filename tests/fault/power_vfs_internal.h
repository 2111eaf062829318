/* What the files of the power-cut VFS share:
 *
 *   power_disk.c   one file's bytes and what a cut does to them
 *   power_locks.c  locks and the shared memory of the write-ahead log, as SQLite wants them
 *   power_file.c   an open file as SQLite reads, writes and syncs it
 *   power_vfs.c    names, and the disk as a whole: made, cut, killed */
#ifndef SKP_POWER_VFS_INTERNAL_H
#define SKP_POWER_VFS_INTERNAL_H

#include "power_vfs.h"

#include <pthread.h>
#include <sqlite3.h>

#define POWER_SHM_PAGES 256

struct power_handle;

/* A file and who has it open. After a cut its handles keep the old one, which nobody else sees. */
struct power_file {
    struct power_file *next;
    char *name; /* NULL: without a name, gone when closed */
    struct power_disk disk;
    bool is_main;     /* a database: its name was made durable by the store itself */
    bool is_named;    /* the name is on disk */
    bool is_deleted;  /* the name is gone, perhaps not on disk */
    bool is_orphaned; /* from before the last cut or kill */
    int bad_rc;       /* reading bad_at fails so; SQLITE_OK: it does not */
    size_t bad_at;
    unsigned handles;
    unsigned shared; /* handles with a lock of at least SHARED */
    const struct power_handle *reserved, *pending, *exclusive;
    void *shm[POWER_SHM_PAGES];
    unsigned shm_users;
    unsigned shm_shared[SQLITE_SHM_NLOCK];
    const struct power_handle *shm_exclusive[SQLITE_SHM_NLOCK];
};

/* SQLite makes room for it; `base` comes first. */
struct power_handle {
    sqlite3_file base;
    struct power_vfs *vfs;
    struct power_file *file;
    int lock; /* SQLITE_LOCK_* */
    bool deletes;
    bool uses_shm;
    bool shm_shared[SQLITE_SHM_NLOCK];
};

struct power_vfs {
    sqlite3_vfs base;
    sqlite3_vfs *real; /* for paths and clocks */
    pthread_mutex_t mutex;
    struct power_file *files;
    uint64_t random;
    uint64_t calls;
    uint64_t fails_in; /* calls of these kinds; 0: never */
    unsigned failing_kinds;
    enum power_failure failure;
    int last_errno; /* of a write that failed */
    bool has_failed;
    bool is_off;
    bool is_full;
    struct power_counts counts;
};

/* What follows is called with the mutex held, except the methods. */

extern const sqlite3_io_methods power_methods;

/* Counts a call of those that can fail; whether this one goes wrong, and how. */
bool power_fails_now(struct power_vfs *vfs, enum power_call kind, enum power_failure *ret_how);

/* Frees a file that nobody can see or read any more. */
void power_file_let_go(struct power_vfs *vfs, struct power_file *file);

/* Names made and names removed are on disk together. */
void power_names_sync(struct power_vfs *vfs);

/* The methods of a file that are locks and shared memory. */
int power_lock(sqlite3_file *base, int lock);
int power_unlock(sqlite3_file *base, int lock);
int power_check_lock(sqlite3_file *base, int *ret_is_reserved);
int power_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **ret_page);
int power_shm_lock(sqlite3_file *base, int offset, int count, int flags);
void power_shm_barrier(sqlite3_file *base);
int power_shm_unmap(sqlite3_file *base, int deletes);

/* Gives back everything the handle holds. */
void power_locks_drop(struct power_handle *handle);

#endif
