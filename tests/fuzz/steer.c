#include "fuzz.h"

#include "random.h"

static uint64_t state;

static void next_bytes(void *ctx, void *ret_bytes, size_t len)
{
    uint8_t *bytes = ret_bytes;
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 32);
    }
}

void fuzz_steer(uint64_t seed)
{
    state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    random_steer(next_bytes, NULL);
}
