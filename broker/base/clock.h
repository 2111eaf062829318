/* Time, injected: the only module that asks the system what time it is.
 *
 * Three readings. Real time judges certificates and stamps log lines; monotonic time drives timers
 * and measures; business time is what terms and rounds follow: real time plus an offset that stays
 * 0 except in a store made for play. Who may set the offset is the engine's rule, not this
 * module's.
 *
 * All readings may be taken from any thread. Milliseconds everywhere; real and business time count
 * from 1970-01-01T00:00:00Z. */
#ifndef SKP_CLOCK_H
#define SKP_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

/* A source of milliseconds; must be callable from any thread. */
typedef int64_t (*clock_source_fn)(void *ctx);

struct clock {
    clock_source_fn real_ms;
    clock_source_fn monotonic_ms;
    void *ctx; /* handed to both sources */
    _Atomic int64_t business_offset_ms;
};

/* The system's clock: one per process, lives for ever, never freed. */
struct clock *clock_system(void);

int64_t clock_real_ms(const struct clock *clock);

/* Never goes back; its zero means nothing. */
int64_t clock_monotonic_ms(const struct clock *clock);

/* clock_real_ms() + the business offset. */
int64_t clock_business_ms(const struct clock *clock);

int64_t clock_business_offset(const struct clock *clock);
void clock_set_business_offset(struct clock *clock, int64_t offset_ms);

/* A clock that stands still until it is told to move: tests and the simulation. */
struct clock_manual {
    struct clock clock; /* hand &manual.clock to the modules */
    _Atomic int64_t real_now_ms;
    _Atomic int64_t monotonic_now_ms;
};

/* Starts at `real_ms`, monotonic 0, offset 0. The struct must not move afterwards. */
void clock_manual_init(struct clock_manual *manual, int64_t real_ms);

/* Time goes by: real and monotonic move on. `ms` is not negative. */
void clock_manual_advance(struct clock_manual *manual, int64_t ms);

/* Somebody sets the wall clock: only real time moves, forward or back. */
void clock_manual_jump(struct clock_manual *manual, int64_t ms);

#endif
