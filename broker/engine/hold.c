#include "hold.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>

#define HOUR_MS       (60 * INT64_C(60000))
#define COUNT_UNKNOWN SIZE_MAX

struct clock_mark hold_mark(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    struct clock_mark mark = engine->clock_mark;
    pthread_mutex_unlock(&engine->lock);
    return mark;
}

enum skp_err hold_count_due(struct store *store, int64_t now_ms, size_t *ret_count)
{
    static const uint8_t zero;
    struct row_key end = key_deadline(now_ms + 1, 0, &(struct skp_id){{0}}, 0);
    return ws_count(store, STORE_DEADLINE, span_of(&zero, 1), row_key_span(&end), ret_count);
}

/* For the log. What cannot be counted is held all the same: that fires nothing that should wait. */
static enum skp_err count_for_log(struct store *store, int64_t now_ms, size_t *ret_count)
{
    enum skp_err err = hold_count_due(store, now_ms, ret_count);
    if (err != SKP_E_DATA_LOSS)
        return err;
    *ret_count = COUNT_UNKNOWN;
    return SKP_OK;
}

static void say_held(int64_t seen_ms, int64_t now_ms, size_t count)
{
    char waiting[24] = "?";
    if (count != COUNT_UNKNOWN)
        (void)snprintf(waiting, sizeof waiting, "%zu", count);
    log_line(LOG_ERROR, "deadlines_held",
             "waiting=%s seen_ms=%" PRId64 " now_ms=%" PRId64 " why=%s", waiting, seen_ms, now_ms,
             "the clock jumped or the store was restored; see the clock and skpctl deadline list, "
             "then skpctl deadline release --count N --reason WORDS");
}

/* ---------------------------------------------------------------- opening */

enum skp_err hold_load(struct engine *engine, struct arena *arena)
{
    if (engine->play) {
        engine->hold_limit_ms = 0;
        engine->hold_asked = false;
        return SKP_OK;
    }
    struct row_key key = key_meta(META_CLOCK);
    struct store_row row = {.key = row_key_span(&key)};
    size_t count;
    enum skp_err err = store_get(engine->store, STORE_META, &row, 1, arena);
    if (err || row.version == 0)
        return err;
    if ((err = clock_mark_read(row.value, &engine->clock_mark)) || !engine->clock_mark.held)
        return err;
    int64_t now_ms = clock_business_ms(engine->clock);
    if (!(err = count_for_log(engine->store, now_ms, &count)))
        say_held(engine->clock_mark.seen_ms, now_ms, count);
    return err;
}

/* ---------------------------------------------------------------- the mark */

/* The store worker's view: also what this transaction changed. */
static struct clock_mark current(struct txn *txn)
{
    return txn->mark_changed ? txn->clock_mark : hold_mark(txn->engine);
}

static enum skp_err put_mark(struct txn *txn, int64_t seen_ms, bool held)
{
    struct ws_row *row;
    struct clock_mark mark = {.seen_ms = seen_ms, .held = held};
    enum skp_err err = ws_get(&txn->ws, STORE_META, key_meta(META_CLOCK), &row);
    if (err)
        return err;
    struct span value = clock_mark_pack(&mark, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(row, value);
    txn->clock_mark = mark;
    txn->mark_changed = true;
    return SKP_OK;
}

static bool is_jump(const struct engine *engine, const struct clock_mark *mark, int64_t now_ms)
{
    return engine->hold_limit_ms > 0 && mark->seen_ms > 0 &&
           (now_ms - mark->seen_ms > engine->hold_limit_ms || now_ms < mark->seen_ms - HOUR_MS);
}

enum skp_err hold_watch(struct txn *txn, bool *ret_held)
{
    const struct engine *engine = txn->engine;
    const struct clock_mark mark = current(txn);
    bool held = mark.held;
    enum skp_err err = SKP_OK;
    if (!held && (engine->hold_asked || is_jump(engine, &mark, txn->now_ms))) {
        err = count_for_log(txn->ws.store, txn->now_ms, &txn->held_count);
        if (!err)
            err = put_mark(txn, mark.seen_ms, true);
        held = true;
    }
    if (!err)
        *ret_held = held;
    return err;
}

bool hold_wants_tick(const struct engine *engine, const struct clock_mark *mark, int64_t now_ms)
{
    return engine->hold_limit_ms > 0 && !mark->held &&
           (now_ms >= mark->seen_ms + HOUR_MS || now_ms < mark->seen_ms - HOUR_MS);
}

enum skp_err hold_remember(struct txn *txn, bool worked)
{
    const struct engine *engine = txn->engine;
    struct clock_mark mark = current(txn);
    if (engine->hold_limit_ms == 0 || (!worked && !hold_wants_tick(engine, &mark, txn->now_ms)))
        return SKP_OK;
    return put_mark(txn, txn->now_ms, false);
}

enum skp_err hold_release(struct txn *txn, size_t count, const char *reason)
{
    txn->held_count = count;
    txn->release_reason = arena_copy(&txn->arena, reason, strlen(reason) + 1);
    return txn->release_reason ? put_mark(txn, txn->now_ms, false) : SKP_E_NO_MEMORY;
}

void hold_committed(struct txn *txn)
{
    struct engine *engine = txn->engine;
    if (!txn->mark_changed)
        return;
    pthread_mutex_lock(&engine->lock);
    bool was_held = engine->clock_mark.held;
    engine->clock_mark = txn->clock_mark;
    pthread_mutex_unlock(&engine->lock);
    if (txn->clock_mark.held)
        engine->hold_asked = false;
    if (txn->clock_mark.held && !was_held)
        say_held(txn->clock_mark.seen_ms, txn->now_ms, txn->held_count);
    if (txn->release_reason)
        log_line(LOG_INFO, "deadlines_released", "waiting=%zu reason=%s", txn->held_count,
                 txn->release_reason);
}
