#include "sim_desk.h"

#include "map.h"
#include "sim_party.h"
#include "wire.h"

#include <assert.h>
#include <stdlib.h>

#define DESK_QUESTIONS 16384
#define BATCH_ANSWERS  40
#define TOGETHER_US    (15 * SIM_SECOND) /* what is due within it is answered together */

struct question {
    struct skp_id id, bundle_id, claim_id;
    struct skp_hash leaf;
    uint32_t line;
    struct sim_peer *from;
    uint32_t version; /* of the last answer said */
    bool open;        /* its answers carry no sealed part */
    int64_t due_us;   /* of the next answer; SIM_NEVER: none */
};

struct sim_desk {
    struct sim_party *party;
    bool working;
    size_t count;
    struct map known; /* request ids */
    struct question questions[DESK_QUESTIONS];
};

enum slip { /* what is wrong with an answer, on purpose */
            SLIP_NONE,
            SLIP_STALE,     /* other content under the same version */
            SLIP_SKIP,      /* a version left out */
            SLIP_LEAF,      /* about another text */
            SLIP_UNKNOWN,   /* a bundle that does not exist */
            SLIP_AGAIN,     /* word for word, where nothing is sealed */
            SLIP_AGREEMENT, /* pre-agreed on the ground of no agreement in force */
            SLIPS
};

/* ---------------------------------------------------------------- one answer */

struct answer {
    Skp__V1__Line line;
    Skp__V1__AnswerFact fact;
    Skp__V1__Claim claims[2];
    Skp__V1__Claim *list[2];
    struct skp_id ids[4]; /* of claims, bundle, agreement */
    struct skp_hash leaf;
};

static void fill_claims(struct answer *answer, const struct question *question, uint64_t shape)
{
    Skp__V1__AnswerFact *fact = &answer->fact;
    fact->n_claims = 1 + (shape >> 4 & 1);
    fact->claims = answer->list;
    for (size_t i = 0; i < fact->n_claims; i++) {
        Skp__V1__Claim *claim = answer->list[i] = &answer->claims[i];
        skp__v1__claim__init(claim);
        answer->ids[i] = question->claim_id;
        answer->ids[i].bytes[0] ^= (uint8_t)i;
        claim->claim_id = wire_id(&answer->ids[i]);
        claim->state = SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
        claim->kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY;
        claim->amount_cents = 1 + (int64_t)(shape >> 8 & 0xfffff) + (int64_t)i;
        claim->preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
        claim->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
        fact->total_cents += claim->amount_cents;
    }
}

static void fill_consent(struct answer *answer, const struct question *question, uint64_t shape,
                         enum slip slip)
{
    Skp__V1__AnswerFact *fact = &answer->fact;
    bool agreed = !id_is_nil(&question->from->agreement_id);
    if (slip == SLIP_AGREEMENT || (agreed && shape % 3 > 0)) {
        answer->ids[3] = agreed ? question->from->agreement_id : question->id;
        fact->agreement_id = wire_id(&answer->ids[3]);
        fact->agreement_version = question->from->agreement_version + (slip == SLIP_AGREEMENT);
        fact->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
        if (slip == SLIP_NONE && shape % 3 == 2)
            fact->consent = SKP__V1__CONSENT__CONSENT_UNSPECIFIED;
    } else if (shape % 7 == 0) {
        fact->consent = SKP__V1__CONSENT__CONSENT_IMPEDIMENT;
        fact->reason = SKP__V1__REASON__REASON_CLAIM_DISPUTED;
    } else {
        fact->consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
    }
}

static Skp__V1__Outcome outcome_of(uint64_t shape)
{
    static const Skp__V1__Outcome others[] = {
        SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT, SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE,
        SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT, SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION};
    return shape % 10 < 7 ? SKP__V1__OUTCOME__OUTCOME_CLAIMS : others[shape / 10 % 4];
}

static void fill(struct answer *answer, const struct question *question, uint32_t version,
                 uint64_t shape, enum slip slip)
{
    Skp__V1__AnswerFact *fact = &answer->fact;
    skp__v1__line__init(&answer->line);
    skp__v1__answer_fact__init(fact);
    answer->line.fact_case = SKP__V1__LINE__FACT_ANSWER;
    answer->line.answer = fact;
    answer->leaf = question->leaf;
    answer->leaf.bytes[0] ^= slip == SLIP_LEAF;
    answer->ids[2] = question->bundle_id;
    answer->ids[2].bytes[0] ^= slip == SLIP_UNKNOWN;
    fact->request_id = wire_id(&question->id);
    fact->version = version;
    fact->request_bundle_id = wire_id(&answer->ids[2]);
    fact->request_leaf = wire_bytes(span_of(answer->leaf.bytes, HASH_BYTES));
    fact->request_line = question->line;
    fact->complete = true;
    fact->outcome = slip == SLIP_AGREEMENT ? SKP__V1__OUTCOME__OUTCOME_CLAIMS : outcome_of(shape);
    if (version > 1)
        fact->correction = SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED;
    if (fact->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS) {
        fill_claims(answer, question, shape);
        fill_consent(answer, question, shape, slip);
    } else if (fact->outcome == SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION) {
        fact->reason = SKP__V1__REASON__REASON_OTHER;
    }
}

/* What an open answer says follows from request and version alone, so that it can be said again. */
static uint64_t shape_of(const struct question *question, uint32_t version)
{
    struct sim_random random = {.state = version};
    memcpy(&random.state, question->id.bytes, sizeof random.state);
    random.state += version;
    return sim_random(&random) >> 8;
}

static void say_answer(struct sim_maker *maker, const struct question *question, uint32_t version,
                       enum slip slip)
{
    static struct answer answer;
    answer = (struct answer){.leaf = question->leaf};
    fill(&answer, question, version, shape_of(question, version) + (slip == SLIP_STALE), slip);
    const Skp__V1__AnswerFact *fact = &answer.fact;
    sim_maker_line(maker, &answer.line, question->open ? NULL : &question->id,
                   "\"fact\":\"answer\",\"id\":\"%s\",\"version\":%u,\"in\":\"%s\",\"line\":%u,"
                   "\"about\":\"%s\",\"outcome\":%d,\"total\":%lld,\"consent\":%d,"
                   "\"agreement\":\"%s\",\"agreement_version\":%u",
                   sim_id(&question->id), version, sim_id(&answer.ids[2]), question->line,
                   sim_hex(answer.leaf.bytes, HASH_BYTES), (int)fact->outcome,
                   (long long)fact->total_cents, (int)fact->consent,
                   sim_hex(fact->agreement_id.data, fact->agreement_id.len),
                   fact->agreement_version);
}

/* ---------------------------------------------------------------- what comes next for a question */

static enum slip choose_slip(struct sim_desk *desk)
{
    struct sim_random *random = &desk->party->random;
    if (!desk->working || !sim_chance(random, 25))
        return SLIP_NONE;
    return (enum slip)sim_below(random, SLIPS);
}

static uint32_t version_for(const struct question *question, enum slip slip)
{
    if (slip == SLIP_SKIP)
        return question->version + 2;
    if ((slip == SLIP_STALE || slip == SLIP_AGAIN) && question->version > 0)
        return question->version;
    return question->version + 1;
}

/* After the answer: perhaps a correction or a slip, later on. */
static void plan_next(struct sim_desk *desk, struct question *question)
{
    struct sim_random *random = &desk->party->random;
    question->due_us = SIM_NEVER;
    if (desk->working && sim_chance(random, 25))
        question->due_us = sim_now() + sim_between(random, SIM_SECOND, 100 * SIM_SECOND);
    else if (question->version == 0)
        question->due_us = sim_now() + sim_between(random, SIM_SECOND, 20 * SIM_SECOND);
}

static void answer_now(struct sim_desk *desk, struct sim_maker *maker, struct question *question)
{
    enum slip slip = choose_slip(desk);
    uint32_t version = version_for(question, slip);
    bool again = slip == SLIP_STALE || slip == SLIP_AGAIN;
    say_answer(maker, question, version, slip);
    if (slip == SLIP_NONE || (again && question->version == 0))
        question->version = version;
    plan_next(desk, question);
}

/* All that is due for one counsellor goes into one bundle. */
static void answer_peer(struct sim_desk *desk, struct sim_peer *peer)
{
    struct sim_maker maker;
    size_t count = 0;
    for (size_t i = 0; i < desk->count && count < BATCH_ANSWERS; i++) {
        struct question *question = &desk->questions[i];
        if (question->from != peer || question->due_us > sim_now())
            continue;
        if (count++ == 0) {
            sim_maker_begin(&maker, desk->party, NULL);
            sim_maker_bundle(&maker, peer->oin.text, peer->certs, peer->cert_count);
        }
        answer_now(desk, &maker, question);
    }
    if (count > 0)
        sim_maker_finish(&maker);
}

void desk_work(struct sim_desk *desk)
{
    struct sim_party *party = desk->party;
    for (size_t i = 0; i < party->peer_count; i++)
        answer_peer(desk, &party->peers[i]);
    if (desk->working && sim_chance(&party->random, 10)) {
        struct sim_batch *batch = party_any_stored(party);
        if (batch != NULL)
            party_send_again(party, batch);
    }
}

int64_t desk_due(const struct sim_desk *desk)
{
    int64_t due = SIM_NEVER;
    for (size_t i = 0; i < desk->count; i++)
        if (desk->questions[i].due_us < due)
            due = desk->questions[i].due_us;
    return due == SIM_NEVER ? due : (due + TOGETHER_US - 1) / TOGETHER_US * TOGETHER_US;
}

bool desk_is_quiet(const struct sim_desk *desk)
{
    return desk_due(desk) == SIM_NEVER;
}

/* ---------------------------------------------------------------- what comes in */

static int64_t first_due(struct sim_desk *desk)
{
    struct sim_random *random = &desk->party->random;
    if (sim_chance(random, 10))
        return SIM_NEVER; /* silence */
    if (!desk->working)
        return sim_now() + sim_between(random, SIM_SECOND, 5 * SIM_SECOND);
    return sim_now() + sim_between(random, 200 * SIM_MS, 90 * SIM_SECOND);
}

void desk_take_request(struct sim_desk *desk, const struct envelope_delivery *checked, size_t index,
                       const Skp__V1__RequestFact *fact)
{
    struct question question = {.bundle_id = checked->head.bundle_id,
                                .leaf = checked->leaves[index],
                                .line = (uint32_t)index,
                                .from = party_find_peer(desk->party, checked->header.sender.text)};
    if (question.from == NULL || !id_take(wire_span(fact->request_id), &question.id) ||
        fact->n_claims != 1 || !id_take(wire_span(fact->claims[0]->claim_id), &question.claim_id))
        sim_die("%s: a request of nobody", desk->party->oin.text);
    if (map_has(&desk->known, question.id.bytes) || desk->count == DESK_QUESTIONS)
        return;
    if (map_add(&desk->known, question.id.bytes, desk))
        sim_die("out of memory");
    question.open = question.id.bytes[1] % 3 == 0;
    question.due_us = first_due(desk);
    desk->questions[desk->count++] = question;
}

void desk_let_work(struct sim_desk *desk, bool working)
{
    desk->working = working;
}

struct sim_desk *desk_new(struct sim_party *party)
{
    struct sim_desk *desk = calloc(1, sizeof *desk);
    assert(desk != NULL);
    desk->party = party;
    if (map_init(&desk->known, ID_BYTES, 1024, DESK_QUESTIONS))
        sim_die("out of memory");
    return desk;
}

void desk_free(struct sim_desk *desk)
{
    if (desk == NULL)
        return;
    map_fini(&desk->known);
    free(desk);
}
