/* The lower half of a scripted broker: TLS as a server, and frames one by one, on a socket that
 * blocks. What it hears and does not expect ends the program. */
#ifndef SKP_FAKE_WIRE_H
#define SKP_FAKE_WIRE_H

#include "testing.h"

#include "skp_internal.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
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

#endif
