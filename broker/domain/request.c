#include "request.h"

#include "merkle.h"
#include "mutant.h"
#include "terms.h"

#include <assert.h>

/* ---------------------------------------------------------------- states and moves */

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define TO(name)    (1U << STATE(name))

/* Any request that lives can turn out to be a mistake, and any case can stop. */
#define TO_STOP (TO(WITHDRAWN) | TO(ENDED))

/* clang-format off */
#define REQUEST_STATES(X)                                                                          \
    X(REGISTERED,        TO(WAITING_FOR_ROUND) | TO(REQUESTED) | TO(RESEAL_NEEDED) | TO_STOP)      \
    X(WAITING_FOR_ROUND, TO(REQUESTED) | TO(RESEAL_NEEDED) | TO_STOP)                              \
    X(REQUESTED,         TO(OVERDUE) | TO(ANSWERED) | TO(ANSWERED_LATE) | TO(RESEAL_NEEDED) |      \
                         TO(UNREADABLE) | TO_STOP)                                                 \
    X(OVERDUE,           TO(ANSWERED) | TO(ANSWERED_LATE) | TO(RESEAL_NEEDED) | TO(UNREADABLE) |   \
                         TO_STOP)                                                                  \
    X(ANSWERED,          TO(REGISTERED) | TO_STOP)                                                 \
    X(ANSWERED_LATE,     TO(REGISTERED) | TO_STOP)                                                 \
    X(OFF_NETWORK,       TO(RECORDED) | TO_STOP)                                                   \
    X(RECORDED,          TO_STOP)                                                                  \
    X(RESEAL_NEEDED,     TO(RECORDED) | TO(RESEALED) | TO_STOP)                                    \
    X(UNREADABLE,        TO(RECORDED) | TO(RESEALED) | TO_STOP)                                    \
    X(WITHDRAWN,         0)                                                                        \
    X(ENDED,             0)                                                                        \
    X(RESEALED,          0)
/* clang-format on */

static const struct {
    const char *name;
    uint32_t moves; /* bit per state */
} states[] = {
#define X(name, moves) [STATE(name)] = {#name, moves},
    REQUEST_STATES(X)
#undef X
};

#define STATE_COUNT (sizeof states / sizeof states[0])

const char *request_state_name(uint8_t state)
{
    return state < STATE_COUNT ? states[state].name : NULL;
}

bool request_may_move(uint8_t from, uint8_t to)
{
    return from < STATE_COUNT && to < STATE_COUNT && (states[from].moves & (1U << to)) != 0;
}

void request_move(struct request_state *state, uint8_t to)
{
    assert(request_may_move(state->state, to));
    state->state = to;
}

bool request_is_open(const struct request_state *state)
{
    return state->state == STATE(REQUESTED) || state->state == STATE(OVERDUE);
}

bool request_is_answered(const struct request_state *state)
{
    return state->state == STATE(ANSWERED) || state->state == STATE(ANSWERED_LATE) ||
           state->state == STATE(RECORDED);
}

bool request_awaits_seal(const struct request_state *state)
{
    return state->state == STATE(UNREADABLE) || state->state == STATE(RESEAL_NEEDED);
}

/* ---------------------------------------------------------------- from registration to overdue */

uint8_t request_round_mark(const struct agreement *agreement)
{
    struct span id = span_of(agreement->agreement_id.bytes, ID_BYTES);
    struct skp_hash hash = sha256_spans(&id, 1);
    return (uint8_t)(1 + (hash.bytes[0] + agreement->version) % UINT8_MAX);
}

uint64_t request_brand_mark(const char *brand)
{
    if (*brand == '\0')
        return 0;
    struct skp_hash hash = sha256(span_text(brand));
    uint64_t mark = 0;
    for (size_t i = 0; i < sizeof mark; i++)
        mark = mark << 8 | hash.bytes[i];
    return mark;
}

static uint32_t kinds_known(const Skp__V1__RequestFact *fact)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < fact->n_claims; i++)
        kinds |= 1U << fact->claims[i]->kind;
    return kinds;
}

void request_register(const Skp__V1__RequestFact *fact, const struct skp_id *case_id,
                      uint64_t case_place, const struct skp_hash *leaf,
                      struct request_state *ret_state)
{
    struct request_state state = {
        .case_id = *case_id,
        .case_place = case_place,
        .leaf = *leaf,
        .version = fact->version,
        .brand_mark = request_brand_mark(fact->brand),
        .claim_kinds = kinds_known(fact),
        .state = STATE(REGISTERED),
        .product = (uint8_t)fact->product,
        .guidance = (uint8_t)fact->guidance,
    };
    bool whole = id_take(span_of(fact->request_id.data, fact->request_id.len), &state.request_id);
    assert(whole);
    if (fact->urgent)
        state.flags |= REQUEST_URGENT;
    if (fact->contains_bsn)
        state.flags |= REQUEST_CONTAINS_BSN;
    *ret_state = state;
}

/* Not request_may_move(): an answered request comes back by another door. */
enum skp_err request_publish(struct request_state *state, uint64_t position, int64_t now_ms,
                             plain_date due_date)
{
    if (state->state != STATE(REGISTERED) && state->state != STATE(WAITING_FOR_ROUND))
        return SKP_E_STATE_INVALID;
    assert(position != 0 && (due_date == 0 || calendar_date_valid(due_date)));
    request_move(state, STATE(REQUESTED));
    state->position = position;
    state->published_at_ms = now_ms;
    state->due_date = due_date;
    return SKP_OK;
}

bool request_expire(struct request_state *state, int64_t now_ms)
{
    if (state->state != STATE(REQUESTED) || state->due_date == 0)
        return false;
    if (terms_on_time(state->due_date, now_ms))
        return false;
    request_move(state, MUTANT(overdue_is_yes) ? STATE(ANSWERED) : STATE(OVERDUE));
    return true;
}

bool request_undeliverable(struct request_state *state)
{
    if (!request_is_open(state))
        return false;
    request_move(state, STATE(RESEAL_NEEDED));
    state->position = 0;
    return true;
}

void request_reseal(struct request_state *state, const Skp__V1__RequestFact *fact,
                    struct request_state *ret_next)
{
    assert(request_awaits_seal(state));
    request_register(fact, &state->case_id, state->case_place, &state->leaf, ret_next);
    request_move(state, STATE(RESEALED));
}

void request_record(struct request_state *state, const Skp__V1__RecordedAnswerFact *fact,
                    int64_t now_ms)
{
    if (state->state != STATE(RECORDED)) {
        request_move(state, STATE(RECORDED));
        state->answered_at_ms = now_ms;
    }
    state->outcome = (uint8_t)fact->outcome;
    state->consent = (uint8_t)fact->consent;
    state->total_cents = fact->total_cents;
}
