#include "load_facts.h"

#include "wire.h"

#include <stdlib.h>

#define BATCH_ARENA_BYTES ((size_t)4 << 20)
#define MAX_CASES         3
#define MAX_REQUESTS      (MAX_CASES * FACTS_MAX_PEERS + 1)
#define REFERENCE_DATE    20261101
#define CANARY_BSN        "999990019"

static void must(enum skp_err err, const char *doing)
{
    if (!err)
        return;
    fprintf(stderr, "load_client: %s: %s: %s\n", doing, skp_error_name(err),
            skp_error(err)->sentence);
    exit(1);
}

/* splitmix64: small, and the same everywhere. */
uint64_t facts_random(struct facts *facts)
{
    uint64_t x = facts->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

bool facts_one_in(struct facts *facts, unsigned count)
{
    return facts_random(facts) % count == 0;
}

int64_t facts_total_cents(const struct skp_id *request_id)
{
    return 1 + ((int64_t)request_id->bytes[0] << 12 | (int64_t)request_id->bytes[1] << 4);
}

bool facts_is_open_answer(const struct facts *facts, const struct skp_id *request_id)
{
    return facts->canary == NULL && request_id->bytes[2] % 8 == 0;
}

const struct facts_peer *facts_find_peer(const struct facts *facts, const char *oin)
{
    for (size_t i = 0; i < facts->peer_count; i++)
        if (strcmp(facts->peers[i].oin.text, oin) == 0)
            return &facts->peers[i];
    return NULL;
}

void facts_fini(struct facts *facts)
{
    for (size_t i = 0; i < facts->peer_count; i++)
        for (size_t n = 0; n < facts->peers[i].cert_count; n++)
            X509_free(facts->peers[i].certs[n]);
}

/* ---------------------------------------------------------------- sealed parts */

static char *plain(const char *text)
{
    return (
        char *)(uintptr_t)text; /* protobuf-c has no const strings, but never writes into them */
}

/* The canary with an ending, or the id: both sides can tell what must stand there. */
static char *mark(const struct facts *facts, const struct skp_id *id, const char *ending,
                  struct arena *arena)
{
    char *text = arena_calloc(arena, 1, 160);
    if (text == NULL)
        must(SKP_E_NO_MEMORY, "a part");
    if (facts->canary != NULL)
        snprintf(text, 160, "%s-%s", facts->canary, ending);
    else
        id_print(id, text);
    return text;
}

static struct span pack(const ProtobufCMessage *message, struct arena *arena)
{
    struct span bytes = wire_pack(message, arena);
    if (bytes.data == NULL)
        must(SKP_E_NO_MEMORY, "packing");
    return bytes;
}

static struct span person_part(const struct facts *facts, const struct skp_id *id,
                               struct arena *arena)
{
    Skp__V1__Person client;
    skp__v1__person__init(&client);
    Skp__V1__Address address;
    skp__v1__address__init(&address);
    Skp__V1__PersonPart part;
    skp__v1__person_part__init(&part);
    client.bsn = plain(CANARY_BSN);
    client.initials = plain("T.");
    client.surname = mark(facts, id, "naam", arena);
    client.sex = SKP__V1__SEX__SEX_UNKNOWN;
    client.birth_date = 19800229;
    address.street = mark(facts, id, "straat", arena);
    address.number = plain("1");
    address.postcode = plain("1234AB");
    address.place = plain("Testdam");
    part.client = &client;
    part.address = &address;
    part.client_number_creditor = mark(facts, id, "klantnummer", arena);
    return pack(&part.base, arena);
}

static struct span answer_part(const struct facts *facts, const struct skp_id *id,
                               struct arena *arena)
{
    Skp__V1__AnswerPart part;
    skp__v1__answer_part__init(&part);
    part.client_number_creditor = mark(facts, id, "klantnummer", arena);
    return pack(&part.base, arena);
}

bool facts_part_fits(const struct facts *facts, const struct skp_id *request_id, bool is_request,
                     struct span part)
{
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    struct span expected = is_request ? person_part(facts, request_id, &arena)
                                      : answer_part(facts, request_id, &arena);
    bool fits = span_equal(part, expected);
    arena_fini(&arena);
    return fits;
}

/* ---------------------------------------------------------------- a batch */

/* A batch in the making, with what the history will say of it. */
struct making {
    struct facts *facts;
    struct facts_batch *batch;
    struct envelope_writer *writer;
    json_t *bundles;
    json_t *lines; /* of the open bundle; borrowed */
};

static void making_begin(struct making *making, struct facts *facts)
{
    struct skp_id id = id_new();
    *making = (struct making){.facts = facts, .bundles = json_array()};
    making->batch = calloc(1, sizeof *making->batch);
    if (making->batch == NULL)
        must(SKP_E_NO_MEMORY, "a batch");
    arena_init(&making->batch->arena, BATCH_ARENA_BYTES);
    making->writer = envelope_writer_new(&making->batch->arena, skp_self(facts->client), NULL, &id);
    if (making->writer == NULL)
        must(SKP_E_NO_MEMORY, "a batch");
}

static void making_bundle(struct making *making, const struct skp_oin *to,
                          const struct facts_peer *peer)
{
    struct skp_id id;
    must(envelope_bundle_begin(making->writer, to, "", peer != NULL ? peer->certs : NULL,
                               peer != NULL ? peer->cert_count : 0, &id),
         "a bundle");
    json_t *bundle =
        json_pack("{s:s, s:o, s:[]}", "to", to->text, "bundle", history_id(&id), "lines");
    making->lines = json_object_get(bundle, "lines");
    json_array_append_new(making->bundles, bundle);
}

static void making_line(struct making *making, Skp__V1__Line *line, struct span part, json_t *said)
{
    must(envelope_line_add(making->writer, line, part, NULL), "a line");
    json_array_append_new(making->lines, said);
}

static struct facts_batch *making_finish(struct making *making, const char *kind)
{
    struct facts *facts = making->facts;
    struct facts_batch *batch = making->batch;
    must(envelope_finish(making->writer, skp_signer(facts->client), skp_now_ms(facts->client),
                         &batch->sealed),
         "signing");
    for (size_t i = 0; i < batch->sealed.bundle_count; i++) {
        struct skp_hash head = sha256(batch->sealed.heads[i]);
        json_object_set_new(json_array_get(making->bundles, i), "head",
                            history_hex(head.bytes, HASH_BYTES));
    }
    history_write(facts->history, "invoke",
                  json_pack("{s:o, s:s, s:o}", "batch", history_id(&batch->sealed.batch_id), "kind",
                            kind, "bundles", making->bundles));
    return batch;
}

void facts_batch_free(struct facts_batch *batch)
{
    arena_fini(&batch->arena);
    free(batch);
}

/* ---------------------------------------------------------------- cases */

struct plan_request {
    struct skp_id id;
    size_t peer;
    bool undeclared;
};

struct plan {
    struct plan_request requests[MAX_REQUESTS];
    size_t count;
};

static void say_case(struct making *making, struct plan *plan)
{
    struct facts *facts = making->facts;
    struct skp_id case_id = id_new();
    ProtobufCBinaryData ids[FACTS_MAX_PEERS];
    Skp__V1__CaseFact fact;
    skp__v1__case_fact__init(&fact);
    json_t *declared = json_array();
    uint64_t chosen = facts_random(facts);
    if ((chosen & ((UINT64_C(1) << facts->peer_count) - 1)) == 0)
        chosen = 1;
    for (size_t peer = 0; peer < facts->peer_count; peer++) {
        if ((chosen >> peer & 1) == 0)
            continue;
        struct plan_request *request = &plan->requests[plan->count++];
        *request = (struct plan_request){.id = id_new(), .peer = peer};
        ids[fact.n_request_ids++] = wire_bytes(span_of(request->id.bytes, ID_BYTES));
        json_array_append_new(declared, history_id(&request->id));
    }
    fact.case_id = wire_bytes(span_of(case_id.bytes, ID_BYTES));
    fact.version = 1;
    fact.persons = 1;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = REFERENCE_DATE;
    fact.responsible = plain(skp_self(facts->client)->text);
    fact.request_ids = ids;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    making_line(making, &line, span_of(NULL, 0),
                json_pack("{s:o, s:o}", "case", history_id(&case_id), "requests", declared));
}

static void say_request(struct making *making, const struct plan_request *request)
{
    struct skp_id claim_id = id_new();
    Skp__V1__KnownClaim claim;
    skp__v1__known_claim__init(&claim);
    Skp__V1__KnownClaim *claims[] = {&claim};
    Skp__V1__RequestFact fact;
    skp__v1__request_fact__init(&fact);
    claim.claim_id = wire_bytes(span_of(claim_id.bytes, ID_BYTES));
    claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_HEALTH;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = wire_bytes(span_of(request->id.bytes, ID_BYTES));
    fact.version = 1;
    fact.contains_bsn = true;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = REFERENCE_DATE;
    fact.n_claims = 1;
    fact.claims = claims;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    json_t *said = json_pack("{s:o}", "request", history_id(&request->id));
    if (request->undeclared)
        json_object_set_new(said, "refused", json_true());
    making_line(making, &line, person_part(making->facts, &request->id, &making->batch->arena),
                said);
}

static void say_requests_to(struct making *making, const struct plan *plan, size_t peer)
{
    bool begun = false;
    const struct facts_peer *creditor = &making->facts->peers[peer];
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->requests[i].peer != peer)
            continue;
        if (!begun)
            making_bundle(making, &creditor->oin, creditor);
        begun = true;
        say_request(making, &plan->requests[i]);
    }
}

struct facts_batch *facts_say_cases(struct facts *facts, size_t case_count)
{
    struct making making;
    struct plan plan = {.count = 0};
    making_begin(&making, facts);
    making_bundle(&making, skp_broker(facts->client), NULL);
    for (size_t i = 0; i < case_count && i < MAX_CASES; i++)
        say_case(&making, &plan);
    making.batch->requests = plan.count;
    if (facts->canary == NULL && facts_one_in(facts, 8))
        plan.requests[plan.count++] = (struct plan_request){.id = id_new(), .undeclared = true};
    for (size_t peer = 0; peer < facts->peer_count; peer++)
        say_requests_to(&making, &plan, peer);
    return making_finish(&making, "cases");
}

/* ---------------------------------------------------------------- answers */

static void say_answer(struct making *making, const struct facts_question *question)
{
    Skp__V1__Claim claim;
    skp__v1__claim__init(&claim);
    Skp__V1__Claim *claims[] = {&claim};
    Skp__V1__AnswerFact fact;
    skp__v1__answer_fact__init(&fact);
    struct span part = span_of(NULL, 0);
    int64_t total_cents = facts_total_cents(&question->request_id);
    claim.claim_id = wire_bytes(span_of(question->claim_id.bytes, ID_BYTES));
    claim.state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
    claim.kind = question->kind;
    claim.amount_cents = total_cents;
    claim.preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = wire_bytes(span_of(question->request_id.bytes, ID_BYTES));
    fact.version = 1;
    fact.request_bundle_id = wire_bytes(span_of(question->bundle_id.bytes, ID_BYTES));
    fact.request_leaf = wire_bytes(span_of(question->leaf.bytes, HASH_BYTES));
    fact.request_line = question->line;
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    fact.complete = true;
    fact.total_cents = total_cents;
    fact.n_claims = 1;
    fact.claims = claims;
    fact.consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    line.answer = &fact;
    json_t *said = json_pack("{s:o, s:I}", "answer", history_id(&question->request_id), "total",
                             (json_int_t)total_cents);
    if (question->again)
        json_object_set_new(said, "again", json_true());
    if (!facts_is_open_answer(making->facts, &question->request_id))
        part = answer_part(making->facts, &question->request_id, &making->batch->arena);
    making_line(making, &line, part, said);
}

struct facts_batch *facts_say_answers(struct facts *facts, const struct facts_peer *counsellor,
                                      const struct facts_question *questions, size_t count)
{
    struct making making;
    making_begin(&making, facts);
    making_bundle(&making, &counsellor->oin, counsellor);
    for (size_t i = 0; i < count; i++) {
        say_answer(&making, &questions[i]);
        if (facts_is_open_answer(facts, &questions[i].request_id) && !questions[i].again) {
            making.batch->repeat_to = counsellor;
            making.batch->repeat = questions[i];
            making.batch->repeat.again = true;
        }
    }
    return making_finish(&making, "answers");
}
