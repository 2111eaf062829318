#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES    ((size_t)16 * 1024)
#define QUEUE_BYTES    ((size_t)256 * 1024)
#define WRITES_A_TURN  256
#define NEVER          UINT64_MAX
#define US_PER_MS      1000U
#define US_PER_SECOND  1000000U
#define MAX_BURST_US   20000U /* what a paused line may catch up */
#define RESET_LINGER_S 0

struct piece {
    STAILQ_ENTRY(piece) link;
    uint64_t due_us;
    size_t len, sent;
    uint8_t bytes[];
};

struct way {
    struct proxy_link *owner;
    int from, to;
    struct event *readable, *writable, *timer;
    STAILQ_HEAD(, piece) pieces;
    size_t queued;
    uint64_t stall_at, passed; /* bytes */
    uint64_t free_at_us;       /* the line is busy until then */
    uint64_t last_due_us;
    uint64_t *count;
    bool ended, told; /* nothing more comes; and the other side knows */
};

struct proxy_link {
    struct proxy_faults faults;
    struct proxy_random *random;
    struct proxy_counts *counts;
    void (*closed)(void *ctx, struct proxy_link *link);
    void *ctx;
    int client, server;
    struct way up, down;
    uint64_t cut_at, reset_at, passed; /* bytes, of both directions together */
    bool stalled;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * US_PER_SECOND + (uint64_t)now.tv_nsec / 1000U;
}

uint64_t proxy_draw(struct proxy_random *random, struct proxy_range range)
{
    uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return range.from + (x ^ (x >> 31)) % (range.to - range.from + 1);
}

static uint64_t draw_end(struct proxy_link *link, struct proxy_range range)
{
    return range.to > 0 ? proxy_draw(link->random, range) : NEVER;
}

/* ---------------------------------------------------------------- the end */

static void way_fini(struct way *way)
{
    struct piece *piece;
    while ((piece = STAILQ_FIRST(&way->pieces)) != NULL) {
        STAILQ_REMOVE_HEAD(&way->pieces, link);
        free(piece);
    }
    struct event *events[] = {way->readable, way->writable, way->timer};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
}

static void free_link(struct proxy_link *link)
{
    way_fini(&link->up);
    way_fini(&link->down);
    close(link->client);
    close(link->server);
    free(link);
}

static void end(struct proxy_link *link)
{
    if (link->closed != NULL)
        link->closed(link->ctx, link);
    free_link(link);
}

void proxy_link_reset(struct proxy_link *link)
{
    struct linger now = {.l_onoff = 1, .l_linger = RESET_LINGER_S};
    setsockopt(link->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    setsockopt(link->server, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    end(link);
}

bool proxy_link_is_stalled(const struct proxy_link *link)
{
    return link->stalled;
}

/* ---------------------------------------------------------------- going out */

static void wake_at(struct way *way, uint64_t at_us)
{
    uint64_t now = now_us();
    uint64_t wait = at_us > now ? at_us - now : 0;
    struct timeval after = {.tv_sec = (time_t)(wait / US_PER_SECOND),
                            .tv_usec = (suseconds_t)(wait % US_PER_SECOND)};
    event_add(way->timer, &after);
}

/* How much of the first piece may go now, as one write. */
static size_t allowance(const struct way *way, const struct piece *piece)
{
    const struct proxy_link *link = way->owner;
    uint64_t first_end = link->cut_at < link->reset_at ? link->cut_at : link->reset_at;
    uint64_t most = piece->len - piece->sent;
    if (link->faults.split > 0 && most > link->faults.split)
        most = link->faults.split;
    if (first_end != NEVER && most > first_end - link->passed)
        most = first_end - link->passed;
    if (way->stall_at != NEVER && most > way->stall_at - way->passed)
        most = way->stall_at - way->passed;
    return (size_t)most;
}

static void account(struct way *way, struct piece *piece, size_t sent)
{
    struct proxy_link *link = way->owner;
    uint64_t now = now_us();
    piece->sent += sent;
    way->queued -= sent;
    way->passed += sent;
    link->passed += sent;
    *way->count += sent;
    if (link->faults.rate > 0) {
        uint64_t from = way->free_at_us + MAX_BURST_US > now ? way->free_at_us : now;
        way->free_at_us = from + sent * US_PER_SECOND / link->faults.rate;
    }
    if (piece->sent == piece->len) {
        STAILQ_REMOVE_HEAD(&way->pieces, link);
        free(piece);
    }
}

/* The fault whose hour has come; true when the link is gone. */
static bool strike(struct way *way)
{
    struct proxy_link *link = way->owner;
    if (link->passed >= link->reset_at) {
        link->counts->resets++;
        proxy_link_reset(link);
        return true;
    }
    if (link->passed >= link->cut_at) {
        link->counts->cuts++;
        end(link);
        return true;
    }
    if (way->passed >= way->stall_at && !link->stalled) {
        link->counts->stalls++;
        link->stalled = true;
    }
    return false;
}

/* True when the link is gone. */
static bool tell_end(struct way *way)
{
    struct proxy_link *link = way->owner;
    if (!way->ended || way->told || !STAILQ_EMPTY(&way->pieces))
        return false;
    way->told = true;
    shutdown(way->to, SHUT_WR);
    if (!link->up.told || !link->down.told)
        return false;
    end(link);
    return true;
}

/* Writes what may go; true when the link is gone. */
static bool push(struct way *way)
{
    struct piece *piece;
    for (int i = 0; i < WRITES_A_TURN && (piece = STAILQ_FIRST(&way->pieces)) != NULL; i++) {
        uint64_t due = piece->due_us > way->free_at_us ? piece->due_us : way->free_at_us;
        if (way->passed >= way->stall_at)
            return false;
        if (due > now_us()) {
            wake_at(way, due);
            return false;
        }
        ssize_t sent = send(way->to, piece->bytes + piece->sent, allowance(way, piece),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            event_add(way->writable, NULL);
            return false;
        }
        if (sent < 0) {
            proxy_link_reset(way->owner);
            return true;
        }
        account(way, piece, (size_t)sent);
        if (strike(way))
            return true;
    }
    if (!STAILQ_EMPTY(&way->pieces))
        wake_at(way, 0);
    return tell_end(way);
}

/* ---------------------------------------------------------------- coming in */

static void keep_reading(struct way *way)
{
    if (!way->ended && way->queued < QUEUE_BYTES)
        event_add(way->readable, NULL);
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
    struct way *way = ctx;
    (void)fd, (void)what;
    if (!push(way))
        keep_reading(way);
}

static void enqueue(struct way *way, struct piece *piece, size_t len)
{
    struct proxy_link *link = way->owner;
    uint64_t delay =
        link->faults.delay_ms.to > 0 ? proxy_draw(link->random, link->faults.delay_ms) : 0;
    uint64_t due = now_us() + delay * US_PER_MS;
    piece->due_us = due > way->last_due_us ? due : way->last_due_us;
    way->last_due_us = piece->due_us;
    piece->len = len;
    piece->sent = 0;
    way->queued += len;
    STAILQ_INSERT_TAIL(&way->pieces, piece, link);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct way *way = ctx;
    struct piece *piece = malloc(sizeof *piece + PIECE_BYTES);
    (void)what;
    if (piece == NULL)
        abort();
    ssize_t got = recv(fd, piece->bytes, PIECE_BYTES, MSG_DONTWAIT);
    if (got > 0)
        enqueue(way, piece, (size_t)got);
    else
        free(piece);
    if (got < 0 && errno != EAGAIN) {
        proxy_link_reset(way->owner);
        return;
    }
    way->ended = way->ended || got == 0;
    on_turn(fd, 0, way);
}

/* ---------------------------------------------------------------- the beginning */

static bool way_init(struct proxy_link *link, struct way *way, struct event_base *base, int from,
                     int to, struct proxy_range stall, uint64_t *count)
{
    *way = (struct way){.owner = link,
                        .from = from,
                        .to = to,
                        .stall_at = draw_end(link, stall),
                        .count = count,
                        .readable = event_new(base, from, EV_READ, on_readable, way),
                        .writable = event_new(base, to, EV_WRITE, on_turn, way),
                        .timer = event_new(base, -1, 0, on_turn, way)};
    STAILQ_INIT(&way->pieces);
    return way->readable != NULL && way->writable != NULL && way->timer != NULL;
}

struct proxy_link *proxy_link_new(struct event_base *base, int client, int server,
                                  const struct proxy_faults *faults, struct proxy_random *random,
                                  struct proxy_counts *counts,
                                  void (*closed)(void *ctx, struct proxy_link *link), void *ctx)
{
    struct proxy_link *link = calloc(1, sizeof *link);
    if (link == NULL)
        abort();
    link->faults = *faults;
    link->random = random;
    link->counts = counts;
    link->client = client;
    link->server = server;
    link->cut_at = draw_end(link, faults->cut);
    link->reset_at = draw_end(link, faults->reset);
    bool up = way_init(link, &link->up, base, client, server, faults->stall_up, &counts->bytes_up);
    bool down =
        way_init(link, &link->down, base, server, client, faults->stall_down, &counts->bytes_down);
    if (!up || !down) {
        free_link(link);
        return NULL;
    }
    link->closed = closed;
    link->ctx = ctx;
    counts->connections++;
    keep_reading(&link->up);
    keep_reading(&link->down);
    return link;
}
