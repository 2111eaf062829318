#include "fake_broker.h"

/* Every test here sends batches to a scripted broker and counts the reports. */
struct sending {
    struct fake fake;
    struct seen seen;
    struct skp_config config;
    struct arena arena;
};

static void open_sending(struct sending *sending, script_fn script)
{
    arena_init(&sending->arena, (size_t)64 << 20);
    fake_start(&sending->fake, script);
    sending->config = config_for(&sending->fake);
    open_client(&sending->seen, &sending->config, &plain_callbacks);
}

static void close_sending(struct sending *sending)
{
    skp_client_free(sending->seen.client);
    fake_stop(&sending->fake);
    arena_fini(&sending->arena);
}

static void send_small(struct sending *sending, void *tag)
{
    struct envelope_batch batch = small_batch(&sending->arena, skp_signer(sending->seen.client));
    assert_ok(skp_send(sending->seen.client, &batch, tag));
}

static void expect_report(struct sending *sending, int count, enum skp_err err)
{
    run_until(&sending->seen, &sending->seen.reports, count);
    assert_err(sending->seen.report_err, err);
}

/* ---------------------------------------------------------------- one report each */

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
    struct sending sending = {.fake.ctx = &count};
    open_sending(&sending, store_everything);
    send_small(&sending, &tag);
    assert_int_equal(skp_outstanding(sending.seen.client), 1);
    expect_report(&sending, 1, SKP_OK);
    assert_ptr_equal(sending.seen.tag, &tag);
    assert_false(sending.seen.duplicate);
    assert_int_equal(skp_outstanding(sending.seen.client), 0);
    run_for(&sending.seen, 50);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
    assert_int_equal(sending.seen.problems, 0);
}

static void three_hundred_batches_give_three_hundred_reports(void **state)
{
    (void)state;
    int count = 300;
    struct sending sending = {.fake.ctx = &count};
    open_sending(&sending, store_everything);
    for (int i = 0; i < count; i++)
        send_small(&sending, NULL);
    expect_report(&sending, count, SKP_OK);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, count);
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
    struct sending sending = {0};
    open_sending(&sending, refuse_the_batch);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_E_ROOT_MISMATCH);
    assert_non_null(strstr(sending.seen.words, "do not add up"));
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
}

/* Answers while most of the batch is still with the client; the rest comes all the same. */
static void answer_at_begin(struct fake *fake, enum skp_err err)
{
    char path[WIRE_PATH_MAX];
    struct envelope_header header;
    fake_session(fake);
    Skp__V1__Begin *begin = fake_expect(fake, FRAME_BEGIN);
    if (envelope_read_header(wire_span(begin->header), &fake->arena, path, &header))
        fake_die("no header");
    fake_error(fake, err, &header.batch_id, 0);
    usleep(200000);
    for (uint32_t i = 0; i < header.bundle_count; i++)
        fake_expect(fake, FRAME_BUNDLE);
    fake_expect(fake, FRAME_END);
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
    char path[WIRE_PATH_MAX];
    struct envelope_header header;
    fake_session(fake);
    Skp__V1__Begin *begin = fake_expect(fake, FRAME_BEGIN);
    if (envelope_read_header(wire_span(begin->header), &fake->arena, path, &header))
        fake_die("no header");
    fake_error(fake, SKP_E_SIGNER_INVALID, &header.batch_id, 0);
    usleep(200000);
    fake_reset(fake);
    fake_session(fake);
    fake_take_batch(fake); /* the second one: the first has its answer */
    fake_receipt(fake);
    fake_expect_end(fake);
}

/* Bundles of about 140 KiB each: fifty are far more than a socket takes at once. */
static struct envelope_batch large_batch(struct sending *sending, int bundles)
{
    struct skp_client *client = sending->seen.client;
    struct skp_id batch_id = id_new(), bundle_id;
    struct envelope_batch batch;
    struct envelope_writer *writer =
        envelope_writer_new(&sending->arena, skp_self(client), NULL, &batch_id);
    struct skp_oin broker;
    assert_true(oin_take(span_text(BROKER), &broker));
    for (int i = 0; i < bundles; i++) {
        assert_ok(envelope_bundle_begin(writer, &broker, "", NULL, 0, &bundle_id));
        for (int at = 0; at < 40; at++) {
            ProtobufCBinaryData ids[200];
            struct skp_id case_id = id_new(), request_ids[200];
            Skp__V1__CaseFact fact;
            skp__v1__case_fact__init(&fact);
            Skp__V1__Line line;
            skp__v1__line__init(&line);
            for (size_t r = 0; r < 200; r++) {
                request_ids[r] = id_new();
                ids[r] = wire_bytes(span_of(request_ids[r].bytes, ID_BYTES));
            }
            fact.case_id = wire_bytes(span_of(case_id.bytes, ID_BYTES));
            fact.version = 1;
            fact.persons = 1;
            fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
            fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
            fact.reference_date = 20261203;
            fact.responsible = (char *)(uintptr_t)MUNICIPALITY;
            fact.request_ids = ids;
            fact.n_request_ids = 200;
            line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
            line.case_fact = &fact;
            assert_ok(envelope_line_add(writer, &line, span_of(NULL, 0), NULL));
        }
    }
    assert_ok(envelope_finish(writer, skp_signer(client), skp_now_ms(client), &batch));
    return batch;
}

/* A large batch and a small one; the large one is answered in the middle. */
static void send_under_answer(script_fn script, enum skp_err first, enum skp_err second)
{
    struct sending sending = {0};
    open_sending(&sending, script);
    struct envelope_batch batch = large_batch(&sending, 50);
    assert_ok(skp_send(sending.seen.client, &batch, NULL));
    send_small(&sending, NULL);
    expect_report(&sending, 1, first);
    expect_report(&sending, 2, second);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 2);
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
    struct sending sending = {0};
    open_sending(&sending, be_busy_once);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_OK);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
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
    struct sending sending = {.fake.ctx = order};
    open_sending(&sending, be_busy_and_check_order);
    struct envelope_batch first = small_batch(&sending.arena, skp_signer(sending.seen.client));
    struct envelope_batch second = small_batch(&sending.arena, skp_signer(sending.seen.client));
    order[0] = first.batch_id;
    order[1] = second.batch_id;
    assert_ok(skp_send(sending.seen.client, &first, NULL));
    run_until(&sending.seen, &sending.seen.welcomes, 1);
    run_for(&sending.seen, 50);
    assert_ok(skp_send(sending.seen.client, &second, NULL));
    expect_report(&sending, 2, SKP_OK);
    close_sending(&sending);
}

/* ---------------------------------------------------------------- crashes */

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
    struct sending sending = {0};
    open_sending(&sending, die_at_every_frame);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_OK);
    assert_true(sending.seen.duplicate);
    assert_int_equal(sending.seen.downs, 5);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
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
    struct sending sending = {0};
    open_sending(&sending, reset_while_reading);
    struct envelope_batch batch = large_batch(&sending, 40);
    assert_ok(skp_send(sending.seen.client, &batch, NULL));
    expect_report(&sending, 1, SKP_OK);
    assert_int_equal(sending.seen.downs, 3);
    close_sending(&sending);
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
    struct sending sending = {0};
    open_sending(&sending, read_nothing_for_a_while);
    struct envelope_batch batch = large_batch(&sending, 52);
    assert_ok(skp_send(sending.seen.client, &batch, NULL));
    run_until(&sending.seen, &sending.seen.welcomes, 1);
    int turns = 0;
    for (int64_t until = monotonic_ms() + 400; monotonic_ms() < until; turns++) {
        int64_t before_ms = monotonic_ms();
        skp_process(sending.seen.client);
        assert_true(monotonic_ms() - before_ms < 200);
        usleep(10000);
    }
    assert_true(turns > 4);
    expect_report(&sending, 1, SKP_OK);
    close_sending(&sending);
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
    struct sending sending = {0};
    open_sending(&sending, go_away_with_a_batch);
    send_small(&sending, NULL);
    run_until(&sending.seen, &sending.seen.welcomes, 1);
    run_for(&sending.seen, 50);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_OK);
    expect_report(&sending, 2, SKP_OK);
    assert_int_equal(sending.seen.welcomes, 2);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 2);
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
    struct sending sending = {0};
    open_sending(&sending, take_and_wait);
    send_small(&sending, NULL);
    run_until(&sending.seen, &sending.seen.welcomes, 1);
    run_for(&sending.seen, 100);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
    assert_err(sending.seen.err, SKP_E_OUTCOME_UNKNOWN);
}

static void free_reports_what_never_left(void **state)
{
    (void)state;
    struct sending sending = {.fake.port = 1};
    arena_init(&sending.arena, 1 << 20);
    sending.config = config_for(&sending.fake);
    open_client(&sending.seen, &sending.config, &plain_callbacks);
    send_small(&sending, NULL);
    send_small(&sending, NULL);
    run_for(&sending.seen, 20);
    skp_client_free(sending.seen.client);
    arena_fini(&sending.arena);
    assert_int_equal(sending.seen.reports, 2);
    assert_err(sending.seen.err, SKP_E_NOT_CONNECTED);
}

/* ---------------------------------------------------------------- proofs */

static void sign_badly_once(struct fake *fake)
{
    struct keypair *stranger = load_pair(CREDITOR, "sign");
    fake_session(fake);
    fake_take_batch(fake);
    fake_send(fake, FRAME_RECEIPT, &fake_make_receipt(fake, &fake->batch, stranger)->base);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
    keypair_unref(stranger);
}

static void a_receipt_signed_by_another_is_a_problem_and_asked_again(void **state)
{
    (void)state;
    struct sending sending = {0};
    open_sending(&sending, sign_badly_once);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_OK);
    assert_int_equal(sending.seen.problems, 1);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
}

static void flip_every_receipt(struct fake *fake)
{
    fake_session(fake);
    for (int i = 0; i < 3; i++) {
        fake_take_batch(fake);
        Skp__V1__Receipt *receipt = fake_make_receipt(fake, &fake->batch, fake->signer);
        receipt->commit.data[receipt->commit.len - 1] ^= 1;
        fake_send(fake, FRAME_RECEIPT, &receipt->base);
    }
    fake_expect_end(fake);
}

static void three_bad_receipts_are_reported_as_no_proof(void **state)
{
    (void)state;
    struct sending sending = {0};
    open_sending(&sending, flip_every_receipt);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_E_PROOF_INVALID);
    assert_int_equal(sending.seen.problems, 3);
    close_sending(&sending);
    assert_int_equal(sending.seen.reports, 1);
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
    struct sending sending = {0};
    open_sending(&sending, allow_little);
    struct envelope_batch batch = large_batch(&sending, 3);
    assert_ok(skp_send(sending.seen.client, &batch, NULL));
    expect_report(&sending, 1, SKP_E_BATCH_TOO_LARGE);
    send_small(&sending, NULL);
    expect_report(&sending, 2, SKP_OK);
    close_sending(&sending);
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
    struct sending sending = {0};
    open_sending(&sending, answer_one_by_one);
    for (int i = 0; i < 3; i++) {
        struct envelope_batch batch = large_batch(&sending, 1);
        assert_ok(skp_send(sending.seen.client, &batch, NULL));
    }
    expect_report(&sending, 3, SKP_OK);
    close_sending(&sending);
}

static void a_full_outbox_says_so(void **state)
{
    (void)state;
    struct sending sending = {.fake.port = 1};
    arena_init(&sending.arena, (size_t)16 << 20);
    sending.config = config_for(&sending.fake);
    sending.config.max_outbox_bytes = 400 * 1024;
    open_client(&sending.seen, &sending.config, &plain_callbacks);
    struct envelope_batch huge = large_batch(&sending, 4);
    assert_err(skp_send(sending.seen.client, &huge, NULL), SKP_E_BATCH_TOO_LARGE);
    struct envelope_batch batch = large_batch(&sending, 2);
    assert_ok(skp_send(sending.seen.client, &batch, NULL));
    assert_err(skp_send(sending.seen.client, &batch, NULL), SKP_E_FULL);
    skp_client_free(sending.seen.client);
    arena_fini(&sending.arena);
    assert_int_equal(sending.seen.reports, 1);
}

/* ---------------------------------------------------------------- the chain head */

static void store_then_look_at_hello(struct fake *fake)
{
    fake->sequence = 41;
    Skp__V1__Hello *first = fake_session(fake);
    if (first->latest_head != NULL)
        fake_die("a head on first contact");
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_hang_up(fake);
    for (int i = 0; i < 2; i++) { /* the same client again, then a new one with its file */
        Skp__V1__Hello *hello = fake_session(fake);
        if (hello->latest_head == NULL)
            fake_die("no head in Hello");
        char path[WIRE_PATH_MAX];
        ProtobufCMessage *commit = NULL;
        if (wire_unpack(&skp__v1__commit_header__descriptor, wire_span(hello->latest_head->commit),
                        &fake->arena, path, &commit) ||
            ((Skp__V1__CommitHeader *)commit)->sequence != 42)
            fake_die("another head in Hello");
        fake_expect_end(fake);
    }
}

static void hello_carries_the_newest_head_also_after_a_restart(void **state)
{
    (void)state;
    char file[] = "/tmp/skp-head-XXXXXX";
    int fd = mkstemp(file);
    assert_true(fd >= 0);
    close(fd);
    unlink(file);
    struct sending sending = {0};
    arena_init(&sending.arena, 1 << 20);
    fake_start(&sending.fake, store_then_look_at_hello);
    sending.config = config_for(&sending.fake);
    sending.config.head_file = file;
    open_client(&sending.seen, &sending.config, &plain_callbacks);
    send_small(&sending, NULL);
    expect_report(&sending, 1, SKP_OK);
    run_until(&sending.seen, &sending.seen.welcomes, 2);
    skp_client_free(sending.seen.client);
    open_client(&sending.seen, &sending.config, &plain_callbacks);
    run_until(&sending.seen, &sending.seen.welcomes, 3);
    close_sending(&sending);
    unlink(file);
}

static void a_damaged_head_file_stops_the_start(void **state)
{
    (void)state;
    char file[] = "/tmp/skp-head-XXXXXX";
    int fd = mkstemp(file);
    const char *why = "";
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    struct sending sending = {.fake.port = 1};
    sending.config = config_for(&sending.fake);
    sending.config.head_file = file;
    assert_err(skp_client_new(&sending.config, &plain_callbacks, &sending.seen,
                              &sending.seen.client, &why),
               SKP_E_IO);
    assert_non_null(strstr(why, "move it away"));
    unlink(file);
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
        cmocka_unit_test(a_batch_outlives_a_broker_that_dies_at_every_frame),
        cmocka_unit_test(a_reset_in_the_middle_of_a_write_kills_nobody),
        cmocka_unit_test(a_broker_that_does_not_read_blocks_nobody),
        cmocka_unit_test(going_away_finishes_what_is_under_way_and_begins_nothing),
        cmocka_unit_test(free_reports_what_is_not_known),
        cmocka_unit_test(free_reports_what_never_left),
        cmocka_unit_test(a_receipt_signed_by_another_is_a_problem_and_asked_again),
        cmocka_unit_test(three_bad_receipts_are_reported_as_no_proof),
        cmocka_unit_test(a_batch_over_the_limits_of_welcome_never_leaves),
        cmocka_unit_test(no_more_is_under_way_than_welcome_allows),
        cmocka_unit_test(a_full_outbox_says_so),
        cmocka_unit_test(hello_carries_the_newest_head_also_after_a_restart),
        cmocka_unit_test(a_damaged_head_file_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
