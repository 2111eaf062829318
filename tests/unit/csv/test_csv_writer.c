/* What is written, and that it reads back; where it is written, and what is never replaced. */
#include "csv_rows.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct csv_writer *open_writer(void)
{
    struct csv_writer *writer = NULL;
    struct csv_problem problem = {0};
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    return writer;
}

static void close_writer(struct csv_writer *writer)
{
    struct csv_problem problem = {0};
    assert_ok(csv_writer_close(writer, &problem));
}

static void write_row(struct csv_writer *writer, const char *dossier, const char *name)
{
    csv_writer_text(writer, dossier);
    csv_writer_text(writer, name);
    csv_writer_plain(writer, "1,00");
    csv_writer_end_row(writer);
}

static void write_rows(const char *const *dossiers, size_t count)
{
    struct csv_writer *writer = open_writer();
    for (size_t i = 0; i < count; i++)
        write_row(writer, dossiers[i], "x");
    close_writer(writer);
}

static void what_is_written_begins_with_the_mark_and_ends_lines_with_crlf(void **state)
{
    (void)state;
    const char *dossiers[] = {"a;b"};
    write_rows(dossiers, 1);
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag\r\n\"a;b\";x;1,00\r\n");
}

static void a_file_of_a_play_says_so_on_every_row(void **state)
{
    (void)state;
    struct csv_writer *writer = open_writer();
    csv_writer_mark_play(writer);
    for (size_t i = 0; i < 2; i++)
        write_row(writer, "D1", "");
    close_writer(writer);
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag;Proef\r\n"
                                         "D1;;1,00;Ja\r\nD1;;1,00;Ja\r\n");
}

static void an_empty_file_of_a_play_says_so_too_and_is_read_as_ever(void **state)
{
    (void)state;
    struct csv_row row;
    struct csv_writer *writer = open_writer();
    csv_writer_mark_play(writer);
    close_writer(writer);
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag;Proef\r\n");
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag;Proef\r\nD1;;1,00;Ja\r\n");
    assert_true(csv_reader_next(reader, &row));
    assert_ok(row.err);
    assert_string_equal(row.cells[2], "1,00");
    assert_false(csv_reader_next(reader, &row));
    csv_reader_free(reader);
}

static void a_stream_gets_the_same_bytes_as_a_file(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t len = 0;
    struct csv_writer *writer = NULL;
    const char *dossiers[] = {"a;b", "'t"};
    FILE *stream = open_memstream(&bytes, &len);
    assert_non_null(stream);
    assert_ok(csv_writer_stream(stream, columns, 3, &writer));
    for (size_t i = 0; i < 2; i++)
        write_row(writer, dossiers[i], "x");
    close_writer(writer);
    write_rows(dossiers, 2);
    assert_string_equal(bytes, csv_test_read());
    assert_int_equal(fclose(stream), 0);
    free(bytes);
}

static void every_text_survives_writing_and_reading(void **state)
{
    (void)state;
    static const char *const texts[] = {"gewoon",
                                        "=1+1",
                                        "+31 6 00000000",
                                        "-5",
                                        "@naam",
                                        "\tx",
                                        "\rx",
                                        "'s-Gravenhage",
                                        "'=1",
                                        "''=1",
                                        "''",
                                        "'",
                                        "0012",
                                        "'0012",
                                        "'12",
                                        "''12",
                                        "12",
                                        "=\"0012\"",
                                        "1-2",
                                        "1E5",
                                        "3 mrt",
                                        "waar",
                                        "a\"b",
                                        "a;b",
                                        " a ",
                                        "een\ntwee",
                                        "een\r\ntwee",
                                        "1234AB",
                                        "00000099000000001000",
                                        "\"",
                                        "\"\"",
                                        "Zo\xc3\xab",
                                        "12:30",
                                        "123456789012"};
    size_t count = sizeof(texts) / sizeof(texts[0]);
    struct csv_row row;
    write_rows(texts, count);
    struct csv_reader *reader = open_file();
    for (size_t i = 0; i < count; i++) {
        assert_true(csv_reader_next(reader, &row));
        assert_ok(row.err);
        assert_string_equal(row.cells[0], texts[i]);
    }
    expect_end(reader);
}

static void no_cell_begins_with_a_formula_character(void **state)
{
    (void)state;
    static const char *const texts[] = {"=cmd|' /C calc'!A0", "+1",   "-1",
                                        "@SUM(A1)",           "\t=1", "\r=1"};
    write_rows(texts, 6);
    const char *at = csv_test_read();
    for (at = strstr(at, "\r\n"); at && at[2] != '\0'; at = strstr(at + 2, "1,00\r\n") + 4) {
        const char *cell = at[2] == '"' ? at + 3 : at + 2;
        assert_int_equal(cell[0], '\'');
    }
}

/* ---------------------------------------------------------------- where it is written */

static void expect_no_writer(const char *path, enum csv_why why)
{
    struct csv_writer *writer = NULL;
    struct csv_problem problem = {0};
    assert_err(csv_writer_open(path, columns, 3, &writer, &problem), SKP_E_USAGE);
    assert_int_equal(problem.why, why);
    assert_null(writer);
}

static void expect_written_over(const char *old)
{
    csv_test_write_text(old);
    close_writer(open_writer());
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag\r\n");
}

static void only_a_file_of_the_same_header_gives_way(void **state)
{
    static const char *const others[] = {"Dossier;Naam\n1;2\n",
                                         "Dossier;Naam;Bedrag;Notitie\n",
                                         "Dossier;Naam;Bedragen\n",
                                         "Geheim\n",
                                         "\n",
                                         "D"};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        csv_test_write_text(others[i]);
        expect_no_writer(test_path, CSV_WHY_NOT_OURS);
        assert_string_equal(csv_test_read(), others[i]);
    }
    expect_written_over("");
    expect_written_over("Dossier;Naam;Bedrag\n1;2;3\n");
    expect_written_over("\xef\xbb\xbf"
                        "Dossier;Naam;Bedrag;Proef\r\n1;2;3;Ja\r\n");
}

static void what_is_no_plain_file_is_never_replaced(void **state)
{
    char pipe_path[TEST_PATH_BYTES + 8];
    struct stat found;
    (void)state;
    (void)snprintf(pipe_path, sizeof pipe_path, "%s.pipe", test_path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    expect_no_writer(pipe_path, CSV_WHY_NO_PLAIN_FILE);
    assert_int_equal(stat(pipe_path, &found), 0);
    assert_true(S_ISFIFO(found.st_mode));
    assert_int_equal(unlink(pipe_path), 0);
    expect_no_writer("/tmp", CSV_WHY_NO_PLAIN_FILE);
}

static void a_written_file_is_for_its_owner_only(void **state)
{
    (void)state;
    const char *dossiers[] = {"a"};
    struct stat info;
    assert_int_equal(chmod(test_path, 0644), 0);
    mode_t before = umask(0);
    write_rows(dossiers, 1);
    umask(before);
    assert_int_equal(stat(test_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void an_abandoned_file_leaves_the_old_one(void **state)
{
    (void)state;
    csv_test_write_text("Dossier;Naam;Bedrag\noud;;\n");
    csv_writer_abandon(open_writer());
    assert_string_equal(csv_test_read(), "Dossier;Naam;Bedrag\noud;;\n");
    csv_writer_abandon(NULL);
}

static size_t count_files(const char *pattern)
{
    glob_t found;
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static void a_run_that_is_killed_leaves_nothing(void **state)
{
    (void)state;
    char pattern[TEST_PATH_BYTES + 4];
    int status = 0, fd = open("/tmp", O_TMPFILE | O_WRONLY, 0600);
    if (fd < 0)
        skip(); /* this file system has no files without a name */
    (void)close(fd);
    csv_test_write_text("");
    (void)snprintf(pattern, sizeof pattern, "%s.*", test_path);
    pid_t child = fork();
    if (child == 0) {
        write_row(open_writer(), "a", "b");
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(count_files(pattern), 0);
    csv_writer_abandon(open_writer());
    close_writer(open_writer());
    assert_int_equal(count_files(pattern), 0);
}

/* More than one buffer: the writing that fails is that of a cell. */
static void write_many(struct csv_writer *writer)
{
    for (size_t i = 0; i < 10000; i++)
        write_row(writer, "a \"b\"", "c");
}

static void a_full_disk_is_told_as_what_it_is_wherever_it_is_met(void **state)
{
    (void)state;
    struct csv_writer *writer = NULL;
    struct csv_problem problem = {0};
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_ok(csv_writer_stream(full, columns, 3, &writer));
    write_many(writer);
    assert_int_equal(csv_writer_close(writer, &problem), SKP_E_IO);
    assert_int_equal(problem.os_error, ENOSPC);
    (void)fclose(full);

    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    few = (struct rlimit){.rlim_cur = 5000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    csv_test_write_text("");
    writer = open_writer();
    (void)setrlimit(RLIMIT_FSIZE, &few);
    write_many(writer);
    enum skp_err err = csv_writer_sync(writer, &problem);
    (void)setrlimit(RLIMIT_FSIZE, &before);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(err, SKP_E_IO);
    assert_int_equal(problem.os_error, EFBIG);
    csv_writer_abandon(writer);
}

static void a_folder_that_is_not_there_is_an_error_with_its_reason(void **state)
{
    (void)state;
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    char text[CSV_PROBLEM_TEXT_BYTES];
    assert_err(csv_writer_open("/tmp/skp-no-folder/x.csv", columns, 3, &writer, &problem),
               SKP_E_IO);
    csv_problem_print(&problem, text);
    assert_string_equal(text, "Lezen of schrijven is mislukt (No such file or directory)");
}

/* ---------------------------------------------------------------- a disk that fails */

static int folder_error;    /* of fsync() on a folder; 0: none */
static size_t folder_syncs; /* after the file stood under its name */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat found;
    assert_int_equal(fstat(fd, &found), 0);
    if (!S_ISDIR(found.st_mode))
        return __real_fsync(fd);
    folder_syncs += csv_test_read()[0] != '\0';
    errno = folder_error;
    return folder_error != 0 ? -1 : __real_fsync(fd);
}

static void a_file_is_there_for_good_once_its_folder_is_synced(void **state)
{
    static const struct {
        int error;
        enum skp_err err;
    } cases[] = {{0, SKP_OK}, {EINVAL, SKP_OK}, {EIO, SKP_E_IO}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct csv_problem problem = {0};
        csv_test_write_text("");
        struct csv_writer *writer = open_writer();
        folder_error = cases[i].error;
        folder_syncs = 0;
        assert_int_equal(csv_writer_close(writer, &problem), cases[i].err);
        folder_error = 0;
        assert_int_equal(folder_syncs, 1);
        assert_int_equal(problem.os_error, cases[i].err ? EIO : 0);
    }
}

static int linkat_error; /* 0: as ever */

int __real_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags);
int __wrap_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags);

int __wrap_linkat(int old_folder, const char *old, int new_folder, const char *new, int flags)
{
    errno = linkat_error;
    return linkat_error != 0 ? -1 : __real_linkat(old_folder, old, new_folder, new, flags);
}

/* Some shared folders make files without a name, and let nobody give them one. */
static void a_file_that_could_get_no_name_later_has_one_from_the_start(void **state)
{
    static const int errors[] = {EPERM, EACCES, EXDEV, ENOENT};
    char pattern[TEST_PATH_BYTES + 4];
    (void)state;
    (void)snprintf(pattern, sizeof pattern, "%s.*", test_path);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        const char *dossiers[] = {"a"};
        csv_test_write_text("");
        linkat_error = errors[i];
        struct csv_writer *writer = open_writer();
        assert_int_equal(count_files(pattern), 1);
        csv_writer_abandon(writer);
        assert_int_equal(count_files(pattern), 0);
        write_rows(dossiers, 1);
        linkat_error = 0;
        assert_non_null(strstr(csv_test_read(), "\r\na;x;1,00\r\n"));
        assert_int_equal(count_files(pattern), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_that_is_killed_leaves_nothing),
        TEST(only_a_file_of_the_same_header_gives_way),
        TEST(what_is_no_plain_file_is_never_replaced),
        TEST(what_is_written_begins_with_the_mark_and_ends_lines_with_crlf),
        TEST(a_file_of_a_play_says_so_on_every_row),
        TEST(an_empty_file_of_a_play_says_so_too_and_is_read_as_ever),
        TEST(a_stream_gets_the_same_bytes_as_a_file),
        TEST(a_written_file_is_for_its_owner_only),
        TEST(every_text_survives_writing_and_reading),
        TEST(no_cell_begins_with_a_formula_character),
        TEST(an_abandoned_file_leaves_the_old_one),
        TEST(a_full_disk_is_told_as_what_it_is_wherever_it_is_met),
        TEST(a_folder_that_is_not_there_is_an_error_with_its_reason),
        TEST(a_file_is_there_for_good_once_its_folder_is_synced),
        TEST(a_file_that_could_get_no_name_later_has_one_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
