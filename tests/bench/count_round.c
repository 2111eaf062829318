/* A small round through the engine in one thread, marked for callgrind: instructions per stage, which no other load on
 * the machine can blur. Run by `instructions`.
 *
 *   count_round FOLDER      a new folder, made here
 *
 * What clients do stands between the stages and is not counted. Each stage is one dump of callgrind's, named after it;
 * stdout tells how many requests the round has. */
#include "bench.h"
#include "engine.h"
#include "envelope.h"
#include "round_file.h"
#include "statement.h"
#include "wire.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <valgrind/callgrind.h>

#define ARENA_BYTES    ((size_t)1 << 30)
#define FETCH_MESSAGES 4096
#define FETCH_BYTES    (16U << 20)
#define PATH_BYTES     320
#define MAX_TICKS      1000

struct scene {
    struct round_plan plan;
    struct round_pki pki;
    struct clock_manual clock;
    struct engine *engine;
    struct arena arena;
    unsigned under_way;
    struct engine_frame *frames; /* of all answers of the stage */
    unsigned *receivers;         /* of each frame: a party */
    size_t frame_count, frame_room;
};

struct asked {
    struct scene *scene;
    unsigned party;
};

static struct span copy_of(struct arena *arena, struct span bytes)
{
    return span_of(arena_copy(arena, bytes.data, bytes.len), bytes.len);
}

/* ---------------------------------------------------------------- calls */

static void keep_frame(struct scene *scene, unsigned party, const struct engine_frame *frame)
{
    if (scene->frame_count == scene->frame_room) {
        scene->frame_room = scene->frame_room ? 2 * scene->frame_room : 256;
        scene->frames = realloc(scene->frames, scene->frame_room * sizeof *scene->frames);
        scene->receivers = realloc(scene->receivers, scene->frame_room * sizeof(unsigned));
        if (!scene->frames || !scene->receivers)
            bench_die("out of memory");
    }
    scene->receivers[scene->frame_count] = party;
    scene->frames[scene->frame_count++] =
        (struct engine_frame){.type = frame->type, .body = copy_of(&scene->arena, frame->body)};
}

static void on_done(struct engine_call *call)
{
    struct asked *asked = call->ctx;
    bench_must(call->err, call->sentence[0] ? call->sentence : "a call was refused");
    for (size_t i = 0; i < call->frame_count; i++)
        keep_frame(asked->scene, asked->party, &call->frames[i]);
    asked->scene->under_way--;
    engine_call_free(call);
    free(asked);
}

static struct engine_call *call_new(struct scene *scene, enum engine_verb verb, unsigned party,
                                    struct span request)
{
    static const struct skp_oin nobody;
    bool is_party = party < scene->plan.party_count;
    struct asked *asked = bench_calloc(1, sizeof *asked);
    *asked = (struct asked){.scene = scene, .party = party};
    struct engine_call *call = engine_call_new(
        scene->engine, verb, is_party ? &scene->plan.parties[party].identity.oin : &nobody,
        party + 1, on_done, asked);
    if (!call)
        bench_die("out of memory");
    bench_must(engine_call_request(call, request), "a request");
    return call;
}

static void submit(struct scene *scene, struct engine_call *call)
{
    scene->under_way++;
    engine_submit(call);
}

static void pump(struct scene *scene)
{
    while (engine_pump(scene->engine))
        continue;
    if (scene->under_way > 0)
        bench_die("%u calls did not come back", scene->under_way);
}

static struct span packed(struct scene *scene, const ProtobufCMessage *message)
{
    return wire_pack(message, &scene->arena);
}

/* All that was prepared goes in, and is counted until all of it came back. */
static void count(struct scene *scene, const char *stage, struct engine_call **calls,
                  unsigned call_count)
{
    scene->frame_count = 0;
    CALLGRIND_ZERO_STATS;
    CALLGRIND_TOGGLE_COLLECT;
    for (unsigned i = 0; i < call_count; i++)
        submit(scene, calls[i]);
    pump(scene);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(stage);
    fprintf(stderr, "%s: %u calls, %zu frames\n", stage, call_count, scene->frame_count);
}

/* ---------------------------------------------------------------- what clients do */

static struct engine_call *batch_call(struct scene *scene, unsigned party, long *offset)
{
    Skp__V1__Begin begin;
    struct round_batch batch;
    round_batches_next(&scene->plan, party, offset, &batch);
    skp__v1__begin__init(&begin);
    begin.header = wire_bytes(batch.sealed.header);
    begin.jws = wire_text(batch.sealed.jws);
    struct engine_call *call = call_new(scene, ENGINE_BATCH, party, packed(scene, &begin.base));
    for (size_t i = 0; i < batch.sealed.bundle_count; i++)
        bench_must(engine_call_part(call, batch.sealed.bundles[i]), "a bundle");
    round_batch_free(&batch);
    return call;
}

static void send_batches(struct scene *scene, const char *stage, unsigned from, unsigned to)
{
    struct engine_call **calls = bench_calloc(round_batch_count(&scene->plan), sizeof(void *));
    unsigned call_count = 0;
    for (unsigned party = from; party < to; party++) {
        long offset = 0;
        for (unsigned n = scene->plan.parties[party].batch_count; n > 0; n--)
            calls[call_count++] = batch_call(scene, party, &offset);
    }
    count(scene, stage, calls, call_count);
    free(calls);
}

static void fetch(struct scene *scene, const char *stage, unsigned from, unsigned to)
{
    struct engine_call **calls = bench_calloc(to - from, sizeof(void *));
    for (unsigned party = from; party < to; party++) {
        Skp__V1__Fetch message;
        skp__v1__fetch__init(&message);
        message.mailbox = wire_text("");
        message.messages = FETCH_MESSAGES;
        message.bytes = FETCH_BYTES;
        calls[party - from] = call_new(scene, ENGINE_FETCH, party, packed(scene, &message.base));
    }
    count(scene, stage, calls, to - from);
    free(calls);
}

/* What a statement needs of a delivery, none of it checked: that is the client's work, not counted here. */
static void read_item(struct scene *scene, const struct engine_frame *frame,
                      Skp__V1__CollectedItem *ret_item)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    bench_must(
        wire_unpack(&skp__v1__delivery__descriptor, frame->body, &scene->arena, path, &message),
        "a delivery");
    const Skp__V1__Delivery *delivery = (const Skp__V1__Delivery *)(const void *)message;
    bench_must(wire_unpack(&skp__v1__bundle__descriptor, wire_span(delivery->bundle), &scene->arena,
                           path, &message),
               "a bundle");
    const Skp__V1__Bundle *bundle = (const Skp__V1__Bundle *)(const void *)message;
    struct skp_hash hash = sha256(wire_span(bundle->head));
    skp__v1__collected_item__init(ret_item);
    ret_item->position = delivery->position;
    ret_item->head_hash = wire_bytes(copy_of(&scene->arena, span_of(hash.bytes, HASH_BYTES)));
}

static struct engine_call *collect_call(struct scene *scene, unsigned party,
                                        const Skp__V1__CollectedItem *items, size_t item_count)
{
    Skp__V1__Collect collect;
    const struct round_identity *identity = &scene->plan.parties[party].identity;
    bench_must(statement_make(identity->sign, &identity->oin, "", items, item_count,
                              clock_real_ms(&scene->clock.clock), &scene->arena, &collect),
               "signing");
    return call_new(scene, ENGINE_COLLECT, party, packed(scene, &collect.base));
}

/* One statement per party over all the deliveries of the stage before. */
static void collect(struct scene *scene, const char *stage, unsigned from, unsigned to)
{
    struct engine_call **calls = bench_calloc(to - from, sizeof(void *));
    unsigned call_count = 0;
    for (unsigned party = from; party < to; party++) {
        Skp__V1__CollectedItem *items = bench_calloc(scene->frame_count, sizeof *items);
        size_t item_count = 0;
        for (size_t i = 0; i < scene->frame_count; i++)
            if (scene->receivers[i] == party && scene->frames[i].type == FRAME_DELIVERY)
                read_item(scene, &scene->frames[i], &items[item_count++]);
        if (item_count > 0)
            calls[call_count++] = collect_call(scene, party, items, item_count);
        free(items);
    }
    count(scene, stage, calls, call_count);
    free(calls);
}

/* The clock participant: cases are folded. */
static void tick(struct scene *scene)
{
    struct engine_call *call;
    for (int i = 0; i < MAX_TICKS && engine_next_tick_ms(scene->engine) == 0; i++) {
        call = call_new(scene, ENGINE_TICK, UINT32_MAX, span_of("", 0));
        submit(scene, call);
        pump(scene);
    }
    scene->frame_count = 0;
}

static void count_ticks(struct scene *scene)
{
    CALLGRIND_ZERO_STATS;
    CALLGRIND_TOGGLE_COLLECT;
    tick(scene);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT("fold");
}

/* ---------------------------------------------------------------- the scene */

static void open_engine(struct scene *scene, const char *folder)
{
    char path[PATH_BYTES];
    char key[PATH_BYTES];
    char crl[PATH_BYTES];
    char why[512] = "";
    const char *words = "";
    struct engine_config config = {.clock = &scene->clock.clock, .name = "TEST"};
    snprintf(path, sizeof path, "%s/store.db", folder);
    if (store_sqlite_open(path, true, &config.store, why))
        bench_die("%s", why);
    round_pki_file(&scene->pki, "ca.pem", path);
    round_pki_file(&scene->pki, "crl.pem", crl);
    if (trust_load(path, crl, &config.trust, &words))
        bench_die("%s", words);
    round_pki_file(&scene->pki, "broker-sign.pem", path);
    round_pki_file(&scene->pki, "broker-sign.key", key);
    if (keypair_load(path, key, &config.signer, &words))
        bench_die("%s", words);
    if (engine_open(&config, &scene->engine, why))
        bench_die("%s", why);
    trust_unref(config.trust);
    keypair_unref(config.signer);
}

static void publish(struct scene *scene, unsigned party)
{
    Skp__V1__MailboxRecord record;
    Skp__V1__SignedRecord signed_record;
    Skp__V1__Publish message;
    const char *jws;
    int64_t now_ms = clock_real_ms(&scene->clock.clock);
    const struct round_identity *identity = &scene->plan.parties[party].identity;
    ProtobufCBinaryData cert = wire_bytes(keypair_der(identity->enc));
    skp__v1__mailbox_record__init(&record);
    skp__v1__signed_record__init(&signed_record);
    skp__v1__publish__init(&message);
    record.context = wire_text(MAILBOX_CONTEXT);
    record.participant = wire_text(identity->oin.text);
    record.mailbox = wire_text("");
    record.version = 1;
    record.created_at_ms = now_ms;
    record.encryption_certificates = &cert;
    record.n_encryption_certificates = 1;
    struct span bytes = packed(scene, &record.base);
    bench_must(jws_sign(identity->sign, bytes, now_ms, &scene->arena, &jws), "signing");
    signed_record.record = wire_bytes(bytes);
    signed_record.jws = wire_text(jws);
    message.record = &signed_record;
    submit(scene, call_new(scene, ENGINE_PUBLISH, party, packed(scene, &message.base)));
    pump(scene);
}

static void enroll(struct scene *scene, unsigned party)
{
    char json[256];
    snprintf(
        json, sizeof json,
        "{\"command\":\"participant.add\",\"oin\":\"%s\",\"name\":\"TEST\",\"roles\":[\"%s\"]}",
        scene->plan.parties[party].identity.oin.text,
        round_is_counsellor(&scene->plan, party) ? "counsellor" : "creditor");
    submit(scene, call_new(scene, ENGINE_ADMIN, UINT32_MAX, span_text(json)));
    pump(scene);
    publish(scene, party);
}

static void play(struct scene *scene)
{
    unsigned counsellors = scene->plan.shape.counsellors;
    unsigned parties = scene->plan.party_count;
    for (unsigned i = 0; i < parties; i++)
        enroll(scene, i);
    send_batches(scene, "register", 0, counsellors);
    fetch(scene, "deliver_requests", counsellors, parties);
    collect(scene, "collect_requests", counsellors, parties);
    tick(scene);
    send_batches(scene, "answer", counsellors, parties);
    fetch(scene, "deliver_answers", 0, counsellors);
    collect(scene, "collect_answers", 0, counsellors);
    count_ticks(scene);
}

int main(int argc, char **argv)
{
    const struct round_shape shape = {.cases = 20,
                                      .requests_tenths = 150,
                                      .creditors = 20,
                                      .counsellors = 2,
                                      .bundle_lines = BUNDLE_MAX_LINES,
                                      .batches_in_air = 1};
    char path[PATH_BYTES];
    static struct scene scene;
    if (argc != 2 || mkdir(argv[1], 0700) != 0)
        bench_die("usage: count_round FOLDER, which must not exist yet");
    arena_init(&scene.arena, ARENA_BYTES);
    clock_manual_init(&scene.clock, (int64_t)time(NULL) * 1000);
    snprintf(path, sizeof path, "%s/pki", argv[1]);
    round_pki_make(&scene.pki, path);
    snprintf(path, sizeof path, "%s/batches", argv[1]);
    round_plan_make(&scene.plan, &shape, &scene.pki, path);
    open_engine(&scene, argv[1]);
    play(&scene);
    engine_close(scene.engine);
    printf("requests=%u\n", scene.plan.request_count);
    round_plan_free(&scene.plan);
    round_pki_fini(&scene.pki);
    arena_fini(&scene.arena);
    free(scene.frames);
    free(scene.receivers);
    return 0;
}
