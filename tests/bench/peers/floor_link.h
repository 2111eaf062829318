/* One TLS connection of the floor, client or server: envelopes in, envelopes out, many to a record. */
#ifndef SKP_PEERS_FLOOR_LINK_H
#define SKP_PEERS_FLOOR_LINK_H

#include "floor.pb-c.h"

#include <openssl/ssl.h>
#include <stdbool.h>

#define FLOOR_PORT      16999
#define FLOOR_REPLIES   1000 /* queues from here on are reply queues */
#define FLOOR_PUBLISHER 100  /* kinds: consumers 0.., then replies, then this */

enum floor_type { FLOOR_HELLO = 1, FLOOR_PUBLISH, FLOOR_ACK, FLOOR_CONFIRM, FLOOR_DELIVER };

struct floor_buffer {
    uint8_t *bytes;
    size_t start, end, room;
};

struct floor_link {
    int fd;
    SSL *ssl;
    struct floor_buffer in, out;
    unsigned kind;
    uint64_t confirmed; /* to be told */
};

SSL_CTX *floor_context(bool is_server);
void floor_link_init(struct floor_link *link, int fd, SSL *ssl);
void floor_link_fini(struct floor_link *link);

/* The handler owns the envelope. */
typedef void (*floor_fn)(struct floor_link *link, Floor__Env *envelope);

/* Reads what is there and hands out whole envelopes; false when the other side is gone. */
bool floor_receive(struct floor_link *link, floor_fn handle);
void floor_put(struct floor_link *link, const Floor__Env *envelope);
void floor_flush(struct floor_link *link); /* writes what the socket takes */

static inline bool floor_has_output(const struct floor_link *link)
{
    return link->out.end > link->out.start;
}

void floor_envelope(Floor__Env *envelope, enum floor_type type, uint64_t id, unsigned queue,
                    const void *body, size_t len);

#endif
