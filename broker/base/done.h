/* The way back from the workers to the loop: finished items wait here until the loop runs their
 * completions.
 *
 * Posting wakes the loop once for any number of items; how is the owner's wake function (in
 * production a write to an eventfd). Completions run on the loop, exactly once, in the order of
 * posting. */
#ifndef SKP_DONE_H
#define SKP_DONE_H

#include "work.h"

#include <pthread.h>

/* Called with the queue locked, from any thread: signal and return, never call back into the queue.
 */
typedef void (*wake_fn)(void *ctx);

struct done_queue {
    pthread_mutex_t lock;
    struct work_item *first;
    struct work_item **end;
    wake_fn wake;
    void *wake_ctx;
};

/* `wake` may be NULL: then the owner calls done_run() on its own (simulation). The struct must not
 * move afterwards. */
void done_init(struct done_queue *queue, wake_fn wake, void *wake_ctx);

/* The queue must be empty (asserted): drain the work queues, then done_run(), then this. */
void done_fini(struct done_queue *queue);

/* Any thread. Takes the item until its `done` is called. Wakes when the queue was empty. */
void done_post(struct done_queue *queue, struct work_item *item);

/* On the loop: calls `done` of each item that waits, and returns how many. Items posted meanwhile
 * wait for the next turn (their posting wakes). A completion may free, submit or post its item. */
size_t done_run(struct done_queue *queue);

#endif
