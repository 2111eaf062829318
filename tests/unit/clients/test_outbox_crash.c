/* Brokers that die, stall or leave with a batch under way, and clients that end with one. */
#include "outbox_fixture.h"

/* Dies after each frame of a batch in turn, and once between commit and receipt. */
static void die_at_every_frame(struct fake *fake)
{
    static const enum frame_type order[] = {FRAME_BEGIN, FRAME_BUNDLE, FRAME_END};
    struct skp_id first = {0};
    for (size_t die_at = 0; die_at <= 3; die_at++) {
        fake_session(fake);
        for (size_t i = 0; i < die_at; i++)
            fake_expect(fake, order[i]);
        fake_hang_up(fake);
    }
    fake_session(fake);
    fake_take_batch(fake);
    first = fake->batch.id;
    fake_hang_up(fake);
    fake_session(fake);
    fake_take_batch(fake);
    if (!id_equal(&first, &fake->batch.id))
        fake_die("sent again under another id");
    Skp__V1__Receipt *receipt = fake_make_receipt(fake, &fake->batch, fake->signer);
    receipt->duplicate = true;
    fake_send(fake, FRAME_RECEIPT, &receipt->base);
    fake_expect_end(fake);
}

static void a_batch_outlives_a_broker_that_dies_at_every_frame(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, die_at_every_frame);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_OK);
    assert_true(contact.seen.duplicate);
    assert_int_equal(contact.seen.downs, 5);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

static void reset_while_reading(struct fake *fake)
{
    for (int i = 0; i < 3; i++) {
        fake_session(fake);
        fake_expect(fake, FRAME_BEGIN);
        fake_reset(fake);
    }
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void a_reset_in_the_middle_of_a_write_kills_nobody(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, reset_while_reading);
    send_large(&contact, 40);
    expect_report(&contact, 1, SKP_OK);
    assert_int_equal(contact.seen.downs, 3);
    close_contact(&contact);
}

static void read_nothing_for_a_while(struct fake *fake)
{
    fake_session(fake);
    usleep(600000);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void a_broker_that_does_not_read_blocks_nobody(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, read_nothing_for_a_while);
    send_large(&contact, 52);
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    int turns = 0;
    for (int64_t until = monotonic_ms() + 400; monotonic_ms() < until; turns++) {
        int64_t before_ms = monotonic_ms();
        skp_process(contact.seen.client);
        assert_true(monotonic_ms() - before_ms < 200);
        usleep(10000);
    }
    assert_true(turns > 4);
    expect_report(&contact, 1, SKP_OK);
    close_contact(&contact);
}

static void go_away_with_a_batch(struct fake *fake)
{
    fake_session(fake);
    fake_take_batch(fake);
    fake_going_away(fake, 50);
    usleep(100000);
    fake_receipt(fake); /* what is under way is still answered */
    fake_expect_end(fake);
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void going_away_finishes_what_is_under_way_and_begins_nothing(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, go_away_with_a_batch);
    send_small(&contact, NULL);
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    run_for(&contact.seen, 50);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_OK);
    expect_report(&contact, 2, SKP_OK);
    assert_int_equal(contact.seen.welcomes, 2);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 2);
}

static void take_and_wait(struct fake *fake)
{
    fake_session(fake);
    fake_take_batch(fake);
    fake_expect_end(fake);
}

static void free_reports_what_is_not_known(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, take_and_wait);
    send_small(&contact, NULL);
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    run_for(&contact.seen, 100);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
    assert_err(contact.seen.err, SKP_E_OUTCOME_UNKNOWN);
}

static void free_reports_what_never_left(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, NULL);
    send_small(&contact, NULL);
    send_small(&contact, NULL);
    run_for(&contact.seen, 20);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 2);
    assert_err(contact.seen.err, SKP_E_NOT_CONNECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_outlives_a_broker_that_dies_at_every_frame),
        cmocka_unit_test(a_reset_in_the_middle_of_a_write_kills_nobody),
        cmocka_unit_test(a_broker_that_does_not_read_blocks_nobody),
        cmocka_unit_test(going_away_finishes_what_is_under_way_and_begins_nothing),
        cmocka_unit_test(free_reports_what_is_not_known),
        cmocka_unit_test(free_reports_what_never_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
