/* Borrowed runs of bytes, ids and hashes: the small change that every layer hands around.
 *
 * A struct span never owns: the bytes are somebody else's and yours until the call returns, unless
 * a header says longer. */
#ifndef SKP_BYTES_H
#define SKP_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* In registers, also where the compiler would rather make calls of it: where a length that it then
 * knows turns a copy into one load or store. */
#define SKP_INLINE static inline __attribute__((always_inline))

#define ID_BYTES   16
#define HASH_BYTES 32
#define OIN_CHARS  20

struct span {
    const uint8_t *data;
    size_t len;
};

struct skp_id {
    uint8_t bytes[ID_BYTES];
};

struct skp_hash {
    uint8_t bytes[HASH_BYTES];
};

/* An OIN as text, always 20 characters [0-9A-Z] and a NUL, or empty. */
struct skp_oin {
    char text[OIN_CHARS + 1];
};

static inline struct span span_of(const void *data, size_t len)
{
    return (struct span){.data = (const uint8_t *)data, .len = len};
}

static inline struct span span_text(const char *text)
{
    return span_of(text, strlen(text));
}

static inline bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool id_equal(const struct skp_id *a, const struct skp_id *b)
{
    return memcmp(a->bytes, b->bytes, ID_BYTES) == 0;
}

static inline int id_compare(const struct skp_id *a, const struct skp_id *b)
{
    return memcmp(a->bytes, b->bytes, ID_BYTES);
}

static inline bool id_is_nil(const struct skp_id *id)
{
    static const struct skp_id nil;
    return id_equal(id, &nil);
}

static inline bool hash_equal(const struct skp_hash *a, const struct skp_hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

static inline bool oin_equal(const struct skp_oin *a, const struct skp_oin *b)
{
    return strcmp(a->text, b->text) == 0;
}

#define ID_TEXT_BYTES 37

/* Random id (version 4 form, RFC 9562) from the random source of random.h. */
struct skp_id id_new(void);

/* An id that begins with its time (version 7 form, RFC 9562), in milliseconds since 1970; 74 of its
 * bits are random. Where ids are sorted, what is made at one time lies together. */
struct skp_id id_new_at(int64_t at_ms);

/* Where one piece of work makes many ids: random bytes for them are drawn together, since a draw costs
 * about the same for one id as for many. Begins as zeros; never for anything that is secret. */
#define ID_POOL_COUNT 8
struct id_pool {
    size_t left;
    uint8_t random[ID_POOL_COUNT][ID_BYTES];
};
struct skp_id id_pool_take(struct id_pool *pool); /* as id_new() */

/* An id that begins as `first` does (8 bytes) and is its neighbour where ids are sorted; 62 of its bits
 * are random. */
struct skp_id id_pool_take_beside(struct id_pool *pool, const struct skp_id *first);

/* The id in lower-case 8-4-4-4-12 form into ret_text[ID_TEXT_BYTES]. */
void id_print(const struct skp_id *id, char *ret_text);

/* Reads the 8-4-4-4-12 form in either case. False: not an id, or the nil id; *ret_id untouched. */
bool id_parse(const char *text, struct skp_id *ret_id);

/* Takes exactly ID_BYTES that are not all zero. */
bool id_take(struct span bytes, struct skp_id *ret_id);

/* Takes exactly HASH_BYTES; zeros are a hash too (the first link of a chain). */
bool hash_take(struct span bytes, struct skp_hash *ret_hash);

/* Takes 20 characters [0-9A-Z] (the OIN of Subject.serialNumber); `text` may be unterminated. */
bool oin_take(struct span text, struct skp_oin *ret_oin);

#endif
