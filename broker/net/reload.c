/* Trust, CRLs and certificates: taken over as a whole or not at all, and then live sessions are held
 * against them. */
#include "log.h"
#include "server_internal.h"
#include "tls.h"

#define WATCH_MS 1000

enum skp_err reload_use(struct server *server, const struct credentials *credentials, char *ret_why)
{
    SSL_CTX *tls;
    enum skp_err err = tls_context_new(credentials, &server->rules, &tls, ret_why);
    if (err)
        return err;
    SSL_CTX_free(server->tls); /* live sessions keep it as long as they need it */
    server->tls = tls;
    trust_ref(credentials->trust);
    trust_unref(server->trust);
    server->trust = credentials->trust;
    server->used_stamp = server->seen_stamp = credentials->stamp;
    server->tls_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->tls));
    server->sign_not_after_ms = credentials_not_after_ms(keypair_cert(credentials->signer));
    server->ca_not_after_ms = credentials_ca_not_after_ms(credentials);
    server->crl_next_update_ms = credentials_crl_next_update_ms(credentials);
    server->crl_half_life_ms = credentials_crl_half_life_ms(credentials);
    server->crl_told_at_ms = 0;
    return SKP_OK;
}

static enum skp_err take_over(struct server *server, char *ret_why)
{
    struct credentials credentials;
    enum skp_err err =
        credentials_load(server->files, clock_real_ms(server->clock), &credentials, ret_why);
    if (err)
        return err;
    err = credentials_crl_goes_back(server->trust, credentials.trust, server->files->crl_file,
                                    ret_why)
              ? SKP_E_CERTIFICATE
              : reload_use(server, &credentials, ret_why);
    if (!err) {
        engine_set_trust(server->engine, credentials.trust);
        engine_set_signer(server->engine, credentials.signer);
        recheck_start(server);
    }
    credentials_fini(&credentials);
    return err;
}

enum skp_err server_reload(struct server *server, char *ret_why)
{
    struct credential_stamp stamp = credential_stamp_take(server->files);
    enum skp_err err = take_over(server, ret_why);
    if (err) {
        server->used_stamp = stamp; /* what is wrong is said once, and read again when it changes */
        server->counters.reloads_failed++;
        log_line(LOG_ERROR, "reload_failed", "why=%s", ret_why);
    } else {
        server->counters.reloads++;
        log_line(LOG_INFO, "reloaded", NULL);
    }
    return err;
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
    if (settled && !credential_stamp_equal(&stamp, &server->used_stamp)) {
        enum skp_err err = server_reload(server, why); /* logs by itself */
        (void)err;
    }
}
