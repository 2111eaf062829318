#include "csv_testing.h"

#include "register_csv.h"
#include "skp.pb-c.h"

#define HEADER                                                                                     \
    "Dossier;KlantnummerSHV;TypeSchuldregeling;Begeleiding;Peildatum;GemeenteOIN;"                 \
    "Geslacht;Voorletters;Achternaam;Geboortedatum;"                                               \
    "PartnerGeslacht;PartnerAchternaam;PartnerGeboortedatum;"                                      \
    "Straat;Huisnummer;Postcode;Woonplaats;"                                                       \
    "Schuldeiser;SchuldeiserOIN;Merk;KlantnummerSE;Factuurnummer;SoortVordering;Bedrag;"           \
    "Schuldenaar;Spoed\r\n"

#define MUNICIPALITY "00000099100000034000"
#define HEAD         ";'007;SK;budgetbeheer;02-11-2026;'" MUNICIPALITY ";V;A.;Voorbeeld;3-4-1980;"
#define HOME         "Proefstraat;12;1234 ab;Almere;"
#define SINGLE(d)    d HEAD ";;;" HOME
#define COUPLE(d)    d HEAD "M;Testema;01-02-1979;" HOME

static struct arena arena;
static struct register_file file;

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

static void read_text(const char *text)
{
    struct csv_problem problem = {0};
    csv_test_write_text(text);
    assert_ok(register_read(test_path, &arena, &file, &problem));
}

static void expect_problem(size_t index, unsigned long line, enum skp_err err, const char *column)
{
    const struct csv_problem_node *node = file.problems.first;
    while (index-- > 0 && node)
        node = node->next;
    assert_non_null(node);
    assert_int_equal(node->problem.line, line);
    assert_err(node->problem.err, err);
    if (column)
        assert_string_equal(node->problem.column, column);
    else
        assert_null(node->problem.column);
}

static void one_row_becomes_a_case_a_request_and_a_claim(void **state)
{
    (void)state;
    read_text(
        HEADER SINGLE("'2026-01") "De Linde;;Linde Jong;'00042;F1;zorgpremie;1.234,5;;Ja\r\n");
    assert_int_equal(file.problems.count, 0);
    assert_int_equal(file.case_count, 1);
    const struct register_case *found = file.cases;
    assert_string_equal(found->dossier, "2026-01");
    assert_string_equal(found->client_number, "007");
    assert_int_equal(found->product, SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN);
    assert_int_equal(found->guidance, SKP__V1__GUIDANCE__GUIDANCE_BUDGET_MANAGEMENT);
    assert_int_equal(found->reference_date, 20261102);
    assert_string_equal(found->municipality.text, MUNICIPALITY);
    assert_string_equal(found->client.surname, "Voorbeeld");
    assert_int_equal(found->client.birth_date, 19800403);
    assert_string_equal(found->address.postcode, "1234AB");
    assert_false(found->has_partner || found->broken_line);
    const struct register_request *request = found->requests;
    assert_int_equal(found->request_count, 1);
    assert_string_equal(request->creditor_name, "De Linde");
    assert_string_equal(request->brand, "Linde Jong");
    assert_string_equal(request->client_number_creditor, "00042");
    assert_true(request->urgent);
    assert_int_equal(request->claims->kind, SKP__V1__CLAIM_KIND__CLAIM_KIND_HEALTH);
    assert_int_equal(request->claims->amount_cents, 123450);
    assert_int_equal(request->claims->debtor, SKP__V1__DEBTOR__DEBTOR_FIRST);
}

static void rows_are_joined_wherever_they_stand(void **state)
{
    (void)state;
    /* clang-format off */
    read_text(HEADER
              SINGLE("A") "X;;;;F1;huur;1;;\r\n"
              SINGLE("B") "X;;;;F1;huur;2;;\r\n"
              SINGLE("A") "Y;;;;F1;water;3;;\r\n"
              SINGLE("A") "X;;;'09;F2;huur;4;;Ja\r\n"
              SINGLE("A") "X;;Merk;;F1;huur;5;;\r\n"
              SINGLE("A") "X;;;'10;F3;huur;6;;\r\n");
    /* clang-format on */
    assert_int_equal(file.problems.count, 0);
    assert_int_equal(file.case_count, 2);
    assert_int_equal(file.request_count, 4);
    const struct register_case *a = file.cases;
    assert_int_equal(a->request_count, 3);
    assert_string_equal(a->next->dossier, "B");
    assert_int_equal(a->requests->claim_count, 3);
    assert_int_equal(a->requests->claims->next->amount_cents, 400);
    assert_int_equal(a->requests->claims->next->line, 5);
    assert_string_equal(a->requests->client_number_creditor, "09");
    assert_string_equal(a->requests->last_claim->client_number_creditor, "10");
    assert_true(a->requests->urgent);
    assert_string_equal(a->requests->next->creditor_name, "Y");
    assert_string_equal(a->requests->next->next->brand, "Merk");
}

static void creditors_are_the_same_by_oin_and_else_by_name(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "Linde;'00000099200000001000;;;F1;huur;1;;\r\n" SINGLE(
        "A") "De Linde;'00000099200000001000;;;F2;huur;1;;\r\n" SINGLE("A") "Linde;;;;F3;huur;1;;"
                                                                            "\r\n");
    assert_int_equal(file.problems.count, 0);
    assert_int_equal(file.cases->request_count, 2);
}

static void a_couple_must_say_whose_debt_it_is(void **state)
{
    (void)state;
    read_text(HEADER COUPLE("A") "X;;;;F1;huur;1;beiden;\r\n" COUPLE(
        "A") "Y;;;;F1;huur;1;;\r\n" SINGLE("B") "X;;;;F1;huur;1;partner;\r\n");
    assert_int_equal(file.problems.count, 2);
    expect_problem(0, 3, SKP_E_REQUIRED, "Schuldenaar");
    expect_problem(1, 4, SKP_E_FIELD_UNEXPECTED, "Schuldenaar");
    assert_true(file.cases->has_partner);
    assert_int_equal(file.cases->requests->claims->debtor, SKP__V1__DEBTOR__DEBTOR_BOTH);
    assert_false(file.cases->requests->broken_line);
    assert_true(file.cases->requests->next->broken_line);
    assert_false(file.cases->broken_line);
}

static void a_wrong_claim_breaks_its_request_and_stays_declared(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n" SINGLE("A") "X;;;;F2;huur;-5;;\r\n" SINGLE(
        "A") "Y;;;;F1;krediet;1,234;;\r\n" SINGLE("A") "Z;;;;F1;water;3;;\r\n");
    expect_problem(0, 3, SKP_E_AMOUNT_RANGE, "Bedrag");
    expect_problem(1, 4, SKP_E_VALUE_INVALID, "Bedrag");
    assert_int_equal(file.problems.count, 2);
    const struct register_case *found = file.cases;
    assert_false(found->broken_line);
    assert_int_equal(found->request_count, 3);
    assert_true(found->requests->broken_line);
    assert_true(found->requests->next->broken_line);
    assert_false(found->requests->next->next->broken_line);
}

static void rows_that_contradict_their_case_break_it(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n"
                                 "A;'007;SB;budgetbeheer;02-11-2026;'" MUNICIPALITY
                                 ";V;A.;Voorbeeld;3-4-1980;;;;" HOME "Y;;;;F1;huur;1;;\r\n");
    assert_int_equal(file.problems.count, 1);
    expect_problem(0, 3, SKP_E_VALUE_INVALID, "TypeSchuldregeling");
    assert_int_equal(file.problems.first->problem.other_line, 2);
    assert_true(file.cases->broken_line);
    assert_int_equal(file.cases->request_count, 2);
}

static void every_wrong_field_of_a_row_is_named(void **state)
{
    (void)state;
    read_text(HEADER "A;;XX;;31-02-2026;123;Q;A.;;1-1-1880;;;;;12;12AB;;;;;;F1;zorg;x;;\r\n");
    static const struct {
        enum skp_err err;
        const char *column;
    } expected[] = {{SKP_E_ENUM_VALUE, "TypeSchuldregeling"}, {SKP_E_REQUIRED, "Begeleiding"},
                    {SKP_E_DATE_INVALID, "Peildatum"},        {SKP_E_OIN_FORMAT, "GemeenteOIN"},
                    {SKP_E_ENUM_VALUE, "Geslacht"},           {SKP_E_REQUIRED, "Achternaam"},
                    {SKP_E_DATE_RANGE, "Geboortedatum"},      {SKP_E_REQUIRED, "Straat"},
                    {SKP_E_POSTCODE_INVALID, "Postcode"},     {SKP_E_REQUIRED, "Woonplaats"},
                    {SKP_E_REQUIRED, "Schuldeiser"},          {SKP_E_VALUE_INVALID, "Bedrag"},
                    {SKP_E_ENUM_VALUE, "SoortVordering"}};
    assert_int_equal(file.problems.count, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < file.problems.count; i++)
        expect_problem(i, 2, expected[i].err, expected[i].column);
    assert_true(file.cases->broken_line);
}

static void a_birth_after_the_reference_date_is_out_of_range(void **state)
{
    (void)state;
    read_text(HEADER "A;;SK;geen;02-11-2026;'" MUNICIPALITY ";V;A.;Voorbeeld;3-11-2026;;;;" HOME
                     "X;;;;F1;huur;1;;\r\n");
    expect_problem(0, 2, SKP_E_DATE_RANGE, "Geboortedatum");
}

static void a_partner_is_named_in_full(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n"
                                 "B;'007;SK;budgetbeheer;02-11-2026;'" MUNICIPALITY
                                 ";V;A.;Voorbeeld;3-4-1980;;Testema;;" HOME
                                 "Y;;;;F1;huur;1;eerste;\r\n");
    assert_int_equal(file.problems.count, 2);
    expect_problem(0, 3, SKP_E_REQUIRED, "PartnerGeslacht");
    expect_problem(1, 3, SKP_E_REQUIRED, "PartnerGeboortedatum");
}

static void the_same_invoice_twice_is_a_duplicate(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n" SINGLE("A") "X;;;;F1;huur;1;;\r\n");
    expect_problem(0, 3, SKP_E_DUPLICATE_CLAIM, "Factuurnummer");
    assert_true(file.cases->requests->broken_line);
}

static void a_number_that_a_spreadsheet_spoilt_is_refused(void **state)
{
    (void)state;
    read_text(HEADER SINGLE("A") "X;;;9,9E+13;F1;huur;1;;\r\n");
    expect_problem(0, 2, SKP_E_VALUE_INVALID, "KlantnummerSE");
}

static void a_line_that_cannot_be_split_does_not_stop_the_file(void **state)
{
    (void)state;
    read_text(HEADER "A;kapot\r\n" SINGLE("B") "X;;;;F1;huur;1;;\r\n");
    assert_int_equal(file.row_count, 2);
    assert_int_equal(file.case_count, 1);
    expect_problem(0, 2, SKP_E_CSV_LINE, NULL);
}

static void unknown_columns_are_noted(void **state)
{
    (void)state;
    struct csv_problem problem;
    csv_test_write_text("Dossier;Kleur\r\n");
    assert_err(register_read(test_path, &arena, &file, &problem), SKP_E_CSV_HEADER);
    char text[4096];
    snprintf(text, sizeof(text), "Kleur;%s", HEADER);
    csv_test_write_text(text);
    assert_ok(register_read(test_path, &arena, &file, &problem));
    assert_int_equal(file.ignored.count, 1);
    assert_string_equal(file.ignored.first->problem.column, "Kleur");
}

static void more_requests_than_a_case_may_have_are_refused(void **state)
{
    (void)state;
    struct csv_problem problem;
    FILE *out = fopen(test_path, "w");
    fputs(HEADER, out);
    for (int i = 0; i < REGISTER_MAX_REQUESTS + 1; i++)
        fprintf(out, SINGLE("A") "Schuldeiser %d;;;;F1;huur;1;;\r\n", i);
    fclose(out);
    assert_ok(register_read(test_path, &arena, &file, &problem));
    assert_int_equal(file.request_count, REGISTER_MAX_REQUESTS);
    expect_problem(0, REGISTER_MAX_REQUESTS + 2, SKP_E_DECODE_ITEMS, NULL);
    assert_true(file.cases->broken_line);
}

static void more_claims_than_a_request_may_have_are_refused(void **state)
{
    (void)state;
    struct csv_problem problem;
    FILE *out = fopen(test_path, "w");
    fputs(HEADER, out);
    for (int i = 0; i < REGISTER_MAX_CLAIMS + 1; i++)
        fprintf(out, SINGLE("A") "X;;;;F%d;huur;1;;\r\n", i);
    fclose(out);
    assert_ok(register_read(test_path, &arena, &file, &problem));
    expect_problem(0, REGISTER_MAX_CLAIMS + 2, SKP_E_DECODE_ITEMS, NULL);
    assert_true(file.cases->requests->broken_line);
    assert_false(file.cases->broken_line);
}

static void memory_that_runs_out_is_an_error_of_the_file(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct arena small;
    csv_test_write_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n");
    for (size_t bytes = 0; bytes < 1024; bytes += 64) {
        arena_init(&small, bytes);
        enum skp_err err = register_read(test_path, &small, &file, &problem);
        assert_true(err == SKP_OK || err == SKP_E_NO_MEMORY);
        if (bytes < 512)
            assert_err(err, SKP_E_NO_MEMORY);
        arena_fini(&small);
    }
}

/* ---------------------------------------------------------------- BSN */

static void bsns_come_from_their_own_file(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_problems problems = {.arena = &arena};
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n" COUPLE("B") "X;;;;F1;huur;1;eerste;\r\n");
    csv_test_write_text("Dossier;BSN;PartnerBSN\nA;999000007;\nB;'999000019;999000020\n");
    assert_ok(register_read_bsn(test_path, &file, &problems, &problem));
    assert_int_equal(problems.count, 0);
    assert_string_equal(file.cases->client.bsn, "999000007");
    assert_string_equal(file.cases->next->client.bsn, "999000019");
    assert_string_equal(file.cases->next->partner.bsn, "999000020");
}

static void the_bsn_of_the_partner_alone_is_enough(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_problems problems = {.arena = &arena};
    read_text(HEADER COUPLE("B") "X;;;;F1;huur;1;eerste;\r\n");
    csv_test_write_text("Dossier;BSN;PartnerBSN\nB;;999000020\nB;999000019;\n");
    assert_ok(register_read_bsn(test_path, &file, &problems, &problem));
    assert_int_equal(problems.count, 1);
    assert_err(problems.first->problem.err, SKP_E_DUPLICATE_ITEM);
    assert_string_equal(file.cases->client.bsn, "");
    assert_string_equal(file.cases->partner.bsn, "999000020");
}

static void a_wrong_bsn_row_is_reported_and_changes_nothing(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_problems problems = {.arena = &arena};
    static const enum skp_err expected[] = {SKP_E_BSN_INVALID, SKP_E_CASE_UNKNOWN,
                                            SKP_E_REQUIRED,    SKP_E_FIELD_UNEXPECTED,
                                            SKP_E_BSN_INVALID, SKP_E_DUPLICATE_ITEM};
    read_text(HEADER SINGLE("A") "X;;;;F1;huur;1;;\r\n" COUPLE("B") "X;;;;F1;huur;1;eerste;\r\n");
    csv_test_write_text("Dossier;BSN;PartnerBSN\nA;999000008;\nC;999000007;\nA;;\n"
                        "A;999000007;999000019\nB;999000007;999000007\n"
                        "B;999000007;\nB;999000007;\n");
    assert_ok(register_read_bsn(test_path, &file, &problems, &problem));
    assert_int_equal(problems.count, 6);
    const struct csv_problem_node *node = problems.first;
    for (size_t i = 0; i < 6; i++, node = node->next)
        assert_err(node->problem.err, expected[i]);
    assert_string_equal(file.cases->client.bsn, "");
    assert_string_equal(file.cases->next->client.bsn, "999000007");
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    read_text(HEADER COUPLE("'2026-01") "=Linde;'00000099200000001000;Merk;'0004;'F\"1;boete;0,05;"
                                        "partner;Ja\r\n");
    const struct register_case first = *file.cases;
    assert_int_equal(file.problems.count, 0);
    csv_test_write_text("");
    assert_ok(register_writer_open(test_path, &writer, &problem));
    register_writer_put(writer, &first, first.requests, first.requests->claims);
    assert_ok(csv_writer_close(writer, &problem));
    assert_null(strstr(csv_test_read(), "BSN"));
    assert_ok(register_read(test_path, &arena, &file, &problem));
    assert_int_equal(file.problems.count, 0);
    assert_string_equal(file.cases->dossier, "2026-01");
    assert_string_equal(file.cases->partner.surname, "Testema");
    assert_string_equal(file.cases->requests->creditor_name, "=Linde");
    assert_string_equal(file.cases->requests->creditor.text, "00000099200000001000");
    assert_string_equal(file.cases->requests->claims->invoice_number, "'F\"1");
    assert_int_equal(file.cases->requests->claims->amount_cents, 5);
    assert_int_equal(file.cases->requests->claims->debtor, SKP__V1__DEBTOR__DEBTOR_PARTNER);
}

static void an_address_is_read_and_written_in_all_its_parts(void **state)
{
    (void)state;
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct register_case written;
    read_text(HEADER SINGLE("'2026-01") "De Linde;;;;F1;boete;0,05;;\r\n");
    written = *file.cases;
    assert_string_equal(written.address.letter, ""); /* the file has no such column */
    written.address.letter = "b";
    written.address.addition = "1-2";
    written.address.indication = "by";
    written.address.mooring = "woonwagen 3";
    csv_test_write_text("");
    assert_ok(register_writer_open(test_path, &writer, &problem));
    register_writer_put(writer, &written, written.requests, written.requests->claims);
    assert_ok(csv_writer_close(writer, &problem));
    assert_non_null(strstr(csv_test_read(), "Straat;Huisnummer;Huisletter;Toevoeging;Aanduiding;"
                                            "Postcode;Woonplaats;WoonbootWoonwagen;"));
    assert_ok(register_read(test_path, &arena, &file, &problem));
    assert_int_equal(file.problems.count, 0);
    const struct csv_address *address = &file.cases->address;
    assert_string_equal(address->letter, "b");
    assert_string_equal(address->addition, "1-2");
    assert_string_equal(address->indication, "by");
    assert_string_equal(address->mooring, "woonwagen 3");
}

static void a_house_letter_that_is_too_long_is_named(void **state)
{
    (void)state;
    read_text("Huisletter;" HEADER
              "elfletters1;" SINGLE("'2026-01") "De Linde;;;;F1;boete;0,05;;\r\n");
    expect_problem(0, 2, SKP_E_TEXT_TOO_LONG, "Huisletter");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_row_becomes_a_case_a_request_and_a_claim),
        TEST(rows_are_joined_wherever_they_stand),
        TEST(an_address_is_read_and_written_in_all_its_parts),
        TEST(a_house_letter_that_is_too_long_is_named),
        TEST(creditors_are_the_same_by_oin_and_else_by_name),
        TEST(a_couple_must_say_whose_debt_it_is),
        TEST(a_wrong_claim_breaks_its_request_and_stays_declared),
        TEST(rows_that_contradict_their_case_break_it),
        TEST(every_wrong_field_of_a_row_is_named),
        TEST(a_birth_after_the_reference_date_is_out_of_range),
        TEST(a_partner_is_named_in_full),
        TEST(the_same_invoice_twice_is_a_duplicate),
        TEST(a_number_that_a_spreadsheet_spoilt_is_refused),
        TEST(a_line_that_cannot_be_split_does_not_stop_the_file),
        TEST(unknown_columns_are_noted),
        TEST(more_requests_than_a_case_may_have_are_refused),
        TEST(more_claims_than_a_request_may_have_are_refused),
        TEST(memory_that_runs_out_is_an_error_of_the_file),
        TEST(bsns_come_from_their_own_file),
        TEST(the_bsn_of_the_partner_alone_is_enough),
        TEST(a_wrong_bsn_row_is_reported_and_changes_nothing),
        TEST(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
