/* The log is copied beside the commits: nothing waits for it, nothing is lost by it, and what goes wrong
 * in it is heard. With a thread on a real disk, and in steps on one that fails. */
#include "store_faulty.h"

#include <sys/stat.h>
#include <unistd.h>

#define SMALL_LOG    ((int64_t)1024 * 1024)
#define COMMITS      600
#define FILLER_BYTES 60000

static struct sqlite_store *sqlite_under(struct fixture *fixture)
{
    return (struct sqlite_store *)fixture->store;
}

static void fill_key(unsigned number, uint8_t ret_key[2])
{
    ret_key[0] = (uint8_t)(number >> 8);
    ret_key[1] = (uint8_t)number;
}

/* Its number in a row of its own, and enough beside it that the log grows. */
static void commit_number(struct store *store, unsigned number)
{
    static uint8_t filler[FILLER_BYTES];
    uint8_t key[2];
    fill_key(number, key);
    memset(filler, (int)number, sizeof filler);
    struct store_row row = {.key = span_of(key, 2), .value = span_of(key, 2)};
    struct store_row large = {
        .key = span_of(key + 1, 1), .value = span_of(filler, sizeof filler), .version = STORE_ANY};
    assert_ok(store_begin(store));
    assert_ok(store_put(store, STORE_AGREEMENT, &row, 1));
    assert_ok(store_put(store, STORE_BUNDLE, &large, 1));
    assert_ok(store_commit(store));
}

static void assert_numbers(struct fixture *fixture, unsigned count)
{
    struct store_row *rows = NULL;
    size_t found = 0;
    arena_reset(&fixture->arena);
    assert_ok(store_begin(fixture->store));
    assert_ok(store_scan(fixture->store, STORE_AGREEMENT, (struct span){0}, (struct span){0},
                         SIZE_MAX, SIZE_MAX, &fixture->arena, &rows, &found));
    store_rollback(fixture->store);
    assert_int_equal(found, count);
    for (unsigned i = 0; i < count; i++) {
        uint8_t key[2];
        fill_key(i, key);
        assert_true(span_equal(rows[i].value, span_of(key, 2)));
    }
}

static off_t bytes_of(const struct fixture *fixture, const char *suffix)
{
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s%s", fixture->path, suffix);
    assert_ok(stat(path, &status));
    return status.st_size;
}

static void no_damage(void *context, unsigned table, struct span key, const char *what)
{
    (void)context;
    (void)key;
    fail_msg("table %u: %s", table, what);
}

static void commits_go_on_while_the_log_is_copied_and_none_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    unsigned beside = 0;
    sqlite_under(fixture)->checkpoint_bytes = SMALL_LOG;
    assert_ok(store_work_beside(fixture->store));
    assert_ok(store_reader(fixture->store, &reader));
    for (unsigned i = 0; i < COMMITS; i++) {
        if (i % 50 == 0)
            assert_ok(store_begin(reader));
        commit_number(fixture->store, i);
        assert_ok(store_maintain(fixture->store));
        beside += sqlite_under(fixture)->copy.is_under_way;
        if (i % 50 == 20)
            store_rollback(reader);
    }
    store_close(reader);
    print_message("%u of %u commits returned while a copy was under way\n", beside, COMMITS);
    assert_true(beside > 10);
    /* A reader held 21 commits of it at most, and what is there when it lets go is copied. */
    assert_true(bytes_of(fixture, "-wal") < 4 * SMALL_LOG);
    assert_numbers(fixture, COMMITS);
    assert_ok(store_verify(fixture->store, no_damage, NULL));
    sqlite_open_again(fixture);
    assert_numbers(fixture, COMMITS);
    assert_ok(store_verify(fixture->store, no_damage, NULL));
}

static void closing_waits_for_a_copy_that_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    unsigned under_way = 0;
    for (unsigned i = 0; i < 40; i++) {
        sqlite_under(fixture)->checkpoint_bytes = SMALL_LOG;
        assert_ok(store_work_beside(fixture->store));
        for (unsigned n = 0; n < 3; n++)
            commit_number(fixture->store, i * 3 + n);
        sqlite_under(fixture)->checkpoint_bytes =
            (int64_t)sqlite_under(fixture)->log_pages * SQLITE_PAGE_BYTES - 1;
        assert_ok(store_maintain(fixture->store));
        under_way += sqlite_under(fixture)->copy.is_under_way;
        sqlite_open_again(fixture);
        assert_numbers(fixture, i * 3 + 3);
    }
    assert_int_equal(under_way, 40);
}

#define LOCK_OF_CHECKPOINTS 1 /* among SQLite's locks on -shm */

static void a_log_that_another_program_is_about_to_copy_is_not_taken_for_copied(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = NULL;
    sqlite3_file *file = NULL;
    commit_number(fixture->store, 0);
    sqlite_under(fixture)->checkpoint_bytes = 1;
    int log_pages = sqlite_under(fixture)->log_pages;
    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "SELECT * FROM meta", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_file_control(other, "main", SQLITE_FCNTL_FILE_POINTER, &file),
                     SQLITE_OK);
    assert_int_equal(file->pMethods->xShmLock(file, LOCK_OF_CHECKPOINTS, 1,
                                              SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE),
                     SQLITE_OK);
    assert_ok(store_maintain(fixture->store));
    assert_int_equal(sqlite_under(fixture)->log_pages, log_pages);
    assert_int_equal(file->pMethods->xShmLock(file, LOCK_OF_CHECKPOINTS, 1,
                                              SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_ok(store_maintain(fixture->store));
    assert_int_equal(sqlite_under(fixture)->log_pages, 0);
}

/* ---------------------------------------------------------------- a disk that fails */

/* So that the next maintain copies the log, and does not yet hurry. */
static void fill_log(struct fixture *fixture)
{
    struct sqlite_store *sqlite = sqlite_under(fixture);
    commit_number(fixture->store, 0);
    commit_number(fixture->store, 1);
    sqlite->checkpoint_bytes = (int64_t)sqlite->log_pages * SQLITE_PAGE_BYTES - 1;
}

static void what_is_committed_after_the_copy_outlives_a_power_cut(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = power_vfs_counts(disk).main_writes;
    fill_log(fixture);
    assert_ok(store_maintain(fixture->store));
    assert_true(sqlite_under(fixture)->copy.is_under_way);
    uint64_t copied = power_vfs_counts(disk).main_writes;
    assert_true(copied > before);
    commit_number(fixture->store, 2);
    power_vfs_cut(disk);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 3);
}

static void a_log_that_was_copied_whole_begins_again(void **state)
{
    struct fixture *fixture = *state;
    struct sqlite_store *sqlite = sqlite_under(fixture);
    fill_log(fixture);
    int long_log = sqlite->log_pages;
    assert_ok(store_maintain(fixture->store));
    commit_number(fixture->store, 2);
    assert_true(sqlite->log_pages < long_log);
    assert_ok(store_maintain(fixture->store));
    assert_false(sqlite->copy.is_under_way);
    power_vfs_cut(disk);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 3);
}

/* Readers make the difference between most and all: what one looks at is not copied over. */
static void the_rest_is_copied_by_the_writer(void **state)
{
    struct fixture *fixture = *state;
    struct sqlite_store *sqlite = sqlite_under(fixture);
    struct store *reader = NULL;
    commit_number(fixture->store, 0);
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_begin(reader));
    commit_number(fixture->store, 1);
    int long_log = sqlite->log_pages;
    sqlite->checkpoint_bytes = (int64_t)long_log * SQLITE_PAGE_BYTES - 1;
    assert_ok(store_maintain(fixture->store));
    store_rollback(reader);
    commit_number(fixture->store, 2);
    assert_true(sqlite->log_pages > long_log);
    uint64_t copied = power_vfs_counts(disk).main_writes;
    assert_ok(store_maintain(fixture->store));
    assert_false(sqlite->copy.is_under_way);
    assert_true(power_vfs_counts(disk).main_writes > copied);
    assert_int_equal(sqlite->log_pages, 0);
    commit_number(fixture->store, 3);
    assert_true(sqlite->log_pages < long_log);
    store_close(reader);
    power_vfs_cut(disk);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 4);
}

static void a_copy_whose_sync_fails_ends_the_handle(void **state)
{
    struct fixture *fixture = *state;
    fill_log(fixture);
    /* The first is of the log, which SQLite syncs once more before it copies. */
    power_vfs_fail(disk, POWER_SYNCS, 2, POWER_EIO);
    assert_err(store_maintain(fixture->store), SKP_E_OUTCOME_UNKNOWN);
    assert_true(power_vfs_has_failed(disk));
    assert_err(store_begin(fixture->store), SKP_E_OUTCOME_UNKNOWN);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 2);
}

/* Nobody asked how it went: what is on disk is unknown all the same, and the log is the one that is believed. */
static void closing_writes_nothing_after_a_copy_whose_sync_failed(void **state)
{
    struct fixture *fixture = *state;
    fill_log(fixture);
    assert_ok(store_work_beside(fixture->store));
    power_vfs_fail(disk, POWER_SYNCS, 2, POWER_EIO);
    assert_ok(store_maintain(fixture->store));
    assert_true(sqlite_under(fixture)->copy.is_under_way);
    while (!power_vfs_has_failed(disk))
        usleep(1000);
    uint64_t copied = power_vfs_counts(disk).main_writes;
    uint64_t synced = power_vfs_counts(disk).syncs;
    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(power_vfs_counts(disk).main_writes, copied);
    assert_int_equal(power_vfs_counts(disk).syncs, synced);
    power_vfs_cut(disk);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 2);
}

static void a_copy_without_room_costs_nothing_and_is_made_later(void **state)
{
    struct fixture *fixture = *state;
    fill_log(fixture);
    power_vfs_set_full(disk, true);
    assert_err(store_maintain(fixture->store), SKP_E_UNAVAILABLE);
    assert_true(store_is_tight(fixture->store));
    power_vfs_set_full(disk, false);
    int long_log = sqlite_under(fixture)->log_pages;
    assert_ok(store_maintain(fixture->store));
    commit_number(fixture->store, 2);
    assert_true(sqlite_under(fixture)->log_pages < long_log);
    sqlite_open_again(fixture);
    assert_numbers(fixture, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(commits_go_on_while_the_log_is_copied_and_none_is_lost),
        ON_SQLITE(closing_waits_for_a_copy_that_is_under_way),
        ON_SQLITE(a_log_that_another_program_is_about_to_copy_is_not_taken_for_copied),
        ON_FAULTY(what_is_committed_after_the_copy_outlives_a_power_cut),
        ON_FAULTY(a_log_that_was_copied_whole_begins_again),
        ON_FAULTY(the_rest_is_copied_by_the_writer),
        ON_FAULTY(a_copy_whose_sync_fails_ends_the_handle),
        ON_FAULTY(closing_writes_nothing_after_a_copy_whose_sync_failed),
        ON_FAULTY(a_copy_without_room_costs_nothing_and_is_made_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
