/* Deliveries are checked before they are shown, opened, and collected with a signature. */
#include "mailbox_fixture.h"

#include "statement.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checked_delivery_is_shown_and_opens),
        cmocka_unit_test(without_its_key_a_part_stays_closed),
        cmocka_unit_test(a_flipped_byte_is_a_problem_and_not_shown),
        cmocka_unit_test(a_collect_statement_verifies),
        cmocka_unit_test(leases_are_extended_and_released_by_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
