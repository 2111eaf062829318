#include "envelope_fixture.h"

static char path[WIRE_PATH_MAX];

/* ---------------------------------------------------------------- writing */

static void a_batch_reads_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;
    struct envelope_head head;
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    const char *why = "";
    fixture_write(f);
    assert_ok(envelope_read_header(f->batch.header, &f->arena, path, &header));
    assert_true(oin_equal(&header.sender, &f->sender));
    assert_string_equal(header.on_behalf_of.text, "");
    assert_true(id_equal(&header.batch_id, &f->batch.batch_id));
    assert_true(hash_equal(&header.root, &f->batch.root));
    assert_int_equal(header.created_at_ms, f->at_ms);
    assert_int_equal(header.bundle_count, 2);
    assert_int_equal(header.line_count, FIXTURE_LINES);
    assert_ok(envelope_check_signature(f->trust, f->cache, f->batch.header, &header,
                                       span_text(f->batch.jws), f->at_ms, &why));
    for (size_t i = 0; i < 2; i++) {
        Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[i]);
        assert_true(span_equal(wire_span(bundle->head), f->batch.heads[i]));
        assert_ok(envelope_read_head(f->batch.heads[i], &f->arena, path, &head));
        assert_memory_equal(head.bundle_id.bytes, header.batch_id.bytes, ID_BYTES / 2);
        assert_true(oin_equal(&head.recipient, &f->recipient));
        assert_int_equal(head.line_count, i == 0 ? 3 : 2);
        assert_ok(envelope_check_bundle(bundle, &head, leaves));
        assert_memory_equal(leaves, f->leaves + (i == 0 ? 0 : 3), head.line_count * HASH_BYTES);
    }
}

static void every_written_line_is_a_valid_fact(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    for (size_t i = 0; i < bundle->n_lines; i++) {
        Skp__V1__Line *line = NULL;
        struct skp_hash commitment;
        assert_ok(fact_read(wire_span(bundle->lines[i]), &f->arena, path, &line));
        assert_true(fact_commitment(line, &commitment) == (i != 1));
        assert_true((bundle->sealed[i].len > 0) == (i != 1));
    }
}

static void open_part(struct fixture *f, struct keypair *opener, size_t index)
{
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    struct envelope_head head;
    struct skp_hash commitment;
    struct seal_key key;
    struct span boxes[2] = {span_text(bundle->key_boxes[0]), span_text(bundle->key_boxes[1])};
    struct span part = {0};
    assert_ok(envelope_read_head(wire_span(bundle->head), &f->arena, path, &head));
    struct seal_place place = {.sender = f->sender,
                               .recipient = f->recipient,
                               .batch_id = f->batch.batch_id,
                               .bundle_id = head.bundle_id};
    assert_ok(unseal_box(&opener, 1, boxes, 2, &place, &f->arena, &key));
    assert_true(fact_commitment(&f->lines[index], &commitment));
    assert_ok(unseal_part(&key, &place, &f->ids[index], &commitment,
                          wire_span(bundle->sealed[index]), &f->arena, &part));
    assert_true(span_equal(part, span_text("TEST Jansen")));
}

static void whoever_has_a_box_opens_the_parts(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    open_part(f, f->creditor_opens, 0);
    open_part(f, f->rsa_opens, 2);
}

static void a_full_bundle_says_so_and_leaves_the_line_alone(void **state)
{
    struct fixture *f = *state;
    struct envelope_writer *writer = fixture_writer(f);
    fixture_begin(f, writer);
    for (size_t i = 0; i < BUNDLE_MAX_LINES; i++)
        assert_ok(envelope_line_add(writer, &f->lines[1], (struct span){0}, NULL));
    assert_err(envelope_line_add(writer, &f->lines[0], span_text("x"), NULL),
               SKP_E_BATCH_TOO_LARGE);
    assert_int_equal(f->requests[0].commitment.len, 0);
    fixture_begin(f, writer);
    assert_ok(envelope_line_add(writer, &f->lines[0], span_text("x"), NULL));
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    assert_int_equal(f->batch.bundle_count, 2);
    assert_int_equal(f->batch.line_count, BUNDLE_MAX_LINES + 1);
}

static void a_packed_bundle_stays_below_its_limit(void **state)
{
    struct fixture *f = *state;
    static const uint8_t large[SEAL_MAX_PART_BYTES];
    struct envelope_writer *writer = fixture_writer(f);
    enum skp_err err = SKP_OK;
    size_t lines = 0;
    fixture_begin(f, writer);
    for (; !err; lines++) {
        f->requests[0].commitment.len = 0;
        err = envelope_line_add(writer, &f->lines[0], span_of(large, sizeof large), NULL);
    }
    assert_err(err, SKP_E_BATCH_TOO_LARGE);
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    assert_in_range(f->batch.bundles[0].len, BUNDLE_MAX_BYTES - SEAL_MAX_PART_BYTES - 1000,
                    BUNDLE_MAX_BYTES);
    assert_int_equal(f->batch.line_count, lines - 1);
}

static void a_full_batch_takes_no_more_lines(void **state)
{
    struct fixture *f = *state;
    struct envelope_writer *writer = fixture_writer(f);
    struct skp_id bundle_id;
    for (size_t i = 0; i < BATCH_MAX_LINES; i++) {
        if (i % BUNDLE_MAX_LINES == 0)
            assert_ok(envelope_bundle_begin(writer, &f->recipient, "", NULL, 0, &bundle_id));
        assert_ok(envelope_line_add(writer, &f->lines[1], (struct span){0}, NULL));
    }
    assert_ok(envelope_bundle_begin(writer, &f->recipient, "", NULL, 0, &bundle_id));
    assert_err(envelope_line_add(writer, &f->lines[1], (struct span){0}, NULL),
               SKP_E_BATCH_TOO_LARGE);
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    assert_int_equal(f->batch.bundle_count, BATCH_MAX_LINES / BUNDLE_MAX_LINES);
}

static void a_full_batch_takes_no_more_bundles(void **state)
{
    struct fixture *f = *state;
    struct envelope_writer *writer = fixture_writer(f);
    struct skp_id bundle_id;
    for (size_t i = 0; i < BATCH_MAX_BUNDLES; i++) {
        assert_ok(envelope_bundle_begin(writer, &f->recipient, "", NULL, 0, &bundle_id));
        assert_ok(envelope_line_add(writer, &f->lines[1], (struct span){0}, NULL));
    }
    assert_err(envelope_bundle_begin(writer, &f->recipient, "", NULL, 0, &bundle_id),
               SKP_E_BATCH_TOO_LARGE);
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    assert_int_equal(f->batch.bundle_count, BATCH_MAX_BUNDLES);
}

static void parts_need_a_box_and_a_line_that_can_commit(void **state)
{
    struct fixture *f = *state;
    static const uint8_t huge[SEAL_MAX_PART_BYTES + 1];
    struct envelope_writer *writer = fixture_writer(f);
    struct skp_id bundle_id;
    Skp__V1__Line line;
    Skp__V1__WithdrawalFact withdrawal;
    skp__v1__line__init(&line);
    skp__v1__withdrawal_fact__init(&withdrawal);
    line.fact_case = SKP__V1__LINE__FACT_WITHDRAWAL;
    line.withdrawal = &withdrawal;
    assert_ok(envelope_bundle_begin(writer, &f->recipient, "", NULL, 0, &bundle_id));
    assert_err(envelope_line_add(writer, &f->lines[0], span_text("x"), NULL),
               SKP_E_KEY_BOX_MISSING);
    fixture_begin(f, writer);
    assert_err(envelope_line_add(writer, &line, span_text("x"), NULL), SKP_E_COMMITMENT_MISSING);
    assert_err(envelope_line_add(writer, &f->lines[0], span_of(huge, sizeof huge), NULL),
               SKP_E_TEXT_TOO_LONG);
    assert_ok(envelope_line_add(writer, &f->lines[0], span_text("x"), NULL));
    assert_err(envelope_line_add(writer, &f->lines[0], (struct span){0}, NULL),
               SKP_E_COMMITMENT_MISSING);
}

static void bundles_without_lines_disappear(void **state)
{
    struct fixture *f = *state;
    struct envelope_writer *writer = fixture_writer(f);
    fixture_begin(f, writer);
    fixture_begin(f, writer);
    assert_ok(envelope_line_add(writer, &f->lines[0], span_text("x"), NULL));
    fixture_begin(f, writer);
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    assert_int_equal(f->batch.bundle_count, 1);
    writer = fixture_writer(f);
    fixture_begin(f, writer);
    assert_err(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch), SKP_E_REQUIRED);
}

/* One round of writing with little memory; SKP_OK when it was enough. */
static enum skp_err write_within(struct fixture *f, size_t max_bytes)
{
    struct arena arena;
    struct skp_id id = id_new();
    arena_init(&arena, max_bytes);
    enum skp_err err = SKP_E_NO_MEMORY;
    struct envelope_writer *writer = envelope_writer_new(&arena, &f->sender, NULL, &id);
    if (writer)
        err = envelope_bundle_begin(writer, &f->recipient, "branch", NULL, 0, &id);
    for (size_t i = 0; i < FIXTURE_LINES && !err; i++)
        err = envelope_line_add(writer, &f->lines[i], (struct span){0}, NULL);
    if (!err)
        err = envelope_finish(writer, f->counsellor, f->at_ms, &f->batch);
    arena_fini(&arena);
    return err;
}

static void little_memory_is_an_error_and_no_crash(void **state)
{
    struct fixture *f = *state;
    size_t enough = 50000;
    enum skp_err err = SKP_E_NO_MEMORY;
    while (err && enough < 400000) {
        err = write_within(f, enough);
        assert_true(err == SKP_OK || err == SKP_E_NO_MEMORY);
        enough += 64;
    }
    assert_ok(err);
    assert_in_range(enough, 60000, 200000);
}

/* ---------------------------------------------------------------- headers and heads */

static Skp__V1__BatchHeader a_header(struct fixture *f)
{
    static uint8_t bytes[HASH_BYTES] = {1};
    static char context[32];
    Skp__V1__BatchHeader header;
    skp__v1__batch_header__init(&header);
    (void)strcpy(context, BATCH_CONTEXT);
    header.context = context;
    header.protocol_version = 1;
    header.sender = f->sender.text;
    header.on_behalf_of = f->recipient.text;
    header.batch_id = wire_bytes(span_of(bytes, ID_BYTES));
    header.created_at_ms = f->at_ms;
    header.bundle_count = BATCH_MAX_BUNDLES;
    header.line_count = BATCH_MAX_LINES;
    header.root = wire_bytes(span_of(bytes, HASH_BYTES));
    return header;
}

static enum skp_err read_header(struct fixture *f, const Skp__V1__BatchHeader *header)
{
    struct envelope_header read;
    path[0] = '\0';
    return envelope_read_header(wire_pack(&header->base, &f->arena), &f->arena, path, &read);
}

#define ASSERT_HEADER(change, err, at)                                                             \
    do {                                                                                           \
        Skp__V1__BatchHeader header = a_header(f);                                                 \
        change;                                                                                    \
        assert_err(read_header(f, &header), (err));                                                \
        assert_string_equal(path, (at));                                                           \
    } while (0)

static void a_header_follows_its_rules(void **state)
{
    struct fixture *f = *state;
    ASSERT_HEADER((void)0, SKP_OK, "");
    ASSERT_HEADER(header.context[0] = '\0', SKP_E_REQUIRED, "context");
    ASSERT_HEADER(header.context[0] = 'x', SKP_E_FIELD_UNEXPECTED, "context");
    ASSERT_HEADER(header.protocol_version = 2, SKP_E_VERSION_UNSUPPORTED, "protocol_version");
    ASSERT_HEADER(header.sender = header.context, SKP_E_OIN_FORMAT, "sender");
    ASSERT_HEADER(header.on_behalf_of = header.context, SKP_E_OIN_FORMAT, "on_behalf_of");
    ASSERT_HEADER(header.batch_id.len = 0, SKP_E_REQUIRED, "batch_id");
    ASSERT_HEADER(header.batch_id.len = 17, SKP_E_ID_FORMAT, "batch_id");
    ASSERT_HEADER(header.created_at_ms = 0, SKP_E_REQUIRED, "created_at_ms");
    ASSERT_HEADER(header.bundle_count = 0, SKP_E_REQUIRED, "bundle_count");
    ASSERT_HEADER(header.bundle_count++, SKP_E_BATCH_TOO_LARGE, "bundle_count");
    ASSERT_HEADER(header.line_count = 0, SKP_E_REQUIRED, "line_count");
    ASSERT_HEADER(header.line_count++, SKP_E_BATCH_TOO_LARGE, "line_count");
    ASSERT_HEADER(header.line_count = 1023, SKP_E_COUNT_MISMATCH, "line_count");
    ASSERT_HEADER(header.root.len = 31, SKP_E_HASH_FORMAT, "root");
}

static Skp__V1__BundleHead a_head(struct fixture *f)
{
    static uint8_t bytes[HASH_BYTES] = {1};
    static char mailbox[64];
    Skp__V1__BundleHead head;
    skp__v1__bundle_head__init(&head);
    memset(mailbox, 0, sizeof mailbox);
    memset(mailbox, 'm', 32);
    head.recipient = f->recipient.text;
    head.mailbox = mailbox;
    head.bundle_id = wire_bytes(span_of(bytes, ID_BYTES));
    head.line_count = BUNDLE_MAX_LINES;
    head.lines_root = wire_bytes(span_of(bytes, HASH_BYTES));
    return head;
}

static enum skp_err read_head(struct fixture *f, const Skp__V1__BundleHead *head)
{
    struct envelope_head read;
    path[0] = '\0';
    return envelope_read_head(wire_pack(&head->base, &f->arena), &f->arena, path, &read);
}

#define ASSERT_HEAD(change, err, at)                                                               \
    do {                                                                                           \
        Skp__V1__BundleHead head = a_head(f);                                                      \
        change;                                                                                    \
        assert_err(read_head(f, &head), (err));                                                    \
        assert_string_equal(path, (at));                                                           \
    } while (0)

static void a_head_follows_its_rules(void **state)
{
    struct fixture *f = *state;
    char wrong_oin[] = "0000009900000000200a";
    char nothing[] = "";
    ASSERT_HEAD((void)0, SKP_OK, "");
    ASSERT_HEAD(head.recipient = nothing, SKP_E_REQUIRED, "recipient");
    ASSERT_HEAD(head.recipient = wrong_oin, SKP_E_OIN_FORMAT, "recipient");
    ASSERT_HEAD(memset(head.mailbox, ' ', 32), SKP_E_REQUIRED, "mailbox");
    ASSERT_HEAD(head.mailbox[32] = 'x', SKP_E_TEXT_TOO_LONG, "mailbox");
    ASSERT_HEAD(head.bundle_id.len = 0, SKP_E_REQUIRED, "bundle_id");
    ASSERT_HEAD(head.bundle_id.len = 9, SKP_E_ID_FORMAT, "bundle_id");
    ASSERT_HEAD(head.line_count = 0, SKP_E_REQUIRED, "line_count");
    ASSERT_HEAD(head.line_count++, SKP_E_BATCH_TOO_LARGE, "line_count");
    ASSERT_HEAD(head.lines_root.len = 0, SKP_E_REQUIRED, "lines_root");
    ASSERT_HEAD(head.lines_root.len = 20, SKP_E_HASH_FORMAT, "lines_root");
}

static void a_batch_signed_by_another_is_refused(void **state)
{
    struct fixture *f = *state;
    struct envelope_header header;
    const char *why = "";
    fixture_write(f);
    assert_ok(envelope_read_header(f->batch.header, &f->arena, path, &header));
    const char *jws = NULL;
    assert_ok(jws_sign(f->broker, f->batch.header, f->at_ms, &f->arena, &jws));
    assert_err(envelope_check_signature(f->trust, f->cache, f->batch.header, &header,
                                        span_text(jws), f->at_ms, &why),
               SKP_E_SIGNER_INVALID);
    assert_non_null(strstr(why, "another participant"));
}

/* ---------------------------------------------------------------- bundles */

static enum skp_err check_changed(struct fixture *f, void (*change)(Skp__V1__Bundle *bundle))
{
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    struct envelope_head head;
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    assert_ok(envelope_read_head(wire_span(bundle->head), &f->arena, path, &head));
    change(bundle);
    return envelope_check_bundle(bundle, &head, leaves);
}

static void swap_lines(Skp__V1__Bundle *bundle)
{
    ProtobufCBinaryData first = bundle->lines[0];
    bundle->lines[0] = bundle->lines[1];
    bundle->lines[1] = first;
}

static void drop_line(Skp__V1__Bundle *bundle)
{
    bundle->n_lines--;
    bundle->n_sealed--;
}

static void drop_part(Skp__V1__Bundle *bundle)
{
    bundle->n_sealed--;
}

static void drop_boxes(Skp__V1__Bundle *bundle)
{
    bundle->n_key_boxes = 0;
}

static void destroy_parts(Skp__V1__Bundle *bundle)
{
    for (size_t i = 0; i < bundle->n_sealed; i++)
        bundle->sealed[i].len = 0;
    bundle->n_key_boxes = 0;
}

static void withhold_line(Skp__V1__Bundle *bundle)
{
    bundle->n_withheld = 1;
}

static void grow_box(Skp__V1__Bundle *bundle)
{
    static char box[JWE_MAX_BYTES + 2];
    memset(box, 'A', sizeof box - 1);
    bundle->key_boxes[0] = box;
}

static void grow_part(Skp__V1__Bundle *bundle)
{
    static uint8_t part[SEAL_MAX_PART_BYTES + SEAL_OVERHEAD_BYTES + 1];
    bundle->sealed[0] = wire_bytes(span_of(part, sizeof part));
}

static void grow_boxes(Skp__V1__Bundle *bundle)
{
    static char *boxes[BUNDLE_MAX_BOXES + 1];
    for (size_t i = 0; i <= BUNDLE_MAX_BOXES; i++)
        boxes[i] = bundle->key_boxes[0];
    bundle->key_boxes = boxes;
    bundle->n_key_boxes = BUNDLE_MAX_BOXES + 1;
}

static void a_bundle_is_what_its_head_says(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    assert_err(check_changed(f, swap_lines), SKP_E_ROOT_MISMATCH);
    assert_err(check_changed(f, drop_line), SKP_E_COUNT_MISMATCH);
    assert_err(check_changed(f, drop_part), SKP_E_COUNT_MISMATCH);
    assert_err(check_changed(f, drop_boxes), SKP_E_KEY_BOX_MISSING);
    assert_ok(check_changed(f, destroy_parts));
    assert_err(check_changed(f, withhold_line), SKP_E_PROTOCOL_STATE);
}

static void a_bundle_stays_within_its_limits(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    assert_err(check_changed(f, grow_box), SKP_E_BATCH_TOO_LARGE);
    assert_err(check_changed(f, grow_part), SKP_E_BATCH_TOO_LARGE);
    assert_err(check_changed(f, grow_boxes), SKP_E_BATCH_TOO_LARGE);
}

static void any_flipped_byte_of_a_line_shows(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    struct envelope_head head;
    fixture_write(f);
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    assert_ok(envelope_read_head(wire_span(bundle->head), &f->arena, path, &head));
    for (size_t i = 0; i < bundle->n_lines; i++) {
        for (size_t at = 0; at < bundle->lines[i].len; at++) {
            bundle->lines[i].data[at] ^= 0x10;
            assert_err(envelope_check_bundle(bundle, &head, leaves), SKP_E_ROOT_MISMATCH);
            bundle->lines[i].data[at] ^= 0x10;
        }
    }
    assert_ok(envelope_check_bundle(bundle, &head, leaves));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_reads_back_as_it_was_written),
        TEST(every_written_line_is_a_valid_fact),
        TEST(whoever_has_a_box_opens_the_parts),
        TEST(a_full_bundle_says_so_and_leaves_the_line_alone),
        TEST(a_packed_bundle_stays_below_its_limit),
        TEST(a_full_batch_takes_no_more_lines),
        TEST(a_full_batch_takes_no_more_bundles),
        TEST(parts_need_a_box_and_a_line_that_can_commit),
        TEST(bundles_without_lines_disappear),
        TEST(little_memory_is_an_error_and_no_crash),
        TEST(a_header_follows_its_rules),
        TEST(a_head_follows_its_rules),
        TEST(a_batch_signed_by_another_is_refused),
        TEST(a_bundle_is_what_its_head_says),
        TEST(a_bundle_stays_within_its_limits),
        TEST(any_flipped_byte_of_a_line_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
