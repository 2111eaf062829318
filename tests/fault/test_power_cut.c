/* The engine works, the power goes at a random moment, and what the disk kept is opened again: every
 * acknowledgement holds (load.h says which). Some moments are within the start itself, some are not
 * a cut but the end of the process only, followed by a resend and then a cut: so a receipt that is
 * given again must rest on synced bytes.
 *
 * 50 cuts; with SKP_TIER=nightly 1,000. SKP_SEED repeats one life. */
#include "load.h"
#include "power_vfs.h"
#include "random.h"
#include "store_sqlite_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIFE_CUTS        10 /* of one store */
#define STEPS            12 /* at most, between two cuts */
#define CHECKPOINT_BYTES ((int64_t)256 * 1024)

struct life {
    struct power_vfs *disk;
    struct load *load;
    uint64_t random;
    uint64_t ids;
    char folder[64];
    char path[96];
};

struct totals {
    size_t lives, acknowledged, unknown, kept, in_start;
    struct power_counts disk;
};

static struct store *open_store(struct life *life, bool create)
{
    struct store *store = NULL;
    char why[256] = "";
    enum skp_err err = store_sqlite_open(life->path, create, &store, why);
    if (err && !power_vfs_is_off(life->disk))
        fail_msg("the store does not open: %s", why);
    if (!err)
        ((struct sqlite_store *)store)->checkpoint_bytes = CHECKPOINT_BYTES;
    return err ? NULL : store;
}

/* Ids and keys too, so that a seed repeats a life call by call. */
static void random_from(void *ctx, void *ret_bytes, size_t len)
{
    uint8_t *bytes = ret_bytes;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)power_random(ctx);
}

static void life_begin(struct life *life, uint64_t seed)
{
    *life = (struct life){.disk = power_vfs_new(seed), .random = seed, .ids = seed};
    random_steer(random_from, &life->ids);
    (void)snprintf(life->folder, sizeof life->folder, "/tmp/skp-power-XXXXXX");
    assert_non_null(mkdtemp(life->folder));
    (void)snprintf(life->path, sizeof life->path, "%s/store.db", life->folder);
    life->load = load_new(open_store(life, true), seed);
}

static void life_end(struct life *life)
{
    static const char *const ends[] = {"", "-lock", "-watermark"};
    load_free(life->load);
    random_steer(NULL, NULL);
    power_vfs_free(life->disk);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s", life->path, ends[i]);
        assert_ok(unlink(name));
    }
    assert_ok(rmdir(life->folder));
}

static size_t pick(struct life *life, size_t count)
{
    return (size_t)(power_random(&life->random) % count);
}

/* Syncs are few among the writes, and the moments where promises are made. */
static void cut_within(struct life *life, size_t commits)
{
    if (power_chance(&life->random, 40))
        power_vfs_fail(life->disk, POWER_SYNCS, 1 + pick(life, commits), POWER_CUT);
    else
        power_vfs_fail(life->disk, POWER_ANY, 1 + pick(life, 25 * commits), POWER_CUT);
}

static bool world_is_open(struct life *life)
{
    struct store *store = open_store(life, false);
    if (!store)
        return false;
    enum skp_err err = world_open(&life->load->w, store, false);
    if (err && !power_vfs_is_off(life->disk))
        fail_msg("the engine does not open: %s", skp_error_name(err));
    return !err;
}

/* The first tries may be cut short. */
static void open_again(struct life *life, struct totals *totals)
{
    if (power_chance(&life->random, 30))
        cut_within(life, 1);
    while (!world_is_open(life)) {
        totals->in_start++;
        power_vfs_cut(life->disk);
    }
    power_vfs_fail(life->disk, POWER_ANY, 0, POWER_CUT);
}

/* The process ends, not the machine; then whoever got no receipt asks again, and hears it before the
 * power goes. */
static void kill_and_resend(struct life *life)
{
    power_vfs_kill(life->disk);
    world_close(&life->load->w);
    assert_true(world_is_open(life));
    assert_true(load_resend(life->load));
}

static void one_cut(struct life *life, struct totals *totals)
{
    size_t steps = 1 + pick(life, STEPS);
    cut_within(life, 2 * steps);
    for (size_t i = 0; i < steps; i++)
        if (!load_step(life->load) || power_vfs_is_off(life->disk))
            break;
    if (power_chance(&life->random, 40))
        kill_and_resend(life);
    power_vfs_cut(life->disk);
    world_close(&life->load->w);
    open_again(life, totals);
    assert_true(load_resend(life->load));
    load_check(life->load);
}

static void add_up(struct totals *totals, const struct life *life)
{
    struct power_counts counts = power_vfs_counts(life->disk);
    totals->lives++;
    totals->acknowledged += load_acknowledged(life->load);
    totals->unknown += life->load->unknown;
    totals->kept += life->load->kept;
    totals->disk.cuts += counts.cuts;
    totals->disk.kills += counts.kills;
    totals->disk.main_writes += counts.main_writes;
    totals->disk.loss.kept += counts.loss.kept;
    totals->disk.loss.dropped += counts.loss.dropped;
    totals->disk.loss.torn += counts.loss.torn;
}

static void live(uint64_t seed, struct totals *totals)
{
    struct life life;
    print_message("SKP_SEED=%u\n", (unsigned)seed);
    life_begin(&life, seed);
    for (size_t i = 0; i < LIFE_CUTS; i++)
        one_cut(&life, totals);
    load_finish(life.load);
    add_up(totals, &life);
    life_end(&life);
}

static void nothing_acknowledged_is_lost_when_the_power_goes(void **state)
{
    struct totals totals = {.lives = 0};
    const char *tier = getenv("SKP_TIER");
    const char *seed = getenv("SKP_SEED");
    unsigned cuts = tier && strcmp(tier, "nightly") == 0 ? 1000 : 50;
    (void)state;
    if (seed)
        live(strtoul(seed, NULL, 10), &totals);
    for (uint64_t next = 1; !seed && totals.disk.cuts < cuts; next++)
        live(next, &totals);
    print_message(
        "%zu lives: %u cuts (%zu of these in a start), %u kills, %zu batches acknowledged, "
        "%zu times the outcome was unknown, %zu of these were stored\n"
        "unsynced writes: %u kept, %u dropped, %u torn; %u pages written by checkpoints\n",
        totals.lives, (unsigned)totals.disk.cuts, totals.in_start, (unsigned)totals.disk.kills,
        totals.acknowledged, totals.unknown, totals.kept, (unsigned)totals.disk.loss.kept,
        (unsigned)totals.disk.loss.dropped, (unsigned)totals.disk.loss.torn,
        (unsigned)totals.disk.main_writes);
    assert_true(totals.acknowledged > totals.disk.cuts);
    if (seed)
        return;
    assert_true(totals.unknown > 0 && totals.kept > 0 && totals.in_start > 0);
    assert_true(totals.disk.loss.kept > 0 && totals.disk.loss.dropped > 0);
    assert_true(totals.disk.loss.torn > 0 && totals.disk.main_writes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_acknowledged_is_lost_when_the_power_goes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
