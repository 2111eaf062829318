#include "csv_testing.h"

#include "list_answer.h"
#include "skp.pb-c.h"

#define R1 "11111111-1111-4111-8111-111111111111"
#define R2 "22222222-2222-4222-8222-222222222222"
#define C1 "aaaaaaaa-0001-4aaa-8aaa-aaaaaaaaaaaa"
#define C2 "aaaaaaaa-0002-4aaa-8aaa-aaaaaaaaaaaa"
#define C3 "aaaaaaaa-0003-4aaa-8aaa-aaaaaaaaaaaa"

/* What a person fills in, then what the answer is about. */
#define HEADER                                                                                     \
    "ConversatieReferentienummer;Regelkenmerk;SchuldenaarOnbekend;StandaardAkkoord;SoortSchuld;"   \
    "OpenstaandBedrag;EenTotaal;GeenMedewerking;Belemmering;Overleden;Datum;InIncasso;Betwist;"    \
    "OvergedragenAan;KlantnummerSE;BedragVolgensSHV;Schuldenaar;SoortVordering\n"
#define ABOUT "100,00;eerste;telecom\n"
/* unknown; yes; kind of debt; amount; total; refusal; impediment; deceased; date; collection; disputed */
#define OPEN_ROW(r, c) r ";" c ";;;;;;;;;;;;;;" ABOUT

static struct arena arena;
static struct list_answers answers;

static int setup(void **state)
{
    arena_init(&arena, 1 << 22);
    return csv_test_setup(state);
}

static int teardown(void **state)
{
    arena_fini(&arena);
    return csv_test_teardown(state);
}

static const struct list_request *read_text(const char *text)
{
    struct csv_problem problem = {0};
    csv_test_write_text(text);
    assert_ok(list_answers_read(test_path, &arena, &answers, &problem));
    return answers.requests;
}

static void expect_only_problem(unsigned long line, enum skp_err err, const char *column)
{
    assert_int_equal(answers.problems.count, 1);
    assert_int_equal(answers.problems.first->problem.line, line);
    assert_err(answers.problems.first->problem.err, err);
    if (column)
        assert_string_equal(answers.problems.first->problem.column, column);
}

static void amounts_make_claims_and_yes_makes_consent(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;Ja;openstaande schuld;100,00;;;;;1-11-2026;;;;'007;" ABOUT R1
                            ";" C2 ";;Ja;;150,50;;;;;;Ja;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_CLAIMS);
    assert_int_equal(request->consent, SKP__V1__CONSENT__CONSENT_PRE_AGREED);
    assert_true(request->complete);
    assert_int_equal(request->claim_count, 2);
    assert_int_equal(request->total_cents, 25050);
    assert_int_equal(request->balance_date, 20261101);
    assert_string_equal(request->client_number_creditor, "007");
    const struct list_claim *claim = request->claims;
    assert_int_equal(claim->state, SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED);
    assert_int_equal(claim->preference, SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT);
    assert_int_equal(claim->kind, SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM);
    assert_false(claim->deviates);
    assert_int_equal(claim->next->state, SKP__V1__CLAIM_STATE__CLAIM_STATE_IN_COLLECTION);
    assert_true(claim->next->deviates);
}

static void silence_is_never_consent(void **state)
{
    (void)state;
    const struct list_request *request = read_text(HEADER R1 ";" C1 ";;;;100;;;;;;;;;;" ABOUT);
    assert_int_equal(request->consent, SKP__V1__CONSENT__CONSENT_NEEDS_OFFER);
    request = read_text(HEADER OPEN_ROW(R1, C1));
    assert_int_equal(request->outcome, 0);
    assert_int_equal(request->consent, 0);
    assert_int_equal(request->answered_count, 0);
    assert_false(request->broken);
}

static void yes_on_some_rows_only_is_refused(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;Ja;;100;;;;;;;;;;" ABOUT R1 ";" C2 ";;;;50;;;;;;;;;;" ABOUT R2
                            ";" C3 ";;Ja;;50;;;;;;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_CONSENT_INVALID, "StandaardAkkoord");
    assert_int_equal(answers.problems.first->problem.other_line, 2);
    assert_true(request->broken);
    assert_false(request->next->broken);
}

static void yes_with_an_impediment_is_not_yes(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;Ja;;100;;;recidive;;;;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->consent, SKP__V1__CONSENT__CONSENT_IMPEDIMENT);
    assert_int_equal(request->reason, SKP__V1__REASON__REASON_RECIDIVISM);
}

static void rows_may_be_sorted_in_any_order_and_left_out(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R2 ";" C3 ";;;;5;;;;;;;;;;" ABOUT R1 ";" C2 ";;;;20;;;;;;;;;;" ABOUT R2
                            ";;;;;6;;;;;;;;;;" ABOUT OPEN_ROW(R1, C1));
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(answers.request_count, 2);
    assert_int_equal(request->total_cents, 1100);
    assert_true(id_is_nil(&request->claims->next->claim_id));
    assert_true(request->complete);
    assert_int_equal(request->next->total_cents, 2000);
    assert_false(request->next->complete);
}

static void an_unknown_client_on_one_row_answers_all_of_them(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER OPEN_ROW(R1, C1) R1 ";" C2 ";Ja;;;;;;;;;;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT);
    assert_int_equal(request->claim_count, 0);
    assert_true(request->complete);
}

static void an_unknown_client_with_an_amount_is_a_contradiction(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";Ja;;;;;;;;;;;;;" ABOUT R1 ";" C2 ";;;;20;;;;;;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_FIELD_UNEXPECTED, "OpenstaandBedrag");
    assert_true(request->broken);
}

static void two_outcomes_for_one_client_are_a_contradiction(void **state)
{
    (void)state;
    const struct list_request *request = read_text(
        HEADER R1 ";" C1 ";Ja;;;;;;;;;;;;;" ABOUT R1 ";" C2 ";;;;;;recente kwijting;;;;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_CLAIM_UNKNOWN, NULL);
    assert_true(request->broken);
    request = read_text(HEADER R1 ";" C1 ";Ja;;;;;;;Ja;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_FIELD_UNEXPECTED, "SchuldenaarOnbekend");
    assert_true(request->broken);
}

#define UNREADABLE_HEADER                                                                          \
    "ConversatieReferentienummer;Regelkenmerk;SchuldenaarOnbekend;StandaardAkkoord;SoortSchuld;"   \
    "OpenstaandBedrag;Overleden;Onleesbaar;SoortVordering\n"

static void unreadable_is_said_once_and_with_nothing_else(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(UNREADABLE_HEADER R1 ";" C1 ";;;;;;Ja;telecom\n" R1 ";" C2 ";;;;;;;telecom\n");
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_UNREADABLE);
    assert_int_equal(request->claim_count, 0);
    request = read_text(UNREADABLE_HEADER R1 ";" C1 ";;;;;Ja;Ja;telecom\n");
    expect_only_problem(2, SKP_E_FIELD_UNEXPECTED, "Onleesbaar");
    assert_true(request->broken);
    read_text(UNREADABLE_HEADER R1 ";" C1 ";;;;10,00;;Ja;telecom\n");
    expect_only_problem(2, SKP_E_FIELD_UNEXPECTED, "OpenstaandBedrag");
}

static void no_cooperation_has_its_reason(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;;;;;recente kwijting;;;;;;;;" ABOUT);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION);
    assert_int_equal(request->reason, SKP__V1__REASON__REASON_RECENT_DISCHARGE);
    request = read_text(HEADER R1 ";" C1 ";;;;;;;;Ja;;;;;;" ABOUT);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_REPORTED_DECEASED);
}

static void unknown_debts_and_empty_balances_are_no_claims(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;;schuld onbekend;;;;;;;;;;;" ABOUT R1 ";" C2
                            ";;Ja;onbekend;;;;;;;;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 1); /* "onbekend" is no word of SoortSchuld */
    request = read_text(HEADER R1 ";" C1 ";;;schuld onbekend;;;;;;;;;;;" ABOUT R1 ";" C2
                                  ";;Ja;schuld onbekend bij SE;;;;;;;;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT);
    assert_int_equal(request->consent, 0);
    request = read_text(HEADER R1 ";" C1 ";;;saldo nul;0;;;;;;;;;;" ABOUT R1 ";" C2
                                  ";;;schuld onbekend;;;;;;;;;;;" ABOUT);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE);
    request = read_text(HEADER R1 ";" C1 ";;;saldo nul;;;;;;;;;;;" ABOUT R1 ";" C2
                                  ";;;;7;;;;;;;;;;" ABOUT);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_CLAIMS);
    assert_int_equal(request->claim_count, 1);
}

static void a_transferred_claim_needs_no_amount(void **state)
{
    (void)state;
    const struct list_request *request =
        read_text(HEADER R1 ";" C1 ";;;overgedragen schuld;;;;;;;;;Fonds Zuid;;" ABOUT);
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(request->claims->state, SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD);
    assert_int_equal(request->claims->amount_cents, 0);
    assert_string_equal(request->transferred_to, "Fonds Zuid");
    assert_int_equal(request->consent, SKP__V1__CONSENT__CONSENT_NEEDS_OFFER);
}

static void an_open_claim_needs_an_amount_above_nothing(void **state)
{
    (void)state;
    read_text(HEADER R1 ";" C1 ";;;open;;;;;;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_REQUIRED, "OpenstaandBedrag");
    read_text(HEADER R1 ";" C1 ";;;open;0,00;;;;;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_AMOUNT_ZERO, "OpenstaandBedrag");
    read_text(HEADER R1 ";" C1 ";;Ja;;;;;;;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_REQUIRED, "OpenstaandBedrag");
    read_text(HEADER R1 ";" C1 ";;;;-5;;;;;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_AMOUNT_RANGE, "OpenstaandBedrag");
    assert_true(answers.requests->broken);
}

static void one_total_stands_for_all_claims(void **state)
{
    (void)state;
    const struct list_request *request = read_text(
        HEADER OPEN_ROW(R1, C1) R1 ";" C2 ";;Ja;;99,99;Ja;;;;;;;;;" ABOUT OPEN_ROW(R1, C3));
    assert_int_equal(answers.problems.count, 0);
    assert_true(request->one_total);
    assert_true(request->complete);
    assert_int_equal(request->total_cents, 9999);
    assert_int_equal(request->claim_count, 0);
    assert_int_equal(request->outcome, SKP__V1__OUTCOME__OUTCOME_CLAIMS);
    assert_int_equal(request->consent, SKP__V1__CONSENT__CONSENT_PRE_AGREED);
}

static void one_total_beside_amounts_is_a_contradiction(void **state)
{
    (void)state;
    read_text(HEADER R1 ";" C1 ";;;;5;;;;;;;;;;" ABOUT R1 ";" C2 ";;;;99;Ja;;;;;;;;;" ABOUT);
    expect_only_problem(2, SKP_E_FIELD_UNEXPECTED, "OpenstaandBedrag");
    read_text(HEADER R1 ";" C1 ";;;;5;Ja;;;;;;;;;" ABOUT R1 ";" C2 ";;;;99;Ja;;;;;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_FIELD_UNEXPECTED, "EenTotaal");
    /* The flag alone answers nothing. */
    read_text(HEADER R1 ";" C1 ";;;;;Ja;;;;;;;;;" ABOUT);
    assert_int_equal(answers.requests->answered_count, 0);
}

static void the_same_claim_twice_is_refused(void **state)
{
    (void)state;
    read_text(HEADER R1 ";" C1 ";;;;5;;;;;;;;;;" ABOUT R1 ";" C1 ";;;;5;;;;;;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_DUPLICATE_CLAIM, "Regelkenmerk");
}

static void dates_that_differ_within_a_request_are_refused(void **state)
{
    (void)state;
    read_text(HEADER R1 ";" C1 ";;;;5;;;;;1-1-2026;;;;;" ABOUT R1 ";" C2
                        ";;;;5;;;;;2-1-2026;;;;;" ABOUT);
    expect_only_problem(3, SKP_E_VALUE_INVALID, "Datum");
}

static void a_row_without_its_reference_is_a_problem_of_that_row(void **state)
{
    (void)state;
    read_text(HEADER ";" C1 ";;;;5;;;;;;;;;;" ABOUT "12345;" C1 ";;;;5;;;;;;;;;;" ABOUT R1 ";" C1
                     ";;;;5;;;;;;;;;;" ABOUT);
    assert_int_equal(answers.problems.count, 2);
    assert_err(answers.problems.first->problem.err, SKP_E_REQUIRED);
    assert_err(answers.problems.last->problem.err, SKP_E_ID_FORMAT);
    assert_int_equal(answers.request_count, 1);
}

static void more_claims_than_an_answer_may_have_are_refused(void **state)
{
    (void)state;
    struct csv_problem problem;
    FILE *out = fopen(test_path, "w");
    fputs(HEADER, out);
    for (int i = 0; i < LIST_MAX_CLAIMS + 1; i++)
        fputs(R1 ";;;;;5;;;;;;;;;;" ABOUT, out);
    fclose(out);
    assert_ok(list_answers_read(test_path, &arena, &answers, &problem));
    expect_only_problem(LIST_MAX_CLAIMS + 2, SKP_E_DECODE_ITEMS, NULL);
}

static void a_contradiction_names_the_row_that_said_otherwise(void **state)
{
    (void)state;
    (void)read_text(HEADER OPEN_ROW(R1, C1) R1 ";" C2 ";;;;5;;;;;1-11-2026;;;;;" ABOUT R1 ";" C3
                                               ";;;;5;;;;;2-11-2026;;;;;" ABOUT);
    expect_only_problem(4, SKP_E_VALUE_INVALID, "Datum");
    assert_int_equal(answers.problems.first->problem.other_line, 3);
    (void)read_text(HEADER R1 ";" C1 ";;;;5;;;recidive;;;;;;;" ABOUT R1 ";" C2
                              ";;;;5;;;;;;;;;;" ABOUT R1 ";" C3
                              ";;;;5;;;nieuwe schuld;;;;;;;" ABOUT);
    expect_only_problem(4, SKP_E_VALUE_INVALID, "Belemmering");
    assert_int_equal(answers.problems.first->problem.other_line, 2);
}

/* ---------------------------------------------------------------- writing */

static struct list_row example(void)
{
    struct list_row row = list_row_empty();
    assert_true(id_parse(R1, &row.request_id));
    assert_true(id_parse(C1, &row.claim_id));
    assert_true(oin_take(span_text("00000099100000034000"), &row.counsellor));
    row.counsellor_name = "Gemeente Almere (test)";
    row.client_number_counsellor = "0001";
    row.client = (struct csv_person){.surname = "Voorbeeld", .birth_date = 19800101};
    strcpy(row.client.bsn, "999000007");
    row.address = (struct csv_address){.letter = "a", .indication = "to", .mooring = "Proef"};
    strcpy(row.address.postcode, "1234AB");
    row.invoice_number = "=2";
    row.known_cents = 10000;
    row.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    row.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    row.agreement = true;
    row.version = 1;
    row.due_date = 20261203;
    return row;
}

static void write_example(void)
{
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct list_row row = example();
    assert_ok(list_writer_open(test_path, &writer, &problem));
    list_writer_put(writer, &row);
    assert_ok(csv_writer_close(writer, &problem));
}

static void the_columns_of_the_live_system_come_first(void **state)
{
    (void)state;
    write_example();
    const char *at = csv_test_read() + 3;
    static const char *const order[] = {
        "ConversatieReferentienummer;Referentienummer;SHV;ContactSHVNaam;",
        "KlantnummerSHV;",
        "KlantnummerSEVolgensSHV;",
        "TypeSchuldregeling;",
        "Geslacht;",
        "PartnerGeslacht;",
        "Straat;Huisnummer;Huisletter;Toevoeging;Aanduiding;Postcode;Woonplaats;WoonbootWoonwagen;",
        "FactuurnummerVolgensSHV;KlantnummerSE;ContactSENaam;",
        ("SchuldenaarOnbekend;StandaardAkkoord;Datum;SoortSchuld;FactuurnummerSE;Ontstaansdatum;"
         "OorspronkelijkBedrag;OpenstaandBedrag;"),
        "Regelkenmerk;Regelversie;"};
    assert_ptr_equal(strstr(at, order[0]), at);
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        at = strstr(at, order[i]);
        assert_non_null(at);
    }
}

static void a_bsn_is_never_in_the_list(void **state)
{
    (void)state;
    write_example();
    assert_null(strstr(csv_test_read(), "BSN"));
    assert_null(strstr(csv_test_read(), "999000007"));
}

static void a_written_row_is_read_back_whole(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_problems problems = {.arena = &arena};
    struct csv_reader *reader = NULL;
    struct csv_row found;
    struct list_row row, written = example();
    bool good = false;
    write_example();
    assert_ok(list_reader_open(test_path, &reader, &problem));
    assert_true(csv_reader_next(reader, &found));
    assert_ok(list_row_take(&found, &problems, &row, &good));
    assert_true(good);
    assert_true(id_equal(&row.request_id, &written.request_id));
    assert_true(id_equal(&row.claim_id, &written.claim_id));
    assert_true(oin_equal(&row.counsellor, &written.counsellor));
    assert_string_equal(row.client_number_counsellor, "0001");
    assert_string_equal(row.invoice_number, "=2");
    assert_string_equal(row.address.letter, "a");
    assert_string_equal(row.address.indication, "to");
    assert_string_equal(row.address.postcode, "1234AB");
    assert_string_equal(row.address.mooring, "Proef");
    assert_int_equal(row.known_cents, 10000);
    assert_true(row.answer.amount_cents == CSV_NO_AMOUNT);
    assert_int_equal(row.due_date, 20261203);
    assert_true(row.agreement);
    assert_string_equal(row.client.bsn, "");
    assert_false(csv_reader_next(reader, &found));
    csv_reader_free(reader);
}

static void a_written_list_without_answers_holds_no_answer(void **state)
{
    (void)state;
    struct csv_problem problem;
    write_example();
    assert_ok(list_answers_read(test_path, &arena, &answers, &problem));
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(answers.requests->row_count, 1);
    assert_int_equal(answers.requests->outcome, 0);
    assert_string_equal(answers.requests->counsellor.text, "00000099100000034000");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(amounts_make_claims_and_yes_makes_consent),
        TEST(unreadable_is_said_once_and_with_nothing_else),
        TEST(a_contradiction_names_the_row_that_said_otherwise),
        TEST(silence_is_never_consent),
        TEST(yes_on_some_rows_only_is_refused),
        TEST(yes_with_an_impediment_is_not_yes),
        TEST(rows_may_be_sorted_in_any_order_and_left_out),
        TEST(an_unknown_client_on_one_row_answers_all_of_them),
        TEST(an_unknown_client_with_an_amount_is_a_contradiction),
        TEST(two_outcomes_for_one_client_are_a_contradiction),
        TEST(no_cooperation_has_its_reason),
        TEST(unknown_debts_and_empty_balances_are_no_claims),
        TEST(a_transferred_claim_needs_no_amount),
        TEST(an_open_claim_needs_an_amount_above_nothing),
        TEST(one_total_stands_for_all_claims),
        TEST(one_total_beside_amounts_is_a_contradiction),
        TEST(the_same_claim_twice_is_refused),
        TEST(dates_that_differ_within_a_request_are_refused),
        TEST(a_row_without_its_reference_is_a_problem_of_that_row),
        TEST(more_claims_than_an_answer_may_have_are_refused),
        TEST(the_columns_of_the_live_system_come_first),
        TEST(a_bsn_is_never_in_the_list),
        TEST(a_written_row_is_read_back_whole),
        TEST(a_written_list_without_answers_holds_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
