#include "sim_broker.h"

#include "engine_internal.h"
#include "log.h"
#include "power_vfs.h"
#include "server_internal.h"
#include "sim_history.h"
#include "sim_pki.h"
#include "sim_time.h"
#include "sim_wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SWEEP_US      (200 * SIM_MS)
#define TURNS_MOST    1000
#define STOP_GRACE_MS 3000
#define NEXT_CALLS    12 /* a disk fault hits one of so many writes and syncs */
#define FIRST_SYNCS   2  /* of a start; the second may come after the first answers */
#define START_TRIES   20
#define FILES         6

static struct {
    struct sim_random random;
    char paths[FILES][SIM_PATH];
    char store_path[SIM_PATH];
    struct credential_files files;
    struct credentials credentials;
    struct power_vfs *disk;
    struct event_base *base;
    struct engine *engine; /* NULL: down */
    struct server *server;
    int64_t swept_us;
    int64_t slow_until_us;
    bool born; /* the store exists */
    bool work_planned, stopped, cut_in_start, cut_at_answer, kill_at_write, cut_after_kill,
        sync_will_fail, has_given_up, in_turn, is_full, healed;
    unsigned refusals; /* to start, in a row */
    unsigned life;
    struct broker_counts counts;
} broker;

bool broker_is_up(void)
{
    return broker.engine != NULL;
}

struct engine *broker_engine(void)
{
    return broker.engine;
}

struct broker_counts broker_counts(void)
{
    return broker.counts;
}

/* ---------------------------------------------------------------- start */

void broker_init(uint64_t seed, const char *folder)
{
    static const char *const names[FILES] = {"ca.pem",          "crl.pem",
                                             "broker-tls.pem",  "broker-tls.key",
                                             "broker-sign.pem", "broker-sign.key"};
    char why[CREDENTIALS_WHY_BYTES];
    broker.random = sim_stream(seed, 2);
    for (size_t i = 0; i < FILES; i++)
        sim_pki_file(names[i], broker.paths[i]);
    broker.files = (struct credential_files){broker.paths[0], broker.paths[1], broker.paths[2],
                                             broker.paths[3], broker.paths[4], broker.paths[5]};
    int len = snprintf(broker.store_path, SIM_PATH, "%s/store.db", folder);
    assert(len > 0 && len < SIM_PATH);
    broker.disk = power_vfs_new(seed);
    if (credentials_load(&broker.files, clock_real_ms(clock_system()), &broker.credentials, why))
        sim_die("certificates: %s", why);
}

static void on_stopped(void *ctx)
{
    (void)ctx;
    broker.stopped = true;
}

static enum skp_err open_engine(char *ret_why)
{
    struct engine_config config = {
        .clock = clock_system(),
        .trust = broker.credentials.trust,
        .signer = broker.credentials.signer,
        .name = "TEST simulation",
        .play = true,
        .lease_seconds = 60,
    };
    clock_set_business_offset(clock_system(), 0); /* a new process knows no offset */
    enum skp_err err = store_sqlite_open(broker.store_path, !broker.born, &config.store, ret_why);
    return err ? err : engine_open(&config, &broker.engine, ret_why);
}

static void open_server(void)
{
    char why[CREDENTIALS_WHY_BYTES];
    broker.base = event_base_new();
    struct server_config config = {
        .base = broker.base,
        .engine = broker.engine,
        .clock = clock_system(),
        .credentials = &broker.credentials,
        .files = &broker.files,
        .limits = server_limits_default(),
        .stopped = on_stopped,
    };
    if (broker.base == NULL || server_new(&config, &broker.server, why))
        sim_die("the server does not start: %s", why);
}

static void start_again(void *ctx)
{
    (void)ctx;
    broker_start();
}

static void fail_soon(enum power_failure how)
{
    unsigned kinds = sim_chance(&broker.random, 50) ? POWER_SYNCS : POWER_ANY;
    broker.sync_will_fail = how == POWER_EIO && kinds == POWER_SYNCS;
    power_vfs_fail(broker.disk, kinds, 1 + sim_below(&broker.random, NEXT_CALLS), how);
}

static void go_dark_in_start(void)
{
    engine_close(broker.engine);
    broker.engine = NULL;
    power_vfs_cut(broker.disk);
    broker.counts.cuts_at_write++;
    sim_history("fault", "", "\"kind\":\"cut at start\"");
    sim_after(SIM_SECOND, start_again, NULL);
}

/* A broker that cannot write does not start, and says so; whoever runs it tries again. */
static void wait_for_disk(enum skp_err err, const char *why)
{
    bool is_bad = broker.is_full || power_vfs_has_failed(broker.disk);
    if (err != SKP_E_IO || !is_bad || ++broker.refusals > START_TRIES)
        sim_die("the broker does not start: %s: %s", skp_error_name(err), why);
    broker.engine = NULL;
    broker.sync_will_fail = false;
    power_vfs_kill(broker.disk);
    sim_history("fault", "", "\"kind\":\"start refused\"");
    sim_after(SIM_SECOND, start_again, NULL);
}

void broker_start(void)
{
    char why[512] = "";
    broker.life++;
    broker.stopped = broker.work_planned = broker.has_given_up = false;
    if (broker.cut_after_kill) {
        broker.cut_after_kill = false;
        power_vfs_fail(broker.disk, POWER_SYNCS, 1 + sim_below(&broker.random, FIRST_SYNCS),
                       POWER_CUT);
    } else if (broker.cut_in_start) {
        broker.cut_in_start = false;
        fail_soon(POWER_CUT);
    }
    enum skp_err err = open_engine(why);
    if (power_vfs_is_off(broker.disk)) {
        go_dark_in_start();
        return;
    }
    if (err) {
        wait_for_disk(err, why);
        return;
    }
    broker.refusals = 0;
    broker.born = true;
    open_server();
    broker.swept_us = sim_now();
    broker.counts.starts++;
    sim_history("broker", "", "\"up\":true,\"sequence\":%llu",
                (unsigned long long)broker.engine->chain.sequence);
}

/* ---------------------------------------------------------------- end */

/* The process is gone: nothing that it does from here on reaches disk or network. */
static void fall(bool power)
{
    wires_broker_gone();
    broker.counts.commits = broker.engine->chain.sequence;
    if (power)
        power_vfs_cut(broker.disk);
    else
        power_vfs_kill(broker.disk);
    engine_close(broker.engine);
    broker.engine = NULL;
    server_free(broker.server);
    event_base_free(broker.base);
    sim_history("broker", "", "\"up\":false");
}

static void fall_and_rise(bool power)
{
    fall(power);
    sim_after(sim_between(&broker.random, 100 * SIM_MS, 6 * SIM_SECOND), start_again, NULL);
}

void broker_fini(void)
{
    if (broker.engine != NULL)
        fall(false);
    credentials_fini(&broker.credentials);
    power_vfs_free(broker.disk);
}

/* ---------------------------------------------------------------- work */

static bool waits(struct work_queue *queue)
{
    struct work_counters counters;
    work_queue_counters(queue, &counters);
    return counters.depth > 0;
}

static size_t waiting_queues(struct work_queue *ret_queues[3])
{
    size_t count = 0;
    struct work_queue *all[] = {broker.engine->verify_queue, broker.engine->store_queue,
                                broker.engine->read_queue};
    for (size_t i = 0; i < 3; i++)
        if (waits(all[i]))
            ret_queues[count++] = all[i];
    return count;
}

/* It is on disk, and nobody will hear of it before they ask again. */
static void cut_at_answer(void)
{
    broker.cut_at_answer = false;
    broker.counts.cuts_at_answer++;
    sim_history("fault", "", "\"kind\":\"cut at answer\"");
    fall_and_rise(true);
}

/* Workers would run beside each other: which one comes first is the seed's. */
static void work(void *ctx)
{
    struct work_queue *queues[3];
    if (broker.engine == NULL || (uintptr_t)ctx != broker.life)
        return;
    broker.work_planned = false;
    size_t count = waiting_queues(queues);
    uint64_t sequence = broker.engine->chain.sequence;
    if (count > 0)
        (void)work_run_one(queues[sim_below(&broker.random, count)]);
    if (broker.cut_at_answer && broker.engine->chain.sequence > sequence)
        cut_at_answer();
    else
        broker_turn();
}

static int64_t work_us(void)
{
    if (broker.slow_until_us > sim_now())
        return sim_between(&broker.random, 50 * SIM_MS, 800 * SIM_MS);
    return sim_between(&broker.random, 50,
                       sim_chance(&broker.random, 5) ? 60 * SIM_MS : 2 * SIM_MS);
}

void broker_plan_work(void)
{
    struct work_queue *queues[3];
    if (broker.work_planned || waiting_queues(queues) == 0)
        return;
    broker.work_planned = true;
    sim_after(work_us(), work, (void *)(uintptr_t)broker.life);
}

/* ---------------------------------------------------------------- turns */

static void run_loop(void)
{
    for (unsigned turn = 0; turn < TURNS_MOST; turn++) {
        event_base_loop(broker.base, EVLOOP_NONBLOCK);
        if (event_base_get_num_events(broker.base, EVENT_BASE_COUNT_ACTIVE) == 0)
            return;
    }
    sim_die("the broker's loop never comes to rest");
}

/* After a failed sync nobody knows what the disk holds: a broker that goes on guesses. One that gives
 * up for less is no good either. */
static void check_honesty(void)
{
    const char *failed = engine_failed(broker.engine);
    bool has_failed = power_vfs_has_failed(broker.disk);
    if (failed != NULL && !broker.has_given_up && !has_failed)
        sim_die("the broker gives up though its disk did not fail: %s", failed);
    if (failed == NULL && broker.sync_will_fail && has_failed)
        sim_die("a sync failed and the broker goes on");
    broker.has_given_up = failed != NULL;
    broker.sync_will_fail = broker.sync_will_fail && !has_failed;
}

/* What a process does whose store failed: it leaves, and starts again. */
static void leave_if_over(void)
{
    if (power_vfs_is_off(broker.disk) && broker.kill_at_write) {
        broker.kill_at_write = false;
        broker.counts.kills++;
        sim_history("fault", "", "\"kind\":\"kill at write\"");
        fall_and_rise(false);
        broker.cut_after_kill = !broker.healed;
    } else if (power_vfs_is_off(broker.disk)) {
        broker.counts.cuts_at_write++;
        sim_history("fault", "", "\"kind\":\"cut at write\"");
        fall_and_rise(true);
    } else if (broker.stopped) {
        const char *failed = engine_failed(broker.engine);
        if (engine_failure(broker.engine) == SKP_E_DATA_LOSS)
            sim_die("the broker says that data was lost: %s", failed);
        if (failed != NULL)
            broker.counts.failures++;
        sim_history("fault", "", "\"kind\":\"%s\"", failed != NULL ? "sync failed" : "stopped");
        fall_and_rise(false);
    }
}

void broker_turn(void)
{
    if (broker.engine == NULL || broker.in_turn)
        return;
    broker.in_turn = true;
    run_loop();
    server_run_done(broker.server);
    run_loop();
    if (!power_vfs_is_off(broker.disk)) /* else the machine is dark: nothing leaves it */
        wires_take_from_broker();
    broker.in_turn = false;
    check_honesty();
    leave_if_over();
    if (broker.engine != NULL) {
        broker_plan_work();
        broker.swept_us = sim_now();
    }
}

int64_t broker_due(void)
{
    return broker.engine != NULL ? broker.swept_us + SWEEP_US : SIM_NEVER;
}

bool broker_accept(int fd, unsigned participant)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(1024)};
    from.sin_addr.s_addr = htonl(0x0a000001U + participant);
    if (broker.server == NULL || broker.engine == NULL || broker.server->stopping)
        return false;
    handshake_start(broker.server, fd, (struct sockaddr *)&from);
    return true;
}

/* ---------------------------------------------------------------- faults */

static void make_room(void *ctx)
{
    (void)ctx;
    broker.is_full = false;
    power_vfs_set_full(broker.disk, false);
}

bool broker_hurt(enum broker_fault fault)
{
    if (broker.engine == NULL)
        return false;
    switch (fault) {
    case BROKER_POWER_CUT:
        broker.counts.cuts++;
        fall_and_rise(true);
        break;
    case BROKER_KILL_AT_WRITE:
        broker.kill_at_write = true;
        fail_soon(POWER_CUT);
        break;
    case BROKER_CUT_AT_WRITE:
        broker.cut_in_start = sim_chance(&broker.random, 30);
        fail_soon(POWER_CUT);
        break;
    case BROKER_CUT_AT_ANSWER:
        broker.cut_at_answer = true;
        break;
    case BROKER_KILL:
        broker.counts.kills++;
        fall_and_rise(false);
        break;
    case BROKER_STOP:
        broker.counts.stops++;
        server_stop(broker.server, STOP_GRACE_MS);
        break;
    case BROKER_WRITE_FAILS:
        fail_soon(POWER_EIO);
        break;
    case BROKER_NO_ROOM:
        fail_soon(POWER_ENOSPC);
        break;
    case BROKER_SHORT_WRITE:
        fail_soon(POWER_SHORT);
        break;
    case BROKER_DISK_FULL:
        broker.counts.full++;
        broker.is_full = true;
        power_vfs_set_full(broker.disk, true);
        sim_after(sim_between(&broker.random, SIM_SECOND, 10 * SIM_SECOND), make_room, NULL);
        break;
    case BROKER_SLOW_DISK:
        broker.slow_until_us = sim_now() + sim_between(&broker.random, SIM_SECOND, 15 * SIM_SECOND);
        break;
    case BROKER_FAULTS:
        return false;
    }
    return true;
}

void broker_heal(void)
{
    broker.healed = true;
    broker.cut_in_start = broker.cut_at_answer = broker.cut_after_kill = broker.is_full = false;
    broker.slow_until_us = 0;
    power_vfs_fail(broker.disk, POWER_ANY, 0, POWER_EIO);
    power_vfs_set_full(broker.disk, false);
}
