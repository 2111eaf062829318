/* Batches to send to a scripted broker, small ones and large ones, and the reports about them. */
#ifndef SKP_OUTBOX_FIXTURE_H
#define SKP_OUTBOX_FIXTURE_H

#include "client_fixture.h"

static inline void send_small(struct contact *contact, void *tag)
{
    struct envelope_batch batch = small_batch(&contact->arena, skp_signer(contact->seen.client));
    assert_ok(skp_send(contact->seen.client, &batch, tag));
}

static inline void expect_report(struct contact *contact, int count, enum skp_err err)
{
    run_until(&contact->seen, &contact->seen.reports, count);
    assert_err(contact->seen.report_err, err);
}

/* A case of 200 requests, told in 3.5 KiB. */
static inline void add_large_case(struct envelope_writer *writer)
{
    ProtobufCBinaryData ids[200];
    struct skp_id case_id = id_new(), request_ids[200];
    Skp__V1__CaseFact fact;
    skp__v1__case_fact__init(&fact);
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    for (size_t i = 0; i < 200; i++) {
        request_ids[i] = id_new();
        ids[i] = wire_bytes(span_of(request_ids[i].bytes, ID_BYTES));
    }
    fact.case_id = wire_bytes(span_of(case_id.bytes, ID_BYTES));
    fact.version = 1;
    fact.persons = 1;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = 20261203;
    fact.responsible = (char *)(uintptr_t)MUNICIPALITY;
    fact.request_ids = ids;
    fact.n_request_ids = 200;
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    assert_ok(envelope_line_add(writer, &line, span_of(NULL, 0), NULL));
}

/* Bundles of about 140 KiB each: fifty are far more than a socket takes at once. */
static inline struct envelope_batch large_batch(struct contact *contact, int bundles)
{
    struct skp_client *client = contact->seen.client;
    struct skp_id batch_id = id_new(), bundle_id;
    struct envelope_batch batch;
    struct envelope_writer *writer =
        envelope_writer_new(&contact->arena, skp_self(client), NULL, &batch_id);
    struct skp_oin broker;
    assert_true(oin_take(span_text(BROKER), &broker));
    for (int i = 0; i < bundles; i++) {
        assert_ok(envelope_bundle_begin(writer, &broker, "", NULL, 0, &bundle_id));
        for (int at = 0; at < 40; at++)
            add_large_case(writer);
    }
    assert_ok(envelope_finish(writer, skp_signer(client), skp_now_ms(client), &batch));
    return batch;
}

static inline void send_large(struct contact *contact, int bundles)
{
    struct envelope_batch batch = large_batch(contact, bundles);
    assert_ok(skp_send(contact->seen.client, &batch, NULL));
}

#endif
