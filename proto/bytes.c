#include "bytes.h"

#include "random.h"

#include <uuid/uuid.h>

_Static_assert(sizeof(uuid_t) == ID_BYTES, "an id is a UUID");

static struct skp_id id_of_version(unsigned version, const uint8_t random[ID_BYTES])
{
    struct skp_id id;
    memcpy(id.bytes, random, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | version << 4);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

struct skp_id id_new(void)
{
    uint8_t random[ID_BYTES];
    random_bytes(random, sizeof random);
    return id_of_version(4, random);
}

struct skp_id id_new_at(int64_t at_ms)
{
    uint8_t random[ID_BYTES];
    random_bytes(random, sizeof random);
    struct skp_id id = id_of_version(7, random);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)((uint64_t)at_ms >> (40 - 8 * i));
    return id;
}

struct skp_id id_pool_take(struct id_pool *pool)
{
    if (pool->left == 0) {
        random_bytes(pool->random, sizeof pool->random);
        pool->left = ID_POOL_COUNT;
    }
    return id_of_version(4, pool->random[--pool->left]);
}

struct skp_id id_pool_take_beside(struct id_pool *pool, const struct skp_id *first)
{
    struct skp_id id = id_pool_take(pool);
    memcpy(id.bytes, first->bytes, ID_BYTES / 2);
    return id;
}

void id_print(const struct skp_id *id, char *ret_text)
{
    uuid_unparse_lower(id->bytes, ret_text);
}

bool id_parse(const char *text, struct skp_id *ret_id)
{
    uuid_t uuid;
    if (uuid_parse(text, uuid) != 0)
        return false;
    return id_take(span_of(uuid, sizeof uuid), ret_id);
}

bool id_take(struct span bytes, struct skp_id *ret_id)
{
    struct skp_id id;
    if (bytes.len != ID_BYTES)
        return false;
    memcpy(id.bytes, bytes.data, ID_BYTES);
    if (id_is_nil(&id))
        return false;
    *ret_id = id;
    return true;
}

bool hash_take(struct span bytes, struct skp_hash *ret_hash)
{
    if (bytes.len != HASH_BYTES)
        return false;
    memcpy(ret_hash->bytes, bytes.data, HASH_BYTES);
    return true;
}

/* Not isalnum(): the answer must not hang on the locale. */
static bool is_oin_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool oin_take(struct span text, struct skp_oin *ret_oin)
{
    if (text.len != OIN_CHARS)
        return false;
    for (size_t i = 0; i < OIN_CHARS; i++) {
        if (!is_oin_char(text.data[i]))
            return false;
    }
    memcpy(ret_oin->text, text.data, OIN_CHARS);
    ret_oin->text[OIN_CHARS] = '\0';
    return true;
}
