#include "watermark.h"

#include "log.h"
#include "mutant.h"

#include <inttypes.h>
#include <stdio.h>

#define MARK_ARENA_BYTES 256

/* ---------------------------------------------------------------- writing */

static enum skp_err write_mark(struct engine *engine, const struct chain_mark *chain, bool sync)
{
    struct watermark mark = {.store_id = engine->store_id, .chain = *chain};
    struct arena arena;
    arena_init(&arena, MARK_ARENA_BYTES);
    struct span bytes = watermark_pack(&mark, &arena);
    enum skp_err err =
        bytes.data ? store_watermark_write(engine->store, bytes, sync) : SKP_E_NO_MEMORY;
    arena_fini(&arena);
    return err;
}

static void say_unwritten(struct engine *engine)
{
    if (!atomic_exchange(&engine->watermark_failed, true))
        log_line(LOG_ERROR, "watermark_not_written",
                 "why=nothing is lost, but a loss would be noticed later; look at the disk");
}

void watermark_follow(struct engine *engine)
{
    pthread_mutex_lock(&engine->watermark_lock);
    bool written =
        engine->watermark_raised > 0 || write_mark(engine, &engine->chain, false) == SKP_OK;
    pthread_mutex_unlock(&engine->watermark_lock);
    if (!written)
        say_unwritten(engine);
}

void watermark_raise(struct engine *engine, const struct chain_mark *confirmed)
{
    pthread_mutex_lock(&engine->watermark_lock);
    bool is_newest = confirmed->sequence > engine->watermark_raised;
    if (is_newest)
        engine->watermark_raised = confirmed->sequence;
    bool written = !is_newest || write_mark(engine, confirmed, true) == SKP_OK;
    pthread_mutex_unlock(&engine->watermark_lock);
    if (!written)
        say_unwritten(engine);
}

/* ---------------------------------------------------------------- opening */

#define BESIDE_REMEDY                                                                              \
    ": restore the newest backup; if this store is the right one, remove the file -watermark "     \
    "beside it"

enum skp_err watermark_new(struct engine *engine, char *ret_why)
{
    uint8_t bytes[STORE_WATERMARK_MAX];
    size_t len = 0;
    enum skp_err err = store_watermark_read(engine->store, bytes, &len);
    if ((!err && len == 0) || MUTANT(watermark_not_checked))
        return SKP_OK;
    (void)snprintf(ret_why, 512,
                   "the store is empty, and its watermark says that commits were "
                   "confirmed" BESIDE_REMEDY);
    return SKP_E_DATA_LOSS;
}

#define UNKNOWN_REMEDY                                                                             \
    "the next commit writes it, until then only the clients' chain heads can show a loss"

/* False: there is none that can be read. */
static bool read_mark(struct engine *engine, struct watermark *ret_mark)
{
    uint8_t bytes[STORE_WATERMARK_MAX];
    size_t len = 0;
    enum skp_err err = store_watermark_read(engine->store, bytes, &len);
    if (!err && len > 0)
        err = watermark_unpack(span_of(bytes, len), ret_mark);
    if ((err || len == 0) && engine->chain.sequence > 0)
        log_line(LOG_WARN, "watermark_unknown", "why=%s",
                 err ? "it is damaged; " UNKNOWN_REMEDY : "it is not there; " UNKNOWN_REMEDY);
    return !err && len > 0;
}

/* A damaged link is not another one: who needs it hears so. */
static enum skp_err is_kept(struct engine *engine, const struct chain_mark *confirmed,
                            struct arena *arena, bool *ret_kept)
{
    struct row_key key = key_commit(confirmed->sequence);
    struct store_row row = {.key = row_key_span(&key)};
    struct commit_row link;
    *ret_kept = confirmed->sequence == 0;
    if (*ret_kept || confirmed->sequence > engine->chain.sequence)
        return SKP_OK;
    enum skp_err err = store_get(engine->store, STORE_COMMIT, &row, 1, arena);
    if (!err && row.version > 0 && !(err = commit_row_read(row.value, &link))) {
        struct skp_hash hash = sha256(link.header);
        *ret_kept = hash_equal(&hash, &confirmed->hash);
    }
    *ret_kept |= err == SKP_E_DATA_LOSS;
    return err == SKP_E_DATA_LOSS ? SKP_OK : err;
}

static enum skp_err put_meta(struct engine *engine, const char *name, struct span value)
{
    struct row_key key = key_meta(name);
    struct store_row row = {.key = row_key_span(&key), .value = value, .version = STORE_ANY};
    return value.data ? store_put(engine->store, STORE_META, &row, 1) : SKP_E_NO_MEMORY;
}

/* What is due is held too, since the store wakes up in its past. */
static enum skp_err accept(struct engine *engine, const struct loss_mark *loss, struct arena *arena)
{
    struct clock_mark clock = engine->clock_mark;
    clock.held = true;
    enum skp_err err = put_meta(engine, META_LOSS, loss_mark_pack(loss, arena));
    if (!err && !engine->play)
        err = put_meta(engine, META_CLOCK, clock_mark_pack(&clock, arena));
    if (!err)
        err = store_commit(engine->store);
    if (!err)
        err = store_begin(engine->store);
    if (err)
        return err;
    engine->loss = *loss;
    if (!engine->play)
        engine->clock_mark = clock;
    return write_mark(engine, &engine->chain, true);
}

static enum skp_err load_loss(struct engine *engine, struct arena *arena)
{
    struct row_key key = key_meta(META_LOSS);
    struct store_row row = {.key = row_key_span(&key)};
    enum skp_err err = store_get(engine->store, STORE_META, &row, 1, arena);
    return err || row.version == 0 ? err : loss_mark_read(row.value, &engine->loss);
}

static enum skp_err refuse_other(char *ret_why)
{
    (void)snprintf(ret_why, 512,
                   "the watermark is of another store, with commits that were "
                   "confirmed" BESIDE_REMEDY);
    return SKP_E_DATA_LOSS;
}

static enum skp_err refuse(const struct loss_mark *loss, char *ret_why)
{
    (void)snprintf(ret_why, 512,
                   "commit %" PRIu64 " was confirmed and this store does not have it, it ends "
                   "with commit %" PRIu64
                   ": restore the newest backup; when there is nothing newer, "
                   "give up what is lost with skpd --accept-data-loss %" PRIu64,
                   loss->lost, loss->kept, loss->lost);
    return SKP_E_DATA_LOSS;
}

enum skp_err watermark_open(struct engine *engine, uint64_t accepted, struct arena *arena,
                            char *ret_why)
{
    struct watermark mark;
    bool kept = true;
    enum skp_err err = load_loss(engine, arena);
    bool known = !err && read_mark(engine, &mark);
    if (known && !id_equal(&mark.store_id, &engine->store_id))
        return refuse_other(ret_why);
    if (known)
        err = is_kept(engine, &mark.chain, arena, &kept);
    if (err) {
        (void)snprintf(ret_why, 512, "reading the watermark: %s", engine->store->why);
        return err;
    }
    if (kept || MUTANT(watermark_not_checked))
        return SKP_OK;
    struct loss_mark loss = {.kept = engine->chain.sequence,
                             .lost = mark.chain.sequence,
                             .accepted_ms = clock_real_ms(engine->clock)};
    if (accepted != loss.lost)
        return refuse(&loss, ret_why);
    if ((err = accept(engine, &loss, arena)))
        (void)snprintf(ret_why, 512, "accepting the loss: %s", skp_error(err)->sentence);
    return err;
}

bool watermark_is_given_up(const struct engine *engine, int64_t committed_at_ms)
{
    return engine->loss.lost > 0 && committed_at_ms <= engine->loss.accepted_ms;
}

struct loss_mark engine_loss(const struct engine *engine)
{
    return engine->loss;
}
