/* What was delivered stays with the session for a while; it may ask for longer, or give it back. */
#include "handle.h"
#include "server_internal.h"
#include "skp.pb-c.h"

void handle_extend(struct session *session, struct span body)
{
    Skp__V1__Extend *extend;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_EXTEND, &skp__v1__extend__descriptor, body, &arena, &extend)) {
        enum skp_err err =
            engine_extend(session->server->engine, &session->peer, session->id, extend->mailbox,
                          extend->positions, extend->n_positions, extend->lease_seconds);
        if (err)
            handle_refuse(session, FRAME_EXTEND, err, "Extend", NULL);
    }
    arena_fini(&arena);
}

void handle_release(struct session *session, struct span body)
{
    Skp__V1__Release *release;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_RELEASE, &skp__v1__release__descriptor, body, &arena,
                      &release)) {
        enum skp_err err =
            engine_release(session->server->engine, &session->peer, session->id, release->mailbox,
                           release->positions, release->n_positions);
        if (err)
            handle_refuse(session, FRAME_RELEASE, err, "Release", NULL);
    }
    arena_fini(&arena);
}
