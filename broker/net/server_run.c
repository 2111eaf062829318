/* What happens while the server runs: finished calls, the clock participant's ticks, the end. */
#include "log.h"
#include "server_internal.h"

#define TICK_RETRY_MS   1000
#define FAILED_GRACE_MS 2000

static void on_tick_done(struct engine_call *call)
{
    struct server *server = call->ctx;
    server->tick_under_way = false;
    if (call->err) {
        server->tick_again_ms = server_now_ms(server) + TICK_RETRY_MS;
        log_line(LOG_WARN, "tick_failed", "code=%d name=%s why=%s", (int)call->err,
                 skp_error_name(call->err), call->sentence);
    }
    engine_call_free(call);
}

void server_tick_if_due(struct server *server)
{
    struct skp_oin nobody = {0};
    if (server->tick_under_way || server->stopping ||
        server_now_ms(server) < server->tick_again_ms || engine_next_tick_ms(server->engine) > 0)
        return;
    struct engine_call *call =
        engine_call_new(server->engine, ENGINE_TICK, &nobody, 0, on_tick_done, server);
    if (call == NULL)
        return; /* the next sweep tries again */
    server->tick_under_way = true;
    engine_submit(call);
}

void server_leave_if_failed(struct server *server)
{
    const char *why = engine_failed(server->engine);
    if (why == NULL || server->failing)
        return;
    server->failing = true;
    log_line(LOG_ERROR, "engine_failed", "why=%s", why);
    server_stop(server, FAILED_GRACE_MS);
}

void server_run_done(struct server *server)
{
    server->sessions_worked = true;
    engine_run_done(server->engine);
    server_leave_if_failed(server);
    server_tick_if_due(server);
    server_stop_progress(server);
}

void server_stop(struct server *server, int64_t grace_ms)
{
    int64_t end_ms = server_now_ms(server) + grace_ms;
    bool first = !server->stopping;
    if (first || end_ms < server->stop_at_ms)
        server->stop_at_ms = end_ms;
    if (!first)
        return;
    server->stopping = true;
    log_line(LOG_INFO, "stopping", "sessions=%u grace_ms=%lld", server->session_count,
             (long long)grace_ms);
    listener_close(server);
    handshake_drop_all(server);
    linger_drop_all(server);
    struct session *session = LIST_FIRST(&server->sessions);
    while (session != NULL) {
        struct session *next = LIST_NEXT(session, link);
        session_leave(session, skp_error(SKP_E_GOING_AWAY)->sentence);
        session = next;
    }
    server_reap_soon(server); /* and from there server_stop_progress(), never inside this call */
}

static void close_all(struct server *server)
{
    while (!LIST_EMPTY(&server->sessions))
        session_close(LIST_FIRST(&server->sessions), "the broker stops");
}

void server_stop_progress(struct server *server)
{
    if (!server->stopping || server->has_stopped)
        return;
    bool over = server_now_ms(server) >= server->stop_at_ms;
    if (over)
        close_all(server);
    bool idle = LIST_EMPTY(&server->sessions) && LIST_EMPTY(&server->closed) &&
                TAILQ_EMPTY(&server->handshakes) && TAILQ_EMPTY(&server->lingers) &&
                !server->tick_under_way;
    if (!idle && !over)
        return;
    server->has_stopped = true;
    log_line(LOG_INFO, "stopped", NULL);
    if (server->stopped != NULL)
        server->stopped(server->stopped_ctx);
}

void server_each_session(const struct server *server,
                         void (*visit)(void *ctx, const struct session_info *info), void *ctx)
{
    const struct session *session;
    int64_t now_ms = server_now_ms(server);
    LIST_FOREACH(session, &server->sessions, link)
    {
        struct session_info info = {
            .id = session->id,
            .peer = session->peer.text,
            .source = session->source,
            .state = session_state_words(session->state),
            .age_ms = now_ms - session->opened_ms,
            .asks = session->asks,
            .batches = session->batches,
            .mailboxes = session->flow_count,
            .frames_in = session->frames_in,
            .frames_out = session->frames_out,
            .unsent_bytes = session->unsent_bytes,
        };
        visit(ctx, &info);
    }
}

struct server_status server_status(const struct server *server)
{
    return (struct server_status){
        .counters = &server->counters,
        .sessions = server->session_count,
        .handshakes = server->handshake_count,
        .stopping = server->stopping,
        .deadlines_held = engine_deadlines_held(server->engine),
        .deadlines_unreadable = engine_deadlines_unreadable(server->engine),
        .rows_aside = engine_rows_aside(server->engine),
        .has_accepted_loss = engine_loss(server->engine).lost > 0,
        .tls_pq_hybrid = server->tls_pq_hybrid,
        .tls_not_after_ms = server->tls_not_after_ms,
        .sign_not_after_ms = server->sign_not_after_ms,
        .crl_next_update_ms = server->crl_next_update_ms,
    };
}
