/* A server on a real port of 127.0.0.1 with certificates of its own, and clients that are not ours. */
#ifndef SKP_TLS_FIXTURE_H
#define SKP_TLS_FIXTURE_H

#include "net_fixture.h"

#include <openssl/ssl.h>

#define PATH_BYTES 1024

struct tls_net {
    struct net net;          /* its clock stands still, at the real time of the start */
    char folder[PATH_BYTES]; /* a copy of TEST_CERTS that the test may change */
    char files[6][PATH_BYTES];
    struct credential_files credential_files;
    struct tls_rules rules;
    uint16_t port;
};

int tls_setup(void **state);
int tls_setup_tls12(void **state); /* TLS 1.2 is let in; groups P-384 and P-256 */
int tls_teardown(void **state);

/* Runs certs/make on a folder with these arguments. */
void tls_make_certs(const char *folder, const char *arguments);

struct tls_client {
    struct tls_net *tls;
    int fd;
    SSL_CTX *ctx;
    SSL *ssl;
};

struct tls_client_options {
    const char *cert; /* below the folder, without .pem; NULL: none */
    const char *alpn; /* NULL: none */
    int max_version;
    uint64_t ssl_options; /* SSL_OP_... */
};

/* Options of a good client. */
struct tls_client_options tls_good(void);

int tls_tcp_connect(struct tls_net *tls);
void tls_client_open(struct tls_client *client, struct tls_net *tls,
                     struct tls_client_options options);
void tls_client_free(struct tls_client *client);

/* Handshakes, says Hello and is welcomed. */
void tls_client_open_up(struct tls_client *client, struct tls_net *tls);

/* Handshakes as far as it goes; true when the client believes to be connected. */
bool tls_client_handshake(struct tls_client *client);

/* Reads at most `len` bytes; 0 when the other side closed. A number below 0: minus the TLS alert. */
int tls_client_read(struct tls_client *client, void *bytes, int len);

void tls_client_send(struct tls_client *client, enum frame_type type,
                     const ProtobufCMessage *message);

/* Reads one frame and gives its type; an Error frame's code goes to *ret_code. */
enum frame_type tls_client_frame(struct tls_client *client, uint32_t *ret_code);

#endif
