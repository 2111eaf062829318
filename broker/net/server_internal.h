/* What the files of net share about the server. Not for other modules. */
#ifndef SKP_SERVER_INTERNAL_H
#define SKP_SERVER_INTERNAL_H

#include "server.h"
#include "session.h"

#include <event2/listener.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#define SERVER_PEER_BUCKETS 256

LIST_HEAD(session_list, session);
LIST_HEAD(participant_list, participant);
TAILQ_HEAD(flow_queue, flow);
TAILQ_HEAD(session_queue, session);
TAILQ_HEAD(handshake_list, handshake);
TAILQ_HEAD(linger_list, lingerer);

struct server {
    struct event_base *base;
    struct engine *engine;
    struct clock *clock;
    struct wakeup *wakeup;
    struct server_limits limits;
    const struct credential_files *files;
    struct tls_rules rules;
    bool tls_pq_hybrid;
    void (*stopped)(void *ctx);
    void *stopped_ctx;

    struct evconnlistener *listener; /* NULL: none, or stopping */
    SSL_CTX *tls;
    struct credentials used; /* its trust is what sessions are checked against; NULL without TLS */
    struct credential_stamp seen_stamp;
    int64_t watch_at_ms;       /* monotonic; next look at ca_file and crl_file */
    struct event *accept_turn; /* the next few */
    unsigned accepted;         /* in this turn */
    bool accept_paused;
    int64_t accept_again_ms; /* monotonic; out of descriptors until then */
    struct handshake_list handshakes, handshakes_ready;
    struct event *handshake_turn; /* one step of one of those that are ready */
    int64_t handshake_step_ms;    /* monotonic; the last one */
    bool sessions_worked;         /* since the last turn of a handshake */
    unsigned handshake_count;
    struct linger_list lingers;
    unsigned linger_count;

    struct session_list sessions;
    struct session_list by_peer[SERVER_PEER_BUCKETS];
    struct participant_list participants[SERVER_PEER_BUCKETS];
    unsigned session_count;
    struct session_queue rechecks; /* those of TLS, in the order of their last check */
    struct event *recheck_turn;    /* the next few of them */
    int64_t recheck_since_ms;      /* monotonic; trust changed and not all are checked; else -1 */
    unsigned rechecked;            /* since then */
    size_t unsent_bytes, unfinished_bytes; /* in the buffers of all sessions */
    bool output_tight, input_tight;        /* over buffers_bytes, as of the last sweep */
    struct session_list closed; /* waits for the end of the loop turn and for its calls */

    struct event *sweep_event;
    struct event *sweep_turn;   /* the next few connections and sessions */
    struct session *sweep_next; /* NULL: all were looked at */
    struct event *reap_event;
    bool tick_under_way;
    int64_t tick_again_ms; /* monotonic; not before, after a tick that failed */

    bool stopping, has_stopped, failing;
    int64_t stop_at_ms; /* monotonic; end of the grace */

    int64_t tls_not_after_ms, sign_not_after_ms, ca_not_after_ms, crl_next_update_ms;
    int64_t crl_half_life_ms; /* real */
    int64_t expiry_at_ms;     /* monotonic; next look at what ends soon */
    int64_t crl_told_at_ms;   /* monotonic; CRLs of old age are told again then */
    struct counters counters;
};

int64_t server_now_ms(const struct server *server); /* monotonic */

/* server_sweep.c: the next few handshakes and sessions, at most about a millisecond, and in later
 * turns of the loop the rest. */
void server_sweep_turn(struct server *server);

/* server_run.c: a tick of the clock participant, when its time has come. */
void server_tick_if_due(struct server *server);

/* After a failed sync nothing is certain any more: those who wait have been told OUTCOME_UNKNOWN by
 * their calls, and the process starts again from what is on disk. */
void server_leave_if_failed(struct server *server);

/* Frees what is closed soon, but not inside this callback. */
void server_reap_soon(struct server *server);

/* Calls `stopped` when the last thing is done, or the grace is over. */
void server_stop_progress(struct server *server);

/* Where the sessions of one participant are, among others. */
size_t server_bucket_of(const struct skp_oin *peer);
struct session_list *server_bucket(struct server *server, const struct skp_oin *peer);
unsigned server_count_peer(struct server *server, const struct skp_oin *peer);

/* participant.c: one who has sessions. */
struct participant {
    LIST_ENTRY(participant) link;
    struct skp_oin oin;
    unsigned sessions;       /* that are not freed yet */
    unsigned lookups;        /* under way in all of them */
    unsigned fetches;        /* under way in all of them */
    size_t coming_bytes;     /* of the intake: held by batches whose End did not come yet, ... */
    size_t asked_bytes;      /* ... and by what the engine has */
    struct flow_queue turns; /* those that wait for one of these to end */
};

/* For a new session, until it is freed. NULL: out of memory. */
struct participant *participant_join(struct server *server, const struct skp_oin *oin);
void participant_leave(struct participant *participant);

/* Whether it may hold so much more of the intake. */
bool participant_has_room(const struct session *session, size_t bytes);

/* Lookups are questions whose answers may be as large as a frame. */
bool participant_may_ask(const struct session *session);
void participant_asks(struct session *session);
void participant_heard(struct session *session);

/* buffers.c: counts what the stream of a new session holds, until it is forgotten just before the
 * stream goes. False: out of memory; to be forgotten all the same. */
bool buffers_count(struct session *session) SKP_MUST_CHECK;
void buffers_forget(struct session *session);

/* Whether memory is tight. */
void buffers_sweep(struct server *server);

/* What one session may have unsent, and ask at a time: little while memory is tight. */
size_t server_output_bytes(const struct server *server);
unsigned server_asks(const struct server *server);
/* For the rest of an unfinished frame. */
int64_t server_frame_ms(const struct server *server);

/* listener.c */
enum skp_err listener_open(struct server *server, const char *host, uint16_t port,
                           char *ret_why) SKP_MUST_CHECK;
void listener_close(struct server *server);
void listener_sweep(struct server *server, int64_t now_ms);

/* handshake.c: connections that have not yet shown who they are. */
void handshake_start(struct server *server, evutil_socket_t fd, const struct sockaddr *address);
/* Ends a few of those that took too long; whether there are more. */
bool handshake_sweep(struct server *server, int64_t now_ms);
void handshake_reap(struct server *server);
void handshake_drop_all(struct server *server);

/* One step of the next handshake for which something came. */
void handshake_turn(struct server *server);

/* linger.c: refused connections, until the peer has heard why. Takes the socket. */
void linger_start(struct server *server, evutil_socket_t fd);
void linger_sweep(struct server *server, int64_t now_ms);
void linger_reap(struct server *server);
void linger_drop_all(struct server *server);

/* recheck.c: takes a new session whose certificate was checked against the trust of that
 * generation, 0 without TLS; until it closes. */
void recheck_add(struct session *session, uint64_t generation);
void recheck_remove(struct session *session);

/* Trust changed: ends sessions whose certificates a CRL lists, has all others checked in full, in a
 * few seconds even for thousands. */
void recheck_start(struct server *server);
void recheck_sweep(struct server *server, int64_t now_ms);

/* The next few, about a millisecond. */
void recheck_turn(struct server *server);

/* reload.c: shares the credentials. */
enum skp_err reload_use(struct server *server, const struct credentials *credentials,
                        char *ret_why) SKP_MUST_CHECK;
/* expiry.c: warns once a day, from the start on. */
void expiry_sweep(struct server *server, int64_t now_ms);

/* Takes over a ca_file or crl_file that was replaced: within two looks, a second apart. */
void reload_sweep(struct server *server, int64_t now_ms);

#endif
