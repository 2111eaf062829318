/* "Collected" counts only with the addressee's own signature. */
#include "skp_scene.h"

#include "statement.h"

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

/* What the broker tells, and how it lies. */
struct tale {
    const char *other;       /* who collected, it says; */
    const char *participant; /* who says so, by the statement */
    const char *context;
    struct keypair *signer;
    bool change_after; /* another statement than was signed */
    bool of_another;   /* the event is about the other item of the statement */
    bool swap;         /* ... and gives it the head hash of what was asked */
};

static void pack_statement(struct proof *proof, const struct tale *tale, Skp__V1__Collect *collect)
{
    struct scene *scene = proof->scene;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    const char *jws;
    assert_ok(wire_unpack(&skp__v1__collect_statement__descriptor, wire_span(collect->statement),
                          &scene->arena, path, &message));
    Skp__V1__CollectStatement *statement = (Skp__V1__CollectStatement *)(void *)message;
    statement->context = (char *)(uintptr_t)tale->context;
    struct span bytes = wire_pack(&statement->base, &scene->arena);
    assert_ok(jws_sign(tale->signer, bytes, clock_real_ms(clock_system()), &scene->arena, &jws));
    collect->jws = (char *)(uintptr_t)jws;
    if (tale->change_after) {
        statement->collected_at_ms++;
        bytes = wire_pack(&statement->base, &scene->arena);
    }
    collect->statement = wire_bytes(bytes);
}

/* A statement over position 1, which was asked, and position 2 of somebody else. */
static struct merkle_tree state_collected(struct proof *proof, const struct tale *tale,
                                          Skp__V1__Collect *ret_collect)
{
    static struct skp_hash leaves[2], room[4];
    static const struct skp_hash strange = {{7}};
    struct skp_oin participant;
    size_t bad;
    Skp__V1__CollectedItem items[2];
    assert_true(oin_take(span_text(tale->participant), &participant));
    for (size_t i = 0; i < 2; i++) {
        skp__v1__collected_item__init(&items[i]);
        items[i].position = 1 + i;
        items[i].head_hash =
            i == 0 ? proof->head_hash : wire_bytes(span_of(strange.bytes, HASH_BYTES));
    }
    assert_ok(statement_make(tale->signer, &participant, "", items, 2, SCENE_NOW_MS,
                             &proof->scene->arena, ret_collect));
    assert_ok(statement_leaves(ret_collect->items, 2, leaves, &bad));
    pack_statement(proof, tale, ret_collect);
    return merkle_tree_make(leaves, 2, room);
}

static void tell(struct proof *proof, const struct tale *tale)
{
    struct scene *scene = proof->scene;
    Skp__V1__Collect collect;
    Skp__V1__ProvenItem item;
    Skp__V1__ProvenItem *items[] = {&item};
    Skp__V1__Line line;
    Skp__V1__EventFact event;
    struct skp_id event_id = id_new();
    skp__v1__proven_item__init(&item);
    skp__v1__line__init(&line);
    skp__v1__event_fact__init(&event);
    struct merkle_tree tree = state_collected(proof, tale, &collect);
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_bytes(span_of(event_id.bytes, ID_BYTES));
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED;
    event.happened_at_ms = SCENE_NOW_MS + 5;
    event.other = (char *)(uintptr_t)tale->other;
    event.statement = collect.statement;
    event.jws = collect.jws;
    item.index = tale->of_another ? 1 : 0;
    item.position = collect.items[item.index]->position;
    item.head_hash = tale->swap ? proof->head_hash : collect.items[item.index]->head_hash;
    event.collected = items;
    event.n_collected = 1;
    assert_ok(statement_prove(&tree, &scene->arena, &event));
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

/* As it should be. */
static struct tale true_tale(const struct proof *proof)
{
    return (struct tale){.other = SCENE_CREDITOR,
                         .participant = SCENE_CREDITOR,
                         .context = COLLECT_CONTEXT,
                         .signer = proof->scene->creditor_sign};
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
    struct tale tale = true_tale(&proof);
    tell(&proof, &tale);
    assert_int_equal(proof.office.problem, SKP_OK);
    assert_int_equal(proof.office.events, 1);
    assert_int_equal(collected_at(&proof), SCENE_NOW_MS + 5);
    proof_close(&proof);
}

/* The statement may also name what the broker did not take, since it was delivered again meanwhile: that is collected
 * by a later one. */
static void what_the_broker_did_not_take_is_not_collected(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    struct tale tale = true_tale(&proof);
    tale.of_another = true;
    tell(&proof, &tale);
    assert_int_equal(proof.office.problem, SKP_OK);
    assert_int_equal(proof.office.events, 1);
    assert_int_equal(collected_at(&proof), 0);
    proof_close(&proof);
}

static void told_wrong(void (*spoil)(const struct proof *proof, struct tale *tale),
                       enum skp_err err)
{
    struct proof proof = proof_open(scene_new());
    struct tale tale = true_tale(&proof);
    spoil(&proof, &tale);
    tell(&proof, &tale);
    nothing_counts(&proof, err);
    proof_close(&proof);
}

static void sign_as_broker(const struct proof *proof, struct tale *tale)
{
    tale->signer = proof->broker_sign;
}

static void a_broker_cannot_say_it_instead(void **state)
{
    (void)state;
    told_wrong(sign_as_broker, SKP_E_SIGNER_INVALID);
}

static void change_after(const struct proof *proof, struct tale *tale)
{
    (void)proof;
    tale->change_after = true;
}

static void a_statement_that_was_changed_counts_nothing(void **state)
{
    (void)state;
    told_wrong(change_after, SKP_E_SIGNATURE_INVALID);
}

static void sign_a_record(const struct proof *proof, struct tale *tale)
{
    (void)proof;
    tale->context = MAILBOX_CONTEXT;
}

static void a_signature_for_something_else_counts_nothing(void **state)
{
    (void)state;
    told_wrong(sign_a_record, SKP_E_SIGNATURE_INVALID);
}

static void name_another(const struct proof *proof, struct tale *tale)
{
    tale->participant = SCENE_SECOND;
    tale->signer = proof->broker_sign;
}

static void a_statement_of_another_participant_counts_nothing(void **state)
{
    (void)state;
    told_wrong(name_another, SKP_E_SIGNER_INVALID);
}

static void swap_head(const struct proof *proof, struct tale *tale)
{
    (void)proof;
    tale->of_another = true;
    tale->swap = true;
}

static void a_bundle_that_is_not_in_the_statement_is_not_collected(void **state)
{
    (void)state;
    told_wrong(swap_head, SKP_E_PROOF_INVALID);
}

/* True word of somebody, about a bundle that was not theirs. */
static void nobody_collects_what_was_sent_to_another(void **state)
{
    (void)state;
    struct proof proof = proof_open(scene_new());
    struct tale tale = true_tale(&proof);
    tale.other = tale.participant = SCENE_SECOND;
    tale.signer = proof.broker_sign;
    tell(&proof, &tale);
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
        cmocka_unit_test(a_bundle_that_is_not_in_the_statement_is_not_collected),
        cmocka_unit_test(nobody_collects_what_was_sent_to_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
