/* What was delivered stays with the session for a while; it may ask for longer, or give it back. */
#include "handle.h"
#include "server_internal.h"
#include "skp.pb-c.h"

#define POSITIONS_A_WEIGHT 16 /* a fraction of a microsecond each */

/* Whether the list may be looked at: a long one counts as several frames. */
static bool take_list(struct session *session, enum frame_type frame, size_t count,
                      const char *path)
{
    if (count == 0)
        handle_refuse(session, frame, SKP_E_REQUIRED, path, NULL);
    return count > 0 && !session_control_flood(session, (unsigned)(count / POSITIONS_A_WEIGHT));
}

void handle_extend(struct session *session, struct span body)
{
    Skp__V1__Extend *extend;
    struct arena arena;
    if (session_control_flood(session, SESSION_WEIGHT_OTHER))
        return;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (handle_unpack(session, FRAME_EXTEND, &skp__v1__extend__descriptor, body, &arena, &extend) &&
        take_list(session, FRAME_EXTEND, extend->n_positions, "extend.positions")) {
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
                      &release) &&
        take_list(session, FRAME_RELEASE, release->n_positions, "release.positions")) {
        enum skp_err err =
            engine_release(session->server->engine, &session->peer, session->id, release->mailbox,
                           release->positions, release->n_positions);
        if (err)
            handle_refuse(session, FRAME_RELEASE, err, "Release", NULL);
    }
    arena_fini(&arena);
}
