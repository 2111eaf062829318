/* What jwe.c asks of jwe_keys.c. Keys are JWE_KEY_BYTES; false means that the key or the bytes do
 * not fit. */
#ifndef SKP_JWE_INTERNAL_H
#define SKP_JWE_INTERNAL_H

#include "jose_internal.h"

#define JWE_ALG_RSA     "RSA-OAEP-256"
#define JWE_ALG_EC      "ECDH-ES+A256KW"
#define JWE_ENC         "A256GCM"
#define JWE_KEY_BYTES   32
#define JWE_MAX_WRAPPED 512 /* RSA-4096 */

/* The "alg" for this key; NULL when it is of a kind we do not use. */
const char *jwe_alg_of(const EVP_PKEY *key);

/* ret_wrapped has room for JWE_MAX_WRAPPED. */
bool jwe_rsa_wrap(EVP_PKEY *recipient, const uint8_t *key, uint8_t *ret_wrapped, size_t *ret_len);
bool jwe_rsa_unwrap(EVP_PKEY *own, struct span wrapped, uint8_t *ret_key);

/* Makes the ephemeral key, which the caller frees. */
bool jwe_ec_wrap(EVP_PKEY *recipient, const uint8_t *key, EVP_PKEY **ret_ephemeral,
                 uint8_t *ret_wrapped, size_t *ret_len);
bool jwe_ec_unwrap(EVP_PKEY *own, EVP_PKEY *ephemeral, struct span wrapped, uint8_t *ret_key);

/* A public key as JWK and back; NULL when it is not on `curve`. */
json_t *jwe_epk_write(const EVP_PKEY *key, struct arena *arena);
EVP_PKEY *jwe_epk_read(const json_t *epk, const struct jose_curve *curve, struct arena *arena);

#endif
