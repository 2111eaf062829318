/* The store: ordered tables of rows, bytes in and bytes out, many at a time.
 *
 * One promise, kept by every backend: when store_commit() returns SKP_OK, everything put or removed
 * since store_begin() is on disk, all of it or none; no weaker mode exists. What rows mean is said
 * in rows.h; a backend knows only keys, values and versions, so that a new one (PostgreSQL: arrays
 * in, arrays out) is a page of code and the contract suite.
 *
 * Rows carry a version. A put or remove names the version it saw (STORE_NEW: there was none;
 * STORE_ANY: does not matter); where the store holds another one the whole transaction ends in
 * CONFLICT at the latest on commit, and the caller loads and decides again. Every row carries a
 * checksum over table, key and value: a damaged one is reported as DATA_LOSS, never returned as if
 * it were right; nor is one missing that was committed, unless the end of the log is
 * (store_watermark_read()).
 *
 * Threads: one handle belongs to one thread at a time. Of a process's handles only the writer handle
 * writes; any number of reader handles, each on a thread of its own, read a committed snapshot.
 * Whether more processes may have a writer on the same store is the backend's: SQLite's refuses a
 * second one; where there are many, the versions decide between them and the later one meets
 * CONFLICT. Nothing here logs or knows a clock. */
#ifndef SKP_STORE_H
#define SKP_STORE_H

#include "arena.h"
#include "bytes.h"
#include "errors.h"

/* table number, name; keys are described in rows.h. Numbers are on disk: never reuse one.
 * schema/sqlite.sql lists the tables too. */
#define STORE_TABLES(X)                                                                            \
    X(META, 1, meta)                                                                               \
    X(PARTICIPANT, 2, participant)                                                                 \
    X(RECORD, 3, record)                                                                           \
    X(AGREEMENT, 4, agreement)                                                                     \
    X(BATCH, 5, batch)                                                                             \
    X(BUNDLE, 6, bundle)                                                                           \
    X(PAGE, 7, page)                                                                               \
    X(CASE, 8, case_page)                                                                          \
    X(MAILBOX, 9, mailbox)                                                                         \
    X(ENTRY, 10, entry)                                                                            \
    X(WAITING, 11, waiting)                                                                        \
    X(DEADLINE, 12, deadline)                                                                      \
    X(ROUND, 13, round)                                                                            \
    X(JOURNAL, 14, journal)                                                                        \
    X(COMMIT, 15, commit_link)                                                                     \
    X(OPEN, 16, open_page)                                                                         \
    X(PROGRESS, 17, case_progress)                                                                 \
    X(STATEMENT, 18, statement)

enum store_table {
#define X(name, number, text) STORE_##name = (number),
    STORE_TABLES(X)
#undef X
        STORE_TABLE_END = 19
};

const char *store_table_name(enum store_table table);

#define STORE_KEY_MAX      96
#define STORE_NUMBER_BYTES 8 /* each key of COMMIT, PROGRESS and STATEMENT: a number, big endian */
#define STORE_VALUE_MAX    (1024 * 1024)

#define STORE_NEW UINT64_C(0) /* expected version: there is no such row */
#define STORE_ANY UINT64_MAX  /* expected version: does not matter */

struct store_row {
    struct span key;
    struct span value;
    uint64_t version; /* in: expected, for put and remove; out: found, 0 = no such row, for get and
                         scan */
};

struct store;

/* Told of each damage that store_verify() finds: the table and the row's key; without a key the
 * damage is in the file and not in one row, and `table` is the one it was met in, 0: none. Borrows
 * until it returns. */
typedef void (*store_damage_fn)(void *context, unsigned table, struct span key, const char *what);

/* What a backend provides; each function as the store_* function below of the same name. store.c
 * checks the bounds, keeps the state and calls rollback after an error of put, remove or commit, so
 * a backend need not. */
struct store_ops {
    const char *name;
    void (*close)(struct store *store);
    enum skp_err (*reader)(struct store *store, struct store **ret_reader);
    enum skp_err (*begin)(struct store *store);
    enum skp_err (*get)(struct store *store, enum store_table table, struct store_row *rows,
                        size_t count, struct arena *arena);
    enum skp_err (*scan)(struct store *store, enum store_table table, struct span from,
                         struct span to, size_t max_rows, size_t max_bytes, struct arena *arena,
                         struct store_row **ret_rows, size_t *ret_count);
    enum skp_err (*put)(struct store *store, enum store_table table, const struct store_row *rows,
                        size_t count);
    enum skp_err (*remove)(struct store *store, enum store_table table,
                           const struct store_row *rows, size_t count);
    enum skp_err (*commit)(struct store *store);
    void (*rollback)(struct store *store);
    enum skp_err (*maintain)(struct store *store);
    enum skp_err (*work_beside)(struct store *store); /* NULL: there is nothing to do beside */
    /* What store_verify() cannot see by reading rows; tells store_damage() of store_backend.h. */
    enum skp_err (*check)(struct store *store);
    /* From now on, or no more: damaged pages are read for the rows on them. NULL: there are none. */
    void (*forgive)(struct store *store, bool forgives);
    bool (*is_tight)(const struct store *store); /* NULL: never */
    /* NULL: there is nowhere to keep one. */
    enum skp_err (*watermark_write)(struct store *store, struct span mark, bool sync);
    enum skp_err (*watermark_read)(struct store *store, uint8_t *ret_mark, size_t *ret_len);
};

enum store_state {
    STORE_IDLE,
    STORE_IN_TRANSACTION,
    STORE_DEAD, /* a sync failed: every further call says OUTCOME_UNKNOWN */
};

/* A row that differs from its checksum; table 0: none was named. */
struct store_damaged {
    unsigned table;
    uint8_t key[STORE_KEY_MAX];
    size_t key_len;
};

/* Backends embed this first; `why` is for all to read, the rest belongs to store.c and the backend.
 */
struct store {
    const struct store_ops *ops;
    char why[256]; /* words for the operator about the last error; no keys, no values */
    enum store_state state;
    bool writer;
    struct store_verifier *verifier; /* set while store_verify() walks */
    struct store_damaged damaged;    /* the row that the last DATA_LOSS of a get or scan is about */
    bool takes_damaged;              /* inside store_take_damaged() */
};

/* The reference: everything in memory, gone when the writer handle closes. For tests and
 * simulations: running out of memory ends the process. */
enum skp_err store_memory_open(struct store **ret_store) SKP_MUST_CHECK;

/* SQLite at `path` (a file; beside it -wal, -shm, -lock and -watermark). Creates it when `create`
 * is set and there is none or an empty one; checkpoints and syncs what is there before it returns.
 * A symbolic link leads to the same store and the same lock; a file with hard links is refused.
 *
 * WAL, synchronous=FULL, own checkpoints in store_maintain(). SQLite 3.7.0 to 3.51.2 can lose
 * committed data when two connections commit or checkpoint at the same moment
 * (https://sqlite.org/wal.html#walresetbug). Therefore exactly one handle in the whole system writes
 * and checkpoints, and a second connection of it copies the log only in times in which that cannot
 * happen (store_sqlite_copy.c): a lock on the -lock file refuses a second broker, readers are opened
 * read-only and never checkpoint, and nobody opens the file for writing by hand while the broker
 * runs.
 *
 * Errors, with words in ret_why[256]: IO (cannot be opened, in use, SQLite before 3.37), DATA_LOSS
 * (not ours, damaged), CONFIG (schema of another version), NO_MEMORY. */
enum skp_err store_sqlite_open(const char *path, bool create, struct store **ret_store,
                               char *ret_why) SKP_MUST_CHECK;

/* A read-only handle on the same data; close it before the writer. */
enum skp_err store_reader(struct store *store, struct store **ret_reader) SKP_MUST_CHECK;
void store_close(struct store *store);

/* On a writer: starts the transaction. On a reader: starts a snapshot that store_rollback() ends.
 * Rows are read and written only between store_begin() and store_commit() or store_rollback(). */
enum skp_err store_begin(struct store *store) SKP_MUST_CHECK;

/* Fills value and version of each row by its key; what is not there gets version 0 and an empty
 * value. Sees the transaction's own puts. Values live in the arena. A key has 1 to STORE_KEY_MAX
 * bytes. Errors: DATA_LOSS (a damaged row, named in store->damaged as far as it can be told),
 * NO_MEMORY (the arena is full, or there is none), UNAVAILABLE (cannot be read now); the rows are
 * then undefined. After DATA_LOSS and a full arena the transaction goes on; after the others it may
 * have ended with all its changes, and then the next put, remove or commit says UNAVAILABLE. */
enum skp_err store_get(struct store *store, enum store_table table, struct store_row *rows,
                       size_t count, struct arena *arena) SKP_MUST_CHECK;

/* Rows with from <= key < to (an empty `to` = no end) in order of key (bytewise, a prefix first),
 * at most max_rows rows and, after the first row, at most max_bytes bytes of values. Rows, keys and
 * values live in the arena. To go on, scan again from store_key_after() of the last key; no rows =
 * the end. The row that ends it at `to` is held against its sum too. Errors as store_get(). */
enum skp_err store_scan(struct store *store, enum store_table table, struct span from,
                        struct span to, size_t max_rows, size_t max_bytes, struct arena *arena,
                        struct store_row **ret_rows, size_t *ret_count) SKP_MUST_CHECK;

/* The smallest key after `key`, made in buffer[STORE_KEY_MAX + 1]. */
struct span store_key_after(struct span key, uint8_t *buffer);

/* Writes rows; `version` of each is the expected one. A new row has version 1, each further put
 * adds one. Any error (CONFLICT, UNAVAILABLE, NO_MEMORY, DATA_LOSS, OUTCOME_UNKNOWN) has rolled the
 * transaction back. Borrows until the call returns. No key may stand twice in one call. */
enum skp_err store_put(struct store *store, enum store_table table, const struct store_row *rows,
                       size_t count) SKP_MUST_CHECK;

/* Removes rows by key; same rules. Removing what is not there with STORE_ANY is fine. */
enum skp_err store_remove(struct store *store, enum store_table table, const struct store_row *rows,
                          size_t count) SKP_MUST_CHECK;

/* Takes a damaged row out of its table: fills value and version as they are found, unchecked, and
 * removes the row, so that scans get past its place, wherever its key, which may be what is
 * damaged, would stand; a whole row with that key stays. Version 0: there is no damaged row that
 * says this key. Reads the whole table when none stands in its place. Errors as store_put(). For
 * who keeps the bytes somewhere else in the same transaction. */
enum skp_err store_take_damaged(struct store *store, enum store_table table, struct store_row *row,
                                struct arena *arena) SKP_MUST_CHECK;

/* SKP_OK = on disk. CONFLICT, UNAVAILABLE (no room: rolled back, may be tried later),
 * OUTCOME_UNKNOWN (the sync failed: no further write is possible on this handle; leave the process
 * and start again). */
enum skp_err store_commit(struct store *store) SKP_MUST_CHECK;

/* Forgets the transaction or ends the snapshot; harmless when there is none. */
void store_rollback(struct store *store);

/* Housekeeping between transactions of the writer: checkpoints when the log has grown. Same errors
 * as commit. */
enum skp_err store_maintain(struct store *store) SKP_MUST_CHECK;

/* From now on, until it is closed, this handle does what takes long of its housekeeping in a thread of its
 * own, while transactions go on; before that, and without it, store_maintain() does all of it. Once, on a
 * writer. BUSY: the system gives no more threads. */
enum skp_err store_work_beside(struct store *store) SKP_MUST_CHECK;

/* The disk is full, or was at the last commit: what is left is a reserve for transactions that make
 * room. Store nothing else until store_maintain() found room again. Writer only. */
bool store_is_tight(const struct store *store);

/* The watermark: up to STORE_WATERMARK_MAX bytes beside the rows that say what was committed last,
 * so that a store whose end is missing can be told from one that never had it. Written after the
 * commit it is about, so it is never ahead of what was on disk; without `sync` it is on disk at the
 * latest after the next checkpoint, and after a power cut it may be behind. Any thread, on the
 * writer handle. IO: it was not written, nothing else is wrong. */
#define STORE_WATERMARK_MAX 64
enum skp_err store_watermark_write(struct store *store, struct span mark, bool sync) SKP_MUST_CHECK;

/* *ret_len 0: there is none. DATA_LOSS: it is damaged; IO. */
enum skp_err store_watermark_read(struct store *store, uint8_t ret_mark[STORE_WATERMARK_MAX],
                                  size_t *ret_len) SKP_MUST_CHECK;

/* Reads everything and checks every checksum, in a snapshot of its own between transactions.
 * DATA_LOSS: damage was found and told, all of it as far as it can be read; other errors: could not
 * go on. Minutes on a large store, and a reader's snapshot keeps the log from shrinking meanwhile.
 */
enum skp_err store_verify(struct store *store, store_damage_fn on_damage,
                          void *context) SKP_MUST_CHECK;

#endif
