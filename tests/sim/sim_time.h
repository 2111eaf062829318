/* Virtual time: the only time there is in a simulation.
 *
 * This module defines clock_gettime(), gettimeofday() and time() for the whole program, so that the
 * broker, libskp, libevent and OpenSSL all read the same clock. It moves only when the simulation
 * says so. Things to come wait in one queue, in the order of their moment; those of one moment in
 * the order in which they were planned. One thread. */
#ifndef SKP_SIM_TIME_H
#define SKP_SIM_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_MS     INT64_C(1000)
#define SIM_SECOND INT64_C(1000000)
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_NEVER  INT64_MAX

/* Monday 2 November 2026, 09:00 in Amsterdam: where every simulation starts. */
#define SIM_START_MS INT64_C(1793606400000)

/* Microseconds since the start. */
int64_t sim_now(void);

/* Somebody sets the wall clock: only real time moves. */
void sim_time_jump(int64_t ms);

typedef void (*sim_fn)(void *ctx);

/* Calls fn(ctx) at that moment, never inside this call; moments in the past mean now. */
void sim_at(int64_t at_us, sim_fn fn, void *ctx);
void sim_after(int64_t delay_us, sim_fn fn, void *ctx);

/* When the first of them is due; SIM_NEVER: nothing waits. */
int64_t sim_next_at(void);

/* Time moves on to `at_us`, not back. */
void sim_go_to(int64_t at_us);

/* Calls the first one that is due; false: none is. */
bool sim_run_one(void);

/* Forgets what waits. */
void sim_time_fini(void);

#endif
