#include "engine_batches.h"

#include <stdio.h>

/* ---------------------------------------------------------------- letters */

void letter_begin(struct letter *letter, struct world *w, const struct party *from)
{
    struct skp_id id = id_new();
    *letter = (struct letter){.world = w, .from = from, .bundle = UINT32_MAX};
    letter->writer = envelope_writer_new(&w->arena, &from->oin, NULL, &id);
    assert_non_null(letter->writer);
}

static void open_bundle(struct letter *letter, const struct skp_oin *to, const char *mailbox,
                        const struct party *opens)
{
    X509 *certs[] = {opens ? keypair_cert(opens->opens) : NULL};
    assert_ok(envelope_bundle_begin(letter->writer, to, mailbox, certs, opens ? 1 : 0,
                                    &letter->bundle_id));
    letter->bundle++;
    letter->line = 0;
}

void letter_to_broker(struct letter *letter)
{
    open_bundle(letter, &letter->world->broker, "", NULL);
}

void letter_to(struct letter *letter, const struct party *to)
{
    letter_to_mailbox(letter, to, "");
}

void letter_to_mailbox(struct letter *letter, const struct party *to, const char *mailbox)
{
    open_bundle(letter, &to->oin, mailbox, to);
}

void letter_line(struct letter *letter, Skp__V1__Line *line, const char *part,
                 struct skp_hash *ret_leaf)
{
    assert_ok(envelope_line_add(letter->writer, line, span_text(part), ret_leaf));
    letter->line++;
}

void letter_sign(struct letter *letter)
{
    assert_ok(envelope_finish(letter->writer, letter->from->signs,
                              clock_real_ms(&letter->world->clock.clock), &letter->batch));
    letter->writer = NULL;
}

struct answer *letter_submit(struct letter *letter)
{
    if (letter->writer)
        letter_sign(letter);
    Skp__V1__Begin begin;
    skp__v1__begin__init(&begin);
    begin.header = wire_bytes(letter->batch.header);
    begin.jws = wire_text(letter->batch.jws);
    struct span body = wire_pack(&begin.base, &letter->world->arena);
    return world_submit(letter->world, letter->from, ENGINE_BATCH, body, letter->batch.bundles,
                        letter->batch.bundle_count);
}

struct answer *letter_ask(struct letter *letter)
{
    struct answer *answer = letter_submit(letter);
    world_pump(letter->world);
    assert_int_equal(answer->times, 1);
    return answer;
}

Skp__V1__ReceiptBody *receipt_of(struct letter *letter, const struct answer *answer,
                                 Skp__V1__Receipt **ret_receipt)
{
    struct world *w = letter->world;
    const char *why = "";
    Skp__V1__ReceiptBody *body = NULL;
    Skp__V1__Receipt *receipt =
        world_frame(w, answer, 0, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    enum skp_err err = envelope_check_receipt(
        w->trust, w->cache, receipt, &w->broker, &letter->from->oin, &letter->batch.batch_id,
        &letter->batch.root, clock_real_ms(&w->clock.clock), &w->arena, &body, &why);
    if (err)
        fail_msg("the receipt does not verify: %s", why);
    if (ret_receipt)
        *ret_receipt = receipt;
    assert_int_equal(body->stored + body->n_refusals, letter->batch.line_count);
    return body;
}

Skp__V1__ReceiptBody *letter_send(struct letter *letter)
{
    return receipt_of(letter, letter_ask(letter), NULL);
}

/* ---------------------------------------------------------------- facts */

void case_make(struct told_case *told, const struct party *creditor, size_t count)
{
    assert_true(count <= SCENE_REQUESTS);
    *told = (struct told_case){.id = id_new(), .version = 1, .persons = 1, .count = count};
    for (size_t i = 0; i < count; i++)
        told->requests[i] = (struct asked){.id = id_new(),
                                           .creditor = creditor,
                                           .brand = "",
                                           .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
}

void line_case(struct letter *letter, const struct told_case *told)
{
    Skp__V1__Line line;
    Skp__V1__CaseFact fact;
    ProtobufCBinaryData ids[SCENE_REQUESTS];
    skp__v1__line__init(&line);
    skp__v1__case_fact__init(&fact);
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    fact.case_id = wire_id(&told->id);
    fact.version = told->version;
    fact.persons = told->persons;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = WORLD_MONDAY;
    fact.responsible = wire_text(letter->from->oin.text);
    fact.n_request_ids = told->count;
    fact.request_ids = ids;
    for (size_t i = 0; i < told->count; i++)
        ids[i] = wire_id(&told->requests[i].id);
    letter_line(letter, &line, "", NULL);
}

void line_request(struct letter *letter, struct asked *asked)
{
    line_request_part(letter, asked, "TEST Jansen, 01-01-1980");
}

void line_request_part(struct letter *letter, struct asked *asked, const char *part)
{
    Skp__V1__Line line;
    Skp__V1__RequestFact fact;
    skp__v1__line__init(&line);
    skp__v1__request_fact__init(&fact);
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    fact.request_id = wire_id(&asked->id);
    fact.version = 1;
    fact.urgent = asked->urgent;
    fact.contains_bsn = asked->contains_bsn;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = asked->product;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = WORLD_MONDAY;
    fact.brand = wire_text(asked->brand);
    asked->bundle_id = letter->bundle_id;
    asked->line = letter->line;
    letter_line(letter, &line, part, &asked->leaf);
    asked->kept = envelope_line_kept(letter->writer);
}

void line_reseal(struct letter *letter, struct asked *asked)
{
    struct skp_hash leaf;
    asked->bundle_id = letter->bundle_id;
    asked->line = letter->line++;
    asked->answer_version = 0;
    assert_ok(envelope_line_reseal(letter->writer, &asked->kept, &leaf));
    assert_true(hash_equal(&leaf, &asked->leaf));
}

void line_off_network(struct letter *letter, const struct skp_id *request_id)
{
    Skp__V1__Line line;
    Skp__V1__OffNetworkFact fact;
    skp__v1__line__init(&line);
    skp__v1__off_network_fact__init(&fact);
    line.fact_case = SKP__V1__LINE__FACT_OFF_NETWORK;
    line.off_network = &fact;
    fact.request_id = wire_id(request_id);
    fact.version = 1;
    fact.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT;
    letter_line(letter, &line, "", NULL);
}

void line_recorded(struct letter *letter, const struct told_case *told,
                   const struct skp_id *request_id, uint32_t version, int64_t total_cents)
{
    Skp__V1__Line line;
    Skp__V1__RecordedAnswerFact fact;
    skp__v1__line__init(&line);
    skp__v1__recorded_answer_fact__init(&fact);
    line.fact_case = SKP__V1__LINE__FACT_RECORDED;
    line.recorded = &fact;
    fact.request_id = wire_id(request_id);
    fact.version = version;
    fact.case_id = wire_id(&told->id);
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    fact.total_cents = total_cents;
    fact.received_date = WORLD_MONDAY;
    letter_line(letter, &line, "", NULL);
}

Skp__V1__Line *answer_new(struct world *w, const struct asked *asked, int64_t cents)
{
    struct {
        Skp__V1__Line line;
        Skp__V1__AnswerFact fact;
        Skp__V1__Claim claim;
        Skp__V1__Claim *claims[1];
        struct skp_id claim_id;
    } *made = arena_calloc(&w->arena, 1, sizeof *made);
    assert_non_null(made);
    skp__v1__line__init(&made->line);
    skp__v1__answer_fact__init(&made->fact);
    skp__v1__claim__init(&made->claim);
    made->line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    made->line.answer = &made->fact;
    made->fact.request_id = wire_id(&asked->id);
    made->fact.version = asked->answer_version + 1;
    made->fact.request_bundle_id = wire_id(&asked->bundle_id);
    made->fact.request_leaf = wire_bytes(span_of(asked->leaf.bytes, HASH_BYTES));
    made->fact.request_line = asked->line;
    made->fact.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    made->fact.complete = true;
    made->fact.total_cents = cents;
    made->fact.n_claims = 1;
    made->fact.claims = made->claims;
    made->claims[0] = &made->claim;
    if (asked->answer_version > 0)
        made->fact.correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED;
    made->claim_id = id_new();
    made->claim.claim_id = wire_id(&made->claim_id);
    made->claim.state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
    made->claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
    made->claim.preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
    made->claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    made->claim.amount_cents = cents;
    return &made->line;
}

void line_answer(struct letter *letter, struct asked *asked, int64_t cents)
{
    letter_line(letter, answer_new(letter->world, asked, cents), "", NULL);
    asked->answer_version++;
}

void case_write(struct letter *letter, struct told_case *told)
{
    letter_to_broker(letter);
    line_case(letter, told);
    for (size_t i = 0; i < told->count; i++) {
        if (i == 0 || told->requests[i].creditor != told->requests[i - 1].creditor)
            letter_to(letter, told->requests[i].creditor);
        line_request(letter, &told->requests[i]);
    }
}

void case_register(struct world *w, struct told_case *told)
{
    struct letter letter;
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, told);
    assert_taken(letter_send(&letter), (uint32_t)told->count + 1);
}

void request_answer_with(struct world *w, struct asked *asked, int64_t cents)
{
    struct letter letter;
    letter_begin(&letter, w, asked->creditor);
    letter_to(&letter, &w->counsellor);
    line_answer(&letter, asked, cents);
    assert_taken(letter_send(&letter), 1);
}

/* ---------------------------------------------------------------- judgements */

static void print_refusals(const Skp__V1__ReceiptBody *body)
{
    for (size_t i = 0; i < body->n_refusals; i++) {
        const Skp__V1__Refusal *refusal = body->refusals[i];
        print_message("refused %u.%u: %s at \"%s\"\n", refusal->bundle, refusal->line,
                      skp_error_name((enum skp_err)refusal->code), refusal->path);
    }
}

void assert_taken(const Skp__V1__ReceiptBody *body, uint32_t stored)
{
    print_refusals(body);
    assert_int_equal(body->n_refusals, 0);
    assert_int_equal(body->stored, stored);
}

void assert_refused(const Skp__V1__ReceiptBody *body, uint32_t bundle, uint32_t line,
                    enum skp_err err, const char *path)
{
    if (body->n_refusals != 1 || body->refusals[0]->code != (uint32_t)err ||
        strcmp(body->refusals[0]->path, path) != 0)
        print_refusals(body);
    assert_int_equal(body->n_refusals, 1);
    assert_int_equal(body->refusals[0]->bundle, bundle);
    assert_int_equal(body->refusals[0]->line, line);
    assert_string_equal(skp_error_name((enum skp_err)body->refusals[0]->code), skp_error_name(err));
    assert_string_equal(body->refusals[0]->path, path);
    assert_int_equal(body->n_texts, 1);
    assert_err(body->texts[0]->code, err);
}
