#include "opening.h"

#include "csv_value.h"
#include "fact.h"
#include "wire.h"

#include <string.h>

#define ARENA_BYTES ((size_t)32 << 20)

struct taking {
    struct opening *opening;
    const Skp__V1__Delivery *delivery;
    const struct envelope_delivery *checked;
    struct arena arena;
    size_t index;
    struct span bytes; /* of the line */
};

static void complain(struct taking *taking, enum skp_err err)
{
    if (!taking->opening->problem)
        taking->opening->problem = err;
}

/* An empty part when nothing is sealed. */
static enum skp_err try_part(struct taking *taking, ProtobufCBinaryData commitment,
                             struct span *ret_part)
{
    struct opening *opening = taking->opening;
    *ret_part = span_of("", 0);
    return commitment.len == 0 ? SKP_OK
                               : opening->open_part(opening->ctx, taking->delivery, taking->checked,
                                                    taking->index, &taking->arena, ret_part);
}

/* False: it does not open. */
static bool open_part(struct taking *taking, ProtobufCBinaryData commitment, struct span *ret_part)
{
    enum skp_err err = try_part(taking, commitment, ret_part);
    if (err)
        complain(taking, err);
    return !err;
}

static bool from_broker(struct taking *taking)
{
    bool is = oin_equal(&taking->checked->header.sender, taking->opening->broker);
    if (!is)
        complain(taking, SKP_E_ROLE_FORBIDDEN);
    return is;
}

static bool was_new(const struct taking *taking)
{
    return !taking->opening->db->err && sqlite3_changes(taking->opening->db->db) > 0;
}

static bool person_has_bsn(const Skp__V1__Person *person)
{
    return person && person->bsn[0] != '\0';
}

bool opening_has_bsn(const Skp__V1__PersonPart *part)
{
    return person_has_bsn(part->client) || person_has_bsn(part->partner);
}

/* ---------------------------------------------------------------- creditor */

/* Exactly as it would be written, or nothing. */
static bool bsn_is_good(const Skp__V1__Person *person)
{
    char bsn[CSV_BSN_BYTES];
    return !person || (!csv_value_read_bsn(person->bsn, bsn) && strcmp(person->bsn, bsn) == 0);
}

/* The broker lets a BSN pass by the flag; a part that does not agree with it slipped past that rule. */
static enum skp_err check_bsn(struct taking *taking, const Skp__V1__RequestFact *fact,
                              struct span part)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    enum skp_err err =
        wire_unpack(&skp__v1__person_part__descriptor, part, &taking->arena, path, &message);
    if (err)
        return err;
    const Skp__V1__PersonPart *persons = (const Skp__V1__PersonPart *)message;
    bool has_bsn = opening_has_bsn(persons);
    if (has_bsn != fact->contains_bsn)
        return SKP_E_FIELD_UNEXPECTED;
    if (!bsn_is_good(persons->client) || !bsn_is_good(persons->partner))
        return SKP_E_BSN_INVALID;
    return has_bsn && taking->opening->bsn_forbidden ? SKP_E_BSN_NOT_ALLOWED : SKP_OK;
}

/* Sealed, and gone: the case ended, or the request was sealed again and comes in another bundle. */
static bool was_destroyed(const struct taking *taking, const Skp__V1__RequestFact *fact)
{
    const Skp__V1__Bundle *bundle = taking->checked->bundle;
    return fact->commitment.len > 0 && taking->index < bundle->n_sealed &&
           bundle->sealed[taking->index].len == 0;
}

/* Answered UNREADABLE where it stands, or known from a later bundle. */
static bool is_settled(struct taking *taking, const struct skp_id *request_id)
{
    return state_number(taking->opening->db, 0,
                        "SELECT 1 FROM question WHERE request_id = ?1 AND ((bundle_id = ?2 AND"
                        " returned = 2) OR (bundle_id <> ?2 AND"
                        " (stored_at_ms, position) > (?3, ?4)))",
                        "ddii", request_id, &taking->checked->head.bundle_id,
                        taking->delivery->stored_at_ms, (int64_t)taking->delivery->position) != 0;
}

/* A later bundle with the very same line replaces the place it had; a part that opens after all, what was unreadable
 * before. */
static void keep_request(struct taking *taking, const struct skp_id *request_id, struct span part,
                         enum skp_err why)
{
    state_run(taking->opening->db,
              "INSERT INTO question (request_id, counsellor, bundle_id, line, leaf, stored_at_ms,"
              " position, fact, part, err) VALUES (?,?,?,?,?,?,?,?,?,?)"
              " ON CONFLICT (request_id) DO UPDATE SET bundle_id = excluded.bundle_id,"
              " line = excluded.line, stored_at_ms = excluded.stored_at_ms,"
              " position = excluded.position, part = excluded.part, err = excluded.err,"
              " returned = 0, returned_err = 0, listed = 0"
              " WHERE leaf = excluded.leaf AND counsellor = excluded.counsellor AND"
              " ((bundle_id <> excluded.bundle_id AND"
              "   (excluded.stored_at_ms, excluded.position) > (stored_at_ms, position))"
              "  OR (bundle_id = excluded.bundle_id AND err <> 0 AND excluded.err = 0))",
              "dtdihiibbi", request_id, taking->checked->header.sender.text,
              &taking->checked->head.bundle_id, (int64_t)taking->index,
              &taking->checked->leaves[taking->index], taking->delivery->stored_at_ms,
              (int64_t)taking->delivery->position, taking->bytes, part, (int64_t)why);
}

static void take_request(struct taking *taking, const Skp__V1__RequestFact *fact)
{
    struct skp_id request_id;
    struct span part = span_of("", 0);
    if (!id_take(wire_span(fact->request_id), &request_id) || was_destroyed(taking, fact))
        return;
    enum skp_err err = try_part(taking, fact->commitment, &part);
    if (!err)
        err = check_bsn(taking, fact, part);
    if (err && is_settled(taking, &request_id))
        return;
    keep_request(taking, &request_id, err ? span_of("", 0) : part, err);
    if (err) {
        taking->opening->unreadable++;
        complain(taking, err);
    } else {
        taking->opening->requests += was_new(taking);
    }
}

static void take_item(struct taking *taking, const Skp__V1__OverviewFact *fact,
                      const struct skp_id *round_id, size_t place)
{
    const Skp__V1__OverviewItem *item = fact->items[place];
    struct skp_id request_id;
    if (id_take(wire_span(item->request_id), &request_id))
        state_run(taking->opening->db, "INSERT OR IGNORE INTO overview_item VALUES (?,?,?,?,?,?)",
                  "diidii", round_id, (int64_t)fact->part, (int64_t)place, &request_id,
                  (int64_t)item->due_date, (int64_t)item->state);
}

static void take_overview(struct taking *taking, const Skp__V1__OverviewFact *fact)
{
    struct skp_id round_id, agreement_id = {{0}};
    if (!from_broker(taking) || !id_take(wire_span(fact->round_id), &round_id))
        return;
    (void)id_take(wire_span(fact->agreement_id), &agreement_id);
    state_run(taking->opening->db,
              "INSERT OR IGNORE INTO overview_part (round_id, part, agreement_id, opened_at_ms,"
              " due_date) VALUES (?,?,?,?,?)",
              "didii", &round_id, (int64_t)fact->part, &agreement_id, fact->opened_at_ms,
              (int64_t)fact->due_date);
    taking->opening->overviews += was_new(taking);
    for (size_t i = 0; i < fact->n_items; i++)
        take_item(taking, fact, &round_id, i);
}

/* ---------------------------------------------------------------- counsellor */

/* Only the creditor that was asked, about exactly what it was asked. */
static enum skp_err check_answer(struct taking *taking, const struct skp_id *request_id,
                                 const Skp__V1__AnswerFact *fact)
{
    struct state_db *db = taking->opening->db;
    struct skp_hash leaf;
    enum skp_err err = SKP_E_REQUEST_UNKNOWN;
    sqlite3_stmt *row =
        state_ask(db, "SELECT creditor, leaf FROM request WHERE request_id = ?", "d", request_id);
    while (state_next(db, row)) {
        struct skp_oin creditor = state_oin(row, 0);
        struct skp_hash asked = state_hash(row, 1);
        if (!oin_equal(&creditor, &taking->checked->header.sender))
            continue;
        bool same = hash_take(wire_span(fact->request_leaf), &leaf) && hash_equal(&leaf, &asked);
        err = same ? SKP_OK : SKP_E_LEAF_MISMATCH;
    }
    return err;
}

/* Asked once for each place a request had: what comes about an earlier one was dealt with. */
static void ask_reseal(struct taking *taking, const struct skp_id *request_id,
                       Skp__V1__RequestState cause, int64_t at_ms, struct span bundle_id)
{
    state_run(taking->opening->db,
              "INSERT OR IGNORE INTO reseal (request_id, bundle_id, cause, asked_at_ms)"
              " SELECT request_id, bundle_id, ?2, ?3 FROM request WHERE request_id = ?1"
              " AND bundle_id IS NOT NULL AND (?4 = x'' OR bundle_id = ?4)",
              "diib", request_id, (int64_t)cause, at_ms, bundle_id);
    taking->opening->unreadable += was_new(taking);
}

/* The highest version counts. With it nobody needs to seal the request again. */
static void keep_answer(struct taking *taking, const struct skp_id *request_id,
                        const Skp__V1__AnswerFact *fact, struct span part)
{
    struct state_db *db = taking->opening->db;
    state_run(db, "INSERT OR IGNORE INTO answer_in VALUES (?,?,?,?,?)", "diibb", request_id,
              (int64_t)fact->version, taking->delivery->stored_at_ms, taking->bytes, part);
    taking->opening->answers += was_new(taking);
    state_run(db, "DELETE FROM kept_line WHERE item_id = ?", "d", request_id);
}

static void take_answer(struct taking *taking, const Skp__V1__AnswerFact *fact)
{
    struct skp_id request_id;
    struct span part;
    if (!id_take(wire_span(fact->request_id), &request_id))
        return;
    enum skp_err err = check_answer(taking, &request_id, fact);
    if (err)
        complain(taking, err);
    if (err)
        return;
    if (fact->outcome == SKP__V1__OUTCOME__OUTCOME_UNREADABLE)
        ask_reseal(taking, &request_id, SKP__V1__REQUEST_STATE__REQUEST_STATE_UNREADABLE,
                   taking->delivery->stored_at_ms, wire_span(fact->request_bundle_id));
    else if (open_part(taking, fact->commitment, &part))
        keep_answer(taking, &request_id, fact, part);
}

/* ---------------------------------------------------------------- events */

static void apply_published(struct state_db *db, const Skp__V1__EventFact *event,
                            const struct skp_id *request_id)
{
    state_run(db, "UPDATE request SET published_at_ms = ?, due_date = ? WHERE request_id = ?",
              "iid", event->happened_at_ms, (int64_t)event->due_date, request_id);
}

static void apply_overdue(struct state_db *db, const struct skp_id *request_id)
{
    state_run(db, "UPDATE request SET overdue = 1 WHERE request_id = ?", "d", request_id);
}

static void apply_to_requests(struct taking *taking, const Skp__V1__EventFact *event)
{
    struct state_db *db = taking->opening->db;
    for (size_t i = 0; i < event->n_request_ids; i++) {
        struct skp_id request_id;
        if (!id_take(wire_span(event->request_ids[i]), &request_id))
            continue;
        if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED)
            apply_published(db, event, &request_id);
        else if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE)
            apply_overdue(db, &request_id);
        else if (event->kind == SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED)
            ask_reseal(taking, &request_id, SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEAL_NEEDED,
                       event->happened_at_ms, span_of("", 0));
    }
}

/* What the event proves names bundles. What of a bundle was not published yet at that moment was
 * withheld from it, and is collected by a later statement. */
static void apply_collected(struct taking *taking, const Skp__V1__EventFact *event)
{
    for (size_t i = 0; i < event->n_collected; i++) {
        struct skp_hash head;
        if (hash_take(wire_span(event->collected[i]->head_hash), &head))
            state_run(taking->opening->db,
                      "UPDATE request SET collected_at_ms = ?1 WHERE head_hash = ?2"
                      " AND creditor = ?3 AND collected_at_ms = 0"
                      " AND published_at_ms BETWEEN 1 AND ?1",
                      "iht", event->happened_at_ms, &head, event->other);
    }
}

static void apply_event(struct taking *taking, const Skp__V1__EventFact *event)
{
    struct skp_id case_id;
    switch (event->kind) {
    case SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED:
    case SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE:
    case SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED:
        apply_to_requests(taking, event);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED:
        apply_collected(taking, event);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE:
        if (id_take(wire_span(event->case_id), &case_id))
            state_run(taking->opening->db, "UPDATE case_file SET complete = 1 WHERE case_id = ?",
                      "d", &case_id);
        return;
    case SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED:
    case SKP__V1__EVENT_KIND__EVENT_KIND_UNSPECIFIED:
    case _SKP__V1__EVENT_KIND_IS_INT_SIZE:
        return;
    }
}

/* What an addressee signed with a certificate that was revoked since proves nothing, and nobody collects twice
 * to sign it again: it is not kept, and not left in the way either. */
static bool is_proved(struct taking *taking, const Skp__V1__EventFact *event)
{
    struct opening *opening = taking->opening;
    if (event->kind != SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED)
        return true;
    enum skp_err err = opening->check_collected(opening->ctx, event);
    if (err && err != SKP_E_SIGNER_REVOKED)
        complain(taking, err);
    return !err;
}

static void take_event(struct taking *taking, const Skp__V1__EventFact *event)
{
    struct opening *opening = taking->opening;
    struct skp_id event_id;
    if (!from_broker(taking) || !id_take(wire_span(event->event_id), &event_id) ||
        !is_proved(taking, event))
        return;
    state_run(opening->db, "INSERT OR IGNORE INTO event VALUES (?,?,?,?)", "diib", &event_id,
              (int64_t)event->kind, event->happened_at_ms, taking->bytes);
    if (!was_new(taking))
        return;
    opening->events++;
    apply_event(taking, event);
    if (opening->on_event)
        opening->on_event(opening->ctx, event);
}

/* ---------------------------------------------------------------- a delivery */

static void take_line(struct taking *taking)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    enum skp_err err = fact_read(taking->bytes, &taking->arena, path, &line);
    if (err) {
        complain(taking, err);
        return;
    }
    switch (line->fact_case) {
    case SKP__V1__LINE__FACT_REQUEST:
        take_request(taking, line->request);
        return;
    case SKP__V1__LINE__FACT_OVERVIEW:
        take_overview(taking, line->overview);
        return;
    case SKP__V1__LINE__FACT_ANSWER:
        take_answer(taking, line->answer);
        return;
    case SKP__V1__LINE__FACT_EVENT:
        take_event(taking, line->event);
        return;
    case SKP__V1__LINE__FACT_CASE_FACT:
    case SKP__V1__LINE__FACT_OFF_NETWORK:
    case SKP__V1__LINE__FACT_RECORDED:
    case SKP__V1__LINE__FACT_WITHDRAWAL:
    case SKP__V1__LINE__FACT_OFFER:
    case SKP__V1__LINE__FACT_OFFER_REPLY:
    case SKP__V1__LINE__FACT_PAYMENT:
    case SKP__V1__LINE__FACT_CASE_STEP:
    case SKP__V1__LINE__FACT_DECISION:
    case SKP__V1__LINE__FACT_NOTICE:
    case SKP__V1__LINE__FACT_MANDATE:
    case SKP__V1__LINE__FACT__NOT_SET:
    case _SKP__V1__LINE__FACT__CASE_IS_INT_SIZE:
        break;
    }
    complain(taking, SKP_E_ROLE_FORBIDDEN); /* said to the broker alone, or not in this release */
}

static void keep_proof(struct taking *taking)
{
    struct span proof = wire_pack(&taking->delivery->base, &taking->arena);
    if (!proof.data) {
        complain(taking, SKP_E_NO_MEMORY);
        return;
    }
    /* Positions and attempts differ between deliveries of one bundle; the proof is the same. */
    state_run(taking->opening->db,
              "INSERT INTO delivery VALUES (?,?,?,?,?)"
              " ON CONFLICT DO UPDATE SET whole = max(whole, excluded.whole)",
              "tihib", taking->delivery->mailbox, (int64_t)taking->delivery->position,
              &taking->checked->head_hash, (int64_t)(taking->opening->problem == SKP_OK), proof);
}

void opening_take(struct opening *opening, const Skp__V1__Delivery *delivery,
                  const struct envelope_delivery *checked)
{
    struct taking taking = {.opening = opening, .delivery = delivery, .checked = checked};
    opening->problem = SKP_OK;
    arena_init(&taking.arena, ARENA_BYTES);
    for (size_t i = 0; i < checked->bundle->n_lines; i++) {
        taking.index = i;
        taking.bytes = wire_span(checked->bundle->lines[i]);
        if (taking.bytes.len > 0) /* else withheld: not for us now */
            take_line(&taking);
    }
    keep_proof(&taking);
    arena_fini(&taking.arena);
}

/* ---------------------------------------------------------------- states */

Skp__V1__RequestState opening_request_state(const struct request_facts *facts)
{
    if (facts->stage != STAGE_STORED)
        return SKP__V1__REQUEST_STATE__REQUEST_STATE_UNSPECIFIED;
    if (facts->recorded)
        return SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED;
    if (facts->off_network)
        return SKP__V1__REQUEST_STATE__REQUEST_STATE_OFF_NETWORK;
    if (facts->answered_at_ms != 0) {
        bool in_time =
            facts->due_date == 0 || facts->answered_at_ms < calendar_term_end_ms(facts->due_date);
        return in_time ? SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED
                       : SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE;
    }
    if (facts->reseal != 0)
        return (Skp__V1__RequestState)facts->reseal;
    if (facts->overdue)
        return SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE;
    return facts->published_at_ms != 0 ? SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED
                                       : SKP__V1__REQUEST_STATE__REQUEST_STATE_REGISTERED;
}
