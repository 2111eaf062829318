#include "state_db.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* As long as another run may need for one list: when two wrote at once, it holds the lock while that goes to the disk,
 * which may be a slow share (lists_write.c). Well below what a person would take for a program that hangs. */
#define BUSY_TIMEOUT_MS 60000

/* The schema as it stands in state.sql. */
__asm__(".section .rodata\n"
        "state_schema:\n"
        ".incbin \"" STATE_SQL_FILE "\"\n"
        ".byte 0\n"
        ".previous\n");
extern const char state_schema[] __attribute__((visibility("hidden")));

static void fail(struct state_db *db, enum skp_err err, const char *what)
{
    if (db->err)
        return;
    db->err = err;
    (void)snprintf(db->why, sizeof db->why, "%s: %s", what,
                   db->db ? sqlite3_errmsg(db->db) : "out of memory");
}

static void execute(struct state_db *db, const char *sql)
{
    if (!db->err && sqlite3_exec(db->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(db, SKP_E_IO, "state database");
}

/* ---------------------------------------------------------------- opening */

/* SQLite would make the file with the umask's rights; ours is for its owner only. Its -wal and -shm
 * get the rights of the file itself. */
static void make_private(struct state_db *db, const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0) {
        db->err = SKP_E_IO;
        (void)snprintf(db->why, sizeof db->why,
                       "%s: cannot be made or written; check the option state and its rights",
                       path);
    }
    if (fd >= 0)
        close(fd);
}

static int64_t user_version(struct state_db *db)
{
    return state_number(db, -1, "PRAGMA user_version", "");
}

/* SQLite keeps this number for the program that owns the file. */
#define PLAY_MARK 0x736b7070 /* "skpp" */

static void read_mark(struct state_db *db)
{
    db->play = state_number(db, 0, "PRAGMA application_id", "") == PLAY_MARK;
}

void state_mark_play(struct state_db *db)
{
    char mark[64];
    (void)snprintf(mark, sizeof mark, "PRAGMA application_id = %d", PLAY_MARK);
    if (!db->play && db->db)
        execute(db, mark);
    db->play = true;
}

void state_mark_file(const struct state_db *db, struct csv_writer *writer)
{
    if (db->play)
        csv_writer_mark_play(writer);
}

static void make_schema(struct state_db *db)
{
    char mark[64];
    (void)snprintf(mark, sizeof mark, "PRAGMA user_version = %d", STATE_VERSION);
    state_begin(db);
    if (user_version(db) == 0) { /* nobody else did meanwhile */
        execute(db, state_schema);
        execute(db, mark);
    }
    enum skp_err err = state_commit(db);
    if (err)
        db->err = err;
}

enum skp_err state_open(const char *path, struct state_db *ret_db)
{
    struct state_db *db = ret_db;
    *db = (struct state_db){0};
    make_private(db, path);
    if (!db->err && sqlite3_open_v2(path, &db->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        fail(db, SKP_E_IO, path);
    if (db->err)
        return db->err;
    (void)sqlite3_busy_timeout(db->db, BUSY_TIMEOUT_MS);
    execute(db, "PRAGMA journal_mode = WAL");
    execute(db, "PRAGMA synchronous = FULL");
    execute(db, "PRAGMA secure_delete = ON");
    if (user_version(db) == 0)
        make_schema(db);
    if (!db->err && user_version(db) != STATE_VERSION) {
        db->err = SKP_E_IO;
        (void)snprintf(db->why, sizeof db->why,
                       "%s: made by another version of skp; update skp or choose another folder",
                       path);
    }
    read_mark(db);
    return db->err;
}

void state_close(struct state_db *db)
{
    for (size_t i = 0; i < db->statement_count; i++)
        (void)sqlite3_finalize(db->statements[i].statement);
    if (db->db)
        (void)sqlite3_close(db->db);
    *db = (struct state_db){0};
}

/* ---------------------------------------------------------------- transactions */

void state_begin(struct state_db *db)
{
    execute(db, "BEGIN IMMEDIATE");
}

void state_rollback(struct state_db *db)
{
    for (size_t i = 0; i < db->statement_count; i++)
        (void)sqlite3_reset(db->statements[i].statement);
    if (db->db && !sqlite3_get_autocommit(db->db))
        (void)sqlite3_exec(db->db, "ROLLBACK", NULL, NULL, NULL);
    db->err = SKP_OK;
}

enum skp_err state_commit(struct state_db *db)
{
    execute(db, "COMMIT");
    enum skp_err err = db->err;
    if (err)
        state_rollback(db);
    return err;
}

enum skp_err state_error(struct state_db *db)
{
    enum skp_err err = db->err;
    db->err = SKP_OK;
    return err;
}

/* ---------------------------------------------------------------- statements */

static sqlite3_stmt *prepare(struct state_db *db, const char *sql)
{
    for (size_t i = 0; i < db->statement_count; i++)
        if (db->statements[i].sql == sql)
            return db->statements[i].statement;
    sqlite3_stmt *statement = NULL;
    if (db->statement_count == STATE_STATEMENTS) {
        fail(db, SKP_E_FULL, "too many kinds of statements");
        return NULL;
    }
    if (sqlite3_prepare_v3(db->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK) {
        fail(db, SKP_E_IO, "state database");
        return NULL;
    }
    db->statements[db->statement_count].sql = sql;
    db->statements[db->statement_count].statement = statement;
    db->statement_count++;
    return statement;
}

static int bind_bytes(sqlite3_stmt *statement, int at, const void *bytes, size_t len)
{
    return sqlite3_bind_blob64(statement, at, bytes ? bytes : "", len, SQLITE_TRANSIENT);
}

static int bind(sqlite3_stmt *statement, int at, char type, va_list *values)
{
    struct span bytes;
    switch (type) {
    case 'i':
        return sqlite3_bind_int64(statement, at, va_arg(*values, int64_t));
    case 't':
        return sqlite3_bind_text(statement, at, va_arg(*values, const char *), -1,
                                 SQLITE_TRANSIENT);
    case 'd':
        return bind_bytes(statement, at, va_arg(*values, const struct skp_id *)->bytes, ID_BYTES);
    case 'h':
        return bind_bytes(statement, at, va_arg(*values, const struct skp_hash *)->bytes,
                          HASH_BYTES);
    default:
        bytes = va_arg(*values, struct span);
        return bind_bytes(statement, at, bytes.data, bytes.len);
    }
}

static sqlite3_stmt *ask(struct state_db *db, const char *sql, const char *types, va_list *values)
{
    sqlite3_stmt *statement = db->err ? NULL : prepare(db, sql);
    if (!statement)
        return NULL;
    (void)sqlite3_reset(statement);
    for (int at = 1; types[at - 1] != '\0'; at++) {
        if (bind(statement, at, types[at - 1], values) != SQLITE_OK) {
            fail(db, SKP_E_IO, "state database");
            return NULL;
        }
    }
    return statement;
}

sqlite3_stmt *state_ask(struct state_db *db, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = ask(db, sql, types, &values);
    va_end(values);
    return statement;
}

bool state_next(struct state_db *db, sqlite3_stmt *statement)
{
    if (db->err || !statement)
        return false;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        fail(db, SKP_E_IO, "state database");
    (void)sqlite3_reset(statement);
    return false;
}

void state_run(struct state_db *db, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = ask(db, sql, types, &values);
    va_end(values);
    while (state_next(db, statement)) {
    }
}

int64_t state_number(struct state_db *db, int64_t otherwise, const char *sql, const char *types,
                     ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = ask(db, sql, types, &values);
    va_end(values);
    int64_t number = otherwise;
    if (state_next(db, statement)) {
        if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
            number = sqlite3_column_int64(statement, 0);
        (void)sqlite3_reset(statement);
    }
    return number;
}

/* ---------------------------------------------------------------- columns */

struct span state_blob(struct state_db *db, sqlite3_stmt *statement, int column,
                       struct arena *arena)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    size_t len = (size_t)sqlite3_column_bytes(statement, column);
    void *copy = arena_copy(arena, len > 0 ? bytes : "", len > 0 ? len : 1);
    if (!copy)
        fail(db, SKP_E_NO_MEMORY, "state database");
    return copy ? span_of(copy, len) : span_of("", 0);
}

const char *state_text(struct state_db *db, sqlite3_stmt *statement, int column,
                       struct arena *arena)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    if (!text)
        return "";
    const char *copy = arena_copy(arena, text, (size_t)sqlite3_column_bytes(statement, column) + 1);
    if (!copy)
        fail(db, SKP_E_NO_MEMORY, "state database");
    return copy ? copy : "";
}

static struct span borrowed(sqlite3_stmt *statement, int column)
{
    const void *bytes = sqlite3_column_blob(statement, column);
    return span_of(bytes, (size_t)sqlite3_column_bytes(statement, column));
}

struct skp_id state_id(sqlite3_stmt *statement, int column)
{
    struct skp_id id = {{0}};
    (void)id_take(borrowed(statement, column), &id);
    return id;
}

struct skp_hash state_hash(sqlite3_stmt *statement, int column)
{
    struct skp_hash hash = {{0}};
    (void)hash_take(borrowed(statement, column), &hash);
    return hash;
}

struct skp_oin state_oin(sqlite3_stmt *statement, int column)
{
    struct skp_oin oin = {""};
    (void)oin_take(borrowed(statement, column), &oin);
    return oin;
}
