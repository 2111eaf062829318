#include "identity_internal.h"

#include "mutant.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MAX_INTERMEDIATES 3 /* PKIoverheid has two */
#define AUTH_LEVEL        3 /* 128 bits: RSA >= 3072, EC >= 256, SHA-256 and up */

struct trust {
    atomic_uint references;
    uint64_t generation;
    X509_STORE *store;
};

static bool add_anchors(X509_STORE *store, const char *file, const char **ret_why)
{
    STACK_OF(X509) *certs = identity_read_certs(file, ret_why);
    if (certs == NULL)
        return false;
    bool added = true;
    for (int i = 0; added && i < sk_X509_num(certs); i++)
        added = X509_STORE_add_cert(store, sk_X509_value(certs, i)) == 1;
    if (!added)
        *ret_why = identity_why("%s: certificates cannot be used as anchors", file);
    sk_X509_pop_free(certs, X509_free);
    return added;
}

static bool add_crls(X509_STORE *store, const char *file, const char **ret_why)
{
    X509_CRL *crl;
    int count = 0;
    bool added = true;
    BIO *bio = BIO_new_file(file, "r");
    if (bio == NULL) {
        *ret_why = identity_why("%s: cannot be opened", file);
        return false;
    }
    while (added && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL) {
        added = X509_STORE_add_crl(store, crl) == 1;
        X509_CRL_free(crl);
        count++;
    }
    if (!added || count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        *ret_why = identity_why("%s: holds no readable PEM CRL", file);
        added = false;
    }
    BIO_free(bio);
    ERR_clear_error();
    return added;
}

static bool harden(X509_STORE *store, bool with_crls)
{
    unsigned long flags = X509_V_FLAG_X509_STRICT;
    if (with_crls && !MUTANT(crl_off))
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    X509_VERIFY_PARAM *rules = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(rules, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_depth(rules, MAX_INTERMEDIATES);
    return X509_STORE_set_flags(store, flags) == 1;
}

enum skp_err trust_load(const char *ca_file, const char *crl_file, struct trust **ret_trust,
                        const char **ret_why)
{
    static atomic_uint_fast64_t generations;
    struct trust *trust = calloc(1, sizeof *trust);
    X509_STORE *store = X509_STORE_new();
    if (trust == NULL || store == NULL || !harden(store, crl_file != NULL)) {
        *ret_why = identity_why("out of memory");
        X509_STORE_free(store);
        free(trust);
        return SKP_E_NO_MEMORY;
    }
    trust->references = 1;
    trust->generation = atomic_fetch_add(&generations, 1) + 1;
    trust->store = store;
    if (!add_anchors(store, ca_file, ret_why) ||
        (crl_file != NULL && !add_crls(store, crl_file, ret_why))) {
        trust_unref(trust);
        return SKP_E_CERTIFICATE;
    }
    if (!trust_remember_crls(store)) {
        *ret_why = identity_why("out of memory");
        trust_unref(trust);
        return SKP_E_NO_MEMORY;
    }
    *ret_trust = trust;
    return SKP_OK;
}

struct trust *trust_ref(struct trust *trust)
{
    atomic_fetch_add(&trust->references, 1);
    return trust;
}

void trust_unref(struct trust *trust)
{
    if (trust == NULL || atomic_fetch_sub(&trust->references, 1) != 1)
        return;
    X509_STORE_free(trust->store);
    free(trust);
}

X509_STORE *trust_store(struct trust *trust)
{
    return trust->store;
}

uint64_t trust_generation(const struct trust *trust)
{
    return trust->generation;
}

static const char *check_tls_use(X509 *cert, uint32_t wanted)
{
    /* An absent extendedKeyUsage means "anything" to OpenSSL, and "not for TLS" here. */
    if ((X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(cert) & wanted) == 0)
        return "extendedKeyUsage does not allow this side of TLS";
    if ((X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
        return "keyUsage lacks digitalSignature";
    return NULL;
}

static const char *check_message_use(X509 *cert, uint32_t wanted, const char *lacking)
{
    uint32_t tls = XKU_SSL_CLIENT | XKU_SSL_SERVER | XKU_ANYEKU;
    uint32_t flags = X509_get_extension_flags(cert);
    if ((flags & EXFLAG_XKUSAGE) != 0 && (X509_get_extended_key_usage(cert) & tls) != 0)
        return "a TLS certificate is not for signing or encryption";
    if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(cert) & wanted) == 0)
        return lacking;
    return NULL;
}

static const char *check_use(X509 *cert, enum cert_purpose purpose)
{
    /* Also makes OpenSSL cache the extensions that are read below. */
    if (X509_check_ca(cert) != 0)
        return "a CA certificate is not for use by itself";
    switch (purpose) {
    case CERT_TLS_CLIENT:
        return check_tls_use(cert, XKU_SSL_CLIENT);
    case CERT_TLS_SERVER:
        return check_tls_use(cert, XKU_SSL_SERVER);
    case CERT_SIGNING:
        return check_message_use(cert, KU_DIGITAL_SIGNATURE, "keyUsage lacks digitalSignature");
    case CERT_ENCRYPTION:
        if (EVP_PKEY_is_a(X509_get0_pubkey(cert), "RSA"))
            return check_message_use(cert, KU_KEY_ENCIPHERMENT, "keyUsage lacks keyEncipherment");
        return check_message_use(cert, KU_KEY_AGREEMENT, "keyUsage lacks keyAgreement");
    }
    return "not a purpose of the list";
}

/* Says yes to a leaf outside its own period, and changes nothing else of the verdict. */
static int overlook_period(int good, X509_STORE_CTX *ctx)
{
    int error = X509_STORE_CTX_get_error(ctx);
    if (good || X509_STORE_CTX_get_error_depth(ctx) != 0 ||
        (error != X509_V_ERR_CERT_HAS_EXPIRED && error != X509_V_ERR_CERT_NOT_YET_VALID))
        return good;
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return 1;
}

/* X509_V_OK or OpenSSL's number of what is wrong; `verdict` NULL: OpenSSL's own. */
static int check_chain(struct trust *trust, X509 *cert, STACK_OF(X509) * chain, int64_t at_ms,
                       X509_STORE_CTX_verify_cb verdict)
{
    int error = X509_V_ERR_OUT_OF_MEM;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx != NULL && X509_STORE_CTX_init(ctx, trust->store, cert, chain) == 1) {
        X509_STORE_CTX_set_time(ctx, 0, (time_t)(at_ms / 1000));
        if (verdict != NULL)
            X509_STORE_CTX_set_verify_cb(ctx, verdict);
        bool good = X509_verify_cert(ctx) == 1;
        error = good ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
        if (!good && error == X509_V_OK)
            error = X509_V_ERR_UNSPECIFIED;
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return error;
}

static enum skp_err refuse(enum cert_purpose purpose, const char *why, const char **ret_why)
{
    if (why == NULL)
        return SKP_OK;
    ERR_clear_error();
    *ret_why = why;
    return purpose == CERT_SIGNING ? SKP_E_SIGNER_INVALID : SKP_E_CERTIFICATE;
}

static enum skp_err refuse_chain(enum cert_purpose purpose, int error, const char **ret_why)
{
    if (error == X509_V_OK)
        return SKP_OK;
    enum skp_err err = refuse(purpose, X509_verify_cert_error_string(error), ret_why);
    return purpose == CERT_SIGNING && error == X509_V_ERR_CERT_REVOKED ? SKP_E_SIGNER_REVOKED : err;
}

static const char *check_readable_use(X509 *cert, enum cert_purpose purpose)
{
    if (X509_get0_pubkey(cert) == NULL)
        return "the public key is not readable";
    return check_use(cert, purpose);
}

enum skp_err trust_check_use(X509 *cert, enum cert_purpose purpose, const char **ret_why)
{
    return refuse(purpose, check_readable_use(cert, purpose), ret_why);
}

bool trust_lists_revoked(struct trust *trust, X509 *cert)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust->store);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509_REVOKED *entry;
        X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        if (crl != NULL &&
            X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) == 0 &&
            X509_CRL_get0_by_cert(crl, &entry, cert) == 1)
            return true;
    }
    return false;
}

enum skp_err trust_check(struct trust *trust, X509 *cert, STACK_OF(X509) * chain,
                         enum cert_purpose purpose, int64_t at_ms, const char **ret_why)
{
    enum skp_err err = trust_check_use(cert, purpose, ret_why);
    return err ? err : refuse_chain(purpose, check_chain(trust, cert, chain, at_ms, NULL), ret_why);
}

static bool seconds_of(const ASN1_TIME *time, int64_t *ret_s)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    *ret_s = timegm(&tm);
    return true;
}

enum skp_err trust_check_signer(struct trust *trust, X509 *cert, STACK_OF(X509) * chain,
                                int64_t at_ms, struct cert_period *ret_period, const char **ret_why)
{
    struct cert_period period;
    enum skp_err err = trust_check_use(cert, CERT_SIGNING, ret_why);
    if (!err)
        err = refuse_chain(CERT_SIGNING, check_chain(trust, cert, chain, at_ms, overlook_period),
                           ret_why);
    if (!err && !(seconds_of(X509_get0_notBefore(cert), &period.from_s) &&
                  seconds_of(X509_get0_notAfter(cert), &period.until_s)))
        err = refuse(CERT_SIGNING, "the certificate does not say when it is valid", ret_why);
    if (!err)
        *ret_period = period;
    return err;
}
