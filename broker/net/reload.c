/* Trust and CRLs are taken over as soon as they are replaced, whatever the broker's own certificates
 * are worth by then; these only when an operator asks. Then live sessions are held against trust. */
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#include <stdio.h>

#define WATCH_MS 1000

enum skp_err reload_use(struct server *server, const struct credentials *credentials, char *ret_why)
{
    SSL_CTX *tls;
    enum skp_err err = tls_context_new(credentials, &server->rules, &tls, ret_why);
    if (err)
        return err;
    SSL_CTX_free(server->tls); /* live sessions keep it as long as they need it */
    server->tls = tls;
    credentials_fini(&server->used);
    server->used.trust = trust_ref(credentials->trust);
    server->used.stamp = server->seen_stamp = credentials->stamp;
    credentials_share_pairs(&server->used, credentials);
    server->tls_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->tls));
    server->sign_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->signer));
    server->ca_not_after_ms = credentials_ca_not_after_ms(credentials);
    server->crl_next_update_ms = credentials_crl_next_update_ms(credentials);
    server->crl_half_life_ms = credentials_crl_half_life_ms(credentials);
    server->crl_told_at_ms = 0;
    return SKP_OK;
}

/* Whether the way to the broker's own certificate is known; what became of it is not asked. */
static bool leads_to_us(const struct server *server, struct trust *trust, const char **ret_why)
{
    struct cert_period period;
    const struct keypair *signer = server->used.signer;
    enum skp_err err = trust_check_signer(trust, keypair_cert(signer), keypair_chain(signer),
                                          clock_real_ms(server->clock), &period, ret_why);
    return !err || err == SKP_E_SIGNER_REVOKED;
}

/* Files that no longer lead to the broker itself are not those that were meant. */
static enum skp_err keep_pairs(const struct server *server, struct credentials *next, char *ret_why)
{
    const char *why;
    if (leads_to_us(server, server->used.trust, &why) && !leads_to_us(server, next->trust, &why)) {
        snprintf(ret_why, CREDENTIALS_WHY_BYTES,
                 "%s and %s do not fit the signing certificate in use: %s", server->files->ca_file,
                 server->files->crl_file, why);
        return SKP_E_CERTIFICATE;
    }
    credentials_share_pairs(next, &server->used);
    return SKP_OK;
}

/* The store, its chain and the sessions go on under one OIN. */
static enum skp_err take_pairs(const struct server *server, struct credentials *next, char *ret_why)
{
    enum skp_err err =
        credentials_load_pairs(server->files, clock_real_ms(server->clock), next, ret_why);
    if (err || oin_equal(&next->oin, &server->used.oin))
        return err;
    snprintf(ret_why, CREDENTIALS_WHY_BYTES, "%s: names OIN %s, and this broker is %s",
             server->files->tls_cert, next->oin.text, server->used.oin.text);
    return SKP_E_CERTIFICATE;
}

/* Key pairs that cannot be taken are refused after the rest is in use. */
static enum skp_err take_over(struct server *server, bool with_pairs, char *ret_why)
{
    char why[CREDENTIALS_WHY_BYTES];
    struct credentials next;
    enum skp_err err = credentials_load_trust(server->files, &next, ret_why);
    if (err)
        return err;
    enum skp_err refused = with_pairs ? take_pairs(server, &next, why) : SKP_OK;
    if (credentials_crl_goes_back(server->used.trust, next.trust, server->files->crl_file, ret_why))
        err = SKP_E_CERTIFICATE;
    if (!err && (refused || !with_pairs))
        err = keep_pairs(server, &next, ret_why);
    if (!err)
        err = reload_use(server, &next, ret_why);
    if (!err) {
        engine_set_trust(server->engine, next.trust);
        engine_set_signer(server->engine, next.signer);
        recheck_start(server);
    }
    credentials_fini(&next);
    if (err || !refused)
        return err;
    snprintf(ret_why, CREDENTIALS_WHY_BYTES,
             "%.400s; the key pairs in use stay, ca_file and crl_file are taken over", why);
    return refused;
}

static enum skp_err reload(struct server *server, bool with_pairs, char *ret_why)
{
    struct credential_stamp stamp = credential_stamp_take(server->files);
    enum skp_err err = take_over(server, with_pairs, ret_why);
    if (err) {
        server->used.stamp = stamp; /* what is wrong is said once, and read again when it changes */
        server->counters.reloads_failed++;
        log_line(LOG_ERROR, "reload_failed", "why=%s", ret_why);
    } else {
        server->counters.reloads++;
        log_line(LOG_INFO, "reloaded", "files=%s",
                 with_pairs ? "all" : "ca_file and crl_file alone");
    }
    return err;
}

enum skp_err server_reload(struct server *server, char *ret_why)
{
    return reload(server, true, ret_why);
}

/* Two looks that see the same: whoever writes the file in place has probably finished. */
void reload_sweep(struct server *server, int64_t now_ms)
{
    char why[CREDENTIALS_WHY_BYTES];
    if (server->files == NULL || server->stopping || now_ms < server->watch_at_ms)
        return;
    server->watch_at_ms = now_ms + WATCH_MS;
    struct credential_stamp stamp = credential_stamp_take(server->files);
    bool settled = credential_stamp_equal(&stamp, &server->seen_stamp);
    server->seen_stamp = stamp;
    if (settled && !credential_stamp_equal(&stamp, &server->used.stamp)) {
        enum skp_err err = reload(server, false, why); /* logs by itself */
        (void)err;
    }
}
