#include "engine_fixture.h"

#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---------------------------------------------------------------- keys */

static struct keypair *load_keypair(const char *name)
{
    char cert[PATH_MAX];
    char key[PATH_MAX];
    const char *why = "";
    struct keypair *keypair = NULL;
    (void)snprintf(cert, sizeof cert, TEST_CERTS "/%s.pem", name);
    (void)snprintf(key, sizeof key, TEST_CERTS "/%s.key", name);
    if (keypair_load(cert, key, &keypair, &why))
        fail_msg("%s: %s (made by the test test_certificates)", name, why);
    return keypair;
}

static void party_init(struct party *party, const char *oin, uint64_t session)
{
    char name[128];
    (void)snprintf(name, sizeof name, "participants/%s/sign", oin);
    party->signs = load_keypair(name);
    (void)snprintf(name, sizeof name, "participants/%s/enc", oin);
    party->opens = load_keypair(name);
    assert_true(oin_take(span_text(oin), &party->oin));
    party->session = session;
}

static void party_fini(struct party *party)
{
    keypair_unref(party->signs);
    keypair_unref(party->opens);
}

/* ---------------------------------------------------------------- the world */

static void on_wake(void *ctx, const struct skp_oin *participant, const char *mailbox)
{
    struct world *w = ctx;
    (void)mailbox;
    if (w->woken_count < sizeof w->woken / sizeof w->woken[0])
        w->woken[w->woken_count++] = *participant;
}

enum skp_err world_open(struct world *w, struct store *store, bool play)
{
    char why[512] = "";
    struct engine_config config = {.store = store,
                                   .clock = &w->clock.clock,
                                   .trust = w->trust,
                                   .signer = w->broker_signs,
                                   .name = "TEST postkantoor",
                                   .play = play,
                                   .verify_threads = w->threads,
                                   .hold_limit_ms = w->hold_limit_ms,
                                   .hold_deadlines = w->hold_deadlines,
                                   .accepted_loss = w->accepted_loss};
    w->store = store;
    enum skp_err err = engine_open(&config, &w->engine, why);
    if (err) {
        w->engine = NULL;
        print_message("engine_open: %s\n", why);
        return err;
    }
    engine_on_wake(w->engine, on_wake, w);
    return SKP_OK;
}

void world_close(struct world *w)
{
    engine_close(w->engine);
    w->engine = NULL;
}

void world_init(struct world *w, bool play)
{
    const char *why = "";
    struct store *store;
    memset(w, 0, sizeof *w);
    arena_init(&w->arena, (size_t)1 << 30);
    clock_manual_init(&w->clock, (int64_t)time(NULL) * 1000);
    if (trust_load(TEST_CERTS "/ca.pem", TEST_CERTS "/crl.pem", &w->trust, &why))
        fail_msg("%s", why);
    w->cache = jws_cache_new(16);
    assert_non_null(w->cache);
    w->broker_signs = load_keypair("broker/sign");
    assert_ok(cert_oin(keypair_cert(w->broker_signs), &w->broker));
    party_init(&w->counsellor, OIN_COUNSELLOR, 1);
    party_init(&w->creditor, OIN_CREDITOR, 2);
    party_init(&w->rsa, OIN_RSA, 3);
    world_set_time(w, WORLD_MONDAY, WORLD_MINUTE);
    assert_ok(store_memory_open(&store));
    assert_ok(world_open(w, store, play));
}

void world_fini(struct world *w)
{
    world_close(w);
    party_fini(&w->counsellor);
    party_fini(&w->creditor);
    party_fini(&w->rsa);
    keypair_unref(w->broker_signs);
    jws_cache_free(w->cache);
    trust_unref(w->trust);
    arena_fini(&w->arena);
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_init(w, true);
    world_people(w);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    world_fini(w);
    free(w);
    return 0;
}

void world_people(struct world *w)
{
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_COUNSELLOR
                       "','name':'TEST Kredietbank','roles':['counsellor']}");
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_CREDITOR
                       "','name':'TEST Energie','roles':['creditor'],'bsn_entitled':true}");
    assert_admin_ok(w, "{'command':'participant.add','oin':'" OIN_RSA
                       "','name':'TEST Incasso','roles':['creditor']}");
    assert_ok(publish_record(w, &w->counsellor, "", 1));
    assert_ok(publish_record(w, &w->creditor, "", 1));
    assert_ok(publish_record(w, &w->rsa, "", 1));
}

/* ---------------------------------------------------------------- time */

void world_set_time(struct world *w, plain_date date, int minute)
{
    clock_set_business_offset(&w->clock.clock,
                              calendar_ms_of(date, minute) - clock_real_ms(&w->clock.clock));
}

int64_t world_now_ms(const struct world *w)
{
    return clock_business_ms(&w->clock.clock);
}

unsigned world_tick(struct world *w)
{
    struct party nobody = {.session = 0};
    unsigned ticks = 0;
    while (engine_next_tick_ms(w->engine) == 0) {
        assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err);
        if (++ticks > 10000)
            fail_msg("the clock participant never comes to rest");
    }
    return ticks;
}

void world_go_to(struct world *w, plain_date date, int minute)
{
    world_set_time(w, date, minute);
    world_tick(w);
}

/* ---------------------------------------------------------------- calls */

struct waiting {
    struct world *world;
    struct answer *answer;
};

static const void *keep(struct world *w, const void *data, size_t len)
{
    void *copy = arena_copy(&w->arena, data, len);
    assert_true(copy || len == 0);
    return copy;
}

static void on_done(struct engine_call *call)
{
    const struct waiting *waiting = call->ctx;
    struct world *w = waiting->world;
    struct answer *answer = waiting->answer;
    w->under_way--;
    answer->times++;
    answer->err = call->err;
    answer->path = keep(w, call->path, strlen(call->path) + 1);
    answer->sentence = keep(w, call->sentence, strlen(call->sentence) + 1);
    answer->caught_up = call->caught_up;
    answer->fetched_bytes = call->fetched_bytes;
    answer->place = call->place;
    answer->frame_count = call->frame_count;
    answer->frames = arena_calloc(&w->arena, call->frame_count + 1, sizeof *answer->frames);
    for (size_t i = 0; i < call->frame_count; i++) {
        struct span body = call->frames[i].body;
        assert_true(body.len <= FRAME_MAX_BYTES - 2);
        answer->frames[i].type = call->frames[i].type;
        answer->frames[i].body = span_of(keep(w, body.data, body.len), body.len);
    }
    if (call->answer_text)
        answer->text = keep(w, call->answer_text, strlen(call->answer_text) + 1);
    engine_call_free(call);
}

struct answer *world_submit(struct world *w, const struct party *who, enum engine_verb verb,
                            struct span request, const struct span *parts, size_t part_count)
{
    struct waiting *waiting = arena_calloc(&w->arena, 1, sizeof *waiting);
    waiting->world = w;
    waiting->answer = arena_calloc(&w->arena, 1, sizeof *waiting->answer);
    struct engine_call *call =
        engine_call_new(w->engine, verb, &who->oin, who->session, on_done, waiting);
    assert_non_null(call);
    call->place = who->place;
    assert_ok(engine_call_request(call, request));
    for (size_t i = 0; i < part_count; i++)
        assert_ok(engine_call_part(call, parts[i]));
    w->under_way++;
    engine_submit(call);
    assert_int_equal(waiting->answer->times, 0);
    return waiting->answer;
}

void world_pump(struct world *w)
{
    const struct timespec moment = {.tv_nsec = 200000};
    while (w->threads == 0 && engine_pump(w->engine))
        continue;
    while (w->threads > 0) {
        engine_run_done(w->engine);
        if (w->under_way == 0)
            break;
        (void)nanosleep(&moment, NULL);
    }
}

struct answer *world_ask(struct world *w, const struct party *who, enum engine_verb verb,
                         const ProtobufCMessage *request)
{
    struct span body = request ? wire_pack(request, &w->arena) : span_of("", 0);
    assert_non_null(body.data);
    struct answer *answer = world_submit(w, who, verb, body, NULL, 0);
    world_pump(w);
    assert_int_equal(answer->times, 1);
    return answer;
}

void *world_frame(struct world *w, const struct answer *answer, size_t index, enum frame_type type,
                  const ProtobufCMessageDescriptor *descriptor)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message = NULL;
    if (answer->err)
        fail_msg("%s at \"%s\": %s", skp_error_name(answer->err), answer->path, answer->sentence);
    assert_true(index < answer->frame_count);
    assert_int_equal(answer->frames[index].type, type);
    assert_ok(wire_unpack(descriptor, answer->frames[index].body, &w->arena, path, &message));
    return message;
}

/* ---------------------------------------------------------------- admin */

static struct span with_quotes(struct world *w, const char *json)
{
    size_t len = strlen(json);
    char *text = arena_copy(&w->arena, json, len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    return span_of(text, len);
}

/* The way in that the control socket would take. */
static enum engine_verb way_in(struct span request)
{
    json_t *json = json_loadb((const char *)request.data, request.len, 0, NULL);
    const char *command = json_string_value(json_object_get(json, "command"));
    enum engine_verb verb = command ? engine_admin_verb(command) : ENGINE_ADMIN;
    json_decref(json);
    return verb;
}

struct json_t *world_admin(struct world *w, const char *json)
{
    struct party nobody = {.session = 0};
    struct span request = with_quotes(w, json);
    struct answer *answer = world_submit(w, &nobody, way_in(request), request, NULL, 0);
    world_pump(w);
    assert_int_equal(answer->times, 1);
    assert_ok(answer->err);
    assert_non_null(answer->text);
    json_t *said = json_loads(answer->text, 0, NULL);
    assert_non_null(said);
    return said;
}

void assert_admin_ok(struct world *w, const char *json)
{
    json_t *said = world_admin(w, json);
    if (!json_is_true(json_object_get(said, "ok"))) {
        char *text = json_dumps(said, 0);
        print_message("%s\n", text);
        free(text);
    }
    assert_true(json_is_true(json_object_get(said, "ok")));
    json_decref(said);
}

void assert_admin_refused(struct world *w, const char *json, enum skp_err err)
{
    json_t *said = world_admin(w, json);
    const json_t *error = json_object_get(said, "error");
    assert_true(json_is_false(json_object_get(said, "ok")));
    assert_string_equal(json_string_value(json_object_get(error, "name")), skp_error_name(err));
    assert_err(json_integer_value(json_object_get(error, "code")), err);
    assert_true(strlen(json_string_value(json_object_get(error, "sentence"))) > 0);
    json_decref(said);
}

/* ---------------------------------------------------------------- directory */

static struct answer *submit_record(struct world *w, const struct party *party,
                                    Skp__V1__MailboxRecord *record)
{
    Skp__V1__SignedRecord signed_record;
    Skp__V1__Publish publish;
    const char *jws;
    skp__v1__signed_record__init(&signed_record);
    skp__v1__publish__init(&publish);
    ProtobufCBinaryData certificate = wire_bytes(keypair_der(party->opens));
    record->context = wire_text(MAILBOX_CONTEXT);
    record->participant = wire_text(party->oin.text);
    record->created_at_ms = clock_real_ms(&w->clock.clock);
    record->n_encryption_certificates = 1;
    record->encryption_certificates = &certificate;
    struct span bytes = wire_pack(&record->base, &w->arena);
    assert_ok(jws_sign(party->signs, bytes, record->created_at_ms, &w->arena, &jws));
    signed_record.record = wire_bytes(bytes);
    signed_record.jws = wire_text(jws);
    publish.record = &signed_record;
    publish.tag = 7;
    return world_submit(w, party, ENGINE_PUBLISH, wire_pack(&publish.base, &w->arena), NULL, 0);
}

static enum skp_err publish_for(struct world *w, const struct party *party,
                                Skp__V1__MailboxRecord *record)
{
    struct answer *answer = submit_record(w, party, record);
    world_pump(w);
    if (!answer->err) {
        Skp__V1__Published *published =
            world_frame(w, answer, 0, FRAME_PUBLISHED, &skp__v1__published__descriptor);
        assert_int_equal(published->tag, 7);
        assert_int_equal(published->version, record->version);
    }
    return answer->err;
}

enum skp_err publish_record(struct world *w, const struct party *party, const char *mailbox,
                            uint32_t version)
{
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    record.mailbox = wire_text(mailbox);
    record.version = version;
    return publish_for(w, party, &record);
}

struct answer *publish_submit(struct world *w, const struct party *party, const char *mailbox,
                              uint32_t version)
{
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    record.mailbox = wire_text(mailbox);
    record.version = version;
    return submit_record(w, party, &record);
}

enum skp_err publish_withdrawing(struct world *w, const struct party *party, uint32_t version,
                                 struct skp_hash *withdrawn, size_t count)
{
    Skp__V1__MailboxRecord record;
    ProtobufCBinaryData hashes[4];
    assert_true(count <= 4);
    skp__v1__mailbox_record__init(&record);
    record.mailbox = wire_text("");
    record.version = version;
    for (size_t i = 0; i < count; i++)
        hashes[i] = wire_bytes(span_of(withdrawn[i].bytes, HASH_BYTES));
    record.withdrawn = hashes;
    record.n_withdrawn = count;
    return publish_for(w, party, &record);
}

static void fill_agreement(Skp__V1__Agreement *agreement, const struct agreement_terms *terms)
{
    agreement->context = wire_text(AGREEMENT_CONTEXT);
    agreement->version = terms->version ? terms->version : 1;
    agreement->valid_from_date = terms->valid_from ? terms->valid_from : 20200101;
    agreement->valid_until_date = terms->valid_until;
    agreement->consent_form =
        terms->form ? terms->form : SKP__V1__CONSENT_FORM__CONSENT_FORM_PER_REQUEST_YES;
    agreement->term_working_days = terms->term_working_days ? terms->term_working_days : 10;
    agreement->waiting_working_days = terms->waiting_working_days;
    agreement->silence = SKP__V1__SILENCE_MEANS__SILENCE_MEANS_NOTHING;
    agreement->brand = wire_text(terms->brand ? terms->brand : "");
}

struct span agreement_file(struct world *w, const struct party *creditor,
                           const struct agreement_terms *terms, struct skp_id *ret_id)
{
    Skp__V1__Agreement agreement;
    Skp__V1__RoundSchedule schedule;
    Skp__V1__SignedAgreement file;
    skp__v1__agreement__init(&agreement);
    skp__v1__round_schedule__init(&schedule);
    skp__v1__signed_agreement__init(&file);
    fill_agreement(&agreement, terms);
    char *counsellors[] = {w->counsellor.oin.text};
    Skp__V1__Product products[] = {terms->product};
    *ret_id = id_is_nil(&terms->id) ? id_new() : terms->id;
    agreement.agreement_id = wire_id(ret_id);
    agreement.creditor = wire_text(creditor->oin.text);
    agreement.n_counsellors = 1;
    agreement.counsellors = counsellors;
    agreement.n_products = terms->product ? 1 : 0;
    agreement.products = products;
    schedule.weekdays = terms->weekdays;
    schedule.minute_of_day = (uint32_t)terms->minute_of_day;
    agreement.schedule = &schedule;
    struct span bytes = wire_pack(&agreement.base, &w->arena);
    const char *jws[2];
    int64_t now = clock_real_ms(&w->clock.clock);
    assert_ok(jws_sign(creditor->signs, bytes, now, &w->arena, &jws[0]));
    assert_ok(jws_sign(w->counsellor.signs, bytes, now, &w->arena, &jws[1]));
    char *signatures[] = {wire_text(jws[0]), wire_text(jws[1])};
    file.agreement = wire_bytes(bytes);
    file.n_signatures = 2;
    file.signatures = signatures;
    return wire_pack(&file.base, &w->arena);
}

const char *agreement_command(struct world *w, struct span file)
{
    static const char before[] = "{'command':'agreement.admit','file_base64':'";
    char *text = arena_calloc(&w->arena, 1, sizeof before + file.len / 3 * 4 + 16);
    assert_non_null(text);
    memcpy(text, before, sizeof before - 1);
    int len = EVP_EncodeBlock((unsigned char *)text + sizeof before - 1, file.data, (int)file.len);
    memcpy(text + sizeof before - 1 + len, "'}", 3);
    return text;
}

struct skp_id agreement_make(struct world *w, const struct party *creditor,
                             const struct agreement_terms *terms)
{
    struct skp_id id;
    assert_admin_ok(w, agreement_command(w, agreement_file(w, creditor, terms, &id)));
    return id;
}
