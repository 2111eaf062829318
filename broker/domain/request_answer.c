/* What an answer does to a request. */
#include "request.h"

#include "mutant.h"
#include "terms.h"

#include <assert.h>

#define STATE(name)   SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define CONSENT(name) SKP__V1__CONSENT__CONSENT_##name

/* ---------------------------------------------------------------- which version it is */

static bool names_leaf(const Skp__V1__AnswerFact *fact, const struct skp_hash *leaf)
{
    return span_equal(span_of(fact->request_leaf.data, fact->request_leaf.len),
                      span_of(leaf->bytes, HASH_BYTES));
}

static bool said_before(const struct request_state *state, const Skp__V1__AnswerFact *fact,
                        const struct skp_hash *answer_leaf)
{
    return state->answer_version > 0 && fact->version == state->answer_version &&
           hash_equal(answer_leaf, &state->answer_leaf);
}

/* RECORDED is an answer that came back on paper: this answer cannot touch it. */
static bool takes_answers(const struct request_state *state)
{
    return request_is_open(state) || state->state == STATE(ANSWERED) ||
           state->state == STATE(ANSWERED_LATE);
}

static enum skp_err check_version(const struct request_state *state,
                                  const Skp__V1__AnswerFact *fact)
{
    if (fact->version <= state->answer_version)
        return MUTANT(stale_answer_taken) ? SKP_OK : SKP_E_STALE;
    if (fact->version - state->answer_version > 1)
        return SKP_E_STATE_INVALID;
    bool correction = state->answer_version > 0 && !MUTANT(correction_without_reason);
    if (correction && fact->correction == SKP__V1__CORRECTION_REASON__CORRECTION_REASON_UNSPECIFIED)
        return SKP_E_CORRECTION_REASON;
    return SKP_OK;
}

/* ---------------------------------------------------------------- consent */

/* What the agreement must cover are the claims the creditor states; where it states none by kind,
 * those the client knows of. */
static uint32_t kinds_answered(const struct request_state *state, const Skp__V1__AnswerFact *fact)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < fact->n_claims; i++)
        kinds |= 1U << fact->claims[i]->kind;
    return kinds ? kinds : state->claim_kinds;
}

static bool is_named(const struct agreement *agreement, const Skp__V1__AnswerFact *fact)
{
    return fact->agreement_version == agreement->version &&
           span_equal(span_of(fact->agreement_id.data, fact->agreement_id.len),
                      span_of(agreement->agreement_id.bytes, ID_BYTES));
}

static enum skp_err check_ground(const struct request_state *state, const Skp__V1__AnswerFact *fact,
                                 const struct answer_context *context)
{
    const struct agreement *agreement = context->agreement;
    plain_date today = calendar_date_of_ms(context->now_ms);
    if (!agreement || !is_named(agreement, fact) ||
        !oin_equal(&agreement->creditor, context->creditor) ||
        !agreement_in_force(agreement, context->counsellor, today))
        return SKP_E_AGREEMENT_UNKNOWN;
    uint64_t brand_mark = request_brand_mark(agreement->brand);
    bool brand_fits = brand_mark == 0 || brand_mark == state->brand_mark;
    if (!brand_fits || !agreement_covers(agreement, kinds_answered(state, fact), state->product,
                                         state->guidance, agreement->brand))
        return SKP_E_AGREEMENT_SCOPE;
    return SKP_OK;
}

/* A covenant reads an answer without impediment as yes; every other word is the creditor's own. */
static Skp__V1__Consent consent_meant(const Skp__V1__AnswerFact *fact,
                                      const struct agreement *agreement)
{
    bool covenant =
        agreement && is_named(agreement, fact) &&
        agreement->consent_form == SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT;
    bool silent_on_claims =
        fact->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS && fact->consent == CONSENT(UNSPECIFIED);
    return covenant && silent_on_claims ? CONSENT(PRE_AGREED) : fact->consent;
}

static enum skp_err check_consent(const struct request_state *state,
                                  const Skp__V1__AnswerFact *fact,
                                  const struct answer_context *context, Skp__V1__Consent consent)
{
    bool has_claims = fact->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    bool names_ground = fact->agreement_id.len > 0;
    bool has_reason = fact->reason != SKP__V1__REASON__REASON_UNSPECIFIED;
    if (!has_claims && consent != CONSENT(UNSPECIFIED))
        return SKP_E_CONSENT_INVALID;
    if (consent == CONSENT(PRE_AGREED) && (!names_ground || has_reason))
        return SKP_E_CONSENT_INVALID;
    return names_ground ? check_ground(state, fact, context) : SKP_OK;
}

/* ---------------------------------------------------------------- the answer */

static bool is_unreadable(const Skp__V1__AnswerFact *fact)
{
    return fact->outcome == SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
}

static void settle(struct request_state *state, int64_t now_ms)
{
    bool in_time = state->due_date == 0 || terms_on_time(state->due_date, now_ms);
    request_move(state, in_time ? STATE(ANSWERED) : STATE(ANSWERED_LATE));
    state->answered_at_ms = now_ms;
}

static int64_t total_of(const Skp__V1__AnswerFact *fact)
{
    if (fact->one_total)
        return fact->total_cents;
    int64_t total = 0;
    for (size_t i = 0; i < fact->n_claims; i++)
        total +=
            MUTANT(cents_sign) ? -fact->claims[i]->amount_cents : fact->claims[i]->amount_cents;
    return total;
}

enum skp_err request_answer(const struct request_state *state, const Skp__V1__AnswerFact *fact,
                            const struct skp_hash *answer_leaf,
                            const struct answer_context *context, struct request_state *ret_state,
                            enum answer_effect *ret_effect)
{
    if (!names_leaf(fact, &state->leaf) && !MUTANT(text_not_compared))
        return SKP_E_LEAF_MISMATCH;
    if (said_before(state, fact, answer_leaf)) {
        *ret_effect = ANSWER_NO_EFFECT;
        return SKP_OK;
    }
    if (is_unreadable(fact) ? !request_is_open(state) : !takes_answers(state))
        return SKP_E_STATE_INVALID;
    if (!fact->complete)
        return SKP_E_NOT_YET_AVAILABLE;
    Skp__V1__Consent consent = consent_meant(fact, context->agreement);
    enum skp_err err = check_version(state, fact);
    if (!err)
        err = check_consent(state, fact, context, consent);
    if (err)
        return err;

    struct request_state next = *state;
    if (is_unreadable(fact))
        request_move(&next, STATE(UNREADABLE));
    else if (request_is_open(state))
        settle(&next, context->now_ms);
    next.answer_leaf = *answer_leaf;
    next.answer_version = fact->version;
    next.outcome = (uint8_t)fact->outcome;
    next.consent = (uint8_t)consent;
    next.total_cents = total_of(fact);
    *ret_state = next;
    *ret_effect = ANSWER_TAKEN;
    return SKP_OK;
}
