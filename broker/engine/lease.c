#include "lease.h"

#include "rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A position that is under way, or was collected a moment ago. */
struct lease {
    uint64_t position;
    uint64_t session; /* 0: nobody holds it */
    int64_t until_ms;
    uint64_t collected; /* commit that removed the entry; 0: not collected */
    uint32_t attempt;
    struct skp_oin lane;
};

struct lease_box {
    struct lease_box *next;
    struct skp_oin oin;
    char mailbox[MAILBOX_NAME_MAX + 1];
    struct lease *leases; /* sorted by position */
    size_t count, room;
    uint64_t scan_from;     /* everything below is leased or gone */
    uint64_t skipped_from;  /* of the present scan: first free entry it passed over; 0: none */
    uint64_t generation;    /* grows when something becomes free */
    int64_t first_until_ms; /* no lease ends before */
    bool lane_wanted;       /* somebody passed over a lane since the last wake-up */
    struct skp_oin blocked; /* the lane passed over last, while nothing became free since ... */
    uint64_t blocked_for;   /* ... and the session; 0: none */
};

void lease_init(struct lease_table *table)
{
    pthread_mutex_init(&table->lock, NULL);
    table->boxes = NULL;
}

void lease_fini(struct lease_table *table)
{
    while (table->boxes) {
        struct lease_box *box = table->boxes;
        table->boxes = box->next;
        free(box->leases);
        free(box);
    }
    pthread_mutex_destroy(&table->lock);
}

static struct lease_box *find_box(struct lease_table *table, const struct skp_oin *oin,
                                  const char *mailbox)
{
    for (struct lease_box *box = table->boxes; box; box = box->next)
        if (oin_equal(&box->oin, oin) && strcmp(box->mailbox, mailbox) == 0)
            return box;
    return NULL;
}

static struct lease_box *make_box(struct lease_table *table, const struct skp_oin *oin,
                                  const char *mailbox)
{
    struct lease_box *box = find_box(table, oin, mailbox);
    if (box)
        return box;
    box = calloc(1, sizeof *box);
    if (!box)
        return NULL;
    box->oin = *oin;
    snprintf(box->mailbox, sizeof box->mailbox, "%s", mailbox);
    box->first_until_ms = INT64_MAX;
    box->next = table->boxes;
    table->boxes = box;
    return box;
}

/* Index of the first lease at or after `position`. */
static size_t lower_bound(const struct lease_box *box, uint64_t position)
{
    size_t low = 0;
    size_t high = box->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (box->leases[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct lease *find_lease(struct lease_box *box, uint64_t position)
{
    if (!box)
        return NULL;
    size_t at = lower_bound(box, position);
    return at < box->count && box->leases[at].position == position ? &box->leases[at] : NULL;
}

static struct lease *make_lease(struct lease_box *box, uint64_t position)
{
    size_t at = lower_bound(box, position);
    if (at < box->count && box->leases[at].position == position)
        return &box->leases[at];
    if (box->count == box->room) {
        size_t room = box->room ? box->room * 2 : 16;
        struct lease *wider = realloc(box->leases, room * sizeof *wider);
        if (!wider)
            return NULL;
        box->leases = wider;
        box->room = room;
    }
    memmove(&box->leases[at + 1], &box->leases[at], (box->count - at) * sizeof *box->leases);
    box->leases[at] = (struct lease){.position = position};
    box->count++;
    return &box->leases[at];
}

static void set_free(struct lease_box *box, struct lease *lease)
{
    lease->session = 0;
    box->blocked_for = 0;
    if (lease->position < box->scan_from)
        box->scan_from = lease->position;
    box->generation++;
}

/* Forgets what was collected in a commit that every reader sees by now. */
static void forget_collected(struct lease_box *box, uint64_t sequence)
{
    size_t kept = 0;
    for (size_t i = 0; i < box->count; i++)
        if (box->leases[i].collected == 0 || box->leases[i].collected > sequence)
            box->leases[kept++] = box->leases[i];
    box->count = kept;
}

/* Asked on every turn of the loop: looks only when something can have ended. */
static void expire_box(struct lease_box *box, int64_t now_ms, bool *ret_freed)
{
    if (now_ms < box->first_until_ms)
        return;
    box->first_until_ms = INT64_MAX;
    for (size_t i = 0; i < box->count; i++) {
        struct lease *lease = &box->leases[i];
        if (lease->session == 0)
            continue;
        if (lease->until_ms <= now_ms) {
            set_free(box, lease);
            *ret_freed = true;
        } else if (lease->until_ms < box->first_until_ms) {
            box->first_until_ms = lease->until_ms;
        }
    }
}

uint64_t lease_scan_from(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                         uint64_t sequence, int64_t now_ms, uint64_t *ret_generation)
{
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    uint64_t from = 0;
    *ret_generation = 0;
    if (box) {
        bool ignored = false;
        forget_collected(box, sequence);
        expire_box(box, now_ms, &ignored);
        box->skipped_from = 0;
        from = box->scan_from;
        *ret_generation = box->generation;
    }
    pthread_mutex_unlock(&table->lock);
    return from;
}

/* Who holds the lane; 0: nobody. One session at most does, so the first lease found tells; those
 * that were taken last are looked at first. */
static uint64_t lane_holder(const struct lease_box *box, const struct skp_oin *lane)
{
    for (size_t i = box->count; i > 0; i--) {
        const struct lease *lease = &box->leases[i - 1];
        if (lease->session != 0 && oin_equal(&lease->lane, lane))
            return lease->session;
    }
    return 0;
}

/* Free, but not for this session now: a next scan must come by here again. */
static enum lease_answer pass_over(struct lease_box *box, uint64_t position)
{
    if (box->skipped_from == 0)
        box->skipped_from = position;
    box->lane_wanted = true;
    return LEASE_SKIP;
}

/* A long row of entries of one blocked lane is looked up once. */
static bool is_blocked(struct lease_box *box, const struct skp_oin *lane, uint64_t session)
{
    if (box->blocked_for == session && oin_equal(&box->blocked, lane))
        return true;
    uint64_t holder = lane_holder(box, lane);
    if (holder == 0 || holder == session)
        return false;
    box->blocked = *lane;
    box->blocked_for = session;
    return true;
}

static enum lease_answer take(struct lease_box *box, uint64_t position, const struct skp_oin *lane,
                              uint64_t session, int64_t until_ms, uint32_t *ret_attempt)
{
    struct lease *lease = find_lease(box, position);
    if (lease && (lease->session != 0 || lease->collected != 0))
        return LEASE_SKIP;
    lease = is_blocked(box, lane, session) ? NULL : make_lease(box, position);
    if (!lease)
        return pass_over(box, position);
    lease->session = session;
    lease->until_ms = until_ms;
    if (until_ms < box->first_until_ms)
        box->first_until_ms = until_ms;
    lease->lane = *lane;
    *ret_attempt = ++lease->attempt;
    return LEASE_TAKEN;
}

enum lease_answer lease_take(struct lease_table *table, const struct skp_oin *oin,
                             const char *mailbox, uint64_t position, const struct skp_oin *lane,
                             uint64_t session, int64_t until_ms, uint32_t *ret_attempt)
{
    assert(session != 0);
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    enum lease_answer answer =
        box ? take(box, position, lane, session, until_ms, ret_attempt) : LEASE_SKIP;
    pthread_mutex_unlock(&table->lock);
    return answer;
}

void lease_scanned(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t generation)
{
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = find_box(table, oin, mailbox);
    uint64_t next = position + 1;
    if (box && box->skipped_from != 0 && box->skipped_from < next)
        next = box->skipped_from;
    if (box && box->generation == generation && next > box->scan_from)
        box->scan_from = next;
    pthread_mutex_unlock(&table->lock);
}

size_t lease_held_by_others(struct lease_table *table, const struct skp_oin *oin,
                            const char *mailbox, uint64_t session)
{
    size_t held = 0;
    pthread_mutex_lock(&table->lock);
    const struct lease_box *box = find_box(table, oin, mailbox);
    for (size_t i = 0; box && i < box->count; i++)
        if (box->leases[i].session != 0 && box->leases[i].session != session &&
            box->leases[i].collected == 0)
            held++;
    pthread_mutex_unlock(&table->lock);
    return held;
}

static struct lease *held_by(struct lease_table *table, const struct skp_oin *oin,
                             const char *mailbox, uint64_t position, uint64_t session,
                             struct lease_box **ret_box)
{
    *ret_box = find_box(table, oin, mailbox);
    struct lease *lease = find_lease(*ret_box, position);
    return lease && lease->session == session && lease->collected == 0 ? lease : NULL;
}

bool lease_is_held(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t session)
{
    struct lease_box *box;
    pthread_mutex_lock(&table->lock);
    bool held = held_by(table, oin, mailbox, position, session, &box) != NULL;
    pthread_mutex_unlock(&table->lock);
    return held;
}

enum skp_err lease_extend(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                          uint64_t position, uint64_t session, int64_t until_ms)
{
    struct lease_box *box;
    pthread_mutex_lock(&table->lock);
    struct lease *lease = held_by(table, oin, mailbox, position, session, &box);
    if (lease)
        lease->until_ms = until_ms;
    pthread_mutex_unlock(&table->lock);
    return lease ? SKP_OK : SKP_E_ACK_UNKNOWN;
}

bool lease_release(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                   uint64_t position, uint64_t session)
{
    struct lease_box *box;
    pthread_mutex_lock(&table->lock);
    struct lease *lease = held_by(table, oin, mailbox, position, session, &box);
    if (lease)
        set_free(box, lease);
    pthread_mutex_unlock(&table->lock);
    return lease != NULL;
}

void lease_undo(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                uint64_t position, uint64_t session)
{
    struct lease_box *box;
    pthread_mutex_lock(&table->lock);
    struct lease *lease = held_by(table, oin, mailbox, position, session, &box);
    if (lease) {
        lease->attempt--;
        set_free(box, lease);
    }
    pthread_mutex_unlock(&table->lock);
}

bool lease_collected(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                     uint64_t position, uint64_t sequence)
{
    bool wanted = false;
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    struct lease *lease = box ? make_lease(box, position) : NULL;
    if (lease) {
        lease->collected = sequence;
        lease->session = 0;
        box->blocked_for = 0;
        wanted = box->lane_wanted && lane_holder(box, &lease->lane) == 0;
        if (wanted)
            box->lane_wanted = false;
    }
    pthread_mutex_unlock(&table->lock);
    return wanted;
}

/* What became free, so that the callback runs without the lock. */
struct freed_boxes {
    struct lease_box *boxes[64];
    size_t count;
};

static bool is_full(const struct freed_boxes *freed)
{
    return freed->count == sizeof freed->boxes / sizeof freed->boxes[0];
}

/* True when there may be more: boxes stay until lease_fini(), so they can be told without the
 * lock. */
static bool tell_freed(const struct freed_boxes *boxes, lease_freed_fn freed, void *ctx)
{
    for (size_t i = 0; i < boxes->count; i++)
        freed(ctx, &boxes->boxes[i]->oin, boxes->boxes[i]->mailbox);
    return is_full(boxes);
}

static bool close_some(struct lease_table *table, uint64_t session, lease_freed_fn freed, void *ctx)
{
    struct freed_boxes boxes = {.count = 0};
    pthread_mutex_lock(&table->lock);
    for (struct lease_box *box = table->boxes; box && !is_full(&boxes); box = box->next) {
        bool any = false;
        for (size_t i = 0; i < box->count; i++)
            if (box->leases[i].session == session) {
                set_free(box, &box->leases[i]);
                any = true;
            }
        if (any)
            boxes.boxes[boxes.count++] = box;
    }
    pthread_mutex_unlock(&table->lock);
    return tell_freed(&boxes, freed, ctx);
}

void lease_session_closed(struct lease_table *table, uint64_t session, lease_freed_fn freed,
                          void *ctx)
{
    while (close_some(table, session, freed, ctx))
        continue;
}

static bool expire_some(struct lease_table *table, int64_t now_ms, lease_freed_fn freed, void *ctx)
{
    struct freed_boxes boxes = {.count = 0};
    pthread_mutex_lock(&table->lock);
    for (struct lease_box *box = table->boxes; box && !is_full(&boxes); box = box->next) {
        bool any = false;
        expire_box(box, now_ms, &any);
        if (any)
            boxes.boxes[boxes.count++] = box;
    }
    pthread_mutex_unlock(&table->lock);
    return tell_freed(&boxes, freed, ctx);
}

void lease_expire(struct lease_table *table, int64_t now_ms, lease_freed_fn freed, void *ctx)
{
    while (expire_some(table, now_ms, freed, ctx))
        continue;
}
