/* One cell into a value and back: dates, amounts, Ja, BSN, postcode. Pure; spaces around are
 * ignored.
 *
 * On error the outputs are untouched. "Empty" is a value of its own: 0, CSV_NO_AMOUNT, false. */
#ifndef SKP_CSV_VALUE_H
#define SKP_CSV_VALUE_H

#include "calendar.h"
#include "errors.h"

#include <stdbool.h>
#include <stdint.h>

#define CSV_NO_AMOUNT      INT64_MIN
#define CSV_AMOUNT_BYTES   32
#define CSV_POSTCODE_BYTES 17 /* of any country: sealed by others; read is a Dutch one */
#define CSV_BSN_BYTES      10

/* 03-12-2026, 3-12-2026 or 2026-12-03; empty: 0. DATE_INVALID. */
enum skp_err csv_value_read_date(const char *text, plain_date *ret_date) SKP_MUST_CHECK;

/* 1.234,56 or 1234,56 or 1234, with or without the euro sign; may be negative. Empty:
 * CSV_NO_AMOUNT. VALUE_INVALID (also: more than two decimals, a point that separates no thousands),
 * AMOUNT_RANGE. */
enum skp_err csv_value_read_amount(const char *text, int64_t *ret_cents) SKP_MUST_CHECK;

/* Ja, or Nee or empty. VALUE_INVALID. */
enum skp_err csv_value_read_flag(const char *text, bool *ret_flag) SKP_MUST_CHECK;

/* Up to nine digits; empty: 0. VALUE_INVALID. */
enum skp_err csv_value_read_number(const char *text, uint32_t *ret_number) SKP_MUST_CHECK;

/* 1234AB or 1234 ab, into 1234AB; empty: "". POSTCODE_INVALID. */
enum skp_err csv_value_read_postcode(const char *text, char *ret_postcode) SKP_MUST_CHECK;

/* Nine digits that pass the elfproef and are not all zero; empty: "". BSN_INVALID. */
enum skp_err csv_value_read_bsn(const char *text, char *ret_bsn) SKP_MUST_CHECK;

/* "1234,56" into ret_text[CSV_AMOUNT_BYTES]; "" for CSV_NO_AMOUNT. */
void csv_value_print_amount(int64_t cents, char *ret_text);

/* "03-12-2026" into ret_text[CALENDAR_TEXT_BYTES]; "" for what is no date: others seal what they like, also 19800000. */
void csv_value_print_date(plain_date date, char *ret_text);

#endif
