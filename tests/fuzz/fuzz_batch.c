/* Batches of lines that say anything, through the whole engine: verified, decided, stored, delivered.
 *
 * The input is a script (script.h). What is taken has a receipt that verifies; what is sent twice is taken
 * once; what reaches a mailbox verifies as its addressee verifies it; what was changed after it was signed
 * is refused. */
#include "fact.h"
#include "grow.h"
#include "parcel.h"
#include "script.h"

#include <jansson.h>

#define SENDS_MAX    12
#define REQUESTS_MAX 64
#define REFUSED_MAX  128

/* Where a request stood that was sent: an answer must name it. */
struct sent_request {
    struct skp_id id, bundle_id;
    uint32_t line;
    struct skp_hash leaf;
};

/* A line that its receipt refused: it reaches nobody. */
struct refused {
    struct skp_id bundle_id;
    uint32_t line;
};

struct scene {
    struct world *w;
    struct refused refused[REFUSED_MAX];
    size_t refused_count;
    struct parcel parcel;
    const struct party *who;
    unsigned bundles, sends;
    bool reused; /* ids of bundles come a second time: one id, two stories */
    struct sent_request requests[REQUESTS_MAX];
    size_t request_count;
    struct post posts[3];
};

#define VERBS(X)                                                                                   \
    X(who)                                                                                         \
    X(bundle)                                                                                      \
    X(line)                                                                                        \
    X(sealed)                                                                                      \
    X(box)                                                                                         \
    X(spoil)                                                                                       \
    X(send)                                                                                        \
    X(pass)                                                                                        \
    X(agree)                                                                                       \
    X(fetch)                                                                                       \
    X(collect)                                                                                     \
    X(line_again)

enum verb_number {
#define X(name) VERB_##name,
    VERBS(X)
#undef X
        VERB_COUNT
};
const unsigned script_verbs = VERB_COUNT;

size_t script_bytes_for(uint8_t verb, uint64_t *random, uint8_t *ret_bytes, size_t max)
{
    static const char *const mailboxes[] = {"", "", "", "post", "a b"};
    if (verb == VERB_line || verb == VERB_line_again)
        return grow_message(&skp__v1__line__descriptor, random, ret_bytes, max);
    if (verb == VERB_bundle) {
        const char *name = mailboxes[grow_random(random) % 5];
        memcpy(ret_bytes, name, strlen(name));
        return strlen(name);
    }
    for (size_t i = 0; i < 4; i++)
        ret_bytes[i] = (uint8_t)(grow_random(random) >> 24);
    return 4;
}

/* ---------------------------------------------------------------- lines */

static void do_who(struct scene *scene, const struct step *step)
{
    scene->who = office_party(scene->w, step->argument);
    parcel_begin(&scene->parcel, scene->w, scene->who);
}

static void do_bundle(struct scene *scene, const struct step *step)
{
    struct skp_oin stranger;
    EXPECT(oin_take(span_text("00000099000000009000"), &stranger));
    unsigned to = step->argument % 5;
    const struct skp_oin *recipient = to < 3    ? &office_party(scene->w, to)->oin
                                      : to == 3 ? &scene->w->broker
                                                : &stranger;
    scene->reused = scene->reused || scene->bundles >= GROW_IDS;
    parcel_bundle(&scene->parcel, recipient, step->bytes, scene->bundles++);
}

static const struct sent_request *find_request(const struct scene *scene, struct span id)
{
    for (size_t i = scene->request_count; i > 0; i--) {
        if (span_equal(span_of(scene->requests[i - 1].id.bytes, ID_BYTES), id))
            return &scene->requests[i - 1];
    }
    return NULL;
}

/* As it came. */
static void do_line(struct scene *scene, const struct step *step)
{
    parcel_line(&scene->parcel, step->bytes);
}

/* An answer names what it answers, as far as we know it. */
static void do_line_again(struct scene *scene, const struct step *step)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    struct span bytes = step->bytes;
    if (wire_unpack(&skp__v1__line__descriptor, bytes, &scene->w->arena, path, &message) ==
        SKP_OK) {
        Skp__V1__Line *line = (Skp__V1__Line *)message;
        const struct sent_request *request =
            line->fact_case == SKP__V1__LINE__FACT_ANSWER
                ? find_request(scene, wire_span(line->answer->request_id))
                : NULL;
        if (request != NULL) {
            line->answer->request_bundle_id = wire_id(&request->bundle_id);
            line->answer->request_line = request->line;
            line->answer->request_leaf = wire_bytes(span_of(request->leaf.bytes, HASH_BYTES));
            bytes = wire_pack(message, &scene->w->arena);
        }
    }
    parcel_line(&scene->parcel, bytes);
}

static void do_sealed(struct scene *scene, const struct step *step)
{
    parcel_sealed(&scene->parcel, step->bytes);
}

static void do_box(struct scene *scene, const struct step *step)
{
    parcel_box(&scene->parcel, step->bytes);
}

static void do_spoil(struct scene *scene, const struct step *step)
{
    scene->parcel.spoil = (enum parcel_spoil)(step->argument % SPOILS);
    scene->parcel.spoil_bytes = step->bytes;
}

/* ---------------------------------------------------------------- sending */

static void remember_requests(struct scene *scene, const struct parcel_bundle *bundle)
{
    for (size_t i = 0; i < bundle->line_count && scene->request_count < REQUESTS_MAX; i++) {
        char path[WIRE_PATH_MAX];
        Skp__V1__Line *line;
        struct sent_request *request = &scene->requests[scene->request_count];
        struct span bytes = wire_span(bundle->lines[i]);
        if (fact_read(bytes, &scene->w->arena, path, &line) ||
            line->fact_case != SKP__V1__LINE__FACT_REQUEST)
            continue;
        EXPECT(fact_item_id(line, &request->id) == SKP_OK);
        request->bundle_id = bundle->id;
        request->line = (uint32_t)i;
        request->leaf = merkle_leaf(bytes);
        scene->request_count++;
    }
}

static struct answer *submit(struct scene *scene, const struct signed_parcel *letter)
{
    struct answer *answer = world_submit(scene->w, scene->who, ENGINE_BATCH, letter->begin,
                                         letter->bodies, letter->bundle_count);
    world_pump(scene->w);
    EXPECT(answer->times == 1 && office_may_say(answer->err));
    EXPECT(memchr(answer->path, '\0', WIRE_PATH_MAX) != NULL);
    return answer;
}

static const Skp__V1__Receipt *check_receipt(struct scene *scene, const struct answer *answer,
                                             const struct signed_parcel *letter)
{
    struct world *w = scene->w;
    const char *why = NULL;
    Skp__V1__ReceiptBody *body = NULL;
    const Skp__V1__Receipt *receipt =
        world_frame(w, answer, 0, FRAME_RECEIPT, &skp__v1__receipt__descriptor);
    EXPECT(envelope_check_receipt(w->trust, w->cache, receipt, &w->broker, &scene->who->oin,
                                  &letter->batch_id, &letter->root, clock_real_ms(&w->clock.clock),
                                  &w->arena, &body, &why) == SKP_OK);
    EXPECT(body->stored + body->n_refusals == letter->line_count);
    EXPECT(body->without_effect <= body->stored);
    for (size_t i = 0; i < body->n_refusals; i++)
        EXPECT(skp_error((enum skp_err)body->refusals[i]->code) != NULL);
    return receipt;
}

static void remember_refused(struct scene *scene, const Skp__V1__Receipt *receipt)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    EXPECT(wire_unpack(&skp__v1__receipt_body__descriptor, wire_span(receipt->body),
                       &scene->w->arena, path, &message) == SKP_OK);
    const Skp__V1__ReceiptBody *body = (const Skp__V1__ReceiptBody *)message;
    for (size_t i = 0; i < body->n_refusals && scene->refused_count < REFUSED_MAX; i++) {
        EXPECT(body->refusals[i]->bundle < scene->parcel.bundle_count);
        scene->refused[scene->refused_count++] = (struct refused){
            scene->parcel.bundles[body->refusals[i]->bundle].id, body->refusals[i]->line};
    }
}

static void do_send(struct scene *scene, const struct step *step)
{
    struct signed_parcel letter;
    struct skp_id batch_id;
    memset(batch_id.bytes, 1 + (int)(step->argument & 0x10 ? 0 : scene->sends), ID_BYTES);
    if (scene->sends == SENDS_MAX || !parcel_sign(&scene->parcel, &batch_id, &letter))
        return;
    scene->sends++;
    struct answer *answer = submit(scene, &letter);
    if (answer->err == SKP_OK) {
        EXPECT(!letter.spoiled);
        const Skp__V1__Receipt *receipt = check_receipt(scene, answer, &letter);
        answer = submit(scene, &letter);
        EXPECT(answer->err == SKP_OK);
        const Skp__V1__Receipt *again = check_receipt(scene, answer, &letter);
        EXPECT(again->duplicate && span_equal(wire_span(receipt->body), wire_span(again->body)));
        for (size_t i = 0; i < scene->parcel.bundle_count; i++)
            remember_requests(scene, &scene->parcel.bundles[i]);
        remember_refused(scene, receipt);
    }
    parcel_begin(&scene->parcel, scene->w, scene->who);
}

/* ---------------------------------------------------------------- afterwards */

static void do_pass(struct scene *scene, const struct step *step)
{
    static const int64_t hours[] = {0, 1, 24, 73, 24 * 7, 24 * 20};
    office_pass(scene->w, hours[step->argument % 6] * 3600 * 1000);
}

static void do_agree(struct scene *scene, const struct step *step)
{
    struct agreement_terms terms = {.id = grow_id(11),
                                    .version = 1,
                                    .weekdays = step->argument % 2 ? MONDAYS : 0,
                                    .minute_of_day = TEN_HOURS,
                                    .form = SKP__V1__CONSENT_FORM__CONSENT_FORM_UNLESS_IMPEDIMENT};
    struct skp_id id;
    struct span file = agreement_file(scene->w, &scene->w->creditor, &terms, &id);
    json_decref(world_admin(scene->w, agreement_command(scene->w, file)));
}

static void check_mail(const struct scene *scene, const struct mail *mail)
{
    const struct skp_id *bundle_id = &mail->checked.head.bundle_id;
    for (size_t i = 0; i < scene->refused_count; i++) {
        const struct refused *refused = &scene->refused[i];
        if (id_equal(bundle_id, &refused->bundle_id) && !scene->reused)
            EXPECT(refused->line >= mail->checked.bundle->n_lines ||
                   mail->lines[refused->line] == NULL);
    }
}

/* fetch_all() verifies every delivery as its addressee does. */
static void do_fetch(struct scene *scene, const struct step *step)
{
    unsigned n = step->argument % 3;
    scene->posts[n] = fetch_all(scene->w, office_party(scene->w, n));
    for (size_t i = 0; i < scene->posts[n].count; i++)
        check_mail(scene, &scene->posts[n].mails[i]);
}

static void do_collect(struct scene *scene, const struct step *step)
{
    unsigned n = step->argument % 3;
    const struct party *party = office_party(scene->w, n);
    size_t count =
        scene->posts[n].count < FACT_MAX_COLLECTED ? scene->posts[n].count : FACT_MAX_COLLECTED;
    if (count > 0)
        (void)collect(scene->w, party, party->session, "", scene->posts[n].mails, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const verbs[])(struct scene *, const struct step *) = {
#define X(name) do_##name,
        VERBS(X)
#undef X
    };
    static struct scene scene;
    struct span script = span_of(data, size);
    struct step step;
    memset(&scene, 0, sizeof scene);
    scene.w = office_open();
    do_who(&scene, &(struct step){0});
    while (script_next(&script, &step))
        verbs[step.verb % VERB_COUNT](&scene, &step);
    office_close();
    return 0;
}
