/* One participant of the round: a session of libskp and what it has received. */
#ifndef SKP_ROUND_PARTY_H
#define SKP_ROUND_PARTY_H

#include "round_plan.h"
#include "skp.h"

#define PARTY_COLLECT_ITEMS 256 /* of one statement */

/* A bundle as it came, to be opened after the clock. */
struct kept_bundle {
    struct kept_bundle *next;
    struct seal_place place;
    size_t len;
    uint8_t bytes[];
};

struct party {
    const struct round_plan *plan;
    unsigned index;
    struct skp_client *client;
    bool is_up, is_published, is_learning, has_view;
    struct kept_bundle *post;
    unsigned lines, deliveries, collects;
    uint64_t delivery_bytes;
    unsigned reports;    /* batches the broker has stored whole */
    unsigned collecting; /* statements without an answer yet */
    unsigned learned;    /* records of others that were checked */
    unsigned answered;   /* by the cases view */
    struct skp_id view_after;
    Skp__V1__CollectedItem items[PARTY_COLLECT_ITEMS]; /* not yet in a statement */
    struct skp_hash hashes[PARTY_COLLECT_ITEMS];
    unsigned item_count;
};

/* All of these end the process when something goes wrong, which in a benchmark nothing should. The first
 * party's client goes to the others as `same_trust`, and is closed last. */
void party_open(struct party *party, const struct round_plan *plan, unsigned index,
                const struct round_pki *pki, uint16_t port, struct skp_client *same_trust);
void party_learn(struct party *party); /* reads the directory and checks every mailbox record */
void party_start(struct party *party); /* a counsellor sends its cases */
/* One statement over what came since the last: what is full, or the last of the post, does not wait for it. */
void party_collect(struct party *party);
void party_ask_view(struct party *party);
void party_close(struct party *party);

bool party_is_ready(const struct party *party); /* connected, its record published */
bool party_has_learned(const struct party *party);
bool party_is_done(const struct party *party); /* all there, collected, and all it sent is stored */
bool party_has_view(const struct party *party);

/* Grows with everything that happens to it. */
unsigned party_progress(const struct party *party);

/* Says how far it came with `what`, and ends the process. */
_Noreturn void party_complain(const struct party *party, const char *what);

/* Opens all it has, counts each request in `seen`, and gives the number that are wrong. */
unsigned party_open_post(struct party *party, unsigned char *seen);

#endif
