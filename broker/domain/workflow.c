#include "workflow.h"

#include <assert.h>

struct state_row {
    const char *name;
    uint32_t moves; /* bit per state */
    bool later;
};

struct state_table {
    const struct state_row *rows; /* [0]: there is none yet */
    size_t count;
};

#define TABLE(rows)                                                                                \
    {                                                                                              \
        rows, sizeof(rows) / sizeof((rows)[0])                                                     \
    }

/* ---------------------------------------------------------------- the tables */

#define CASE(name)  SKP__V1__CASE_STATE__CASE_STATE_##name
#define CLAIM(name) SKP__V1__CLAIM_STATE__CLAIM_STATE_##name
#define OFFER(name) SKP__V1__OFFER_STATE__OFFER_STATE_##name
#define PAY(name)   SKP__V1__PAYMENT_STATE__PAYMENT_STATE_##name
#define TO(state)   (1U << (state))

/* clang-format off */
static const struct state_row case_states[] = {
    [0]                 = {NULL, TO(CASE(INCOMPLETE)) | TO(CASE(INVENTORY)), false},
    [CASE(INCOMPLETE)]  = {"INCOMPLETE", TO(CASE(INVENTORY)) | TO(CASE(COMPLETE)) | TO(CASE(ENDED)), false},
    [CASE(INVENTORY)]   = {"INVENTORY", TO(CASE(INCOMPLETE)) | TO(CASE(COMPLETE)) | TO(CASE(ENDED)), false},
    [CASE(COMPLETE)]    = {"COMPLETE", TO(CASE(INCOMPLETE)) | TO(CASE(INVENTORY)) | TO(CASE(CALCULATED)) |
                                       TO(CASE(ENDED)), false},
    [CASE(CALCULATED)]  = {"CALCULATED", TO(CASE(COMPLETE)) | TO(CASE(OFFERING)) | TO(CASE(ENDED)), true},
    [CASE(OFFERING)]    = {"OFFERING", TO(CASE(CALCULATED)) | TO(CASE(AGREED)) | TO(CASE(ENDED)), true},
    [CASE(AGREED)]      = {"AGREED", TO(CASE(CALCULATED)) | TO(CASE(RUNNING)) | TO(CASE(ENDED)), true},
    [CASE(RUNNING)]     = {"RUNNING", TO(CASE(DISCHARGED)) | TO(CASE(ENDED)), true},
    [CASE(DISCHARGED)]  = {"DISCHARGED", 0, true},
    [CASE(ENDED)]       = {"ENDED", 0, true},
};

#define ANY_CLAIM (TO(CLAIM(CONFIRMED)) | TO(CLAIM(DISPUTED)) | TO(CLAIM(IN_COLLECTION)) | TO(CLAIM(SOLD)))

static const struct state_row claim_states[] = {
    [0]                    = {NULL, ANY_CLAIM, false},
    [CLAIM(CONFIRMED)]     = {"CONFIRMED", ANY_CLAIM & ~TO(CLAIM(CONFIRMED)), false},
    [CLAIM(DISPUTED)]      = {"DISPUTED", ANY_CLAIM & ~TO(CLAIM(DISPUTED)), false},
    [CLAIM(IN_COLLECTION)] = {"IN_COLLECTION", ANY_CLAIM & ~TO(CLAIM(IN_COLLECTION)), false},
    [CLAIM(SOLD)]          = {"SOLD", ANY_CLAIM & ~TO(CLAIM(SOLD)), false},
};

#define REPLIES  (TO(OFFER(AGREED)) | TO(OFFER(DECLINED)) | TO(OFFER(NO_ANSWER)) | TO(OFFER(SUPERSEDED)))
#define NEXT_TRY (TO(OFFER(RECONSIDERED)) | TO(OFFER(COURT_ORDERED)) | TO(OFFER(SUPERSEDED)))

static const struct state_row offer_states[] = {
    [0]                    = {NULL, TO(OFFER(OFFERED)) | TO(OFFER(COURT_ORDERED)), false},
    [OFFER(OFFERED)]       = {"OFFERED", REPLIES, true},
    [OFFER(AGREED)]        = {"AGREED", TO(OFFER(SUPERSEDED)), true},
    [OFFER(DECLINED)]      = {"DECLINED", NEXT_TRY, true},
    [OFFER(NO_ANSWER)]     = {"NO_ANSWER", NEXT_TRY, true},
    [OFFER(RECONSIDERED)]  = {"RECONSIDERED", REPLIES, true},
    [OFFER(COURT_ORDERED)] = {"COURT_ORDERED", 0, true},
    [OFFER(SUPERSEDED)]    = {"SUPERSEDED", 0, true},
};

static const struct state_row payment_states[] = {
    [0]               = {NULL, TO(PAY(PAYABLE)), false},
    [PAY(PAYABLE)]    = {"PAYABLE", TO(PAY(PAID)), true},
    [PAY(PAID)]       = {"PAID", TO(PAY(PAID)) | TO(PAY(DISCHARGED)), true},
    [PAY(DISCHARGED)] = {"DISCHARGED", 0, true},
};
/* clang-format on */

static const struct state_table tables[] = {
    [WORKFLOW_CASE] = TABLE(case_states),
    [WORKFLOW_CLAIM] = TABLE(claim_states),
    [WORKFLOW_OFFER] = TABLE(offer_states),
    [WORKFLOW_PAYMENT] = TABLE(payment_states),
};

const char *workflow_name(enum workflow workflow, uint8_t state)
{
    return state < tables[workflow].count ? tables[workflow].rows[state].name : NULL;
}

bool workflow_may_move(enum workflow workflow, uint8_t from, uint8_t to)
{
    const struct state_table *table = &tables[workflow];
    return from < table->count && to < table->count && (table->rows[from].moves & TO(to)) != 0;
}

bool workflow_is_later(enum workflow workflow, uint8_t state)
{
    assert(workflow_name(workflow, state));
    return tables[workflow].rows[state].later;
}

/* ---------------------------------------------------------------- what this release takes */

static enum skp_err takes_state(enum workflow workflow, unsigned state)
{
    return workflow_is_later(workflow, (uint8_t)state) ? SKP_E_NOT_YET_AVAILABLE : SKP_OK;
}

enum skp_err workflow_takes(const Skp__V1__Line *line)
{
    switch (line->fact_case) {
    case SKP__V1__LINE__FACT_OFFER:
        return takes_state(WORKFLOW_OFFER, line->offer->state);
    case SKP__V1__LINE__FACT_OFFER_REPLY:
        return takes_state(WORKFLOW_OFFER, line->offer_reply->state);
    case SKP__V1__LINE__FACT_PAYMENT:
        return takes_state(WORKFLOW_PAYMENT, line->payment->state);
    case SKP__V1__LINE__FACT_CASE_STEP:
        return takes_state(WORKFLOW_CASE, line->case_step->state);
    case SKP__V1__LINE__FACT_WITHDRAWAL:
    case SKP__V1__LINE__FACT_DECISION:
    case SKP__V1__LINE__FACT_NOTICE:
    case SKP__V1__LINE__FACT_MANDATE:
        return SKP_E_NOT_YET_AVAILABLE;
    case SKP__V1__LINE__FACT_CASE_FACT:
    case SKP__V1__LINE__FACT_OFF_NETWORK:
    case SKP__V1__LINE__FACT_REQUEST:
    case SKP__V1__LINE__FACT_ANSWER:
    case SKP__V1__LINE__FACT_RECORDED:
    case SKP__V1__LINE__FACT_OVERVIEW:
    case SKP__V1__LINE__FACT_EVENT:
    case SKP__V1__LINE__FACT__NOT_SET:
    case _SKP__V1__LINE__FACT__CASE_IS_INT_SIZE:
        break;
    }
    return SKP_OK;
}
