/* Whether a long queue is slow: the last 1,000 of all waiting requests beside the only 1,000 of another broker. Each
 * request is a bundle of its own, so that the queue is as long as it can be. */
#include "bench.h"
#include "round_arguments.h"
#include "round_party.h"

#include <stdio.h>
#include <sys/stat.h>

#define MEASURED 1000

struct drained {
    double wall_s, srv_cpu_s;
    bool ok;
};

static struct round_shape shape_of(unsigned waiting)
{
    return (struct round_shape){.cases = waiting,
                                .requests_tenths = 10,
                                .creditors = 1,
                                .counsellors = 1, /* a signer to get to know in both */
                                .bundle_lines = 1,
                                .is_one_way = true,
                                .collect_ms = 100,
                                .batches_in_air = 100};
}

static void send_all(const struct round_plan *plan, const struct round_pki *pki, uint16_t port)
{
    struct round_desk desk;
    round_desk_init(&desk, plan, pki, port);
    round_desk_open(&desk, 0, plan->shape.counsellors);
    for (unsigned i = 0; i < desk.count; i++)
        round_desk_send(&desk, &desk.parties[i]);
    round_desk_until(&desk, party_is_done, "sending");
    round_desk_close(&desk);
}

/* The clock runs from when all but the measured ones are there until the last is collected. */
static struct drained drain(const struct round_plan *plan, const struct round_pki *pki,
                            const struct round_office *office)
{
    struct round_desk desk;
    round_desk_init(&desk, plan, pki, office->port);
    round_desk_open(&desk, plan->shape.counsellors, 1);
    const struct party *party = &desk.parties[0];
    while (party->lines <= plan->request_count - MEASURED)
        round_desk_turn(&desk, DESK_TURN_MS);
    unsigned lines = party->lines;
    double start_s = bench_now_s();
    double cpu_s = bench_cpu_s(office->pid);
    round_desk_until(&desk, party_is_done, "collecting");
    double share = (double)MEASURED / (plan->request_count - lines);
    struct drained drained = {.wall_s = (bench_now_s() - start_s) * share,
                              .srv_cpu_s = (bench_cpu_s(office->pid) - cpu_s) * share};
    round_desk_close(&desk);
    return drained;
}

static struct drained measure(const struct round_arguments *arguments, const struct round_pki *pki,
                              const char *name, unsigned waiting)
{
    struct round_plan plan;
    struct round_office office;
    char batches[256];
    struct round_shape shape = shape_of(waiting);
    struct round_pki copy = *pki;
    snprintf(batches, sizeof batches, "%s/batches-%s", arguments->folder, name);
    round_plan_make(&plan, &shape, &copy, batches);
    round_arguments_office(arguments, &plan, pki, name, &office);
    round_arguments_publish(&plan, pki, office.port);
    send_all(&plan, pki, office.port);
    struct drained drained = drain(&plan, pki, &office);
    drained.ok = round_office_stop(&office);
    round_plan_free(&plan);
    return drained;
}

int main(int argc, char **argv)
{
    struct round_arguments arguments = {.count = 100000};
    struct round_pki pki;
    round_arguments_read(argc, argv,
                         "bench_backlog --skpd PATH [--count WAITING] [--folder F] [--pki F]",
                         &arguments);
    if (arguments.count < 2 * MEASURED)
        bench_die("--count must be %d or more", 2 * MEASURED);
    round_arguments_pki(&arguments, &pki);
    struct drained only = measure(&arguments, &pki, "only", MEASURED);
    struct drained last = measure(&arguments, &pki, "last", arguments.count);
    printf("peer=skp bench=backlog waiting=%u only_ms=%.1f last_ms=%.1f only_srv_cpu_ms=%.1f "
           "last_srv_cpu_ms=%.1f ok=%d\n",
           arguments.count, only.wall_s * 1e3, last.wall_s * 1e3, only.srv_cpu_s * 1e3,
           last.srv_cpu_s * 1e3, only.ok && last.ok);
    round_pki_fini(&pki);
    round_arguments_end(&arguments);
    return only.ok && last.ok ? 0 : 1;
}
