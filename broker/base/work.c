#include "work.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES 16 /* what the kernel keeps of a thread's name */

struct work_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct work_item *first;
    struct work_item **end;
    struct work_counters counters;
    bool stopping;
    bool is_draining; /* a turn of a queue that drains is under way */
    struct work_config config;
    char name[NAME_BYTES];
    unsigned started; /* threads to join */
    pthread_t threads[];
};

static bool is_too_heavy(const struct work_queue *queue, size_t weight, size_t more)
{
    size_t most = queue->config.drain_weight;
    return most > 0 && weight > 0 && more > most - (weight < most ? weight : most);
}

/* Takes up to `max` items off the queue as a list of their own; locked by the caller. */
static struct work_item *take(struct work_queue *queue, size_t max, size_t *ret_count)
{
    struct work_item *items = queue->first;
    struct work_item **last = &items;
    size_t count = 0;
    size_t weight = 0;
    for (; *last && count < max && !is_too_heavy(queue, weight, (*last)->weight); count++) {
        weight += (*last)->weight;
        (*last)->queued_in = NULL;
        last = &(*last)->next;
    }
    queue->first = *last;
    if (!queue->first)
        queue->end = &queue->first;
    *last = NULL;
    queue->counters.depth -= count;
    *ret_count = count;
    return items;
}

/* Runs one item, or drains once; the caller holds the lock and has checked that something waits. */
static void run_turn(struct work_queue *queue)
{
    const struct work_config *config = &queue->config;
    size_t count;
    struct work_item *items = take(queue, config->drain ? config->drain_max : 1, &count);
    assert(items);
    queue->counters.turns++;
    queue->is_draining = config->drain != NULL;
    pthread_mutex_unlock(&queue->lock);
    if (config->drain)
        config->drain(config->drain_ctx, items);
    else
        items->run(items);
    pthread_mutex_lock(&queue->lock);
    queue->is_draining = false;
    queue->counters.finished += count;
}

static void *run_worker(void *arg)
{
    struct work_queue *queue = arg;
    pthread_setname_np(pthread_self(), queue->name);
    pthread_mutex_lock(&queue->lock);
    for (;;) {
        while (queue->is_draining || (!queue->first && !queue->stopping))
            pthread_cond_wait(&queue->filled, &queue->lock);
        if (!queue->first)
            break;
        run_turn(queue);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* Signals are the loop's business: threads inherit a full mask. */
static enum skp_err start_threads(struct work_queue *queue)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (!failed && queue->started < queue->config.threads) {
        failed = pthread_create(&queue->threads[queue->started], NULL, run_worker, queue);
        queue->started += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? SKP_E_BUSY : SKP_OK;
}

enum skp_err work_queue_new(const struct work_config *config, struct work_queue **ret_queue)
{
    assert(config->name && config->max_items >= 1);
    assert(!config->drain == !config->drain_max);
    assert(!config->drain || config->threads <= 1);
    struct work_queue *queue = calloc(1, sizeof(*queue) + config->threads * sizeof(pthread_t));
    if (!queue)
        return SKP_E_NO_MEMORY;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, NULL);
    queue->end = &queue->first;
    queue->config = *config;
    snprintf(queue->name, sizeof(queue->name), "skp-%.*s", NAME_BYTES - 5, config->name);
    queue->config.name = queue->name;
    enum skp_err err = start_threads(queue);
    if (err) {
        work_queue_drain_and_free(queue);
        return err;
    }
    *ret_queue = queue;
    return SKP_OK;
}

static void append(struct work_queue *queue, struct work_item *item)
{
    item->queued_in = queue;
    item->next = NULL;
    *queue->end = item;
    queue->end = &item->next;
    struct work_counters *counters = &queue->counters;
    counters->total++;
    counters->depth++;
    if (counters->depth > counters->depth_max)
        counters->depth_max = counters->depth;
}

/* Locked by the caller. */
static enum skp_err accept(struct work_queue *queue, struct work_item *item)
{
    assert(!item->queued_in);
    assert(item->run || queue->config.drain);
    if (!queue->stopping && queue->counters.depth < queue->config.max_items) {
        append(queue, item);
        return SKP_OK;
    }
    queue->counters.refused++;
    return queue->stopping ? SKP_E_GOING_AWAY : SKP_E_BUSY;
}

enum skp_err work_submit(struct work_queue *queue, struct work_item *item)
{
    pthread_mutex_lock(&queue->lock);
    enum skp_err err = accept(queue, item);
    bool is_seen = queue->is_draining; /* whoever is at it looks again */
    pthread_mutex_unlock(&queue->lock);
    /* Only now: who wakes up wants the lock. */
    if (!err && !is_seen)
        pthread_cond_signal(&queue->filled);
    return err;
}

enum skp_err work_submit_or_run(struct work_queue *queue, struct work_item *item)
{
    assert(queue->config.drain);
    pthread_mutex_lock(&queue->lock);
    enum skp_err err = accept(queue, item);
    bool runs = !err && !queue->is_draining && queue->config.threads > 0;
    if (runs)
        run_turn(queue);
    /* The rest is for the queue's own thread, which may have been waiting for this turn to end. */
    bool wakes = runs && queue->first;
    pthread_mutex_unlock(&queue->lock);
    if (wakes)
        pthread_cond_signal(&queue->filled);
    return err;
}

bool work_run_one(struct work_queue *queue)
{
    assert(queue->config.threads == 0);
    pthread_mutex_lock(&queue->lock);
    bool waits = queue->first != NULL;
    if (waits)
        run_turn(queue);
    pthread_mutex_unlock(&queue->lock);
    return waits;
}

static void stop(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_broadcast(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

void work_queue_drain_and_free(struct work_queue *queue)
{
    if (!queue)
        return;
    stop(queue);
    for (unsigned i = 0; i < queue->started; i++)
        pthread_join(queue->threads[i], NULL);
    while (queue->config.threads == 0 && work_run_one(queue))
        continue;
    assert(!queue->first);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void work_queue_counters(struct work_queue *queue, struct work_counters *ret_counters)
{
    pthread_mutex_lock(&queue->lock);
    *ret_counters = queue->counters;
    pthread_mutex_unlock(&queue->lock);
}
