#include "lease.h"

#include "lease_box.h"

#include <assert.h>

#define BOX_KEY_BYTES (OIN_CHARS + MAILBOX_NAME_MAX)
#define MAX_BOXES     ((size_t)1 << 24)

/* ---------------------------------------------------------------- boxes */

enum skp_err lease_init(struct lease_table *table)
{
    pthread_mutex_init(&table->lock, NULL);
    table->first_until_ms = INT64_MAX;
    return map_init(&table->boxes, BOX_KEY_BYTES, 64, MAX_BOXES);
}

void lease_fini(struct lease_table *table)
{
    for (size_t i = 0; i < table->boxes.count; i++)
        lease_box_free(map_value_at(&table->boxes, i));
    map_fini(&table->boxes);
    pthread_mutex_destroy(&table->lock);
}

static void box_key(const struct skp_oin *oin, const char *mailbox, char ret_key[BOX_KEY_BYTES])
{
    memset(ret_key, 0, BOX_KEY_BYTES);
    memcpy(ret_key, oin->text, OIN_CHARS);
    memcpy(ret_key + OIN_CHARS, mailbox, strnlen(mailbox, MAILBOX_NAME_MAX));
}

static struct lease_box *find_box(struct lease_table *table, const struct skp_oin *oin,
                                  const char *mailbox)
{
    char key[BOX_KEY_BYTES];
    box_key(oin, mailbox, key);
    return map_get(&table->boxes, key);
}

static struct lease_box *make_box(struct lease_table *table, const struct skp_oin *oin,
                                  const char *mailbox)
{
    char key[BOX_KEY_BYTES];
    box_key(oin, mailbox, key);
    struct lease_box *box = map_get(&table->boxes, key);
    if (box)
        return box;
    box = lease_box_new(oin, mailbox);
    if (box && map_add(&table->boxes, key, box)) {
        lease_box_free(box);
        return NULL;
    }
    return box;
}

/* ---------------------------------------------------------------- scans */

uint64_t lease_scan_from(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                         uint64_t sequence, uint64_t *ret_generation)
{
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    uint64_t from = 0;
    *ret_generation = 0;
    if (box) {
        lease_box_forget(box, sequence);
        box->skipped_from = 0;
        from = box->scan_from;
        *ret_generation = box->generation;
    }
    pthread_mutex_unlock(&table->lock);
    return from;
}

uint64_t lease_scan_on(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                       uint64_t session, uint64_t position, uint64_t *freed)
{
    pthread_mutex_lock(&table->lock);
    const struct lease_box *box = find_box(table, oin, mailbox);
    uint64_t from = 0;
    if (box) {
        uint64_t freed_from = lease_box_freed_from(box, *freed);
        from = lease_box_first_free(box, session, position);
        from = freed_from < from ? freed_from : from;
    }
    *freed = box ? box->freed : 0;
    pthread_mutex_unlock(&table->lock);
    return from;
}

uint64_t lease_lanes_freed(struct lease_table *table, const struct skp_oin *oin,
                           const char *mailbox)
{
    pthread_mutex_lock(&table->lock);
    const struct lease_box *box = find_box(table, oin, mailbox);
    uint64_t freed = box ? box->freed : 0;
    pthread_mutex_unlock(&table->lock);
    return freed;
}

static void ends_at(struct lease_table *table, struct lease_box *box, int64_t until_ms)
{
    if (until_ms < box->first_until_ms)
        box->first_until_ms = until_ms;
    if (until_ms < table->first_until_ms)
        table->first_until_ms = until_ms;
}

enum lease_answer lease_take(struct lease_table *table, const struct skp_oin *oin,
                             const char *mailbox, uint64_t position, const struct skp_oin *lane,
                             uint64_t session, int64_t until_ms, uint32_t *ret_attempt)
{
    assert(session != 0);
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    enum lease_answer answer =
        box ? lease_box_take(box, position, lane, session, until_ms, ret_attempt) : LEASE_SKIP;
    if (answer == LEASE_TAKEN)
        ends_at(table, box, until_ms);
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

/* ---------------------------------------------------------------- single leases */

size_t lease_held_by_others(struct lease_table *table, const struct skp_oin *oin,
                            const char *mailbox, uint64_t session)
{
    pthread_mutex_lock(&table->lock);
    const struct lease_box *box = find_box(table, oin, mailbox);
    size_t held = box ? lease_box_held_by_others(box, session) : 0;
    pthread_mutex_unlock(&table->lock);
    return held;
}

static struct lease *held_by(struct lease_table *table, const struct skp_oin *oin,
                             const char *mailbox, uint64_t position, uint64_t session,
                             struct lease_box **ret_box)
{
    *ret_box = find_box(table, oin, mailbox);
    struct lease *lease = *ret_box ? lease_box_find(*ret_box, position) : NULL;
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
    if (lease) {
        lease->until_ms = until_ms;
        ends_at(table, box, until_ms);
    }
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
        lease_box_set_free(box, lease);
    pthread_mutex_unlock(&table->lock);
    return lease != NULL;
}

bool lease_undo(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                uint64_t position, uint64_t session)
{
    struct lease_box *box;
    bool left_lane = false;
    pthread_mutex_lock(&table->lock);
    struct lease *lease = held_by(table, oin, mailbox, position, session, &box);
    if (lease) {
        uint64_t freed = box->freed;
        lease->attempt--;
        lease_box_set_free(box, lease);
        left_lane = box->freed != freed;
    }
    pthread_mutex_unlock(&table->lock);
    return left_lane;
}

bool lease_collected(struct lease_table *table, const struct skp_oin *oin, const char *mailbox,
                     uint64_t position, uint64_t sequence)
{
    pthread_mutex_lock(&table->lock);
    struct lease_box *box = make_box(table, oin, mailbox);
    bool wanted = box && lease_box_collected(box, position, sequence);
    pthread_mutex_unlock(&table->lock);
    return wanted;
}

/* ---------------------------------------------------------------- all mailboxes */

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
    for (size_t i = 0; i < table->boxes.count && !is_full(&boxes); i++) {
        struct lease_box *box = map_value_at(&table->boxes, i);
        if (lease_box_close(box, session))
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

/* Asked on every turn of the loop: looks only when something can have ended. */
static bool expire_some(struct lease_table *table, int64_t now_ms, lease_freed_fn freed, void *ctx)
{
    struct freed_boxes boxes = {.count = 0};
    int64_t first_ms = INT64_MAX;
    pthread_mutex_lock(&table->lock);
    size_t count = now_ms < table->first_until_ms ? 0 : table->boxes.count;
    for (size_t i = 0; i < count && !is_full(&boxes); i++) {
        struct lease_box *box = map_value_at(&table->boxes, i);
        if (lease_box_expire(box, now_ms))
            boxes.boxes[boxes.count++] = box;
        if (box->first_until_ms < first_ms)
            first_ms = box->first_until_ms;
    }
    if (count > 0 && !is_full(&boxes))
        table->first_until_ms = first_ms;
    pthread_mutex_unlock(&table->lock);
    return tell_freed(&boxes, freed, ctx);
}

void lease_expire(struct lease_table *table, int64_t now_ms, lease_freed_fn freed, void *ctx)
{
    while (expire_some(table, now_ms, freed, ctx))
        continue;
}
