/* Every error that a whole batch can be answered with is provoked here; the last test says which
 * are missing. */
#include "engine_mail.h"

static bool provoked[1024];

static void note(enum skp_err err)
{
    assert_true((unsigned)err < sizeof provoked / sizeof provoked[0]);
    provoked[err] = true;
    test_met((int)err);
}

/* The whole batch: nothing of it is stored, not even its id. */
static void assert_batch_refused(struct letter *letter, enum skp_err err, const char *path)
{
    uint64_t before = letter->world->engine->chain.sequence;
    struct answer *answer = letter_ask(letter);
    assert_string_equal(skp_error_name(answer->err), skp_error_name(err));
    assert_string_equal(answer->path, path);
    assert_int_equal(answer->frame_count, 0);
    assert_int_equal(letter->world->engine->chain.sequence, before);
    note(err);
}

/* A letter of one bundle with one request that would be taken. */
static void good_letter(struct letter *letter, struct world *w, struct told_case *told)
{
    case_make(told, &w->creditor, 1);
    letter_begin(letter, w, &w->counsellor);
    case_write(letter, told);
}

/* ---------------------------------------------------------------- whole batches */

static Skp__V1__BatchHeader *header_of(struct letter *letter)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    if (letter->writer)
        letter_sign(letter);
    assert_ok(wire_unpack(&skp__v1__batch_header__descriptor, letter->batch.header,
                          &letter->world->arena, path, &message));
    return (Skp__V1__BatchHeader *)(void *)message;
}

static void sign_again(struct letter *letter, const Skp__V1__BatchHeader *header,
                       const struct party *signer)
{
    struct world *w = letter->world;
    letter->batch.header = wire_pack(&header->base, &w->arena);
    assert_ok(jws_sign(signer->signs, letter->batch.header, clock_real_ms(&w->clock.clock),
                       &w->arena, &letter->batch.jws));
}

static void the_sender_is_who_the_certificate_says(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_sign(&letter);
    letter.from = &w->creditor;
    assert_batch_refused(&letter, SKP_E_SENDER_MISMATCH, "header.sender");
}

static void the_signer_is_the_sender(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    sign_again(&letter, header_of(&letter), &w->creditor);
    assert_batch_refused(&letter, SKP_E_SIGNER_INVALID, "header");
}

static void an_encryption_certificate_signs_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct party wrong = w->counsellor;
    good_letter(&letter, w, &told);
    wrong.signs = w->counsellor.opens;
    sign_again(&letter, header_of(&letter), &wrong);
    assert_batch_refused(&letter, SKP_E_SIGNER_INVALID, "header");
}

static void a_changed_header_breaks_the_signature(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    Skp__V1__BatchHeader *header = header_of(&letter);
    header->created_at_ms--;
    letter.batch.header = wire_pack(&header->base, &w->arena);
    assert_batch_refused(&letter, SKP_E_SIGNATURE_INVALID, "header");
}

static void nobody_acts_on_behalf_of_another_yet(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    Skp__V1__BatchHeader *header = header_of(&letter);
    header->on_behalf_of = wire_text(OIN_CREDITOR);
    sign_again(&letter, header, &w->counsellor);
    assert_batch_refused(&letter, SKP_E_MANDATE_MISSING, "header.on_behalf_of");
}

static void bundles_are_counted(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_sign(&letter);
    letter.batch.bundle_count--;
    assert_batch_refused(&letter, SKP_E_COUNT_MISMATCH, "header.bundle_count");
}

static void lines_are_counted(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    Skp__V1__BatchHeader *header = header_of(&letter);
    header->line_count++;
    sign_again(&letter, header, &w->counsellor);
    assert_batch_refused(&letter, SKP_E_COUNT_MISMATCH, "header.line_count");
}

static void bundles_add_up_to_the_signed_root(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_sign(&letter);
    struct span first = letter.batch.bundles[0];
    letter.batch.bundles[0] = letter.batch.bundles[1];
    letter.batch.bundles[1] = first;
    assert_batch_refused(&letter, SKP_E_ROOT_MISMATCH, "header.root");
}

static void a_sealed_bundle_without_a_key_box_is_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    good_letter(&letter, w, &told);
    letter_sign(&letter);
    assert_ok(wire_unpack(&skp__v1__bundle__descriptor, letter.batch.bundles[1], &w->arena, path,
                          &message));
    Skp__V1__Bundle *bundle = (Skp__V1__Bundle *)(void *)message;
    bundle->n_key_boxes = 0;
    letter.batch.bundles[1] = wire_pack(&bundle->base, &w->arena);
    assert_batch_refused(&letter, SKP_E_KEY_BOX_MISSING, "bundle[1]");
}

static void a_batch_is_neither_old_nor_of_tomorrow(void **state)
{
    struct world *w = *state;
    static const int64_t ages_ms[] = {INT64_C(60) * 86400 * 1000 + 60000, -6 * 60 * 1000};
    for (size_t i = 0; i < 2; i++) {
        struct told_case told;
        struct letter letter;
        good_letter(&letter, w, &told);
        Skp__V1__BatchHeader *header = header_of(&letter);
        header->created_at_ms = clock_real_ms(&w->clock.clock) - ages_ms[i];
        sign_again(&letter, header, &w->counsellor);
        assert_batch_refused(&letter, SKP_E_BATCH_TOO_OLD, "header.created_at_ms");
    }
}

static void what_is_no_header_is_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_sign(&letter);
    letter.batch.header = span_text("not a header");
    assert_batch_refused(&letter, SKP_E_DECODE, "header");
}

static void a_version_of_tomorrow_is_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    Skp__V1__BatchHeader *header = header_of(&letter);
    header->protocol_version = 2;
    sign_again(&letter, header, &w->counsellor);
    assert_batch_refused(&letter, SKP_E_VERSION_UNSUPPORTED, "header.protocol_version");
}

static void a_stranger_stores_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    world_fini(w);
    world_init(w, true);
    good_letter(&letter, w, &told);
    assert_batch_refused(&letter, SKP_E_NOT_REGISTERED, "header.sender");
}

static void the_intake_budget_is_one_for_all(void **state)
{
    struct world *w = *state;
    struct engine *engine = w->engine;
    engine->intake_max = 1000;
    struct engine_call *call =
        engine_call_new(engine, ENGINE_BATCH, &w->counsellor.oin, 1, NULL, NULL);
    struct engine_call *other =
        engine_call_new(engine, ENGINE_BATCH, &w->creditor.oin, 2, NULL, NULL);
    uint8_t bytes[900] = {0};
    assert_ok(engine_call_part(call, span_of(bytes, 900)));
    assert_err(engine_call_part(other, span_of(bytes, 101)), SKP_E_BUSY);
    assert_ok(engine_call_part(other, span_of(bytes, 100)));
    engine_call_free(call);
    assert_ok(engine_call_part(other, span_of(bytes, 900)));
    engine_call_free(other);
    assert_int_equal(atomic_load(&engine->intake_used), 0);
    note(SKP_E_BUSY);
}

static void a_batch_has_no_more_bundles_than_the_limits_say(void **state)
{
    struct world *w = *state;
    struct engine_call *call =
        engine_call_new(w->engine, ENGINE_BATCH, &w->counsellor.oin, 1, NULL, NULL);
    for (size_t i = 0; i < BATCH_MAX_BUNDLES; i++)
        assert_ok(engine_call_part(call, span_of("x", 1)));
    assert_err(engine_call_part(call, span_of("x", 1)), SKP_E_BATCH_TOO_LARGE);
    engine_call_free(call);
    note(SKP_E_BATCH_TOO_LARGE);
}

/* Cases of as many requests as there may be, known to the broker by now. */
static void tell_large_cases(struct world *w, struct told_case *cases, size_t count)
{
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    for (size_t i = 0; i < count; i++) {
        case_make(&cases[i], &w->creditor, SCENE_REQUESTS);
        line_case(&letter, &cases[i]);
    }
    assert_taken(letter_send(&letter), (uint32_t)count);
}

static void a_batch_that_names_more_than_can_be_held_is_told_to_split(void **state)
{
    struct world *w = *state;
    static struct told_case cases[20], told;
    struct letter letter, other;
    tell_large_cases(w, cases, 20);
    w->engine->txn_bytes = (size_t)400 << 10;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    for (size_t i = 0; i < 20; i++)
        line_recorded(&letter, &cases[i], &cases[i].requests[0].id, 1, 100);
    struct answer *answer = letter_submit(&letter);
    case_make(&told, &w->creditor, 1);
    letter_begin(&other, w, &w->counsellor);
    case_write(&other, &told);
    assert_taken(letter_send(&other), 2); /* it waited beside the first */
    assert_err(answer->err, SKP_E_BATCH_TOO_LARGE);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_recorded(&letter, &cases[0], &cases[0].requests[0].id, 1, 100);
    assert_refused(letter_send(&letter), 0, 0, SKP_E_STATE_INVALID, "recorded.request_id");
}

/* ---------------------------------------------------------------- nothing is forgotten */

/* clang-format off */
static const enum skp_err all[] = {
    SKP_E_BATCH_TOO_LARGE, SKP_E_BATCH_TOO_OLD, SKP_E_BUSY, SKP_E_COUNT_MISMATCH, SKP_E_DECODE,
    SKP_E_KEY_BOX_MISSING, SKP_E_MANDATE_MISSING, SKP_E_NOT_REGISTERED, SKP_E_ROOT_MISMATCH,
    SKP_E_SENDER_MISMATCH, SKP_E_SIGNATURE_INVALID, SKP_E_SIGNER_INVALID,
    SKP_E_VERSION_UNSUPPORTED,
};
/* clang-format on */

static void every_error_was_provoked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (!provoked[all[i]])
            fail_msg("no test provokes %s", skp_error_name(all[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_sender_is_who_the_certificate_says),
        TEST(the_signer_is_the_sender),
        TEST(an_encryption_certificate_signs_nothing),
        TEST(a_changed_header_breaks_the_signature),
        TEST(nobody_acts_on_behalf_of_another_yet),
        TEST(bundles_are_counted),
        TEST(lines_are_counted),
        TEST(bundles_add_up_to_the_signed_root),
        TEST(a_sealed_bundle_without_a_key_box_is_refused),
        TEST(a_batch_is_neither_old_nor_of_tomorrow),
        TEST(what_is_no_header_is_refused),
        TEST(a_version_of_tomorrow_is_refused),
        TEST(a_stranger_stores_nothing),
        TEST(the_intake_budget_is_one_for_all),
        TEST(a_batch_has_no_more_bundles_than_the_limits_say),
        TEST(a_batch_that_names_more_than_can_be_held_is_told_to_split),
        cmocka_unit_test(every_error_was_provoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
