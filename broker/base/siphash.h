/* SipHash-1-3 (Aumasson and Bernstein, https://www.aumasson.jp/siphash/siphash.pdf): a keyed hash
 * for tables whose keys a peer chooses, with as many rounds as the tables of Python and Rust have. Not a
 * signature and not for anything that leaves the process. Pure. */
#ifndef SKP_SIPHASH_H
#define SKP_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_SEED_BYTES 16

uint64_t siphash(const uint8_t seed[SIPHASH_SEED_BYTES], const void *data, size_t len);

#endif
