/* Key pairs of a tiny PKI, which sign in the time of their certificate or outside it. */
#ifndef SKP_TINY_SIGNER_H
#define SKP_TINY_SIGNER_H

#include "tiny_pki.h"

/* One that `spec` describes, below the sub CA; the caller drops the reference. */
static inline struct keypair *tiny_signer(const struct tiny_pki *pki, struct tiny_spec spec)
{
    char cert_file[128], key_file[128];
    struct keypair *keypair = NULL;
    const char *reason = "";
    spec.key = EVP_EC_gen("P-256");
    X509 *leaf = tiny_leaf(pki, spec);
    snprintf(cert_file, sizeof cert_file, "%s/sign.pem", pki->folder);
    snprintf(key_file, sizeof key_file, "%s/sign.key", pki->folder);
    FILE *file = fopen(cert_file, "w");
    assert_non_null(file);
    PEM_write_X509(file, leaf);
    PEM_write_X509(file, pki->sub.cert);
    fclose(file);
    file = fopen(key_file, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, spec.key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    if (keypair_load(cert_file, key_file, &keypair, &reason))
        fail_msg("%s", reason);
    unlink(cert_file);
    unlink(key_file);
    X509_free(leaf);
    EVP_PKEY_free(spec.key);
    return keypair;
}

/* The trust of now; `revoked` may be NULL. CRLs end 30 days from NOW_S. */
static inline struct trust *tiny_trust(struct tiny_pki *pki, const struct keypair *revoked)
{
    struct trust *trust = NULL;
    const char *reason = "";
    tiny_crl(&pki->sub, revoked != NULL ? keypair_cert(revoked) : NULL, NOW_S + 30 * DAY_S);
    tiny_write(pki, true, true);
    if (trust_load(pki->ca_file, pki->crl_file, &trust, &reason))
        fail_msg("%s", reason);
    return trust;
}

#endif
