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
    static const unsigned frames[] = {[ENGINE_HELLO] = FRAME_HELLO,
                                      [ENGINE_BATCH] = FRAME_END,
                                      [ENGINE_FETCH] = FRAME_FETCH,
                                      [ENGINE_COLLECT] = FRAME_COLLECT,
                                      [ENGINE_PUBLISH] = FRAME_PUBLISH,
                                      [ENGINE_DIRECTORY] = FRAME_DIRECTORY_GET,
                                      [ENGINE_CASES] = FRAME_CASES_GET,
                                      [ENGINE_ADMIN] = 0,
                                      [ENGINE_TICK] = 0};
    struct error_about about = {
        .batch_id = call->batch_id, .frame = frames[call->verb], .tag = call->tag};
    session_refuse(session, call->err, call->path, call->sentence, &about);
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

static bool is_lookup(const struct engine_call *call)
{
    return call->verb == ENGINE_DIRECTORY || call->verb == ENGINE_CASES;
}

static void on_answer(struct engine_call *call)
{
    struct session *session = call->ctx;
    session->asks--;
    if (is_lookup(call))
        participant_heard(session);
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
        call->err = err;
        session_refuse_call(session, call);
        engine_call_free(call);
        return SKP_OK;
    }
    session->asks++;
    if (is_lookup(call))
        participant_asks(session);
    session_submit(session, call);
    return SKP_OK;
}
