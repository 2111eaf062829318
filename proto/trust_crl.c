/* One check of a CRL's signature for all chains of a store: the answer is the same each time, and
 * with a CA's long key and a long list it is the dearest part of checking a chain. What depends on
 * the chain or the hour is looked at each time. */
#include "identity_internal.h"

#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

struct signed_crl {
    const X509_CRL *crl; /* of the store, which never changes: the pointer is its name */
    EVP_PKEY *key;       /* under which its signature was good; NULL: not seen yet */
};

/* Lives as long as its store, which TLS may hold longer than the trust it came from. */
struct crl_memo {
    X509_STORE_CTX_check_crl_fn check; /* OpenSSL's own */
    pthread_mutex_t lock;
    size_t count;
    struct signed_crl rows[];
};

static int memo_index = -1;

static void free_memo(void *store, void *ptr, CRYPTO_EX_DATA *data, int index, long number,
                      void *pointer)
{
    struct crl_memo *memo = ptr;
    (void)store, (void)data, (void)index, (void)number, (void)pointer;
    if (memo == NULL)
        return;
    for (size_t i = 0; i < memo->count; i++)
        EVP_PKEY_free(memo->rows[i].key);
    pthread_mutex_destroy(&memo->lock);
    free(memo);
}

static void make_index(void)
{
    memo_index = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, free_memo);
}

/* NULL: the CRL came from elsewhere. */
static struct signed_crl *row_of(struct crl_memo *memo, const X509_CRL *crl)
{
    for (size_t i = 0; i < memo->count; i++) {
        if (memo->rows[i].crl == crl)
            return &memo->rows[i];
    }
    return NULL;
}

static bool is_known(struct crl_memo *memo, const X509_CRL *crl, const EVP_PKEY *key)
{
    pthread_mutex_lock(&memo->lock);
    const struct signed_crl *row = row_of(memo, crl);
    bool known =
        row != NULL && row->key != NULL && (row->key == key || EVP_PKEY_eq(row->key, key) == 1);
    pthread_mutex_unlock(&memo->lock);
    return known;
}

static void remember(struct crl_memo *memo, const X509_CRL *crl, EVP_PKEY *key)
{
    pthread_mutex_lock(&memo->lock);
    struct signed_crl *row = row_of(memo, crl);
    if (row != NULL && EVP_PKEY_up_ref(key) == 1) {
        EVP_PKEY_free(row->key);
        row->key = key;
    }
    pthread_mutex_unlock(&memo->lock);
}

/* The next certificate of the chain, or the root for its own CRL. */
static X509 *issuer_in_chain(X509_STORE_CTX *ctx)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    int above = X509_STORE_CTX_get_error_depth(ctx) + 1;
    int last = sk_X509_num(chain) - 1;
    return sk_X509_value(chain, above < last ? above : last);
}

/* Whether the signature is all that is left to check: the list is of the CA right above, by name
 * and key identifier (OpenSSL names it the current issuer then), which may sign lists; it is a
 * whole one for all of that CA's certificates; and it is of now. Any other list is OpenSSL's to
 * judge. */
static bool only_signature_matters(X509_STORE_CTX *ctx, X509 *issuer, const X509_CRL *crl)
{
    return issuer != NULL && X509_STORE_CTX_get0_current_issuer(ctx) == issuer &&
           X509_get0_pubkey(issuer) != NULL && (X509_get_key_usage(issuer) & KU_CRL_SIGN) != 0 &&
           X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1) < 0 &&
           X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0 &&
           X509_cmp_timeframe(X509_STORE_CTX_get0_param(ctx), X509_CRL_get0_lastUpdate(crl),
                              X509_CRL_get0_nextUpdate(crl)) == 0;
}

static int check_crl(X509_STORE_CTX *ctx, X509_CRL *crl)
{
    struct crl_memo *memo = X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(ctx), memo_index);
    X509 *issuer = issuer_in_chain(ctx);
    if (!only_signature_matters(ctx, issuer, crl))
        return memo->check(ctx, crl);
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    if (is_known(memo, crl, key))
        return 1;
    int good = memo->check(ctx, crl);
    if (good == 1 && X509_STORE_CTX_get_error(ctx) == X509_V_OK) /* no callback overruled it */
        remember(memo, crl, key);
    return good;
}

/* OpenSSL gives its own function only to a context of a store that has no other. */
static X509_STORE_CTX_check_crl_fn own_check(X509_STORE *store)
{
    X509_STORE_CTX_check_crl_fn check = NULL;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx != NULL && X509_STORE_CTX_init(ctx, store, NULL, NULL) == 1)
        check = X509_STORE_CTX_get_check_crl(ctx);
    X509_STORE_CTX_free(ctx);
    return check;
}

static struct crl_memo *memo_new(X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    size_t most = (size_t)sk_X509_OBJECT_num(objects);
    struct crl_memo *memo = calloc(1, sizeof *memo + most * sizeof memo->rows[0]);
    if (memo == NULL)
        return NULL;
    pthread_mutex_init(&memo->lock, NULL);
    for (size_t i = 0; i < most; i++) {
        const X509_CRL *crl = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, (int)i));
        if (crl != NULL)
            memo->rows[memo->count++].crl = crl;
    }
    memo->check = own_check(store);
    return memo;
}

bool trust_remember_crls(X509_STORE *store)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_index);
    struct crl_memo *memo = memo_new(store);
    if (memo == NULL || memo->check == NULL || memo_index < 0 ||
        X509_STORE_set_ex_data(store, memo_index, memo) != 1) {
        free_memo(NULL, memo, NULL, 0, 0, NULL);
        return false;
    }
    X509_STORE_set_check_crl(store, check_crl);
    return true;
}
