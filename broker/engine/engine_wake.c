/* Wake-ups for the loop: mail for a mailbox, leases that ended, the next tick. */
#include "engine_internal.h"

#include "hold.h"
#include "quarantine.h"

#include <stdio.h>
#include <stdlib.h>

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
    int64_t until_ms = engine_lease_until(engine, lease_seconds);
    for (size_t i = 0; i < count; i++)
        if (lease_extend(&engine->leases, peer, mailbox, positions[i], session, until_ms))
            err = SKP_E_ACK_UNKNOWN;
    return err;
}

enum skp_err engine_release(struct engine *engine, const struct skp_oin *peer, uint64_t session,
                            const char *mailbox, const uint64_t *positions, size_t count)
{
    size_t released = 0;
    for (size_t i = 0; i < count; i++)
        released += lease_release(&engine->leases, peer, mailbox, positions[i], session);
    if (released > 0) /* a wake-up looks at all sessions of the participant */
        engine_post_wake(engine, peer, mailbox);
    return released == count ? SKP_OK : SKP_E_ACK_UNKNOWN;
}

int64_t engine_next_tick_ms(struct engine *engine)
{
    lease_expire(&engine->leases, clock_monotonic_ms(engine->clock), freed, engine);
    quarantine_retry(engine);
    pthread_mutex_lock(&engine->lock);
    int64_t due = engine->next_due_ms;
    struct clock_mark mark = engine->clock_mark;
    pthread_mutex_unlock(&engine->lock);
    int64_t now = clock_business_ms(engine->clock);
    if (hold_wants_tick(engine, &mark, now))
        return 0;
    if (mark.held && due > 0)
        due = INT64_MAX;
    int64_t wait = 60000;
    if (atomic_load(&engine->fold_wanted))
        wait = atomic_load(&engine->fold_from_ms) - clock_monotonic_ms(engine->clock);
    int64_t until_due = due - now;
    if (until_due < wait)
        wait = until_due;
    return wait > 0 ? wait : 0;
}
