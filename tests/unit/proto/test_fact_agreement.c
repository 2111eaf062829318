#include "testing.h"

#include "envelope.h"
#include "fact.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- agreements */

struct deal {
    Skp__V1__Agreement agreement;
    Skp__V1__RoundSchedule schedule;
    uint8_t id[ID_BYTES];
    char context[32];
    char creditor[OIN_CHARS + 1];
    char oins[FACT_MAX_COUNSELLORS + 1][OIN_CHARS + 1];
    char *counsellors[FACT_MAX_COUNSELLORS + 1];
    char brand[128];
    Skp__V1__ClaimKind kinds[2];
    Skp__V1__Product products[2];
    Skp__V1__Guidance guidances[2];
};

static void fill_parties(struct deal *d)
{
    (void)strcpy(d->creditor, "00000099000000002000");
    d->agreement.creditor = d->creditor;
    for (unsigned i = 0; i <= FACT_MAX_COUNSELLORS; i++) {
        (void)snprintf(d->oins[i], sizeof d->oins[i], "00000099000000%03u100", i);
        d->counsellors[i] = d->oins[i];
    }
    d->agreement.counsellors = d->counsellors;
    d->agreement.n_counsellors = 2;
}

static void fill_scope(struct deal *d)
{
    (void)strcpy(d->brand, "Voorbeeld Energie");
    d->agreement.brand = d->brand;
    d->kinds[0] = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
    d->kinds[1] = SKP__V1__CLAIM_KIND__CLAIM_KIND_WATER;
    d->agreement.claim_kinds = d->kinds;
    d->agreement.n_claim_kinds = 2;
    d->products[0] = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    d->products[1] = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    d->agreement.products = d->products;
    d->agreement.n_products = 2;
    d->guidances[0] = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    d->guidances[1] = SKP__V1__GUIDANCE__GUIDANCE_PROTECTIVE;
    d->agreement.guidances = d->guidances;
    d->agreement.n_guidances = 2;
}

static void fill_deal(struct deal *d)
{
    memset(d, 0, sizeof *d);
    skp__v1__agreement__init(&d->agreement);
    skp__v1__round_schedule__init(&d->schedule);
    memset(d->id, 7, sizeof d->id);
    (void)strcpy(d->context, AGREEMENT_CONTEXT);
    d->agreement.context = d->context;
    d->agreement.agreement_id = (ProtobufCBinaryData){.len = ID_BYTES, .data = d->id};
    d->agreement.version = 1;
    fill_parties(d);
    d->agreement.valid_from_date = 20260101;
    d->agreement.valid_until_date = 20271231;
    d->agreement.consent_form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    d->agreement.term_working_days = 10;
    d->schedule.weekdays = 0x02;
    d->schedule.minute_of_day = 540;
    d->schedule.first_date = 20260106;
    d->agreement.schedule = &d->schedule;
    d->agreement.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    d->agreement.waiting_working_days = 5;
    fill_scope(d);
}

#define DEAL_RULES(X)                                                                              \
    X(no_context, REQUIRED, "context", d->context[0] = '\0')                                       \
    X(context_of_a_batch, FIELD_UNEXPECTED, "context", (void)strcpy(d->context, BATCH_CONTEXT))    \
    X(no_id, REQUIRED, "agreement_id", d->agreement.agreement_id.len = 0)                          \
    X(nil_id, ID_FORMAT, "agreement_id", memset(d->id, 0, sizeof d->id))                           \
    X(no_version, REQUIRED, "version", d->agreement.version = 0)                                   \
    X(no_creditor, REQUIRED, "creditor", d->creditor[0] = '\0')                                    \
    X(wrong_creditor, OIN_FORMAT, "creditor", d->creditor[0] = ' ')                                \
    X(no_counsellors, REQUIRED, "counsellors", d->agreement.n_counsellors = 0)                     \
    X(too_many_counsellors, DECODE_ITEMS, "counsellors",                                           \
      d->agreement.n_counsellors = FACT_MAX_COUNSELLORS + 1)                                       \
    X(wrong_counsellor, OIN_FORMAT, "counsellors[1]", d->oins[1][5] = 'x')                         \
    X(counsellor_twice, DUPLICATE_ITEM, "counsellors[1]", d->counsellors[1] = d->counsellors[0])   \
    X(creditor_with_itself, FIELD_UNEXPECTED, "counsellors", d->counsellors[1] = d->creditor)      \
    X(never_begins, REQUIRED, "valid_from_date", d->agreement.valid_from_date = 0)                 \
    X(ends_on_no_day, DATE_INVALID, "valid_until_date", d->agreement.valid_until_date = 20270631)  \
    X(ends_before_it_begins, DATE_RANGE, "valid_until_date",                                       \
      d->agreement.valid_until_date = 20251231)                                                    \
    X(no_consent_form, ENUM_VALUE, "consent_form", d->agreement.consent_form = 0)                  \
    X(no_term, REQUIRED, "term_working_days", d->agreement.term_working_days = 0)                  \
    X(long_term, VALUE_INVALID, "term_working_days", d->agreement.term_working_days = 61)          \
    X(eighth_day_of_the_week, VALUE_INVALID, "schedule.weekdays", d->schedule.weekdays = 128)      \
    X(after_midnight, VALUE_INVALID, "schedule.minute_of_day", d->schedule.minute_of_day = 1440)   \
    X(first_round_on_no_day, DATE_INVALID, "schedule.first_date",                                  \
      d->schedule.first_date = 20260100)                                                           \
    X(silence_unsaid, ENUM_VALUE, "silence", d->agreement.silence = 0)                             \
    X(silence_is_refusal, NOT_YET_AVAILABLE, "silence",                                            \
      d->agreement.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_REFUSAL)                        \
    X(silence_is_consent, NOT_YET_AVAILABLE, "silence",                                            \
      d->agreement.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_CONSENT)                        \
    X(long_wait, VALUE_INVALID, "waiting_working_days", d->agreement.waiting_working_days = 61)    \
    X(long_brand, TEXT_TOO_LONG, "brand", memset(d->brand, 'b', 81))                               \
    X(kind_unsaid, ENUM_VALUE, "claim_kinds[0]", d->kinds[0] = 0)                                  \
    X(kind_twice, DUPLICATE_ITEM, "claim_kinds[1]", d->kinds[1] = d->kinds[0])                     \
    X(product_twice, DUPLICATE_ITEM, "products[1]", d->products[1] = d->products[0])               \
    X(guidance_unsaid, ENUM_VALUE, "guidances[1]", d->guidances[1] = 0)

#define DEAL_FUNCTION(name, code, path, ...)                                                       \
    static void name(struct deal *d)                                                               \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
#define DEAL_ROW(name, code, path, ...) {#name, SKP_E_##code, path, name},
DEAL_RULES(DEAL_FUNCTION)

static void an_agreement_follows_its_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum skp_err code;
        const char *path;
        void (*spoil)(struct deal *d);
    } cases[] = {DEAL_RULES(DEAL_ROW)};
    static struct deal d;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[WIRE_PATH_MAX] = "";
        fill_deal(&d);
        cases[i].spoil(&d);
        enum skp_err err = fact_check_agreement(&d.agreement, path);
        if (err != cases[i].code || strcmp(path, cases[i].path) != 0)
            fail_msg("%s: %s at \"%s\"", cases[i].name, skp_error_name(err), path);
    }
}

static void an_agreement_may_be_wide_and_open_ended(void **state)
{
    (void)state;
    static struct deal d;
    char path[WIRE_PATH_MAX] = "";
    fill_deal(&d);
    assert_ok(fact_check_agreement(&d.agreement, path));
    d.agreement.n_counsellors = FACT_MAX_COUNSELLORS;
    d.agreement.valid_until_date = 0;
    d.agreement.schedule = NULL;
    d.agreement.n_claim_kinds = 0;
    d.agreement.n_products = 0;
    d.agreement.n_guidances = 0;
    d.brand[0] = '\0';
    d.agreement.term_working_days = FACT_MAX_TERM_DAYS;
    assert_ok(fact_check_agreement(&d.agreement, path));
    d.agreement.valid_until_date = d.agreement.valid_from_date;
    assert_ok(fact_check_agreement(&d.agreement, path));
    assert_string_equal(path, "");
}

/* ---------------------------------------------------------------- mailbox records */

struct box {
    Skp__V1__MailboxRecord record;
    char context[32];
    char participant[OIN_CHARS + 1];
    char mailbox[128];
    uint8_t der[FACT_MAX_CERTIFICATE + 1];
    ProtobufCBinaryData certificates[FACT_MAX_CERTIFICATES + 1];
    struct skp_hash hashes[FACT_MAX_WITHDRAWN + 1];
    ProtobufCBinaryData withdrawn[FACT_MAX_WITHDRAWN + 1];
    char oins[FACT_MAX_SEALS_ALSO + 1][OIN_CHARS + 1];
    char *seals_also_to[FACT_MAX_SEALS_ALSO + 1];
};

static void fill_box(struct box *b)
{
    memset(b, 0, sizeof *b);
    skp__v1__mailbox_record__init(&b->record);
    (void)strcpy(b->context, MAILBOX_CONTEXT);
    b->record.context = b->context;
    (void)strcpy(b->participant, "00000099000000002000");
    b->record.participant = b->participant;
    b->record.mailbox = b->mailbox;
    b->record.version = 1;
    b->record.created_at_ms = 1796256000000;
    for (size_t i = 0; i <= FACT_MAX_CERTIFICATES; i++)
        b->certificates[i] = (ProtobufCBinaryData){.len = 1000, .data = b->der};
    b->record.encryption_certificates = b->certificates;
    b->record.n_encryption_certificates = 2;
    for (unsigned i = 0; i <= FACT_MAX_SEALS_ALSO; i++) {
        (void)snprintf(b->oins[i], sizeof b->oins[i], "00000099000000%03u300", i);
        b->seals_also_to[i] = b->oins[i];
    }
    b->record.seals_also_to = b->seals_also_to;
    b->record.n_seals_also_to = 1;
    for (size_t i = 0; i <= FACT_MAX_WITHDRAWN; i++) {
        b->hashes[i].bytes[0] = (uint8_t)(i + 1);
        b->withdrawn[i] = wire_bytes(span_of(b->hashes[i].bytes, HASH_BYTES));
    }
    b->record.withdrawn = b->withdrawn;
    b->record.n_withdrawn = 2;
}

static void withdraw_own(struct box *b)
{
    b->hashes[1] = sha256(wire_span(b->certificates[0]));
}

#define BOX_RULES(X)                                                                               \
    X(box_without_context, REQUIRED, "context", b->context[0] = '\0')                              \
    X(box_with_other_context, FIELD_UNEXPECTED, "context", b->context[0] = 'S')                    \
    X(box_of_nobody, REQUIRED, "participant", b->participant[0] = '\0')                            \
    X(box_of_a_wrong_oin, OIN_FORMAT, "participant", b->participant[19] = '\0')                    \
    X(box_with_a_long_name, TEXT_TOO_LONG, "mailbox", memset(b->mailbox, 'm', 33))                 \
    X(box_with_a_blank_name, REQUIRED, "mailbox", b->mailbox[0] = ' ')                             \
    X(box_without_version, REQUIRED, "version", b->record.version = 0)                             \
    X(box_never_made, REQUIRED, "created_at_ms", b->record.created_at_ms = 0)                      \
    X(box_without_certificates, REQUIRED, "encryption_certificates",                               \
      b->record.n_encryption_certificates = 0)                                                     \
    X(box_with_too_many_certificates, DECODE_ITEMS, "encryption_certificates",                     \
      b->record.n_encryption_certificates = FACT_MAX_CERTIFICATES + 1)                             \
    X(box_with_an_empty_certificate, REQUIRED, "encryption_certificates",                          \
      b->certificates[1].len = 0)                                                                  \
    X(box_with_a_huge_certificate, TEXT_TOO_LONG, "encryption_certificates",                       \
      b->certificates[1].len = FACT_MAX_CERTIFICATE + 1)                                           \
    X(box_that_withdraws_too_much, DECODE_ITEMS, "withdrawn",                                      \
      b->record.n_withdrawn = FACT_MAX_WITHDRAWN + 1)                                              \
    X(box_that_withdraws_half_a_hash, HASH_FORMAT, "withdrawn", b->withdrawn[1].len = 31)          \
    X(box_that_withdraws_nothing, REQUIRED, "withdrawn", b->withdrawn[0].len = 0)                  \
    X(box_that_withdraws_twice, DUPLICATE_ITEM, "withdrawn", b->withdrawn[1] = b->withdrawn[0])    \
    X(box_that_withdraws_what_it_offers, FIELD_UNEXPECTED, "withdrawn", withdraw_own(b))           \
    X(box_that_seals_to_too_many, DECODE_ITEMS, "seals_also_to",                                   \
      b->record.n_seals_also_to = FACT_MAX_SEALS_ALSO + 1)                                         \
    X(box_that_seals_to_no_oin, OIN_FORMAT, "seals_also_to[0]", b->oins[0][0] = '\0')              \
    X(box_that_seals_to_one_twice, DUPLICATE_ITEM, "seals_also_to[1]",                             \
      b->record.n_seals_also_to = 2, b->seals_also_to[1] = b->seals_also_to[0])

#define BOX_FUNCTION(name, code, path, ...)                                                        \
    static void name(struct box *b)                                                                \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
    }
BOX_RULES(BOX_FUNCTION)

static void a_mailbox_record_follows_its_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum skp_err code;
        const char *path;
        void (*spoil)(struct box *b);
    } cases[] = {BOX_RULES(DEAL_ROW)};
    static struct box b;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[WIRE_PATH_MAX] = "";
        fill_box(&b);
        cases[i].spoil(&b);
        enum skp_err err = fact_check_record(&b.record, path);
        if (err != cases[i].code || strcmp(path, cases[i].path) != 0)
            fail_msg("%s: %s at \"%s\"", cases[i].name, skp_error_name(err), path);
    }
}

static void a_mailbox_record_may_name_a_branch(void **state)
{
    (void)state;
    static struct box b;
    char path[WIRE_PATH_MAX] = "";
    fill_box(&b);
    assert_ok(fact_check_record(&b.record, path));
    (void)strcpy(b.mailbox, "Vestiging Den Haag");
    b.record.n_encryption_certificates = FACT_MAX_CERTIFICATES;
    b.record.n_seals_also_to = 0;
    assert_ok(fact_check_record(&b.record, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agreement_follows_its_rules),
        cmocka_unit_test(an_agreement_may_be_wide_and_open_ended),
        cmocka_unit_test(a_mailbox_record_follows_its_rules),
        cmocka_unit_test(a_mailbox_record_may_name_a_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
