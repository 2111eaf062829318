/* A call: its memory, what it holds of the budgets, what it answers or is refused with. */
#include "engine_internal.h"

#include "mutant.h"

#include <stdio.h>
#include <stdlib.h>

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

/* ---------------------------------------------------------------- what verified calls hold */

void engine_await_room(struct engine *engine)
{
    pthread_mutex_lock(&engine->unpack_lock);
    while (engine->unpacked_bytes >= ENGINE_UNPACKED_BYTES && !engine->unpack_freely)
        pthread_cond_wait(&engine->unpack_room, &engine->unpack_lock);
    pthread_mutex_unlock(&engine->unpack_lock);
}

void engine_hold_unpacked(struct engine_call *call)
{
    pthread_mutex_lock(&call->engine->unpack_lock);
    call->unpacked_bytes = call->arena.used_bytes;
    call->engine->unpacked_bytes += call->unpacked_bytes;
    pthread_mutex_unlock(&call->engine->unpack_lock);
}

void engine_unpack_freely(struct engine *engine)
{
    pthread_mutex_lock(&engine->unpack_lock);
    engine->unpack_freely = true;
    pthread_cond_broadcast(&engine->unpack_room);
    pthread_mutex_unlock(&engine->unpack_lock);
}

static void drop_unpacked(struct engine_call *call)
{
    struct engine *engine = call->engine;
    if (call->unpacked_bytes == 0)
        return;
    pthread_mutex_lock(&engine->unpack_lock);
    engine->unpacked_bytes -= call->unpacked_bytes;
    pthread_cond_broadcast(&engine->unpack_room);
    pthread_mutex_unlock(&engine->unpack_lock);
}

void engine_call_free(struct engine_call *call)
{
    if (!call)
        return;
    if (call->budget_bytes > 0)
        atomic_fetch_sub(&call->engine->intake_used, call->budget_bytes);
    drop_unpacked(call);
    arena_fini(&call->arena);
    free(call);
}

/* ---------------------------------------------------------------- intake */

static enum skp_err take_budget(struct engine_call *call, size_t bytes)
{
    struct engine *engine = call->engine;
    size_t used = atomic_fetch_add(&engine->intake_used, bytes) + bytes;
    if (used > engine->intake_max && !MUTANT(intake_without_end)) {
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

size_t engine_intake_share(const struct engine *engine, unsigned part)
{
    size_t share = engine->intake_max / part;
    size_t one_batch = BATCH_MAX_BYTES + (size_t)2 * FRAME_MAX_BYTES;
    return share > one_batch ? share : one_batch;
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
    if (!err)
        err = copy_in(call, body, &call->parts[call->part_count]);
    if (!err)
        call->part_count++;
    return err;
}

/* ---------------------------------------------------------------- answers and refusals */

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

char *engine_text(struct arena *arena, struct span text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
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
