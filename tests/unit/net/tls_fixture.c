#include "tls_fixture.h"

#include "log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAKE_CERTS TEST_DATA "/../../certs/make"
#define TURNS      2000
#define TURN_US    1000

/* What was sent is there after a few. */
#define SETTLE_TURNS 10

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

void tls_make_certs(const char *folder, const char *arguments)
{
    char command[4 * PATH_BYTES];
    snprintf(command, sizeof command, "%s %s %s >/dev/null 2>&1", MAKE_CERTS, folder, arguments);
    run(command);
}

static void name_files(struct tls_net *tls)
{
    static const char *const names[] = {"ca.pem",         "crl.pem",         "broker/tls.pem",
                                        "broker/tls.key", "broker/sign.pem", "broker/sign.key"};
    for (size_t i = 0; i < 6; i++)
        assert_true(snprintf(tls->files[i], PATH_BYTES, "%s/%s", tls->folder, names[i]) <
                    PATH_BYTES);
    tls->credential_files = (struct credential_files){tls->files[0], tls->files[1], tls->files[2],
                                                      tls->files[3], tls->files[4], tls->files[5]};
}

static void open_server(struct tls_net *tls)
{
    char why[CREDENTIALS_WHY_BYTES];
    struct credentials credentials;
    struct net *net = &tls->net;
    net->base = event_base_new();
    net->engine = fake_engine_new();
    clock_manual_init(&net->clock, clock_real_ms(clock_system()));
    assert_ok(credentials_load(&tls->credential_files, clock_real_ms(&net->clock.clock),
                               &credentials, why));
    struct server_config config = {
        .base = net->base,
        .engine = net->engine,
        .clock = &net->clock.clock,
        .host = "127.0.0.1",
        .credentials = &credentials,
        .files = &tls->credential_files,
        .rules = tls->rules,
        .limits = server_limits_default(),
    };
    assert_ok(server_new(&config, &net->server, why));
    credentials_fini(&credentials);
    tls->port = server_port(net->server);
}

static int set_up(void **state, struct tls_rules rules)
{
    char command[4 * PATH_BYTES];
    struct tls_net *tls = calloc(1, sizeof *tls);
    assert_non_null(tls);
    tls->rules = rules;
    signal(SIGPIPE, SIG_IGN);
    log_set_stream(fopen("/dev/null", "w")); /* refusals are what these tests are about */
    snprintf(tls->folder, sizeof tls->folder, "/tmp/skp-test-tls-XXXXXX");
    assert_non_null(mkdtemp(tls->folder));
    snprintf(command, sizeof command, "cp -r %s/. %s", TEST_CERTS, tls->folder);
    run(command);
    name_files(tls);
    open_server(tls);
    *state = tls;
    return 0;
}

int tls_setup(void **state)
{
    return set_up(state, (struct tls_rules){0});
}

int tls_setup_tls12(void **state)
{
    return set_up(state, (struct tls_rules){.groups = "P-384:P-256", .tls12 = true});
}

int tls_teardown(void **state)
{
    char command[4 * PATH_BYTES];
    struct tls_net *tls = *state;
    engine_run_done(tls->net.engine);
    server_free(tls->net.server);
    fake_engine_free(tls->net.engine);
    event_base_free(tls->net.base);
    snprintf(command, sizeof command, "rm -rf %s", tls->folder);
    run(command);
    free(tls);
    return 0;
}

struct tls_client_options tls_good(void)
{
    return (struct tls_client_options){
        .cert = "participants/" OIN_COUNSELLOR "/tls",
        .alpn = SKP_ALPN,
        .max_version = TLS1_3_VERSION,
    };
}

int tls_tcp_connect(struct tls_net *tls)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(tls->port)};
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_ok(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_ok(connect(fd, (struct sockaddr *)&address, sizeof address));
    assert_ok(fcntl(fd, F_SETFL, O_NONBLOCK));
    return fd;
}

static void use_cert(SSL_CTX *ctx, const struct tls_net *tls, const char *cert)
{
    char file[PATH_BYTES + 64];
    snprintf(file, sizeof file, "%s/%s.pem", tls->folder, cert);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, file), 1);
    snprintf(file, sizeof file, "%s/%s.key", tls->folder, cert);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM), 1);
}

void tls_client_open(struct tls_client *client, struct tls_net *tls,
                     struct tls_client_options options)
{
    unsigned char alpn[32];
    *client = (struct tls_client){.tls = tls, .fd = tls_tcp_connect(tls)};
    client->ctx = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_load_verify_locations(client->ctx, tls->files[0], NULL), 1);
    SSL_CTX_set_verify(client->ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_max_proto_version(client->ctx, options.max_version);
    SSL_CTX_set_options(client->ctx, options.ssl_options);
    if (options.cert != NULL)
        use_cert(client->ctx, tls, options.cert);
    client->ssl = SSL_new(client->ctx);
    if (options.alpn != NULL) {
        alpn[0] = (unsigned char)strlen(options.alpn);
        memcpy(alpn + 1, options.alpn, alpn[0]);
        assert_int_equal(SSL_set_alpn_protos(client->ssl, alpn, alpn[0] + 1U), 0);
    }
    SSL_set_fd(client->ssl, client->fd);
}

void tls_client_free(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->ctx);
    close(client->fd);
    net_pump(&client->tls->net);
}

/* Whether the operation should be tried again after the server had its turn. */
static bool again(struct tls_client *client, int result)
{
    int error = SSL_get_error(client->ssl, result);
    net_pump(&client->tls->net);
    usleep(TURN_US);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool tls_client_handshake(struct tls_client *client)
{
    int result = 0;
    ERR_clear_error();
    for (int i = 0; i < TURNS && (result = SSL_connect(client->ssl)) != 1; i++) {
        if (!again(client, result))
            return false;
    }
    for (int i = 0; i < SETTLE_TURNS; i++) { /* the client's last flight reaches the server */
        net_pump(&client->tls->net);
        usleep(TURN_US);
    }
    return result == 1;
}

int tls_client_read(struct tls_client *client, void *bytes, int len)
{
    int result = -1;
    ERR_clear_error();
    for (int i = 0; i < TURNS && (result = SSL_read(client->ssl, bytes, len)) <= 0; i++) {
        if (again(client, result))
            continue;
        int reason = ERR_GET_REASON(ERR_peek_last_error());
        ERR_clear_error();
        return reason > SSL_AD_REASON_OFFSET ? SSL_AD_REASON_OFFSET - reason : 0;
    }
    assert_true(result > 0); /* nothing came within the time a test may take */
    return result;
}

void tls_client_send(struct tls_client *client, enum frame_type type,
                     const ProtobufCMessage *message)
{
    uint8_t bytes[1024];
    size_t len = protobuf_c_message_get_packed_size(message);
    assert_true(len + FRAME_HEADER_BYTES < sizeof bytes);
    frame_write_header(type, len, bytes);
    protobuf_c_message_pack(message, bytes + FRAME_HEADER_BYTES);
    assert_true(SSL_write(client->ssl, bytes, (int)(len + FRAME_HEADER_BYTES)) > 0);
    for (int i = 0; i < SETTLE_TURNS; i++) {
        net_pump(&client->tls->net);
        usleep(TURN_US);
    }
}

enum frame_type tls_client_frame(struct tls_client *client, uint32_t *ret_code)
{
    uint8_t bytes[4096];
    size_t have = 0;
    size_t total = FRAME_HEADER_BYTES;
    enum frame_type type;
    enum skp_err err;
    while (have < total) {
        int got = tls_client_read(client, bytes + have, (int)(total - have));
        assert_true(got > 0);
        have += (size_t)got;
        assert_int_not_equal(frame_peek(bytes, have, &type, &total, &err), FRAME_BAD);
        assert_true(total <= sizeof bytes);
    }
    if (type == FRAME_ERROR) {
        Skp__V1__Error *error =
            skp__v1__error__unpack(NULL, total - FRAME_HEADER_BYTES, bytes + FRAME_HEADER_BYTES);
        assert_non_null(error);
        *ret_code = error->code;
        skp__v1__error__free_unpacked(error, NULL);
    }
    return type;
}

void tls_client_open_up(struct tls_client *client, struct tls_net *tls)
{
    uint32_t code;
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    tls_client_open(client, tls, tls_good());
    assert_true(tls_client_handshake(client));
    tls_client_send(client, FRAME_HELLO, &hello.base);
    struct engine_call *call = fake_take(tls->net.engine, ENGINE_HELLO);
    assert_string_equal(call->peer.text, OIN_COUNSELLOR);
    fake_answer(call, FRAME_WELCOME, &welcome.base);
    fake_finish(call, SKP_OK);
    net_pump(&tls->net);
    assert_int_equal(tls_client_frame(client, &code), FRAME_WELCOME);
}
