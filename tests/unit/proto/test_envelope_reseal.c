/* The very same line, sealed again in another bundle. */
#include "envelope_fixture.h"

static char path[WIRE_PATH_MAX];

/* Writes line `index` into a batch of its own and keeps what it takes to seal it again. */
static struct envelope_kept keep_line(struct fixture *f, size_t index, struct span part)
{
    struct envelope_writer *writer = fixture_writer(f);
    fixture_begin(f, writer);
    assert_ok(envelope_line_add(writer, &f->lines[index], part, &f->leaves[index]));
    struct envelope_kept kept = envelope_line_kept(writer);
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    return kept;
}

static enum skp_err reseal(struct fixture *f, struct keypair *opener,
                           const struct envelope_kept *kept, struct skp_hash *ret_leaf)
{
    struct envelope_writer *writer = fixture_writer(f);
    X509 *certs[] = {keypair_cert(opener)};
    struct skp_id bundle_id;
    assert_ok(envelope_bundle_begin(writer, &f->recipient, "", certs, 1, &bundle_id));
    enum skp_err err = envelope_line_reseal(writer, kept, ret_leaf);
    if (!err)
        assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    return err;
}

/* Of the only line of the only bundle. */
static enum skp_err open_part(struct fixture *f, struct keypair *opener, size_t index,
                              struct span *ret_part)
{
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    struct envelope_head head;
    struct skp_hash commitment;
    struct seal_key key;
    struct span box = span_text(bundle->key_boxes[0]);
    assert_ok(envelope_read_head(wire_span(bundle->head), &f->arena, path, &head));
    struct seal_place place = {.sender = f->sender,
                               .recipient = f->recipient,
                               .batch_id = f->batch.batch_id,
                               .bundle_id = head.bundle_id};
    assert_true(fact_commitment(&f->lines[index], &commitment));
    enum skp_err err = unseal_box(&opener, 1, &box, 1, &place, &f->arena, &key);
    return err ? err
               : unseal_part(&key, &place, &f->ids[index], &commitment,
                             wire_span(bundle->sealed[0]), &f->arena, ret_part);
}

static void it_opens_for_another_key_and_keeps_its_leaf(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaf;
    struct span part;
    struct envelope_kept kept = keep_line(f, 0, span_text("TEST Jansen"));
    struct envelope_batch first = f->batch;
    assert_ok(reseal(f, f->rsa_opens, &kept, &leaf));
    assert_true(hash_equal(&leaf, &f->leaves[0]));
    assert_ok(open_part(f, f->rsa_opens, 0, &part));
    assert_true(span_equal(part, span_text("TEST Jansen")));
    assert_err(open_part(f, f->creditor_opens, 0, &part), SKP_E_UNSEAL);
    Skp__V1__Bundle *before = fixture_bundle(f, first.bundles[0]);
    Skp__V1__Bundle *after = fixture_bundle(f, f->batch.bundles[0]);
    assert_true(span_equal(wire_span(before->lines[0]), wire_span(after->lines[0])));
    assert_false(span_equal(wire_span(before->sealed[0]), wire_span(after->sealed[0])));
}

static void it_can_be_done_again_and_again(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaf;
    struct span part;
    struct envelope_kept kept = keep_line(f, 0, span_text("TEST Jansen"));
    for (int i = 0; i < 3; i++) {
        struct envelope_writer *writer = fixture_writer(f);
        fixture_begin(f, writer);
        assert_ok(envelope_line_reseal(writer, &kept, &leaf));
        kept = envelope_line_kept(writer);
        assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
        assert_ok(open_part(f, f->creditor_opens, 0, &part));
    }
    assert_true(hash_equal(&leaf, &f->leaves[0]));
}

static void what_the_line_does_not_commit_to_is_not_sealed(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaf;
    struct envelope_kept kept = keep_line(f, 0, span_text("TEST Jansen"));
    uint8_t *changed = arena_copy(&f->arena, kept.plaintext.data, kept.plaintext.len);
    changed[kept.plaintext.len - 1] ^= 1;
    struct envelope_kept other = {kept.line, span_of(changed, kept.plaintext.len)};
    assert_err(reseal(f, f->rsa_opens, &other, &leaf), SKP_E_COMMITMENT_MISMATCH);
    other.plaintext = span_of("", 0);
    assert_err(reseal(f, f->rsa_opens, &other, &leaf), SKP_E_COMMITMENT_MISMATCH);
    struct envelope_kept bare = keep_line(f, 1, (struct span){0});
    assert_int_equal(bare.plaintext.len, 0);
    bare.plaintext = kept.plaintext;
    assert_err(reseal(f, f->rsa_opens, &bare, &leaf), SKP_E_COMMITMENT_MISMATCH);
}

static void a_part_needs_a_key_box(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaf;
    struct skp_id bundle_id;
    struct envelope_kept kept = keep_line(f, 0, span_text("TEST Jansen"));
    struct envelope_writer *writer = fixture_writer(f);
    assert_ok(envelope_bundle_begin(writer, &f->broker_oin, "", NULL, 0, &bundle_id));
    assert_err(envelope_line_reseal(writer, &kept, &leaf), SKP_E_KEY_BOX_MISSING);
}

static void a_line_without_a_part_is_said_again_as_it_was(void **state)
{
    struct fixture *f = *state;
    struct skp_hash leaf;
    struct envelope_kept kept = keep_line(f, 1, (struct span){0});
    assert_ok(reseal(f, f->rsa_opens, &kept, &leaf));
    assert_true(hash_equal(&leaf, &f->leaves[1]));
    assert_int_equal(fixture_bundle(f, f->batch.bundles[0])->sealed[0].len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_opens_for_another_key_and_keeps_its_leaf),    TEST(it_can_be_done_again_and_again),
        TEST(what_the_line_does_not_commit_to_is_not_sealed), TEST(a_part_needs_a_key_box),
        TEST(a_line_without_a_part_is_said_again_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
