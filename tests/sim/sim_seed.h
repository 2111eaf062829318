/* All randomness of a simulation comes from its seed.
 *
 * Decisions of the simulation come from streams of their own (network, faults, each participant),
 * so that one more decision in one place does not change all others. Everything cryptographic comes
 * from one more stream, through OpenSSL's own door for it: sim_seed_openssl() puts a RAND_METHOD in
 * place, so that keys, TLS, nonces of ECDSA (derived from key, digest and these bytes), salts and
 * ids repeat with the seed while the code that signs and seals is the real one. These numbers are
 * predictable: never outside a simulation. */
#ifndef SKP_SIM_SEED_H
#define SKP_SIM_SEED_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state;
};

/* A stream of its own for each number. */
struct sim_random sim_stream(uint64_t seed, uint64_t number);

uint64_t sim_random(struct sim_random *random);
uint64_t sim_below(struct sim_random *random, uint64_t count); /* 0 to count - 1 */
int64_t sim_between(struct sim_random *random, int64_t least, int64_t most);
bool sim_chance(struct sim_random *random, unsigned percent);

/* Before the first use of OpenSSL. */
void sim_seed_openssl(uint64_t seed);

#endif
