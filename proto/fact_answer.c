#include "fact_values.h"

#include <string.h>

/* ---------------------------------------------------------------- claims */

static bool claimed_before(const Skp__V1__AnswerFact *answer, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (memcmp(answer->claims[i]->claim_id.data, answer->claims[index]->claim_id.data,
                   ID_BYTES) == 0)
            return true;
    }
    return false;
}

static void check_claim_amount(struct fact_check *check, const Skp__V1__AnswerFact *answer,
                               const Skp__V1__Claim *claim)
{
    fact_amount(check, "amount_cents", claim->amount_cents);
    if (answer->one_total)
        fact_expect(check, claim->amount_cents == 0, SKP_E_FIELD_UNEXPECTED, "amount_cents");
    else
        fact_expect(check,
                    claim->amount_cents > 0 ||
                        claim->state == SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD,
                    SKP_E_AMOUNT_ZERO, "amount_cents");
}

static void check_claim(struct fact_check *check, const Skp__V1__AnswerFact *answer, size_t index)
{
    const Skp__V1__Claim *claim = answer->claims[index];
    fact_enter(check, "claims", index);
    fact_need_id(check, "claim_id", claim->claim_id);
    fact_need_enum(check, "state", (int)claim->state);
    fact_need_enum(check, "kind", (int)claim->kind);
    check_claim_amount(check, answer, claim);
    fact_amount(check, "original_cents", claim->original_cents);
    /* The rank of a claim that was sold is for its new holder to state. */
    if (claim->state != SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD)
        fact_need_enum(check, "preference", (int)claim->preference);
    fact_need_enum(check, "debtor", (int)claim->debtor);
    if (!check->err)
        fact_expect(check, !claimed_before(answer, index), SKP_E_DUPLICATE_CLAIM, "claim_id");
    fact_leave(check);
}

/* Every amount is in range here, so 64 of them cannot overflow; the sum itself must be in range
 * too. */
static void check_sum(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    if (check->err)
        return;
    int64_t sum = 0;
    for (size_t i = 0; i < answer->n_claims; i++)
        sum += answer->claims[i]->amount_cents;
    fact_amount(check, "total_cents", sum);
    fact_expect(check, answer->total_cents == sum, SKP_E_AMOUNT_SUM, "total_cents");
}

/* Outcome CLAIMS brings claims or one total for all; no other outcome brings either. */
static void check_claims(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    fact_list(check, "claims", answer->n_claims, FACT_MAX_CLAIMS);
    fact_amount(check, "total_cents", answer->total_cents);
    if (answer->outcome != SKP__V1__OUTCOME__OUTCOME_CLAIMS) {
        fact_expect(check, answer->n_claims == 0, SKP_E_CLAIM_UNKNOWN, "claims");
        fact_expect(check, !answer->one_total, SKP_E_CLAIM_UNKNOWN, "one_total");
        fact_expect(check, answer->total_cents == 0, SKP_E_CLAIM_UNKNOWN, "total_cents");
        return;
    }
    fact_expect(check, answer->n_claims > 0 || answer->one_total, SKP_E_CLAIM_UNKNOWN, "claims");
    for (size_t i = 0; i < answer->n_claims && !check->err; i++)
        check_claim(check, answer, i);
    if (answer->one_total)
        fact_expect(check, answer->total_cents > 0, SKP_E_AMOUNT_ZERO, "total_cents");
    else
        check_sum(check, answer);
}

/* ---------------------------------------------------------------- consent */

static void check_ground(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    bool named = answer->agreement_id.len > 0;
    if (answer->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED) {
        fact_expect(check, named, SKP_E_CONSENT_INVALID, "agreement_id");
        fact_expect(check, answer->agreement_version > 0, SKP_E_CONSENT_INVALID,
                    "agreement_version");
    }
    fact_may_id(check, "agreement_id", answer->agreement_id);
    fact_expect(check, named || answer->agreement_version == 0, SKP_E_REQUIRED, "agreement_id");
    fact_expect(check, !named || answer->agreement_version > 0, SKP_E_REQUIRED,
                "agreement_version");
}

static void check_reason(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    bool needed = answer->outcome == SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION ||
                  answer->consent == SKP__V1__CONSENT__CONSENT_IMPEDIMENT;
    bool given = answer->reason != SKP__V1__REASON__REASON_UNSPECIFIED;
    fact_expect(check, !given || answer->consent != SKP__V1__CONSENT__CONSENT_PRE_AGREED,
                SKP_E_CONSENT_INVALID, "reason");
    fact_expect(check, given || !needed, SKP_E_REASON_MISSING, "reason");
    fact_expect(check, needed || !given, SKP_E_FIELD_UNEXPECTED, "reason");
}

static void check_consent(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    fact_expect(check,
                answer->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS ||
                    answer->consent == SKP__V1__CONSENT__CONSENT_UNSPECIFIED,
                SKP_E_CONSENT_INVALID, "consent");
    check_ground(check, answer);
    check_reason(check, answer);
}

static void check_correction(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    bool given = answer->correction != SKP__V1__CORRECTION_REASON__CORRECTION_REASON_UNSPECIFIED;
    fact_expect(check, given || answer->version < 2, SKP_E_CORRECTION_REASON, "correction");
    fact_expect(check, !given || answer->version > 1, SKP_E_FIELD_UNEXPECTED, "correction");
}

/* It says nothing of the debt, so it carries nothing: the request is sealed again and asked anew. */
static void check_unreadable(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    if (answer->outcome != SKP__V1__OUTCOME__OUTCOME_UNREADABLE)
        return;
    fact_expect(check, answer->agreement_id.len == 0, SKP_E_FIELD_UNEXPECTED, "agreement_id");
    fact_expect(check, answer->commitment.len == 0, SKP_E_FIELD_UNEXPECTED, "commitment");
    fact_expect(check, answer->balance_date == 0, SKP_E_FIELD_UNEXPECTED, "balance_date");
    fact_expect(check, answer->version == 1, SKP_E_FIELD_UNEXPECTED, "version");
}

/* ---------------------------------------------------------------- answers */

void fact_check_answer(struct fact_check *check, const Skp__V1__AnswerFact *answer)
{
    fact_need_id(check, "request_id", answer->request_id);
    fact_need_number(check, "version", answer->version);
    fact_need_id(check, "request_bundle_id", answer->request_bundle_id);
    fact_need_hash(check, "request_leaf", answer->request_leaf);
    fact_need_enum(check, "outcome", (int)answer->outcome);
    check_claims(check, answer);
    check_consent(check, answer);
    check_correction(check, answer);
    fact_may_hash(check, "commitment", answer->commitment);
    fact_may_date(check, "balance_date", answer->balance_date);
    check_unreadable(check, answer);
}

static void check_recorded_total(struct fact_check *check,
                                 const Skp__V1__RecordedAnswerFact *recorded)
{
    fact_amount(check, "total_cents", recorded->total_cents);
    if (recorded->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS)
        fact_expect(check, recorded->total_cents > 0, SKP_E_AMOUNT_ZERO, "total_cents");
    else
        fact_expect(check, recorded->total_cents == 0, SKP_E_CLAIM_UNKNOWN, "total_cents");
}

/* A letter can ask for an offer or name an impediment; it names no agreement, so it is never
 * PRE_AGREED. */
static void check_recorded_consent(struct fact_check *check,
                                   const Skp__V1__RecordedAnswerFact *recorded)
{
    bool fits = recorded->consent == SKP__V1__CONSENT__CONSENT_UNSPECIFIED ||
                (recorded->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS &&
                 recorded->consent != SKP__V1__CONSENT__CONSENT_PRE_AGREED);
    fact_expect(check, fits, SKP_E_CONSENT_INVALID, "consent");
}

void fact_check_recorded(struct fact_check *check, const Skp__V1__RecordedAnswerFact *recorded)
{
    fact_need_id(check, "request_id", recorded->request_id);
    fact_need_number(check, "version", recorded->version);
    fact_need_id(check, "case_id", recorded->case_id);
    fact_need_enum(check, "outcome", (int)recorded->outcome);
    fact_expect(check, recorded->outcome != SKP__V1__OUTCOME__OUTCOME_UNREADABLE,
                SKP_E_FIELD_UNEXPECTED, "outcome"); /* nothing was sealed on paper */
    check_recorded_total(check, recorded);
    check_recorded_consent(check, recorded);
    fact_need_date(check, "received_date", recorded->received_date);
}
