/* Whoever breaks things: network, disk, power, processes and clocks, at moments from the seed. */
#include "sim_broker.h"
#include "sim_wire.h"
#include "sim_world.h"

#define PAUSE_LEAST   (4 * SIM_SECOND)
#define PAUSE_MOST    (44 * SIM_SECOND)
#define JUMP_MOST_MS  60000
#define DEATH_MOST_US (15 * SIM_SECOND)

static struct {
    struct sim_world *world;
    struct sim_random random;
    int64_t jumped_ms;
    unsigned often;
    bool over;
} faults;

static void revive(void *ctx)
{
    party_start(ctx);
}

static const char *kill_someone(void)
{
    struct sim_world *world = faults.world;
    struct sim_party *party = world->parties[sim_below(&faults.random, world->party_count)];
    if (party->client == NULL)
        return NULL;
    world->client_deaths++;
    party_kill(party);
    sim_after(sim_between(&faults.random, 10 * SIM_MS, DEATH_MOST_US), revive, party);
    return "a client dies";
}

/* Never further from the truth than half of what a batch may be off. */
static const char *jump(void)
{
    int64_t target_ms = sim_between(&faults.random, -JUMP_MOST_MS, JUMP_MOST_MS);
    sim_time_jump(target_ms - faults.jumped_ms);
    faults.jumped_ms = target_ms;
    faults.world->clock_jumps++;
    return "the clock jumps";
}

static const char *hurt_wire(void)
{
    static const char *const words[WIRE_FAULTS] = {
        [WIRE_CUT] = "cut",           [WIRE_CUT_SOON] = "cut soon",
        [WIRE_STALL_UP] = "stall up", [WIRE_STALL_DOWN] = "stall down",
        [WIRE_FREEZE] = "freeze",     [WIRE_SLOW] = "slow",
        [WIRE_SHRED] = "shred"};
    enum wire_fault fault = (enum wire_fault)sim_below(&faults.random, WIRE_FAULTS);
    return wires_hurt(fault) ? words[fault] : NULL;
}

static const char *hurt_broker(void)
{
    static const char *const words[BROKER_FAULTS] = {[BROKER_POWER_CUT] = "power cut",
                                                     [BROKER_CUT_AT_WRITE] = "power cut to come",
                                                     [BROKER_CUT_AT_ANSWER] =
                                                         "power cut before the answer",
                                                     [BROKER_KILL_AT_WRITE] = "kill to come",
                                                     [BROKER_KILL] = "kill",
                                                     [BROKER_STOP] = "stop",
                                                     [BROKER_WRITE_FAILS] = "a write fails",
                                                     [BROKER_NO_ROOM] = "no room",
                                                     [BROKER_SHORT_WRITE] = "short write",
                                                     [BROKER_DISK_FULL] = "disk full",
                                                     [BROKER_SLOW_DISK] = "slow disk"};
    enum broker_fault fault = (enum broker_fault)sim_below(&faults.random, BROKER_FAULTS);
    return broker_hurt(fault) ? words[fault] : NULL;
}

static void break_something(void *ctx)
{
    (void)ctx;
    if (faults.over)
        return;
    uint64_t what = sim_below(&faults.random, 100);
    const char *kind = what < 45   ? hurt_wire()
                       : what < 85 ? hurt_broker()
                       : what < 95 ? kill_someone()
                                   : jump();
    if (kind != NULL)
        sim_history("fault", "", "\"kind\":\"%s\"", kind);
    int64_t pause = sim_between(&faults.random, PAUSE_LEAST, PAUSE_MOST);
    sim_after(pause / faults.often, break_something, NULL);
}

void faults_begin(struct sim_world *world, int64_t from_us, unsigned often)
{
    faults.often = often;
    faults.world = world;
    faults.random = sim_stream(world->seed, 4);
    sim_at(from_us, break_something, NULL);
}

void faults_end(void)
{
    faults.over = true;
    sim_history_mark("heal", "");
    broker_heal();
    wires_heal();
}
