#include "credentials.h"

#include <openssl/asn1.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static void drop_pairs(struct credentials *credentials)
{
    keypair_unref(credentials->tls);
    keypair_unref(credentials->signer);
    credentials->tls = credentials->signer = NULL;
}

void credentials_fini(struct credentials *credentials)
{
    trust_unref(credentials->trust);
    drop_pairs(credentials);
    *credentials = (struct credentials){0};
}

static struct file_stamp stamp_file(const char *file)
{
    struct stat state;
    if (stat(file, &state) != 0)
        return (struct file_stamp){0};
    /* st_ctim and not st_mtim, which a copy may take over from its original. */
    return (struct file_stamp){.device = state.st_dev,
                               .node = state.st_ino,
                               .bytes = state.st_size,
                               .changed = state.st_ctim};
}

struct credential_stamp credential_stamp_take(const struct credential_files *files)
{
    return (struct credential_stamp){.ca = stamp_file(files->ca_file),
                                     .crl = stamp_file(files->crl_file)};
}

static bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->device == b->device && a->node == b->node && a->bytes == b->bytes &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

bool credential_stamp_equal(const struct credential_stamp *a, const struct credential_stamp *b)
{
    return file_stamp_equal(&a->ca, &b->ca) && file_stamp_equal(&a->crl, &b->crl);
}

enum skp_err credentials_load_trust(const struct credential_files *files,
                                    struct credentials *ret_credentials, char *ret_why)
{
    struct credentials credentials = {.stamp = credential_stamp_take(files)};
    const char *why = "";
    enum skp_err err = trust_load(files->ca_file, files->crl_file, &credentials.trust, &why);
    if (err)
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "%s", why);
    else
        *ret_credentials = credentials;
    return err;
}

static enum skp_err check_one(struct credentials *credentials, const struct keypair *keypair,
                              const char *file, enum cert_purpose purpose, int64_t at_ms,
                              struct skp_oin *ret_oin, char *ret_why)
{
    const char *why;
    enum skp_err err = trust_check(credentials->trust, keypair_cert(keypair),
                                   keypair_chain(keypair), purpose, at_ms, &why);
    if (err) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "%s: not usable: %s", file, why);
        return SKP_E_CERTIFICATE;
    }
    if (cert_oin(keypair_cert(keypair), ret_oin)) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES,
                 "%s: the certificate names no valid OIN in Subject.serialNumber", file);
        return SKP_E_CERTIFICATE;
    }
    return SKP_OK;
}

static enum skp_err check_both(const struct credential_files *files, int64_t at_ms,
                               struct credentials *credentials, char *ret_why)
{
    struct skp_oin signer;
    enum skp_err err = check_one(credentials, credentials->tls, files->tls_cert, CERT_TLS_SERVER,
                                 at_ms, &credentials->oin, ret_why);
    if (!err)
        err = check_one(credentials, credentials->signer, files->sign_cert, CERT_SIGNING, at_ms,
                        &signer, ret_why);
    if (!err && !oin_equal(&credentials->oin, &signer)) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "%s and %s name different OINs: %s and %s",
                 files->tls_cert, files->sign_cert, credentials->oin.text, signer.text);
        return SKP_E_CERTIFICATE;
    }
    return err;
}

enum skp_err credentials_load_pairs(const struct credential_files *files, int64_t at_ms,
                                    struct credentials *credentials, char *ret_why)
{
    const char *why = "";
    enum skp_err err = keypair_load(files->tls_cert, files->tls_key, &credentials->tls, &why);
    if (!err)
        err = keypair_load(files->sign_cert, files->sign_key, &credentials->signer, &why);
    if (err)
        snprintf(ret_why, CREDENTIALS_WHY_BYTES, "%s", why);
    else
        err = check_both(files, at_ms, credentials, ret_why);
    if (err)
        drop_pairs(credentials);
    return err;
}

enum skp_err credentials_load(const struct credential_files *files, int64_t at_ms,
                              struct credentials *ret_credentials, char *ret_why)
{
    struct credentials credentials;
    enum skp_err err = credentials_load_trust(files, &credentials, ret_why);
    if (err)
        return err;
    err = credentials_load_pairs(files, at_ms, &credentials, ret_why);
    if (err)
        credentials_fini(&credentials);
    else
        *ret_credentials = credentials;
    return err;
}

void credentials_share_pairs(struct credentials *credentials, const struct credentials *from)
{
    drop_pairs(credentials);
    credentials->tls = keypair_ref(from->tls);
    credentials->signer = keypair_ref(from->signer);
    credentials->oin = from->oin;
}

static int64_t asn1_ms(const ASN1_TIME *time)
{
    struct tm tm;
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return INT64_MAX;
    return (int64_t)timegm(&tm) * 1000;
}

int64_t credentials_not_after_ms(const X509 *cert)
{
    return asn1_ms(X509_get0_notAfter(cert));
}

int64_t credentials_crl_next_update_ms(const struct credentials *credentials)
{
    int64_t first = INT64_MAX;
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust_store(credentials->trust));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        int64_t next = crl != NULL ? asn1_ms(X509_CRL_get0_nextUpdate(crl)) : INT64_MAX;
        if (next < first)
            first = next;
    }
    return first;
}

int64_t credentials_crl_half_life_ms(const struct credentials *credentials)
{
    int64_t first = INT64_MAX;
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust_store(credentials->trust));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        int64_t next = crl != NULL ? asn1_ms(X509_CRL_get0_nextUpdate(crl)) : INT64_MAX;
        if (next == INT64_MAX)
            continue;
        int64_t last = asn1_ms(X509_CRL_get0_lastUpdate(crl));
        int64_t half = last + (next - last) / 2;
        if (half < first)
            first = half;
    }
    return first;
}

/* Both lack it, or both say the same. */
static bool same_extension(const X509_CRL *a, const X509_CRL *b, int nid)
{
    int at_a = X509_CRL_get_ext_by_NID(a, nid, -1);
    int at_b = X509_CRL_get_ext_by_NID(b, nid, -1);
    if (at_a < 0 || at_b < 0)
        return at_a < 0 && at_b < 0;
    return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, at_a)),
                                 X509_EXTENSION_get_data(X509_CRL_get_ext(b, at_b))) == 0;
}

/* A CA that begins again with another key counts from the start. */
static bool same_subject(const X509_CRL *a, const X509_CRL *b)
{
    return X509_CRL_cmp(a, b) == 0 && same_extension(a, b, NID_authority_key_identifier) &&
           same_extension(a, b, NID_issuing_distribution_point) &&
           same_extension(a, b, NID_delta_crl);
}

static bool is_older(const X509_CRL *crl, const X509_CRL *than)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    ASN1_INTEGER *other = X509_CRL_get_ext_d2i(than, NID_crl_number, NULL, NULL);
    int order = number != NULL && other != NULL ? ASN1_INTEGER_cmp(number, other) : 0;
    if (order == 0)
        order = ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_lastUpdate(than));
    ASN1_INTEGER_free(number);
    ASN1_INTEGER_free(other);
    return order < 0;
}

/* Older lists beside one that is new enough do no harm. */
static bool only_older(const X509_CRL *used, struct trust *next)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust_store(next));
    bool older = false;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        if (crl == NULL || !same_subject(crl, used))
            continue;
        if (!is_older(crl, used))
            return false;
        older = true;
    }
    return older;
}

bool credentials_crl_goes_back(struct trust *used, struct trust *next, const char *crl_file,
                               char *ret_why)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust_store(used));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        char name[128] = "";
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        if (crl == NULL || !only_older(crl, next))
            continue;
        X509_NAME_oneline(X509_CRL_get_issuer(crl), name, sizeof name);
        snprintf(ret_why, CREDENTIALS_WHY_BYTES,
                 "%s: the list of revoked certificates of %s is older than the one in use, and "
                 "what was revoked since would be good again: put the newer list back, or a new "
                 "one of that CA",
                 crl_file, name);
        return true;
    }
    return false;
}

int64_t credentials_ca_not_after_ms(const struct credentials *credentials)
{
    int64_t first = INT64_MAX;
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(trust_store(credentials->trust));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        int64_t end = cert != NULL ? credentials_not_after_ms(cert) : INT64_MAX;
        if (end < first)
            first = end;
    }
    return first;
}
