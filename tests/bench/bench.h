/* What every benchmark needs: the clock, a way out, the figures the kernel keeps of a process. */
#ifndef SKP_BENCH_H
#define SKP_BENCH_H

#include "errors.h"

#include <stdint.h>
#include <sys/types.h>

double bench_now_s(void); /* monotonic */

/* One sentence on stderr, then exit 1: a benchmark that cannot measure has no figure. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_must(enum skp_err err, const char *what);
void *bench_calloc(size_t count, size_t bytes);

/* Of a process and, for `self` and the like, nothing of its children. Seconds of user and system time. */
double bench_cpu_s(pid_t pid);
double bench_peak_rss_mb(pid_t pid);

/* What the files of a folder take on disk now. */
double bench_folder_mb(const char *folder);

/* xorshift64*: the same seed draws the same. Never zero as state. */
uint64_t bench_random(uint64_t *state);

#endif
