#include "csv_text.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Excel shows and saves longer numbers as 1,23457E+11. */
#define KEPT_DIGITS 11

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) != 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_short_integer(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= KEPT_DIGITS && text[digits] == '\0' &&
           (text[0] != '0' || digits == 1);
}

/* Letters that a number, a time or a date may hold: 1E5, 3 PM, 3 mrt 2026. */
static bool letters_fit_number(const char *letters, size_t len)
{
    static const char *const shorts[] = {"e", "a", "p", "am", "pm"};
    static const char *const months[] = {"jan", "feb", "mrt", "maa", "mar", "apr", "mei", "may",
                                         "jun", "jul", "aug", "sep", "okt", "oct", "nov", "dec"};
    for (size_t i = 0; i < sizeof(shorts) / sizeof(shorts[0]); i++) {
        if (len == strlen(shorts[i]) && strncasecmp(letters, shorts[i], len) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
        if (len >= 3 && strncasecmp(letters, months[i], 3) == 0)
            return true;
    }
    return false;
}

static bool reads_as_number(const char *text)
{
    bool has_digit = false;
    while (*text) {
        size_t letters = 0;
        while (is_letter(text[letters]))
            letters++;
        if (letters > 0 && !letters_fit_number(text, letters))
            return false;
        if (letters == 0) {
            if (!is_digit(*text) && !strchr(" .,:/-+%()", *text))
                return false;
            has_digit = has_digit || is_digit(*text);
            letters = 1;
        }
        text += letters;
    }
    return has_digit;
}

static bool reads_as_truth(const char *text)
{
    static const char *const words[] = {"waar", "onwaar", "true", "false"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

static bool is_risky(const char *text)
{
    return text[0] != '\0' &&
           (strchr("=+-@\t\r", text[0]) || reads_as_truth(text) || reads_as_number(text));
}

bool csv_text_needs_apostrophe(const char *text)
{
    /* Behind an apostrophe of the text's own, a short integer too: people put one before any number,
     * so reading takes it off there. */
    if (text[0] == '\'')
        return is_risky(text + strspn(text, "'"));
    return is_risky(text) && !is_short_integer(text);
}

bool csv_text_is_mangled(const char *text)
{
    static const char digits[] = "0123456789";
    if (strspn(text, digits) != 1)
        return false;
    text++;
    if (*text == ',' || *text == '.')
        text += 1 + strspn(text + 1, digits);
    if ((*text != 'E' && *text != 'e') || text[1] != '+')
        return false;
    size_t exponent = strspn(text + 2, digits);
    return exponent >= 2 && text[2 + exponent] == '\0';
}

char *csv_text_restore(char *cell)
{
    if (cell[0] == '\'')
        return csv_text_needs_apostrophe(cell) ? cell + 1 : cell;
    size_t len = strlen(cell);
    if (len >= 3 && cell[0] == '=' && cell[1] == '"' && cell[len - 1] == '"') {
        cell[len - 1] = '\0';
        return cell + 2;
    }
    return cell;
}
