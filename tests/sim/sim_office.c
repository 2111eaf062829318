#include "sim_office.h"

#include "calendar.h"
#include "clock.h"
#include "sim_party.h"
#include "sim_pki.h"
#include "wire.h"

#include <assert.h>
#include <stdlib.h>

#define OFFICE_CASES    4096
#define OFFICE_REQUESTS 10 /* of one case */
#define REFERENCE_DATE  20261030
#define PAPER           UINT8_MAX
#define PAUSE_LEAST     (10 * SIM_SECOND)
#define PAUSE_MOST      (88 * SIM_SECOND)
#define BUSY            8 /* so much shorter are the pauses of a busy office */

struct wanted {
    struct skp_id id, claim_id;
    uint8_t peer; /* PAPER: by letter */
    bool urgent;
    bool open;         /* without sealed part: can be said again word for word */
    bool unsaid;       /* declared, and not asked yet */
    uint32_t recorded; /* of a letter: the last version said */
};

struct dossier {
    struct skp_id id;
    uint32_t version;
    uint8_t persons, guidance;
    size_t count;
    struct wanted requests[OFFICE_REQUESTS];
};

struct sim_office {
    struct sim_party *party;
    int64_t next_us;
    size_t count;
    struct dossier cases[OFFICE_CASES];
};

/* ---------------------------------------------------------------- lines */

static void say_case(struct sim_maker *maker, const struct dossier *dossier)
{
    Skp__V1__CaseFact fact;
    Skp__V1__Line line;
    ProtobufCBinaryData ids[OFFICE_REQUESTS];
    struct sim_text text = {.data = NULL};
    skp__v1__case_fact__init(&fact);
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_CASE_FACT;
    line.case_fact = &fact;
    fact.case_id = wire_id(&dossier->id);
    fact.version = dossier->version;
    fact.persons = dossier->persons;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = (Skp__V1__Guidance)dossier->guidance;
    fact.reference_date = REFERENCE_DATE;
    fact.responsible = maker->party->oin.text;
    fact.request_ids = ids;
    sim_text_add(&text, "%s", "");
    for (size_t i = 0; i < dossier->count; i++) {
        ids[fact.n_request_ids++] = wire_id(&dossier->requests[i].id);
        sim_text_add(&text, "%s\"%s\"", i > 0 ? "," : "", sim_id(&dossier->requests[i].id));
    }
    sim_maker_line(
        maker, &line, NULL,
        "\"fact\":\"case\",\"id\":\"%s\",\"version\":%u,\"persons\":%u,\"requests\":[%s]",
        sim_id(&dossier->id), dossier->version, dossier->persons, text.data);
    sim_text_fini(&text);
}

static void say_off_network(struct sim_maker *maker, const struct wanted *wanted)
{
    Skp__V1__OffNetworkFact fact;
    Skp__V1__Line line;
    skp__v1__off_network_fact__init(&fact);
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_OFF_NETWORK;
    line.off_network = &fact;
    fact.request_id = wire_id(&wanted->id);
    fact.version = 1;
    fact.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT;
    sim_maker_line(maker, &line, NULL, "\"fact\":\"off_network\",\"id\":\"%s\"",
                   sim_id(&wanted->id));
}

static void say_request(struct sim_maker *maker, const struct wanted *wanted)
{
    Skp__V1__KnownClaim claim;
    Skp__V1__KnownClaim *claims[] = {&claim};
    Skp__V1__RequestFact fact;
    Skp__V1__Line line;
    skp__v1__known_claim__init(&claim);
    skp__v1__request_fact__init(&fact);
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    claim.claim_id = wire_id(&wanted->claim_id);
    claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = wire_id(&wanted->id);
    fact.version = 1;
    fact.urgent = wanted->urgent;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    fact.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    fact.reference_date = REFERENCE_DATE;
    fact.n_claims = 1;
    fact.claims = claims;
    sim_maker_line(maker, &line, wanted->open ? NULL : &wanted->id,
                   "\"fact\":\"request\",\"id\":\"%s\",\"urgent\":%s", sim_id(&wanted->id),
                   wanted->urgent ? "true" : "false");
}

static void say_requests(struct sim_maker *maker, const struct dossier *const *dossiers,
                         size_t count, size_t peer_number)
{
    const struct sim_peer *peer = &maker->party->peers[peer_number];
    bool begun = false;
    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; i < dossiers[c]->count; i++) {
            const struct wanted *wanted = &dossiers[c]->requests[i];
            if (wanted->peer != peer_number || wanted->unsaid)
                continue;
            if (!begun)
                sim_maker_bundle(maker, peer->oin.text, peer->certs, peer->cert_count);
            begun = true;
            say_request(maker, wanted);
        }
}

/* A whole batch about these cases: what is by letter to the broker, the rest to each creditor. */
static void say(struct sim_office *office, const struct dossier *const *dossiers, size_t count,
                const struct wanted *stray)
{
    struct sim_maker maker;
    struct sim_party *party = office->party;
    sim_maker_begin(&maker, party, NULL);
    sim_maker_bundle(&maker, SIM_BROKER_OIN, NULL, 0);
    for (size_t c = 0; c < count; c++) {
        say_case(&maker, dossiers[c]);
        for (size_t i = 0; i < dossiers[c]->count; i++)
            if (dossiers[c]->requests[i].peer == PAPER && !dossiers[c]->requests[i].unsaid)
                say_off_network(&maker, &dossiers[c]->requests[i]);
    }
    for (size_t peer = 0; peer < party->peer_count; peer++)
        say_requests(&maker, dossiers, count, peer);
    if (stray != NULL) {
        const struct sim_peer *peer = &party->peers[stray->peer];
        sim_maker_bundle(&maker, peer->oin.text, peer->certs, peer->cert_count);
        say_request(&maker, stray);
    }
    sim_maker_finish(&maker);
}

/* ---------------------------------------------------------------- new cases */

static struct wanted new_request(struct sim_office *office)
{
    struct sim_random *random = &office->party->random;
    bool paper = sim_chance(random, 12);
    return (struct wanted){
        .id = id_new(),
        .claim_id = id_new(),
        .peer = paper ? PAPER : (uint8_t)sim_below(random, office->party->peer_count),
        .urgent = sim_chance(random, 15),
        .open = sim_chance(random, 30),
    };
}

static struct dossier *new_case(struct sim_office *office)
{
    struct sim_random *random = &office->party->random;
    if (office->count == OFFICE_CASES)
        return NULL;
    struct dossier *dossier = &office->cases[office->count++];
    *dossier = (struct dossier){.id = id_new(),
                                .version = 1,
                                .persons = (uint8_t)(1 + sim_below(random, 2)),
                                .guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE,
                                .count = 1 + (size_t)sim_below(random, 5)};
    for (size_t i = 0; i < dossier->count; i++) {
        dossier->requests[i] = new_request(office);
        dossier->requests[i].unsaid = sim_chance(random, 8);
    }
    return dossier;
}

static void register_cases(struct sim_office *office)
{
    struct sim_random *random = &office->party->random;
    const struct dossier *dossiers[3];
    size_t count = 1 + (size_t)sim_below(random, 3);
    for (size_t c = 0; c < count; c++)
        if ((dossiers[c] = new_case(office)) == NULL)
            return;
    struct wanted stray = new_request(office);
    bool is_stray = sim_chance(random, 10) && stray.peer != PAPER;
    say(office, dossiers, count, is_stray ? &stray : NULL);
}

/* ---------------------------------------------------------------- known cases */

static struct dossier *any_case(struct sim_office *office)
{
    return office->count > 0 ? &office->cases[sim_below(&office->party->random, office->count)]
                             : NULL;
}

/* What was declared and not asked is asked now, or dropped by the next version. */
static void mend(struct sim_office *office, struct dossier *dossier)
{
    bool drop = dossier->count > 1 && sim_chance(&office->party->random, 40);
    size_t left = 0;
    for (size_t i = 0; i < dossier->count; i++) {
        struct wanted wanted = dossier->requests[i];
        if (wanted.unsaid && drop && (left > 0 || i + 1 < dossier->count)) {
            drop = false;
            dossier->version++;
            continue;
        }
        wanted.unsaid = false;
        dossier->requests[left++] = wanted;
    }
    dossier->count = left;
    const struct dossier *one = dossier;
    say(office, &one, 1, NULL);
}

static void extend(struct sim_office *office, struct dossier *dossier)
{
    if (dossier->count == OFFICE_REQUESTS)
        return;
    dossier->version++;
    dossier->requests[dossier->count++] = new_request(office);
    const struct dossier *one = dossier;
    say(office, &one, 1, NULL);
}

/* What may not be: other content under a version that was used, a version skipped, a request dropped that was
 * asked, other persons. */
static void change(struct sim_office *office, const struct dossier *dossier)
{
    struct sim_random *random = &office->party->random;
    struct dossier changed = *dossier;
    const struct dossier *one = &changed;
    switch (sim_below(random, 4)) {
    case 0:
        changed.guidance = SKP__V1__GUIDANCE__GUIDANCE_BUDGET;
        break;
    case 1:
        changed.version += 2;
        break;
    case 2:
        changed.version++;
        changed.count = changed.count > 1 ? changed.count - 1 : 1;
        break;
    default:
        changed.version++;
        changed.persons = (uint8_t)(3 - changed.persons);
        break;
    }
    for (size_t i = 0; i < changed.count; i++)
        changed.requests[i].unsaid = changed.requests[i].unsaid || sim_chance(random, 70);
    say(office, &one, 1, NULL);
}

static void say_again(struct sim_office *office, const struct dossier *dossier)
{
    say(office, &dossier, 1, NULL);
}

/* ---------------------------------------------------------------- letters */

static struct wanted *any_letter(struct dossier *dossier)
{
    for (size_t i = 0; i < dossier->count; i++)
        if (dossier->requests[i].peer == PAPER)
            return &dossier->requests[i];
    return &dossier->requests[0];
}

static void record(struct sim_office *office, struct dossier *dossier)
{
    struct sim_random *random = &office->party->random;
    struct wanted *wanted = any_letter(dossier);
    Skp__V1__RecordedAnswerFact fact;
    Skp__V1__Line line;
    struct sim_maker maker;
    bool again = wanted->recorded > 0 && sim_chance(random, 25);
    bool skip = sim_chance(random, 5);
    uint32_t version = wanted->recorded + (again ? 0 : 1) + (skip ? 1 : 0);
    if (!skip)
        wanted->recorded = version;
    skp__v1__recorded_answer_fact__init(&fact);
    skp__v1__line__init(&line);
    line.fact_case = SKP__V1__LINE__FACT_RECORDED;
    line.recorded = &fact;
    fact.request_id = wire_id(&wanted->id);
    fact.version = version;
    fact.case_id = wire_id(&dossier->id);
    fact.outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
    /* Another amount under the same version now and then: that is stale. */
    fact.total_cents = 1000 * (int64_t)version + (sim_chance(random, 20) ? 7 : 0);
    fact.received_date = REFERENCE_DATE;
    sim_maker_begin(&maker, office->party, NULL);
    sim_maker_bundle(&maker, SIM_BROKER_OIN, NULL, 0);
    sim_maker_line(&maker, &line, NULL,
                   "\"fact\":\"recorded\",\"id\":\"%s\",\"case\":\"%s\",\"version\":%u,"
                   "\"outcome\":1,\"consent\":0,\"total\":%lld",
                   sim_id(&wanted->id), sim_id(&dossier->id), version, (long long)fact.total_cents);
    sim_maker_finish(&maker);
}

/* ---------------------------------------------------------------- old batches */

static void send_old(struct sim_office *office)
{
    struct sim_batch *batch = party_any_stored(office->party);
    if (batch != NULL)
        party_send_again(office->party, batch);
}

/* Other bytes under an id that was used. */
static void reuse_id(struct sim_office *office)
{
    const struct sim_batch *batch = party_any_stored(office->party);
    struct dossier *dossier = new_case(office);
    struct sim_maker maker;
    if (batch == NULL || dossier == NULL)
        return;
    office->count--;
    sim_maker_begin(&maker, office->party, &batch->sealed.batch_id);
    sim_maker_bundle(&maker, SIM_BROKER_OIN, NULL, 0);
    say_case(&maker, dossier);
    sim_maker_finish(&maker);
}

/* ---------------------------------------------------------------- work */

int64_t office_due(const struct sim_office *office)
{
    return office->next_us;
}

static void act(struct sim_office *office)
{
    uint64_t what = sim_below(&office->party->random, 100);
    struct dossier *dossier = any_case(office);
    if (dossier == NULL || what < 50)
        register_cases(office);
    else if (what < 60)
        mend(office, dossier);
    else if (what < 66)
        extend(office, dossier);
    else if (what < 72)
        change(office, dossier);
    else if (what < 78)
        say_again(office, dossier);
    else if (what < 90)
        record(office, dossier);
    else if (what < 96)
        send_old(office);
    else
        reuse_id(office);
}

void office_work(struct sim_office *office)
{
    int64_t pause = sim_between(&office->party->random, PAUSE_LEAST, PAUSE_MOST);
    office->next_us = sim_now() + (office->party->busy ? pause / BUSY : pause);
    act(office);
}

struct sim_office *office_new(struct sim_party *party)
{
    struct sim_office *office = calloc(1, sizeof *office);
    assert(office != NULL);
    office->party = party;
    return office;
}

void office_free(struct sim_office *office)
{
    free(office);
}
