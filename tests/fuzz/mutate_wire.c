/* Changes messages as wholes: now and then a new one, grown along its descriptor, or a good field put in
 * the middle of what is there. libFuzzer's own changes do the rest. */
#include "grow.h"
#include "messages.h"

#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static size_t insert(uint8_t *data, size_t size, size_t max_size, struct span piece, size_t at)
{
    if (size + piece.len > max_size)
        return size;
    memmove(data + at + piece.len, data + at, size - at);
    if (piece.len > 0)
        memcpy(data + at, piece.data, piece.len);
    return size + piece.len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static uint8_t grown[4096];
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    unsigned choice = (unsigned)(grow_random(&random) >> 16) % 8;
    if (choice > 1 || max_size <= sizeof grown)
        return LLVMFuzzerMutate(data, size, max_size);
    if (size == 0 || choice == 0) {
        data[0] = (uint8_t)(grow_random(&random) >> 16);
        size = 1;
    }
    const ProtobufCMessageDescriptor *type = all_messages[data[0] % ALL_MESSAGES_COUNT];
    size_t len = grow_message(type, &random, grown, sizeof grown);
    size_t at = 1 + (size_t)(grow_random(&random) >> 16) % size;
    return insert(data, size, max_size, span_of(grown, len), at);
}
