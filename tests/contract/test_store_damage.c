/* Whatever changes in the file behind the store's back is noticed, and hides nothing beside it. */
#include "store_faulty.h"

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

/* No sum holds it, but a row that is there was written at least once. */
static void a_version_that_no_row_has_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    commit_sound_rows(fixture);
    assert_damage_is_noticed(fixture, "UPDATE batch SET version=0 WHERE key=x'6b65792d61'",
                             "key-a");
    close_store(fixture);
    raw_sql(fixture, "UPDATE batch SET version=-7 WHERE key=x'6b65792d61'");
    sqlite_open_again(fixture);
    struct store_row row = row_of("key-a", "", 0);
    assert_ok(store_begin(fixture->store));
    assert_err(store_get(fixture->store, STORE_BATCH, &row, 1, &fixture->arena), SKP_E_DATA_LOSS);
    assert_ok(store_take_damaged(fixture->store, STORE_BATCH, &row, &fixture->arena));
    assert_true(row.version > 0);
    assert_ok(store_commit(fixture->store));
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

static void commit_entries(struct fixture *fixture)
{
    static const char *const keys[] = {"a", "b", "c"};
    assert_ok(store_begin(fixture->store));
    for (size_t i = 0; i < 3; i++) {
        struct store_row row = row_of(keys[i], "x", STORE_NEW);
        assert_ok(store_put(fixture->store, STORE_ENTRY, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
}

static off_t page_of_entries(struct fixture *fixture)
{
    return root_page(((struct sqlite_store *)fixture->store)->db, "entry");
}

static void assert_no_entry_hides(struct fixture *fixture, struct store *store)
{
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(store));
    assert_err(store_scan(store, STORE_ENTRY, span_text("a"), span_of(NULL, 0), 10, 1000,
                          &fixture->arena, &rows, &count),
               SKP_E_DATA_LOSS);
    store_rollback(store);
}

/* One bit less in the count of a page, and its last row would be gone without a trace. */
static void a_row_that_a_flipped_bit_hides_is_data_loss(void **state)
{
    struct fixture *fixture = *state;
    commit_entries(fixture);
    off_t page = page_of_entries(fixture);
    close_store(fixture);
    flip(fixture->path, page + AT_CELL_COUNT, 1);
    sqlite_open_again(fixture);
    assert_no_entry_hides(fixture, fixture->store);
}

/* So large that the file grows, and its first page, which counts the others, comes into the log. */
static void commit_large(struct fixture *fixture, uint8_t key)
{
    static uint8_t value[STORE_VALUE_MAX];
    struct store_row row = {.key = span_of(&key, 1), .value = span_of(value, sizeof value)};
    assert_ok(store_begin(fixture->store));
    assert_ok(store_put(fixture->store, STORE_BUNDLE, &row, 1));
    assert_ok(store_commit(fixture->store));
}

static struct span read_file(struct fixture *fixture, const char *suffix)
{
    struct stat status;
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s", fixture->path, suffix);
    int fd = open(path, O_RDONLY);
    assert_ok(fstat(fd, &status));
    uint8_t *bytes = arena_calloc(&fixture->arena, 1, (size_t)status.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
    close(fd);
    return span_of(bytes, (size_t)status.st_size);
}

static void write_file(struct fixture *fixture, const char *suffix, struct span bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s%s", fixture->path, suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes.data, bytes.len), (ssize_t)bytes.len);
    close(fd);
}

static void a_start_after_a_kill_holds_pages_against_their_sums(void **state)
{
    struct fixture *fixture = *state;
    commit_entries(fixture);
    sqlite_open_again(fixture);
    off_t page = page_of_entries(fixture);
    commit_large(fixture, 1);
    struct span file = read_file(fixture, "");
    struct span log = read_file(fixture, "-wal");
    close_store(fixture);
    write_file(fixture, "", file);
    write_file(fixture, "-wal", log);
    flip(fixture->path, page + AT_CELL_COUNT, 1);
    sqlite_open_again(fixture);
    assert_no_entry_hides(fixture, fixture->store);
}

#define BEYOND_CACHE 24 /* values of 1 MiB: what was read before them is read again */

static void the_first_run_of_a_store_holds_pages_against_their_sums(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    commit_entries(fixture);
    for (uint8_t i = 1; i <= BEYOND_CACHE; i++)
        commit_large(fixture, i);
    ((struct sqlite_store *)fixture->store)->checkpoint_bytes = 1;
    assert_ok(store_maintain(fixture->store));
    flip(fixture->path, page_of_entries(fixture) + AT_CELL_COUNT, 1);
    assert_no_entry_hides(fixture, fixture->store);
    commit_large(fixture, BEYOND_CACHE + 1);
    assert_ok(store_reader(fixture->store, &reader));
    assert_no_entry_hides(fixture, reader);
    store_close(reader);
}

#define CUT_ROWS 200

/* What is not there any more reads as zeros: rows without a key, which no search finds. */
static void a_page_that_the_end_of_the_file_cuts_in_two_hides_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    unsigned lost = 0;
    struct store_row last = {.version = STORE_ANY};
    char keys[CUT_ROWS][16];
    char value[128];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    assert_ok(store_begin(fixture->store));
    for (unsigned i = 0; i < CUT_ROWS; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%06u", i);
        struct store_row row = row_of(keys[i], value, STORE_NEW);
        assert_ok(store_put(fixture->store, STORE_ENTRY, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
    close_store(fixture);
    assert_ok(stat(fixture->path, &status));
    assert_ok(truncate(fixture->path, status.st_size - SQLITE_PAGE_BYTES / 2));
    sqlite_open_again(fixture);
    assert_ok(store_begin(fixture->store));
    for (unsigned i = 0; i < CUT_ROWS; i++) {
        struct store_row row = row_of(keys[i], "", 0);
        enum skp_err err = store_get(fixture->store, STORE_ENTRY, &row, 1, &fixture->arena);
        if (!err)
            assert_row(row, value, 1);
        else
            last.key = row.key;
        lost += err == SKP_E_DATA_LOSS;
    }
    assert_in_range(lost, 1, CUT_ROWS / 2);
    assert_err(store_put(fixture->store, STORE_ENTRY, &last, 1), SKP_E_DATA_LOSS);
}

/* A sector that the disk cannot read hurts who needs what is on it, and nobody's transaction. */
static void a_page_that_cannot_be_read_is_data_loss_and_the_transaction_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct damage damage = {0};
    struct store_row row = row_of("a", "", 0);
    commit_entries(fixture);
    sqlite_open_again(fixture);
    power_vfs_fail_reads(disk, fixture->path, (size_t)page_of_entries(fixture) + 5000,
                         SQLITE_IOERR_CORRUPTFS);
    assert_ok(store_begin(fixture->store));
    assert_err(store_get(fixture->store, STORE_ENTRY, &row, 1, &fixture->arena), SKP_E_DATA_LOSS);
    assert_int_equal(fixture->store->damaged.table, 0);
    assert_ok(put_one(fixture->store, "beside", "x", STORE_NEW));
    assert_ok(store_commit(fixture->store));
    assert_no_entry_hides(fixture, fixture->store);
    assert_err(store_verify(fixture->store, on_damage, &damage), SKP_E_DATA_LOSS);
    assert_true(damage.count >= 2); /* the page, and the table it is of */
    sqlite_open_again(fixture);
    assert_ok(store_begin(fixture->store));
    assert_row(get_one(fixture, fixture->store, "beside"), "x", 1);
    store_rollback(fixture->store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(a_changed_value_is_data_loss),
        ON_SQLITE(a_version_that_no_row_has_is_data_loss),
        ON_SQLITE(a_changed_key_is_data_loss),
        ON_SQLITE(a_byte_moved_from_value_to_key_is_data_loss),
        ON_SQLITE(a_row_from_another_table_is_data_loss),
        ON_SQLITE(verify_goes_on_after_the_first_damage),
        ON_SQLITE(a_scratched_page_is_data_loss_and_verify_reads_the_other_tables),
        ON_SQLITE(a_row_that_a_flipped_bit_hides_is_data_loss),
        ON_SQLITE(a_start_after_a_kill_holds_pages_against_their_sums),
        ON_SQLITE(the_first_run_of_a_store_holds_pages_against_their_sums),
        ON_SQLITE(a_page_that_the_end_of_the_file_cuts_in_two_hides_nothing),
        ON_FAULTY(a_page_that_cannot_be_read_is_data_loss_and_the_transaction_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
