#include "clock.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    if (clock_gettime(id, &now) != 0)
        abort(); /* no such clock: nothing can go on */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_real_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_monotonic_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

struct clock *clock_system(void)
{
    static struct clock system_clock = {
        .real_ms = system_real_ms,
        .monotonic_ms = system_monotonic_ms,
    };
    return &system_clock;
}

int64_t clock_real_ms(const struct clock *clock)
{
    return clock->real_ms(clock->ctx);
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->ctx);
}

int64_t clock_business_ms(const struct clock *clock)
{
    return clock_real_ms(clock) + clock_business_offset(clock);
}

int64_t clock_business_offset(const struct clock *clock)
{
    return atomic_load(&clock->business_offset_ms);
}

void clock_set_business_offset(struct clock *clock, int64_t offset_ms)
{
    atomic_store(&clock->business_offset_ms, offset_ms);
}

static int64_t manual_real_ms(void *ctx)
{
    struct clock_manual *manual = ctx;
    return atomic_load(&manual->real_now_ms);
}

static int64_t manual_monotonic_ms(void *ctx)
{
    struct clock_manual *manual = ctx;
    return atomic_load(&manual->monotonic_now_ms);
}

void clock_manual_init(struct clock_manual *manual, int64_t real_ms)
{
    manual->clock.real_ms = manual_real_ms;
    manual->clock.monotonic_ms = manual_monotonic_ms;
    manual->clock.ctx = manual;
    atomic_init(&manual->clock.business_offset_ms, 0);
    atomic_init(&manual->real_now_ms, real_ms);
    atomic_init(&manual->monotonic_now_ms, 0);
}

void clock_manual_advance(struct clock_manual *manual, int64_t ms)
{
    assert(ms >= 0);
    atomic_fetch_add(&manual->real_now_ms, ms);
    atomic_fetch_add(&manual->monotonic_now_ms, ms);
}

void clock_manual_jump(struct clock_manual *manual, int64_t ms)
{
    atomic_fetch_add(&manual->real_now_ms, ms);
}
