/* What counsellor and creditor of a round sign beside their batches: a mailbox record, an agreement. */
#include "make_round.h"

/* How to seal for the creditor: its certificate of now, and one that is lost. */
json_t *json_record(void)
{
    char context[] = MAILBOX_CONTEXT;
    struct skp_hash lost = sha256(span_text("the DER of a certificate whose key is lost"));
    ProtobufCBinaryData certificate = {0};
    ProtobufCBinaryData withdrawn = of_hash(&lost);
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    int len = i2d_X509(keypair_cert(world.openers[CREDITOR]), &certificate.data);
    must(len > 0, "i2d_X509");
    certificate.len = (size_t)len;
    record.context = context;
    record.participant = world.oins[CREDITOR].text;
    record.version = 1;
    record.created_at_ms = world.at_ms;
    record.n_encryption_certificates = 1;
    record.encryption_certificates = &certificate;
    record.n_withdrawn = 1;
    record.withdrawn = &withdrawn;
    struct span packed = wire_pack(&record.base, &world.arena);
    OPENSSL_free(certificate.data);
    return json_pack("{s:o, s:s}", "record", hex(packed), "jws", round_sign(CREDITOR, packed));
}

/* Signed by the creditor, then by the counsellor it names. */
json_t *json_agreement(void)
{
    char context[] = AGREEMENT_CONTEXT;
    struct skp_id id = id_new();
    char *counsellors[] = {world.oins[COUNSELLOR].text};
    Skp__V1__RoundSchedule schedule;
    Skp__V1__Agreement agreement;
    skp__v1__round_schedule__init(&schedule);
    skp__v1__agreement__init(&agreement);
    schedule.weekdays = 1U << 1; /* Tuesday */
    schedule.minute_of_day = 7 * 60;
    agreement.context = context;
    agreement.agreement_id = of_id(&id);
    agreement.version = 1;
    agreement.creditor = world.oins[CREDITOR].text;
    agreement.n_counsellors = 1;
    agreement.counsellors = counsellors;
    agreement.valid_from_date = 20260101;
    agreement.consent_form = SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    agreement.term_working_days = 10;
    agreement.schedule = &schedule;
    agreement.silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    struct span packed = wire_pack(&agreement.base, &world.arena);
    return json_pack("{s:o, s:[s, s]}", "agreement", hex(packed), "signatures",
                     round_sign(CREDITOR, packed), round_sign(COUNSELLOR, packed));
}
