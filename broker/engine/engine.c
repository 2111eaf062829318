#include "engine_internal.h"

#include "hold.h"
#include "log.h"
#include "mutant.h"
#include "quarantine.h"
#include "txn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct verb *const verbs[] = {
    [ENGINE_HELLO] = &verb_hello,
    [ENGINE_BATCH] = &verb_batch,
    [ENGINE_FETCH] = &verb_fetch,
    [ENGINE_COLLECT] = &verb_collect,
    [ENGINE_PUBLISH] = &verb_publish,
    [ENGINE_DIRECTORY] = &verb_directory,
    [ENGINE_CASES] = &verb_cases,
    [ENGINE_ADMIN] = &verb_admin,
    [ENGINE_ADMIN_READ] = &verb_admin_read,
    [ENGINE_TICK] = &verb_tick,
    [ENGINE_PARK] = &verb_park,
    [ENGINE_SET_ASIDE] = &verb_set_aside,
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
    call->done(call);
}

void engine_finish(struct engine_call *call)
{
    if (call->err)
        call->frame_count = 0;
    done_post(&call->engine->done, &call->work);
}

typedef enum skp_err (*submit_fn)(struct work_queue *queue, struct work_item *item);

static void call_submit(struct work_queue *queue, submit_fn submit, struct engine_call *call)
{
    enum skp_err err = submit(queue, &call->work);
    if (err) {
        engine_refuse(call, err == SKP_E_GOING_AWAY ? err : SKP_E_BUSY, "", NULL);
        engine_finish(call);
    }
}

/* To a client DATA_LOSS means that the broker is behind what it once confirmed: only who found that out
 * says so. A warning, since whoever asks again and again must not fill the log. */
static enum skp_err spoken(struct engine *engine, enum skp_err err)
{
    if (err != SKP_E_DATA_LOSS)
        return err;
    log_line(LOG_WARN, "read_failed", "code=%d name=%s why=%s", (int)err, skp_error_name(err),
             engine->reader->why);
    return quarantine_submit(engine, &engine->reader->damaged) ? SKP_E_UNAVAILABLE : SKP_E_INTERNAL;
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
        engine_refuse(call, spoken(engine, err), "", NULL);
    engine_finish(call);
}

static void to_store(struct engine_call *call, submit_fn submit)
{
    if (atomic_load(&call->engine->failed)) {
        engine_refuse(call, SKP_E_UNAVAILABLE, "", NULL);
        engine_finish(call);
        return;
    }
    call->work.weight += call->budget_bytes;
    call_submit(call->engine->store_queue, submit, call);
}

/* A small call that is the last to be verified saves waking the store's thread. Else verifying goes on
 * meanwhile, so that what was verified is committed together. */
static submit_fn way_to_store(const struct engine_call *call)
{
    struct work_counters verifying;
    work_queue_counters(call->engine->verify_queue, &verifying);
    bool is_small = call->work.weight + call->budget_bytes <= ENGINE_SMALL_BYTES;
    return is_small && verifying.depth == 0 ? work_submit_or_run : work_submit;
}

static void run_verify(struct work_item *item)
{
    struct engine_call *call = call_of(item);
    if (call->engine->threads > 0)
        engine_await_room(call->engine);
    enum skp_err err = engine_verb_of(call->verb)->verify(call);
    engine_hold_unpacked(call);
    if (err) {
        if (!call->err)
            engine_refuse(call, err, "", NULL);
        engine_finish(call);
        return;
    }
    to_store(call, way_to_store(call));
}

void engine_submit_inside(struct engine_call *call)
{
    call->work.done = call_done;
    to_store(call, work_submit);
}

void engine_submit(struct engine_call *call)
{
    const struct verb *verb = engine_verb_of(call->verb);
    call->work.done = call_done;
    call->received_ms = clock_business_ms(call->engine->clock);
    if (call->engine->closing || atomic_load(&call->engine->failed)) {
        engine_refuse(call, call->engine->closing ? SKP_E_GOING_AWAY : SKP_E_UNAVAILABLE, "", NULL);
        engine_finish(call);
    } else if (verb->read) {
        call->work.run = run_read;
        call_submit(call->engine->read_queue, work_submit, call);
    } else if (verb->verify) {
        call->work.run = run_verify;
        call_submit(call->engine->verify_queue, work_submit, call);
    } else {
        to_store(call, work_submit);
    }
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

uint64_t engine_commits(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    uint64_t commits = engine->chain.sequence;
    pthread_mutex_unlock(&engine->lock);
    return commits;
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

bool engine_deadlines_held(struct engine *engine)
{
    return hold_mark(engine).held;
}

bool engine_deadlines_unreadable(const struct engine *engine)
{
    return atomic_load(&engine->deadlines_unreadable);
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
