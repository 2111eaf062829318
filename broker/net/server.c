#include "handle.h"
#include "log.h"
#include "server_internal.h"
#include "tls_groups.h"

#include <stdio.h>
#include <stdlib.h>

#define SWEEP_MS 200

struct server_limits server_limits_default(void)
{
    return (struct server_limits){
        .sessions = 10000,
        .sessions_per_peer = 256,
        .handshakes = 256,
        .handshakes_per_source = 20,
        .asks = 32,
        .lookups_per_peer = 64,
        .batches = 8,
        .output_bytes = 1024 * 1024,
        .buffers_bytes = (size_t)32 * 1024 * 1024,
        .handshake_ms = 10000,
        .hello_ms = 10000,
        .frame_ms = 30000,
        .batch_ms = 600000,
        .idle_ms = 60000,
        .stall_ms = 60000,
        .session_age_ms = 24 * INT64_C(3600000),
        .recheck_ms = 3600000,
    };
}

int64_t server_now_ms(const struct server *server)
{
    return clock_monotonic_ms(server->clock);
}

size_t server_bucket_of(const struct skp_oin *peer)
{
    uint32_t hash = 2166136261U; /* FNV-1a; only trusted certificates get this far */
    for (const char *at = peer->text; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619U;
    return hash % SERVER_PEER_BUCKETS;
}

struct session_list *server_bucket(struct server *server, const struct skp_oin *peer)
{
    return &server->by_peer[server_bucket_of(peer)];
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

static void on_sweep_turn(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    server_sweep_turn(ctx);
}

static void on_handshake_turn(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    handshake_turn(ctx);
}

static void on_recheck_turn(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    recheck_turn(ctx);
}

static void on_run_done(void *ctx)
{
    server_run_done(ctx);
}

static void reap(struct server *server, bool engine_alive)
{
    handshake_reap(server);
    linger_reap(server);
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
    server->rules = config->rules;
    server->stopped = config->stopped;
    server->stopped_ctx = config->stopped_ctx;
    server->tls_not_after_ms = server->sign_not_after_ms = server->crl_next_update_ms = INT64_MAX;
    server->crl_half_life_ms = INT64_MAX;
    LIST_INIT(&server->sessions);
    LIST_INIT(&server->closed);
    TAILQ_INIT(&server->rechecks);
    server->recheck_since_ms = -1;
    TAILQ_INIT(&server->handshakes);
    TAILQ_INIT(&server->handshakes_ready);
    TAILQ_INIT(&server->lingers);
    for (size_t i = 0; i < SERVER_PEER_BUCKETS; i++) {
        LIST_INIT(&server->by_peer[i]);
        LIST_INIT(&server->participants[i]);
    }
    return server;
}

static enum skp_err start_events(struct server *server)
{
    struct timeval every = {.tv_sec = 0, .tv_usec = SWEEP_MS * 1000};
    server->sweep_event = event_new(server->base, -1, EV_PERSIST, on_sweep, server);
    server->sweep_turn = event_new(server->base, -1, 0, on_sweep_turn, server);
    server->reap_event = event_new(server->base, -1, 0, on_reap, server);
    server->handshake_turn = event_new(server->base, -1, 0, on_handshake_turn, server);
    server->recheck_turn = event_new(server->base, -1, 0, on_recheck_turn, server);
    if (server->sweep_event == NULL || server->sweep_turn == NULL || server->reap_event == NULL ||
        server->handshake_turn == NULL || server->recheck_turn == NULL)
        return SKP_E_NO_MEMORY;
    return event_add(server->sweep_event, &every) == 0 ? SKP_OK : SKP_E_NO_MEMORY;
}

/* Once, at the start: a reload keeps the rules. */
static enum skp_err tell_rules(struct server *server, char *ret_why)
{
    struct tls_groups groups;
    enum skp_err err = tls_groups_read(tls_rules_groups(&server->rules), &groups, ret_why);
    if (err)
        return err;
    server->tls_pq_hybrid = groups.hybrid;
    if (groups.left_out[0] != '\0')
        log_line(LOG_INFO, "tls_groups_left_out", "left_out=%s used=%s why=%s", groups.left_out,
                 groups.used, "OpenSSL here does not know them");
    if (server->rules.tls12)
        log_line(LOG_WARN, "tls12_let_in", "why=%s",
                 "tls12 = yes; say no as soon as every participant speaks TLS 1.3");
    return SKP_OK;
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
        err = tell_rules(server, ret_why);
    if (!err && config->credentials != NULL)
        err = reload_use(server, config->credentials, ret_why);
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
        linger_drop_all(server);
        reap(server, false);
        event_free(server->reap_event);
    }
    if (server->sweep_event != NULL)
        event_free(server->sweep_event);
    if (server->sweep_turn != NULL)
        event_free(server->sweep_turn);
    if (server->handshake_turn != NULL)
        event_free(server->handshake_turn);
    if (server->recheck_turn != NULL)
        event_free(server->recheck_turn);
    SSL_CTX_free(server->tls);
    credentials_fini(&server->used);
    free(server);
}

void server_adopt(struct server *server, struct bufferevent *stream, const struct skp_oin *peer,
                  const char *source)
{
    session_open(server, stream, peer, source, 0);
}

struct engine *server_engine(const struct server *server)
{
    return server->engine;
}
