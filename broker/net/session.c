#include "session.h"

#include "handle.h"
#include "log.h"
#include "random.h"
#include "send.h"
#include "server_internal.h"
#include "tls.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static SSL *session_ssl(const struct session *session)
{
    return session->stream != NULL ? bufferevent_openssl_get_ssl(session->stream) : NULL;
}

static void on_read(struct bufferevent *stream, void *ctx)
{
    struct session *session = ctx;
    if (session->state == SESSION_CLOSING || session->state == SESSION_LINGERING) {
        struct evbuffer *input = bufferevent_get_input(stream);
        evbuffer_drain(input, evbuffer_get_length(input));
    } else if (session->state != SESSION_CLOSED) {
        session_read(session);
    }
}

/* All was sent. The write side closes first and the rest of what the peer sends is thrown away for
 * a moment: closing with unread input would make the kernel reset the connection and the last words
 * be lost. */
static void linger(struct session *session)
{
    SSL *ssl = session_ssl(session);
    if (ssl == NULL) {
        session_close(session, session->why);
        return;
    }
    session_move(session, SESSION_LINGERING);
    ERR_clear_error();
    SSL_shutdown(ssl);
    shutdown(bufferevent_getfd(session->stream), SHUT_WR);
}

static void on_write(struct bufferevent *stream, void *ctx)
{
    struct session *session = ctx;
    size_t left = evbuffer_get_length(bufferevent_get_output(stream));
    if (session->state == SESSION_CLOSING && left == 0) {
        linger(session);
    } else if (session->choked && left <= server_output_bytes(session->server) / 2) {
        session->choked = false;
        session_update(session);
    }
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct session *session = ctx;
    bool polite = (what & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_input(stream)) == 0;
    ERR_clear_error();
    if (session->state == SESSION_CLOSING || session->state == SESSION_LINGERING) {
        session_close(session, session->why);
        return;
    }
    if (!polite)
        session->server->counters.sessions_truncated++;
    session_close(session, polite ? "closed by the peer" : "the connection broke off");
}

/* Those who came together do not come back together. */
static int64_t leaves_at(const struct session *session)
{
    int64_t age_ms = session->server->limits.session_age_ms;
    return session->opened_ms + age_ms - (int64_t)(session->id % (uint64_t)(age_ms / 4 + 1));
}

static struct session *session_new(struct server *server, struct bufferevent *stream,
                                   const struct skp_oin *peer, const char *source)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    session->participant = participant_join(server, peer);
    if (session->participant == NULL) {
        free(session);
        return NULL;
    }
    session->server = server;
    session->stream = stream;
    session->id = random_u64() | 1; /* leases of an earlier life of the broker are never ours */
    session->peer = *peer;
    snprintf(session->source, sizeof session->source, "%s", source);
    session->opened_ms = server_now_ms(server);
    session->leaves_ms = leaves_at(session);
    session->since_ms = session->heard_ms = session->moved_ms = session->opened_ms;
    session->checked_ms = session->key_window_ms = session->control_window_ms = session->opened_ms;
    session->frame_started_ms = -1;
    LIST_INIT(&session->flows);
    return session;
}

/* NULL: no room for one more, and the stream is gone. */
static struct session *session_begin(struct server *server, struct bufferevent *stream,
                                     const struct skp_oin *peer, const char *source)
{
    bool over = server->session_count >= server->limits.sessions;
    struct session *session = over ? NULL : session_new(server, stream, peer, source);
    if (session != NULL && !buffers_count(session)) {
        buffers_forget(session);
        participant_leave(session->participant);
        free(session);
        session = NULL;
    }
    if (session == NULL) {
        server->counters.sessions_over_limit++;
        log_line(LOG_WARN, "session_refused", "peer=%s source=%s why=%s", peer->text, source,
                 over ? "max_sessions reached" : "out of memory");
        bufferevent_free(stream);
        return NULL;
    }
    LIST_INSERT_HEAD(&server->sessions, session, link);
    LIST_INSERT_HEAD(server_bucket(server, peer), session, by_peer);
    server->session_count++;
    if (session_ssl(session) != NULL)
        tls_count_key_updates(session_ssl(session), &session->key_updates);
    bufferevent_setcb(stream, on_read, on_write, on_event, session);
    bufferevent_setwatermark(stream, EV_WRITE, server->limits.output_bytes / 2, 0);
    bufferevent_enable(stream, EV_WRITE);
    return session;
}

void session_turn_away(struct server *server, struct bufferevent *stream, const char *source,
                       const char *why)
{
    static const struct skp_oin nobody = {.text = "unknown"};
    bool crowded = server_count_peer(server, &nobody) >= server->limits.sessions_per_peer;
    struct session *session = session_begin(server, stream, &nobody, source);
    if (session == NULL)
        return;
    if (crowded)
        session_close(session, why);
    else
        session_refuse(session, SKP_E_IDENTITY_INVALID, NULL, why, NULL);
}

void session_open(struct server *server, struct bufferevent *stream, const struct skp_oin *peer,
                  const char *source, uint64_t generation)
{
    bool crowded = server_count_peer(server, peer) >= server->limits.sessions_per_peer;
    struct session *session = session_begin(server, stream, peer, source);
    if (session == NULL)
        return;
    recheck_add(session, generation);
    server->counters.sessions_opened++;
    log_line(LOG_INFO, "session_opened", "peer=%s source=%s session=%016llx", peer->text, source,
             (unsigned long long)session->id);
    if (crowded) {
        server->counters.sessions_over_limit++;
        session_refuse(session, SKP_E_BUSY, NULL, "this participant has too many sessions", NULL);
        return;
    }
    session_read(session);
}

void session_finish(struct session *session, const char *why)
{
    if (session->state >= SESSION_CLOSING)
        return;
    batch_abandon(session);
    session->why = why;
    session_move(session, SESSION_CLOSING);
    bufferevent_setwatermark(session->stream, EV_READ, 0, 0);
    bufferevent_setwatermark(session->stream, EV_WRITE, 0, 0);
    bufferevent_enable(session->stream, EV_READ);
    if (evbuffer_get_length(bufferevent_get_output(session->stream)) == 0)
        linger(session);
}

void session_close(struct session *session, const char *why)
{
    struct server *server = session->server;
    if (session->state == SESSION_CLOSED)
        return;
    batch_abandon(session);
    session->why = why;
    session_move(session, SESSION_CLOSED);
    bufferevent_setcb(session->stream, NULL, NULL, NULL, NULL);
    bufferevent_disable(session->stream, EV_READ | EV_WRITE);
    if (server->sweep_next == session)
        server->sweep_next = LIST_NEXT(session, link);
    LIST_REMOVE(session, link);
    LIST_REMOVE(session, by_peer);
    recheck_remove(session);
    LIST_INSERT_HEAD(&server->closed, session, link);
    server->session_count--;
    log_line(LOG_INFO, "session_closed",
             "peer=%s source=%s session=%016llx why=%s ms=%lld frames_in=%llu frames_out=%llu "
             "refused=%llu",
             session->peer.text, session->source, (unsigned long long)session->id, why,
             (long long)(session->since_ms - session->opened_ms),
             (unsigned long long)session->frames_in, (unsigned long long)session->frames_out,
             (unsigned long long)session->refused);
    server_reap_soon(server);
}

static void free_stream(struct session *session)
{
    SSL *ssl = session_ssl(session);
    if (ssl != NULL) {
        ERR_clear_error();
        SSL_shutdown(ssl); /* one attempt to say goodbye, where nobody has yet */
        ERR_clear_error();
    } else {
        bufferevent_flush(session->stream, EV_WRITE, BEV_FINISHED);
    }
    buffers_forget(session);
    bufferevent_free(session->stream);
    session->stream = NULL;
}

bool session_reap(struct session *session, bool engine_alive)
{
    if (session->stream != NULL)
        free_stream(session);
    if (engine_alive && session->calls > 0)
        return false;
    if (engine_alive)
        engine_session_closed(session->server->engine, session->id);
    LIST_REMOVE(session, link);
    fetch_free_flows(session);
    participant_leave(session->participant);
    free(session);
    return true;
}

void session_leave(struct session *session, const char *why)
{
    if (session->state >= SESSION_CLOSING || session->leaving)
        return;
    session->leaving = true;
    session->leaves_ms = server_now_ms(session->server) + session->server->limits.batch_ms;
    session->why = why;
    if (session->state == SESSION_UP)
        send_going_away(session, why);
    session_update(session);
}

static void finish_if_done(struct session *session)
{
    if (session->leaving && session->state < SESSION_CLOSING && session->calls == 0 &&
        !session->batch.open)
        session_finish(session, session->why);
}

void session_update(struct session *session)
{
    if (session->state >= SESSION_CLOSING)
        return;
    session_read(session);
    if (session->state == SESSION_UP)
        fetch_wake(session, NULL);
    finish_if_done(session);
}
