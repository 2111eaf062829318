#include "xxh64.h"

#include <endian.h>

#define PRIME_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME_3 UINT64_C(0x165667B19E3779F9)
#define PRIME_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME_5 UINT64_C(0x27D4EB2F165667C5)

#define LANES        4
#define STRIPE_BYTES (LANES * 8)

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t load(const uint8_t *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof value);
    return le64toh(value);
}

static uint64_t load_half(const uint8_t *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof value);
    return le32toh(value);
}

static uint64_t stir(uint64_t lane, uint64_t word)
{
    return rotate(lane + word * PRIME_2, 31) * PRIME_1;
}

static uint64_t merge(uint64_t sum, uint64_t lane)
{
    return (sum ^ stir(0, lane)) * PRIME_1 + PRIME_4;
}

static uint64_t sum_stripes(uint64_t seed, struct span *data)
{
    uint64_t a = seed + PRIME_1 + PRIME_2;
    uint64_t b = seed + PRIME_2;
    uint64_t c = seed;
    uint64_t d = seed - PRIME_1;
    for (; data->len >= STRIPE_BYTES;
         *data = span_of(data->data + STRIPE_BYTES, data->len - STRIPE_BYTES)) {
        a = stir(a, load(data->data));
        b = stir(b, load(data->data + 8));
        c = stir(c, load(data->data + 16));
        d = stir(d, load(data->data + 24));
    }
    uint64_t sum = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
    return merge(merge(merge(merge(sum, a), b), c), d);
}

static uint64_t sum_tail(uint64_t sum, struct span tail)
{
    size_t at = 0;
    for (; tail.len - at >= 8; at += 8)
        sum = rotate(sum ^ stir(0, load(tail.data + at)), 27) * PRIME_1 + PRIME_4;
    if (tail.len - at >= 4) {
        sum = rotate(sum ^ load_half(tail.data + at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
        at += 4;
    }
    for (; at < tail.len; at++)
        sum = rotate(sum ^ tail.data[at] * PRIME_5, 11) * PRIME_1;
    return sum;
}

uint64_t xxh64(uint64_t seed, struct span data)
{
    size_t len = data.len;
    uint64_t sum = len >= STRIPE_BYTES ? sum_stripes(seed, &data) : seed + PRIME_5;
    sum = sum_tail(sum + len, data);
    sum = (sum ^ sum >> 33) * PRIME_2;
    sum = (sum ^ sum >> 29) * PRIME_3;
    return sum ^ sum >> 32;
}
