/* Work that must not run on the loop: queues of items, run by worker threads or pumped by a
 * simulation.
 *
 * An item is embedded in its owner's struct and goes round: the loop submits it, a worker runs it,
 * the worker posts it to the loop's done queue (done.h), the loop runs its completion, exactly once
 * and never inside the call that started it. Between submit and done the item belongs to the
 * worker.
 *
 * A queue made with threads = 0 has no threads: its owner calls work_run_one(), so that the whole
 * broker runs in one thread, in an order that repeats.
 *
 * A queue with a drain function hands over everything that waits at once, oldest first: the store
 * worker commits all of it in one transaction. It has one thread, or is pumped. */
#ifndef SKP_WORK_H
#define SKP_WORK_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_item;
typedef void (*work_fn)(struct work_item *item);

/* Zero it, then set run (unless the queue drains), done and ctx. */
struct work_item {
    work_fn run;            /* on a worker; the queue never touches the item after it */
    work_fn done;           /* on the loop, by done_run() */
    void *ctx;              /* the owner's */
    struct work_item *next; /* the queue's; in a drained list: the next one, NULL ends */
    const void *queued_in;  /* the queue's: an item waits in one queue at a time */
    size_t weight;          /* the owner's: what it adds to a drain, in the queue's own unit */
};

/* Takes a list of 1 to drain_max items, oldest first, together no heavier than drain_weight unless it
 * is one item. The list is the function's own: read `next` of an item before posting or submitting
 * it. */
typedef void (*work_drain_fn)(void *ctx, struct work_item *items);

struct work_config {
    const char *name;    /* names the threads; at most 12 characters count; borrowed for the call */
    unsigned threads;    /* 0 = pumped by work_run_one() */
    size_t max_items;    /* that may wait, at least 1; items being run do not count */
    work_drain_fn drain; /* NULL: each item's run */
    void *drain_ctx;
    size_t drain_max;    /* items per drain, at least 1; 0 without drain */
    size_t drain_weight; /* of the items of one drain; 0: does not matter */
};

struct work_queue;

/* Worker threads have all signals blocked. NO_MEMORY, BUSY (the system gives no more threads). */
enum skp_err work_queue_new(const struct work_config *config,
                            struct work_queue **ret_queue) SKP_MUST_CHECK;

/* Any thread; never blocks, never runs the item inside the call. BUSY: max_items wait already.
 * GOING_AWAY: the queue is being drained. On error the item is still the caller's. */
enum skp_err work_submit(struct work_queue *queue, struct work_item *item) SKP_MUST_CHECK;

/* The same for a queue that drains, from a worker of another queue: when nobody is at it the caller
 * takes one turn of it, inside the call, for as long as that lasts, and no thread is woken for it. There is
 * still one turn at a time, and the caller holds no lock that a turn takes. A pumped queue only takes the
 * item. Whoever calls this has returned before the queue is freed. */
enum skp_err work_submit_or_run(struct work_queue *queue, struct work_item *item) SKP_MUST_CHECK;

/* Only without threads: runs the oldest item (or drains once). False: nothing waited. */
bool work_run_one(struct work_queue *queue);

/* Refuses new items, runs everything that waits, joins the threads, frees. Nobody else may use the
 * queue any more, except its own items, whose submits get GOING_AWAY. NULL is fine. */
void work_queue_drain_and_free(struct work_queue *queue);

struct work_counters {
    size_t depth;      /* wait now */
    size_t depth_max;  /* waited at most */
    uint64_t total;    /* accepted since the start */
    uint64_t finished; /* run since the start */
    uint64_t refused;  /* BUSY or GOING_AWAY */
    uint64_t turns;    /* runs or drains; finished / turns = items per commit */
};

/* Any thread. */
void work_queue_counters(struct work_queue *queue, struct work_counters *ret_counters);

#endif
