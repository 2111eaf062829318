/* Rows: their cells, their line numbers, and what one bad row costs. */
#include "csv_rows.h"

static void rows_are_read_with_either_line_end_and_with_a_byte_order_mark(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("\xef\xbb\xbf"
                                     "Dossier;Naam;Bedrag\r\n1;Voorbeeld;2,50\r\n2;Testema;\n"
                                     "3;Proefman;4");
    expect_row(reader, 2, "1", "Voorbeeld", "2,50");
    expect_row(reader, 3, "2", "Testema", "");
    expect_row(reader, 4, "3", "Proefman", "4");
    expect_end(reader);
}

static void quotes_hold_separators_quotes_and_line_ends(void **state)
{
    (void)state;
    struct csv_reader *reader =
        OPEN("Dossier;Naam;Bedrag\n\"a;b\";\"zeg \"\"ja\"\"\";\"een\r\ntwee\"\n2;5\" scherm;x\n");
    expect_row(reader, 2, "a;b", "zeg \"ja\"", "een\r\ntwee");
    expect_row(reader, 4, "2", "5\" scherm", "x");
    expect_end(reader);
}

static void blank_rows_are_skipped_and_still_counted(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n\n;;\r\n1;a;2\n;;\n");
    expect_row(reader, 4, "1", "a", "2");
    expect_end(reader);
}

/* ---------------------------------------------------------------- bad rows */

static void a_row_with_another_number_of_cells_is_an_error_and_reading_goes_on(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;a\n2;b;3;4\n3;c;5;;\n");
    expect_bad_row(reader, 2, SKP_E_CSV_LINE);
    expect_bad_row(reader, 3, SKP_E_CSV_LINE);
    expect_row(reader, 4, "3", "c", "5");
    expect_end(reader);
}

static void
a_quote_that_is_never_closed_takes_the_rest_and_nothing_in_it_becomes_a_row(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;\"open;2\n3;c;5\n4;d;6\n");
    expect_bad_row(reader, 2, SKP_E_CSV_LINE);
    expect_end(reader);
}

static void a_quote_that_is_closed_badly_ends_with_its_row(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN(
        "Dossier;Naam;Bedrag\n1;\"note\r\n2;b;4\r\n\"x;1\n3;c;5\n4;\"a\"\";\n9;d;6\";7\"\n5;e;8\n");
    expect_bad_row(reader, 2, SKP_E_CSV_LINE);
    expect_row(reader, 5, "3", "c", "5");
    expect_row(reader, 6, "4", "a\";\n9;d;6", "7\"");
    expect_row(reader, 8, "5", "e", "8");
    expect_end(reader);
}

static void text_behind_a_closing_quote_is_an_error(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;\"a\"b;2\n3;c;5\n");
    expect_bad_row(reader, 2, SKP_E_CSV_LINE);
    expect_row(reader, 3, "3", "c", "5");
    expect_end(reader);
}

static void a_nul_byte_is_an_error_of_its_row(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;a\0b;2\n3;c;5\n");
    expect_bad_row(reader, 2, SKP_E_TEXT_CONTROL);
    expect_row(reader, 3, "3", "c", "5");
    expect_end(reader);
}

/* ---------------------------------------------------------------- long rows and many */

static void a_quoted_cell_over_the_limit_ends_with_its_quote(void **state)
{
    (void)state;
    static char text[200000];
    size_t used = (size_t)sprintf(text, "Dossier;Naam;Bedrag\n1;\"note\n2;b;4\n");
    memset(text + used, 'x', 100000);
    used += 100000;
    used += (size_t)sprintf(text + used, "\n2;b;4\n\";1\n3;c;5\n");
    struct csv_reader *reader = open_text(text, used);
    expect_bad_row(reader, 2, SKP_E_CSV_LINE);
    expect_row(reader, 7, "3", "c", "5");
    expect_end(reader);
}

/* A file with one name of `len` bytes between two ordinary rows. */
static struct csv_reader *open_long(size_t len, bool with_quote)
{
    static const char head[] = "Dossier;Naam;Bedrag\n1;a;1\n";
    static const char tail[] = ";2\n3;c;3\n";
    char *text = malloc(len + sizeof(head) + sizeof(tail) + 4);
    assert_non_null(text);
    size_t used = sizeof(head) - 1;
    memcpy(text, head, used);
    memcpy(text + used, with_quote ? "2;\"" : "2;", 3);
    used += with_quote ? 3 : 2;
    memset(text + used, 'x', len);
    used += len;
    memcpy(text + used, tail, sizeof(tail) - 1);
    used += sizeof(tail) - 1;
    struct csv_reader *reader = open_text(text, used);
    free(text);
    return reader;
}

static void a_row_over_the_limit_is_an_error_however_long_it_is(void **state)
{
    (void)state;
    static const size_t lengths[] = {CSV_MAX_LINE_BYTES - 4, CSV_MAX_LINE_BYTES, 200000, 5000000};
    for (size_t i = 0; i < 4; i++) {
        struct csv_reader *reader = open_long(lengths[i], i % 2 == 1);
        expect_row(reader, 2, "1", "a", "1");
        expect_bad_row(reader, 3, SKP_E_CSV_LINE);
        if (i % 2 == 0)
            expect_row(reader, 4, "3", "c", "3");
        expect_end(reader);
    }
}

static void the_longest_row_is_read(void **state)
{
    (void)state;
    struct csv_row row;
    struct csv_reader *reader = open_long(CSV_MAX_LINE_BYTES - 5, false);
    expect_row(reader, 2, "1", "a", "1");
    assert_true(csv_reader_next(reader, &row));
    assert_ok(row.err);
    assert_int_equal(strlen(row.cells[1]), CSV_MAX_LINE_BYTES - 5);
    expect_row(reader, 4, "3", "c", "3");
    expect_end(reader);
}

static void many_rows_are_read_across_every_buffer_boundary(void **state)
{
    (void)state;
    FILE *out = fopen(test_path, "w");
    assert_non_null(out);
    fputs("Dossier;Naam;Bedrag\n", out);
    for (unsigned i = 0; i < 100000; i++)
        fprintf(out, "%u;\"naam\n%u\";%u\n", i, i, i % 7);
    assert_int_equal(fclose(out), 0);
    struct csv_reader *reader = open_file();
    for (unsigned i = 0; i < 100000; i++) {
        char dossier[16], name[24], amount[16];
        snprintf(dossier, sizeof(dossier), "%u", i);
        snprintf(name, sizeof(name), "naam\n%u", i);
        snprintf(amount, sizeof(amount), "%u", i % 7);
        expect_row(reader, 2 + 2UL * i, dossier, name, amount);
    }
    expect_end(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_read_with_either_line_end_and_with_a_byte_order_mark),
        TEST(quotes_hold_separators_quotes_and_line_ends),
        TEST(a_row_with_another_number_of_cells_is_an_error_and_reading_goes_on),
        TEST(a_quote_that_is_never_closed_takes_the_rest_and_nothing_in_it_becomes_a_row),
        TEST(a_quote_that_is_closed_badly_ends_with_its_row),
        TEST(a_quoted_cell_over_the_limit_ends_with_its_quote),
        TEST(text_behind_a_closing_quote_is_an_error),
        TEST(a_nul_byte_is_an_error_of_its_row),
        TEST(blank_rows_are_skipped_and_still_counted),
        TEST(a_row_over_the_limit_is_an_error_however_long_it_is),
        TEST(the_longest_row_is_read),
        TEST(many_rows_are_read_across_every_buffer_boundary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
