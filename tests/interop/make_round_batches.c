/* What counsellor and creditor of a round say. */
#include "make_round.h"

static struct envelope_writer *begin(struct said *said, int sender)
{
    struct skp_id batch_id = id_new();
    struct envelope_writer *writer =
        envelope_writer_new(&world.arena, &world.oins[sender], NULL, &batch_id);
    must(writer != NULL, "envelope_writer_new");
    said->items = json_array();
    return writer;
}

/* The broker gets no key box: nothing for it is sealed. */
static struct skp_id open_bundle(struct said *said, struct envelope_writer *writer, int recipient)
{
    struct skp_id bundle_id;
    X509 *cert = keypair_cert(world.openers[recipient]);
    must(!envelope_bundle_begin(writer, &world.oins[recipient], "", &cert, recipient != BROKER,
                                &bundle_id),
         "envelope_bundle_begin");
    json_array_append_new(said->items, json_array());
    return bundle_id;
}

static struct skp_hash add_line(struct said *said, struct envelope_writer *writer,
                                Skp__V1__Line *line, const struct skp_id *item_id,
                                const ProtobufCMessage *part)
{
    struct skp_hash leaf;
    struct span packed = part != NULL ? wire_pack(part, &world.arena) : span_of(NULL, 0);
    must(!envelope_line_add(writer, line, packed, &leaf), "envelope_line_add");
    json_array_append_new(json_array_get(said->items, json_array_size(said->items) - 1),
                          json_pack("{s:o, s:o}", "item_id", hex(span_of(item_id->bytes, ID_BYTES)),
                                    "part", hex(packed)));
    return leaf;
}

static void add_case(struct said *said, struct envelope_writer *writer,
                     const struct skp_id *requests, size_t count)
{
    struct skp_id case_id = id_new();
    Skp__V1__Line line;
    Skp__V1__CaseFact fact;
    skp__v1__line__init(&line);
    skp__v1__case_fact__init(&fact);
    fact.case_id = of_id(&case_id);
    fact.version = 1;
    fact.persons = 1;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = 20261101;
    fact.responsible = world.oins[COUNSELLOR].text;
    fact.n_request_ids = count;
    fact.request_ids = arena_calloc(&world.arena, count, sizeof *fact.request_ids);
    must(fact.request_ids != NULL, "add_case");
    for (size_t i = 0; i < count; i++)
        fact.request_ids[i] = of_id(&requests[i]);
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    add_line(said, writer, &line, &case_id, NULL);
}

static struct skp_hash add_request(struct said *said, struct envelope_writer *writer,
                                   const struct skp_id *request_id, bool sealed)
{
    char surname[] = "Verzonnen";
    char invoice[] = "F1/2026";
    char *invoices[] = {invoice};
    struct skp_id claim_id = id_new();
    Skp__V1__Line line;
    Skp__V1__RequestFact fact;
    Skp__V1__KnownClaim claim;
    Skp__V1__KnownClaim *claims[] = {&claim};
    Skp__V1__Person person;
    Skp__V1__PersonPart part;
    skp__v1__line__init(&line);
    skp__v1__request_fact__init(&fact);
    skp__v1__known_claim__init(&claim);
    skp__v1__person__init(&person);
    skp__v1__person_part__init(&part);
    claim.claim_id = of_id(&claim_id);
    claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
    claim.amount_cents = 12345;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = of_id(request_id);
    fact.version = 1;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = 20261101;
    fact.n_claims = 1;
    fact.claims = claims;
    person.surname = surname;
    person.birth_date = 19800101;
    part.client = &person;
    part.n_invoice_numbers = 1;
    part.invoice_numbers = invoices;
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    return add_line(said, writer, &line, request_id, sealed ? &part.base : NULL);
}

static void finish(struct said *said, struct envelope_writer *writer, int sender)
{
    must(!envelope_finish(writer, world.signers[sender], world.at_ms, &said->batch),
         "envelope_finish");
}

void round_ask(struct said *said, const struct skp_id *requests)
{
    struct envelope_writer *writer = begin(said, COUNSELLOR);
    open_bundle(said, writer, BROKER);
    add_case(said, writer, requests, 3);
    said->kept_case = envelope_line_kept(writer);
    said->request_bundle = open_bundle(said, writer, CREDITOR);
    said->request_leaf = add_request(said, writer, &requests[0], true);
    add_request(said, writer, &requests[1], false);
    add_request(said, writer, &requests[2], true);
    said->kept_request = envelope_line_kept(writer);
    finish(said, writer, COUNSELLOR);
}

void round_answer(struct said *said, const struct said *asked, const struct skp_id *request_id)
{
    char number[] = "0042";
    Skp__V1__Line line;
    Skp__V1__AnswerFact fact;
    Skp__V1__AnswerPart part;
    struct envelope_writer *writer = begin(said, CREDITOR);
    skp__v1__line__init(&line);
    skp__v1__answer_fact__init(&fact);
    skp__v1__answer_part__init(&part);
    open_bundle(said, writer, COUNSELLOR);
    fact.request_id = of_id(request_id);
    fact.version = 1;
    fact.request_bundle_id = of_id(&asked->request_bundle);
    fact.request_leaf = of_hash(&asked->request_leaf);
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE;
    fact.complete = true;
    part.client_number_creditor = number;
    line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    line.answer = &fact;
    add_line(said, writer, &line, request_id, &part.base);
    finish(said, writer, CREDITOR);
}

/* The line of `asked` at this place, as it was said. */
static void say_again(struct said *said, struct envelope_writer *writer, const struct said *asked,
                      size_t bundle, size_t line, const struct envelope_kept *kept)
{
    struct skp_hash leaf;
    const json_t *item = json_array_get(json_array_get(asked->items, bundle), line);
    must(item != NULL && !envelope_line_reseal(writer, kept, &leaf), "envelope_line_reseal");
    json_array_append_new(json_array_get(said->items, bundle),
                          json_pack("{s:O, s:O}", "item_id", json_object_get(item, "item_id"),
                                    "part", json_object_get(item, "part")));
}

void round_reseal(struct said *said, const struct said *asked)
{
    struct envelope_writer *writer = begin(said, COUNSELLOR);
    open_bundle(said, writer, BROKER);
    say_again(said, writer, asked, 0, 0, &asked->kept_case);
    open_bundle(said, writer, CREDITOR);
    say_again(said, writer, asked, 1, 2, &asked->kept_request);
    finish(said, writer, COUNSELLOR);
}
