/* What every fuzz target brings, and what it may use. */
#ifndef SKP_FUZZ_H
#define SKP_FUZZ_H

#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise about what was read: the fuzzer keeps the input that breaks it. */
#define EXPECT(holds)                                                                              \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The same numbers for the same input, whatever ran before: random ids and keys too. */
void fuzz_steer(uint64_t seed);

/* Bytes taken one after the other; zeros when there are no more. */
static inline uint8_t take_byte(struct span *rest)
{
    if (rest->len == 0)
        return 0;
    uint8_t byte = rest->data[0];
    *rest = span_of(rest->data + 1, rest->len - 1);
    return byte;
}

static inline unsigned take_pair(struct span *rest)
{
    unsigned high = take_byte(rest);
    return high << 8 | take_byte(rest);
}

/* At most `len` bytes: what is left of them. */
static inline struct span take_span(struct span *rest, size_t len)
{
    size_t taken = len < rest->len ? len : rest->len;
    struct span span = span_of(rest->data, taken);
    if (taken > 0)
        *rest = span_of(rest->data + taken, rest->len - taken);
    return span;
}

#endif
