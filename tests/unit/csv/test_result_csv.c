#include "csv_testing.h"

#include "answers_csv.h"
#include "letters_csv.h"
#include "result_csv.h"
#include "skp.pb-c.h"

#define ID "11111111-1111-4111-8111-111111111111"

static void a_refused_row_says_what_is_wrong_and_what_to_do(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct result_row row = {
        .line = 12,
        .dossier = "2026-0001",
        .creditor = "De Linde",
        .status = RESULT_REFUSED,
        .problem = {.line = 12, .err = SKP_E_POSTCODE_INVALID, .column = "Postcode"}};
    assert_ok(result_writer_open(test_path, &writer, &problem));
    result_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    assert_string_equal(csv_test_read(),
                        "\xef\xbb\xbf"
                        "Regel;Dossier;Schuldeiser;Status;Datum;Code;Melding;Oplossing;"
                        "SaldoverzoekID\r\n"
                        "12;'2026-0001;De Linde;geweigerd;;POSTCODE_INVALID;"
                        "kolom Postcode: Postcode is ongeldig;Schrijf de postcode als 1234AB;\r\n");
}

static void a_row_held_back_by_another_names_that_line(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct result_row row = {.line = 2,
                             .dossier = "A",
                             .creditor = "De Linde",
                             .status = RESULT_REFUSED,
                             .problem = {.line = 2, .err = SKP_E_VALUE_INVALID},
                             .cause_line = 12};
    assert_ok(result_writer_open(test_path, &writer, &problem));
    result_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    assert_non_null(strstr(csv_test_read(),
                           ";VALUE_INVALID;Niet verstuurd, want regel 12 klopt niet;"
                           "Verbeter regel 12 en meld het bestand opnieuw aan;"));
}

static void a_stored_row_has_its_request_and_no_message(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct result_row row = {
        .line = 3, .dossier = "A", .status = RESULT_NEXT_ROUND, .date = 20261203};
    assert_true(id_parse(ID, &row.request_id));
    assert_ok(result_writer_open(test_path, &writer, &problem));
    result_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    assert_non_null(
        strstr(csv_test_read(), "\r\n3;A;;digitaal, volgende ronde;03-12-2026;;;;" ID "\r\n"));
}

static void a_row_that_was_not_compared_says_so(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct result_row row = {
        .line = 4, .dossier = "A", .status = RESULT_UNCHANGED, .not_compared = true};
    assert_ok(result_writer_open(test_path, &writer, &problem));
    result_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    assert_non_null(strstr(
        csv_test_read(),
        "\r\n4;A;;al aangemeld;;;Al beantwoord: persoonsgegevens, adres en BSN in dit bestand "
        "zijn niet vergeleken en gaan niet naar de schuldeiser;;\r\n"));
}

static void every_error_has_a_remedy_in_dutch(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        assert_true(strlen(result_remedy(list[i].code)) > 10);
        assert_true(strlen(result_remedy(list[i].code)) < 100);
    }
    assert_string_equal(result_remedy(SKP_E_BUSY),
                        "Probeer het later opnieuw; wat al binnen is, telt niet dubbel");
}

static void a_cell_says_which_words_or_which_form_it_takes(void **state)
{
    static const struct csv_field kind = {.kind = CSV_WORD, .words = csv_words_preference};
    static const struct csv_field kinds = {.kind = CSV_WORD, .words = csv_words_kind};
    static const struct csv_field amount = {.kind = CSV_AMOUNT};
    char text[RESULT_REMEDY_BYTES];
    (void)state;
    result_remedy_row(&(struct csv_problem){.err = SKP_E_ENUM_VALUE, .field = &kind}, text);
    assert_string_equal(text, "Gebruik een van: concurrent, preferent, zekerheid");
    result_remedy_row(&(struct csv_problem){.err = SKP_E_ENUM_VALUE, .field = &kinds}, text);
    assert_non_null(strstr(text, ", overig"));
    result_remedy_row(&(struct csv_problem){.err = SKP_E_VALUE_INVALID, .field = &amount}, text);
    assert_non_null(strstr(text, "1234,56"));
    result_remedy_row(&(struct csv_problem){.err = SKP_E_VALUE_INVALID}, text);
    assert_string_equal(text, result_remedy(SKP_E_VALUE_INVALID));
}

static void letters_name_case_creditor_address_and_reason(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct letter_row row = {.dossier = "007",
                             .creditor = "Garage De Vuurtoren (test)",
                             .address = "Proefweg 1, 1234AB Almere",
                             .reason = LETTER_NOT_FOUND};
    assert_ok(letters_writer_open(test_path, &writer, &problem));
    letters_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    assert_string_equal(csv_test_read(),
                        "\xef\xbb\xbf"
                        "Dossier;Schuldeiser;Adres;Reden\r\n"
                        "'007;Garage De Vuurtoren (test);Proefweg 1, 1234AB Almere;"
                        "schuldeiser staat niet in de deelnemerslijst\r\n");
}

static void an_unknown_request_is_explained_to_whoever_asks(void **state)
{
    (void)state;
    const struct csv_problem on_paper = {.err = SKP_E_REQUEST_UNKNOWN, .column = "Schuldeiser"};
    const struct csv_problem on_list = {.err = SKP_E_REQUEST_UNKNOWN};
    char counsellor[RESULT_REMEDY_BYTES], creditor[RESULT_REMEDY_BYTES];
    result_remedy_row(&on_paper, counsellor);
    result_remedy_row(&on_list, creditor);
    assert_non_null(strstr(counsellor, "per brief"));
    assert_null(strstr(counsellor, "saldolijst"));
    assert_string_equal(creditor, result_remedy(SKP_E_REQUEST_UNKNOWN));
    assert_non_null(strstr(creditor, "saldolijst"));
}

static void answers_come_back_in_dutch_words_and_amounts(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct answer_row row = answers_row_empty();
    row.dossier = "A";
    row.creditor = "De Linde";
    assert_true(id_parse(ID, &row.request_id));
    row.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED;
    row.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    row.consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    row.invoice_number = "0042";
    row.amount_cents = 123450;
    row.total_cents = 123450;
    row.received_date = 20261203;
    assert_ok(answers_writer_open(test_path, &writer, &problem));
    answers_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
    const char *text = csv_test_read();
    assert_non_null(
        strstr(text, "\r\nA;De Linde;" ID ";beantwoord;vorderingen;vooraf akkoord;;;'0042;"));
    assert_non_null(strstr(text, ";1234,50;;;;1234,50;"));
    assert_non_null(strstr(text, ";03-12-2026\r\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, csv_test_setup, csv_test_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refused_row_says_what_is_wrong_and_what_to_do),
        TEST(a_row_held_back_by_another_names_that_line),
        TEST(a_stored_row_has_its_request_and_no_message),
        TEST(a_row_that_was_not_compared_says_so),
        TEST(every_error_has_a_remedy_in_dutch),
        TEST(a_cell_says_which_words_or_which_form_it_takes),
        TEST(letters_name_case_creditor_address_and_reason),
        TEST(an_unknown_request_is_explained_to_whoever_asks),
        TEST(answers_come_back_in_dutch_words_and_amounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
