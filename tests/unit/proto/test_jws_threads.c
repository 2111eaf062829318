/* One trust and one cache under several threads, as the verify workers and the loop use them. Meant
 * to run under the thread sanitizer too. */
#include "test_keys.h"

#include "jose_internal.h"

#include <pthread.h>

#define THREADS 4
#define SIGNERS 2
#define LETTERS 16 /* of all signers together */
#define ROUNDS  100
#define CHAINS  40
#define RELOADS 25

static struct arena arena;
static struct keypair *keys[SIGNERS];
static const char *letters[LETTERS];
static char payloads[LETTERS][16];

/* What the threads of one test share; each counts what went wrong, since cmocka's asserts are for
 * the main thread. */
struct scene {
    struct trust *trusts[2]; /* before and after a reload */
    struct jws_cache *cache;
    pthread_barrier_t start;
};

struct worker {
    struct scene *scene;
    unsigned number;
    unsigned wrong;
    pthread_t thread;
};

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    keys[0] = key_of(COUNSELLOR_OIN, "sign");
    keys[1] = key_of(RSA_CREDITOR_OIN, "sign");
    for (int i = 0; i < LETTERS; i++) {
        snprintf(payloads[i], sizeof payloads[i], "postzak %d", i);
        assert_ok(jws_sign(keys[i % SIGNERS], span_text(payloads[i]), now_ms() - 1000 * (i / 4),
                           &arena, &letters[i]));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SIGNERS; i++)
        keypair_unref(keys[i]);
    arena_fini(&arena);
    return 0;
}

/* Runs `work` in all threads at once; nothing may be remembered before they start. */
static void in_all_threads(void *(*work)(void *))
{
    struct scene scene = {.trusts = {test_trust(), test_trust()}, .cache = jws_cache_new(8)};
    struct worker workers[THREADS];
    assert_non_null(scene.cache);
    assert_int_equal(pthread_barrier_init(&scene.start, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.scene = &scene, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(workers[i].wrong, 0);
    pthread_barrier_destroy(&scene.start);
    jws_cache_free(scene.cache);
    trust_unref(scene.trusts[0]);
    trust_unref(scene.trusts[1]);
}

/* ---------------------------------------------------------------- what they do */

static enum skp_err verify(struct trust *trust, struct jws_cache *cache, unsigned letter,
                           unsigned payload, struct jws_signer *ret_signer)
{
    const char *why = NULL;
    return jws_verify(trust, cache, span_text(letters[letter]), span_text(payloads[payload]),
                      now_ms(), ret_signer, &why);
}

/* The letter under its own payload, which is good, and under another one's, which never is. */
static bool is_judged_well(struct trust *trust, struct jws_cache *cache, unsigned letter)
{
    static const char *const oins[SIGNERS] = {COUNSELLOR_OIN, RSA_CREDITOR_OIN};
    struct jws_signer signer = {.signed_at_ms = 0};
    return verify(trust, cache, letter, letter, &signer) == SKP_OK &&
           strcmp(signer.oin.text, oins[letter % SIGNERS]) == 0 &&
           verify(trust, cache, letter, (letter + SIGNERS) % LETTERS, &signer) ==
               SKP_E_SIGNATURE_INVALID;
}

/* Now and then without the cache: the chain is checked in full, and of the CRLs what is not known. */
static void *judge_letters(void *arg)
{
    struct worker *worker = arg;
    struct scene *scene = worker->scene;
    pthread_barrier_wait(&scene->start);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct jws_cache *cache = (i + worker->number) % 8 == 0 ? NULL : scene->cache;
        worker->wrong +=
            !is_judged_well(scene->trusts[i / 4 % 2], cache, (3 * i + worker->number) % LETTERS);
    }
    return NULL;
}

/* Of a trust that nobody used before: all meet its CRLs for the first time. */
static void *check_a_chain_first(void *arg)
{
    struct worker *worker = arg;
    pthread_barrier_wait(&worker->scene->start);
    for (unsigned i = 0; i < SIGNERS; i++)
        worker->wrong += !is_judged_well(worker->scene->trusts[0], NULL, i);
    return NULL;
}

/* More chains than there is room for; each names in its thumbprint whose key stands with it. */
static void *put_and_find(void *arg)
{
    struct worker *worker = arg;
    struct jws_cache *cache = worker->scene->cache;
    pthread_barrier_wait(&worker->scene->start);
    for (unsigned i = 0; i < ROUNDS * CHAINS; i++) {
        uint8_t which = (uint8_t)((i * 7 + worker->number) % CHAINS);
        struct skp_hash chain = {.bytes = {[5] = which}};
        struct jws_known known = {.key = keypair_key(keys[which % SIGNERS]), .thumbprint = chain};
        struct jws_known found;
        if (!jws_cache_find(cache, &chain, 1, 1000, &found)) {
            jws_cache_put(cache, &chain, 1, 1000, &known);
            continue;
        }
        worker->wrong += found.key != known.key || !hash_equal(&found.thumbprint, &chain);
        EVP_PKEY_free(found.key);
    }
    return NULL;
}

/* ---------------------------------------------------------------- the tests */

static void many_threads_judge_the_same_letters_as_one_would(void **state)
{
    (void)state;
    in_all_threads(judge_letters);
}

static void many_threads_may_be_the_first_to_see_a_crl(void **state)
{
    (void)state;
    for (int i = 0; i < RELOADS; i++)
        in_all_threads(check_a_chain_first);
}

static void a_full_cache_under_many_threads_forgets_and_never_mixes(void **state)
{
    (void)state;
    in_all_threads(put_and_find);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_judge_the_same_letters_as_one_would),
        cmocka_unit_test(many_threads_may_be_the_first_to_see_a_crl),
        cmocka_unit_test(a_full_cache_under_many_threads_forgets_and_never_mixes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
