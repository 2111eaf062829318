/* How much a client asks for, and when it asks again. */
#include "mailbox_fixture.h"

static void expect_credit(struct fake *fake, uint32_t messages, uint32_t bytes)
{
    Skp__V1__Fetch *fetch = fake_expect(fake, FRAME_FETCH);
    if (fetch->messages != messages || fetch->bytes != bytes)
        fake_die("Fetch of %u messages, %u bytes; expected %u, %u", fetch->messages, fetch->bytes,
                 messages, bytes);
}

static void spend_credit(struct fake *fake)
{
    fake->limits.credit_messages = 4;
    fake->limits.credit_bytes = 1 << 20;
    for (int session = 0; session < 2; session++) {
        fake_session(fake);
        expect_credit(fake, 4, 1 << 20);
        for (int round = 0; round < 3; round++) {
            uint32_t bytes = 0;
            for (int i = 0; i < 2; i++) {
                Skp__V1__Delivery *delivery = make_delivery(fake, MUNICIPALITY, 1);
                bytes += (uint32_t)skp__v1__delivery__get_packed_size(delivery);
                fake_send(fake, FRAME_DELIVERY, &delivery->base);
            }
            expect_credit(fake, 2, bytes);
        }
        fake_hang_up(fake);
    }
}

static void credit_is_kept_filled_also_after_a_reconnect(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, spend_credit);
    assert_ok(skp_fetch(reading.seen.client, "", 1000, 0));
    run_until(&reading.seen, &reading.seen.downs, 2);
    assert_int_equal(reading.seen.deliveries, 12);
    close_reading(&reading);
}

static void deliver_without_refill(struct fake *fake)
{
    fake_session(fake);
    for (uint64_t i = 0; i < 3; i++)
        fake_send(fake, FRAME_DELIVERY, &make_delivery(fake, MUNICIPALITY, i)->base);
    fake_expect_end(fake); /* a Fetch would end the program */
}

static void zero_credit_asks_for_nothing(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, deliver_without_refill);
    assert_ok(skp_fetch(reading.seen.client, "", 10, 0));
    assert_ok(skp_fetch(reading.seen.client, "", 0, 0));
    run_until(&reading.seen, &reading.seen.deliveries, 3);
    run_for(&reading.seen, 50);
    close_reading(&reading);
}

static void say_waiting_twice(struct fake *fake)
{
    fake->limits.credit_messages = 10;
    fake->limits.credit_bytes = 1 << 20;
    fake_session(fake);
    expect_credit(fake, 10, 1 << 20);
    fake_waiting(fake, 0);
    expect_credit(fake, 0, 0);
    fake_waiting(fake, 0);
    fake_expect_end(fake);
}

static void who_asks_is_told_once_more_that_nothing_waits(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, say_waiting_twice);
    assert_err(skp_fetch_ask(reading.seen.client, ""), SKP_E_NOT_FOUND);
    assert_ok(skp_fetch(reading.seen.client, "", 10, 0));
    run_until(&reading.seen, &reading.seen.drained, 1);
    assert_ok(skp_fetch_ask(reading.seen.client, ""));
    run_until(&reading.seen, &reading.seen.drained, 2);
    close_reading(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credit_is_kept_filled_also_after_a_reconnect),
        cmocka_unit_test(zero_credit_asks_for_nothing),
        cmocka_unit_test(who_asks_is_told_once_more_that_nothing_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
