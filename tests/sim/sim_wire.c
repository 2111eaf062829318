#include "sim_wire.h"

#include "sim_history.h"
#include "sim_time.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES     65536
#define SHRED_BYTES    200 /* pieces of at most so many */
#define SHRED_PIECES   40  /* of one writing; the rest comes whole */
#define RETRY_US       (5 * SIM_MS)
#define STALL_MOST     (40 * SIM_SECOND)
#define CUT_SOON_BYTES 4000

struct chunk {
    STAILQ_ENTRY(chunk) next;
    int64_t at_us;
    size_t len, done;
    bool end; /* the writer closed */
    uint8_t bytes[];
};

STAILQ_HEAD(chunks, chunk);

/* One direction. */
struct way {
    struct wire *wire;
    bool up; /* to the broker */
    int from, to;
    struct chunks chunks;
    int64_t last_us; /* when the last chunk comes out */
    int64_t stalled_until_us;
    bool ended; /* the writer's end was taken */
};

struct wire {
    STAILQ_ENTRY(wire) next;
    unsigned number, participant;
    struct way up, down;
    int64_t least_us, most_us; /* delay */
    unsigned shredded;         /* percent of writings that come in pieces */
    size_t cut_after;          /* bytes; SIZE_MAX: never */
    bool accepted, frozen, dead;
};

static STAILQ_HEAD(, wire) wires = STAILQ_HEAD_INITIALIZER(wires);
static struct sim_random net;
static const struct wire_hooks *hooks;
static unsigned current;
static struct wire_counts counts;
static bool healed;

void wires_init(uint64_t seed, const struct wire_hooks *given)
{
    net = sim_stream(seed, 1);
    hooks = given;
}

void wires_set_participant(unsigned participant)
{
    current = participant;
}

/* ---------------------------------------------------------------- ends */

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void forget(struct way *way)
{
    struct chunk *chunk;
    while ((chunk = STAILQ_FIRST(&way->chunks)) != NULL) {
        STAILQ_REMOVE_HEAD(&way->chunks, next);
        free(chunk);
    }
}

/* Both sides see an end; with unread bytes in the pipe, a reset. */
static void kill_wire(struct wire *wire)
{
    if (wire->dead)
        return;
    wire->dead = true;
    forget(&wire->up);
    forget(&wire->down);
    close_end(&wire->up.from);
    close_end(&wire->down.from);
    wire->up.to = wire->down.to = -1;
    sim_trace("dead", wire->number, NULL, 0);
}

static void tell(struct wire *wire, bool broker)
{
    if (broker)
        hooks->broker_reads();
    else
        hooks->participant_reads(wire->participant);
}

static void kill_and_tell(struct wire *wire)
{
    if (wire->dead)
        return;
    kill_wire(wire);
    tell(wire, true);
    tell(wire, false);
}

/* ---------------------------------------------------------------- arriving */

static void arrive(void *ctx);

/* True when the chunk is through. */
static bool put(struct way *way, struct chunk *chunk)
{
    if (chunk->end) {
        (void)shutdown(way->to, SHUT_WR);
        return true;
    }
    ssize_t sent = send(way->to, chunk->bytes + chunk->done, chunk->len - chunk->done,
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN)
        return true; /* the reader has gone: lost */
    chunk->done += sent > 0 ? (size_t)sent : 0;
    return chunk->done == chunk->len;
}

static void arrive(void *ctx)
{
    struct way *way = ctx;
    struct wire *wire = way->wire;
    struct chunk *chunk = STAILQ_FIRST(&way->chunks);
    if (wire->dead || wire->frozen || chunk == NULL || chunk->at_us > sim_now())
        return;
    if (way->stalled_until_us > sim_now()) {
        sim_at(way->stalled_until_us, arrive, way);
        return;
    }
    if (way->to < 0 || !put(way, chunk)) {
        sim_after(RETRY_US, arrive, way);
    } else {
        STAILQ_REMOVE_HEAD(&way->chunks, next);
        sim_trace(way->up ? "up" : "down", wire->number, chunk->bytes, chunk->len);
        free(chunk);
        if (STAILQ_FIRST(&way->chunks) != NULL)
            sim_at(STAILQ_FIRST(&way->chunks)->at_us, arrive, way);
    }
    tell(wire, way->up);
    if (wire->up.ended && wire->down.ended && STAILQ_EMPTY(&wire->up.chunks) &&
        STAILQ_EMPTY(&wire->down.chunks))
        kill_wire(wire);
}

static void add(struct way *way, const uint8_t *bytes, size_t len, bool end)
{
    struct wire *wire = way->wire;
    struct chunk *chunk = malloc(sizeof *chunk + len);
    assert(chunk != NULL);
    int64_t at_us = sim_now() + sim_between(&net, wire->least_us, wire->most_us);
    way->last_us = at_us > way->last_us ? at_us : way->last_us;
    *chunk = (struct chunk){.at_us = way->last_us, .len = len, .end = end};
    if (len > 0)
        memcpy(chunk->bytes, bytes, len);
    bool first = STAILQ_EMPTY(&way->chunks);
    STAILQ_INSERT_TAIL(&way->chunks, chunk, next);
    if (first)
        sim_at(chunk->at_us, arrive, way);
}

static void add_pieces(struct way *way, const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    if (sim_chance(&net, way->wire->shredded))
        for (unsigned piece = 0; piece < SHRED_PIECES && at < len; piece++) {
            size_t some = 1 + (size_t)sim_below(&net, SHRED_BYTES);
            some = some < len - at ? some : len - at;
            add(way, bytes + at, some, false);
            at += some;
        }
    if (at < len)
        add(way, bytes + at, len - at, false);
}

/* ---------------------------------------------------------------- taking */

static void cut_later(void *ctx)
{
    kill_and_tell(ctx);
}

static void take(struct way *way)
{
    static uint8_t bytes[READ_BYTES];
    struct wire *wire = way->wire;
    while (!wire->dead && way->from >= 0 && !way->ended && way->stalled_until_us <= sim_now()) {
        ssize_t got = recv(way->from, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            way->ended = true;
            add(way, NULL, 0, true);
            return;
        }
        size_t len = (size_t)got;
        counts.bytes += len;
        if (len >= wire->cut_after) {
            add_pieces(way, bytes, wire->cut_after);
            wire->cut_after = SIZE_MAX;
            way->ended = true;
            sim_at(way->last_us + 1, cut_later, wire);
            return;
        }
        wire->cut_after -= wire->cut_after != SIZE_MAX ? len : 0;
        add_pieces(way, bytes, len);
    }
}

void wires_take_from(unsigned participant)
{
    struct wire *wire;
    STAILQ_FOREACH(wire, &wires, next)
    {
        if (wire->participant == participant)
            take(&wire->up);
    }
}

void wires_take_from_broker(void)
{
    struct wire *wire;
    STAILQ_FOREACH(wire, &wires, next)
    {
        if (wire->accepted)
            take(&wire->down);
    }
}

/* ---------------------------------------------------------------- connecting */

static void make_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        sim_die("no socket pair: %s", strerror(errno));
}

static void come_to_broker(void *ctx)
{
    struct wire *wire = ctx;
    int ends[2];
    if (wire->dead)
        return;
    make_pair(ends);
    wire->up.to = wire->down.from = ends[0];
    if (hooks->accept(ends[1], wire->participant)) {
        wire->accepted = true;
        hooks->broker_reads();
    } else {
        close(ends[1]);
        counts.refused++;
        kill_and_tell(wire);
    }
}

static struct wire *wire_new(int participant_end)
{
    struct wire *wire = calloc(1, sizeof *wire);
    assert(wire != NULL);
    wire->number = (unsigned)counts.connections++;
    wire->participant = current;
    wire->up = (struct way){.wire = wire, .up = true, .from = participant_end, .to = -1};
    wire->down = (struct way){.wire = wire, .from = -1, .to = participant_end};
    STAILQ_INIT(&wire->up.chunks);
    STAILQ_INIT(&wire->down.chunks);
    wire->least_us = sim_between(&net, 100, 5 * SIM_MS);
    wire->most_us =
        wire->least_us + sim_between(&net, 0, sim_chance(&net, 20) ? 200 * SIM_MS : 20 * SIM_MS);
    wire->shredded = !healed && sim_chance(&net, 20) ? 30 : 0;
    wire->cut_after = SIZE_MAX;
    STAILQ_INSERT_TAIL(&wires, wire, next);
    return wire;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);

/* libskp's own socket becomes one end of a pipe; options set on it before are of no use here. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int ends[2];
    (void)address, (void)len;
    if (!hooks->listens()) {
        counts.refused++;
        errno = ECONNREFUSED;
        return -1;
    }
    make_pair(ends);
    if (dup3(ends[0], fd, O_CLOEXEC) < 0)
        sim_die("dup3: %s", strerror(errno));
    close(ends[0]);
    struct wire *wire = wire_new(ends[1]);
    sim_trace("connect", wire->number, NULL, 0);
    sim_after(wire->most_us, come_to_broker, wire);
    return 0;
}

/* ---------------------------------------------------------------- ends and faults */

static void close_all(void)
{
    struct wire *wire;
    while ((wire = STAILQ_FIRST(&wires)) != NULL) {
        STAILQ_REMOVE_HEAD(&wires, next);
        kill_wire(wire);
        free(wire);
    }
}

void wires_fini(void)
{
    close_all();
}

void wires_broker_gone(void)
{
    struct wire *wire;
    wires_take_from_broker();
    STAILQ_FOREACH(wire, &wires, next)
    {
        if (wire->dead || !wire->accepted)
            continue;
        forget(&wire->up);
        wire->up.ended = true;
        if (!wire->down.ended)
            add(&wire->down, NULL, 0, true);
        wire->down.ended = true;
        close_end(&wire->down.from);
        wire->up.to = -1;
        wire->accepted = false;
    }
}

static struct wire *any_wire(void)
{
    struct wire *wire;
    size_t alive = 0;
    STAILQ_FOREACH(wire, &wires, next)
    alive += !wire->dead && wire->accepted && !wire->frozen;
    if (alive == 0)
        return NULL;
    size_t chosen = (size_t)sim_below(&net, alive);
    STAILQ_FOREACH(wire, &wires, next)
    {
        if (!wire->dead && wire->accepted && !wire->frozen && chosen-- == 0)
            return wire;
    }
    return NULL;
}

static void take_up_again(void *ctx)
{
    struct way *way = ctx;
    if (!way->wire->dead)
        take(way);
}

static void stall(struct way *way)
{
    way->stalled_until_us = sim_now() + sim_between(&net, SIM_SECOND, STALL_MOST);
    sim_at(way->stalled_until_us, take_up_again, way);
}

bool wires_hurt(enum wire_fault fault)
{
    struct wire *wire = any_wire();
    if (wire == NULL)
        return false;
    counts.hurt++;
    switch (fault) {
    case WIRE_CUT:
        kill_and_tell(wire);
        break;
    case WIRE_CUT_SOON:
        wire->cut_after = (size_t)sim_below(&net, CUT_SOON_BYTES);
        break;
    case WIRE_STALL_UP:
        stall(&wire->up);
        break;
    case WIRE_STALL_DOWN:
        stall(&wire->down);
        break;
    case WIRE_FREEZE:
        wire->frozen = true;
        break;
    case WIRE_SLOW:
        wire->least_us = SIM_SECOND;
        wire->most_us = 4 * SIM_SECOND;
        break;
    case WIRE_SHRED:
        wire->shredded = 100;
        break;
    case WIRE_FAULTS:
        return false;
    }
    return true;
}

void wires_heal(void)
{
    struct wire *wire;
    healed = true;
    STAILQ_FOREACH(wire, &wires, next)
    {
        wire->shredded = 0;
        wire->cut_after = SIZE_MAX;
        if (wire->frozen || wire->least_us >= SIM_SECOND)
            kill_and_tell(wire);
    }
}

struct wire_counts wires_counts(void)
{
    return counts;
}
