#include "send.h"
#include "server_internal.h"

#include <assert.h>

void session_submit(struct session *session, struct engine_call *call)
{
    session->calls++;
    engine_submit(call);
}

void session_refuse_call(struct session *session, const struct engine_call *call)
{
    session_refuse(session, call->err, call->path, call->sentence, &call->batch_id);
}

void session_call_end(struct session *session, struct engine_call *call)
{
    engine_call_free(call);
    assert(session->calls > 0);
    session->calls--;
    if (session->state == SESSION_CLOSED)
        server_reap_soon(session->server);
    else
        session_update(session);
}

static void on_answer(struct engine_call *call)
{
    struct session *session = call->ctx;
    session->asks--;
    if (call->err)
        session_refuse_call(session, call);
    else
        send_frames(session, call->frames, call->frame_count, 0);
    session_call_end(session, call);
}

enum skp_err session_ask(struct session *session, enum engine_verb verb, struct span body)
{
    struct engine_call *call = engine_call_new(session->server->engine, verb, &session->peer,
                                               session->id, on_answer, session);
    if (call == NULL)
        return SKP_E_BUSY;
    enum skp_err err = engine_call_request(call, body);
    if (err) {
        engine_call_free(call);
        return err;
    }
    session->asks++;
    session_submit(session, call);
    return SKP_OK;
}
