/* What idle participants cost: memory of the broker per session, how fast they come, and what a letter of somebody else
 * takes meanwhile. */
#include "bench.h"
#include "round_arguments.h"
#include "round_handshakes.h"
#include "round_letters.h"
#include "round_party.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define RAW_HANDSHAKES 600

struct idle_process {
    pid_t pid;
    int from, to;
};

static void exchange(int from, int to, double said, double *ret_heard)
{
    if (write(to, &said, sizeof said) != sizeof said ||
        read(from, ret_heard, sizeof *ret_heard) != sizeof *ret_heard)
        bench_die("the other process gave up");
}

/* All creditors of the plan: says how long connecting took; when told, publishes their records and says so; then only
 * keeps them alive. */
static void idle(const struct round_plan *plan, const struct round_pki *pki, uint16_t port,
                 int from, int to)
{
    struct round_desk desk;
    double told;
    round_desk_init(&desk, plan, pki, port);
    double connect_s = round_desk_open(&desk, plan->shape.counsellors, plan->shape.creditors);
    exchange(from, to, connect_s, &told);
    round_desk_publish(&desk);
    if (write(to, &told, sizeof told) != sizeof told)
        bench_die("the parent is gone");
    for (;;)
        round_desk_turn(&desk, DESK_TURN_MS);
}

static double start_idle(const struct round_plan *plan, const struct round_pki *pki, uint16_t port,
                         struct idle_process *ret_process)
{
    int up[2];
    int down[2];
    double connect_s;
    if (pipe(up) != 0 || pipe(down) != 0)
        bench_die("no pipe");
    ret_process->pid = fork();
    if (ret_process->pid < 0)
        bench_die("fork failed");
    if (ret_process->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        idle(plan, pki, port, down[0], up[1]);
    }
    close(up[1]);
    close(down[0]);
    ret_process->from = up[0];
    ret_process->to = down[1];
    if (read(ret_process->from, &connect_s, sizeof connect_s) != sizeof connect_s)
        bench_die("the sessions gave up");
    return connect_s;
}

static bool end_idle(struct idle_process *process)
{
    bool stayed = waitpid(process->pid, NULL, WNOHANG) == 0;
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    close(process->from);
    close(process->to);
    return stayed;
}

static bool measure(const struct round_arguments *arguments, const struct round_plan *plan,
                    const struct round_pki *pki)
{
    struct round_office office;
    struct idle_process sessions;
    struct round_letters letters;
    double said;
    unsigned count = plan->shape.creditors;
    round_arguments_office(arguments, plan, pki, "office", &office);
    double before_mb = bench_rss_mb(office.pid);
    double cpu_s = bench_cpu_s(office.pid);
    double connect_s = start_idle(plan, pki, office.port, &sessions);
    cpu_s = bench_cpu_s(office.pid) - cpu_s;
    double session_kib = (bench_rss_mb(office.pid) - before_mb) * 1024 / count;
    exchange(sessions.from, sessions.to, 0, &said);
    round_letters_send(plan, pki, office.port, &letters);
    bool stayed = end_idle(&sessions);
    bool ok = round_office_stop(&office) && stayed;
    printf("peer=skp bench=sessions sessions=%u session_kib=%.1f letter_p50_us=%.0f "
           "letter_p99_us=%.0f handshakes_per_s=%.0f srv_cpu_ms_per_handshake=%.2f ok=%d\n",
           count, session_kib, letters.p50_us, letters.p99_us, count / connect_s,
           cpu_s / count * 1e3, ok);
    return ok;
}

int main(int argc, char **argv)
{
    struct round_arguments arguments = {.count = 1000, .others = 2000};
    struct round_pki pki;
    struct round_plan plan;
    char batches[256];
    round_arguments_read(
        argc, argv,
        "bench_sessions --skpd PATH [--others SESSIONS] [--count LETTERS] [--folder F] [--pki F]",
        &arguments);
    struct round_shape shape = round_letters_shape(arguments.count, arguments.others);
    snprintf(batches, sizeof batches, "%s/batches", arguments.folder);
    round_arguments_pki(&arguments, &pki);
    round_plan_make(&plan, &shape, &pki, batches);
    bool ok = measure(&arguments, &plan, &pki);
    printf("peer=raw bench=sessions handshakes_per_s=%.0f ok=1\n",
           round_handshakes_per_s(&plan, &pki, RAW_HANDSHAKES));
    round_plan_free(&plan);
    round_pki_fini(&pki);
    round_arguments_end(&arguments);
    return ok ? 0 : 1;
}
