/* A fetch that ends among mail that is other sessions' goes on by itself; sessions of one participant
 * take turns. */
#include "net_fixture.h"

#define SESSIONS 5
#define ROUNDS   50

static void end_at(struct engine_call *call, uint64_t position, bool caught_up)
{
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    if (caught_up)
        fake_answer(call, FRAME_WAITING, &waiting.base);
    call->caught_up = caught_up;
    call->place = (struct fetch_place){.position = position, .freed = 7};
    fake_finish(call, SKP_OK);
}

static void a_fetch_goes_on_where_the_last_one_ended(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "", 10, 100000);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(call->place.position, 0);
    end_at(call, 1001, false);
    net_pump(peer.net);
    call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(call->place.position, 1001);
    assert_int_equal(call->place.freed, 7);
    end_at(call, 1500, true);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_WAITING, &skp__v1__waiting__descriptor);
    assert_int_equal(fake_waiting(peer.net->engine), 0);
    fake_wake(peer.net->engine, OIN_CREDITOR, "");
    call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(call->place.position, 1500);
    end_at(call, 1501, true);
    net_pump(peer.net);
    peer_free(&peer);
}

static void after_an_error_it_begins_again(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "", 10, 100000);
    end_at(fake_take(peer.net->engine, ENGINE_FETCH), 1001, false);
    net_pump(peer.net);
    fake_finish(fake_take(peer.net->engine, ENGINE_FETCH), SKP_E_UNAVAILABLE);
    net_pump(peer.net);
    peer_expect_error(&peer, SKP_E_UNAVAILABLE);
    peer_send_fetch(&peer, "", 10, 100000);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(call->place.position, 0);
    end_at(call, 0, true);
    net_pump(peer.net);
    peer_free(&peer);
}

static void deliver_one(struct net *net)
{
    Skp__V1__Delivery delivery;
    skp__v1__delivery__init(&delivery);
    struct engine_call *call = fake_take(net->engine, ENGINE_FETCH);
    fake_answer(call, FRAME_DELIVERY, &delivery.base);
    call->fetched_count = 1;
    fake_finish(call, SKP_OK);
    net_pump(net);
}

/* Each answer is held in memory, and there may be hundreds of sessions and mailboxes. */
static void sessions_of_one_participant_take_turns_at_few_fetches(void **state)
{
    struct net *net = *state;
    struct peer peers[SESSIONS], other;
    for (size_t i = 0; i < SESSIONS; i++) {
        peer_open_up(&peers[i], net, OIN_CREDITOR);
        peer_send_fetch(&peers[i], "", 1000, 1000000);
        peer_send_fetch(&peers[i], "noord", 1000, 1000000);
    }
    assert_int_equal(fake_waiting(net->engine), 4);
    peer_open_up(&other, net, OIN_COUNSELLOR);
    peer_send_fetch(&other, "", 1000, 1000000); /* another's are counted apart */
    assert_int_equal(fake_waiting(net->engine), 5);
    for (size_t i = 0; i < ROUNDS; i++) {
        deliver_one(net);
        assert_int_equal(fake_waiting(net->engine), 5);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        for (size_t n = 0; n < ROUNDS / 8; n++)
            peer_expect(&peers[i], FRAME_DELIVERY, &skp__v1__delivery__descriptor);
    }
    peer_free(&peers[0]); /* its turns are others' from now on */
    for (size_t i = 0; i < ROUNDS; i++)
        deliver_one(net);
    assert_int_equal(fake_waiting(net->engine), 5);
    for (size_t i = 1; i < SESSIONS; i++)
        peer_free(&peers[i]);
    peer_free(&other);
    while (fake_waiting(net->engine) > 0)
        deliver_one(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fetch_goes_on_where_the_last_one_ended, net_setup,
                                        net_teardown),
        cmocka_unit_test_setup_teardown(after_an_error_it_begins_again, net_setup, net_teardown),
        cmocka_unit_test_setup_teardown(sessions_of_one_participant_take_turns_at_few_fetches,
                                        net_setup, net_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
