#include "tiny_pki.h"

#include "bytes.h"

static struct tiny_pki pki;

static int set_up(void **state)
{
    (void)state;
    tiny_pki_init(&pki);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tiny_pki_fini(&pki);
    return 0;
}

static struct trust *load(bool with_crl)
{
    struct trust *trust;
    const char *why = NULL;
    assert_ok(trust_load(pki.ca_file, with_crl ? pki.crl_file : NULL, &trust, &why));
    return trust;
}

/* Takes `leaf`. */
static enum skp_err check_at(struct trust *trust, X509 *leaf, enum cert_purpose purpose,
                             int64_t at_ms)
{
    const char *why = NULL;
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, pki.sub.cert);
    enum skp_err err = trust_check(trust, leaf, chain, purpose, at_ms, &why);
    assert_true((err == SKP_OK) == (why == NULL));
    sk_X509_free(chain);
    X509_free(leaf);
    return err;
}

static enum skp_err check(struct tiny_spec spec, enum cert_purpose purpose)
{
    struct trust *trust = load(true);
    enum skp_err err = check_at(trust, tiny_leaf(&pki, spec), purpose, NOW_MS);
    trust_unref(trust);
    return err;
}

static enum skp_err oin_of(struct tiny_spec spec, struct skp_oin *ret_oin)
{
    X509 *leaf = tiny_leaf(&pki, spec);
    enum skp_err err = cert_oin(leaf, ret_oin);
    X509_free(leaf);
    return err;
}

/* ---------------------------------------------------------------- the OIN */

static void the_oin_is_the_serial_number_of_the_subject(void **state)
{
    (void)state;
    struct skp_oin oin;
    assert_ok(oin_of((struct tiny_spec){.oin = "0000000ABCXYZ0001000"}, &oin));
    assert_string_equal(oin.text, "0000000ABCXYZ0001000");
}

static void a_certificate_without_exactly_one_good_oin_is_nobody(void **state)
{
    (void)state;
    static const struct tiny_spec bad[] = {
        {.oin = ""},
        {.oin = "0000009900000000100"},
        {.oin = "000000990000000010000"},
        {.oin = "0000009900000000100a"},
        {.oin = "0000009900000000100 "},
        {.second_oin = "00000099000000002000"},
        {.second_oin = "00000099000000001000"},
        {.oin_type = V_ASN1_UTF8STRING},
        {.oin_type = V_ASN1_IA5STRING},
        {.oin_type = V_ASN1_BMPSTRING},
    };
    struct skp_oin oin = {"untouched"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_err(oin_of(bad[i], &oin), SKP_E_IDENTITY_INVALID);
        assert_string_equal(oin.text, "untouched");
    }
}

/* ---------------------------------------------------------------- purpose */

static const struct tiny_spec tls_client = {.ext_key_usage = "clientAuth"};
static const struct tiny_spec tls_server = {.ext_key_usage = "serverAuth"};
static const struct tiny_spec signing = {.key_usage = "critical,digitalSignature,nonRepudiation"};
static const struct tiny_spec agreement = {.key_usage = "critical,keyAgreement"};
static const struct tiny_spec encipherment = {.key_usage = "critical,keyEncipherment",
                                              .rsa_bits = 3072};

static void a_good_certificate_is_good_for_its_purpose(void **state)
{
    (void)state;
    assert_ok(check(tls_client, CERT_TLS_CLIENT));
    assert_ok(check(tls_server, CERT_TLS_SERVER));
    assert_ok(check(signing, CERT_SIGNING));
    assert_ok(check(agreement, CERT_ENCRYPTION));
    assert_ok(check(encipherment, CERT_ENCRYPTION));
}

static void a_certificate_is_good_for_nothing_else(void **state)
{
    (void)state;
    assert_err(check(tls_client, CERT_TLS_SERVER), SKP_E_CERTIFICATE);
    assert_err(check(tls_client, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check(tls_server, CERT_TLS_CLIENT), SKP_E_CERTIFICATE);
    assert_err(check(tls_server, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check(signing, CERT_TLS_CLIENT), SKP_E_CERTIFICATE);
    assert_err(check(signing, CERT_ENCRYPTION), SKP_E_CERTIFICATE);
    assert_err(check(agreement, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check(agreement, CERT_TLS_CLIENT), SKP_E_CERTIFICATE);
}

static void a_certificate_that_does_not_say_what_it_is_for_is_refused(void **state)
{
    (void)state;
    struct tiny_spec silent = {.key_usage = ""};
    struct tiny_spec anything = {.ext_key_usage = "anyExtendedKeyUsage"};
    assert_err(check(silent, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check(silent, CERT_ENCRYPTION), SKP_E_CERTIFICATE);
    assert_err(check(silent, CERT_TLS_CLIENT), SKP_E_CERTIFICATE);
    assert_err(check(anything, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check(anything, CERT_TLS_SERVER), SKP_E_CERTIFICATE);
}

static void an_rsa_key_does_not_agree_and_an_ec_key_does_not_encipher(void **state)
{
    (void)state;
    struct tiny_spec rsa = {.key_usage = "critical,keyAgreement", .rsa_bits = 3072};
    struct tiny_spec ec = {.key_usage = "critical,keyEncipherment"};
    assert_err(check(rsa, CERT_ENCRYPTION), SKP_E_CERTIFICATE);
    assert_err(check(ec, CERT_ENCRYPTION), SKP_E_CERTIFICATE);
}

static void a_ca_is_no_participant(void **state)
{
    (void)state;
    struct tiny_spec ca = {.constraints = "critical,CA:TRUE",
                           .key_usage = "critical,digitalSignature,keyCertSign"};
    assert_err(check(ca, CERT_SIGNING), SKP_E_SIGNER_INVALID);
}

/* ---------------------------------------------------------------- strength, time, chain */

static void weak_keys_and_hashes_are_refused(void **state)
{
    (void)state;
    assert_err(check((struct tiny_spec){.rsa_bits = 2048}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check((struct tiny_spec){.curve = "P-224"}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check((struct tiny_spec){.digest = "SHA1"}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_err(check((struct tiny_spec){.digest = "SHA224"}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    assert_ok(check((struct tiny_spec){.rsa_bits = 3072}, CERT_SIGNING));
    assert_ok(check((struct tiny_spec){.curve = "P-384", .digest = "SHA384"}, CERT_SIGNING));
}

static void a_certificate_counts_from_its_first_to_its_last_second(void **state)
{
    (void)state;
    struct trust *trust = load(true);
    struct tiny_spec spec = {.from_s = NOW_S, .until_s = NOW_S + 10};
    int64_t last_ms = NOW_MS + 10000;
    assert_err(check_at(trust, tiny_leaf(&pki, spec), CERT_SIGNING, NOW_MS - 1000),
               SKP_E_SIGNER_INVALID);
    assert_ok(check_at(trust, tiny_leaf(&pki, spec), CERT_SIGNING, NOW_MS));
    assert_ok(check_at(trust, tiny_leaf(&pki, spec), CERT_SIGNING, last_ms - 1000));
    assert_err(check_at(trust, tiny_leaf(&pki, spec), CERT_SIGNING, last_ms + 1000),
               SKP_E_SIGNER_INVALID);
    trust_unref(trust);
}

static void a_chain_that_misses_its_middle_or_ends_elsewhere_is_refused(void **state)
{
    (void)state;
    struct tiny_pki other;
    const char *why = NULL;
    struct trust *trust = load(true);
    tiny_pki_init(&other);
    X509 *leaf = tiny_leaf(&pki, (struct tiny_spec){0});
    X509 *foreign = tiny_leaf(&other, (struct tiny_spec){0});
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, other.sub.cert);
    sk_X509_push(chain, other.root.cert);
    assert_err(trust_check(trust, leaf, NULL, CERT_SIGNING, NOW_MS, &why), SKP_E_SIGNER_INVALID);
    assert_non_null(why);
    assert_err(trust_check(trust, foreign, chain, CERT_SIGNING, NOW_MS, &why),
               SKP_E_SIGNER_INVALID);
    sk_X509_free(chain);
    X509_free(leaf);
    X509_free(foreign);
    tiny_pki_fini(&other);
    trust_unref(trust);
}

static void a_sub_ca_cannot_make_another_ca(void **state)
{
    (void)state;
    const char *why = NULL;
    struct tiny_ca deeper;
    struct tiny_spec good = {0};
    struct trust *trust = load(false);
    tiny_ca_init(&deeper, &pki.sub, "TEST Deeper", "critical,CA:TRUE");
    X509 *leaf = tiny_leaf_by(&deeper, &good);
    STACK_OF(X509) *chain = sk_X509_new_null();
    sk_X509_push(chain, deeper.cert);
    sk_X509_push(chain, pki.sub.cert);
    assert_err(trust_check(trust, leaf, chain, CERT_SIGNING, NOW_MS, &why), SKP_E_SIGNER_INVALID);
    assert_non_null(strstr(why, "path length"));
    sk_X509_free(chain);
    X509_free(leaf);
    tiny_ca_fini(&deeper);
    trust_unref(trust);
}

/* ---------------------------------------------------------------- revocation */

static void a_revoked_certificate_is_refused(void **state)
{
    (void)state;
    X509 *leaf = tiny_leaf(&pki, (struct tiny_spec){0});
    tiny_crl(&pki.sub, leaf, NOW_S + 30 * DAY_S);
    tiny_write(&pki, true, true);
    struct trust *trust = load(true);
    X509_up_ref(leaf);
    assert_err(check_at(trust, leaf, CERT_SIGNING, NOW_MS), SKP_E_SIGNER_REVOKED);
    trust_unref(trust);
    trust = load(false);
    assert_ok(check_at(trust, leaf, CERT_SIGNING, NOW_MS));
    trust_unref(trust);
}

static void a_missing_crl_of_either_level_refuses_everybody(void **state)
{
    (void)state;
    tiny_write(&pki, true, false);
    assert_err(check((struct tiny_spec){0}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    tiny_write(&pki, false, true);
    assert_err(check((struct tiny_spec){0}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
    tiny_write(&pki, true, true);
    assert_ok(check((struct tiny_spec){0}, CERT_SIGNING));
}

static void a_crl_past_its_next_update_refuses_everybody(void **state)
{
    (void)state;
    tiny_crl(&pki.sub, NULL, NOW_S - 10);
    tiny_write(&pki, true, true);
    assert_err(check((struct tiny_spec){0}, CERT_SIGNING), SKP_E_SIGNER_INVALID);
}

/* ---------------------------------------------------------------- files */

static void a_trust_of_unusable_files_says_which_and_why(void **state)
{
    (void)state;
    struct trust *trust = NULL;
    const char *why = NULL;
    assert_err(trust_load("/nonexistent/ca.pem", NULL, &trust, &why), SKP_E_CERTIFICATE);
    assert_string_equal(why, "/nonexistent/ca.pem: cannot be opened");
    assert_err(trust_load(pki.crl_file, NULL, &trust, &why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, pki.crl_file));
    assert_err(trust_load(pki.ca_file, pki.ca_file, &trust, &why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "CRL"));
    tiny_write(&pki, false, false);
    assert_err(trust_load(pki.ca_file, pki.crl_file, &trust, &why), SKP_E_CERTIFICATE);
    assert_null(trust);
}

static void a_damaged_second_certificate_is_not_skipped(void **state)
{
    (void)state;
    struct trust *trust = NULL;
    const char *why = NULL;
    FILE *file = fopen(pki.ca_file, "a");
    fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
    fclose(file);
    assert_err(trust_load(pki.ca_file, NULL, &trust, &why), SKP_E_CERTIFICATE);
}

static void every_trust_has_a_generation_of_its_own(void **state)
{
    (void)state;
    struct trust *first = load(true);
    uint64_t generation = trust_generation(first);
    trust_unref(trust_ref(first));
    trust_unref(first);
    struct trust *second = load(true);
    assert_true(trust_generation(second) > generation);
    trust_unref(second);
}

#define COUNSELLOR TEST_CERTS "/participants/00000099000000001000/"

static void a_keypair_is_a_key_with_its_own_chain(void **state)
{
    (void)state;
    struct keypair *keypair = NULL;
    struct skp_oin oin;
    X509 *again;
    const char *why = NULL;
    assert_ok(keypair_load(COUNSELLOR "sign.pem", COUNSELLOR "sign.key", &keypair, &why));
    assert_int_equal(sk_X509_num(keypair_chain(keypair)), 2);
    assert_ptr_equal(sk_X509_value(keypair_chain(keypair), 0), keypair_cert(keypair));
    assert_int_equal(EVP_PKEY_eq(keypair_key(keypair), X509_get0_pubkey(keypair_cert(keypair))), 1);
    assert_ok(cert_oin(keypair_cert(keypair), &oin));
    assert_string_equal(oin.text, "00000099000000001000");
    assert_ok(cert_parse(keypair_der(keypair), &again));
    assert_int_equal(X509_cmp(again, keypair_cert(keypair)), 0);
    X509_free(again);
    keypair_unref(keypair_ref(keypair));
    keypair_unref(keypair);
    keypair_unref(NULL);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    (void)state;
    struct keypair *keypair = NULL;
    const char *why = NULL;
    assert_err(keypair_load(COUNSELLOR "sign.pem", COUNSELLOR "tls.key", &keypair, &why),
               SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "tls.key"));
    assert_err(keypair_load(COUNSELLOR "sign.pem", COUNSELLOR "sign.pem", &keypair, &why),
               SKP_E_CERTIFICATE);
    assert_err(keypair_load(COUNSELLOR "sign.pem", "/nonexistent.key", &keypair, &why),
               SKP_E_CERTIFICATE);
    assert_err(keypair_load(COUNSELLOR "sign.key", COUNSELLOR "sign.key", &keypair, &why),
               SKP_E_CERTIFICATE);
    assert_null(keypair);
}

static void a_certificate_is_read_whole_and_with_nothing_behind_it(void **state)
{
    (void)state;
    uint8_t der[CERT_MAX_BYTES + 1] = {0};
    uint8_t *end = der;
    X509 *cert = NULL;
    X509 *leaf = tiny_leaf(&pki, (struct tiny_spec){0});
    size_t len = (size_t)i2d_X509(leaf, &end);
    assert_ok(cert_parse(span_of(der, len), &cert));
    struct skp_hash a = cert_thumbprint(cert);
    struct skp_hash b = cert_thumbprint(leaf);
    assert_true(hash_equal(&a, &b));
    X509_free(cert);
    X509_free(leaf);
    assert_err(cert_parse(span_of(der, len - 1), &cert), SKP_E_CERTIFICATE);
    assert_err(cert_parse(span_of(der, len + 1), &cert), SKP_E_CERTIFICATE);
    assert_err(cert_parse(span_of(der, sizeof der), &cert), SKP_E_CERTIFICATE);
    assert_err(cert_parse(span_of(NULL, 0), &cert), SKP_E_CERTIFICATE);
}

#define with_pki(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_pki(the_oin_is_the_serial_number_of_the_subject),
        with_pki(a_certificate_without_exactly_one_good_oin_is_nobody),
        with_pki(a_good_certificate_is_good_for_its_purpose),
        with_pki(a_certificate_is_good_for_nothing_else),
        with_pki(a_certificate_that_does_not_say_what_it_is_for_is_refused),
        with_pki(an_rsa_key_does_not_agree_and_an_ec_key_does_not_encipher),
        with_pki(a_ca_is_no_participant),
        with_pki(weak_keys_and_hashes_are_refused),
        with_pki(a_certificate_counts_from_its_first_to_its_last_second),
        with_pki(a_chain_that_misses_its_middle_or_ends_elsewhere_is_refused),
        with_pki(a_sub_ca_cannot_make_another_ca),
        with_pki(a_revoked_certificate_is_refused),
        with_pki(a_missing_crl_of_either_level_refuses_everybody),
        with_pki(a_crl_past_its_next_update_refuses_everybody),
        with_pki(a_trust_of_unusable_files_says_which_and_why),
        with_pki(a_damaged_second_certificate_is_not_skipped),
        with_pki(every_trust_has_a_generation_of_its_own),
        with_pki(a_keypair_is_a_key_with_its_own_chain),
        with_pki(a_key_of_another_certificate_is_refused),
        with_pki(a_certificate_is_read_whole_and_with_nothing_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
