#include "done.h"

#include <assert.h>

void done_init(struct done_queue *queue, wake_fn wake, void *wake_ctx)
{
    pthread_mutex_init(&queue->lock, NULL);
    queue->first = NULL;
    queue->end = &queue->first;
    queue->wake = wake;
    queue->wake_ctx = wake_ctx;
}

void done_fini(struct done_queue *queue)
{
    assert(!queue->first);
    pthread_mutex_destroy(&queue->lock);
}

void done_post(struct done_queue *queue, struct work_item *item)
{
    assert(!item->queued_in && item->done);
    pthread_mutex_lock(&queue->lock);
    bool was_empty = !queue->first;
    item->queued_in = queue;
    item->next = NULL;
    *queue->end = item;
    queue->end = &item->next;
    /* Note this deliberately wakes under the lock: once the loop has the lock, no poster still
     * needs the wake's target, and the owner may close it. */
    if (was_empty && queue->wake)
        queue->wake(queue->wake_ctx);
    pthread_mutex_unlock(&queue->lock);
}

static struct work_item *take_all(struct done_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct work_item *items = queue->first;
    queue->first = NULL;
    queue->end = &queue->first;
    pthread_mutex_unlock(&queue->lock);
    return items;
}

size_t done_run(struct done_queue *queue)
{
    size_t count = 0;
    struct work_item *item = take_all(queue);
    while (item) {
        struct work_item *next = item->next;
        item->next = NULL;
        item->queued_in = NULL;
        item->done(item);
        item = next;
        count++;
    }
    return count;
}
