/* The network side of the broker: listens, authenticates, turns frames into calls of the engine and
 * its answers into frames.
 *
 * It knows limits, deadlines and the order of frames; what a frame means is the engine's. Every
 * byte a peer sends has a limit, an owner and a place in a state machine; slow or hostile peers
 * hurt only themselves. All deadlines follow the injected clock and are looked at in
 * server_sweep(), so that a simulation owns time.
 *
 * Threads: everything here runs on the loop thread. */
#ifndef SKP_SERVER_H
#define SKP_SERVER_H

#include "counters.h"
#include "credentials.h"
#include "engine.h"
#include "tls.h"
#include "wakeup.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

struct server;

struct server_limits {
    unsigned sessions;              /* in all */
    unsigned sessions_per_peer;     /* of one participant */
    unsigned handshakes;            /* pending in all; beyond it accepting pauses */
    unsigned handshakes_per_source; /* pending of one address (IPv6: one /64); beyond it closed */
    unsigned asks;                  /* questions under way per session; beyond it reading pauses */
    unsigned lookups_per_peer;      /* questions about directory and cases under way of one
                                     * participant; beyond it reading pauses, of sessions with one */
    unsigned batches;               /* batches under way per session; beyond it reading pauses */
    unsigned output_bytes;          /* unsent per session; beyond it reading and delivering pause */
    size_t buffers_bytes; /* unsent, or of unfinished frames, in all; beyond it each session is held
                           * to a little and must hurry */
    int64_t handshake_ms;
    int64_t hello_ms; /* from handshake to Hello */
    int64_t frame_ms; /* from a frame's first byte to its last; between the frames of a batch */
    int64_t batch_ms; /* from Begin to End */
    int64_t idle_ms;  /* what Welcome promises; cut after half as much again */
    int64_t stall_ms; /* output that does not move */
    int64_t session_age_ms; /* in its last quarter they are told to go, spread over it; none lives
                             * batch_ms longer */
    int64_t recheck_ms;     /* a live session's certificate is checked again this often */
};

struct server_limits server_limits_default(void);

struct server_config {
    struct event_base *base;
    struct engine *engine; /* outlives server_stop() */
    struct clock *clock;
    struct wakeup *wakeup; /* signalled by the engine; NULL: the owner calls server_run_done() */
    const char *host;      /* to listen on; NULL: no listener (simulation) */
    uint16_t port;         /* 0: any, see server_port() */
    const struct credentials
        *credentials; /* for the first TLS context; borrowed; NULL without host */
    const struct credential_files *files; /* for reloads; borrowed until server_free() */
    struct tls_rules rules;               /* its texts are borrowed until server_free() */
    struct server_limits limits;
    void (*stopped)(
        void *ctx); /* once, after server_stop(): close the engine, then server_free() */
    void *stopped_ctx;
};

/* Listens when there is a host. IO (the address cannot be used), CERTIFICATE, NO_MEMORY with words
 * in ret_why[CREDENTIALS_WHY_BYTES]. */
enum skp_err server_new(const struct server_config *config, struct server **ret_server,
                        char *ret_why) SKP_MUST_CHECK;

/* After `stopped` and engine_close(), or to throw everything away at once after engine_close():
 * calls no function of the engine. */
void server_free(struct server *server);

uint16_t server_port(const struct server *server);

/* Reads the certificate files anew. Sessions whose certificate a CRL lists end at once; the others
 * are checked in full, at most eight in a turn of the loop. On error (CERTIFICATE) what is wrong
 * stays as it was, words in ret_why[CREDENTIALS_WHY_BYTES]: trust and CRLs together; or both key
 * pairs, and the words say that trust was taken over all the same.
 *
 * For trust and CRLs alone it happens by itself, within about 2 seconds after ca_file or crl_file
 * was replaced, whatever the broker's own certificates are worth by then. */
enum skp_err server_reload(struct server *server, char *ret_why) SKP_MUST_CHECK;

/* Says GoingAway, accepts and takes no new work, finishes what is under way for at most `grace_ms`,
 * closes, calls `stopped`. A second call shortens the grace. */
void server_stop(struct server *server, int64_t grace_ms);

/* Runs finished calls of the engine and what follows from them; leaves when the engine has failed.
 */
void server_run_done(struct server *server);

/* Deadlines, ticks of the clock participant, certificates to check again. Every 200 ms by itself; a
 * simulation calls it after it moved the clock. */
void server_sweep(struct server *server);

/* Makes a session of a stream whose other end is known to be `peer`: the seam for bufferevent_pair.
 * Takes the stream. `source` is for the log. */
void server_adopt(struct server *server, struct bufferevent *stream, const struct skp_oin *peer,
                  const char *source);

/* ---------------------------------------------------------------- for the operator */

struct session_info {
    uint64_t id;
    const char *peer, *source, *state;
    int64_t age_ms;
    unsigned asks, batches, mailboxes;
    uint64_t frames_in, frames_out;
    size_t unsent_bytes;
};

/* Every live session. `visit` must not change the server. */
void server_each_session(const struct server *server,
                         void (*visit)(void *ctx, const struct session_info *info), void *ctx);

/* Gauges beside the counters; times are real milliseconds, INT64_MAX = unknown. */
struct server_status {
    const struct counters *counters;
    unsigned sessions, handshakes;
    bool stopping;
    bool deadlines_held, deadlines_unreadable;
    size_t rows_aside;      /* damaged, or hurt by damage */
    bool has_accepted_loss; /* an operator gave up what the store had confirmed */
    bool tls_pq_hybrid;     /* TLS offers X25519MLKEM768 */
    int64_t tls_not_after_ms, sign_not_after_ms, crl_next_update_ms;
};
struct server_status server_status(const struct server *server);

struct engine *server_engine(const struct server *server);

#endif
