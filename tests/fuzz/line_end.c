#include "line_end.h"

#include "frame.h"
#include "fuzz.h"

#include <event2/buffer.h>

#define PUMP_TURNS 12
#define PIECES_MAX 200

void line_pump(struct world *w, struct event_base *base, struct server *server)
{
    for (unsigned i = 0; i < PUMP_TURNS; i++) {
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
        while (engine_pump(w->engine))
            continue;
        server_run_done(server);
    }
}

void line_write(struct line_end *end, struct event_base *base, struct server *server,
                struct span bytes)
{
    size_t piece = end->piece_bytes ? end->piece_bytes : bytes.len;
    if (piece < bytes.len / PIECES_MAX)
        piece = bytes.len / PIECES_MAX;
    while (bytes.len > 0) {
        struct span part = take_span(&bytes, piece);
        EXPECT(bufferevent_write(end->stream, part.data, part.len) == 0);
        if (bytes.len > 0)
            (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    line_pump(end->world, base, server);
}

/* ---------------------------------------------------------------- hearing */

static const ProtobufCMessageDescriptor *type_from_broker(enum frame_type type)
{
    enum sender { C, B, X };
    switch (type) {
#define X(name, number, message, sender)                                                           \
    case (number):                                                                                 \
        return (sender) == C ? NULL : &skp__v1__##message##__descriptor;
        FRAME_TYPES(X)
#undef X
    }
    return NULL;
}

static void hear_error(struct line_end *end, const Skp__V1__Error *error)
{
    enum skp_err err = (enum skp_err)error->code;
    EXPECT(skp_error(err) != NULL && strcmp(error->name, skp_error_name(err)) == 0);
    EXPECT(error->sentence[0] != '\0' && error->remedy[0] != '\0');
    EXPECT(office_may_say(err));
    end->told_last = error->code < 200;
}

static void hear_delivery(struct line_end *end, Skp__V1__Delivery *delivery)
{
    struct world *w = end->world;
    const char *why = NULL;
    struct mail *mail = &end->mails[end->mail_count % HEARD_MAX];
    *mail = (struct mail){.delivery = delivery};
    EXPECT(envelope_check_delivery(w->trust, w->cache, delivery, &end->party->oin,
                                   clock_real_ms(&w->clock.clock), &w->arena, &mail->checked,
                                   &why) == SKP_OK);
    end->mail_count++;
    end->delivered++;
    EXPECT(end->delivered <= end->credit);
}

static void hear_frame(struct line_end *end, enum frame_type type, struct span body)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    const ProtobufCMessageDescriptor *descriptor = type_from_broker(type);
    EXPECT(descriptor != NULL && !end->told_last);
    EXPECT(wire_unpack(descriptor, body, &end->world->arena, path, &message) == SKP_OK);
    end->frames++;
    if (type == FRAME_ERROR)
        hear_error(end, (const Skp__V1__Error *)message);
    else if (type == FRAME_DELIVERY)
        hear_delivery(end, (Skp__V1__Delivery *)message);
    else if (type == FRAME_COLLECTED)
        EXPECT(((const Skp__V1__Collected *)message)->tag != UNSIGNED_TAG);
}

void line_hear(struct line_end *end)
{
    struct evbuffer *input = bufferevent_get_input(end->stream);
    for (;;) {
        enum frame_type type;
        size_t total, have = evbuffer_get_length(input);
        enum skp_err err;
        const uint8_t *bytes = evbuffer_pullup(input, -1);
        enum frame_status status = frame_peek(bytes, have, &type, &total, &err);
        EXPECT(status != FRAME_BAD);
        if (status == FRAME_NEED_MORE)
            return;
        const uint8_t *frame = arena_copy(&end->world->arena, bytes, total);
        EXPECT(frame != NULL);
        hear_frame(end, type, span_of(frame + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES));
        (void)evbuffer_drain(input, total);
    }
}
