/* A post office at work, that remembers what it was promised: counsellor and creditors send, answer,
 * collect, and time passes, in an order drawn from a seed. Afterwards, on whatever disk is left,
 * load_check() holds the broker to every acknowledgement:
 *
 *   an acknowledged batch is there, and sent again it gets the same receipt;
 *   one whose outcome is unknown takes effect once, whether it is stored already or not;
 *   what was collected does not come again, what was not comes, at the place it had;
 *   each lane keeps its order, every event is told once, every case shows what was said;
 *   no row of the store differs from its checksum.
 *
 * The caller opens and closes engines under it; the disk may fail at any moment. One thread. */
#ifndef SKP_LOAD_H
#define SKP_LOAD_H

#include "engine_mail.h"

#define LOAD_CASES     96
#define LOAD_REQUESTS  4
#define LOAD_BATCHES   512
#define LOAD_POSITIONS 2048
#define LOAD_PARTIES   3

struct load_request {
    struct asked asked;          /* as it was sent */
    bool is_delivered;           /* its creditor has seen it */
    bool is_answered;            /* an answer was sent; acknowledged or not */
    int64_t cents;               /* of the acknowledged answer */
    unsigned published, overdue; /* events */
};

struct load_case {
    struct told_case told;
    bool is_acknowledged;
    struct load_request requests[LOAD_REQUESTS];
    unsigned complete; /* events */
};

struct load_bundle {
    struct skp_id id;
    size_t to;         /* index of party */
    uint64_t position; /* 0: not seen yet */
};

struct load_batch {
    struct letter letter;
    size_t from;
    struct load_case *registers;   /* or */
    struct load_request *answered; /* with */
    int64_t cents;
    struct load_bundle bundles[LOAD_REQUESTS];
    size_t bundle_count;
    uint64_t sent_at, acknowledged_at; /* turns; acknowledged 0: not yet */
    struct span receipt;               /* body, commit and signature as first heard */
};

enum load_place { LOAD_UNSEEN, LOAD_SEEN, LOAD_COLLECTING, LOAD_COLLECTED };

struct load_mailbox {
    const struct party *party;
    enum load_place places[LOAD_POSITIONS];
    struct skp_hash heads[LOAD_POSITIONS];
    uint64_t last;
};

struct load {
    struct world w;
    uint64_t random;
    uint64_t turn;
    struct load_case *cases;
    struct load_batch *batches;
    size_t case_count, batch_count;
    struct load_mailbox boxes[LOAD_PARTIES];
    uint64_t sequence; /* of the chain after the last acknowledgement */
    size_t unknown;    /* batches whose outcome was not told */
    size_t kept;       /* of these, stored all the same */
};

/* On an open store, which the engine takes. The world is new and marked for play. */
struct load *load_new(struct store *store, uint64_t seed);
void load_free(struct load *load);

/* One thing somebody does. False: something did not succeed, the disk or the engine has failed. */
bool load_step(struct load *load);

/* Sends the batches again whose outcome is not known, in their order. False as above. */
bool load_resend(struct load *load);

/* Fails the test unless all of the above holds. The engine is open and the disk is well. */
void load_check(struct load *load);

/* The same when all is done: nothing is under way any more, everything has arrived. */
void load_finish(struct load *load);

size_t load_acknowledged(const struct load *load);

/* What load_check.c needs of load.c: up to 4 batches in one transaction; the clock participant until
 * nothing is due; a delivery as it came. */
bool load_send(struct load *load, struct load_batch **batches, size_t count);
bool load_tick(struct load *load);
void load_note_mail(struct load *load, size_t box, const struct mail *mail);

#endif
