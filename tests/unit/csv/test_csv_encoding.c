/* UTF-8 with and without its mark, Windows-1252, and what is refused. */
#include "csv_rows.h"

static void windows_1252_is_read_when_the_file_is_not_utf8(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;Zo\xeb Ren\xe9;\x80 5\n");
    expect_row(reader, 2, "1", "Zo\xc3\xab Ren\xc3\xa9", "\xe2\x82\xac 5");
    expect_end(reader);
}

static void the_encoding_is_that_of_the_whole_file(void **state)
{
    (void)state;
    /* Valid UTF-8 in one row does not make a file UTF-8 when another row is not. */
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n1;\xc3\xab;\n2;\xeb;\n");
    expect_row(reader, 2, "1", "\xc3\x83\xc2\xab", "");
    expect_row(reader, 3, "2", "\xc3\xab", "");
    expect_end(reader);
}

static void a_character_that_straddles_two_reads_is_still_utf8(void **state)
{
    (void)state;
    enum { FILE_BYTES = 3 * 65536 };
    static char text[FILE_BYTES + 64];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t used = (size_t)snprintf(text, 64, "Dossier;Naam;Bedrag\n1;%.*s", (int)shift, "xxxx");
        while (used < FILE_BYTES) {
            bool ends_line = used % 1000 < 4;
            memcpy(text + used, ends_line ? ";2\n1;" : "\xf0\x9f\x92\xa7", ends_line ? 5 : 4);
            used += ends_line ? 5 : 4;
        }
        memcpy(text + used, ";2\n", 3);
        struct csv_reader *reader = open_text(text, used + 3);
        struct csv_row row;
        assert_true(csv_reader_next(reader, &row));
        assert_ok(row.err);
        assert_memory_equal(row.cells[1] + shift, "\xf0\x9f\x92\xa7", 4);
        csv_reader_free(reader);
    }
}

static void a_broken_character_under_a_byte_order_mark_costs_its_row_only(void **state)
{
    (void)state;
    struct csv_row row;
    struct csv_reader *reader = OPEN("\xef\xbb\xbf"
                                     "Dossier;Naam;Bedrag\n1;Zo\xeb;\n2;Zo\xc3\xab;\n");
    assert_true(csv_reader_next(reader, &row));
    assert_err(row.err, SKP_E_TEXT_ENCODING);
    assert_string_equal(row.column, "Naam");
    expect_row(reader, 3, "2", "Zo\xc3\xab", "");
    expect_end(reader);
}

static void utf16_is_refused_as_a_whole(void **state)
{
    (void)state;
    REFUSE("\xff\xfe"
           "D\0o\0",
           SKP_E_TEXT_ENCODING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(windows_1252_is_read_when_the_file_is_not_utf8),
        TEST(the_encoding_is_that_of_the_whole_file),
        TEST(a_character_that_straddles_two_reads_is_still_utf8),
        TEST(a_broken_character_under_a_byte_order_mark_costs_its_row_only),
        TEST(utf16_is_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
