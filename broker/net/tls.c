#include "tls.h"

#include "frame.h"
#include "tls_groups.h"

#include <openssl/err.h>
#include <openssl/tls1.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define SUITES         "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SUITES_TLS12   "ECDHE+AESGCM:ECDHE+CHACHA20"
#define SIGNATURES     "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:ed25519"
#define SECURITY_LEVEL 3 /* 128 bits: RSA >= 3072, EC >= 256 */
#define MAX_DEPTH      3
#define MAX_CERT_BYTES (32 * 1024)

static enum skp_err fail(char *ret_why, const char *what)
{
    char words[256] = "";
    unsigned long error = ERR_peek_last_error();
    if (error != 0)
        ERR_error_string_n(error, words, sizeof words);
    snprintf(ret_why, CREDENTIALS_WHY_BYTES, "TLS: %s: %s", what, words);
    ERR_clear_error();
    return SKP_E_CERTIFICATE;
}

static int select_alpn(SSL *ssl, const unsigned char **ret_chosen, unsigned char *ret_len,
                       const unsigned char *offered, unsigned offered_len, void *ctx)
{
    static const unsigned char ours[] = "\x05" SKP_ALPN;
    unsigned char *chosen;
    (void)ssl, (void)ctx;
    if (SSL_select_next_proto(&chosen, ret_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_chosen = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* OpenSSL does not call select_alpn() for a client that offers no protocol at all; such a client
 * may be made to speak something else to us (ALPACA), so it is refused as well. */
static int demand_alpn(SSL *ssl, int *ret_alert, void *ctx)
{
    const unsigned char *extension;
    size_t len;
    (void)ctx;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                  &extension, &len) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

/* `ctx`: see tls_count_key_updates(). */
static void on_tls_message(int written, int version, int content_type, const void *bytes,
                           size_t len, SSL *ssl, void *ctx)
{
    const unsigned char *message = bytes;
    unsigned *count = ctx;
    (void)version, (void)ssl;
    if (!written && content_type == SSL3_RT_HANDSHAKE && len > 0 &&
        message[0] == SSL3_MT_KEY_UPDATE && count != NULL)
        ++*count;
}

void tls_count_key_updates(SSL *ssl, unsigned *count)
{
    SSL_set_msg_callback_arg(ssl, count);
}

const char *tls_rules_groups(const struct tls_rules *rules)
{
    return rules->groups != NULL ? rules->groups : TLS_GROUPS_PRESET;
}

static bool set_algorithms(SSL_CTX *ctx, const struct tls_rules *rules, const char *groups)
{
    int version = rules->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    return SSL_CTX_set_min_proto_version(ctx, version) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, SUITES) == 1 &&
           SSL_CTX_set_cipher_list(ctx, SUITES_TLS12) == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, SIGNATURES) == 1 &&
           SSL_CTX_set1_groups_list(ctx, (char *)(uintptr_t)groups) == 1;
}

static bool forbid_resumption(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_num_tickets(ctx, 0) == 1 && SSL_CTX_set_max_early_data(ctx, 0) == 1 &&
           SSL_CTX_set_recv_max_early_data(ctx, 0) == 1;
}

static bool use_keypair(SSL_CTX *ctx, const struct keypair *keypair)
{
    STACK_OF(X509) *chain = keypair_chain(keypair);
    STACK_OF(X509) *issuers = sk_X509_new_null();
    bool used = issuers != NULL;
    for (int i = 1; used && i < sk_X509_num(chain); i++) {
        X509 *cert = sk_X509_value(chain, i);
        if (!cert_is_self_issued(cert))
            used = sk_X509_push(issuers, cert) > 0;
    }
    used = used && SSL_CTX_use_cert_and_key(ctx, keypair_cert(keypair), keypair_key(keypair),
                                            issuers, 1) == 1;
    sk_X509_free(issuers);
    return used && SSL_CTX_check_private_key(ctx) == 1;
}

static bool demand_peer(SSL_CTX *ctx, const struct credentials *credentials)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, MAX_DEPTH);
    SSL_CTX_set_max_cert_list(ctx, MAX_CERT_BYTES);
    X509_VERIFY_PARAM_set_auth_level(rules, SECURITY_LEVEL);
    return SSL_CTX_set1_verify_cert_store(ctx, trust_store(credentials->trust)) == 1 &&
           X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_CLIENT) == 1 &&
           X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
                                                  X509_V_FLAG_X509_STRICT) == 1;
}

static bool demand_policy(SSL_CTX *ctx, const char *policy_oid)
{
    X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(ctx);
    if (policy_oid == NULL || policy_oid[0] == '\0')
        return true;
    ASN1_OBJECT *policy = OBJ_txt2obj(policy_oid, 1);
    if (policy == NULL)
        return false;
    if (X509_VERIFY_PARAM_add0_policy(rules, policy) != 1) {
        ASN1_OBJECT_free(policy);
        return false;
    }
    return X509_VERIFY_PARAM_set_flags(rules,
                                       X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_EXPLICIT_POLICY) == 1;
}

static void set_callbacks(SSL_CTX *ctx)
{
    SSL_CTX_set_client_hello_cb(ctx, demand_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
    SSL_CTX_set_msg_callback(ctx, on_tls_message);
    /* libevent may offer the same bytes from another place when it retries a write. */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    /* Else SSL_read() goes on until data comes: key updates one behind the other would keep it, and
     * with it the loop. Without read-ahead nothing is left inside OpenSSL then: the socket says that
     * there is more. */
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
}

enum skp_err tls_context_new(const struct credentials *credentials, const struct tls_rules *rules,
                             SSL_CTX **ret_ctx, char *ret_why)
{
    struct tls_groups groups;
    enum skp_err err = tls_groups_read(tls_rules_groups(rules), &groups, ret_why);
    if (err)
        return err;
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL || !set_algorithms(ctx, rules, groups.used) || !forbid_resumption(ctx))
        err = fail(ret_why, "the library lacks the algorithms");
    else if (!use_keypair(ctx, credentials->tls))
        err = fail(ret_why, "the certificate cannot be used");
    else if (!demand_peer(ctx, credentials))
        err = fail(ret_why, "the checks on peers cannot be set");
    else if (!demand_policy(ctx, rules->policy_oid))
        err = fail(ret_why, "policy_oid is not an object identifier");
    if (err) {
        SSL_CTX_free(ctx);
        return err;
    }
    set_callbacks(ctx);
    *ret_ctx = ctx;
    return SKP_OK;
}

enum skp_err tls_know_peer(SSL *ssl, struct skp_oin *ret_oin, const char **ret_why)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    if (cert == NULL) { /* SSL_get_verify_result() says X509_V_OK then */
        *ret_why = "no certificate sent";
        return SKP_E_CERTIFICATE;
    }
    if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) {
        *ret_why = "TLS 1.2 without extended master secret";
        return SKP_E_VERSION_UNSUPPORTED;
    }
    enum skp_err err = trust_check_use(cert, CERT_TLS_CLIENT, ret_why);
    if (!err && cert_oin(cert, ret_oin)) {
        *ret_why = skp_error(SKP_E_IDENTITY_INVALID)->sentence;
        err = SKP_E_IDENTITY_INVALID;
    }
    return err;
}

enum skp_err tls_check_peer(SSL *ssl, struct trust *trust, int64_t at_ms, const char **ret_why)
{
    return trust_check(trust, SSL_get0_peer_certificate(ssl), SSL_get_peer_cert_chain(ssl),
                       CERT_TLS_CLIENT, at_ms, ret_why);
}

bool tls_peer_is_listed(SSL *ssl, struct trust *trust)
{
    X509 *own = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl); /* a server's, without the peer's own */
    if (own != NULL && trust_lists_revoked(trust, own))
        return true;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (trust_lists_revoked(trust, sk_X509_value(chain, i)))
            return true;
    }
    return false;
}
