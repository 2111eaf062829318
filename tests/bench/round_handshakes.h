/* The raw rate of handshakes: TLS 1.3, both sides show a certificate, chains and CRLs are checked; nothing else. */
#ifndef SKP_ROUND_HANDSHAKES_H
#define SKP_ROUND_HANDSHAKES_H

#include "round_plan.h"

/* `count` handshakes of the plan's first party with the broker's certificate, two servers and two clients in threads of
 * this process; gives how many a second. */
double round_handshakes_per_s(const struct round_plan *plan, const struct round_pki *pki,
                              unsigned count);

#endif
