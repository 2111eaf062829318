#include "testing.h"

#include "request_scene.h"

static enum skp_err answer(struct scene *scene, uint8_t leaf, enum answer_effect *ret_effect)
{
    struct skp_hash answer_leaf = hash_of(leaf);
    return request_answer(&scene->state, &scene->answer, &answer_leaf, &scene->context,
                          &scene->state, ret_effect);
}

static void assert_taken(struct scene *scene, uint8_t leaf)
{
    enum answer_effect effect = ANSWER_NO_EFFECT;
    assert_ok(answer(scene, leaf, &effect));
    assert_int_equal(effect, ANSWER_TAKEN);
}

/* Refused, and nothing changed. */
static void assert_refused(struct scene *scene, uint8_t leaf, enum skp_err err)
{
    struct request_state before = scene->state;
    enum answer_effect effect = ANSWER_TAKEN;
    assert_err(answer(scene, leaf, &effect), err);
    assert_memory_equal(&scene->state, &before, sizeof before);
    assert_int_equal(effect, ANSWER_TAKEN);
}

/* ---------------------------------------------------------------- answers */

static void an_answer_in_time_is_taken(void **state)
{
    struct scene *scene = *state;
    struct skp_hash answer_leaf = hash_of(21);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(ANSWERED));
    assert_int_equal(scene->state.outcome, OUTCOME(CLAIMS));
    assert_int_equal(scene->state.consent, CONSENT(PRE_AGREED));
    assert_int_equal(scene->state.total_cents, 123456);
    assert_int_equal(scene->state.answer_version, 1);
    assert_true(hash_equal(&scene->state.answer_leaf, &answer_leaf));
    assert_true(scene->state.answered_at_ms == scene->context.now_ms);
}

static void late_answers_are_kept_as_late(void **state)
{
    struct scene *scene = *state;
    scene->context.now_ms = at(DUE, 24, 0);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(ANSWERED_LATE));
    assert_int_equal(scene->state.total_cents, 123456);
}

static void a_late_answer_after_overdue_is_kept_as_late(void **state)
{
    struct scene *scene = *state;
    assert_true(request_expire(&scene->state, at(20261204, 7, 0)));
    scene->context.now_ms = at(20261204, 9, 0);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(ANSWERED_LATE));
}

static void received_in_time_is_in_time_whatever_committed_first(void **state)
{
    struct scene *scene = *state;
    assert_true(request_expire(&scene->state, at(20261204, 7, 0)));
    scene->context.now_ms = at(DUE, 24, 0) - 1;
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(ANSWERED));
}

static void an_answer_without_a_term_is_in_time(void **state)
{
    struct scene *scene = *state;
    scene->state.due_date = 0;
    scene->context.now_ms = at(20271230, 9, 0);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(ANSWERED));
}

static void only_open_and_answered_requests_take_answers(void **state)
{
    struct scene *scene = *state;
    for (uint8_t number = 1; number <= STATE(RESEALED); number++) {
        bool takes = number >= STATE(REQUESTED) && number <= STATE(ANSWERED_LATE);
        struct request_state before = scene->state;
        scene->state.state = number;
        if (takes)
            assert_taken(scene, 21);
        else
            assert_refused(scene, 21, SKP_E_STATE_INVALID);
        scene->state = before;
    }
}

static void an_answer_to_another_text_is_refused(void **state)
{
    struct scene *scene = *state;
    struct skp_hash other = hash_of(8);
    scene->answer.request_leaf = hash_bytes_of(&other);
    assert_refused(scene, 21, SKP_E_LEAF_MISMATCH);
    scene->answer.request_leaf.len = 0;
    assert_refused(scene, 21, SKP_E_LEAF_MISMATCH);
}

static void an_unfinished_answer_is_not_taken_yet(void **state)
{
    struct scene *scene = *state;
    scene->answer.complete = false;
    assert_refused(scene, 21, SKP_E_NOT_YET_AVAILABLE);
}

static void one_total_speaks_for_all_claims(void **state)
{
    struct scene *scene = *state;
    scene->answer.one_total = true;
    scene->answer.total_cents = 99;
    scene->claim.amount_cents = 0;
    assert_taken(scene, 21);
    assert_int_equal(scene->state.total_cents, 99);
}

static void an_unknown_client_is_an_answer(void **state)
{
    struct scene *scene = *state;
    scene->answer.outcome = OUTCOME(UNKNOWN_CLIENT);
    scene->answer.consent = CONSENT(UNSPECIFIED);
    scene->answer.n_claims = 0;
    scene->answer.total_cents = 0;
    scene->answer.agreement_id.len = 0;
    assert_taken(scene, 21);
    assert_int_equal(scene->state.outcome, OUTCOME(UNKNOWN_CLIENT));
    assert_int_equal(scene->state.consent, CONSENT(UNSPECIFIED));
}

/* ---------------------------------------------------------------- unreadable */

static void say_unreadable(struct scene *scene)
{
    scene->answer.outcome = OUTCOME(UNREADABLE);
    scene->answer.consent = CONSENT(UNSPECIFIED);
    scene->answer.n_claims = 0;
    scene->answer.total_cents = 0;
    scene->answer.agreement_id.len = 0;
    scene->answer.agreement_version = 0;
}

static void unreadable_is_no_answer_about_the_debt(void **state)
{
    struct scene *scene = *state;
    say_unreadable(scene);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(UNREADABLE));
    assert_int_equal(scene->state.outcome, OUTCOME(UNREADABLE));
    assert_true(scene->state.answered_at_ms == 0);
    assert_false(request_is_answered(&scene->state));
    assert_false(request_is_open(&scene->state));
    assert_false(request_expire(&scene->state, at(20991231, 0, 0)));
}

static void an_overdue_request_can_be_unreadable_too(void **state)
{
    struct scene *scene = *state;
    assert_true(request_expire(&scene->state, at(20261204, 7, 0)));
    say_unreadable(scene);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.state, STATE(UNREADABLE));
}

static void who_answered_has_read_it(void **state)
{
    struct scene *scene = *state;
    assert_taken(scene, 21);
    say_unreadable(scene);
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
    scene->answer.version = 2;
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_OTHER;
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
}

static void an_unreadable_request_takes_no_answer_at_its_old_place(void **state)
{
    struct scene *scene = *state;
    enum answer_effect effect = ANSWER_TAKEN;
    say_unreadable(scene);
    assert_taken(scene, 21);
    assert_ok(answer(scene, 21, &effect));
    assert_int_equal(effect, ANSWER_NO_EFFECT);
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
    request_move(&scene->state, STATE(RESEALED));
    assert_ok(answer(scene, 21, &effect));
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
}

/* ---------------------------------------------------------------- said again, corrected */

static void the_same_content_has_no_effect(void **state)
{
    struct scene *scene = *state;
    enum answer_effect effect = ANSWER_TAKEN;
    assert_taken(scene, 21);
    struct request_state before = scene->state;
    scene->context.now_ms += 1000;
    assert_ok(answer(scene, 21, &effect));
    assert_int_equal(effect, ANSWER_NO_EFFECT);
    assert_memory_equal(&scene->state, &before, sizeof before);
}

static void the_same_content_has_no_effect_after_the_request_stopped(void **state)
{
    struct scene *scene = *state;
    enum answer_effect effect = ANSWER_TAKEN;
    assert_taken(scene, 21);
    request_move(&scene->state, STATE(ENDED));
    assert_ok(answer(scene, 21, &effect));
    assert_int_equal(effect, ANSWER_NO_EFFECT);
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
}

static void other_content_under_an_old_version_is_stale(void **state)
{
    struct scene *scene = *state;
    assert_taken(scene, 21);
    assert_refused(scene, 22, SKP_E_STALE);
    scene->answer.version = 2;
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR;
    assert_taken(scene, 23);
    scene->answer.version = 1;
    assert_refused(scene, 21, SKP_E_STALE);
    scene->answer.version = 2;
    assert_refused(scene, 24, SKP_E_STALE);
}

static void a_correction_needs_a_reason_and_the_next_version(void **state)
{
    struct scene *scene = *state;
    assert_taken(scene, 21);
    scene->answer.version = 2;
    assert_refused(scene, 22, SKP_E_CORRECTION_REASON);
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED;
    scene->answer.version = 3;
    assert_refused(scene, 22, SKP_E_STATE_INVALID);
    scene->answer.version = 2;
    scene->claim.amount_cents = 100000;
    scene->context.now_ms = at(20261210, 9, 0);
    assert_taken(scene, 22);
    assert_int_equal(scene->state.answer_version, 2);
    assert_int_equal(scene->state.total_cents, 100000);
}

static void a_correction_keeps_the_time_of_the_first_answer(void **state)
{
    struct scene *scene = *state;
    int64_t first_ms = scene->context.now_ms;
    assert_taken(scene, 21);
    scene->answer.version = 2;
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR;
    scene->context.now_ms = at(20261210, 9, 0);
    assert_taken(scene, 22);
    assert_int_equal(scene->state.state, STATE(ANSWERED));
    assert_true(scene->state.answered_at_ms == first_ms);
}

static void a_corrected_late_answer_stays_late(void **state)
{
    struct scene *scene = *state;
    scene->context.now_ms = at(20261210, 9, 0);
    assert_taken(scene, 21);
    scene->answer.version = 2;
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR;
    scene->context.now_ms = at(DUE, 9, 0);
    assert_taken(scene, 22);
    assert_int_equal(scene->state.state, STATE(ANSWERED_LATE));
}

static void the_first_answer_is_version_one(void **state)
{
    struct scene *scene = *state;
    scene->answer.version = 2;
    scene->answer.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR;
    assert_refused(scene, 21, SKP_E_STATE_INVALID);
    scene->answer.version = UINT32_MAX;
    assert_refused(scene, 21, SKP_E_STATE_INVALID);
}

/* ---------------------------------------------------------------- consent */

static void pre_agreed_needs_an_agreement_that_is_named(void **state)
{
    struct scene *scene = *state;
    scene->answer.agreement_id.len = 0;
    assert_refused(scene, 21, SKP_E_CONSENT_INVALID);
}

static void pre_agreed_needs_an_agreement_between_these_two(void **state)
{
    struct scene *scene = *state;
    struct skp_oin stranger = oin_of(STRANGER);
    scene->context.agreement = NULL;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
    scene->context.agreement = &scene->agreement;
    scene->context.counsellor = &stranger;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
    scene->context.counsellor = &scene->counsellor;
    scene->context.creditor = &stranger;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
}

static void pre_agreed_needs_exactly_the_named_version(void **state)
{
    struct scene *scene = *state;
    scene->answer.agreement_version = 2;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
    scene->answer.agreement_version = 1;
    scene->agreement_id = id_of(51);
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
}

static void pre_agreed_needs_an_agreement_in_force_on_the_day_of_receipt(void **state)
{
    struct scene *scene = *state;
    scene->agreement.valid_until = 20261124;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
    scene->agreement.valid_until = 20261125;
    assert_taken(scene, 21);
}

static void pre_agreed_needs_an_agreement_that_covers_the_request(void **state)
{
    struct scene *scene = *state;
    scene->agreement.products = BIT(PRODUCT(RESTRUCTURING_LOAN));
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
    scene->agreement.products |= BIT(PRODUCT(DEBT_MEDIATION));
    scene->agreement.guidances = BIT(GUIDANCE(PROTECTIVE));
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
    scene->agreement.guidances = 0;
    scene->agreement.brand = "Andere";
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
    scene->agreement.brand = "Zorgzaam";
    assert_taken(scene, 21);
}

static void pre_agreed_is_judged_on_the_claims_the_creditor_states(void **state)
{
    struct scene *scene = *state;
    scene->agreement.claim_kinds = BIT(KIND(HEALTH));
    scene->claim.kind = KIND(RENT);
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
    scene->claim.kind = KIND(HEALTH);
    scene->state.claim_kinds = BIT(KIND(RENT));
    assert_taken(scene, 21);
}

static void pre_agreed_on_one_total_is_judged_on_the_claims_asked(void **state)
{
    struct scene *scene = *state;
    scene->agreement.claim_kinds = BIT(KIND(RENT));
    scene->answer.one_total = true;
    scene->answer.n_claims = 0;
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
    scene->state.claim_kinds = BIT(KIND(RENT));
    assert_taken(scene, 21);
}

static void pre_agreed_needs_claims(void **state)
{
    struct scene *scene = *state;
    scene->answer.outcome = OUTCOME(ZERO_BALANCE);
    scene->answer.n_claims = 0;
    assert_refused(scene, 21, SKP_E_CONSENT_INVALID);
    scene->answer.consent = CONSENT(NEEDS_OFFER);
    assert_refused(scene, 21, SKP_E_CONSENT_INVALID);
}

static void an_impediment_is_never_pre_agreed(void **state)
{
    struct scene *scene = *state;
    scene->agreement.consent_form = FORM(UNLESS_IMPEDIMENT);
    scene->answer.reason = SKP__V1__REASON__REASON_RECENT_DISCHARGE;
    assert_refused(scene, 21, SKP_E_CONSENT_INVALID);
    scene->answer.consent = CONSENT(IMPEDIMENT);
    assert_taken(scene, 21);
    assert_int_equal(scene->state.consent, CONSENT(IMPEDIMENT));
}

static void needs_offer_needs_no_agreement(void **state)
{
    struct scene *scene = *state;
    scene->answer.consent = CONSENT(NEEDS_OFFER);
    scene->answer.agreement_id.len = 0;
    scene->context.agreement = NULL;
    assert_taken(scene, 21);
    assert_int_equal(scene->state.consent, CONSENT(NEEDS_OFFER));
}

/* An impediment too says by which agreement there might have been consent. */
static void an_agreement_that_is_named_is_in_force_and_covers_the_request(void **state)
{
    struct scene *scene = *state;
    static const Skp__V1__Consent words[] = {CONSENT(UNSPECIFIED), CONSENT(NEEDS_OFFER),
                                             CONSENT(IMPEDIMENT)};
    const struct agreement known = scene->agreement;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        scene->answer.consent = words[i];
        scene->context.agreement = NULL;
        assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
        scene->context.agreement = &scene->agreement;
        scene->agreement.valid_until = 20261124;
        assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
        scene->agreement = known;
        scene->agreement.claim_kinds = BIT(KIND(RENT));
        assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
        scene->agreement = known;
    }
    scene->answer.outcome = OUTCOME(ZERO_BALANCE);
    scene->answer.consent = CONSENT(UNSPECIFIED);
    scene->answer.n_claims = 0;
    scene->context.agreement = NULL;
    assert_refused(scene, 21, SKP_E_AGREEMENT_UNKNOWN);
}

static void a_covenant_reads_an_answer_without_impediment_as_agreed(void **state)
{
    struct scene *scene = *state;
    scene->answer.consent = CONSENT(UNSPECIFIED);
    struct request_state before = scene->state;
    assert_taken(scene, 21);
    assert_int_equal(scene->state.consent, CONSENT(UNSPECIFIED));
    scene->state = before;
    scene->agreement.consent_form = FORM(UNLESS_IMPEDIMENT);
    assert_taken(scene, 22);
    assert_int_equal(scene->state.consent, CONSENT(PRE_AGREED));
}

static void a_covenant_agrees_to_nothing_outside_its_scope(void **state)
{
    struct scene *scene = *state;
    scene->answer.consent = CONSENT(UNSPECIFIED);
    scene->agreement.consent_form = FORM(UNLESS_IMPEDIMENT);
    scene->agreement.claim_kinds = BIT(KIND(RENT));
    assert_refused(scene, 21, SKP_E_AGREEMENT_SCOPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_in_time_is_taken),
        TEST(late_answers_are_kept_as_late),
        TEST(a_late_answer_after_overdue_is_kept_as_late),
        TEST(received_in_time_is_in_time_whatever_committed_first),
        TEST(an_answer_without_a_term_is_in_time),
        TEST(only_open_and_answered_requests_take_answers),
        TEST(an_answer_to_another_text_is_refused),
        TEST(an_unfinished_answer_is_not_taken_yet),
        TEST(one_total_speaks_for_all_claims),
        TEST(an_unknown_client_is_an_answer),
        TEST(unreadable_is_no_answer_about_the_debt),
        TEST(an_overdue_request_can_be_unreadable_too),
        TEST(who_answered_has_read_it),
        TEST(an_unreadable_request_takes_no_answer_at_its_old_place),
        TEST(the_same_content_has_no_effect),
        TEST(the_same_content_has_no_effect_after_the_request_stopped),
        TEST(other_content_under_an_old_version_is_stale),
        TEST(a_correction_needs_a_reason_and_the_next_version),
        TEST(a_correction_keeps_the_time_of_the_first_answer),
        TEST(a_corrected_late_answer_stays_late),
        TEST(the_first_answer_is_version_one),
        TEST(pre_agreed_needs_an_agreement_that_is_named),
        TEST(pre_agreed_needs_an_agreement_between_these_two),
        TEST(pre_agreed_needs_exactly_the_named_version),
        TEST(pre_agreed_needs_an_agreement_in_force_on_the_day_of_receipt),
        TEST(pre_agreed_needs_an_agreement_that_covers_the_request),
        TEST(pre_agreed_is_judged_on_the_claims_the_creditor_states),
        TEST(pre_agreed_on_one_total_is_judged_on_the_claims_asked),
        TEST(pre_agreed_needs_claims),
        TEST(an_impediment_is_never_pre_agreed),
        TEST(needs_offer_needs_no_agreement),
        TEST(an_agreement_that_is_named_is_in_force_and_covers_the_request),
        TEST(a_covenant_reads_an_answer_without_impediment_as_agreed),
        TEST(a_covenant_agrees_to_nothing_outside_its_scope),
    };
    return cmocka_run_group_tests_name("answers to a request", tests, NULL, NULL);
}
