#include "handle.h"
#include "send.h"
#include "server_internal.h"
#include "skp.pb-c.h"
#include "wire.h"

#include <assert.h>

void session_submit(struct session *session, struct engine_call *call)
{
    session->calls++;
    session->participant->asked_bytes += call->budget_bytes;
    engine_submit(call);
}

static const ProtobufCMessageDescriptor *question_of(enum engine_verb verb)
{
    static const ProtobufCMessageDescriptor *const questions[] = {
        [ENGINE_COLLECT] = &skp__v1__collect__descriptor,
        [ENGINE_PUBLISH] = &skp__v1__publish__descriptor,
        [ENGINE_DIRECTORY] = &skp__v1__directory_get__descriptor,
        [ENGINE_CASES] = &skp__v1__cases_get__descriptor,
        [ENGINE_SET_ASIDE] = NULL};
    return questions[verb];
}

/* Of a question that the engine had no room for, and so has not read; 0: without one, or unreadable. */
static uint64_t read_tag(enum engine_verb verb, struct span body)
{
    const ProtobufCMessageDescriptor *question = question_of(verb);
    struct arena arena;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    uint64_t tag = 0;
    if (question == NULL)
        return 0;
    arena_init(&arena, HANDLE_ARENA_BYTES);
    if (!wire_unpack(question, body, &arena, path, &message)) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(question, "tag");
        memcpy(&tag, (const char *)message + field->offset, sizeof tag);
    }
    arena_fini(&arena);
    return tag;
}

static void refuse(struct session *session, const struct engine_call *call, struct span body)
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
    struct error_about about = {.batch_id = call->batch_id,
                                .frame = frames[call->verb],
                                .tag = call->tag != 0 ? call->tag : read_tag(call->verb, body)};
    session_refuse(session, call->err, call->path, call->sentence, &about);
}

void session_refuse_call(struct session *session, const struct engine_call *call)
{
    refuse(session, call, call->request);
}

void session_call_end(struct session *session, struct engine_call *call)
{
    session->participant->asked_bytes -= call->budget_bytes;
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

void session_ask(struct session *session, enum engine_verb verb, struct span body)
{
    struct engine_call *call = engine_call_new(session->server->engine, verb, &session->peer,
                                               session->id, on_answer, session);
    enum skp_err err = SKP_E_BUSY;
    if (call != NULL && participant_has_room(session, body.len))
        err = engine_call_request(call, body);
    if (err) {
        const struct engine_call unasked = {.verb = verb, .err = err};
        refuse(session, &unasked, body);
        engine_call_free(call);
        return;
    }
    session->asks++;
    if (is_lookup(call))
        participant_asks(session);
    session_submit(session, call);
}
