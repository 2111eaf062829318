/* A client that reads a mailbox and asks questions, and deliveries for its broker to send. */
#ifndef SKP_MAILBOX_FIXTURE_H
#define SKP_MAILBOX_FIXTURE_H

#include "client_fixture.h"

#define PART "wie dit leest heeft de sleutel"

/* A client with everything a mailbox needs, and what its callbacks saw. */
struct reading {
    struct seen seen; /* first: the plain callbacks get the same ctx */
    struct fake fake;
    struct skp_config config;
    struct keypair *enc;
    bool collect;
    char parts[4][64];
    enum skp_err part_errs[4];
    uint64_t waiting;
    uint32_t collected_count;
};

static inline void see_delivery(void *ctx, const Skp__V1__Delivery *delivery,
                                const struct envelope_delivery *checked)
{
    struct reading *reading = ctx;
    reading->seen.deliveries++;
    for (size_t i = 0; i < 4; i++) {
        struct arena arena;
        struct span part;
        arena_init(&arena, 1 << 20);
        reading->part_errs[i] =
            skp_open_part(reading->seen.client, delivery, checked, i, &arena, &part);
        if (!reading->part_errs[i])
            snprintf(reading->parts[i], sizeof reading->parts[i], "%.*s", (int)part.len,
                     (const char *)part.data);
        arena_fini(&arena);
    }
    if (!reading->collect)
        return;
    Skp__V1__CollectedItem item;
    skp__v1__collected_item__init(&item);
    item.position = delivery->position;
    item.head_hash = wire_bytes(span_of(checked->head_hash.bytes, HASH_BYTES));
    assert_ok(skp_collect(reading->seen.client, delivery->mailbox, &item, 1, 900));
}

static inline void see_drained(void *ctx, const char *mailbox, uint64_t waiting)
{
    struct reading *reading = ctx;
    assert_string_equal(mailbox, "");
    reading->waiting = waiting;
    reading->seen.drained++;
}

static inline void see_collected(void *ctx, uint64_t tag, const Skp__V1__Collected *collected)
{
    struct reading *reading = ctx;
    reading->seen.last_tag = tag;
    reading->collected_count = collected->collected;
    reading->seen.collected++;
}

static inline void see_directory(void *ctx, uint64_t tag, const Skp__V1__Directory *directory)
{
    struct reading *reading = ctx;
    (void)directory;
    reading->seen.last_tag = tag;
    reading->seen.directories++;
}

static inline void see_cases(void *ctx, uint64_t tag, const Skp__V1__Cases *cases)
{
    struct reading *reading = ctx;
    (void)cases;
    reading->seen.last_tag = tag;
    reading->seen.cases++;
}

static inline void see_published(void *ctx, uint64_t tag, const Skp__V1__Published *published)
{
    struct reading *reading = ctx;
    assert_int_equal(published->version, 7);
    reading->seen.last_tag = tag;
    reading->seen.published++;
}

static inline void open_reading(struct reading *reading, script_fn script)
{
    struct skp_callbacks callbacks = plain_callbacks;
    callbacks.on_delivery = see_delivery;
    callbacks.on_drained = see_drained;
    callbacks.on_collected = see_collected;
    callbacks.on_directory = see_directory;
    callbacks.on_cases = see_cases;
    callbacks.on_published = see_published;
    fake_start(&reading->fake, script);
    reading->config = config_for(&reading->fake);
    reading->enc =
        load_pair(reading->fake.participant ? reading->fake.participant : MUNICIPALITY, "enc");
    reading->config.decrypt_keys = &reading->enc;
    reading->config.decrypt_key_count = 1;
    open_client(&reading->seen, &reading->config, &callbacks);
}

static inline void close_reading(struct reading *reading)
{
    skp_client_free(reading->seen.client);
    fake_stop(&reading->fake);
    keypair_unref(reading->enc);
}

/* ---------------------------------------------------------------- deliveries to send */

/* One line of the creditor, with a sealed part. */
static inline void add_line(struct envelope_writer *writer)
{
    struct skp_id request_id = id_new();
    Skp__V1__RequestFact request;
    skp__v1__request_fact__init(&request);
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    request.request_id = wire_bytes(span_of(request_id.bytes, ID_BYTES));
    request.version = 1;
    request.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    request.product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION;
    request.guidance = SKP__V1__GUIDANCE__GUIDANCE_NONE;
    request.reference_date = 20261203;
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &request;
    if (envelope_line_add(writer, &line, span_text(PART), NULL))
        fake_die("cannot add a line");
}

static inline Skp__V1__Delivery *make_delivery(struct fake *fake, const char *recipient_oin,
                                               uint64_t position)
{
    struct skp_oin sender, recipient;
    struct skp_id batch_id = id_new(), bundle_id;
    struct envelope_batch batch;
    struct keypair *signer = load_pair(CREDITOR, "sign");
    struct keypair *enc = load_pair(recipient_oin, "enc");
    X509 *cert = keypair_cert(enc);
    oin_take(span_text(CREDITOR), &sender);
    oin_take(span_text(recipient_oin), &recipient);
    struct envelope_writer *writer = envelope_writer_new(&fake->arena, &sender, NULL, &batch_id);
    if (envelope_bundle_begin(writer, &recipient, "", &cert, 1, &bundle_id))
        fake_die("cannot begin a bundle");
    add_line(writer);
    add_line(writer);
    if (envelope_finish(writer, signer, (int64_t)time(NULL) * 1000, &batch))
        fake_die("cannot finish a batch");
    keypair_unref(signer);
    keypair_unref(enc);
    Skp__V1__Delivery *delivery = arena_alloc(&fake->arena, sizeof *delivery);
    skp__v1__delivery__init(delivery);
    delivery->mailbox = (char *)(uintptr_t) "";
    delivery->position = position;
    delivery->attempt = 1;
    delivery->header = wire_bytes(batch.header);
    delivery->jws = (char *)(uintptr_t)batch.jws;
    delivery->bundle = wire_bytes(batch.bundles[0]);
    return delivery;
}

static inline void fake_waiting(struct fake *fake, uint64_t count)
{
    Skp__V1__Waiting waiting;
    skp__v1__waiting__init(&waiting);
    waiting.mailbox = (char *)(uintptr_t) "";
    waiting.waiting = count;
    fake_send(fake, FRAME_WAITING, &waiting.base);
}

#endif
