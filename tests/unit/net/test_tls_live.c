/* What a peer with a good certificate may do to TLS later on, and how long its certificate is good. */
#include "tls_fixture.h"

#include <sys/socket.h>
#include <unistd.h>

#define UPDATES      20000 /* of 27 bytes: more than a socket takes whose other side reads little */
#define SOCKET_BYTES 65536
#define QUIET_MS     200

static const struct counters *counters_of(const struct tls_net *tls)
{
    return server_status(tls->net.server).counters;
}

static void a_flood_of_key_updates_closes(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client client;
    uint32_t code = 0;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    tls_client_open_up(&client, tls);
    for (int i = 0; i < 11; i++) {
        if (i == 10) { /* ten are fine */
            net_pass(&tls->net, 200);
            assert_int_equal(server_status(tls->net.server).sessions, 1);
        }
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        tls_client_send(&client, FRAME_PING, &ping.base);
        assert_int_equal(tls_client_frame(&client, &code), FRAME_PONG);
    }
    net_pass(&tls->net, 200);
    assert_int_equal(tls_client_frame(&client, &code), FRAME_ERROR);
    assert_err(code, SKP_E_FLOOD);
    tls_client_free(&client);
}

/* Records that are made before they are sent, so that no pause is between them. `ssl` owns them. */
static struct span pack_key_updates(SSL *ssl, unsigned count)
{
    char *data;
    BIO *packed = BIO_new(BIO_s_mem());
    assert_non_null(packed);
    SSL_set0_wbio(ssl, packed);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(ssl), 1);
    }
    long len = BIO_get_mem_data(packed, &data);
    return span_of(data, (size_t)len);
}

/* As much as the socket takes, which may take a moment to move it on; what is left. */
static struct span send_some(int fd, struct span bytes)
{
    for (int quiet_ms = 0; quiet_ms < QUIET_MS && bytes.len > 0; quiet_ms++) {
        ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes = span_of(bytes.data + sent, bytes.len - (size_t)sent);
            quiet_ms = 0;
        }
        usleep(1000);
    }
    return bytes;
}

static void key_updates_without_end_keep_nobody_else_waiting(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client flooder, honest;
    uint32_t code = 0;
    int most = SOCKET_BYTES;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    tls_client_open_up(&honest, tls);
    tls_client_open_up(&flooder, tls);
    assert_ok(setsockopt(flooder.fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof most));
    struct span left = send_some(flooder.fd, pack_key_updates(flooder.ssl, UPDATES));
    assert_true(left.len > 0); /* the socket is full of them */
    for (int turn = 0; turn < 5; turn++)
        event_base_loop(tls->net.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    size_t before = left.len;
    left = send_some(flooder.fd, left);
    assert_in_range(before - left.len, 0, 1000); /* a few were read, not all */
    tls_client_send(&honest, FRAME_PING, &ping.base);
    assert_int_equal(tls_client_frame(&honest, &code), FRAME_PONG);
    net_pass(&tls->net, 200);
    assert_int_equal(tls_client_frame(&flooder, &code), FRAME_ERROR);
    assert_err(code, SKP_E_FLOOD);
    assert_true(left.len > 0); /* long before it had said all */
    tls_client_free(&flooder);
    tls_client_free(&honest);
}

/* TLS keeps a client's own certificate apart from those it sent along. */
static void who_is_on_a_new_list_goes_before_anybody_is_checked_in_full(void **state)
{
    struct tls_net *tls = *state;
    struct tls_client listed;
    char why[CREDENTIALS_WHY_BYTES];
    tls_client_open_up(&listed, tls);
    tls_make_certs(tls->folder, "--revoke " OIN_COUNSELLOR "/tls");
    assert_ok(server_reload(tls->net.server, why));
    assert_int_equal(counters_of(tls)->sessions_untrusted, 1); /* and no turn of the loop passed */
    tls_client_free(&listed);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_flood_of_key_updates_closes),
        TLS_TEST(key_updates_without_end_keep_nobody_else_waiting),
        TLS_TEST(who_is_on_a_new_list_goes_before_anybody_is_checked_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
