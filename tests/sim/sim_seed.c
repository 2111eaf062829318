#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one seam that every user of randomness passes */

#include "sim_seed.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

#define CRYPTO_STREAM 999

/* splitmix64: small, and the same everywhere. */
uint64_t sim_random(struct sim_random *random)
{
    uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

struct sim_random sim_stream(uint64_t seed, uint64_t number)
{
    struct sim_random random = {.state = seed * UINT64_C(0xd1342543de82ef95) + number};
    random.state = sim_random(&random);
    return random;
}

uint64_t sim_below(struct sim_random *random, uint64_t count)
{
    assert(count > 0);
    return (sim_random(random) >> 11) % count;
}

int64_t sim_between(struct sim_random *random, int64_t least, int64_t most)
{
    return least + (int64_t)sim_below(random, (uint64_t)(most - least) + 1);
}

bool sim_chance(struct sim_random *random, unsigned percent)
{
    return sim_below(random, 100) < percent;
}

/* ---------------------------------------------------------------- OpenSSL */

static struct sim_random crypto;

static int give_bytes(unsigned char *ret_bytes, int len)
{
    for (int done = 0; done < len; done += 8) {
        uint64_t word = sim_random(&crypto);
        memcpy(ret_bytes + done, &word, len - done < 8 ? (size_t)(len - done) : 8);
    }
    return 1;
}

static int give_status(void)
{
    return 1;
}

static const RAND_METHOD from_seed = {
    .bytes = give_bytes, .pseudorand = give_bytes, .status = give_status};

void sim_seed_openssl(uint64_t seed)
{
    crypto = sim_stream(seed, CRYPTO_STREAM);
    int set = RAND_set_rand_method(&from_seed);
    assert(set == 1);
}
