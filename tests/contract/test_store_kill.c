/* A child commits and says so; the parent kills it at a random moment. Whatever the child had said
 * must be there when the store is opened again, in order and without holes. */
#include "store_testing.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS           30
#define FILLER_BYTES     60000
#define CHECKPOINT_BYTES ((int64_t)1024 * 1024) /* of log, so that kills also meet checkpoints */

struct killing {
    struct fixture *fixture;
    uint32_t acknowledged; /* counters 1 to this were said to be on disk */
    unsigned random;
};

static void fill_counter_key(uint32_t counter, uint8_t *ret_key)
{
    for (size_t i = 0; i < 4; i++)
        ret_key[i] = (uint8_t)(counter >> (24 - 8 * i));
}

/* The counter, and a large row that makes the log grow to where checkpoints happen. */
static bool commit_counter(struct store *store, uint32_t counter)
{
    static uint8_t filler[FILLER_BYTES];
    uint8_t key[4];
    fill_counter_key(counter, key);
    struct store_row row = {.key = span_of(key, 4), .value = span_of(key, 4)};
    struct store_row large = {
        .key = span_of(key + 3, 1), .value = span_of(filler, sizeof filler), .version = STORE_ANY};
    filler[0]++;
    return store_begin(store) == SKP_OK && store_put(store, STORE_JOURNAL, &row, 1) == SKP_OK &&
           store_put(store, STORE_PAGE, &large, 1) == SKP_OK && store_commit(store) == SKP_OK &&
           store_maintain(store) == SKP_OK;
}

static void run_child(const char *path, uint32_t counter, int pipe_fd)
{
    struct store *store = NULL;
    char why[256];
    if (store_sqlite_open(path, true, &store, why) != SKP_OK)
        _exit(1);
    ((struct sqlite_store *)store)->checkpoint_bytes = CHECKPOINT_BYTES;
    if (store_work_beside(store) != SKP_OK)
        _exit(4);
    while (commit_counter(store, counter)) {
        if (write(pipe_fd, &counter, sizeof counter) != sizeof counter)
            _exit(2);
        counter++;
    }
    _exit(3);
}

static void read_acknowledgements(struct killing *killing, int pipe_fd)
{
    uint32_t counter = 0;
    while (read(pipe_fd, &counter, sizeof counter) == sizeof counter) {
        assert_int_equal(counter, killing->acknowledged + 1);
        killing->acknowledged = counter;
    }
}

static uint32_t count_stored(struct killing *killing)
{
    struct fixture *fixture = killing->fixture;
    struct store_row *rows = NULL;
    size_t count = 0;
    arena_reset(&fixture->arena);
    assert_ok(store_begin(fixture->store));
    assert_ok(store_scan(fixture->store, STORE_JOURNAL, (struct span){0}, (struct span){0},
                         SIZE_MAX, SIZE_MAX, &fixture->arena, &rows, &count));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[4];
        fill_counter_key(i + 1, key);
        assert_true(span_equal(rows[i].key, span_of(key, 4)));
    }
    store_rollback(fixture->store);
    return (uint32_t)count;
}

static void sleep_a_moment(struct killing *killing)
{
    unsigned ms = 5 + (unsigned)rand_r(&killing->random) % 120;
    nanosleep(&(struct timespec){.tv_nsec = (long)ms * 1000000}, NULL);
}

static void kill_once(struct killing *killing)
{
    int ends[2];
    int status = 0;
    close_store(killing->fixture);
    assert_ok(pipe(ends));
    pid_t pid = fork();
    if (pid == 0)
        run_child(killing->fixture->path, killing->acknowledged + 1, ends[1]);
    close(ends[1]);
    sleep_a_moment(killing);
    assert_ok(kill(pid, SIGKILL));
    read_acknowledgements(killing, ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void on_damage(void *context, unsigned table, struct span key, const char *what)
{
    (void)context;
    (void)key;
    fail_msg("table %u: %s", table, what);
}

static void assert_all_is_there(struct killing *killing)
{
    sqlite_open_again(killing->fixture);
    uint32_t stored = count_stored(killing);
    assert_true(stored == killing->acknowledged || stored == killing->acknowledged + 1);
    assert_ok(store_verify(killing->fixture->store, on_damage, NULL));
    killing->acknowledged = stored;
}

static void nothing_acknowledged_is_missing_after_a_kill(void **state)
{
    struct killing killing = {.fixture = *state, .random = 4711};
    for (int round = 0; round < ROUNDS; round++) {
        kill_once(&killing);
        assert_all_is_there(&killing);
    }
    print_message("%u commits survived %d kills\n", killing.acknowledged, ROUNDS);
    assert_true(killing.acknowledged > ROUNDS);
}

/* As beside a store that was copied or brought back: what -shm says of the log is made anew, where no
 * other program has it open. */
static void the_index_of_another_log_is_not_believed(void **state)
{
    struct killing killing = {.fixture = *state, .random = 4712};
    char index[128], before[128], now[128];
    (void)snprintf(index, sizeof index, "%s-shm", killing.fixture->path);
    (void)snprintf(before, sizeof before, "%s-before", killing.fixture->path);
    (void)snprintf(now, sizeof now, "%s-now", killing.fixture->path);
    for (int round = 0; round < 5; round++) {
        kill_once(&killing);
        assert_ok(rename(index, now));
        if (round > 0)
            assert_ok(rename(before, index));
        assert_ok(rename(now, before));
        assert_all_is_there(&killing);
    }
    assert_ok(unlink(before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(nothing_acknowledged_is_missing_after_a_kill),
        ON_SQLITE(the_index_of_another_log_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
