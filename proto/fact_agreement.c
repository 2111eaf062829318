/* What is signed outside lines: agreements and mailbox records. */
#include "envelope.h"
#include "fact_values.h"

#include <string.h>

_Static_assert(FACT_MAX_JWS == JWS_MAX_BYTES, "one limit for signatures");

/* protobuf-c keeps enums int-sized; the tests hold it to that. */
static const int *codes_of(const void *enums)
{
    return (const int *)enums;
}

/* ---------------------------------------------------------------- agreements */

static void check_parties(struct fact_check *check, const Skp__V1__Agreement *agreement)
{
    fact_need_oin(check, "creditor", agreement->creditor);
    fact_expect(check, agreement->n_counsellors > 0, SKP_E_REQUIRED, "counsellors");
    fact_oin_list(check, "counsellors", agreement->counsellors, agreement->n_counsellors,
                  FACT_MAX_COUNSELLORS);
    for (size_t i = 0; i < agreement->n_counsellors && !check->err; i++)
        fact_expect(check, strcmp(agreement->counsellors[i], agreement->creditor) != 0,
                    SKP_E_FIELD_UNEXPECTED, "counsellors");
}

static void check_validity(struct fact_check *check, const Skp__V1__Agreement *agreement)
{
    fact_need_date(check, "valid_from_date", agreement->valid_from_date);
    fact_may_date(check, "valid_until_date", agreement->valid_until_date);
    fact_expect(check,
                agreement->valid_until_date == 0 ||
                    agreement->valid_until_date >= agreement->valid_from_date,
                SKP_E_DATE_RANGE, "valid_until_date");
}

static void check_schedule(struct fact_check *check, const Skp__V1__RoundSchedule *schedule)
{
    if (!schedule)
        return;
    fact_expect(check, schedule->weekdays < 128, SKP_E_VALUE_INVALID, "schedule.weekdays");
    fact_expect(check, schedule->minute_of_day < 1440, SKP_E_VALUE_INVALID,
                "schedule.minute_of_day");
    fact_may_date(check, "schedule.first_date", schedule->first_date);
}

static void check_terms(struct fact_check *check, const Skp__V1__Agreement *agreement)
{
    fact_need_enum(check, "consent_form", (int)agreement->consent_form);
    fact_need_number(check, "term_working_days", agreement->term_working_days);
    fact_expect(check, agreement->term_working_days <= FACT_MAX_TERM_DAYS, SKP_E_VALUE_INVALID,
                "term_working_days");
    check_schedule(check, agreement->schedule);
    fact_need_enum(check, "silence", (int)agreement->silence);
    fact_expect(check, agreement->silence == SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING,
                SKP_E_NOT_YET_AVAILABLE, "silence");
    fact_expect(check, agreement->waiting_working_days <= FACT_MAX_TERM_DAYS, SKP_E_VALUE_INVALID,
                "waiting_working_days");
}

static void check_scope(struct fact_check *check, const Skp__V1__Agreement *agreement)
{
    fact_may_text(check, "brand", agreement->brand, FACT_MAX_BRAND);
    fact_enum_list(check, "claim_kinds", codes_of(agreement->claim_kinds),
                   agreement->n_claim_kinds);
    fact_enum_list(check, "products", codes_of(agreement->products), agreement->n_products);
    fact_enum_list(check, "guidances", codes_of(agreement->guidances), agreement->n_guidances);
}

enum skp_err fact_check_agreement(const Skp__V1__Agreement *agreement, char *ret_path)
{
    struct fact_check check = {.path = ret_path};
    fact_need_context(&check, agreement->context, AGREEMENT_CONTEXT);
    fact_need_id(&check, "agreement_id", agreement->agreement_id);
    fact_need_number(&check, "version", agreement->version);
    check_parties(&check, agreement);
    check_validity(&check, agreement);
    check_terms(&check, agreement);
    check_scope(&check, agreement);
    return check.err;
}

/* ---------------------------------------------------------------- mailbox records */

static void check_certificates(struct fact_check *check, const Skp__V1__MailboxRecord *record)
{
    size_t count = record->n_encryption_certificates;
    fact_expect(check, count > 0, SKP_E_REQUIRED, "encryption_certificates");
    fact_list(check, "encryption_certificates", count, FACT_MAX_CERTIFICATES);
    for (size_t i = 0; i < count && !check->err; i++) {
        size_t len = record->encryption_certificates[i].len;
        fact_expect(check, len > 0, SKP_E_REQUIRED, "encryption_certificates");
        fact_expect(check, len <= FACT_MAX_CERTIFICATE, SKP_E_TEXT_TOO_LONG,
                    "encryption_certificates");
    }
}

static bool withdrawn_before(const Skp__V1__MailboxRecord *record, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (span_equal(wire_span(record->withdrawn[i]), wire_span(record->withdrawn[index])))
            return true;
    return false;
}

static bool is_offered(const Skp__V1__MailboxRecord *record, struct span thumbprint)
{
    for (size_t i = 0; i < record->n_encryption_certificates; i++) {
        struct skp_hash own = sha256(wire_span(record->encryption_certificates[i]));
        if (span_equal(span_of(own.bytes, HASH_BYTES), thumbprint))
            return true;
    }
    return false;
}

/* Nobody is asked to seal for what the same record says is gone. */
static void check_withdrawn(struct fact_check *check, const Skp__V1__MailboxRecord *record)
{
    fact_list(check, "withdrawn", record->n_withdrawn, FACT_MAX_WITHDRAWN);
    for (size_t i = 0; i < record->n_withdrawn && !check->err; i++) {
        fact_need_hash(check, "withdrawn", record->withdrawn[i]);
        fact_expect(check, !withdrawn_before(record, i), SKP_E_DUPLICATE_ITEM, "withdrawn");
        fact_expect(check, !is_offered(record, wire_span(record->withdrawn[i])),
                    SKP_E_FIELD_UNEXPECTED, "withdrawn");
    }
}

enum skp_err fact_check_record(const Skp__V1__MailboxRecord *record, char *ret_path)
{
    struct fact_check check = {.path = ret_path};
    fact_need_context(&check, record->context, MAILBOX_CONTEXT);
    fact_need_oin(&check, "participant", record->participant);
    fact_may_mailbox(&check, record->mailbox);
    fact_need_number(&check, "version", record->version);
    fact_need_instant(&check, "created_at_ms", record->created_at_ms);
    check_certificates(&check, record);
    fact_oin_list(&check, "seals_also_to", record->seals_also_to, record->n_seals_also_to,
                  FACT_MAX_SEALS_ALSO);
    check_withdrawn(&check, record);
    return check.err;
}
