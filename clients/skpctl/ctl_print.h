/* Answers for people: lists as aligned tables, the rest (below them) as name and value, refusals as sentence and
 * remedy; and as CSV for their spreadsheets. */
#ifndef SKP_CTL_PRINT_H
#define SKP_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

bool ctl_answer_is_ok(const json_t *answer);

void ctl_print_answer(FILE *stream, const json_t *answer);

/* As these offices use it: `;`, byte order mark, texts that a spreadsheet keeps. What is no list is one row; an
 * empty list is an empty file. Of a play each row says so, as csv_writer_mark_play() does. */
void ctl_print_csv(FILE *stream, const json_t *answer, bool play);

/* One value as text, behind what `cell`[cell_bytes] holds, as far as it fits; nothing in it steers a terminal. */
#define CTL_CELL_BYTES 512 /* on the screen */
void ctl_print_value(const json_t *value, char *cell, size_t cell_bytes);
size_t ctl_value_bytes(const json_t *value); /* that take it whole, with its NUL */

/* "305 RECIPIENT_UNKNOWN (oin): no such recipient. What to do: ..." */
void ctl_print_refusal(FILE *stream, const json_t *answer);

#endif
