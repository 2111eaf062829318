/* A CRL's signature is checked once; nothing else about it is taken on trust afterwards. */
#include "tiny_pki.h"

static struct tiny_pki pki;

/* ---------------------------------------------------------------- CRLs that count their checks */

static unsigned signature_checks;

static int verify_and_count(X509_CRL *crl, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    signature_checks++;
    int len = i2d_X509_CRL(crl, &der);
    const uint8_t *at = der;
    X509_CRL_set_default_method(NULL); /* OpenSSL's own, for the copy */
    X509_CRL *copy = d2i_X509_CRL(NULL, &at, len);
    int good = X509_CRL_verify(copy, key);
    X509_CRL_free(copy);
    OPENSSL_free(der);
    return good;
}

static int list_nobody(X509_CRL *crl, X509_REVOKED **ret_entry, const ASN1_INTEGER *serial,
                       const X509_NAME *issuer)
{
    (void)crl, (void)ret_entry, (void)serial, (void)issuer;
    return 0;
}

/* ---------------------------------------------------------------- the scene */

static int set_up(void **state)
{
    (void)state;
    tiny_pki_init(&pki);
    signature_checks = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_pki_fini(&pki);
    return 0;
}

static struct trust *load(void)
{
    struct trust *trust;
    const char *why = NULL;
    assert_ok(trust_load(pki.ca_file, pki.crl_file, &trust, &why));
    return trust;
}

/* Whether a fresh leaf of this CA, below our root, is fine at that time. */
static enum skp_err check_of(struct trust *trust, const struct tiny_ca *ca, int64_t at_s)
{
    const char *why = NULL;
    struct tiny_spec spec = {.from_s = NOW_S - 90 * DAY_S, .until_s = NOW_S + 90 * DAY_S};
    X509 *leaf = tiny_leaf_by(ca, &spec);
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, ca->cert);
    enum skp_err err = trust_check(trust, leaf, chain, CERT_SIGNING, at_s * 1000, &why);
    sk_X509_free(chain);
    X509_free(leaf);
    return err;
}

/* A CA with the name of the sub CA, and its key or one of its own. */
static void namesake_init(struct tiny_ca *ret_ca, bool same_key, const char *key_usage)
{
    *ret_ca = (struct tiny_ca){.key = pki.sub.key};
    if (same_key)
        EVP_PKEY_up_ref(ret_ca->key);
    else
        ret_ca->key = EVP_EC_gen("P-256");
    X509 *cert = tiny_cert(ret_ca->key, NOW_S - 100 * DAY_S, NOW_S + 1000 * DAY_S);
    X509_set_subject_name(cert, X509_get_subject_name(pki.sub.cert));
    X509_set_issuer_name(cert, X509_get_subject_name(pki.root.cert));
    tiny_extend(cert, pki.root.cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    tiny_extend(cert, pki.root.cert, NID_key_usage, key_usage);
    tiny_extend(cert, pki.root.cert, NID_subject_key_identifier, "hash");
    tiny_extend(cert, pki.root.cert, NID_authority_key_identifier, "keyid");
    assert_true(X509_sign(cert, pki.root.key, EVP_sha256()) > 0);
    ret_ca->cert = cert;
}

/* ---------------------------------------------------------------- once */

static void the_signature_of_a_crl_is_checked_once_for_all_chains(void **state)
{
    (void)state;
    X509_CRL_METHOD *counting = X509_CRL_METHOD_new(NULL, NULL, list_nobody, verify_and_count);
    X509_CRL_set_default_method(counting);
    struct trust *trust = load();
    X509_CRL_set_default_method(NULL);
    for (int i = 0; i < 5; i++)
        assert_ok(check_of(trust, &pki.sub, NOW_S));
    assert_int_equal(signature_checks, 2); /* of the root, of the sub CA */
    X509_CRL_set_default_method(counting);
    struct trust *reloaded = load();
    X509_CRL_set_default_method(NULL);
    assert_ok(check_of(reloaded, &pki.sub, NOW_S));
    assert_int_equal(signature_checks, 4); /* what was read again is checked again */
    trust_unref(trust);
    trust_unref(reloaded);
    X509_CRL_METHOD_free(counting);
}

static void a_crl_another_signed_is_refused_each_time(void **state)
{
    (void)state;
    struct tiny_ca forger = {.cert = pki.sub.cert, .key = EVP_EC_gen("P-256")};
    tiny_crl(&forger, NULL, NOW_S + 30 * DAY_S);
    X509_CRL *own = pki.sub.crl;
    pki.sub.crl = forger.crl;
    tiny_write(&pki, true, true);
    pki.sub.crl = own;
    struct trust *trust = load();
    for (int i = 0; i < 3; i++)
        assert_err(check_of(trust, &pki.sub, NOW_S), SKP_E_SIGNER_INVALID);
    trust_unref(trust);
    EVP_PKEY_free(forger.key);
    X509_CRL_free(forger.crl);
}

/* ---------------------------------------------------------------- and never more than that */

static void a_crl_seen_before_still_has_its_time(void **state)
{
    (void)state;
    struct trust *trust = load();
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    assert_ok(check_of(trust, &pki.sub, NOW_S + 30 * DAY_S - 1));
    assert_err(check_of(trust, &pki.sub, NOW_S + 30 * DAY_S + 1), SKP_E_SIGNER_INVALID);
    assert_err(check_of(trust, &pki.sub, NOW_S - DAY_S - 1), SKP_E_SIGNER_INVALID);
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    trust_unref(trust);
}

static void a_crl_seen_before_is_not_that_of_a_namesake_with_another_key(void **state)
{
    (void)state;
    struct tiny_ca namesake;
    struct trust *trust = load();
    namesake_init(&namesake, false, "critical,keyCertSign,cRLSign");
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    assert_err(check_of(trust, &namesake, NOW_S), SKP_E_SIGNER_INVALID);
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    tiny_ca_fini(&namesake);
    trust_unref(trust);
}

static void a_crl_seen_before_needs_a_ca_that_may_sign_lists(void **state)
{
    (void)state;
    struct tiny_ca namesake, silent;
    struct trust *trust = load();
    namesake_init(&namesake, true, "critical,keyCertSign,cRLSign");
    namesake_init(&silent, true, "critical,keyCertSign");
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    assert_ok(check_of(trust, &namesake, NOW_S)); /* the same CA, renewed with its key */
    assert_err(check_of(trust, &silent, NOW_S), SKP_E_SIGNER_INVALID);
    tiny_ca_fini(&namesake);
    tiny_ca_fini(&silent);
    trust_unref(trust);
}

/* A list for CAs only is good for the sub CA, and says nothing about a user right below the root. */
static void a_crl_seen_before_counts_for_its_scope_only(void **state)
{
    (void)state;
    for (int only_cas = 0; only_cas < 2; only_cas++) {
        ISSUING_DIST_POINT *scope = ISSUING_DIST_POINT_new();
        scope->onlyCA = only_cas ? 0xff : 0;
        tiny_crl(&pki.root, NULL, NOW_S + 30 * DAY_S);
        assert_int_equal(
            X509_CRL_add1_ext_i2d(pki.root.crl, NID_issuing_distribution_point, scope, 1, 0), 1);
        ISSUING_DIST_POINT_free(scope);
        assert_true(X509_CRL_sign(pki.root.crl, pki.root.key, EVP_sha256()) > 0);
        tiny_write(&pki, true, true);
        struct trust *trust = load();
        for (int again = 0; again < 2; again++) {
            assert_ok(check_of(trust, &pki.sub, NOW_S));
            assert_int_equal(check_of(trust, &pki.root, NOW_S) == SKP_OK, !only_cas);
        }
        trust_unref(trust);
    }
}

static void a_crl_seen_before_still_lists_whom_it_lists(void **state)
{
    (void)state;
    X509 *leaf = tiny_leaf(&pki, (struct tiny_spec){0});
    tiny_crl(&pki.sub, leaf, NOW_S + 30 * DAY_S);
    tiny_write(&pki, true, true);
    struct trust *trust = load();
    const char *why = NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, pki.sub.cert);
    for (int i = 0; i < 3; i++) {
        assert_ok(check_of(trust, &pki.sub, NOW_S));
        assert_err(trust_check(trust, leaf, chain, CERT_SIGNING, NOW_MS, &why),
                   SKP_E_SIGNER_REVOKED);
        assert_string_equal(why, "certificate revoked");
    }
    sk_X509_free(chain);
    X509_free(leaf);
    trust_unref(trust);
}

/* TLS may hold the store longer than anybody holds the trust. */
static void a_store_outlives_its_trust(void **state)
{
    (void)state;
    struct trust *trust = load();
    X509_STORE *store = trust_store(trust);
    assert_int_equal(X509_STORE_up_ref(store), 1);
    assert_ok(check_of(trust, &pki.sub, NOW_S));
    trust_unref(trust);
    X509 *leaf = tiny_leaf(&pki, (struct tiny_spec){0});
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, pki.sub.cert);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, chain), 1);
    X509_STORE_CTX_set_time(ctx, 0, NOW_S);
    assert_int_equal(X509_verify_cert(ctx), 1);
    X509_STORE_CTX_free(ctx);
    sk_X509_free(chain);
    X509_free(leaf);
    X509_STORE_free(store);
}

#define with_pki(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pki(the_signature_of_a_crl_is_checked_once_for_all_chains),
        with_pki(a_crl_another_signed_is_refused_each_time),
        with_pki(a_crl_seen_before_still_has_its_time),
        with_pki(a_crl_seen_before_is_not_that_of_a_namesake_with_another_key),
        with_pki(a_crl_seen_before_needs_a_ca_that_may_sign_lists),
        with_pki(a_crl_seen_before_counts_for_its_scope_only),
        with_pki(a_crl_seen_before_still_lists_whom_it_lists),
        with_pki(a_store_outlives_its_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
