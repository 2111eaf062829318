#include "testing.h"

#include "domain_facts.h"

#include <string.h>

#define DECLARED 4
#define PLACE    (UINT64_C(3) << 24 | 5)

/* A case that declares requests 4, 3, 2, 1; nothing taken. */
struct desk {
    struct arena arena;
    struct skp_id case_id;
    struct skp_id ids[DECLARED + 1];
    ProtobufCBinaryData id_bytes[DECLARED + 1];
    char responsible[OIN_CHARS + 1];
    Skp__V1__CaseFact fact;
    struct case_file file;
    struct skp_oin creditor;
    struct skp_id bundle_id;
};

static int setup(void **state)
{
    static struct desk desk;
    desk = (struct desk){.case_id = id_of(200),
                         .responsible = MUNICIPALITY,

                         .creditor = oin_of(CREDITOR),
                         .bundle_id = id_of(100)};
    arena_init(&desk.arena, 1024 * 1024);
    skp__v1__case_fact__init(&desk.fact);
    for (uint8_t i = 0; i <= DECLARED; i++) {
        desk.ids[i] = id_of(i < DECLARED ? DECLARED - i : 5);
        desk.id_bytes[i] = bytes_of(&desk.ids[i]);
    }
    desk.fact.case_id = bytes_of(&desk.case_id);
    desk.fact.version = 1;
    desk.fact.persons = 1;
    desk.fact.product = PRODUCT(DEBT_MEDIATION);
    desk.fact.guidance = GUIDANCE(NONE);
    desk.fact.reference_date = 20261101;
    desk.fact.responsible = desk.responsible;
    desk.fact.n_request_ids = DECLARED;
    desk.fact.request_ids = desk.id_bytes;
    struct skp_hash leaf = hash_of(1);
    assert_ok(case_open(&desk.fact, &leaf, PLACE, &desk.arena, &desk.file));
    *state = &desk;
    return 0;
}

static int teardown(void **state)
{
    struct desk *desk = *state;
    arena_fini(&desk->arena);
    return 0;
}

static enum skp_err take(struct desk *desk, uint8_t request, uint8_t leaf, uint8_t request_state,
                         bool *ret_taken)
{
    struct skp_id id = id_of(request);
    struct skp_hash hash = hash_of(leaf);
    bool off_network = request_state == STATE(OFF_NETWORK);
    return case_take(&desk->file, &id, &hash, off_network ? NULL : &desk->bundle_id, request,
                     off_network ? NULL : &desk->creditor, request_state, ret_taken);
}

static void assert_take(struct desk *desk, uint8_t request, uint8_t request_state)
{
    bool taken = false;
    assert_ok(take(desk, request, request, request_state, &taken));
    assert_true(taken);
}

static struct case_request *request_of(const struct desk *desk, uint8_t request)
{
    struct skp_id id = id_of(request);
    return case_find(&desk->file, &id);
}

static void note(struct desk *desk, uint8_t request, uint8_t request_state, uint8_t outcome)
{
    struct request_state state = {.request_id = id_of(request),
                                  .case_id = desk->case_id,
                                  .state = request_state,
                                  .outcome = outcome,
                                  .consent = CONSENT(NEEDS_OFFER),
                                  .total_cents = 5000};
    case_note(&desk->file, &state);
}

static enum skp_err record(struct desk *desk, uint8_t request, uint32_t version, uint8_t outcome,
                           int64_t total_cents)
{
    struct skp_id id = id_of(request);
    Skp__V1__RecordedAnswerFact fact;
    skp__v1__recorded_answer_fact__init(&fact);
    fact.request_id = bytes_of(&id);
    fact.version = version;
    fact.outcome = outcome;
    fact.total_cents = total_cents;
    fact.consent = CONSENT(UNSPECIFIED);
    return case_record(&desk->file, &fact);
}

/* Says the case again as desk->fact says it now. */
static enum skp_err update(struct desk *desk, uint8_t leaf, bool *ret_changed)
{
    struct skp_hash hash = hash_of(leaf);
    return case_update(&desk->file, &desk->fact, &hash, &desk->arena, &desk->file, ret_changed);
}

/* ---------------------------------------------------------------- completeness */

static void a_case_is_incomplete_until_every_declared_request_is_taken(void **state)
{
    struct desk *desk = *state;
    for (uint8_t request = 1; request <= DECLARED; request++) {
        assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE);
        assert_take(desk, request, STATE(REGISTERED));
    }
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
}

static void a_case_is_complete_when_the_last_answer_is_in(void **state)
{
    struct desk *desk = *state;
    for (uint8_t request = 1; request <= DECLARED; request++)
        assert_take(desk, request, STATE(REQUESTED));
    note(desk, 1, STATE(ANSWERED), OUTCOME(CLAIMS));
    note(desk, 2, STATE(ANSWERED_LATE), OUTCOME(ZERO_BALANCE));
    note(desk, 3, STATE(WITHDRAWN), OUTCOME(UNSPECIFIED));
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    note(desk, 4, STATE(OVERDUE), OUTCOME(UNSPECIFIED));
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    note(desk, 4, STATE(ENDED), OUTCOME(UNSPECIFIED));
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
}

static void what_needs_care_still_waits_for_an_answer(void **state)
{
    struct desk *desk = *state;
    const uint8_t waiting[] = {STATE(REGISTERED), STATE(WAITING_FOR_ROUND), STATE(REQUESTED),
                               STATE(OVERDUE),    STATE(OFF_NETWORK),       STATE(RESEAL_NEEDED),
                               STATE(UNREADABLE)};
    for (uint8_t request = 1; request <= DECLARED; request++) {
        assert_take(desk, request, STATE(REQUESTED));
        note(desk, request, STATE(ANSWERED), OUTCOME(CLAIMS));
    }
    for (size_t i = 0; i < sizeof waiting; i++) {
        request_of(desk, 2)->state = waiting[i];
        assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    }
}

static void recorded_answers_count(void **state)
{
    struct desk *desk = *state;
    for (uint8_t request = 1; request <= DECLARED; request++) {
        assert_take(desk, request, STATE(OFF_NETWORK));
        assert_int_not_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    }
    for (uint8_t request = 1; request <= DECLARED; request++) {
        assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
        assert_ok(record(desk, request, 1, OUTCOME(CLAIMS), 100));
    }
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
    assert_int_equal(request_of(desk, 3)->total_cents, 100);
}

static void what_the_counsellor_must_decide_is_counted(void **state)
{
    struct desk *desk = *state;
    for (uint8_t request = 1; request <= DECLARED; request++)
        assert_take(desk, request, request == 4 ? STATE(OFF_NETWORK) : STATE(REQUESTED));
    assert_int_equal(case_to_decide(&desk->file), 0);
    note(desk, 1, STATE(ANSWERED), OUTCOME(UNKNOWN_CLIENT));
    note(desk, 2, STATE(ANSWERED_LATE), OUTCOME(REPORTED_DECEASED));
    note(desk, 3, STATE(ANSWERED), OUTCOME(ZERO_BALANCE));
    assert_ok(record(desk, 4, 1, OUTCOME(NO_COOPERATION), 0));
    assert_int_equal(case_to_decide(&desk->file), 3);
    note(desk, 3, STATE(ANSWERED), OUTCOME(UNKNOWN_DEBT));
    assert_int_equal(case_to_decide(&desk->file), 4);
    note(desk, 3, STATE(ANSWERED), OUTCOME(ZERO_BALANCE));
    note(desk, 1, STATE(ANSWERED), OUTCOME(CLAIMS));
    note(desk, 2, STATE(WITHDRAWN), OUTCOME(UNKNOWN_DEBT));
    assert_int_equal(case_to_decide(&desk->file), 1);
}

/* ---------------------------------------------------------------- taking */

static void a_taken_request_keeps_where_it_stands(void **state)
{
    struct desk *desk = *state;
    assert_take(desk, 2, STATE(WAITING_FOR_ROUND));
    const struct case_request *request = request_of(desk, 2);
    struct skp_hash leaf = hash_of(2);
    assert_int_equal(request->state, STATE(WAITING_FOR_ROUND));
    assert_true(id_equal(&request->bundle_id, &desk->bundle_id));
    assert_int_equal(request->line, 2);
    assert_string_equal(request->creditor.text, CREDITOR);
    assert_true(hash_equal(&request->leaf, &leaf));
}

static void an_undeclared_request_is_not_taken(void **state)
{
    struct desk *desk = *state;
    bool taken = true;
    assert_err(take(desk, 9, 9, STATE(REGISTERED), &taken), SKP_E_REQUEST_NOT_DECLARED);
    assert_null(request_of(desk, 9));
}

static void the_same_request_is_taken_once(void **state)
{
    struct desk *desk = *state;
    bool taken = true;
    assert_take(desk, 2, STATE(REQUESTED));
    desk->bundle_id = id_of(101);
    assert_ok(take(desk, 2, 2, STATE(REGISTERED), &taken));
    assert_false(taken);
    struct skp_id first = id_of(100);
    assert_true(id_equal(&request_of(desk, 2)->bundle_id, &first));
    assert_int_equal(request_of(desk, 2)->state, STATE(REQUESTED));
}

static void a_request_is_of_one_creditor(void **state)
{
    struct desk *desk = *state;
    bool taken = true;
    assert_take(desk, 2, STATE(REQUESTED));
    desk->creditor = oin_of(STRANGER);
    assert_err(take(desk, 2, 2, STATE(REGISTERED), &taken), SKP_E_ID_REUSED);
}

static void a_resealed_request_stands_in_its_new_bundle(void **state)
{
    struct desk *desk = *state;
    bool taken = true;
    struct skp_id id = id_of(2);
    struct skp_id second = id_of(101);
    assert_take(desk, 2, STATE(REQUESTED));
    note(desk, 2, STATE(UNREADABLE), OUTCOME(UNREADABLE));
    case_reseal(&desk->file, &id, &second, 77);
    assert_true(id_equal(&request_of(desk, 2)->bundle_id, &second));
    assert_int_equal(request_of(desk, 2)->line, 77);
    assert_ok(take(desk, 2, 2, STATE(REGISTERED), &taken));
    assert_false(taken);
    assert_true(id_equal(&request_of(desk, 2)->bundle_id, &second));
}

static void a_request_id_is_never_used_for_something_else(void **state)
{
    struct desk *desk = *state;
    bool taken = true;
    assert_take(desk, 2, STATE(REQUESTED));
    assert_err(take(desk, 2, 3, STATE(REGISTERED), &taken), SKP_E_ID_REUSED);
    assert_err(take(desk, 2, 3, STATE(OFF_NETWORK), &taken), SKP_E_ID_REUSED);
    assert_int_equal(request_of(desk, 2)->state, STATE(REQUESTED));
}

/* ---------------------------------------------------------------- paper */

static void only_letters_are_recorded(void **state)
{
    struct desk *desk = *state;
    assert_take(desk, 1, STATE(REQUESTED));
    assert_err(record(desk, 1, 1, OUTCOME(CLAIMS), 100), SKP_E_STATE_INVALID);
    assert_err(record(desk, 2, 1, OUTCOME(CLAIMS), 100), SKP_E_STATE_INVALID);
    assert_err(record(desk, 9, 1, OUTCOME(CLAIMS), 100), SKP_E_REQUEST_UNKNOWN);
    assert_int_equal(request_of(desk, 1)->total_cents, 0);
}

static void what_cannot_be_delivered_is_recorded_too(void **state)
{
    struct desk *desk = *state;
    assert_take(desk, 1, STATE(REQUESTED));
    request_of(desk, 1)->state = STATE(UNREADABLE);
    assert_ok(record(desk, 1, 1, OUTCOME(CLAIMS), 100));
    assert_int_equal(request_of(desk, 1)->state, STATE(RECORDED));
    assert_take(desk, 2, STATE(REQUESTED));
    request_of(desk, 2)->state = STATE(RESEAL_NEEDED);
    assert_ok(record(desk, 2, 1, OUTCOME(CLAIMS), 100));
}

static void a_recorded_answer_is_corrected_by_the_next_version(void **state)
{
    struct desk *desk = *state;
    assert_take(desk, 1, STATE(OFF_NETWORK));
    assert_err(record(desk, 1, 2, OUTCOME(CLAIMS), 100), SKP_E_STATE_INVALID);
    assert_ok(record(desk, 1, 1, OUTCOME(CLAIMS), 100));
    assert_ok(record(desk, 1, 1, OUTCOME(CLAIMS), 100));
    assert_err(record(desk, 1, 1, OUTCOME(CLAIMS), 200), SKP_E_STALE);
    assert_err(record(desk, 1, 3, OUTCOME(CLAIMS), 200), SKP_E_STATE_INVALID);
    assert_ok(record(desk, 1, 2, OUTCOME(CLAIMS), 200));
    assert_err(record(desk, 1, 1, OUTCOME(CLAIMS), 100), SKP_E_STALE);
    assert_int_equal(request_of(desk, 1)->total_cents, 200);
    assert_int_equal(request_of(desk, 1)->state, STATE(RECORDED));
}

static void a_letter_is_no_ground_for_pre_agreed(void **state)
{
    struct desk *desk = *state;
    struct skp_id id = id_of(1);
    Skp__V1__RecordedAnswerFact fact;
    skp__v1__recorded_answer_fact__init(&fact);
    assert_take(desk, 1, STATE(OFF_NETWORK));
    fact.request_id = bytes_of(&id);
    fact.version = 1;
    fact.outcome = OUTCOME(CLAIMS);
    fact.consent = CONSENT(PRE_AGREED);
    assert_err(case_record(&desk->file, &fact), SKP_E_CONSENT_INVALID);
    assert_int_equal(request_of(desk, 1)->state, STATE(OFF_NETWORK));
}

/* ---------------------------------------------------------------- the same case again */

static void the_same_case_again_has_no_effect(void **state)
{
    struct desk *desk = *state;
    bool changed = true;
    assert_take(desk, 1, STATE(REGISTERED));
    assert_ok(update(desk, 1, &changed));
    assert_false(changed);
    assert_int_equal(request_of(desk, 1)->state, STATE(REGISTERED));
}

static void nothing_taken_is_dropped_silently(void **state)
{
    struct desk *desk = *state;
    bool changed = true;
    assert_take(desk, 1, STATE(REGISTERED));
    desk->fact.version = 2;
    desk->fact.n_request_ids = DECLARED - 1; /* the last one is request 1 */
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
    assert_true(changed);
    assert_int_equal(desk->file.request_count, DECLARED);
    assert_int_equal(desk->file.version, 1);
}

static void the_counsellor_drops_what_was_not_taken(void **state)
{
    struct desk *desk = *state;
    bool changed = false;
    for (uint8_t request = 2; request <= DECLARED; request++) {
        assert_take(desk, request, STATE(REQUESTED));
        note(desk, request, STATE(ANSWERED), OUTCOME(CLAIMS));
    }
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE);
    desk->fact.version = 2;
    desk->fact.n_request_ids = DECLARED - 1;
    assert_ok(update(desk, 2, &changed));
    assert_true(changed);
    assert_int_equal(desk->file.request_count, DECLARED - 1);
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
}

static void a_next_version_adds_requests_and_keeps_answers(void **state)
{
    struct desk *desk = *state;
    bool changed = false;
    for (uint8_t request = 1; request <= DECLARED; request++) {
        assert_take(desk, request, STATE(REQUESTED));
        note(desk, request, STATE(ANSWERED), OUTCOME(CLAIMS));
    }
    desk->fact.version = 2;
    desk->fact.product = PRODUCT(RESTRUCTURING_LOAN);
    desk->fact.guidance = GUIDANCE(PROTECTIVE);
    desk->fact.reference_date = 20261201;
    desk->fact.n_request_ids = DECLARED + 1;
    assert_ok(update(desk, 2, &changed));
    assert_true(changed);
    assert_int_equal(desk->file.version, 2);
    assert_int_equal(desk->file.product, PRODUCT(RESTRUCTURING_LOAN));
    assert_int_equal(desk->file.guidance, GUIDANCE(PROTECTIVE));
    assert_int_equal(desk->file.reference_date, 20261201);
    assert_int_equal(request_of(desk, 3)->state, STATE(ANSWERED));
    assert_int_equal(request_of(desk, 3)->total_cents, 5000);
    assert_int_equal(request_of(desk, 5)->state, 0);
    assert_int_equal(case_phase(&desk->file), SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE);
    assert_true(desk->file.place == PLACE);
}

static void another_content_under_the_same_version_is_refused(void **state)
{
    struct desk *desk = *state;
    bool changed = true;
    desk->fact.product = PRODUCT(RESTRUCTURING_LOAN);
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
    desk->fact.version = 3;
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
    assert_int_equal(desk->file.product, PRODUCT(DEBT_MEDIATION));
}

static void persons_and_municipality_do_not_change(void **state)
{
    struct desk *desk = *state;
    bool changed = true;
    desk->fact.version = 2;
    desk->fact.persons = 2;
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
    desk->fact.persons = 1;
    memcpy(desk->responsible, STRANGER, OIN_CHARS);
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
    memcpy(desk->responsible, MUNICIPALITY, OIN_CHARS);
    desk->case_id = id_of(201);
    assert_err(update(desk, 2, &changed), SKP_E_CASE_CHANGED);
}

static void no_memory_changes_nothing(void **state)
{
    struct desk *desk = *state;
    struct skp_hash leaf = hash_of(2);
    struct arena small;
    bool changed = true;
    arena_init(&small, 16);
    desk->fact.version = 2;
    assert_err(case_update(&desk->file, &desk->fact, &leaf, &small, &desk->file, &changed),
               SKP_E_NO_MEMORY);
    assert_int_equal(desk->file.version, 1);
    assert_int_equal(case_pack(&desk->file, &small).len, 0);
    arena_fini(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_case_is_incomplete_until_every_declared_request_is_taken),
        TEST(a_case_is_complete_when_the_last_answer_is_in),
        TEST(what_needs_care_still_waits_for_an_answer),
        TEST(recorded_answers_count),
        TEST(what_the_counsellor_must_decide_is_counted),
        TEST(a_taken_request_keeps_where_it_stands),
        TEST(an_undeclared_request_is_not_taken),
        TEST(the_same_request_is_taken_once),
        TEST(a_request_is_of_one_creditor),
        TEST(a_resealed_request_stands_in_its_new_bundle),
        TEST(a_request_id_is_never_used_for_something_else),
        TEST(only_letters_are_recorded),
        TEST(what_cannot_be_delivered_is_recorded_too),
        TEST(a_recorded_answer_is_corrected_by_the_next_version),
        TEST(a_letter_is_no_ground_for_pre_agreed),
        TEST(the_same_case_again_has_no_effect),
        TEST(nothing_taken_is_dropped_silently),
        TEST(the_counsellor_drops_what_was_not_taken),
        TEST(a_next_version_adds_requests_and_keeps_answers),
        TEST(another_content_under_the_same_version_is_refused),
        TEST(persons_and_municipality_do_not_change),
        TEST(no_memory_changes_nothing),
    };
    return cmocka_run_group_tests_name("case file", tests, NULL, NULL);
}
