/* A file of the test's own to write and read. */
#ifndef SKP_CSV_TESTING_H
#define SKP_CSV_TESTING_H

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST_PATH_BYTES 64
#define TEST_FILE_BYTES 65536

static char test_path[TEST_PATH_BYTES];

static inline int csv_test_setup(void **state)
{
    (void)state;
    strcpy(test_path, "/tmp/skp-csv-test-XXXXXX");
    int fd = mkstemp(test_path);
    return fd < 0 ? -1 : close(fd);
}

static inline int csv_test_teardown(void **state)
{
    (void)state;
    return unlink(test_path);
}

static inline void csv_test_write(const char *bytes, size_t len)
{
    FILE *out = fopen(test_path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static inline void csv_test_write_text(const char *text)
{
    csv_test_write(text, strlen(text));
}

/* The whole file; static, until the next call. */
static inline const char *csv_test_read(void)
{
    static char text[TEST_FILE_BYTES];
    FILE *in = fopen(test_path, "r");
    assert_non_null(in);
    size_t len = fread(text, 1, sizeof(text) - 1, in);
    assert_true(feof(in));
    fclose(in);
    text[len] = '\0';
    return text;
}

#endif
