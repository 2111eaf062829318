/* What was delivered stays with the session for a while; it may ask for longer, or give it back. */
#include "handle.h"
#include "server_internal.h"
#include "skp.pb-c.h"

#define LEASE_ARENA_BYTES ((size_t)64 * 1024)

void handle_extend(struct session *session, struct span body)
{
    Skp__V1__Extend *extend;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, LEASE_ARENA_BYTES);
    if (handle_unpack(session, &skp__v1__extend__descriptor, body, &arena, &extend)) {
        enum skp_err err =
            engine_extend(session->server->engine, &session->peer, session->id, extend->mailbox,
                          extend->positions, extend->n_positions, extend->lease_seconds);
        if (err)
            session_refuse(session, err, "Extend", NULL, NULL);
    }
    arena_fini(&arena);
}

void handle_release(struct session *session, struct span body)
{
    Skp__V1__Release *release;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, LEASE_ARENA_BYTES);
    if (handle_unpack(session, &skp__v1__release__descriptor, body, &arena, &release)) {
        enum skp_err err =
            engine_release(session->server->engine, &session->peer, session->id, release->mailbox,
                           release->positions, release->n_positions);
        if (err)
            session_refuse(session, err, "Release", NULL, NULL);
    }
    arena_fini(&arena);
}
