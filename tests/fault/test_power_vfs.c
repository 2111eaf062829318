/* The disk that loses power, by itself: what was synced stays, what was not is kept, dropped or
 * torn, and the same seed does the same again. */
#include "testing.h"

#include "power_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static sqlite3 *open_db(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open("/nowhere/power.db", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static int run(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int count_rows(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int count = -1;
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

static bool is_sound(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    bool is_ok = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL) == 0 &&
                 sqlite3_step(statement) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    sqlite3_finalize(statement);
    return is_ok;
}

#define SETTINGS "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"

/* Rows committed with FULL, then a cut: what is there afterwards. */
static void synced_commits_survive_every_cut(void **state)
{
    struct power_loss loss = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct power_vfs *disk = power_vfs_new(seed);
        sqlite3 *db = open_db(SETTINGS "PRAGMA synchronous=FULL; CREATE TABLE t(x)");
        int committed = 0;
        power_vfs_fail(disk, POWER_ANY, 1 + seed, POWER_CUT);
        while (run(db, "INSERT INTO t VALUES(zeroblob(3000))") == SQLITE_OK) {
            committed++;
            if (committed % 7 == 0)
                (void)run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
        assert_true(power_vfs_is_off(disk));
        power_vfs_cut(disk);
        assert_int_not_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_OK);
        sqlite3_close(db);
        db = open_db("");
        assert_in_range(count_rows(db), committed, committed + 1);
        assert_true(is_sound(db));
        sqlite3_close(db);
        loss.kept += power_vfs_counts(disk).loss.kept;
        loss.dropped += power_vfs_counts(disk).loss.dropped;
        loss.torn += power_vfs_counts(disk).loss.torn;
        power_vfs_free(disk);
    }
    assert_true(loss.kept > 0 && loss.dropped > 0 && loss.torn > 0);
}

/* The disk is a disk: a weaker setting loses something. */
static void commits_that_were_not_synced_are_lost_at_some_cut(void **state)
{
    int lost = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct power_vfs *disk = power_vfs_new(seed);
        sqlite3 *db = open_db(SETTINGS "PRAGMA synchronous=NORMAL; CREATE TABLE t(x)");
        for (int i = 0; i < 20; i++)
            assert_int_equal(run(db, "INSERT INTO t VALUES(zeroblob(3000))"), SQLITE_OK);
        power_vfs_cut(disk);
        sqlite3_close(db);
        db = open_db("CREATE TABLE IF NOT EXISTS t(x)");
        assert_true(is_sound(db));
        lost += count_rows(db) < 20;
        sqlite3_close(db);
        power_vfs_free(disk);
    }
    assert_true(lost > 5);
}

static void a_killed_process_leaves_what_it_wrote_until_the_power_goes(void **state)
{
    int lost = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct power_vfs *disk = power_vfs_new(seed);
        sqlite3 *db = open_db(SETTINGS "PRAGMA synchronous=OFF; CREATE TABLE t(x)");
        assert_int_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_OK);
        power_vfs_kill(disk);
        sqlite3 *next = open_db("PRAGMA synchronous=OFF");
        assert_int_equal(count_rows(next), 1);
        power_vfs_cut(disk);
        sqlite3_close(db);
        sqlite3_close(next);
        assert_int_equal(sqlite3_open("/nowhere/power.db", &db), SQLITE_OK);
        lost += count_rows(db) < 1;
        sqlite3_close(db);
        power_vfs_free(disk);
    }
    assert_true(lost > 5);
}

static uint64_t one_history(uint64_t seed)
{
    struct power_vfs *disk = power_vfs_new(seed);
    sqlite3 *db = open_db(SETTINGS "PRAGMA synchronous=NORMAL; CREATE TABLE t(x)");
    for (int i = 0; i < 10; i++)
        assert_int_equal(run(db, "INSERT INTO t VALUES(randomblob(1000))"), SQLITE_OK);
    power_vfs_cut(disk);
    sqlite3_close(db);
    uint64_t print = power_vfs_fingerprint(disk);
    power_vfs_free(disk);
    return print;
}

static void the_same_seed_loses_the_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        assert_true(one_history(seed) == one_history(seed));
        assert_true(one_history(seed) != one_history(seed + 1));
    }
}

static void single_calls_fail_as_ordered(void **state)
{
    struct power_vfs *disk = power_vfs_new(1);
    sqlite3 *db = open_db(SETTINGS "PRAGMA synchronous=FULL; CREATE TABLE t(x)");
    (void)state;
    power_vfs_fail(disk, POWER_SYNCS, 1, POWER_EIO);
    assert_int_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_IOERR);
    assert_true(power_vfs_has_failed(disk));
    power_vfs_fail(disk, POWER_ANY, 1, POWER_ENOSPC);
    assert_int_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_FULL);
    power_vfs_fail(disk, POWER_WRITES, 2, POWER_SHORT);
    assert_int_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_FULL);
    power_vfs_set_full(disk, true);
    assert_int_equal(run(db, "INSERT INTO t VALUES(zeroblob(100000))"), SQLITE_FULL);
    power_vfs_set_full(disk, false);
    assert_int_equal(run(db, "INSERT INTO t VALUES(1)"), SQLITE_OK);
    assert_int_equal(count_rows(db), 1);
    sqlite3_close(db);
    power_vfs_free(disk);
}

/* Two connections: locks and the index of the log are shared, as between processes. */
static void a_reader_and_a_writer_see_each_other(void **state)
{
    struct power_vfs *disk = power_vfs_new(1);
    sqlite3 *writer =
        open_db(SETTINGS "CREATE TABLE t(x); BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
    sqlite3 *reader = open_db("BEGIN");
    (void)state;
    assert_int_equal(count_rows(reader), 0);
    assert_int_equal(run(reader, "INSERT INTO t VALUES(2)"), SQLITE_BUSY);
    assert_int_equal(run(writer, "COMMIT"), SQLITE_OK);
    assert_int_equal(count_rows(reader), 0);
    assert_int_equal(run(reader, "COMMIT"), SQLITE_OK);
    assert_int_equal(count_rows(reader), 1);
    sqlite3_close(reader);
    sqlite3_close(writer);
    power_vfs_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synced_commits_survive_every_cut),
        cmocka_unit_test(commits_that_were_not_synced_are_lost_at_some_cut),
        cmocka_unit_test(a_killed_process_leaves_what_it_wrote_until_the_power_goes),
        cmocka_unit_test(the_same_seed_loses_the_same_bytes),
        cmocka_unit_test(single_calls_fail_as_ordered),
        cmocka_unit_test(a_reader_and_a_writer_see_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
