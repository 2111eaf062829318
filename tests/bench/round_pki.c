#include "round_pki.h"

#include "bench.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 320
#define FRESH_S    (20 * 86400L)
#define CRL_OF_SUB "URI:http://crl.test/sub.crl"

void round_pki_file(const struct round_pki *pki, const char *name, char *ret_path)
{
    snprintf(ret_path, PATH_BYTES, "%s/%s", pki->folder, name);
}

/* ---------------------------------------------------------------- authorities and broker */

static struct round_issuer make_authority(const struct round_issuer *issuer,
                                          const struct round_cert_profile *profile)
{
    struct round_issuer authority = {.key = EVP_EC_gen("P-256")};
    struct round_issuer itself = {.key = authority.key};
    if (!authority.key)
        bench_die("no key");
    authority.cert = round_cert_make(authority.key, issuer ? issuer : &itself, profile);
    return authority;
}

static void write_authorities(const struct round_pki *pki, const struct round_issuer *root,
                              const struct round_issuer *sub)
{
    char path[PATH_BYTES];
    round_pki_file(pki, "ca.pem", path);
    round_cert_write(path, root->cert, NULL);
    round_pki_file(pki, "sub.pem", path);
    round_cert_write(path, sub->cert, NULL);
    round_pki_file(pki, "sub.key", path);
    round_cert_write_key(path, sub->key);
    round_pki_file(pki, "crl.pem", path);
    FILE *file = fopen(path, "we");
    if (!file)
        bench_die("%s cannot be written", path);
    round_cert_write_crl(file, root);
    round_cert_write_crl(file, sub);
    fclose(file);
}

static void make_broker(const struct round_pki *pki, const struct round_issuer *sub,
                        const char *purpose, const struct round_cert_profile *profile)
{
    char name[32];
    char path[PATH_BYTES];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    snprintf(name, sizeof name, "broker-%s.key", purpose);
    round_pki_file(pki, name, path);
    round_cert_write_key(path, key);
    X509 *cert = round_cert_make(key, sub, profile);
    snprintf(name, sizeof name, "broker-%s.pem", purpose);
    round_pki_file(pki, name, path);
    round_cert_write(path, cert, sub->cert);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* The participants' key is written last: a folder that was not finished has none. */
static void make_all(const struct round_pki *pki)
{
    static const struct round_cert_profile roots = {.name = "TEST Private Root CA - G1",
                                                    .constraints = "critical,CA:TRUE",
                                                    .usage = "critical,keyCertSign,cRLSign"};
    static const struct round_cert_profile subs = {.name = "TEST Private Services CA - G1",
                                                   .constraints = "critical,CA:TRUE,pathlen:0",
                                                   .usage = "critical,keyCertSign,cRLSign",
                                                   .crl_url = "URI:http://crl.test/root.crl"};
    struct round_cert_profile broker = {.name = "TEST broker",
                                        .oin = ROUND_BROKER_OIN,
                                        .alt_name = "DNS:localhost,IP:127.0.0.1",
                                        .constraints = "critical,CA:FALSE",
                                        .usage = "critical,digitalSignature",
                                        .extended_usage = "serverAuth",
                                        .crl_url = CRL_OF_SUB};
    char path[PATH_BYTES];
    struct round_issuer root = make_authority(NULL, &roots);
    struct round_issuer sub = make_authority(&root, &subs);
    write_authorities(pki, &root, &sub);
    make_broker(pki, &sub, "tls", &broker);
    broker.usage = "critical,digitalSignature,nonRepudiation";
    broker.extended_usage = NULL;
    make_broker(pki, &sub, "sign", &broker);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    round_pki_file(pki, ROUND_KEY_FILE, path);
    round_cert_write_key(path, key);
    EVP_PKEY_free(key);
    X509_free(root.cert);
    EVP_PKEY_free(root.key);
    X509_free(sub.cert);
    EVP_PKEY_free(sub.key);
}

/* ---------------------------------------------------------------- the folder */

static EVP_PKEY *read_key(const struct round_pki *pki, const char *name)
{
    char path[PATH_BYTES];
    round_pki_file(pki, name, path);
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (!key)
        bench_die("%s cannot be read", path);
    fclose(file);
    return key;
}

static X509 *read_cert(const struct round_pki *pki, const char *name)
{
    char path[PATH_BYTES];
    round_pki_file(pki, name, path);
    FILE *file = fopen(path, "re");
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (!cert)
        bench_die("%s cannot be read", path);
    fclose(file);
    return cert;
}

void round_pki_make(struct round_pki *pki, const char *folder)
{
    struct stat made;
    char key[PATH_BYTES];
    snprintf(pki->folder, sizeof pki->folder, "%s", folder);
    round_pki_file(pki, ROUND_KEY_FILE, key);
    bool is_there = stat(folder, &made) == 0;
    bool is_fresh = is_there && stat(key, &made) == 0 && made.st_mtime + FRESH_S > time(NULL);
    if (is_there && !is_fresh)
        bench_folder_remove(folder);
    if (!is_fresh && mkdir(folder, 0700) != 0)
        bench_die("%s cannot be made", folder);
    if (!is_fresh)
        make_all(pki);
    pki->issuer.cert = read_cert(pki, "sub.pem");
    pki->issuer.key = read_key(pki, "sub.key");
    pki->key = read_key(pki, ROUND_KEY_FILE);
}

void round_pki_fini(struct round_pki *pki)
{
    X509_free(pki->issuer.cert);
    EVP_PKEY_free(pki->issuer.key);
    EVP_PKEY_free(pki->key);
}

/* ---------------------------------------------------------------- participants */

static void make_cert(const struct round_pki *pki, const struct skp_oin *oin, const char *purpose,
                      const char *usage, const char *extended_usage, char *ret_path)
{
    char name[64];
    char alt_name[64];
    const struct round_cert_profile profile = {.name = oin->text,
                                               .oin = oin->text,
                                               .alt_name = alt_name,
                                               .constraints = "critical,CA:FALSE",
                                               .usage = usage,
                                               .extended_usage = extended_usage,
                                               .crl_url = CRL_OF_SUB};
    snprintf(alt_name, sizeof alt_name, "DNS:p%s.test", oin->text);
    snprintf(name, sizeof name, "%s-%s.pem", oin->text, purpose);
    round_pki_file(pki, name, ret_path);
    if (access(ret_path, R_OK) == 0)
        return;
    X509 *cert = round_cert_make(pki->key, &pki->issuer, &profile);
    round_cert_write(ret_path, cert, pki->issuer.cert);
    X509_free(cert);
}

void round_pki_issue(struct round_pki *pki, const struct skp_oin *oin,
                     struct round_identity *ret_identity)
{
    char enc_cert[PATH_BYTES];
    char key[PATH_BYTES];
    const char *why = "";
    ret_identity->oin = *oin;
    make_cert(pki, oin, "tls", "critical,digitalSignature", "clientAuth", ret_identity->tls_cert);
    make_cert(pki, oin, "sign", "critical,digitalSignature,nonRepudiation", NULL,
              ret_identity->sign_cert);
    make_cert(pki, oin, "enc", "critical,keyAgreement", NULL, enc_cert);
    round_pki_file(pki, ROUND_KEY_FILE, key);
    if (keypair_load(enc_cert, key, &ret_identity->enc, &why) ||
        keypair_load(ret_identity->sign_cert, key, &ret_identity->sign, &why))
        bench_die("%s: %s", oin->text, why);
}
