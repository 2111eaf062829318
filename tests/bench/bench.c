#include "bench.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 512

double bench_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
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

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (!file)
        bench_die("%s: the process is gone", path);
    return file;
}

double bench_cpu_s(pid_t pid)
{
    char line[1024] = "";
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file = open_proc(pid, "stat");
    char *read = fgets(line, sizeof line, file);
    fclose(file);
    /* The name may hold anything; what follows its last bracket is numbers. */
    const char *numbers = read ? strrchr(line, ')') : NULL;
    if (!numbers || sscanf(numbers + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                           &user, &system) != 2)
        bench_die("/proc/%d/stat cannot be read", (int)pid);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double bench_peak_rss_mb(pid_t pid)
{
    char line[256];
    long kib = 0;
    FILE *file = open_proc(pid, "status");
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    fclose(file);
    return (double)kib / 1024;
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

uint64_t bench_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}
