/* Counting what the exchange did, in numbers that name nobody. Pure. */
#ifndef SKP_REPORT_H
#define SKP_REPORT_H

#include "views.h"

#define REPORT_SUPPRESS_BELOW 10 /* smaller cells of a public report could point at persons */

struct report {
    size_t cases, incomplete, inventory, complete;
    size_t requests, published, collected, answered, recorded, pre_agreed, overdue, off_network;
    size_t refused, ambiguous;
    size_t late;       /* of the answered ones, after the term */
    size_t open;       /* digital: waits for its round, or its term runs */
    size_t unreadable; /* by letter now, because sealing it again does not help; not yet recorded */
};

void report_count_request(struct report *report, const struct request_view *view);
void report_count_case(struct report *report, Skp__V1__CaseState state);

/* Requests collected + answers received + 2 (proposal and reply) per pre-agreed request. */
size_t report_letters_replaced(const struct report *report);

#define REPORT_DEFINITION_DUTCH                                                                    \
    "opgehaalde saldoverzoeken + ontvangen antwoorden + 2 (voorstel en antwoord) per vooraf "      \
    "akkoord; herinneringen en wat per brief blijft, tellen niet mee"
#define REPORT_DEFINITION_ENGLISH                                                                  \
    "requests collected + answers received + 2 (proposal and reply) per pre-agreed request; "      \
    "reminders and what stays on paper are not counted"

#endif
