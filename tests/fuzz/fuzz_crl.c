/* Revocation lists, as a file that an operator puts in place.
 *
 * The first byte chooses: the file as it is; a list in DER, wrapped as PEM; or a list built of serial
 * numbers and signed by the CA. A file that is taken never lets in a certificate that its CA did not
 * vouch for, and one that is listed is refused, however the list is put together. */
#include "fuzz.h"
#include "tiny_ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SERIALS 40

static X509 *own_leaf(unsigned serial)
{
    static X509 *leaves[SERIALS];
    if (leaves[serial] == NULL)
        leaves[serial] = tiny_leaf(100 + (long)serial);
    return leaves[serial];
}

/* What trust says of a certificate of the CA; the lists are those of the file. */
static enum skp_err ask(struct trust *trust, X509 *cert)
{
    const char *why = NULL;
    enum skp_err err = trust_check(trust, cert, NULL, CERT_SIGNING, TINY_NOW_MS, &why);
    EXPECT((err == SKP_OK) == (why == NULL));
    return err;
}

static struct trust *load(struct span file)
{
    struct trust *trust = NULL;
    const char *why = NULL;
    char path[64];
    int fd = memfd_create("crl", MFD_CLOEXEC);
    EXPECT(fd >= 0 && write(fd, file.data, file.len) == (ssize_t)file.len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum skp_err err = trust_load(tiny_ca_file(), path, &trust, &why);
    EXPECT((err == SKP_OK) == (trust != NULL) && (err == SKP_OK || why != NULL));
    EXPECT(ERR_peek_error() == 0);
    (void)close(fd);
    return trust;
}

/* The fuzzer has not the CA's key: a list that it wrote vouches for nobody. */
static void feed_file(struct span file)
{
    struct trust *trust = load(file);
    if (trust == NULL)
        return;
    (void)trust_lists_revoked(trust, own_leaf(0));
    EXPECT(ask(trust, own_leaf(0)) != SKP_OK);
    trust_unref(trust);
}

static struct span pem_of(BIO *bio, const char *name, struct span der)
{
    char *text = NULL;
    EXPECT(PEM_write_bio(bio, name, "", der.data, (long)der.len) > 0);
    long len = BIO_get_mem_data(bio, &text);
    return span_of(text, (size_t)len);
}

static void feed_der(struct span der)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT(bio != NULL);
    if (der.len > 0)
        feed_file(pem_of(bio, PEM_STRING_X509_CRL, der));
    BIO_free(bio);
}

/* ---------------------------------------------------------------- built lists */

static X509_CRL *new_list(void)
{
    X509_CRL *crl = X509_CRL_new();
    EXPECT(crl != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
    EXPECT(X509_CRL_set_issuer_name(crl, X509_get_subject_name(tiny_ca()->cert)) == 1);
    return crl;
}

static void set_times(X509_CRL *crl, int64_t from_s, int64_t until_s)
{
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)from_s);
    EXPECT(X509_CRL_set1_lastUpdate(crl, time) == 1);
    EXPECT(ASN1_TIME_set(time, (time_t)until_s) != NULL);
    EXPECT(X509_CRL_set1_nextUpdate(crl, time) == 1);
    ASN1_TIME_free(time);
}

/* Removed from a list again ("removeFromCRL") means nothing in a complete list: never used here. */
static void add_entry(X509_CRL *crl, unsigned serial, unsigned reason)
{
    static const int reasons[] = {-1, 1, 4, 6}; /* key, superseded, held */
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(TINY_NOW_S - TINY_DAY_S));
    ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
    EXPECT(entry && number && time && why && ASN1_INTEGER_set(number, 100 + (long)serial) == 1);
    EXPECT(X509_REVOKED_set_serialNumber(entry, number) == 1);
    EXPECT(X509_REVOKED_set_revocationDate(entry, time) == 1);
    if (reasons[reason % 4] >= 0) {
        EXPECT(ASN1_ENUMERATED_set(why, reasons[reason % 4]) == 1);
        EXPECT(X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, why, 0, 0) == 1);
    }
    EXPECT(X509_CRL_add0_revoked(crl, entry) == 1);
    ASN1_ENUMERATED_free(why);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(number);
}

static void feed_built(struct span rest)
{
    bool listed[SERIALS] = {false};
    X509_CRL *crl = new_list();
    bool stale = take_byte(&rest) % 8 == 7;
    set_times(crl, TINY_NOW_S - 2 * TINY_DAY_S, TINY_NOW_S + (stale ? -1 : 1) * TINY_DAY_S);
    while (rest.len > 0) {
        unsigned serial = take_byte(&rest) % SERIALS;
        add_entry(crl, serial, take_byte(&rest));
        listed[serial] = true;
    }
    EXPECT(X509_CRL_sign(crl, tiny_ca()->key, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    int len = i2d_X509_CRL(crl, &der);
    BIO *bio = BIO_new(BIO_s_mem());
    EXPECT(len > 0 && bio != NULL);
    struct trust *trust = load(pem_of(bio, PEM_STRING_X509_CRL, span_of(der, (size_t)len)));
    EXPECT(trust != NULL);
    for (unsigned i = 0; i < SERIALS; i += 3) {
        EXPECT(trust_lists_revoked(trust, own_leaf(i)) == listed[i]);
        EXPECT((ask(trust, own_leaf(i)) == SKP_OK) == (!stale && !listed[i]));
    }
    trust_unref(trust);
    BIO_free(bio);
    OPENSSL_free(der);
    X509_CRL_free(crl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size);
    switch (take_byte(&rest) % 3) {
    case 0:
        feed_file(rest);
        break;
    case 1:
        feed_der(rest);
        break;
    default:
        feed_built(rest);
        break;
    }
    return 0;
}
