/* What is collected counts when the broker says so; a refusal for good is heard at once. */
#include "link_scene.h"

#include "collecting.h"
#include "told.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* A bundle with one event of the broker. */
static Skp__V1__Delivery *make_notice(struct fake *fake, uint64_t position)
{
    struct skp_oin broker, office;
    struct skp_id batch_id = id_new(), event_id = id_new(), round_id = id_new(), bundle_id;
    struct envelope_batch batch;
    Skp__V1__EventFact event;
    skp__v1__event_fact__init(&event);
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    event.event_id = wire_id(&event_id);
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED;
    event.round_id = wire_id(&round_id);
    event.happened_at_ms = SCENE_NOW_MS;
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    oin_take(span_text(BROKER), &broker);
    oin_take(span_text(MUNICIPALITY), &office);
    struct envelope_writer *writer = envelope_writer_new(&fake->arena, &broker, NULL, &batch_id);
    if (envelope_bundle_begin(writer, &office, "", NULL, 0, &bundle_id) ||
        envelope_line_add(writer, &line, span_of(NULL, 0), NULL) ||
        envelope_finish(writer, fake->signer, (int64_t)time(NULL) * 1000, &batch))
        fake_die("cannot make a notice");
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

/* Until the office has said that both are safe with it. */
static void deliver_two(struct fake *fake)
{
    fake->limits.credit_messages = 64; /* so much that no more Fetch comes in between */
    fake->limits.credit_bytes = 8 << 20;
    fake_session(fake);
    desk_directory(fake, NULL);
    fake_expect(fake, FRAME_FETCH);
    fake_send(fake, FRAME_DELIVERY, &make_notice(fake, 7)->base);
    fake_send(fake, FRAME_DELIVERY, &make_notice(fake, 8)->base);
    fake_waiting(fake, 0);
}

static struct collecting *open_collecting(struct desk *desk)
{
    struct collecting *collecting = calloc(1, sizeof *collecting);
    assert_non_null(collecting);
    desk_open_state(desk);
    assert_int_equal(collecting_open(&desk->cli, collecting, NULL), 0);
    return collecting;
}

static void close_collecting(struct desk *desk, struct collecting *collecting)
{
    collecting_close(collecting);
    free(collecting);
    desk_free(desk);
}

static void refuse_to_collect(struct fake *fake)
{
    deliver_two(fake);
    const Skp__V1__Collect *collect = fake_expect(fake, FRAME_COLLECT);
    fake_error_about(fake, SKP_E_SIGNER_INVALID, NULL, FRAME_COLLECT, collect->tag, 0);
    fake_expect_end(fake);
}

static void a_statement_that_is_refused_ends_the_waiting_with_its_reason(void **state)
{
    (void)state;
    struct desk *desk = desk_new(refuse_to_collect, NULL);
    struct collecting *collecting = open_collecting(desk);
    assert_int_equal(collecting_drain(collecting), SKP_E_SIGNER_INVALID);
    assert_int_equal(collecting->collected, 0);
    close_collecting(desk, collecting);
}

static void know_only_one(struct fake *fake)
{
    uint64_t unknown = 7;
    size_t count = 0;
    Skp__V1__Collected collected;
    deliver_two(fake);
    while (count < 2) { /* one statement or two, as they came */
        const Skp__V1__Collect *collect = fake_expect(fake, FRAME_COLLECT);
        skp__v1__collected__init(&collected);
        collected.tag = collect->tag;
        collected.n_unknown = count == 0;
        collected.unknown = &unknown;
        collected.collected = (uint32_t)(collect->n_items - collected.n_unknown);
        fake_send(fake, FRAME_COLLECTED, &collected.base);
        count += collect->n_items;
    }
    fake_expect_end(fake);
}

static void what_the_broker_did_not_know_is_not_counted(void **state)
{
    (void)state;
    struct desk *desk = desk_new(know_only_one, NULL);
    struct collecting *collecting = open_collecting(desk);
    assert_ok(collecting_drain(collecting));
    assert_int_equal(collecting->opening.events, 2);
    assert_int_equal(collecting->collected, 1);
    close_collecting(desk, collecting);
}

/* ---------------------------------------------------------------- looking */

#define LOOKED_AT 512

/* As many as are looked at, of more. */
static void deliver_many(struct fake *fake)
{
    enum frame_type type;
    fake->limits.credit_messages = LOOKED_AT;
    fake->limits.credit_bytes = 32 << 20;
    desk_session(fake, SKP__V1__ROLE__ROLE_CREDITOR, NULL);
    desk_directory(fake, NULL);
    fake_expect(fake, FRAME_FETCH);
    Skp__V1__Delivery *notice = make_notice(fake, 1);
    for (; notice->position <= LOOKED_AT; notice->position++)
        fake_send(fake, FRAME_DELIVERY, &notice->base);
    while (fake_receive(fake, &type) != NULL) /* more credit, and what is let go again */
        continue;
}

static void deliver_many_twice(struct fake *fake)
{
    deliver_many(fake);
    fake_hang_up(fake);
    deliver_many(fake);
}

static void a_list_may_lie_behind_all_the_notices_that_were_looked_at(void **state)
{
    (void)state;
    char line[256];
    struct told told;
    struct desk *desk = desk_new(deliver_many_twice, NULL);
    desk_hand_over(desk);
    (void)snprintf(line, sizeof line, "--config %s creditor waiting", desk->config);
    run(line, &told);
    assert_int_equal(told.code, EXIT_SOME);
    says(&told, "0 lijsten, 512 berichten\nen wat daarachter ligt, is niet bekeken");
    (void)snprintf(line, sizeof line, "--config %s creditor waiting --json", desk->config);
    run(line, &told);
    assert_int_equal(told.code, EXIT_SOME);
    says(&told, "\"more_behind\": true");
    desk_free(desk);
}

/* ---------------------------------------------------------------- files that change */

/* A batch and a statement are owed; away until `ctx`, an atomic_bool, says that the files were taken over. */
static void owe_two_while_files_change(struct fake *fake)
{
    deliver_two(fake);
    fake_expect(fake, FRAME_COLLECT);
    fake_take_batch(fake);
    fake_hang_up(fake);
    while (!atomic_load((atomic_bool *)fake->ctx))
        sleep_ms(10);
    while (!fake_handshake(fake)) /* what knocked before */
        fake_hang_up(fake);
    fake_expect(fake, FRAME_HELLO);
    fake_welcome(fake, MUNICIPALITY);
    fake_expect(fake, FRAME_FETCH);
    fake_waiting(fake, 0);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

static void new_files_are_taken_over_while_a_broker_that_owes_is_away(void **state)
{
    (void)state;
    static atomic_bool taken;
    struct desk *desk = desk_new(owe_two_while_files_change, &taken);
    scene_add_entry(desk->scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(desk->scene,
                   SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n",
                   false, NULL);
    struct collecting *collecting = open_collecting(desk);
    for (int i = 0; i < 600 && collecting->opening.events < 2; i++)
        assert_ok(collecting_turn(collecting, 50));
    desk->cli.settings.wait_ms = 300;
    assert_int_equal(collecting_send(collecting), SKP_E_NOT_CONNECTED);
    const struct skp_client *before = collecting->link.client;
    assert_int_equal(chmod(desk->crl, 0600), 0); /* as new as a file that was replaced */
    for (int i = 0; i < 600 && collecting->link.client == before; i++) {
        assert_ok(collecting_turn(collecting, 50));
        assert_ok(collecting_reload(collecting));
    }
    assert_ptr_not_equal(collecting->link.client, before);
    atomic_store(&taken, true);
    desk->cli.settings.wait_ms = 30000;
    assert_ok(collecting_send(collecting));
    assert_ok(collecting_drain(collecting));
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 0);
    close_collecting(desk, collecting);
}

static void say_nothing_new(struct fake *fake)
{
    fake_session(fake);
    desk_directory(fake, NULL);
    fake_expect(fake, FRAME_FETCH);
    fake_waiting(fake, 0);
    fake_expect_end(fake);
}

static void new_files_of_another_participant_are_not_taken_over(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_nothing_new, NULL);
    struct collecting *collecting = open_collecting(desk);
    assert_ok(collecting_drain(collecting));
    const struct skp_client *before = collecting->link.client;
    struct settings *set = &desk->cli.settings;
    static const char other[] = TEST_CERTS "/participants/" CREDITOR;
    (void)snprintf(set->tls_cert, sizeof set->tls_cert, "%s/tls.pem", other);
    (void)snprintf(set->tls_key, sizeof set->tls_key, "%s/tls.key", other);
    (void)snprintf(set->sign_cert, sizeof set->sign_cert, "%s/sign.pem", other);
    (void)snprintf(set->sign_key, sizeof set->sign_key, "%s/sign.key", other);
    assert_ok(collecting_reload(collecting));
    assert_ptr_equal(collecting->link.client, before);
    assert_string_equal(skp_self(collecting->link.client)->text, MUNICIPALITY);
    close_collecting(desk, collecting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_that_is_refused_ends_the_waiting_with_its_reason),
        cmocka_unit_test(what_the_broker_did_not_know_is_not_counted),
        cmocka_unit_test(a_list_may_lie_behind_all_the_notices_that_were_looked_at),
        cmocka_unit_test(new_files_are_taken_over_while_a_broker_that_owes_is_away),
        cmocka_unit_test(new_files_of_another_participant_are_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
