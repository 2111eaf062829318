/* Whatever changes in the file behind the store's back is noticed, and hides nothing beside it. */
#include "store_testing.h"

#include "store_sqlite_internal.h"

#include <fcntl.h>

struct damage {
    size_t count;
    char table[32];
    char key[32];
};

static void on_damage(void *context, unsigned table, struct span key, const char *what)
{
    struct damage *damage = context;
    assert_true(strlen(what) > 0);
    assert_true(key.len < sizeof damage->key);
    damage->count++;
    snprintf(damage->table, sizeof damage->table, "%s", table > 0 ? store_table_name(table) : "");
    snprintf(damage->key, sizeof damage->key, "%.*s", (int)key.len, (const char *)key.data);
}

/* Changes a row behind the store's back; then it can neither be read nor hide from verify. */
static void assert_damage_is_noticed(struct fixture *fixture, const char *sql, const char *key)
{
    struct store_row row = row_of(key, "", 0);
    struct store_row *rows = NULL;
    struct damage damage = {0};
    size_t count = 0;
    close_store(fixture);
    raw_sql(fixture, sql);
    sqlite_open_again(fixture);

    assert_ok(store_begin(fixture->store));
    assert_err(store_get(fixture->store, STORE_BATCH, &row, 1, &fixture->arena), SKP_E_DATA_LOSS);
    assert_non_null(strstr(fixture->store->why, "table batch"));
    assert_null(strstr(fixture->store->why, key));
    assert_err(store_scan(fixture->store, STORE_BATCH, (struct span){0}, (struct span){0}, 100, 100,
                          &fixture->arena, &rows, &count),
               SKP_E_DATA_LOSS);
    assert_row(get_one(fixture, fixture->store, "zz"), "sound", 1);
    store_rollback(fixture->store);

    assert_err(store_verify(fixture->store, on_damage, &damage), SKP_E_DATA_LOSS);
    assert_int_equal(damage.count, 1);
    assert_string_equal(damage.table, "batch");
    assert_string_equal(damage.key, key);
}

static void commit_sound_rows(struct fixture *fixture)
{
    commit_one(fixture->store, "key-a", "value", STORE_NEW);
    commit_one(fixture->store, "zz", "sound", STORE_NEW);
}

static void a_changed_value_is_data_loss(void **state)
{
    commit_sound_rows(*state);
    assert_damage_is_noticed(*state, "UPDATE batch SET value=x'76616c7564' WHERE key=x'6b65792d61'",
                             "key-a");
}

static void a_changed_key_is_data_loss(void **state)
{
    commit_sound_rows(*state);
    assert_damage_is_noticed(*state,
                             "UPDATE batch SET key=CAST('key-b' AS BLOB) WHERE value="
                             "CAST('value' AS BLOB)",
                             "key-b");
}

static void a_byte_moved_from_value_to_key_is_data_loss(void **state)
{
    commit_sound_rows(*state);
    assert_damage_is_noticed(*state,
                             "UPDATE batch SET key=CAST('key-av' AS BLOB), "
                             "value=CAST('alue' AS BLOB) WHERE value=CAST('value' AS BLOB)",
                             "key-av");
}

static void a_row_from_another_table_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    struct store_row row = row_of("key-a", "value", STORE_NEW);
    assert_ok(store_begin(fixture->store));
    assert_ok(store_put(fixture->store, STORE_RECORD, &row, 1));
    assert_ok(store_commit(fixture->store));
    commit_one(fixture->store, "zz", "sound", STORE_NEW);
    assert_damage_is_noticed(fixture, "INSERT INTO batch SELECT * FROM record", "key-a");
}

static void verify_goes_on_after_the_first_damage(void **state)
{
    struct fixture *fixture = *state;
    struct damage damage = {0};
    for (char c = 'a'; c <= 'j'; c++)
        commit_one(fixture->store, (char[]){c, '\0'}, "value", STORE_NEW);
    close_store(fixture);
    raw_sql(fixture, "UPDATE batch SET sum=sum+1 WHERE key IN (x'62', x'63', x'69')");
    sqlite_open_again(fixture);
    assert_err(store_verify(fixture->store, on_damage, &damage), SKP_E_DATA_LOSS);
    assert_int_equal(damage.count, 3);
    assert_string_equal(damage.key, "i");
    assert_non_null(strstr(fixture->store->why, "3 places"));
}

/* Overwrites the middle of the file, where by now only pages of table page are. */
static void scratch_file(const struct fixture *fixture)
{
    uint8_t scratch[8192];
    struct stat status;
    memset(scratch, 0x5a, sizeof scratch);
    int fd = open(fixture->path, O_RDWR);
    assert_ok(fstat(fd, &status));
    off_t middle = status.st_size / 2 / 8192 * 8192;
    assert_int_equal(pwrite(fd, scratch, sizeof scratch, middle), sizeof scratch);
    close(fd);
}

static void a_scratched_page_is_data_loss_and_verify_reads_the_other_tables(void **state)
{
    struct fixture *fixture = *state;
    struct damage damage = {0};
    char value[512];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_ok(store_begin(fixture->store));
    for (unsigned i = 0; i < 2000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%06u", i);
        struct store_row row = row_of(key, value, STORE_NEW);
        assert_ok(store_put(fixture->store, STORE_PAGE, &row, 1));
    }
    struct store_row last = row_of("the last", "x", STORE_NEW);
    assert_ok(store_put(fixture->store, STORE_COMMIT, &last, 1));
    assert_ok(store_commit(fixture->store));
    close_store(fixture);
    scratch_file(fixture);
    raw_sql(fixture, "UPDATE commit_link SET sum=0");
    sqlite_open_again(fixture);
    assert_err(store_verify(fixture->store, on_damage, &damage), SKP_E_DATA_LOSS);
    assert_true(damage.count >= 2);
    assert_string_equal(damage.table, "commit_link");
}

static off_t root_page(const struct fixture *fixture, const char *table)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name=?1", -1,
                                        &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    off_t page = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return (page - 1) * SQLITE_PAGE_BYTES;
}

static void flip(const char *path, off_t at, uint8_t bits)
{
    uint8_t byte = 0;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= bits;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

#define AT_CELL_COUNT 4 /* its lower byte, in a page of a tree */

/* One bit less in the count of a page, and its last row would be gone without a trace. */
static void a_row_that_a_flipped_bit_hides_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    static const char *const keys[] = {"a", "b", "c"};
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(fixture->store));
    for (size_t i = 0; i < 3; i++) {
        struct store_row row = row_of(keys[i], "x", STORE_NEW);
        assert_ok(store_put(fixture->store, STORE_ENTRY, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
    close_store(fixture);
    flip(fixture->path, root_page(fixture, "entry") + AT_CELL_COUNT, 1);
    sqlite_open_again(fixture);
    assert_ok(store_begin(fixture->store));
    assert_err(store_scan(fixture->store, STORE_ENTRY, span_text("a"), span_of(NULL, 0), 10, 1000,
                          &fixture->arena, &rows, &count),
               SKP_E_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(a_changed_value_is_data_loss),
        ON_SQLITE(a_changed_key_is_data_loss),
        ON_SQLITE(a_byte_moved_from_value_to_key_is_data_loss),
        ON_SQLITE(a_row_from_another_table_is_data_loss),
        ON_SQLITE(verify_goes_on_after_the_first_damage),
        ON_SQLITE(a_scratched_page_is_data_loss_and_verify_reads_the_other_tables),
        ON_SQLITE(a_row_that_a_flipped_bit_hides_is_data_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
