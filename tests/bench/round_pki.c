#include "round_pki.h"

#include "bench.h"
#include "random.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 320
#define DAY_S      86400L
#define VALID_S    (30 * DAY_S)
#define FRESH_S    (20 * DAY_S)

void round_pki_file(const struct round_pki *pki, const char *name, char *ret_path)
{
    snprintf(ret_path, PATH_BYTES, "%s/%s", pki->folder, name);
}

static FILE *open_file(const struct round_pki *pki, const char *name, const char *mode)
{
    char path[PATH_BYTES];
    round_pki_file(pki, name, path);
    FILE *file = fopen(path, mode);
    if (!file)
        bench_die("%s cannot be opened", path);
    return file;
}

static void make_authorities(const char *folder)
{
    pid_t child = fork();
    if (child == 0) {
        execl(SKP_CERTS_MAKE, SKP_CERTS_MAKE, folder, "--broker", ROUND_BROKER_OIN, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        bench_die("certs/make %s failed", folder);
}

static EVP_PKEY *read_key(const struct round_pki *pki, const char *name)
{
    FILE *file = open_file(pki, name, "re");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    return key;
}

/* The key is written last: a folder that was not finished has none. */
static void make_all(struct round_pki *pki)
{
    make_authorities(pki->folder);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    FILE *file = open_file(pki, ROUND_KEY_FILE, "we");
    if (!key || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        fclose(file) != 0)
        bench_die("%s: the key cannot be written", pki->folder);
    EVP_PKEY_free(key);
}

void round_pki_make(struct round_pki *pki, const char *folder)
{
    struct stat made;
    char key[PATH_BYTES];
    snprintf(pki->folder, sizeof pki->folder, "%s", folder);
    round_pki_file(pki, ROUND_KEY_FILE, key);
    bool is_there = stat(folder, &made) == 0;
    if (is_there && (stat(key, &made) != 0 || made.st_mtime + FRESH_S < time(NULL))) {
        bench_folder_remove(folder);
        is_there = false;
    }
    if (!is_there)
        make_all(pki);
    FILE *file = open_file(pki, "ca/sub.pem", "re");
    pki->issuer = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    pki->issuer_key = read_key(pki, "ca/sub.key");
    pki->key = read_key(pki, ROUND_KEY_FILE);
    if (!pki->issuer || !pki->issuer_key || !pki->key)
        bench_die("%s: the CA or the key cannot be read", folder);
}

void round_pki_fini(struct round_pki *pki)
{
    X509_free(pki->issuer);
    EVP_PKEY_free(pki->issuer_key);
    EVP_PKEY_free(pki->key);
}

/* ---------------------------------------------------------------- one certificate */

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    CONF *none = NCONF_new(NULL); /* policies are not parsed without one */
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509V3_set_nconf(&context, none);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(none, &context, nid, value);
    if (!extension || X509_add_ext(cert, extension, -1) != 1)
        bench_die("extension %s", value);
    X509_EXTENSION_free(extension);
    NCONF_free(none);
}

static void add_name(X509 *cert, const char *field, const char *value)
{
    if (X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field, MBSTRING_ASC,
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

static X509 *new_cert(const struct round_pki *pki, const struct skp_oin *oin)
{
    X509 *cert = X509_new();
    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) ||
        X509_set_pubkey(cert, pki->key) != 1 ||
        X509_set_issuer_name(cert, X509_get_subject_name(pki->issuer)) != 1)
        bench_die("a certificate cannot be made");
    number_cert(cert);
    add_name(cert, "C", "NL");
    add_name(cert, "O", "TEST organisation");
    add_name(cert, "CN", oin->text);
    add_name(cert, "serialNumber", oin->text);
    return cert;
}

static X509 *issue(const struct round_pki *pki, const struct skp_oin *oin, const char *usage,
                   const char *extended_usage)
{
    X509 *cert = new_cert(pki, oin);
    char name[64];
    snprintf(name, sizeof name, "DNS:p%s.test", oin->text);
    add_extension(cert, pki->issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, pki->issuer, NID_subject_key_identifier, "hash");
    add_extension(cert, pki->issuer, NID_authority_key_identifier, "keyid:always");
    add_extension(cert, pki->issuer, NID_certificate_policies, "2.16.528.1.1003.1.2.8.6");
    add_extension(cert, pki->issuer, NID_crl_distribution_points, "URI:http://crl.test/sub.crl");
    add_extension(cert, pki->issuer, NID_subject_alt_name, name);
    add_extension(cert, pki->issuer, NID_key_usage, usage);
    if (extended_usage)
        add_extension(cert, pki->issuer, NID_ext_key_usage, extended_usage);
    if (X509_sign(cert, pki->issuer_key, EVP_sha256()) <= 0)
        bench_die("a certificate cannot be signed");
    return cert;
}

/* Under another name first: a certificate that is there is whole. */
static void write_cert(const struct round_pki *pki, const struct skp_oin *oin, const char *purpose,
                       const char *usage, const char *extended_usage, char *ret_path)
{
    char name[64];
    char part[PATH_BYTES + 8];
    snprintf(name, sizeof name, "%s-%s.pem", oin->text, purpose);
    round_pki_file(pki, name, ret_path);
    if (access(ret_path, R_OK) == 0)
        return;
    X509 *cert = issue(pki, oin, usage, extended_usage);
    snprintf(part, sizeof part, "%s.part", ret_path);
    FILE *file = fopen(part, "we");
    if (!file || PEM_write_X509(file, cert) != 1 || PEM_write_X509(file, pki->issuer) != 1 ||
        fclose(file) != 0 || rename(part, ret_path) != 0)
        bench_die("%s cannot be written", ret_path);
    X509_free(cert);
}

void round_pki_issue(struct round_pki *pki, const struct skp_oin *oin,
                     struct round_identity *ret_identity)
{
    char enc_cert[PATH_BYTES];
    char key[PATH_BYTES];
    const char *why = "";
    ret_identity->oin = *oin;
    write_cert(pki, oin, "tls", "critical,digitalSignature", "clientAuth", ret_identity->tls_cert);
    write_cert(pki, oin, "sign", "critical,digitalSignature,nonRepudiation", NULL,
               ret_identity->sign_cert);
    write_cert(pki, oin, "enc", "critical,keyAgreement", NULL, enc_cert);
    round_pki_file(pki, ROUND_KEY_FILE, key);
    if (keypair_load(enc_cert, key, &ret_identity->enc, &why) ||
        keypair_load(ret_identity->sign_cert, key, &ret_identity->sign, &why))
        bench_die("%s: %s", oin->text, why);
}
