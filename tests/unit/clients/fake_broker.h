/* A scripted broker for one test: a thread with a blocking TLS server that does exactly what the
 * script says, also what no broker should ever do. A script that hears something else than it
 * expects ends the program. */
#ifndef SKP_FAKE_BROKER_H
#define SKP_FAKE_BROKER_H

#include "fake_wire.h"

#include <arpa/inet.h>
#include <signal.h>

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

/* A script by itself: a session in which nothing is said. */
static inline void welcome_and_wait(struct fake *fake)
{
    fake_session(fake);
    fake_expect_end(fake);
}

static inline struct envelope_header fake_take_begin(struct fake *fake)
{
    char path[WIRE_PATH_MAX];
    struct envelope_header header;
    fake->batch.begin = fake_expect(fake, FRAME_BEGIN);
    if (envelope_read_header(wire_span(fake->batch.begin->header), &fake->arena, path, &header))
        fake_die("the batch header is not valid at %s", path);
    fake->batch.id = header.batch_id;
    fake->batch.root = header.root;
    return header;
}

/* The bundles that Begin announced, and End. */
static inline void fake_take_rest(struct fake *fake, const struct envelope_header *header)
{
    for (uint32_t i = 0; i < header->bundle_count; i++)
        fake_expect(fake, FRAME_BUNDLE);
    fake_expect(fake, FRAME_END);
}

static inline void fake_take_batch(struct fake *fake)
{
    struct envelope_header header = fake_take_begin(fake);
    fake_take_rest(fake, &header);
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

/* A script: none of three receipts proves what it says. */
static inline void fake_flip_every_receipt(struct fake *fake)
{
    fake_session(fake);
    for (int i = 0; i < 3; i++) {
        fake_take_batch(fake);
        Skp__V1__Receipt *receipt = fake_make_receipt(fake, &fake->batch, fake->signer);
        receipt->commit.data[receipt->commit.len - 1] ^= 1;
        fake_send(fake, FRAME_RECEIPT, &receipt->base);
    }
    fake_expect_end(fake);
}

#endif
