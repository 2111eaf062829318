#include "testing.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static char why[FILE_WHY_BYTES];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/skp-test-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a", folder);
    why[0] = '\0';
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static size_t count_entries(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void what_is_written_is_read_back_with_a_nul_after_it(void **state)
{
    (void)state;
    char *data;
    size_t len;
    assert_ok(file_write_atomic(path, span_of("ab\0c", 4), 0600, why));
    assert_ok(file_read(path, 100, &data, &len, why));
    assert_int_equal(len, 4);
    assert_memory_equal(data, "ab\0c\0", 5);
    free(data);
}

static void an_empty_file_is_fine(void **state)
{
    (void)state;
    char *data;
    size_t len = 9;
    assert_ok(file_write_atomic(path, span_of(NULL, 0), 0600, why));
    assert_ok(file_read(path, 0, &data, &len, why));
    assert_int_equal(len, 0);
    assert_string_equal(data, "");
    free(data);
}

static void the_mode_is_exact_whatever_the_umask_says(void **state)
{
    (void)state;
    struct stat info;
    mode_t before = umask(0077);
    assert_ok(file_write_atomic(path, span_text("x"), 0644, why));
    umask(before);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0644);
    assert_ok(file_write_atomic(path, span_text("y"), 0600, why));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void writing_leaves_one_file_and_no_temporary_one(void **state)
{
    (void)state;
    assert_ok(file_write_atomic(path, span_text("old"), 0600, why));
    assert_ok(file_write_atomic(path, span_text("new"), 0600, why));
    assert_int_equal(count_entries(), 1);
}

static void a_file_over_the_cap_is_refused_with_the_cap_in_the_sentence(void **state)
{
    (void)state;
    char *data = NULL;
    size_t len = 7;
    assert_ok(file_write_atomic(path, span_text("12345"), 0600, why));
    assert_err(file_read(path, 4, &data, &len, why), SKP_E_IO);
    assert_null(data);
    assert_int_equal(len, 7);
    assert_non_null(strstr(why, "is over 4 bytes; give a smaller file"));
    assert_ok(file_read(path, 5, &data, &len, why));
    assert_int_equal(len, 5);
    free(data);
}

static void a_missing_file_is_not_found(void **state)
{
    (void)state;
    char expected[FILE_WHY_BYTES];
    char *data = NULL;
    size_t len;
    assert_err(file_read(path, 10, &data, &len, why), SKP_E_NOT_FOUND);
    snprintf(expected, sizeof(expected),
             "%s: cannot be opened: No such file or directory; check the path", path);
    assert_string_equal(why, expected);
}

static void folders_and_pipes_are_no_files(void **state)
{
    (void)state;
    char *data = NULL;
    size_t len;
    assert_err(file_read(folder, 10, &data, &len, why), SKP_E_IO);
    assert_non_null(strstr(why, "is not a regular file"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_err(file_read(path, 10, &data, &len, why), SKP_E_IO);
    assert_non_null(strstr(why, "is not a regular file"));
}

static void a_failed_write_keeps_the_old_file(void **state)
{
    (void)state;
    char below[160];
    snprintf(below, sizeof(below), "%s/no/such", folder);
    assert_err(file_write_atomic(below, span_text("x"), 0600, why), SKP_E_IO);
    assert_non_null(strstr(why, "cannot be written"));
    /* A folder in the way: the rename fails after the bytes were written. */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_err(file_write_atomic(path, span_text("x"), 0600, why), SKP_E_IO);
    assert_int_equal(count_entries(), 1);
    assert_int_equal(rmdir(path), 0);
}

static int folder_error; /* of fsync() on a folder; 0: none */

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat found;
    assert_int_equal(fstat(fd, &found), 0);
    if (!S_ISDIR(found.st_mode) || folder_error == 0)
        return __real_fsync(fd);
    errno = folder_error;
    return -1;
}

static void a_shared_folder_that_knows_no_syncing_is_written_to_all_the_same(void **state)
{
    static const struct {
        int error;
        enum skp_err err;
    } cases[] = {{EINVAL, SKP_OK}, {EBADF, SKP_OK}, {EIO, SKP_E_IO}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        folder_error = cases[i].error;
        assert_int_equal(file_write_atomic(path, span_text("x"), 0600, why), cases[i].err);
        folder_error = 0;
        assert_int_equal(count_entries(), 1);
    }
}

static void a_path_that_is_too_long_is_refused_in_words(void **state)
{
    (void)state;
    char longer[5000];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_err(file_write_atomic(longer, span_text("x"), 0600, why), SKP_E_IO);
    assert_int_equal(strlen(why), FILE_WHY_BYTES - 1);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(what_is_written_is_read_back_with_a_nul_after_it),
        FILE_TEST(an_empty_file_is_fine),
        FILE_TEST(the_mode_is_exact_whatever_the_umask_says),
        FILE_TEST(writing_leaves_one_file_and_no_temporary_one),
        FILE_TEST(a_file_over_the_cap_is_refused_with_the_cap_in_the_sentence),
        FILE_TEST(a_missing_file_is_not_found),
        FILE_TEST(folders_and_pipes_are_no_files),
        FILE_TEST(a_failed_write_keeps_the_old_file),
        FILE_TEST(a_shared_folder_that_knows_no_syncing_is_written_to_all_the_same),
        FILE_TEST(a_path_that_is_too_long_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
