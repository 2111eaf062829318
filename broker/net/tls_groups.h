/* The groups for key exchange that an operator may choose from: those that the NCSC's guidelines of
 * 2025 call good, and the hybrid with ML-KEM. Pure. */
#ifndef SKP_TLS_GROUPS_H
#define SKP_TLS_GROUPS_H

#include "errors.h"

#include <stdbool.h>

#define TLS_GROUPS_PRESET    "X25519MLKEM768:X25519:P-384:P-256"
#define TLS_GROUPS_BYTES     256
#define TLS_GROUPS_WHY_BYTES 320

struct tls_groups {
    char used[TLS_GROUPS_BYTES];     /* as OpenSSL takes them, in the order of the list */
    char left_out[TLS_GROUPS_BYTES]; /* good, but unknown to this OpenSSL; "" for none */
    bool hybrid;                     /* X25519MLKEM768 is among those used */
};

/* Reads names with colons between. CONFIG: a name that is not good or stands there twice, or none
 * that this OpenSSL knows; "reason; remedy" in ret_why[TLS_GROUPS_WHY_BYTES]. NO_MEMORY. */
enum skp_err tls_groups_read(const char *list, struct tls_groups *ret_groups,
                             char *ret_why) SKP_MUST_CHECK;

#endif
