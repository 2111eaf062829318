#include "engine_internal.h"

#include "txn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct verb *const verbs[] = {
    [ENGINE_HELLO] = &verb_hello,     [ENGINE_BATCH] = &verb_batch,
    [ENGINE_FETCH] = &verb_fetch,     [ENGINE_COLLECT] = &verb_collect,
    [ENGINE_PUBLISH] = &verb_publish, [ENGINE_DIRECTORY] = &verb_directory,
    [ENGINE_CASES] = &verb_cases,     [ENGINE_ADMIN] = &verb_admin,
    [ENGINE_TICK] = &verb_tick,
};

const struct verb *engine_verb_of(enum engine_verb verb)
{
    return verbs[verb];
}

/* ---------------------------------------------------------------- the way of a call */

static struct engine_call *call_of(struct work_item *item)
{
    return (struct engine_call *)(void *)item;
}

static void call_done(struct work_item *item)
{
    struct engine_call *call = call_of(item);
    const struct verb *verb = engine_verb_of(call->verb);
    if (verb->finish && !call->err)
        verb->finish(call);
    size_t held = call->budget_bytes;
    call->budget_bytes = 0;
    atomic_fetch_sub(&call->engine->intake_used, held);
    call->done(call);
}

void engine_finish(struct engine_call *call)
{
    if (call->err)
        call->frame_count = 0;
    done_post(&call->engine->done, &call->work);
}

static void call_submit(struct work_queue *queue, struct engine_call *call)
{
    enum skp_err err = work_submit(queue, &call->work);
    if (err) {
        engine_refuse(call, err == SKP_E_GOING_AWAY ? err : SKP_E_BUSY, "", NULL);
        engine_finish(call);
    }
}

static void run_read(struct work_item *item)
{
    struct engine_call *call = call_of(item);
    struct engine *engine = call->engine;
    enum skp_err err = store_begin(engine->reader);
    if (!err)
        err = engine_verb_of(call->verb)->read(call, engine->reader);
    store_rollback(engine->reader);
    if (err && !call->err)
        engine_refuse(call, err, "", NULL);
    engine_finish(call);
}

static void to_store(struct engine_call *call)
{
    if (atomic_load(&call->engine->failed)) {
        engine_refuse(call, SKP_E_UNAVAILABLE, "", NULL);
        engine_finish(call);
        return;
    }
    call_submit(call->engine->store_queue, call);
}

static void run_verify(struct work_item *item)
{
    struct engine_call *call = call_of(item);
    enum skp_err err = engine_verb_of(call->verb)->verify(call);
    if (err) {
        if (!call->err)
            engine_refuse(call, err, "", NULL);
        engine_finish(call);
        return;
    }
    to_store(call);
}

void engine_submit(struct engine_call *call)
{
    const struct verb *verb = engine_verb_of(call->verb);
    call->work.done = call_done;
    if (call->engine->closing || atomic_load(&call->engine->failed)) {
        engine_refuse(call, call->engine->closing ? SKP_E_GOING_AWAY : SKP_E_UNAVAILABLE, "", NULL);
        engine_finish(call);
    } else if (verb->read) {
        call->work.run = run_read;
        call_submit(call->engine->read_queue, call);
    } else if (verb->verify) {
        call->work.run = run_verify;
        call_submit(call->engine->verify_queue, call);
    } else {
        to_store(call);
    }
}

/* ---------------------------------------------------------------- calls */

struct engine_call *engine_call_new(struct engine *engine, enum engine_verb verb,
                                    const struct skp_oin *peer, uint64_t session,
                                    engine_done_fn done, void *ctx)
{
    struct engine_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->engine = engine;
    call->verb = verb;
    if (peer)
        call->peer = *peer;
    call->session = session;
    call->done = done;
    call->ctx = ctx;
    bool is_small = verb == ENGINE_HELLO || verb == ENGINE_COLLECT || verb == ENGINE_PUBLISH;
    arena_init(&call->arena, is_small ? ENGINE_CALL_ARENA_BYTES : ENGINE_BATCH_ARENA_BYTES);
    return call;
}

void engine_call_free(struct engine_call *call)
{
    if (!call)
        return;
    if (call->budget_bytes > 0)
        atomic_fetch_sub(&call->engine->intake_used, call->budget_bytes);
    arena_fini(&call->arena);
    free(call);
}

static enum skp_err take_budget(struct engine_call *call, size_t bytes)
{
    struct engine *engine = call->engine;
    size_t used = atomic_fetch_add(&engine->intake_used, bytes) + bytes;
    if (used > engine->intake_max) {
        atomic_fetch_sub(&engine->intake_used, bytes);
        return SKP_E_BUSY;
    }
    call->budget_bytes += bytes;
    return SKP_OK;
}

static enum skp_err copy_in(struct engine_call *call, struct span body, struct span *ret_copy)
{
    enum skp_err err = take_budget(call, body.len);
    if (err)
        return err;
    void *copy = arena_copy(&call->arena, body.data, body.len);
    if (!copy && body.len > 0)
        return SKP_E_NO_MEMORY;
    *ret_copy = span_of(copy, body.len);
    return SKP_OK;
}

enum skp_err engine_call_request(struct engine_call *call, struct span body)
{
    return copy_in(call, body, &call->request);
}

size_t engine_intake_share(const struct engine *engine)
{
    size_t quarter = engine->intake_max / 4;
    size_t one_batch = BATCH_MAX_BYTES + (size_t)2 * FRAME_MAX_BYTES;
    return quarter > one_batch ? quarter : one_batch;
}

static enum skp_err parts_grow(struct engine_call *call)
{
    size_t room = call->part_room ? call->part_room * 2 : 16;
    struct span *parts = arena_calloc(&call->arena, room, sizeof *parts);
    if (!parts)
        return SKP_E_NO_MEMORY;
    if (call->part_count > 0)
        memcpy(parts, call->parts, call->part_count * sizeof *parts);
    call->parts = parts;
    call->part_room = room;
    return SKP_OK;
}

enum skp_err engine_call_part(struct engine_call *call, struct span body)
{
    if (call->part_count == BATCH_MAX_BUNDLES ||
        call->budget_bytes + body.len > BATCH_MAX_BYTES + JWS_MAX_BYTES)
        return SKP_E_BATCH_TOO_LARGE;
    enum skp_err err = call->part_count == call->part_room ? parts_grow(call) : SKP_OK;
    struct span copy;
    if (!err)
        err = copy_in(call, body, &copy);
    if (!err)
        call->parts[call->part_count++] = copy;
    return err;
}

enum skp_err engine_refuse(struct engine_call *call, enum skp_err err, const char *path,
                           const char *sentence)
{
    call->err = err;
    snprintf(call->path, sizeof call->path, "%s", path ? path : "");
    snprintf(call->sentence, sizeof call->sentence, "%s", sentence ? sentence : "");
    return err;
}

enum skp_err engine_refuse_in(struct engine_call *call, enum skp_err err, const char *outer,
                              const char *path)
{
    engine_refuse(call, err, NULL, NULL);
    snprintf(call->path, sizeof call->path, "%s%s%s", outer, path[0] ? "." : "", path);
    return err;
}

enum skp_err engine_answer_bytes(struct engine_call *call, enum frame_type type, struct span body)
{
    if (!body.data)
        return SKP_E_NO_MEMORY;
    /* A call answers few frames; a fetch makes room for all of its own at once. */
    struct engine_frame *frames = arena_calloc(&call->arena, call->frame_count + 1, sizeof *frames);
    if (!frames)
        return SKP_E_NO_MEMORY;
    if (call->frame_count > 0)
        memcpy(frames, call->frames, call->frame_count * sizeof *frames);
    frames[call->frame_count++] = (struct engine_frame){.type = type, .body = body};
    call->frames = frames;
    return SKP_OK;
}

enum skp_err engine_answer(struct engine_call *call, enum frame_type type,
                           const ProtobufCMessage *message)
{
    return engine_answer_bytes(call, type, wire_pack(message, &call->arena));
}

enum skp_err engine_unpack(struct engine_call *call, const ProtobufCMessageDescriptor *type,
                           void *ret_message)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(type, call->request, &call->arena, path, &message);
    if (err)
        return engine_refuse(call, err, path, NULL);
    memcpy(ret_message, &message, sizeof message);
    return SKP_OK;
}

enum skp_err engine_check_peer(struct engine_call *call, struct span payload, const char *jws,
                               const char *path)
{
    struct engine *engine = call->engine;
    struct trust *trust = engine_trust_ref(engine);
    struct jws_signer signer;
    const char *why = NULL;
    enum skp_err err = jws_verify(trust, engine->cache, span_text(jws), payload,
                                  clock_real_ms(engine->clock), &signer, &why);
    if (err)
        engine_refuse(call, err, path, why);
    else if (!oin_equal(&signer.oin, &call->peer))
        err = engine_refuse(call, SKP_E_SIGNER_INVALID, path, NULL);
    trust_unref(trust);
    return err;
}

/* ---------------------------------------------------------------- references */

struct trust *engine_trust_ref(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct trust *trust = trust_ref(engine->trust);
    pthread_mutex_unlock(&engine->lock);
    return trust;
}

struct keypair *engine_signer_ref(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct keypair *signer = keypair_ref(engine->signer);
    pthread_mutex_unlock(&engine->lock);
    return signer;
}

struct registry *engine_registry(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct registry *registry = registry_ref(engine->registry);
    pthread_mutex_unlock(&engine->lock);
    return registry;
}

void engine_set_trust(struct engine *engine, struct trust *trust)
{
    pthread_mutex_lock(&engine->lock);
    struct trust *old = engine->trust;
    engine->trust = trust_ref(trust);
    pthread_mutex_unlock(&engine->lock);
    trust_unref(old);
}

void engine_set_signer(struct engine *engine, struct keypair *signer)
{
    pthread_mutex_lock(&engine->lock);
    struct keypair *old = engine->signer;
    engine->signer = keypair_ref(signer);
    pthread_mutex_unlock(&engine->lock);
    keypair_unref(old);
}

bool engine_is_play(const struct engine *engine)
{
    return engine->play;
}

void engine_fail(struct engine *engine, enum skp_err err, const char *sentence)
{
    atomic_store(&engine->failure, (int)err);
    atomic_store(&engine->failed, sentence);
}

enum skp_err engine_failure(const struct engine *engine)
{
    return (enum skp_err)atomic_load(&engine->failure);
}

const char *engine_failed(const struct engine *engine)
{
    return atomic_load(&engine->failed);
}

/* ---------------------------------------------------------------- wake-ups, leases */

struct wake_item {
    struct work_item work;
    struct engine *engine;
    struct skp_oin oin;
    char mailbox[MAILBOX_NAME_MAX + 1];
};

static void wake_done(struct work_item *item)
{
    struct wake_item *note = (struct wake_item *)(void *)item;
    if (note->engine->wake)
        note->engine->wake(note->engine->wake_ctx, &note->oin, note->mailbox);
    free(note);
}

void engine_post_wake(struct engine *engine, const struct skp_oin *oin, const char *mailbox)
{
    struct wake_item *note = calloc(1, sizeof *note);
    if (!note)
        return; /* the session's next fetch finds the mail all the same */
    note->work.done = wake_done;
    note->engine = engine;
    note->oin = *oin;
    snprintf(note->mailbox, sizeof note->mailbox, "%s", mailbox);
    done_post(&engine->done, &note->work);
}

static void freed(void *ctx, const struct skp_oin *oin, const char *mailbox)
{
    engine_post_wake(ctx, oin, mailbox);
}

void engine_on_wake(struct engine *engine, engine_wake_fn fn, void *ctx)
{
    engine->wake = fn;
    engine->wake_ctx = ctx;
}

void engine_session_closed(struct engine *engine, uint64_t session)
{
    lease_session_closed(&engine->leases, session, freed, engine);
}

int64_t engine_lease_until(struct engine *engine, uint32_t seconds)
{
    if (seconds == 0 || seconds > ENGINE_LEASE_MAX_SECONDS)
        seconds = engine->lease_seconds;
    return clock_monotonic_ms(engine->clock) + (int64_t)seconds * 1000;
}

enum skp_err engine_extend(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                           const char *mailbox, const uint64_t *positions, size_t count,
                           uint32_t lease_seconds)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; i < count; i++)
        if (lease_extend(&engine->leases, peer, mailbox, positions[i], session,
                         engine_lease_until(engine, lease_seconds)))
            err = SKP_E_ACK_UNKNOWN;
    return err;
}

enum skp_err engine_release(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                            const char *mailbox, const uint64_t *positions, size_t count)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; i < count; i++)
        if (!lease_release(&engine->leases, peer, mailbox, positions[i], session))
            err = SKP_E_ACK_UNKNOWN;
    engine_post_wake(engine, peer, mailbox);
    return err;
}

int64_t engine_next_tick_ms(struct engine *engine)
{
    lease_expire(&engine->leases, clock_monotonic_ms(engine->clock), freed, engine);
    pthread_mutex_lock(&engine->lock);
    int64_t due = engine->next_due_ms;
    pthread_mutex_unlock(&engine->lock);
    if (atomic_load(&engine->fold_wanted))
        return 0;
    int64_t now = clock_business_ms(engine->clock);
    if (due <= now)
        return 0;
    return due - now < 60000 ? due - now : 60000;
}

/* ---------------------------------------------------------------- loop and pump */

void engine_run_done(struct engine *engine)
{
    done_run(&engine->done);
}

bool engine_pump(struct engine *engine)
{
    assert(engine->threads == 0);
    return work_run_one(engine->store_queue) || work_run_one(engine->verify_queue) ||
           work_run_one(engine->read_queue) || done_run(&engine->done) > 0;
}
