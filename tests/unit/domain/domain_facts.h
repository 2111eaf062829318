/* Facts, agreements and instants by hand, for the tests of the domain. */
#ifndef SKP_DOMAIN_FACTS_H
#define SKP_DOMAIN_FACTS_H

#include "case_file.h"
#include "registry.h"
#include "terms.h"
#include "wire.h"

#define MUNICIPALITY "00000099000000001000"
#define CREDITOR     "00000099000000002000"
#define STRANGER     "00000099000000003000"

#define STATE(name)    SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define OUTCOME(name)  SKP__V1__OUTCOME__OUTCOME_##name
#define CONSENT(name)  SKP__V1__CONSENT__CONSENT_##name
#define KIND(name)     SKP__V1__CLAIM_KIND__CLAIM_KIND_##name
#define PRODUCT(name)  SKP__V1__PRODUCT__PRODUCT_##name
#define GUIDANCE(name) SKP__V1__GUIDANCE__GUIDANCE_##name
#define FORM(name)     SKP__V1__CONSENT_FORM__CONSENT_FORM_##name
#define BIT(code)      (1U << (code))

#define MONDAYS  BIT(0)
#define TUESDAYS BIT(1)
#define SUNDAYS  BIT(6)

static inline struct skp_id id_of(uint8_t number)
{
    struct skp_id id = {{0}};
    id.bytes[0] = 0x10;
    id.bytes[15] = number;
    return id;
}

static inline struct skp_hash hash_of(uint8_t number)
{
    struct skp_hash hash = {{0}};
    hash.bytes[0] = number;
    return hash;
}

static inline struct skp_oin oin_of(const char *text)
{
    struct skp_oin oin = {""};
    memcpy(oin.text, text, OIN_CHARS);
    return oin;
}

/* Borrows `id`. */
static inline ProtobufCBinaryData bytes_of(struct skp_id *id)
{
    return (ProtobufCBinaryData){.len = ID_BYTES, .data = id->bytes};
}

static inline ProtobufCBinaryData hash_bytes_of(struct skp_hash *hash)
{
    return (ProtobufCBinaryData){.len = HASH_BYTES, .data = hash->bytes};
}

/* hour:minute on the clocks of Amsterdam. */
static inline int64_t at(plain_date date, int hour, int minute)
{
    return calendar_ms_of(date, hour * 60 + minute);
}

/* An agreement in force during 2026 and 2027, of all scope, with rounds on Mondays at 09:00. */
struct agreement_text {
    Skp__V1__Agreement said;
    Skp__V1__RoundSchedule schedule;
    struct skp_id id;
    char *counsellors[2];
    char context[24];
    char creditor[OIN_CHARS + 1];
    char municipality[OIN_CHARS + 1];
    char second[OIN_CHARS + 1];
};

static inline void agreement_text_init(struct agreement_text *text, uint8_t number)
{
    *text = (struct agreement_text){

        .id = id_of(number),
        .context = "skp.v1 agreement",
        .creditor = CREDITOR,
        .municipality = MUNICIPALITY,
        .second = STRANGER};
    skp__v1__agreement__init(&text->said);
    skp__v1__round_schedule__init(&text->schedule);
    text->counsellors[0] = text->municipality;
    text->counsellors[1] = text->second;
    text->schedule.weekdays = MONDAYS;
    text->schedule.minute_of_day = 9 * 60;
    Skp__V1__Agreement *said = &text->said;
    said->context = text->context;
    said->agreement_id = bytes_of(&text->id);
    said->version = 1;
    said->creditor = text->creditor;
    said->n_counsellors = 1;
    said->counsellors = text->counsellors;
    said->valid_from_date = 20260101;
    said->valid_until_date = 20271231;
    said->consent_form = FORM(PER_REQUEST_YES);
    said->term_working_days = 10;
    said->schedule = &text->schedule;
    said->silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
}

/* The file, in the arena, with these signatures. */
static inline struct span agreement_file(const struct agreement_text *text, char **signatures,
                                         size_t count, struct arena *arena)
{
    struct span bytes = wire_pack(&text->said.base, arena);
    Skp__V1__SignedAgreement file;
    skp__v1__signed_agreement__init(&file);
    file.agreement.data = arena_copy(arena, bytes.data, bytes.len);
    file.agreement.len = bytes.len;
    file.n_signatures = count;
    file.signatures = signatures;
    return wire_pack(&file.base, arena);
}

/* Reads what the text says; the caller checks the result. */
static inline enum skp_err agreement_of(const struct agreement_text *text, struct arena *arena,
                                        struct agreement *ret_agreement)
{
    char path[WIRE_PATH_MAX];
    return agreement_read(agreement_file(text, NULL, 0, arena), arena, path, ret_agreement);
}

#endif
