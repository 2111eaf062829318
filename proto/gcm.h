/* AES-256-GCM, the one cipher of this protocol. The nonce is 12 bytes, the tag 16. Thread-safe. */
#ifndef SKP_GCM_H
#define SKP_GCM_H

#include "bytes.h"

#define GCM_KEY_BYTES   32
#define GCM_NONCE_BYTES 12
#define GCM_TAG_BYTES   16

/* ret_ciphertext has room for plaintext.len. False: OpenSSL has no memory. */
bool gcm_encrypt(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span plaintext,
                 uint8_t *ret_ciphertext, uint8_t *ret_tag);

/* ret_plaintext has room for ciphertext.len and is wiped on failure. False: key, nonce, aad,
 * ciphertext or tag do not fit. */
bool gcm_decrypt(const uint8_t *key, const uint8_t *nonce, struct span aad, struct span ciphertext,
                 const uint8_t *tag, uint8_t *ret_plaintext);

#endif
