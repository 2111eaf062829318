/* sim: one deterministic simulation of a whole post office. See README.md of this folder. */
#include "sim_broker.h"
#include "sim_history.h"
#include "sim_party.h"
#include "sim_pki.h"
#include "sim_time.h"
#include "sim_wire.h"
#include "sim_world.h"

#include "log.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SIDE_MOST    2
#define BUSY_MOST    4
#define SETTLE_US    (30 * SIM_SECOND) /* nothing goes wrong so early */
#define REST_MOST_US (30 * SIM_MINUTE) /* virtual time until everything has come to rest */
#define NAMES_BYTES  32

static const char help[] =
    "usage: sim [--seed N] [--minutes N] [--history FILE] [--busy] [--calm] [--verbose]\n"
    "\n"
    "  --seed N       decides everything (1)\n"
    "  --minutes N    of virtual time with work and faults (10)\n"
    "  --history FILE JSON lines for model.py\n"
    "  --busy         more participants, eight times as many cases, twice as many faults\n"
    "  --calm         no faults\n"
    "  --verbose      the broker's log on stderr\n"
    "\n"
    "Last line: totals and trace=HASH; the same seed gives the same line.\n";

static struct {
    uint64_t seed;
    int64_t minutes;
    const char *history;
    bool busy, calm, verbose;
    char command[256];
} options = {.seed = 1, .minutes = 10};

static struct sim_world world;

/* ---------------------------------------------------------------- the loop */

static void on_participant_reads(unsigned participant)
{
    party_process(world.parties[participant]);
}

static const struct wire_hooks hooks = {
    .listens = broker_is_up,
    .accept = broker_accept,
    .broker_reads = broker_turn,
    .participant_reads = on_participant_reads,
};

static int64_t next_moment(void)
{
    int64_t next = sim_next_at();
    int64_t broker = broker_due();
    next = broker < next ? broker : next;
    for (size_t i = 0; i < world.party_count; i++) {
        int64_t due = party_due(world.parties[i]);
        next = due < next ? due : next;
    }
    return next;
}

static void run_moment(void)
{
    if (sim_run_one())
        return;
    for (size_t i = 0; i < world.party_count; i++)
        if (party_due(world.parties[i]) <= sim_now()) {
            party_process(world.parties[i]);
            return;
        }
    if (broker_due() <= sim_now())
        broker_turn();
}

/* Until `done`; ends the program when that takes longer than `most_us`. */
static void run_until(bool (*done)(void), int64_t most_us, const char *what)
{
    int64_t end_us = sim_now() + most_us;
    while (!done()) {
        int64_t next = next_moment();
        if (next == SIM_NEVER || next > end_us)
            sim_die("%s: not within %lld virtual seconds", what, (long long)(most_us / SIM_SECOND));
        if (next > sim_now())
            sim_go_to(next);
        run_moment();
    }
}

/* ---------------------------------------------------------------- the course of a run */

static void remove_folder(void)
{
    char command[sizeof world.folder + 16];
    (void)snprintf(command, sizeof command, "rm -rf %s", world.folder);
    if (system(command) != 0)
        fprintf(stderr, "sim: %s stays\n", world.folder);
}

static void make_folder(void)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(world.folder, sizeof world.folder, "%s/skp-sim-XXXXXX", base);
    if (mkdtemp(world.folder) == NULL)
        sim_die("no folder in %s", base);
    atexit(remove_folder);
}

static void make_parties(void)
{
    struct sim_random random = sim_stream(options.seed, 3);
    size_t most = options.busy ? BUSY_MOST : SIDE_MOST; /* on each side */
    size_t counsellors = 1 + (size_t)sim_below(&random, most);
    size_t creditors = 1 + (size_t)sim_below(&random, most);
    for (size_t i = 0; i < counsellors + creditors; i++) {
        char oin[NAMES_BYTES];
        bool creditor = i >= counsellors;
        (void)snprintf(oin, sizeof oin, "0000009900000000%u%03u", creditor ? 2U : 1U, (unsigned)i);
        world.parties[world.party_count++] =
            party_new(options.seed, (unsigned)i, oin, creditor, creditor ? counsellors : creditors);
        world.parties[i]->busy = options.busy;
    }
}

static void tell_world(void)
{
    struct sim_text text = {.data = NULL};
    for (size_t i = 0; i < world.party_count; i++)
        sim_text_add(&text, "%s{\"oin\":\"%s\",\"role\":\"%s\"}", i > 0 ? "," : "",
                     world.parties[i]->oin.text,
                     world.parties[i]->creditor ? "creditor" : "counsellor");
    sim_history("world", "",
                "\"seed\":%llu,\"minutes\":%lld,\"calm\":%s,\"broker\":\"%s\",\"parties\":[%s]",
                (unsigned long long)options.seed, (long long)options.minutes,
                options.calm ? "true" : "false", SIM_BROKER_OIN, text.data);
    sim_text_fini(&text);
}

static bool are_ready(void)
{
    for (size_t i = 0; i < world.party_count; i++)
        if (!party_is_ready(world.parties[i]))
            return false;
    return true;
}

static bool is_over(void)
{
    return sim_now() >= world.end_us;
}

static bool have_listed(void)
{
    for (size_t i = 0; i < world.party_count; i++) {
        party_list_cases(world.parties[i]);
        if (!world.parties[i]->listed)
            return false;
    }
    return true;
}

static void let_work(bool working)
{
    for (size_t i = 0; i < world.party_count; i++)
        party_let_work(world.parties[i], working);
}

static void play(void)
{
    broker_start();
    operator_open(&world);
    run_until(operator_is_done, SIM_MINUTE, "the operator");
    for (size_t i = 0; i < world.party_count; i++)
        party_start(world.parties[i]);
    run_until(are_ready, SIM_MINUTE, "the participants");
    let_work(true);
    world.end_us = sim_now() + options.minutes * SIM_MINUTE;
    operator_steer();
    if (!options.calm)
        faults_begin(&world, sim_now() + SETTLE_US, options.busy ? 2 : 1);
    run_until(is_over, 2 * options.minutes * SIM_MINUTE, "the work");
    let_work(false);
    faults_end();
    operator_rest();
    run_until(operator_is_done, REST_MOST_US, "the end, when everything is collected");
    run_until(have_listed, SIM_MINUTE, "the cases");
    broker_tell_chain();
}

/* ---------------------------------------------------------------- */

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
           (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

static void print_totals(const char *hash)
{
    size_t acks = 0;
    struct broker_counts broker = broker_counts();
    struct wire_counts wire = wires_counts();
    for (size_t i = 0; i < world.party_count; i++)
        acks += world.parties[i]->acks;
    printf("seed=%llu virtual_s=%lld acks=%zu commits=%llu starts=%zu power_cuts=%zu "
           "cuts_at_write=%zu cuts_at_answer=%zu kills=%zu stops=%zu sync_failures=%zu "
           "disk_full=%zu connections=%zu "
           "wire_faults=%zu client_deaths=%zu clock_jumps=%zu bytes=%llu trace=%s cpu_s=%.2f\n",
           (unsigned long long)options.seed, (long long)(sim_now() / SIM_SECOND), acks,
           (unsigned long long)broker.commits, broker.starts, broker.cuts, broker.cuts_at_write,
           broker.cuts_at_answer, broker.kills, broker.stops, broker.failures, broker.full,
           wire.connections, wire.hurt, world.client_deaths, world.clock_jumps,
           (unsigned long long)wire.bytes, hash, cpu_seconds());
}

static bool take_option(int letter)
{
    switch (letter) {
    case 's':
        options.seed = strtoull(optarg, NULL, 10);
        return true;
    case 'm':
        options.minutes = strtol(optarg, NULL, 10);
        return options.minutes > 0;
    case 'h':
        options.history = optarg;
        return true;
    case 'b':
        options.busy = true;
        return true;
    case 'c':
        options.calm = true;
        return true;
    case 'v':
        options.verbose = true;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv)
{
    static const struct option names[] = {{"seed", required_argument, NULL, 's'},
                                          {"minutes", required_argument, NULL, 'm'},
                                          {"history", required_argument, NULL, 'h'},
                                          {"busy", no_argument, NULL, 'b'},
                                          {"calm", no_argument, NULL, 'c'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
    int letter;
    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (!take_option(letter))
            return false;
    return optind == argc;
}

int main(int argc, char **argv)
{
    char hash[2 * HASH_BYTES + 1];
    if (!parse(argc, argv)) {
        fputs(help, stderr);
        return 2;
    }
    (void)snprintf(options.command, sizeof options.command, "%s --seed %llu --minutes %lld%s%s",
                   argv[0], (unsigned long long)options.seed, (long long)options.minutes,
                   options.busy ? " --busy" : "", options.calm ? " --calm" : "");
    signal(SIGPIPE, SIG_IGN); /* as skpd does */
    sim_die_prepare(options.command);
    sim_seed_openssl(options.seed);
    sim_history_open(options.history);
    log_set_level(options.verbose ? LOG_INFO : LOG_ERROR);
    if (!options.verbose)
        log_set_stream(fopen("/dev/null", "we"));
    world.seed = options.seed;
    make_folder();
    sim_pki_make(world.folder);
    wires_init(options.seed, &hooks);
    broker_init(options.seed, world.folder);
    make_parties();
    tell_world();
    play();
    for (size_t i = 0; i < world.party_count; i++)
        party_kill(world.parties[i]);
    broker_fini();
    wires_fini();
    sim_history_close(hash);
    print_totals(hash);
    for (size_t i = 0; i < world.party_count; i++)
        party_free(world.parties[i]);
    sim_time_fini();
    sim_pki_fini();
    return 0;
}
