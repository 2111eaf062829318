/* One authenticated connection: reads frames, keeps their order, paces both directions, ends in
 * good manners.
 *
 * Works on any bufferevent. A session is never freed inside a callback: closed ones wait on the
 * server's list until the loop turn is over and every call they asked for has come back. Loop
 * thread only. */
#ifndef SKP_SESSION_H
#define SKP_SESSION_H

#include "engine.h"

struct error_about; /* send.h */
#include <event2/bufferevent.h>
#include <sys/queue.h>

struct server;
struct participant;
struct flow;

/* name, words for the operator */
#define SESSION_STATES(X)                                                                          \
    X(GREETING, "waits for Hello")                                                                 \
    X(WELCOMING, "Hello under way")                                                                \
    X(UP, "up")                                                                                    \
    X(CLOSING, "sending the last frames")                                                          \
    X(LINGERING, "waits for the peer to close")                                                    \
    X(CLOSED, "closed")

enum session_state {
#define X(name, words) SESSION_##name,
    SESSION_STATES(X)
#undef X
};

#define SESSION_BIT(state) (1u << (SESSION_##state))

/* The batch whose frames are coming in: between Begin and End. */
struct open_batch {
    bool open;
    enum skp_err refused; /* turned away: its frames are skipped and End is answered with this */
    struct engine_call *call;
    int64_t begun_ms, heard_ms;
};

#define SESSION_SAID_CODES 8

struct session {
    /* What every sweep looks at, side by side: of thousands of sessions little is in the cache. */
    LIST_ENTRY(session) link; /* of all, or of closed */
    struct server *server;
    enum session_state state;
    bool reading; /* EV_READ is enabled */
    bool in_read;
    bool choked;              /* output over its limit */
    bool leaving;             /* told GoingAway: no new work */
    bool output_moved;        /* since the last sweep */
    bool fetch_again;         /* memory was short: the next sweep tries */
    size_t unsent_bytes;      /* in the output */
    int64_t moved_ms;         /* output last moved */
    int64_t choked_ms;        /* since then, when it is */
    int64_t heard_ms;         /* last whole frame */
    int64_t frame_started_ms; /* first byte of an unfinished frame; -1: none */
    int64_t leaves_ms;        /* old enough then; when it is leaving: over, whatever is under way */
    int64_t key_window_ms;
    unsigned key_updates;        /* that the peer ever sent; TLS counts here */
    unsigned key_updates_before; /* this window */
    struct open_batch batch;

    LIST_ENTRY(session) by_peer;
    TAILQ_ENTRY(session) recheck; /* of those with a checked_generation */
    struct bufferevent *stream;
    size_t unfinished_bytes; /* in the input */
    uint64_t id;
    struct skp_oin peer;
    struct participant *participant; /* shared with its other sessions */
    char source[64];
    int64_t opened_ms, since_ms;   /* since: in this state */
    const char *why;               /* it ends */
    unsigned calls, asks, batches; /* asks: without fetches; batches: of asks */
    unsigned lookups;              /* of asks */
    LIST_HEAD(, flow) flows;
    unsigned flow_count;

    int64_t control_window_ms;
    unsigned control_weight;     /* in the window */
    uint64_t checked_generation; /* of the trust its certificate was checked against; 0: no TLS */
    int64_t checked_ms;
    uint64_t frames_in, frames_out, refused;
    struct said_refusal {
        enum skp_err code; /* SKP_OK: none yet */
        unsigned count;    /* since it was said */
        int64_t at_ms;     /* it was said */
    } said[SESSION_SAID_CODES];
};

const char *session_state_words(enum session_state state);

/* Takes the stream, also on failure. `peer` as authenticated; `generation` of the trust its
 * certificate was checked against, 0 where there is none. */
void session_open(struct server *server, struct bufferevent *stream, const struct skp_oin *peer,
                  const char *source, uint64_t generation);

/* Takes the stream of a peer whose certificate TLS accepted and we do not: it hears
 * IDENTITY_INVALID with `why` and is closed in good manners, or at once where too many such peers
 * are connected. `why` is static text. */
void session_turn_away(struct server *server, struct bufferevent *stream, const char *source,
                       const char *why);

/* Sends what is queued, then closes; nothing more is read. */
void session_finish(struct session *session, const char *why);

/* Closes at once. */
void session_close(struct session *session, const char *why);

/* session_refuse.c: tells the peer what is wrong; a 1xx error, or any before the session is up, is
 * the last thing it hears, and so is FLOOD when refusals come too fast. `path` and `sentence` may be NULL or "" (the list's), about NULL. */
void session_refuse(struct session *session, enum skp_err err, const char *path,
                    const char *sentence, const struct error_about *about);

/* Moves on after something changed that reading or delivering waited for. */
void session_update(struct session *session);

/* session_read.c: takes the whole frames that are there, as long as the session may read, and sets
 * the stream to match. */
void session_read(struct session *session);

/* Counts a frame that costs the peer nothing; true when it was one too many and the session ends.
 */
bool session_control_flood(struct session *session, unsigned weight);
#define SESSION_WEIGHT_PING    100 /* 60 in ten seconds */
#define SESSION_WEIGHT_REFUSED 5   /* 1,200 in ten seconds */
#define SESSION_WEIGHT_OTHER   1   /* 6,000 in ten seconds */

/* Deadlines and pacing at `now_ms` monotonic. */
void session_sweep(struct session *session, int64_t now_ms);

/* GoingAway, then closed as soon as nothing is under way, after batch_ms in any case. `why`, a
 * sentence for the peer, is static text. */
void session_leave(struct session *session, const char *why);

/* Frees it if no call is under way. `engine_alive`: leases are given back. */
bool session_reap(struct session *session, bool engine_alive);

/* session_state.c: the one place where states change; an illegal move is our fault and asserted. */
void session_move(struct session *session, enum session_state state);

/* session_call.c: asks the engine; the answer's frames (or its error) go to the peer. */
void session_ask(struct session *session, enum engine_verb verb, struct span body);

/* For handlers with a completion of their own: submits and counts, ... */
void session_submit(struct session *session, struct engine_call *call);
/* ... and in the completion: frees the call, moves on. */
void session_call_end(struct session *session, struct engine_call *call);
/* The error of a call, as an Error frame. */
void session_refuse_call(struct session *session, const struct engine_call *call);

#endif
