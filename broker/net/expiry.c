/* Once a day: what ends soon, in time for somebody to renew it. */
#include "log.h"
#include "server_internal.h"

#define DAY_MS INT64_C(86400000)

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

void expiry_sweep(struct server *server, int64_t now_ms)
{
    int64_t real_ms = clock_real_ms(server->clock);
    if (server->files == NULL || server->stopping || now_ms < server->expiry_at_ms)
        return;
    server->expiry_at_ms = now_ms + DAY_MS;
    tell(server->files->tls_cert, "get a new TLS certificate, put it in place, then SIGHUP",
         server->tls_not_after_ms, real_ms);
    tell(server->files->sign_cert, "get a new signing certificate, put it in place, then SIGHUP",
         server->sign_not_after_ms, real_ms);
    tell(server->files->ca_file, "add the next root certificate to ca_file in time",
         server->ca_not_after_ms, real_ms);
}
