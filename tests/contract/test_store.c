/* The promise of store.h, sentence by sentence, held against every backend. */
#include "store_testing.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static void what_is_put_is_got_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_row rows[] = {row_of("a", "one", STORE_NEW), row_of("b", "", STORE_NEW)};
    assert_ok(store_begin(store));
    assert_ok(store_put(store, STORE_BATCH, rows, 2));
    assert_ok(store_commit(store));

    struct store_row got[] = {row_of("b", "x", 7), row_of("missing", "x", 7), row_of("a", "x", 7)};
    assert_ok(store_begin(store));
    assert_ok(store_get(store, STORE_BATCH, got, 3, &fixture->arena));
    assert_row(got[0], "", 1);
    assert_absent(got[1]);
    assert_row(got[2], "one", 1);
    store_rollback(store);
}

static void tables_do_not_mix(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    assert_ok(store_begin(store));
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        struct store_row row = row_of("same key", store_table_name((enum store_table)table), 0);
        assert_ok(store_put(store, (enum store_table)table, &row, 1));
    }
    assert_ok(store_commit(store));
    assert_ok(store_begin(store));
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        struct store_row row = row_of("same key", "", 0);
        assert_ok(store_get(store, (enum store_table)table, &row, 1, &fixture->arena));
        assert_row(row, store_table_name((enum store_table)table), 1);
    }
    store_rollback(store);
}

static void own_writes_are_seen_before_the_commit(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_row *rows = NULL;
    size_t count = 0;
    commit_one(store, "gone", "x", STORE_NEW);
    assert_ok(store_begin(store));
    assert_ok(put_one(store, "mine", "y", STORE_NEW));
    assert_ok(remove_one(store, "gone", 1));
    assert_row(get_one(fixture, store, "mine"), "y", 1);
    assert_absent(get_one(fixture, store, "gone"));
    assert_ok(store_scan(store, STORE_BATCH, (struct span){0}, (struct span){0}, 10, 1000,
                         &fixture->arena, &rows, &count));
    assert_int_equal(count, 1);
    assert_true(span_equal(rows[0].key, span_text("mine")));
    store_rollback(store);
}

static void rollback_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    commit_one(store, "kept", "before", STORE_NEW);
    commit_one(store, "removed", "before", STORE_NEW);
    assert_ok(store_begin(store));
    assert_ok(put_one(store, "kept", "after", 1));
    assert_ok(put_one(store, "added", "after", STORE_NEW));
    assert_ok(remove_one(store, "removed", 1));
    store_rollback(store);
    store_rollback(store);
    assert_ok(store_begin(store));
    assert_row(get_one(fixture, store, "kept"), "before", 1);
    assert_row(get_one(fixture, store, "removed"), "before", 1);
    assert_absent(get_one(fixture, store, "added"));
    store_rollback(store);
}

static void versions_count_every_put(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    commit_one(store, "a", "1", STORE_ANY);
    commit_one(store, "a", "2", 1);
    commit_one(store, "a", "3", STORE_ANY);
    assert_ok(store_begin(store));
    assert_ok(put_one(store, "a", "4", 3));
    assert_ok(put_one(store, "a", "5", 4));
    assert_row(get_one(fixture, store, "a"), "5", 5);
    assert_ok(remove_one(store, "a", 5));
    assert_ok(put_one(store, "a", "again", STORE_NEW));
    assert_row(get_one(fixture, store, "a"), "again", 1);
    assert_ok(store_commit(store));
}

/* A backend may notice a conflict as late as the commit. */
static void assert_conflict(struct fixture *fixture, enum skp_err err)
{
    if (err == SKP_OK)
        err = store_commit(fixture->store);
    assert_err(err, SKP_E_CONFLICT);
    assert_non_null(strstr(fixture->store->why, "batch"));
    assert_ok(store_begin(fixture->store));
    assert_absent(get_one(fixture, fixture->store, "bystander"));
    assert_row(get_one(fixture, fixture->store, "a"), "two", 2);
    store_rollback(fixture->store);
}

static void begin_with_bystander(struct fixture *fixture)
{
    assert_ok(store_begin(fixture->store));
    assert_ok(put_one(fixture->store, "bystander", "x", STORE_NEW));
}

static void a_wrong_version_ends_the_whole_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    commit_one(store, "a", "one", STORE_NEW);
    commit_one(store, "a", "two", 1);
    begin_with_bystander(fixture);
    assert_conflict(fixture, put_one(store, "a", "new", STORE_NEW));
    begin_with_bystander(fixture);
    assert_conflict(fixture, put_one(store, "a", "stale", 1));
    begin_with_bystander(fixture);
    assert_conflict(fixture, put_one(store, "a", "ahead", 3));
    begin_with_bystander(fixture);
    assert_conflict(fixture, put_one(store, "missing", "x", 1));
    begin_with_bystander(fixture);
    assert_conflict(fixture, remove_one(store, "a", 1));
    begin_with_bystander(fixture);
    assert_conflict(fixture, remove_one(store, "a", STORE_NEW));
    begin_with_bystander(fixture);
    assert_conflict(fixture, remove_one(store, "missing", 1));
}

static void removing_what_is_not_there_is_fine_when_nothing_was_expected(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    commit_one(store, "a", "one", STORE_NEW);
    assert_ok(store_begin(store));
    assert_ok(remove_one(store, "missing", STORE_ANY));
    assert_ok(remove_one(store, "missing", STORE_NEW));
    assert_ok(remove_one(store, "a", STORE_ANY));
    assert_ok(store_commit(store));
    assert_ok(store_begin(store));
    assert_absent(get_one(fixture, store, "a"));
    store_rollback(store);
}

static void keys_and_values_may_be_as_long_as_the_limits(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    uint8_t key[STORE_KEY_MAX];
    memset(key, 0xff, sizeof key);
    uint8_t *value = arena_calloc(&fixture->arena, 1, STORE_VALUE_MAX);
    value[STORE_VALUE_MAX - 1] = 1;
    struct store_row row = {.key = span_of(key, sizeof key),
                            .value = span_of(value, STORE_VALUE_MAX)};
    assert_ok(store_begin(store));
    assert_ok(store_put(store, STORE_BUNDLE, &row, 1));
    assert_ok(store_commit(store));
    struct store_row got = {.key = row.key};
    assert_ok(store_begin(store));
    assert_ok(store_get(store, STORE_BUNDLE, &got, 1, &fixture->arena));
    assert_true(span_equal(got.value, row.value));
    store_rollback(store);
}

static void a_full_arena_is_said_and_costs_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct arena small;
    struct store_row row = row_of("a", "", 0);
    struct store_row *rows = NULL;
    size_t count = 0;
    commit_one(fixture->store, "a", "a value of more than thirty-two bytes", STORE_NEW);
    arena_init(&small, 32);
    assert_ok(store_begin(fixture->store));
    assert_err(store_get(fixture->store, STORE_BATCH, &row, 1, &small), SKP_E_NO_MEMORY);
    assert_err(store_scan(fixture->store, STORE_BATCH, row.key, (struct span){0}, 5, 5, &small,
                          &rows, &count),
               SKP_E_NO_MEMORY);
    assert_null(rows);
    assert_row(get_one(fixture, fixture->store, "a"), "a value of more than thirty-two bytes", 1);
    assert_ok(store_commit(fixture->store));
    arena_fini(&small);
}

static void a_reader_sees_only_what_is_committed_when_it_begins(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    commit_one(fixture->store, "a", "one", STORE_NEW);
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_begin(fixture->store));
    assert_ok(put_one(fixture->store, "a", "two", 1));
    assert_ok(store_begin(reader));
    assert_row(get_one(fixture, reader, "a"), "one", 1);
    assert_ok(store_commit(fixture->store));
    assert_row(get_one(fixture, reader, "a"), "one", 1);
    store_rollback(reader);
    assert_ok(store_begin(reader));
    assert_row(get_one(fixture, reader, "a"), "two", 2);
    store_close(reader);
}

static void a_snapshot_stands_still_from_its_begin(void **state)
{
    struct fixture *fixture = *state;
    struct store *readers[2] = {NULL};
    commit_one(fixture->store, "a", "one", STORE_NEW);
    commit_one(fixture->store, "b", "one", STORE_NEW);
    for (size_t i = 0; i < 2; i++)
        assert_ok(store_reader(fixture->store, &readers[i]));
    assert_ok(store_begin(readers[0]));
    assert_ok(store_begin(fixture->store));
    assert_ok(remove_one(fixture->store, "a", 1));
    assert_ok(put_one(fixture->store, "b", "two", 1));
    assert_ok(store_commit(fixture->store));
    assert_ok(store_begin(readers[1]));
    assert_row(get_one(fixture, readers[0], "a"), "one", 1);
    assert_row(get_one(fixture, readers[0], "b"), "one", 1);
    assert_absent(get_one(fixture, readers[1], "a"));
    assert_row(get_one(fixture, readers[1], "b"), "two", 2);
    store_close(readers[0]);
    store_close(readers[1]);
}

#define BULK_ROWS 50000

static void fill_bulk_key(size_t i, uint8_t *ret_key)
{
    /* Multiplied by a number that shares no factor with 2^32, so that they spread and never meet.
     */
    uint32_t spread = (uint32_t)i * UINT32_C(2654435761);
    for (size_t byte = 0; byte < 4; byte++)
        ret_key[byte] = (uint8_t)(spread >> (24 - 8 * byte));
}

static void fifty_thousand_rows_come_back_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct store_row *rows = arena_calloc(&fixture->arena, BULK_ROWS, sizeof *rows);
    uint8_t *keys = arena_alloc(&fixture->arena, (size_t)BULK_ROWS * 4);
    for (size_t i = 0; i < BULK_ROWS; i++) {
        fill_bulk_key(i, keys + 4 * i);
        rows[i].key = span_of(keys + 4 * i, 4);
        rows[i].value = rows[i].key;
    }
    assert_ok(store_begin(fixture->store));
    assert_ok(store_put(fixture->store, STORE_PAGE, rows, BULK_ROWS));
    assert_ok(store_commit(fixture->store));

    struct store_row *found = NULL;
    size_t count = 0;
    assert_ok(store_begin(fixture->store));
    assert_ok(store_scan(fixture->store, STORE_PAGE, (struct span){0}, (struct span){0}, SIZE_MAX,
                         SIZE_MAX, &fixture->arena, &found, &count));
    assert_int_equal(count, BULK_ROWS);
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(found[i - 1].key.data, found[i].key.data, 4) < 0);
    assert_ok(store_get(fixture->store, STORE_PAGE, rows, BULK_ROWS, &fixture->arena));
    for (size_t i = 0; i < BULK_ROWS; i++)
        assert_true(rows[i].version == 1 && span_equal(rows[i].key, rows[i].value));
    store_rollback(fixture->store);
}

#define TRANSFERS 300
#define LOOKS     50

struct onlooker {
    struct store *reader;
    atomic_bool stop;
    bool is_wrong;
    atomic_size_t looks;
};

/* Two rows that are always put together: whoever sees them apart sees half a transaction. */
static void *look_on(void *context)
{
    struct onlooker *onlooker = context;
    struct arena arena;
    arena_init(&arena, 65536);
    while (!atomic_load(&onlooker->stop)) {
        struct store_row rows[] = {row_of("left", "", 0), row_of("right", "", 0)};
        arena_reset(&arena);
        if (store_begin(onlooker->reader) != SKP_OK ||
            store_get(onlooker->reader, STORE_CASE, rows, 2, &arena) != SKP_OK ||
            !span_equal(rows[0].value, rows[1].value) || rows[0].version != rows[1].version)
            onlooker->is_wrong = true;
        store_rollback(onlooker->reader);
        atomic_fetch_add(&onlooker->looks, 1);
    }
    arena_fini(&arena);
    return NULL;
}

static void transfer(struct store *store, unsigned i)
{
    char value[16];
    snprintf(value, sizeof value, "%u", i);
    struct store_row rows[] = {row_of("left", value, i), row_of("right", value, i)};
    assert_ok(store_begin(store));
    assert_ok(store_put(store, STORE_CASE, &rows[0], 1));
    assert_ok(store_put(store, STORE_CASE, &rows[1], 1));
    assert_ok(store_commit(store));
    assert_ok(store_maintain(store));
}

static void readers_on_other_threads_never_see_half_a_transaction(void **state)
{
    struct fixture *fixture = *state;
    struct onlooker onlookers[2] = {0};
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++) {
        assert_ok(store_reader(fixture->store, &onlookers[i].reader));
        assert_ok(pthread_create(&threads[i], NULL, look_on, &onlookers[i]));
    }
    for (unsigned i = 0; i < TRANSFERS || atomic_load(&onlookers[0].looks) < LOOKS ||
                         atomic_load(&onlookers[1].looks) < LOOKS;
         i++)
        transfer(fixture->store, i);
    for (size_t i = 0; i < 2; i++) {
        atomic_store(&onlookers[i].stop, true);
        assert_ok(pthread_join(threads[i], NULL));
        store_close(onlookers[i].reader);
    }
    assert_false(onlookers[0].is_wrong || onlookers[1].is_wrong);
}

static void on_no_damage(void *context, unsigned table, struct span key, const char *what)
{
    (void)context;
    (void)key;
    fail_msg("damage told in a sound store: table %u, %s", table, what);
}

static void a_sound_store_verifies(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    assert_ok(store_verify(fixture->store, on_no_damage, NULL));
    commit_one(fixture->store, "a", "x", STORE_NEW);
    commit_one(fixture->store, "b", "", STORE_NEW);
    assert_ok(store_verify(fixture->store, on_no_damage, NULL));
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_verify(reader, on_no_damage, NULL));
    store_close(reader);
}

static void put_key_of(struct store *store, size_t key_len, size_t value_len)
{
    static const uint8_t bytes[STORE_VALUE_MAX + 1];
    struct store_row row = {.key = span_of(bytes, key_len), .value = span_of(bytes, value_len)};
    enum skp_err err = store_begin(store);
    if (err == SKP_OK)
        err = store_put(store, STORE_BATCH, &row, 1);
    (void)err;
}

static void put_no_key(struct store *store)
{
    put_key_of(store, 0, 1);
}

static void put_long_key(struct store *store)
{
    put_key_of(store, STORE_KEY_MAX + 1, 1);
}

static void put_long_value(struct store *store)
{
    put_key_of(store, 1, STORE_VALUE_MAX + 1);
}

static void put_without_begin(struct store *store)
{
    (void)!put_one(store, "a", "b", STORE_NEW);
}

static void begin_twice(struct store *store)
{
    (void)!store_begin(store);
    (void)!store_begin(store);
}

static void put_in_no_table(struct store *store)
{
    struct store_row row = row_of("a", "b", STORE_NEW);
    (void)!store_begin(store);
    (void)!store_put(store, STORE_TABLE_END, &row, 1);
}

static void put_on_a_reader(struct store *store)
{
    struct store *reader = NULL;
    (void)!store_reader(store, &reader);
    (void)!store_begin(reader);
    (void)!put_one(reader, "a", "b", STORE_NEW);
}

/* In a child, because asserts stay on and end the process. */
static void assert_aborts(struct store *store, void (*misuse)(struct store *store))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        misuse(store);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void misuse_ends_the_process(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_aborts(store, put_no_key);
    assert_aborts(store, put_long_key);
    assert_aborts(store, put_long_value);
    assert_aborts(store, put_without_begin);
    assert_aborts(store, begin_twice);
    assert_aborts(store, put_in_no_table);
    assert_aborts(store, put_on_a_reader);
}

static void put_twice_in_one_call(struct store *store)
{
    struct store_row rows[] = {row_of("a", "b", STORE_ANY), row_of("a", "c", STORE_ANY)};
    (void)!store_begin(store);
    (void)!store_put(store, STORE_BATCH, rows, 2);
}

static void the_reference_refuses_a_key_twice_in_one_call(void **state)
{
    assert_aborts(((struct fixture *)*state)->store, put_twice_in_one_call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_is_put_is_got_back),
        ON_BOTH(tables_do_not_mix),
        ON_BOTH(own_writes_are_seen_before_the_commit),
        ON_BOTH(rollback_leaves_nothing),
        ON_BOTH(versions_count_every_put),
        ON_BOTH(a_wrong_version_ends_the_whole_transaction),
        ON_BOTH(removing_what_is_not_there_is_fine_when_nothing_was_expected),
        ON_BOTH(keys_and_values_may_be_as_long_as_the_limits),
        ON_BOTH(a_full_arena_is_said_and_costs_nothing),
        ON_BOTH(a_reader_sees_only_what_is_committed_when_it_begins),
        ON_BOTH(a_snapshot_stands_still_from_its_begin),
        ON_BOTH(fifty_thousand_rows_come_back_in_order),
        ON_BOTH(readers_on_other_threads_never_see_half_a_transaction),
        ON_BOTH(a_sound_store_verifies),
        ON_BOTH(misuse_ends_the_process),
        {"the_reference_refuses_a_key_twice_in_one_call",
         the_reference_refuses_a_key_twice_in_one_call, open_memory, close_fixture, NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
