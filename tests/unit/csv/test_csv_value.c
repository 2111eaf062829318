#include "testing.h"

#include "csv_text.h"
#include "csv_value.h"
#include "csv_words.h"
#include "skp.pb-c.h"

#include <string.h>

static void expect_date(const char *text, plain_date date)
{
    plain_date read = -1;
    assert_ok(csv_value_read_date(text, &read));
    assert_int_equal(read, date);
}

static void dates_are_read_as_people_and_programs_write_them(void **state)
{
    (void)state;
    expect_date("03-12-2026", 20261203);
    expect_date("3-12-2026", 20261203);
    expect_date(" 3-1-2026 ", 20260103);
    expect_date("2026-12-03", 20261203);
    expect_date("29-02-2024", 20240229);
    expect_date("", 0);
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"29-02-2026", "31-04-2026", "3/12/2026",  "12-2026",
                                        "3-13-2026",  "03-12-26",   "2026-12-3",  "3-12-2026x",
                                        "00-01-2026", "20261203",   "3 mrt 2026", "-"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        plain_date read = -1;
        assert_err(csv_value_read_date(texts[i], &read), SKP_E_DATE_INVALID);
        assert_int_equal(read, -1);
    }
}

static void what_is_no_date_is_written_as_nothing(void **state)
{
    (void)state;
    static const plain_date dates[] = {0, 19800000, 20261345, -1, INT32_MIN, INT32_MAX};
    char text[CALENDAR_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        csv_value_print_date(dates[i], text);
        assert_string_equal(text, "");
    }
}

static void expect_amount(const char *text, int64_t cents)
{
    int64_t read = -1;
    assert_ok(csv_value_read_amount(text, &read));
    assert_true(read == cents);
}

static void amounts_are_read_to_the_cent(void **state)
{
    (void)state;
    expect_amount("1.234,56", 123456);
    expect_amount("1234,56", 123456);
    expect_amount("1234", 123400);
    expect_amount("1.234", 123400);
    expect_amount("1.234.567,8", 123456780);
    expect_amount("0,05", 5);
    expect_amount("0", 0);
    expect_amount("-1,50", -150);
    expect_amount("\xe2\x82\xac 12,00", 1200);
    expect_amount(" 7 ", 700);
    expect_amount("", CSV_NO_AMOUNT);
    expect_amount("999.999.999.999.999,99", INT64_C(99999999999999999));
}

static void an_amount_that_can_be_read_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "12.34", "1,234",  "1,234.56", "1.23,4", "1234.567", "1,2,3", "12,",      ",50", "1 234",
        "12,-",  "twaalf", "1.",       "1..234", "--1",      "1,5x",  "1.234.56", "1E5"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int64_t read = -1;
        assert_err(csv_value_read_amount(texts[i], &read), SKP_E_VALUE_INVALID);
        assert_true(read == -1);
    }
}

static void an_amount_beyond_all_bounds_is_refused(void **state)
{
    (void)state;
    int64_t read = -1;
    assert_err(csv_value_read_amount("1234567890123456", &read), SKP_E_AMOUNT_RANGE);
    assert_err(csv_value_read_amount("1.000.000.000.000.000", &read), SKP_E_AMOUNT_RANGE);
}

static void amounts_are_written_with_a_comma(void **state)
{
    (void)state;
    char text[CSV_AMOUNT_BYTES];
    csv_value_print_amount(123456, text);
    assert_string_equal(text, "1234,56");
    csv_value_print_amount(5, text);
    assert_string_equal(text, "0,05");
    csv_value_print_amount(-150, text);
    assert_string_equal(text, "-1,50");
    csv_value_print_amount(CSV_NO_AMOUNT, text);
    assert_string_equal(text, "");
}

static void yes_is_ja_and_no_is_empty(void **state)
{
    (void)state;
    bool flag = false;
    assert_ok(csv_value_read_flag("JA ", &flag));
    assert_true(flag);
    assert_ok(csv_value_read_flag("", &flag));
    assert_false(flag);
    assert_ok(csv_value_read_flag("nee", &flag));
    assert_false(flag);
    assert_err(csv_value_read_flag("x", &flag), SKP_E_VALUE_INVALID);
    assert_err(csv_value_read_flag("jawel", &flag), SKP_E_VALUE_INVALID);
}

static void a_bsn_has_nine_digits_and_passes_the_elfproef(void **state)
{
    (void)state;
    char bsn[CSV_BSN_BYTES] = "";
    assert_ok(csv_value_read_bsn("999000020", bsn));
    assert_string_equal(bsn, "999000020");
    assert_err(csv_value_read_bsn("999000021", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("999000018", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("000000000", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("99900002", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("9990000200", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("99900002X", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn("999 000 020", bsn), SKP_E_BSN_INVALID);
    assert_err(csv_value_read_bsn(
                   "\xd9\xa9\xd9\xa9\xd9\xa9\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa2\xd9\xa0", bsn),
               SKP_E_BSN_INVALID); /* 999000020 in Arabic digits */
    assert_string_equal(bsn, "999000020");
}

static void a_postcode_is_normalised(void **state)
{
    (void)state;
    char postcode[CSV_POSTCODE_BYTES] = "";
    assert_ok(csv_value_read_postcode("1234 ab", postcode));
    assert_string_equal(postcode, "1234AB");
    assert_ok(csv_value_read_postcode("1234SB", postcode));
    static const char *const texts[] = {"0123AB", "1234A",  "12345AB", "1234ABC",
                                        "AB1234", "1234A1", "1234SS",  "1234 sa"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_err(csv_value_read_postcode(texts[i], postcode), SKP_E_POSTCODE_INVALID);
}

static void texts_that_a_spreadsheet_would_change_get_an_apostrophe(void **state)
{
    (void)state;
    static const char *const change[] = {
        "00123",    "123456789012", "1-2", "1/2",  "12:30", "3 mrt", "dec12", "1E5",
        "12,50",    "1.234",        "50%", "(12)", "3am",   "WAAR",  "false", "'00",
        "'=SUM(1)", "=a",           "+a",  "-a",   "@a",    "\ta",   "\ra"};
    static const char *const keep[] = {"",
                                       "0",
                                       "12345678901",
                                       "abc",
                                       "1234AB",
                                       "'s-Gravenhage",
                                       "'t",
                                       "a=b",
                                       "F0001",
                                       "2hoog",
                                       "Ja",
                                       "1e Straat",
                                       "Mei",
                                       "'",
                                       "12-ab",
                                       "x00012",
                                       "a-b",
                                       "H. J",
                                       "Gemeente 12 km",
                                       "e"};
    for (size_t i = 0; i < sizeof(change) / sizeof(change[0]); i++)
        assert_true(csv_text_needs_apostrophe(change[i]));
    for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
        assert_false(csv_text_needs_apostrophe(keep[i]));
}

static void expect_restored(const char *cell, const char *text)
{
    char copy[64];
    strcpy(copy, cell);
    assert_string_equal(csv_text_restore(copy), text);
}

static void an_apostrophe_is_taken_off_only_where_one_was_put(void **state)
{
    (void)state;
    expect_restored("'00123", "00123");
    expect_restored("'123", "123");
    expect_restored("'=1+1", "=1+1");
    expect_restored("''00123", "'00123");
    expect_restored("'s-Gravenhage", "'s-Gravenhage");
    expect_restored("'", "'");
    expect_restored("", "");
    expect_restored("=\"00123\"", "00123");
    expect_restored("=\"\"", "");
    expect_restored("=\"", "=\"");
}

static void a_number_spoilt_by_a_spreadsheet_is_recognised(void **state)
{
    (void)state;
    assert_true(csv_text_is_mangled("9,9E+13"));
    assert_true(csv_text_is_mangled("1.23457E+11"));
    assert_true(csv_text_is_mangled("1E+20"));
    assert_false(csv_text_is_mangled("12E+13"));
    assert_false(csv_text_is_mangled("1E5"));
    assert_false(csv_text_is_mangled("E+13"));
    assert_false(csv_text_is_mangled("1,2E+13b"));
}

static void every_code_of_the_wire_has_a_word_that_reads_back(void **state)
{
    (void)state;
    static const struct {
        const struct csv_word *words;
        const ProtobufCEnumDescriptor *codes;
    } lists[] = {{csv_words_product, &skp__v1__product__descriptor},
                 {csv_words_guidance, &skp__v1__guidance__descriptor},
                 {csv_words_sex, &skp__v1__sex__descriptor},
                 {csv_words_debtor, &skp__v1__debtor__descriptor},
                 {csv_words_kind, &skp__v1__claim_kind__descriptor},
                 {csv_words_preference, &skp__v1__preference__descriptor},
                 {csv_words_reason, &skp__v1__reason__descriptor},
                 {csv_words_correction, &skp__v1__correction_reason__descriptor},
                 {csv_words_outcome, &skp__v1__outcome__descriptor},
                 {csv_words_consent, &skp__v1__consent__descriptor},
                 {csv_words_state, &skp__v1__request_state__descriptor},
                 {csv_words_claim, &skp__v1__claim_state__descriptor}};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        for (unsigned k = 0; k < lists[i].codes->n_values; k++) {
            int code = lists[i].codes->values[k].value, read = -1;
            const char *word = csv_word_print(lists[i].words, code);
            assert_true((code == 0) == (word[0] == '\0'));
            assert_ok(csv_word_read(lists[i].words, word, &read));
            assert_int_equal(read, code);
        }
    }
}

static void words_are_read_in_any_case_and_unknown_ones_refused(void **state)
{
    (void)state;
    int code = -1;
    assert_ok(csv_word_read(csv_words_kind, " Zorgpremie ", &code));
    assert_int_equal(code, SKP__V1__CLAIM_KIND__CLAIM_KIND_HEALTH);
    assert_ok(csv_word_read(csv_words_kind, "duo", &code));
    assert_int_equal(code, SKP__V1__CLAIM_KIND__CLAIM_KIND_STUDY);
    assert_ok(csv_word_read(csv_words_guidance, "Langetermijnbegeleiding", &code));
    assert_int_equal(code, SKP__V1__GUIDANCE__GUIDANCE_LONG_TERM);
    assert_err(csv_word_read(csv_words_kind, "zorg", &code), SKP_E_ENUM_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_read_as_people_and_programs_write_them),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(what_is_no_date_is_written_as_nothing),
        cmocka_unit_test(amounts_are_read_to_the_cent),
        cmocka_unit_test(an_amount_that_can_be_read_two_ways_is_refused),
        cmocka_unit_test(an_amount_beyond_all_bounds_is_refused),
        cmocka_unit_test(amounts_are_written_with_a_comma),
        cmocka_unit_test(yes_is_ja_and_no_is_empty),
        cmocka_unit_test(a_bsn_has_nine_digits_and_passes_the_elfproef),
        cmocka_unit_test(a_postcode_is_normalised),
        cmocka_unit_test(texts_that_a_spreadsheet_would_change_get_an_apostrophe),
        cmocka_unit_test(an_apostrophe_is_taken_off_only_where_one_was_put),
        cmocka_unit_test(a_number_spoilt_by_a_spreadsheet_is_recognised),
        cmocka_unit_test(every_code_of_the_wire_has_a_word_that_reads_back),
        cmocka_unit_test(words_are_read_in_any_case_and_unknown_ones_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
