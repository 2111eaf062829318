/* Who is behind a certificate, and may it be used for this?
 *
 * Certificates follow the PKIoverheid private profile: the OIN is Subject.serialNumber (2.5.4.5),
 * exactly once, PrintableString, 20 characters [0-9A-Z] (Digikoppeling PKI001). TLS, signing and
 * encryption certificates are separate: a TLS certificate carries extendedKeyUsage serverAuth or
 * clientAuth, a signing certificate digitalSignature without those, an encryption certificate
 * keyEncipherment (RSA) or keyAgreement (EC). A trust store holds anchors and CRLs; every chain is
 * checked against both. */
#ifndef SKP_IDENTITY_H
#define SKP_IDENTITY_H

#include "bytes.h"
#include "errors.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum cert_purpose { CERT_TLS_CLIENT, CERT_TLS_SERVER, CERT_SIGNING, CERT_ENCRYPTION };

/* IDENTITY_INVALID unless the subject names exactly one valid OIN. */
enum skp_err cert_oin(const X509 *cert, struct skp_oin *ret_oin) SKP_MUST_CHECK;

#define CERT_MAX_BYTES 16384

/* Reads one DER certificate, whole and nothing behind it; the caller frees it with X509_free.
 * CERTIFICATE otherwise. */
enum skp_err cert_parse(struct span der, X509 **ret_cert) SKP_MUST_CHECK;

/* Subject and issuer are the same: a root, which a peer never needs to send. */
bool cert_is_self_issued(const X509 *cert);

/* SHA-256 of the DER form: x5t#S256 of RFC 7515, and how a certificate is named everywhere here. */
struct skp_hash cert_thumbprint(const X509 *cert);

struct trust;

/* Anchors from PEM file `ca_file`, CRLs from PEM file `crl_file` (one per CA of every chain, or the
 * chain is refused; NULL only for tools that check no revocation and say so). CERTIFICATE: *ret_why
 * (static or thread-local text) says which file and why. Immutable and shared between threads once
 * made. */
enum skp_err trust_load(const char *ca_file, const char *crl_file, struct trust **ret_trust,
                        const char **ret_why) SKP_MUST_CHECK;
struct trust *trust_ref(struct trust *trust);
void trust_unref(struct trust *trust);

/* The store, for an SSL_CTX; borrowed. It brings CRL checks, strictness and depth along, but TLS
 * takes the strength from SSL_CTX_set_security_level(ctx, 3), and still needs trust_check() on the
 * peer's certificate to demand extendedKeyUsage. */
X509_STORE *trust_store(struct trust *trust);

/* A number that no other trust of this process ever had: what was checked under another one is
 * void. */
uint64_t trust_generation(const struct trust *trust);

/* Whether `cert` chains to an anchor through `chain` (may be NULL), is valid at `at_ms` real time,
 * not revoked, strong enough (RSA >= 3072, EC >= 256, SHA-256 and up) and for `purpose`.
 * SIGNER_REVOKED or SIGNER_INVALID (purpose signing), or CERTIFICATE (the others) otherwise;
 * *ret_why is static text in OpenSSL's words or ours. Which OIN it must be is the caller's to
 * check. The signature of a CRL is checked once for all chains of this trust, its time and scope
 * each time. Thread-safe. */
enum skp_err trust_check(struct trust *trust, X509 *cert, STACK_OF(X509) * chain,
                         enum cert_purpose purpose, int64_t at_ms,
                         const char **ret_why) SKP_MUST_CHECK;

/* When a certificate counts, in seconds since 1970: from the first, and no longer at the last. */
struct cert_period {
    int64_t from_s;
    int64_t until_s;
};

/* trust_check() for signing, but for the period of `cert` itself, which comes back for the caller
 * to judge: it may sign in its time and be looked at later. All above it is judged at `at_ms`. */
enum skp_err trust_check_signer(struct trust *trust, X509 *cert, STACK_OF(X509) * chain,
                                int64_t at_ms, struct cert_period *ret_period,
                                const char **ret_why) SKP_MUST_CHECK;

/* The part of trust_check() about purpose alone, for a certificate whose chain TLS has just checked
 * against the store. CERTIFICATE or SIGNER_INVALID as there. */
enum skp_err trust_check_use(X509 *cert, enum cert_purpose purpose,
                             const char **ret_why) SKP_MUST_CHECK;

/* Whether a CRL of the store lists this certificate under its issuer's name. Checks no signature
 * and costs a microsecond; what is not listed may still be refused by trust_check(). Thread-safe. */
bool trust_lists_revoked(struct trust *trust, X509 *cert);

/* A private key with its certificate chain (leaf first), read from PEM files. Immutable and shared
 * between threads once made. CERTIFICATE: *ret_why (thread-local text) says which file and why. */
struct keypair;
enum skp_err keypair_load(const char *cert_file, const char *key_file, struct keypair **ret_keypair,
                          const char **ret_why) SKP_MUST_CHECK;
struct keypair *keypair_ref(struct keypair *keypair);
void keypair_unref(struct keypair *keypair); /* wipes the key with the last reference */
X509 *keypair_cert(const struct keypair *keypair);
STACK_OF(X509) * keypair_chain(const struct keypair *keypair); /* leaf first, borrowed */
EVP_PKEY *keypair_key(const struct keypair *keypair);

/* DER leaf, borrowed until the keypair is gone. */
struct span keypair_der(const struct keypair *keypair);

#endif
