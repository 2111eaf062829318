#include "bench.h"

#include "jose_internal.h"

#include <dirent.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES   512
#define FOLDER_BYTES 200
#define CHECK_BYTES  4096 /* of a signature, decoded */

double bench_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int64_t bench_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void bench_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void bench_must(enum skp_err err, const char *what)
{
    if (err)
        bench_die("%s: %s", what, skp_error_name(err));
}

void *bench_calloc(size_t count, size_t bytes)
{
    void *memory = calloc(count + 1, bytes);
    if (!memory)
        bench_die("out of memory");
    return memory;
}

double bench_cpu_s(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        bench_die("process %d is gone", (int)pid);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static bool read_task(pid_t pid, const char *task, const char *name, char *ret_line, int size)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)pid, task, name);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(ret_line, size, file);
    if (file)
        fclose(file);
    return read;
}

double bench_threads_cpu_s(pid_t pid, const char *name)
{
    char path[PATH_BYTES];
    char line[256];
    double seconds = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        bench_die("process %d is gone", (int)pid);
    for (const struct dirent *task; (task = readdir(tasks));) {
        /* Of "..", too, there is a "comm": the process's, whose time is that of its first thread. */
        if (task->d_name[0] == '.' || !read_task(pid, task->d_name, "comm", line, sizeof line))
            continue;
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, name) == 0 && read_task(pid, task->d_name, "schedstat", line, sizeof line))
            seconds += (double)strtoull(line, NULL, 10) / 1e9; /* first of three: ns on a CPU */
    }
    closedir(tasks);
    return seconds;
}

static double read_status_mb(pid_t pid, const char *name)
{
    char line[256];
    double mb = 0;
    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "re");
    if (!file)
        bench_die("process %d is gone", (int)pid);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            mb = (double)strtol(line + strlen(name), NULL, 10) / 1024; /* it says kB */
    fclose(file);
    return mb;
}

double bench_rss_mb(pid_t pid)
{
    return read_status_mb(pid, "VmRSS:");
}

double bench_peak_rss_mb(pid_t pid)
{
    return read_status_mb(pid, "VmHWM:");
}

double bench_folder_mb(const char *folder)
{
    double bytes = 0;
    DIR *listing = opendir(folder);
    if (!listing)
        bench_die("%s cannot be read", folder);
    for (const struct dirent *entry; (entry = readdir(listing));) {
        char path[PATH_BYTES];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            bytes += (double)status.st_blocks * 512;
    }
    closedir(listing);
    return bytes / (1 << 20);
}

void bench_folder_make(const char *parent, char *ret_folder)
{
    if (snprintf(ret_folder, FOLDER_BYTES, "%s/skp-bench-XXXXXX", parent) >= FOLDER_BYTES ||
        !mkdtemp(ret_folder))
        bench_die("%s: no folder can be made there", parent);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

void bench_folder_remove(const char *folder)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        bench_die("%s cannot be removed", folder);
}

void bench_allow_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        bench_die("getrlimit failed");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int compare_doubles(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

double bench_quantile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof *values, compare_doubles);
    size_t at = (size_t)((double)count * share);
    return values[at < count ? at : count - 1];
}

unsigned bench_number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 10000000)
        bench_die("%s is no number", text);
    return (unsigned)value;
}

uint64_t bench_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

void bench_check_signature(EVP_PKEY *key, const char *alg, const char *jws, struct span payload)
{
    struct span parts[3];
    struct span signature;
    struct arena arena;
    arena_init(&arena, CHECK_BYTES);
    bool fits = jose_split(span_text(jws), parts, 3) &&
                base64url_decode(parts[2], &arena, &signature) == SKP_OK &&
                jws_check_bytes(key, alg, parts[0], payload, signature);
    arena_fini(&arena);
    if (!fits)
        bench_die("a signature does not fit");
}
