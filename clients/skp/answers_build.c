#include "answers_build.h"

#include "merkle.h"
#include "wire.h"

#include <stdlib.h>

struct building {
    const struct question *question;
    const struct list_request *given;
    const Skp__V1__DirectoryEntry *counsellor;
    plain_date today;
    const struct settings *settings;
    struct arena *arena;
    struct csv_problem *problem;
    const struct list_claim *claims[LIST_MAX_CLAIMS]; /* in the order they are said */
    size_t count;
    Skp__V1__AnswerFact *fact;
    Skp__V1__Contact contact;
};

static enum skp_err complain(struct building *building, unsigned long line, enum skp_err err,
                             const char *column)
{
    *building->problem = (struct csv_problem){.line = line, .err = err, .column = column};
    return err;
}

/* ---------------------------------------------------------------- every claim answered? */

/* Where a claim stands in the request; the number of its claims when it is not there. */
static size_t known_place(const struct question *question, const struct skp_id *claim_id)
{
    size_t i = 0;
    for (; i < question->fact->n_claims; i++) {
        struct skp_id known;
        if (id_take(wire_span(question->fact->claims[i]->claim_id), &known) &&
            id_equal(&known, claim_id))
            break;
    }
    return i;
}

static bool row_is_for(const struct list_row *row, const Skp__V1__KnownClaim *claim)
{
    struct skp_id known;
    return id_take(wire_span(claim->claim_id), &known) && id_equal(&known, &row->claim_id);
}

static bool is_unreadable(const struct list_request *given)
{
    return given->outcome == SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
}

static enum skp_err check_readable(struct building *building)
{
    const struct question *question = building->question;
    bool unreadable = is_unreadable(building->given);
    if (unreadable ? question->answered_version > 0 : question->returned)
        return complain(building, building->given->line, SKP_E_STATE_INVALID, "Onleesbaar");
    if (!unreadable && question->unreadable)
        return complain(building, building->given->line, SKP_E_UNSEAL, "Onleesbaar");
    return SKP_OK;
}

/* A file may leave requests out, not claims of a request: the counsellor would count them as nothing. */
static enum skp_err check_all_there(struct building *building)
{
    const struct list_request *given = building->given;
    bool whole = given->one_total || given->outcome == SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT ||
                 given->outcome == SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION ||
                 is_unreadable(given) ||
                 given->outcome == SKP__V1__OUTCOME__OUTCOME_REPORTED_DECEASED;
    for (const struct list_answer_row *at = given->rows; !whole && at; at = at->next)
        if (!list_row_is_answered(&at->row.answer))
            return complain(building, at->row.line, SKP_E_REQUIRED, "OpenstaandBedrag");
    const Skp__V1__RequestFact *fact = building->question->fact;
    for (size_t i = 0; !whole && i < fact->n_claims; i++) {
        bool found = false;
        for (const struct list_answer_row *at = given->rows; !found && at; at = at->next)
            found = row_is_for(&at->row, fact->claims[i]);
        if (!found)
            return complain(building, given->line, SKP_E_REQUIRED, "Regelkenmerk");
    }
    return SKP_OK;
}

/* ---------------------------------------------------------------- claims */

/* Those of the request first and in its order, then those the creditor found, by what they say: so that
 * a re-sorted file says the same. */
static int compare_claims(const void *a, const void *b, void *ctx)
{
    const struct question *question = ctx;
    const struct list_claim *left = *(const struct list_claim *const *)a;
    const struct list_claim *right = *(const struct list_claim *const *)b;
    size_t left_place = known_place(question, &left->claim_id);
    size_t right_place = known_place(question, &right->claim_id);
    if (left_place != right_place)
        return left_place < right_place ? -1 : 1;
    int order = strcmp(left->invoice_number, right->invoice_number);
    if (order == 0)
        order =
            (left->amount_cents > right->amount_cents) - (left->amount_cents < right->amount_cents);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static enum skp_err sort_claims(struct building *building)
{
    const struct question *question = building->question;
    for (const struct list_claim *at = building->given->claims;
         at && building->count < LIST_MAX_CLAIMS; at = at->next) {
        if (!id_is_nil(&at->claim_id) &&
            known_place(question, &at->claim_id) == question->fact->n_claims)
            return complain(building, at->line, SKP_E_CLAIM_UNKNOWN, "Regelkenmerk");
        building->claims[building->count++] = at;
    }
    qsort_r(building->claims, building->count, sizeof(*building->claims), compare_claims,
            (void *)(uintptr_t)question);
    return SKP_OK;
}

/* A found claim keeps the id it got in the answer before, by its invoice number. */
static struct skp_id found_id(const struct building *building, const struct list_claim *claim)
{
    const struct question *question = building->question;
    const Skp__V1__AnswerPart *part = question->answered_part;
    struct skp_id id;
    if (!question->answered || !part || claim->invoice_number[0] == '\0')
        return id_new();
    for (size_t i = 0; i < question->answered->n_claims && i < part->n_invoice_numbers; i++) {
        if (id_take(wire_span(question->answered->claims[i]->claim_id), &id) &&
            known_place(question, &id) == question->fact->n_claims &&
            strcmp(part->invoice_numbers[i], claim->invoice_number) == 0)
            return id;
    }
    return id_new();
}

static enum skp_err build_claim(struct building *building, const struct list_claim *given)
{
    Skp__V1__AnswerFact *fact = building->fact;
    Skp__V1__Claim *claim = arena_alloc(building->arena, sizeof *claim);
    struct skp_id *id = arena_alloc(building->arena, sizeof *id);
    if (!claim || !id)
        return SKP_E_NO_MEMORY;
    skp__v1__claim__init(claim);
    *id = id_is_nil(&given->claim_id) ? found_id(building, given) : given->claim_id;
    claim->claim_id = wire_id(id);
    claim->state = (Skp__V1__ClaimState)given->state;
    claim->kind = (Skp__V1__ClaimKind)given->kind;
    claim->amount_cents = given->amount_cents;
    claim->original_cents = given->original_cents;
    claim->preference = (Skp__V1__Preference)given->preference;
    claim->debtor = (Skp__V1__Debtor)given->debtor;
    claim->deviates = given->deviates;
    fact->claims[fact->n_claims++] = claim;
    return SKP_OK;
}

static enum skp_err build_claims(struct building *building)
{
    building->fact->claims =
        arena_calloc(building->arena, building->count + 1, sizeof(*building->fact->claims));
    enum skp_err err = building->fact->claims ? SKP_OK : SKP_E_NO_MEMORY;
    for (size_t i = 0; !err && i < building->count; i++)
        err = build_claim(building, building->claims[i]);
    return err;
}

/* ---------------------------------------------------------------- consent */

static uint32_t kinds_of(const struct building *building)
{
    uint32_t kinds = 0;
    const Skp__V1__RequestFact *asked = building->question->fact;
    for (size_t i = 0; i < asked->n_claims; i++)
        kinds |= 1U << (unsigned)asked->claims[i]->kind;
    for (size_t i = 0; i < building->count; i++)
        kinds |= 1U << (unsigned)building->claims[i]->kind;
    return kinds;
}

static const Skp__V1__AgreementSummary *agreement_for(const struct building *building)
{
    const Skp__V1__RequestFact *asked = building->question->fact;
    struct book_scope scope = {.kinds = kinds_of(building),
                               .product = (int)asked->product,
                               .guidance = (int)asked->guidance,
                               .brand = asked->brand};
    return building->counsellor ? book_agreement(building->counsellor, &scope, building->today)
                                : NULL;
}

/* A claim that was sold is not the creditor's to agree to. */
static bool has_own_claim(const struct building *building)
{
    for (size_t i = 0; i < building->count; i++)
        if (building->claims[i]->state != SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD)
            return true;
    return building->given->one_total;
}

static enum skp_err build_consent(struct building *building)
{
    const struct list_request *given = building->given;
    Skp__V1__AnswerFact *fact = building->fact;
    fact->consent = (Skp__V1__Consent)given->consent;
    fact->reason = (Skp__V1__Reason)given->reason;
    if (given->outcome != SKP__V1__OUTCOME__OUTCOME_CLAIMS ||
        given->consent == SKP__V1__CONSENT__CONSENT_IMPEDIMENT)
        return SKP_OK;
    const Skp__V1__AgreementSummary *agreement = agreement_for(building);
    bool covenant =
        agreement && has_own_claim(building) &&
        agreement->consent_form == SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT;
    if (given->consent != SKP__V1__CONSENT__CONSENT_PRE_AGREED && !covenant)
        return SKP_OK;
    if (!agreement) {
        bool some = building->counsellor && building->counsellor->n_agreements > 0;
        return complain(building, given->line,
                        some ? SKP_E_AGREEMENT_SCOPE : SKP_E_AGREEMENT_UNKNOWN, "StandaardAkkoord");
    }
    fact->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    fact->agreement_id = agreement->agreement_id;
    fact->agreement_version = agreement->version;
    return SKP_OK;
}

/* ---------------------------------------------------------------- the sealed part */

static void fill_contact(struct building *building)
{
    const struct csv_contact *contact = &building->given->contact;
    const struct settings *settings = building->settings;
    bool given = contact->name[0] != '\0' || contact->phone[0] != '\0' || contact->mail[0] != '\0';
    skp__v1__contact__init(&building->contact);
    building->contact.name = wire_text(given ? contact->name : settings->contact_name);
    building->contact.phone = wire_text(given ? contact->phone : settings->contact_phone);
    building->contact.mail = wire_text(given ? contact->mail : settings->contact_mail);
}

static enum skp_err build_part(struct building *building, struct span *ret_part)
{
    const struct list_request *given = building->given;
    Skp__V1__AnswerPart part;
    skp__v1__answer_part__init(&part);
    *ret_part = span_of("", 0);
    if (is_unreadable(given))
        return SKP_OK; /* it says nothing but that */
    char *invoices[LIST_MAX_CLAIMS];
    bool any = false;
    for (size_t i = 0; i < building->count; i++) {
        invoices[i] = wire_text(building->claims[i]->invoice_number);
        any = any || invoices[i][0] != '\0';
    }
    fill_contact(building);
    part.client_number_creditor = wire_text(given->client_number_creditor);
    part.n_invoice_numbers = any ? building->count : 0;
    part.invoice_numbers = invoices;
    part.transferred_to = wire_text(given->transferred_to);
    part.note = wire_text(given->note);
    if (protobuf_c_message_get_packed_size(&building->contact.base) > 0)
        part.contact = &building->contact;
    if (protobuf_c_message_get_packed_size(&part.base) == 0)
        return SKP_OK;
    struct span packed = wire_pack(&part.base, building->arena);
    if (!packed.data)
        return SKP_E_NO_MEMORY;
    *ret_part = packed;
    return SKP_OK;
}

/* ---------------------------------------------------------------- the answer */

/* Of all that the creditor said: without version and reason of correction, the ids of found claims, and
 * the agreement, which may be renewed while the answer stays the same. */
static enum skp_err fingerprint_of(struct building *building, struct span part,
                                   struct skp_hash *ret_fingerprint)
{
    Skp__V1__AnswerFact *fact = building->fact;
    for (size_t i = 0; i < building->count; i++)
        if (id_is_nil(&building->claims[i]->claim_id))
            fact->claims[i]->claim_id.len = 0;
    ProtobufCBinaryData agreement_id = fact->agreement_id;
    uint32_t agreement_version = fact->agreement_version;
    fact->agreement_id.len = 0;
    fact->agreement_version = 0;
    struct span packed = wire_pack(&fact->base, building->arena);
    fact->agreement_id = agreement_id;
    fact->agreement_version = agreement_version;
    for (size_t i = 0; i < building->count; i++)
        fact->claims[i]->claim_id.len = ID_BYTES;
    if (!packed.data)
        return SKP_E_NO_MEMORY;
    struct span spans[] = {packed, part};
    *ret_fingerprint = sha256_spans(spans, 2);
    return SKP_OK;
}

static enum skp_err build_version(struct building *building, int correction, bool unchanged)
{
    const struct question *question = building->question;
    const struct list_request *given = building->given;
    Skp__V1__AnswerFact *fact = building->fact;
    int reason = given->correction != 0 ? given->correction : correction;
    fact->version = question->answered_version + 1;
    if (unchanged)
        return SKP_OK;
    if (question->answered_version == 0)
        return given->correction == 0
                   ? SKP_OK
                   : complain(building, given->line, SKP_E_FIELD_UNEXPECTED, "Correctie");
    if (reason == 0)
        return complain(building, given->line, SKP_E_CORRECTION_REASON, "Correctie");
    fact->correction = (Skp__V1__CorrectionReason)reason;
    return SKP_OK;
}

/* The question is the caller's; the fact outlives it. */
static bool keep_bytes(const struct building *building, const uint8_t *bytes, size_t len,
                       ProtobufCBinaryData *ret_field)
{
    const void *copy = arena_copy(building->arena, bytes, len);
    *ret_field = wire_bytes(span_of(copy, copy ? len : 0));
    return copy != NULL;
}

static enum skp_err begin_fact(struct building *building, Skp__V1__Line **ret_line)
{
    const struct question *question = building->question;
    const struct list_request *given = building->given;
    Skp__V1__Line *line = arena_alloc(building->arena, sizeof *line);
    Skp__V1__AnswerFact *fact = arena_alloc(building->arena, sizeof *fact);
    if (!line || !fact)
        return SKP_E_NO_MEMORY;
    skp__v1__line__init(line);
    skp__v1__answer_fact__init(fact);
    line->fact_case = SKP__V1__LINE__FACT_ANSWER;
    line->answer = fact;
    if (!keep_bytes(building, question->request_id.bytes, ID_BYTES, &fact->request_id) ||
        !keep_bytes(building, question->bundle_id.bytes, ID_BYTES, &fact->request_bundle_id) ||
        !keep_bytes(building, question->leaf.bytes, HASH_BYTES, &fact->request_leaf))
        return SKP_E_NO_MEMORY;
    fact->request_line = question->line;
    fact->outcome = (Skp__V1__Outcome)given->outcome;
    fact->complete = true;
    fact->one_total = given->one_total;
    fact->total_cents = given->total_cents;
    fact->balance_date = is_unreadable(given) ? 0 : given->balance_date;
    building->fact = fact;
    *ret_line = line;
    return SKP_OK;
}

enum skp_err answers_build(const struct question *question, const struct list_request *given,
                           const Skp__V1__DirectoryEntry *counsellor, int correction,
                           plain_date today, const struct settings *settings, struct arena *arena,
                           struct built_answer *ret_built, struct csv_problem *ret_problem)
{
    struct building building = {.question = question,
                                .given = given,
                                .counsellor = counsellor,
                                .today = today,
                                .settings = settings,
                                .arena = arena,
                                .problem = ret_problem};
    struct built_answer built = {0};
    *ret_problem = (struct csv_problem){.line = given->line, .err = SKP_E_NO_MEMORY};
    enum skp_err err = check_readable(&building);
    if (!err)
        err = check_all_there(&building);
    if (!err && given->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS)
        err = sort_claims(&building);
    if (!err)
        err = begin_fact(&building, &built.line);
    if (!err)
        err = build_claims(&building);
    if (!err)
        err = build_consent(&building);
    if (!err)
        err = build_part(&building, &built.part);
    if (!err)
        err = fingerprint_of(&building, built.part, &built.fingerprint);
    if (err)
        return err;
    built.unchanged = is_unreadable(given)
                          ? question->returned
                          : question->answered_version > 0 &&
                                hash_equal(&built.fingerprint, &question->answered_fingerprint);
    err = build_version(&building, correction, built.unchanged);
    if (err)
        return err;
    if (built.unchanged)
        built.line = NULL;
    *ret_built = built;
    ret_problem->err = SKP_OK;
    return SKP_OK;
}
