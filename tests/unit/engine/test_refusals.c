/* Every error that a line can be refused with is provoked here; the last test says which are
 * missing. */
#include "engine_mail.h"

static bool provoked[1024];

static void note(enum skp_err err)
{
    assert_true((unsigned)err < sizeof provoked / sizeof provoked[0]);
    provoked[err] = true;
    test_met((int)err);
}

static void assert_line_refused(struct letter *letter, uint32_t bundle, uint32_t line,
                                enum skp_err err, const char *path)
{
    assert_refused(letter_send(letter), bundle, line, err, path);
    note(err);
}

/* A letter of one bundle with one request that would be taken. */
static void good_letter(struct letter *letter, struct world *w, struct told_case *told)
{
    case_make(told, &w->creditor, 1);
    letter_begin(letter, w, &w->counsellor);
    case_write(letter, told);
}

static void open_answer(struct letter *letter, struct world *w, struct told_case *told)
{
    case_make(told, &w->creditor, 1);
    case_register(w, told);
    letter_begin(letter, w, &w->creditor);
    letter_to(letter, &w->counsellor);
}

/* ---------------------------------------------------------------- who says what to whom */

static void a_creditor_registers_no_case(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->creditor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    assert_line_refused(&letter, 0, 0, SKP_E_ROLE_FORBIDDEN, "");
}

static void nobody_speaks_for_the_broker(void **state)
{
    struct world *w = *state;
    struct letter letter;
    Skp__V1__Line line;
    Skp__V1__EventFact event;
    struct skp_id ids[] = {id_new(), id_new()};
    skp__v1__line__init(&line);
    skp__v1__event_fact__init(&event);
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_id(&ids[0]);
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE;
    event.happened_at_ms = world_now_ms(w);
    event.case_id = wire_id(&ids[1]);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, &line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_ROLE_FORBIDDEN, "");
}

static void an_unknown_recipient_is_unknown(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct party stranger = w->rsa;
    assert_true(oin_take(span_text("00000099000000009000"), &stranger.oin));
    case_make(&told, &stranger, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_line_refused(&letter, 1, 0, SKP_E_RECIPIENT_UNKNOWN, "recipient");
}

static void nobody_writes_to_oneself(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->counsellor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_line_refused(&letter, 1, 0, SKP_E_RECIPIENT_SELF, "recipient");
}

static void a_creditor_without_a_mailbox_is_not_connected(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct party silent = w->rsa;
    assert_true(oin_take(span_text("00000099000000004000"), &silent.oin));
    assert_admin_ok(w, "{'command':'participant.add','oin':'00000099000000004000',"
                       "'name':'TEST Stil','roles':['creditor']}");
    case_make(&told, &silent, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_line_refused(&letter, 1, 0, SKP_E_RECIPIENT_NOT_CONNECTED, "recipient");
}

static void a_mailbox_that_was_never_published_is_not_connected(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to_mailbox(&letter, &w->creditor, "filiaal");
    line_request(&letter, &told.requests[0]);
    assert_line_refused(&letter, 1, 0, SKP_E_RECIPIENT_NOT_CONNECTED, "recipient");
}

static void a_bsn_goes_only_to_those_entitled(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 2);
    told.requests[0].contains_bsn = true;
    told.requests[1].contains_bsn = true;
    told.requests[1].creditor = &w->rsa;
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_line_refused(&letter, 2, 0, SKP_E_BSN_NOT_ALLOWED, "request.contains_bsn");
}

/* ---------------------------------------------------------------- requests and cases */

static void a_request_needs_its_case_in_the_same_batch(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[0]);
    assert_line_refused(&letter, 0, 0, SKP_E_REQUEST_NOT_DECLARED, "request.request_id");
}

static void a_letter_needs_its_case_in_the_same_batch(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_off_network(&letter, &told.requests[0].id);
    assert_line_refused(&letter, 0, 0, SKP_E_REQUEST_NOT_DECLARED, "off_network.request_id");
}

static void a_request_id_is_used_for_one_request(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    told.requests[0].creditor = &w->rsa;
    told.requests[0].urgent = true;
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    assert_line_refused(&letter, 1, 0, SKP_E_ID_REUSED, "request.request_id");
}

static void a_bundle_id_is_used_for_one_bundle(void **state)
{
    struct world *w = *state;
    struct told_case first;
    struct told_case second;
    struct letter letter;
    struct letter again;
    good_letter(&letter, w, &first);
    letter_send(&letter);
    good_letter(&again, w, &second);
    letter_sign(&again);
    /* The head of the first letter's bundle, over the second's line, signed as one batch. */
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    assert_ok(wire_unpack(&skp__v1__bundle__descriptor, again.batch.bundles[1], &w->arena, path,
                          &message));
    Skp__V1__Bundle *bundle = (Skp__V1__Bundle *)(void *)message;
    assert_ok(wire_unpack(&skp__v1__bundle_head__descriptor, wire_span(bundle->head), &w->arena,
                          path, &message));
    Skp__V1__BundleHead *head = (Skp__V1__BundleHead *)(void *)message;
    head->bundle_id = wire_id(&first.requests[0].bundle_id);
    again.batch.heads[1] = wire_pack(&head->base, &w->arena);
    bundle->head = wire_bytes(again.batch.heads[1]);
    again.batch.bundles[1] = wire_pack(&bundle->base, &w->arena);
    struct skp_hash leaves[] = {merkle_leaf(again.batch.heads[0]),
                                merkle_leaf(again.batch.heads[1])};
    again.batch.root = merkle_root(leaves, 2);
    assert_ok(wire_unpack(&skp__v1__batch_header__descriptor, again.batch.header, &w->arena, path,
                          &message));
    Skp__V1__BatchHeader *header = (Skp__V1__BatchHeader *)(void *)message;
    header->root = wire_bytes(span_of(again.batch.root.bytes, HASH_BYTES));
    again.batch.header = wire_pack(&header->base, &w->arena);
    assert_ok(jws_sign(w->counsellor.signs, again.batch.header, clock_real_ms(&w->clock.clock),
                       &w->arena, &again.batch.jws));
    assert_line_refused(&again, 1, 0, SKP_E_ID_REUSED, "bundle_id");
}

static void the_second_mention_is_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    line_request(&letter, &told.requests[0]);
    assert_line_refused(&letter, 1, 1, SKP_E_DUPLICATE_ITEM, "");
}

static void a_case_does_not_change_in_silence(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_send(&letter);
    told.persons = 2;
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    assert_line_refused(&letter, 0, 0, SKP_E_CASE_CHANGED, "");
}

static void a_letter_for_an_unknown_case_is_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_recorded(&letter, &told, &told.requests[0].id, 1, 100);
    assert_line_refused(&letter, 0, 0, SKP_E_CASE_UNKNOWN, "recorded.case_id");
}

static void what_went_digitally_cannot_come_back_on_paper(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    good_letter(&letter, w, &told);
    letter_send(&letter);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_recorded(&letter, &told, &told.requests[0].id, 1, 100);
    assert_line_refused(&letter, 0, 0, SKP_E_STATE_INVALID, "recorded.request_id");
}

static void sealed_parts_and_commitments_go_together(void **state)
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
    bundle->sealed[0].len = 0;
    letter.batch.bundles[1] = wire_pack(&bundle->base, &w->arena);
    assert_line_refused(&letter, 1, 0, SKP_E_COMMITMENT_MISSING, "");
}

static void a_line_without_a_fact_is_refused(void **state)
{
    struct world *w = *state;
    struct letter letter;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    letter_line(&letter, &line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_BODY_MISSING, "");
}

/* ---------------------------------------------------------------- answers */

static void only_what_one_received_can_be_answered(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    letter_begin(&letter, w, &w->rsa);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &told.requests[0], 100);
    assert_line_refused(&letter, 0, 0, SKP_E_REQUEST_UNKNOWN, "answer.request_id");
}

static void a_place_outside_the_bundle_is_unknown(void **state)
{
    struct world *w = *state;
    static const uint32_t places[] = {1, 31, 32, 255, 256, 65536, UINT32_MAX};
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        letter_begin(&letter, w, &w->creditor);
        letter_to(&letter, &w->counsellor);
        Skp__V1__Line *line = answer_new(w, &told.requests[0], 100);
        line->answer->request_line = places[i];
        letter_line(&letter, line, "", NULL);
        assert_line_refused(&letter, 0, 0, SKP_E_REQUEST_UNKNOWN, "answer.request_id");
    }
}

static void an_answer_names_the_text_that_was_asked(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    told.requests[0].leaf.bytes[3] ^= 1;
    line_answer(&letter, &told.requests[0], 100);
    assert_line_refused(&letter, 0, 0, SKP_E_LEAF_MISMATCH, "answer");
}

static void other_content_under_an_old_version_is_stale(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    line_answer(&letter, &told.requests[0], 100);
    letter_send(&letter);
    told.requests[0].answer_version = 0;
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, &told.requests[0], 200);
    assert_line_refused(&letter, 0, 0, SKP_E_STALE, "answer");
}

static void a_correction_needs_a_reason(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    line_answer(&letter, &told.requests[0], 100);
    letter_send(&letter);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 200);
    line->answer->correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_UNSPECIFIED;
    letter_line(&letter, line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_CORRECTION_REASON, "answer.correction");
}

static void a_version_is_not_skipped(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    told.requests[0].answer_version = 1;
    line_answer(&letter, &told.requests[0], 100);
    assert_line_refused(&letter, 0, 0, SKP_E_STATE_INVALID, "answer");
}

static void a_part_of_an_answer_is_not_offered_yet(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 100);
    line->answer->complete = false;
    letter_line(&letter, line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_NOT_YET_AVAILABLE, "answer");
}

static void refuse_consent(struct world *w, struct letter *letter, const struct told_case *told,
                           const struct skp_id *agreement_id, enum skp_err err)
{
    Skp__V1__Line *line = answer_new(w, &told->requests[0], 100);
    line->answer->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    line->answer->agreement_id = wire_id(agreement_id);
    line->answer->agreement_version = 1;
    letter_line(letter, line, "", NULL);
    assert_line_refused(letter, 0, 0, err, "answer");
}

static void consent_needs_an_agreement_in_force(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct skp_id nowhere = id_new();
    open_answer(&letter, w, &told);
    refuse_consent(w, &letter, &told, &nowhere, SKP_E_AGREEMENT_UNKNOWN);
}

static void consent_needs_an_agreement_that_covers_it(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct agreement_terms terms = {.product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    open_answer(&letter, w, &told);
    refuse_consent(w, &letter, &told, &id, SKP_E_AGREEMENT_SCOPE);
}

static void consent_without_a_ground_is_invalid(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 100);
    line->answer->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    letter_line(&letter, line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_CONSENT_INVALID, "answer.agreement_id");
}

static void an_impediment_needs_a_reason(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    open_answer(&letter, w, &told);
    Skp__V1__Line *line = answer_new(w, &told.requests[0], 100);
    line->answer->consent = SKP__V1__CONSENT__CONSENT_IMPEDIMENT;
    letter_line(&letter, line, "", NULL);
    assert_line_refused(&letter, 0, 0, SKP_E_REASON_MISSING, "answer.reason");
}

/* ---------------------------------------------------------------- nothing is forgotten */

/* clang-format off */
static const enum skp_err all[] = {
    SKP_E_AGREEMENT_SCOPE, SKP_E_AGREEMENT_UNKNOWN, SKP_E_BODY_MISSING, SKP_E_BSN_NOT_ALLOWED,
    SKP_E_CASE_CHANGED, SKP_E_CASE_UNKNOWN, SKP_E_COMMITMENT_MISSING, SKP_E_CONSENT_INVALID,
    SKP_E_CORRECTION_REASON, SKP_E_DUPLICATE_ITEM, SKP_E_ID_REUSED, SKP_E_LEAF_MISMATCH,
    SKP_E_NOT_YET_AVAILABLE, SKP_E_REASON_MISSING, SKP_E_RECIPIENT_NOT_CONNECTED,
    SKP_E_RECIPIENT_SELF, SKP_E_RECIPIENT_UNKNOWN, SKP_E_REQUEST_NOT_DECLARED,
    SKP_E_REQUEST_UNKNOWN, SKP_E_ROLE_FORBIDDEN, SKP_E_STALE, SKP_E_STATE_INVALID,
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
        TEST(a_creditor_registers_no_case),
        TEST(nobody_speaks_for_the_broker),
        TEST(an_unknown_recipient_is_unknown),
        TEST(nobody_writes_to_oneself),
        TEST(a_creditor_without_a_mailbox_is_not_connected),
        TEST(a_mailbox_that_was_never_published_is_not_connected),
        TEST(a_bsn_goes_only_to_those_entitled),
        TEST(a_request_needs_its_case_in_the_same_batch),
        TEST(a_letter_needs_its_case_in_the_same_batch),
        TEST(a_request_id_is_used_for_one_request),
        TEST(a_bundle_id_is_used_for_one_bundle),
        TEST(the_second_mention_is_refused),
        TEST(a_case_does_not_change_in_silence),
        TEST(a_letter_for_an_unknown_case_is_refused),
        TEST(what_went_digitally_cannot_come_back_on_paper),
        TEST(sealed_parts_and_commitments_go_together),
        TEST(a_line_without_a_fact_is_refused),
        TEST(only_what_one_received_can_be_answered),
        TEST(a_place_outside_the_bundle_is_unknown),
        TEST(an_answer_names_the_text_that_was_asked),
        TEST(other_content_under_an_old_version_is_stale),
        TEST(a_correction_needs_a_reason),
        TEST(a_version_is_not_skipped),
        TEST(a_part_of_an_answer_is_not_offered_yet),
        TEST(consent_needs_an_agreement_in_force),
        TEST(consent_needs_an_agreement_that_covers_it),
        TEST(consent_without_a_ground_is_invalid),
        TEST(an_impediment_needs_a_reason),
        cmocka_unit_test(every_error_was_provoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
