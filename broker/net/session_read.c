#include "handle.h"
#include "server_internal.h"

#include <event2/buffer.h>
#include <stdio.h>

/* Room for one whole frame and most of the next, so that the peer's pipe does not run dry
 * meanwhile. */
#define INPUT_MAX_BYTES ((size_t)2 * FRAME_MAX_BYTES)

static bool may_read(const struct session *session)
{
    const struct server_limits *limits = &session->server->limits;
    if (session->state == SESSION_GREETING)
        return true;
    return session->state == SESSION_UP && !session->choked &&
           session->asks < server_asks(session->server) && session->batches < limits->batches &&
           participant_may_ask(session);
}

static void refuse_type(struct session *session, enum frame_type type)
{
    char sentence[96];
    if (session->state == SESSION_GREETING)
        snprintf(sentence, sizeof sentence, "%s came first; Hello expected", frame_type_name(type));
    else
        snprintf(sentence, sizeof sentence, "%s is not expected here", frame_type_name(type));
    session_refuse(session, SKP_E_PROTOCOL_STATE, frame_type_name(type), sentence, NULL);
}

static void dispatch(struct session *session, enum frame_type type, struct span body)
{
    const struct verb_row *verb = handle_verb(type);
    int64_t now_ms = server_now_ms(session->server);
    session->frames_in++;
    session->server->sessions_worked = true;
    session->server->counters.frames_received++;
    session->heard_ms = now_ms;
    session->frame_started_ms = -1;
    if (verb == NULL || (verb->states & (1u << session->state)) == 0)
        refuse_type(session, type);
    else
        verb->handle(session, body);
}

/* The rest of an unfinished frame is waited for as a whole. */
static void await(struct session *session, size_t total)
{
    if (session->frame_started_ms < 0 &&
        evbuffer_get_length(bufferevent_get_input(session->stream)) > 0)
        session->frame_started_ms = server_now_ms(session->server);
    bufferevent_setwatermark(session->stream, EV_READ, session->frame_started_ms < 0 ? 0 : total,
                             INPUT_MAX_BYTES);
}

/* True when a frame was taken and there may be another. */
static bool take_frame(struct session *session)
{
    uint8_t header[FRAME_HEADER_BYTES];
    enum frame_type type;
    size_t total;
    enum skp_err err;
    struct evbuffer *input = bufferevent_get_input(session->stream);
    ev_ssize_t have = evbuffer_copyout(input, header, sizeof header);
    enum frame_status status = frame_peek(header, have > 0 ? (size_t)have : 0, &type, &total, &err);
    if (status == FRAME_BAD) {
        session_refuse(session, err, NULL, NULL, NULL);
        return false;
    }
    if (evbuffer_get_length(input) < total) {
        await(session, total);
        return false;
    }
    const uint8_t *frame = evbuffer_pullup(input, (ev_ssize_t)total);
    if (frame == NULL) {
        session_close(session, "out of memory for input");
        return false;
    }
    dispatch(session, (enum frame_type)header[4],
             span_of(frame + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES));
    if (session->state != SESSION_CLOSED)
        evbuffer_drain(input, total);
    return true;
}

/* Sets the stream to what the session may do. */
static void set_reading(struct session *session)
{
    bool reading = may_read(session);
    if (session->state >= SESSION_CLOSING || reading == session->reading)
        return;
    session->reading = reading;
    if (reading) {
        bufferevent_enable(session->stream, EV_READ);
        return;
    }
    session->frame_started_ms = -1;
    bufferevent_disable(session->stream, EV_READ);
    if (session->state == SESSION_UP && !session->choked)
        session->server->counters.pauses_calls++;
}

void session_read(struct session *session)
{
    if (session->in_read)
        return;
    session->in_read = true;
    while (may_read(session) && take_frame(session))
        ;
    session->in_read = false;
    set_reading(session);
}
