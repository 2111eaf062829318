#include "arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT   16
#define BLOCK_BYTES ((size_t)32 * 1024)
#define FIRST_BYTES ((size_t)2 * 1024) /* thousands of small questions may wait at once */

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    alignas(ALIGNMENT) uint8_t data[];
};

static void *protobuf_alloc(void *arena, size_t bytes)
{
    return arena_alloc(arena, bytes);
}

/* Deliberately nothing: the arena frees all at once. */
static void protobuf_free(void *arena, void *pointer)
{
    (void)arena;
    (void)pointer;
}

void arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){
        .protobuf = {.alloc = protobuf_alloc, .free = protobuf_free, .allocator_data = arena},
        .max_bytes = max_bytes,
    };
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_fini(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->used_bytes = 0;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *kept = arena->blocks;
    if (kept) {
        free_blocks(kept->next);
        kept->next = NULL;
        kept->used = 0;
    }
    /* An outsized block is not worth holding on to. */
    if (kept && kept->capacity > BLOCK_BYTES) {
        free(kept);
        arena->blocks = NULL;
    }
    arena->used_bytes = 0;
    arena->exhausted = false;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    struct arena_mark mark = {.block = arena->blocks, .used_bytes = arena->used_bytes};
    if (mark.block) {
        mark.behind = mark.block->next;
        mark.block_used = mark.block->used;
    }
    return mark;
}

static void free_until(struct arena_block *block, const struct arena_block *end)
{
    while (block != end) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

/* Newer blocks stand before the one that was current; large pieces stand right behind it. */
void arena_rewind(struct arena *arena, const struct arena_mark *mark)
{
    free_until(arena->blocks, mark->block);
    if (mark->block) {
        free_until(mark->block->next, mark->behind);
        mark->block->next = mark->behind;
        mark->block->used = mark->block_used;
    }
    arena->blocks = mark->block;
    arena->used_bytes = mark->used_bytes;
    arena->exhausted = false;
}

static struct arena_block *block_new(size_t capacity)
{
    struct arena_block *block = malloc(sizeof *block + capacity);
    if (block)
        *block = (struct arena_block){.capacity = capacity};
    return block;
}

static void *block_take(struct arena_block *block, size_t bytes)
{
    void *taken = block->data + block->used;
    block->used += bytes;
    return taken;
}

/* A large piece gets a block of its own behind the current one, so that the tail of the current one
 * is not wasted and memory stays within a quarter of what is counted. */
static void *take_own_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = block_new(bytes);
    if (!block)
        return NULL;
    if (arena->blocks) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        arena->blocks = block;
    }
    return block_take(block, bytes);
}

/* Blocks double, from what one small question needs to what a batch fills many of. */
static size_t next_capacity(const struct arena_block *current, size_t bytes)
{
    size_t capacity = current ? 2 * current->capacity : FIRST_BYTES;
    if (capacity < 4 * bytes)
        capacity = 4 * bytes;
    return capacity < BLOCK_BYTES ? capacity : BLOCK_BYTES;
}

static void *take_shared_block(struct arena *arena, size_t bytes)
{
    struct arena_block *current = arena->blocks;
    if (current && current->capacity - current->used >= bytes)
        return block_take(current, bytes);
    if (bytes > BLOCK_BYTES / 4)
        return take_own_block(arena, bytes);
    struct arena_block *block = block_new(next_capacity(current, bytes));
    if (!block)
        return NULL;
    block->next = current;
    arena->blocks = block;
    return block_take(block, bytes);
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    assert(arena->used_bytes <= arena->max_bytes);
    size_t left = arena->max_bytes - arena->used_bytes;
    void *taken = NULL;
    /* Compared before rounding up, so that a size near SIZE_MAX cannot wrap around. */
    if (bytes <= left) {
        size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (rounded >= bytes && rounded <= left)
            taken = take_shared_block(arena, rounded);
        if (taken)
            arena->used_bytes += rounded;
    }
    if (!taken)
        arena->exhausted = true;
    return taken;
}

void *arena_calloc(struct arena *arena, size_t count, size_t bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, bytes, &total)) {
        arena->exhausted = true;
        return NULL;
    }
    void *taken = arena_alloc(arena, total);
    if (taken)
        memset(taken, 0, total);
    return taken;
}

void *arena_copy(struct arena *arena, const void *data, size_t bytes)
{
    void *taken = arena_alloc(arena, bytes);
    if (taken && bytes > 0)
        memcpy(taken, data, bytes);
    return taken;
}
