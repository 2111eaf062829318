/* Questions are asked until they are answered; a record that is published can be sealed for. */
#include "mailbox_fixture.h"

static void answer_at_the_second_time(struct fake *fake)
{
    fake_session(fake);
    fake_expect(fake, FRAME_DIRECTORY_GET);
    fake_expect(fake, FRAME_CASES_GET);
    fake_hang_up(fake);
    fake_session(fake);
    Skp__V1__DirectoryGet *get = fake_expect(fake, FRAME_DIRECTORY_GET);
    Skp__V1__CasesGet *cases_get = fake_expect(fake, FRAME_CASES_GET);
    if (get->n_oins != 1 || strcmp(get->oins[0], CREDITOR) != 0 || cases_get->n_case_ids != 1)
        fake_die("another question");
    Skp__V1__Directory directory;
    skp__v1__directory__init(&directory);
    directory.tag = get->tag;
    fake_send(fake, FRAME_DIRECTORY, &directory.base);
    Skp__V1__Cases cases;
    skp__v1__cases__init(&cases);
    cases.tag = cases_get->tag;
    fake_send(fake, FRAME_CASES, &cases.base);
    fake_hang_up(fake);
    fake_session(fake);
    fake_expect_end(fake); /* nothing is asked a third time */
}

static void a_question_is_asked_until_it_has_its_answer(void **state)
{
    (void)state;
    static const char *const oins[] = {CREDITOR};
    struct skp_id case_id = id_new();
    struct reading reading = {0};
    open_reading(&reading, answer_at_the_second_time);
    assert_ok(skp_directory_get(reading.seen.client, oins, 1, NULL, 12));
    assert_ok(skp_cases_get(reading.seen.client, &case_id, 1, NULL, 13));
    run_until(&reading.seen, &reading.seen.directories, 1);
    run_until(&reading.seen, &reading.seen.cases, 1);
    assert_int_equal(reading.seen.last_tag, 13);
    run_until(&reading.seen, &reading.seen.welcomes, 3);
    run_for(&reading.seen, 50);
    close_reading(&reading);
}

static void refuse_a_question(struct fake *fake)
{
    fake_session(fake);
    const Skp__V1__Publish *publish = fake_expect(fake, FRAME_PUBLISH);
    fake_error_about(fake, SKP_E_RECORD_OLD, NULL, FRAME_PUBLISH, publish->tag, 0);
    fake_hang_up(fake);
    fake_session(fake);
    fake_expect_end(fake);
}

static void a_refused_question_is_a_problem_and_not_asked_again(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, refuse_a_question);
    X509 *cert = keypair_cert(reading.enc);
    struct skp_mailbox mailbox = {.name = "", .version = 7, .certs = &cert, .cert_count = 1};
    assert_ok(skp_publish(reading.seen.client, &mailbox, 1));
    run_until(&reading.seen, &reading.seen.problems, 1);
    assert_err(reading.seen.problem_err, SKP_E_RECORD_OLD);
    run_until(&reading.seen, &reading.seen.welcomes, 2);
    assert_int_equal(reading.seen.err,
                     SKP_E_NOT_CONNECTED); /* the later hang-up has its own reason */
    run_for(&reading.seen, 50);
    close_reading(&reading);
}

static void ask_for_patience(struct fake *fake)
{
    fake_session(fake);
    fake_expect(fake, FRAME_FETCH);
    Skp__V1__DirectoryGet *get = fake_expect(fake, FRAME_DIRECTORY_GET);
    int64_t asked_at_ms = monotonic_ms();
    fake_error_about(fake, SKP_E_UNAVAILABLE, NULL, FRAME_DIRECTORY_GET, get->tag, 0);
    fake_error_about(fake, SKP_E_UNAVAILABLE, NULL, FRAME_FETCH, 0, 200);
    fake_expect(fake, FRAME_FETCH); /* its credit is gone, so it is given again */
    get = fake_expect(fake, FRAME_DIRECTORY_GET);
    if (monotonic_ms() - asked_at_ms < 190)
        fake_die("asked again too early");
    Skp__V1__Directory directory;
    skp__v1__directory__init(&directory);
    directory.tag = get->tag;
    fake_send(fake, FRAME_DIRECTORY, &directory.base);
    fake_expect_end(fake);
}

static void a_postponed_question_is_asked_again_and_credit_with_it(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, ask_for_patience);
    assert_ok(skp_fetch(reading.seen.client, "", 10, 0));
    assert_ok(skp_directory_get(reading.seen.client, NULL, 0, "", 31));
    run_until(&reading.seen, &reading.seen.directories, 1);
    assert_int_equal(reading.seen.last_tag, 31);
    assert_err(reading.seen.problem_err, SKP_E_UNAVAILABLE);
    close_reading(&reading);
}

/* ---------------------------------------------------------------- statements */

/* Two statements that their caller calls by one name: which is postponed is for the script to say. */
struct two_statements {
    bool first_is_busy, names_tag;
};

static uint64_t position_of(const Skp__V1__Collect *collect)
{
    return collect->items[0]->position;
}

static void take_statement(struct fake *fake, const Skp__V1__Collect *collect)
{
    Skp__V1__Collected collected;
    skp__v1__collected__init(&collected);
    collected.tag = collect->tag;
    collected.collected = 1;
    fake_send(fake, FRAME_COLLECTED, &collected.base);
}

static void postpone_one_and_take_the_other(struct fake *fake)
{
    const struct two_statements *two = fake->ctx;
    fake_session(fake);
    const Skp__V1__Collect *a = fake_expect(fake, FRAME_COLLECT);
    const Skp__V1__Collect *b = fake_expect(fake, FRAME_COLLECT);
    const Skp__V1__Collect *busy = two->first_is_busy ? a : b, *taken = two->first_is_busy ? b : a;
    fake_error_about(fake, SKP_E_BUSY, NULL, FRAME_COLLECT, two->names_tag ? busy->tag : 0, 200);
    take_statement(fake, taken);
    const Skp__V1__Collect *again = fake_expect(fake, FRAME_COLLECT);
    if (position_of(again) != position_of(busy))
        fake_die("what was taken is said again, and not what was postponed");
    take_statement(fake, again);
    fake_expect_end(fake);
}

static void say_two(const struct two_statements *two)
{
    static const uint8_t hash[HASH_BYTES];
    struct reading reading = {.fake.ctx = (void *)(uintptr_t)two};
    open_reading(&reading, postpone_one_and_take_the_other);
    for (uint64_t position = 7; position <= 8; position++) {
        Skp__V1__CollectedItem item;
        skp__v1__collected_item__init(&item);
        item.position = position;
        item.head_hash = wire_bytes(span_of(hash, sizeof hash));
        assert_ok(skp_collect(reading.seen.client, "", &item, 1, 1));
    }
    run_until(&reading.seen, &reading.seen.collected, 2);
    run_for(&reading.seen, 50);
    assert_int_equal(reading.seen.collected, 2);
    assert_int_equal(reading.seen.last_tag, 1);
    close_reading(&reading);
}

static void of_two_statements_only_the_postponed_one_is_said_again(void **state)
{
    (void)state;
    say_two(&(struct two_statements){.first_is_busy = true, .names_tag = true});
    say_two(&(struct two_statements){.first_is_busy = false, .names_tag = true});
}

static void later_without_a_tag_may_be_about_any_question_of_its_kind(void **state)
{
    (void)state;
    say_two(&(struct two_statements){.first_is_busy = true, .names_tag = false});
    say_two(&(struct two_statements){.first_is_busy = false, .names_tag = false});
}

/* ---------------------------------------------------------------- records */

struct kept_record {
    uint8_t record[16384];
    size_t record_bytes;
    char jws[JWS_MAX_BYTES];
};

static void keep_record(struct fake *fake)
{
    struct kept_record *kept = fake->ctx;
    fake_session(fake);
    Skp__V1__Publish *publish = fake_expect(fake, FRAME_PUBLISH);
    kept->record_bytes = publish->record->record.len;
    memcpy(kept->record, publish->record->record.data, kept->record_bytes);
    snprintf(kept->jws, sizeof kept->jws, "%s", publish->record->jws);
    Skp__V1__Published published;
    skp__v1__published__init(&published);
    published.tag = publish->tag;
    published.version = 7;
    fake_send(fake, FRAME_PUBLISHED, &published.base);
    fake_expect_end(fake);
}

static void what_one_publishes_another_can_seal_for(void **state)
{
    (void)state;
    static struct kept_record kept;
    struct reading reading = {.fake.ctx = &kept};
    struct skp_oin other;
    X509 *certs[4];
    size_t count = 0;
    const char *why = "";
    open_reading(&reading, keep_record);
    struct skp_client *client = reading.seen.client;
    X509 *cert = keypair_cert(reading.enc);
    struct skp_hash lost[65] = {{{1}}, {{2}}};
    struct skp_mailbox mailbox = {.name = "",
                                  .version = 7,
                                  .certs = &cert,
                                  .cert_count = 1,
                                  .withdrawn = lost,
                                  .withdrawn_count = 65};
    assert_err(skp_publish(client, &mailbox, 55), SKP_E_DECODE_ITEMS);
    mailbox.withdrawn_count = 2;
    assert_ok(skp_publish(client, &mailbox, 55));
    run_until(&reading.seen, &reading.seen.published, 1);
    assert_int_equal(reading.seen.last_tag, 55);

    Skp__V1__SignedRecord record;
    skp__v1__signed_record__init(&record);
    record.record = wire_bytes(span_of(kept.record, kept.record_bytes));
    record.jws = kept.jws;
    Skp__V1__MailboxRecord *said =
        skp__v1__mailbox_record__unpack(NULL, kept.record_bytes, kept.record);
    assert_non_null(said);
    assert_int_equal(said->n_withdrawn, 2);
    assert_memory_equal(said->withdrawn[1].data, lost[1].bytes, HASH_BYTES);
    skp__v1__mailbox_record__free_unpacked(said, NULL);
    assert_ok(skp_record_certs(client, &record, skp_self(client), certs, 4, &count, &why));
    assert_int_equal(count, 1);
    assert_int_equal(X509_cmp(certs[0], cert), 0);
    X509_free(certs[0]);

    assert_true(oin_take(span_text(CREDITOR), &other));
    assert_err(skp_record_certs(client, &record, &other, certs, 4, &count, &why),
               SKP_E_SIGNER_INVALID);
    assert_err(skp_record_certs(client, &record, skp_self(client), certs, 0, &count, &why),
               SKP_E_CERTIFICATE);
    kept.record[kept.record_bytes / 2] ^= 1;
    assert_int_not_equal(
        skp_record_certs(client, &record, skp_self(client), certs, 4, &count, &why), SKP_OK);
    kept.record[kept.record_bytes / 2] ^= 1;
    reading.seen.clock_ahead_ms = 200LL * 24 * 3600 * 1000;
    assert_err(skp_record_certs(client, &record, skp_self(client), certs, 4, &count, &why),
               SKP_E_SIGNER_INVALID);
    close_reading(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_asked_until_it_has_its_answer),
        cmocka_unit_test(a_refused_question_is_a_problem_and_not_asked_again),
        cmocka_unit_test(a_postponed_question_is_asked_again_and_credit_with_it),
        cmocka_unit_test(of_two_statements_only_the_postponed_one_is_said_again),
        cmocka_unit_test(later_without_a_tag_may_be_about_any_question_of_its_kind),
        cmocka_unit_test(what_one_publishes_another_can_seal_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
