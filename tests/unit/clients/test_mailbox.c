#include "fake_broker.h"

#include "statement.h"

#define PART "wie dit leest heeft de sleutel"

/* A client with everything a mailbox needs, and what its callbacks saw. */
struct reading {
    struct seen seen; /* first: the plain callbacks get the same ctx */
    struct fake fake;
    struct skp_config config;
    struct keypair *enc;
    bool collect;
    char parts[4][64];
    enum skp_err part_errs[4];
    uint64_t waiting;
    uint32_t collected_count;
};

static void see_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                         const struct envelope_delivery *checked)
{
    struct reading *reading = ctx;
    reading->seen.deliveries++;
    for (size_t i = 0; i < 4; i++) {
        struct arena arena;
        struct span part;
        arena_init(&arena, 1 << 20);
        reading->part_errs[i] =
            skp_open_part(reading->seen.client, delivery, checked, i, &arena, &part);
        if (!reading->part_errs[i])
            snprintf(reading->parts[i], sizeof reading->parts[i], "%.*s", (int)part.len,
                     (const char *)part.data);
        arena_fini(&arena);
    }
    if (!reading->collect)
        return;
    Skp__V1__CollectedItem item;
    skp__v1__collected_item__init(&item);
    item.position = delivery->position;
    item.head_hash = wire_bytes(span_of(checked->head_hash.bytes, HASH_BYTES));
    assert_ok(skp_collect(reading->seen.client, delivery->mailbox, &item, 1, 900));
}

static void see_drained(void *ctx, const char *mailbox, uint64_t waiting)
{
    struct reading *reading = ctx;
    assert_string_equal(mailbox, "");
    reading->waiting = waiting;
    reading->seen.drained++;
}

static void see_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct reading *reading = ctx;
    reading->seen.last_tag = tag;
    reading->collected_count = collected->collected;
    reading->seen.collected++;
}

static void see_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct reading *reading = ctx;
    (void)directory;
    reading->seen.last_tag = tag;
    reading->seen.directories++;
}

static void see_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct reading *reading = ctx;
    (void)cases;
    reading->seen.last_tag = tag;
    reading->seen.cases++;
}

static void see_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct reading *reading = ctx;
    assert_int_equal(published->version, 7);
    reading->seen.last_tag = tag;
    reading->seen.published++;
}

static void open_reading(struct reading *reading, script_fn script)
{
    struct skp_callbacks callbacks = plain_callbacks;
    callbacks.on_delivery = see_delivery;
    callbacks.on_drained = see_drained;
    callbacks.on_collected = see_collected;
    callbacks.on_directory = see_directory;
    callbacks.on_cases = see_cases;
    callbacks.on_published = see_published;
    fake_start(&reading->fake, script);
    reading->config = config_for(&reading->fake);
    reading->enc =
        load_pair(reading->fake.participant ? reading->fake.participant : MUNICIPALITY, "enc");
    reading->config.decrypt_keys = &reading->enc;
    reading->config.decrypt_key_count = 1;
    open_client(&reading->seen, &reading->config, &callbacks);
}

static void close_reading(struct reading *reading)
{
    skp_client_free(reading->seen.client);
    fake_stop(&reading->fake);
    keypair_unref(reading->enc);
}

/* ---------------------------------------------------------------- deliveries to send */

/* One line of the creditor; sealed for `enc` unless that is NULL. */
static void add_line(struct fake *fake, struct envelope_writer *writer, bool sealed)
{
    struct skp_id request_id = id_new();
    Skp__V1__RequestFact request;
    skp__v1__request_fact__init(&request);
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    request.request_id = wire_bytes(span_of(request_id.bytes, ID_BYTES));
    request.version = 1;
    request.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    request.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    request.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    request.reference_date = 20261203;
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &request;
    (void)fake;
    if (envelope_line_add(writer, &line, sealed ? span_text(PART) : span_of(NULL, 0), NULL))
        fake_die("cannot add a line");
}

static Skp__V1__Delivery *make_delivery(struct fake *fake, const char *recipient_oin,
                                        uint64_t position)
{
    struct skp_oin sender, recipient;
    struct skp_id batch_id = id_new(), bundle_id;
    struct envelope_batch batch;
    struct keypair *signer = load_pair(CREDITOR, "sign");
    struct keypair *enc = load_pair(recipient_oin, "enc");
    X509 *cert = keypair_cert(enc);
    oin_take(span_text(CREDITOR), &sender);
    oin_take(span_text(recipient_oin), &recipient);
    struct envelope_writer *writer = envelope_writer_new(&fake->arena, &sender, NULL, &batch_id);
    if (envelope_bundle_begin(writer, &recipient, "", &cert, 1, &bundle_id))
        fake_die("cannot begin a bundle");
    add_line(fake, writer, true);
    add_line(fake, writer, true);
    if (envelope_finish(writer, signer, (int64_t)time(NULL) * 1000, &batch))
        fake_die("cannot finish a batch");
    keypair_unref(signer);
    keypair_unref(enc);
    Skp__V1__Delivery *delivery = arena_alloc(&fake->arena, sizeof *delivery);
    skp__v1__delivery__init(delivery);
    delivery->mailbox = (char *)(uintptr_t) "";
    delivery->position = position;
    delivery->attempt = 1;
    delivery->header = wire_bytes(batch.header);
    delivery->jws = (char *)(uintptr_t)batch.jws;
    delivery->bundle = wire_bytes(batch.bundles[0]);
    return delivery;
}

static void fake_waiting(struct fake *fake, uint64_t count)
{
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    waiting.mailbox = (char *)(uintptr_t) "";
    waiting.waiting = count;
    fake_send(fake, FRAME_WAITING, &waiting.base);
}

/* ---------------------------------------------------------------- opening */

static void deliver_one(struct fake *fake)
{
    const char *to = fake->participant != NULL ? fake->participant : MUNICIPALITY;
    fake_session(fake);
    fake_expect(fake, FRAME_FETCH);
    fake_send(fake, FRAME_DELIVERY, &make_delivery(fake, to, 1)->base);
    fake_waiting(fake, 3);
    enum frame_type type;
    while (fake_receive(fake, &type) != NULL)
        continue;
}

static void a_checked_delivery_is_shown_and_opens(void **state)
{
    (void)state;
    static const char *const participants[] = {MUNICIPALITY, RSA_CREDITOR};
    for (size_t i = 0; i < 2; i++) {
        struct reading reading = {.fake.participant = participants[i]};
        open_reading(&reading, deliver_one);
        assert_ok(skp_fetch(reading.seen.client, "", 10, 0));
        run_until(&reading.seen, &reading.seen.drained, 1);
        assert_int_equal(reading.seen.deliveries, 1);
        assert_int_equal(reading.waiting, 3);
        assert_string_equal(reading.parts[0], PART);
        assert_string_equal(reading.parts[1], PART);
        assert_err(reading.part_errs[2], SKP_E_NOT_FOUND);
        close_reading(&reading);
    }
}

static void without_its_key_a_part_stays_closed(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, deliver_one);
    skp_client_free(reading.seen.client);
    struct skp_callbacks callbacks = plain_callbacks;
    callbacks.on_delivery = see_delivery;
    callbacks.on_drained = see_drained;
    struct keypair *other = load_pair(CREDITOR, "enc");
    reading.config.decrypt_keys = &other;
    open_client(&reading.seen, &reading.config, &callbacks);
    assert_ok(skp_fetch(reading.seen.client, "", 10, 0));
    run_until(&reading.seen, &reading.seen.drained, 1);
    assert_int_equal(reading.seen.deliveries, 1);
    assert_err(reading.part_errs[0], SKP_E_UNSEAL);
    assert_err(reading.part_errs[1], SKP_E_UNSEAL);
    close_reading(&reading);
    keypair_unref(other);
}

/* ---------------------------------------------------------------- what is not shown */

#define FLIPS 24

static void deliver_flipped(struct fake *fake)
{
    fake_session(fake);
    fake_expect(fake, FRAME_FETCH);
    for (size_t i = 0; i < FLIPS; i++) {
        Skp__V1__Delivery *delivery = make_delivery(fake, MUNICIPALITY, i + 1);
        struct span targets[] = {
            wire_span(delivery->header),
            wire_span(delivery->bundle),
            span_of(delivery->jws, strlen(delivery->jws)),
        };
        struct span target = targets[i % 3];
        uint8_t *copy = arena_copy(&fake->arena, target.data, target.len + (i % 3 == 2));
        size_t at = target.len * (i / 3) / (FLIPS / 3);
        /* Sealed bytes and key boxes are nobody's proof: they show when they are opened. */
        if (i % 3 == 1)
            at = 40 + i;
        copy[at] ^= 1;
        if (i % 3 == 0)
            delivery->header.data = copy;
        else if (i % 3 == 1)
            delivery->bundle.data = copy;
        else
            delivery->jws = (char *)copy;
        fake_send(fake, FRAME_DELIVERY, &delivery->base);
    }
    Skp__V1__Delivery *misled = make_delivery(fake, CREDITOR, 98);
    fake_send(fake, FRAME_DELIVERY, &misled->base);
    fake_send(fake, FRAME_DELIVERY, &make_delivery(fake, MUNICIPALITY, 99)->base);
    enum frame_type type;
    while (fake_receive(fake, &type) != NULL) {
        if (type != FRAME_FETCH && type != FRAME_PING)
            fake_die("%s was not expected", frame_type_name(type));
    }
}

static void a_flipped_byte_is_a_problem_and_not_shown(void **state)
{
    (void)state;
    struct reading reading = {0};
    open_reading(&reading, deliver_flipped);
    assert_ok(skp_fetch(reading.seen.client, "", 100, 0));
    run_until(&reading.seen, &reading.seen.deliveries, 1);
    assert_int_equal(reading.seen.problems, FLIPS + 1);
    assert_int_equal(reading.seen.downs, 0);
    close_reading(&reading);
    assert_int_equal(reading.seen.deliveries, 1);
}

/* ---------------------------------------------------------------- credit */

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

/* ---------------------------------------------------------------- collecting */

static void take_collect(struct fake *fake)
{
    char path[WIRE_PATH_MAX];
    const char *why = "";
    struct jws_signer signer;
    ProtobufCMessage *message = NULL;
    Skp__V1__Delivery *delivery = make_delivery(fake, MUNICIPALITY, 5);
    fake_session(fake);
    fake_expect(fake, FRAME_FETCH);
    fake_send(fake, FRAME_DELIVERY, &delivery->base);
    Skp__V1__Collect *collect = fake_expect(fake, FRAME_COLLECT);
    if (jws_verify(fake->trust, NULL, span_text(collect->jws), wire_span(collect->statement),
                   (int64_t)time(NULL) * 1000, &signer, &why) ||
        strcmp(signer.oin.text, MUNICIPALITY) != 0)
        fake_die("the statement is not signed: %s", why);
    if (wire_unpack(&skp__v1__collect_statement__descriptor, wire_span(collect->statement),
                    &fake->arena, path, &message))
        fake_die("no statement at %s", path);
    const Skp__V1__CollectStatement *statement = (const Skp__V1__CollectStatement *)message;
    struct skp_hash root;
    size_t bad;
    if (collect->n_items != 1 || collect->items[0]->position != 5 ||
        statement_leaves(collect->items, 1, &root, &bad) ||
        !span_equal(wire_span(statement->items_root), span_of(root.bytes, HASH_BYTES)))
        fake_die("the items are not those that were signed");
    if (strcmp(statement->context, COLLECT_CONTEXT) != 0 || statement->item_count != 1 ||
        strcmp(statement->participant, MUNICIPALITY) != 0)
        fake_die("the statement says something else");
    Skp__V1__Collected collected;
    skp__v1__collected__init(&collected);
    collected.tag = collect->tag;
    collected.collected = 1;
    fake_send(fake, FRAME_COLLECTED, &collected.base);
    fake_expect_end(fake);
}

static void a_collect_statement_verifies(void **state)
{
    (void)state;
    struct reading reading = {.collect = true};
    reading.fake.limits.credit_messages = 100;
    reading.fake.limits.credit_bytes = 1 << 20;
    open_reading(&reading, take_collect);
    assert_ok(skp_fetch(reading.seen.client, "", 100, 0));
    run_until(&reading.seen, &reading.seen.collected, 1);
    assert_int_equal(reading.seen.last_tag, 900);
    assert_int_equal(reading.collected_count, 1);
    close_reading(&reading);
}

static void hear_leases(struct fake *fake)
{
    fake_session(fake);
    Skp__V1__Extend *extend = fake_expect(fake, FRAME_EXTEND);
    Skp__V1__Release *release = fake_expect(fake, FRAME_RELEASE);
    if (extend->n_positions != 2 || extend->positions[1] != 9 || extend->lease_seconds != 60 ||
        release->n_positions != 1 || release->positions[0] != 8)
        fake_die("other positions");
    fake_waiting(fake, 0);
    fake_expect_end(fake);
}

static void leases_are_extended_and_released_by_position(void **state)
{
    (void)state;
    static const uint64_t positions[] = {8, 9};
    struct reading reading = {0};
    open_reading(&reading, hear_leases);
    run_until(&reading.seen, &reading.seen.welcomes, 1);
    assert_ok(skp_extend(reading.seen.client, "", positions, 2, 60));
    assert_ok(skp_release(reading.seen.client, "", positions, 1));
    run_until(&reading.seen, &reading.seen.drained, 1);
    close_reading(&reading);
}

/* ---------------------------------------------------------------- questions */

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
    fake_expect(fake, FRAME_PUBLISH);
    fake_error_about(fake, SKP_E_RECORD_OLD, NULL, FRAME_PUBLISH, 1, 0);
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
    fake_expect(fake, FRAME_DIRECTORY_GET);
    int64_t asked_at_ms = monotonic_ms();
    fake_error_about(fake, SKP_E_UNAVAILABLE, NULL, FRAME_DIRECTORY_GET, 31, 0);
    fake_error_about(fake, SKP_E_UNAVAILABLE, NULL, FRAME_FETCH, 0, 200);
    fake_expect(fake, FRAME_FETCH); /* its credit is gone, so it is given again */
    Skp__V1__DirectoryGet *get = fake_expect(fake, FRAME_DIRECTORY_GET);
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

static void say_waiting(struct fake *fake)
{
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    waiting.mailbox = (char *)"";
    fake_send(fake, FRAME_WAITING, &waiting.base);
}

static void say_waiting_twice(struct fake *fake)
{
    fake->limits.credit_messages = 10;
    fake->limits.credit_bytes = 1 << 20;
    fake_session(fake);
    expect_credit(fake, 10, 1 << 20);
    say_waiting(fake);
    expect_credit(fake, 0, 0);
    say_waiting(fake);
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
        cmocka_unit_test(a_checked_delivery_is_shown_and_opens),
        cmocka_unit_test(without_its_key_a_part_stays_closed),
        cmocka_unit_test(a_flipped_byte_is_a_problem_and_not_shown),
        cmocka_unit_test(credit_is_kept_filled_also_after_a_reconnect),
        cmocka_unit_test(zero_credit_asks_for_nothing),
        cmocka_unit_test(a_collect_statement_verifies),
        cmocka_unit_test(leases_are_extended_and_released_by_position),
        cmocka_unit_test(a_question_is_asked_until_it_has_its_answer),
        cmocka_unit_test(a_refused_question_is_a_problem_and_not_asked_again),
        cmocka_unit_test(a_postponed_question_is_asked_again_and_credit_with_it),
        cmocka_unit_test(who_asks_is_told_once_more_that_nothing_waits),
        cmocka_unit_test(what_one_publishes_another_can_seal_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
