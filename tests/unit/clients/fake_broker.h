/* A scripted broker for one test: a thread with a blocking TLS server that does exactly what the
 * script says, also what no broker should ever do. A script that hears something else than it
 * expects ends the program. */
#ifndef SKP_FAKE_BROKER_H
#define SKP_FAKE_BROKER_H

#include "testing.h"

#include "skp_internal.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BROKER       "00000099000000000001"
#define MUNICIPALITY "00000099000000001000"
#define CREDITOR     "00000099000000002000"
#define RSA_CREDITOR "00000099000000003000"

struct fake;
typedef void (*script_fn)(struct fake *fake);

struct fake {
    script_fn script;
    const char *cert_file, *key_file; /* what it shows; NULL: the broker's own */
    SSL_CTX *other_tls;               /* or this */
    size_t piece_bytes;               /* reads and writes in pieces of so many; 0: whole frames */
    const char *alpn;                 /* what it speaks; NULL: skp/1 */
    const char *participant;          /* who it welcomes; NULL: the municipality */
    Skp__V1__Limits limits;
    uint64_t sequence; /* of the last commit */
    int listen_fd;
    uint16_t port;
    SSL_CTX *tls;
    SSL *ssl;
    int fd;
    pthread_t thread;
    struct keypair *signer;
    struct trust *trust;
    struct arena arena;
    struct fake_batch {
        struct skp_id id;
        struct skp_hash root;
        Skp__V1__Begin *begin;
    } batch;   /* the last one taken */
    void *ctx; /* of the test */
};

#define fake_die(...) (fprintf(stderr, "fake broker: " __VA_ARGS__), fputc('\n', stderr), abort())

static inline char *path_of(const char *format, const char *oin)
{
    static _Thread_local char paths[64][PATH_MAX];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 64];
    int len = snprintf(path, sizeof paths[0], "%s/", TEST_CERTS);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(path + len, sizeof paths[0] - (size_t)len, format, oin);
#pragma GCC diagnostic pop
    return path;
}

static inline struct keypair *load_pair(const char *oin, const char *purpose)
{
    char cert[64], key[64];
    const char *why = "";
    struct keypair *pair = NULL;
    snprintf(cert, sizeof cert, "%s%s/%s.pem", strcmp(oin, BROKER) ? "participants/" : "",
             strcmp(oin, BROKER) ? oin : "broker", purpose);
    snprintf(key, sizeof key, "%.*s.key", (int)strlen(cert) - 4, cert);
    if (keypair_load(path_of("%s", cert), path_of("%s", key), &pair, &why))
        fake_die("%s", why);
    return pair;
}

/* ---------------------------------------------------------------- TLS */

static inline int fake_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                            const unsigned char *in, unsigned in_len, void *ctx)
{
    const struct fake *fake = ctx;
    const char *mine = fake->alpn != NULL ? fake->alpn : SKP_ALPN;
    (void)ssl;
    for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
        if (span_equal(span_of(in + at + 1, in[at]), span_text(mine))) {
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline SSL_CTX *fake_tls(struct fake *fake)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    const char *cert = fake->cert_file ? fake->cert_file : path_of("%s/tls.pem", "broker");
    const char *key = fake->key_file ? fake->key_file : path_of("%s/tls.key", "broker");
    if (SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        fake_die("cannot load %s", cert);
    return tls;
}

static inline void fake_accept(struct fake *fake)
{
    fake->fd = accept(fake->listen_fd, NULL, NULL);
    if (fake->fd < 0)
        fake_die("nobody connects");
    int on = 1;
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fake->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fake->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fake->ssl = SSL_new(fake->tls);
    SSL_set_fd(fake->ssl, fake->fd);
}

static inline bool fake_handshake(struct fake *fake)
{
    fake_accept(fake);
    ERR_clear_error();
    return SSL_accept(fake->ssl) == 1;
}

/* Without close_notify, as a crash does; what the client still sends is swallowed, so that no reset
 * overtakes our last frame. */
static inline void fake_hang_up(struct fake *fake)
{
    char rest[4096];
    SSL_free(fake->ssl);
    fake->ssl = NULL;
    shutdown(fake->fd, SHUT_WR);
    while (recv(fake->fd, rest, sizeof rest, 0) > 0)
        continue;
    close(fake->fd);
    fake->fd = -1;
}

/* As a machine that loses its memory: the client's next write fails. */
static inline void fake_reset(struct fake *fake)
{
    struct linger none = {.l_onoff = 1};
    setsockopt(fake->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fake->fd);
    SSL_free(fake->ssl);
    fake->ssl = NULL;
    fake->fd = -1;
}

static inline void fake_goodbye(struct fake *fake)
{
    SSL_shutdown(fake->ssl);
    fake_hang_up(fake);
}

/* ---------------------------------------------------------------- frames */

static inline void fake_write(struct fake *fake, const uint8_t *bytes, size_t len)
{
    size_t piece = fake->piece_bytes > 0 ? fake->piece_bytes : len;
    for (size_t at = 0; at < len; at += piece) {
        int put = SSL_write(fake->ssl, bytes + at, (int)(len - at < piece ? len - at : piece));
        if (put <= 0)
            return; /* the client has gone: some scripts want that */
    }
}

static inline void fake_send(struct fake *fake, enum frame_type type,
                             const ProtobufCMessage *message)
{
    struct buffer frame;
    buffer_init(&frame, FRAME_MAX_BYTES + 4);
    if (buffer_add_frame(&frame, type, message))
        fake_die("a frame is too large");
    fake_write(fake, buffer_bytes(&frame), frame.len);
    buffer_fini(&frame);
}

/* False when the client closed. */
static inline bool fake_read(struct fake *fake, uint8_t *ret_bytes, size_t len)
{
    size_t piece = fake->piece_bytes > 0 ? fake->piece_bytes : len;
    for (size_t at = 0; at < len;) {
        int got = SSL_read(fake->ssl, ret_bytes + at, (int)(len - at < piece ? len - at : piece));
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* The next frame, unpacked into fake->arena; NULL when the client closed. */
static inline ProtobufCMessage *fake_receive(struct fake *fake, enum frame_type *ret_type)
{
    static const ProtobufCMessageDescriptor *const messages[256] = {
#define X(name, number, message, sender) [number] = &skp__v1__##message##__descriptor,
        FRAME_TYPES(X)
#undef X
    };
    uint8_t *frame = arena_alloc(&fake->arena, FRAME_MAX_BYTES + 4);
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    size_t total = 0;
    enum skp_err err = SKP_OK;
    if (!fake_read(fake, frame, FRAME_HEADER_BYTES))
        return NULL;
    if (frame_peek(frame, FRAME_HEADER_BYTES, ret_type, &total, &err) == FRAME_BAD)
        fake_die("the client sent %s", skp_error_name(err));
    if (total > FRAME_HEADER_BYTES &&
        !fake_read(fake, frame + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES))
        return NULL;
    *ret_type = (enum frame_type)frame[4];
    if (wire_unpack(messages[frame[4]],
                    span_of(frame + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES), &fake->arena,
                    path, &message))
        fake_die("the client's %s is not valid at %s", frame_type_name(frame[4]), path);
    return message;
}

static inline void *fake_expect(struct fake *fake, enum frame_type type)
{
    enum frame_type got = FRAME_PING;
    ProtobufCMessage *message = fake_receive(fake, &got);
    if (message == NULL)
        fake_die("the client closed where %s was expected", frame_type_name(type));
    if (got == FRAME_PING && type != FRAME_PING) {
        fake_send(fake, FRAME_PONG, message);
        return fake_expect(fake, type);
    }
    if (got != type)
        fake_die("%s came where %s was expected", frame_type_name(got), frame_type_name(type));
    return message;
}

/* Nothing more may come but the end of the connection. */
static inline void fake_expect_end(struct fake *fake)
{
    enum frame_type got = FRAME_PING;
    while (fake_receive(fake, &got) != NULL) {
        if (got != FRAME_PING)
            fake_die("%s came where the end was expected", frame_type_name(got));
    }
    fake_hang_up(fake);
}

/* ---------------------------------------------------------------- what brokers say */

static inline void fake_welcome(struct fake *fake, const char *participant)
{
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    welcome.version = PROTOCOL_VERSION;
    welcome.broker = (char *)(uintptr_t)BROKER;
    welcome.name = (char *)(uintptr_t) "TEST";
    welcome.participant = (char *)(uintptr_t)participant;
    welcome.limits = &fake->limits;
    fake_send(fake, FRAME_WELCOME, &welcome.base);
}

/* Accepts, hears Hello, says Welcome. */
static inline Skp__V1__Hello *fake_session(struct fake *fake)
{
    if (!fake_handshake(fake))
        fake_die("no handshake");
    Skp__V1__Hello *hello = fake_expect(fake, FRAME_HELLO);
    fake_welcome(fake, fake->participant != NULL ? fake->participant : MUNICIPALITY);
    return hello;
}

static inline void fake_take_batch(struct fake *fake)
{
    char path[WIRE_PATH_MAX];
    struct envelope_header header;
    struct fake_batch *batch = &fake->batch;
    batch->begin = fake_expect(fake, FRAME_BEGIN);
    if (envelope_read_header(wire_span(batch->begin->header), &fake->arena, path, &header))
        fake_die("the batch header is not valid at %s", path);
    for (uint32_t i = 0; i < header.bundle_count; i++)
        fake_expect(fake, FRAME_BUNDLE);
    fake_expect(fake, FRAME_END);
    batch->id = header.batch_id;
    batch->root = header.root;
}

/* An Error about a batch, about the frame type and tag of a question, or about neither. */
static inline void fake_error_about(struct fake *fake, enum skp_err err,
                                    const struct skp_id *batch_id, enum frame_type frame,
                                    uint64_t tag, uint32_t retry_after_ms)
{
    const struct skp_error_info *info = skp_error(err);
    Skp__V1__Error error;
    skp__v1__error__init(&error);
    error.code = (uint32_t)err;
    error.name = (char *)(uintptr_t)info->name;
    error.path = (char *)(uintptr_t) "header.root";
    error.sentence = (char *)(uintptr_t)info->sentence;
    error.remedy = (char *)(uintptr_t)info->remedy;
    error.retry = (Skp__V1__Retry)info->retry;
    error.retry_after_ms = retry_after_ms;
    error.frame = frame;
    error.tag = tag;
    if (batch_id != NULL)
        error.batch_id = wire_bytes(span_of(batch_id->bytes, ID_BYTES));
    fake_send(fake, FRAME_ERROR, &error.base);
}

static inline void fake_error(struct fake *fake, enum skp_err err, const struct skp_id *batch_id,
                              uint32_t retry_after_ms)
{
    fake_error_about(fake, err, batch_id, batch_id != NULL ? FRAME_END : 0, 0, retry_after_ms);
}

static inline void fake_going_away(struct fake *fake, uint32_t reconnect_after_ms)
{
    Skp__V1__GoingAway going;
    skp__v1__going_away__init(&going);
    going.sentence = (char *)(uintptr_t) "maintenance";
    going.reconnect_after_ms = reconnect_after_ms;
    fake_send(fake, FRAME_GOING_AWAY, &going.base);
}

/* A receipt over one batch, as `signer` signs it. */
static inline Skp__V1__Receipt *fake_make_receipt(struct fake *fake, const struct fake_batch *batch,
                                                  const struct keypair *signer)
{
    static const uint8_t zeros[HASH_BYTES];
    Skp__V1__ReceiptBody body;
    skp__v1__receipt_body__init(&body);
    Skp__V1__CommitHeader commit;
    skp__v1__commit_header__init(&commit);
    Skp__V1__Receipt *receipt = arena_alloc(&fake->arena, sizeof *receipt);
    const char *jws = NULL;
    skp__v1__receipt__init(receipt);
    body.context = (char *)(uintptr_t)RECEIPT_CONTEXT;
    body.sender = (char *)(uintptr_t)MUNICIPALITY;
    body.batch_id = wire_bytes(span_of(batch->id.bytes, ID_BYTES));
    body.batch_root = wire_bytes(span_of(batch->root.bytes, HASH_BYTES));
    body.stored = 1;
    receipt->body = wire_bytes(wire_pack(&body.base, &fake->arena));
    struct skp_hash root = merkle_leaf(wire_span(receipt->body));
    commit.context = (char *)(uintptr_t)COMMIT_CONTEXT;
    commit.broker = (char *)(uintptr_t)BROKER;
    commit.store_id = wire_bytes(span_of("0123456789abcdef", ID_BYTES));
    commit.sequence = ++fake->sequence;
    commit.previous = wire_bytes(span_of(zeros, HASH_BYTES));
    commit.receipts_root = wire_bytes(span_of(root.bytes, HASH_BYTES));
    commit.receipt_count = 1;
    commit.taken_root = wire_bytes(span_of(zeros, HASH_BYTES));
    commit.committed_at_ms = (int64_t)time(NULL) * 1000;
    receipt->commit = wire_bytes(wire_pack(&commit.base, &fake->arena));
    if (jws_sign(signer, wire_span(receipt->commit), commit.committed_at_ms, &fake->arena, &jws))
        fake_die("cannot sign");
    receipt->jws = (char *)(uintptr_t)jws;
    return receipt;
}

static inline void fake_receipt(struct fake *fake)
{
    fake_send(fake, FRAME_RECEIPT, &fake_make_receipt(fake, &fake->batch, fake->signer)->base);
}

/* ---------------------------------------------------------------- its life */

static inline void *fake_main(void *ctx)
{
    struct fake *fake = ctx;
    sigset_t pipe;
    /* Only for the plain writes of this thread: libskp must live without such help. */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    fake->script(fake);
    return NULL;
}

static inline void fake_listen(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t address_bytes = sizeof address;
    struct timeval patience = {.tv_sec = 10};
    fake->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int narrow_bytes = 65536; /* so that a large batch does not vanish in the kernel */
    setsockopt(fake->listen_fd, SOL_SOCKET, SO_RCVBUF, &narrow_bytes, sizeof narrow_bytes);
    setsockopt(fake->listen_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (bind(fake->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fake->listen_fd, 16) != 0 ||
        getsockname(fake->listen_fd, (struct sockaddr *)&address, &address_bytes) != 0)
        fake_die("cannot listen");
    fake->port = ntohs(address.sin_port);
}

static inline void fake_start(struct fake *fake, script_fn script)
{
    const char *why = "";
    const Skp__V1__Limits none = SKP__V1__LIMITS__INIT;
    fake->limits.base = none.base; /* what the script sets stays */
    fake->script = script;
    fake->fd = -1;
    arena_init(&fake->arena, (size_t)256 << 20);
    fake->signer = load_pair(BROKER, "sign");
    if (trust_load(path_of("%s", "ca.pem"), path_of("%s", "crl.pem"), &fake->trust, &why))
        fake_die("%s", why);
    fake->tls = fake->other_tls != NULL ? fake->other_tls : fake_tls(fake);
    SSL_CTX_set_min_proto_version(fake->tls, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(fake->tls, 0);
    SSL_CTX_set_verify(fake->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (fake->other_tls == NULL || SSL_CTX_get_cert_store(fake->tls) != NULL)
        SSL_CTX_set1_cert_store(fake->tls, trust_store(fake->trust));
    SSL_CTX_set_alpn_select_cb(fake->tls, fake_alpn, fake);
    fake_listen(fake);
    if (pthread_create(&fake->thread, NULL, fake_main, fake) != 0)
        fake_die("no thread");
}

/* Waits for the script's end. */
static inline void fake_stop(struct fake *fake)
{
    pthread_join(fake->thread, NULL);
    if (fake->ssl != NULL)
        fake_hang_up(fake);
    close(fake->listen_fd);
    SSL_CTX_free(fake->tls);
    trust_unref(fake->trust);
    keypair_unref(fake->signer);
    arena_fini(&fake->arena);
}

/* ---------------------------------------------------------------- the client's side */

/* What a test saw of its client. */
struct seen {
    struct skp_client *client;
    int welcomes, downs, reports, deliveries, drained, collected, directories, cases, published;
    int problems;
    enum skp_err err; /* of the last report, down or problem */
    enum skp_err report_err, problem_err;
    char words[512];
    bool duplicate;
    void *tag;
    uint64_t last_tag;
    int64_t clock_ahead_ms;
};

static inline void seen_say(struct seen *seen, enum skp_err err, const char *words)
{
    seen->err = err;
    snprintf(seen->words, sizeof seen->words, "%s", words);
}

static inline void seen_welcome(void *ctx, const Skp__V1__Welcome *welcome)
{
    struct seen *seen = ctx;
    assert_string_equal(welcome->broker, BROKER);
    seen->welcomes++;
}

static inline void seen_down(void *ctx, enum skp_err err, const char *why)
{
    struct seen *seen = ctx;
    seen->downs++;
    seen_say(seen, err, why);
}

static inline void seen_report(void *ctx, const struct skp_report *report)
{
    struct seen *seen = ctx;
    seen->reports++;
    seen->tag = report->tag;
    seen->report_err = report->err;
    seen->duplicate = report->duplicate;
    assert_true((report->err == SKP_OK) == (report->receipt != NULL));
    assert_true((report->err == SKP_OK) == (report->proof != NULL));
    assert_true((report->err == SKP_OK) == (report->sentence == NULL));
    seen_say(seen, report->err, report->sentence != NULL ? report->sentence : "");
}

static inline void seen_problem(void *ctx, enum skp_err err, const char *path, const char *sentence)
{
    struct seen *seen = ctx;
    assert_non_null(path);
    seen->problems++;
    seen->problem_err = err;
    seen_say(seen, err, sentence);
}

static inline int seen_clock(void *ctx, int64_t *ret_ms)
{
    const struct seen *seen = ctx;
    struct timeval now;
    gettimeofday(&now, NULL);
    *ret_ms = (int64_t)now.tv_sec * 1000 + seen->clock_ahead_ms;
    return 0;
}

static inline struct skp_config config_for(const struct fake *fake)
{
    const char *oin = fake->participant != NULL ? fake->participant : MUNICIPALITY;
    return (struct skp_config){
        .host = "127.0.0.1",
        .port = fake->port,
        .broker_oin = BROKER,
        .ca_file = path_of("%s", "ca.pem"),
        .crl_file = path_of("%s", "crl.pem"),
        .tls_cert_file = path_of("participants/%s/tls.pem", oin),
        .tls_key_file = path_of("participants/%s/tls.key", oin),
        .sign_cert_file = path_of("participants/%s/sign.pem", oin),
        .sign_key_file = path_of("participants/%s/sign.key", oin),
        .software = "test 1",
        .now_ms = seen_clock,
    };
}

static const struct skp_callbacks plain_callbacks = {
    .on_welcome = seen_welcome,
    .on_down = seen_down,
    .on_report = seen_report,
    .on_problem = seen_problem,
};

static inline void open_client(struct seen *seen, const struct skp_config *config,
                               const struct skp_callbacks *callbacks)
{
    const char *why = "";
    enum skp_err err = skp_client_new(config, callbacks, seen, &seen->client, &why);
    if (err)
        fail_msg("%s: %s", skp_error_name(err), why);
}

/* Runs the client until *count has come to `value`; fails after ten seconds. */
static inline void run_until(struct seen *seen, const int *count, int value)
{
    int64_t until = monotonic_ms() + 10000;
    while (*count < value) {
        if (monotonic_ms() > until)
            fail_msg("waited in vain; the last words were: %s", seen->words);
        struct pollfd ready = {.fd = skp_fd(seen->client), .events = POLLIN};
        poll(&ready, 1, 1000); /* the descriptor alone must be enough */
        skp_process(seen->client);
    }
}

static inline void run_for(struct seen *seen, int ms)
{
    const bool never = false;
    skp_run(seen->client, &never, ms);
}

/* ---------------------------------------------------------------- batches */

/* One withdrawal to the broker: the smallest thing one can say. */
static inline struct envelope_batch small_batch(struct arena *arena, const struct keypair *signer)
{
    struct skp_oin sender, broker;
    struct skp_id ids[4] = {id_new(), id_new(), id_new()};
    struct envelope_batch batch;
    assert_ok(cert_oin(keypair_cert(signer), &sender));
    assert_true(oin_take(span_text(BROKER), &broker));
    struct envelope_writer *writer = envelope_writer_new(arena, &sender, NULL, &ids[0]);
    assert_ok(envelope_bundle_begin(writer, &broker, "", NULL, 0, &ids[3]));
    Skp__V1__WithdrawalFact withdrawal;
    skp__v1__withdrawal_fact__init(&withdrawal);
    withdrawal.request_id = wire_bytes(span_of(ids[1].bytes, ID_BYTES));
    withdrawal.case_id = wire_bytes(span_of(ids[2].bytes, ID_BYTES));
    withdrawal.version = 1;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_WITHDRAWAL;
    line.withdrawal = &withdrawal;
    assert_ok(envelope_line_add(writer, &line, span_of(NULL, 0), NULL));
    assert_ok(envelope_finish(writer, signer, (int64_t)time(NULL) * 1000, &batch));
    return batch;
}

#endif
