/* A root, a sub CA and leaves with whatever fault a test wants, made in memory at a fixed time. */
#ifndef SKP_TINY_PKI_H
#define SKP_TINY_PKI_H

#include "testing.h"

#include "identity.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_S  1795000000LL
#define NOW_MS (NOW_S * 1000)
#define DAY_S  86400LL

struct tiny_ca {
    X509 *cert;
    EVP_PKEY *key;
    X509_CRL *crl;
};

struct tiny_pki {
    struct tiny_ca root;
    struct tiny_ca sub;
    char folder[64];
    char ca_file[96];
    char crl_file[96];
};

/* What stands in a leaf; zero members take the good value of a signing certificate. */
struct tiny_spec {
    const char *oin; /* "" = none */
    const char *second_oin;
    int oin_type;  /* MBSTRING_ASC or a V_ASN1_ type */
    EVP_PKEY *key; /* borrowed; NULL = one of its own, by the next two */
    int rsa_bits;  /* 0 = P-256 */
    const char *curve;
    const char *key_usage;     /* "" = none */
    const char *ext_key_usage; /* NULL = none */
    const char *constraints;
    const char *digest;
    int64_t from_s;
    int64_t until_s;
};

static void tiny_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    if (value == NULL || value[0] == '\0')
        return;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(cert, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *tiny_cert(EVP_PKEY *key, int64_t from_s, int64_t until_s)
{
    static long serial = 1000;
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s);
    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until_s);
    X509_set_pubkey(cert, key);
    return cert;
}

static void tiny_name(X509 *cert, const char *field, int type, const char *value)
{
    X509_NAME *name = X509_get_subject_name(cert);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, field, type, (const uint8_t *)value,
                                                (int)strlen(value), -1, 0),
                     1);
}

static void tiny_ca_init(struct tiny_ca *ca, const struct tiny_ca *issuer, const char *name,
                         const char *constraints)
{
    ca->key = EVP_EC_gen("P-256");
    ca->cert = tiny_cert(ca->key, NOW_S - 100 * DAY_S, NOW_S + 1000 * DAY_S);
    tiny_name(ca->cert, "CN", MBSTRING_ASC, name);
    if (issuer == NULL)
        issuer = ca;
    X509_set_issuer_name(ca->cert, X509_get_subject_name(issuer->cert));
    tiny_extend(ca->cert, issuer->cert, NID_basic_constraints, constraints);
    tiny_extend(ca->cert, issuer->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    tiny_extend(ca->cert, issuer->cert, NID_subject_key_identifier, "hash");
    tiny_extend(ca->cert, issuer->cert, NID_authority_key_identifier, "keyid");
    assert_true(X509_sign(ca->cert, issuer->key, EVP_sha256()) > 0);
    ca->crl = NULL;
}

/* A new CRL; `revoked` may be NULL. */
static void tiny_crl(struct tiny_ca *ca, const X509 *revoked, int64_t until_s)
{
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(NOW_S - DAY_S));
    X509_CRL_free(ca->crl);
    ca->crl = X509_CRL_new();
    X509_CRL_set_version(ca->crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(ca->crl, X509_get_subject_name(ca->cert));
    X509_CRL_set1_lastUpdate(ca->crl, time);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(revoked));
        X509_REVOKED_set_serialNumber(entry, serial);
        X509_REVOKED_set_revocationDate(entry, time);
        X509_CRL_add0_revoked(ca->crl, entry);
        ASN1_INTEGER_free(serial);
    }
    ASN1_TIME_set(time, (time_t)until_s);
    X509_CRL_set1_nextUpdate(ca->crl, time);
    ASN1_TIME_free(time);
    assert_true(X509_CRL_sign(ca->crl, ca->key, EVP_sha256()) > 0);
}

static void tiny_write(const struct tiny_pki *pki, bool root_crl, bool sub_crl)
{
    FILE *file = fopen(pki->ca_file, "w");
    assert_non_null(file);
    PEM_write_X509(file, pki->root.cert);
    fclose(file);
    file = fopen(pki->crl_file, "w");
    assert_non_null(file);
    if (root_crl)
        PEM_write_X509_CRL(file, pki->root.crl);
    if (sub_crl)
        PEM_write_X509_CRL(file, pki->sub.crl);
    fclose(file);
}

static void tiny_pki_init(struct tiny_pki *pki)
{
    memset(pki, 0, sizeof *pki);
    strcpy(pki->folder, "/tmp/tiny-pki-XXXXXX");
    assert_non_null(mkdtemp(pki->folder));
    snprintf(pki->ca_file, sizeof pki->ca_file, "%s/ca.pem", pki->folder);
    snprintf(pki->crl_file, sizeof pki->crl_file, "%s/crl.pem", pki->folder);
    tiny_ca_init(&pki->root, NULL, "TEST Root", "critical,CA:TRUE");
    tiny_ca_init(&pki->sub, &pki->root, "TEST Sub", "critical,CA:TRUE,pathlen:0");
    tiny_crl(&pki->root, NULL, NOW_S + 30 * DAY_S);
    tiny_crl(&pki->sub, NULL, NOW_S + 30 * DAY_S);
    tiny_write(pki, true, true);
}

static void tiny_ca_fini(struct tiny_ca *ca)
{
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    X509_CRL_free(ca->crl);
}

static void tiny_pki_fini(struct tiny_pki *pki)
{
    unlink(pki->ca_file);
    unlink(pki->crl_file);
    rmdir(pki->folder);
    tiny_ca_fini(&pki->root);
    tiny_ca_fini(&pki->sub);
}

static EVP_PKEY *tiny_key(const struct tiny_spec *spec)
{
    if (spec->key != NULL) {
        EVP_PKEY_up_ref(spec->key);
        return spec->key;
    }
    if (spec->rsa_bits > 0)
        return EVP_RSA_gen((unsigned)spec->rsa_bits);
    return EVP_EC_gen(spec->curve != NULL ? spec->curve : "P-256");
}

static X509 *tiny_leaf_by(const struct tiny_ca *issuer, const struct tiny_spec *spec)
{
    EVP_PKEY *key = tiny_key(spec);
    X509 *cert = tiny_cert(key, spec->from_s != 0 ? spec->from_s : NOW_S - DAY_S,
                           spec->until_s != 0 ? spec->until_s : NOW_S + DAY_S);
    const char *oin = spec->oin != NULL ? spec->oin : "00000099000000001000";
    int type = spec->oin_type != 0 ? spec->oin_type : V_ASN1_PRINTABLESTRING;
    tiny_name(cert, "CN", MBSTRING_ASC, "TEST leaf");
    if (oin[0] != '\0')
        tiny_name(cert, "serialNumber", type, oin);
    if (spec->second_oin != NULL)
        tiny_name(cert, "serialNumber", type, spec->second_oin);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert));
    tiny_extend(cert, issuer->cert, NID_basic_constraints,
                spec->constraints != NULL ? spec->constraints : "critical,CA:FALSE");
    tiny_extend(cert, issuer->cert, NID_key_usage,
                spec->key_usage != NULL ? spec->key_usage : "critical,digitalSignature");
    tiny_extend(cert, issuer->cert, NID_ext_key_usage, spec->ext_key_usage);
    tiny_extend(cert, issuer->cert, NID_subject_key_identifier, "hash");
    tiny_extend(cert, issuer->cert, NID_authority_key_identifier, "keyid");
    const EVP_MD *digest = EVP_get_digestbyname(spec->digest != NULL ? spec->digest : "SHA256");
    assert_true(X509_sign(cert, issuer->key, digest) > 0);
    EVP_PKEY_free(key);
    return cert;
}

static inline X509 *tiny_leaf(const struct tiny_pki *pki, struct tiny_spec spec)
{
    return tiny_leaf_by(&pki->sub, &spec);
}

#endif
