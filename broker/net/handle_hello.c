#include "handle.h"
#include "send.h"
#include "server_internal.h"

static void on_welcome(struct engine_call *call)
{
    struct session *session = call->ctx;
    session->asks--;
    if (session->state == SESSION_WELCOMING) {
        if (call->err) {
            session_refuse_call(session, call); /* ends it: the session is not up */
        } else {
            send_frames(session, call->frames, call->frame_count, 0);
            if (session->state == SESSION_WELCOMING)
                session_move(session, SESSION_UP);
        }
    }
    session_call_end(session, call);
}

void handle_hello(struct session *session, struct span body)
{
    struct engine_call *call = engine_call_new(session->server->engine, ENGINE_HELLO,
                                               &session->peer, session->id, on_welcome, session);
    enum skp_err err = call != NULL ? engine_call_request(call, body) : SKP_E_BUSY;
    if (err) {
        engine_call_free(call);
        session_refuse(session, err, NULL, NULL, NULL);
        return;
    }
    session_move(session, SESSION_WELCOMING);
    session->asks++;
    session_submit(session, call);
}
