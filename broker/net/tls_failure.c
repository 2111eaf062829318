#include "tls_failure.h"

#include <assert.h>
#include <openssl/err.h>
#include <stddef.h>

static const struct {
    const char *label;
    const char *words;
} failures[] = {
#define X(name, label, words) {label, words},
    TLS_FAILURES(X)
#undef X
};

const char *tls_failure_label(enum tls_failure failure)
{
    assert(failure < TLS_FAILURE_COUNT);
    return failures[failure].label;
}

const char *tls_failure_words(enum tls_failure failure)
{
    assert(failure < TLS_FAILURE_COUNT);
    return failures[failure].words;
}

static const struct {
    long result;
    enum tls_failure failure;
} verify_results[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, TLS_FAILURE_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, TLS_FAILURE_EXPIRED},
    {X509_V_ERR_CERT_REVOKED, TLS_FAILURE_REVOKED},
    {X509_V_ERR_UNABLE_TO_GET_CRL, TLS_FAILURE_CRL},
    {X509_V_ERR_CRL_HAS_EXPIRED, TLS_FAILURE_CRL},
    {X509_V_ERR_CRL_NOT_YET_VALID, TLS_FAILURE_CRL},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, TLS_FAILURE_CRL},
    {X509_V_ERR_EE_KEY_TOO_SMALL, TLS_FAILURE_WEAK},
    {X509_V_ERR_CA_KEY_TOO_SMALL, TLS_FAILURE_WEAK},
    {X509_V_ERR_CA_MD_TOO_WEAK, TLS_FAILURE_WEAK},
    {X509_V_ERR_INVALID_PURPOSE, TLS_FAILURE_PURPOSE},
};

static enum tls_failure of_verify_result(long result)
{
    for (size_t i = 0; i < sizeof verify_results / sizeof verify_results[0]; i++) {
        if (verify_results[i].result == result)
            return verify_results[i].failure;
    }
    return TLS_FAILURE_NOT_TRUSTED;
}

static const struct {
    int reason;
    enum tls_failure failure;
} reasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, TLS_FAILURE_NO_CERTIFICATE},
    {SSL_R_EE_KEY_TOO_SMALL, TLS_FAILURE_WEAK},
    {SSL_R_WRONG_SIGNATURE_TYPE, TLS_FAILURE_WEAK},
    {SSL_R_NO_APPLICATION_PROTOCOL, TLS_FAILURE_NO_ALPN},
    /* The only callback that fails is the one that looks for ALPN in the ClientHello. */
    {SSL_R_CALLBACK_FAILED, TLS_FAILURE_NO_ALPN},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_FAILURE_VERSION},
    {SSL_R_VERSION_TOO_LOW, TLS_FAILURE_VERSION},
    {SSL_R_WRONG_VERSION_NUMBER, TLS_FAILURE_NOT_TLS},
    {SSL_R_HTTP_REQUEST, TLS_FAILURE_NOT_TLS},
    {SSL_R_HTTPS_PROXY_REQUEST, TLS_FAILURE_NOT_TLS},
    {SSL_R_PACKET_LENGTH_TOO_LONG, TLS_FAILURE_NOT_TLS},
    {SSL_R_BAD_RECORD_TYPE, TLS_FAILURE_NOT_TLS},
    {SSL_R_NO_SHARED_CIPHER, TLS_FAILURE_NO_COMMON_ALGORITHM},
    {SSL_R_NO_SHARED_GROUPS, TLS_FAILURE_NO_COMMON_ALGORITHM},
    {SSL_R_NO_SUITABLE_KEY_SHARE, TLS_FAILURE_NO_COMMON_ALGORITHM},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_FAILURE_NO_COMMON_ALGORITHM},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_FAILURE_NO_COMMON_ALGORITHM},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_FAILURE_PEER_REFUSED},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, TLS_FAILURE_TOO_LARGE},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_FAILURE_CLOSED},
};

enum tls_failure tls_failure_of(const SSL *ssl, unsigned long openssl_error)
{
    if (openssl_error == 0)
        return TLS_FAILURE_CLOSED;
    int reason = ERR_GET_REASON(openssl_error);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return of_verify_result(SSL_get_verify_result(ssl));
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].reason == reason)
            return reasons[i].failure;
    }
    return TLS_FAILURE_OTHER;
}

const char *tls_failure_detail(const SSL *ssl, unsigned long openssl_error)
{
    const char *words = NULL;
    if (ERR_GET_REASON(openssl_error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        words = X509_verify_cert_error_string(SSL_get_verify_result(ssl));
    else if (openssl_error != 0)
        words = ERR_reason_error_string(openssl_error);
    return words != NULL ? words : "";
}
