/* "Collected" counts only with the addressee's own signature. */
#include "skp_scene.h"

static const char asked[] =
    SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n";

/* SCENE_SECOND plays the broker, because it has keys. */
struct proof {
    struct scene *scene;
    struct keypair *broker_sign;
    struct skp_oin broker;
    struct scene_opener opener;
    struct opening office;
    ProtobufCBinaryData head_hash;
};

/* A request that was published and not collected yet. */
static struct proof proof_open(struct scene *scene)
{
    struct proof proof = {.scene = scene,
                          .broker_sign = scene_key(SCENE_SECOND, "sign"),
                          .broker = scene_oin(SCENE_SECOND),
                          .opener = {scene->office_enc, scene->trust}};
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(scene, asked, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    state_run(&scene->office, "UPDATE request SET published_at_ms = ?", "i", SCENE_NOW_MS);
    sqlite3_stmt *row = state_ask(&scene->office, "SELECT head_hash FROM request", "");
    assert_true(state_next(&scene->office, row));
    proof.head_hash = wire_bytes(state_blob(&scene->office, row, 0, &scene->arena));
    assert_false(state_next(&scene->office, row));
    return proof;
}

static void proof_close(struct proof *proof)
{
    keypair_unref(proof->broker_sign);
    scene_free(proof->scene);
}

/* The broker tells that `other` collected, with a statement of `participant` that `signer` signed, about position 1,
 * and that it took `taken` of it. */
static void tell_taken(struct proof *proof, const char *other, const char *participant,
                       const char *context, struct keypair *signer, bool change_after,
                       uint64_t taken)
{
    struct scene *scene = proof->scene;
    Skp__V1__CollectStatement statement;
    skp__v1__collect_statement__init(&statement);
    Skp__V1__CollectedItem item;
    skp__v1__collected_item__init(&item);
    Skp__V1__CollectedItem *items[] = {&item};
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    Skp__V1__EventFact event;
    skp__v1__event_fact__init(&event);
    struct skp_id event_id = id_new();
    const char *jws = NULL;
    item.position = 1;
    item.head_hash = proof->head_hash;
    statement.context = (char *)(uintptr_t)context;
    statement.participant = (char *)(uintptr_t)participant;
    statement.collected_at_ms = SCENE_NOW_MS;
    statement.n_items = 1;
    statement.items = items;
    struct span bytes = wire_pack(&statement.base, &scene->arena);
    assert_ok(jws_sign(signer, bytes, clock_real_ms(clock_system()), &scene->arena, &jws));
    if (change_after) {
        statement.collected_at_ms++;
        bytes = wire_pack(&statement.base, &scene->arena);
    }
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_bytes(span_of(event_id.bytes, ID_BYTES));
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED;
    event.happened_at_ms = SCENE_NOW_MS + 5;
    event.other = (char *)(uintptr_t)other;
    event.statement = wire_bytes(bytes);
    event.jws = (char *)(uintptr_t)jws;
    event.collected = &taken;
    event.n_collected = 1;
    struct addressee to = {.oin = scene_oin(SCENE_COUNSELLOR), .mailbox = ""};
    struct envelope_batch batch =
        scene_say(scene, SCENE_SECOND, proof->broker_sign, &to, &line, span_of("", 0));
    proof->office = (struct opening){.db = &scene->office,
                                     .broker = &proof->broker,
                                     .open_part = scene_open_part,
                                     .check_collected = scene_check_collected,
                                     .ctx = &proof->opener};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, SCENE_NOW_MS, &proof->office);
}

static void tell(struct proof *proof, const char *other, const char *participant,
                 const char *context, struct keypair *signer, bool change_after)
{
    tell_taken(proof, other, participant, context, signer, change_after, 1);
}

static int64_t collected_at(struct proof *proof)
{
    return state_number(&proof->scene->office, -1, "SELECT collected_at_ms FROM request", "");
}

static void nothing_counts(struct proof *proof, enum skp_err err)
{
    assert_err(proof->office.problem, err);
    assert_int_equal(proof->office.events, 0);
    assert_int_equal(collected_at(proof), 0);
    assert_int_equal(state_number(&proof->scene->office, -1, "SELECT count(*) FROM event", ""), 0);
}

static void the_addressees_own_word_counts(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_CREDITOR, SCENE_CREDITOR, COLLECT_CONTEXT, proof.scene->creditor_sign,
         false);
    assert_int_equal(proof.office.problem, SKP_OK);
    assert_int_equal(proof.office.events, 1);
    assert_int_equal(collected_at(&proof), SCENE_NOW_MS + 5);
    proof_close(&proof);
}

/* The statement also names what was delivered again meanwhile: that is collected by a later one. */
static void what_the_broker_did_not_take_is_not_collected(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell_taken(&proof, SCENE_CREDITOR, SCENE_CREDITOR, COLLECT_CONTEXT, proof.scene->creditor_sign,
               false, 2);
    assert_int_equal(proof.office.problem, SKP_OK);
    assert_int_equal(proof.office.events, 1);
    assert_int_equal(collected_at(&proof), 0);
    proof_close(&proof);
}

static void a_broker_cannot_say_it_instead(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_CREDITOR, SCENE_CREDITOR, COLLECT_CONTEXT, proof.broker_sign, false);
    nothing_counts(&proof, SKP_E_SIGNER_INVALID);
    proof_close(&proof);
}

static void a_statement_that_was_changed_counts_nothing(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_CREDITOR, SCENE_CREDITOR, COLLECT_CONTEXT, proof.scene->creditor_sign, true);
    nothing_counts(&proof, SKP_E_SIGNATURE_INVALID);
    proof_close(&proof);
}

static void a_signature_for_something_else_counts_nothing(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_CREDITOR, SCENE_CREDITOR, MAILBOX_CONTEXT, proof.scene->creditor_sign,
         false);
    nothing_counts(&proof, SKP_E_SIGNATURE_INVALID);
    proof_close(&proof);
}

static void a_statement_of_another_participant_counts_nothing(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_CREDITOR, SCENE_SECOND, COLLECT_CONTEXT, proof.broker_sign, false);
    nothing_counts(&proof, SKP_E_SIGNER_INVALID);
    proof_close(&proof);
}

/* True word of somebody, about a bundle that was not theirs. */
static void nobody_collects_what_was_sent_to_another(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    tell(&proof, SCENE_SECOND, SCENE_SECOND, COLLECT_CONTEXT, proof.broker_sign, false);
    assert_int_equal(proof.office.problem, SKP_OK);
    assert_int_equal(collected_at(&proof), 0);
    proof_close(&proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_addressees_own_word_counts),
        cmocka_unit_test(what_the_broker_did_not_take_is_not_collected),
        cmocka_unit_test(a_broker_cannot_say_it_instead),
        cmocka_unit_test(a_statement_that_was_changed_counts_nothing),
        cmocka_unit_test(a_signature_for_something_else_counts_nothing),
        cmocka_unit_test(a_statement_of_another_participant_counts_nothing),
        cmocka_unit_test(nobody_collects_what_was_sent_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
