/* The state database: everything said and heard, so that a crash repeats nothing and loses nothing.
 *
 * One SQLite file, WAL and synchronous=FULL; state.sql is the schema. Errors stick: after the first one
 * every call does nothing, and state_commit() says so and rolls back. So a transaction reads as a list of
 * statements with one check at its end. Reading outside a transaction ends with state_error().
 * Several processes may use one file; a writer waits for another at most a minute. One thread. */
#ifndef SKP_STATE_DB_H
#define SKP_STATE_DB_H

#include "arena.h"
#include "bytes.h"
#include "csv.h"
#include "errors.h"

#include <sqlite3.h>

#define STATE_VERSION    2
#define STATE_STATEMENTS 96
#define STATE_WHY_BYTES  512

/* How far something is that we say. */
enum stage {
    STAGE_NEW = 0, /* known here, nothing sent */
    STAGE_SENT,    /* signed and in the outbox */
    STAGE_STORED,  /* the broker's receipt says so */
    STAGE_REFUSED,
};

struct state_db {
    sqlite3 *db;      /* NULL: not opened */
    bool play;        /* of a broker for play, ever: every file that comes of it says so */
    enum skp_err err; /* the first one */
    char why[STATE_WHY_BYTES];
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[STATE_STATEMENTS];
    size_t statement_count;
};

/* Opens or makes the file (mode 0600). IO: ret_db->why says what and what to do; still close it. */
enum skp_err state_open(const char *path, struct state_db *ret_db) SKP_MUST_CHECK;

/* Rolls back what is open. Fine on a zeroed struct. */
void state_close(struct state_db *db);

/* The broker is one for play: remembered for ever, when the database is open. Its error sticks. */
void state_mark_play(struct state_db *db);

/* The file is marked when what it tells comes of a play. Before its first row. */
void state_mark_file(const struct state_db *db, struct csv_writer *writer);

/* Takes the write lock at once, so that what is read inside stays true until the commit. */
void state_begin(struct state_db *db);

/* On disk when it returns SKP_OK; else nothing of it happened, and the error is forgotten. */
enum skp_err state_commit(struct state_db *db) SKP_MUST_CHECK;
void state_rollback(struct state_db *db);

/* The sticky error, which is then forgotten. */
enum skp_err state_error(struct state_db *db) SKP_MUST_CHECK;

/* Runs one statement. `sql` is a literal: prepared once, found again by its address. `types` has a letter
 * per parameter: i int64_t, t text, d const struct skp_id *, h const struct skp_hash *, b struct span. */
void state_run(struct state_db *db, const char *sql, const char *types, ...);

/* Starts a query; step it with state_next() until that says false. The same literal must not be asked
 * again before. NULL after an error. */
sqlite3_stmt *state_ask(struct state_db *db, const char *sql, const char *types, ...);
bool state_next(struct state_db *db, sqlite3_stmt *statement);

/* One number of one row; `otherwise` when there is none. */
int64_t state_number(struct state_db *db, int64_t otherwise, const char *sql, const char *types,
                     ...);

/* Columns of the present row. Texts and blobs are copied into the arena; never NULL, out of memory sticks. */
struct span state_blob(struct state_db *db, sqlite3_stmt *statement, int column,
                       struct arena *arena);
const char *state_text(struct state_db *db, sqlite3_stmt *statement, int column,
                       struct arena *arena);
struct skp_id state_id(sqlite3_stmt *statement, int column);     /* nil when it is none */
struct skp_hash state_hash(sqlite3_stmt *statement, int column); /* zeros when it is none */
struct skp_oin state_oin(sqlite3_stmt *statement, int column);   /* empty when it is none */

#endif
