/* Why a handshake failed, in words an operator can act on. Pure. */
#ifndef SKP_TLS_FAILURE_H
#define SKP_TLS_FAILURE_H

#include <openssl/ssl.h>

/* name, metric label, words for the log */
#define TLS_FAILURES(X)                                                                            \
    X(NO_CERTIFICATE, "no_certificate", "no certificate sent")                                     \
    X(NOT_TRUSTED, "not_trusted", "certificate not trusted")                                       \
    X(EXPIRED, "expired", "certificate expired or not yet valid")                                  \
    X(REVOKED, "revoked", "certificate revoked")                                                   \
    X(CRL, "crl", "no current CRL for the certificate: renew crl_file")                            \
    X(WEAK, "weak", "certificate, key or signature too weak")                                      \
    X(PURPOSE, "purpose", "certificate not for a TLS client")                                      \
    X(NO_OIN, "no_oin", "certificate names no valid OIN")                                          \
    X(NO_ALPN, "no_alpn", "no ALPN skp/1 offered")                                                 \
    X(VERSION, "version", "a version of TLS that is too old here")                                 \
    X(NOT_TLS, "not_tls", "not TLS at all")                                                        \
    X(NO_COMMON_ALGORITHM, "no_common_algorithm", "no cipher suite, group or signature in common") \
    X(PEER_REFUSED, "peer_refused", "the peer refused our certificate")                            \
    X(TOO_LARGE, "too_large", "more than 32 KiB of certificates sent")                             \
    X(TIMEOUT, "timeout", "not finished in time")                                                  \
    X(CLOSED, "closed", "closed by the peer")                                                      \
    X(OTHER, "other", "failed")

enum tls_failure {
#define X(name, label, words) TLS_FAILURE_##name,
    TLS_FAILURES(X)
#undef X
        TLS_FAILURE_COUNT
};

const char *tls_failure_label(enum tls_failure failure);
const char *tls_failure_words(enum tls_failure failure);

/* From the connection and the error OpenSSL left (0: none, the peer closed). */
enum tls_failure tls_failure_of(const SSL *ssl, unsigned long openssl_error);

/* The same more closely, in OpenSSL's words, which name nobody; static text, "" when it says no
 * more. */
const char *tls_failure_detail(const SSL *ssl, unsigned long openssl_error);

#endif
