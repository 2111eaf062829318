/* Who gets in, who does not and what they hear, over real sockets with real handshakes. */
#include "tls_fixture.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHO OIN_COUNSELLOR

static const struct counters *counters_of(const struct tls_net *tls)
{
    return server_status(tls->net.server).counters;
}

/* The client may believe to be connected; what it reads then is the alert. */
static void expect_refused(struct tls_net *tls, struct tls_client_options options, int alert,
                           enum tls_failure failure)
{
    struct tls_client client;
    uint8_t byte;
    uint64_t before = counters_of(tls)->handshake_failures[failure];
    tls_client_open(&client, tls, options);
    if (tls_client_handshake(&client))
        assert_int_equal(tls_client_read(&client, &byte, 1), -alert);
    else
        assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_AD_REASON_OFFSET + alert);
    assert_int_equal(counters_of(tls)->handshake_failures[failure], before + 1);
    assert_int_equal(server_status(tls->net.server).sessions, 0);
    tls_client_free(&client);
}

static void a_participant_is_known_by_its_certificate(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    tls_client_open_up(&client, tls);
    assert_string_equal(SSL_get_version(client.ssl), "TLSv1.3");
    assert_string_equal(SSL_get_cipher(client.ssl), "TLS_AES_256_GCM_SHA384");
    assert_int_equal(SSL_session_reused(client.ssl), 0);
    assert_int_equal(server_status(tls->net.server).sessions, 1);
    SSL_shutdown(client.ssl);
    tls_client_free(&client);
    assert_int_equal(server_status(tls->net.server).sessions, 0);
    assert_int_equal(counters_of(tls)->sessions_truncated, 0);
}

static void the_old_key_family_gets_in_too(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    struct tls_client_options options = tls_good();
    options.cert = "participants/00000099000000003000/tls";
    tls_client_open(&client, tls, options);
    assert_true(tls_client_handshake(&client));
    assert_int_equal(server_status(tls->net.server).sessions, 1);
    tls_client_free(&client);
}

static void nobody_gets_in_without_a_certificate(void **state)
{
    struct tls_client_options options = tls_good();
    options.cert = NULL;
    expect_refused(*state, options, SSL_AD_CERTIFICATE_REQUIRED, TLS_FAILURE_NO_CERTIFICATE);
}

static void nobody_gets_in_without_our_alpn(void **state)
{
    struct tls_client_options options = tls_good();
    options.alpn = "h2";
    expect_refused(*state, options, SSL_AD_NO_APPLICATION_PROTOCOL, TLS_FAILURE_NO_ALPN);
    options.alpn = NULL;
    expect_refused(*state, options, SSL_AD_NO_APPLICATION_PROTOCOL, TLS_FAILURE_NO_ALPN);
}

static void nobody_gets_in_with_tls_1_2(void **state)
{
    struct tls_client_options options = tls_good();
    options.max_version = TLS1_2_VERSION;
    expect_refused(*state, options, SSL_AD_PROTOCOL_VERSION, TLS_FAILURE_VERSION);
}

static void a_certificate_of_another_ca_is_not_trusted(void **state)
{
    struct tls_net *tls = *state;
    char folder[PATH_BYTES + 16];
    struct tls_client_options options = tls_good();
    snprintf(folder, sizeof folder, "%s/ca/other", tls->folder);
    tls_make_certs(folder, WHO);
    options.cert = "ca/other/participants/" WHO "/tls";
    expect_refused(tls, options, SSL_AD_UNKNOWN_CA, TLS_FAILURE_NOT_TRUSTED);
}

static void a_signing_certificate_is_not_for_tls(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    uint8_t byte;
    uint32_t code = 0;
    struct tls_client_options options = tls_good();
    options.cert = "participants/" WHO "/sign";
    tls_client_open(&client, tls, options);
    assert_true(tls_client_handshake(&client));
    assert_int_equal(tls_client_frame(&client, &code), FRAME_ERROR);
    assert_int_equal(code, SKP_E_IDENTITY_INVALID);
    assert_int_equal(tls_client_read(&client, &byte, 1), 0);
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_PURPOSE], 1);
    assert_int_equal(counters_of(tls)->sessions_opened, 0);
    tls_client_free(&client);
    assert_int_equal(server_status(tls->net.server).sessions, 0);
}

/* A connection that closes over unread bytes is reset, and with it what the peer has not read yet. */
static void who_talks_on_hears_the_alert_too(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    static const uint8_t chatter[100000];
    uint8_t byte;
    struct tls_client_options options = tls_good();
    options.cert = NULL;
    tls_client_open(&client, tls, options);
    ERR_clear_error();
    for (int i = 0; i < 1000 && SSL_connect(client.ssl) != 1; i++) {
        net_pump(&tls->net);
        usleep(1000);
    }
    assert_true(SSL_is_init_finished(client.ssl));
    assert_true(SSL_write(client.ssl, chatter, sizeof chatter) > 0);
    for (int i = 0; i < 10; i++) { /* the broker judges, and closes its side */
        net_pump(&tls->net);
        usleep(1000);
    }
    assert_true(SSL_write(client.ssl, chatter, sizeof chatter) > 0); /* not what RST answers */
    assert_int_equal(tls_client_read(&client, &byte, 1), -SSL_AD_CERTIFICATE_REQUIRED);
    assert_int_equal(server_status(tls->net.server).handshakes, 0);
    tls_client_free(&client);
}

static void a_refused_connection_lingers_two_seconds_at_most(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    struct tls_client_options options = tls_good();
    options.cert = NULL;
    tls_client_open(&client, tls, options);
    tls_client_handshake(&client);
    assert_int_equal(send(client.fd, "x", 1, MSG_NOSIGNAL), 1);
    net_pass(&tls->net, 2000);
    assert_int_equal(send(client.fd, "x", 1, MSG_NOSIGNAL), 1);
    usleep(10000);
    net_pump(&tls->net);
    net_pass(&tls->net, 1);
    assert_int_equal(send(client.fd, "x", 1, MSG_NOSIGNAL),
                     1); /* nobody is there: this one meets RST */
    usleep(10000);
    assert_int_equal(send(client.fd, "x", 1, MSG_NOSIGNAL), -1);
    tls_client_free(&client);
}

static void what_is_not_tls_is_counted_and_closed(void **state)
{
    struct tls_net *tls = *state;
    char answer[64];
    int fd = tls_tcp_connect(tls);
    assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    for (int i = 0; i < 10; i++) {
        net_pump(&tls->net);
        usleep(1000);
    }
    while (read(fd, answer, sizeof answer) > 0)
        ;
    assert_int_equal(read(fd, answer, sizeof answer), 0);
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_NOT_TLS], 1);
    close(fd);
}

static void a_revoked_participant_is_cut_and_kept_out(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    char why[CREDENTIALS_WHY_BYTES];
    uint8_t byte;
    uint32_t code = 0;
    tls_client_open_up(&client, tls);
    tls_make_certs(tls->folder, "--revoke " WHO "/tls");
    assert_ok(server_reload(tls->net.server, why));
    assert_int_not_equal(fake_of(tls->net.engine)->trust_generation, 0);
    assert_int_equal(fake_of(tls->net.engine)->signers_set, 1);
    net_pass(&tls->net, 200); /* one sweep */
    assert_int_equal(tls_client_frame(&client, &code), FRAME_ERROR);
    assert_err(code, SKP_E_IDENTITY_INVALID);
    assert_int_equal(tls_client_read(&client, &byte, 1), 0);
    SSL_shutdown(client.ssl);
    tls_client_free(&client);
    assert_int_equal(counters_of(tls)->sessions_untrusted, 1);
    expect_refused(tls, tls_good(), SSL_AD_CERTIFICATE_REVOKED, TLS_FAILURE_REVOKED);
}

/* Its CA is another one's from now on; no list names the certificate. */
static void who_is_trusted_no_more_is_cut_without_being_on_a_list(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    char why[CREDENTIALS_WHY_BYTES], other[PATH_BYTES];
    uint32_t code = 0;
    tls_client_open_up(&client, tls);
    assert_true(snprintf(other, sizeof other, "%s/ca/other", tls->folder) < PATH_BYTES);
    tls_make_certs(other, WHO);
    for (size_t i = 0; i < 6; i++) {
        char file[PATH_BYTES];
        int len = snprintf(file, sizeof file, "%s%s", other, tls->files[i] + strlen(tls->folder));
        assert_true(len < PATH_BYTES);
        strcpy(tls->files[i], file);
    }
    clock_manual_advance(&tls->net.clock, 60000); /* it stood still while they were made */
    assert_ok(server_reload(tls->net.server, why));
    net_pass(&tls->net, 200);
    assert_int_equal(counters_of(tls)->sessions_untrusted, 1);
    assert_int_equal(tls_client_frame(&client, &code), FRAME_ERROR);
    assert_err(code, SKP_E_IDENTITY_INVALID);
    tls_client_free(&client);
}

static void a_new_crl_is_noticed_by_itself(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client revoked;
    uint32_t code = 0;
    tls_client_open_up(&revoked, tls);
    net_pass(&tls->net, 5000);
    assert_int_equal(counters_of(tls)->reloads, 0); /* nothing changed, nothing was read */
    tls_make_certs(tls->folder, "--revoke " WHO "/tls");
    for (int seconds = 0; seconds < 4; seconds++)
        net_pass(&tls->net, 1000);
    assert_int_equal(counters_of(tls)->reloads, 1);
    assert_int_equal(tls_client_frame(&revoked, &code), FRAME_ERROR);
    assert_int_equal(code, SKP_E_IDENTITY_INVALID);
    tls_client_free(&revoked);
}

static void copy_crl(const struct tls_net *tls, const char *from, const char *to)
{
    char command[4 * PATH_BYTES];
    const char *crl = tls->files[1];
    assert_true(snprintf(command, sizeof command, "cp %s%s %s%s", crl, from, crl, to) > 0);
    assert_int_equal(system(command), 0);
}

/* From a backup, or by whoever would have a revoked certificate good again. */
static void an_older_crl_does_not_take_the_place_of_a_newer_one(void **state)
{
    struct tls_net *tls = *state;
    char why[CREDENTIALS_WHY_BYTES] = "";
    copy_crl(tls, "", ".old");
    tls_make_certs(tls->folder, "--revoke " WHO "/tls");
    copy_crl(tls, "", ".new");
    assert_ok(server_reload(tls->net.server, why));
    copy_crl(tls, ".old", "");
    assert_err(server_reload(tls->net.server, why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "older than the one in use"));
    assert_non_null(strstr(why, "put the newer list back"));
    expect_refused(tls, tls_good(), SSL_AD_CERTIFICATE_REVOKED, TLS_FAILURE_REVOKED);
    copy_crl(tls, ".new", "");
    assert_ok(server_reload(tls->net.server, why));
}

static void a_crl_that_is_not_right_is_told_once_and_tried_again_when_it_changes(void **state)
{
    struct tls_net *tls = *state;
    FILE *crl = fopen(tls->files[1], "w");
    assert_non_null(crl);
    fputs("not a CRL\n", crl);
    fclose(crl);
    for (int seconds = 0; seconds < 10; seconds++)
        net_pass(&tls->net, 1000);
    assert_int_equal(counters_of(tls)->reloads_failed, 1);
    tls_make_certs(tls->folder, "");
    for (int seconds = 0; seconds < 4; seconds++)
        net_pass(&tls->net, 1000);
    assert_int_equal(counters_of(tls)->reloads_failed, 1);
    assert_int_equal(counters_of(tls)->reloads, 1);
}

static void a_reload_takes_a_new_certificate_and_keeps_sessions(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client before, after;
    char why[CREDENTIALS_WHY_BYTES];
    uint32_t code;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    tls_client_open_up(&before, tls);
    tls_make_certs(tls->folder, "--renew broker/tls");
    /* The test's clock stood still while the certificate was made; it is not valid before that. */
    clock_manual_advance(&tls->net.clock, 60000);
    assert_ok(server_reload(tls->net.server, why));
    net_pass(&tls->net, 200);
    tls_client_open_up(&after, tls);
    assert_int_not_equal(
        X509_cmp(SSL_get0_peer_certificate(before.ssl), SSL_get0_peer_certificate(after.ssl)), 0);
    tls_client_send(&before, FRAME_PING, &ping.base);
    assert_int_equal(tls_client_frame(&before, &code), FRAME_PONG);
    tls_client_free(&before);
    tls_client_free(&after);
}

static void a_bad_reload_changes_nothing(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client live, later;
    char why[CREDENTIALS_WHY_BYTES];
    uint32_t code;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    tls_client_open_up(&live, tls);
    FILE *crl = fopen(tls->files[1], "w");
    assert_non_null(crl);
    fputs("not a CRL\n", crl);
    fclose(crl);
    assert_err(server_reload(tls->net.server, why), SKP_E_CERTIFICATE);
    assert_non_null(strstr(why, "crl.pem"));
    assert_int_equal(fake_of(tls->net.engine)->trust_generation, 0);
    net_pass(&tls->net, 200);
    tls_client_send(&live, FRAME_PING, &ping.base);
    assert_int_equal(tls_client_frame(&live, &code), FRAME_PONG);
    tls_client_open_up(&later, tls);
    tls_client_free(&live);
    tls_client_free(&later);
}

static void a_handshake_has_a_deadline(void **state)
{
    struct tls_net *tls = *state;
    char byte;
    int fd = tls_tcp_connect(tls);
    net_pump(&tls->net);
    assert_int_equal(server_status(tls->net.server).handshakes, 1);
    net_pass(&tls->net, 10000);
    assert_int_equal(server_status(tls->net.server).handshakes, 1);
    net_pass(&tls->net, 1);
    assert_int_equal(server_status(tls->net.server).handshakes, 0);
    assert_int_equal(counters_of(tls)->handshake_failures[TLS_FAILURE_TIMEOUT], 1);
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
}

static void one_source_has_few_handshakes_at_a_time(void **state)
{
    struct tls_net *tls = *state;
    int fds[25];
    for (size_t i = 0; i < 25; i++) {
        fds[i] = tls_tcp_connect(tls);
        net_pump(&tls->net);
    }
    assert_int_equal(server_status(tls->net.server).handshakes, 20);
    assert_int_equal(counters_of(tls)->connections_over_source, 5);
    for (size_t i = 0; i < 25; i++)
        close(fds[i]);
    net_pump(&tls->net);
    assert_int_equal(server_status(tls->net.server).handshakes, 0);
    struct tls_client client;
    tls_client_open_up(&client, tls);
    tls_client_free(&client);
}

static unsigned count_answered(const struct tls_client *clients, unsigned count)
{
    unsigned answered = 0;
    for (unsigned i = 0; i < count; i++) {
        char byte;
        answered += recv(clients[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
    }
    return answered;
}

/* So that neither a crowd at the door nor those inside can keep the others waiting. */
static void one_turn_of_the_loop_takes_four_connections_and_one_step_of_a_handshake(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client clients[16];
    unsigned answered = 0;
    for (size_t i = 0; i < 16; i++) {
        tls_client_open(&clients[i], tls, tls_good());
        assert_true(SSL_connect(clients[i].ssl) < 0); /* its ClientHello is on its way */
        ERR_clear_error();
    }
    for (int turn = 1; turn <= 200 && answered < 16; turn++) {
        uint64_t accepted = counters_of(tls)->connections_accepted;
        event_base_loop(tls->net.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        assert_in_range(counters_of(tls)->connections_accepted - accepted, 0, 4);
        assert_in_range(count_answered(clients, 16) - answered, 0, 1);
        answered = count_answered(clients, 16);
        usleep(100); /* a timer of libevent counts in microseconds */
    }
    assert_int_equal(answered, 16);
    for (size_t i = 0; i < 16; i++)
        tls_client_free(&clients[i]);
}

static void an_end_without_a_tls_close_counts_as_truncated(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    tls_client_open_up(&client, tls);
    tls_client_free(&client); /* no SSL_shutdown() */
    for (int i = 0; i < 10; i++)
        net_pump(&tls->net);
    assert_int_equal(server_status(tls->net.server).sessions, 0);
    assert_int_equal(counters_of(tls)->sessions_truncated, 1);
}

static void without_descriptors_accepting_pauses_and_resumes(void **state)
{
    struct tls_net *tls = *state;
    struct rlimit before;
    struct tls_client live, late;
    uint32_t code;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    tls_client_open_up(&live, tls);
    tls_client_open(&late, tls, tls_good());
    assert_ok(getrlimit(RLIMIT_NOFILE, &before));
    struct rlimit none = {.rlim_cur = (rlim_t)late.fd + 1, .rlim_max = before.rlim_max};
    assert_ok(setrlimit(RLIMIT_NOFILE, &none));
    net_pump(&tls->net);
    assert_int_equal(counters_of(tls)->accept_pauses, 1);
    tls_client_send(&live, FRAME_PING, &ping.base);
    assert_int_equal(tls_client_frame(&live, &code), FRAME_PONG);
    assert_ok(setrlimit(RLIMIT_NOFILE, &before));
    net_pass(&tls->net, 500);
    assert_true(tls_client_handshake(&late));
    assert_int_equal(server_status(tls->net.server).sessions, 2);
    tls_client_free(&live);
    tls_client_free(&late);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_participant_is_known_by_its_certificate),
        TLS_TEST(the_old_key_family_gets_in_too),
        TLS_TEST(nobody_gets_in_without_a_certificate),
        TLS_TEST(nobody_gets_in_without_our_alpn),
        TLS_TEST(nobody_gets_in_with_tls_1_2),
        TLS_TEST(a_certificate_of_another_ca_is_not_trusted),
        TLS_TEST(a_signing_certificate_is_not_for_tls),
        TLS_TEST(who_talks_on_hears_the_alert_too),
        TLS_TEST(a_refused_connection_lingers_two_seconds_at_most),
        TLS_TEST(what_is_not_tls_is_counted_and_closed),
        TLS_TEST(a_revoked_participant_is_cut_and_kept_out),
        TLS_TEST(who_is_trusted_no_more_is_cut_without_being_on_a_list),
        TLS_TEST(a_new_crl_is_noticed_by_itself),
        TLS_TEST(an_older_crl_does_not_take_the_place_of_a_newer_one),
        TLS_TEST(a_crl_that_is_not_right_is_told_once_and_tried_again_when_it_changes),
        TLS_TEST(a_reload_takes_a_new_certificate_and_keeps_sessions),
        TLS_TEST(a_bad_reload_changes_nothing),
        TLS_TEST(a_handshake_has_a_deadline),
        TLS_TEST(one_source_has_few_handshakes_at_a_time),
        TLS_TEST(one_turn_of_the_loop_takes_four_connections_and_one_step_of_a_handshake),
        TLS_TEST(an_end_without_a_tls_close_counts_as_truncated),
        TLS_TEST(without_descriptors_accepting_pauses_and_resumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
