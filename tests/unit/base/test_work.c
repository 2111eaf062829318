#include "testing.h"

#include "done.h"
#include "work.h"

#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#define MANY 5000

struct job {
    struct work_item item;
    struct work_queue *again; /* where its run submits it once more */
    int number;
    _Atomic int runs;
    int dones;
};

static int order[MANY];
static int order_count;
static struct done_queue done;
static struct job jobs[MANY];

static struct job *job_of(struct work_item *item)
{
    return (struct job *)item->ctx;
}

static void note_order(struct work_item *item)
{
    struct job *job = job_of(item);
    job->runs++;
    order[order_count++] = job->number;
}

static void run_and_post(struct work_item *item)
{
    job_of(item)->runs++;
    done_post(&done, item);
}

static void note_done(struct work_item *item)
{
    job_of(item)->dones++;
}

static void prepare(struct job *job, int number, work_fn run)
{
    *job = (struct job){.number = number};
    job->item.run = run;
    job->item.done = note_done;
    job->item.ctx = job;
}

static struct work_queue *make_queue(unsigned threads, size_t max_items)
{
    struct work_config config = {.name = "test", .threads = threads, .max_items = max_items};
    struct work_queue *queue;
    assert_ok(work_queue_new(&config, &queue));
    return queue;
}

static int reset(void **state)
{
    (void)state;
    order_count = 0;
    return 0;
}

static void a_pumped_queue_runs_one_item_at_a_time_in_order(void **state)
{
    (void)state;
    struct work_queue *queue = make_queue(0, 10);
    assert_false(work_run_one(queue));
    for (int i = 0; i < 3; i++) {
        prepare(&jobs[i], i, note_order);
        assert_ok(work_submit(queue, &jobs[i].item));
    }
    assert_int_equal(order_count, 0);
    for (int i = 0; i < 3; i++) {
        assert_true(work_run_one(queue));
        assert_int_equal(order_count, i + 1);
        assert_int_equal(order[i], i);
    }
    assert_false(work_run_one(queue));
    work_queue_drain_and_free(queue);
}

static void a_full_queue_is_busy_and_the_item_stays_the_callers(void **state)
{
    (void)state;
    struct work_queue *queue = make_queue(0, 2);
    struct work_counters counters;
    for (int i = 0; i < 3; i++)
        prepare(&jobs[i], i, note_order);
    assert_ok(work_submit(queue, &jobs[0].item));
    assert_ok(work_submit(queue, &jobs[1].item));
    assert_err(work_submit(queue, &jobs[2].item), SKP_E_BUSY);
    work_queue_counters(queue, &counters);
    assert_int_equal(counters.depth, 2);
    assert_int_equal(counters.refused, 1);
    assert_true(work_run_one(queue));
    assert_ok(work_submit(queue, &jobs[2].item));
    work_queue_drain_and_free(queue);
    assert_int_equal(order_count, 3);
}

static void submit_again(struct work_item *item)
{
    struct job *job = job_of(item);
    if (job->runs++ == 0)
        assert_ok(work_submit(job->again, item));
}

static void an_item_may_submit_itself_again_and_runs_in_the_next_turn(void **state)
{
    (void)state;
    struct work_queue *queue = make_queue(0, 2);
    prepare(&jobs[0], 0, submit_again);
    jobs[0].again = queue;
    assert_ok(work_submit(queue, &jobs[0].item));
    assert_true(work_run_one(queue));
    assert_int_equal(jobs[0].runs, 1);
    assert_true(work_run_one(queue));
    assert_int_equal(jobs[0].runs, 2);
    assert_false(work_run_one(queue));
    work_queue_drain_and_free(queue);
}

static void expect_going_away(struct work_item *item)
{
    struct job *job = job_of(item);
    job->runs++;
    assert_err(work_submit(job->again, item), SKP_E_GOING_AWAY);
}

static void draining_runs_what_waits_and_refuses_what_is_new(void **state)
{
    (void)state;
    struct work_queue *queue = make_queue(0, 10);
    prepare(&jobs[0], 0, expect_going_away);
    prepare(&jobs[1], 1, note_order);
    jobs[0].again = queue;
    assert_ok(work_submit(queue, &jobs[0].item));
    assert_ok(work_submit(queue, &jobs[1].item));
    work_queue_drain_and_free(queue);
    assert_int_equal(jobs[0].runs, 1);
    assert_int_equal(jobs[1].runs, 1);
    work_queue_drain_and_free(NULL);
}

struct drains {
    int sizes[MANY];
    int count;
    int next_number; /* the list keeps the order of submission */
};

static void note_drain(void *ctx, struct work_item *items)
{
    struct drains *drains = ctx;
    int size = 0;
    for (struct work_item *item = items, *next; item; item = next, size++) {
        next = item->next;
        assert_int_equal(job_of(item)->number, drains->next_number++);
        job_of(item)->runs++;
        done_post(&done, item);
    }
    drains->sizes[drains->count++] = size;
}

static struct work_queue *make_drain(struct drains *drains, unsigned threads, size_t drain_max)
{
    struct work_config config = {.name = "store",
                                 .threads = threads,
                                 .max_items = MANY,
                                 .drain = note_drain,
                                 .drain_ctx = drains,
                                 .drain_max = drain_max};
    struct work_queue *queue;
    *drains = (struct drains){.count = 0};
    assert_ok(work_queue_new(&config, &queue));
    return queue;
}

static void a_drain_gets_all_that_waits_up_to_its_limit(void **state)
{
    (void)state;
    static struct drains drains;
    struct work_counters counters;
    struct work_queue *queue = make_drain(&drains, 0, 4);
    done_init(&done, NULL, NULL);
    for (int i = 0; i < 10; i++) {
        prepare(&jobs[i], i, NULL);
        assert_ok(work_submit(queue, &jobs[i].item));
    }
    while (work_run_one(queue))
        continue;
    work_queue_counters(queue, &counters);
    assert_int_equal(drains.count, 3);
    assert_int_equal(drains.sizes[0], 4);
    assert_int_equal(drains.sizes[1], 4);
    assert_int_equal(drains.sizes[2], 2);
    assert_int_equal(counters.total, 10);
    assert_int_equal(counters.finished, 10);
    assert_int_equal(counters.turns, 3);
    assert_int_equal(counters.depth, 0);
    assert_int_equal(counters.depth_max, 10);
    assert_int_equal(done_run(&done), 10);
    work_queue_drain_and_free(queue);
    done_fini(&done);
}

static void a_draining_thread_keeps_the_order_and_takes_everything(void **state)
{
    (void)state;
    static struct drains drains;
    struct work_queue *queue = make_drain(&drains, 1, 100);
    done_init(&done, NULL, NULL);
    for (int i = 0; i < MANY; i++) {
        prepare(&jobs[i], i, NULL);
        assert_ok(work_submit(queue, &jobs[i].item));
    }
    work_queue_drain_and_free(queue);
    assert_int_equal(drains.next_number, MANY);
    assert_int_equal(done_run(&done), MANY);
    done_fini(&done);
}

static void post_wake(void *ctx)
{
    sem_post(ctx);
}

static void every_item_runs_and_completes_exactly_once_with_threads(void **state)
{
    (void)state;
    sem_t woken;
    size_t completed = 0;
    sem_init(&woken, 0, 0);
    done_init(&done, post_wake, &woken);
    struct work_queue *queue = make_queue(3, 64);
    for (int i = 0; i < MANY; i++) {
        prepare(&jobs[i], i, run_and_post);
        while (work_submit(queue, &jobs[i].item) == SKP_E_BUSY)
            completed += done_run(&done);
    }
    while (completed < MANY) {
        sem_wait(&woken);
        completed += done_run(&done);
    }
    work_queue_drain_and_free(queue);
    assert_int_equal(done_run(&done), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(jobs[i].runs, 1);
        assert_int_equal(jobs[i].dones, 1);
    }
    done_fini(&done);
    sem_destroy(&woken);
}

static void freeing_a_threaded_queue_waits_for_what_was_submitted(void **state)
{
    (void)state;
    done_init(&done, NULL, NULL);
    struct work_queue *queue = make_queue(2, MANY);
    for (int i = 0; i < 1000; i++) {
        prepare(&jobs[i], i, run_and_post);
        assert_ok(work_submit(queue, &jobs[i].item));
    }
    work_queue_drain_and_free(queue);
    assert_int_equal(done_run(&done), 1000);
    done_fini(&done);
}

static void count_wake(void *ctx)
{
    (*(int *)ctx)++;
}

static void many_posts_wake_the_loop_once(void **state)
{
    (void)state;
    int wakes = 0;
    done_init(&done, count_wake, &wakes);
    for (int i = 0; i < 5; i++) {
        prepare(&jobs[i], i, NULL);
        done_post(&done, &jobs[i].item);
    }
    assert_int_equal(wakes, 1);
    assert_int_equal(jobs[0].dones, 0);
    assert_int_equal(done_run(&done), 5);
    prepare(&jobs[5], 5, NULL);
    done_post(&done, &jobs[5].item);
    assert_int_equal(wakes, 2);
    assert_int_equal(done_run(&done), 1);
    done_fini(&done);
}

static void post_once_more(struct work_item *item)
{
    if (job_of(item)->dones++ == 0)
        done_post(&done, item);
}

static void a_post_inside_a_completion_waits_for_the_next_turn(void **state)
{
    (void)state;
    int wakes = 0;
    done_init(&done, count_wake, &wakes);
    prepare(&jobs[0], 0, NULL);
    jobs[0].item.done = post_once_more;
    done_post(&done, &jobs[0].item);
    assert_int_equal(done_run(&done), 1);
    assert_int_equal(wakes, 2);
    assert_int_equal(done_run(&done), 1);
    assert_int_equal(jobs[0].dones, 2);
    assert_int_equal(done_run(&done), 0);
    done_fini(&done);
}

static void free_job(struct work_item *item)
{
    free(item->ctx);
}

static void a_completion_may_free_its_item(void **state)
{
    (void)state;
    done_init(&done, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        struct job *job = malloc(sizeof(*job));
        assert_non_null(job);
        prepare(job, i, NULL);
        job->item.done = free_job;
        done_post(&done, &job->item);
    }
    assert_int_equal(done_run(&done), 3);
    done_fini(&done);
}

static char seen_name[16];
static sigset_t seen_mask;

static void look_around(struct work_item *item)
{
    pthread_getname_np(pthread_self(), seen_name, sizeof(seen_name));
    pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
    job_of(item)->runs++;
}

static void workers_are_named_and_leave_signals_to_the_loop(void **state)
{
    (void)state;
    struct work_queue *queue = make_queue(1, 1);
    prepare(&jobs[0], 0, look_around);
    assert_ok(work_submit(queue, &jobs[0].item));
    work_queue_drain_and_free(queue);
    assert_string_equal(seen_name, "skp-test");
    assert_int_equal(sigismember(&seen_mask, SIGTERM), 1);
    pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
    assert_int_equal(sigismember(&seen_mask, SIGTERM), 0);
}

#define WORK_TEST(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORK_TEST(a_pumped_queue_runs_one_item_at_a_time_in_order),
        WORK_TEST(a_full_queue_is_busy_and_the_item_stays_the_callers),
        WORK_TEST(an_item_may_submit_itself_again_and_runs_in_the_next_turn),
        WORK_TEST(draining_runs_what_waits_and_refuses_what_is_new),
        WORK_TEST(a_drain_gets_all_that_waits_up_to_its_limit),
        WORK_TEST(a_draining_thread_keeps_the_order_and_takes_everything),
        WORK_TEST(every_item_runs_and_completes_exactly_once_with_threads),
        WORK_TEST(freeing_a_threaded_queue_waits_for_what_was_submitted),
        WORK_TEST(many_posts_wake_the_loop_once),
        WORK_TEST(a_post_inside_a_completion_waits_for_the_next_turn),
        WORK_TEST(a_completion_may_free_its_item),
        WORK_TEST(workers_are_named_and_leave_signals_to_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
