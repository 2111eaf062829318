/* Opening and closing: what must be whole before anything is served. */
#include "engine_internal.h"

#include "hold.h"
#include "log.h"
#include "quarantine.h"
#include "txn.h"
#include "watermark.h"

#include <stdio.h>
#include <stdlib.h>

static enum skp_err fail(enum skp_err err, char *ret_why, const char *what, const char *why)
{
    if (!why || !why[0])
        why = err == SKP_E_DATA_LOSS ? "it is damaged" : skp_error(err)->sentence;
    snprintf(ret_why, 512, "%s: %s%s", what, why,
             err == SKP_E_DATA_LOSS ? "; skpd --verify-store tells what is damaged" : "");
    return err;
}

static enum skp_err get_meta(struct store *store, const char *name, struct arena *arena,
                             struct store_row *ret_row)
{
    static _Thread_local struct row_key key;
    key = key_meta(name);
    *ret_row = (struct store_row){.key = row_key_span(&key)};
    return store_get(store, STORE_META, ret_row, 1, arena);
}

static enum skp_err put_meta(struct store *store, const char *name, struct span value)
{
    struct row_key key = key_meta(name);
    struct store_row row = {.key = row_key_span(&key), .value = value, .version = STORE_NEW};
    return value.data ? store_put(store, STORE_META, &row, 1) : SKP_E_NO_MEMORY;
}

/* A new store gets its name, for ever; the chain starts at 0. */
static enum skp_err mark_new(struct engine *engine, bool play, struct arena *arena)
{
    struct store_mark mark = {.store_id = id_new(), .play = play};
    struct chain_mark chain = {.sequence = 0};
    enum skp_err err = put_meta(engine->store, META_STORE, store_mark_pack(&mark, arena));
    if (!err)
        err = put_meta(engine->store, META_CHAIN, chain_mark_pack(&chain, arena));
    if (!err)
        err = store_commit(engine->store);
    if (!err)
        err = store_begin(engine->store);
    engine->store_id = mark.store_id;
    engine->play = play;
    return err;
}

static enum skp_err load_marks(struct engine *engine, bool play, struct arena *arena, char *ret_why)
{
    struct store_row row;
    enum skp_err err = get_meta(engine->store, META_STORE, arena, &row);
    if (err)
        return err;
    if (row.version == 0 && (err = watermark_new(engine, ret_why)))
        return err;
    if (row.version == 0)
        return mark_new(engine, play, arena);
    struct store_mark mark;
    if ((err = store_mark_read(row.value, &mark)))
        return err;
    engine->store_id = mark.store_id;
    engine->play = mark.play;
    if ((err = get_meta(engine->store, META_CHAIN, arena, &row)))
        return err;
    return row.version == 0 ? SKP_E_DATA_LOSS : chain_mark_read(row.value, &engine->chain);
}

static enum skp_err load_offset(struct engine *engine, struct arena *arena)
{
    struct store_row row;
    enum skp_err err = get_meta(engine->store, META_OFFSET, arena, &row);
    if (err || row.version == 0)
        return err;
    uint64_t offset;
    if ((err = u64_read(row.value, &offset)))
        return err;
    if (engine->play)
        clock_set_business_offset(engine->clock, (int64_t)offset);
    return SKP_OK;
}

/* The newest link, as handed out in Welcome: it must be there and be what the mark says. */
static enum skp_err load_head(struct engine *engine, struct arena *arena)
{
    if (engine->chain.sequence == 0)
        return SKP_OK;
    struct row_key key = key_commit(engine->chain.sequence);
    struct store_row row = {.key = row_key_span(&key)};
    struct commit_row commit;
    enum skp_err err = store_get(engine->store, STORE_COMMIT, &row, 1, arena);
    if (!err)
        err = row.version == 0 ? SKP_E_DATA_LOSS : commit_row_read(row.value, &commit);
    if (err)
        return err;
    struct skp_hash hash = sha256(commit.header);
    if (!hash_equal(&hash, &engine->chain.hash))
        return SKP_E_DATA_LOSS;
    Skp__V1__ChainHead head;
    skp__v1__chain_head__init(&head);
    head.commit = wire_bytes(commit.header);
    head.jws = engine_text(arena, commit.jws);
    if (!head.jws)
        return SKP_E_NO_MEMORY;
    engine->head_len = skp__v1__chain_head__get_packed_size(&head);
    engine->head_bytes = malloc(engine->head_len);
    if (!engine->head_bytes)
        return SKP_E_NO_MEMORY;
    skp__v1__chain_head__pack(&head, engine->head_bytes);
    return SKP_OK;
}

static enum skp_err load_all(struct engine *engine, bool play, uint64_t accepted_loss,
                             char *ret_why)
{
    struct arena arena;
    arena_init(&arena, (size_t)4 << 20);
    enum skp_err err = store_begin(engine->store);
    ret_why[0] = '\0';
    if (!err && (err = load_marks(engine, play, &arena, ret_why)) && !ret_why[0])
        fail(err, ret_why, "the store's own marks", engine->store->why);
    if (!err && (err = load_offset(engine, &arena)))
        fail(err, ret_why, "the business clock", engine->store->why);
    if (!err && (err = hold_load(engine, &arena)))
        fail(err, ret_why, "the business time it last saw", engine->store->why);
    if (!err && (err = load_head(engine, &arena)))
        fail(err, ret_why, "the last link of the chain is not what the store says it is",
             engine->store->why);
    if (!err)
        err = watermark_open(engine, accepted_loss, &arena, ret_why);
    if (!err && (err = quarantine_load(engine)))
        fail(err, ret_why, "what was set aside", engine->store->why);
    if (!err && (err = engine_load_registry(engine, engine->store)))
        fail(err, ret_why, "the registry", engine->store->why);
    store_rollback(engine->store);
    arena_fini(&arena);
    return err;
}

static enum skp_err start_workers(struct engine *engine)
{
    struct work_config verify = {.name = "verify", .threads = engine->threads, .max_items = 65536};
    struct work_config store = {.name = "store",
                                .threads = engine->threads ? 1 : 0,
                                .max_items = 65536,
                                .drain = txn_drain,
                                .drain_ctx = engine,
                                .drain_max = ENGINE_COMMIT_CALLS,
                                .drain_weight = ENGINE_COMMIT_BYTES};
    struct work_config read = {
        .name = "read", .threads = engine->threads ? 1 : 0, .max_items = 65536};
    enum skp_err err = work_queue_new(&verify, &engine->verify_queue);
    if (!err)
        err = work_queue_new(&store, &engine->store_queue);
    if (!err)
        err = work_queue_new(&read, &engine->read_queue);
    return err;
}

static enum skp_err open_all(struct engine *engine, const struct engine_config *config,
                             char *ret_why)
{
    enum skp_err err = cert_oin(keypair_cert(config->signer), &engine->broker);
    if (err)
        return fail(err, ret_why, "the broker's signing certificate", NULL);
    engine->cache = jws_cache_new(4096);
    if (!engine->cache)
        return fail(SKP_E_NO_MEMORY, ret_why, "starting", NULL);
    if ((err = load_all(engine, config->play, config->accepted_loss, ret_why)))
        return err;
    if ((err = store_reader(engine->store, &engine->reader)))
        return fail(err, ret_why, "opening the store for reading", engine->store->why);
    if ((err = start_workers(engine)))
        return fail(err, ret_why, "starting workers", NULL);
    if (engine->threads > 0 && (err = store_work_beside(engine->store)))
        return fail(err, ret_why, "starting workers", engine->store->why);
    return SKP_OK;
}

enum skp_err engine_open(const struct engine_config *config, struct engine **ret_engine,
                         char *ret_why)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine) {
        store_close(config->store);
        return fail(SKP_E_NO_MEMORY, ret_why, "starting", NULL);
    }
    engine->store = config->store;
    engine->clock = config->clock;
    engine->threads = config->verify_threads;
    engine->intake_max = config->intake_bytes ? config->intake_bytes : ENGINE_DEFAULT_INTAKE_BYTES;
    engine->txn_bytes = ENGINE_TXN_BYTES;
    engine->lease_seconds = config->lease_seconds ? config->lease_seconds : 300;
    engine->idle_seconds = config->idle_seconds ? config->idle_seconds : 60;
    engine->fold_pause_ms = config->fold_pause_ms;
    engine->hold_limit_ms = config->hold_limit_ms;
    engine->hold_asked = config->hold_deadlines;
    snprintf(engine->name, sizeof engine->name, "%s", config->name ? config->name : "");
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->watermark_lock, NULL);
    pthread_mutex_init(&engine->unpack_lock, NULL);
    pthread_cond_init(&engine->unpack_room, NULL);
    engine->trust = trust_ref(config->trust);
    engine->signer = keypair_ref(config->signer);
    done_init(&engine->done, config->wake, config->wake_ctx);
    enum skp_err err = lease_init(&engine->leases);
    if (err)
        (void)fail(err, ret_why, "starting", NULL);
    else
        err = open_all(engine, config, ret_why);
    if (err) {
        engine_close(engine);
        return err;
    }
    /* What a crash left unfolded is folded first. */
    atomic_store(&engine->fold_wanted, true);
    *ret_engine = engine;
    return SKP_OK;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    engine->closing = true;
    engine_unpack_freely(engine);
    /* The store's last: the others submit to it. */
    work_queue_drain_and_free(engine->verify_queue);
    work_queue_drain_and_free(engine->read_queue);
    work_queue_drain_and_free(engine->store_queue);
    while (done_run(&engine->done) > 0)
        ;
    done_fini(&engine->done);
    store_close(engine->reader);
    store_close(engine->store);
    lease_fini(&engine->leases);
    jws_cache_free(engine->cache);
    registry_unref(engine->registry);
    trust_unref(engine->trust);
    keypair_unref(engine->signer);
    free(engine->head_bytes);
    pthread_cond_destroy(&engine->unpack_room);
    pthread_mutex_destroy(&engine->unpack_lock);
    pthread_mutex_destroy(&engine->watermark_lock);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}
