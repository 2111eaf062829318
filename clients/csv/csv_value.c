#include "csv_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Euros of at most 15 digits fit an int64_t of cents with room to spare. */
#define MAX_EURO_DIGITS 15

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " ");
}

static bool ends_here(const char *text)
{
    return *skip_spaces(text) == '\0';
}

/* Reads min to max digits; false when there are fewer or more. */
static bool take_digits(const char **at, size_t min, size_t max, int64_t *ret_number)
{
    size_t count = strspn(*at, "0123456789");
    if (count < min || count > max)
        return false;
    int64_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + ((*at)[i] - '0');
    *at += count;
    *ret_number = number;
    return true;
}

static bool take_dash(const char **at)
{
    if (**at != '-')
        return false;
    (*at)++;
    return true;
}

enum skp_err csv_value_read_date(const char *text, plain_date *ret_date)
{
    if (ends_here(text)) {
        *ret_date = 0;
        return SKP_OK;
    }
    const char *at = skip_spaces(text);
    int64_t year = 0, month = 0, day = 0;
    bool iso = strspn(at, "0123456789") == 4;
    bool read =
        iso ? take_digits(&at, 4, 4, &year) && take_dash(&at) && take_digits(&at, 2, 2, &month) &&
                  take_dash(&at) && take_digits(&at, 2, 2, &day)
            : take_digits(&at, 1, 2, &day) && take_dash(&at) && take_digits(&at, 1, 2, &month) &&
                  take_dash(&at) && take_digits(&at, 4, 4, &year);
    plain_date date = (plain_date)(year * 10000 + month * 100 + day);
    if (!read || !ends_here(at) || !calendar_date_valid(date))
        return SKP_E_DATE_INVALID;
    *ret_date = date;
    return SKP_OK;
}

/* Whole euros: digits, or groups of three with points. */
static enum skp_err take_euros(const char **at, int64_t *ret_euros)
{
    int64_t euros = 0;
    if (strspn(*at, "0123456789") > MAX_EURO_DIGITS)
        return SKP_E_AMOUNT_RANGE;
    bool grouped = (*at)[strspn(*at, "0123456789")] == '.';
    if (!take_digits(at, 1, grouped ? 3 : MAX_EURO_DIGITS, &euros))
        return SKP_E_VALUE_INVALID;
    for (int groups = 1; **at == '.'; groups++) {
        int64_t group = 0;
        (*at)++;
        if (!take_digits(at, 3, 3, &group))
            return SKP_E_VALUE_INVALID;
        if (groups == MAX_EURO_DIGITS / 3)
            return SKP_E_AMOUNT_RANGE;
        euros = euros * 1000 + group;
    }
    *ret_euros = euros;
    return SKP_OK;
}

static bool take_decimals(const char **at, int64_t *ret_cents)
{
    *ret_cents = 0;
    if (**at != ',')
        return true;
    (*at)++;
    bool one = strspn(*at, "0123456789") == 1;
    if (!take_digits(at, 1, 2, ret_cents))
        return false;
    if (one)
        *ret_cents *= 10;
    return true;
}

enum skp_err csv_value_read_amount(const char *text, int64_t *ret_cents)
{
    static const char euro_sign[] = "\xe2\x82\xac";
    const char *at = skip_spaces(text);
    if (*at == '\0') {
        *ret_cents = CSV_NO_AMOUNT;
        return SKP_OK;
    }
    if (strncmp(at, euro_sign, strlen(euro_sign)) == 0)
        at = skip_spaces(at + strlen(euro_sign));
    bool negative = take_dash(&at);
    int64_t euros = 0, cents = 0;
    enum skp_err err = take_euros(&at, &euros);
    if (err)
        return err;
    if (!take_decimals(&at, &cents) || !ends_here(at))
        return SKP_E_VALUE_INVALID;
    cents += euros * 100;
    *ret_cents = negative ? -cents : cents;
    return SKP_OK;
}

enum skp_err csv_value_read_flag(const char *text, bool *ret_flag)
{
    const char *at = skip_spaces(text);
    bool yes = strncasecmp(at, "ja", 2) == 0 && ends_here(at + 2);
    bool no = *at == '\0' || (strncasecmp(at, "nee", 3) == 0 && ends_here(at + 3));
    if (!yes && !no)
        return SKP_E_VALUE_INVALID;
    *ret_flag = yes;
    return SKP_OK;
}

enum skp_err csv_value_read_number(const char *text, uint32_t *ret_number)
{
    const char *at = skip_spaces(text);
    int64_t number = 0;
    if (!take_digits(&at, 0, 9, &number) || !ends_here(at))
        return SKP_E_VALUE_INVALID;
    *ret_number = (uint32_t)number;
    return SKP_OK;
}

/* SA, SD and SS were never given out (https://nl.wikipedia.org/wiki/Postcodes_in_Nederland). */
static bool are_postcode_letters(const char *letters)
{
    int first = toupper((unsigned char)letters[0]);
    if (!isalpha((unsigned char)letters[0]) || !isalpha((unsigned char)letters[1]))
        return false;
    return first != 'S' || strchr("ADS", toupper((unsigned char)letters[1])) == NULL;
}

enum skp_err csv_value_read_postcode(const char *text, char *ret_postcode)
{
    if (ends_here(text)) {
        ret_postcode[0] = '\0';
        return SKP_OK;
    }
    const char *digits = skip_spaces(text);
    if (digits[0] == '0' || strspn(digits, "0123456789") != 4)
        return SKP_E_POSTCODE_INVALID;
    const char *letters = skip_spaces(digits + 4);
    if (!are_postcode_letters(letters) || !ends_here(letters + 2))
        return SKP_E_POSTCODE_INVALID;
    memcpy(ret_postcode, digits, 4);
    ret_postcode[4] = (char)toupper((unsigned char)letters[0]);
    ret_postcode[5] = (char)toupper((unsigned char)letters[1]);
    ret_postcode[6] = '\0';
    return SKP_OK;
}

/* The weights of the elfproef are 9, 8, ... 2 and -1. */
static bool passes_elfproef(const char *digits)
{
    int sum = 0;
    for (int i = 0; i < 9; i++)
        sum += (digits[i] - '0') * (i < 8 ? 9 - i : -1);
    return sum % 11 == 0;
}

enum skp_err csv_value_read_bsn(const char *text, char *ret_bsn)
{
    const char *at = skip_spaces(text);
    if (*at == '\0') {
        ret_bsn[0] = '\0';
        return SKP_OK;
    }
    if (strspn(at, "0123456789") != 9 || !ends_here(at + 9) || strncmp(at, "000000000", 9) == 0 ||
        !passes_elfproef(at))
        return SKP_E_BSN_INVALID;
    memcpy(ret_bsn, at, 9);
    ret_bsn[9] = '\0';
    return SKP_OK;
}

void csv_value_print_amount(int64_t cents, char *ret_text)
{
    if (cents == CSV_NO_AMOUNT) {
        ret_text[0] = '\0';
        return;
    }
    uint64_t size = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;
    snprintf(ret_text, CSV_AMOUNT_BYTES, "%s%" PRIu64 ",%02u", cents < 0 ? "-" : "", size / 100,
             (unsigned)(size % 100));
}

void csv_value_print_date(plain_date date, char *ret_text)
{
    ret_text[0] = '\0';
    if (calendar_date_valid(date))
        calendar_print_dutch(date, ret_text);
}
