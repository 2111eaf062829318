/* Mail as participants get it: fetched, checked as a client checks it, collected. */
#ifndef SKP_ENGINE_MAIL_H
#define SKP_ENGINE_MAIL_H

#include "engine_batches.h"

struct mail {
    Skp__V1__Delivery *delivery;
    struct envelope_delivery checked;
    Skp__V1__Line **lines; /* NULL: withheld */
};

struct post {
    struct mail *mails; /* in the world's arena */
    size_t count, room;
    bool caught_up;
    bool told_waiting; /* a Waiting frame came, with */
    uint64_t waiting;
    size_t bytes;
    struct fetch_place place; /* where the next call goes on */
};

/* Who fetches with which credit. */
struct post fetch_from(struct world *w, const struct party *party, uint64_t session,
                       const char *mailbox, uint32_t messages, uint32_t bytes);

/* The next call of the session that had `last`, as a session makes it: it goes on where that ended. */
struct post fetch_on(struct world *w, const struct party *party, uint64_t session,
                     const struct post *last, uint32_t messages, uint32_t bytes);

/* Everything that one call gives of the main mailbox. */
struct post fetch_all(struct world *w, const struct party *party);

/* Until the mailbox says it is caught up, however many calls that takes. */
struct post fetch_to_the_end(struct world *w, const struct party *party, uint64_t session,
                             uint32_t messages);

/* A signed statement over these. */
struct answer *collect_ask(struct world *w, const struct party *party, uint64_t session,
                           const char *mailbox, const struct mail *mails, size_t count);
Skp__V1__Collected *collect(struct world *w, const struct party *party, uint64_t session,
                            const char *mailbox, const struct mail *mails, size_t count);

/* Fetches and collects everything in the main mailbox. */
struct post collect_all(struct world *w, const struct party *party);

/* The n-th event of this kind (from 0); NULL: there are not so many. */
const Skp__V1__EventFact *find_event(const struct post *post, Skp__V1__EventKind kind, size_t n);
size_t count_events(const struct post *post, Skp__V1__EventKind kind);

/* The n-th overview line; NULL as above. */
const Skp__V1__OverviewFact *find_overview(const struct post *post, size_t n);

/* How many requests, answers. */
size_t count_lines(const struct post *post, Skp__V1__Line__FactCase fact);

/* One own case as it stands; NULL when there is none. */
Skp__V1__CaseView *view_case(struct world *w, const struct party *party, const struct skp_id *id);
const Skp__V1__RequestView *view_request(struct world *w, const struct told_case *told, size_t n);

/* Mail of another lane: the broker itself tells the creditor something. */
void fill_from_broker(struct world *w);

#endif
