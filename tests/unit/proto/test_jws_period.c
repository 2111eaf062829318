/* A signature and the period of its certificate: what is said now, and what was taken then and is
 * shown again. */
#include "tiny_signer.h"

#include "jose.h"

#include <string.h>

#define END_S  (NOW_S + 10 * DAY_S)
#define END_MS (END_S * 1000)

static struct arena arena;
static struct tiny_pki pki;
static struct trust *trust;
static struct keypair *signer;
static const char *why;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    tiny_pki_init(&pki);
    trust = tiny_trust(&pki, NULL);
    signer = tiny_signer(&pki, (struct tiny_spec){.from_s = NOW_S, .until_s = END_S});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    keypair_unref(signer);
    trust_unref(trust);
    tiny_pki_fini(&pki);
    arena_fini(&arena);
    return 0;
}

static const char *const payload = "postzak";

static struct span sign_by(const struct keypair *keypair, int64_t at_ms)
{
    const char *jws;
    assert_ok(jws_sign(keypair, span_text(payload), at_ms, &arena, &jws));
    return span_text(jws);
}

static enum skp_err verify_now(struct jws_cache *cache, struct span jws, int64_t at_ms)
{
    struct jws_signer found;
    why = NULL;
    enum skp_err err = jws_verify(trust, cache, jws, span_text(payload), at_ms, &found, &why);
    assert_true((err == SKP_OK) == (why == NULL));
    return err;
}

static enum skp_err verify_stored(struct jws_cache *cache, struct span jws, int64_t at_ms)
{
    struct jws_signer found;
    why = NULL;
    enum skp_err err =
        jws_verify_stored(trust, cache, jws, span_text(payload), at_ms, &found, &why);
    assert_true((err == SKP_OK) == (why == NULL));
    return err;
}

static void replace_trust(const struct keypair *revoked)
{
    trust_unref(trust);
    trust = tiny_trust(&pki, revoked);
}

/* ---------------------------------------------------------------- now and then */

static void what_is_said_now_needs_a_certificate_of_now(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS);
    assert_ok(verify_now(NULL, jws, NOW_MS));
    assert_ok(verify_now(NULL, jws, END_MS - 1));
    assert_err(verify_now(NULL, jws, END_MS), SKP_E_SIGNER_INVALID);
    assert_string_equal(why, "certificate has expired");
    assert_err(verify_now(NULL, jws, NOW_MS - 1000), SKP_E_SIGNER_INVALID);
    assert_string_equal(why, "certificate is not yet valid");
}

static void what_was_taken_then_is_believed_after_the_end(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS + 1000);
    assert_ok(verify_stored(NULL, jws, NOW_MS + 1000));
    assert_ok(verify_stored(NULL, jws, END_MS));
    assert_ok(verify_stored(NULL, jws, END_MS + 15 * DAY_S * 1000));
    assert_err(verify_stored(NULL, jws, NOW_MS - 1000), SKP_E_SIGNER_INVALID);
}

static void what_was_signed_after_the_end_is_refused_for_ever(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, END_MS);
    assert_err(verify_now(NULL, jws, END_MS - 1), SKP_E_SIGNER_INVALID);
    assert_non_null(strstr(why, "iat"));
    assert_err(verify_stored(NULL, jws, END_MS - 1), SKP_E_SIGNER_INVALID);
    assert_err(verify_stored(NULL, jws, END_MS + 1000), SKP_E_SIGNER_INVALID);
    assert_non_null(strstr(why, "iat"));
    assert_ok(verify_stored(NULL, sign_by(signer, END_MS - 1), END_MS + 1000));
}

static void what_a_slow_clock_signed_is_taken_and_stays_good(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS - 1000);
    assert_ok(verify_now(NULL, jws, NOW_MS));
    assert_ok(verify_stored(NULL, jws, END_MS + 1000));
}

static void the_period_ends_in_the_second_in_which_openssl_ends_it(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS);
    for (int64_t at_ms = END_MS - 2000; at_ms <= END_MS + 2000; at_ms += 500) {
        const char *said = NULL;
        assert_int_equal(verify_now(NULL, jws, at_ms),
                         trust_check(trust, keypair_cert(signer), keypair_chain(signer),
                                     CERT_SIGNING, at_ms, &said));
        assert_true((why == NULL) == (said == NULL));
        if (why != NULL)
            assert_string_equal(why, said);
    }
}

/* ---------------------------------------------------------------- what is never forgiven */

static void who_was_revoked_is_refused_before_the_end_and_after_it(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS);
    replace_trust(signer);
    assert_err(verify_now(NULL, jws, NOW_MS), SKP_E_SIGNER_REVOKED);
    assert_err(verify_stored(NULL, jws, NOW_MS), SKP_E_SIGNER_REVOKED);
    assert_err(verify_stored(NULL, jws, END_MS + 1000), SKP_E_SIGNER_REVOKED);
    assert_err(verify_now(NULL, jws, END_MS + 1000), SKP_E_SIGNER_REVOKED);
}

static void a_list_of_revoked_that_is_stale_forgives_nobody(void **state)
{
    (void)state;
    struct span jws = sign_by(signer, NOW_MS);
    int64_t end_ms = (NOW_S + 30 * DAY_S) * 1000;
    assert_ok(verify_stored(NULL, jws, end_ms - 1000));
    assert_err(verify_stored(NULL, jws, end_ms + 1000), SKP_E_SIGNER_INVALID);
    assert_string_equal(why, "CRL has expired");
}

/* Of the CA above, only its time differs from the one that is fine. */
static void only_the_signers_own_end_is_forgiven(void **state)
{
    (void)state;
    for (int ended = 0; ended < 2; ended++) {
        int64_t until_s = ended ? NOW_S + 5 * DAY_S : NOW_S + 50 * DAY_S;
        ASN1_TIME_set(X509_getm_notAfter(pki.sub.cert), (time_t)until_s);
        assert_true(X509_sign(pki.sub.cert, pki.root.key, EVP_sha256()) > 0);
        struct keypair *below = tiny_signer(&pki, (struct tiny_spec){.until_s = NOW_S + 2 * DAY_S});
        struct span jws = sign_by(below, NOW_MS);
        assert_ok(verify_stored(NULL, jws, NOW_MS + 3 * DAY_S * 1000));
        assert_int_equal(verify_stored(NULL, jws, NOW_MS + 6 * DAY_S * 1000),
                         ended ? SKP_E_SIGNER_INVALID : SKP_OK);
        keypair_unref(below);
    }
}

static void an_expired_certificate_for_another_use_stays_one_for_another_use(void **state)
{
    (void)state;
    struct tiny_spec tls = {.until_s = END_S, .ext_key_usage = "clientAuth"};
    struct tiny_spec nobody = {.until_s = END_S, .oin = ""};
    struct keypair *wrong[] = {tiny_signer(&pki, tls), tiny_signer(&pki, nobody)};
    for (size_t i = 0; i < 2; i++) {
        assert_err(verify_stored(NULL, sign_by(wrong[i], NOW_MS), END_MS), SKP_E_SIGNER_INVALID);
        keypair_unref(wrong[i]);
    }
}

static void a_signature_names_its_certificate_unchecked(void **state)
{
    (void)state;
    struct skp_hash named = {{0}};
    struct skp_hash own = cert_thumbprint(keypair_cert(signer));
    struct span jws = sign_by(signer, END_MS);
    assert_ok(jws_claimed_signer(jws, &named));
    assert_true(hash_equal(&named, &own));
    assert_err(jws_claimed_signer(span_of(jws.data + 4, jws.len - 4), &named), SKP_E_DECODE);
    assert_err(jws_claimed_signer(span_text("e30..AA"), &named), SKP_E_DECODE);
    assert_err(jws_claimed_signer(span_text(""), &named), SKP_E_DECODE);
}

/* ---------------------------------------------------------------- nothing of it is remembered */

static void what_was_believed_of_then_is_not_believed_now(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    struct span jws = sign_by(signer, NOW_MS);
    struct span same_second = sign_by(signer, NOW_MS);
    for (int i = 0; i < 2; i++) {
        assert_ok(verify_stored(cache, jws, END_MS + 1000));
        assert_err(verify_now(cache, jws, END_MS + 1000), SKP_E_SIGNER_INVALID);
        assert_err(verify_now(cache, same_second, END_MS + 1000), SKP_E_SIGNER_INVALID);
    }
    jws_cache_free(cache);
}

static void a_chain_that_was_good_a_moment_ago_ends_in_time(void **state)
{
    (void)state;
    struct jws_cache *cache = jws_cache_new(16);
    struct span jws = sign_by(signer, NOW_MS);
    assert_ok(verify_now(cache, jws, END_MS - 1000));
    assert_err(verify_now(cache, jws, END_MS), SKP_E_SIGNER_INVALID);
    assert_string_equal(why, "certificate has expired");
    assert_err(verify_now(cache, sign_by(signer, END_MS), END_MS), SKP_E_SIGNER_INVALID);
    assert_ok(verify_stored(cache, jws, END_MS));
    jws_cache_free(cache);
}

#define with_signer(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_signer(what_is_said_now_needs_a_certificate_of_now),
        with_signer(what_was_taken_then_is_believed_after_the_end),
        with_signer(what_was_signed_after_the_end_is_refused_for_ever),
        with_signer(what_a_slow_clock_signed_is_taken_and_stays_good),
        with_signer(the_period_ends_in_the_second_in_which_openssl_ends_it),
        with_signer(who_was_revoked_is_refused_before_the_end_and_after_it),
        with_signer(a_list_of_revoked_that_is_stale_forgives_nobody),
        with_signer(only_the_signers_own_end_is_forgiven),
        with_signer(an_expired_certificate_for_another_use_stays_one_for_another_use),
        with_signer(a_signature_names_its_certificate_unchecked),
        with_signer(what_was_believed_of_then_is_not_believed_now),
        with_signer(a_chain_that_was_good_a_moment_ago_ends_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
