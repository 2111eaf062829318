/* Connections that have not yet shown who they are: few, short-lived, and counted per source. */
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRIORITY_LIVE      0
#define PRIORITY_HANDSHAKE 1
#define SOURCE_KEY_BYTES   16

/* Who is limited: one IPv4 address, or one IPv6 network of a single customer (/64). */
struct source {
    uint8_t key[SOURCE_KEY_BYTES];
    char text[64];
};

struct handshake {
    TAILQ_ENTRY(handshake) link;
    struct server *server;
    struct bufferevent *stream; /* NULL: handed to a session */
    struct source source;
    int64_t started_ms;
    bool finished;
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
    handshake->finished = true;
    handshake->server->handshake_count--;
    server_reap_soon(handshake->server);
}

static void fail(struct handshake *handshake, enum tls_failure failure, const char *detail)
{
    struct server *server = handshake->server;
    server->counters.handshake_failures[failure]++;
    log_line(LOG_WARN, "handshake_failed", "source=%s why=%s detail=%s", handshake->source.text,
             tls_failure_words(failure), detail);
    bufferevent_setcb(handshake->stream, NULL, NULL, NULL, NULL);
    bufferevent_disable(handshake->stream, EV_READ | EV_WRITE);
    finish(handshake);
}

static void welcome(struct handshake *handshake)
{
    struct server *server = handshake->server;
    struct skp_oin peer;
    const char *why;
    SSL *ssl = bufferevent_openssl_get_ssl(handshake->stream);
    enum skp_err err =
        tls_check_peer(ssl, server->trust, clock_real_ms(server->clock), &peer, &why);
    if (err) {
        fail(handshake, err == SKP_E_IDENTITY_INVALID ? TLS_FAILURE_NO_OIN : TLS_FAILURE_PURPOSE,
             why);
        return;
    }
    struct bufferevent *stream = handshake->stream;
    handshake->stream = NULL;
    finish(handshake);
    bufferevent_priority_set(stream, PRIORITY_LIVE);
    session_open(server, stream, &peer, handshake->source.text);
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct handshake *handshake = ctx;
    char detail[160] = "";
    if (what & BEV_EVENT_CONNECTED) {
        welcome(handshake);
        return;
    }
    unsigned long error = bufferevent_get_openssl_error(stream);
    if (error != 0)
        ERR_error_string_n(error, detail, sizeof detail);
    ERR_clear_error();
    fail(handshake, tls_failure_of(bufferevent_openssl_get_ssl(stream), error), detail);
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

/* Takes fd. NULL: out of memory. */
static struct bufferevent *start_tls(struct server *server, evutil_socket_t fd)
{
    ERR_clear_error();
    SSL *ssl = SSL_new(server->tls);
    struct bufferevent *stream = NULL;
    if (ssl != NULL)
        stream = bufferevent_openssl_socket_new(server->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (stream == NULL) {
        SSL_free(ssl);
        evutil_closesocket(fd);
        return NULL;
    }
    bufferevent_priority_set(stream, PRIORITY_HANDSHAKE);
    return stream;
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
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (handshake == NULL) {
        evutil_closesocket(fd);
        return;
    }
    handshake->server = server;
    handshake->source = source;
    handshake->started_ms = server_now_ms(server);
    handshake->stream = start_tls(server, fd);
    if (handshake->stream == NULL) {
        free(handshake);
        return;
    }
    bufferevent_setcb(handshake->stream, NULL, NULL, on_event, handshake);
    TAILQ_INSERT_TAIL(&server->handshakes, handshake, link);
    server->handshake_count++;
}

void handshake_sweep(struct server *server, int64_t now_ms)
{
    struct handshake *handshake;
    TAILQ_FOREACH(handshake, &server->handshakes, link)
    {
        if (!handshake->finished && now_ms - handshake->started_ms > server->limits.handshake_ms)
            fail(handshake, TLS_FAILURE_TIMEOUT, "");
    }
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
            if (handshake->stream != NULL)
                bufferevent_free(handshake->stream);
            free(handshake);
        }
        handshake = next;
    }
}
