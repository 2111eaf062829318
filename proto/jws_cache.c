#include "jose_internal.h"

#include <pthread.h>
#include <stdlib.h>

#define MAX_AGE_MS   60000
#define WAYS         8    /* slots in which one chain may stand */
#define HEADER_SLOTS 256  /* a header has one place */
#define HEADER_TAIL  96   /* bytes at its end that choose it: there stands the time of signing */
#define GOOD_SLOTS   4096 /* a signature has one place */

struct entry {
    struct skp_hash chain;
    uint64_t generation; /* of the trust it was checked against; 0 = empty */
    int64_t checked_at_ms;
    struct jws_known known;
};

struct header_entry {
    uint8_t *text; /* NULL: empty */
    size_t len;
    struct jws_claimed claimed;
};

struct good_entry {
    struct skp_hash name; /* of signature and payload together */
    struct jws_claimed claimed;
};

struct jws_cache {
    pthread_mutex_t lock;
    struct header_entry headers[HEADER_SLOTS];
    struct good_entry good[GOOD_SLOTS];
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
    for (size_t i = 0; i < HEADER_SLOTS; i++)
        free(cache->headers[i].text);
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

/* ---------------------------------------------------------------- headers */

/* FNV-1a; a collision costs reading one header again. */
static struct header_entry *header_slot(struct jws_cache *cache, struct span text)
{
    uint32_t hash = 2166136261U;
    for (size_t i = text.len > HEADER_TAIL ? text.len - HEADER_TAIL : 0; i < text.len; i++)
        hash = (hash ^ text.data[i]) * 16777619U;
    return &cache->headers[hash % HEADER_SLOTS];
}

bool jws_cache_find_header(struct jws_cache *cache, struct span header_text,
                           struct jws_claimed *ret_claimed)
{
    pthread_mutex_lock(&cache->lock);
    const struct header_entry *slot = header_slot(cache, header_text);
    bool found = slot->text != NULL && span_equal(span_of(slot->text, slot->len), header_text);
    if (found)
        *ret_claimed = slot->claimed;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void jws_cache_put_header(struct jws_cache *cache, struct span header_text,
                          const struct jws_claimed *claimed)
{
    uint8_t *text = malloc(header_text.len + 1);
    if (text == NULL)
        return;
    memcpy(text, header_text.data, header_text.len);
    pthread_mutex_lock(&cache->lock);
    struct header_entry *slot = header_slot(cache, header_text);
    uint8_t *replaced = slot->text;
    *slot = (struct header_entry){.text = text, .len = header_text.len, .claimed = *claimed};
    pthread_mutex_unlock(&cache->lock);
    free(replaced);
}

/* ---------------------------------------------------------------- signatures */

static struct good_entry *good_slot(struct jws_cache *cache, const struct skp_hash *name)
{
    uint64_t bits;
    memcpy(&bits, name->bytes, sizeof bits);
    return &cache->good[bits % GOOD_SLOTS];
}

bool jws_cache_find_good(struct jws_cache *cache, const struct skp_hash *name,
                         struct jws_claimed *ret_claimed)
{
    pthread_mutex_lock(&cache->lock);
    const struct good_entry *slot = good_slot(cache, name);
    bool found = hash_equal(&slot->name, name);
    if (found)
        *ret_claimed = slot->claimed;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

void jws_cache_put_good(struct jws_cache *cache, const struct skp_hash *name,
                        const struct jws_claimed *claimed)
{
    pthread_mutex_lock(&cache->lock);
    *good_slot(cache, name) = (struct good_entry){.name = *name, .claimed = *claimed};
    pthread_mutex_unlock(&cache->lock);
}
