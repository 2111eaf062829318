/* TLS 1.3, mutual, without resumption: every session checks certificates and CRLs again. */
#include "skp_internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>

#define CIPHERS   "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS    "X25519:P-384:P-256"
#define SIGALGS   "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:ed25519"
#define MAX_LEVEL 3           /* 128 bits of strength */
#define MAX_CHAIN (32 * 1024) /* bytes */

static const unsigned char alpn[] = "\x05" SKP_ALPN;

/* ---------------------------------------------------------------- a socket without SIGPIPE */

/* A library must not change how its host treats SIGPIPE, and OpenSSL writes with write(). */
static int socket_write(BIO *bio, const char *data, int len)
{
    int fd = -1;
    BIO_get_fd(bio, &fd);
    ssize_t sent = send(fd, data, (size_t)len, MSG_NOSIGNAL);
    BIO_clear_retry_flags(bio);
    if (sent <= 0 && BIO_sock_should_retry((int)sent))
        BIO_set_retry_write(bio);
    return (int)sent;
}

static BIO_METHOD *socket_method_new(void)
{
    const BIO_METHOD *plain = BIO_s_socket();
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "socket without SIGPIPE");
    if (method == NULL)
        return NULL;
    BIO_meth_set_write(method, socket_write);
    BIO_meth_set_read(method, BIO_meth_get_read(plain));
    BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(plain));
    BIO_meth_set_create(method, BIO_meth_get_create(plain));
    BIO_meth_set_destroy(method, BIO_meth_get_destroy(plain));
    return method;
}

/* ---------------------------------------------------------------- the context */

static bool set_strength(SSL_CTX *tls)
{
    SSL_CTX_set_security_level(tls, MAX_LEVEL);
    SSL_CTX_set_max_cert_list(tls, MAX_CHAIN);
    SSL_CTX_set_options(tls, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(tls, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(tls, GROUPS) == 1 &&
           SSL_CTX_set1_sigalgs_list(tls, SIGALGS) == 1 &&
           SSL_CTX_set_alpn_protos(tls, alpn, sizeof alpn - 1) == 0;
}

static bool set_identity(SSL_CTX *tls, const struct keypair *pair)
{
    STACK_OF(X509) *chain = keypair_chain(pair);
    if (SSL_CTX_use_certificate(tls, keypair_cert(pair)) != 1 ||
        SSL_CTX_use_PrivateKey(tls, keypair_key(pair)) != 1 || SSL_CTX_check_private_key(tls) != 1)
        return false;
    for (int i = 1; i < sk_X509_num(chain); i++) {
        X509 *issuer = sk_X509_value(chain, i);
        if (!cert_is_self_issued(issuer) && SSL_CTX_add1_chain_cert(tls, issuer) != 1)
            return false;
    }
    return true;
}

/* Only words: what OpenSSL refused stays refused. */
static int remember_why(int ok, X509_STORE_CTX *ctx)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct skp_client *client = SSL_get_app_data(ssl);
    struct connection *connection = &client->connection;
    if (!ok && connection->refused[0] == '\0') {
        char name[128] = "";
        X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
        if (cert != NULL)
            X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
        snprintf(connection->refused, sizeof connection->refused, "%s (certificate %s)",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)), name);
    }
    return ok;
}

enum skp_err tls_init(struct skp_client *client, const char **ret_why)
{
    client->socket_method = socket_method_new();
    client->tls = SSL_CTX_new(TLS_client_method());
    if (client->tls == NULL || client->socket_method == NULL || !set_strength(client->tls)) {
        *ret_why = "OpenSSL cannot be set up for TLS 1.3";
        return SKP_E_CERTIFICATE;
    }
    SSL_CTX_set_verify(client->tls, SSL_VERIFY_PEER, remember_why);
    SSL_CTX_set1_cert_store(client->tls, trust_store(client->trust));
    if (!set_identity(client->tls, client->tls_pair)) {
        ERR_clear_error();
        *ret_why = "the TLS certificate or key is too weak or does not fit";
        return SKP_E_CERTIFICATE;
    }
    return SKP_OK;
}

void tls_fini(struct skp_client *client)
{
    SSL_CTX_free(client->tls);
    BIO_meth_free(client->socket_method);
}

/* ---------------------------------------------------------------- one connection */

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static bool expect_host(const struct skp_client *client, SSL *ssl)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_time(rules, (time_t)(skp_now_ms(client) / 1000));
    if (is_address(client->host))
        return X509_VERIFY_PARAM_set1_ip_asc(rules, client->host) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(rules, client->host, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, client->host) == 1;
}

SSL *tls_start(struct skp_client *client, int fd)
{
    client->connection.refused[0] = '\0';
    SSL *ssl = SSL_new(client->tls);
    BIO *bio = BIO_new(client->socket_method);
    if (ssl == NULL || bio == NULL || !expect_host(client, ssl)) {
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_fd(bio, fd, BIO_NOCLOSE);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, client);
    return ssl;
}

static bool spoke_skp(const SSL *ssl)
{
    const unsigned char *chosen = NULL;
    unsigned chosen_len = 0;
    SSL_get0_alpn_selected(ssl, &chosen, &chosen_len);
    return span_equal(span_of(chosen, chosen_len), span_text(SKP_ALPN));
}

static bool check_broker_cert(struct skp_client *client, X509 *cert)
{
    struct skp_oin oin;
    const char *why = "";
    if (trust_check_use(cert, CERT_TLS_SERVER, &why)) { /* the handshake checked the chain */
        client_fail(client, SKP_E_CERTIFICATE, "the broker's certificate is refused: %s", why);
    } else if (cert_oin(cert, &oin)) {
        client_fail(client, SKP_E_CERTIFICATE, "the broker's certificate names no valid OIN");
    } else if (client->broker.text[0] != '\0' && !oin_equal(&oin, &client->broker)) {
        client_fail(client, SKP_E_CERTIFICATE, "the certificate is of %s, the broker should be %s",
                    oin.text, client->broker.text);
    } else {
        client->broker = oin;
    }
    return !client->failure.err;
}

bool tls_accept_broker(struct skp_client *client)
{
    SSL *ssl = client->connection.ssl;
    X509 *cert = SSL_get0_peer_certificate(ssl);
    if (cert == NULL || SSL_get_verify_result(ssl) != X509_V_OK) {
        client_fail(client, SKP_E_CERTIFICATE, "the broker showed no valid certificate");
        return false;
    }
    if (!spoke_skp(ssl)) {
        client_fail(client, SKP_E_VERSION_UNSUPPORTED, "the server does not speak " SKP_ALPN);
        return false;
    }
    return check_broker_cert(client, cert);
}

/* ---------------------------------------------------------------- words for failures */

/* What a broker says about our certificate (RFC 8446 section 6.2) arrives after our side of the
 * handshake is done, so it looks like an ordinary reading error. */
static bool alert_is_about_us(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static void fail_by_queue(struct skp_client *client, unsigned long error)
{
    int reason = ERR_GET_REASON(error);
    int alert = reason - SSL_AD_REASON_OFFSET;
    if (client->connection.refused[0] != '\0')
        client_fail(client, SKP_E_CERTIFICATE, "the broker's certificate is refused: %s",
                    client->connection.refused);
    else if (alert > 0 && alert < 256 && alert_is_about_us(alert))
        client_fail(client, SKP_E_CERTIFICATE, "the broker refused our certificate: %s",
                    SSL_alert_desc_string_long(alert));
    else if (alert == SSL_AD_NO_APPLICATION_PROTOCOL)
        client_fail(client, SKP_E_VERSION_UNSUPPORTED, "the server does not speak " SKP_ALPN);
    else if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        client_fail(client, SKP_E_NOT_CONNECTED, "the connection was cut off");
    else
        client_fail(client, SKP_E_NOT_CONNECTED, "TLS: %s",
                    error != 0 ? ERR_reason_error_string(error) : "no reason given");
}

void tls_fail(struct skp_client *client, int ssl_error, int system_error)
{
    unsigned long error = ERR_peek_error();
    if (ssl_error != SSL_ERROR_ZERO_RETURN)
        client->connection.write_broken = true; /* not even a goodbye */
    if (ssl_error == SSL_ERROR_ZERO_RETURN)
        client_fail(client, SKP_E_NOT_CONNECTED, "the broker closed the connection");
    else if (ssl_error == SSL_ERROR_SYSCALL && error == 0)
        client_fail(client, SKP_E_NOT_CONNECTED, "%s port %u: %s", client->host, client->port,
                    system_error != 0 ? strerror(system_error) : "the connection was cut off");
    else
        fail_by_queue(client, error);
    ERR_clear_error();
}
