#include "tiny_ca.h"

#include "fuzz.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
    EXPECT(extension != NULL && X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_cert(EVP_PKEY *key, long serial, const char *name)
{
    X509 *cert = X509_new();
    EXPECT(cert != NULL && X509_set_version(cert, X509_VERSION_3) == 1);
    EXPECT(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial) == 1);
    EXPECT(ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(TINY_NOW_S - 10 * TINY_DAY_S)));
    EXPECT(ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(TINY_NOW_S + 10 * TINY_DAY_S)));
    EXPECT(X509_set_pubkey(cert, key) == 1);
    EXPECT(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                      (const uint8_t *)name, -1, -1, 0) == 1);
    return cert;
}

static void sign(X509 *cert, const struct tiny_ca *issuer)
{
    EXPECT(X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert)) == 1);
    extend(cert, issuer->cert, NID_subject_key_identifier, "hash");
    if (cert != issuer->cert)
        extend(cert, issuer->cert, NID_authority_key_identifier, "keyid");
    EXPECT(X509_sign(cert, issuer->key, EVP_sha256()) > 0);
}

const struct tiny_ca *tiny_ca(void)
{
    static struct tiny_ca ca;
    if (ca.cert != NULL)
        return &ca;
    ca.key = EVP_EC_gen("P-256");
    EXPECT(ca.key != NULL);
    ca.cert = new_cert(ca.key, 1, "TEST Root");
    extend(ca.cert, ca.cert, NID_basic_constraints, "critical,CA:TRUE");
    extend(ca.cert, ca.cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(ca.cert, &ca);
    return &ca;
}

static X509 *new_leaf(EVP_PKEY *key, long serial)
{
    EXPECT(key != NULL);
    X509 *leaf = new_cert(key, serial, "TEST leaf");
    EXPECT(X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "serialNumber",
                                      V_ASN1_PRINTABLESTRING, (const uint8_t *)TINY_OIN, -1, -1,
                                      0) == 1);
    extend(leaf, tiny_ca()->cert, NID_basic_constraints, "critical,CA:FALSE");
    extend(leaf, tiny_ca()->cert, NID_key_usage, "critical,digitalSignature");
    sign(leaf, tiny_ca());
    return leaf;
}

X509 *tiny_leaf(long serial)
{
    static EVP_PKEY *key;
    if (key == NULL)
        key = EVP_EC_gen("P-256");
    return new_leaf(key, serial);
}

/* ---------------------------------------------------------------- as files */

#define PATH_BYTES 64

/* A file without a name, open as long as the process lives. */
static FILE *new_file(char *ret_path)
{
    int fd = memfd_create("pem", 0);
    FILE *file = fd >= 0 ? fdopen(dup(fd), "w") : NULL;
    EXPECT(file != NULL);
    (void)snprintf(ret_path, PATH_BYTES, "/proc/self/fd/%d", fd);
    return file;
}

const char *tiny_ca_file(void)
{
    static char path[PATH_BYTES];
    if (path[0] == '\0') {
        FILE *file = new_file(path);
        EXPECT(PEM_write_X509(file, tiny_ca()->cert) == 1 && fclose(file) == 0);
    }
    return path;
}

static struct keypair *load_keypair(EVP_PKEY *key, X509 *cert)
{
    struct keypair *keypair = NULL;
    const char *why = "";
    char cert_path[PATH_BYTES], key_path[PATH_BYTES];
    FILE *file = new_file(cert_path);
    EXPECT(PEM_write_X509(file, cert) == 1 && fclose(file) == 0);
    file = new_file(key_path);
    EXPECT(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
    EXPECT(keypair_load(cert_path, key_path, &keypair, &why) == SKP_OK);
    return keypair;
}

struct keypair *tiny_keypair(bool rsa)
{
    static struct keypair *keypairs[2];
    if (keypairs[rsa] == NULL) {
        EVP_PKEY *key = rsa ? EVP_RSA_gen(3072) : EVP_EC_gen("P-256");
        X509 *cert = new_leaf(key, 10 + rsa);
        keypairs[rsa] = load_keypair(key, cert);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    return keypairs[rsa];
}

struct trust *tiny_trust(const char *crl_file)
{
    struct trust *trust = NULL;
    const char *why = "";
    if (trust_load(tiny_ca_file(), crl_file, &trust, &why)) {
        (void)fprintf(stderr, "%s\n", why);
        abort();
    }
    return trust;
}
