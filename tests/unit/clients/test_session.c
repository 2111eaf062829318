/* When a session is up, and what frames it lives and dies by. */
#include "client_fixture.h"

static void the_session_is_up_after_welcome(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, welcome_and_wait);
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    assert_string_equal(skp_self(contact.seen.client)->text, MUNICIPALITY);
    assert_string_equal(skp_broker(contact.seen.client)->text, BROKER);
    assert_int_equal(contact.seen.downs, 0);
    close_contact(&contact);
}

static void a_name_is_tried_at_each_of_its_addresses(void **state)
{
    (void)state;
    struct contact contact = {0};
    begin_contact(&contact, welcome_and_wait); /* on IPv4 only */
    contact.config.host = "localhost";
    contact.config.broker_oin = NULL;
    open_client(&contact.seen, &contact.config, &plain_callbacks);
    assert_string_equal(skp_broker(contact.seen.client)->text, "");
    run_until(&contact.seen, &contact.seen.welcomes, 1);
    assert_string_equal(skp_broker(contact.seen.client)->text, BROKER);
    close_contact(&contact);
}

static void handshake_and_wait(struct fake *fake)
{
    fake_handshake(fake);
    fake_expect(fake, FRAME_HELLO);
    fake_expect_end(fake);
}

static void a_finished_handshake_is_not_up_yet(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, handshake_and_wait);
    run_for(&contact.seen, 300);
    assert_int_equal(contact.seen.welcomes, 0);
    uint64_t position = 1;
    assert_int_equal(skp_extend(contact.seen.client, "", &position, 1, 1), SKP_E_NOT_CONNECTED);
    assert_int_equal(skp_extend(contact.seen.client, "", NULL, 0, 1), SKP_E_REQUIRED);
    assert_int_equal(skp_release(contact.seen.client, "", NULL, 0), SKP_E_REQUIRED);
    close_contact(&contact);
}

/* ---------------------------------------------------------------- frames */

static void speak_in_single_bytes(struct fake *fake)
{
    fake->piece_bytes = 1;
    fake_session(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    Skp__V1__Ping ping;
    skp__v1__ping__init(&ping);
    ping.nonce = 77;
    fake_send(fake, FRAME_PING, &ping.base);
    Skp__V1__Pong *pong = fake_expect(fake, FRAME_PONG);
    if (pong->nonce != 77)
        fake_die("another nonce");
    fake_goodbye(fake);
}

static void a_frame_survives_single_bytes(void **state)
{
    (void)state;
    struct contact contact = {0};
    open_contact(&contact, speak_in_single_bytes);
    struct envelope_batch batch = small_batch(&contact.arena, skp_signer(contact.seen.client));
    assert_ok(skp_send(contact.seen.client, &batch, NULL));
    run_until(&contact.seen, &contact.seen.reports, 1);
    assert_int_equal(contact.seen.report_err, SKP_OK);
    run_until(&contact.seen, &contact.seen.downs, 1);
    close_contact(&contact);
}

static void send_raw(struct fake *fake)
{
    const struct span *raw = fake->ctx;
    fake_session(fake);
    fake_write(fake, raw->data, raw->len);
    fake_expect_end(fake);
}

static void bad_frames_end_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum skp_err err;
    } cases[] = {
        {"\0\0\0\0", 4, SKP_E_FRAME_EMPTY},
        {"\xff\xff\xff\xff\x03\0", 6, SKP_E_FRAME_TOO_LARGE},
        {"\0\0\0\x02\x7f\0", 6, SKP_E_FRAME_TYPE_UNKNOWN},
        {"\0\0\0\x02\x03\x01", 6, SKP_E_FRAME_FLAGS},
        {"\0\0\0\x02\x10\0", 6, SKP_E_PROTOCOL_STATE},        /* Begin, which only clients say */
        {"\0\0\0\x02\x02\0", 6, SKP_E_PROTOCOL_STATE},        /* a second Welcome */
        {"\0\0\0\x04\x04\0\x78\x01", 8, SKP_E_UNKNOWN_FIELD}, /* Pong with field 15 */
        {"\0\0\0\x04\x04\0\x08\x80", 8, SKP_E_DECODE},        /* a varint that does not end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span raw = span_of(cases[i].bytes, cases[i].len);
        struct contact contact = {.fake.ctx = &raw};
        open_contact(&contact, send_raw);
        run_until(&contact.seen, &contact.seen.downs, 1);
        assert_err(contact.seen.err, cases[i].err);
        close_contact(&contact);
    }
}

static void writing_to_a_closed_connection_raises_no_signal(void **state)
{
    (void)state;
    int fds[2];
    struct contact contact = {0};
    open_contact(&contact, NULL);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    BIO *bio = BIO_new(contact.seen.client->socket_method);
    BIO_set_fd(bio, fds[0], BIO_CLOSE);
    assert_true(BIO_write(bio, "x", 1) < 0); /* and we are still here */
    BIO_free(bio);
    close_contact(&contact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_session_is_up_after_welcome),
        cmocka_unit_test(a_name_is_tried_at_each_of_its_addresses),
        cmocka_unit_test(a_finished_handshake_is_not_up_yet),
        cmocka_unit_test(writing_to_a_closed_connection_raises_no_signal),
        cmocka_unit_test(a_frame_survives_single_bytes),
        cmocka_unit_test(bad_frames_end_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
