#include "sim_pki.h"

#include "sim_history.h"
#include "sim_time.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define DAY_S    86400L
#define YEARS_S  (3650 * DAY_S)
#define POLICIES "2.16.528.1.1003.1.2.8.6"

static const char *pki_folder;
static struct {
    X509 *cert;
    EVP_PKEY *key;
} root;
static long serial;

void sim_pki_file(const char *name, char *ret_path)
{
    int len = snprintf(ret_path, SIM_PATH, "%s/%s", pki_folder, name);
    if (len < 0 || len >= SIM_PATH)
        sim_die("%s: the path is too long", name);
}

static FILE *open_file(const char *name, const char *ending)
{
    char path[SIM_PATH];
    char whole[128];
    (void)snprintf(whole, sizeof whole, "%s%s", name, ending);
    sim_pki_file(whole, path);
    FILE *file = fopen(path, "we");
    if (file == NULL)
        sim_die("%s cannot be written", path);
    return file;
}

/* ---------------------------------------------------------------- one certificate */

static void set_times(ASN1_TIME *from, ASN1_TIME *until)
{
    time_t start = (time_t)(SIM_START_MS / 1000);
    if (ASN1_TIME_set(from, start - DAY_S) == NULL || ASN1_TIME_set(until, start + YEARS_S) == NULL)
        sim_die("a time cannot be set");
}

static void add_name(X509 *cert, const char *field, const char *value)
{
    if (X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_ASC,
                                   (const unsigned char *)value, -1, -1, 0) != 1)
        sim_die("subject %s", field);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    CONF *none = NCONF_new(NULL); /* policies are not parsed without one */
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509V3_set_nconf(&context, none);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(none, &context, nid, value);
    if (extension == NULL || X509_add_ext(cert, extension, -1) != 1)
        sim_die("extension %s", value);
    X509_EXTENSION_free(extension);
    NCONF_free(none);
}

/* Subject and key are set, nothing is signed. */
static X509 *new_cert(EVP_PKEY *key, const char *name, const char *oin)
{
    X509 *cert = X509_new();
    if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial) != 1 ||
        X509_set_pubkey(cert, key) != 1)
        sim_die("a certificate cannot be made");
    set_times(X509_getm_notBefore(cert), X509_getm_notAfter(cert));
    add_name(cert, "C", "NL");
    add_name(cert, "O", "TEST simulation");
    add_name(cert, "CN", name);
    if (oin != NULL)
        add_name(cert, "serialNumber", oin);
    X509 *issuer = root.cert != NULL ? root.cert : cert;
    if (X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1)
        sim_die("an issuer cannot be set");
    return cert;
}

static void sign(X509 *cert, EVP_PKEY *key)
{
    if (X509_sign(cert, key, EVP_sha256()) <= 0)
        sim_die("a certificate cannot be signed");
}

/* ---------------------------------------------------------------- the authority */

static void make_root(void)
{
    root.key = EVP_EC_gen("P-256");
    if (root.key == NULL)
        sim_die("no key");
    root.cert = new_cert(root.key, "TEST root", NULL);
    add_extension(root.cert, root.cert, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(root.cert, root.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(root.cert, root.cert, NID_subject_key_identifier, "hash");
    sign(root.cert, root.key);
}

static void write_crl(FILE *file)
{
    X509V3_CTX context;
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_new(), *until = ASN1_TIME_new();
    set_times(from, until);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    if (crl == NULL || X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(root.cert)) != 1 ||
        X509_CRL_set1_lastUpdate(crl, from) != 1 || X509_CRL_set1_nextUpdate(crl, until) != 1 ||
        ASN1_INTEGER_set(number, 1) != 1 ||
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) != 1)
        sim_die("a CRL cannot be made");
    X509V3_set_ctx(&context, root.cert, NULL, NULL, crl, 0);
    X509_EXTENSION *key_id =
        X509V3_EXT_nconf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    if (key_id == NULL || X509_CRL_add_ext(crl, key_id, -1) != 1 ||
        X509_CRL_sign(crl, root.key, EVP_sha256()) <= 0 || PEM_write_X509_CRL(file, crl) != 1)
        sim_die("a CRL cannot be signed");
    X509_EXTENSION_free(key_id);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
}

/* ---------------------------------------------------------------- leaves */

static void make_leaf(const char *name, const char *oin, const char *alternative, const char *usage,
                      const char *extended_usage)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        sim_die("no key");
    X509 *cert = new_cert(key, name, oin);
    add_extension(cert, root.cert, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, root.cert, NID_subject_key_identifier, "hash");
    add_extension(cert, root.cert, NID_authority_key_identifier, "keyid:always");
    add_extension(cert, root.cert, NID_certificate_policies, POLICIES);
    add_extension(cert, root.cert, NID_subject_alt_name, alternative);
    add_extension(cert, root.cert, NID_key_usage, usage);
    if (extended_usage != NULL)
        add_extension(cert, root.cert, NID_ext_key_usage, extended_usage);
    sign(cert, root.key);
    FILE *file = open_file(name, ".pem");
    bool written = PEM_write_X509(file, cert) == 1;
    written = fclose(file) == 0 && written;
    file = open_file(name, ".key");
    written = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && written;
    if (fclose(file) != 0 || !written)
        sim_die("%s cannot be written", name);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void sim_pki_make(const char *folder)
{
    pki_folder = folder;
    make_root();
    FILE *file = open_file("ca", ".pem");
    bool written = PEM_write_X509(file, root.cert) == 1;
    if (fclose(file) != 0 || !written)
        sim_die("ca.pem cannot be written");
    file = open_file("crl", ".pem");
    write_crl(file);
    if (fclose(file) != 0)
        sim_die("crl.pem cannot be written");
    make_leaf("broker-tls", SIM_BROKER_OIN, "IP:127.0.0.1", "critical,digitalSignature",
              "serverAuth");
    make_leaf("broker-sign", SIM_BROKER_OIN, "DNS:broker.test",
              "critical,digitalSignature,nonRepudiation", NULL);
}

void sim_pki_fini(void)
{
    X509_free(root.cert);
    EVP_PKEY_free(root.key);
}

struct keypair *sim_pki_keypair(const char *name)
{
    char cert[SIM_PATH], key[SIM_PATH], file[128];
    const char *why = "";
    struct keypair *pair;
    (void)snprintf(file, sizeof file, "%s.pem", name);
    sim_pki_file(file, cert);
    (void)snprintf(file, sizeof file, "%s.key", name);
    sim_pki_file(file, key);
    if (keypair_load(cert, key, &pair, &why))
        sim_die("%s: %s", cert, why);
    return pair;
}

struct keypair *sim_pki_participant(const char *oin)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s-tls", oin);
    make_leaf(name, oin, "DNS:participant.test", "critical,digitalSignature", "clientAuth");
    (void)snprintf(name, sizeof name, "%s-sign", oin);
    make_leaf(name, oin, "DNS:participant.test", "critical,digitalSignature,nonRepudiation", NULL);
    (void)snprintf(name, sizeof name, "%s-enc", oin);
    make_leaf(name, oin, "DNS:participant.test", "critical,keyAgreement", NULL);
    return sim_pki_keypair(name);
}
