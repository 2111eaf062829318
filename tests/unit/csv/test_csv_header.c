/* The header: columns by name, and why a file is refused as a whole. */
#include "csv_rows.h"

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
    char text[CSV_PROBLEM_TEXT_BYTES];
    struct csv_problem problem = REFUSE("Dossier;Bedrag\n1;2\n", SKP_E_CSV_HEADER);
    assert_string_equal(problem.column, "Naam");
    csv_problem_print(&problem, text);
    assert_string_equal(text, "regel 1, kolom Naam: Kopregel klopt niet: deze "
                              "kolom ontbreekt; neem de kopregel over uit CSV.md");
}

static void a_header_with_the_same_column_twice_is_refused(void **state)
{
    (void)state;
    struct csv_problem problem = REFUSE("Dossier;Naam;naam\n1;2;3\n", SKP_E_CSV_HEADER);
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

static void a_header_that_runs_on_is_refused_and_not_told(void **state)
{
    (void)state;
    struct csv_problem problem = REFUSE("Dossier;Naam;Bedrag\r1;Jansen;5\r", SKP_E_CSV_HEADER);
    assert_int_equal(problem.why, CSV_WHY_LINE_ENDS);
    assert_null(problem.column);
}

static void a_folder_is_no_file_to_read(void **state)
{
    struct csv_reader *reader = NULL;
    struct csv_problem problem = {0};
    (void)state;
    assert_err(csv_reader_open("/tmp", columns, 3, &reader, &problem), SKP_E_IO);
    assert_int_equal(problem.why, CSV_WHY_UNREADABLE);
}

static void an_empty_file_and_a_missing_one_are_told_apart(void **state)
{
    (void)state;
    struct csv_reader *reader = NULL;
    struct csv_problem problem = REFUSE("", SKP_E_CSV_HEADER);
    assert_err(csv_reader_open("/tmp/skp-no-such-file.csv", columns, 3, &reader, &problem),
               SKP_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_found_by_name_in_any_order_and_case),
        TEST(a_column_that_may_lack_is_empty),
        TEST(a_header_without_a_required_column_names_it),
        TEST(a_header_with_the_same_column_twice_is_refused),
        TEST(a_header_that_fails_says_why_and_what_to_do),
        TEST(a_folder_is_no_file_to_read),
        TEST(an_empty_file_and_a_missing_one_are_told_apart),
        TEST(a_header_that_runs_on_is_refused_and_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
