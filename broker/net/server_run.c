/* What happens while the server runs: finished calls, the clock participant's ticks, deadlines, the
 * end. */
#include "log.h"
#include "server_internal.h"

#include <event2/buffer.h>

#define TICK_RETRY_MS      1000
#define FAILED_GRACE_MS    2000
#define TIGHT_OUTPUT_BYTES (64U * 1024)
#define TIGHT_ASKS         2U
#define TIGHT_FRAME_MS     3000

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

static void tick_if_due(struct server *server)
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

/* After a failed sync nothing is certain any more: those who wait have been told OUTCOME_UNKNOWN by
 * their calls, and the process starts again from what is on disk. */
static void leave_if_failed(struct server *server)
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
    leave_if_failed(server);
    tick_if_due(server);
    server_stop_progress(server);
}

size_t server_output_bytes(const struct server *server)
{
    unsigned bytes = server->limits.output_bytes;
    return server->output_tight && bytes > TIGHT_OUTPUT_BYTES ? TIGHT_OUTPUT_BYTES : bytes;
}

unsigned server_asks(const struct server *server)
{
    return server->output_tight ? TIGHT_ASKS : server->limits.asks;
}

int64_t server_frame_ms(const struct server *server)
{
    int64_t ms = server->limits.frame_ms;
    return server->input_tight && ms > TIGHT_FRAME_MS ? TIGHT_FRAME_MS : ms;
}

/* Nobody alone can fill the memory, but all together could; then each gets little, and the many who
 * need no more notice nothing. */
static void sweep_buffers(struct server *server)
{
    size_t unsent = 0, unfinished = 0;
    struct session *session;
    LIST_FOREACH(session, &server->sessions, link)
    {
        unsent += evbuffer_get_length(bufferevent_get_output(session->stream));
        unfinished += evbuffer_get_length(bufferevent_get_input(session->stream));
    }
    bool tight = unsent > server->limits.buffers_bytes || unfinished > server->limits.buffers_bytes;
    if (tight && !server->output_tight && !server->input_tight) {
        server->counters.buffers_tight++;
        log_line(LOG_WARN, "buffers_tight", "unsent_bytes=%zu unfinished_bytes=%zu", unsent,
                 unfinished);
    }
    server->output_tight = unsent > server->limits.buffers_bytes;
    server->input_tight = unfinished > server->limits.buffers_bytes;
}

static void sweep_sessions(struct server *server, int64_t now_ms)
{
    struct session *session = LIST_FIRST(&server->sessions);
    while (session != NULL) {
        struct session *next = LIST_NEXT(session, link); /* closing moves it to another list */
        session_sweep(session, now_ms);
        session = next;
    }
}

void server_sweep(struct server *server)
{
    int64_t now_ms = server_now_ms(server);
    reload_sweep(server, now_ms);
    expiry_sweep(server, now_ms);
    handshake_sweep(server, now_ms);
    linger_sweep(server, now_ms);
    sweep_buffers(server);
    sweep_sessions(server, now_ms);
    recheck_sweep(server, now_ms);
    listener_sweep(server, now_ms);
    leave_if_failed(server);
    tick_if_due(server);
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
            .unsent_bytes = evbuffer_get_length(bufferevent_get_output(session->stream)),
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
        .rows_aside = engine_rows_aside(server->engine),
        .has_accepted_loss = engine_loss(server->engine).lost > 0,
        .tls_pq_hybrid = server->tls_pq_hybrid,
        .tls_not_after_ms = server->tls_not_after_ms,
        .sign_not_after_ms = server->sign_not_after_ms,
        .crl_next_update_ms = server->crl_next_update_ms,
    };
}
