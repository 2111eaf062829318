#include "fake_broker.h"

#include "random.h"

#include <openssl/x509v3.h>

static void welcome_and_wait(struct fake *fake)
{
    fake_session(fake);
    fake_expect_end(fake);
}

static void the_session_is_up_after_welcome(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, welcome_and_wait);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.welcomes, 1);
    assert_string_equal(skp_self(seen.client)->text, MUNICIPALITY);
    assert_string_equal(skp_broker(seen.client)->text, BROKER);
    assert_int_equal(seen.downs, 0);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void a_name_is_tried_at_each_of_its_addresses(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, welcome_and_wait); /* on IPv4 only */
    struct skp_config config = config_for(&fake);
    config.host = "localhost";
    config.broker_oin = NULL;
    open_client(&seen, &config, &plain_callbacks);
    assert_string_equal(skp_broker(seen.client)->text, "");
    run_until(&seen, &seen.welcomes, 1);
    assert_string_equal(skp_broker(seen.client)->text, BROKER);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void handshake_and_wait(struct fake *fake)
{
    fake_handshake(fake);
    fake_expect(fake, FRAME_HELLO);
    fake_expect_end(fake);
}

static void a_finished_handshake_is_not_up_yet(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, handshake_and_wait);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_for(&seen, 300);
    assert_int_equal(seen.welcomes, 0);
    assert_int_equal(skp_extend(seen.client, "", NULL, 0, 1), SKP_E_NOT_CONNECTED);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

/* ---------------------------------------------------------------- refused brokers */

static void refused_handshake(struct fake *fake)
{
    if (fake_handshake(fake))
        fake_expect_end(fake);
}

/* Connects once and expects to be down with `err` and these words, for good. */
static void expect_refusal(struct fake *fake, struct skp_config *config, struct seen *seen,
                           enum skp_err err, const char *words)
{
    config->port = fake->port;
    run_until(seen, &seen->downs, 1);
    assert_err(seen->err, err);
    if (strstr(seen->words, words) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", words, seen->words);
    run_for(seen, 150);
    assert_int_equal(seen->downs, 1);
    assert_int_equal(skp_timeout_ms(seen->client), -1);
    assert_int_equal(seen->welcomes, 0);
    skp_client_free(seen->client);
    fake_stop(fake);
}

static void a_broker_with_another_oin_is_refused(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    config.broker_oin = "00000099000000000002";
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE,
                   "is of 00000099000000000001, the broker should be 00000099000000000002");
}

static void a_certificate_for_another_host_is_refused(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    config.host = "127.0.0.2";
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE, "IP address mismatch");
}

static void a_participant_cannot_play_broker(void **state)
{
    (void)state;
    struct fake fake = {
        .cert_file = path_of("participants/%s/tls.pem", CREDITOR),
        .key_file = path_of("participants/%s/tls.key", CREDITOR),
    };
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    config.broker_oin = CREDITOR;
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE, "certificate purpose");
}

static void a_crl_that_ran_out_refuses_the_broker(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    seen.clock_ahead_ms = 200LL * 24 * 3600 * 1000;
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE, "CRL has expired");
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
    struct fake fake = {.other_tls = self_made_tls()};
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE, "self-signed");
}

static void a_server_that_speaks_something_else_is_refused(void **state)
{
    (void)state;
    struct fake fake = {.alpn = "http/1.1"};
    struct seen seen = {0};
    fake_start(&fake, refused_handshake);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_VERSION_UNSUPPORTED, "does not speak skp/1");
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
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, refuse_client_certificate);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_CERTIFICATE,
                   "the broker refused our certificate: unknown CA");
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
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, say_not_registered);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_NOT_REGISTERED, "not a participant");
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
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, strike_off);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.downs, 1);
    assert_err(seen.err, SKP_E_NOT_REGISTERED);
    assert_int_equal(skp_timeout_ms(seen.client), -1);
    struct envelope_batch batch = {0};
    assert_err(skp_send(seen.client, &batch, NULL), SKP_E_NOT_CONNECTED);
    skp_client_free(seen.client);
    fake_stop(&fake);
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
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, take_us_for_another);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    expect_refusal(&fake, &config, &seen, SKP_E_IDENTITY_INVALID, "somebody else");
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

/* ---------------------------------------------------------------- reconnecting */

static void always_99(void *ctx, void *ret_bytes, size_t len)
{
    (void)ctx;
    memset(ret_bytes, 0, len);
    *(uint8_t *)ret_bytes = 99;
}

static void nobody_listening_is_tried_again_after_a_pause(void **state)
{
    (void)state;
    struct fake fake = {.port = 1};
    struct seen seen = {0};
    struct skp_config config = config_for(&fake);
    random_steer(always_99, NULL);
    open_client(&seen, &config, &plain_callbacks);
    int64_t begun_at_ms = monotonic_ms();
    while (seen.downs < 3)
        skp_process(seen.client); /* however often it is called */
    random_steer(NULL, NULL);
    assert_in_range(monotonic_ms() - begun_at_ms, 195, 2000);
    assert_err(seen.err, SKP_E_NOT_CONNECTED);
    assert_non_null(strstr(seen.words, "Connection refused"));
    skp_client_free(seen.client);
}

static void crash_three_times(struct fake *fake)
{
    fake_accept(fake); /* before the handshake */
    fake_hang_up(fake);
    fake_handshake(fake); /* before Welcome */
    fake_expect(fake, FRAME_HELLO);
    fake_hang_up(fake);
    fake_session(fake); /* after it */
    fake_hang_up(fake);
    welcome_and_wait(fake);
}

static void a_session_comes_back_after_crashes(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, crash_three_times);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.welcomes, 2);
    assert_int_equal(seen.downs, 3);
    assert_err(seen.err, SKP_E_NOT_CONNECTED);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void go_away_for_a_while(struct fake *fake)
{
    fake_session(fake);
    fake_going_away(fake, 700);
    fake_expect_end(fake);
    welcome_and_wait(fake);
}

static void going_away_is_respected(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, go_away_for_a_while);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.downs, 1);
    assert_err(seen.err, SKP_E_GOING_AWAY);
    assert_string_equal(seen.words, "maintenance");
    int64_t down_at_ms = monotonic_ms();
    run_until(&seen, &seen.welcomes, 2);
    assert_true(monotonic_ms() - down_at_ms >= 690);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void fall_silent(struct fake *fake)
{
    fake->limits.idle_seconds = 1;
    fake_session(fake);
    Skp__V1__Ping *ping = fake_expect(fake, FRAME_PING);
    Skp__V1__Pong pong;
    skp__v1__pong__init(&pong);
    pong.nonce = ping->nonce;
    fake_send(fake, FRAME_PONG, &pong.base);
    fake_expect(fake, FRAME_PING);
    fake_expect_end(fake);
}

static void silence_is_broken_by_ping_and_ended_by_reconnect(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, fall_silent);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.downs, 1);
    assert_err(seen.err, SKP_E_IDLE_TIMEOUT);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void keep_talking(struct fake *fake)
{
    fake->limits.idle_seconds = 1;
    fake_session(fake);
    Skp__V1__Pong pong;
    skp__v1__pong__init(&pong);
    for (int i = 0; i < 15; i++, usleep(100000))
        fake_send(fake, FRAME_PONG, &pong.base);
    fake_expect_end(fake);
}

static void a_host_that_was_busy_does_not_blame_the_broker(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    fake_start(&fake, keep_talking);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    run_until(&seen, &seen.welcomes, 1);
    usleep(1200000);
    run_for(&seen, 100);
    assert_int_equal(seen.downs, 0);
    skp_client_free(seen.client);
    fake_stop(&fake);
}

static void pauses_grow_to_thirty_seconds_and_stay_random(void **state)
{
    (void)state;
    int64_t longest = 0, shortest = INT64_MAX;
    for (int i = 0; i < 2000; i++) {
        assert_in_range(client_pause_ms(0), 1, RETRY_FIRST_MS);
        assert_in_range(client_pause_ms(3), 1, 8 * RETRY_FIRST_MS);
        int64_t pause = client_pause_ms(i % 2 ? 1000 : 12);
        assert_in_range(pause, 1, RETRY_MAX_MS);
        longest = pause > longest ? pause : longest;
        shortest = pause < shortest ? pause : shortest;
    }
    assert_true(longest > 25000 && shortest < 5000);
}

static void writing_to_a_closed_connection_raises_no_signal(void **state)
{
    (void)state;
    int fds[2];
    struct fake fake = {.port = 1};
    struct seen seen = {0};
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    BIO *bio = BIO_new(seen.client->socket_method);
    BIO_set_fd(bio, fds[0], BIO_CLOSE);
    assert_true(BIO_write(bio, "x", 1) < 0); /* and we are still here */
    BIO_free(bio);
    skp_client_free(seen.client);
}

/* ---------------------------------------------------------------- frames */

static void speak_in_single_bytes(struct fake *fake)
{
    fake->piece_bytes = 1;
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    ping.nonce = 77;
    fake_send(fake, FRAME_PING, &ping.base);
    Skp__V1__Pong *pong = fake_expect(fake, FRAME_PONG);
    if (pong->nonce != 77)
        fake_die("another nonce");
    fake_goodbye(fake);
}

static void a_frame_survives_single_bytes(void **state)
{
    (void)state;
    struct fake fake = {0};
    struct seen seen = {0};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    fake_start(&fake, speak_in_single_bytes);
    struct skp_config config = config_for(&fake);
    open_client(&seen, &config, &plain_callbacks);
    struct envelope_batch batch = small_batch(&arena, skp_signer(seen.client));
    assert_ok(skp_send(seen.client, &batch, NULL));
    run_until(&seen, &seen.reports, 1);
    assert_int_equal(seen.report_err, SKP_OK);
    run_until(&seen, &seen.downs, 1);
    skp_client_free(seen.client);
    fake_stop(&fake);
    arena_fini(&arena);
}

static void send_raw(struct fake *fake)
{
    const struct span *raw = fake->ctx;
    fake_session(fake);
    fake_write(fake, raw->data, raw->len);
    fake_expect_end(fake);
}

static void bad_frames_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum skp_err err;
    } cases[] = {
        {"\0\0\0\0", 4, SKP_E_FRAME_EMPTY},
        {"\xff\xff\xff\xff\x03\0", 6, SKP_E_FRAME_TOO_LARGE},
        {"\0\0\0\x02\x7f\0", 6, SKP_E_FRAME_TYPE_UNKNOWN},
        {"\0\0\0\x02\x03\x01", 6, SKP_E_FRAME_FLAGS},
        {"\0\0\0\x02\x10\0", 6, SKP_E_PROTOCOL_STATE},        /* Begin, which only clients say */
        {"\0\0\0\x02\x02\0", 6, SKP_E_PROTOCOL_STATE},        /* a second Welcome */
        {"\0\0\0\x04\x04\0\x78\x01", 8, SKP_E_UNKNOWN_FIELD}, /* Pong with field 15 */
        {"\0\0\0\x04\x04\0\x08\x80", 8, SKP_E_DECODE},        /* a varint that does not end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span raw = span_of(cases[i].bytes, cases[i].len);
        struct fake fake = {.ctx = &raw};
        struct seen seen = {0};
        fake_start(&fake, send_raw);
        struct skp_config config = config_for(&fake);
        open_client(&seen, &config, &plain_callbacks);
        run_until(&seen, &seen.downs, 1);
        assert_err(seen.err, cases[i].err);
        skp_client_free(seen.client);
        fake_stop(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_session_is_up_after_welcome),
        cmocka_unit_test(a_name_is_tried_at_each_of_its_addresses),
        cmocka_unit_test(a_finished_handshake_is_not_up_yet),
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
        cmocka_unit_test(nobody_listening_is_tried_again_after_a_pause),
        cmocka_unit_test(a_session_comes_back_after_crashes),
        cmocka_unit_test(going_away_is_respected),
        cmocka_unit_test(silence_is_broken_by_ping_and_ended_by_reconnect),
        cmocka_unit_test(a_host_that_was_busy_does_not_blame_the_broker),
        cmocka_unit_test(pauses_grow_to_thirty_seconds_and_stay_random),
        cmocka_unit_test(writing_to_a_closed_connection_raises_no_signal),
        cmocka_unit_test(a_frame_survives_single_bytes),
        cmocka_unit_test(bad_frames_end_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
