/* The network of a simulation: connections between participants and the broker, with faults.
 *
 * Each connection is two byte pipes (socket pairs of this process) with the simulation in between:
 * bytes that one side wrote come out at the other after a delay, whole, in pieces, late, or never.
 * libskp's connect() ends here (the program is linked with --wrap=connect); the broker's end goes
 * through its ordinary handshake. So TLS, sessions and clients are the very code that runs in
 * production. One thread. */
#ifndef SKP_SIM_WIRE_H
#define SKP_SIM_WIRE_H

#include "sim_seed.h"

#include <stddef.h>

struct wire;

struct wire_hooks {
    /* Somebody listens at the broker's address; else connecting is refused at once. */
    bool (*listens)(void);
    /* A connection has come to the broker: takes `fd`. False: nobody listens any more. */
    bool (*accept)(int fd, unsigned participant);
    /* Bytes or an end arrived there. */
    void (*broker_reads)(void);
    void (*participant_reads)(unsigned participant);
};

void wires_init(uint64_t seed, const struct wire_hooks *hooks);
void wires_fini(void);

/* Whose code runs now: a connect() is theirs. */
void wires_set_participant(unsigned participant);

/* Takes what that side wrote onto the way. Call whenever its code has run. */
void wires_take_from(unsigned participant);
void wires_take_from_broker(void);

/* The broker's process ends: what it wrote before may still arrive, then the connections end. */
void wires_broker_gone(void);

/* ---------------------------------------------------------------- faults: each on one connection at random */

enum wire_fault {
    WIRE_CUT,      /* what is under way is lost, both sides see an end without goodbye */
    WIRE_CUT_SOON, /* the same, in the middle of what is written next */
    WIRE_STALL_UP, /* one direction stands still for a while */
    WIRE_STALL_DOWN,
    WIRE_FREEZE, /* nothing arrives any more, nobody is told */
    WIRE_SLOW,   /* seconds of delay from now on */
    WIRE_SHRED,  /* from now on in pieces of a few bytes */
    WIRE_FAULTS
};

/* False: there is no connection. */
bool wires_hurt(enum wire_fault fault);

/* From now on nothing is hurt any more and frozen connections end. */
void wires_heal(void);

struct wire_counts {
    size_t connections, refused, hurt;
    uint64_t bytes;
};
struct wire_counts wires_counts(void);

#endif
