/* A round of saldo requests through a real broker, whole processes on loopback: cases registered, every bundle
 * collected, everything answered, every answer collected.
 *
 *   bench_round --skpd PATH [--bench round84k | singles | national] [option ...]
 *
 * Prints one line for the broker, and one for what its parts cost raw. README.md says what each figure is. */
#include "bench.h"
#include "round_scene.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 320

struct benchmark {
    const char *name;
    struct round_shape shape;
    bool has_raw; /* is compared with what its parts cost */
    bool starts;  /* the broker again on what the round left */
};

static const struct benchmark benchmarks[] = {
    {"round84k",
     {.cases = 5600,
      .requests_tenths = 150,
      .creditors = 300,
      .counsellors = 20,
      .bundle_lines = BUNDLE_MAX_LINES,
      .collect_ms = 100,
      .batches_in_air = 1000},
     .has_raw = true},
    {"singles",
     {.cases = 12000,
      .requests_tenths = 10,
      .creditors = 300,
      .counsellors = 20,
      .bundle_lines = 1,
      .singly = true,
      .collect_ms = 100,
      .batches_in_air = 1000},
     .has_raw = true},
    {"national",
     {.cases = 100000,
      .requests_tenths = 135,
      .creditors = 2000,
      .counsellors = 342,
      .bundle_lines = BUNDLE_MAX_LINES,
      .collect_ms = 1000,
      .batches_in_air = 1000,
      .credit = 32},
     .starts = true},
};

struct arguments {
    struct benchmark benchmark;
    const char *skpd, *folder, *pki;
    double scale;
    unsigned runs;
    bool keep;
};

/* ---------------------------------------------------------------- all of it */

static bool run_all(const struct arguments *arguments, const char *folder)
{
    char own_pki[PATH_BYTES];
    char batches[PATH_BYTES];
    struct round_pki pki;
    struct round_plan plan;
    bool ok = true;
    snprintf(own_pki, sizeof own_pki, "%s/pki", folder);
    snprintf(batches, sizeof batches, "%s/batches", folder);
    round_pki_make(&pki, arguments->pki ? arguments->pki : own_pki);
    round_plan_make(&plan, &arguments->benchmark.shape, &pki, batches);
    for (unsigned i = 0; i < arguments->runs; i++) {
        char run[PATH_BYTES];
        snprintf(run, sizeof run, "%s/run-%u", folder, i);
        ok = round_scene_run(&(struct round_scene){.name = arguments->benchmark.name,
                                                   .skpd = arguments->skpd,
                                                   .plan = &plan,
                                                   .pki = &pki,
                                                   .folder = run,
                                                   .has_raw = arguments->benchmark.has_raw,
                                                   .starts = arguments->benchmark.starts}) &&
             ok;
        if (!arguments->keep && ok)
            bench_folder_remove(run);
    }
    round_plan_free(&plan);
    round_pki_fini(&pki);
    return ok;
}

static void usage(void)
{
    puts("bench_round --skpd PATH [option ...]\n"
         "  --bench NAME       round84k (the default), singles or national: shapes of a round\n"
         "  --scale F          so much of it: cases, and for national also who takes part\n"
         "  --runs N           as often, with the same post (1)\n"
         "  --cases N --per-case F --creditors N --counsellors N   instead of the shape's\n"
         "  --sizes FILE       CSV whose last column sizes the counsellors\n"
         "  --no-raw           not what its parts cost raw\n"
         "  --folder FOLDER    whose disk is measured (/tmp)\n"
         "  --pki FOLDER       certificates are kept there for the next time\n"
         "  --keep             leaves what it made");
    exit(0);
}

static struct benchmark find_benchmark(const char *name)
{
    for (size_t i = 0; i < sizeof benchmarks / sizeof benchmarks[0]; i++)
        if (strcmp(benchmarks[i].name, name) == 0)
            return benchmarks[i];
    bench_die("no benchmark %s; try --help", name);
}

static void read_option(int option, const char *value, struct arguments *arguments)
{
    struct round_shape *shape = &arguments->benchmark.shape;
    const char *sizes_file = shape->sizes_file;
    switch (option) {
    case 'b':
        arguments->benchmark = find_benchmark(value);
        shape->sizes_file = sizes_file;
        break;
    case 's':
        arguments->skpd = value;
        break;
    case 'x':
        arguments->scale = atof(value);
        break;
    case 'n':
        arguments->runs = bench_number(value);
        break;
    case 'c':
        shape->cases = bench_number(value);
        break;
    case 'p':
        shape->requests_tenths = (unsigned)(atof(value) * 10 + 0.5);
        break;
    case 'r':
        shape->creditors = bench_number(value);
        break;
    case 'o':
        shape->counsellors = bench_number(value);
        break;
    case 'z':
        shape->sizes_file = value;
        break;
    case 'f':
        arguments->folder = value;
        break;
    case 'i':
        arguments->pki = value;
        break;
    case 'w':
        arguments->benchmark.has_raw = false;
        break;
    case 'k':
        arguments->keep = true;
        break;
    case 'h':
        usage();
        break;
    default:
        exit(64);
    }
}

static unsigned scaled(unsigned number, double scale, unsigned least)
{
    unsigned less = (unsigned)(number * scale + 0.5);
    return less > least ? less : least;
}

static void read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {{"bench", required_argument, NULL, 'b'},
                                            {"skpd", required_argument, NULL, 's'},
                                            {"scale", required_argument, NULL, 'x'},
                                            {"runs", required_argument, NULL, 'n'},
                                            {"cases", required_argument, NULL, 'c'},
                                            {"per-case", required_argument, NULL, 'p'},
                                            {"creditors", required_argument, NULL, 'r'},
                                            {"counsellors", required_argument, NULL, 'o'},
                                            {"sizes", required_argument, NULL, 'z'},
                                            {"folder", required_argument, NULL, 'f'},
                                            {"pki", required_argument, NULL, 'i'},
                                            {"no-raw", no_argument, NULL, 'w'},
                                            {"keep", no_argument, NULL, 'k'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *ret_arguments =
        (struct arguments){.benchmark = benchmarks[0], .folder = "/tmp", .scale = 1, .runs = 1};
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        read_option(option, optarg, ret_arguments);
    if (!ret_arguments->skpd || ret_arguments->scale <= 0 || ret_arguments->scale > 1)
        bench_die("give --skpd PATH, and a --scale of at most 1; try --help");
    struct round_shape *shape = &ret_arguments->benchmark.shape;
    shape->cases = scaled(shape->cases, ret_arguments->scale, 1);
    if (ret_arguments->benchmark.starts) {
        shape->creditors = scaled(shape->creditors, ret_arguments->scale, 20);
        shape->counsellors = scaled(shape->counsellors, ret_arguments->scale, 1);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    char folder[200];
    read_arguments(argc, argv, &arguments);
    signal(SIGPIPE, SIG_IGN);
    bench_allow_files();
    bench_folder_make(arguments.folder, folder);
    bool ok = run_all(&arguments, folder);
    if (!arguments.keep && ok)
        bench_folder_remove(folder);
    return ok ? 0 : 1;
}
