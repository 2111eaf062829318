#include "round_lines.h"

#include "bench.h"
#include "wire.h"

#include <stdio.h>

#define TODAY       20261203
#define FIRST_CENTS 12500
#define TEXT_BYTES  32

static void *take(struct arena *arena, size_t bytes)
{
    void *memory = arena_calloc(arena, 1, bytes);
    if (!memory)
        bench_die("out of memory for a line");
    return memory;
}

static ProtobufCBinaryData id_bytes(const struct skp_id *id)
{
    return wire_bytes(span_of(id->bytes, ID_BYTES));
}

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text; /* packing does not write */
}

static int64_t cents_of(unsigned number)
{
    return FIRST_CENTS + (int64_t)(number % 1000) * 7;
}

Skp__V1__Line *round_case_line(const struct round_plan *plan, unsigned index, struct arena *arena)
{
    unsigned first = round_first_request(plan, index);
    unsigned count = round_first_request(plan, index + 1) - first;
    const struct round_request *requests = plan->requests + first;
    Skp__V1__Line *line = take(arena, sizeof *line);
    Skp__V1__CaseFact *fact = take(arena, sizeof *fact);
    skp__v1__line__init(line);
    skp__v1__case_fact__init(fact);
    line->fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line->case_fact = fact;
    fact->case_id = id_bytes(&plan->case_ids[index]);
    fact->version = 1;
    fact->persons = 1;
    fact->product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    fact->guidance = SKP__V1__GUIDANCE__GUIDANCE_BUDGET;
    fact->reference_date = TODAY;
    fact->responsible = plan->parties[requests->counsellor].identity.oin.text;
    fact->n_request_ids = count;
    fact->request_ids = take(arena, count * sizeof *fact->request_ids);
    for (unsigned i = 0; i < count; i++)
        fact->request_ids[i] = id_bytes(&requests[i].id);
    return line;
}

/* The claim is named by a random id, as the request is. */
static ProtobufCBinaryData claim_id(const struct round_request *request, struct arena *arena)
{
    struct skp_id *id = take(arena, sizeof *id);
    *id = request->id;
    id->bytes[0] ^= 0xff;
    return id_bytes(id);
}

Skp__V1__Line *round_request_line(const struct round_plan *plan, unsigned number,
                                  struct arena *arena)
{
    const struct round_request *request = &plan->requests[number];
    Skp__V1__Line *line = take(arena, sizeof *line);
    Skp__V1__RequestFact *fact = take(arena, sizeof *fact);
    Skp__V1__KnownClaim *claim = take(arena, sizeof *claim);
    skp__v1__line__init(line);
    skp__v1__request_fact__init(fact);
    skp__v1__known_claim__init(claim);
    line->fact_case = SKP__V1__LINE__FACT_REQUEST;
    line->request = fact;
    fact->request_id = id_bytes(&request->id);
    fact->version = 1;
    fact->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact->product = SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN;
    fact->guidance = SKP__V1__GUIDANCE__GUIDANCE_BUDGET;
    fact->reference_date = TODAY;
    fact->n_claims = 1;
    fact->claims = take(arena, sizeof(Skp__V1__KnownClaim *));
    fact->claims[0] = claim;
    claim->claim_id = claim_id(request, arena);
    claim->kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    claim->amount_cents = cents_of(number);
    claim->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    return line;
}

static Skp__V1__Claim *answered_claim(const struct round_request *request, unsigned number,
                                      struct arena *arena)
{
    Skp__V1__Claim *claim = take(arena, sizeof *claim);
    skp__v1__claim__init(claim);
    claim->claim_id = claim_id(request, arena);
    claim->state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
    claim->kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    claim->amount_cents = cents_of(number);
    claim->original_cents = cents_of(number);
    claim->preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
    claim->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    return claim;
}

Skp__V1__Line *round_answer_line(const struct round_plan *plan, unsigned number,
                                 struct arena *arena)
{
    const struct round_request *request = &plan->requests[number];
    Skp__V1__Line *line = take(arena, sizeof *line);
    Skp__V1__AnswerFact *fact = take(arena, sizeof *fact);
    skp__v1__line__init(line);
    skp__v1__answer_fact__init(fact);
    line->fact_case = SKP__V1__LINE__FACT_ANSWER;
    line->answer = fact;
    fact->request_id = id_bytes(&request->id);
    fact->version = 1;
    fact->request_bundle_id = id_bytes(&request->bundle_id);
    fact->request_line = request->line;
    fact->request_leaf = wire_bytes(span_of(request->leaf.bytes, HASH_BYTES));
    fact->outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    fact->complete = true;
    fact->total_cents = cents_of(number);
    fact->n_claims = 1;
    fact->claims = take(arena, sizeof(Skp__V1__Claim *));
    fact->claims[0] = answered_claim(request, number, arena);
    fact->consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
    fact->balance_date = TODAY;
    return line;
}

/* ---------------------------------------------------------------- sealed parts */

static struct span packed(const ProtobufCMessage *message, struct arena *arena)
{
    struct span bytes = wire_pack(message, arena);
    if (!bytes.data)
        bench_die("out of memory for a part");
    return bytes;
}

struct span round_request_part(unsigned number, struct arena *arena)
{
    Skp__V1__PersonPart part;
    Skp__V1__Person client;
    Skp__V1__Address address;
    char text[TEXT_BYTES];
    skp__v1__person_part__init(&part);
    skp__v1__person__init(&client);
    skp__v1__address__init(&address);
    snprintf(text, sizeof text, "%010u", number);
    client.initials = text_of("T.E.");
    client.surname = text_of("Voorbeeld");
    client.sex = SKP__V1__SEX__SEX_UNKNOWN;
    client.birth_date = 19800229;
    address.street = text_of("Teststraat");
    address.number = text_of("1");
    address.postcode = text_of("0000AA");
    address.place = text_of("Voorbeelddam");
    part.client = &client;
    part.address = &address;
    part.client_number_counsellor = text;
    part.client_number_creditor = text;
    return packed(&part.base, arena);
}

struct span round_answer_part(unsigned number, struct arena *arena)
{
    Skp__V1__AnswerPart part;
    char text[TEXT_BYTES];
    skp__v1__answer_part__init(&part);
    snprintf(text, sizeof text, "%010u", number);
    part.client_number_creditor = text;
    part.note = text_of("Betaling kan op het bekende nummer, onder vermelding van het dossier.");
    return packed(&part.base, arena);
}
