#include "send.h"

#include "random.h"
#include "server_internal.h"
#include "skp.pb-c.h"

#include <event2/buffer.h>

#define EXPAND_MAX_BYTES ((size_t)64 * 1024)
#define BUSY_RETRY_MS    500U
#define GOING_AWAY_MS    1000U
#define RETRY_SPREAD_MS  2000U /* so that not everybody comes back at once */

static bool may_send(const struct session *session)
{
    return session->state < SESSION_CLOSING;
}

static void count_sent(struct session *session, enum frame_type type, size_t bytes)
{
    struct counters *counters = &session->server->counters;
    session->frames_out++;
    counters->frames_sent++;
    counters->bytes_sent += bytes;
    if (type == FRAME_DELIVERY)
        counters->deliveries_sent++;
    if (evbuffer_get_length(bufferevent_get_output(session->stream)) >
            server_output_bytes(session->server) &&
        !session->choked) {
        session->choked = true;
        session->choked_ms = server_now_ms(session->server);
        counters->pauses_output++;
    }
}

void send_frame(struct session *session, enum frame_type type, struct span body)
{
    uint8_t header[FRAME_HEADER_BYTES];
    if (!may_send(session))
        return;
    frame_write_header(type, body.len, header);
    struct evbuffer *output = bufferevent_get_output(session->stream);
    if (evbuffer_add(output, header, sizeof header) != 0 ||
        evbuffer_add(output, body.data, body.len) != 0) {
        session_close(session, "out of memory for output");
        return;
    }
    count_sent(session, type, sizeof header + body.len);
}

void send_message(struct session *session, enum frame_type type, const ProtobufCMessage *message)
{
    struct evbuffer_iovec space;
    if (!may_send(session))
        return;
    size_t len = protobuf_c_message_get_packed_size(message);
    struct evbuffer *output = bufferevent_get_output(session->stream);
    if (evbuffer_reserve_space(output, (ev_ssize_t)(FRAME_HEADER_BYTES + len), &space, 1) != 1) {
        session_close(session, "out of memory for output");
        return;
    }
    frame_write_header(type, len, space.iov_base);
    protobuf_c_message_pack(message, (uint8_t *)space.iov_base + FRAME_HEADER_BYTES);
    space.iov_len = FRAME_HEADER_BYTES + len;
    evbuffer_commit_space(output, &space, 1);
    count_sent(session, type, space.iov_len);
}

void send_frames(struct session *session, const struct engine_frame *frames, size_t count,
                 unsigned skip)
{
    size_t total = 0;
    if (!may_send(session))
        return;
    for (size_t i = 0; i < count; i++)
        total += FRAME_HEADER_BYTES + frames[i].body.len;
    /* Only a wish: without the room evbuffer_add() makes its own. */
    evbuffer_expand(bufferevent_get_output(session->stream),
                    total < EXPAND_MAX_BYTES ? total : EXPAND_MAX_BYTES);
    for (size_t i = 0; i < count; i++) {
        if (frames[i].type != skip)
            send_frame(session, frames[i].type, frames[i].body);
    }
}

static uint32_t spread_ms(uint32_t at_least_ms)
{
    return at_least_ms + (uint32_t)(random_u64() % RETRY_SPREAD_MS);
}

static uint32_t retry_after_ms(enum skp_err err, enum skp_retry retry)
{
    if (retry != SKP_RETRY_LATER)
        return 0;
    return spread_ms(err == SKP_E_GOING_AWAY ? GOING_AWAY_MS : BUSY_RETRY_MS);
}

void send_error(struct session *session, enum skp_err err, const char *path, const char *sentence,
                const struct error_about *about)
{
    const struct skp_error_info *info = skp_error(err);
    Skp__V1__Error error;
    skp__v1__error__init(&error);
    if (!may_send(session))
        return;
    error.code = (uint32_t)info->code;
    error.name = wire_text(info->name);
    error.path = wire_text(path != NULL ? path : "");
    error.sentence = wire_text(sentence != NULL && sentence[0] != '\0' ? sentence : info->sentence);
    error.remedy = wire_text(info->remedy);
    error.retry = (Skp__V1__Retry)info->retry;
    error.retry_after_ms = retry_after_ms(err, info->retry);
    if (about != NULL) {
        if (!id_is_nil(&about->batch_id))
            error.batch_id = wire_bytes(span_of(about->batch_id.bytes, ID_BYTES));
        error.frame = about->frame;
        error.tag = about->tag;
    }
    if ((unsigned)info->code < COUNTER_ERROR_CODES)
        session->server->counters.errors_sent[info->code]++;
    send_message(session, FRAME_ERROR, &error.base);
}

void send_going_away(struct session *session, const char *sentence)
{
    Skp__V1__GoingAway message;
    skp__v1__going_away__init(&message);
    message.sentence = wire_text(sentence);
    message.reconnect_after_ms = spread_ms(GOING_AWAY_MS);
    send_message(session, FRAME_GOING_AWAY, &message.base);
}
