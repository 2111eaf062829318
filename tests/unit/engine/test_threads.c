/* The engine as it runs: verifying, storing and reading on threads of their own, everything at
 * once. Meant to run under the thread sanitizer too. */
#include "engine_mail.h"

#include <stdlib.h>

#define STRESS_BATCHES 60

static int threads_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store *store;
    world_init(w, true);
    world_close(w);
    w->threads = 2;
    assert_ok(store_memory_open(&store));
    assert_ok(world_open(w, store, true));
    world_people(w);
    *state = w;
    return 0;
}

static struct answer *submit(struct world *w, const struct party *who, uint64_t session,
                             enum engine_verb verb, const ProtobufCMessage *message)
{
    struct party worker = *who;
    worker.session = session;
    struct span body = message ? wire_pack(message, &w->arena) : span_of("", 0);
    return world_submit(w, &worker, verb, body, NULL, 0);
}

/* What others ask while batches come in. */
static void ask_around(struct world *w, unsigned round)
{
    Skp__V1__Hello hello;
    Skp__V1__Fetch fetch;
    Skp__V1__DirectoryGet directory;
    Skp__V1__CasesGet cases;
    uint32_t versions[] = {1};
    skp__v1__hello__init(&hello);
    skp__v1__fetch__init(&fetch);
    skp__v1__directory_get__init(&directory);
    skp__v1__cases_get__init(&cases);
    hello.n_versions = 1;
    hello.versions = versions;
    fetch.messages = 3;
    fetch.bytes = 1 << 20;
    submit(w, &w->creditor, 1, ENGINE_HELLO, &hello.base);
    submit(w, &w->creditor, 40 + round % 3, ENGINE_FETCH, &fetch.base);
    submit(w, &w->counsellor, 50 + round % 2, ENGINE_FETCH, &fetch.base);
    submit(w, &w->counsellor, 1, ENGINE_DIRECTORY, &directory.base);
    submit(w, &w->counsellor, 1, ENGINE_CASES, &cases.base);
    if (round % 4 == 0)
        submit(w, &(struct party){.session = 0}, 0, ENGINE_TICK, NULL);
    if (round % 8 == 0)
        engine_session_closed(w->engine, 40 + round / 8 % 3);
    if (round % 16 == 0) {
        engine_set_trust(w->engine, w->trust);
        engine_set_signer(w->engine, w->broker_signs);
    }
    engine_next_tick_ms(w->engine);
    engine_run_done(w->engine);
}

static void everything_at_once_loses_nothing(void **state)
{
    struct world *w = *state;
    static struct told_case told[STRESS_BATCHES];
    static struct letter letters[STRESS_BATCHES];
    struct answer *answers[STRESS_BATCHES];
    for (unsigned i = 0; i < STRESS_BATCHES; i++) {
        case_make(&told[i], i % 2 ? &w->creditor : &w->rsa, 2);
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &told[i]);
        letter_sign(&letters[i]);
    }
    for (unsigned i = 0; i < STRESS_BATCHES; i++) {
        answers[i] = letter_submit(&letters[i]);
        ask_around(w, i);
    }
    world_pump(w);
    for (unsigned i = 0; i < STRESS_BATCHES; i++)
        assert_taken(receipt_of(&letters[i], answers[i], NULL), 3);
    for (unsigned i = 0; i < STRESS_BATCHES; i++)
        request_answer_with(w, &told[i].requests[0], 100 + i);
    for (uint64_t session = 40; session < 60; session++)
        engine_session_closed(w->engine, session);
    world_tick(w);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), STRESS_BATCHES);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), STRESS_BATCHES);
    for (unsigned i = 0; i < STRESS_BATCHES; i++)
        assert_int_equal(view_request(w, &told[i], 0)->total_cents, 100 + i);
}

/* Closing while calls are under way: all of them come back. */
static void closing_in_the_middle_brings_every_call_back(void **state)
{
    struct world *w = *state;
    static struct told_case told[20];
    static struct letter letters[20];
    struct answer *answers[20];
    for (unsigned i = 0; i < 20; i++) {
        case_make(&told[i], &w->creditor, 1);
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &told[i]);
        letter_sign(&letters[i]);
    }
    for (unsigned i = 0; i < 20; i++)
        answers[i] = letter_submit(&letters[i]);
    world_close(w);
    assert_int_equal(w->under_way, 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(answers[i]->times, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, threads_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_at_once_loses_nothing),
        TEST(closing_in_the_middle_brings_every_call_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
