/* Something good with changes, as the input says: gets far behind the first check, which bytes made of
 * nothing seldom do. */
#ifndef SKP_FUZZ_EDITS_H
#define SKP_FUZZ_EDITS_H

#include "fuzz.h"

#include <string.h>

/* Each edit: where (2 bytes; with the highest bit set, counted from the end), how many bytes go (1),
 * how many come in their place (1) and which. Writes at most `max` bytes; returns how many. Without
 * edits it is a copy. */
static inline size_t edit_bytes(struct span good, struct span edits, uint8_t *ret_bytes, size_t max)
{
    size_t len = good.len < max ? good.len : max;
    if (len > 0)
        memcpy(ret_bytes, good.data, len);
    while (edits.len > 3) {
        unsigned where = take_pair(&edits);
        size_t at = (where & 0x7fff) % (len + 1);
        if (where & 0x8000)
            at = len - at;
        size_t gone = take_byte(&edits);
        struct span put = take_span(&edits, take_byte(&edits));
        if (gone > len - at)
            gone = len - at;
        if (len - gone + put.len > max)
            break;
        memmove(ret_bytes + at + put.len, ret_bytes + at + gone, len - at - gone);
        if (put.len > 0)
            memcpy(ret_bytes + at, put.data, put.len);
        len = len - gone + put.len;
    }
    return len;
}

#endif
