/* Files of three columns to read: what a reader makes of them, row by row. */
#ifndef SKP_CSV_ROWS_H
#define SKP_CSV_ROWS_H

#include "csv_testing.h"

#include "csv.h"

static const struct csv_column columns[] = {{"Dossier", true}, {"Naam", true}, {"Bedrag", false}};

/* The test's file, as it stands. */
static inline struct csv_reader *open_file(void)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    assert_ok(csv_reader_open(test_path, columns, 3, &reader, &problem));
    return reader;
}

static inline struct csv_reader *open_text(const char *text, size_t len)
{
    csv_test_write(text, len);
    return open_file();
}

#define OPEN(text) open_text(text, sizeof(text) - 1)

/* A file with these bytes is refused as a whole. */
static inline struct csv_problem refuse_text(const char *text, size_t len, enum skp_err err)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_test_write(text, len);
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), err);
    assert_null(reader);
    return problem;
}

#define REFUSE(text, err) refuse_text(text, sizeof(text) - 1, err)

static inline void expect_row(struct csv_reader *reader, unsigned long line, const char *dossier,
                              const char *name, const char *amount)
{
    struct csv_row row;
    assert_true(csv_reader_next(reader, &row));
    assert_ok(row.err);
    assert_int_equal(row.line, line);
    assert_string_equal(row.cells[0], dossier);
    assert_string_equal(row.cells[1], name);
    assert_string_equal(row.cells[2], amount);
}

static inline void expect_bad_row(struct csv_reader *reader, unsigned long line, enum skp_err err)
{
    struct csv_row row;
    assert_true(csv_reader_next(reader, &row));
    assert_err(row.err, err);
    assert_int_equal(row.line, line);
}

static inline void expect_end(struct csv_reader *reader)
{
    struct csv_row row;
    assert_false(csv_reader_next(reader, &row));
    assert_false(csv_reader_next(reader, &row));
    csv_reader_free(reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, csv_test_setup, csv_test_teardown)

#endif
