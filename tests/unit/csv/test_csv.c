#include "csv_testing.h"

#include "csv.h"

#include <sys/stat.h>

static const struct csv_column columns[] = {{"Dossier", true}, {"Naam", true}, {"Bedrag", false}};

static struct csv_reader *open_text(const char *text, size_t len)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_test_write(text, len);
    assert_ok(csv_reader_open(test_path, columns, 3, &reader, &problem));
    return reader;
}

#define OPEN(text) open_text(text, sizeof(text) - 1)

static void expect_row(struct csv_reader *reader, unsigned long line, const char *dossier,
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

static void expect_bad_row(struct csv_reader *reader, unsigned long line, enum skp_err err)
{
    struct csv_row row;
    assert_true(csv_reader_next(reader, &row));
    assert_err(row.err, err);
    assert_int_equal(row.line, line);
}

static void expect_end(struct csv_reader *reader)
{
    struct csv_row row;
    assert_false(csv_reader_next(reader, &row));
    assert_false(csv_reader_next(reader, &row));
    csv_reader_free(reader);
}

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

static void columns_are_found_by_name_in_any_order_and_case(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("BEDRAG;Opmerking; naam ;dossier\n5;weg;Fictie;9\n");
    expect_row(reader, 2, "9", "Fictie", "5");
    assert_true(csv_reader_has(reader, 2));
    assert_string_equal(csv_reader_ignored(reader, 0), "Opmerking");
    assert_null(csv_reader_ignored(reader, 1));
    expect_end(reader);
}

static void a_column_that_may_lack_is_empty(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam\n9;Fictie\n");
    assert_false(csv_reader_has(reader, 2));
    expect_row(reader, 2, "9", "Fictie", "");
    expect_end(reader);
}

static void a_header_without_a_required_column_names_it(void **state)
{
    (void)state;
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    char text[CSV_PROBLEM_TEXT_BYTES];
    csv_test_write_text("Dossier;Bedrag\n1;2\n");
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), SKP_E_CSV_HEADER);
    assert_string_equal(problem.column, "Naam");
    csv_problem_print(&problem, text);
    assert_string_equal(text, "regel 1, kolom Naam: Kopregel klopt niet: deze "
                              "kolom ontbreekt; neem de kopregel over uit CSV.md");
    assert_null(reader);
}

static void a_header_with_the_same_column_twice_is_refused(void **state)
{
    (void)state;
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_test_write_text("Dossier;Naam;naam\n1;2;3\n");
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), SKP_E_CSV_HEADER);
    assert_string_equal(problem.column, "Naam");
}

static void expect_header_why(const char *text, size_t len, const char *sentence)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    char told[CSV_PROBLEM_TEXT_BYTES];
    csv_test_write(text, len);
    enum skp_err err = csv_reader_open(test_path, columns, 3, &reader, &problem);
    assert_true(err == SKP_E_CSV_HEADER || err == SKP_E_TEXT_ENCODING);
    csv_problem_print(&problem, told);
    if (!strstr(told, sentence))
        fail_msg("lacks '%s': %s", sentence, told);
    assert_null(reader);
}

static void a_header_that_fails_says_why_and_what_to_do(void **state)
{
    static const char utf16[] = "\xff\xfe"
                                "D\0o\0";
    (void)state;
    expect_header_why("", 0, "het bestand is leeg");
    expect_header_why("\r\n\r\n", 4, "het bestand is leeg");
    expect_header_why("Dossier,Naam,Bedrag\n", 20, "scheidingsteken is , en niet ;");
    expect_header_why("Dossier\tNaam\tBedrag\n", 20, "scheidingsteken is een tab");
    expect_header_why("\"Dossier\",\"Naam\"\n", 17, "bewaar met puntkomma's");
    expect_header_why("Dossier;Naam;naam\n", 18,
                      "kolom Naam: Kopregel klopt niet: deze kolom staat");
    expect_header_why(utf16, sizeof utf16 - 1, "bewaar als CSV UTF-8");
}

static void a_folder_is_no_file_to_read(void **state)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    (void)state;
    assert_err(csv_reader_open("/tmp", columns, 3, &reader, &problem), SKP_E_IO);
    assert_int_equal(problem.why, CSV_WHY_UNREADABLE);
}

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
    struct csv_writer *writer = NULL;
    struct csv_problem problem = {0};
    csv_test_write_text(old);
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    assert_ok(csv_writer_close(writer, &problem));
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

static void an_empty_file_and_a_missing_one_are_told_apart(void **state)
{
    (void)state;
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_test_write_text("");
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), SKP_E_CSV_HEADER);
    assert_err(csv_reader_open("/tmp/skp-no-such-file.csv", columns, 3, &reader, &problem),
               SKP_E_NOT_FOUND);
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
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    csv_test_write("\xff\xfe"
                   "D\0o\0",
                   6);
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), SKP_E_TEXT_ENCODING);
}

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

static void a_header_that_runs_on_is_refused_and_not_told(void **state)
{
    (void)state;
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    static const char text[] = "Dossier;Naam;Bedrag\r1;Jansen;5\r";
    csv_test_write(text, sizeof text - 1);
    assert_err(csv_reader_open(test_path, columns, 3, &reader, &problem), SKP_E_CSV_HEADER);
    assert_int_equal(problem.why, CSV_WHY_LINE_ENDS);
    assert_null(problem.column);
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

static void blank_rows_are_skipped_and_still_counted(void **state)
{
    (void)state;
    struct csv_reader *reader = OPEN("Dossier;Naam;Bedrag\n\n;;\r\n1;a;2\n;;\n");
    expect_row(reader, 4, "1", "a", "2");
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
    struct csv_reader *reader = NULL;
    struct csv_problem problem;
    assert_ok(csv_reader_open(test_path, columns, 3, &reader, &problem));
    for (unsigned i = 0; i < 100000; i++) {
        char dossier[16], name[24], amount[16];
        snprintf(dossier, sizeof(dossier), "%u", i);
        snprintf(name, sizeof(name), "naam\n%u", i);
        snprintf(amount, sizeof(amount), "%u", i % 7);
        expect_row(reader, 2 + 2UL * i, dossier, name, amount);
    }
    expect_end(reader);
}

/* ---------------------------------------------------------------- writing */

static void write_rows(const char *const *names, size_t count)
{
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    for (size_t i = 0; i < count; i++) {
        csv_writer_text(writer, names[i]);
        csv_writer_text(writer, "x");
        csv_writer_plain(writer, "1,00");
        csv_writer_end_row(writer);
    }
    assert_ok(csv_writer_close(writer, &problem));
}

static void what_is_written_begins_with_the_mark_and_ends_lines_with_crlf(void **state)
{
    (void)state;
    const char *names[] = {"a;b"};
    write_rows(names, 1);
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag\r\n\"a;b\";x;1,00\r\n");
}

static void a_file_of_a_play_says_so_on_every_row(void **state)
{
    (void)state;
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    csv_writer_mark_play(writer);
    for (size_t i = 0; i < 2; i++) {
        csv_writer_text(writer, "D1");
        csv_writer_text(writer, "");
        csv_writer_plain(writer, "1,00");
        csv_writer_end_row(writer);
    }
    assert_ok(csv_writer_close(writer, &problem));
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag;Proef\r\n"
                                         "D1;;1,00;Ja\r\nD1;;1,00;Ja\r\n");
}

static void an_empty_file_of_a_play_says_so_too_and_is_read_as_ever(void **state)
{
    (void)state;
    struct csv_writer *writer = NULL;
    struct csv_reader *reader = NULL;
    struct csv_problem problem;
    struct csv_row row;
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    csv_writer_mark_play(writer);
    assert_ok(csv_writer_close(writer, &problem));
    assert_string_equal(csv_test_read(), "\xef\xbb\xbf"
                                         "Dossier;Naam;Bedrag;Proef\r\n");
    csv_test_write_text("Dossier;Naam;Bedrag;Proef\r\nD1;;1,00;Ja\r\n");
    assert_ok(csv_reader_open(test_path, columns, 3, &reader, &problem));
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
    struct csv_problem problem;
    const char *names[] = {"a;b", "'t"};
    FILE *stream = open_memstream(&bytes, &len);
    assert_non_null(stream);
    assert_ok(csv_writer_stream(stream, columns, 3, &writer));
    for (size_t i = 0; i < 2; i++) {
        csv_writer_text(writer, names[i]);
        csv_writer_text(writer, "x");
        csv_writer_plain(writer, "1,00");
        csv_writer_end_row(writer);
    }
    assert_ok(csv_writer_close(writer, &problem));
    write_rows(names, 2);
    assert_string_equal(bytes, csv_test_read());
    assert_int_equal(fclose(stream), 0);
    free(bytes);
}

static void a_written_file_is_for_its_owner_only(void **state)
{
    (void)state;
    const char *names[] = {"a"};
    struct stat info;
    assert_int_equal(chmod(test_path, 0644), 0);
    mode_t before = umask(0);
    write_rows(names, 1);
    umask(before);
    assert_int_equal(stat(test_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
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
    struct csv_reader *reader = NULL;
    struct csv_problem problem;
    struct csv_row row;
    write_rows(texts, count);
    assert_ok(csv_reader_open(test_path, columns, 3, &reader, &problem));
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

static void an_abandoned_file_leaves_the_old_one(void **state)
{
    (void)state;
    struct csv_writer *writer = NULL;
    struct csv_problem problem;
    csv_test_write_text("Dossier;Naam;Bedrag\noud;;\n");
    assert_ok(csv_writer_open(test_path, columns, 3, &writer, &problem));
    csv_writer_abandon(writer);
    assert_string_equal(csv_test_read(), "Dossier;Naam;Bedrag\noud;;\n");
    csv_writer_abandon(NULL);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, csv_test_setup, csv_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_read_with_either_line_end_and_with_a_byte_order_mark),
        TEST(columns_are_found_by_name_in_any_order_and_case),
        TEST(a_column_that_may_lack_is_empty),
        TEST(a_header_without_a_required_column_names_it),
        TEST(a_header_with_the_same_column_twice_is_refused),
        TEST(a_header_that_fails_says_why_and_what_to_do),
        TEST(a_folder_is_no_file_to_read),
        TEST(only_a_file_of_the_same_header_gives_way),
        TEST(what_is_no_plain_file_is_never_replaced),
        TEST(an_empty_file_and_a_missing_one_are_told_apart),
        TEST(quotes_hold_separators_quotes_and_line_ends),
        TEST(windows_1252_is_read_when_the_file_is_not_utf8),
        TEST(the_encoding_is_that_of_the_whole_file),
        TEST(a_character_that_straddles_two_reads_is_still_utf8),
        TEST(a_broken_character_under_a_byte_order_mark_costs_its_row_only),
        TEST(utf16_is_refused_as_a_whole),
        TEST(a_row_with_another_number_of_cells_is_an_error_and_reading_goes_on),
        TEST(a_quote_that_is_never_closed_takes_the_rest_and_nothing_in_it_becomes_a_row),
        TEST(a_quote_that_is_closed_badly_ends_with_its_row),
        TEST(a_quoted_cell_over_the_limit_ends_with_its_quote),
        TEST(a_header_that_runs_on_is_refused_and_not_told),
        TEST(text_behind_a_closing_quote_is_an_error),
        TEST(a_nul_byte_is_an_error_of_its_row),
        TEST(blank_rows_are_skipped_and_still_counted),
        TEST(a_row_over_the_limit_is_an_error_however_long_it_is),
        TEST(the_longest_row_is_read),
        TEST(many_rows_are_read_across_every_buffer_boundary),
        TEST(what_is_written_begins_with_the_mark_and_ends_lines_with_crlf),
        TEST(a_file_of_a_play_says_so_on_every_row),
        TEST(an_empty_file_of_a_play_says_so_too_and_is_read_as_ever),
        TEST(a_stream_gets_the_same_bytes_as_a_file),
        TEST(a_written_file_is_for_its_owner_only),
        TEST(every_text_survives_writing_and_reading),
        TEST(no_cell_begins_with_a_formula_character),
        TEST(an_abandoned_file_leaves_the_old_one),
        TEST(a_folder_that_is_not_there_is_an_error_with_its_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
