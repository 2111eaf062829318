#include "round_cert.h"

#include "bench.h"
#include "random.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S      86400L
#define POLICY     "2.16.528.1.1003.1.2.8.6"
#define PATH_BYTES 400

static void set_context(X509V3_CTX *context, X509 *issuer, X509 *cert, CONF *none)
{
    X509V3_set_ctx(context, issuer, cert, NULL, NULL, 0);
    X509V3_set_nconf(context, none);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    CONF *none = NCONF_new(NULL); /* policies are not parsed without one */
    if (!value) {
        NCONF_free(none);
        return;
    }
    set_context(&context, issuer, cert, none);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(none, &context, nid, value);
    if (!extension || X509_add_ext(cert, extension, -1) != 1)
        bench_die("extension %s", value);
    X509_EXTENSION_free(extension);
    NCONF_free(none);
}

static void add_name(X509 *cert, const char *field, const char *value)
{
    if (value && X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_ASC,
                                            (const unsigned char *)value, -1, -1, 0) != 1)
        bench_die("subject %s", field);
}

/* Two certificates of one CA never share a number. */
static void number_cert(X509 *cert)
{
    uint64_t serial = random_u64() >> 1 | 1;
    if (ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) != 1)
        bench_die("a certificate cannot be numbered");
}

static X509 *cert_new(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(cert), ROUND_CERT_VALID_S) ||
        X509_set_pubkey(cert, key) != 1)
        bench_die("a certificate cannot be made");
    number_cert(cert);
    return cert;
}

X509 *round_cert_make(EVP_PKEY *key, const struct round_issuer *issuer,
                      const struct round_cert_profile *profile)
{
    X509 *cert = cert_new(key);
    X509 *by = issuer->cert ? issuer->cert : cert;
    add_name(cert, "C", "NL");
    add_name(cert, "O", "TEST organisation");
    add_name(cert, "CN", profile->name);
    add_name(cert, "serialNumber", profile->oin);
    if (X509_set_issuer_name(cert, X509_get_subject_name(by)) != 1)
        bench_die("a certificate cannot be made");
    add_extension(cert, by, NID_basic_constraints, profile->constraints);
    add_extension(cert, by, NID_subject_key_identifier, "hash");
    add_extension(cert, by, NID_authority_key_identifier, issuer->cert ? "keyid:always" : NULL);
    add_extension(cert, by, NID_certificate_policies, issuer->cert ? POLICY : NULL);
    add_extension(cert, by, NID_crl_distribution_points, profile->crl_url);
    add_extension(cert, by, NID_subject_alt_name, profile->alt_name);
    add_extension(cert, by, NID_key_usage, profile->usage);
    add_extension(cert, by, NID_ext_key_usage, profile->extended_usage);
    if (X509_sign(cert, issuer->key, EVP_sha256()) <= 0)
        bench_die("a certificate cannot be signed");
    return cert;
}

void round_cert_write(const char *path, X509 *cert, X509 *next)
{
    char part[PATH_BYTES];
    snprintf(part, sizeof part, "%s.part", path);
    FILE *file = fopen(part, "we");
    if (!file || PEM_write_X509(file, cert) != 1 || (next && PEM_write_X509(file, next) != 1) ||
        fclose(file) != 0 || rename(part, path) != 0)
        bench_die("%s cannot be written", path);
}

void round_cert_write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "we");
    if (!file || !key || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        fclose(file) != 0)
        bench_die("%s cannot be written", path);
}

static void add_crl_extensions(X509_CRL *crl, X509 *issuer)
{
    X509V3_CTX context;
    CONF *none = NCONF_new(NULL);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
    X509V3_set_nconf(&context, none);
    X509_EXTENSION *authority =
        X509V3_EXT_nconf_nid(none, &context, NID_authority_key_identifier, "keyid:always");
    if (!authority || X509_CRL_add_ext(crl, authority, -1) != 1 || !number ||
        ASN1_INTEGER_set(number, 1) != 1 ||
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) != 1)
        bench_die("a CRL cannot be made");
    X509_EXTENSION_free(authority);
    ASN1_INTEGER_free(number);
    NCONF_free(none);
}

void round_cert_write_crl(FILE *file, const struct round_issuer *issuer)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *since = X509_gmtime_adj(NULL, -DAY_S);
    ASN1_TIME *until = X509_gmtime_adj(NULL, ROUND_CERT_VALID_S);
    if (!crl || !since || !until || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) != 1 ||
        X509_CRL_set1_lastUpdate(crl, since) != 1 || X509_CRL_set1_nextUpdate(crl, until) != 1)
        bench_die("a CRL cannot be made");
    add_crl_extensions(crl, issuer->cert);
    if (X509_CRL_sign(crl, issuer->key, EVP_sha256()) <= 0 || PEM_write_X509_CRL(file, crl) != 1)
        bench_die("a CRL cannot be signed");
    ASN1_TIME_free(since);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
}
