#include "round_scene.h"

#include "bench.h"
#include "round_office.h"
#include "round_raw.h"
#include "round_side.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLE_MS  20
#define SIDES      2
#define PATH_BYTES 320

/* What the threads of the broker are for, and their names. */
enum stage { STAGE_LOOP, STAGE_VERIFY, STAGE_STORE, STAGE_COPY, STAGE_READ, STAGE_END };
static const char *const stage_threads[] = {"skpd", "skp-verify", "skp-store", "skp-copy",
                                            "skp-read"};

struct figures {
    double stages_cpu_s[STAGE_END];
    double wall_s, srv_cpu_s, cli_cpu_s, idle_mb, rss_mb, disk_mb;
    uint64_t commits;
};

struct scene {
    const struct round_scene *config;
    struct round_office office;
    struct round_side sides[SIDES];
    struct figures figures;
};

/* ---------------------------------------------------------------- the round */

static void tell(const struct scene *scene, char word)
{
    for (int i = 0; i < SIDES; i++)
        round_side_tell(&scene->sides[i], word);
}

/* Waits until both have said their word, and looks at the disk meanwhile. */
static void hear_all(struct scene *scene)
{
    char word;
    bool heard[SIDES] = {false};
    for (int left = SIDES; left > 0;) {
        struct pollfd ready[SIDES];
        for (int i = 0; i < SIDES; i++)
            ready[i] =
                (struct pollfd){.fd = heard[i] ? -1 : scene->sides[i].from, .events = POLLIN};
        (void)poll(ready, SIDES, SAMPLE_MS);
        for (int i = 0; i < SIDES; i++) {
            if (heard[i] || ready[i].revents == 0)
                continue;
            if (read(scene->sides[i].from, &word, 1) != 1)
                bench_die("a side gave up");
            heard[i] = true;
            left--;
        }
        double now_mb = bench_folder_mb(scene->office.data);
        if (now_mb > scene->figures.disk_mb)
            scene->figures.disk_mb = now_mb;
    }
}

static double sides_cpu_s(const struct scene *scene)
{
    return bench_cpu_s(scene->sides[0].pid) + bench_cpu_s(scene->sides[1].pid);
}

/* Adds what each stage used until now, times `sign`. */
static void count_stages(struct scene *scene, double sign)
{
    for (int i = 0; i < STAGE_END; i++)
        scene->figures.stages_cpu_s[i] +=
            sign * bench_threads_cpu_s(scene->office.pid, stage_threads[i]);
}

static void measure(struct scene *scene)
{
    struct figures *figures = &scene->figures;
    hear_all(scene);
    tell(scene, 'L');
    hear_all(scene);
    uint64_t commits = round_office_commits(&scene->office);
    figures->idle_mb = bench_rss_mb(scene->office.pid);
    double srv_cpu_s = bench_cpu_s(scene->office.pid);
    double cli_cpu_s = sides_cpu_s(scene);
    count_stages(scene, -1);
    double start = bench_now_s();
    tell(scene, 'G');
    hear_all(scene);
    figures->wall_s = bench_now_s() - start;
    figures->srv_cpu_s = bench_cpu_s(scene->office.pid) - srv_cpu_s;
    count_stages(scene, 1);
    figures->cli_cpu_s = sides_cpu_s(scene) - cli_cpu_s;
    figures->rss_mb = bench_peak_rss_mb(scene->office.pid);
    figures->commits = round_office_commits(&scene->office) - commits;
    tell(scene, 'S');
    for (int i = 0; i < SIDES; i++)
        if (!round_side_end(&scene->sides[i]))
            bench_die("a side gave up");
}

static void start_sides(struct scene *scene)
{
    const struct round_shape *shape = &scene->config->plan->shape;
    char post[SIDES][PATH_BYTES + 16];
    struct round_side_config config = {.plan = scene->config->plan,
                                       .pki = scene->config->pki,
                                       .port = scene->office.port,
                                       .party_count = shape->counsellors};
    for (int i = 0; i < SIDES; i++) {
        snprintf(post[i], sizeof post[i], "%s/post-%d", scene->config->folder, i);
        config.post = post[i];
        round_side_start(&scene->sides[i], &config);
        config.first_party = shape->counsellors;
        config.party_count = shape->creditors;
    }
}

/* ---------------------------------------------------------------- lines */

static bool print_round(const struct scene *scene, bool stopped)
{
    const struct figures *figures = &scene->figures;
    const struct round_side_result *counsellors = scene->sides[0].result;
    const struct round_side_result *creditors = scene->sides[1].result;
    unsigned requests = scene->config->plan->request_count;
    bool ok =
        stopped && creditors->lines == requests && counsellors->lines == requests &&
        counsellors->wrong + counsellors->missing + creditors->wrong + creditors->missing == 0 &&
        counsellors->answered == requests;
    printf("peer=skp bench=%s wall_s=%.3f msgs_per_s=%.0f srv_cpu_s=%.2f cli_cpu_s=%.2f "
           "rss_mb=%.0f disk_mb=%.0f fsyncs=%llu durable_ack=yes ok=%d msgs=%u cases=%u bundles=%u "
           "batches=%u deliveries=%u collects=%u idle_mb=%.0f cli_rss_mb=%.0f\n",
           scene->config->name, figures->wall_s, 2 * requests / figures->wall_s, figures->srv_cpu_s,
           figures->cli_cpu_s, figures->rss_mb, figures->disk_mb,
           (unsigned long long)figures->commits, ok, 2 * requests, scene->config->plan->shape.cases,
           round_bundle_count(scene->config->plan), round_batch_count(scene->config->plan),
           counsellors->deliveries + creditors->deliveries,
           counsellors->collects + creditors->collects, figures->idle_mb,
           counsellors->rss_mb + creditors->rss_mb);
    const double *stages = figures->stages_cpu_s;
    double us = 1e6 / (2 * requests);
    printf("peer=skp bench=%s_stages loop_us_per_msg=%.2f verify_us_per_msg=%.2f "
           "store_us_per_msg=%.2f copy_us_per_msg=%.2f read_us_per_msg=%.2f ok=%d\n",
           scene->config->name, stages[STAGE_LOOP] * us, stages[STAGE_VERIFY] * us,
           stages[STAGE_STORE] * us, stages[STAGE_COPY] * us, stages[STAGE_READ] * us, ok);
    fflush(stdout);
    return ok;
}

static void print_raw(const struct scene *scene)
{
    char store[PATH_BYTES + 32];
    char copy[PATH_BYTES + 32];
    struct round_raw raw;
    const struct round_side_result *counsellors = scene->sides[0].result;
    const struct round_side_result *creditors = scene->sides[1].result;
    uint64_t wire_bytes = round_batch_bytes(scene->config->plan) + counsellors->delivery_bytes +
                          creditors->delivery_bytes;
    unsigned signatures =
        round_batch_count(scene->config->plan) + counsellors->collects + creditors->collects;
    snprintf(store, sizeof store, "%s/store.db", scene->office.data);
    snprintf(copy, sizeof copy, "%s/copy.db", scene->config->folder);
    round_raw_measure(scene->config->plan, scene->config->pki, store, copy, scene->figures.commits,
                      wire_bytes, signatures, &raw);
    printf("peer=raw bench=%s wall_s=%.3f store_s=%.3f tls_s=%.3f hash_s=%.3f verify_s=%.3f "
           "wire_mb=%.0f signatures=%u ok=1\n",
           scene->config->name, raw.store_s + raw.tls_s + raw.hash_s + raw.verify_s, raw.store_s,
           raw.tls_s, raw.hash_s, raw.verify_s, (double)wire_bytes / (1 << 20), signatures);
    fflush(stdout);
}

/* After a stop, and after a kill while it stood still. */
static bool print_starts(struct scene *scene)
{
    double start_s = round_office_start(&scene->office);
    round_office_kill(&scene->office);
    double start_killed_s = round_office_start(&scene->office);
    double rss_mb = bench_rss_mb(scene->office.pid);
    bool ok = round_office_stop(&scene->office);
    printf("peer=skp bench=start requests=%u start_s=%.3f start_killed_s=%.3f rss_mb=%.0f ok=%d\n",
           scene->config->plan->request_count, start_s, start_killed_s, rss_mb, ok);
    fflush(stdout);
    return ok;
}

/* ---------------------------------------------------------------- all of it */

bool round_scene_run(const struct round_scene *config)
{
    struct scene scene_here = {.config = config};
    struct scene *scene = &scene_here;
    const struct round_plan *plan = config->plan;
    if (mkdir(config->folder, 0700) != 0)
        bench_die("%s cannot be made", config->folder);
    round_office_init(&scene->office, config->skpd, scene->config->folder, scene->config->pki,
                      NULL);
    round_office_start(&scene->office);
    for (unsigned i = 0; i < plan->party_count; i++)
        round_office_register(&scene->office, &plan->parties[i].identity.oin,
                              round_is_counsellor(plan, i));
    start_sides(scene);
    measure(scene);
    bool ok = print_round(scene, round_office_stop(&scene->office));
    if (scene->config->has_raw)
        print_raw(scene);
    if (scene->config->starts)
        ok = print_starts(scene) && ok;
    for (int i = 0; i < SIDES; i++)
        round_side_free(&scene->sides[i]);
    return ok;
}
