/* What the backends share with store.c and nobody else: words for an error, order of keys,
 * checksums, the list a scan fills. */
#ifndef SKP_STORE_BACKEND_H
#define SKP_STORE_BACKEND_H

#include "store.h"

/* Puts the words in store->why and returns `err`. */
enum skp_err store_fail(struct store *store, enum skp_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The words for CONFLICT and a full arena, alike in every backend. */
enum skp_err store_fail_conflict(struct store *store, enum store_table table);
enum skp_err store_fail_memory(struct store *store);

/* Numbers that only grow, and that nobody looks for by anything but themselves: each key has
 * STORE_NUMBER_BYTES. */
bool store_has_number_keys(enum store_table table);

/* Bytewise, a prefix before what it is a prefix of. */
int store_key_compare(struct span a, struct span b);

/* XXH64 of the value, seeded with XXH64 of the key, seeded with the table's number: the key's own sum
 * holds its length, so no byte moves unseen between key and value. Against damage, not deceit. */
uint64_t store_row_sum(enum store_table table, struct span key, struct span value);

/* The sum is the row's, and its version one that a row has: no sum holds that. */
bool store_row_is_whole(enum store_table table, const struct store_row *row, uint64_t sum);

/* DATA_LOSS when the row is not whole; during store_verify() the damage is told instead and OK
 * returned. */
enum skp_err store_row_check(struct store *store, enum store_table table,
                             const struct store_row *row, uint64_t sum) SKP_MUST_CHECK;

/* Tells store_verify()'s caller; only from the `check` function of a backend. */
void store_damage(struct store *store, const char *what);

/* What a scan has found so far, within its bounds. */
struct store_scan_list {
    struct store *store;
    enum store_table table;
    struct arena *arena;
    struct span to;
    size_t max_rows;
    size_t max_bytes;
    struct store_row *rows;
    size_t count;
    size_t capacity;
    size_t bytes;
    enum skp_err err;
};

/* Copies the row found next into the arena after checking `sum`. False: the scan is over, by its
 * bounds or by list->err. */
bool store_scan_add(struct store_scan_list *list, const struct store_row *found, uint64_t sum);

#endif
