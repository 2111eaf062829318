/* Thousands may have to be looked at: nobody waits until that was done. */
#include "tls_fixture.h"

#include <unistd.h>

#define SESSIONS   200
#define TURN_MOST  64 /* of sessions, in one turn of the loop */
#define HANDSHAKES 20 /* all that one source may have under way */

static uint32_t count_timeouts(const struct net *net)
{
    return server_status(net->server).counters->errors_sent[SKP_E_FRAME_TIMEOUT];
}

static void silence_for_too_long(struct net *net)
{
    clock_manual_advance(&net->clock, 10001);
    server_sweep(net->server);
}

static void sessions_are_looked_at_a_few_in_a_turn(void **state)
{
    struct net *net = *state;
    struct peer peers[SESSIONS];
    for (size_t i = 0; i < SESSIONS; i++)
        peer_open(&peers[i], net, OIN_COUNSELLOR);
    silence_for_too_long(net);
    assert_int_equal(count_timeouts(net), TURN_MOST);
    net_pump(net);
    assert_int_equal(count_timeouts(net), SESSIONS);
    for (size_t i = 0; i < SESSIONS; i++)
        peer_free(&peers[i]);
}

static void a_session_that_leaves_between_two_turns_hides_no_other(void **state)
{
    struct net *net = *state;
    struct peer peers[SESSIONS];
    const size_t next = SESSIONS - 1 - TURN_MOST; /* the youngest comes first */
    for (size_t i = 0; i < SESSIONS; i++)
        peer_open(&peers[i], net, OIN_COUNSELLOR);
    silence_for_too_long(net);
    peer_free(&peers[next]);
    net_pump(net);
    assert_int_equal(count_timeouts(net), SESSIONS - 1);
    for (size_t i = 0; i < SESSIONS; i++) {
        if (i != next)
            peer_free(&peers[i]);
    }
}

static void handshakes_that_took_too_long_end_a_few_in_a_turn(void **state)
{
    struct tls_net *tls = *state;
    int fds[HANDSHAKES];
    for (size_t i = 0; i < HANDSHAKES; i++) {
        fds[i] = tls_tcp_connect(tls);
        net_pump(&tls->net);
    }
    assert_int_equal(server_status(tls->net.server).handshakes, HANDSHAKES);
    silence_for_too_long(&tls->net);
    assert_in_range(server_status(tls->net.server).handshakes, 1, HANDSHAKES - 1);
    net_pump(&tls->net);
    assert_int_equal(server_status(tls->net.server).handshakes, 0);
    for (size_t i = 0; i < HANDSHAKES; i++)
        close(fds[i]);
}

#define SWEEP_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_TEST(sessions_are_looked_at_a_few_in_a_turn),
        SWEEP_TEST(a_session_that_leaves_between_two_turns_hides_no_other),
        cmocka_unit_test_setup_teardown(handshakes_that_took_too_long_end_a_few_in_a_turn,
                                        tls_setup, tls_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
