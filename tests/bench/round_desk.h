/* The parties of one process: their loop, and what they share.
 *
 * Every party holds one session. Parties that want to send stand in one queue; each takes one batch from its file when
 * it is its turn, so that memory does not grow with the round. Functions end the process when something goes wrong. */
#ifndef SKP_ROUND_DESK_H
#define SKP_ROUND_DESK_H

#include "round_file.h"

#define DESK_TURN_MS 100

struct party;
typedef bool (*party_test_fn)(const struct party *party);

struct round_desk {
    const struct round_plan *plan;
    const struct round_pki *pki;
    uint16_t port;
    FILE *post;                 /* NULL: what comes is dropped once checked */
    struct skp_client *trusted; /* of the first party: the others use what it verified */
    struct party *parties;
    unsigned count, up_count;
    struct party **queue; /* a ring, each party in it at most once */
    unsigned queue_first, queue_count;
    unsigned batches_in_air;
    size_t bytes_in_air;
    uint64_t progress; /* grows with everything that happens to any party */
    int epoll;
    int parent; /* a pipe to watch, or -1 */
    bool told;  /* by the parent */
    double collected_s;
};

/* Set post and parent before opening when other than NULL, -1. */
void round_desk_init(struct round_desk *desk, const struct round_plan *plan,
                     const struct round_pki *pki, uint16_t port);

/* Opens parties [first, first + count) and connects them, not too many at once. Gives the seconds of connecting. */
double round_desk_open(struct round_desk *desk, unsigned first, unsigned count);
void round_desk_publish(struct round_desk *desk); /* the mailbox record of each */
void round_desk_close(struct round_desk *desk);

/* One turn of the loop: sends what may leave, collects what is due, handles what came. */
void round_desk_turn(struct round_desk *desk, int wait_ms);
void round_desk_until(struct round_desk *desk, party_test_fn test, const char *what);

/* All batches of this party, from now on and in their order. */
void round_desk_send(struct round_desk *desk, struct party *party);

#endif
