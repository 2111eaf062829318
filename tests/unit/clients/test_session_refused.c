/* Brokers that a client refuses, and brokers that refuse a client. */
#include "client_fixture.h"

#include <openssl/x509v3.h>

static void refused_handshake(struct fake *fake)
{
    if (fake_handshake(fake))
        fake_expect_end(fake);
}

/* It is down once with `err` and these words, for good. */
static void expect_refusal(struct contact *contact, enum skp_err err, const char *words)
{
    struct seen *seen = &contact->seen;
    run_until(seen, &seen->downs, 1);
    assert_err(seen->err, err);
    if (strstr(seen->words, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, seen->words);
    run_for(seen, 150);
    assert_int_equal(seen->downs, 1);
    assert_int_equal(skp_timeout_ms(seen->client), -1);
    assert_int_equal(seen->welcomes, 0);
    close_contact(contact);
}

static void a_broker_with_another_oin_is_refused(void **state)
{
    (void)state;
    struct contact contact = {0};
    begin_contact(&contact, refused_handshake);
    contact.config.broker_oin = "00000099000000000002";
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    expect_refusal(&contact, SKP_E_CERTIFICATE,
                   "is of 00000099000000000001, the broker should be 00000099000000000002");
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    (void)state;
    struct contact contact = {0};
    begin_contact(&contact, refused_handshake);
    contact.config.host = "127.0.0.2";
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    expect_refusal(&contact, SKP_E_CERTIFICATE, "IP address mismatch");
}

static void a_participant_cannot_play_broker(void **state)
{
    (void)state;
    struct contact contact = {
        .fake.cert_file = path_of("participants/%s/tls.pem", CREDITOR),
        .fake.key_file = path_of("participants/%s/tls.key", CREDITOR),
    };
    begin_contact(&contact, refused_handshake);
    contact.config.broker_oin = CREDITOR;
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    expect_refusal(&contact, SKP_E_CERTIFICATE, "certificate purpose");
}

static void a_crl_that_ran_out_refuses_the_broker(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, refused_handshake);
    contact.seen.clock_ahead_ms = 200LL * 24 * 3600 * 1000;
    expect_refusal(&contact, SKP_E_CERTIFICATE, "CRL has expired");
}

/* A broker's certificate by itself: right OIN, right host, nobody vouches. */
static SSL_CTX *self_made_tls(void)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_ASC, (const unsigned char *)BROKER,
                               -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_EXTENSION *host = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(cert, host, -1);
    X509_EXTENSION_free(host);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    SSL_CTX_use_certificate(tls, cert);
    SSL_CTX_use_PrivateKey(tls, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return tls;
}

static void a_certificate_of_another_ca_is_refused(void **state)
{
    (void)state;
    struct contact contact = {.fake.other_tls = self_made_tls()};
    open_contact(&contact, refused_handshake);
    expect_refusal(&contact, SKP_E_CERTIFICATE, "self-signed");
}

static void a_server_that_speaks_something_else_is_refused(void **state)
{
    (void)state;
    struct contact contact = {.fake.alpn = "http/1.1"};
    open_contact(&contact, refused_handshake);
    expect_refusal(&contact, SKP_E_VERSION_UNSUPPORTED, "does not speak skp/1");
}

static void refuse_client_certificate(struct fake *fake)
{
    SSL_CTX_set_cert_store(fake->tls, X509_STORE_new()); /* trusts nobody */
    refused_handshake(fake);
    if (fake->ssl != NULL)
        fake_hang_up(fake);
}

static void a_refused_client_certificate_is_named_as_the_reason(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, refuse_client_certificate);
    expect_refusal(&contact, SKP_E_CERTIFICATE, "the broker refused our certificate: unknown CA");
}

static void say_not_registered(struct fake *fake)
{
    fake_handshake(fake);
    fake_expect(fake, FRAME_HELLO);
    fake_error(fake, SKP_E_NOT_REGISTERED, NULL, 0);
    fake_goodbye(fake);
}

static void an_error_instead_of_welcome_is_final_when_its_class_says_so(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, say_not_registered);
    expect_refusal(&contact, SKP_E_NOT_REGISTERED, "not a participant");
}

static void strike_off(struct fake *fake)
{
    fake_session(fake);
    fake_error(fake, SKP_E_NOT_REGISTERED, NULL, 0);
    fake_goodbye(fake);
}

static void a_participant_that_is_struck_off_stops_trying(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, strike_off);
    run_until(&contact.seen, &contact.seen.downs, 1);
    assert_err(contact.seen.err, SKP_E_NOT_REGISTERED);
    assert_int_equal(skp_timeout_ms(contact.seen.client), -1);
    struct envelope_batch batch = {0};
    assert_err(skp_send(contact.seen.client, &batch, NULL), SKP_E_NOT_CONNECTED);
    close_contact(&contact);
}

static void take_us_for_another(struct fake *fake)
{
    fake_handshake(fake);
    fake_expect(fake, FRAME_HELLO);
    fake_welcome(fake, CREDITOR);
    fake_expect_end(fake);
}

static void a_welcome_for_somebody_else_is_refused(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, take_us_for_another);
    expect_refusal(&contact, SKP_E_IDENTITY_INVALID, "somebody else");
}

static void own_files_that_do_not_fit_are_refused_in_words(void **state)
{
    (void)state;
    struct fake fake = {.port = 1};
    struct seen seen = {0};
    const char *why = "";
    struct skp_config config = config_for(&fake);
    config.sign_cert_file = path_of("participants/%s/sign.pem", CREDITOR);
    config.sign_key_file = path_of("participants/%s/sign.key", CREDITOR);
    assert_err(skp_client_new(&config, &plain_callbacks, &seen, &seen.client, &why),
               SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "different organisations"));
    config = config_for(&fake);
    seen.clock_ahead_ms = 200LL * 24 * 3600 * 1000;
    assert_err(skp_client_new(&config, &plain_callbacks, &seen, &seen.client, &why),
               SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "tls.pem: CRL has expired"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_with_another_oin_is_refused),
        cmocka_unit_test(a_certificate_for_another_host_is_refused),
        cmocka_unit_test(a_participant_cannot_play_broker),
        cmocka_unit_test(a_crl_that_ran_out_refuses_the_broker),
        cmocka_unit_test(a_certificate_of_another_ca_is_refused),
        cmocka_unit_test(a_server_that_speaks_something_else_is_refused),
        cmocka_unit_test(a_refused_client_certificate_is_named_as_the_reason),
        cmocka_unit_test(an_error_instead_of_welcome_is_final_when_its_class_says_so),
        cmocka_unit_test(a_participant_that_is_struck_off_stops_trying),
        cmocka_unit_test(a_welcome_for_somebody_else_is_refused),
        cmocka_unit_test(own_files_that_do_not_fit_are_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
