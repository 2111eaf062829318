/* XXH64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): a checksum against damage by chance,
 * ten times as fast as SHA-256 and as sure to see it in the 64 bits that are kept. No help against somebody who
 * means to deceive: signatures and the chain are for that. Pure; any thread. */
#ifndef SKP_XXH64_H
#define SKP_XXH64_H

#include "bytes.h"

uint64_t xxh64(uint64_t seed, struct span data);

#endif
