/* Leases: who is working on which entry of a mailbox right now.
 *
 * In memory only: after a restart everything that was not collected is delivered again. A lease
 * holds its lane (sender -> mailbox), so that many workers of one organisation share a mailbox and
 * each sender's order is kept: while one session has entries of a lane, no other gets any of it.
 * What was collected a moment ago stays marked until every reader sees the commit, so that nothing
 * is delivered again after its collect was confirmed.
 *
 * Threads: internally locked; used by the loop, the read worker and the store worker. */
#ifndef SKP_LEASE_H
#define SKP_LEASE_H

#include "bytes.h"
#include "map.h"

#include <pthread.h>

struct lease_table {
    pthread_mutex_t lock;
    struct map boxes; /* oin, mailbox -> struct lease_box, one per mailbox ever fetched from */
    int64_t first_until_ms; /* no lease ends before */
};

/* NO_MEMORY: lease_fini() is fine all the same. */
enum skp_err lease_init(struct lease_table *table) SKP_MUST_CHECK;
void lease_fini(struct lease_table *table);

/* Before a scan whose snapshot is at commit `sequence`: where to start, forgetting what every
 * reader has seen. *ret_generation tells lease_scanned() whether something was released
 * meanwhile. */
uint64_t lease_scan_from(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                         uint64_t sequence, uint64_t *ret_generation);

/* Then, for a session whose last scan ended at `position`: where to go on, from there or from an entry
 * before it that it may take by now, or from the first that was passed over in a lane that became free since
 * *freed was so many. 0: too many became free; begin where lease_scan_from() says. *freed becomes the
 * number of now. */
uint64_t lease_scan_on(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                       uint64_t session, uint64_t position, uint64_t *freed);

/* How many lanes became free since the mailbox was first looked at: who passed over another's and finds
 * more than when it began may be behind a lane's first entry. */
uint64_t lease_lanes_freed(struct lease_table *table, const struct skp_oin *oin,
                           const char *mailbox);

enum lease_answer {
    LEASE_TAKEN,
    LEASE_SKIP,
    LEASE_OTHERS /* another session has it, or its lane */
};

/* Takes the entry for `session` until `until_ms` (monotonic) unless it or its lane is another's, or
 * it was just collected. *ret_attempt counts deliveries since the broker started. */
enum lease_answer lease_take(struct lease_table *table, const struct skp_oin *oin,
                             const char *mailbox, uint64_t position, const struct skp_oin *lane,
                             uint64_t session, int64_t until_ms, uint32_t *ret_attempt);

/* The scan saw everything up to `position`: the next may start there, if `generation` still holds,
 * or at the first entry that it passed over because its lane was another's. */
void lease_scanned(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t generation);

/* How many entries others hold. */
size_t lease_held_by_others(struct lease_table *table, const struct skp_oin *oin,
                            const char *mailbox, uint64_t session);

/* Was it delivered and not collected since? */
bool lease_is_held(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t session);

/* Of an entry that `session` holds; else ACK_UNKNOWN, and false. Its lease ends at `until_ms`
 * (monotonic), sooner or later than before; or it may go to others now, and with the session's last
 * entry of a lane the lane. */
enum skp_err lease_extend(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                          uint64_t position, uint64_t session, int64_t until_ms) SKP_MUST_CHECK;
bool lease_release(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t session);

/* Gives back what was taken and did not go out after all: that was no attempt. True: with it the session
 * left the lane. */
bool lease_undo(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                uint64_t position, uint64_t session);

/* Collected in commit `sequence`: never to be delivered again. True when its lane became free and
 * others have passed over lanes of this mailbox: wake them. */
bool lease_collected(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                     uint64_t position, uint64_t sequence);

/* Calls `freed` (outside the lock) for each mailbox where something became free. */
typedef void (*lease_freed_fn)(void *ctx, const struct skp_oin *oin, const char *mailbox);
void lease_session_closed(struct lease_table *table, uint64_t session, lease_freed_fn freed,
                          void *ctx);
void lease_expire(struct lease_table *table, int64_t now_ms, lease_freed_fn freed, void *ctx);

#endif
