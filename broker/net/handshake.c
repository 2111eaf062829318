/* Connections that have not yet shown who they are: few, short-lived, and counted per source.
 *
 * A handshake costs milliseconds of arithmetic, as much as dozens of frames. So those for whom
 * something came wait in a queue, and one of them goes one step in a turn of the loop; live sessions
 * go before, yet one step in GIVE_WAY_MS there always is. Neither can keep the other waiting. */
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_KEY_BYTES 16
#define CROWDED_MS       5000
#define GIVE_WAY_MS      20
#define TIMEOUTS_A_TURN  8 /* a fraction of a millisecond */

/* Who is limited: one IPv4 address, or one IPv6 network of a single customer (/64). */
struct source {
    uint8_t key[SOURCE_KEY_BYTES];
    char text[64];
};

struct handshake {
    TAILQ_ENTRY(handshake) link;
    TAILQ_ENTRY(handshake) ready; /* something came: waits for its turn */
    struct server *server;
    SSL *ssl; /* NULL: handed over */
    evutil_socket_t fd;
    struct event *readable, *writable;
    struct source source;
    int64_t started_ms;
    uint64_t generation; /* of the trust this handshake is checked against */
    bool is_ready, finished;
};

static void read_source(const struct sockaddr *address, struct source *ret_source)
{
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port = 0;
    *ret_source = (struct source){0};
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        memcpy(ret_source->key, &v4->sin_addr, sizeof v4->sin_addr);
        evutil_inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        port = ntohs(v4->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(ret_source->key, &v6->sin6_addr, mapped ? SOURCE_KEY_BYTES : SOURCE_KEY_BYTES / 2);
        evutil_inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        port = ntohs(v6->sin6_port);
    }
    snprintf(ret_source->text, sizeof ret_source->text,
             address->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
}

static void finish(struct handshake *handshake)
{
    struct server *server = handshake->server;
    handshake->finished = true;
    if (handshake->is_ready)
        TAILQ_REMOVE(&server->handshakes_ready, handshake, ready);
    handshake->is_ready = false;
    event_del(handshake->readable);
    event_del(handshake->writable);
    server->handshake_count--;
    server_reap_soon(server);
}

static void tell_failure(struct handshake *handshake, enum tls_failure failure, const char *detail)
{
    handshake->server->counters.handshake_failures[failure]++;
    log_line(LOG_WARN, "handshake_failed", "source=%s why=%s detail=%s", handshake->source.text,
             tls_failure_words(failure), detail);
}

/* What OpenSSL left in its queue says why; the alert that says so has been sent. */
static void fail(struct handshake *handshake)
{
    unsigned long error = ERR_peek_last_error();
    enum tls_failure failure = tls_failure_of(handshake->ssl, error);
    tell_failure(handshake, failure, tls_failure_detail(handshake->ssl, error));
    ERR_clear_error();
    if (failure != TLS_FAILURE_CLOSED) {
        linger_start(handshake->server, handshake->fd);
        handshake->fd = -1;
    }
    finish(handshake);
}

/* NULL: out of memory, and the connection ends with the handshake. */
static struct bufferevent *hand_over(struct handshake *handshake)
{
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        handshake->server->base, handshake->fd, handshake->ssl, BUFFEREVENT_SSL_OPEN,
        BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (stream == NULL)
        return NULL;
    handshake->ssl = NULL;
    handshake->fd = -1;
    return stream;
}

/* Of tls_know_peer(). */
static enum tls_failure failure_of(enum skp_err err)
{
    if (err == SKP_E_IDENTITY_INVALID)
        return TLS_FAILURE_NO_OIN;
    return err == SKP_E_VERSION_UNSUPPORTED ? TLS_FAILURE_VERSION : TLS_FAILURE_PURPOSE;
}

static void welcome(struct handshake *handshake)
{
    struct server *server = handshake->server;
    struct skp_oin peer;
    const char *why;
    enum skp_err err = tls_know_peer(handshake->ssl, &peer, &why);
    finish(handshake);
    struct bufferevent *stream = hand_over(handshake);
    if (err)
        tell_failure(handshake, failure_of(err), why);
    if (stream == NULL)
        return;
    if (err)
        session_turn_away(server, stream, handshake->source.text, why);
    else
        session_open(server, stream, &peer, handshake->source.text, handshake->generation);
}

static void step(struct handshake *handshake)
{
    ERR_clear_error();
    int done = SSL_accept(handshake->ssl);
    int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(handshake->ssl, done);
    if (done == 1)
        welcome(handshake);
    else if (error == SSL_ERROR_WANT_READ)
        event_add(handshake->readable, NULL);
    else if (error == SSL_ERROR_WANT_WRITE)
        event_add(handshake->writable, NULL);
    else
        fail(handshake);
}

/* A timer without delay fires once per turn of the loop, whatever else is active. */
static void take_turn_soon(struct server *server)
{
    static const struct timeval at_once;
    if (!event_pending(server->handshake_turn, EV_TIMEOUT, NULL))
        event_add(server->handshake_turn, &at_once);
}

/* Where there was work for sessions, the answer is about to be written: it goes first, but not for
 * ever. */
static bool gives_way(struct server *server)
{
    bool worked = server->sessions_worked;
    server->sessions_worked = false;
    return worked && server_now_ms(server) - server->handshake_step_ms < GIVE_WAY_MS;
}

void handshake_turn(struct server *server)
{
    struct handshake *handshake = TAILQ_FIRST(&server->handshakes_ready);
    if (handshake == NULL)
        return;
    if (!gives_way(server)) {
        TAILQ_REMOVE(&server->handshakes_ready, handshake, ready);
        handshake->is_ready = false;
        step(handshake);
        server->handshake_step_ms = server_now_ms(server);
    }
    if (!TAILQ_EMPTY(&server->handshakes_ready))
        take_turn_soon(server);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct handshake *handshake = ctx;
    (void)fd, (void)what;
    handshake->is_ready = true;
    TAILQ_INSERT_TAIL(&handshake->server->handshakes_ready, handshake, ready);
    take_turn_soon(handshake->server);
}

static bool source_is_crowded(const struct server *server, const struct source *source)
{
    const struct handshake *other;
    unsigned count = 0;
    TAILQ_FOREACH(other, &server->handshakes, link)
    {
        if (!other->finished && memcmp(other->source.key, source->key, SOURCE_KEY_BYTES) == 0)
            count++;
    }
    return count >= server->limits.handshakes_per_source;
}

static void handshake_free(struct handshake *handshake)
{
    if (handshake->readable != NULL)
        event_free(handshake->readable);
    if (handshake->writable != NULL)
        event_free(handshake->writable);
    SSL_free(handshake->ssl);
    if (handshake->fd >= 0)
        evutil_closesocket(handshake->fd);
    free(handshake);
}

/* Takes fd. NULL: out of memory. */
static struct handshake *handshake_new(struct server *server, evutil_socket_t fd,
                                       const struct source *source)
{
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (handshake == NULL) {
        evutil_closesocket(fd);
        return NULL;
    }
    handshake->server = server;
    handshake->source = *source;
    handshake->started_ms = server_now_ms(server);
    handshake->generation = trust_generation(server->used.trust);
    handshake->fd = fd;
    handshake->ssl = SSL_new(server->tls);
    handshake->readable = event_new(server->base, fd, EV_READ, on_ready, handshake);
    handshake->writable = event_new(server->base, fd, EV_WRITE, on_ready, handshake);
    if (handshake->ssl != NULL && SSL_set_fd(handshake->ssl, fd) == 1 &&
        handshake->readable != NULL && handshake->writable != NULL &&
        event_add(handshake->readable, NULL) == 0)
        return handshake;
    ERR_clear_error();
    handshake_free(handshake);
    return NULL;
}

void handshake_start(struct server *server, evutil_socket_t fd, const struct sockaddr *address)
{
    struct source source;
    read_source(address, &source);
    if (source_is_crowded(server, &source)) {
        server->counters.connections_over_source++;
        log_line(LOG_WARN, "connection_dropped", "source=%s why=%s", source.text,
                 "too many handshakes of this source");
        evutil_closesocket(fd);
        return;
    }
    struct handshake *handshake = handshake_new(server, fd, &source);
    if (handshake == NULL)
        return;
    TAILQ_INSERT_TAIL(&server->handshakes, handshake, link);
    server->handshake_count++;
}

/* While nobody else can be let in, those who hold a place must hurry: an honest handshake takes a
 * fraction of this, also behind a full queue of others. */
static int64_t time_allowed(const struct server *server)
{
    bool crowded = server->handshake_count >= server->limits.handshakes;
    return crowded && server->limits.handshake_ms > CROWDED_MS ? CROWDED_MS
                                                               : server->limits.handshake_ms;
}

bool handshake_sweep(struct server *server, int64_t now_ms)
{
    struct handshake *handshake;
    unsigned ended = 0;
    int64_t allowed_ms = time_allowed(server);
    TAILQ_FOREACH(handshake, &server->handshakes, link)
    {
        if (handshake->finished)
            continue;
        if (now_ms - handshake->started_ms <= allowed_ms)
            return false; /* those behind it came later */
        if (ended++ >= TIMEOUTS_A_TURN)
            return true;
        tell_failure(handshake, TLS_FAILURE_TIMEOUT, "");
        finish(handshake);
    }
    return false;
}

void handshake_drop_all(struct server *server)
{
    struct handshake *handshake;
    TAILQ_FOREACH(handshake, &server->handshakes, link)
    {
        if (!handshake->finished)
            finish(handshake);
    }
}

void handshake_reap(struct server *server)
{
    struct handshake *handshake = TAILQ_FIRST(&server->handshakes);
    while (handshake != NULL) {
        struct handshake *next = TAILQ_NEXT(handshake, link);
        if (handshake->finished) {
            TAILQ_REMOVE(&server->handshakes, handshake, link);
            handshake_free(handshake);
        }
        handshake = next;
    }
}
