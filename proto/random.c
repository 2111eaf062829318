#include "random.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES 65536

static void random_from_openssl(void *ctx, void *ret_bytes, size_t len)
{
    (void)ctx;
    uint8_t *out = ret_bytes;
    while (len > 0) {
        size_t chunk = len < CHUNK_BYTES ? len : CHUNK_BYTES;
        if (RAND_bytes(out, (int)chunk) != 1) {
            fputs("no randomness from OpenSSL: cannot go on\n", stderr);
            abort();
        }
        out += chunk;
        len -= chunk;
    }
}

static random_fn steered = random_from_openssl;
static void *steered_ctx;

void random_bytes(void *ret_bytes, size_t len)
{
    steered(steered_ctx, ret_bytes, len);
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

void random_steer(random_fn source, void *ctx)
{
    steered = source != NULL ? source : random_from_openssl;
    steered_ctx = source != NULL ? ctx : NULL;
}
