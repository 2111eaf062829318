/* A year of a large city's saldo requests through a real broker, whole processes on loopback: cases registered,
 * every bundle collected, everything answered, every answer collected.
 *
 *   bench_round84k --skpd PATH [--cases 5600] [--per-case 15] [--creditors 300] [--counsellors 20]
 *                  [--folder /tmp] [--keep]
 *
 * Prints one line for the broker and one for the raw limit. README.md says what each figure is. */
#include "bench.h"
#include "round_office.h"
#include "round_raw.h"
#include "round_side.h"

#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE_MS 20
#define SIDES     2

struct side_process {
    pid_t pid;
    int from, to;
    struct round_side_result *result; /* shared memory, written by the process */
};

struct figures {
    double wall_s, srv_cpu_s, cli_cpu_s, rss_mb, disk_mb;
    uint64_t commits;
};

struct arguments {
    struct round_sizes sizes;
    const char *skpd, *folder;
    bool keep;
};

/* ---------------------------------------------------------------- processes */

static void start_side(struct side_process *side, struct round_side_config config)
{
    int down[2];
    int up[2];
    side->result =
        mmap(NULL, sizeof *side->result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (side->result == MAP_FAILED || pipe(down) != 0 || pipe(up) != 0)
        bench_die("no memory or pipes for a process");
    side->pid = fork();
    if (side->pid < 0)
        bench_die("fork failed");
    if (side->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        config.from_parent = down[0];
        config.to_parent = up[1];
        round_side_run(&config, side->result);
        _exit(0);
    }
    close(down[0]);
    close(up[1]);
    side->to = down[1];
    side->from = up[0];
}

static void tell(const struct side_process *sides, char word)
{
    for (int i = 0; i < SIDES; i++)
        if (write(sides[i].to, &word, 1) != 1)
            bench_die("a side is gone");
}

/* Waits until both have said their word, and looks at the disk meanwhile. */
static void hear_all(const struct side_process *sides, const char *data, double *disk_mb)
{
    char word;
    bool heard[SIDES] = {false};
    for (int left = SIDES; left > 0;) {
        struct pollfd ready[SIDES];
        for (int i = 0; i < SIDES; i++)
            ready[i] = (struct pollfd){.fd = heard[i] ? -1 : sides[i].from, .events = POLLIN};
        (void)poll(ready, SIDES, SAMPLE_MS);
        for (int i = 0; i < SIDES; i++) {
            if (heard[i] || ready[i].revents == 0)
                continue;
            if (read(sides[i].from, &word, 1) != 1)
                bench_die("a side gave up");
            heard[i] = true;
            left--;
        }
        double now_mb = bench_folder_mb(data);
        *disk_mb = now_mb > *disk_mb ? now_mb : *disk_mb;
    }
}

static double sides_cpu_s(const struct side_process *sides)
{
    return bench_cpu_s(sides[0].pid) + bench_cpu_s(sides[1].pid);
}

static void end_sides(struct side_process *sides)
{
    for (int i = 0; i < SIDES; i++) {
        int status = 0;
        if (waitpid(sides[i].pid, &status, 0) != sides[i].pid || status != 0)
            bench_die("a side gave up");
        close(sides[i].from);
        close(sides[i].to);
    }
}

/* ---------------------------------------------------------------- the round */

static void measure(struct round_office *office, struct side_process *sides,
                    struct figures *figures)
{
    hear_all(sides, office->data, &figures->disk_mb);
    tell(sides, 'L');
    hear_all(sides, office->data, &figures->disk_mb);
    uint64_t commits = round_office_commits(office);
    double srv_cpu_s = bench_cpu_s(office->pid);
    double cli_cpu_s = sides_cpu_s(sides);
    double start = bench_now_s();
    tell(sides, 'G');
    hear_all(sides, office->data, &figures->disk_mb);
    figures->wall_s = bench_now_s() - start;
    figures->srv_cpu_s = bench_cpu_s(office->pid) - srv_cpu_s;
    figures->cli_cpu_s = sides_cpu_s(sides) - cli_cpu_s;
    figures->rss_mb = bench_peak_rss_mb(office->pid);
    figures->commits = round_office_commits(office) - commits;
    tell(sides, 'S');
    end_sides(sides);
}

static void run_round(const struct round_plan *plan, const struct round_pki *pki,
                      struct round_office *office, struct side_process *sides,
                      struct figures *figures)
{
    const struct round_sizes *sizes = &plan->sizes;
    for (unsigned i = 0; i < plan->party_count; i++)
        round_office_register(office, &plan->parties[i].identity.oin, round_is_counsellor(plan, i));
    struct round_side_config config = {
        .plan = plan, .pki = pki, .port = office->port, .party_count = sizes->counsellors};
    start_side(&sides[0], config);
    config.first_party = sizes->counsellors;
    config.party_count = sizes->creditors;
    start_side(&sides[1], config);
    measure(office, sides, figures);
}

static bool print_round(const struct round_plan *plan, const struct side_process *sides,
                        const struct figures *figures, bool stopped)
{
    const struct round_side_result *counsellors = sides[0].result;
    const struct round_side_result *creditors = sides[1].result;
    unsigned requests = plan->request_count;
    bool ok =
        stopped && creditors->lines == requests && counsellors->lines == requests &&
        counsellors->wrong + counsellors->missing + creditors->wrong + creditors->missing == 0 &&
        counsellors->answered == requests;
    printf("peer=skp bench=round84k wall_s=%.3f msgs_per_s=%.0f srv_cpu_s=%.2f cli_cpu_s=%.2f "
           "rss_mb=%.0f disk_mb=%.0f fsyncs=%llu durable_ack=yes ok=%d msgs=%u cases=%u bundles=%u "
           "deliveries=%u collects=%u\n",
           figures->wall_s, 2 * requests / figures->wall_s, figures->srv_cpu_s, figures->cli_cpu_s,
           figures->rss_mb, figures->disk_mb, (unsigned long long)figures->commits, ok,
           2 * requests, plan->sizes.cases, plan->bundle_count,
           counsellors->deliveries + creditors->deliveries,
           counsellors->collects + creditors->collects);
    return ok;
}

static void print_raw(const struct round_plan *plan, const struct round_pki *pki,
                      const struct side_process *sides, const struct figures *figures,
                      const char *folder)
{
    char store[320];
    char copy[320];
    struct round_raw raw;
    uint64_t wire_bytes =
        plan->batch_bytes + sides[0].result->delivery_bytes + sides[1].result->delivery_bytes;
    snprintf(store, sizeof store, "%s/data/store.db", folder);
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    round_raw_measure(plan, pki, store, copy, figures->commits, wire_bytes,
                      plan->batch_count + sides[0].result->collects + sides[1].result->collects,
                      &raw);
    printf("peer=raw bench=round84k wall_s=%.3f store_s=%.3f tls_s=%.3f hash_s=%.3f verify_s=%.3f "
           "wire_mb=%.0f ok=1\n",
           raw.store_s + raw.tls_s + raw.hash_s + raw.verify_s, raw.store_s, raw.tls_s, raw.hash_s,
           raw.verify_s, (double)wire_bytes / (1 << 20));
}

static bool run(const struct arguments *arguments, const char *folder)
{
    char pki_folder[256];
    struct round_pki pki;
    struct round_plan plan;
    struct round_office office;
    struct side_process sides[SIDES];
    struct figures figures = {.wall_s = 0};
    snprintf(pki_folder, sizeof pki_folder, "%s/pki", folder);
    round_pki_make(&pki, pki_folder);
    round_plan_make(&plan, &arguments->sizes, &pki);
    round_office_start(&office, arguments->skpd, folder, &pki);
    run_round(&plan, &pki, &office, sides, &figures);
    bool ok = print_round(&plan, sides, &figures, round_office_stop(&office));
    fflush(stdout);
    print_raw(&plan, &pki, sides, &figures, folder);
    for (int i = 0; i < SIDES; i++)
        munmap(sides[i].result, sizeof *sides[i].result);
    round_plan_free(&plan);
    round_pki_fini(&pki);
    return ok;
}

/* ---------------------------------------------------------------- the command line */

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 10000000)
        bench_die("%s is no number", text);
    return (unsigned)value;
}

static void read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"skpd", required_argument, NULL, 's'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {"cases", required_argument, NULL, 'c'},
                                            {"per-case", required_argument, NULL, 'p'},
                                            {"creditors", required_argument, NULL, 'r'},
                                            {"counsellors", required_argument, NULL, 'o'},
                                            {"keep", no_argument, NULL, 'k'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *ret_arguments = (struct arguments){.sizes = {5600, 15, 300, 20}, .folder = "/tmp"};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            ret_arguments->skpd = optarg;
            break;
        case 'f':
            ret_arguments->folder = optarg;
            break;
        case 'c':
            ret_arguments->sizes.cases = number(optarg);
            break;
        case 'p':
            ret_arguments->sizes.per_case = number(optarg);
            break;
        case 'r':
            ret_arguments->sizes.creditors = number(optarg);
            break;
        case 'o':
            ret_arguments->sizes.counsellors = number(optarg);
            break;
        case 'k':
            ret_arguments->keep = true;
            break;
        default:
            exit(64);
        }
    }
    if (!ret_arguments->skpd)
        bench_die("give --skpd PATH");
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    char folder[200];
    char command[256];
    read_arguments(argc, argv, &arguments);
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "%s/skp-bench-XXXXXX", arguments.folder);
    if (!mkdtemp(folder))
        bench_die("%s: no folder can be made there", arguments.folder);
    bool ok = run(&arguments, folder);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (!arguments.keep && ok && system(command) != 0)
        bench_die("%s cannot be removed", folder);
    return ok ? 0 : 1;
}
