/* Which encoding a CSV file is in, and Windows-1252 as UTF-8.
 *
 * Spreadsheets in Dutch offices save either. A file is Windows-1252 when it is not UTF-8 as a
 * whole: deciding per line would read one name two ways. Not thread-safe on one stream. */
#ifndef SKP_CSV_ENCODING_H
#define SKP_CSV_ENCODING_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The longest UTF-8 form of one Windows-1252 character. */
#define CSV_1252_MAX_BYTES 3

/* Reads a seekable stream to its end and leaves it behind the byte order mark, if any. A file with
 * the UTF-8 mark is UTF-8, whatever follows. TEXT_ENCODING: UTF-16; IO. */
enum skp_err csv_encoding_detect(FILE *in, bool *ret_windows_1252) SKP_MUST_CHECK;

/* The UTF-8 form of `byte` into ret_utf8[CSV_1252_MAX_BYTES]; returns its length. The five bytes
 * that Windows-1252 does not define become 0xff, which is never valid UTF-8, so that the row is
 * refused. */
size_t csv_encoding_from_1252(uint8_t byte, char *ret_utf8);

#endif
