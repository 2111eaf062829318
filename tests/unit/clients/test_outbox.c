/* Each batch gets one report, however the broker answers it, and waits when it must. */
#include "outbox_fixture.h"

static void store_everything(struct fake *fake)
{
    const int *count = fake->ctx;
    fake_session(fake);
    for (int i = 0; i < *count; i++) {
        fake_take_batch(fake);
        fake_receipt(fake);
    }
    fake_expect_end(fake);
}

static void a_stored_batch_is_reported_once_with_its_receipt(void **state)
{
    (void)state;
    int count = 1, tag = 0;
    struct contact contact = {.fake.ctx = &count};
    open_contact(&contact, store_everything);
    send_small(&contact, &tag);
    assert_int_equal(skp_outstanding(contact.seen.client), 1);
    expect_report(&contact, 1, SKP_OK);
    assert_ptr_equal(contact.seen.tag, &tag);
    assert_false(contact.seen.duplicate);
    assert_int_equal(skp_outstanding(contact.seen.client), 0);
    run_for(&contact.seen, 50);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
    assert_int_equal(contact.seen.problems, 0);
}

static void three_hundred_batches_give_three_hundred_reports(void **state)
{
    (void)state;
    int count = 300;
    struct contact contact = {.fake.ctx = &count};
    open_contact(&contact, store_everything);
    for (int i = 0; i < count; i++)
        send_small(&contact, NULL);
    expect_report(&contact, count, SKP_OK);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, count);
}

static void refuse_the_batch(struct fake *fake)
{
    fake_session(fake);
    fake_take_batch(fake);
    fake_error(fake, SKP_E_ROOT_MISMATCH, &fake->batch.id, 0);
    fake_expect_end(fake);
}

static void a_refused_batch_is_reported_with_the_brokers_words(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, refuse_the_batch);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_E_ROOT_MISMATCH);
    assert_non_null(strstr(contact.seen.words, "do not add up"));
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

/* Answers while most of the batch is still with the client; the rest comes all the same. */
static void answer_at_begin(struct fake *fake, enum skp_err err)
{
    fake_session(fake);
    struct envelope_header header = fake_take_begin(fake);
    fake_error(fake, err, &header.batch_id, 0);
    usleep(200000);
    fake_take_rest(fake, &header);
}

static void refuse_at_begin(struct fake *fake)
{
    answer_at_begin(fake, SKP_E_SIGNER_INVALID);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void postpone_at_begin(struct fake *fake)
{
    answer_at_begin(fake, SKP_E_BUSY);
    for (int i = 0; i < 2; i++) {
        fake_take_batch(fake);
        fake_receipt(fake);
    }
    fake_expect_end(fake);
}

static void crash_after_answer_at_begin(struct fake *fake)
{
    fake_session(fake);
    struct envelope_header header = fake_take_begin(fake);
    fake_error(fake, SKP_E_SIGNER_INVALID, &header.batch_id, 0);
    usleep(200000);
    fake_reset(fake);
    fake_session(fake);
    fake_take_batch(fake); /* the second one: the first has its answer */
    fake_receipt(fake);
    fake_expect_end(fake);
}

/* A large batch and a small one; the large one is answered in the middle. */
static void send_under_answer(script_fn script, enum skp_err first, enum skp_err second)
{
    struct contact contact = {0};
    open_contact(&contact, script);
    send_large(&contact, 50);
    send_small(&contact, NULL);
    expect_report(&contact, 1, first);
    expect_report(&contact, 2, second);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 2);
}

static void an_answer_in_the_middle_of_a_batch_keeps_the_stream_whole(void **state)
{
    (void)state;
    send_under_answer(refuse_at_begin, SKP_E_SIGNER_INVALID, SKP_OK);
    send_under_answer(postpone_at_begin, SKP_OK, SKP_OK);
    send_under_answer(crash_after_answer_at_begin, SKP_E_SIGNER_INVALID, SKP_OK);
}

/* ---------------------------------------------------------------- later */

static void be_busy_once(struct fake *fake)
{
    fake_session(fake);
    fake_take_batch(fake);
    struct skp_id first = fake->batch.id;
    int64_t asked_at_ms = monotonic_ms();
    fake_error(fake, SKP_E_BUSY, &first, 300);
    fake_take_batch(fake);
    if (!id_equal(&first, &fake->batch.id))
        fake_die("sent again under another id");
    if (monotonic_ms() - asked_at_ms < 290)
        fake_die("sent again too early");
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void a_busy_broker_gets_the_batch_again_when_it_asked_for(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, be_busy_once);
    send_small(&contact, NULL);
    expect_report(&contact, 1, SKP_OK);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

static void be_busy_and_check_order(struct fake *fake)
{
    struct skp_id *order = fake->ctx;
    fake_session(fake);
    fake_take_batch(fake);
    fake_error(fake, SKP_E_UNAVAILABLE, &fake->batch.id, 100);
    for (int i = 0; i < 2; i++) {
        fake_take_batch(fake);
        if (!id_equal(&fake->batch.id, &order[i]))
            fake_die("batch %d is not at its place", i);
        fake_receipt(fake);
    }
    fake_expect_end(fake);
}

static void what_comes_after_waits_with_it(void **state)
{
    (void)state;
    struct skp_id order[2];
    struct contact contact = {.fake.ctx = order};
    open_contact(&contact, be_busy_and_check_order);
    struct envelope_batch first = small_batch(&contact.arena, skp_signer(contact.seen.client));
    struct envelope_batch second = small_batch(&contact.arena, skp_signer(contact.seen.client));
    order[0] = first.batch_id;
    order[1] = second.batch_id;
    assert_ok(skp_send(contact.seen.client, &first, NULL));
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    run_for(&contact.seen, 50);
    assert_ok(skp_send(contact.seen.client, &second, NULL));
    expect_report(&contact, 2, SKP_OK);
    close_contact(&contact);
}

/* ---------------------------------------------------------------- limits */

static void allow_little(struct fake *fake)
{
    fake->limits.batch_lines = 100;
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void a_batch_over_the_limits_of_welcome_never_leaves(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, allow_little);
    send_large(&contact, 3);
    expect_report(&contact, 1, SKP_E_BATCH_TOO_LARGE);
    send_small(&contact, NULL);
    expect_report(&contact, 2, SKP_OK);
    close_contact(&contact);
}

static void answer_one_by_one(struct fake *fake)
{
    fake->limits.batch_bytes = 200 * 1024;
    fake_session(fake);
    for (int i = 0; i < 3; i++) {
        fake_take_batch(fake);
        struct pollfd more = {.fd = fake->fd, .events = POLLIN};
        if (SSL_pending(fake->ssl) > 0 || poll(&more, 1, 100) != 0)
            fake_die("the next batch came before its turn");
        fake_receipt(fake);
    }
    fake_expect_end(fake);
}

static void no_more_is_under_way_than_welcome_allows(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, answer_one_by_one);
    for (int i = 0; i < 3; i++)
        send_large(&contact, 1);
    expect_report(&contact, 3, SKP_OK);
    close_contact(&contact);
}

static void a_full_outbox_says_so(void **state)
{
    (void)state;
    struct contact contact = {0};
    begin_contact(&contact, NULL);
    contact.config.max_outbox_bytes = 400 * 1024;
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    struct envelope_batch huge = large_batch(&contact, 4);
    assert_err(skp_send(contact.seen.client, &huge, NULL), SKP_E_BATCH_TOO_LARGE);
    struct envelope_batch batch = large_batch(&contact, 2);
    assert_ok(skp_send(contact.seen.client, &batch, NULL));
    assert_err(skp_send(contact.seen.client, &batch, NULL), SKP_E_FULL);
    close_contact(&contact);
    assert_int_equal(contact.seen.reports, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stored_batch_is_reported_once_with_its_receipt),
        cmocka_unit_test(three_hundred_batches_give_three_hundred_reports),
        cmocka_unit_test(a_refused_batch_is_reported_with_the_brokers_words),
        cmocka_unit_test(an_answer_in_the_middle_of_a_batch_keeps_the_stream_whole),
        cmocka_unit_test(a_busy_broker_gets_the_batch_again_when_it_asked_for),
        cmocka_unit_test(what_comes_after_waits_with_it),
        cmocka_unit_test(a_batch_over_the_limits_of_welcome_never_leaves),
        cmocka_unit_test(no_more_is_under_way_than_welcome_allows),
        cmocka_unit_test(a_full_outbox_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
