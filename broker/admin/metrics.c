#include "metrics.h"

#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_head(FILE *stream, const char *name, const char *type, const char *help)
{
    fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_gauge(FILE *stream, const char *name, const char *help, int64_t value)
{
    print_head(stream, name, "gauge", help);
    fprintf(stream, "%s %" PRId64 "\n", name, value);
}

static void print_counters(FILE *stream, const struct counters *counters)
{
#define X(name, help)                                                                              \
    print_head(stream, "skp_" #name "_total", "counter", help);                                    \
    fprintf(stream, "skp_" #name "_total %" PRIu64 "\n", counters->name);
    COUNTERS(X)
#undef X
}

static void print_handshake_failures(FILE *stream, const struct counters *counters)
{
    print_head(stream, "skp_handshake_failures_total", "counter", "TLS handshakes that failed");
    for (int i = 0; i < TLS_FAILURE_COUNT; i++)
        fprintf(stream, "skp_handshake_failures_total{cause=\"%s\"} %" PRIu64 "\n",
                tls_failure_label((enum tls_failure)i), counters->handshake_failures[i]);
}

static void print_errors(FILE *stream, const struct counters *counters)
{
    unsigned count;
    const struct skp_error_info *errors = skp_error_list(&count);
    print_head(stream, "skp_errors_sent_total", "counter", "Error frames sent, by name");
    for (unsigned i = 0; i < count; i++) {
        unsigned code = (unsigned)errors[i].code;
        if (code < COUNTER_ERROR_CODES && counters->errors_sent[code] > 0)
            fprintf(stream, "skp_errors_sent_total{name=\"%s\"} %" PRIu32 "\n", errors[i].name,
                    counters->errors_sent[code]);
    }
}

static void print_certificate(FILE *stream, const char *use, int64_t at_ms)
{
    if (at_ms != INT64_MAX)
        fprintf(stream, "skp_cert_not_after_timestamp_seconds{use=\"%s\"} %" PRId64 "\n", use,
                at_ms / 1000);
}

static void print_gauges(FILE *stream, const struct server_status *status)
{
    print_head(stream, "skp_build_info", "gauge", "The version that runs");
    fprintf(stream, "skp_build_info{version=\"%s\"} 1\n", SKP_VERSION);
    print_gauge(stream, "skp_sessions", "Sessions open now", status->sessions);
    print_gauge(stream, "skp_handshakes", "TLS handshakes under way", status->handshakes);
    print_gauge(stream, "skp_stopping", "1 when the broker takes no new work", status->stopping);
    print_gauge(stream, "skp_deadlines_held",
                "1 while nothing that is due happens, until an operator releases it",
                status->deadlines_held);
    print_gauge(stream, "skp_deadlines_unreadable",
                "1 while a damaged page keeps what is due from happening; see the log",
                status->deadlines_unreadable);
    print_gauge(stream, "skp_rows_set_aside",
                "Rows damaged, hurt by those, or not readable now; see skpctl damage list",
                (int64_t)status->rows_aside);
    print_gauge(stream, "skp_data_loss_accepted",
                "1 when an operator went on without what the store had once confirmed",
                status->has_accepted_loss);
    print_gauge(stream, "skp_tls_pq_hybrid", "1 when TLS offers X25519MLKEM768",
                status->tls_pq_hybrid);
    print_head(stream, "skp_cert_not_after_timestamp_seconds", "gauge",
               "End of validity of the broker's own certificates");
    print_certificate(stream, "tls", status->tls_not_after_ms);
    print_certificate(stream, "sign", status->sign_not_after_ms);
    if (status->crl_next_update_ms != INT64_MAX)
        print_gauge(stream, "skp_crl_next_update_timestamp_seconds",
                    "When the first CRL must be renewed; after it nobody can connect",
                    status->crl_next_update_ms / 1000);
    print_head(stream, "skp_log_suppressed_total", "counter",
               "Warnings left out of the log by its rate limit");
    fprintf(stream, "skp_log_suppressed_total %" PRIu64 "\n", log_suppressed_total());
}

char *metrics_print(const struct server *server)
{
    char *text = NULL;
    size_t len;
    FILE *stream = open_memstream(&text, &len);
    if (stream == NULL)
        return NULL;
    struct server_status status = server_status(server);
    print_gauges(stream, &status);
    print_counters(stream, status.counters);
    print_handshake_failures(stream, status.counters);
    print_errors(stream, status.counters);
    bool whole = fclose(stream) == 0;
    if (whole)
        return text;
    free(text);
    return NULL;
}
