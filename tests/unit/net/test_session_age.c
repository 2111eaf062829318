/* No session lives for ever: each proves anew who it is, once a day. */
#include "net_fixture.h"

static uint64_t count_aged(const struct net *net)
{
    return server_status(net->server).counters->sessions_aged;
}

static void a_session_of_age_is_asked_to_come_back_and_finishes_first(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    unsigned minutes = 1;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, "AAAAaaaaAAAAaaaa");
    for (net_pass(peer.net, 60000); count_aged(peer.net) == 0; net_pass(peer.net, 60000)) {
        peer_send(&peer, FRAME_PING, &ping.base);
        peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
        minutes++;
    }
    assert_in_range(minutes, 18 * 60, 24 * 60);
    const Skp__V1__GoingAway *going =
        peer_expect(&peer, FRAME_GOING_AWAY, &skp__v1__going_away__descriptor);
    assert_string_equal(going->sentence, "this session is old enough: connect again");
    peer_send_batch(&peer, "BBBBbbbbBBBBbbbb");
    assert_string_equal(peer_expect_error(&peer, SKP_E_GOING_AWAY)->sentence,
                        "this session is old enough: connect again");
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_BATCH);
    fake_answer(call, FRAME_RECEIPT, &receipt.base);
    fake_finish(call, SKP_OK);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_expect_closed(&peer);
    assert_int_equal(count_aged(peer.net), 1);
    peer_free(&peer);
}

/* A question under way at any time: it is never done by itself. */
static void who_always_asks_something_is_not_waited_for_without_end(void **state)
{
    struct peer peer;
    Skp__V1__Directory answer;
    skp__v1__directory__init(&answer);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_body(&peer, FRAME_DIRECTORY_GET, span_text(""));
    net_pass(peer.net, 24 * INT64_C(3600000));
    peer_expect(&peer, FRAME_GOING_AWAY, &skp__v1__going_away__descriptor);
    for (int minute = 0; minute < 10; minute++) {
        assert_int_equal(server_status(peer.net->server).sessions, 1);
        peer_send_body(&peer, FRAME_DIRECTORY_GET, span_text(""));
        struct engine_call *call = fake_take(peer.net->engine, ENGINE_DIRECTORY);
        fake_answer(call, FRAME_DIRECTORY, &answer.base);
        fake_finish(call, SKP_OK);
        net_pump(peer.net);
        peer_expect(&peer, FRAME_DIRECTORY, &skp__v1__directory__descriptor);
        net_pass(peer.net, 60000);
    }
    peer_expect_closed(&peer);
    fake_finish(fake_take(peer.net->engine, ENGINE_DIRECTORY), SKP_OK);
    peer_free(&peer);
}

/* Of forty sessions that begin together. */
static uint64_t count_aged_after(struct net *net, int hours)
{
    struct peer peers[40];
    uint64_t before = count_aged(net);
    for (size_t i = 0; i < 40; i++)
        peer_open_up(&peers[i], net, OIN_COUNSELLOR);
    net_pass(net, hours * INT64_C(3600000));
    for (size_t i = 0; i < 40; i++)
        peer_free(&peers[i]);
    net_pass(net, 3000);
    return count_aged(net) - before;
}

static void sessions_that_begin_together_do_not_end_together(void **state)
{
    assert_int_equal(count_aged_after(*state, 17), 0);
    assert_in_range(count_aged_after(*state, 21), 1, 39);
    assert_int_equal(count_aged_after(*state, 24), 40);
}

#define AGE_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGE_TEST(a_session_of_age_is_asked_to_come_back_and_finishes_first),
        AGE_TEST(who_always_asks_something_is_not_waited_for_without_end),
        AGE_TEST(sessions_that_begin_together_do_not_end_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
