#include "sim_time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MONOTONIC_BASE_US (INT64_C(1000) * 1000000) /* so that nothing mistakes 0 for "not set" */

struct planned {
    int64_t at_us;
    uint64_t number;
    sim_fn fn;
    void *ctx;
};

static int64_t now_us;
static int64_t jumped_us;
static struct planned *heap;
static size_t heap_count, heap_room;
static uint64_t planned_total;

/* ---------------------------------------------------------------- the clocks of the program */

static int64_t wall_us(void)
{
    return SIM_START_MS * 1000 + now_us + jumped_us;
}

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
    if (id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
        return (int)syscall(SYS_clock_gettime, id, ret_time);
    bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    int64_t at_us = is_wall ? wall_us() : MONOTONIC_BASE_US + now_us;
    ret_time->tv_sec = (time_t)(at_us / 1000000);
    ret_time->tv_nsec = (long)(at_us % 1000000) * 1000;
    return 0;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    (void)zone;
    ret_time->tv_sec = (time_t)(wall_us() / 1000000);
    ret_time->tv_usec = (suseconds_t)(wall_us() % 1000000);
    return 0;
}

time_t time(time_t *ret_time)
{
    time_t seconds = (time_t)(wall_us() / 1000000);
    if (ret_time != NULL)
        *ret_time = seconds;
    return seconds;
}

int64_t sim_now(void)
{
    return now_us;
}

void sim_time_jump(int64_t ms)
{
    jumped_us += ms * 1000;
}

/* ---------------------------------------------------------------- what is to come */

static bool is_before(const struct planned *a, const struct planned *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->number < b->number;
}

static void swap(size_t a, size_t b)
{
    struct planned kept = heap[a];
    heap[a] = heap[b];
    heap[b] = kept;
}

void sim_at(int64_t at_us, sim_fn fn, void *ctx)
{
    if (heap_count == heap_room) {
        heap_room = heap_room > 0 ? heap_room * 2 : 256;
        heap = realloc(heap, heap_room * sizeof *heap);
        assert(heap != NULL);
    }
    size_t at = heap_count++;
    heap[at] = (struct planned){
        .at_us = at_us > now_us ? at_us : now_us, .number = planned_total++, .fn = fn, .ctx = ctx};
    for (; at > 0 && is_before(&heap[at], &heap[(at - 1) / 2]); at = (at - 1) / 2)
        swap(at, (at - 1) / 2);
}

void sim_after(int64_t delay_us, sim_fn fn, void *ctx)
{
    sim_at(now_us + delay_us, fn, ctx);
}

int64_t sim_next_at(void)
{
    return heap_count > 0 ? heap[0].at_us : SIM_NEVER;
}

void sim_go_to(int64_t at_us)
{
    assert(at_us >= now_us && at_us != SIM_NEVER);
    now_us = at_us;
}

static void sink_first(void)
{
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_count; child++)
            if (is_before(&heap[child], &heap[least]))
                least = child;
        if (least == at)
            return;
        swap(at, least);
        at = least;
    }
}

bool sim_run_one(void)
{
    if (heap_count == 0 || heap[0].at_us > now_us)
        return false;
    struct planned first = heap[0];
    heap[0] = heap[--heap_count];
    sink_first();
    first.fn(first.ctx);
    return true;
}

void sim_time_fini(void)
{
    free(heap);
    heap = NULL;
    heap_count = heap_room = 0;
}
