/* Sealing a resident's part of a line for those who may open it.
 *
 *   part key  = HKDF-SHA-256, 32 bytes: ikm = bundle key, salt = bundle id,
 *               info = "skp.v1 part" || item id
 *   AAD       = "skp.v1 part" || sender (20) || recipient (20) || batch id || bundle id || item id
 *   plaintext = salt (32 random bytes) || PersonPart or AnswerPart bytes
 *   sealed    = nonce (12 random bytes) || AES-256-GCM ciphertext || tag (16)
 *   commitment (in the signed line) = SHA-256(plaintext)
 *
 * The bundle key travels in key boxes: a KeyBox message as JWE, one per certificate. So one part
 * can be withheld, resealed or destroyed without touching its neighbours, and the signed line stays
 * provable. */
#ifndef SKP_SEAL_H
#define SKP_SEAL_H

#include "gcm.h"
#include "jose.h"

#define SEAL_KEY_BYTES      32
#define SEAL_SALT_BYTES     32
#define SEAL_OVERHEAD_BYTES (GCM_NONCE_BYTES + GCM_TAG_BYTES + SEAL_SALT_BYTES)
#define SEAL_MAX_PART_BYTES 8192

/* Where a sealed part belongs; all of it is authenticated. */
struct seal_place {
    struct skp_oin sender;
    struct skp_oin recipient;
    struct skp_id batch_id;
    struct skp_id bundle_id;
};

struct seal_key {
    uint8_t bytes[SEAL_KEY_BYTES];
};

void seal_key_new(struct seal_key *ret_key);
void seal_key_wipe(struct seal_key *key);

/* Puts a fresh salt before `part` and gives the plaintext to seal and the commitment to sign. Split
 * from seal_part because the commitment is signed before the place is known. TEXT_TOO_LONG over
 * SEAL_MAX_PART_BYTES. */
enum skp_err seal_prepare(struct span part, struct arena *arena, struct span *ret_plaintext,
                          struct skp_hash *ret_commitment) SKP_MUST_CHECK;

/* Seals what seal_prepare() gave for the line `item_id`; *ret_sealed lives in the arena. NO_MEMORY. */
enum skp_err seal_part(const struct seal_key *key, const struct seal_place *place,
                       const struct skp_id *item_id, struct span plaintext, struct arena *arena,
                       struct span *ret_sealed) SKP_MUST_CHECK;

/* UNSEAL when key, place or bytes do not fit; COMMITMENT_MISMATCH when it opens to something else
 * than the line commits to; NO_MEMORY. *ret_part is the part without its salt, in the arena. */
enum skp_err unseal_part(const struct seal_key *key, const struct seal_place *place,
                         const struct skp_id *item_id, const struct skp_hash *commitment,
                         struct span sealed, struct arena *arena,
                         struct span *ret_part) SKP_MUST_CHECK;

/* A key box for `cert`; the text lives in the arena. CERTIFICATE when its key is no RSA, P-256 or P-384 key; whether it
 * is trusted and for encryption is the caller's to check. NO_MEMORY. */
enum skp_err seal_box(const struct seal_key *key, const struct seal_place *place, X509 *cert,
                      struct arena *arena, const char **ret_box) SKP_MUST_CHECK;

/* Opens the first of `boxes` made for one of `keys`. UNSEAL when there is none or when the box
 * names another place than the bundle it came with (replay to another recipient, batch or sender); NO_MEMORY.
 * Who holds the key wipes it after use, with seal_key_wipe; a copy stays in the arena until that is
 * freed. */
enum skp_err unseal_box(struct keypair *const *keys, size_t key_count, const struct span *boxes,
                        size_t box_count, const struct seal_place *place, struct arena *arena,
                        struct seal_key *ret_key) SKP_MUST_CHECK;

#endif
