/* What the network counted since the start, for metrics. Written on the loop thread only; names and
 * help are printed as they stand here. */
#ifndef SKP_COUNTERS_H
#define SKP_COUNTERS_H

#include "tls_failure.h"

#include <stdint.h>

/* name, help */
#define COUNTERS(X)                                                                                \
    X(connections_accepted, "TCP connections accepted")                                            \
    X(connections_over_source, "Connections dropped: too many handshakes of one source")           \
    X(accept_pauses, "Times accepting paused: no descriptors or too many handshakes")              \
    X(sessions_opened, "Sessions opened, after the TLS handshake")                                 \
    X(sessions_over_limit, "Sessions refused: too many in all or of one participant")              \
    X(sessions_truncated, "Sessions that ended without a TLS close")                               \
    X(sessions_stalled, "Sessions cut: the peer stopped reading")                                  \
    X(sessions_aged, "Sessions asked to connect again because of their age")                       \
    X(sessions_untrusted, "Sessions cut: certificate revoked, expired or not trusted any more")    \
    X(frames_received, "Frames received whole")                                                    \
    X(frames_sent, "Frames queued for sending")                                                    \
    X(bytes_sent, "Bytes queued for sending, before TLS")                                          \
    X(batches_received, "Batches handed to the engine")                                            \
    X(batches_turned_away, "Batches turned away before the engine: busy or stopping")              \
    X(deliveries_sent, "Deliveries sent")                                                          \
    X(pauses_calls, "Times reading paused: too many questions under way")                          \
    X(pauses_output, "Times a session paused: the peer reads too slowly")                          \
    X(buffers_tight, "Times sessions were held to little: too much unsent or unfinished in all")   \
    X(reloads, "Reloads of certificates that took effect")                                         \
    X(reloads_failed, "Reloads of certificates that were refused")

#define COUNTER_ERROR_CODES 800

struct counters {
#define X(name, help) uint64_t name;
    COUNTERS(X)
#undef X
    uint64_t handshake_failures[TLS_FAILURE_COUNT];
    uint32_t errors_sent[COUNTER_ERROR_CODES]; /* by code of errors.def */
};

#endif
