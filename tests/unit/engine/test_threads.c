/* The engine as it runs: verifying, storing and reading on threads of their own, everything at
 * once. Meant to run under the thread sanitizer too. */
#include "engine_mail.h"
#include "watermark.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STRESS_BATCHES 60

#define FOLDER "/tmp/skp-threads-XXXXXX"

static char folder[] = FOLDER;

/* A post office on this store, which it takes. */
static int set_up_on(void **state, struct store *store, unsigned verify_threads)
{
    struct world *w = calloc(1, sizeof *w);
    world_init(w, true);
    world_close(w);
    w->threads = verify_threads;
    assert_ok(world_open(w, store, true));
    world_people(w);
    *state = w;
    return 0;
}

static int threads_setup(void **state)
{
    struct store *store;
    assert_ok(store_memory_open(&store));
    return set_up_on(state, store, 2);
}

static int set_up_on_sqlite(void **state, unsigned verify_threads)
{
    struct store *store;
    char file[64], why[256] = "";
    memcpy(folder, FOLDER, sizeof folder);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/store.db", folder);
    assert_ok(store_sqlite_open(file, true, &store, why));
    return set_up_on(state, store, verify_threads);
}

static int sqlite_setup(void **state)
{
    return set_up_on_sqlite(state, 2);
}

static int one_verifier_setup(void **state)
{
    return set_up_on_sqlite(state, 1);
}

static int sqlite_teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    world_teardown(state);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s/store.db%s", folder, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static struct answer *submit(struct world *w, const struct party *who, uint64_t session,
                             enum engine_verb verb, const ProtobufCMessage *message)
{
    struct party worker = *who;
    worker.session = session;
    struct span body = message ? wire_pack(message, &w->arena) : span_of("", 0);
    return world_submit(w, &worker, verb, body, NULL, 0);
}

static void submit_command(struct world *w, const char *name)
{
    struct party nobody = {.session = 0};
    char *json = arena_alloc(&w->arena, 64);
    assert_non_null(json);
    (void)snprintf(json, 64, "{\"command\":\"%s\"}", name);
    world_submit(w, &nobody, engine_admin_verb(name), span_text(json), NULL, 0);
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
    submit_command(w, round % 2 ? "status" : "mailbox.list");
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

/* The store worker goes on with its own mark after each commit, and does not write over this one. */
static void a_lost_link_that_a_client_shows_stays_in_the_watermark(void **state)
{
    struct world *w = *state;
    static struct told_case told[20];
    static struct letter letters[20];
    struct answer *answers[20];
    struct chain_mark lost = {.sequence = 1000000, .hash = sha256(span_text("a lost link"))};
    uint8_t bytes[STORE_WATERMARK_MAX];
    struct watermark mark;
    size_t len;
    for (unsigned i = 0; i < 20; i++) {
        case_make(&told[i], &w->creditor, 1);
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &told[i]);
        letter_sign(&letters[i]);
    }
    for (unsigned i = 0; i < 20; i++) {
        answers[i] = letter_submit(&letters[i]);
        if (i == 10)
            watermark_raise(w->engine, &lost);
    }
    world_pump(w);
    for (unsigned i = 0; i < 20; i++)
        assert_taken(receipt_of(&letters[i], answers[i], NULL), 2);
    assert_ok(store_watermark_read(w->store, bytes, &len));
    assert_ok(watermark_unpack(span_of(bytes, len), &mark));
    assert_int_equal(mark.chain.sequence, lost.sequence);
    assert_true(hash_equal(&mark.chain.hash, &lost.hash));
}

/* Who verifies does not also commit while others wait to be verified. */
static void what_waits_is_committed_together_whoever_verified_it(void **state)
{
    struct world *w = *state;
    static struct told_case told[STRESS_BATCHES];
    static struct letter letters[STRESS_BATCHES];
    struct answer *answers[STRESS_BATCHES];
    for (unsigned i = 0; i < STRESS_BATCHES; i++) {
        case_make(&told[i], &w->creditor, 1);
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &told[i]);
        letter_sign(&letters[i]);
    }
    uint64_t before = w->engine->chain.sequence;
    for (unsigned i = 0; i < STRESS_BATCHES; i++)
        answers[i] = letter_submit(&letters[i]);
    world_pump(w);
    for (unsigned i = 0; i < STRESS_BATCHES; i++)
        assert_taken(receipt_of(&letters[i], answers[i], NULL), 2);
    assert_in_range(w->engine->chain.sequence - before, 1, STRESS_BATCHES - 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, threads_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_at_once_loses_nothing),
        TEST(closing_in_the_middle_brings_every_call_back),
        cmocka_unit_test_setup_teardown(a_lost_link_that_a_client_shows_stays_in_the_watermark,
                                        sqlite_setup, sqlite_teardown),
        cmocka_unit_test_setup_teardown(what_waits_is_committed_together_whoever_verified_it,
                                        one_verifier_setup, sqlite_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
