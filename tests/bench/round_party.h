/* One participant of the round: a session of libskp and what it has received. */
#ifndef SKP_ROUND_PARTY_H
#define SKP_ROUND_PARTY_H

#include "fact.h"
#include "round_desk.h"
#include "skp.h"

#define PARTY_COLLECT_ITEMS FACT_MAX_COLLECTED /* of one statement, as skp does */

struct party {
    struct round_desk *desk;
    unsigned index;
    struct skp_client *client;
    bool is_up, is_published, is_learning, has_view;
    long batch_offset; /* of the next batch in its file */
    unsigned sent;     /* batches */
    unsigned reports;  /* of those, stored whole */
    unsigned lines, deliveries, collects;
    uint64_t delivery_bytes;
    unsigned collecting; /* statements without an answer yet */
    unsigned answered;   /* by the cases view */
    struct skp_id view_after;
    Skp__V1__CollectedItem items[PARTY_COLLECT_ITEMS]; /* not yet in a statement */
    struct skp_hash hashes[PARTY_COLLECT_ITEMS];
    unsigned item_count;
};

/* All of these end the process when something goes wrong, which in a benchmark nothing should. The first
 * party of a desk is closed last. */
void party_open(struct party *party, struct round_desk *desk, unsigned index);
void party_publish(struct party *party);
void party_learn(struct party *party); /* reads the directory and checks every mailbox record */
/* One statement over what came since the last: what is full, or the last of the post, does not wait for it. */
void party_collect(struct party *party);
void party_ask_view(struct party *party);
void party_close(struct party *party);

bool party_has_batches(const struct party *party); /* not sent yet */
void party_send_next(struct party *party);

bool party_is_up(const struct party *party);
bool party_is_published(const struct party *party);
bool party_has_learned(const struct party *party);
bool party_is_done(const struct party *party); /* all there, collected, and all it sent is stored */
bool party_has_view(const struct party *party);

/* Says how far it came with `what`, and ends the process. */
_Noreturn void party_complain(const struct party *party, const char *what);

#endif
