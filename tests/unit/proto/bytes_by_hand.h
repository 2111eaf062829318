/* Writing protobuf bytes by hand, also wrong ones. */
#ifndef SKP_TEST_BYTES_BY_HAND_H
#define SKP_TEST_BYTES_BY_HAND_H

#include "testing.h"

#include <string.h>

struct bytes {
    uint8_t data[20000];
    size_t len;
};

static inline void put(struct bytes *to, const void *data, size_t len)
{
    assert_true(to->len + len <= sizeof to->data);
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

static inline void put_varint(struct bytes *to, uint64_t value)
{
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        put(to, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void put_tag(struct bytes *to, uint32_t number, unsigned wire)
{
    put_varint(to, (uint64_t)number << 3 | wire);
}

static inline void put_number(struct bytes *to, uint32_t number, uint64_t value)
{
    put_tag(to, number, 0);
    put_varint(to, value);
}

static inline void put_prefixed(struct bytes *to, uint32_t number, const void *data, size_t len)
{
    put_tag(to, number, 2);
    put_varint(to, len);
    put(to, data, len);
}

#endif
