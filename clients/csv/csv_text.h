/* Texts that come out of a spreadsheet as they went in.
 *
 * A spreadsheet reads 00000099000000001000 as a number and saves 9,9E+13, takes 1-2 for a date and
 * runs =cmd. Such texts are written with an apostrophe in front. Spreadsheets keep it as part of
 * the cell when they open a CSV file and save it again, any number of times; the form ="000" is not
 * used, because saving drops the formula and the zeros are gone at the second opening. One case is
 * beyond us: who edits the very cell makes the apostrophe the spreadsheet's own, which is not saved
 * (https://github.com/OWASP/www-community/issues/517).
 *
 * An apostrophe is taken off only before such a text (and before any number, because people put it
 * there), so 's-Gravenhage stays what it is; every text survives writing and reading. Pure. */
#ifndef SKP_CSV_TEXT_H
#define SKP_CSV_TEXT_H

#include <stdbool.h>

/* Whether csv_writer_text() puts an apostrophe in front: formulas (= + - @ TAB CR), what a
 * spreadsheet turns into a number, date, time or truth value, except whole numbers of at most 11
 * digits without leading zeros, which it keeps. */
bool csv_text_needs_apostrophe(const char *text);

/* A long number that a spreadsheet has spoilt for good: 9,9E+13. */
bool csv_text_is_mangled(const char *text);

/* The text of a cell as it was meant: without that apostrophe, or without the ="..." that other
 * programs write. May write into `cell`; returns a place within it. */
char *csv_text_restore(char *cell);

#endif
