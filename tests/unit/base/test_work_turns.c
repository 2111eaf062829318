/* A queue that drains, and callers that take its turn themselves. */
#include "testing.h"

#include "work.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#define CALLERS 3
#define EACH    3000

struct job {
    struct work_item item;
    pthread_t ran_on;
    int runs;
};

static struct job jobs[CALLERS * EACH];
static struct work_queue *queue;
static _Atomic int inside; /* turns under way */
static _Atomic int most_inside;
static bool is_held; /* each turn waits until it may go on */
static sem_t entered, go_on, finished;

static void note_turn(void *ctx, struct work_item *items)
{
    (void)ctx;
    int now = ++inside;
    if (now > most_inside)
        most_inside = now;
    if (is_held) {
        sem_post(&entered);
        sem_wait(&go_on);
    }
    sched_yield(); /* whoever else would take a turn may try now */
    for (struct work_item *item = items; item; item = item->next) {
        struct job *job = item->ctx;
        job->ran_on = pthread_self();
        job->runs++;
    }
    inside--;
    if (is_held)
        sem_post(&finished);
}

static void open_queue(unsigned threads)
{
    struct work_config config = {.name = "turns",
                                 .threads = threads,
                                 .max_items = CALLERS * EACH,
                                 .drain = note_turn,
                                 .drain_max = 1};
    assert_ok(work_queue_new(&config, &queue));
    for (size_t i = 0; i < CALLERS * EACH; i++)
        jobs[i] = (struct job){.item = {.ctx = &jobs[i]}};
    inside = most_inside = 0;
    is_held = false;
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    sem_init(&finished, 0, 0);
}

static void *submit_first(void *arg)
{
    (void)arg;
    assert_ok(work_submit_or_run(queue, &jobs[0].item));
    return NULL;
}

static void who_finds_it_idle_takes_the_turn(void **state)
{
    (void)state;
    struct work_counters counters;
    open_queue(1);
    for (size_t i = 0; i < 100; i++) {
        assert_ok(work_submit_or_run(queue, &jobs[i].item));
        assert_int_equal(jobs[i].runs, 1);
        assert_true(pthread_equal(jobs[i].ran_on, pthread_self()));
    }
    work_queue_counters(queue, &counters);
    assert_int_equal(counters.turns, 100);
    assert_int_equal(counters.finished, 100);
    work_queue_drain_and_free(queue);
}

static void who_finds_it_busy_leaves_the_item(void **state)
{
    (void)state;
    open_queue(1);
    is_held = true;
    assert_ok(work_submit(queue, &jobs[0].item));
    sem_wait(&entered);
    assert_ok(work_submit_or_run(queue, &jobs[1].item));
    assert_int_equal(jobs[1].runs, 0);
    sem_post(&go_on);
    sem_post(&go_on);
    work_queue_drain_and_free(queue);
    assert_int_equal(jobs[1].runs, 1);
    assert_true(pthread_equal(jobs[0].ran_on, jobs[1].ran_on));
    assert_int_equal(most_inside, 1);
}

static void what_comes_during_a_callers_turn_is_the_threads(void **state)
{
    (void)state;
    pthread_t caller;
    open_queue(1);
    is_held = true;
    assert_int_equal(pthread_create(&caller, NULL, submit_first, NULL), 0);
    sem_wait(&entered);
    assert_ok(work_submit(queue, &jobs[1].item));
    sem_post(&go_on);
    sem_wait(&finished);
    sem_post(&go_on);
    sem_wait(&finished);
    pthread_join(caller, NULL);
    assert_true(pthread_equal(jobs[0].ran_on, caller));
    assert_int_equal(jobs[1].runs, 1);
    assert_false(pthread_equal(jobs[1].ran_on, caller));
    assert_int_equal(most_inside, 1);
    work_queue_drain_and_free(queue);
}

static void *submit_many(void *arg)
{
    struct job *first = arg;
    for (size_t i = 0; i < EACH; i++)
        assert_ok(i % 3 == 0 ? work_submit(queue, &first[i].item)
                             : work_submit_or_run(queue, &first[i].item));
    return NULL;
}

static void there_is_one_turn_at_a_time_and_each_item_runs_once(void **state)
{
    (void)state;
    pthread_t callers[CALLERS];
    open_queue(1);
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, submit_many, &jobs[i * EACH]), 0);
    for (size_t i = 0; i < CALLERS; i++)
        pthread_join(callers[i], NULL);
    work_queue_drain_and_free(queue);
    for (size_t i = 0; i < CALLERS * EACH; i++)
        assert_int_equal(jobs[i].runs, 1);
    assert_int_equal(most_inside, 1);
}

static void a_pumped_queue_waits_to_be_pumped(void **state)
{
    (void)state;
    open_queue(0);
    assert_ok(work_submit_or_run(queue, &jobs[0].item));
    assert_int_equal(jobs[0].runs, 0);
    assert_true(work_run_one(queue));
    assert_int_equal(jobs[0].runs, 1);
    work_queue_drain_and_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_finds_it_idle_takes_the_turn),
        cmocka_unit_test(who_finds_it_busy_leaves_the_item),
        cmocka_unit_test(what_comes_during_a_callers_turn_is_the_threads),
        cmocka_unit_test(there_is_one_turn_at_a_time_and_each_item_runs_once),
        cmocka_unit_test(a_pumped_queue_waits_to_be_pumped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
