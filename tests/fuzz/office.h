/* A post office for one input: an engine in this thread on an empty memory store, a clock that stands
 * still, three participants with certificates that are read once. */
#ifndef SKP_FUZZ_OFFICE_H
#define SKP_FUZZ_OFFICE_H

#include "engine_mail.h"

/* Fresh, and the same each time. Until office_close(). */
struct world *office_open(void);
void office_close(void);

/* Business and real time go by; what is due happens. */
void office_pass(struct world *w, int64_t ms);

/* Counsellor, creditor, creditor with RSA keys. */
const struct party *office_party(const struct world *w, unsigned n);

/* Whether an engine may say so: never that it is broken itself. */
bool office_may_say(enum skp_err err);

#endif
