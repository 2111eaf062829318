/* How fast the SQLite store takes and gives rows: a year of letters of a large city (84,000 small
 * rows) and the pages and sealed bundles behind them (6,000 rows of 7 KB), each in 20 commits.
 *
 * Use: bench_store [folder]; one line of key=value per run. The folder decides which disk is
 * measured. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COMMITS   20
#define KEY_BYTES 24
#define MAX_VALUE 8192

struct workload {
    const char *name;
    enum store_table table;
    size_t rows;
    size_t value_bytes;
};

struct bench {
    struct store *store;
    struct arena arena;
    char path[256];
    uint64_t random;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(struct bench *bench, enum skp_err err)
{
    if (err == SKP_OK)
        return;
    fprintf(stderr, "bench_store: %s: %s\n", skp_error_name(err),
            bench->store ? bench->store->why : "cannot open");
    exit(1);
}

static uint64_t next_random(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

/* Random keys, as ids are: the worst order for a tree. The same seed makes the same keys again. */
static void fill_keys(struct bench *bench, struct store_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t *key = arena_alloc(&bench->arena, KEY_BYTES);
        for (size_t word = 0; key && word < KEY_BYTES / sizeof *key; word++)
            key[word] = next_random(bench);
        rows[i] = (struct store_row){.key = span_of(key, KEY_BYTES)};
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

/* Returns the seconds it took, with the housekeeping that belongs to it. */
static double put_all(struct bench *bench, const struct workload *load, struct store_row *rows,
                      uint64_t version, double *ret_seconds)
{
    static uint8_t values[MAX_VALUE];
    size_t per_commit = load->rows / COMMITS;
    double start = now_s();
    for (size_t i = 0; i < load->rows; i++) {
        rows[i].value = span_of(values, load->value_bytes);
        rows[i].version = version;
    }
    for (size_t i = 0; i < COMMITS; i++) {
        double commit_start = now_s();
        memset(values, (int)(i + 100 * version), sizeof values);
        must(bench, store_begin(bench->store));
        must(bench, store_put(bench->store, load->table, rows + i * per_commit, per_commit));
        must(bench, store_commit(bench->store));
        ret_seconds[i] = now_s() - commit_start;
        must(bench, store_maintain(bench->store));
    }
    double total = now_s() - start;
    qsort(ret_seconds, COMMITS, sizeof *ret_seconds, compare_doubles);
    return total;
}

static double get_all(struct bench *bench, const struct workload *load, struct store_row *rows)
{
    double start = now_s();
    must(bench, store_begin(bench->store));
    must(bench, store_get(bench->store, load->table, rows, load->rows, &bench->arena));
    store_rollback(bench->store);
    double seconds = now_s() - start;
    for (size_t i = 0; i < load->rows; i++)
        if (rows[i].version != 2 || rows[i].value.len != load->value_bytes)
            exit(1); /* inserted and updated, each of them */
    return seconds;
}

static double scan_all(struct bench *bench, const struct workload *load)
{
    struct store_row *rows = NULL;
    size_t count = 0;
    double start = now_s();
    must(bench, store_begin(bench->store));
    must(bench, store_scan(bench->store, load->table, (struct span){0}, (struct span){0}, SIZE_MAX,
                           SIZE_MAX, &bench->arena, &rows, &count));
    store_rollback(bench->store);
    if (count != load->rows)
        exit(1);
    return now_s() - start;
}

static void print_puts(const char *what, const struct workload *load, double total,
                       const double *seconds)
{
    printf("%s_s=%.3f %s_rows_per_s=%.0f %s_commit_p50_ms=%.1f %s_commit_max_ms=%.1f ", what, total,
           what, (double)load->rows / total, what, seconds[COMMITS / 2] * 1e3, what,
           seconds[COMMITS - 1] * 1e3);
}

static void run(struct bench *bench, const struct workload *load)
{
    double seconds[COMMITS];
    struct stat status = {0};
    arena_reset(&bench->arena);
    struct store_row *rows = arena_calloc(&bench->arena, load->rows, sizeof *rows);
    if (!rows)
        exit(1);
    fill_keys(bench, rows, load->rows);
    printf("peer=skp bench=store workload=%s rows=%zu value_bytes=%zu commits=%d ", load->name,
           load->rows, load->value_bytes, COMMITS);
    double total = put_all(bench, load, rows, STORE_NEW, seconds);
    print_puts("insert", load, total, seconds);
    total = put_all(bench, load, rows, 1, seconds);
    print_puts("update", load, total, seconds);
    printf("get_s=%.3f scan_s=%.3f ", get_all(bench, load, rows), scan_all(bench, load));
    store_close(bench->store);
    bench->store = NULL;
    if (stat(bench->path, &status) != 0)
        exit(1);
    printf("file_bytes=%lld ok=1\n", (long long)status.st_size);
    fflush(stdout);
}

static void remove_files(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[300];
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

int main(int argc, char **argv)
{
    static const struct workload loads[] = {
        {"small", STORE_ENTRY, 84000, 300},
        {"large", STORE_PAGE, 6000, 7000},
    };
    struct bench bench = {.random = UINT64_C(88172645463325252)};
    char why[256];
    arena_init(&bench.arena, (size_t)512 * 1024 * 1024);
    snprintf(bench.path, sizeof bench.path, "%s/bench-store-%d.db", argc > 1 ? argv[1] : "/tmp",
             (int)getpid());
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        remove_files(bench.path);
        must(&bench, store_sqlite_open(bench.path, true, &bench.store, why));
        run(&bench, &loads[i]);
    }
    remove_files(bench.path);
    arena_fini(&bench.arena);
    return 0;
}
