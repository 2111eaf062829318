#include "net_fixture.h"

#include "log.h"
#include "wire.h"

#include <event2/buffer.h>
#include <stdlib.h>

#define PEER_ARENA_BYTES ((size_t)2 << 20)
#define START_MS         INT64_C(1796194800000) /* 2026-12-02 */
#define PUMP_TURNS       12

static void on_stopped(void *ctx)
{
    struct net *net = ctx;
    net->stopped++;
}

int net_setup(void **state)
{
    char why[CREDENTIALS_WHY_BYTES];
    struct net *net = calloc(1, sizeof *net);
    assert_non_null(net);
    log_set_level(LOG_ERROR);
    net->base = event_base_new();
    net->engine = fake_engine_new();
    clock_manual_init(&net->clock, START_MS);
    struct server_config config = {
        .base = net->base,
        .engine = net->engine,
        .clock = &net->clock.clock,
        .limits = server_limits_default(),
        .stopped = on_stopped,
        .stopped_ctx = net,
    };
    assert_ok(server_new(&config, &net->server, why));
    *state = net;
    return 0;
}

int net_teardown(void **state)
{
    struct net *net = *state;
    engine_run_done(net->engine);
    server_free(net->server);
    fake_engine_free(net->engine);
    event_base_free(net->base);
    free(net);
    return 0;
}

void net_pump(struct net *net)
{
    for (unsigned i = 0; i < PUMP_TURNS; i++) {
        event_base_loop(net->base, EVLOOP_NONBLOCK);
        server_run_done(net->server);
    }
}

void net_pass(struct net *net, int64_t ms)
{
    clock_manual_advance(&net->clock, ms);
    server_sweep(net->server);
    net_pump(net);
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct peer *peer = ctx;
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        peer->closed = true;
}

void peer_open(struct peer *peer, struct net *net, const char *oin)
{
    struct bufferevent *pair[2];
    struct skp_oin owner;
    assert_true(oin_take(span_text(oin), &owner));
    assert_ok(bufferevent_pair_new(net->base, BEV_OPT_CLOSE_ON_FREE, pair));
    *peer = (struct peer){.net = net, .stream = pair[0]};
    arena_init(&peer->arena, PEER_ARENA_BYTES);
    bufferevent_setcb(peer->stream, NULL, NULL, on_event, peer);
    bufferevent_enable(peer->stream, EV_READ | EV_WRITE);
    server_adopt(net->server, pair[1], &owner, "test");
    net_pump(net);
}

void peer_free(struct peer *peer)
{
    bufferevent_flush(peer->stream, EV_WRITE, BEV_FINISHED);
    bufferevent_free(peer->stream);
    arena_fini(&peer->arena);
    net_pump(peer->net);
}

void peer_open_up(struct peer *peer, struct net *net, const char *oin)
{
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    peer_open(peer, net, oin);
    peer_send(peer, FRAME_HELLO, &hello.base);
    struct engine_call *call = fake_take(net->engine, ENGINE_HELLO);
    fake_answer(call, FRAME_WELCOME, &welcome.base);
    fake_finish(call, SKP_OK);
    net_pump(net);
    peer_expect(peer, FRAME_WELCOME, &skp__v1__welcome__descriptor);
}

void peer_send_raw(struct peer *peer, const void *bytes, size_t len)
{
    assert_ok(evbuffer_add(bufferevent_get_output(peer->stream), bytes, len));
    net_pump(peer->net);
}

void peer_send_body(struct peer *peer, enum frame_type type, struct span body)
{
    uint8_t header[FRAME_HEADER_BYTES];
    frame_write_header(type, body.len, header);
    assert_ok(evbuffer_add(bufferevent_get_output(peer->stream), header, sizeof header));
    peer_send_raw(peer, body.data, body.len);
}

void peer_send(struct peer *peer, enum frame_type type, const ProtobufCMessage *message)
{
    struct arena arena;
    arena_init(&arena, PEER_ARENA_BYTES);
    peer_send_body(peer, type, wire_pack(message, &arena));
    arena_fini(&arena);
}

void *peer_expect(struct peer *peer, enum frame_type type,
                  const ProtobufCMessageDescriptor *descriptor)
{
    char path[WIRE_PATH_MAX];
    enum frame_type found;
    size_t total;
    enum skp_err err;
    ProtobufCMessage *message;
    struct evbuffer *input = bufferevent_get_input(peer->stream);
    size_t have = evbuffer_get_length(input);
    const uint8_t *bytes = evbuffer_pullup(input, -1);
    assert_int_equal(frame_peek(bytes, have, &found, &total, &err), FRAME_READY);
    assert_int_equal(found, type);
    arena_reset(&peer->arena);
    assert_ok(wire_unpack(descriptor,
                          span_of(bytes + FRAME_HEADER_BYTES, total - FRAME_HEADER_BYTES),
                          &peer->arena, path, &message));
    evbuffer_drain(input, total);
    net_pump(peer->net);
    return message;
}

Skp__V1__Error *peer_expect_error(struct peer *peer, enum skp_err err)
{
    Skp__V1__Error *error = peer_expect(peer, FRAME_ERROR, &skp__v1__error__descriptor);
    assert_int_equal(error->code, err);
    assert_string_equal(error->name, skp_error_name(err));
    assert_true(error->sentence[0] != '\0' && error->remedy[0] != '\0');
    if (!fake_gave(err))
        test_met((int)err);
    return error;
}

void peer_expect_silence(struct peer *peer)
{
    assert_int_equal(evbuffer_get_length(bufferevent_get_input(peer->stream)), 0);
    assert_false(peer->closed);
}

void peer_expect_closed(struct peer *peer)
{
    net_pump(peer->net);
    assert_int_equal(evbuffer_get_length(bufferevent_get_input(peer->stream)), 0);
    assert_true(peer->closed);
}

void peer_send_end(struct peer *peer, const char *id16)
{
    Skp__V1__End end;
    skp__v1__end__init(&end);
    end.batch_id.data = (uint8_t *)(uintptr_t)id16; /* packing does not write */
    end.batch_id.len = strlen(id16);
    peer_send(peer, FRAME_END, &end.base);
}

void peer_send_batch(struct peer *peer, const char *id16)
{
    Skp__V1__Begin begin;
    skp__v1__begin__init(&begin);
    Skp__V1__Bundle bundle;
    skp__v1__bundle__init(&bundle);
    peer_send(peer, FRAME_BEGIN, &begin.base);
    peer_send(peer, FRAME_BUNDLE, &bundle.base);
    peer_send_end(peer, id16);
}

void peer_send_fetch(struct peer *peer, const char *mailbox, uint32_t messages, uint32_t bytes)
{
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = (char *)(uintptr_t)mailbox; /* packing does not write */
    fetch.messages = messages;
    fetch.bytes = bytes;
    peer_send(peer, FRAME_FETCH, &fetch.base);
}
