/* The broker's TLS and nothing else: what the machine can do, to hold a broker against; and, with
 * --any-alpn, for testers of TLS who cannot be told to offer ours. Each connection hears one frame
 * after its first, and is closed. */
#include "frame.h"
#include "tls.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct server {
    struct event_base *base;
    SSL_CTX *tls;
};

struct guest {
    SSL *ssl;
    struct event *event;
    int fd;
};

static void guest_free(struct guest *guest)
{
    ERR_clear_error();
    SSL_free(guest->ssl);
    event_free(guest->event);
    close(guest->fd);
    free(guest);
}

static void answer(struct guest *guest)
{
    uint8_t frame[FRAME_HEADER_BYTES];
    frame_write_header(FRAME_WELCOME, 0, frame);
    SSL_write(guest->ssl, frame, sizeof frame);
    SSL_shutdown(guest->ssl);
    guest_free(guest);
}

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
    struct guest *guest = ctx;
    uint8_t bytes[4096];
    (void)fd, (void)what;
    ERR_clear_error();
    int result = SSL_is_init_finished(guest->ssl) ? 1 : SSL_accept(guest->ssl);
    if (result == 1)
        result = SSL_read(guest->ssl, bytes, sizeof bytes);
    if (result > 0)
        answer(guest);
    else if (SSL_get_error(guest->ssl, result) != SSL_ERROR_WANT_READ)
        guest_free(guest);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int address_len, void *ctx)
{
    struct server *server = ctx;
    struct guest *guest = calloc(1, sizeof *guest);
    int on = 1;
    (void)listener, (void)address, (void)address_len;
    if (guest == NULL)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    guest->fd = fd;
    guest->ssl = SSL_new(server->tls);
    guest->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_ready, guest);
    if (guest->ssl == NULL || guest->event == NULL)
        abort();
    SSL_set_fd(guest->ssl, fd);
    event_add(guest->event, NULL);
}

static void complain(const char *what)
{
    fprintf(stderr, "raw_server: %s\n", what);
    exit(1);
}

static SSL_CTX *open_tls(const char *pki, bool any_alpn)
{
    static const char *const names[] = {"ca.pem",         "crl.pem",         "broker/tls.pem",
                                        "broker/tls.key", "broker/sign.pem", "broker/sign.key"};
    static char paths[6][PATH_MAX];
    char why[CREDENTIALS_WHY_BYTES];
    struct credentials credentials;
    struct tls_rules rules = {0};
    struct timespec now;
    SSL_CTX *tls = NULL;
    for (size_t i = 0; i < 6; i++) {
        if (snprintf(paths[i], PATH_MAX, "%s/%s", pki, names[i]) >= PATH_MAX)
            complain("the folder's name is too long");
    }
    clock_gettime(CLOCK_REALTIME, &now);
    struct credential_files files = {paths[0], paths[1], paths[2], paths[3], paths[4], paths[5]};
    if (credentials_load(&files, (int64_t)now.tv_sec * 1000, &credentials, why) ||
        tls_context_new(&credentials, &rules, &tls, why))
        complain(why);
    if (any_alpn) {
        SSL_CTX_set_client_hello_cb(tls, NULL, NULL);
        SSL_CTX_set_alpn_select_cb(tls, NULL, NULL);
    }
    credentials_fini(&credentials);
    return tls;
}

int main(int argc, char **argv)
{
    struct server server;
    bool any_alpn = argc == 4 && strcmp(argv[3], "--any-alpn") == 0;
    if (argc != 3 && !any_alpn) {
        fputs("usage: raw_server PKI_FOLDER PORT [--any-alpn]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    server.base = event_base_new();
    server.tls = open_tls(argv[1], any_alpn);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (server.base == NULL ||
        evconnlistener_new_bind(server.base, on_accept, &server,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 4096,
                                (struct sockaddr *)&address, sizeof address) == NULL)
        complain("the port cannot be used");
    puts("ready");
    fflush(stdout);
    return event_base_dispatch(server.base);
}
