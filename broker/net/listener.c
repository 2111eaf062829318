#include "log.h"
#include "server_internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BACKLOG            512
#define DESCRIPTOR_WAIT_MS 500
#define ACCEPTS_A_TURN     4     /* about a millisecond */
#define USER_TIMEOUT_MS    30000 /* a peer that vanished without FIN is noticed within this */

static void pause_accepting(struct server *server, const char *why)
{
    if (server->accept_paused)
        return;
    server->accept_paused = true;
    server->counters.accept_pauses++;
    evconnlistener_disable(server->listener);
    log_line(LOG_WARN, "accept_paused", "why=%s", why);
}

/* libevent accepts until nobody waits any more; live sessions must not wait for a whole crowd. */
static void end_turn(struct server *server)
{
    static const struct timeval at_once;
    server->accepted = 0;
    evconnlistener_disable(server->listener);
    event_add(server->accept_turn, &at_once);
}

static void on_next_turn(evutil_socket_t fd, short what, void *ctx)
{
    struct server *server = ctx;
    (void)fd, (void)what;
    if (server->listener != NULL && !server->accept_paused)
        evconnlistener_enable(server->listener);
}

static void set_options(evutil_socket_t fd)
{
    int on = 1;
    unsigned timeout_ms = USER_TIMEOUT_MS;
    /* Wishes: a connection works without them. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int address_len, void *ctx)
{
    struct server *server = ctx;
    (void)listener, (void)address_len;
    server->counters.connections_accepted++;
    set_options(fd);
    handshake_start(server, fd, address);
    if (server->handshake_count >= server->limits.handshakes)
        pause_accepting(server, "max_handshakes under way");
    else if (++server->accepted >= ACCEPTS_A_TURN)
        end_turn(server);
}

static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
    struct server *server = ctx;
    int error = errno;
    (void)listener;
    if (error == ECONNABORTED || error == EINTR || error == EAGAIN)
        return;
    /* Out of descriptors or memory: connections wait in the kernel's queue until some are given
     * back. */
    server->accept_again_ms = server_now_ms(server) + DESCRIPTOR_WAIT_MS;
    pause_accepting(server, strerror(error));
}

static struct evconnlistener *bind_first(struct server *server, const struct addrinfo *addresses)
{
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    for (const struct addrinfo *at = addresses; at != NULL; at = at->ai_next) {
        struct evconnlistener *listener = evconnlistener_new_bind(
            server->base, on_accept, server, flags, BACKLOG, at->ai_addr, (int)at->ai_addrlen);
        if (listener != NULL)
            return listener;
    }
    return NULL;
}

enum skp_err listener_open(struct server *server, const char *host, uint16_t port, char *ret_why)
{
    char service[8];
    struct addrinfo *addresses = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &addresses);
    if (failed) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "cannot listen on %s:%u: %s", host, port,
                 gai_strerror(failed));
        return SKP_E_IO;
    }
    errno = 0;
    server->listener = bind_first(server, addresses);
    int error = errno;
    freeaddrinfo(addresses);
    if (server->listener == NULL) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "cannot listen on %s:%u: %s", host, port,
                 strerror(error));
        return SKP_E_IO;
    }
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    server->accept_turn = event_new(server->base, -1, 0, on_next_turn, server);
    if (server->accept_turn == NULL) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "out of memory");
        return SKP_E_NO_MEMORY;
    }
    return SKP_OK;
}

void listener_close(struct server *server)
{
    if (server->listener != NULL)
        evconnlistener_free(server->listener);
    server->listener = NULL;
    if (server->accept_turn != NULL)
        event_free(server->accept_turn);
    server->accept_turn = NULL;
}

void listener_sweep(struct server *server, int64_t now_ms)
{
    if (!server->accept_paused || server->listener == NULL || now_ms < server->accept_again_ms ||
        server->handshake_count >= server->limits.handshakes)
        return;
    server->accept_paused = false;
    evconnlistener_enable(server->listener);
    log_line(LOG_INFO, "accept_resumed", NULL);
}

uint16_t server_port(const struct server *server)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t len = sizeof address;
    if (server->listener == NULL ||
        getsockname(evconnlistener_get_fd(server->listener), &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
