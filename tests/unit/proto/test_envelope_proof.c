#include "proof_fixture.h"

/* ---------------------------------------------------------------- deliveries */

static void a_delivery_proves_itself(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    for (size_t i = 0; i < 2; i++) {
        deliver(f, i, &delivery);
        assert_ok(receive(f, &delivery));
        struct skp_hash head_hash = sha256(f->batch.heads[i]);
        assert_true(hash_equal(&read_delivery.head_hash, &head_hash));
        assert_true(id_equal(&read_delivery.header.batch_id, &f->batch.batch_id));
        assert_int_equal(read_delivery.bundle->n_lines, i == 0 ? 3 : 2);
        assert_memory_equal(read_delivery.leaves, f->leaves + (i == 0 ? 0 : 3),
                            read_delivery.bundle->n_lines * HASH_BYTES);
    }
}

static void a_delivery_for_another_is_refused(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    deliver(f, 0, &delivery);
    assert_err(receive_as(f, &delivery, &f->sender), SKP_E_PROOF_INVALID);
    assert_non_null(strstr(why, "another participant"));
}

static void a_delivery_on_behalf_of_another_is_refused(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    struct skp_id batch_id = id_new();
    struct envelope_writer *writer =
        envelope_writer_new(&f->arena, &f->sender, &f->recipient, &batch_id);
    assert_non_null(writer);
    for (size_t i = 0; i < 2; i++) {
        fixture_begin(f, writer);
        assert_ok(envelope_line_add(writer, &f->lines[i], (struct span){0}, NULL));
    }
    assert_ok(envelope_finish(writer, f->counsellor, f->at_ms, &f->batch));
    deliver(f, 0, &delivery);
    assert_err(receive(f, &delivery), SKP_E_MANDATE_MISSING);
}

static void a_bundle_at_another_place_is_refused(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    Skp__V1__Delivery other;
    fixture_write(f);
    deliver(f, 0, &delivery);
    deliver(f, 1, &other);
    delivery.bundle = other.bundle;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
    deliver(f, 0, &delivery);
    delivery.bundle_index = 1;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
    delivery.bundle_index = 2;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
}

static void a_wrong_path_is_refused(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    ProtobufCBinaryData many[MERKLE_MAX_PATH + 1];
    fixture_write(f);
    deliver(f, 0, &delivery);
    delivery.path[0].data[0] ^= 1;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
    deliver(f, 0, &delivery);
    delivery.path[0].len--;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
    deliver(f, 0, &delivery);
    delivery.n_path = 0;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
    deliver(f, 0, &delivery);
    for (size_t i = 0; i <= MERKLE_MAX_PATH; i++)
        many[i] = delivery.path[0];
    delivery.path = many;
    delivery.n_path = MERKLE_MAX_PATH + 1;
    assert_err(receive(f, &delivery), SKP_E_PROOF_INVALID);
}

static void any_flipped_byte_of_the_header_shows(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    deliver(f, 0, &delivery);
    for (size_t at = 0; at < delivery.header.len; at++) {
        delivery.header.data[at] ^= 0x04;
        assert_int_not_equal(receive(f, &delivery), SKP_OK);
        delivery.header.data[at] ^= 0x04;
    }
    assert_ok(receive(f, &delivery));
}

/* What is sealed is held by its commitment and tag, the boxes by theirs; all the rest by the
 * signature. */
static void a_flipped_byte_of_a_bundle_changes_only_what_is_sealed(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    deliver(f, 0, &delivery);
    assert_ok(receive(f, &delivery));
    const Skp__V1__Bundle *before = read_delivery.bundle;
    size_t taken = 0;
    for (size_t at = 0; at < delivery.bundle.len; at++) {
        delivery.bundle.data[at] ^= 0x01;
        if (receive(f, &delivery) == SKP_OK) {
            taken++;
            for (size_t i = 0; i < before->n_lines; i++)
                assert_true(span_equal(wire_span(before->lines[i]),
                                       wire_span(read_delivery.bundle->lines[i])));
        }
        delivery.bundle.data[at] ^= 0x01;
    }
    assert_in_range(taken, 100, delivery.bundle.len - f->batch.heads[0].len);
}

static void a_delivery_signed_by_another_is_refused(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    const char *jws = NULL;
    fixture_write(f);
    deliver(f, 0, &delivery);
    assert_ok(jws_sign(f->broker, f->batch.header, f->at_ms, &f->arena, &jws));
    delivery.jws = arena_copy(&f->arena, jws, strlen(jws) + 1);
    assert_err(receive(f, &delivery), SKP_E_SIGNER_INVALID);
}

static void a_delivery_is_held_to_the_limits_of_intake(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    deliver(f, 0, &delivery);
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    bundle->n_key_boxes = 0;
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &f->arena));
    assert_err(receive(f, &delivery), SKP_E_KEY_BOX_MISSING);
    bundle->n_sealed--;
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &f->arena));
    assert_err(receive(f, &delivery), SKP_E_COUNT_MISMATCH);
}

static void little_memory_is_an_error_and_no_crash(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    struct arena arena;
    enum skp_err err = SKP_E_NO_MEMORY;
    fixture_write(f);
    deliver(f, 0, &delivery);
    for (size_t bytes = 0; err && bytes < 100000; bytes += 64) {
        arena_init(&arena, bytes);
        err = envelope_check_delivery(f->trust, f->cache, &delivery, &f->recipient, f->at_ms,
                                      &arena, &read_delivery, &why);
        assert_true(err == SKP_OK || err == SKP_E_NO_MEMORY);
        arena_fini(&arena);
    }
    assert_ok(err);
}

/* ---------------------------------------------------------------- withheld lines */

/* Line 0 of bundle 0 withheld as the broker does it, then spoiled by `spoil`. */
static enum skp_err receive_withheld(struct fixture *f,
                                     void (*spoil)(struct fixture *f, Skp__V1__Bundle *bundle))
{
    static Skp__V1__Withheld withheld[2];
    static Skp__V1__Withheld *list[2] = {&withheld[0], &withheld[1]};
    Skp__V1__Delivery delivery;
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    skp__v1__withheld__init(&withheld[0]);
    skp__v1__withheld__init(&withheld[1]);
    withheld[0].line = 0;
    withheld[0].leaf_hash = fixture_copy(f, span_of(f->leaves[0].bytes, HASH_BYTES));
    bundle->withheld = list;
    bundle->n_withheld = 1;
    bundle->lines[0].len = 0;
    bundle->sealed[0].len = 0;
    if (spoil)
        spoil(f, bundle);
    deliver(f, 0, &delivery);
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &f->arena));
    return receive(f, &delivery);
}

static void a_withheld_line_leaves_the_proof_whole(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    assert_ok(receive_withheld(f, NULL));
    assert_int_equal(read_delivery.bundle->lines[0].len, 0);
    assert_memory_equal(read_delivery.leaves, f->leaves, 3 * (size_t)HASH_BYTES);
}

static void a_destroyed_part_leaves_every_proof_whole(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    fixture_write(f);
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    assert_true(bundle->sealed[0].len > 0);
    bundle->sealed[0].len = 0;
    deliver(f, 0, &delivery);
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &f->arena));
    assert_ok(receive(f, &delivery));
    assert_true(read_delivery.bundle->lines[0].len > 0);
    assert_memory_equal(read_delivery.leaves, f->leaves, 3 * (size_t)HASH_BYTES);
}

static bool holds(struct span haystack, struct span needle)
{
    return needle.len > 0 && memmem(haystack.data, haystack.len, needle.data, needle.len) != NULL;
}

/* The proof of line 1 alone: the others are their leaf hashes, and no key box goes along. */
static void a_line_proof_shows_nothing_of_its_neighbours(void **state)
{
    struct fixture *f = *state;
    Skp__V1__Delivery delivery;
    Skp__V1__Withheld withheld[2];
    Skp__V1__Withheld *list[2] = {&withheld[0], &withheld[1]};
    fixture_write(f);
    Skp__V1__Bundle *whole = fixture_bundle(f, f->batch.bundles[0]);
    Skp__V1__Bundle *bundle = fixture_bundle(f, f->batch.bundles[0]);
    for (size_t i = 0; i < 2; i++) {
        size_t line = i == 0 ? 0 : 2;
        skp__v1__withheld__init(&withheld[i]);
        withheld[i].line = (uint32_t)line;
        withheld[i].leaf_hash = fixture_copy(f, span_of(f->leaves[line].bytes, HASH_BYTES));
        bundle->lines[line].len = 0;
        bundle->sealed[line].len = 0;
    }
    bundle->sealed[1].len = 0;
    bundle->n_key_boxes = 0;
    bundle->withheld = list;
    bundle->n_withheld = 2;
    deliver(f, 0, &delivery);
    delivery.bundle = wire_bytes(wire_pack(&bundle->base, &f->arena));
    assert_ok(receive(f, &delivery));

    struct span proof = wire_pack(&delivery.base, &f->arena);
    assert_true(holds(proof, wire_span(whole->lines[1])));
    for (size_t line = 0; line < 3; line++) {
        assert_false(holds(proof, wire_span(whole->sealed[line])));
        if (line == 1)
            continue;
        assert_false(holds(proof, wire_span(whole->lines[line])));
        assert_false(holds(proof, span_of(f->ids[line].bytes, ID_BYTES)));
    }
}

static void wrong_hash(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    bundle->withheld[0]->leaf_hash.data[31] ^= 1;
}

static void short_hash(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    bundle->withheld[0]->leaf_hash.len = 31;
}

static void no_such_line(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    bundle->withheld[0]->line = 3;
}

static void line_still_there(struct fixture *f, Skp__V1__Bundle *bundle)
{
    *bundle = *fixture_bundle(f, f->batch.bundles[0]);
    static Skp__V1__Withheld withheld;
    static Skp__V1__Withheld *list[] = {&withheld};
    skp__v1__withheld__init(&withheld);
    withheld.leaf_hash = wire_bytes(span_of(f->leaves[0].bytes, HASH_BYTES));
    bundle->withheld = list;
    bundle->n_withheld = 1;
}

static void part_still_there(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    bundle->sealed[0] = bundle->sealed[2];
}

static void twice(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    *bundle->withheld[1] = *bundle->withheld[0];
    bundle->n_withheld = 2;
}

static void unlisted(struct fixture *f, Skp__V1__Bundle *bundle)
{
    (void)f;
    bundle->n_withheld = 0;
}

static void a_withheld_line_is_listed_once_with_its_hash(void **state)
{
    struct fixture *f = *state;
    fixture_write(f);
    assert_err(receive_withheld(f, wrong_hash), SKP_E_ROOT_MISMATCH);
    assert_err(receive_withheld(f, short_hash), SKP_E_PROOF_INVALID);
    assert_err(receive_withheld(f, no_such_line), SKP_E_PROOF_INVALID);
    assert_err(receive_withheld(f, line_still_there), SKP_E_PROOF_INVALID);
    assert_err(receive_withheld(f, part_still_there), SKP_E_PROOF_INVALID);
    assert_err(receive_withheld(f, twice), SKP_E_PROOF_INVALID);
    assert_err(receive_withheld(f, unlisted), SKP_E_ROOT_MISMATCH);
}

/* ---------------------------------------------------------------- receipts */

static void a_receipt_proves_what_was_stored(void **state)
{
    struct fixture *f = *state;
    struct receipt_fixture r;
    Skp__V1__ReceiptBody *body = NULL;
    fixture_write(f);
    fill_receipt(f, &r);
    finish_receipt(f, &r);
    assert_ok(check_receipt(f, &r, &body));
    assert_int_equal(body->stored, FIXTURE_LINES);
}

/* `before` spoils what is signed, `after` what travels. */
#define ASSERT_RECEIPT(before, after)                                                              \
    do {                                                                                           \
        Skp__V1__ReceiptBody *body = NULL;                                                         \
        fill_receipt(f, &r);                                                                       \
        before;                                                                                    \
        finish_receipt(f, &r);                                                                     \
        after;                                                                                     \
        assert_err(check_receipt(f, &r, &body), SKP_E_PROOF_INVALID);                              \
        assert_null(body);                                                                         \
    } while (0)

static void a_receipt_is_about_exactly_this_batch(void **state)
{
    struct fixture *f = *state;
    struct receipt_fixture r;
    fixture_write(f);
    ASSERT_RECEIPT(r.body.sender = f->recipient.text, (void)0);
    ASSERT_RECEIPT(r.body.batch_id.data[0] ^= 1, (void)0);
    ASSERT_RECEIPT(r.body.batch_id.len = 0, (void)0);
    ASSERT_RECEIPT(r.body.batch_root.data[0] ^= 1, (void)0);
    ASSERT_RECEIPT(r.receipt_context[0] = 'x', (void)0);
}

static void a_receipt_leads_to_the_brokers_signature(void **state)
{
    struct fixture *f = *state;
    struct receipt_fixture r;
    fixture_write(f);
    ASSERT_RECEIPT(r.signer = f->counsellor, (void)0);
    ASSERT_RECEIPT(r.commit.broker = f->sender.text, (void)0);
    ASSERT_RECEIPT((void)strcpy(r.commit_context, RECEIPT_CONTEXT), (void)0);
    ASSERT_RECEIPT(r.commit.receipt_count = 2, (void)0);
    ASSERT_RECEIPT((void)0, r.receipt.index = 0);
    ASSERT_RECEIPT((void)0, r.receipt.path[0].data[0] ^= 1);
    ASSERT_RECEIPT((void)0, r.receipt.body.data[r.receipt.body.len - 1] ^= 1);
    ASSERT_RECEIPT((void)0, r.receipt.commit.data[r.receipt.commit.len - 1] ^= 1);
    ASSERT_RECEIPT((void)0, r.receipt.commit.len--);
    ASSERT_RECEIPT((void)0, r.receipt.jws[100] = '!');
    ASSERT_RECEIPT((void)0, r.receipt.jws[0] = '\0');
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_delivery_proves_itself),
        TEST(a_delivery_for_another_is_refused),
        TEST(a_delivery_on_behalf_of_another_is_refused),
        TEST(a_bundle_at_another_place_is_refused),
        TEST(a_wrong_path_is_refused),
        TEST(any_flipped_byte_of_the_header_shows),
        TEST(a_flipped_byte_of_a_bundle_changes_only_what_is_sealed),
        TEST(a_delivery_signed_by_another_is_refused),
        TEST(a_delivery_is_held_to_the_limits_of_intake),
        TEST(little_memory_is_an_error_and_no_crash),
        TEST(a_withheld_line_leaves_the_proof_whole),
        TEST(a_destroyed_part_leaves_every_proof_whole),
        TEST(a_line_proof_shows_nothing_of_its_neighbours),
        TEST(a_withheld_line_is_listed_once_with_its_hash),
        TEST(a_receipt_proves_what_was_stored),
        TEST(a_receipt_is_about_exactly_this_batch),
        TEST(a_receipt_leads_to_the_brokers_signature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
