/* The broker of a simulation: engine, sessions and SQLite on the power-cut disk, in one thread.
 *
 * Its workers are pumped, one piece of work at a time, in an order and at moments from the seed. It
 * can lose its power, be killed, or stop in good manners; its disk can fail, fill up, or lose power
 * at some later write. It comes back by itself. One for the whole program; one thread. */
#ifndef SKP_SIM_BROKER_H
#define SKP_SIM_BROKER_H

#include "sim_seed.h"

#include <stddef.h>
#include <stdint.h>

/* `folder` holds the certificates and becomes home of the store's lock; borrowed. */
void broker_init(uint64_t seed, const char *folder);

/* Opens everything anew; ends the program when a broker would refuse to start. */
void broker_start(void);
bool broker_is_up(void);

/* Runs what there is to run now. Call when bytes arrived; a deadline of its own calls it too. */
void broker_turn(void);
int64_t broker_due(void); /* of its next turn; SIM_NEVER: it is down */

/* A connection for wire_hooks. */
bool broker_accept(int fd, unsigned participant);

enum broker_fault {
    BROKER_POWER_CUT,     /* now */
    BROKER_CUT_AT_WRITE,  /* at one of the next writes or syncs, and again while it starts */
    BROKER_CUT_AT_ANSWER, /* right after the next commit, before anybody hears of it */
    BROKER_KILL_AT_WRITE, /* the process; the next one loses power at an early sync */
    BROKER_KILL,          /* the process only */
    BROKER_STOP,          /* in good manners */
    BROKER_WRITE_FAILS,   /* one of the next writes or syncs: EIO */
    BROKER_NO_ROOM,       /* one of the next writes finds no room */
    BROKER_SHORT_WRITE,
    BROKER_DISK_FULL, /* for some seconds */
    BROKER_SLOW_DISK, /* for some seconds */
    BROKER_FAULTS
};

/* False: it is down already. */
bool broker_hurt(enum broker_fault fault);
void broker_heal(void);

/* For sim_ask.c: NULL while it is down; and: something was submitted. */
struct engine *broker_engine(void);
void broker_plan_work(void);

/* sim_ask.c. An operator's command. `done` gets the JSON answer, or NULL when the broker went down or refused
 * the call; never inside this call. */
typedef void (*broker_answer_fn)(void *ctx, const char *answer);
void broker_ask(const char *command, broker_answer_fn done, void *ctx);

/* Writes every link of the chain into the history. */
void broker_tell_chain(void);

/* Ends it for good. */
void broker_fini(void);

struct broker_counts {
    size_t starts, cuts, cuts_at_write, cuts_at_answer, kills, stops, failures, full;
    uint64_t commits; /* links of the chain */
};
struct broker_counts broker_counts(void);

#endif
