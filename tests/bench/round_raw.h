/* What the round would cost if it were nothing but its parts, one after the other, without a broker: the rows
 * into SQLite, the bytes through TLS, one hash over all batches, one check of every signature. */
#ifndef SKP_ROUND_RAW_H
#define SKP_ROUND_RAW_H

#include "round_plan.h"

struct round_raw {
    double store_s, tls_s, hash_s, verify_s;
};

/* `store` is that of a broker that has stopped; `copy` must not exist. The rows it holds are written again in
 * `commits` transactions; `wire_bytes` go through TLS; `signatures` are checked. */
void round_raw_measure(const struct round_plan *plan, const struct round_pki *pki,
                       const char *store, const char *copy, uint64_t commits, uint64_t wire_bytes,
                       unsigned signatures, struct round_raw *ret_raw);

/* The check of so many signatures, by turns those of all batches, their signers' chains known; none is remembered. */
double round_raw_verify_s(const struct round_plan *plan, unsigned count);

#endif
