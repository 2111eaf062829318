/* The disk is full, the sync fails: what the store says then, and what is there afterwards. */
#include "store_faulty.h"

#include <errno.h>

static int early_errno; /* with which the disk does not begin early; 0: it does */

int __real_sync_file_range(int fd, off_t offset, off_t len, unsigned flags);
int __wrap_sync_file_range(int fd, off_t offset, off_t len, unsigned flags);

int __wrap_sync_file_range(int fd, off_t offset, off_t len, unsigned flags)
{
    if (early_errno == 0)
        return __real_sync_file_range(fd, offset, len, flags);
    errno = early_errno;
    return -1;
}

static char large[400000]; /* a text of several writes to the log; main() fills it */

/* One transaction; any of its calls may be the one that fails. */
static enum skp_err try_commit(struct store *store, const char *key, const char *value)
{
    enum skp_err err = store_begin(store);
    if (err == SKP_OK)
        err = put_one(store, key, value, STORE_NEW);
    return err == SKP_OK ? store_commit(store) : err;
}

static bool is_there(struct fixture *fixture, const char *key)
{
    assert_ok(store_begin(fixture->store));
    struct store_row row = get_one(fixture, fixture->store, key);
    store_rollback(fixture->store);
    return row.version > 0;
}

static void a_full_disk_refuses_reads_on_and_recovers_without_restart(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    power_vfs_set_full(disk, true);
    for (int i = 0; i < 3; i++) {
        assert_err(try_commit(fixture->store, "during", large), SKP_E_UNAVAILABLE);
        assert_non_null(strstr(fixture->store->why, "full"));
        assert_true(is_there(fixture, "before"));
        assert_false(is_there(fixture, "during"));
    }
    power_vfs_set_full(disk, false);
    assert_ok(try_commit(fixture->store, "after", large));
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "before"));
    assert_false(is_there(fixture, "during"));
    assert_true(is_there(fixture, "after"));
}

/* So large that it goes to the log before the commit. */
static void a_disk_that_fills_inside_a_large_transaction_loses_none_of_the_others(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *value = arena_calloc(&fixture->arena, 1, STORE_VALUE_MAX);
    enum skp_err err = SKP_OK;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    power_vfs_set_full(disk, true);
    assert_ok(store_begin(fixture->store));
    for (uint8_t i = 1; err == SKP_OK && i < 60; i++) {
        struct store_row row = {.key = span_of(&i, 1), .value = span_of(value, STORE_VALUE_MAX)};
        err = store_put(fixture->store, STORE_BATCH, &row, 1);
    }
    assert_err(err, SKP_E_UNAVAILABLE);
    power_vfs_set_full(disk, false);
    assert_ok(try_commit(fixture->store, "after", "x"));
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "before"));
    assert_true(is_there(fixture, "after"));
    assert_false(is_there(fixture, "\x01"));
}

static void a_full_disk_at_the_checkpoint_costs_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *value = arena_calloc(&fixture->arena, 1, STORE_VALUE_MAX);
    sqlite_shorten_the_log(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint8_t i = 1; i < 20; i++) {
        struct store_row row = {.key = span_of(&i, 1), .value = span_of(value, STORE_VALUE_MAX)};
        assert_ok(store_put(fixture->store, STORE_BATCH, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
    power_vfs_set_full(disk, true);
    assert_err(store_maintain(fixture->store), SKP_E_UNAVAILABLE);
    assert_true(is_there(fixture, "\x13"));
    power_vfs_set_full(disk, false);
    assert_ok(store_maintain(fixture->store));
    assert_ok(try_commit(fixture->store, "after", "x"));
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "\x13"));
}

static void assert_dead(struct store *store)
{
    struct arena arena;
    struct store *reader = NULL;
    struct store_row row = row_of("a", "b", STORE_NEW);
    arena_init(&arena, 1000);
    for (int i = 0; i < 2; i++) {
        assert_err(store_begin(store), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_get(store, STORE_BATCH, &row, 1, &arena), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_put(store, STORE_BATCH, &row, 1), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_remove(store, STORE_BATCH, &row, 1), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_commit(store), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_maintain(store), SKP_E_OUTCOME_UNKNOWN);
        assert_err(store_reader(store, &reader), SKP_E_OUTCOME_UNKNOWN);
        store_rollback(store);
    }
    arena_fini(&arena);
}

static void after_a_failed_sync_nothing_is_promised_any_more(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    power_vfs_fail(disk, POWER_SYNCS, 1, POWER_EIO);
    assert_err(try_commit(fixture->store, "unknown", "x"), SKP_E_OUTCOME_UNKNOWN);
    assert_dead(fixture->store);
    uint64_t syncs = power_vfs_counts(disk).syncs;
    close_store(fixture);
    assert_int_equal(power_vfs_counts(disk).syncs, syncs); /* a dead handle does not checkpoint */
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "before"));
    assert_ok(try_commit(fixture->store, "after", "x"));
}

/* A single row needs one write or several; each is the failing one once. */
static void a_write_error_in_the_commit_is_an_unknown_outcome(void **state)
{
    struct fixture *fixture = *state;
    unsigned failures = 0;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    for (unsigned at = 1; at < 20; at++) {
        char key[16];
        snprintf(key, sizeof key, "at %u", at);
        power_vfs_fail(disk, POWER_WRITES, at, POWER_EIO);
        enum skp_err err = try_commit(fixture->store, key, large);
        bool is_spent = power_vfs_has_failed(disk);
        power_vfs_fail(disk, POWER_WRITES, 0, POWER_EIO);
        assert_err(err, is_spent ? SKP_E_OUTCOME_UNKNOWN : SKP_OK);
        failures += is_spent;
        sqlite_open_again(fixture);
        assert_true(is_there(fixture, "before"));
        assert_true(is_spent || is_there(fixture, key));
    }
    assert_true(failures > 2);
}

/* The kernel tells once that it could not write, and perhaps not to the sync. */
static void what_fails_when_the_disk_begins_early_is_an_unknown_outcome(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    early_errno = ENOSYS;
    assert_ok(try_commit(fixture->store, "not early", large));
    early_errno = ENOMEM; /* nothing was begun, so nothing of it can have failed */
    assert_ok(try_commit(fixture->store, "not now", large));
    early_errno = ENOSPC;
    assert_err(try_commit(fixture->store, "unknown", large), SKP_E_OUTCOME_UNKNOWN);
    early_errno = 0;
    assert_dead(fixture->store);
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "before"));
    assert_true(is_there(fixture, "not early"));
    assert_ok(try_commit(fixture->store, "after", large));
}

static void a_quota_that_is_used_up_is_a_full_disk(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "before", "x", STORE_NEW);
    for (unsigned at = 1; at <= 3; at++) {
        power_vfs_fail(disk, POWER_WRITES, at, POWER_EDQUOT);
        assert_err(try_commit(fixture->store, "during", large), SKP_E_UNAVAILABLE);
        assert_true(power_vfs_has_failed(disk));
        assert_true(store_is_tight(fixture->store));
        assert_non_null(strstr(fixture->store->why, "full"));
        assert_ok(store_maintain(fixture->store));
        assert_false(store_is_tight(fixture->store));
        assert_false(is_there(fixture, "during"));
    }
    commit_one(fixture->store, "after", large, STORE_NEW);
    ((struct sqlite_store *)fixture->store)->checkpoint_bytes = 1;
    power_vfs_fail(disk, POWER_WRITES, 1, POWER_EDQUOT);
    assert_err(store_maintain(fixture->store), SKP_E_UNAVAILABLE);
    assert_ok(store_maintain(fixture->store));
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "before"));
    assert_true(is_there(fixture, "after"));
}

/* SQLite rolls back when it cannot read: nothing is then committed by itself. */
static void after_a_reading_that_ended_the_transaction_nothing_is_written(void **state)
{
    struct fixture *fixture = *state;
    struct store_row row = row_of("a", "", 0);
    for (unsigned way = 0; way < 3; way++) {
        sqlite_open_again(fixture);
        size_t page = (size_t)root_page(((struct sqlite_store *)fixture->store)->db, "entry");
        assert_ok(store_begin(fixture->store));
        assert_ok(put_one(fixture->store, "earlier", "x", STORE_NEW));
        power_vfs_fail_reads(disk, fixture->path, page, SQLITE_IOERR_READ);
        assert_err(store_get(fixture->store, STORE_ENTRY, &row, 1, &fixture->arena),
                   SKP_E_UNAVAILABLE);
        power_vfs_fail_reads(disk, fixture->path, page, SQLITE_OK);
        if (way == 0)
            assert_err(put_one(fixture->store, "later", "x", STORE_NEW), SKP_E_UNAVAILABLE);
        else if (way == 1)
            assert_err(remove_one(fixture->store, "later", STORE_ANY), SKP_E_UNAVAILABLE);
        else
            assert_err(store_commit(fixture->store), SKP_E_UNAVAILABLE);
        assert_false(is_there(fixture, "earlier"));
        assert_false(is_there(fixture, "later"));
        commit_one(fixture->store, "after", "x", STORE_ANY);
    }
}

static void a_failed_sync_at_the_checkpoint_ends_the_handle(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *value = arena_calloc(&fixture->arena, 1, STORE_VALUE_MAX);
    sqlite_shorten_the_log(fixture);
    assert_ok(store_begin(fixture->store));
    for (uint8_t i = 1; i < 20; i++) {
        struct store_row row = {.key = span_of(&i, 1), .value = span_of(value, STORE_VALUE_MAX)};
        assert_ok(store_put(fixture->store, STORE_BATCH, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
    power_vfs_fail(disk, POWER_SYNCS, 1, POWER_EIO);
    assert_err(store_maintain(fixture->store), SKP_E_OUTCOME_UNKNOWN);
    assert_dead(fixture->store);
    sqlite_open_again(fixture);
    assert_true(is_there(fixture, "\x13"));
}

static void every_commit_is_synced_before_it_is_acknowledged(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "first", "x", STORE_NEW);
    for (int i = 0; i < 10; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        uint64_t before = power_vfs_counts(disk).syncs;
        commit_one(fixture->store, key, "x", STORE_NEW);
        assert_int_equal(power_vfs_counts(disk).syncs, before + 1);
    }
}

/* Many pages, one behind the other in the log: more calls would cost more than they carry. */
static void a_small_commit_is_one_write_and_one_sync(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "first", "x", STORE_NEW);
    struct power_counts before = power_vfs_counts(disk);
    assert_ok(store_begin(fixture->store));
    for (unsigned table = 1; table < STORE_MAILBOX; table++) {
        struct store_row row = row_of("second", "x", STORE_NEW);
        assert_ok(store_put(fixture->store, (enum store_table)table, &row, 1));
    }
    assert_int_equal(power_vfs_counts(disk).writes, before.writes);
    assert_ok(store_commit(fixture->store));
    assert_int_equal(power_vfs_counts(disk).writes, before.writes + 1);
    assert_int_equal(power_vfs_counts(disk).syncs, before.syncs + 1);
}

/* Larger than SQLite's cache, so that its pages go to the log, come back and go there again before
 * the commit. */
static void begin_spilling(struct fixture *fixture, uint8_t *value)
{
    assert_ok(store_begin(fixture->store));
    for (unsigned round = 0; round < 2; round++) {
        for (uint8_t i = 1; i < 40; i++) {
            memset(value, (int)(i + round), STORE_VALUE_MAX);
            struct store_row row = {.key = span_of(&i, 1),
                                    .value = span_of(value, STORE_VALUE_MAX),
                                    .version = STORE_ANY};
            assert_ok(store_put(fixture->store, STORE_BATCH, &row, 1));
        }
    }
}

static void assert_spilled(struct fixture *fixture)
{
    struct arena arena;
    arena_init(&arena, (size_t)STORE_VALUE_MAX + 4096);
    assert_ok(store_begin(fixture->store));
    for (uint8_t i = 1; i < 40; i++) {
        struct store_row row = {.key = span_of(&i, 1)};
        arena_reset(&arena);
        assert_ok(store_get(fixture->store, STORE_BATCH, &row, 1, &arena));
        assert_int_equal(row.value.len, STORE_VALUE_MAX);
        assert_int_equal(row.value.data[0], i + 1);
        assert_int_equal(row.value.data[STORE_VALUE_MAX - 1], i + 1);
    }
    store_rollback(fixture->store);
    arena_fini(&arena);
}

static void a_transaction_larger_than_the_cache_is_whole_or_not_there(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *value = arena_calloc(&fixture->arena, 1, STORE_VALUE_MAX);
    begin_spilling(fixture, value);
    store_rollback(fixture->store);
    commit_one(fixture->store, "after", "x", STORE_NEW);
    assert_false(is_there(fixture, "\x01"));
    begin_spilling(fixture, value);
    assert_ok(store_commit(fixture->store));
    assert_spilled(fixture);
    power_vfs_kill(disk);
    sqlite_open_again(fixture);
    assert_spilled(fixture);
    assert_true(is_there(fixture, "after"));
}

static void opening_syncs_what_an_earlier_broker_left(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    char why[256] = "";
    close_store(fixture);
    uint64_t before = power_vfs_counts(disk).syncs;
    sqlite_open_again(fixture);
    assert_true(power_vfs_counts(disk).syncs > before);
    close_store(fixture);
    power_vfs_fail(disk, POWER_SYNCS, 1, POWER_EIO);
    assert_err(store_sqlite_open(fixture->path, true, &store, why), SKP_E_IO);
    assert_non_null(strstr(why, "disk I/O error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FAULTY(a_full_disk_refuses_reads_on_and_recovers_without_restart),
        ON_FAULTY(a_disk_that_fills_inside_a_large_transaction_loses_none_of_the_others),
        ON_FAULTY(a_full_disk_at_the_checkpoint_costs_nothing),
        ON_FAULTY(after_a_failed_sync_nothing_is_promised_any_more),
        ON_FAULTY(a_write_error_in_the_commit_is_an_unknown_outcome),
        ON_SQLITE(what_fails_when_the_disk_begins_early_is_an_unknown_outcome),
        ON_FAULTY(a_quota_that_is_used_up_is_a_full_disk),
        ON_FAULTY(after_a_reading_that_ended_the_transaction_nothing_is_written),
        ON_FAULTY(a_failed_sync_at_the_checkpoint_ends_the_handle),
        ON_FAULTY(every_commit_is_synced_before_it_is_acknowledged),
        ON_FAULTY(a_small_commit_is_one_write_and_one_sync),
        ON_FAULTY(a_transaction_larger_than_the_cache_is_whole_or_not_there),
        ON_FAULTY(opening_syncs_what_an_earlier_broker_left),
    };
    memset(large, 'x', sizeof large - 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
