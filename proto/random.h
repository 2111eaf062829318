/* The one door to randomness, so that a simulation can steer it from a seed.
 *
 * In production this is OpenSSL's RAND_bytes; a failure there aborts, because nothing can go on
 * without it. random_steer() is for the simulation and for test vectors only, before any thread
 * starts; OpenSSL's own internal randomness (TLS, key generation, signatures) is not steered by it.
 */
#ifndef SKP_RANDOM_H
#define SKP_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *ret_bytes, size_t len);
uint64_t random_u64(void);

typedef void (*random_fn)(void *ctx, void *ret_bytes, size_t len);

/* Replaces the source; NULL restores RAND_bytes. */
void random_steer(random_fn source, void *ctx);

#endif
