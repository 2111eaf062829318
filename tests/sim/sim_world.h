/* The whole of a simulation, and who steers it besides the participants: the operator, and whoever
 * breaks things. One thread. */
#ifndef SKP_SIM_WORLD_H
#define SKP_SIM_WORLD_H

#include "sim_party.h"

struct sim_world {
    uint64_t seed;
    char folder[64];
    struct sim_party *parties[SIM_MAX_PARTIES];
    size_t party_count;
    int64_t end_us; /* of work and faults */
    size_t client_deaths, clock_jumps;
};

/* sim_operator.c: the operator registers everybody and admits agreements, steers the business
 * clock, and in the end waits until nothing is left to do anywhere. Each is under way until
 * operator_is_done(). */
void operator_open(struct sim_world *world);
void operator_steer(void); /* until the end of the work; never done */
void operator_rest(void);
bool operator_is_done(void);

/* sim_faults.c: from that moment to world->end_us something breaks every half minute or so, or so many times as
 * often. */
void faults_begin(struct sim_world *world, int64_t from_us, unsigned often);

/* Nothing breaks any more; what is broken heals. */
void faults_end(void);

#endif
