#include "fake_engine.h"

#include "wire.h"

#include <assert.h>
#include <stdlib.h>

#define MAX_CALLS  4096
#define MAX_FRAMES 600

struct engine {
    struct fake fake;
    struct engine_call *submitted[MAX_CALLS];
    size_t submitted_count;
    struct engine_call *finished[MAX_CALLS];
    size_t finished_count;
    engine_wake_fn wake;
    void *wake_ctx;
};

struct engine *fake_engine_new(void)
{
    struct engine *engine = calloc(1, sizeof *engine);
    assert(engine != NULL);
    engine->fake.next_tick_ms = 60000;
    return engine;
}

void fake_engine_free(struct engine *engine)
{
    assert(engine->fake.open_calls == 0);
    free(engine);
}

struct fake *fake_of(struct engine *engine)
{
    return &engine->fake;
}

size_t fake_waiting(const struct engine *engine)
{
    return engine->submitted_count;
}

struct engine_call *fake_take(struct engine *engine, enum engine_verb verb)
{
    size_t at = 0;
    while (at < engine->submitted_count && engine->submitted[at]->verb != verb)
        at++;
    assert(at < engine->submitted_count);
    struct engine_call *call = engine->submitted[at];
    engine->submitted_count--;
    memmove(&engine->submitted[at], &engine->submitted[at + 1],
            (engine->submitted_count - at) * sizeof engine->submitted[0]);
    return call;
}

void fake_answer_bytes(struct engine_call *call, enum frame_type type, struct span body)
{
    if (call->frames == NULL)
        call->frames = arena_calloc(&call->arena, MAX_FRAMES, sizeof *call->frames);
    assert(call->frames != NULL && call->frame_count < MAX_FRAMES);
    call->frames[call->frame_count++] = (struct engine_frame){.type = type, .body = body};
}

void fake_answer(struct engine_call *call, enum frame_type type, const ProtobufCMessage *message)
{
    fake_answer_bytes(call, type, wire_pack(message, &call->arena));
}

static bool gave[1000];

bool fake_gave(enum skp_err err)
{
    return gave[err];
}

void fake_finish(struct engine_call *call, enum skp_err err)
{
    struct engine *engine = call->engine;
    call->err = err;
    gave[err] = true;
    assert(engine->finished_count < MAX_CALLS);
    engine->finished[engine->finished_count++] = call;
}

void fake_wake(struct engine *engine, const char *oin, const char *mailbox)
{
    struct skp_oin participant;
    bool taken = oin_take(span_text(oin), &participant);
    assert(taken);
    engine->wake(engine->wake_ctx, &participant, mailbox);
}

/* ---------------------------------------------------------------- engine.h */

void engine_run_done(struct engine *engine)
{
    while (engine->finished_count > 0) {
        struct engine_call *call = engine->finished[0];
        engine->finished_count--;
        memmove(&engine->finished[0], &engine->finished[1],
                engine->finished_count * sizeof engine->finished[0]);
        call->done(call);
    }
}

struct engine_call *engine_call_new(struct engine *engine, enum engine_verb verb,
                                    const struct skp_oin *peer, uint64_t session,
                                    engine_done_fn done, void *ctx)
{
    if (engine->fake.no_calls)
        return NULL;
    struct engine_call *call = calloc(1, sizeof *call);
    assert(call != NULL);
    arena_init(&call->arena, (size_t)8 << 20);
    call->engine = engine;
    call->verb = verb;
    call->peer = *peer;
    call->session = session;
    call->done = done;
    call->ctx = ctx;
    engine->fake.open_calls++;
    return call;
}

void engine_call_free(struct engine_call *call)
{
    if (call == NULL)
        return;
    call->engine->fake.open_calls--;
    arena_fini(&call->arena);
    free(call->parts);
    free(call);
}

enum skp_err engine_call_request(struct engine_call *call, struct span body)
{
    enum skp_err err = call->engine->fake.request_err;
    gave[err] = true;
    if (err)
        return err;
    call->request = span_of(arena_copy(&call->arena, body.data, body.len), body.len);
    call->budget_bytes += body.len;
    return SKP_OK;
}

enum skp_err engine_call_part(struct engine_call *call, struct span body)
{
    enum skp_err err = call->engine->fake.part_err;
    gave[err] = true;
    if (err)
        return err;
    call->parts = realloc(call->parts, (call->part_count + 1) * sizeof *call->parts);
    assert(call->parts != NULL);
    call->parts[call->part_count++] =
        span_of(arena_copy(&call->arena, body.data, body.len), body.len);
    call->budget_bytes += body.len;
    return SKP_OK;
}

size_t engine_intake_share(const struct engine *engine, unsigned part)
{
    return (engine->fake.intake_bytes != 0 ? engine->fake.intake_bytes : SIZE_MAX) / part;
}

enum engine_verb engine_admin_verb(const char *command)
{
    return strcmp(command, "status") == 0 ? ENGINE_ADMIN_READ : ENGINE_ADMIN;
}

void engine_submit(struct engine_call *call)
{
    struct engine *engine = call->engine;
    assert(engine->submitted_count < MAX_CALLS);
    engine->submitted[engine->submitted_count++] = call;
}

void engine_session_closed(struct engine *engine, uint64_t session)
{
    engine->fake.closed_session = session;
}

enum skp_err engine_extend(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                           const char *mailbox, const uint64_t *positions, size_t count,
                           uint32_t lease_seconds)
{
    (void)peer, (void)session, (void)mailbox;
    if (positions[count - 1] == 0) /* no mail has it */
        return SKP_E_ACK_UNKNOWN;
    engine->fake.extended_position = positions[count - 1];
    engine->fake.extended_seconds = lease_seconds;
    return SKP_OK;
}

enum skp_err engine_release(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                            const char *mailbox, const uint64_t *positions, size_t count)
{
    (void)peer, (void)session, (void)mailbox;
    if (positions[count - 1] == 0) /* no mail has it */
        return SKP_E_ACK_UNKNOWN;
    engine->fake.released_position = positions[count - 1];
    return SKP_OK;
}

void engine_on_wake(struct engine *engine, engine_wake_fn fn, void *ctx)
{
    engine->wake = fn;
    engine->wake_ctx = ctx;
}

int64_t engine_next_tick_ms(struct engine *engine)
{
    return engine->fake.next_tick_ms;
}

bool engine_deadlines_held(struct engine *engine)
{
    (void)engine;
    return false;
}

bool engine_deadlines_unreadable(const struct engine *engine)
{
    (void)engine;
    return false;
}

size_t engine_rows_aside(const struct engine *engine)
{
    (void)engine;
    return 0;
}

struct loss_mark engine_loss(const struct engine *engine)
{
    (void)engine;
    return (struct loss_mark){.lost = 0};
}

const char *engine_failed(const struct engine *engine)
{
    return engine->fake.failed;
}

enum skp_err engine_failure(const struct engine *engine)
{
    return engine->fake.failed ? SKP_E_OUTCOME_UNKNOWN : SKP_OK;
}

void engine_set_trust(struct engine *engine, struct trust *trust)
{
    engine->fake.trust_generation = trust_generation(trust);
}

void engine_set_signer(struct engine *engine, struct keypair *signer)
{
    (void)signer;
    engine->fake.signers_set++;
}
