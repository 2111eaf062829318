#include "workload.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILLER_BYTES 65536

static struct {
    long count, window;
    uint16_t *queues;
    atomic_uchar *letters_seen, *replies_seen;
    atomic_long letters_confirmed, letters_received, replies_confirmed, replies_received, twice;
    uint8_t filler[FILLER_BYTES];
    uint64_t random;
    struct timespec start;
    double start_cpu_s;
} load;

void workload_die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(2);
}

long workload_setting(const char *name, long preset)
{
    const char *text = getenv(name);
    return text ? atol(text) : preset;
}

const char *workload_cert(const char *name)
{
    const char *folder = getenv("CERTS");
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder ? folder : ".", name) < 0)
        workload_die("out of memory");
    return path;
}

/* ---------------------------------------------------------------- drawing */

static uint64_t draw(void)
{
    load.random ^= load.random << 13;
    load.random ^= load.random >> 7;
    load.random ^= load.random << 17;
    return load.random;
}

static unsigned draw_queue(const double *cumulative)
{
    double at = (double)(draw() >> 11) / (double)(UINT64_C(1) << 53) * cumulative[QUEUES - 1];
    unsigned low = 0;
    for (unsigned high = QUEUES - 1; low < high;) {
        unsigned middle = (low + high) / 2;
        if (cumulative[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void workload_init(void)
{
    double cumulative[QUEUES];
    double sum = 0;
    load.random = UINT64_C(88172645463325252);
    load.count = workload_setting("N", 84000);
    load.window = workload_setting("WINDOW", 1000);
    size_t count = (size_t)load.count;
    load.queues = calloc(count, sizeof *load.queues);
    load.letters_seen = calloc(count, sizeof *load.letters_seen);
    load.replies_seen = calloc(count, sizeof *load.replies_seen);
    if (!load.queues || !load.letters_seen || !load.replies_seen)
        workload_die("out of memory");
    for (unsigned i = 0; i < QUEUES; i++)
        cumulative[i] = sum += 1.0 / (i + 1);
    for (size_t i = 0; i < count; i++)
        load.queues[i] = (uint16_t)draw_queue(cumulative);
    for (size_t i = 0; i < FILLER_BYTES; i++)
        load.filler[i] = (uint8_t)(' ' + draw() % 95);
}

long workload_count(void)
{
    return load.count;
}

long workload_window(void)
{
    return load.window;
}

unsigned workload_queue(long letter)
{
    return load.queues[letter];
}

/* ---------------------------------------------------------------- bodies */

static void write_body(uint64_t id, uint32_t queue, size_t len, uint8_t *ret_body)
{
    memcpy(ret_body, &id, sizeof id);
    memcpy(ret_body + sizeof id, &queue, sizeof queue);
    size_t head = sizeof id + sizeof queue;
    memcpy(ret_body + head, load.filler + id * 31 % (FILLER_BYTES - LETTER_BYTES), len - head);
}

void workload_letter(long letter, uint8_t ret_body[LETTER_BYTES])
{
    write_body((uint64_t)letter, workload_queue(letter), LETTER_BYTES, ret_body);
}

void workload_reply(uint64_t id, unsigned queue, uint8_t ret_body[REPLY_BYTES])
{
    write_body(id, queue, REPLY_BYTES, ret_body);
}

static uint64_t read_id(const void *body, size_t len, size_t wanted)
{
    uint64_t id;
    if (len != wanted)
        workload_die("a body of %zu bytes", len);
    memcpy(&id, body, sizeof id);
    if (id >= (uint64_t)load.count)
        workload_die("a body nobody sent");
    return id;
}

static void count_once(atomic_uchar *seen, atomic_long *received)
{
    atomic_fetch_add(atomic_exchange(seen, 1) ? &load.twice : received, 1);
}

void workload_got_letter(const void *body, size_t len, uint64_t *ret_id, unsigned *ret_queue)
{
    uint32_t queue;
    *ret_id = read_id(body, len, LETTER_BYTES);
    memcpy(&queue, (const uint8_t *)body + sizeof *ret_id, sizeof queue);
    *ret_queue = queue;
    count_once(&load.letters_seen[*ret_id], &load.letters_received);
}

void workload_got_reply(const void *body, size_t len)
{
    uint64_t id = read_id(body, len, REPLY_BYTES);
    count_once(&load.replies_seen[id], &load.replies_received);
}

void workload_letters_confirmed(long more)
{
    atomic_fetch_add(&load.letters_confirmed, more);
}

void workload_replies_confirmed(long more)
{
    atomic_fetch_add(&load.replies_confirmed, more);
}

long workload_unconfirmed(long sent)
{
    return sent - atomic_load(&load.letters_confirmed);
}

/* ---------------------------------------------------------------- the clock */

static double cpu_s(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

void workload_start(void)
{
    load.start_cpu_s = cpu_s();
    clock_gettime(CLOCK_MONOTONIC, &load.start);
}

double workload_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - load.start.tv_sec) +
           (double)(now.tv_nsec - load.start.tv_nsec) / 1e9;
}

static int is_done(void)
{
    return load.letters_confirmed >= load.count && load.letters_received >= load.count &&
           load.replies_confirmed >= load.count && load.replies_received >= load.count;
}

int workload_finish(double limit_s)
{
    while (!is_done() && workload_seconds() < limit_s)
        usleep(1000);
    int done = is_done();
    double wall_s = workload_seconds();
    printf("CLIENT wall_s=%.3f msgs_per_s=%.0f cli_cpu_s=%.2f dups=%ld ok=%d msgs=%ld\n", wall_s,
           2 * (double)load.count / wall_s, cpu_s() - load.start_cpu_s, load.twice,
           done && load.twice == 0, 2 * load.count);
    fflush(stdout);
    return !done;
}
