/* The operator: registers, admits agreements, steers the clock, and says when all is at rest. */
#include "sim_broker.h"
#include "sim_pki.h"
#include "sim_world.h"
#include "wire.h"

#include <assert.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define RETRY_US   SIM_SECOND
#define LOOK_US    (3 * SIM_SECOND)
#define QUIET_MOST 2 /* so many looks in a row find everything at rest */
#define COMMANDS   64

static struct {
    struct sim_world *world;
    struct sim_random random;
    char *commands[COMMANDS];
    size_t count, at;
    bool done;
    unsigned quiet;
} op;

bool operator_is_done(void)
{
    return op.done;
}

/* ---------------------------------------------------------------- setting up */

static void add_command(struct sim_text *text)
{
    assert(op.count < COMMANDS);
    op.commands[op.count++] = text->data;
}

static void add_participant(const struct sim_party *party)
{
    struct sim_text text = {.data = NULL};
    sim_text_add(&text,
                 "{\"command\":\"participant.add\",\"oin\":\"%s\",\"name\":\"TEST %s\","
                 "\"roles\":[\"%s\"]}",
                 party->oin.text, party->oin.text, party->creditor ? "creditor" : "counsellor");
    add_command(&text);
}

struct agreed {
    Skp__V1__Agreement agreement;
    Skp__V1__RoundSchedule schedule;
    struct skp_id id;
    char *counsellors[SIM_MAX_PARTIES];
    struct keypair *signers[SIM_MAX_PARTIES];
    size_t signer_count;
};

static void fill(struct agreed *agreed, const struct sim_party *creditor)
{
    Skp__V1__Agreement *agreement = &agreed->agreement;
    skp__v1__agreement__init(agreement);
    skp__v1__round_schedule__init(&agreed->schedule);
    agreed->id = id_new();
    agreement->context = wire_text(AGREEMENT_CONTEXT);
    agreement->agreement_id = wire_id(&agreed->id);
    agreement->version = 1;
    agreement->creditor = wire_text(creditor->oin.text);
    agreement->valid_from_date = 20200101;
    agreement->consent_form = sim_chance(&op.random, 50)
                                  ? SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT
                                  : SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    agreement->term_working_days = (uint32_t)sim_between(&op.random, 2, 8);
    agreement->silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    agreement->counsellors = agreed->counsellors;
    agreed->signers[agreed->signer_count++] = creditor->signs;
    for (size_t i = 0; i < op.world->party_count; i++)
        if (!op.world->parties[i]->creditor) {
            agreement->counsellors[agreement->n_counsellors++] = op.world->parties[i]->oin.text;
            agreed->signers[agreed->signer_count++] = op.world->parties[i]->signs;
        }
    if (sim_chance(&op.random, 70)) {
        agreed->schedule.weekdays =
            sim_chance(&op.random, 50) ? 0x1f : 0x15; /* daily, or Mon Wed Fri */
        agreed->schedule.minute_of_day = (uint32_t)sim_between(&op.random, 8 * 60, 16 * 60);
        agreement->schedule = &agreed->schedule;
    }
}

static struct span sign(struct agreed *agreed, struct arena *arena)
{
    Skp__V1__SignedAgreement file;
    char *signatures[SIM_MAX_PARTIES];
    skp__v1__signed_agreement__init(&file);
    struct span bytes = wire_pack(&agreed->agreement.base, arena);
    for (size_t i = 0; i < agreed->signer_count; i++) {
        const char *jws;
        if (jws_sign(agreed->signers[i], bytes, SIM_START_MS, arena, &jws))
            sim_die("an agreement cannot be signed");
        signatures[i] = wire_text(jws);
    }
    file.agreement = wire_bytes(bytes);
    file.n_signatures = agreed->signer_count;
    file.signatures = signatures;
    return wire_pack(&file.base, arena);
}

static void add_agreement(const struct sim_party *creditor)
{
    struct agreed agreed = {.signer_count = 0};
    struct sim_text text = {.data = NULL};
    struct arena arena;
    arena_init(&arena, 1 << 20);
    fill(&agreed, creditor);
    struct span file = sign(&agreed, &arena);
    unsigned char *base64 = arena_calloc(&arena, 1, file.len * 4 / 3 + 8);
    if (base64 == NULL)
        sim_die("out of memory");
    EVP_EncodeBlock(base64, file.data, (int)file.len);
    sim_text_add(&text, "{\"command\":\"agreement.admit\",\"file_base64\":\"%s\"}", base64);
    add_command(&text);
    const Skp__V1__Agreement *agreement = &agreed.agreement;
    sim_history(
        "agreement", "",
        "\"id\":\"%s\",\"creditor\":\"%s\",\"covenant\":%s,\"term\":%u,\"weekdays\":%u,"
        "\"minute\":%u",
        sim_id(&agreed.id), creditor->oin.text,
        agreement->consent_form == SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT ? "true"
                                                                                         : "false",
        agreement->term_working_days, agreed.schedule.weekdays, agreed.schedule.minute_of_day);
    arena_fini(&arena);
}

static void next_command(void *ctx);

static void on_command(void *ctx, const char *answer)
{
    (void)ctx;
    json_t *said = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    if (!json_is_true(json_object_get(said, "ok")))
        sim_die("the operator asked %s and heard %s", op.commands[op.at], answer);
    json_decref(said);
    free(op.commands[op.at++]);
    next_command(NULL);
}

static void next_command(void *ctx)
{
    (void)ctx;
    if (op.at == op.count)
        op.done = true;
    else
        broker_ask(op.commands[op.at], on_command, NULL);
}

void operator_open(struct sim_world *world)
{
    op.world = world;
    op.random = sim_stream(world->seed, 5);
    for (size_t i = 0; i < world->party_count; i++)
        add_participant(world->parties[i]);
    for (size_t i = 0; i < world->party_count; i++)
        if (world->parties[i]->creditor && sim_chance(&op.random, 75))
            add_agreement(world->parties[i]);
    next_command(NULL);
}

/* ---------------------------------------------------------------- the business clock */

static void advance(void *ctx);

static void on_advanced(void *ctx, const char *answer)
{
    (void)ctx, (void)answer;
}

/* Time goes on in steps of a working day, and stops at every deadline: it is asked for again soon. */
static void advance(void *ctx)
{
    (void)ctx;
    if (sim_now() >= op.world->end_us)
        return;
    broker_ask("{\"command\":\"clock.advance\",\"working_days\":1}", on_advanced, NULL);
    sim_after(sim_between(&op.random, 3 * SIM_SECOND, 40 * SIM_SECOND), advance, NULL);
}

void operator_steer(void)
{
    advance(NULL);
}

/* ---------------------------------------------------------------- the end */

static bool all_quiet(void)
{
    for (size_t i = 0; i < op.world->party_count; i++)
        if (!party_is_quiet(op.world->parties[i]))
            return false;
    return broker_is_up();
}

static void look(void *ctx);

static void on_clock(void *ctx, const char *answer)
{
    (void)ctx;
    json_t *said = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    json_t *now = json_object_get(said, "business_ms");
    if (!json_is_integer(now))
        sim_die("the clock is not shown: %s", answer);
    sim_history("rest", "", "\"business\":%lld", (long long)json_integer_value(now));
    json_decref(said);
    op.done = true;
}

static void on_status(void *ctx, const char *answer)
{
    (void)ctx;
    json_t *said = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    json_t *waiting = json_object_get(said, "waiting_in_mailboxes");
    bool empty = json_is_integer(waiting) && json_integer_value(waiting) == 0;
    json_decref(said);
    op.quiet = empty && all_quiet() ? op.quiet + 1 : 0;
    if (op.quiet == QUIET_MOST)
        broker_ask("{\"command\":\"clock.show\"}", on_clock, NULL);
    else
        sim_after(LOOK_US, look, NULL);
}

static void look(void *ctx)
{
    (void)ctx;
    broker_ask("{\"command\":\"status\"}", on_status, NULL);
}

void operator_rest(void)
{
    op.done = false;
    look(NULL);
}
