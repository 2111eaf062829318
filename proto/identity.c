#include "identity.h"

#include "identity_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* The one thing about a key that changes. */
struct header_memo {
    pthread_mutex_t lock;
    int64_t second;
    char *header; /* NULL: none yet */
};

struct keypair {
    atomic_uint references;
    struct header_memo *memo;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
    uint8_t *der;
    size_t der_bytes;
};

const char *identity_why(const char *format, ...)
{
    static _Thread_local char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    ERR_clear_error(); /* an old complaint must not be taken for the next TLS failure of this thread
                        */
    return why;
}

enum skp_err cert_oin(const X509 *cert, struct skp_oin *ret_oin)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int index = X509_NAME_get_index_by_NID(subject, NID_serialNumber, -1);
    if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_serialNumber, index) >= 0)
        return SKP_E_IDENTITY_INVALID;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    if (ASN1_STRING_type(value) != V_ASN1_PRINTABLESTRING)
        return SKP_E_IDENTITY_INVALID;
    struct span text = span_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    return oin_take(text, ret_oin) ? SKP_OK : SKP_E_IDENTITY_INVALID;
}

struct skp_hash cert_thumbprint(const X509 *cert)
{
    struct skp_hash hash;
    if (X509_digest(cert, EVP_sha256(), hash.bytes, NULL) != 1)
        abort(); /* a certificate that was read always has its bytes */
    return hash;
}

enum skp_err cert_parse(struct span der, X509 **ret_cert)
{
    if (der.len == 0 || der.len > CERT_MAX_BYTES)
        return SKP_E_CERTIFICATE;
    const uint8_t *at = der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)der.len);
    /* Bytes behind the certificate would be a place to hide things under the same name. */
    if (cert == NULL || at != der.data + der.len) {
        X509_free(cert);
        ERR_clear_error();
        return SKP_E_CERTIFICATE;
    }
    *ret_cert = cert;
    return SKP_OK;
}

bool cert_is_self_issued(const X509 *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* A key that asks for a passphrase must fail, not read the terminal of a service. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer, (void)size, (void)writing, (void)ctx;
    return -1;
}

STACK_OF(X509) * identity_read_certs(const char *file, const char **ret_why)
{
    X509 *cert;
    BIO *bio = BIO_new_file(file, "r");
    STACK_OF(X509) *certs = sk_X509_new_null();
    while (bio != NULL && certs != NULL &&
           (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
        if (sk_X509_push(certs, cert) <= 0)
            X509_free(cert);
    }
    bool whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (bio == NULL || !whole || sk_X509_num(certs) <= 0) {
        *ret_why = identity_why(
            bio == NULL ? "%s: cannot be opened" : "%s: holds no readable PEM certificate", file);
        sk_X509_pop_free(certs, X509_free);
        certs = NULL;
    }
    BIO_free(bio);
    ERR_clear_error();
    return certs;
}

static EVP_PKEY *read_key(const char *file, const char **ret_why)
{
    BIO *bio = BIO_new_file(file, "r");
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    if (key == NULL)
        *ret_why = identity_why(bio == NULL ? "%s: cannot be opened"
                                            : "%s: holds no PEM private key without passphrase",
                                file);
    BIO_free(bio);
    return key;
}

enum skp_err keypair_load(const char *cert_file, const char *key_file, struct keypair **ret_keypair,
                          const char **ret_why)
{
    struct keypair *keypair = calloc(1, sizeof *keypair);
    if (keypair == NULL) {
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    keypair->references = 1;
    keypair->memo = calloc(1, sizeof *keypair->memo);
    if (keypair->memo == NULL) {
        free(keypair);
        *ret_why = "out of memory";
        return SKP_E_NO_MEMORY;
    }
    pthread_mutex_init(&keypair->memo->lock, NULL);
    keypair->chain = identity_read_certs(cert_file, ret_why);
    keypair->key = keypair->chain != NULL ? read_key(key_file, ret_why) : NULL;
    if (keypair->key == NULL)
        goto refused;
    if (X509_check_private_key(keypair_cert(keypair), keypair->key) != 1) {
        *ret_why =
            identity_why("%s: is not the key of the first certificate in %s", key_file, cert_file);
        goto refused;
    }
    int der_bytes = i2d_X509(keypair_cert(keypair), &keypair->der);
    if (der_bytes <= 0) {
        *ret_why = identity_why("%s: cannot be written as DER", cert_file);
        goto refused;
    }
    keypair->der_bytes = (size_t)der_bytes;
    *ret_keypair = keypair;
    return SKP_OK;
refused:
    keypair_unref(keypair);
    return SKP_E_CERTIFICATE;
}

struct keypair *keypair_ref(struct keypair *keypair)
{
    atomic_fetch_add(&keypair->references, 1);
    return keypair;
}

void keypair_unref(struct keypair *keypair)
{
    if (keypair == NULL || atomic_fetch_sub(&keypair->references, 1) != 1)
        return;
    EVP_PKEY_free(keypair->key); /* OpenSSL clears the private parts */
    sk_X509_pop_free(keypair->chain, X509_free);
    OPENSSL_free(keypair->der);
    pthread_mutex_destroy(&keypair->memo->lock);
    free(keypair->memo->header);
    free(keypair->memo);
    free(keypair);
}

const char *keypair_header(const struct keypair *keypair, int64_t second, struct arena *arena)
{
    struct header_memo *memo = keypair->memo;
    pthread_mutex_lock(&memo->lock);
    const char *header = NULL;
    if (memo->header != NULL && memo->second == second)
        header = arena_copy(arena, memo->header, strlen(memo->header) + 1);
    pthread_mutex_unlock(&memo->lock);
    return header;
}

void keypair_keep_header(const struct keypair *keypair, int64_t second, const char *header)
{
    struct header_memo *memo = keypair->memo;
    char *copy = strdup(header);
    if (copy == NULL)
        return;
    pthread_mutex_lock(&memo->lock);
    char *replaced = memo->header;
    memo->header = copy;
    memo->second = second;
    pthread_mutex_unlock(&memo->lock);
    free(replaced);
}

X509 *keypair_cert(const struct keypair *keypair)
{
    return sk_X509_value(keypair->chain, 0);
}

STACK_OF(X509) * keypair_chain(const struct keypair *keypair)
{
    return keypair->chain;
}

EVP_PKEY *keypair_key(const struct keypair *keypair)
{
    return keypair->key;
}

struct span keypair_der(const struct keypair *keypair)
{
    return span_of(keypair->der, keypair->der_bytes);
}
