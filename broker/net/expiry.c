/* Once a day: what ends soon, in time for somebody to renew it; and that CRLs are half-way. */
#include "log.h"
#include "server_internal.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

/* Days; the smallest one that is reached stands in the line. */
static const int marks[] = {7, 14, 30, 60};

static void tell(const char *file, const char *what, int64_t end_ms, int64_t real_ms)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (end_ms - real_ms > marks[i] * DAY_MS)
            continue;
        log_line(LOG_WARN, "ends_soon", "file=%s within_days=%d days=%lld why=%s", file, marks[i],
                 (long long)((end_ms - real_ms) / DAY_MS), what);
        return;
    }
}

/* A list may live for hours only, so its half-life is watched all the time. */
static void tell_old_crl(struct server *server, int64_t now_ms, int64_t real_ms)
{
    if (now_ms < server->crl_told_at_ms || real_ms < server->crl_half_life_ms)
        return;
    server->crl_told_at_ms = now_ms + DAY_MS;
    log_line(LOG_WARN, "crl_half_life", "file=%s hours_left=%lld why=%s", server->files->crl_file,
             (long long)((server->crl_next_update_ms - real_ms) / HOUR_MS),
             "half of a CRL's life is over: fetch the new one; past its end nobody gets in");
}

void expiry_sweep(struct server *server, int64_t now_ms)
{
    int64_t real_ms = clock_real_ms(server->clock);
    if (server->files == NULL || server->stopping)
        return;
    tell_old_crl(server, now_ms, real_ms);
    if (now_ms < server->expiry_at_ms)
        return;
    server->expiry_at_ms = now_ms + DAY_MS;
    tell(server->files->tls_cert,
         "get a new TLS certificate, put it in place, then SIGHUP; a new key in a unit: restart",
         server->tls_not_after_ms, real_ms);
    tell(
        server->files->sign_cert,
        "get a new signing certificate, put it in place, then SIGHUP; a new key in a unit: restart",
        server->sign_not_after_ms, real_ms);
    tell(server->files->ca_file, "add the next root certificate to ca_file in time",
         server->ca_not_after_ms, real_ms);
}
