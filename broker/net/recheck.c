/* Live sessions against the trust of now. Who is listed as revoked goes at once; all others are
 * checked in full, a few in each turn of the loop, as soon as trust changed and now and then. */
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#include <event2/bufferevent_ssl.h>

#define TURN_CHECKS 8
#define TURN_MS     1 /* everybody else waits meanwhile; a check takes a fraction of it */

static void cut(struct session *session, const char *why)
{
    session->server->counters.sessions_untrusted++;
    log_line(LOG_WARN, "session_untrusted", "peer=%s session=%016llx why=%s", session->peer.text,
             (unsigned long long)session->id, why);
    session_refuse(session, SKP_E_IDENTITY_INVALID, NULL, why, NULL);
    session_finish(session, "certificate not trusted any more");
}

/* A microsecond each, so that nobody who was revoked stays while thousands of others are checked in
 * full. */
static void cut_listed(struct server *server)
{
    struct session *session = LIST_FIRST(&server->sessions);
    while (session != NULL) {
        struct session *next = LIST_NEXT(session, link); /* closing moves it to another list */
        SSL *ssl = bufferevent_openssl_get_ssl(session->stream);
        if (ssl != NULL && session->state < SESSION_CLOSING &&
            tls_peer_is_listed(ssl, server->used.trust))
            cut(session, "certificate revoked");
        session = next;
    }
}

/* The queue is in the order of the last check: who was checked against an older trust is in
 * front. */
void recheck_add(struct session *session, uint64_t generation)
{
    struct server *server = session->server;
    session->checked_generation = generation;
    if (generation == 0)
        return;
    if (generation == trust_generation(server->used.trust))
        TAILQ_INSERT_TAIL(&server->rechecks, session, recheck);
    else
        TAILQ_INSERT_HEAD(&server->rechecks, session, recheck);
}

void recheck_remove(struct session *session)
{
    if (session->checked_generation != 0)
        TAILQ_REMOVE(&session->server->rechecks, session, recheck);
}

static bool is_old(const struct server *server, const struct session *session)
{
    return session->checked_generation != trust_generation(server->used.trust);
}

/* Who is to be checked now; NULL: nobody. */
static struct session *next_due(struct server *server, int64_t now_ms)
{
    struct session *session = TAILQ_FIRST(&server->rechecks);
    bool due = session != NULL && (is_old(server, session) ||
                                   now_ms - session->checked_ms >= server->limits.recheck_ms);
    return due ? session : NULL;
}

static void check(struct session *session, int64_t now_ms)
{
    struct server *server = session->server;
    const char *why;
    SSL *ssl = bufferevent_openssl_get_ssl(session->stream);
    TAILQ_REMOVE(&server->rechecks, session, recheck);
    TAILQ_INSERT_TAIL(&server->rechecks, session, recheck);
    session->checked_generation = trust_generation(server->used.trust);
    session->checked_ms = now_ms;
    if (session->state < SESSION_CLOSING &&
        tls_check_peer(ssl, server->used.trust, clock_real_ms(server->clock), &why))
        cut(session, why);
}

/* A timer without delay fires once per turn of the loop, whatever else is active. */
static void take_turn_soon(struct server *server)
{
    static const struct timeval at_once;
    if (!event_pending(server->recheck_turn, EV_TIMEOUT, NULL))
        event_add(server->recheck_turn, &at_once);
}

/* Said once when the last session of an older trust was checked. */
static void tell_if_over(struct server *server, int64_t now_ms)
{
    const struct session *first = TAILQ_FIRST(&server->rechecks);
    if (server->recheck_since_ms < 0 || (first != NULL && is_old(server, first)))
        return;
    if (server->rechecked > 0)
        log_line(LOG_INFO, "sessions_rechecked", "sessions=%u ms=%lld", server->rechecked,
                 (long long)(now_ms - server->recheck_since_ms));
    server->recheck_since_ms = -1;
}

void recheck_turn(struct server *server)
{
    int64_t started_ms = server_now_ms(server), now_ms = started_ms;
    struct session *session = next_due(server, now_ms);
    for (unsigned i = 0; session != NULL && i < TURN_CHECKS && now_ms - started_ms < TURN_MS; i++) {
        check(session, now_ms);
        server->rechecked++;
        now_ms = server_now_ms(server);
        session = next_due(server, now_ms);
    }
    if (session != NULL)
        take_turn_soon(server);
    tell_if_over(server, now_ms);
}

void recheck_start(struct server *server)
{
    cut_listed(server);
    server->recheck_since_ms = server_now_ms(server);
    server->rechecked = 0;
    take_turn_soon(server);
}

void recheck_sweep(struct server *server, int64_t now_ms)
{
    if (next_due(server, now_ms) != NULL)
        take_turn_soon(server);
}
