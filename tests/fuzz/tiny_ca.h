/* A certificate authority in memory, made once per process: what a target needs to be trusted or
 * revoked on purpose. */
#ifndef SKP_FUZZ_TINY_CA_H
#define SKP_FUZZ_TINY_CA_H

#include "identity.h"

#define TINY_NOW_S  1795000000LL
#define TINY_NOW_MS (TINY_NOW_S * 1000)
#define TINY_DAY_S  86400LL
#define TINY_OIN    "00000099000000001000"

struct tiny_ca {
    X509 *cert;
    EVP_PKEY *key;
};

const struct tiny_ca *tiny_ca(void);

/* A signing certificate of this CA for TINY_OIN, valid today, with this serial number; the caller frees it. */
X509 *tiny_leaf(long serial);

/* The trust with this CA as its only anchor; crl_file as in trust_load(). Owned by the caller. */
struct trust *tiny_trust(const char *crl_file);

/* A key with its certificate of this CA, RSA or P-256; lives as long as the process. */
struct keypair *tiny_keypair(bool rsa);

/* The CA's file, for calls of trust_load() that may fail; lives as long as the process. */
const char *tiny_ca_file(void);

#endif
