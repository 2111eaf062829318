/* Repeatable randomness for the generators: the same seed and stream give the same numbers on every
 * run. Not for keys or ids (proto/random.h is).
 *
 * The generator is PCG32 (https://www.pcg-random.org, "XSH RR"), the distributions are the textbook
 * ones: polar normal, Marsaglia and Tsang's gamma, Poisson by exponential gaps. Pure. */
#ifndef SKP_SIM_RANDOM_H
#define SKP_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
    uint64_t state, increment;
};

/* Each stream of a seed is a sequence of its own. */
struct sim_random sim_random_new(uint64_t seed, uint64_t stream);

uint32_t sim_random_u32(struct sim_random *random);
double sim_random_uniform(struct sim_random *random);                 /* [0, 1) */
uint32_t sim_random_below(struct sim_random *random, uint32_t bound); /* [0, bound), bound > 0 */
bool sim_random_chance(struct sim_random *random, double probability);
double sim_random_normal(struct sim_random *random); /* mean 0, sd 1 */
double sim_random_lognormal(struct sim_random *random, double median, double sigma);
double sim_random_gamma(struct sim_random *random, double shape); /* scale 1 */

double sim_random_beta(struct sim_random *random, double a, double b); /* in [0, 1] */

/* Negative binomial with this mean and standard deviation (sd squared > mean). */
uint32_t sim_random_negative_binomial(struct sim_random *random, double mean, double sd);

/* `count` shares that add up to 1. */
void sim_random_dirichlet(struct sim_random *random, double alpha, size_t count,
                          double *ret_shares);

/* An index by weight; `count` > 0 and the weights add up to more than 0. */
size_t sim_random_weighted(struct sim_random *random, const double *weights, size_t count);

/* A 64-bit hash of a text, chained on `hash` (start with SIM_HASH_START): names a stream by words.
 */
#define SIM_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t sim_hash(uint64_t hash, const char *text);

#endif
