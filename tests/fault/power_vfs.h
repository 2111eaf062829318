/* A disk for SQLite that loses power: a VFS that keeps every file in memory, knows which bytes were
 * synced, and on a cut keeps, drops, reorders or tears (in sectors of 512 bytes) the others, all
 * from one seed. Single calls can fail on demand, the disk can be full, the process can be killed.
 *
 * While one exists it is the default VFS of the process and also the source of SQLite's random
 * numbers, so that the same seed and the same calls give the same bytes. The store makes its empty
 * file and its lock with calls of its own: give store_sqlite_open() a path in a real folder; what
 * SQLite writes never gets there.
 *
 * How a test, or a simulation, lives with it:
 *
 *     struct power_vfs *disk = power_vfs_new(seed);
 *     ... store_sqlite_open(path, true, ...), commits ...
 *     power_vfs_fail(disk, POWER_ANY, 17, POWER_CUT);                      (or let it be)
 *     ... until power_vfs_is_off() or the moment has come ...
 *     power_vfs_cut(disk);              what was open is dead from here on, every call fails
 *     store_close(dead_store);          before or after the next open, as you like
 *     ... store_sqlite_open(path, false, ...) finds what the disk kept ...
 *     power_vfs_free(disk);             all handles are closed by now
 *
 * Any number of files and connections. Threads: every function and every file call may come from
 * any thread; a cut is atomic between two calls. No thread is needed.
 *
 * What it does not know: the store's own sync of the folder (a database file, once made, keeps its
 * name), memory maps, several processes. */
#ifndef SKP_POWER_VFS_H
#define SKP_POWER_VFS_H

#include "power_disk.h"

struct power_vfs;

/* One at a time in a process, before the first use of SQLite or with no connection open. */
struct power_vfs *power_vfs_new(uint64_t seed);

/* The default VFS is again what it was. Every connection must be closed. */
void power_vfs_free(struct power_vfs *vfs);

/* What can fail. */
enum power_call { POWER_WRITES = 1, POWER_SYNCS = 2, POWER_OTHERS = 4, POWER_ANY = 7 };

/* How many such calls there were: writes, syncs, changes of length and deletes. */
uint64_t power_vfs_calls(const struct power_vfs *vfs);

enum power_failure {
    POWER_EIO,    /* nothing is written or synced; SQLITE_IOERR_* */
    POWER_ENOSPC, /* a write or growth finds no room: SQLITE_FULL; other calls: as EIO */
    POWER_SHORT,  /* half of a write is written, then there is no room; other calls: as EIO */
    POWER_CUT, /* nothing comes through from this call on: power_vfs_is_off() until cut or kill */
    POWER_EDQUOT, /* a write is beyond a quota: SQLITE_IOERR_WRITE, as SQLite has it; other calls: as EIO */
};

/* The n-th call of these kinds from now on fails, once, in this way; 0: none does. One such order at
 * a time; the last one counts. */
void power_vfs_fail(struct power_vfs *vfs, unsigned kinds, uint64_t n, enum power_failure how);

/* Reading this byte of a file fails with `rc`, a result code of SQLite, until it is written again;
 * SQLITE_OK: it does not. */
void power_vfs_fail_reads(struct power_vfs *vfs, const char *name, size_t at, int rc);

/* The order of power_vfs_fail() was carried out. */
bool power_vfs_has_failed(struct power_vfs *vfs);
bool power_vfs_is_off(const struct power_vfs *vfs);

/* While set, writes that make a file longer find no room. */
void power_vfs_set_full(struct power_vfs *vfs, bool is_full);

/* The power is gone and back: files hold what was synced and, as the seed wants, some of the rest. */
void power_vfs_cut(struct power_vfs *vfs);

/* The process is gone and the machine is not: files hold everything that was written, and it is
 * still not synced. */
void power_vfs_kill(struct power_vfs *vfs);

struct power_counts {
    uint64_t writes, syncs, cuts, kills;
    uint64_t main_writes; /* into database files: checkpoints */
    struct power_loss loss;
};

struct power_counts power_vfs_counts(const struct power_vfs *vfs);

/* The bytes of a file as programs see it, borrowed until it changes; NULL: there is no such file. */
const uint8_t *power_vfs_bytes(struct power_vfs *vfs, const char *name, size_t *ret_len);

/* The file holds these bytes from now on, on the disk too; made when there is none, removed when `data` is
 * NULL. Nobody has it open. */
void power_vfs_put(struct power_vfs *vfs, const char *name, const uint8_t *data, size_t len);

/* A number that depends on every byte of every file as programs see it. */
uint64_t power_vfs_fingerprint(const struct power_vfs *vfs);

#endif
