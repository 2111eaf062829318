/* What an operator may choose about TLS, here: TLS 1.2 as well, and two groups. */
#include "log.h"
#include "tls_fixture.h"

#include <stdio.h>

static const struct counters *counters_of(const struct tls_net *tls)
{
    return server_status(tls->net.server).counters;
}

static void tls_1_2_gets_in_where_it_is_switched_on_with_good_suites_only(void **state)
{
    struct tls_net *tls = *state;
    static const char *const bad[] = {"ECDHE-ECDSA-AES256-SHA384", "AES256-GCM-SHA384",
                                      "DHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-CCM8"};
    struct tls_client client;
    struct tls_client_options options = tls_good();
    options.max_version = TLS1_2_VERSION;
    tls_client_open(&client, tls, options);
    assert_true(tls_client_handshake(&client));
    assert_string_equal(SSL_get_version(client.ssl), "TLSv1.2");
    assert_string_equal(SSL_get_cipher(client.ssl), "ECDHE-ECDSA-AES256-GCM-SHA384");
    assert_int_equal(SSL_get_extms_support(client.ssl), 1);
    assert_int_equal(server_status(tls->net.server).sessions, 1);
    tls_client_free(&client);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tls_client_open(&client, tls, options);
        assert_int_equal(SSL_set_cipher_list(client.ssl, bad[i]), 1);
        assert_false(tls_client_handshake(&client));
        tls_client_free(&client);
    }
    tls_client_open_up(&client, tls); /* and whoever can speaks 1.3 */
    assert_string_equal(SSL_get_version(client.ssl), "TLSv1.3");
    tls_client_free(&client);
}

static void tls_1_2_needs_extended_master_secret(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    uint32_t code = 0;
    struct tls_client_options options = tls_good();
    options.max_version = TLS1_2_VERSION;
    options.ssl_options = SSL_OP_NO_EXTENDED_MASTER_SECRET;
    tls_client_open(&client, tls, options);
    assert_true(tls_client_handshake(&client));
    assert_int_equal(tls_client_frame(&client, &code), FRAME_ERROR);
    assert_int_equal(code, SKP_E_IDENTITY_INVALID);
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_VERSION], 1);
    assert_int_equal(counters_of(tls)->sessions_opened, 0);
    tls_client_free(&client);
}

static void tls_1_2_needs_a_certificate_too(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    struct tls_client_options options = tls_good();
    options.max_version = TLS1_2_VERSION;
    options.cert = NULL;
    tls_client_open(&client, tls, options);
    assert_false(tls_client_handshake(&client));
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_NO_CERTIFICATE], 1);
    tls_client_free(&client);
}

static void only_groups_of_the_list_are_agreed_upon(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    assert_false(server_status(tls->net.server).tls_pq_hybrid);
    tls_client_open(&client, tls, tls_good());
    assert_int_equal(SSL_set1_groups_list(client.ssl, "X25519:P-521"), 1);
    assert_false(tls_client_handshake(&client));
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_NO_COMMON_ALGORITHM], 1);
    tls_client_free(&client);
    tls_client_open(&client, tls, tls_good());
    assert_true(tls_client_handshake(&client));
    assert_int_equal(SSL_get_negotiated_group(client.ssl), NID_secp384r1);
    tls_client_free(&client);
}

static unsigned count_lines(struct tls_net *tls, int64_t days, const char *words)
{
    char text[16384] = "";
    unsigned count = 0;
    FILE *stream = fmemopen(text, sizeof text, "w");
    FILE *nowhere = fopen("/dev/null", "w");
    assert_true(stream != NULL && nowhere != NULL);
    log_set_stream(stream);
    net_pass(&tls->net, days * INT64_C(86400000));
    net_pass(&tls->net, 60000); /* and not again the same day */
    log_set_stream(nowhere);
    fclose(stream);
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static void what_ends_soon_is_said_once_a_day_with_file_and_remedy(void **state)
{
    struct tls_net *tls = *state;
    int64_t left_ms =
        server_status(tls->net.server).tls_not_after_ms - clock_real_ms(&tls->net.clock.clock);
    int64_t days = left_ms / 86400000;
    assert_true(days > 61);
    assert_int_equal(count_lines(tls, days - 61, "broker/tls.pem"), 0);
    assert_int_equal(count_lines(tls, 2, "within_days=60"), 2); /* TLS and signing */
    assert_int_equal(count_lines(tls, 1, "get a new TLS certificate"), 1);
    assert_int_equal(count_lines(tls, 29, "within_days=30"), 2);
    assert_int_equal(count_lines(tls, 16, "within_days=14"), 2);
    assert_int_equal(count_lines(tls, 7, "within_days=7"), 2);
}

/* The lists of certs/make begin a day before they are made and end 90 days after. */
static void a_crl_is_told_once_a_day_from_half_of_its_life_on(void **state)
{
    struct tls_net *tls = *state;
    int64_t left_ms =
        server_status(tls->net.server).crl_next_update_ms - clock_real_ms(&tls->net.clock.clock);
    int64_t until_half_ms = left_ms - 91 * INT64_C(86400000) / 2;
    assert_true(until_half_ms > 120000);
    assert_int_equal(count_lines(tls, (until_half_ms - 120000) / 86400000, "crl.pem"), 0);
    for (int day = 0; day < 3; day++)
        assert_int_equal(count_lines(tls, 1, "half of a CRL's life is over"), 1);
    tls_make_certs(tls->folder, "--crl-days 200");
    assert_int_equal(count_lines(tls, 1, "crl.pem"), 1); /* and then the new one is found */
    assert_int_equal(count_lines(tls, 1, "crl.pem"), 0);
}

#define RULES_TEST(name) cmocka_unit_test_setup_teardown(name, tls_setup_tls12, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULES_TEST(tls_1_2_gets_in_where_it_is_switched_on_with_good_suites_only),
        RULES_TEST(tls_1_2_needs_extended_master_secret),
        RULES_TEST(tls_1_2_needs_a_certificate_too),
        RULES_TEST(only_groups_of_the_list_are_agreed_upon),
        RULES_TEST(what_ends_soon_is_said_once_a_day_with_file_and_remedy),
        RULES_TEST(a_crl_is_told_once_a_day_from_half_of_its_life_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
