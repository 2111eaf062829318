/* Order, limits and deadlines of a session, over a pair of buffers. */
#include "net_fixture.h"

#include "log.h"

#include <event2/buffer.h>
#include <stdio.h>

#define ID "0123456789abcdef"

static void a_session_is_up_after_welcome(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_expect_silence(&peer);
    assert_int_equal(server_status(peer.net->server).sessions, 1);
    peer_free(&peer);
    assert_int_equal(server_status(peer.net->server).sessions, 0);
    assert_int_not_equal(fake_of(peer.net->engine)->closed_session, 0);
}

static void frames_survive_any_split(void **state)
{
    struct peer peer;
    uint8_t bytes[64];
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    ping.nonce = 7;
    size_t body = skp__v1__ping__pack(&ping, bytes + FRAME_HEADER_BYTES);
    frame_write_header(FRAME_PING, body, bytes);
    size_t len = FRAME_HEADER_BYTES + body;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    for (size_t split = 0; split <= len; split++) {
        peer_send_raw(&peer, bytes, split);
        peer_send_raw(&peer, bytes + split, len - split);
        Skp__V1__Pong *pong = peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
        assert_int_equal(pong->nonce, 7);
    }
    for (size_t i = 0; i < len; i++)
        peer_send_raw(&peer, bytes + i, 1);
    peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    peer_free(&peer);
}

static void pong_tells_business_time(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    clock_set_business_offset(&peer.net->clock.clock, 3600000);
    peer_send(&peer, FRAME_PING, &ping.base);
    Skp__V1__Pong *pong = peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    assert_int_equal(pong->business_at_ms, clock_real_ms(&peer.net->clock.clock) + 3600000);
    peer_free(&peer);
}

static void anything_before_hello_closes(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_PING, &ping.base);
    Skp__V1__Error *error = peer_expect_error(&peer, SKP_E_PROTOCOL_STATE);
    assert_non_null(strstr(error->sentence, "Hello expected"));
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void a_second_hello_closes(void **state)
{
    struct peer peer;
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_HELLO, &hello.base);
    peer_expect_error(&peer, SKP_E_PROTOCOL_STATE);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void a_refused_hello_closes_whatever_the_code(void **state)
{
    struct peer peer;
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    peer_open(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_HELLO, &hello.base);
    fake_finish(fake_take(peer.net->engine, ENGINE_HELLO), SKP_E_NOT_REGISTERED);
    net_pump(peer.net);
    peer_expect_error(&peer, SKP_E_NOT_REGISTERED);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void nothing_is_read_while_hello_is_under_way(void **state)
{
    struct peer peer;
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    peer_open(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_HELLO, &hello.base);
    peer_send_batch(&peer, ID);
    assert_int_equal(fake_waiting(peer.net->engine), 1);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_HELLO);
    fake_answer(call, FRAME_WELCOME, &welcome.base);
    fake_finish(call, SKP_OK);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_WELCOME, &skp__v1__welcome__descriptor);
    fake_finish(fake_take(peer.net->engine, ENGINE_BATCH), SKP_OK);
    peer_free(&peer);
}

static void expect_refused_bytes(struct net *net, const uint8_t *bytes, size_t len,
                                 enum skp_err err)
{
    struct peer peer;
    peer_open_up(&peer, net, OIN_COUNSELLOR);
    peer_send_raw(&peer, bytes, len);
    peer_expect_error(&peer, err);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void a_bad_frame_header_closes(void **state)
{
    static const uint8_t empty[] = {0, 0, 0, 0};
    static const uint8_t large[] = {0, 4, 0, 1};
    static const uint8_t largest[] = {0xff, 0xff, 0xff, 0xff};
    static const uint8_t unknown[] = {0, 0, 0, 2, 99};
    static const uint8_t flags[] = {0, 0, 0, 2, FRAME_PING, 1};
    expect_refused_bytes(*state, empty, sizeof empty, SKP_E_FRAME_EMPTY);
    expect_refused_bytes(*state, large, sizeof large, SKP_E_FRAME_TOO_LARGE);
    expect_refused_bytes(*state, largest, sizeof largest, SKP_E_FRAME_TOO_LARGE);
    expect_refused_bytes(*state, unknown, sizeof unknown, SKP_E_FRAME_TYPE_UNKNOWN);
    expect_refused_bytes(*state, flags, sizeof flags, SKP_E_FRAME_FLAGS);
}

static void a_frame_only_the_broker_sends_closes(void **state)
{
    struct peer peer;
    Skp__V1__Welcome welcome;
    skp__v1__welcome__init(&welcome);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_WELCOME, &welcome.base);
    peer_expect_error(&peer, SKP_E_PROTOCOL_STATE);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void a_malformed_body_is_told_and_the_session_stays(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_body(&peer, FRAME_PING, span_text("\xff\xff"));
    peer_expect_error(&peer, SKP_E_DECODE);
    peer_send(&peer, FRAME_PING, &ping.base);
    peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    peer_free(&peer);
}

static void the_largest_frame_passes(void **state)
{
    struct peer peer;
    static uint8_t body[FRAME_MAX_BYTES - 2];
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_body(&peer, FRAME_COLLECT, span_of(body, sizeof body));
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_COLLECT);
    assert_int_equal(call->request.len, sizeof body);
    fake_finish(call, SKP_E_DECODE);
    net_pump(peer.net);
    peer_expect_error(&peer, SKP_E_DECODE);
    peer_free(&peer);
}

static void hello_has_a_deadline(void **state)
{
    struct peer peer;
    peer_open(&peer, *state, OIN_COUNSELLOR);
    net_pass(peer.net, 10000);
    peer_expect_silence(&peer);
    net_pass(peer.net, 1);
    peer_expect_error(&peer, SKP_E_FRAME_TIMEOUT);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void an_unfinished_frame_has_a_deadline(void **state)
{
    static const uint8_t start[] = {0, 0, 0, 40, FRAME_PING, 0, 8};
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    for (size_t i = 0; i < 3; i++) {
        peer_send_raw(&peer, start + i, 1);
        net_pass(peer.net, 10000);
    }
    peer_expect_silence(&peer);
    peer_send_raw(&peer, start + 3, 1);
    net_pass(peer.net, 1);
    peer_expect_error(&peer, SKP_E_FRAME_TIMEOUT);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void silence_ends_a_session(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    for (int i = 0; i < 5; i++) {
        net_pass(peer.net, 60000);
        peer_send(&peer, FRAME_PING, &ping.base);
        peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    }
    net_pass(peer.net, 90001);
    peer_expect_error(&peer, SKP_E_IDLE_TIMEOUT);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void a_ping_flood_closes_and_steady_pings_do_not(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    for (int i = 0; i < 200; i++) {
        peer_send(&peer, FRAME_PING, &ping.base);
        peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
        net_pass(peer.net, 1000);
    }
    for (int i = 0; i < 60; i++) {
        peer_send(&peer, FRAME_PING, &ping.base);
        peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    }
    peer_send(&peer, FRAME_PING, &ping.base);
    peer_expect_error(&peer, SKP_E_FLOOD);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static unsigned count_words(const char *text, const char *words)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

/* Nor does it fill the log: one line in a minute for each code, which counts the others. */
static void a_refusal_flood_closes_and_mistakes_now_and_then_do_not(void **state)
{
    struct peer peer;
    char text[8192] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    log_set_stream(stream);
    log_set_level(LOG_INFO);
    for (int i = 0; i < 100; i++) {
        peer_send_body(&peer, FRAME_EXTEND, span_text("\xff\xff\xff"));
        peer_expect_error(&peer, SKP_E_DECODE);
        net_pass(peer.net, 1000);
    }
    net_pass(peer.net, 10000);
    for (int i = 0; i < 1000; i++) {
        peer_send_body(&peer, FRAME_EXTEND, span_text("\xff\xff\xff"));
        peer_expect_error(&peer, SKP_E_DECODE);
    }
    peer_send_body(&peer, FRAME_EXTEND, span_text("\xff\xff\xff"));
    log_set_level(LOG_ERROR);
    log_set_stream(NULL);
    fclose(stream);
    peer_expect_error(&peer, SKP_E_FLOOD);
    peer_expect_closed(&peer);
    assert_int_equal(count_words(text, "name=DECODE "), 2);
    assert_int_equal(count_words(text, "count=60\n"), 1); /* the first was said by itself */
    assert_int_equal(count_words(text, "name=FLOOD "), 1);
    peer_free(&peer);
}

static void leases_are_extended_and_given_back(void **state)
{
    struct peer peer;
    uint64_t positions[] = {4, 5};
    Skp__V1__Extend extend;
    skp__v1__extend__init(&extend);
    Skp__V1__Release release;
    skp__v1__release__init(&release);
    extend.positions = release.positions = positions;
    extend.n_positions = 2;
    extend.lease_seconds = 120;
    release.n_positions = 1;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send(&peer, FRAME_EXTEND, &extend.base);
    peer_send(&peer, FRAME_RELEASE, &release.base);
    peer_expect_silence(&peer);
    assert_int_equal(fake_of(peer.net->engine)->extended_position, 5);
    assert_int_equal(fake_of(peer.net->engine)->extended_seconds, 120);
    assert_int_equal(fake_of(peer.net->engine)->released_position, 4);
    positions[0] = 0;
    peer_send(&peer, FRAME_RELEASE, &release.base);
    peer_expect_error(&peer, SKP_E_ACK_UNKNOWN);
    release.n_positions = extend.n_positions = 0;
    peer_send(&peer, FRAME_RELEASE, &release.base);
    assert_string_equal(peer_expect_error(&peer, SKP_E_REQUIRED)->path, "release.positions");
    peer_send(&peer, FRAME_EXTEND, &extend.base);
    assert_string_equal(peer_expect_error(&peer, SKP_E_REQUIRED)->path, "extend.positions");
    peer_free(&peer);
}

static void leases_are_extended_and_released_at_a_human_pace(void **state)
{
    Skp__V1__Extend extend;
    Skp__V1__Release release;
    skp__v1__extend__init(&extend);
    skp__v1__release__init(&release);
    uint64_t position = 1;
    extend.positions = release.positions = &position;
    extend.n_positions = release.n_positions = 1;
    for (int releasing = 0; releasing < 2; releasing++) {
        struct peer peer;
        unsigned sent = 0;
        peer_open_up(&peer, *state, OIN_COUNSELLOR);
        while (evbuffer_get_length(bufferevent_get_input(peer.stream)) == 0 && sent < 7000) {
            if (releasing)
                peer_send(&peer, FRAME_RELEASE, &release.base);
            else
                peer_send(&peer, FRAME_EXTEND, &extend.base);
            sent++;
        }
        assert_int_equal(sent, 6001); /* 6,000 in ten seconds are fine */
        peer_expect_error(&peer, SKP_E_FLOOD);
        peer_expect_closed(&peer);
        peer_free(&peer);
    }
}

static void a_long_list_of_positions_counts_as_several_frames(void **state)
{
    static uint64_t positions[4096];
    struct peer peer;
    unsigned sent = 0;
    Skp__V1__Release release;
    skp__v1__release__init(&release);
    for (size_t i = 0; i < 4096; i++)
        positions[i] = 1;
    release.positions = positions;
    release.n_positions = 4096;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    while (evbuffer_get_length(bufferevent_get_input(peer.stream)) == 0 && sent < 100) {
        peer_send(&peer, FRAME_RELEASE, &release.base);
        sent++;
    }
    assert_int_equal(sent, 6000 / (1 + 4096 / 16) + 1);
    peer_expect_error(&peer, SKP_E_FLOOD);
    peer_expect_closed(&peer);
    peer_free(&peer);
}

static void one_participant_has_a_limit_of_sessions(void **state)
{
    struct net *net = *state;
    struct peer peers[257];
    for (size_t i = 0; i < 256; i++)
        peer_open(&peers[i], net, OIN_COUNSELLOR);
    peer_open(&peers[256], net, OIN_COUNSELLOR);
    peer_expect_error(&peers[256], SKP_E_BUSY);
    peer_expect_closed(&peers[256]);
    struct peer other;
    peer_open_up(&other, net, OIN_CREDITOR);
    peer_free(&other);
    for (size_t i = 0; i < 257; i++)
        peer_free(&peers[i]);
}

static void a_peer_that_leaves_mid_call_is_freed_after_the_answer(void **state)
{
    struct peer peer;
    Skp__V1__DirectoryGet get;
    skp__v1__directory_get__init(&get);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send(&peer, FRAME_DIRECTORY_GET, &get.base);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_DIRECTORY);
    struct net *net = peer.net;
    fake_of(net->engine)->closed_session = 0;
    peer_free(&peer);
    assert_int_equal(server_status(net->server).sessions, 0);
    assert_int_equal(fake_of(net->engine)->closed_session, 0);
    fake_finish(call, SKP_OK);
    net_pump(net);
    assert_int_not_equal(fake_of(net->engine)->closed_session, 0);
}

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(a_session_is_up_after_welcome),
        SESSION_TEST(frames_survive_any_split),
        SESSION_TEST(pong_tells_business_time),
        SESSION_TEST(anything_before_hello_closes),
        SESSION_TEST(a_second_hello_closes),
        SESSION_TEST(a_refused_hello_closes_whatever_the_code),
        SESSION_TEST(nothing_is_read_while_hello_is_under_way),
        SESSION_TEST(a_bad_frame_header_closes),
        SESSION_TEST(a_frame_only_the_broker_sends_closes),
        SESSION_TEST(a_malformed_body_is_told_and_the_session_stays),
        SESSION_TEST(the_largest_frame_passes),
        SESSION_TEST(hello_has_a_deadline),
        SESSION_TEST(an_unfinished_frame_has_a_deadline),
        SESSION_TEST(silence_ends_a_session),
        SESSION_TEST(a_ping_flood_closes_and_steady_pings_do_not),
        SESSION_TEST(a_refusal_flood_closes_and_mistakes_now_and_then_do_not),
        SESSION_TEST(leases_are_extended_and_given_back),
        SESSION_TEST(leases_are_extended_and_released_at_a_human_pace),
        SESSION_TEST(a_long_list_of_positions_counts_as_several_frames),
        SESSION_TEST(one_participant_has_a_limit_of_sessions),
        SESSION_TEST(a_peer_that_leaves_mid_call_is_freed_after_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
