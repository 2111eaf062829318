/* Where the floor keeps letters: nowhere, in a log, or in SQLite. One thread. */
#ifndef SKP_PEERS_FLOOR_STORE_H
#define SKP_PEERS_FLOOR_STORE_H

#include "floor_link.h"

struct floor_entry {
    struct floor_link *from;
    Floor__Env *envelope;
    uint64_t id;
};

/* Stored and deleted by one commit. */
struct floor_batch {
    struct floor_entry *entries;
    size_t entry_count, entry_room;
    uint64_t *deleted;
    size_t deleted_count, deleted_room;
};

/* engine: null, log, sqlite, sqlite-idx (with an index on queue and id). */
void floor_store_open(const char *engine, const char *folder);

/* On disk when it returns, unless the engine is null. */
void floor_store_commit(const struct floor_batch *batch);

#endif
