/* What only a file can promise: it comes back, it stays small, and it is nobody else's. */
#include "store_testing.h"

#include "store_sqlite_internal.h"

#include <fcntl.h>

static void everything_is_there_after_opening_again(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "a", "one", STORE_NEW);
    commit_one(fixture->store, "a", "two", 1);
    commit_one(fixture->store, "b", "", STORE_NEW);
    commit_one(fixture->store, "c", "x", STORE_NEW);
    assert_ok(store_begin(fixture->store));
    assert_ok(remove_one(fixture->store, "c", 1));
    assert_ok(store_commit(fixture->store));
    assert_ok(store_begin(fixture->store));
    assert_ok(put_one(fixture->store, "open", "never committed", STORE_NEW));
    sqlite_open_again(fixture);
    assert_ok(store_begin(fixture->store));
    assert_row(get_one(fixture, fixture->store, "a"), "two", 2);
    assert_row(get_one(fixture, fixture->store, "b"), "", 1);
    assert_absent(get_one(fixture, fixture->store, "c"));
    assert_absent(get_one(fixture, fixture->store, "open"));
    store_rollback(fixture->store);
}

/* Opens what must be refused and looks for a word in the sentence. */
static void assert_refused(const char *path, bool create, enum skp_err expected, const char *word)
{
    struct store *store = NULL;
    char why[256] = "";
    assert_err(store_sqlite_open(path, create, &store, why), expected);
    assert_null(store);
    if (!strstr(why, word))
        fail_msg("'%s' is not in '%s'", word, why);
}

static void a_second_broker_is_refused(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture->path, true, SKP_E_IO, "another broker");
    commit_one(fixture->store, "a", "the first goes on", STORE_NEW);
    sqlite_open_again(fixture);
}

/* Whatever name leads to it: two locks on one store would be none. */
static void a_second_broker_by_another_name_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    char folder[128];
    char within[160];
    char file[128];
    char why[256] = "";
    (void)snprintf(folder, sizeof folder, "%s-folder", fixture->dir);
    (void)snprintf(within, sizeof within, "%s/store.db", folder);
    (void)snprintf(file, sizeof file, "%s-link", fixture->path);
    assert_ok(symlink(fixture->dir, folder));
    assert_ok(symlink(fixture->path, file));
    assert_refused(file, false, SKP_E_IO, "another broker");
    assert_refused(within, true, SKP_E_IO, "another broker");
    close_store(fixture);
    assert_ok(unlink(fixture->path));
    assert_ok(store_sqlite_open(within, true, &store, why));
    assert_refused(fixture->path, false, SKP_E_IO, "another broker");
    assert_refused(file, false, SKP_E_IO, "another broker");
    store_close(store);
    assert_ok(unlink(file));
    assert_ok(unlink(folder));
}

static void a_store_with_hard_links_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char other[128];
    char lock[160];
    (void)snprintf(other, sizeof other, "%s-link", fixture->path);
    (void)snprintf(lock, sizeof lock, "%s-lock", other);
    assert_ok(link(fixture->path, other));
    assert_refused(other, true, SKP_E_IO, "hard links");
    assert_int_equal(access(lock, F_OK), -1);
    close_store(fixture);
    assert_refused(fixture->path, false, SKP_E_IO, "remove them and start again");
    assert_ok(unlink(other));
    sqlite_open_again(fixture);
}

static void a_missing_store_is_made_only_when_asked(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    assert_ok(unlink(fixture->path));
    assert_refused(fixture->path, false, SKP_E_IO, "No such file");
    sqlite_open_again(fixture);
    assert_refused("/nowhere/at/all.db", true, SKP_E_IO, "No such file");
}

static void an_empty_file_is_made_a_store_only_when_asked(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    assert_ok(truncate(fixture->path, 0));
    assert_refused(fixture->path, false, SKP_E_DATA_LOSS, "not a store");
    sqlite_open_again(fixture);
    commit_one(fixture->store, "a", "x", STORE_NEW);
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    raw_sql(fixture, "PRAGMA user_version=99");
    assert_refused(fixture->path, true, SKP_E_CONFIG, "the broker that wrote it, or a newer one");
}

/* It is whole, but no broker from now on reads it. */
static void an_older_schema_is_refused_and_sends_nobody_to_a_newer_broker(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    raw_sql(fixture, "PRAGMA user_version=1");
    assert_refused(fixture->path, true, SKP_E_CONFIG,
                   "finish its cases with the broker that wrote it");
}

static void a_file_of_another_program_is_refused_and_left_alone(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    raw_sql(fixture, "PRAGMA journal_mode=DELETE; PRAGMA application_id=1");
    assert_refused(fixture->path, true, SKP_E_DATA_LOSS, "not a store");
    uint8_t read_version = 0;
    int fd = open(fixture->path, O_RDONLY);
    assert_int_equal(pread(fd, &read_version, 1, 19), 1);
    close(fd);
    assert_int_equal(read_version, 1); /* 2 would say that somebody switched it to a log */
}

static void a_file_that_is_no_database_is_refused(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    int fd = open(fixture->path, O_WRONLY);
    assert_int_equal(pwrite(fd, "No database at all", 18, 0), 18);
    close(fd);
    assert_refused(fixture->path, true, SKP_E_DATA_LOSS, "not a database");
}

static void a_missing_table_is_refused(void **state)
{
    struct fixture *fixture = *state;
    close_store(fixture);
    raw_sql(fixture, "DROP TABLE deadline");
    assert_refused(fixture->path, true, SKP_E_DATA_LOSS, "deadline");
}

static void the_files_are_for_their_owner_only(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    struct fixture *fixture = *state;
    commit_one(fixture->store, "a", "x", STORE_NEW);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        struct stat status;
        char path[128];
        snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        assert_ok(stat(path, &status));
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

/* Whoever can make a file in the store's folder chooses no other file for the broker to write. */
static void a_file_beside_the_store_is_an_ordinary_one_or_refused(void **state)
{
    struct fixture *fixture = *state;
    char mark[128];
    char other[128];
    (void)snprintf(mark, sizeof mark, "%s-watermark", fixture->path);
    (void)snprintf(other, sizeof other, "%s-elsewhere", fixture->path);
    close_store(fixture);
    assert_ok(unlink(mark));
    assert_ok(symlink(other, mark));
    assert_refused(fixture->path, false, SKP_E_IO, "-watermark beside the store is a symbolic");
    assert_int_equal(access(other, F_OK), -1);
    assert_ok(unlink(mark));
    assert_ok(mkfifo(mark, 0600));
    assert_refused(fixture->path, false, SKP_E_IO, "not an ordinary file");
    assert_ok(unlink(mark));
    assert_ok(mknod(other, S_IFREG | 0600, 0));
    assert_ok(link(other, mark));
    assert_refused(fixture->path, false, SKP_E_IO, "-watermark beside the store has other names");
    assert_ok(unlink(mark));
    assert_ok(unlink(other));
    sqlite_open_again(fixture);
}

/* The mark beside the store is only older then: no commit needs it. /dev/full takes no byte, and
 * /dev/null takes them and cannot be synced. */
static void a_watermark_that_cannot_be_written_or_synced_stops_no_commit(void **state)
{
    struct fixture *fixture = *state;
    struct sqlite_store *sqlite = (struct sqlite_store *)fixture->store;
    struct span newer = span_text("newer");
    uint8_t mark[STORE_WATERMARK_MAX];
    size_t len = 0;
    assert_ok(store_watermark_write(fixture->store, span_text("older"), true));
    close(sqlite->watermark_fd);
    sqlite->watermark_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_err(store_watermark_write(fixture->store, newer, true), SKP_E_IO);
    close(sqlite->watermark_fd);
    sqlite->watermark_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_err(store_watermark_write(fixture->store, newer, false), SKP_E_IO);
    commit_one(fixture->store, "a", "one", STORE_NEW);
    assert_err(store_watermark_write(fixture->store, newer, true), SKP_E_IO);
    commit_one(fixture->store, "a", "two", 1);
    sqlite->checkpoint_bytes = 1;
    assert_ok(store_maintain(fixture->store));
    sqlite_open_again(fixture);
    assert_ok(store_begin(fixture->store));
    assert_row(get_one(fixture, fixture->store, "a"), "two", 2);
    store_rollback(fixture->store);
    assert_ok(store_watermark_read(fixture->store, mark, &len));
    assert_true(span_equal(span_of(mark, len), span_text("older")));
}

static void a_store_that_root_looks_into_stays_its_owners(void **state)
{
    static const char *const suffixes[] = {"-lock", "-watermark"};
    const uid_t owner = 65534;
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        print_message("SKIPPED: only root can give files away\n");
        skip();
    }
    close_store(fixture);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        assert_ok(unlink(path));
    }
    assert_ok(chown(fixture->path, owner, owner));
    sqlite_open_again(fixture);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        struct stat status;
        char path[128];
        snprintf(path, sizeof path, "%s%s", fixture->path, suffixes[i]);
        assert_ok(stat(path, &status));
        assert_int_equal(status.st_uid, owner);
        assert_int_equal(status.st_gid, owner);
    }
}

static off_t log_bytes(const struct fixture *fixture)
{
    struct stat status;
    char path[128];
    snprintf(path, sizeof path, "%s-wal", fixture->path);
    assert_ok(stat(path, &status));
    return status.st_size;
}

/* About 1 MiB of log with each call. */
static void commit_mebibyte(struct fixture *fixture)
{
    static uint8_t value[STORE_VALUE_MAX];
    struct store_row row = {
        .key = span_text("large"), .value = span_of(value, sizeof value), .version = STORE_ANY};
    memset(value, value[0] + 1, sizeof value); /* unchanged pages would not be written */
    assert_ok(store_begin(fixture->store));
    assert_ok(store_put(fixture->store, STORE_BUNDLE, &row, 1));
    assert_ok(store_commit(fixture->store));
    assert_ok(store_maintain(fixture->store));
}

#define MEBIBYTE ((off_t)1024 * 1024)

static void maintain_keeps_the_log_short(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(((struct sqlite_store *)fixture->store)->checkpoint_bytes, SQLITE_LOG_BYTES);
    sqlite_shorten_the_log(fixture);
    for (int i = 0; i < 15; i++)
        commit_mebibyte(fixture);
    assert_true(log_bytes(fixture) > 3 * MEBIBYTE);
    assert_true(log_bytes(fixture) < 7 * MEBIBYTE);
}

static void a_log_that_a_reader_held_long_is_cut_when_it_lets_go(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    sqlite_shorten_the_log(fixture);
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_begin(reader));
    for (int i = 0; i < 18; i++)
        commit_mebibyte(fixture);
    assert_true(log_bytes(fixture) > 16 * MEBIBYTE);
    store_rollback(reader);
    commit_mebibyte(fixture);
    assert_int_equal(log_bytes(fixture), 0);
    commit_mebibyte(fixture);
    assert_true(log_bytes(fixture) < 2 * MEBIBYTE);
    store_close(reader);
}

static off_t reserve_bytes(const struct fixture *fixture)
{
    struct stat status;
    assert_int_equal(fstat(((struct sqlite_store *)fixture->store)->reserve_fd, &status), 0);
    return status.st_size;
}

static void the_reserve_grows_with_a_log_that_cannot_be_cut(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    off_t before = reserve_bytes(fixture);
    assert_true(before > SQLITE_LOG_BYTES);
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_begin(reader));
    for (int i = 0; i < 110; i++)
        commit_mebibyte(fixture);
    assert_true(reserve_bytes(fixture) > before);
    assert_true(reserve_bytes(fixture) > log_bytes(fixture) + 20 * MEBIBYTE);
    store_rollback(reader);
    commit_mebibyte(fixture);
    assert_int_equal(reserve_bytes(fixture), before);
    assert_false(store_is_tight(fixture->store));
    store_close(reader);
}

static void a_closing_reader_leaves_the_log_alone(void **state)
{
    struct fixture *fixture = *state;
    struct store *reader = NULL;
    commit_one(fixture->store, "a", "x", STORE_NEW);
    off_t before = log_bytes(fixture);
    assert_true(before > 0);
    assert_ok(store_reader(fixture->store, &reader));
    assert_ok(store_begin(reader));
    assert_row(get_one(fixture, reader, "a"), "x", 1);
    store_close(reader);
    assert_int_equal(log_bytes(fixture), before);
}

static void a_program_that_holds_the_lock_makes_the_store_unavailable_not_broken(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_err(store_begin(fixture->store), SKP_E_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    commit_one(fixture->store, "a", "x", STORE_NEW);
}

static bool file_holds(const char *path, const char *text)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    assert_ok(fstat(fd, &status));
    uint8_t *bytes = calloc(1, (size_t)status.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)status.st_size), status.st_size);
    bool found = memmem(bytes, (size_t)status.st_size, text, strlen(text)) != NULL;
    free(bytes);
    close(fd);
    return found;
}

static void what_was_removed_is_not_left_in_the_file(void **state)
{
    struct fixture *fixture = *state;
    commit_one(fixture->store, "a", "to be forgotten", STORE_NEW);
    sqlite_open_again(fixture);
    assert_true(file_holds(fixture->path, "to be forgotten"));
    assert_ok(store_begin(fixture->store));
    assert_ok(remove_one(fixture->store, "a", 1));
    assert_ok(store_commit(fixture->store));
    sqlite_open_again(fixture);
    assert_false(file_holds(fixture->path, "to be forgotten"));
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    return text;
}

/* Both databases described the same way: ids, and the SQL of all tables. */
static void describe(sqlite3 *db, char *ret_text, size_t size)
{
    static const char *const questions[] = {
        "PRAGMA application_id", "PRAGMA user_version",
        "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema ORDER BY name)"};
    size_t len = 0;
    for (size_t i = 0; i < 3; i++) {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, questions[i], -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        len += (size_t)snprintf(ret_text + len, size - len, "%s\n",
                                (const char *)sqlite3_column_text(statement, 0));
        assert_true(len < size);
        sqlite3_finalize(statement);
    }
}

static void the_documented_schema_is_the_one_that_is_made(void **state)
{
    struct fixture *fixture = *state;
    char documented[8192];
    char made[8192];
    sqlite3 *db = NULL;
    char *sql = read_text(TEST_DATA "/../../broker/store/schema/sqlite.sql");
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    describe(db, documented, sizeof documented);
    describe(((struct sqlite_store *)fixture->store)->db, made, sizeof made);
    assert_string_equal(documented, made);
    sqlite3_close(db);
    free(sql);
}

static int pragma_number(struct fixture *fixture, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = ((struct sqlite_store *)fixture->store)->db;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static void no_weaker_mode_is_in_force(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(pragma_number(fixture, "PRAGMA synchronous"), 2);
    assert_int_equal(pragma_number(fixture, "PRAGMA wal_autocheckpoint"), 0);
    assert_int_equal(pragma_number(fixture, "PRAGMA secure_delete"), 1);
    assert_int_equal(pragma_number(fixture, "PRAGMA cell_size_check"), 1);
    assert_int_equal(pragma_number(fixture, "PRAGMA trusted_schema"), 0);
    assert_int_equal(pragma_number(fixture, "PRAGMA page_size"), 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SQLITE(everything_is_there_after_opening_again),
        ON_SQLITE(a_second_broker_is_refused),
        ON_SQLITE(a_second_broker_by_another_name_is_refused),
        ON_SQLITE(a_store_with_hard_links_is_refused),
        ON_SQLITE(a_missing_store_is_made_only_when_asked),
        ON_SQLITE(an_empty_file_is_made_a_store_only_when_asked),
        ON_SQLITE(a_newer_schema_is_refused),
        ON_SQLITE(an_older_schema_is_refused_and_sends_nobody_to_a_newer_broker),
        ON_SQLITE(a_file_of_another_program_is_refused_and_left_alone),
        ON_SQLITE(a_file_that_is_no_database_is_refused),
        ON_SQLITE(a_missing_table_is_refused),
        ON_SQLITE(the_files_are_for_their_owner_only),
        ON_SQLITE(a_file_beside_the_store_is_an_ordinary_one_or_refused),
        ON_SQLITE(a_watermark_that_cannot_be_written_or_synced_stops_no_commit),
        ON_SQLITE(a_store_that_root_looks_into_stays_its_owners),
        ON_SQLITE(maintain_keeps_the_log_short),
        ON_SQLITE(a_log_that_a_reader_held_long_is_cut_when_it_lets_go),
        ON_SQLITE(the_reserve_grows_with_a_log_that_cannot_be_cut),
        ON_SQLITE(a_closing_reader_leaves_the_log_alone),
        ON_SQLITE(a_program_that_holds_the_lock_makes_the_store_unavailable_not_broken),
        ON_SQLITE(what_was_removed_is_not_left_in_the_file),
        ON_SQLITE(the_documented_schema_is_the_one_that_is_made),
        ON_SQLITE(no_weaker_mode_is_in_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
