/* Batches, credit and the end: what flows, what pauses, what is finished first. */
#include "net_fixture.h"

#include <event2/buffer.h>

#define ID_A "AAAAaaaaAAAAaaaa"
#define ID_B "BBBBbbbbBBBBbbbb"

static void answer_receipt(struct net *net)
{
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    struct engine_call *call = fake_take(net->engine, ENGINE_BATCH);
    fake_answer(call, FRAME_RECEIPT, &receipt.base);
    fake_finish(call, SKP_OK);
    net_pump(net);
}

static void a_batch_goes_to_the_engine_as_one_call(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, ID_A);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_BATCH);
    assert_string_equal(call->peer.text, OIN_COUNSELLOR);
    assert_int_equal(call->part_count, 1);
    assert_memory_equal(call->batch_id.bytes, ID_A, 16);
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    fake_answer(call, FRAME_RECEIPT, &receipt.base);
    fake_finish(call, SKP_OK);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_free(&peer);
}

static void expect_out_of_order(struct net *net, const enum frame_type *types, size_t count)
{
    struct peer peer;
    peer_open_up(&peer, net, OIN_COUNSELLOR);
    for (size_t i = 0; i < count; i++)
        peer_send_body(&peer, types[i], span_text(""));
    peer_expect_error(&peer, SKP_E_PROTOCOL_STATE);
    peer_expect_closed(&peer);
    peer_free(&peer);
    assert_int_equal(fake_of(net->engine)->open_calls, 0);
}

static void a_batch_out_of_order_closes(void **state)
{
    static const enum frame_type bundle_first[] = {FRAME_BUNDLE};
    static const enum frame_type end_first[] = {FRAME_END};
    static const enum frame_type begin_twice[] = {FRAME_BEGIN, FRAME_BUNDLE, FRAME_BEGIN};
    expect_out_of_order(*state, bundle_first, 1);
    expect_out_of_order(*state, end_first, 1);
    expect_out_of_order(*state, begin_twice, 3);
}

static void an_end_without_a_batch_id_is_told_and_the_session_stays(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, "short");
    Skp__V1__Error *error = peer_expect_error(&peer, SKP_E_ID_FORMAT);
    assert_string_equal(error->path, "end.batch_id");
    peer_send_batch(&peer, ID_A);
    answer_receipt(peer.net);
    peer_expect(&peer, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_free(&peer);
}

static void a_full_intake_turns_a_batch_away_by_its_id(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    fake_of(peer.net->engine)->part_err = SKP_E_BUSY;
    peer_send_batch(&peer, ID_A);
    Skp__V1__Error *error = peer_expect_error(&peer, SKP_E_BUSY);
    assert_int_equal(error->batch_id.len, 16);
    assert_memory_equal(error->batch_id.data, ID_A, 16);
    assert_true(error->retry_after_ms > 0);
    fake_of(peer.net->engine)->part_err = SKP_OK;
    peer_send_batch(&peer, ID_B);
    answer_receipt(peer.net);
    peer_expect(&peer, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_free(&peer);
}

static void a_refused_batch_is_told_with_place_and_id(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, ID_A);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_BATCH);
    strcpy(call->path, "header.root");
    strcpy(call->sentence, "bundle 2 does not add up");
    fake_finish(call, SKP_E_ROOT_MISMATCH);
    net_pump(peer.net);
    Skp__V1__Error *error = peer_expect_error(&peer, SKP_E_ROOT_MISMATCH);
    assert_string_equal(error->path, "header.root");
    assert_string_equal(error->sentence, "bundle 2 does not add up");
    assert_memory_equal(error->batch_id.data, ID_A, 16);
    peer_expect_silence(&peer);
    peer_free(&peer);
}

static void reading_pauses_when_too_many_batches_are_under_way(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    for (int i = 0; i < 12; i++)
        peer_send_batch(&peer, ID_A);
    assert_int_equal(fake_waiting(peer.net->engine), 8);
    net_pass(peer.net, 3600000); /* no deadline of the peer's while we do not read */
    peer_expect_silence(&peer);
    answer_receipt(peer.net);
    assert_int_equal(fake_waiting(peer.net->engine), 8);
    for (int i = 0; i < 11; i++)
        answer_receipt(peer.net);
    for (int i = 0; i < 12; i++)
        peer_expect(&peer, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_free(&peer);
}

static void a_batch_that_never_ends_is_given_up(void **state)
{
    struct peer peer;
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_body(&peer, FRAME_BEGIN, span_text(""));
    assert_int_equal(fake_of(peer.net->engine)->open_calls, 1);
    net_pass(peer.net, 30000);
    peer_send(&peer, FRAME_PING, &ping.base);
    peer_expect(&peer, FRAME_PONG, &skp__v1__pong__descriptor);
    net_pass(peer.net, 1);
    peer_expect_error(&peer, SKP_E_FRAME_TIMEOUT);
    peer_expect_closed(&peer);
    assert_int_equal(fake_of(peer.net->engine)->open_calls, 0);
    peer_free(&peer);
}

static Skp__V1__Fetch *taken_fetch(struct engine_call *call)
{
    Skp__V1__Fetch *fetch =
        skp__v1__fetch__unpack(&call->arena.protobuf, call->request.len, call->request.data);
    assert_non_null(fetch);
    return fetch;
}

static void deliver(struct engine_call *call, unsigned count, size_t bytes, bool caught_up)
{
    Skp__V1__Delivery delivery;
    skp__v1__delivery__init(&delivery);
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    for (unsigned i = 0; i < count; i++)
        fake_answer(call, FRAME_DELIVERY, &delivery.base);
    if (caught_up)
        fake_answer(call, FRAME_WAITING, &waiting.base);
    call->fetched_count = count;
    call->fetched_bytes = bytes;
    call->caught_up = caught_up;
    fake_finish(call, SKP_OK);
}

static void deliveries_stop_when_credit_is_used(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "", 3, 100000);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(taken_fetch(call)->messages, 3);
    assert_int_equal(taken_fetch(call)->bytes, 100000);
    deliver(call, 2, 60000, false);
    net_pump(peer.net);
    call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_int_equal(taken_fetch(call)->messages, 1);
    assert_int_equal(taken_fetch(call)->bytes, 40000);
    deliver(call, 1, 10, false);
    net_pump(peer.net);
    for (int i = 0; i < 3; i++)
        peer_expect(&peer, FRAME_DELIVERY, &skp__v1__delivery__descriptor);
    fake_wake(peer.net->engine, OIN_CREDITOR, "");
    assert_int_equal(fake_waiting(peer.net->engine), 0);
    peer_send_fetch(&peer, "", 1, 1000);
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 0, 0, true);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_WAITING, &skp__v1__waiting__descriptor);
    peer_free(&peer);
}

static void waiting_is_said_once_until_something_came(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "", 10, 100000);
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 0, 0, true);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_WAITING, &skp__v1__waiting__descriptor);
    fake_wake(peer.net->engine, OIN_CREDITOR, "");
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 0, 0, true);
    net_pump(peer.net);
    peer_expect_silence(&peer);
    fake_wake(peer.net->engine, OIN_CREDITOR, "");
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 1, 10, true);
    net_pump(peer.net);
    peer_expect(&peer, FRAME_DELIVERY, &skp__v1__delivery__descriptor);
    peer_expect(&peer, FRAME_WAITING, &skp__v1__waiting__descriptor);
    peer_free(&peer);
}

static void a_wake_during_a_fetch_is_not_lost(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "noord", 10, 100000);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_FETCH);
    fake_wake(peer.net->engine, OIN_CREDITOR, "noord");
    fake_wake(peer.net->engine, OIN_CREDITOR, "zuid");
    fake_wake(peer.net->engine, OIN_COUNSELLOR, "noord");
    assert_int_equal(fake_waiting(peer.net->engine), 0); /* one under way */
    deliver(call, 0, 0, true);
    net_pump(peer.net);
    call = fake_take(peer.net->engine, ENGINE_FETCH);
    assert_string_equal(taken_fetch(call)->mailbox, "noord");
    deliver(call, 0, 0, true);
    net_pump(peer.net);
    assert_int_equal(fake_waiting(peer.net->engine), 0);
    peer_free(&peer);
}

static void a_delivery_that_does_not_fit_is_not_asked_for_in_a_circle(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    peer_send_fetch(&peer, "", 10, 10);
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 0, 0, false);
    net_pump(peer.net);
    assert_int_equal(fake_waiting(peer.net->engine), 0);
    peer_send_fetch(&peer, "", 0, 100000);
    deliver(fake_take(peer.net->engine, ENGINE_FETCH), 1, 5000, true);
    net_pump(peer.net);
    peer_free(&peer);
}

/* Opens a session that asks for much and reads nothing; how many deliveries of 200,000 bytes it was
 * given. */
static unsigned open_slow_reader(struct peer *slow, struct net *net)
{
    static uint8_t large[200000];
    unsigned fetches = 0;
    peer_open_up(slow, net, OIN_CREDITOR);
    bufferevent_disable(slow->stream, EV_READ);
    peer_send_fetch(slow, "", 1000, 200000000);
    while (fake_waiting(net->engine) > 0 && fetches < 100) {
        struct engine_call *call = fake_take(net->engine, ENGINE_FETCH);
        fake_answer_bytes(call, FRAME_DELIVERY, span_of(large, sizeof large));
        call->fetched_count = 1;
        call->fetched_bytes = sizeof large;
        fake_finish(call, SKP_OK);
        net_pump(net);
        fetches++;
    }
    return fetches;
}

static void slow_readers_together_are_held_to_little(void **state)
{
    struct net *net = *state;
    struct peer slow[35], late, brisk;
    unsigned fetches = 0;
    for (size_t i = 0; i < 35; i++)
        fetches += open_slow_reader(&slow[i], net);
    assert_true(fetches >= 168); /* more than 32 MiB in all */
    assert_int_equal(server_status(net->server).counters->buffers_tight, 1);
    assert_int_equal(open_slow_reader(&late, net), 1);
    peer_open_up(&brisk, net, OIN_COUNSELLOR);
    peer_send_batch(&brisk, ID_B);
    answer_receipt(net);
    peer_expect(&brisk, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    for (size_t i = 0; i < 35; i++)
        peer_free(&slow[i]);
    peer_free(&late);
    net_pass(net, 200);
    assert_in_range(open_slow_reader(&late, net), 6, 7); /* and all is as before */
    peer_free(&late);
    peer_free(&brisk);
}

static void a_slow_reader_pauses_its_own_deliveries_only(void **state)
{
    struct peer slow, brisk;
    assert_in_range(open_slow_reader(&slow, *state), 6, 7); /* one MiB and what went over it */
    peer_open_up(&brisk, *state, OIN_COUNSELLOR);
    peer_send_batch(&slow, ID_A);
    assert_int_equal(fake_waiting(slow.net->engine), 0);
    peer_send_batch(&brisk, ID_B);
    answer_receipt(brisk.net);
    peer_expect(&brisk, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    bufferevent_enable(slow.stream, EV_READ);
    net_pump(slow.net);
    assert_int_equal(fake_waiting(slow.net->engine), 2); /* it goes on: its batch, and a fetch */
    fake_finish(fake_take(slow.net->engine, ENGINE_BATCH), SKP_OK);
    fake_finish(fake_take(slow.net->engine, ENGINE_FETCH), SKP_OK);
    peer_free(&slow);
    peer_free(&brisk);
}

static void a_peer_that_stops_reading_is_cut(void **state)
{
    static uint8_t large[200000];
    struct peer peer;
    peer_open_up(&peer, *state, OIN_CREDITOR);
    bufferevent_disable(peer.stream, EV_READ);
    peer_send_fetch(&peer, "", 1, 1000000);
    struct engine_call *call = fake_take(peer.net->engine, ENGINE_FETCH);
    fake_answer_bytes(call, FRAME_DELIVERY, span_of(large, sizeof large));
    call->fetched_count = 1;
    fake_finish(call, SKP_OK);
    net_pump(peer.net);
    net_pass(peer.net, 60000);
    assert_int_equal(server_status(peer.net->server).sessions, 1);
    net_pass(peer.net, 60001);
    assert_int_equal(server_status(peer.net->server).sessions, 0);
    peer_free(&peer);
}

static void stopping_finishes_what_is_under_way(void **state)
{
    struct peer busy, idle;
    peer_open_up(&busy, *state, OIN_COUNSELLOR);
    peer_open_up(&idle, *state, OIN_CREDITOR);
    peer_send_batch(&busy, ID_A);
    server_stop(busy.net->server, 10000);
    net_pump(busy.net);
    const Skp__V1__GoingAway *going =
        peer_expect(&idle, FRAME_GOING_AWAY, &skp__v1__going_away__descriptor);
    assert_string_equal(going->sentence, "the broker is stopping");
    peer_expect_closed(&idle);
    peer_expect(&busy, FRAME_GOING_AWAY, &skp__v1__going_away__descriptor);
    peer_send_batch(&busy, ID_B);
    Skp__V1__Error *error = peer_expect_error(&busy, SKP_E_GOING_AWAY);
    assert_memory_equal(error->batch_id.data, ID_B, 16);
    assert_string_equal(error->sentence, "the broker is stopping");
    assert_int_equal(busy.net->stopped, 0);
    answer_receipt(busy.net);
    peer_expect(&busy, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_expect_closed(&busy);
    assert_int_equal(busy.net->stopped, 1);
    peer_free(&busy);
    peer_free(&idle);
}

static void stopping_does_not_wait_for_ever(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, ID_A);
    server_stop(peer.net->server, 10000);
    net_pass(peer.net, 9999);
    assert_int_equal(peer.net->stopped, 0);
    net_pass(peer.net, 1);
    assert_int_equal(peer.net->stopped, 1);
    fake_finish(fake_take(peer.net->engine, ENGINE_BATCH), SKP_E_OUTCOME_UNKNOWN);
    peer_free(&peer);
}

static void a_failed_engine_is_told_and_ends_the_server(void **state)
{
    struct peer peer;
    peer_open_up(&peer, *state, OIN_COUNSELLOR);
    peer_send_batch(&peer, ID_A);
    fake_of(peer.net->engine)->failed = "the disk said no";
    fake_finish(fake_take(peer.net->engine, ENGINE_BATCH), SKP_E_OUTCOME_UNKNOWN);
    net_pump(peer.net);
    Skp__V1__Error *error = peer_expect_error(&peer, SKP_E_OUTCOME_UNKNOWN);
    assert_memory_equal(error->batch_id.data, ID_A, 16);
    peer_expect(&peer, FRAME_GOING_AWAY, &skp__v1__going_away__descriptor);
    peer_expect_closed(&peer);
    assert_int_equal(peer.net->stopped, 1);
    peer_free(&peer);
}

static void the_clock_participant_gets_one_tick_at_a_time(void **state)
{
    struct net *net = *state;
    fake_of(net->engine)->next_tick_ms = 0;
    net_pump(net);
    assert_int_equal(fake_waiting(net->engine), 1);
    fake_finish(fake_take(net->engine, ENGINE_TICK), SKP_E_UNAVAILABLE);
    net_pump(net);
    assert_int_equal(fake_waiting(net->engine), 0); /* not in a circle */
    net_pass(net, 1000);
    assert_int_equal(fake_waiting(net->engine), 1);
    fake_of(net->engine)->next_tick_ms = 60000;
    fake_finish(fake_take(net->engine, ENGINE_TICK), SKP_OK);
    net_pump(net);
    assert_int_equal(fake_waiting(net->engine), 0);
}

#define PACING_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PACING_TEST(a_batch_goes_to_the_engine_as_one_call),
        PACING_TEST(a_batch_out_of_order_closes),
        PACING_TEST(an_end_without_a_batch_id_is_told_and_the_session_stays),
        PACING_TEST(a_full_intake_turns_a_batch_away_by_its_id),
        PACING_TEST(a_refused_batch_is_told_with_place_and_id),
        PACING_TEST(reading_pauses_when_too_many_batches_are_under_way),
        PACING_TEST(a_batch_that_never_ends_is_given_up),
        PACING_TEST(deliveries_stop_when_credit_is_used),
        PACING_TEST(waiting_is_said_once_until_something_came),
        PACING_TEST(a_wake_during_a_fetch_is_not_lost),
        PACING_TEST(a_delivery_that_does_not_fit_is_not_asked_for_in_a_circle),
        PACING_TEST(a_slow_reader_pauses_its_own_deliveries_only),
        PACING_TEST(slow_readers_together_are_held_to_little),
        PACING_TEST(a_peer_that_stops_reading_is_cut),
        PACING_TEST(stopping_finishes_what_is_under_way),
        PACING_TEST(stopping_does_not_wait_for_ever),
        PACING_TEST(a_failed_engine_is_told_and_ends_the_server),
        PACING_TEST(the_clock_participant_gets_one_tick_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
