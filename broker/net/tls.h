/* TLS as this broker speaks it: version 1.3 (1.2 only where rules say so), both sides with certificates checked against CRLs
 * of every level, ALPN "skp/1" or nothing, no tickets, no resumption, no early data, so that every
 * session checks the peer's certificate anew.
 *
 * A context is immutable once made: a reload makes a whole new one, and sessions keep the one they
 * began with. Loop thread only. */
#ifndef SKP_TLS_H
#define SKP_TLS_H

#include "credentials.h"

#include <openssl/ssl.h>

/* What an operator chooses; zeroed: the presets. Borrowed texts. */
struct tls_rules {
    const char *policy_oid; /* certificate policy that a peer's chain must assert
                             * ("2.16.528.1.1003..."); NULL or "": none */
    const char *groups;     /* see tls_groups.h; NULL: TLS_GROUPS_PRESET */
    bool tls12;             /* let in TLS 1.2 too, with extended master secret */
};

const char *tls_rules_groups(const struct tls_rules *rules);

/* Returns owned: SSL_CTX_free(); connections hold references of their own.
 * CERTIFICATE, CONFIG, NO_MEMORY with words in ret_why[CREDENTIALS_WHY_BYTES]. */
enum skp_err tls_context_new(const struct credentials *credentials, const struct tls_rules *rules,
                             SSL_CTX **ret_ctx, char *ret_why) SKP_MUST_CHECK;

/* After the handshake, which checked the chain: demands the rest (a certificate for TLS clients,
 * one valid OIN). CERTIFICATE or IDENTITY_INVALID; VERSION_UNSUPPORTED for TLS 1.2 without extended
 * master secret (RFC 7627); *ret_why in words. */
enum skp_err tls_know_peer(SSL *ssl, struct skp_oin *ret_oin, const char **ret_why) SKP_MUST_CHECK;

/* A live session's certificate against the trust of today, chain and all: two signatures.
 * CERTIFICATE, *ret_why in words. */
enum skp_err tls_check_peer(SSL *ssl, struct trust *trust, int64_t at_ms,
                            const char **ret_why) SKP_MUST_CHECK;

/* Whether a CRL lists the peer's certificate, or one it sent along. */
bool tls_peer_is_listed(SSL *ssl, struct trust *trust);

/* Counts in *count, which outlives `ssl`, the KeyUpdate messages that the peer sends from now on. */
void tls_count_key_updates(SSL *ssl, unsigned *count);

#endif
