/* What the files of the SQLite backend share:
 *
 *   store_sqlite.c         the handle: open, lock, readers, transactions, checkpoints
 *   store_sqlite_schema.c  whose file it is, its schema and settings
 *   store_sqlite_rows.c    rows in and out
 *   store_sqlite_keys.c    keys as SQLite holds them
 *   store_sqlite_sums.c    a checksum on every page of the file
 *   store_sqlite_log.c     writes to the log, put together
 *   store_sqlite_copy.c    the log copied into the file while commits go on
 *   store_sqlite_beside.c  where the store is, and the files beside it
 *   store_sqlite_watermark.c  what was committed last, in a file of its own
 *   store_sqlite_reserve.c room that is kept for a full disk
 *   store_sqlite_error.c   what an error of SQLite means to the store */
#ifndef SKP_STORE_SQLITE_INTERNAL_H
#define SKP_STORE_SQLITE_INTERNAL_H

#include "store_backend.h"
#include "work.h"

#include <pthread.h>
#include <sqlite3.h>

#define SQLITE_APPLICATION_ID 0x534b5031 /* "SKP1" */
#define SQLITE_SCHEMA_VERSION 6
#define SQLITE_PAGE_BYTES     8192 /* measured with bench_store, see schema/sqlite.sql */

/* Of log that a checkpoint waits for: a page that many commits change is then copied once. What a
 * start after a kill reads again, and what the reserve must hold, grow with it. */
#define SQLITE_LOG_BYTES ((int64_t)64 * 1024 * 1024)

/* Where commits wait for a checkpoint that began at `bytes` and is under way beside them. */
#define SQLITE_LOG_MOST(bytes) ((bytes) / 2 * 3)

enum sqlite_statement {
    STATEMENT_GET,
    STATEMENT_SCAN,
    STATEMENT_INSERT,
    STATEMENT_UPDATE,
    STATEMENT_UPSERT,
    STATEMENT_DELETE,
    STATEMENT_DELETE_ANY,
    STATEMENT_FIND, /* reads the whole table, for a row that does not stand where its key says */
    STATEMENT_DELETE_FOUND,
    STATEMENT_COUNT
};

/* Transactions; kept prepared, so that none needs memory when there is none left. */
enum sqlite_control {
    CONTROL_BEGIN_WRITING,
    CONTROL_BEGIN_READING,
    CONTROL_SNAPSHOT,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_COUNT
};

#define SQLITE_PAGES_EXPLAINED 16

/* A code that SQLite itself does not use: after an I/O error it rolls back by itself, and after
 * SQLITE_CORRUPT it writes nothing more in that transaction. */
#define SQLITE_PAGE_DAMAGED SQLITE_FORMAT

/* The methods of the database file, with ours for reading and writing. */
struct sqlite_sums {
    sqlite3_io_methods methods; /* first: the file points here */
    const sqlite3_io_methods *base;
    bool are_used;     /* the file is ours: its first page says so, or who opened the store */
    bool are_forgiven; /* damaged pages are read all the same: row by row is looked what is whole */
    unsigned found;    /* damaged pages met */
    sqlite3_int64 last;                              /* where the last of them is */
    bool last_is_cut;                                /* by the end of the file */
    sqlite3_int64 explained[SQLITE_PAGES_EXPLAINED]; /* pages, by their place plus 1; 0: none */
};

/* The methods of the log, with ours for writing, and what waits to be written: one run of bytes. */
struct sqlite_log {
    sqlite3_io_methods methods; /* first: the file points here */
    const sqlite3_io_methods *base;
    uint8_t *bytes;
    int len;
    int fd;               /* the same file, to let the disk begin; -1: not open */
    int failed;           /* SQLite's code for what could not be written; SQLITE_OK: nothing */
    sqlite3_int64 offset; /* in the file */
    bool is_large;        /* what is not synced yet is more than one piece */
};

/* A checkpoint that does not keep commits waiting. */
struct sqlite_copy {
    struct work_item item; /* first */
    struct work_queue *queue;
    struct sqlite_store *through; /* a connection of its own; NULL: not opened */
    bool is_beside;               /* in a thread of its own */
    bool is_under_way;            /* begun, and its end not yet heard */
    pthread_mutex_t lock;         /* guards the two below */
    pthread_cond_t ended;
    bool has_ended;
    int rc; /* SQLite's */
};

struct sqlite_store {
    struct store base;
    sqlite3 *db;
    struct sqlite_sums sums;
    struct sqlite_log log;                                      /* of the writer */
    sqlite3_stmt *controls[CONTROL_COUNT];                      /* made when it is opened */
    sqlite3_stmt *statements[STORE_TABLE_END][STATEMENT_COUNT]; /* made at first use */
    char *path;
    int lock_fd;              /* -1 on a reader */
    int reserve_fd;           /* -1 on a reader */
    int watermark_fd;         /* -1 on a reader */
    bool is_out_of_order;     /* what is taken as damaged stands elsewhere than its key says */
    uint64_t taken_sum;       /* that row's, as it is found */
    bool is_tight;            /* the reserve was given, or cannot be taken whole */
    bool reserve_is_longer;   /* than it is for a log that is cut in time */
    int log_pages;            /* in the write-ahead log after the last commit */
    int64_t checkpoint_bytes; /* SQLITE_LOG_BYTES; tests make it smaller */
    struct sqlite_copy copy;  /* on the writer */
};

static inline struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)store;
}

/* What was being done decides what an error means. */
enum sqlite_phase {
    SQLITE_OPENING,
    SQLITE_READING,
    SQLITE_WRITING, /* nothing of it is promised yet */
    SQLITE_SYNCING, /* commit and checkpoint */
};

/* Puts words in why and returns the store's error for the result code `rc` (not OK, ROW or DONE).
 */
enum skp_err sqlite_fail(struct sqlite_store *store, enum sqlite_phase phase, int rc);

/* Writes with the methods that stand under ours. To SQLite a quota that is used up is an error of the
 * disk; here it is no room, as on a full disk: SQLITE_FULL. */
int sqlite_write_under(const sqlite3_io_methods *base, sqlite3_file *file, const void *data,
                       int len, sqlite3_int64 offset);

/* On the writer. The reserve is taken where the disk has room for it, again after it was given, and
 * given when the disk is full. */
enum skp_err sqlite_reserve_open(struct sqlite_store *store) SKP_MUST_CHECK;
void sqlite_reserve_take(struct sqlite_store *store);
void sqlite_reserve_give(struct sqlite_store *store);

/* While a reader holds on to a log that would be cut, the reserve grows with it, or the disk counts as
 * full. Until the log is copied whole. */
void sqlite_reserve_follow(struct sqlite_store *store, int64_t log_bytes);
void sqlite_reserve_follow_no_more(struct sqlite_store *store);

/* On the writer; as store_watermark_*() of store.h. Syncing says nothing of a failure: the mark is
 * then only older than it might be. */
enum skp_err sqlite_watermark_open(struct sqlite_store *store) SKP_MUST_CHECK;

/* On the writer, first of all: from here on store->path is the one that leads through no symbolic link,
 * as SQLite's own name for its log does. IO with words, also for a file that has more names. */
enum skp_err sqlite_find_place(struct sqlite_store *store) SKP_MUST_CHECK;

/* Opens the file with this suffix beside the store, for reading and writing, and makes it when it is
 * not there: an ordinary file with this one name, of the owner of the store also when root looks.
 * IO with words. */
enum skp_err sqlite_open_beside(struct sqlite_store *store, const char *suffix,
                                int *ret_fd) SKP_MUST_CHECK;
enum skp_err sqlite_watermark_write(struct store *store, struct span mark,
                                    bool sync) SKP_MUST_CHECK;
enum skp_err sqlite_watermark_read(struct store *store, uint8_t ret_mark[STORE_WATERMARK_MAX],
                                   size_t *ret_len) SKP_MUST_CHECK;
void sqlite_watermark_sync(struct sqlite_store *store);

/* From now on every page that this connection reads from the file is held against its checksum
 * (SQLITE_PAGE_DAMAGED), and each that it writes gets one. Before the first statement; `sums` lives
 * as long as the connection. A result code of SQLite. */
int sqlite_sums_attach(sqlite3 *db, struct sqlite_sums *sums);

/* Ends a time in which damage was forgiven: nothing of it stays in SQLite's cache. */
void sqlite_sums_forgive_no_more(sqlite3 *db, struct sqlite_sums *sums);

/* A row on the page read last differs from its own checksum: that is what is wrong with the page,
 * and it may be read and written again, as long as the row is not believed. False: it may not, since
 * more is wrong with it, or there are too many such pages. */
bool sqlite_sums_explain(struct sqlite_sums *sums);

/* A new database keeps the room for them. Before its first page is written. */
int sqlite_sums_reserve(sqlite3 *db);

/* On the writer: from now on what SQLite writes to the log goes to the file with the next sync, or
 * when it has grown. Once the log is open. */
enum skp_err sqlite_log_attach(struct sqlite_store *store) SKP_MUST_CHECK;

/* Between transactions: what one that did not come through has left is not written any more. */
void sqlite_log_forget(struct sqlite_store *store);

/* After the connection is closed. */
void sqlite_log_free(struct sqlite_store *store);

/* On the writer, with `through` a connection for nothing else, which is the copy's from here on. Without
 * threads a copy is whole when it was begun. BUSY: the system gives no more threads. */
enum skp_err sqlite_copy_open(struct sqlite_store *store,
                              struct sqlite_store *through) SKP_MUST_CHECK;
enum skp_err sqlite_copy_beside(struct sqlite_store *store) SKP_MUST_CHECK;

/* After a commit, when a part of the log is not copied and no copy is under way. Without a thread: SQLite's
 * code for a copy that failed, and is not under way. */
int sqlite_copy_begin(struct sqlite_store *store);

/* Whether the copy that is under way has ended, or else waits for its end; `ret_rc`: how it ended. */
bool sqlite_copy_ended(struct sqlite_store *store, bool waits, int *ret_rc);

/* Waits for a copy that is under way. */
void sqlite_copy_close(struct sqlite_store *store);

/* Keys of a table of numbers stand in SQLite as its row numbers, less 2^63, so that their order is
 * the same: such a table needs no tree of keys. */

/* Binds a key; borrowed until the statement is reset. A result code of SQLite. */
int sqlite_key_bind(sqlite3_stmt *statement, int at, enum store_table table, struct span key);

/* Where a scan begins: at the first key that is not before `from`, which may be empty. */
int sqlite_key_bind_from(sqlite3_stmt *statement, int at, enum store_table table, struct span from);

/* The key under the cursor; lives until the next step, or in `buffer`. */
struct span sqlite_key_column(sqlite3_stmt *statement, int column, enum store_table table,
                              uint8_t buffer[STORE_NUMBER_BYTES]);

/* Bytes as a parameter, borrowed until the statement is reset, and as a column. */
int sqlite_bind_span(sqlite3_stmt *statement, int at, struct span bytes);
struct span sqlite_column_span(sqlite3_stmt *statement, int column);

/* Settings that SQLite keeps per connection. */
enum skp_err sqlite_harden(struct sqlite_store *store) SKP_MUST_CHECK;

/* On the writer: finds out whether the file is ours, makes the schema if it is empty and `create`
 * is set, and switches to the write-ahead log. */
enum skp_err sqlite_schema_open(struct sqlite_store *store, bool create) SKP_MUST_CHECK;

/* The SQL that makes one table into ret_sql; the same as in schema/sqlite.sql. */
void sqlite_schema_print(enum store_table table, char *ret_sql, size_t size);

/* The cached statement, ready to be bound; the caller resets it after use. */
enum skp_err sqlite_statement(struct sqlite_store *store, enum store_table table,
                              enum sqlite_statement kind, sqlite3_stmt **ret) SKP_MUST_CHECK;
void sqlite_statements_free(struct sqlite_store *store);

/* Makes the statements of sqlite_control(). */
enum skp_err sqlite_controls_make(struct sqlite_store *store) SKP_MUST_CHECK;

/* Runs one; SQLITE_DONE when it went well. */
int sqlite_control(struct sqlite_store *store, enum sqlite_control control);

/* UNAVAILABLE: SQLite has rolled the transaction back by itself. */
enum skp_err sqlite_expect_transaction(struct sqlite_store *store) SKP_MUST_CHECK;

enum skp_err sqlite_get(struct store *store, enum store_table table, struct store_row *rows,
                        size_t count, struct arena *arena);
enum skp_err sqlite_scan(struct store *store, enum store_table table, struct span from,
                         struct span to, size_t max_rows, size_t max_bytes, struct arena *arena,
                         struct store_row **ret_rows, size_t *ret_count);
enum skp_err sqlite_put(struct store *store, enum store_table table, const struct store_row *rows,
                        size_t count);
enum skp_err sqlite_remove(struct store *store, enum store_table table,
                           const struct store_row *rows, size_t count);

#endif
