/* What the broker says, checked by who receives it. */
#include "fact_values.h"

#include <string.h>

/* ---------------------------------------------------------------- overview */

static bool listed_before(const Skp__V1__OverviewFact *overview, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (memcmp(overview->items[i]->request_id.data, overview->items[index]->request_id.data,
                   ID_BYTES) == 0)
            return true;
    }
    return false;
}

static void check_item(struct fact_check *check, const Skp__V1__OverviewFact *overview,
                       size_t index)
{
    const Skp__V1__OverviewItem *item = overview->items[index];
    fact_enter(check, "items", index);
    fact_need_id(check, "request_id", item->request_id);
    fact_need_oin(check, "counsellor", item->counsellor);
    fact_need_id(check, "bundle_id", item->bundle_id);
    fact_need_date(check, "due_date", item->due_date);
    fact_need_enum(check, "state", (int)item->state);
    if (!check->err)
        fact_expect(check, !listed_before(overview, index), SKP_E_DUPLICATE_ITEM, "request_id");
    fact_leave(check);
}

/* The total stands on the last part only, and cannot be less than what that part lists itself. */
static void check_total(struct fact_check *check, const Skp__V1__OverviewFact *overview)
{
    if (!overview->last) {
        fact_expect(check, overview->total_items == 0, SKP_E_FIELD_UNEXPECTED, "total_items");
        return;
    }
    bool fits = overview->part == 1 ? overview->total_items == overview->n_items
                                    : overview->total_items >= overview->n_items;
    fact_expect(check, fits, SKP_E_COUNT_MISMATCH, "total_items");
}

/* An overview may list nothing: an empty round is told too. */
void fact_check_overview(struct fact_check *check, const Skp__V1__OverviewFact *overview)
{
    fact_need_id(check, "round_id", overview->round_id);
    fact_need_number(check, "version", overview->version);
    fact_need_id(check, "agreement_id", overview->agreement_id);
    fact_need_number(check, "agreement_version", overview->agreement_version);
    fact_need_number(check, "part", overview->part);
    fact_need_instant(check, "opened_at_ms", overview->opened_at_ms);
    fact_need_date(check, "due_date", overview->due_date);
    fact_need_number(check, "calendar_version", overview->calendar_version);
    fact_list(check, "items", overview->n_items, FACT_MAX_ITEMS);
    for (size_t i = 0; i < overview->n_items && !check->err; i++)
        check_item(check, overview, i);
    check_total(check, overview);
}

/* ---------------------------------------------------------------- events */

/* A due date is worth something only with the calendar it was counted by. */
static void check_due(struct fact_check *check, const Skp__V1__EventFact *event)
{
    fact_may_date(check, "due_date", event->due_date);
    if (event->due_date)
        fact_need_number(check, "calendar_version", event->calendar_version);
    else
        fact_expect(check, event->calendar_version == 0, SKP_E_FIELD_UNEXPECTED,
                    "calendar_version");
}

/* Where the items stand in their tree is for who checks the proof. */
static void check_collected(struct fact_check *check, const Skp__V1__EventFact *event)
{
    fact_list(check, "collected", event->n_collected, FACT_MAX_COLLECTED);
    fact_list(check, "proof", event->n_proof, FACT_MAX_COLLECTED);
    for (size_t i = 0; i < event->n_collected && !check->err; i++) {
        fact_enter(check, "collected", i);
        fact_need_hash(check, "head_hash", event->collected[i]->head_hash);
        fact_leave(check);
    }
    for (size_t i = 0; i < event->n_proof && !check->err; i++)
        fact_expect(check, event->proof[i].len == HASH_BYTES, SKP_E_HASH_FORMAT, "proof");
}

static void check_statement(struct fact_check *check, const Skp__V1__EventFact *event)
{
    bool collected = event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED;
    bool signature = *event->jws != '\0';
    fact_expect(check, event->statement.len > 0 || !collected, SKP_E_REQUIRED, "statement");
    fact_expect(check, signature || !collected, SKP_E_REQUIRED, "jws");
    fact_expect(check, event->statement.len == 0 || collected, SKP_E_FIELD_UNEXPECTED, "statement");
    fact_expect(check, !signature || collected, SKP_E_FIELD_UNEXPECTED, "jws");
    fact_expect(check, event->statement.len <= FACT_MAX_STATEMENT, SKP_E_TEXT_TOO_LONG,
                "statement");
    fact_expect(check, strlen(event->jws) <= FACT_MAX_JWS, SKP_E_TEXT_TOO_LONG, "jws");
    fact_expect(check, event->n_collected > 0 || !collected, SKP_E_REQUIRED, "collected");
    fact_expect(check, event->n_collected == 0 || collected, SKP_E_FIELD_UNEXPECTED, "collected");
    fact_expect(check, event->n_proof == 0 || collected, SKP_E_FIELD_UNEXPECTED, "proof");
    check_collected(check, event);
}

static void check_event_kind(struct fact_check *check, const Skp__V1__EventFact *event)
{
    switch (event->kind) {
    case SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE:
        fact_need_date(check, "due_date", event->due_date);
        fact_expect(check, event->n_request_ids > 0, SKP_E_REQUIRED, "request_ids");
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED:
    case SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED:
        fact_expect(check, event->n_request_ids > 0, SKP_E_REQUIRED, "request_ids");
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED:
        fact_need_id(check, "round_id", event->round_id);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE:
        fact_need_id(check, "case_id", event->case_id);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED:
    case SKP__V1__EVENT_KIND__EVENT_KIND_UNSPECIFIED:
    case _SKP__V1__EVENT_KIND_IS_INT_SIZE:
        return;
    }
}

void fact_check_event(struct fact_check *check, const Skp__V1__EventFact *event)
{
    fact_need_id(check, "event_id", event->event_id);
    fact_need_number(check, "version", event->version);
    fact_need_enum(check, "kind", (int)event->kind);
    fact_need_instant(check, "happened_at_ms", event->happened_at_ms);
    fact_may_oin(check, "other", event->other);
    fact_may_id(check, "round_id", event->round_id);
    check_due(check, event);
    fact_may_id(check, "case_id", event->case_id);
    fact_id_list(check, "request_ids", event->request_ids, event->n_request_ids, FACT_MAX_REQUESTS);
    check_event_kind(check, event);
    check_statement(check, event);
}
