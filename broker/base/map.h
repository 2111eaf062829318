/* A hash map from ids, OINs or hashes to pointers or indices: the tool for joining in bulk.
 *
 * Open addressing over SipHash with a seed per map, so that a peer who chooses ids cannot force
 * collisions. Iterates in order of insertion, whatever the seed, so that a simulation repeats. It
 * is built, asked and thrown away: entries are never removed one by one. Keys are copied, values
 * are not looked at. Not thread-safe; concurrent readers are fine. */
#ifndef SKP_MAP_H
#define SKP_MAP_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_KEY_MAX 104

struct map {
    size_t key_bytes;
    size_t count;
    size_t max;
    size_t room;       /* entries that fit before it grows */
    size_t slot_count; /* a power of two, at least twice `room` */
    uint32_t *slots;   /* 0 = free, else entry index + 1 */
    uint8_t *keys;     /* `room` keys of key_bytes, in order of insertion */
    void **values;
    uint8_t seed[16];
};

/* All keys have key_bytes (1 to MAP_KEY_MAX) bytes. Makes room for `expected` entries and never
 * holds more than `max` (up to 2^30). NO_MEMORY. */
enum skp_err map_init(struct map *map, size_t key_bytes, size_t expected,
                      size_t max) SKP_MUST_CHECK;

/* Fine on a zeroed map and a second time. */
void map_fini(struct map *map);

/* Adds, or replaces the value of a key that is there (which keeps its place). NO_MEMORY when the
 * memory or `max` is reached. */
enum skp_err map_put(struct map *map, const void *key, void *value) SKP_MUST_CHECK;

/* Adds. DUPLICATE_ITEM when the key is there (its value stays), NO_MEMORY as map_put. */
enum skp_err map_add(struct map *map, const void *key, void *value) SKP_MUST_CHECK;

/* False: not there; *ret_value untouched. */
bool map_find(const struct map *map, const void *key, void **ret_value);

/* The value, NULL when it is not there. */
void *map_get(const struct map *map, const void *key);

bool map_has(const struct map *map, const void *key);

/* The same for indices into somebody's array. */
enum skp_err map_put_index(struct map *map, const void *key, size_t index) SKP_MUST_CHECK;
bool map_find_index(const struct map *map, const void *key, size_t *ret_index);

/* Entry number i < map->count in order of insertion. The key is valid until the next put. */
const void *map_key_at(const struct map *map, size_t i);
void *map_value_at(const struct map *map, size_t i);

#endif
