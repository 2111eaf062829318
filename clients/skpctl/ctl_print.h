/* Answers for people: lists as aligned tables, the rest as name and value, refusals as sentence and remedy. */
#ifndef SKP_CTL_PRINT_H
#define SKP_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

bool ctl_answer_is_ok(const json_t *answer);

void ctl_print_answer(FILE *stream, const json_t *answer);

/* "305 RECIPIENT_UNKNOWN (oin): no such recipient. What to do: ..." */
void ctl_print_refusal(FILE *stream, const json_t *answer);

#endif
