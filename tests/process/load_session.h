/* One load client at work: what it does when something comes in, and what it says next.
 *
 * A counsellor registers cases, keeping `window` batches under way and at most `open` requests
 * unanswered; a creditor answers every request. Both collect what they get, send some acknowledged
 * batches a second time, and the creditor says some answers a second time in a new batch. One
 * thread. */
#ifndef SKP_LOAD_SESSION_H
#define SKP_LOAD_SESSION_H

#include "load_facts.h"
#include "map.h"

#define SESSION_MAX_COLLECT 64 /* items of a statement */
#define SESSION_MAX_AGAIN   32

struct load_options {
    const char *role, *oin, *pki, *history, *head;
    const char *canary; /* NULL: none */
    unsigned port, peers, window, open, batches;
    uint64_t seed;
};

struct load_collect {
    uint64_t position;
    struct skp_hash head_hash;
};

struct load {
    const struct load_options *options;
    struct skp_client *client;
    struct keypair *keys;
    FILE *history;
    struct facts facts;
    struct map
        seen; /* bundle ids that were handled: a delivery may come twice, an answer goes once */
    bool creditor, published, ready, stopped, going;
    bool asking; /* for the directory or the cases */
    bool listed; /* all cases are in the history */
    struct skp_id last_case;
    struct load_collect collects[SESSION_MAX_COLLECT];
    size_t collect_count;
    struct facts_batch *again[SESSION_MAX_AGAIN]; /* acknowledged; to be sent once more */
    size_t again_count;
    uint64_t next_tag;
    size_t begun, open, collecting;
    size_t acks, repeats, resolved, delivered, redelivered, downs, problems;
};

/* Leaves the program with words when it cannot. */
void session_open(const struct load_options *options, struct load *ret_load);
void session_close(struct load *load);

/* Says what there is to say now. Call after each skp_process(). */
void session_work(struct load *load);

/* Takes the batch. */
void session_send(struct load *load, struct facts_batch *batch);

/* Collects with the next statement. */
void session_collect(struct load *load, uint64_t position, const struct skp_hash *head_hash);

/* Asks for the cases until `listed`. */
void session_list_cases(struct load *load);

#endif
