/* Whole sessions: up to four participants at a broker in this thread, without TLS, on a clock that stands
 * still until the input says how far it goes.
 *
 * The input is a script (script.h): good frames of each kind, frames that say anything, bytes that are no
 * frames, pieces, silence, ears that close. The broker may say what it likes as long as it is well-formed,
 * is its to say, verifies, and comes to an end; a session that stays silent does not live for ever. */
#include "grow.h"
#include "line_end.h"
#include "script.h"

#include "frame.h"
#include "messages.h"
#include "statement.h"

#define ENDS      4
#define CASES_MAX 8

struct scene {
    struct world *w;
    struct event_base *base;
    struct server *server;
    struct line_end ends[ENDS];
    struct told_case cases[CASES_MAX];
    size_t case_count, answered;
    unsigned stopped;
};

#define VERBS(X)                                                                                   \
    X(open)                                                                                        \
    X(hello)                                                                                       \
    X(frame)                                                                                       \
    X(raw)                                                                                         \
    X(pass)                                                                                        \
    X(letter)                                                                                      \
    X(answer)                                                                                      \
    X(fetch)                                                                                       \
    X(collect)                                                                                     \
    X(manners)                                                                                     \
    X(leave)                                                                                       \
    X(stop)

enum verb_number {
#define X(name) VERB_##name,
    VERBS(X)
#undef X
        VERB_COUNT
};
const unsigned script_verbs = VERB_COUNT;

struct frame_row {
    enum frame_type type;
    const ProtobufCMessageDescriptor *descriptor;
};
static const struct frame_row frames[] = {
#define X(name, number, message, sender) {FRAME_##name, &skp__v1__##message##__descriptor},
    FRAME_TYPES(X)
#undef X
};
#define FRAME_COUNT (sizeof frames / sizeof frames[0])

/* Of a frame: which type, by its place in the list, and its body. */
size_t script_bytes_for(uint8_t verb, uint64_t *random, uint8_t *ret_bytes, size_t max)
{
    if (verb == VERB_frame) {
        size_t which = (size_t)(grow_random(random) >> 16) % FRAME_COUNT;
        ret_bytes[0] = (uint8_t)which;
        return 1 + grow_message(frames[which].descriptor, random, ret_bytes + 1, max - 1);
    }
    for (size_t i = 0; i < 8; i++)
        ret_bytes[i] = (uint8_t)(grow_random(random) >> 24);
    return 8;
}

/* ---------------------------------------------------------------- sending */

static void settle(struct scene *scene)
{
    line_pump(scene->w, scene->base, scene->server);
    for (size_t i = 0; i < ENDS; i++) {
        if (scene->ends[i].stream != NULL && !scene->ends[i].deaf)
            line_hear(&scene->ends[i]);
    }
}

static struct line_end *end_of(struct scene *scene, const struct step *step)
{
    struct line_end *end = &scene->ends[step->argument % ENDS];
    return end->stream != NULL ? end : NULL;
}

static void send_body(struct scene *scene, struct line_end *end, enum frame_type type,
                      struct span body)
{
    size_t len = FRAME_HEADER_BYTES + body.len;
    uint8_t *bytes = arena_alloc(&scene->w->arena, len);
    EXPECT(bytes != NULL);
    frame_write_header(type, body.len, bytes);
    if (body.len > 0)
        memcpy(bytes + FRAME_HEADER_BYTES, body.data, body.len);
    line_write(end, scene->base, scene->server, span_of(bytes, len));
    settle(scene);
}

static void send_message(struct scene *scene, struct line_end *end, enum frame_type type,
                         const ProtobufCMessage *message)
{
    send_body(scene, end, type, wire_pack(message, &scene->w->arena));
}

static void on_event(struct bufferevent *stream, short what, void *ctx)
{
    struct line_end *end = ctx;
    (void)stream;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        end->closed = true;
}

static void hang_up(struct line_end *end)
{
    if (end->stream == NULL)
        return;
    (void)bufferevent_flush(end->stream, EV_WRITE, BEV_FINISHED);
    bufferevent_free(end->stream);
    end->stream = NULL;
}

static void do_leave(struct scene *scene, const struct step *step)
{
    hang_up(&scene->ends[step->argument % ENDS]);
    settle(scene);
}

static void do_open(struct scene *scene, const struct step *step)
{
    struct bufferevent *pair[2];
    struct line_end *end = &scene->ends[step->argument % ENDS];
    hang_up(end);
    EXPECT(bufferevent_pair_new(scene->base, BEV_OPT_CLOSE_ON_FREE, pair) == 0);
    *end = (struct line_end){.world = scene->w,
                             .party = office_party(scene->w, step->argument % ENDS),
                             .stream = pair[0]};
    bufferevent_setcb(end->stream, NULL, NULL, on_event, end);
    (void)bufferevent_enable(end->stream, EV_READ | EV_WRITE);
    server_adopt(scene->server, pair[1], &end->party->oin, "fuzz");
    settle(scene);
}

static void do_hello(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    uint32_t versions[] = {PROTOCOL_VERSION};
    Skp__V1__Hello hello;
    skp__v1__hello__init(&hello);
    if (end == NULL)
        return;
    hello.versions = versions;
    hello.n_versions = 1;
    send_message(scene, end, FRAME_HELLO, &hello.base);
}

/* Credit is given by any Fetch that can be read. */
static void give_credit(struct scene *scene, struct line_end *end, struct span body)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    if (wire_unpack(&skp__v1__fetch__descriptor, body, &scene->w->arena, path, &message) == SKP_OK)
        end->credit += ((const Skp__V1__Fetch *)message)->messages;
}

/* Only a statement that was not signed is sent under this tag. */
static bool says_unsigned_tag(struct scene *scene, enum frame_type type, struct span body)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    return type == FRAME_COLLECT &&
           wire_unpack(&skp__v1__collect__descriptor, body, &scene->w->arena, path, &message) ==
               SKP_OK &&
           ((const Skp__V1__Collect *)message)->tag == UNSIGNED_TAG;
}

static void do_frame(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    struct span body = step->bytes;
    enum frame_type type = frames[take_byte(&body) % FRAME_COUNT].type;
    if (end == NULL)
        return;
    if (type == FRAME_FETCH)
        give_credit(scene, end, body);
    if (!says_unsigned_tag(scene, type, body))
        send_body(scene, end, type, body);
}

static void do_raw(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    if (end == NULL)
        return;
    line_write(end, scene->base, scene->server, step->bytes);
    settle(scene);
}

/* ---------------------------------------------------------------- mail */

static void send_letter(struct scene *scene, struct line_end *end, struct letter *letter,
                        unsigned frames_missing)
{
    Skp__V1__Begin begin;
    Skp__V1__End last;
    skp__v1__begin__init(&begin);
    skp__v1__end__init(&last);
    letter_sign(letter);
    begin.header = wire_bytes(letter->batch.header);
    begin.jws = wire_text(letter->batch.jws);
    last.batch_id = wire_id(&letter->batch.batch_id);
    send_message(scene, end, FRAME_BEGIN, &begin.base);
    for (size_t i = 0; i < letter->batch.bundle_count && frames_missing < 2 && end->stream; i++)
        send_body(scene, end, FRAME_BUNDLE, letter->batch.bundles[i]);
    if (frames_missing < 1)
        send_message(scene, end, FRAME_END, &last.base);
}

/* Bits of the argument from 4 on: how many frames of the batch never come. */
static void do_letter(struct scene *scene, const struct step *step)
{
    struct letter letter;
    struct line_end *end = end_of(scene, step);
    if (end == NULL || end->party != &scene->w->counsellor || scene->case_count == CASES_MAX)
        return;
    struct told_case *told = &scene->cases[scene->case_count++];
    struct span rest = step->bytes;
    const struct party *creditor = office_party(scene->w, 1 + take_byte(&rest) % 2);
    case_make(told, creditor, 1 + take_byte(&rest) % 3);
    letter_begin(&letter, scene->w, end->party);
    case_write(&letter, told);
    send_letter(scene, end, &letter, step->argument >> 4);
}

static void do_answer(struct scene *scene, const struct step *step)
{
    struct letter letter;
    struct line_end *end = end_of(scene, step);
    if (end == NULL || scene->case_count == 0)
        return;
    struct told_case *told = &scene->cases[scene->answered++ % scene->case_count];
    letter_begin(&letter, scene->w, end->party);
    letter_to(&letter, &scene->w->counsellor);
    for (size_t i = 0; i < told->count; i++)
        line_answer(&letter, &told->requests[i], 12345);
    send_letter(scene, end, &letter, step->argument >> 4);
}

static void do_fetch(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    struct span rest = step->bytes;
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    if (end == NULL)
        return;
    fetch.messages = 1 + take_byte(&rest) % 16;
    fetch.bytes = 1024u << take_byte(&rest) % 12;
    fetch.lease_seconds = take_byte(&rest);
    end->credit += fetch.messages;
    send_message(scene, end, FRAME_FETCH, &fetch.base);
}

/* From 16 on the argument says: signed by somebody else. */
static void do_collect(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    Skp__V1__CollectedItem items[HEARD_MAX];
    Skp__V1__Collect collect;
    if (end == NULL || end->mail_count == 0)
        return;
    struct world *w = scene->w;
    size_t count = end->mail_count < HEARD_MAX ? end->mail_count : HEARD_MAX;
    for (size_t i = 0; i < count; i++) {
        skp__v1__collected_item__init(&items[i]);
        items[i].position = end->mails[i].delivery->position;
        items[i].head_hash = wire_bytes(span_of(end->mails[i].checked.head_hash.bytes, HASH_BYTES));
    }
    bool by_another = step->argument & 0x10;
    const struct party *signer = by_another ? &w->rsa : end->party;
    EXPECT(statement_make(signer->signs, &end->party->oin, "", items, count,
                          clock_real_ms(&w->clock.clock), &w->arena, &collect) == SKP_OK);
    collect.tag = end->party != signer ? UNSIGNED_TAG : 0;
    send_message(scene, end, FRAME_COLLECT, &collect.base);
}

/* ---------------------------------------------------------------- time and manners */

static void pass_ms(struct scene *scene, int64_t ms)
{
    clock_manual_advance(&scene->w->clock, ms);
    server_sweep(scene->server);
    settle(scene);
}

static void do_pass(struct scene *scene, const struct step *step)
{
    static const int64_t steps_ms[] = {1, 200, 1000, 11000, 61000, 200000, 3600000, 86400000};
    pass_ms(scene, steps_ms[step->argument % 8]);
}

static void do_manners(struct scene *scene, const struct step *step)
{
    struct line_end *end = end_of(scene, step);
    if (end == NULL)
        return;
    end->deaf = step->argument & 0x10;
    end->piece_bytes = step->argument >> 5;
    (void)(end->deaf ? bufferevent_disable(end->stream, EV_READ)
                     : bufferevent_enable(end->stream, EV_READ));
    settle(scene);
}

static void do_stop(struct scene *scene, const struct step *step)
{
    if (step->argument % 4 == 0 && scene->stopped == 0)
        server_stop(scene->server, (int64_t)step->argument * 100);
    settle(scene);
}

/* ---------------------------------------------------------------- the whole */

static void on_stopped(void *ctx)
{
    struct scene *scene = ctx;
    scene->stopped++;
}

static void scene_init(struct scene *scene)
{
    static struct event_base *base;
    char why[CREDENTIALS_WHY_BYTES];
    if (base == NULL)
        base = event_base_new();
    memset(scene, 0, sizeof *scene);
    scene->w = office_open();
    scene->base = base;
    struct server_config config = {.base = base,
                                   .engine = scene->w->engine,
                                   .clock = &scene->w->clock.clock,
                                   .limits = server_limits_default(),
                                   .stopped = on_stopped,
                                   .stopped_ctx = scene};
    EXPECT(server_new(&config, &scene->server, why) == SKP_OK);
}

static void scene_fini(struct scene *scene)
{
    for (unsigned minute = 0; minute < 10; minute++)
        pass_ms(scene, 60000);
    EXPECT(server_status(scene->server).sessions == 0);
    server_stop(scene->server, 1000);
    pass_ms(scene, 2000);
    EXPECT(scene->stopped == 1);
    for (size_t i = 0; i < ENDS; i++)
        hang_up(&scene->ends[i]);
    (void)event_base_loop(scene->base, EVLOOP_NONBLOCK);
    office_close();
    server_free(scene->server);
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
    scene_init(&scene);
    while (script_next(&script, &step))
        verbs[step.verb % VERB_COUNT](&scene, &step);
    scene_fini(&scene);
    return 0;
}
