#include "siphash.h"

#include "bytes.h"

#include <endian.h>
#include <string.h>

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

/* At most 8 bytes; what is missing is zero. */
static uint64_t load_little_endian(const uint8_t *bytes, size_t len)
{
    uint64_t value = 0;
    memcpy(&value, bytes, len);
    return le64toh(value);
}

struct sip {
    uint64_t a, b, c, d;
};

SKP_INLINE struct sip sip_round(struct sip v)
{
    v.a += v.b;
    v.b = rotate_left(v.b, 13) ^ v.a;
    v.a = rotate_left(v.a, 32);
    v.c += v.d;
    v.d = rotate_left(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = rotate_left(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = rotate_left(v.b, 17) ^ v.c;
    v.c = rotate_left(v.c, 32);
    return v;
}

SKP_INLINE struct sip absorb(struct sip v, uint64_t word)
{
    v.d ^= word;
    v = sip_round(v);
    v.a ^= word;
    return v;
}

uint64_t siphash(const uint8_t seed[SIPHASH_SEED_BYTES], const void *data, size_t len)
{
    uint64_t k0 = load_little_endian(seed, 8);
    uint64_t k1 = load_little_endian(seed + 8, 8);
    struct sip v = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    const uint8_t *bytes = data;
    size_t whole = len - len % 8;
    for (size_t i = 0; i < whole; i += 8)
        v = absorb(v, load_little_endian(bytes + i, 8));
    v = absorb(v, (uint64_t)len << 56 | load_little_endian(bytes + whole, len % 8));
    v.c ^= 0xff;
    v = sip_round(sip_round(sip_round(v)));
    return v.a ^ v.b ^ v.c ^ v.d;
}
