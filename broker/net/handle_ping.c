#include "handle.h"
#include "log.h"
#include "send.h"
#include "server_internal.h"
#include "skp.pb-c.h"

void handle_ping(struct session *session, struct span body)
{
    Skp__V1__Ping *ping;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_PING))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_PING, &skp__v1__ping__descriptor, body, &arena, &ping)) {
        Skp__V1__Pong pong;
        skp__v1__pong__init(&pong);
        pong.nonce = ping->nonce;
        pong.business_at_ms = clock_business_ms(session->server->clock);
        send_message(session, FRAME_PONG, &pong.base);
    }
    arena_fini(&arena);
}

/* We never ask; a peer that answers all the same is heard and nothing more. */
void handle_pong(struct session *session, struct span body)
{
    (void)body;
    session_control_flood(session, SESSION_WEIGHT_PING);
}

/* A peer that could not read something of ours: for the operator's log, by code and never by its
 * words. */
void handle_error(struct session *session, struct span body)
{
    Skp__V1__Error *error;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_PING))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_ERROR, &skp__v1__error__descriptor, body, &arena, &error))
        log_line(LOG_WARN, "peer_reports_error", "peer=%s session=%016llx code=%u",
                 session->peer.text, (unsigned long long)session->id, error->code);
    arena_fini(&arena);
}
