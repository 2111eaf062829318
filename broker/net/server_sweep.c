/* What is looked at again and again: deadlines of connections and sessions, certificates, ticks.
 *
 * There may be thousands of sessions: a few are looked at in each turn of the loop, so that a frame
 * that comes meanwhile never waits for all of them. */
#include "server_internal.h"

#define TURN_SESSIONS 64 /* a fraction of a microsecond each; ending one takes ten */

void server_sweep_turn(struct server *server)
{
    static const struct timeval at_once;
    int64_t now_ms = server_now_ms(server);
    bool more = handshake_sweep(server, now_ms);
    for (unsigned i = 0; server->sweep_next != NULL && i < TURN_SESSIONS; i++) {
        struct session *session = server->sweep_next;
        server->sweep_next = LIST_NEXT(session, link); /* closing moves it to another list */
        session_sweep(session, now_ms);
    }
    if (more || server->sweep_next != NULL)
        event_add(server->sweep_turn, &at_once);
}

static void sweep_all(struct server *server)
{
    if (event_pending(server->sweep_turn, EV_TIMEOUT, NULL))
        return; /* still at it since the last time */
    server->sweep_next = LIST_FIRST(&server->sessions);
    server_sweep_turn(server);
}

void server_sweep(struct server *server)
{
    int64_t now_ms = server_now_ms(server);
    reload_sweep(server, now_ms);
    expiry_sweep(server, now_ms);
    linger_sweep(server, now_ms);
    buffers_sweep(server);
    sweep_all(server);
    recheck_sweep(server, now_ms);
    listener_sweep(server, now_ms);
    server_leave_if_failed(server);
    server_tick_if_due(server);
    server_stop_progress(server);
}
