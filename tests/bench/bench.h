/* What every benchmark needs: the clock, a way out, the figures the kernel keeps of a process. */
#ifndef SKP_BENCH_H
#define SKP_BENCH_H

#include "bytes.h"
#include "errors.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <sys/types.h>

double bench_now_s(void);   /* monotonic */
int64_t bench_now_ms(void); /* since 1970 */

/* One sentence on stderr, then exit 1: a benchmark that cannot measure has no figure. */
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_must(enum skp_err err, const char *what);
void *bench_calloc(size_t count, size_t bytes);

/* Of one process without its children, that still runs. Seconds of user and system time. */
double bench_cpu_s(pid_t pid);
double bench_threads_cpu_s(pid_t pid, const char *name); /* of its threads of this name */
double bench_rss_mb(pid_t pid);
double bench_peak_rss_mb(pid_t pid);

/* What the files of a folder take on disk now. */
double bench_folder_mb(const char *folder);

/* A new folder "skp-bench-..." in `parent` into ret_folder[200], short enough for a socket's name; and its end. */
void bench_folder_make(const char *parent, char *ret_folder);
void bench_folder_remove(const char *folder);

/* As many open files as the machine allows: each session takes a few. */
void bench_allow_files(void);

/* Sorts; the value that `share` (0 to 1) of them do not exceed. */
double bench_quantile(double *values, size_t count, double share);

/* A number of the command line, 1 to 10 million. */
unsigned bench_number(const char *text);

/* The check of a signature over `payload` by itself, whose header and chain are known already. Nothing of it is
 * remembered, as libskp would, so that each time is a first time. It must fit. */
void bench_check_signature(EVP_PKEY *key, const char *alg, const char *jws, struct span payload);

/* xorshift64*: the same seed draws the same. Never zero as state. */
uint64_t bench_random(uint64_t *state);

#endif
