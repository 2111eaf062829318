#include "case_file.h"

#include <assert.h>
#include <stdlib.h>

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define NOT_TAKEN   STATE(UNSPECIFIED)

static int compare_requests(const void *a, const void *b)
{
    const struct case_request *left = a;
    const struct case_request *right = b;
    return id_compare(&left->request_id, &right->request_id);
}

struct case_request *case_find(const struct case_file *file, const struct skp_id *request_id)
{
    struct case_request key = {.request_id = *request_id};
    if (file->request_count == 0)
        return NULL;
    return bsearch(&key, file->requests, file->request_count, sizeof key, compare_requests);
}

/* ---------------------------------------------------------------- opening and changing */

static enum skp_err declare(const Skp__V1__CaseFact *fact, struct arena *arena,
                            struct case_file *file)
{
    struct case_request *requests = arena_calloc(arena, fact->n_request_ids, sizeof *requests);
    if (!requests)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < fact->n_request_ids; i++) {
        struct span id = span_of(fact->request_ids[i].data, fact->request_ids[i].len);
        bool whole = id_take(id, &requests[i].request_id);
        assert(whole);
    }
    qsort(requests, fact->n_request_ids, sizeof *requests, compare_requests);
    file->requests = requests;
    file->request_count = fact->n_request_ids;
    return SKP_OK;
}

enum skp_err case_open(const Skp__V1__CaseFact *fact, const struct skp_hash *leaf, uint64_t place,
                       struct arena *arena, struct case_file *ret_case)
{
    assert(fact->n_request_ids >= 1 && fact->n_request_ids <= CASE_MAX_REQUESTS);
    struct case_file file = {
        .leaf = *leaf,
        .place = place,
        .version = fact->version,
        .persons = (uint8_t)fact->persons,
        .product = (uint8_t)fact->product,
        .guidance = (uint8_t)fact->guidance,
        .reference_date = fact->reference_date,
    };
    bool whole = id_take(span_of(fact->case_id.data, fact->case_id.len), &file.case_id) &&
                 oin_take(span_text(fact->responsible), &file.responsible);
    assert(whole);
    enum skp_err err = declare(fact, arena, &file);
    if (!err)
        *ret_case = file;
    return err;
}

/* Carries every taken request over. False when the new case dropped one. */
static bool carry_over(const struct case_file *present, const struct case_file *next)
{
    for (size_t i = 0; i < present->request_count; i++) {
        const struct case_request *request = &present->requests[i];
        struct case_request *again = case_find(next, &request->request_id);
        if (again)
            *again = *request;
        else if (request->state != NOT_TAKEN)
            return false;
    }
    return true;
}

static bool has_missing(const struct case_file *file)
{
    for (size_t i = 0; i < file->request_count; i++)
        if (file->requests[i].state == NOT_TAKEN)
            return true;
    return false;
}

static bool is_next_of(const struct case_file *present, const struct case_file *next)
{
    return id_equal(&next->case_id, &present->case_id) && next->version == present->version + 1 &&
           next->persons == present->persons &&
           oin_equal(&next->responsible, &present->responsible);
}

enum skp_err case_update(const struct case_file *present, const Skp__V1__CaseFact *fact,
                         const struct skp_hash *leaf, struct arena *arena,
                         struct case_file *ret_case, bool *ret_changed)
{
    if (hash_equal(leaf, &present->leaf)) {
        *ret_case = *present;
        *ret_changed = false;
        return SKP_OK;
    }
    struct case_file next;
    enum skp_err err = case_open(fact, leaf, present->place, arena, &next);
    if (err)
        return err;
    if (!is_next_of(present, &next) || !carry_over(present, &next))
        return SKP_E_CASE_CHANGED;
    *ret_case = next;
    *ret_changed = true;
    return SKP_OK;
}

static bool same_creditor(const struct case_request *request, const struct skp_oin *creditor)
{
    static const struct skp_oin nobody;
    return oin_equal(&request->creditor, creditor ? creditor : &nobody);
}

enum skp_err case_take(struct case_file *file, const struct skp_id *request_id,
                       const struct skp_hash *leaf, const struct skp_id *bundle_id, uint16_t line,
                       const struct skp_oin *creditor, uint8_t state, bool *ret_taken)
{
    assert(request_state_name(state));
    struct case_request *request = case_find(file, request_id);
    if (!request)
        return SKP_E_REQUEST_NOT_DECLARED;
    if (request->state != NOT_TAKEN) {
        if (!hash_equal(&request->leaf, leaf) || !same_creditor(request, creditor))
            return SKP_E_ID_REUSED;
        *ret_taken = false;
        return SKP_OK;
    }
    request->leaf = *leaf;
    request->bundle_id = bundle_id ? *bundle_id : (struct skp_id){0};
    request->line = line;
    request->creditor = creditor ? *creditor : (struct skp_oin){0};
    request->state = state;
    *ret_taken = true;
    return SKP_OK;
}

void case_reseal(struct case_file *file, const struct skp_id *request_id,
                 const struct skp_id *bundle_id, uint16_t line)
{
    struct case_request *request = case_find(file, request_id);
    assert(request && !id_is_nil(&request->bundle_id));
    request->bundle_id = *bundle_id;
    request->line = line;
}

/* ---------------------------------------------------------------- what became of the requests */

static bool same_record(const struct case_request *request, const Skp__V1__RecordedAnswerFact *fact)
{
    return fact->version == request->recorded_version && request->outcome == fact->outcome &&
           request->consent == fact->consent && request->total_cents == fact->total_cents;
}

static enum skp_err check_record(const struct case_request *request,
                                 const Skp__V1__RecordedAnswerFact *fact)
{
    if (request->state != STATE(RECORDED) && !request_may_move(request->state, STATE(RECORDED)))
        return SKP_E_STATE_INVALID;
    if (fact->version <= request->recorded_version)
        return SKP_E_STALE;
    if (fact->version - request->recorded_version > 1)
        return SKP_E_STATE_INVALID;
    if (fact->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED)
        return SKP_E_CONSENT_INVALID;
    return SKP_OK;
}

enum skp_err case_record(struct case_file *file, const Skp__V1__RecordedAnswerFact *fact)
{
    struct skp_id request_id;
    bool whole = id_take(span_of(fact->request_id.data, fact->request_id.len), &request_id);
    assert(whole);
    struct case_request *request = case_find(file, &request_id);
    if (!request)
        return SKP_E_REQUEST_UNKNOWN;
    if (request->state == STATE(RECORDED) && same_record(request, fact))
        return SKP_OK;
    enum skp_err err = check_record(request, fact);
    if (err)
        return err;
    request->state = STATE(RECORDED);
    request->recorded_version = fact->version;
    request->outcome = (uint8_t)fact->outcome;
    request->consent = (uint8_t)fact->consent;
    request->total_cents = fact->total_cents;
    return SKP_OK;
}

void case_note(struct case_file *file, const struct request_state *request)
{
    assert(id_equal(&file->case_id, &request->case_id));
    struct case_request *summary = case_find(file, &request->request_id);
    assert(summary && summary->state != NOT_TAKEN);
    summary->state = request->state;
    summary->outcome = request->outcome;
    summary->consent = request->consent;
    summary->total_cents = request->total_cents;
}

/* ---------------------------------------------------------------- completeness */

static bool is_answered(const struct case_request *request)
{
    struct request_state state = {.state = request->state};
    return request_is_answered(&state);
}

static bool is_stopped(const struct case_request *request)
{
    return request->state == STATE(WITHDRAWN) || request->state == STATE(ENDED);
}

Skp__V1__CaseState case_phase(const struct case_file *file)
{
    bool waiting = false;
    for (size_t i = 0; i < file->request_count; i++) {
        const struct case_request *request = &file->requests[i];
        if (request->state == NOT_TAKEN)
            return SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE;
        if (!is_answered(request) && !is_stopped(request))
            waiting = true;
    }
    return waiting ? SKP__V1__CASE_STATE__CASE_STATE_INVENTORY
                   : SKP__V1__CASE_STATE__CASE_STATE_COMPLETE;
}

bool case_is_complete(const struct case_file *file, size_t answered)
{
    size_t asked = 0;
    for (size_t i = 0; i < file->request_count; i++) {
        const struct case_request *request = &file->requests[i];
        if (!id_is_nil(&request->bundle_id))
            asked++;
        else if (!is_answered(request) && !is_stopped(request))
            return false;
    }
    return answered >= asked && !has_missing(file);
}

static bool needs_decision(uint8_t outcome)
{
    switch ((Skp__V1__Outcome)outcome) {
    case SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT:
    case SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT:
    case SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION:
    case SKP__V1__OUTCOME__OUTCOME_REPORTED_DECEASED:
        return true;
    case SKP__V1__OUTCOME__OUTCOME_UNSPECIFIED:
    case SKP__V1__OUTCOME__OUTCOME_CLAIMS:
    case SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE:
    case SKP__V1__OUTCOME__OUTCOME_UNREADABLE:
    case _SKP__V1__OUTCOME_IS_INT_SIZE:
        break;
    }
    return false;
}

unsigned case_to_decide(const struct case_file *file)
{
    unsigned count = 0;
    for (size_t i = 0; i < file->request_count; i++) {
        if (is_answered(&file->requests[i]) && needs_decision(file->requests[i].outcome))
            count++;
    }
    return count;
}
