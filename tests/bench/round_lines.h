/* The words of the benchmark's post: one line per case, request and answer, and what is sealed in it.
 *
 * Everything lives in `arena` and ends the program when it does not fit. Persons are invented: their BSNs
 * start with 999 and are left out, as a sender does for a creditor that is not entitled. */
#ifndef SKP_ROUND_LINES_H
#define SKP_ROUND_LINES_H

#include "round_plan.h"

Skp__V1__Line *round_case_line(const struct round_plan *plan, unsigned index, struct arena *arena);
Skp__V1__Line *round_request_line(const struct round_plan *plan, unsigned number,
                                  struct arena *arena);
Skp__V1__Line *round_answer_line(const struct round_plan *plan, unsigned number,
                                 struct arena *arena);

/* A PersonPart and an AnswerPart, packed; each holds the number of its request. */
struct span round_request_part(unsigned number, struct arena *arena);
struct span round_answer_part(unsigned number, struct arena *arena);

#endif
