#include "round_handshakes.h"

#include "bench.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS      2
#define PATH_BYTES 320

struct pair {
    SSL_CTX *server, *client;
    unsigned count;
    int fds[2];
    pthread_barrier_t *turn; /* both have their end */
};

static SSL_CTX *context_new(const struct round_pki *pki, bool is_server, const char *cert,
                            const char *key)
{
    char ca[PATH_BYTES];
    char crl[PATH_BYTES];
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    round_pki_file(pki, "ca.pem", ca);
    round_pki_file(pki, "crl.pem", crl);
    if (!context || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        bench_die("%s cannot be used", cert);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (X509_STORE_load_file(store, ca) != 1 || X509_STORE_load_file(store, crl) != 1 ||
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        bench_die("%s cannot be used", ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    return context;
}

static void shake(SSL_CTX *context, int fd, bool is_server)
{
    char byte = 'k';
    SSL *ssl = SSL_new(context);
    bool done = ssl && SSL_set_fd(ssl, fd) == 1 &&
                (is_server ? SSL_accept(ssl) == 1 && SSL_write(ssl, &byte, 1) == 1
                           : SSL_connect(ssl) == 1 && SSL_read(ssl, &byte, 1) == 1);
    if (!done)
        bench_die("TLS: no handshake");
    SSL_free(ssl);
}

static void *serve(void *ctx)
{
    struct pair *pair = ctx;
    for (unsigned i = 0; i < pair->count; i++) {
        pthread_barrier_wait(pair->turn);
        shake(pair->server, pair->fds[0], true);
        pthread_barrier_wait(pair->turn);
    }
    return NULL;
}

static void *connect_all(void *ctx)
{
    struct pair *pair = ctx;
    for (unsigned i = 0; i < pair->count; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->fds) != 0)
            bench_die("no pair of sockets");
        pthread_barrier_wait(pair->turn);
        shake(pair->client, pair->fds[1], false);
        pthread_barrier_wait(pair->turn);
        close(pair->fds[0]);
        close(pair->fds[1]);
    }
    return NULL;
}

static double run_pairs(SSL_CTX *server, SSL_CTX *client, unsigned count)
{
    struct pair pairs[PAIRS];
    pthread_barrier_t turns[PAIRS];
    pthread_t threads[2 * PAIRS];
    double start_s = bench_now_s();
    for (unsigned i = 0; i < PAIRS; i++) {
        pthread_barrier_init(&turns[i], NULL, 2);
        pairs[i] = (struct pair){
            .server = server, .client = client, .count = count / PAIRS, .turn = &turns[i]};
        if (pthread_create(&threads[2 * i], NULL, serve, &pairs[i]) != 0 ||
            pthread_create(&threads[2 * i + 1], NULL, connect_all, &pairs[i]) != 0)
            bench_die("no thread");
    }
    for (unsigned i = 0; i < 2 * PAIRS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < PAIRS; i++)
        pthread_barrier_destroy(&turns[i]);
    return bench_now_s() - start_s;
}

double round_handshakes_per_s(const struct round_plan *plan, const struct round_pki *pki,
                              unsigned count)
{
    char cert[PATH_BYTES];
    char key[PATH_BYTES];
    char party_key[PATH_BYTES];
    round_pki_file(pki, "broker-tls.pem", cert);
    round_pki_file(pki, "broker-tls.key", key);
    round_pki_file(pki, ROUND_KEY_FILE, party_key);
    SSL_CTX *server = context_new(pki, true, cert, key);
    SSL_CTX *client = context_new(pki, false, plan->parties[0].identity.tls_cert, party_key);
    count = count < PAIRS ? PAIRS : count / PAIRS * PAIRS;
    double seconds = run_pairs(server, client, count);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    return count / seconds;
}
