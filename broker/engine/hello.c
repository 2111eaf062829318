/* Hello: is this a participant, and is this broker not behind what it once told the client? */
#include "engine_internal.h"

#include "mutant.h"
#include "watermark.h"
#include "workset.h"

#include <assert.h>

/* The store does not have it. Before the moment up to which an operator gave up what was lost that
 * is known, and the client's to take note of; else it is found out here. */
static enum skp_err lost(struct engine_call *call, const Skp__V1__CommitHeader *header,
                         struct span bytes)
{
    struct chain_mark confirmed = {.sequence = header->sequence, .hash = sha256(bytes)};
    if (watermark_is_given_up(call->engine, header->committed_at_ms))
        return engine_refuse(
            call, SKP_E_CHAIN_UNKNOWN, "latest_head",
            "the broker lost what it confirmed about then, and went on from a "
            "backup: forget the stored head, and look what of yours is still there");
    watermark_raise(call->engine, &confirmed);
    engine_fail(call->engine, SKP_E_DATA_LOSS,
                "a client holds a confirmed commit that this store does not "
                "have: restore the newest backup before starting again");
    return engine_refuse(call, SKP_E_DATA_LOSS, "latest_head", NULL);
}

/* Nothing is forgotten, and forgetting is not noticed, on the word of an unsigned or foreign head:
 * those are the client's error and nothing more. A client that was away for long may hold the only
 * proof of a loss, so the certificate it was signed with may have expired. */
static enum skp_err check_signature(struct engine_call *call, const Skp__V1__ChainHead *head)
{
    struct engine *engine = call->engine;
    struct trust *trust = engine_trust_ref(engine);
    struct jws_signer signer;
    const char *why = NULL;
    enum skp_err err =
        jws_verify_stored(trust, engine->cache, span_text(head->jws), wire_span(head->commit),
                          clock_real_ms(engine->clock), &signer, &why);
    trust_unref(trust);
    if (err || !oin_equal(&signer.oin, &engine->broker))
        return engine_refuse(call, SKP_E_CHAIN_UNKNOWN, "latest_head", why);
    return SKP_OK;
}

static enum skp_err read_head(struct engine_call *call, const Skp__V1__ChainHead *head,
                              const Skp__V1__CommitHeader **ret_header)
{
    const struct engine *engine = call->engine;
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(&skp__v1__commit_header__descriptor, wire_span(head->commit),
                                   &call->arena, path, &message);
    if (err == SKP_E_NO_MEMORY)
        return err;
    if (err)
        return engine_refuse(call, SKP_E_CHAIN_UNKNOWN, "latest_head.commit", NULL);
    const Skp__V1__CommitHeader *header = (const Skp__V1__CommitHeader *)(const void *)message;
    if (strcmp(header->context, COMMIT_CONTEXT) != 0)
        return engine_refuse(call, SKP_E_CHAIN_UNKNOWN, "latest_head.commit.context", NULL);
    if (!span_equal(wire_span(header->store_id), span_of(engine->store_id.bytes, ID_BYTES)))
        return engine_refuse(call, SKP_E_CHAIN_UNKNOWN, "latest_head.commit.store_id",
                             "the head is of another store of this broker");
    *ret_header = header;
    return SKP_OK;
}

/* A head the client holds: our chain must contain it. One that it contains, byte by byte, needs no
 * signature: the certificate it was signed with may have ended or been revoked since. A damaged link is
 * not another one. */
static enum skp_err check_head(struct engine_call *call, struct store *reader,
                               const Skp__V1__ChainHead *head)
{
    const Skp__V1__CommitHeader *header = NULL;
    enum skp_err err = read_head(call, head, &header);
    if (err)
        return err;
    assert(header);
    struct row_key key = key_commit(header->sequence);
    struct store_row row = {.key = row_key_span(&key)};
    struct commit_row link;
    err = store_get(reader, STORE_COMMIT, &row, 1, &call->arena);
    if (!err && row.version > 0)
        err = commit_row_read(row.value, &link);
    bool is_damaged = err == SKP_E_DATA_LOSS && header->sequence <= engine_commits(call->engine);
    if ((err && err != SKP_E_DATA_LOSS) || MUTANT(head_not_compared))
        return err;
    if (!err && row.version > 0 && span_equal(link.header, wire_span(head->commit)))
        return SKP_OK;
    err = check_signature(call, head);
    return err || is_damaged ? err : lost(call, header, wire_span(head->commit));
}

static bool speaks_version(const Skp__V1__Hello *hello)
{
    for (size_t i = 0; i < hello->n_versions; i++)
        if (hello->versions[i] == PROTOCOL_VERSION)
            return true;
    return false;
}

static void fill_limits(const struct engine *engine, Skp__V1__Limits *limits)
{
    limits->frame_bytes = FRAME_MAX_BYTES;
    limits->bundle_lines = BUNDLE_MAX_LINES;
    limits->batch_bundles = BATCH_MAX_BUNDLES;
    limits->batch_lines = BATCH_MAX_LINES;
    limits->batch_bytes = BATCH_MAX_BYTES;
    limits->credit_messages = ENGINE_CREDIT_MESSAGES;
    limits->credit_bytes = ENGINE_CREDIT_BYTES;
    limits->lease_seconds = engine->lease_seconds;
    limits->idle_seconds = engine->idle_seconds;
    limits->batch_age_days = ENGINE_BATCH_AGE_DAYS;
}

static enum skp_err copy_head(struct engine_call *call, Skp__V1__ChainHead **ret_head)
{
    struct engine *engine = call->engine;
    pthread_mutex_lock(&engine->lock);
    size_t len = engine->head_len;
    void *copy = len > 0 ? arena_copy(&call->arena, engine->head_bytes, len) : NULL;
    pthread_mutex_unlock(&engine->lock);
    *ret_head = NULL;
    if (len == 0)
        return SKP_OK;
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = copy ? wire_unpack(&skp__v1__chain_head__descriptor, span_of(copy, len),
                                          &call->arena, path, &message)
                            : SKP_E_NO_MEMORY;
    if (!err)
        *ret_head = (Skp__V1__ChainHead *)(void *)message;
    return err;
}

static enum skp_err welcome(struct engine_call *call, const struct registry_participant *who)
{
    struct engine *engine = call->engine;
    Skp__V1__Limits limits;
    skp__v1__limits__init(&limits);
    Skp__V1__Welcome answer;
    skp__v1__welcome__init(&answer);
    Skp__V1__Role roles[3];
    fill_limits(engine, &limits);
    answer.version = PROTOCOL_VERSION;
    answer.broker = engine->broker.text;
    answer.name = engine->name;
    answer.limits = &limits;
    answer.business_at_ms = clock_business_ms(engine->clock);
    answer.play = engine->play;
    answer.participant = call->peer.text;
    answer.roles = roles;
    for (unsigned role = SKP__V1__ROLE__ROLE_COUNSELLOR; role <= SKP__V1__ROLE__ROLE_OPERATOR;
         role++)
        if (who->roles & ROLE_BIT(role))
            roles[answer.n_roles++] = (Skp__V1__Role)role;
    enum skp_err err = copy_head(call, &answer.head);
    return err ? err : engine_answer(call, FRAME_WELCOME, &answer.base);
}

static enum skp_err read_hello(struct engine_call *call, struct store *reader)
{
    Skp__V1__Hello *hello;
    enum skp_err err = engine_unpack(call, &skp__v1__hello__descriptor, (void *)&hello);
    if (err)
        return err;
    if (!speaks_version(hello))
        return engine_refuse(call, SKP_E_VERSION_UNSUPPORTED, "versions", NULL);
    if (hello->latest_head && (err = check_head(call, reader, hello->latest_head)))
        return err;
    struct registry *registry = engine_registry(call->engine);
    const struct registry_participant *who = registry_find(registry, &call->peer);
    err = who ? welcome(call, who) : engine_refuse(call, SKP_E_NOT_REGISTERED, "", NULL);
    registry_unref(registry);
    return err;
}

const struct verb verb_hello = {.name = "hello", .read = read_hello};
