/* What the JOSE files share and what the tests hold against the vectors of the RFCs. Not for other
 * modules. */
#ifndef SKP_JOSE_INTERNAL_H
#define SKP_JOSE_INTERNAL_H

#include "jose.h"

#include <jansson.h>

/* The two curves of this protocol (RFC 7518 sections 3.4 and 6.2.1.1). */
struct jose_curve {
    const char *jws_alg;
    const char *crv;
    const char *group; /* OpenSSL's name */
    size_t coordinate_bytes;
    const char *digest;
};

#define JOSE_MAX_COORDINATE 48

/* The curve of an EC key; NULL when `key` is of another kind or curve. */
const struct jose_curve *jose_curve_of(const EVP_PKEY *key);
const struct jose_curve *jose_curve_named(const char *crv);

/* base64 with padding as x5c wants it (RFC 4648 section 4). Decode is as strict as
 * base64url_decode. */
const char *base64_encode(struct span bytes, struct arena *arena);
enum skp_err base64_decode(struct span text, struct arena *arena,
                           struct span *ret_bytes) SKP_MUST_CHECK;

/* Feeds base64url(bytes) to a running signature without building the text. */
typedef int (*jose_update_fn)(EVP_MD_CTX *ctx, const void *data, size_t len);
bool base64url_feed(struct span bytes, jose_update_fn update, EVP_MD_CTX *ctx);

/* Decodes and parses a protected header: an object, no member twice, no "crit" (we understand no
 * extension). NULL otherwise. The caller drops the reference. */
json_t *jose_header_read(struct span text, struct arena *arena);

/* Names a header that ends in its time of signing, as those of jws_sign() do, by all that stands before
 * it: when one header of a name was read, any other says the same but for the time. False: it ends in
 * something else, or is no base64url there. */
bool jose_header_name(struct span text, struct arena *arena, struct skp_hash *ret_name,
                      int64_t *ret_signed_at_ms);

/* Packs a header as base64url into the arena; takes the reference to `header`. NULL: no memory. */
const char *jose_header_write(json_t *header, struct arena *arena);

/* A text member; NULL when absent or of another type. */
const char *jose_member(const json_t *header, const char *name);

/* The 32 bytes of member "x5t#S256". */
bool jose_thumbprint(const json_t *header, struct arena *arena, struct skp_hash *ret_thumbprint);

/* Splits at dots into exactly `count` parts. */
bool jose_split(struct span text, struct span *ret_parts, size_t count);

/* Signs under a header that stands already as base64url, whatever it says. */
enum skp_err jws_sign_header(EVP_PKEY *key, const char *header, struct span payload,
                             struct arena *arena, const char **ret_jws) SKP_MUST_CHECK;

/* The bare check of one signature over header_text "." base64url(payload), `alg` as in RFC 7518. */
bool jws_check_bytes(EVP_PKEY *key, const char *alg, struct span header_text, struct span payload,
                     struct span signature);

/* Concat KDF with SHA-256 (RFC 7518 section 4.6.2, NIST SP 800-56A section 5.8.1), one round: at
 * most 32 bytes into ret_key. */
void jwe_concat_kdf(struct span shared, const char *algorithm, struct span apu, struct span apv,
                    size_t key_bytes, uint8_t *ret_key);

/* What the protected header of a JWS says, unchecked. */
struct jws_claimed {
    char alg[8];
    struct skp_hash chain; /* of the texts in x5c */
    struct skp_hash thumbprint;
    int64_t signed_at_ms;
};

/* Headers that were read, by the hash of all they say but the time of signing, which is the only thing
 * that changes while a signer's chain does not. What stands here was never more than read; each
 * signature is checked all the same. */
bool jws_cache_find_header(struct jws_cache *cache, const struct skp_hash *name,
                           struct jws_claimed *ret_claimed);
void jws_cache_put_header(struct jws_cache *cache, const struct skp_hash *name,
                          const struct jws_claimed *claimed);

/* Signatures that were found to fit, by the hash of signature and payload. That is so for ever; whether
 * their signer is trusted now is another question, asked each time. */
bool jws_cache_find_good(struct jws_cache *cache, const struct skp_hash *name,
                         struct jws_claimed *ret_claimed);
void jws_cache_put_good(struct jws_cache *cache, const struct skp_hash *name,
                        const struct jws_claimed *claimed);

/* The doors to verified chains: good but for the signer's own period, which is to be judged after
 * each hit. A hit gives an own reference to the key. */
struct jws_known {
    EVP_PKEY *key;
    struct cert_period period;
    struct skp_oin oin;
    struct skp_hash thumbprint;
};
bool jws_cache_find(struct jws_cache *cache, const struct skp_hash *chain, uint64_t generation,
                    int64_t at_ms, struct jws_known *ret_known);
void jws_cache_put(struct jws_cache *cache, const struct skp_hash *chain, uint64_t generation,
                   int64_t at_ms, const struct jws_known *known);

#endif
