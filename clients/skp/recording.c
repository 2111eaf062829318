#include "recording.h"

#include "wire.h"

/* clang-format off */
#define ROW(member) offsetof(struct record_row, member)

static const struct csv_word words_consent[] = {
    {SKP__V1__CONSENT__CONSENT_NEEDS_OFFER, "voorstel nodig"},
    {SKP__V1__CONSENT__CONSENT_IMPEDIMENT, "belemmering"},
    {SKP__V1__CONSENT__CONSENT_NEEDS_OFFER, "Nee"},
    {SKP__V1__CONSENT__CONSENT_PRE_AGREED, "vooraf akkoord"},
    {SKP__V1__CONSENT__CONSENT_PRE_AGREED, "Ja"},
    {0, NULL}};

const struct csv_field record_fields[RECORD_FIELDS] = {
    {"Dossier", CSV_TEXT, CSV_FILLED, ROW(dossier), NULL, 40},
    {"Schuldeiser", CSV_TEXT, CSV_FILLED, ROW(creditor), NULL, 0},
    {"Merk", CSV_TEXT, CSV_OPTIONAL, ROW(brand), NULL, 80},
    {"Bedrag", CSV_AMOUNT, CSV_OPTIONAL, ROW(total_cents), NULL, 0},
    {"Akkoord", CSV_WORD, CSV_OPTIONAL, ROW(consent), words_consent, 0},
    {"Ontvangen", CSV_DATE, CSV_FILLED, ROW(received_date), NULL, 0},
    {"Uitkomst", CSV_WORD, CSV_FILLED, ROW(outcome), csv_words_outcome, 0},
};
/* clang-format on */

static enum skp_err check(const struct record_row *row, const char **ret_column)
{
    bool claims = row->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    bool amount = row->total_cents != CSV_NO_AMOUNT && row->total_cents != 0;
    *ret_column = "Bedrag";
    if (claims && row->total_cents == CSV_NO_AMOUNT)
        return SKP_E_REQUIRED;
    if (claims && !amount)
        return SKP_E_AMOUNT_ZERO;
    if (!claims && amount)
        return SKP_E_CLAIM_UNKNOWN;
    *ret_column = "Akkoord";
    if (row->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED || (!claims && row->consent != 0))
        return SKP_E_CONSENT_INVALID;
    return SKP_OK;
}

static ProtobufCBinaryData keep_id(const struct skp_id *id, struct arena *arena)
{
    const struct skp_id *copy = arena_copy(arena, id, sizeof *id);
    return copy ? wire_id(copy) : (ProtobufCBinaryData){0};
}

enum skp_err recording_build(const struct record_row *row, const struct skp_id *request_id,
                             const struct skp_id *case_id, uint32_t version, struct arena *arena,
                             Skp__V1__Line **ret_line, const char **ret_column)
{
    enum skp_err err = check(row, ret_column);
    if (err)
        return err;
    Skp__V1__Line *line = arena_alloc(arena, sizeof *line);
    Skp__V1__RecordedAnswerFact *fact = arena_alloc(arena, sizeof *fact);
    if (!line || !fact)
        return SKP_E_NO_MEMORY;
    skp__v1__line__init(line);
    skp__v1__recorded_answer_fact__init(fact);
    line->fact_case = SKP__V1__LINE__FACT_RECORDED;
    line->recorded = fact;
    fact->request_id = keep_id(request_id, arena);
    fact->case_id = keep_id(case_id, arena);
    if (!fact->request_id.data || !fact->case_id.data)
        return SKP_E_NO_MEMORY;
    fact->version = version;
    fact->outcome = (Skp__V1__Outcome)row->outcome;
    fact->total_cents = row->total_cents == CSV_NO_AMOUNT ? 0 : row->total_cents;
    fact->consent = (Skp__V1__Consent)row->consent;
    fact->received_date = row->received_date;
    *ret_line = line;
    return SKP_OK;
}
