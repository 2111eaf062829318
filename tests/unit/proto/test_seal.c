#include "test_keys.h"

#include "merkle.h"
#include "seal.h"

static struct arena arena;
static struct keypair *ec;
static struct keypair *other_ec;
static struct keypair *rsa;
static struct seal_key key;
static struct seal_place place;
static struct skp_id item;

static int set_up_keys(void **state)
{
    (void)state;
    ec = key_of(COUNSELLOR_OIN, "enc");
    other_ec = key_of(CREDITOR_OIN, "enc");
    rsa = key_of(RSA_CREDITOR_OIN, "enc");
    return 0;
}

static int tear_down_keys(void **state)
{
    (void)state;
    keypair_unref(ec);
    keypair_unref(other_ec);
    keypair_unref(rsa);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    seal_key_new(&key);
    strcpy(place.sender.text, COUNSELLOR_OIN);
    strcpy(place.recipient.text, CREDITOR_OIN);
    place.batch_id = id_new();
    place.bundle_id = id_new();
    item = id_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* ---------------------------------------------------------------- parts */

struct sealed_part {
    struct skp_id item;
    struct skp_hash commitment;
    struct span plaintext;
    struct span sealed;
};

static struct sealed_part seal(const char *text)
{
    struct sealed_part part = {.item = item};
    assert_ok(seal_prepare(span_text(text), &arena, &part.plaintext, &part.commitment));
    assert_ok(seal_part(&key, &place, &item, part.plaintext, &arena, &part.sealed));
    return part;
}

static enum skp_err unseal(const struct seal_place *at, const struct sealed_part *part)
{
    struct span opened = span_of(NULL, 0);
    enum skp_err err =
        unseal_part(&key, at, &part->item, &part->commitment, part->sealed, &arena, &opened);
    assert_true(err == SKP_OK || opened.data == NULL);
    return err;
}

static void a_part_comes_back_without_its_salt(void **state)
{
    (void)state;
    struct span opened;
    struct sealed_part part = seal("J. Jansen");
    assert_int_equal(part.sealed.len, strlen("J. Jansen") + SEAL_OVERHEAD_BYTES);
    assert_ok(unseal_part(&key, &place, &item, &part.commitment, part.sealed, &arena, &opened));
    assert_true(span_equal(opened, span_text("J. Jansen")));
}

static void an_empty_and_the_largest_part_come_back_and_a_larger_one_is_refused(void **state)
{
    (void)state;
    static char text[SEAL_MAX_PART_BYTES + 2];
    struct span plaintext;
    struct skp_hash commitment;
    struct sealed_part part = seal("");
    assert_ok(unseal(&place, &part));
    memset(text, 'x', SEAL_MAX_PART_BYTES);
    part = seal(text);
    assert_ok(unseal(&place, &part));
    text[SEAL_MAX_PART_BYTES] = 'x';
    assert_err(seal_prepare(span_text(text), &arena, &plaintext, &commitment), SKP_E_TEXT_TOO_LONG);
}

static void the_commitment_is_the_hash_of_salt_and_part(void **state)
{
    (void)state;
    struct sealed_part part = seal("J. Jansen");
    struct skp_hash expected = sha256(part.plaintext);
    assert_true(hash_equal(&part.commitment, &expected));
    assert_memory_equal(part.plaintext.data + SEAL_SALT_BYTES, "J. Jansen", 9);
}

static void two_parts_of_the_same_text_look_unrelated(void **state)
{
    (void)state;
    struct sealed_part a = seal("J. Jansen");
    struct sealed_part b = seal("J. Jansen");
    assert_false(hash_equal(&a.commitment, &b.commitment));
    assert_false(span_equal(a.sealed, b.sealed));
}

static void another_place_is_refused(void **state)
{
    (void)state;
    struct sealed_part part = seal("J. Jansen");
    struct seal_place other = place;
    assert_ok(unseal(&place, &part));
    strcpy(other.sender.text, RSA_CREDITOR_OIN);
    assert_err(unseal(&other, &part), SKP_E_UNSEAL);
    other = place;
    strcpy(other.recipient.text, RSA_CREDITOR_OIN);
    assert_err(unseal(&other, &part), SKP_E_UNSEAL);
    other = place;
    other.batch_id = id_new();
    assert_err(unseal(&other, &part), SKP_E_UNSEAL);
    other = place;
    other.bundle_id = id_new();
    assert_err(unseal(&other, &part), SKP_E_UNSEAL);
    other = place;
    other.sender = place.recipient;
    other.recipient = place.sender;
    assert_err(unseal(&other, &part), SKP_E_UNSEAL);
    part.item = id_new();
    assert_err(unseal(&place, &part), SKP_E_UNSEAL);
}

static void another_bundle_key_is_refused(void **state)
{
    (void)state;
    struct sealed_part part = seal("J. Jansen");
    key.bytes[31] ^= 1;
    assert_err(unseal(&place, &part), SKP_E_UNSEAL);
}

static void every_flipped_or_missing_byte_is_refused(void **state)
{
    (void)state;
    struct sealed_part part = seal("J. Jansen");
    size_t len = part.sealed.len;
    uint8_t *bytes = arena_copy(&arena, part.sealed.data, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] ^= 0x01;
        part.sealed = span_of(bytes, len);
        assert_err(unseal(&place, &part), SKP_E_UNSEAL);
        bytes[i] ^= 0x81;
        assert_err(unseal(&place, &part), SKP_E_UNSEAL);
        bytes[i] ^= 0x80;
        part.sealed = span_of(bytes, i);
        assert_err(unseal(&place, &part), SKP_E_UNSEAL);
    }
    part.sealed = span_of(bytes, len);
    assert_ok(unseal(&place, &part));
}

static void a_part_that_is_not_what_the_line_commits_to_is_told_apart(void **state)
{
    (void)state;
    struct sealed_part part = seal("J. Jansen");
    part.commitment = seal("J. Jansen").commitment;
    assert_err(unseal(&place, &part), SKP_E_COMMITMENT_MISMATCH);
}

static void a_withheld_or_resealed_part_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    struct sealed_part parts[3];
    for (size_t i = 0; i < 3; i++) {
        item = id_new();
        parts[i] = seal("J. Jansen");
    }
    parts[0].sealed = span_of(NULL, 0); /* withheld, or destroyed */
    struct span before = parts[1].sealed;
    assert_ok(
        seal_part(&key, &place, &parts[1].item, parts[1].plaintext, &arena, &parts[1].sealed));
    assert_false(span_equal(before, parts[1].sealed));
    assert_err(unseal(&place, &parts[0]), SKP_E_UNSEAL);
    assert_ok(unseal(&place, &parts[1])); /* the signed commitment still holds */
    assert_ok(unseal(&place, &parts[2]));
}

static void a_part_cannot_be_swapped_with_its_neighbour(void **state)
{
    (void)state;
    struct sealed_part a = seal("J. Jansen");
    item = id_new();
    struct sealed_part b = seal("P. Pieters");
    struct sealed_part swapped = a;
    swapped.sealed = b.sealed;
    assert_err(unseal(&place, &swapped), SKP_E_UNSEAL);
}

/* ---------------------------------------------------------------- key boxes */

static struct span box_for(const struct keypair *keypair)
{
    const char *box;
    assert_ok(seal_box(&key, &place, keypair_cert(keypair), &arena, &box));
    return span_text(box);
}

static enum skp_err open_with(struct keypair *keypair, const struct seal_place *at,
                              const struct span *boxes, size_t count)
{
    struct seal_key opened;
    enum skp_err err = unseal_box(&keypair, 1, boxes, count, at, &arena, &opened);
    if (err == SKP_OK)
        assert_memory_equal(opened.bytes, key.bytes, SEAL_KEY_BYTES);
    return err;
}

static void each_of_several_recipients_opens_its_own_box(void **state)
{
    (void)state;
    struct span boxes[] = {box_for(ec), box_for(other_ec), box_for(rsa)};
    assert_ok(open_with(ec, &place, boxes, 3));
    assert_ok(open_with(other_ec, &place, boxes, 3));
    assert_ok(open_with(rsa, &place, boxes, 3));
    assert_err(open_with(rsa, &place, boxes, 2), SKP_E_UNSEAL);
    assert_err(open_with(rsa, &place, boxes, 0), SKP_E_UNSEAL);
}

static void an_old_key_beside_the_new_one_still_opens(void **state)
{
    (void)state;
    struct keypair *keys[] = {rsa, other_ec, ec};
    struct seal_key opened;
    struct span box = box_for(ec);
    assert_ok(unseal_box(keys, 3, &box, 1, &place, &arena, &opened));
    assert_memory_equal(opened.bytes, key.bytes, SEAL_KEY_BYTES);
    assert_err(unseal_box(keys, 2, &box, 1, &place, &arena, &opened), SKP_E_UNSEAL);
}

static void a_box_that_is_none_does_not_hide_ours(void **state)
{
    (void)state;
    struct span boxes[] = {span_text(""), span_text("a.b.c.d.e"), box_for(rsa), box_for(ec)};
    assert_ok(open_with(ec, &place, boxes, 4));
}

static void a_box_of_another_place_is_refused(void **state)
{
    (void)state;
    struct span box = box_for(ec);
    struct seal_place other = place;
    strcpy(other.sender.text, RSA_CREDITOR_OIN);
    assert_err(open_with(ec, &other, &box, 1), SKP_E_UNSEAL);
    other = place;
    strcpy(other.recipient.text, RSA_CREDITOR_OIN);
    assert_err(open_with(ec, &other, &box, 1), SKP_E_UNSEAL);
    other = place;
    other.batch_id = id_new();
    assert_err(open_with(ec, &other, &box, 1), SKP_E_UNSEAL);
    other = place;
    other.bundle_id = id_new();
    assert_err(open_with(ec, &other, &box, 1), SKP_E_UNSEAL);
    assert_ok(open_with(ec, &place, &box, 1));
}

static void a_box_of_something_else_is_refused(void **state)
{
    (void)state;
    const char *jwe;
    assert_ok(jwe_encrypt(keypair_cert(ec), span_text("no key box"), &arena, &jwe));
    struct span box = span_text(jwe);
    assert_err(open_with(ec, &place, &box, 1), SKP_E_UNSEAL);
}

static void a_wiped_key_is_gone(void **state)
{
    (void)state;
    static const uint8_t zeros[SEAL_KEY_BYTES];
    assert_memory_not_equal(key.bytes, zeros, SEAL_KEY_BYTES);
    seal_key_wipe(&key);
    assert_memory_equal(key.bytes, zeros, SEAL_KEY_BYTES);
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fresh(a_part_comes_back_without_its_salt),
        fresh(an_empty_and_the_largest_part_come_back_and_a_larger_one_is_refused),
        fresh(the_commitment_is_the_hash_of_salt_and_part),
        fresh(two_parts_of_the_same_text_look_unrelated),
        fresh(another_place_is_refused),
        fresh(another_bundle_key_is_refused),
        fresh(every_flipped_or_missing_byte_is_refused),
        fresh(a_part_that_is_not_what_the_line_commits_to_is_told_apart),
        fresh(a_withheld_or_resealed_part_leaves_its_neighbours_alone),
        fresh(a_part_cannot_be_swapped_with_its_neighbour),
        fresh(each_of_several_recipients_opens_its_own_box),
        fresh(an_old_key_beside_the_new_one_still_opens),
        fresh(a_box_that_is_none_does_not_hide_ours),
        fresh(a_box_of_another_place_is_refused),
        fresh(a_box_of_something_else_is_refused),
        fresh(a_wiped_key_is_gone),
    };
    return cmocka_run_group_tests(tests, set_up_keys, tear_down_keys);
}
