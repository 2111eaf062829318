/* A session that was lost comes back: when, after which pause, and what counts as lost. */
#include "client_fixture.h"

#include "random.h"

static void always_99(void *ctx, void *ret_bytes, size_t len)
{
    (void)ctx;
    memset(ret_bytes, 0, len);
    *(uint8_t *)ret_bytes = 99;
}

static void nobody_listening_is_tried_again_after_a_pause(void **state)
{
    (void)state;
    struct contact contact = {0};
    begin_contact(&contact, NULL);
    random_steer(always_99, NULL);
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    int64_t begun_at_ms = monotonic_ms();
    while (contact.seen.downs < 3)
        skp_process(contact.seen.client); /* however often it is called */
    random_steer(NULL, NULL);
    assert_in_range(monotonic_ms() - begun_at_ms, 195, 2000);
    assert_err(contact.seen.err, SKP_E_NOT_CONNECTED);
    assert_non_null(strstr(contact.seen.words, "Connection refused"));
    close_contact(&contact);
}

static void crash_three_times(struct fake *fake)
{
    fake_accept(fake); /* before the handshake */
    fake_hang_up(fake);
    fake_handshake(fake); /* before Welcome */
    fake_expect(fake, FRAME_HELLO);
    fake_hang_up(fake);
    fake_session(fake); /* after it */
    fake_hang_up(fake);
    welcome_and_wait(fake);
}

static void a_session_comes_back_after_crashes(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, crash_three_times);
    run_until(&contact.seen, &contact.seen.welcomes, 2);
    assert_int_equal(contact.seen.downs, 3);
    assert_err(contact.seen.err, SKP_E_NOT_CONNECTED);
    close_contact(&contact);
}

static void go_away_for_a_while(struct fake *fake)
{
    fake_session(fake);
    fake_going_away(fake, 700);
    fake_expect_end(fake);
    welcome_and_wait(fake);
}

static void going_away_is_respected(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, go_away_for_a_while);
    run_until(&contact.seen, &contact.seen.downs, 1);
    assert_err(contact.seen.err, SKP_E_GOING_AWAY);
    assert_string_equal(contact.seen.words, "maintenance");
    int64_t down_at_ms = monotonic_ms();
    run_until(&contact.seen, &contact.seen.welcomes, 2);
    assert_true(monotonic_ms() - down_at_ms >= 690);
    close_contact(&contact);
}

static void fall_silent(struct fake *fake)
{
    fake->limits.idle_seconds = 1;
    fake_session(fake);
    Skp__V1__Ping *ping = fake_expect(fake, FRAME_PING);
    Skp__V1__Pong pong;
    skp__v1__pong__init(&pong);
    pong.nonce = ping->nonce;
    fake_send(fake, FRAME_PONG, &pong.base);
    fake_expect(fake, FRAME_PING);
    fake_expect_end(fake);
}

static void silence_is_broken_by_ping_and_ended_by_reconnect(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, fall_silent);
    run_until(&contact.seen, &contact.seen.downs, 1);
    assert_err(contact.seen.err, SKP_E_IDLE_TIMEOUT);
    close_contact(&contact);
}

static void keep_talking(struct fake *fake)
{
    fake->limits.idle_seconds = 1;
    fake_session(fake);
    Skp__V1__Pong pong;
    skp__v1__pong__init(&pong);
    for (int i = 0; i < 15; i++, usleep(100000))
        fake_send(fake, FRAME_PONG, &pong.base);
    fake_expect_end(fake);
}

static void a_host_that_was_busy_does_not_blame_the_broker(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, keep_talking);
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    usleep(1200000);
    run_for(&contact.seen, 100);
    assert_int_equal(contact.seen.downs, 0);
    close_contact(&contact);
}

static void pauses_grow_to_thirty_seconds_and_stay_random(void **state)
{
    (void)state;
    int64_t longest = 0, shortest = INT64_MAX;
    for (int i = 0; i < 2000; i++) {
        assert_in_range(client_pause_ms(0), 1, RETRY_FIRST_MS);
        assert_in_range(client_pause_ms(3), 1, 8 * RETRY_FIRST_MS);
        int64_t pause = client_pause_ms(i % 2 ? 1000 : 12);
        assert_in_range(pause, 1, RETRY_MAX_MS);
        longest = pause > longest ? pause : longest;
        shortest = pause < shortest ? pause : shortest;
    }
    assert_true(longest > 25000 && shortest < 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_listening_is_tried_again_after_a_pause),
        cmocka_unit_test(a_session_comes_back_after_crashes),
        cmocka_unit_test(going_away_is_respected),
        cmocka_unit_test(silence_is_broken_by_ping_and_ended_by_reconnect),
        cmocka_unit_test(a_host_that_was_busy_does_not_blame_the_broker),
        cmocka_unit_test(pauses_grow_to_thirty_seconds_and_stay_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
