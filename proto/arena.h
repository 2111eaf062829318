/* A capped bump allocator: everything unpacked from one batch or frame, freed at once.
 *
 * Doubles as a ProtobufCAllocator, so that protobuf-c cannot be made to take more than the cap, whatever
 * a peer sends. Not thread-safe; one arena belongs to one piece of work. */
#ifndef SKP_ARENA_H
#define SKP_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    ProtobufCAllocator
        protobuf; /* pass &arena.protobuf to ..._unpack; never call ..._free_unpacked */
    struct arena_block *blocks;
    size_t used_bytes;
    size_t max_bytes;
    bool exhausted; /* an allocation was refused */
};

void arena_init(struct arena *arena, size_t max_bytes);
void arena_fini(struct arena *arena);

/* Forgets all, keeps one block for the next use. */
void arena_reset(struct arena *arena);

/* What was taken since the mark is given back; nothing before it moves. */
struct arena_mark {
    struct arena_block *block, *behind; /* the current one, and what stands behind it */
    size_t block_used, used_bytes;
};
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, const struct arena_mark *mark);

/* 16-byte aligned, not zeroed. NULL when the cap or the memory is reached. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_calloc(struct arena *arena, size_t count, size_t bytes);
void *arena_copy(struct arena *arena, const void *data, size_t bytes);

#endif
