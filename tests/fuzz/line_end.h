/* The participants' side of a session: what they send into a pipe, and what they hear out of it. */
#ifndef SKP_FUZZ_LINE_END_H
#define SKP_FUZZ_LINE_END_H

#include "office.h"
#include "server.h"

#define HEARD_MAX 64

/* The tag of a Collect that its addressee did not sign. */
#define UNSIGNED_TAG 99

struct line_end {
    struct world *world;
    const struct party *party;
    struct bufferevent *stream; /* NULL: not connected */
    bool closed;                /* by the broker */
    bool deaf;                  /* does not read */
    unsigned piece_bytes;       /* it writes so many at a time; 0: all at once */
    bool told_last;             /* an Error that ends the session came */
    unsigned frames;            /* heard */
    uint64_t credit;            /* of messages, that was given */
    uint64_t delivered;
    struct mail mails[HEARD_MAX];
    size_t mail_count;
};

/* Runs the loop, the engine and what comes of it until nothing moves. */
void line_pump(struct world *w, struct event_base *base, struct server *server);

/* Sends bytes, in pieces with the loop between them. */
void line_write(struct line_end *end, struct event_base *base, struct server *server,
                struct span bytes);

/* Hears every whole frame that is there; each must be one that a broker may send, well-formed, and
 * every delivery must verify. */
void line_hear(struct line_end *end);

#endif
