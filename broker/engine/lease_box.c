#include "lease_box.h"

#include "mutant.h"

#include <stdio.h>
#include <stdlib.h>

struct lease_box *lease_box_new(const struct skp_oin *oin, const char *mailbox)
{
    struct lease_box *box = calloc(1, sizeof *box);
    if (!box)
        return NULL;
    box->oin = *oin;
    snprintf(box->mailbox, sizeof box->mailbox, "%s", mailbox);
    box->first_until_ms = INT64_MAX;
    return box;
}

void lease_box_free(struct lease_box *box)
{
    free(box->leases);
    free(box->lanes);
    free(box);
}

/* The array with room for one more, which takes the place of the old one; NULL, and the old one as
 * it was, when there is no memory. */
static void *grow(void *array, size_t count, size_t *room, size_t element)
{
    if (count < *room)
        return array;
    size_t wider = *room ? *room * 2 : 8;
    void *moved = realloc(array, wider * element);
    if (moved)
        *room = wider;
    return moved;
}

/* ---------------------------------------------------------------- lanes */

static struct lease_lane *find_lane(const struct lease_box *box, const struct skp_oin *sender)
{
    for (size_t i = 0; i < box->lane_count; i++)
        if (oin_equal(&box->lanes[i].sender, sender))
            return &box->lanes[i];
    return NULL;
}

static bool hold_lane(struct lease_box *box, const struct skp_oin *sender, uint64_t session)
{
    struct lease_lane *lane = find_lane(box, sender);
    if (!lane) {
        struct lease_lane *lanes =
            grow(box->lanes, box->lane_count, &box->lane_room, sizeof *box->lanes);
        if (!lanes)
            return false;
        box->lanes = lanes;
        lane = &box->lanes[box->lane_count++];
        *lane = (struct lease_lane){.sender = *sender, .passed_from = LEASE_NOWHERE};
    }
    lane->session = session;
    lane->held++;
    return true;
}

static void note_freed(struct lease_box *box, uint64_t passed_from)
{
    box->freed_from[box->freed++ % LEASE_FREED] = passed_from;
}

static void leave_lane(struct lease_box *box, struct lease *lease)
{
    struct lease_lane *lane = lease->session != 0 ? find_lane(box, &lease->lane) : NULL;
    lease->session = 0;
    if (lane && --lane->held == 0) {
        note_freed(box, lane->passed_from);
        *lane = box->lanes[--box->lane_count];
    }
}

uint64_t lease_box_freed_from(const struct lease_box *box, uint64_t freed)
{
    uint64_t from = LEASE_NOWHERE;
    if (box->freed - freed > LEASE_FREED)
        return 0;
    for (; freed < box->freed; freed++)
        if (box->freed_from[freed % LEASE_FREED] < from)
            from = box->freed_from[freed % LEASE_FREED];
    return from;
}

/* ---------------------------------------------------------------- leases */

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

struct lease *lease_box_find(struct lease_box *box, uint64_t position)
{
    size_t at = lower_bound(box, position);
    return at < box->count && box->leases[at].position == position ? &box->leases[at] : NULL;
}

static struct lease *make_lease(struct lease_box *box, uint64_t position)
{
    size_t at = lower_bound(box, position);
    if (at < box->count && box->leases[at].position == position)
        return &box->leases[at];
    struct lease *leases = grow(box->leases, box->count, &box->room, sizeof *box->leases);
    if (!leases)
        return NULL;
    box->leases = leases;
    memmove(&box->leases[at + 1], &box->leases[at], (box->count - at) * sizeof *box->leases);
    box->leases[at] = (struct lease){.position = position};
    box->count++;
    return &box->leases[at];
}

void lease_box_set_free(struct lease_box *box, struct lease *lease)
{
    leave_lane(box, lease);
    if (lease->position < box->scan_from)
        box->scan_from = lease->position;
    box->generation++;
}

void lease_box_forget(struct lease_box *box, uint64_t sequence)
{
    size_t kept = 0;
    for (size_t i = 0; i < box->count; i++)
        if (box->leases[i].collected == 0 || box->leases[i].collected > sequence)
            box->leases[kept++] = box->leases[i];
    box->count = kept;
}

/* Free, but not for this session now: a next scan must come by here again. */
static enum lease_answer pass_over(struct lease_box *box, uint64_t position)
{
    if (box->skipped_from == 0)
        box->skipped_from = position;
    box->lane_wanted = true;
    return LEASE_OTHERS;
}

/* The lane while it is another session's; else NULL. */
static struct lease_lane *others_lane(const struct lease_box *box, const struct skp_oin *sender,
                                      uint64_t session)
{
    struct lease_lane *lane = find_lane(box, sender);
    return lane && lane->session != session && !MUTANT(lease_ignored) ? lane : NULL;
}

enum lease_answer lease_box_take(struct lease_box *box, uint64_t position,
                                 const struct skp_oin *lane, uint64_t session, int64_t until_ms,
                                 uint32_t *ret_attempt)
{
    struct lease *lease = lease_box_find(box, position);
    if (lease && (lease->session != 0 || lease->collected != 0))
        return lease->session != 0 && lease->session != session ? LEASE_OTHERS : LEASE_SKIP;
    struct lease_lane *others = others_lane(box, lane, session);
    if (others && position < others->passed_from)
        others->passed_from = position;
    if (others)
        return pass_over(box, position);
    lease = make_lease(box, position);
    if (!lease || !hold_lane(box, lane, session)) {
        note_freed(box, position); /* nobody has it: no scan goes on behind it */
        return pass_over(box, position);
    }
    lease->session = session;
    lease->until_ms = until_ms;
    lease->lane = *lane;
    *ret_attempt = ++lease->attempt;
    return LEASE_TAKEN;
}

uint64_t lease_box_first_free(const struct lease_box *box, uint64_t session, uint64_t position)
{
    for (size_t i = 0; i < box->count && box->leases[i].position < position; i++) {
        const struct lease *lease = &box->leases[i];
        if (lease->session == 0 && lease->collected == 0 &&
            !others_lane(box, &lease->lane, session))
            return lease->position;
    }
    return position;
}

bool lease_box_collected(struct lease_box *box, uint64_t position, uint64_t sequence)
{
    struct lease *lease = make_lease(box, position);
    if (!lease)
        return false;
    lease->collected = sequence;
    leave_lane(box, lease);
    if (!box->lane_wanted || find_lane(box, &lease->lane))
        return false;
    box->lane_wanted = false;
    return true;
}

/* ---------------------------------------------------------------- all of a mailbox */

bool lease_box_expire(struct lease_box *box, int64_t now_ms)
{
    bool freed = false;
    if (now_ms < box->first_until_ms)
        return false;
    box->first_until_ms = INT64_MAX;
    for (size_t i = 0; i < box->count; i++) {
        struct lease *lease = &box->leases[i];
        if (lease->session == 0)
            continue;
        if (lease->until_ms <= now_ms) {
            lease_box_set_free(box, lease);
            freed = true;
        } else if (lease->until_ms < box->first_until_ms) {
            box->first_until_ms = lease->until_ms;
        }
    }
    return freed;
}

static bool holds_any(const struct lease_box *box, uint64_t session)
{
    for (size_t i = 0; i < box->lane_count; i++)
        if (box->lanes[i].session == session)
            return true;
    return false;
}

bool lease_box_close(struct lease_box *box, uint64_t session)
{
    if (!holds_any(box, session))
        return false;
    for (size_t i = 0; i < box->count; i++)
        if (box->leases[i].session == session)
            lease_box_set_free(box, &box->leases[i]);
    return true;
}

size_t lease_box_held_by_others(const struct lease_box *box, uint64_t session)
{
    size_t held = 0;
    for (size_t i = 0; i < box->lane_count; i++)
        if (box->lanes[i].session != session)
            held += box->lanes[i].held;
    return held;
}
