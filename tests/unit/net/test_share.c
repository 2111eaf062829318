/* What one participant holds of the intake, so that there is room for others. */
#include "net_fixture.h"

#define ID_A "aaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbb"

static void answer_receipt(struct net *net)
{
    Skp__V1__Receipt receipt;
    skp__v1__receipt__init(&receipt);
    struct engine_call *call = fake_take(net->engine, ENGINE_BATCH);
    fake_answer(call, FRAME_RECEIPT, &receipt.base);
    fake_finish(call, SKP_OK);
    net_pump(net);
}

static void send_large_batch(struct peer *peer, const char *id)
{
    static const uint8_t bytes[1000];
    peer_send_body(peer, FRAME_BEGIN, span_text(""));
    peer_send_body(peer, FRAME_BUNDLE, span_of(bytes, sizeof bytes));
    peer_send_end(peer, id);
}

static void batches_that_never_end_hold_no_more_than_a_share(void **state)
{
    struct peer hog, second, other;
    static const uint8_t bytes[1000];
    peer_open_up(&hog, *state, OIN_COUNSELLOR);
    peer_open_up(&second, *state, OIN_COUNSELLOR);
    peer_open_up(&other, *state, OIN_CREDITOR);
    fake_of(hog.net->engine)->intake_bytes = 6000;
    peer_send_body(&hog, FRAME_BEGIN, span_text(""));
    peer_send_body(&hog, FRAME_BUNDLE, span_of(bytes, sizeof bytes));
    send_large_batch(&second, ID_A);
    peer_expect_error(&second, SKP_E_BUSY);
    send_large_batch(&other, ID_B);
    assert_int_equal(fake_waiting(other.net->engine), 1);
    answer_receipt(other.net);
    peer_expect(&other, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    peer_free(&hog);
    peer_free(&second);
    peer_free(&other);
}

static void a_begin_counts_in_the_share_like_a_bundle(void **state)
{
    struct peer hog, second;
    static const uint8_t bytes[1000];
    peer_open_up(&hog, *state, OIN_COUNSELLOR);
    peer_open_up(&second, *state, OIN_COUNSELLOR);
    fake_of(hog.net->engine)->intake_bytes = 6000;
    peer_send_body(&hog, FRAME_BEGIN, span_of(bytes, sizeof bytes));
    peer_send_body(&second, FRAME_BEGIN, span_of(bytes, sizeof bytes));
    assert_int_equal(fake_of(hog.net->engine)->open_calls, 1);
    peer_send_end(&second, ID_A);
    const Skp__V1__Error *error = peer_expect_error(&second, SKP_E_BUSY);
    assert_memory_equal(error->batch_id.data, ID_A, 16);
    peer_free(&hog);
    peer_free(&second);
}

/* Until they are answered; also those of a session that is gone. */
static void batches_that_ended_hold_no_more_than_half(void **state)
{
    struct peer hog, second, other;
    peer_open_up(&hog, *state, OIN_COUNSELLOR);
    peer_open_up(&second, *state, OIN_COUNSELLOR);
    peer_open_up(&other, *state, OIN_CREDITOR);
    fake_of(hog.net->engine)->intake_bytes = 4500;
    send_large_batch(&hog, ID_A);
    send_large_batch(&hog, ID_B);
    assert_int_equal(fake_waiting(hog.net->engine), 2);
    send_large_batch(&second, ID_A);
    const Skp__V1__Error *error = peer_expect_error(&second, SKP_E_BUSY);
    assert_memory_equal(error->batch_id.data, ID_A, 16);
    send_large_batch(&other, ID_B);
    assert_int_equal(fake_waiting(other.net->engine), 3);
    peer_free(&hog);
    send_large_batch(&second, ID_A);
    peer_expect_error(&second, SKP_E_BUSY);
    answer_receipt(second.net);
    send_large_batch(&second, ID_A);
    assert_int_equal(fake_waiting(second.net->engine), 3);
    while (fake_waiting(second.net->engine) > 0)
        answer_receipt(second.net);
    peer_free(&second);
    peer_free(&other);
}

static void long_questions_hold_no_more_than_half(void **state)
{
    struct peer hog, second, other;
    static const uint8_t bytes[1000];
    peer_open_up(&hog, *state, OIN_COUNSELLOR);
    peer_open_up(&second, *state, OIN_COUNSELLOR);
    peer_open_up(&other, *state, OIN_CREDITOR);
    fake_of(hog.net->engine)->intake_bytes = 4500;
    peer_send_body(&hog, FRAME_COLLECT, span_of(bytes, sizeof bytes));
    peer_send_body(&hog, FRAME_DIRECTORY_GET, span_of(bytes, sizeof bytes));
    assert_int_equal(fake_waiting(hog.net->engine), 2);
    peer_send_body(&second, FRAME_COLLECT, span_of(bytes, sizeof bytes));
    peer_expect_error(&second, SKP_E_BUSY);
    send_large_batch(&second, ID_A);
    peer_expect_error(&second, SKP_E_BUSY);
    peer_send_body(&other, FRAME_COLLECT, span_of(bytes, sizeof bytes));
    assert_int_equal(fake_waiting(hog.net->engine), 3);
    fake_finish(fake_take(hog.net->engine, ENGINE_DIRECTORY), SKP_OK);
    while (fake_waiting(hog.net->engine) > 0)
        fake_finish(fake_take(hog.net->engine, ENGINE_COLLECT), SKP_OK);
    net_pump(hog.net);
    peer_free(&hog);
    peer_free(&second);
    peer_free(&other);
}

#define SHARE_TEST(name) cmocka_unit_test_setup_teardown(name, net_setup, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARE_TEST(batches_that_never_end_hold_no_more_than_a_share),
        SHARE_TEST(a_begin_counts_in_the_share_like_a_bundle),
        SHARE_TEST(batches_that_ended_hold_no_more_than_half),
        SHARE_TEST(long_questions_hold_no_more_than_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
