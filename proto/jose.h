/* JOSE as far as this protocol needs it: detached JWS (RFC 7515) and compact JWE (RFC 7516) on
 * OpenSSL's EVP.
 *
 * JWS: ES256, ES384 or PS256; protected header {"alg","x5c","x5t#S256","iat","cty"?}: the chain
 * (leaf first, without the root), the thumbprint and the time in seconds, as JAdES-B asks.
 * Detached: "header..signature". JWE: "RSA-OAEP-256" or "ECDH-ES+A256KW" (P-256, P-384), "A256GCM";
 * header {"alg","enc","x5t#S256","epk"?}. A header with "crit", "zip", "apu" or "apv", or with a
 * member twice, is refused. Nothing here knows what is signed or sealed. Thread-safe. */
#ifndef SKP_JOSE_H
#define SKP_JOSE_H

#include "arena.h"
#include "identity.h"

#define JWS_MAX_BYTES     16384
#define JWE_MAX_BYTES     4096
#define JWE_MAX_PLAINTEXT 1024 /* a key box is about 130 bytes */

/* Signs `payload`; the text lives in the arena, NUL-terminated. NO_MEMORY or CERTIFICATE. */
enum skp_err jws_sign(const struct keypair *signer, struct span payload, int64_t at_ms,
                      struct arena *arena, const char **ret_jws) SKP_MUST_CHECK;

/* What a good signature says about its maker. */
struct jws_signer {
    struct skp_oin oin;
    struct skp_hash thumbprint;
    int64_t signed_at_ms;
};

/* Remembers chains that were verified a moment ago, so that a thousand batches of one sender cost
 * one chain check: these live at most 60 seconds, though a CRL ends meanwhile, and die with the trust
 * they were checked against.
 * The signer's own period is held against each signature anew, and never remembered as good.
 * Remembers signatures that fitted, so that a batch of which many bundles come, or a commit with many
 * receipts, costs one check of its signature. Internally locked. */
struct jws_cache;
struct jws_cache *jws_cache_new(unsigned max_entries);
void jws_cache_free(struct jws_cache *cache);

/* Verifies signature, header and chain (purpose signing, at `at_ms` real time), for what its signer
 * says now: the certificate is valid at `at_ms`, and has not ended at the time of signing (`iat`).
 * SIGNATURE_INVALID, SIGNER_REVOKED or SIGNER_INVALID, *ret_why in words; NO_MEMORY. `cache` may be NULL. Whose OIN it
 * must be is the caller's to check. */
enum skp_err jws_verify(struct trust *trust, struct jws_cache *cache, struct span jws,
                        struct span payload, int64_t at_ms, struct jws_signer *ret_signer,
                        const char **ret_why) SKP_MUST_CHECK;

/* The same for what a broker took when it was said, and that is shown again, however much later:
 * mail, statements of collection, receipts, heads of the chain. The signer's own certificate may
 * have expired since the time of signing. All else is judged at `at_ms` as above: the CAs, the
 * CRLs, who was revoked.
 *
 * The time of signing is the word of who holds the key, so whoever stole the key of an expired
 * certificate that was never revoked can sign into the past. That makes nothing that a broker takes,
 * since there jws_verify() judges. Only what came from the
 * broker, or what it signed itself, may be asked here. */
enum skp_err jws_verify_stored(struct trust *trust, struct jws_cache *cache, struct span jws,
                               struct span payload, int64_t at_ms, struct jws_signer *ret_signer,
                               const char **ret_why) SKP_MUST_CHECK;

/* The thumbprint of the certificate that a JWS says it was signed with; nothing is checked. DECODE when it
 * is no such JWS. */
enum skp_err jws_claimed_signer(struct span jws, struct skp_hash *ret_thumbprint) SKP_MUST_CHECK;

/* Encrypts `plaintext` (at most JWE_MAX_PLAINTEXT) for the public key of `cert`; the text lives in
 * the arena, NUL-terminated. CERTIFICATE when the key is no RSA, P-256 or P-384 key; whether the
 * certificate is trusted and for encryption is the caller's to check. TEXT_TOO_LONG, NO_MEMORY. */
enum skp_err jwe_encrypt(X509 *cert, struct span plaintext, struct arena *arena,
                         const char **ret_jwe) SKP_MUST_CHECK;

/* The thumbprint of the certificate a JWE is for, without decrypting. DECODE when it is no such
 * JWE. */
enum skp_err jwe_recipient(struct span jwe, struct skp_hash *ret_thumbprint) SKP_MUST_CHECK;

/* Decrypts; the plaintext lives in the arena. UNSEAL when the key does not fit or the bytes were
 * changed. */
enum skp_err jwe_decrypt(const struct keypair *keypair, struct span jwe, struct arena *arena,
                         struct span *ret_plaintext) SKP_MUST_CHECK;

/* base64url without padding (RFC 7515 section 2). Decode is strict: DECODE on any other character,
 * padding or non-zero trailing bits. */
const char *base64url_encode(struct span bytes, struct arena *arena);
enum skp_err base64url_decode(struct span text, struct arena *arena,
                              struct span *ret_bytes) SKP_MUST_CHECK;

#endif
