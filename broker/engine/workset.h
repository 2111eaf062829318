/* The rows one transaction works on: loaded in bulk, decided on in memory, saved in bulk.
 *
 * First everything that will be needed is wanted, then loaded with one question per table, then
 * changed as often as needed, then saved with one statement per table. A row is decoded once and
 * kept in its decoded form (`object`) until it is saved. What was not wanted beforehand is loaded
 * one by one when asked for: right, but slower. Belongs to one transaction; memory from its arena.
 */
#ifndef SKP_WORKSET_H
#define SKP_WORKSET_H

#include "map.h"
#include "rows.h"

struct ws_row {
    enum store_table table;
    struct row_key key;
    struct span value; /* as stored; data NULL with version 0: there is no such row */
    uint64_t version;
    void *object;   /* decoded, by whoever decodes; NULL until then */
    bool wanted;    /* whole */
    bool versioned; /* `version` is loaded, the value not yet */
    bool loaded;
    bool dirty;          /* save `value` */
    bool gone;           /* remove it */
    struct ws_row *next; /* of the same table, in the order they were first asked for */
};

struct ws_table {
    struct ws_row *first, *last;
};

struct workset {
    struct store *store;
    struct arena *arena;
    struct map rows; /* table, key -> struct ws_row */
    struct ws_table tables[STORE_TABLE_END];
    struct ws_row *recent; /* asked for last: neighbouring lines mostly ask for the same */
};

/* Both are borrowed until ws_fini(). NO_MEMORY. */
enum skp_err ws_init(struct workset *ws, struct store *store, struct arena *arena) SKP_MUST_CHECK;
void ws_fini(struct workset *ws);

/* Notes that this row will be needed. NO_MEMORY. */
enum skp_err ws_want(struct workset *ws, enum store_table table, struct row_key key) SKP_MUST_CHECK;

/* Notes that it must be known whether there is this row, and no more. NO_MEMORY. */
enum skp_err ws_want_version(struct workset *ws, enum store_table table,
                             struct row_key key) SKP_MUST_CHECK;

/* Loads what was wanted and is not there yet. NO_MEMORY, or what store_get() says. */
enum skp_err ws_load(struct workset *ws) SKP_MUST_CHECK;

/* The row, loaded. Never NULL on SKP_OK; version 0: there is none (yet). Errors of ws_load(). */
enum skp_err ws_get(struct workset *ws, enum store_table table, struct row_key key,
                    struct ws_row **ret_row) SKP_MUST_CHECK;

/* Is there this row, in the store or in this transaction? Keeps nothing of its value. */
enum skp_err ws_exists(struct workset *ws, enum store_table table, struct row_key key,
                       bool *ret_exists) SKP_MUST_CHECK;

/* The decoded form changed: it is packed again before saving. */
void ws_changed(struct ws_row *row);

/* Replaces the value; the bytes live until the transaction ends. */
void ws_put(struct ws_row *row, struct span value);
void ws_remove(struct ws_row *row);

/* A row that is known to be new, or that nobody reads in this transaction: straight to the save
 * list. NO_MEMORY. */
enum skp_err ws_append(struct workset *ws, enum store_table table, struct row_key key,
                       struct span value) SKP_MUST_CHECK;

/* Removes a row, if there is one, without loading it. NO_MEMORY. */
enum skp_err ws_forget(struct workset *ws, enum store_table table,
                       struct row_key key) SKP_MUST_CHECK;

/* How many rows the store itself has in [from, to), as store_scan(). */
enum skp_err ws_count(struct store *store, enum store_table table, struct span from, struct span to,
                      size_t *ret_count) SKP_MUST_CHECK;

/* Writes all changes to the store (not yet committed). *ret_count rows. NO_MEMORY, or what store_put() says, which has
 * then rolled the transaction back. */
enum skp_err ws_save(struct workset *ws, size_t *ret_count) SKP_MUST_CHECK;

#endif
