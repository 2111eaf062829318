#include "jose_internal.h"

#include <pthread.h>
#include <stdlib.h>

#define MAX_AGE_MS   60000
#define WAYS         8    /* slots in which one chain may stand */
#define HEADER_SLOTS 1024 /* a header has one place */
#define GOOD_SLOTS   4096 /* a signature has one place */

struct entry {
    struct skp_hash chain;
    uint64_t generation; /* of the trust it was checked against; 0 = empty */
    int64_t checked_at_ms;
    struct jws_known known;
};

struct claimed_entry {
    struct skp_hash name; /* zeros: empty */
    struct jws_claimed claimed;
};

struct jws_cache {
    pthread_mutex_t lock;
    struct claimed_entry headers[HEADER_SLOTS];
    struct claimed_entry good[GOOD_SLOTS];
    size_t set_count;
    struct entry entries[];
};

struct jws_cache *jws_cache_new(unsigned max_entries)
{
    size_t set_count = max_entries < WAYS ? 1 : max_entries / WAYS;
    struct jws_cache *cache =
        calloc(1, sizeof *cache + set_count * WAYS * sizeof cache->entries[0]);
    if (cache == NULL)
        return NULL;
    pthread_mutex_init(&cache->lock, NULL);
    cache->set_count = set_count;
    return cache;
}

void jws_cache_free(struct jws_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < cache->set_count * WAYS; i++)
        EVP_PKEY_free(cache->entries[i].known.key);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct entry *set_of(struct jws_cache *cache, const struct skp_hash *chain)
{
    uint64_t bits;
    memcpy(&bits, chain->bytes, sizeof bits);
    return &cache->entries[bits % cache->set_count * WAYS];
}

static bool is_fresh(const struct entry *entry, const struct skp_hash *chain, uint64_t generation,
                     int64_t at_ms)
{
    return entry->generation == generation && hash_equal(&entry->chain, chain) &&
           at_ms >= entry->checked_at_ms && at_ms - entry->checked_at_ms <= MAX_AGE_MS;
}

bool jws_cache_find(struct jws_cache *cache, const struct skp_hash *chain, uint64_t generation,
                    int64_t at_ms, struct jws_known *ret_known)
{
    bool found = false;
    pthread_mutex_lock(&cache->lock);
    const struct entry *set = set_of(cache, chain);
    for (size_t i = 0; !found && i < WAYS; i++) {
        if (!is_fresh(&set[i], chain, generation, at_ms))
            continue;
        found = EVP_PKEY_up_ref(set[i].known.key) == 1;
        *ret_known = set[i].known;
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

/* The slot of the same chain, else an empty one, else the one checked longest ago. */
static struct entry *slot_for(struct entry *set, const struct skp_hash *chain)
{
    struct entry *slot = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].generation == 0 || hash_equal(&set[i].chain, chain))
            return &set[i];
        if (set[i].checked_at_ms < slot->checked_at_ms)
            slot = &set[i];
    }
    return slot;
}

void jws_cache_put(struct jws_cache *cache, const struct skp_hash *chain, uint64_t generation,
                   int64_t at_ms, const struct jws_known *known)
{
    if (EVP_PKEY_up_ref(known->key) != 1)
        return;
    pthread_mutex_lock(&cache->lock);
    struct entry *slot = slot_for(set_of(cache, chain), chain);
    EVP_PKEY *replaced = slot->known.key;
    *slot = (struct entry){
        .chain = *chain, .generation = generation, .checked_at_ms = at_ms, .known = *known};
    pthread_mutex_unlock(&cache->lock);
    EVP_PKEY_free(replaced);
}

/* ---------------------------------------------------------------- headers and signatures */

static size_t slot_of(const struct skp_hash *name, size_t slot_count)
{
    uint64_t bits;
    memcpy(&bits, name->bytes, sizeof bits);
    return bits % slot_count;
}

static bool find_claimed(struct jws_cache *cache, const struct claimed_entry *slot,
                         const struct skp_hash *name, struct jws_claimed *ret_claimed)
{
    pthread_mutex_lock(&cache->lock);
    bool found = hash_equal(&slot->name, name);
    if (found)
        *ret_claimed = slot->claimed;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void put_claimed(struct jws_cache *cache, struct claimed_entry *slot,
                        const struct skp_hash *name, const struct jws_claimed *claimed)
{
    pthread_mutex_lock(&cache->lock);
    *slot = (struct claimed_entry){.name = *name, .claimed = *claimed};
    pthread_mutex_unlock(&cache->lock);
}

bool jws_cache_find_header(struct jws_cache *cache, const struct skp_hash *name,
                           struct jws_claimed *ret_claimed)
{
    return find_claimed(cache, &cache->headers[slot_of(name, HEADER_SLOTS)], name, ret_claimed);
}

void jws_cache_put_header(struct jws_cache *cache, const struct skp_hash *name,
                          const struct jws_claimed *claimed)
{
    put_claimed(cache, &cache->headers[slot_of(name, HEADER_SLOTS)], name, claimed);
}

bool jws_cache_find_good(struct jws_cache *cache, const struct skp_hash *name,
                         struct jws_claimed *ret_claimed)
{
    return find_claimed(cache, &cache->good[slot_of(name, GOOD_SLOTS)], name, ret_claimed);
}

void jws_cache_put_good(struct jws_cache *cache, const struct skp_hash *name,
                        const struct jws_claimed *claimed)
{
    put_claimed(cache, &cache->good[slot_of(name, GOOD_SLOTS)], name, claimed);
}
