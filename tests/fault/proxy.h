/* One connection through the fault proxy: two directions, each a queue of pieces with a time to go.
 *
 * What may go wrong is drawn when the connection is made; after that everything follows from it and
 * from what the two ends do. One thread. */
#ifndef SKP_TEST_PROXY_H
#define SKP_TEST_PROXY_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both ends included; to = 0: this does not happen. */
struct proxy_range {
    uint64_t from, to;
};

struct proxy_faults {
    struct proxy_range delay_ms;   /* per piece; the order is kept */
    uint64_t rate;                 /* bytes per second and direction; 0: as fast as it goes */
    uint64_t split;                /* pieces of at most so many bytes; 0: as they come */
    struct proxy_range cut;        /* FIN to both sides after so many bytes */
    struct proxy_range reset;      /* RST to both sides */
    struct proxy_range stall_up;   /* nothing goes to the server any more, nobody is told */
    struct proxy_range stall_down; /* the same to the client */
};

struct proxy_counts {
    uint64_t connections, cuts, resets, stalls, bytes_up, bytes_down;
};

struct proxy_random {
    uint64_t state;
};

uint64_t proxy_draw(struct proxy_random *random, struct proxy_range range);

struct proxy_link;

/* Takes both sockets, non-blocking; the server's may still be connecting. `closed` is called once,
 * outside this call, when both are closed; then the link is gone. NULL: out of memory, sockets
 * closed. */
struct proxy_link *proxy_link_new(struct event_base *base, int client, int server,
                                  const struct proxy_faults *faults, struct proxy_random *random,
                                  struct proxy_counts *counts,
                                  void (*closed)(void *ctx, struct proxy_link *link), void *ctx);

/* Whether it is stalled: neither end will ever notice by itself that the other is alive. */
bool proxy_link_is_stalled(const struct proxy_link *link);

/* RST to both ends, now; calls `closed`. */
void proxy_link_reset(struct proxy_link *link);

#endif
