#include "handle.h"
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>

#define SWEEP_MS          200
#define PRIORITIES        2
#define DISPATCH_SLICE_MS 5

struct server_limits server_limits_default(void)
{
    return (struct server_limits){
        .sessions = 10000,
        .sessions_per_peer = 256,
        .handshakes = 256,
        .handshakes_per_source = 20,
        .asks = 32,
        .batches = 8,
        .output_bytes = 1024 * 1024,
        .handshake_ms = 10000,
        .hello_ms = 10000,
        .frame_ms = 30000,
        .batch_ms = 600000,
        .idle_ms = 60000,
        .stall_ms = 60000,
        .recheck_ms = 3600000,
    };
}

struct event_base *server_base_new(void)
{
    struct timeval slice = {.tv_sec = 0, .tv_usec = DISPATCH_SLICE_MS * 1000};
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    /* A storm of handshakes (3 ms of arithmetic each) runs in slices, and live sessions go first.
     */
    event_config_set_max_dispatch_interval(config, &slice, 1, 1);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (base != NULL)
        event_base_priority_init(base, PRIORITIES);
    return base;
}

int64_t server_now_ms(const struct server *server)
{
    return clock_monotonic_ms(server->clock);
}

struct session_list *server_bucket(struct server *server, const struct skp_oin *peer)
{
    uint32_t hash = 2166136261U; /* FNV-1a; only trusted certificates get this far */
    for (const char *at = peer->text; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619U;
    return &server->by_peer[hash % SERVER_PEER_BUCKETS];
}

unsigned server_count_peer(struct server *server, const struct skp_oin *peer)
{
    const struct session *session;
    unsigned count = 0;
    LIST_FOREACH(session, server_bucket(server, peer), by_peer)
    {
        if (oin_equal(&session->peer, peer))
            count++;
    }
    return count;
}

size_t server_peer_intake(struct server *server, const struct skp_oin *peer)
{
    const struct session *session;
    size_t bytes = 0;
    LIST_FOREACH(session, server_bucket(server, peer), by_peer)
    {
        if (session->batch.call != NULL && oin_equal(&session->peer, peer))
            bytes += session->batch.call->budget_bytes;
    }
    return bytes;
}

static void on_wake(void *ctx, const struct skp_oin *participant, const char *mailbox)
{
    struct server *server = ctx;
    struct session *session;
    LIST_FOREACH(session, server_bucket(server, participant), by_peer)
    {
        if (oin_equal(&session->peer, participant) && session->state == SESSION_UP)
            fetch_wake(session, mailbox);
    }
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    server_sweep(ctx);
}

static void on_run_done(void *ctx)
{
    server_run_done(ctx);
}

static void reap(struct server *server, bool engine_alive)
{
    handshake_reap(server);
    struct session *session = LIST_FIRST(&server->closed);
    while (session != NULL) {
        struct session *next = LIST_NEXT(session, link);
        session_reap(session, engine_alive);
        session = next;
    }
}

static void on_reap(evutil_socket_t fd, short what, void *ctx)
{
    struct server *server = ctx;
    (void)fd, (void)what;
    reap(server, true);
    server_stop_progress(server);
}

void server_reap_soon(struct server *server)
{
    event_active(server->reap_event, EV_TIMEOUT, 0);
}

static enum skp_err use_credentials(struct server *server, const struct credentials *credentials,
                                    char *ret_why)
{
    SSL_CTX *tls;
    enum skp_err err = tls_context_new(credentials, server->policy_oid, &tls, ret_why);
    if (err)
        return err;
    SSL_CTX_free(server->tls); /* live sessions keep it as long as they need it */
    server->tls = tls;
    trust_ref(credentials->trust);
    trust_unref(server->trust);
    server->trust = credentials->trust;
    server->tls_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->tls));
    server->sign_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->signer));
    server->crl_next_update_ms = credentials_crl_next_update_ms(credentials);
    return SKP_OK;
}

enum skp_err server_reload(struct server *server, char *ret_why)
{
    struct credentials credentials;
    enum skp_err err =
        credentials_load(server->files, clock_real_ms(server->clock), &credentials, ret_why);
    if (!err) {
        err = use_credentials(server, &credentials, ret_why);
        if (!err) {
            engine_set_trust(server->engine, credentials.trust);
            engine_set_signer(server->engine, credentials.signer);
        }
        credentials_fini(&credentials);
    }
    if (err) {
        server->counters.reloads_failed++;
        log_line(LOG_ERROR, "reload_failed", "why=%s", ret_why);
    } else {
        server->counters.reloads++;
        log_line(LOG_INFO, "reloaded", NULL);
    }
    return err;
}

static struct server *server_make(const struct server_config *config)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->base = config->base;
    server->engine = config->engine;
    server->clock = config->clock;
    server->wakeup = config->wakeup;
    server->limits = config->limits;
    server->files = config->files;
    server->policy_oid = config->policy_oid;
    server->stopped = config->stopped;
    server->stopped_ctx = config->stopped_ctx;
    server->tls_not_after_ms = server->sign_not_after_ms = server->crl_next_update_ms = INT64_MAX;
    LIST_INIT(&server->sessions);
    LIST_INIT(&server->closed);
    TAILQ_INIT(&server->handshakes);
    for (size_t i = 0; i < SERVER_PEER_BUCKETS; i++)
        LIST_INIT(&server->by_peer[i]);
    return server;
}

static enum skp_err start_events(struct server *server)
{
    struct timeval every = {.tv_sec = 0, .tv_usec = SWEEP_MS * 1000};
    server->sweep_event = event_new(server->base, -1, EV_PERSIST, on_sweep, server);
    server->reap_event = event_new(server->base, -1, 0, on_reap, server);
    if (server->sweep_event == NULL || server->reap_event == NULL)
        return SKP_E_NO_MEMORY;
    event_priority_set(server->sweep_event, 0);
    event_priority_set(server->reap_event, 0);
    return event_add(server->sweep_event, &every) == 0 ? SKP_OK : SKP_E_NO_MEMORY;
}

enum skp_err server_new(const struct server_config *config, struct server **ret_server,
                        char *ret_why)
{
    enum skp_err err = SKP_OK;
    struct server *server = server_make(config);
    if (server == NULL || start_events(server)) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "out of memory");
        err = SKP_E_NO_MEMORY;
    }
    if (!err && config->credentials != NULL)
        err = use_credentials(server, config->credentials, ret_why);
    if (!err && config->host != NULL)
        err = listener_open(server, config->host, config->port, ret_why);
    if (err) {
        server_free(server);
        return err;
    }
    engine_on_wake(server->engine, on_wake, server);
    if (server->wakeup != NULL)
        wakeup_listen(server->wakeup, on_run_done, server);
    *ret_server = server;
    return SKP_OK;
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    listener_close(server);
    if (server->wakeup != NULL)
        wakeup_listen(server->wakeup, NULL, NULL);
    if (server->reap_event != NULL) {
        while (!LIST_EMPTY(&server->sessions))
            session_close(LIST_FIRST(&server->sessions), "the broker stopped");
        handshake_drop_all(server);
        reap(server, false);
        event_free(server->reap_event);
    }
    if (server->sweep_event != NULL)
        event_free(server->sweep_event);
    SSL_CTX_free(server->tls);
    trust_unref(server->trust);
    free(server);
}

void server_adopt(struct server *server, struct bufferevent *stream, const struct skp_oin *peer,
                  const char *source)
{
    session_open(server, stream, peer, source);
}

struct engine *server_engine(const struct server *server)
{
    return server->engine;
}
