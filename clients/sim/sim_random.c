#include "sim_random.h"

#include <assert.h>
#include <math.h>

struct sim_random sim_random_new(uint64_t seed, uint64_t stream)
{
    struct sim_random random = {.state = 0, .increment = stream << 1 | 1};
    (void)sim_random_u32(&random);
    random.state += seed;
    (void)sim_random_u32(&random);
    return random;
}

uint32_t sim_random_u32(struct sim_random *random)
{
    uint64_t old = random->state;
    random->state = old * UINT64_C(6364136223846793005) + random->increment;
    uint32_t shifted = (uint32_t)((old >> 18 ^ old) >> 27);
    uint32_t turn = (uint32_t)(old >> 59);
    return shifted >> turn | shifted << (-turn & 31);
}

double sim_random_uniform(struct sim_random *random)
{
    return (double)sim_random_u32(random) / 4294967296.0;
}

uint32_t sim_random_below(struct sim_random *random, uint32_t bound)
{
    assert(bound > 0);
    return (uint32_t)((uint64_t)sim_random_u32(random) * bound >> 32);
}

bool sim_random_chance(struct sim_random *random, double probability)
{
    return sim_random_uniform(random) < probability;
}

double sim_random_normal(struct sim_random *random)
{
    for (;;) {
        double x = 2 * sim_random_uniform(random) - 1;
        double y = 2 * sim_random_uniform(random) - 1;
        double square = x * x + y * y;
        if (square > 0 && square < 1)
            return x * sqrt(-2 * log(square) / square);
    }
}

double sim_random_lognormal(struct sim_random *random, double median, double sigma)
{
    return median * exp(sigma * sim_random_normal(random));
}

/* A number in (0, 1): its logarithm is finite. */
static double open_uniform(struct sim_random *random)
{
    return ((double)sim_random_u32(random) + 0.5) / 4294967296.0;
}

double sim_random_gamma(struct sim_random *random, double shape)
{
    assert(shape > 0);
    if (shape < 1)
        return sim_random_gamma(random, shape + 1) * pow(open_uniform(random), 1 / shape);
    double d = shape - 1.0 / 3;
    double c = 1 / sqrt(9 * d);
    for (;;) {
        double x = sim_random_normal(random);
        double v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(open_uniform(random)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

double sim_random_beta(struct sim_random *random, double a, double b)
{
    double x = sim_random_gamma(random, a);
    double y = sim_random_gamma(random, b);
    return x + y > 0 ? x / (x + y) : 0.5;
}

static uint32_t poisson(struct sim_random *random, double mean)
{
    uint32_t count = 0;
    double at = -log(open_uniform(random));
    while (at < mean) {
        count++;
        at -= log(open_uniform(random));
    }
    return count;
}

uint32_t sim_random_negative_binomial(struct sim_random *random, double mean, double sd)
{
    assert(sd * sd > mean);
    double shape = mean * mean / (sd * sd - mean);
    return poisson(random, sim_random_gamma(random, shape) * mean / shape);
}

void sim_random_dirichlet(struct sim_random *random, double alpha, size_t count, double *ret_shares)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        ret_shares[i] = sim_random_gamma(random, alpha);
        sum += ret_shares[i];
    }
    for (size_t i = 0; i < count; i++)
        ret_shares[i] = sum > 0 ? ret_shares[i] / sum : 1.0 / (double)count;
}

size_t sim_random_weighted(struct sim_random *random, const double *weights, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += weights[i];
    assert(sum > 0);
    double at = sim_random_uniform(random) * sum;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] <= 0)
            continue;
        last = i;
        at -= weights[i];
        if (at < 0)
            break;
    }
    return last;
}

uint64_t sim_hash(uint64_t hash, const char *text)
{
    /* FNV-1a, with the closing NUL, so that "a" "bc" and "ab" "c" differ. */
    for (;; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
        if (*text == '\0')
            return hash;
    }
}
