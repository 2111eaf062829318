/* Memory runs out: allocation number N fails, for every N, while the engine takes a batch, delivers,
 * takes a collect and lets time pass. Whoever asked hears an error that says "later" and nothing
 * worse, or does not notice; nothing leaks (LeakSanitizer looks at the end); asked again, it
 * succeeds with one effect.
 *
 * Counted are our own allocations and SQLite's. Not those of OpenSSL and jansson, which say "not
 * valid" where they find no memory: then a good signature can be called wrong. A sample; with
 * SKP_TIER=nightly every one. */
#include "engine_mail.h"
#include "statement.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---------------------------------------------------------------- allocations that fail */

static unsigned long fails_in; /* allocations until one fails; 0: none does */
static unsigned long failed;

static bool fails_now(void)
{
    if (fails_in == 0 || --fails_in > 0)
        return false;
    failed++;
    errno = ENOMEM;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods sqlite_memory;

static void *sqlite_malloc(int size)
{
    return fails_now() ? NULL : sqlite_memory.xMalloc(size);
}

static void *sqlite_realloc(void *old, int size)
{
    return fails_now() ? NULL : sqlite_memory.xRealloc(old, size);
}

static void fail_in_sqlite(void)
{
    sqlite3_mem_methods ours;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
    ours = sqlite_memory;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
}

/* ---------------------------------------------------------------- the scene */

struct scene {
    struct world w;
    char folder[64];
    char path[96];
};

static int scene_begin(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct store *store;
    char why[256] = "";
    assert_non_null(scene);
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/skp-memory-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(scene->path, sizeof scene->path, "%s/store.db", scene->folder);
    world_init(&scene->w, true);
    world_close(&scene->w);
    assert_ok(store_sqlite_open(scene->path, true, &store, why));
    assert_ok(world_open(&scene->w, store, true));
    world_people(&scene->w);
    *state = scene;
    return 0;
}

static int scene_end(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    struct scene *scene = *state;
    world_fini(&scene->w);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[112];
        (void)snprintf(name, sizeof name, "%s%s", scene->path, ends[i]);
        (void)unlink(name);
    }
    assert_ok(rmdir(scene->folder));
    free(scene);
    return 0;
}

/* A commit that ran out of memory may or may not be on disk: as after a failed sync. */
static void start_again(struct scene *scene)
{
    struct store *store;
    char why[256] = "";
    world_close(&scene->w);
    assert_ok(store_sqlite_open(scene->path, false, &store, why));
    assert_ok(world_open(&scene->w, store, false));
}

/* ---------------------------------------------------------------- one call */

struct question {
    const struct party *who;
    enum engine_verb verb;
    struct span request;
    const struct span *parts;
    size_t part_count;
};

static struct {
    bool is_back;
    enum skp_err err;
} heard;

static void on_back(struct engine_call *call)
{
    unsigned long rest = fails_in;
    fails_in = 0; /* what the test itself needs */
    assert_false(heard.is_back);
    heard.is_back = true;
    heard.err = call->err;
    engine_call_free(call);
    fails_in = rest;
}

static enum skp_err fill_call(struct engine_call *call, const struct question *question)
{
    enum skp_err err = engine_call_request(call, question->request);
    for (size_t i = 0; !err && i < question->part_count; i++)
        err = engine_call_part(call, question->parts[i]);
    return err;
}

/* As a session does it. */
static enum skp_err ask(struct scene *scene, const struct question *question)
{
    struct engine *engine = scene->w.engine;
    heard.is_back = false;
    struct engine_call *call = engine_call_new(engine, question->verb, &question->who->oin,
                                               question->who->session, on_back, NULL);
    if (!call)
        return SKP_E_NO_MEMORY;
    enum skp_err err = fill_call(call, question);
    if (err) {
        engine_call_free(call);
        return err;
    }
    engine_submit(call);
    while (engine_pump(engine))
        continue;
    assert_true(heard.is_back);
    return heard.err;
}

/* Asks with allocation n failing, then again. False: the question needs fewer allocations. */
static bool ask_failing(struct scene *scene, const struct question *question, unsigned long n)
{
    failed = 0;
    fails_in = n;
    enum skp_err err = ask(scene, question);
    fails_in = 0;
    if (failed == 0) {
        assert_ok(err);
        return false;
    }
    if (err && skp_error(err)->retry != SKP_RETRY_LATER)
        fail_msg("allocation %lu of %s failed: %s", n, engine_verb_of(question->verb)->name,
                 skp_error_name(err));
    if (engine_failed(scene->w.engine)) {
        assert_err(engine_failure(scene->w.engine), SKP_E_OUTCOME_UNKNOWN);
        start_again(scene);
    }
    return true;
}

static unsigned long stride(unsigned long n)
{
    const char *tier = getenv("SKP_TIER");
    return tier && strcmp(tier, "nightly") == 0 ? 1 : 1 + n / 4;
}

/* ---------------------------------------------------------------- batches */

static void letter_make(struct letter *letter, struct world *w, struct told_case *told)
{
    case_make(told, &w->creditor, 2);
    letter_begin(letter, w, &w->counsellor);
    case_write(letter, told);
    letter_sign(letter);
}

static struct question question_of(struct letter *letter)
{
    Skp__V1__Begin begin;
    skp__v1__begin__init(&begin);
    begin.header = wire_bytes(letter->batch.header);
    begin.jws = wire_text(letter->batch.jws);
    return (struct question){.who = letter->from,
                             .verb = ENGINE_BATCH,
                             .request = wire_pack(&begin.base, &letter->world->arena),
                             .parts = letter->batch.bundles,
                             .part_count = letter->batch.bundle_count};
}

static void a_batch_that_finds_no_memory_can_be_sent_again(void **state)
{
    struct scene *scene = *state;
    unsigned long n = 1;
    size_t sent = 0;
    for (bool has_failed = true; has_failed; n += stride(n)) {
        struct told_case told;
        struct letter letter;
        letter_make(&letter, &scene->w, &told);
        struct question question = question_of(&letter);
        has_failed = ask_failing(scene, &question, n);
        assert_taken(receipt_of(&letter, letter_ask(&letter), NULL), 3);
        assert_int_equal(view_case(&scene->w, &scene->w.counsellor, &told.id)->n_requests, 2);
        sent++;
    }
    print_message("a batch makes fewer than %lu allocations, %zu of these failed once\n", n,
                  sent - 1);
    struct post post = collect_all(&scene->w, &scene->w.creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2 * sent);
    assert_true(sent > 10);
}

/* ---------------------------------------------------------------- mail */

static void send_one(struct scene *scene)
{
    struct told_case told;
    case_make(&told, &scene->w.creditor, 2);
    case_register(&scene->w, &told);
}

static void a_delivery_that_finds_no_memory_comes_later(void **state)
{
    struct scene *scene = *state;
    const struct party *creditor = &scene->w.creditor;
    Skp__V1__Fetch fetch;
    unsigned long n = 1;
    size_t asked = 0;
    for (int i = 0; i < 3; i++)
        send_one(scene);
    skp__v1__fetch__init(&fetch);
    fetch.messages = 10;
    fetch.bytes = 1 << 20;
    struct question question = {
        .who = creditor, .verb = ENGINE_FETCH, .request = wire_pack(&fetch.base, &scene->w.arena)};
    for (bool has_failed = true; has_failed; n += stride(n)) {
        has_failed = ask_failing(scene, &question, n);
        engine_session_closed(scene->w.engine, creditor->session);
        struct post post = fetch_all(&scene->w, creditor);
        assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 6);
        engine_session_closed(scene->w.engine, creditor->session);
        asked++;
    }
    print_message("a fetch makes fewer than %lu allocations, %zu of these failed once\n", n,
                  asked - 1);
    assert_true(asked > 5);
}

static struct question collect_question(struct scene *scene, const struct post *post)
{
    struct world *w = &scene->w;
    Skp__V1__Collect collect;
    Skp__V1__CollectedItem item;
    skp__v1__collected_item__init(&item);
    item.position = post->mails[0].delivery->position;
    item.head_hash = wire_bytes(span_of(post->mails[0].checked.head_hash.bytes, HASH_BYTES));
    assert_ok(statement_make(w->creditor.signs, &w->creditor.oin, "", &item, 1,
                             clock_real_ms(&w->clock.clock), &w->arena, &collect));
    return (struct question){.who = &w->creditor,
                             .verb = ENGINE_COLLECT,
                             .request = wire_pack(&collect.base, &w->arena)};
}

static void a_collect_that_finds_no_memory_can_be_said_again(void **state)
{
    struct scene *scene = *state;
    struct world *w = &scene->w;
    unsigned long n = 1;
    size_t asked = 0;
    for (bool has_failed = true; has_failed; n += stride(n)) {
        send_one(scene);
        struct post post = fetch_all(w, &w->creditor);
        assert_int_equal(post.count, 1);
        struct question question = collect_question(scene, &post);
        has_failed = ask_failing(scene, &question, n);
        engine_session_closed(w->engine, w->creditor.session);
        post = fetch_all(w, &w->creditor);
        assert_in_range(post.count, 0, has_failed);
        if (post.count == 1)
            assert_int_equal(
                collect(w, &w->creditor, w->creditor.session, "", post.mails, 1)->collected, 1);
        asked++;
    }
    print_message("a collect makes fewer than %lu allocations, %zu of these failed once\n", n,
                  asked - 1);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED), asked);
    assert_true(asked > 5);
}

/* ---------------------------------------------------------------- time */

static void time_that_finds_no_memory_passes_later(void **state)
{
    struct scene *scene = *state;
    struct world *w = &scene->w;
    struct party nobody = {.session = 0};
    unsigned long n = 1;
    size_t asked = 0;
    for (bool has_failed = true; has_failed; n += stride(n)) {
        struct told_case told;
        case_make(&told, &w->creditor, 1);
        case_register(w, &told);
        request_answer_with(w, &told.requests[0], 100);
        struct question question = {.who = &nobody, .verb = ENGINE_TICK, .request = span_of("", 0)};
        has_failed = ask_failing(scene, &question, n);
        world_tick(w);
        assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                         SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
        asked++;
    }
    print_message("a tick makes fewer than %lu allocations, %zu of these failed once\n", n,
                  asked - 1);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), asked);
    assert_true(asked > 5);
}

#define ON_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SCENE(a_batch_that_finds_no_memory_can_be_sent_again),
        ON_SCENE(a_delivery_that_finds_no_memory_comes_later),
        ON_SCENE(a_collect_that_finds_no_memory_can_be_said_again),
        ON_SCENE(time_that_finds_no_memory_passes_later),
    };
    fail_in_sqlite();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
