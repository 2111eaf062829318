/* An engine that does nothing by itself: the test takes the calls it was given and answers them.
 * Stands in for skp_engine at link time. */
#ifndef SKP_FAKE_ENGINE_H
#define SKP_FAKE_ENGINE_H

#include "engine.h"

struct engine *fake_engine_new(void);

/* Every call must have been finished (asserted). */
void fake_engine_free(struct engine *engine);

/* The oldest submitted call of this verb, which must be there. Finish it. */
struct engine_call *fake_take(struct engine *engine, enum engine_verb verb);
size_t fake_waiting(const struct engine *engine);

/* Adds a frame to the answer. */
void fake_answer(struct engine_call *call, enum frame_type type, const ProtobufCMessage *message);
void fake_answer_bytes(struct engine_call *call, enum frame_type type, struct span body);

/* The call comes back, in the next engine_run_done(). */
void fake_finish(struct engine_call *call, enum skp_err err);

/* Whether a call ever came back with it: then nobody knows that the code under test can give it. */
bool fake_gave(enum skp_err err);

void fake_wake(struct engine *engine, const char *oin, const char *mailbox);

/* What the engine is, or has seen. */
struct fake {
    enum skp_err request_err, part_err; /* what intake says */
    bool no_calls;                      /* no memory for them */
    size_t intake_bytes;                /* 0: no limit */
    const char *failed;
    int64_t next_tick_ms;
    unsigned open_calls; /* made and not freed */
    uint64_t closed_session;
    uint64_t extended_position, released_position;
    uint32_t extended_seconds;
    uint64_t trust_generation; /* of the last engine_set_trust() */
    unsigned signers_set;
};
struct fake *fake_of(struct engine *engine);

#endif
