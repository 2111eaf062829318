/* Holds the C code against the rounds of proto/vectors: exchanges that were made once and must stay
 * readable and provable for ever, with EC and with RSA in each role. tests/interop/check_vectors.py
 * reads the same files in Python. */
#include "testing.h"

#include "envelope.h"
#include "fact.h"
#include "jose.h"
#include "statement.h"
#include "wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COUNSELLOR, CREDITOR, BROKER, PARTIES };

static struct arena arena;
static json_t *document;
static struct trust *trust;
static struct keypair *openers[PARTIES];
static struct skp_oin oins[PARTIES];
static int64_t at_ms;
static const char *round_file;
static char folder[32];

/* ---------------------------------------------------------------- the file */

static const char *text_of(const json_t *vector, const char *member)
{
    const char *text = json_string_value(json_object_get(vector, member));
    if (text == NULL)
        fail_msg("the vector has no text %s", member);
    return text;
}

static struct span from_hex(const char *text)
{
    size_t len = strlen(text) / 2;
    uint8_t *bytes = arena_alloc(&arena, len + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
        bytes[i] = (uint8_t)byte;
    }
    return span_of(bytes, len);
}

static struct span bytes_of(const json_t *vector, const char *member)
{
    return from_hex(text_of(vector, member));
}

static struct skp_hash hash_of(const json_t *vector, const char *member)
{
    struct skp_hash hash;
    assert_true(hash_take(bytes_of(vector, member), &hash));
    return hash;
}

static const json_t *at(const json_t *vector, const char *member, size_t index)
{
    const json_t *item = json_array_get(json_object_get(vector, member), index);
    if (item == NULL)
        fail_msg("%s has no item %zu", member, index);
    return item;
}

static ProtobufCMessage *unpack(const ProtobufCMessageDescriptor *type, struct span bytes)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message = NULL;
    assert_ok(wire_unpack(type, bytes, &arena, path, &message));
    return message;
}

/* Another copy of the bytes, with one bit of the last one changed. */
static ProtobufCBinaryData spoilt(ProtobufCBinaryData bytes)
{
    uint8_t *copy = arena_copy(&arena, bytes.data, bytes.len);
    assert_non_null(copy);
    copy[bytes.len - 1] ^= 1;
    return (ProtobufCBinaryData){.len = bytes.len, .data = copy};
}

/* ---------------------------------------------------------------- the keys */

static void write_file(const char *name, const char *text, char *ret_path, size_t bytes)
{
    snprintf(ret_path, bytes, "%s/%s", folder, name);
    FILE *file = fopen(ret_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_keys(const json_t *crypto)
{
    char first[128];
    char second[128];
    const char *why = "";
    write_file("ca.pem", text_of(crypto, "ca_pem"), first, sizeof first);
    write_file("crl.pem", text_of(crypto, "crl_pem"), second, sizeof second);
    assert_ok(trust_load(first, second, &trust, &why));
    unlink(first);
    unlink(second);
    static const char *const roles[PARTIES] = {"counsellor", "creditor", "broker"};
    const json_t *places = json_object_get(document, "places");
    for (size_t i = 0; i < PARTIES; i++) {
        json_int_t place = json_integer_value(json_object_get(places, roles[i]));
        const json_t *box = at(crypto, "boxes", (size_t)place);
        write_file("cert.pem", text_of(box, "cert_pem"), first, sizeof first);
        write_file("key.pem", text_of(box, "key_pem"), second, sizeof second);
        assert_ok(keypair_load(first, second, &openers[i], &why));
        assert_true(oin_take(span_text(text_of(box, "oin")), &oins[i]));
        unlink(first);
        unlink(second);
    }
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)16 * 1024 * 1024);
    json_t *crypto = json_load_file(PROTO_VECTORS "/crypto.json", JSON_REJECT_DUPLICATES, NULL);
    document = json_load_file(round_file, JSON_REJECT_DUPLICATES, NULL);
    strcpy(folder, "/tmp/skp-round-XXXXXX");
    if (crypto == NULL || document == NULL || mkdtemp(folder) == NULL)
        return -1;
    read_keys(crypto);
    json_decref(crypto);
    rmdir(folder);
    at_ms = json_integer_value(json_object_get(document, "at_ms"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < PARTIES; i++)
        keypair_unref(openers[i]);
    trust_unref(trust);
    json_decref(document);
    arena_fini(&arena);
    return 0;
}

/* ---------------------------------------------------------------- batches */

static void check_line(const json_t *vector, const struct skp_hash *leaves, size_t count,
                       size_t index)
{
    struct skp_hash expected = hash_of(vector, "leaf");
    struct skp_hash path[MERKLE_MAX_PATH];
    size_t len = merkle_path(leaves, count, index, path);
    const json_t *steps = json_object_get(vector, "path");
    assert_true(hash_equal(&leaves[index], &expected));
    assert_int_equal(len, json_array_size(steps));
    for (size_t i = 0; i < len; i++) {
        struct span step = from_hex(json_string_value(json_array_get(steps, i)));
        assert_true(span_equal(step, span_of(path[i].bytes, HASH_BYTES)));
    }
}

static struct keypair *opener_of(const struct skp_oin *oin)
{
    for (size_t i = 0; i < PARTIES; i++)
        if (oin_equal(oin, &oins[i]))
            return openers[i];
    return NULL;
}

static void check_part(const json_t *vector, const Skp__V1__Bundle *bundle,
                       const struct seal_place *place, size_t index)
{
    struct span boxes[BUNDLE_MAX_BOXES];
    struct keypair *keys[] = {opener_of(&place->recipient)};
    struct seal_key key;
    struct skp_id item_id;
    struct skp_hash commitment;
    struct span part;
    const Skp__V1__Line *line = (const Skp__V1__Line *)(const void *)unpack(
        &skp__v1__line__descriptor, wire_span(bundle->lines[index]));
    bool asks = line->fact_case == SKP__V1__LINE__FACT_REQUEST;
    for (size_t i = 0; i < bundle->n_key_boxes; i++)
        boxes[i] = span_text(bundle->key_boxes[i]);
    assert_true(id_take(bytes_of(vector, "item_id"), &item_id));
    assert_true(hash_take(wire_span(asks ? line->request->commitment : line->answer->commitment),
                          &commitment));
    assert_ok(unseal_box(keys, 1, boxes, bundle->n_key_boxes, place, &arena, &key));
    assert_ok(unseal_part(&key, place, &item_id, &commitment, wire_span(bundle->sealed[index]),
                          &arena, &part));
    assert_true(span_equal(part, bytes_of(vector, "part")));
}

static size_t check_bundle(const json_t *vector, const struct envelope_header *header)
{
    char path[WIRE_PATH_MAX] = "";
    struct envelope_head head;
    struct skp_hash leaves[BUNDLE_MAX_LINES];
    const Skp__V1__Bundle *bundle = (const Skp__V1__Bundle *)(const void *)unpack(
        &skp__v1__bundle__descriptor, bytes_of(vector, "bundle"));
    assert_true(span_equal(wire_span(bundle->head), bytes_of(vector, "head")));
    assert_ok(envelope_read_head(wire_span(bundle->head), &arena, path, &head));
    assert_ok(envelope_check_bundle(bundle, &head, leaves));
    struct seal_place place = {.sender = header->sender,
                               .recipient = head.recipient,
                               .batch_id = header->batch_id,
                               .bundle_id = head.bundle_id};
    for (size_t i = 0; i < bundle->n_lines; i++) {
        const json_t *line = at(vector, "lines", i);
        assert_true(span_equal(wire_span(bundle->lines[i]), bytes_of(line, "line")));
        check_line(line, leaves, bundle->n_lines, i);
        if (bundle->sealed[i].len > 0)
            check_part(line, bundle, &place, i);
    }
    return bundle->n_lines;
}

static void check_batch(const json_t *vector)
{
    char path[WIRE_PATH_MAX] = "";
    const char *why = "";
    struct envelope_header header;
    struct skp_hash heads[2];
    struct skp_hash root = hash_of(vector, "root");
    struct span bytes = bytes_of(vector, "header");
    struct span jws = span_text(text_of(vector, "jws"));
    size_t lines = 0;
    assert_ok(envelope_read_header(bytes, &arena, path, &header));
    assert_ok(envelope_check_signature(trust, NULL, bytes, &header, jws, at_ms, &why));
    struct span other = wire_span(spoilt(wire_bytes(bytes)));
    assert_err(envelope_check_signature(trust, NULL, other, &header, jws, at_ms, &why),
               SKP_E_SIGNATURE_INVALID);
    assert_in_range(header.bundle_count, 1, 2);
    for (size_t i = 0; i < header.bundle_count; i++) {
        const json_t *bundle = at(vector, "bundles", i);
        heads[i] = hash_of(bundle, "head_leaf");
        lines += check_bundle(bundle, &header);
    }
    struct skp_hash found = merkle_root(heads, header.bundle_count);
    assert_true(hash_equal(&found, &root));
    assert_true(hash_equal(&header.root, &root));
    assert_int_equal(lines, header.line_count);
}

static void both_batches_are_signed_counted_and_open_for_who_was_addressed(void **state)
{
    (void)state;
    check_batch(at(document, "batches", 0));
    check_batch(at(document, "batches", 1));
}

static void a_resealed_line_keeps_its_bytes_and_leaf_and_opens_anew(void **state)
{
    (void)state;
    static const char *const same[] = {"item_id", "line", "leaf", "part"};
    const json_t *again = json_object_get(document, "reseal");
    const json_t *bundle = at(again, "bundles", 1);
    const json_t *first = at(at(at(document, "batches", 0), "bundles", 1), "lines", 2);
    check_batch(again);
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_string_equal(text_of(at(bundle, "lines", 0), same[i]), text_of(first, same[i]));
    const Skp__V1__Bundle *asked = (const Skp__V1__Bundle *)(const void *)unpack(
        &skp__v1__bundle__descriptor,
        bytes_of(at(at(document, "batches", 0), "bundles", 1), "bundle"));
    const Skp__V1__Bundle *sealed = (const Skp__V1__Bundle *)(const void *)unpack(
        &skp__v1__bundle__descriptor, bytes_of(bundle, "bundle"));
    assert_false(span_equal(wire_span(asked->sealed[2]), wire_span(sealed->sealed[0])));
}

/* ---------------------------------------------------------------- deliveries */

static Skp__V1__Delivery *delivery_of(void)
{
    return (Skp__V1__Delivery *)(void *)unpack(&skp__v1__delivery__descriptor,
                                               bytes_of(document, "delivery"));
}

static enum skp_err check_delivery(const Skp__V1__Delivery *delivery, const struct skp_oin *me,
                                   struct envelope_delivery *ret_delivery)
{
    const char *why = "";
    return envelope_check_delivery(trust, NULL, delivery, me, at_ms, &arena, ret_delivery, &why);
}

static void a_delivery_with_a_line_withheld_is_proven_whole(void **state)
{
    (void)state;
    struct envelope_delivery delivered;
    struct skp_hash leaf =
        hash_of(at(at(at(document, "batches", 0), "bundles", 1), "lines", 1), "leaf");
    assert_ok(check_delivery(delivery_of(), &oins[CREDITOR], &delivered));
    assert_int_equal(delivered.bundle->n_lines, 3);
    assert_int_equal(delivered.bundle->lines[1].len, 0);
    assert_true(hash_equal(&delivered.leaves[1], &leaf));
}

static void it_is_nobody_elses(void **state)
{
    (void)state;
    struct envelope_delivery delivered;
    assert_int_not_equal(check_delivery(delivery_of(), &oins[COUNSELLOR], &delivered), SKP_OK);
}

static void it_does_not_stand_with_one_bit_changed(void **state)
{
    (void)state;
    struct envelope_delivery delivered;
    Skp__V1__Delivery *delivery = delivery_of();
    delivery->header = spoilt(delivery->header);
    assert_int_not_equal(check_delivery(delivery, &oins[CREDITOR], &delivered), SKP_OK);
    delivery = delivery_of();
    delivery->bundle = spoilt(delivery->bundle); /* the leaf hash of the withheld line */
    assert_err(check_delivery(delivery, &oins[CREDITOR], &delivered), SKP_E_ROOT_MISMATCH);
    delivery = delivery_of();
    delivery->path[0] = spoilt(delivery->path[0]);
    assert_int_not_equal(check_delivery(delivery, &oins[CREDITOR], &delivered), SKP_OK);
}

static void the_collect_statement_is_the_creditors_and_names_the_head(void **state)
{
    (void)state;
    const json_t *collect = json_object_get(document, "collect");
    struct span bytes = bytes_of(collect, "statement");
    struct jws_signer signer;
    const char *why = "";
    struct skp_hash head = hash_of(at(at(document, "batches", 0), "bundles", 1), "head_hash");
    assert_ok(
        jws_verify(trust, NULL, span_text(text_of(collect, "jws")), bytes, at_ms, &signer, &why));
    assert_string_equal(signer.oin.text, oins[CREDITOR].text);
    const Skp__V1__CollectStatement *statement =
        (const Skp__V1__CollectStatement *)(const void *)unpack(
            &skp__v1__collect_statement__descriptor, bytes);
    assert_string_equal(statement->context, COLLECT_CONTEXT);
    const Skp__V1__EventFact *event = (const Skp__V1__EventFact *)(const void *)unpack(
        &skp__v1__event_fact__descriptor, bytes_of(collect, "event"));
    assert_true(span_equal(wire_span(event->statement), bytes));
    assert_true(statement_holds_items(statement, event));
    assert_true(
        span_equal(wire_span(event->collected[0]->head_hash), span_of(head.bytes, HASH_BYTES)));
    event->collected[1]->position++;
    assert_false(statement_holds_items(statement, event));
}

static void a_statement_adds_up_to_its_root(void **state)
{
    (void)state;
    const json_t *collect = json_object_get(document, "collect");
    const Skp__V1__CollectStatement *statement =
        (const Skp__V1__CollectStatement *)(const void *)unpack(
            &skp__v1__collect_statement__descriptor, bytes_of(collect, "statement"));
    size_t count = json_array_size(json_object_get(collect, "items"));
    struct skp_hash leaves[8];
    assert_in_range(count, 1, 8);
    assert_int_equal(statement->item_count, count);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = at(collect, "items", i);
        struct skp_hash head = hash_of(item, "head_hash");
        struct skp_hash leaf = hash_of(item, "leaf");
        leaves[i] =
            statement_leaf((uint64_t)json_integer_value(json_object_get(item, "position")), &head);
        assert_true(hash_equal(&leaves[i], &leaf));
    }
    struct skp_hash root = merkle_root(leaves, count);
    assert_true(span_equal(wire_span(statement->items_root), span_of(root.bytes, HASH_BYTES)));
}

/* ---------------------------------------------------------------- what stands outside batches */

static void assert_signed_by(int party, const char *jws, struct span bytes)
{
    struct jws_signer signer;
    const char *why = "";
    assert_ok(jws_verify(trust, NULL, span_text(jws), bytes, at_ms, &signer, &why));
    assert_string_equal(signer.oin.text, oins[party].text);
    assert_err(jws_verify(trust, NULL, span_text(jws), wire_span(spoilt(wire_bytes(bytes))), at_ms,
                          &signer, &why),
               SKP_E_SIGNATURE_INVALID);
}

static void the_mailbox_record_is_the_creditors_and_names_its_certificate(void **state)
{
    (void)state;
    char path[WIRE_PATH_MAX] = "";
    const json_t *vector = json_object_get(document, "record");
    struct span bytes = bytes_of(vector, "record");
    const Skp__V1__MailboxRecord *record = (const Skp__V1__MailboxRecord *)(const void *)unpack(
        &skp__v1__mailbox_record__descriptor, bytes);
    assert_signed_by(CREDITOR, text_of(vector, "jws"), bytes);
    assert_ok(fact_check_record(record, path));
    assert_string_equal(record->participant, oins[CREDITOR].text);
    assert_int_equal(record->n_encryption_certificates, 1);
    struct skp_hash named = sha256(wire_span(record->encryption_certificates[0]));
    struct skp_hash own = cert_thumbprint(keypair_cert(openers[CREDITOR]));
    assert_true(hash_equal(&named, &own));
}

static void the_agreement_is_signed_by_the_creditor_and_the_counsellor_it_names(void **state)
{
    (void)state;
    char path[WIRE_PATH_MAX] = "";
    const json_t *vector = json_object_get(document, "agreement");
    struct span bytes = bytes_of(vector, "agreement");
    const Skp__V1__Agreement *agreement =
        (const Skp__V1__Agreement *)(const void *)unpack(&skp__v1__agreement__descriptor, bytes);
    assert_ok(fact_check_agreement(agreement, path));
    assert_string_equal(agreement->creditor, oins[CREDITOR].text);
    assert_int_equal(agreement->n_counsellors, 1);
    assert_string_equal(agreement->counsellors[0], oins[COUNSELLOR].text);
    assert_signed_by(CREDITOR, json_string_value(at(vector, "signatures", 0)), bytes);
    assert_signed_by(COUNSELLOR, json_string_value(at(vector, "signatures", 1)), bytes);
}

/* ---------------------------------------------------------------- receipts and the chain */

static enum skp_err check_receipt(size_t index, const Skp__V1__Receipt *receipt,
                                  Skp__V1__ReceiptBody **ret_body)
{
    const char *why = "";
    char path[WIRE_PATH_MAX] = "";
    struct envelope_header header;
    struct span bytes = bytes_of(at(document, "batches", index), "header");
    assert_ok(envelope_read_header(bytes, &arena, path, &header));
    return envelope_check_receipt(trust, NULL, receipt, &oins[BROKER], &header.sender,
                                  &header.batch_id, &header.root, at_ms, &arena, ret_body, &why);
}

static Skp__V1__Receipt *receipt_of(size_t index)
{
    return (Skp__V1__Receipt *)(void *)unpack(&skp__v1__receipt__descriptor,
                                              bytes_of(at(document, "receipts", index), "receipt"));
}

static void each_batch_has_a_receipt_that_accounts_for_every_line(void **state)
{
    (void)state;
    Skp__V1__ReceiptBody *body;
    assert_ok(check_receipt(0, receipt_of(0), &body));
    assert_int_equal(body->stored, 3);
    assert_int_equal(body->n_refusals, 1);
    assert_int_equal(body->refusals[0]->code, body->texts[0]->code);
    assert_ok(check_receipt(1, receipt_of(1), &body));
    assert_int_equal(body->stored, 1);
    assert_int_equal(body->n_refusals, 0);
}

static void a_receipt_is_not_proven_with_another_body_commit_index_or_batch(void **state)
{
    (void)state;
    Skp__V1__ReceiptBody *body;
    Skp__V1__Receipt *receipt = receipt_of(0);
    receipt->body = spoilt(receipt->body);
    assert_int_not_equal(check_receipt(0, receipt, &body), SKP_OK);
    receipt = receipt_of(0);
    receipt->commit = spoilt(receipt->commit);
    assert_int_not_equal(check_receipt(0, receipt, &body), SKP_OK);
    receipt = receipt_of(0);
    receipt->index ^= 1;
    assert_int_not_equal(check_receipt(0, receipt, &body), SKP_OK);
    assert_int_not_equal(check_receipt(1, receipt_of(0), &body), SKP_OK);
}

static void the_second_commit_follows_the_first_and_took_both_batches(void **state)
{
    (void)state;
    struct span first = bytes_of(at(document, "commits", 0), "commit");
    struct skp_hash previous = sha256(first);
    struct skp_hash taken[] = {hash_of(at(document, "batches", 0), "taken_leaf"),
                               hash_of(at(document, "batches", 1), "taken_leaf")};
    struct skp_hash root = merkle_root(taken, 2);
    const Skp__V1__CommitHeader *commit = (const Skp__V1__CommitHeader *)(const void *)unpack(
        &skp__v1__commit_header__descriptor, bytes_of(at(document, "commits", 1), "commit"));
    assert_true(span_equal(wire_span(commit->previous), span_of(previous.bytes, HASH_BYTES)));
    assert_true(span_equal(wire_span(commit->taken_root), span_of(root.bytes, HASH_BYTES)));
}

/* The head of a detached JWS, which names the algorithm. */
static void assert_algorithm(const char *jws, const char *name)
{
    struct span head;
    char wanted[32];
    size_t len = strcspn(jws, ".");
    assert_ok(base64url_decode(span_of((const uint8_t *)jws, len), &arena, &head));
    (void)snprintf(wanted, sizeof wanted, "\"alg\":\"%s\"", name);
    assert_non_null(memmem(head.data, head.len, wanted, strlen(wanted)));
}

static void who_signed_with_ec_signs_with_rsa_and_the_other_way_round(void **state)
{
    (void)state;
    assert_algorithm(text_of(at(document, "batches", 0), "jws"), "PS256");
    assert_algorithm(text_of(at(document, "batches", 1), "jws"), "ES384");
    assert_algorithm(text_of(at(document, "commits", 1), "jws"), "ES256");
}

/* What every round shows. */
#define ROUND_TESTS                                                                                \
    cmocka_unit_test(both_batches_are_signed_counted_and_open_for_who_was_addressed),              \
        cmocka_unit_test(a_delivery_with_a_line_withheld_is_proven_whole),                         \
        cmocka_unit_test(it_is_nobody_elses),                                                      \
        cmocka_unit_test(it_does_not_stand_with_one_bit_changed),                                  \
        cmocka_unit_test(the_collect_statement_is_the_creditors_and_names_the_head),               \
        cmocka_unit_test(a_statement_adds_up_to_its_root),                                         \
        cmocka_unit_test(the_mailbox_record_is_the_creditors_and_names_its_certificate),           \
        cmocka_unit_test(the_agreement_is_signed_by_the_creditor_and_the_counsellor_it_names),     \
        cmocka_unit_test(each_batch_has_a_receipt_that_accounts_for_every_line),                   \
        cmocka_unit_test(a_receipt_is_not_proven_with_another_body_commit_index_or_batch),         \
        cmocka_unit_test(the_second_commit_follows_the_first_and_took_both_batches),               \
        cmocka_unit_test(a_resealed_line_keeps_its_bytes_and_leaf_and_opens_anew)

int main(void)
{
    const struct CMUnitTest round[] = {ROUND_TESTS};
    const struct CMUnitTest swapped[] = {
        ROUND_TESTS,
        cmocka_unit_test(who_signed_with_ec_signs_with_rsa_and_the_other_way_round),
    };
    round_file = PROTO_VECTORS "/round.json";
    int failed = cmocka_run_group_tests_name("round.json", round, set_up, tear_down);
    round_file = PROTO_VECTORS "/round_swapped.json";
    return failed + cmocka_run_group_tests_name("round_swapped.json", swapped, set_up, tear_down);
}
