/* The leases of one mailbox: which entries are under way, who holds each lane, where the next scan
 * starts. What lease.h promises per mailbox is kept here; the caller holds the table's lock. */
#ifndef SKP_LEASE_BOX_H
#define SKP_LEASE_BOX_H

#include "lease.h"
#include "rows.h"

/* A position that is under way, or was collected a moment ago. */
struct lease {
    uint64_t position;
    uint64_t session; /* 0: nobody holds it */
    int64_t until_ms;
    uint64_t collected; /* commit that removed the entry; 0: not collected */
    uint32_t attempt;
    struct skp_oin lane;
};

/* A lane of which one session, and no other, has entries. */
struct lease_lane {
    struct skp_oin sender;
    uint64_t session;
    size_t held;          /* at least 1 */
    uint64_t passed_from; /* first entry that others passed over meanwhile; LEASE_NOWHERE: none */
};
#define LEASE_NOWHERE UINT64_MAX
#define LEASE_FREED   16 /* lanes that became free last are remembered one by one */

struct lease_box {
    struct skp_oin oin;
    char mailbox[MAILBOX_NAME_MAX + 1];
    struct lease *leases; /* sorted by position */
    size_t count, room;
    struct lease_lane *lanes; /* in no order */
    size_t lane_count, lane_room;
    uint64_t scan_from;    /* everything below is leased or gone */
    uint64_t skipped_from; /* of the present scan: first free entry it passed over; 0: none */
    uint64_t generation;   /* grows when something becomes free */
    uint64_t freed;        /* grows when a lane becomes free */
    uint64_t freed_from[LEASE_FREED]; /* of the last: its passed_from; by `freed` before it grew */
    int64_t first_until_ms;           /* no lease ends before */
    bool lane_wanted;                 /* somebody passed over a lane since the last wake-up */
};

/* NULL: out of memory. */
struct lease_box *lease_box_new(const struct skp_oin *oin, const char *mailbox);
void lease_box_free(struct lease_box *box);

/* The entry's lease, at its place until the next lease_box_take(); NULL: there is none. */
struct lease *lease_box_find(struct lease_box *box, uint64_t position);

/* As lease_take(). */
enum lease_answer lease_box_take(struct lease_box *box, uint64_t position,
                                 const struct skp_oin *lane, uint64_t session, int64_t until_ms,
                                 uint32_t *ret_attempt);

/* The first entry before `position` that was given back and that this session may take; else `position`. */
uint64_t lease_box_first_free(const struct lease_box *box, uint64_t session, uint64_t position);

/* The first entry that was passed over in lanes that became free since there were `freed` of them.
 * LEASE_NOWHERE: none; 0: they are too many to know. */
uint64_t lease_box_freed_from(const struct lease_box *box, uint64_t freed);

/* The lease is nobody's any more: its entry may go to others. */
void lease_box_set_free(struct lease_box *box, struct lease *lease);

/* As lease_collected(). */
bool lease_box_collected(struct lease_box *box, uint64_t position, uint64_t sequence);

/* Forgets what was collected in a commit that every reader sees by now. */
void lease_box_forget(struct lease_box *box, uint64_t sequence);

/* Frees what ended; true when something did. */
bool lease_box_expire(struct lease_box *box, int64_t now_ms);

/* Frees all that the session holds; true when there was something. */
bool lease_box_close(struct lease_box *box, uint64_t session);

size_t lease_box_held_by_others(const struct lease_box *box, uint64_t session);

#endif
