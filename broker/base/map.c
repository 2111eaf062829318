#include "map.h"

#include "random.h"
#include "siphash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 8
#define ROOM_MAX ((size_t)1 << 30)

_Static_assert(sizeof(((struct map *)0)->seed) == SIPHASH_SEED_BYTES, "a map's seed is SipHash's");

static uint8_t *entry_key(const struct map *map, size_t i)
{
    return map->keys + i * map->key_bytes;
}

/* Of keys that are shorter than the map's, only what is before the zeros behind them is hashed. */
static size_t bytes_before_zeros(const uint8_t *key, size_t len)
{
    uint64_t word;
    for (; len >= sizeof word; len -= sizeof word) {
        memcpy(&word, key + len - sizeof word, sizeof word);
        if (word != 0)
            break;
    }
    return len;
}

/* The slot that holds `key`, or the free one where it belongs. Ends, because half the slots are
 * free. */
static size_t find_slot(const struct map *map, const void *key)
{
    size_t len = bytes_before_zeros(key, map->key_bytes);
    size_t slot = siphash(map->seed, key, len) & (map->slot_count - 1);
    while (map->slots[slot] &&
           memcmp(entry_key(map, map->slots[slot] - 1), key, map->key_bytes) != 0)
        slot = (slot + 1) & (map->slot_count - 1);
    return slot;
}

static void fill_slots(struct map *map)
{
    memset(map->slots, 0, map->slot_count * sizeof(*map->slots));
    for (size_t i = 0; i < map->count; i++)
        map->slots[find_slot(map, entry_key(map, i))] = (uint32_t)i + 1;
}

/* The three arrays grow one by one; one that has grown already is only larger than it needs to be
 * when a later one fails, and the map stays as it was. */
static enum skp_err reserve(struct map *map, size_t room)
{
    size_t slot_count = room * 2;
    uint8_t *keys = realloc(map->keys, room * map->key_bytes);
    if (!keys)
        return SKP_E_NO_MEMORY;
    map->keys = keys;
    void **values = realloc(map->values, room * sizeof(*values));
    if (!values)
        return SKP_E_NO_MEMORY;
    map->values = values;
    uint32_t *slots = realloc(map->slots, slot_count * sizeof(*slots));
    if (!slots)
        return SKP_E_NO_MEMORY;
    map->slots = slots;
    map->room = room;
    map->slot_count = slot_count;
    fill_slots(map);
    return SKP_OK;
}

static size_t room_for(size_t expected)
{
    size_t room = ROOM_MIN;
    while (room < expected)
        room *= 2;
    return room;
}

enum skp_err map_init(struct map *map, size_t key_bytes, size_t expected, size_t max)
{
    assert(key_bytes >= 1 && key_bytes <= MAP_KEY_MAX);
    assert(max <= ROOM_MAX);
    *map = (struct map){.key_bytes = key_bytes, .max = max};
    random_bytes(map->seed, sizeof(map->seed));
    enum skp_err err = reserve(map, room_for(expected < max ? expected : max));
    if (err)
        map_fini(map);
    return err;
}

void map_fini(struct map *map)
{
    free(map->slots);
    free(map->keys);
    free(map->values);
    *map = (struct map){0};
}

/* `slot` is the free one where the key belongs, unless the map grows. */
static enum skp_err append(struct map *map, const void *key, void *value, size_t slot)
{
    if (map->count == map->max)
        return SKP_E_NO_MEMORY;
    if (map->count == map->room) {
        enum skp_err err = reserve(map, map->room * 2);
        if (err)
            return err;
        slot = find_slot(map, key);
    }
    memcpy(entry_key(map, map->count), key, map->key_bytes);
    map->values[map->count] = value;
    map->slots[slot] = (uint32_t)++map->count;
    return SKP_OK;
}

enum skp_err map_put(struct map *map, const void *key, void *value)
{
    size_t slot = find_slot(map, key);
    uint32_t entry = map->slots[slot];
    if (!entry)
        return append(map, key, value, slot);
    map->values[entry - 1] = value;
    return SKP_OK;
}

enum skp_err map_add(struct map *map, const void *key, void *value)
{
    size_t slot = find_slot(map, key);
    return map->slots[slot] ? SKP_E_DUPLICATE_ITEM : append(map, key, value, slot);
}

bool map_find(const struct map *map, const void *key, void **ret_value)
{
    uint32_t entry = map->slots[find_slot(map, key)];
    if (!entry)
        return false;
    *ret_value = map->values[entry - 1];
    return true;
}

void *map_get(const struct map *map, const void *key)
{
    void *value = NULL;
    map_find(map, key, &value);
    return value;
}

bool map_has(const struct map *map, const void *key)
{
    return map->slots[find_slot(map, key)] != 0;
}

enum skp_err map_put_index(struct map *map, const void *key, size_t index)
{
    return map_put(map, key, (void *)(uintptr_t)index);
}

bool map_find_index(const struct map *map, const void *key, size_t *ret_index)
{
    void *value;
    if (!map_find(map, key, &value))
        return false;
    *ret_index = (size_t)(uintptr_t)value;
    return true;
}

const void *map_key_at(const struct map *map, size_t i)
{
    assert(i < map->count);
    return entry_key(map, i);
}

void *map_value_at(const struct map *map, size_t i)
{
    assert(i < map->count);
    return map->values[i];
}
