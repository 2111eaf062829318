/* What many sessions hold together: in memory while it is made, unsent, unfinished. */
#include "net_fixture.h"

#include <event2/buffer.h>

/* Sends many questions at once and reads nothing. */
static void open_asker(struct peer *asker, struct net *net)
{
    uint8_t questions[32 * FRAME_HEADER_BYTES];
    peer_open_up(asker, net, OIN_CREDITOR);
    bufferevent_disable(asker->stream, EV_READ);
    for (size_t i = 0; i < 32; i++)
        frame_write_header(FRAME_DIRECTORY_GET, 0, questions + i * FRAME_HEADER_BYTES);
    peer_send_raw(asker, questions, sizeof questions);
}

static void count_unsent(void *ctx, const struct session_info *info)
{
    *(size_t *)ctx += info->unsent_bytes;
}

static void who_asks_from_many_sessions_has_no_more_answers_at_a_time(void **state)
{
    static uint8_t large[150000];
    static struct peer askers[100];
    struct net *net = *state;
    size_t unsent_bytes = 0;
    for (size_t i = 0; i < 100; i++)
        open_asker(&askers[i], net);
    assert_in_range(fake_waiting(net->engine), 64, 64 + 100);
    while (fake_waiting(net->engine) > 0) {
        for (size_t i = fake_waiting(net->engine); i > 0; i--) {
            struct engine_call *call = fake_take(net->engine, ENGINE_DIRECTORY);
            fake_answer_bytes(call, FRAME_DIRECTORY, span_of(large, sizeof large));
            fake_finish(call, SKP_OK);
        }
        net_pump(net);
        assert_in_range(fake_waiting(net->engine), 0, 64 + 100);
    }
    server_each_session(net->server, count_unsent, &unsent_bytes);
    /* 32 MiB, what was under way then, and one more of each. */
    assert_in_range(unsent_bytes, 32U << 20, (32U << 20) + (164 + 100) * sizeof large);
    for (size_t i = 0; i < 100; i++)
        peer_free(&askers[i]);
}

static void unfinished_frames_must_hurry_when_there_are_many(void **state)
{
    static uint8_t most[250000];
    struct net *net = *state;
    struct peer slow[140];
    for (size_t i = 0; i < 140; i++) {
        peer_open_up(&slow[i], net, i % 2 == 0 ? OIN_CREDITOR : OIN_COUNSELLOR);
        frame_write_header(FRAME_DIRECTORY_GET, sizeof most, most);
        peer_send_raw(&slow[i], most, sizeof most);
    }
    net_pass(net, 200); /* seen to be too much */
    assert_int_equal(server_status(net->server).counters->buffers_tight, 1);
    assert_int_equal(server_status(net->server).sessions, 140);
    net_pass(net, 3000);
    peer_expect_error(&slow[0], SKP_E_FRAME_TIMEOUT);
    for (size_t i = 0; i < 140; i++)
        peer_free(&slow[i]);
}

static void an_unfinished_hello_must_hurry_too(void **state)
{
    static uint8_t most[250000];
    struct net *net = *state;
    struct peer slow[140];
    frame_write_header(FRAME_HELLO, sizeof most, most);
    for (size_t i = 0; i < 140; i++) {
        peer_open(&slow[i], net, i % 2 == 0 ? OIN_CREDITOR : OIN_COUNSELLOR);
        peer_send_raw(&slow[i], most, sizeof most);
    }
    net_pass(net, 200); /* seen to be too much */
    assert_int_equal(server_status(net->server).counters->buffers_tight, 1);
    assert_int_equal(server_status(net->server).sessions, 140);
    net_pass(net, 3000);
    peer_expect_error(&slow[0], SKP_E_FRAME_TIMEOUT);
    for (size_t i = 0; i < 140; i++)
        peer_free(&slow[i]);
}

#define ASKS 32

/* Leaves half a MiB of whole frames in the broker's input, behind an answer that it does not read. */
static void open_holder(struct peer *holder, struct net *net)
{
    static uint8_t frames[ASKS * FRAME_HEADER_BYTES + 500000];
    static const uint8_t large[200000];
    uint8_t *end = frames + ASKS * FRAME_HEADER_BYTES;
    peer_open_up(holder, net, OIN_CREDITOR);
    bufferevent_disable(holder->stream, EV_READ);
    for (size_t i = 0; i < ASKS; i++)
        frame_write_header(FRAME_COLLECT, 0, frames + i * FRAME_HEADER_BYTES);
    frame_write_header(FRAME_COLLECT, 250000 - FRAME_HEADER_BYTES, end);
    frame_write_header(FRAME_COLLECT, 250000 - FRAME_HEADER_BYTES, end + 250000);
    peer_send_raw(holder, frames, sizeof frames);
    struct engine_call *call = fake_take(net->engine, ENGINE_COLLECT);
    for (size_t i = 0; i < 6; i++)
        fake_answer_bytes(call, FRAME_COLLECTED, span_of(large, sizeof large));
    fake_finish(call, SKP_OK);
    while (fake_waiting(net->engine) > 0)
        fake_finish(fake_take(net->engine, ENGINE_COLLECT), SKP_OK);
    net_pump(net);
}

static void whole_frames_of_those_who_do_not_read_must_hurry_too(void **state)
{
    struct net *net = *state;
    static struct peer holders[70];
    struct peer honest;
    peer_open_up(&honest, net, OIN_COUNSELLOR);
    for (size_t i = 0; i < 70; i++)
        open_holder(&holders[i], net);
    net_pass(net, 3000);
    assert_int_equal(server_status(net->server).sessions, 71);
    net_pass(net, 1);
    assert_int_equal(server_status(net->server).sessions, 1);
    for (size_t i = 0; i < 70; i++)
        peer_free(&holders[i]);
    peer_free(&honest);
}

/* Takes a little each minute, so that it is never cut for reading nothing. */
static void who_hardly_reads_holds_an_open_batch_no_longer_than_others(void **state)
{
    static const uint8_t large[200000];
    struct net *net = *state;
    struct peer slow;
    peer_open_up(&slow, net, OIN_COUNSELLOR);
    bufferevent_setwatermark(slow.stream, EV_READ, 0, 1000);
    peer_send_body(&slow, FRAME_DIRECTORY_GET, span_text(""));
    peer_send_body(&slow, FRAME_BEGIN, span_text(""));
    struct engine_call *call = fake_take(net->engine, ENGINE_DIRECTORY);
    for (int i = 0; i < 6; i++)
        fake_answer_bytes(call, FRAME_DIRECTORY, span_of(large, sizeof large));
    fake_finish(call, SKP_OK);
    net_pump(net);
    for (int minute = 0; minute < 10; minute++) {
        assert_int_equal(fake_of(net->engine)->open_calls, 1);
        net_pass(net, 60000);
        evbuffer_drain(bufferevent_get_input(slow.stream), 500);
    }
    net_pass(net, 1);
    assert_int_equal(fake_of(net->engine)->open_calls, 0);
    peer_free(&slow);
}

#define BUFFERS_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BUFFERS_TEST(who_asks_from_many_sessions_has_no_more_answers_at_a_time),
        BUFFERS_TEST(unfinished_frames_must_hurry_when_there_are_many),
        BUFFERS_TEST(an_unfinished_hello_must_hurry_too),
        BUFFERS_TEST(whole_frames_of_those_who_do_not_read_must_hurry_too),
        BUFFERS_TEST(who_hardly_reads_holds_an_open_batch_no_longer_than_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
