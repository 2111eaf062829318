/* Connections that were refused, while the peer hears why.
 *
 * The alert is on its way already. Closing while the peer still sends would make the kernel answer
 * with RST, and what was said would be thrown away unread; so only our side closes, and what comes
 * is read and forgotten until the peer closes too, or a moment has passed. */
#include "server_internal.h"

#include <stdlib.h>
#include <sys/socket.h>

#define LINGERING_MS       2000
#define LINGERS_MAX        128 /* beyond it whoever lingers longest goes */
#define LINGER_DRAIN_BYTES ((size_t)256 * 1024)

struct lingerer {
    TAILQ_ENTRY(lingerer) link;
    struct server *server;
    evutil_socket_t fd;
    struct event *readable;
    int64_t since_ms;
    size_t drained;
    bool done;
};

static void finish(struct lingerer *lingerer)
{
    if (lingerer->done)
        return;
    lingerer->done = true;
    lingerer->server->linger_count--;
    event_del(lingerer->readable);
    server_reap_soon(lingerer->server);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    static uint8_t forgotten[16 * 1024];
    struct lingerer *lingerer = ctx;
    (void)what;
    ssize_t got = recv(fd, forgotten, sizeof forgotten, MSG_DONTWAIT);
    if (got > 0)
        lingerer->drained += (size_t)got;
    if (got <= 0 || lingerer->drained > LINGER_DRAIN_BYTES)
        finish(lingerer);
}

static void drop_longest(struct server *server)
{
    struct lingerer *lingerer;
    TAILQ_FOREACH(lingerer, &server->lingers, link)
    {
        if (!lingerer->done) {
            finish(lingerer);
            return;
        }
    }
}

/* NULL: out of memory. */
static struct lingerer *lingerer_new(struct server *server, evutil_socket_t fd)
{
    struct lingerer *lingerer = calloc(1, sizeof *lingerer);
    if (lingerer == NULL)
        return NULL;
    lingerer->server = server;
    lingerer->fd = fd;
    lingerer->since_ms = server_now_ms(server);
    lingerer->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, on_readable, lingerer);
    if (lingerer->readable != NULL && event_add(lingerer->readable, NULL) == 0)
        return lingerer;
    if (lingerer->readable != NULL)
        event_free(lingerer->readable);
    free(lingerer);
    return NULL;
}

void linger_start(struct server *server, evutil_socket_t fd)
{
    struct lingerer *lingerer = lingerer_new(server, fd);
    if (lingerer == NULL) {
        evutil_closesocket(fd);
        return;
    }
    if (server->linger_count >= LINGERS_MAX)
        drop_longest(server);
    TAILQ_INSERT_TAIL(&server->lingers, lingerer, link);
    server->linger_count++;
    shutdown(fd, SHUT_WR);
}

void linger_sweep(struct server *server, int64_t now_ms)
{
    struct lingerer *lingerer;
    TAILQ_FOREACH(lingerer, &server->lingers, link)
    {
        if (now_ms - lingerer->since_ms > LINGERING_MS)
            finish(lingerer);
    }
}

void linger_drop_all(struct server *server)
{
    struct lingerer *lingerer;
    TAILQ_FOREACH(lingerer, &server->lingers, link)
    {
        finish(lingerer);
    }
}

void linger_reap(struct server *server)
{
    struct lingerer *lingerer = TAILQ_FIRST(&server->lingers);
    while (lingerer != NULL) {
        struct lingerer *next = TAILQ_NEXT(lingerer, link);
        if (lingerer->done) {
            TAILQ_REMOVE(&server->lingers, lingerer, link);
            event_free(lingerer->readable);
            evutil_closesocket(lingerer->fd);
            free(lingerer);
        }
        lingerer = next;
    }
}
