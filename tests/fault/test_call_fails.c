/* Every write and every sync fails once: the engine does a small round of work on the power-cut
 * disk, and its call number N gets an error, finds no room, is cut short, or is where the process
 * dies; for every N. Afterwards the broker does what it promised for that failure, a new engine
 * finds everything acknowledged (load.h), and the work goes on.
 *
 * A sample of the calls; with SKP_TIER=nightly all of them. */
#include "load.h"
#include "log.h"
#include "power_vfs.h"
#include "random.h"
#include "store_sqlite_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEPS            14
#define CHECKPOINT_BYTES ((int64_t)192 * 1024)
#define SAMPLES          6 /* calls of each kind of failure in the commit tier */

struct scene {
    struct power_vfs *disk;
    struct load *load;
    uint64_t ids;
    char folder[64];
    char path[96];
};

static const char *const failure_names[] = {[POWER_EIO] = "EIO",
                                            [POWER_ENOSPC] = "ENOSPC",
                                            [POWER_SHORT] = "short write",
                                            [POWER_CUT] = "kill"};

static bool is_nightly(void)
{
    const char *tier = getenv("SKP_TIER");
    return tier && strcmp(tier, "nightly") == 0;
}

static void random_from(void *ctx, void *ret_bytes, size_t len)
{
    uint8_t *bytes = ret_bytes;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)power_random(ctx);
}

/* The same numbers every time, so that call N is the same call. */
static void scene_begin(struct scene *scene)
{
    *scene = (struct scene){.disk = power_vfs_new(1), .ids = 1};
    random_steer(random_from, &scene->ids);
    (void)snprintf(scene->folder, sizeof scene->folder, "/tmp/skp-calls-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(scene->path, sizeof scene->path, "%s/store.db", scene->folder);
}

static void scene_end(struct scene *scene)
{
    static const char *const ends[] = {"", "-lock", "-watermark"};
    if (scene->load)
        load_free(scene->load);
    random_steer(NULL, NULL);
    power_vfs_free(scene->disk);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s", scene->path, ends[i]);
        assert_ok(unlink(name));
    }
    assert_ok(rmdir(scene->folder));
}

static struct store *open_store(struct scene *scene, bool create)
{
    struct store *store = NULL;
    char why[256] = "";
    enum skp_err err = store_sqlite_open(scene->path, create, &store, why);
    if (err)
        fail_msg("the store does not open: %s", why);
    ((struct sqlite_store *)store)->checkpoint_bytes = CHECKPOINT_BYTES;
    return store;
}

static void open_again(struct scene *scene)
{
    world_close(&scene->load->w);
    assert_ok(world_open(&scene->load->w, open_store(scene, false), false));
}

/* The work in which a call fails; returns how many steps succeeded. */
static size_t work(struct scene *scene)
{
    size_t steps = 0;
    while (steps < STEPS && load_step(scene->load))
        steps++;
    return steps;
}

static uint64_t count_calls(void)
{
    struct scene scene;
    scene_begin(&scene);
    scene.load = load_new(open_store(&scene, true), 1);
    uint64_t before = power_vfs_calls(scene.disk);
    struct power_counts counts = power_vfs_counts(scene.disk);
    assert_int_equal(work(&scene), STEPS);
    uint64_t calls = power_vfs_calls(scene.disk) - before;
    struct power_counts after = power_vfs_counts(scene.disk);
    print_message("the work makes %u calls: %u writes (%u by checkpoints), %u syncs\n",
                  (unsigned)calls, (unsigned)(after.writes - counts.writes),
                  (unsigned)(after.main_writes - counts.main_writes),
                  (unsigned)(after.syncs - counts.syncs));
    assert_true(after.main_writes > counts.main_writes);
    scene_end(&scene);
    return calls;
}

/* ---------------------------------------------------------------- what is promised for each */

/* Nothing more is written, and whoever asks hears so. */
static void assert_ended(struct scene *scene)
{
    struct world *w = &scene->load->w;
    struct party nobody = {.session = 0};
    uint64_t calls = power_vfs_calls(scene->disk);
    assert_err(engine_failure(w->engine), SKP_E_OUTCOME_UNKNOWN);
    assert_true(strlen(engine_failed(w->engine)) > 20);
    assert_err(world_ask(w, &nobody, ENGINE_TICK, NULL)->err, SKP_E_UNAVAILABLE);
    (void)load_resend(scene->load);
    world_close(w);
    assert_true(power_vfs_calls(scene->disk) == calls);
}

/* No restart is needed: what was refused is taken, and the disk's trouble is over. */
static void assert_recovered(struct scene *scene)
{
    struct party nobody = {.session = 0};
    assert_null(engine_failed(scene->load->w.engine));
    /* Where the last checkpoint found no room, the next turn finds that there is some. */
    (void)world_ask(&scene->load->w, &nobody, ENGINE_TICK, NULL);
    assert_true(load_resend(scene->load));
    load_check(scene->load);
}

struct tally {
    unsigned calls, unknown, refused, unnoticed;
};

static void after_failure(struct scene *scene, size_t steps, enum power_failure how,
                          struct tally *tally)
{
    bool has_ended = engine_failed(scene->load->w.engine) != NULL;
    tally->calls++;
    tally->unknown += has_ended;
    tally->refused += !has_ended && steps < STEPS;
    tally->unnoticed += !has_ended && steps == STEPS;
    if (how == POWER_CUT) {
        power_vfs_kill(scene->disk);
        open_again(scene);
    } else if (has_ended) {
        assert_ended(scene);
        assert_ok(world_open(&scene->load->w, open_store(scene, false), false));
    }
    assert_recovered(scene);
    open_again(scene);
    assert_recovered(scene);
    assert_true(load_step(scene->load));
}

static void fail_call(uint64_t n, enum power_failure how, struct tally *tally)
{
    struct scene scene;
    scene_begin(&scene);
    scene.load = load_new(open_store(&scene, true), 1);
    power_vfs_fail(scene.disk, POWER_ANY, n, how);
    size_t steps = work(&scene);
    assert_true(power_vfs_has_failed(scene.disk));
    after_failure(&scene, steps, how, tally);
    scene_end(&scene);
}

static struct tally fail_each(enum power_failure how)
{
    struct tally tally = {.calls = 0};
    uint64_t calls = count_calls();
    uint64_t stride = is_nightly() ? 1 : calls / SAMPLES + 1;
    for (uint64_t n = 1 + calls % stride / 2; n <= calls; n += stride)
        fail_call(n, how, &tally);
    print_message("%s at %u of %u calls: %u ended the engine, %u refused a step, %u cost nothing\n",
                  failure_names[how], tally.calls, (unsigned)calls, tally.unknown, tally.refused,
                  tally.unnoticed);
    return tally;
}

static void an_error_of_the_disk_ends_all_writing_and_loses_nothing(void **state)
{
    (void)state;
    assert_true(fail_each(POWER_EIO).unknown > 0);
}

static void a_disk_without_room_refuses_and_goes_on_without_a_start(void **state)
{
    (void)state;
    struct tally tally = fail_each(POWER_ENOSPC);
    assert_true(tally.refused > 0);
}

static void a_write_cut_short_refuses_and_goes_on_without_a_start(void **state)
{
    (void)state;
    struct tally tally = fail_each(POWER_SHORT);
    assert_true(tally.refused > 0);
}

static void a_process_that_dies_in_any_call_loses_nothing(void **state)
{
    (void)state;
    assert_true(fail_each(POWER_CUT).calls > 0);
}

/* A sync that fails is final wherever it stands: every fourth, with SKP_TIER=nightly each of them. */
static void every_failed_sync_is_an_unknown_outcome(void **state)
{
    (void)state;
    unsigned failed = 0;
    for (uint64_t n = 1;; n += is_nightly() ? 1 : 4) {
        struct tally tally = {.calls = 0};
        struct scene scene;
        scene_begin(&scene);
        scene.load = load_new(open_store(&scene, true), 1);
        power_vfs_fail(scene.disk, POWER_SYNCS, n, POWER_EIO);
        size_t steps = work(&scene);
        bool has_failed = power_vfs_has_failed(scene.disk);
        if (has_failed) {
            assert_err(engine_failure(scene.load->w.engine), SKP_E_OUTCOME_UNKNOWN);
            after_failure(&scene, steps, POWER_EIO, &tally);
        }
        scene_end(&scene);
        if (!has_failed)
            break;
        failed++;
    }
    print_message("%u syncs failed\n", failed);
    assert_true(failed > 2);
}

/* The watermark is not on the disk that fails here: its writes and syncs are its own. Whatever of it
 * fails, the mark stays older, and the work goes on. */
static void a_watermark_that_cannot_be_written_is_told_once_and_costs_nothing(void **state)
{
    (void)state;
    struct scene scene;
    char *text = NULL;
    size_t len = 0;
    FILE *log = open_memstream(&text, &len);
    assert_non_null(log);
    scene_begin(&scene);
    struct store *store = open_store(&scene, true);
    scene.load = load_new(store, 1);
    int *fd = &((struct sqlite_store *)store)->watermark_fd;
    close(*fd);
    *fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(*fd >= 0);
    log_set_stream(log);
    assert_int_equal(work(&scene), STEPS);
    assert_null(engine_failed(scene.load->w.engine));
    power_vfs_kill(scene.disk);
    world_close(&scene.load->w);
    log_set_stream(NULL);
    assert_ok(fclose(log));
    const char *told = strstr(text, "watermark_not_written why=");
    assert_non_null(told);
    assert_null(strstr(told + 1, "watermark_not_written"));
    free(text);
    assert_ok(world_open(&scene.load->w, open_store(&scene, false), false));
    load_check(scene.load);
    assert_true(load_step(scene.load));
    scene_end(&scene);
}

/* ---------------------------------------------------------------- the start */

static enum skp_err try_open(struct scene *scene, struct store **ret_store)
{
    char why[256] = "";
    enum skp_err err = store_sqlite_open(scene->path, true, ret_store, why);
    if (err) {
        assert_err(err, SKP_E_IO);
        assert_true(strlen(why) > 10);
    }
    return err;
}

/* Making a store, and opening one that a killed process left: call n fails. False: there is no
 * call n. */
static bool fail_start(bool is_new, uint64_t n, enum power_failure how)
{
    struct scene scene;
    struct store *store = NULL;
    scene_begin(&scene);
    if (!is_new) {
        scene.load = load_new(open_store(&scene, true), 1);
        assert_int_equal(work(&scene), STEPS);
        power_vfs_kill(scene.disk);
        world_close(&scene.load->w);
    }
    power_vfs_fail(scene.disk, POWER_ANY, n, how);
    enum skp_err err = try_open(&scene, &store);
    bool has_failed = power_vfs_has_failed(scene.disk);
    assert_true(has_failed || !err);
    power_vfs_fail(scene.disk, POWER_ANY, 0, how);
    if (err && how == POWER_CUT)
        power_vfs_cut(scene.disk);
    if (err)
        assert_ok(try_open(&scene, &store));
    if (is_new) {
        store_close(store);
    } else {
        assert_ok(world_open(&scene.load->w, store, false));
        load_check(scene.load);
    }
    scene_end(&scene);
    return has_failed;
}

static void a_start_that_fails_says_so_and_succeeds_later(void **state)
{
    (void)state;
    for (int is_new = 0; is_new < 2; is_new++)
        for (unsigned how = POWER_EIO; how <= POWER_CUT; how++) {
            unsigned calls = 0;
            uint64_t stride = is_nightly() ? 1 : is_new ? 14 : 9;
            for (uint64_t n = 1; fail_start(is_new, n, (enum power_failure)how); n += stride)
                calls++;
            print_message("%s at %u calls of %s\n", failure_names[how], calls,
                          is_new ? "a first start" : "a start after a kill");
            assert_true(calls > 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_of_the_disk_ends_all_writing_and_loses_nothing),
        cmocka_unit_test(a_disk_without_room_refuses_and_goes_on_without_a_start),
        cmocka_unit_test(a_write_cut_short_refuses_and_goes_on_without_a_start),
        cmocka_unit_test(a_process_that_dies_in_any_call_loses_nothing),
        cmocka_unit_test(every_failed_sync_is_an_unknown_outcome),
        cmocka_unit_test(a_watermark_that_cannot_be_written_is_told_once_and_costs_nothing),
        cmocka_unit_test(a_start_that_fails_says_so_and_succeeds_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
