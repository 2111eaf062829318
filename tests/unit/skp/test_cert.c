/* What is taken over from the published mailbox record, and from whom. */
#include "link_scene.h"

#define LOST_BYTE 0x42 /* all of a thumbprint of a key that is gone */

/* A record of our mailbox in version 4 as `signer` signs it: it withdraws one key that is gone, and one that we have. */
struct published {
    const char *signer;
    struct skp_hash lost, own;
    Skp__V1__DirectoryEntry entry;
    Skp__V1__SignedRecord signed_record, *records[1];
};

static void sign_record(struct fake *fake, struct published *published)
{
    struct keypair *enc = load_pair(CREDITOR, "enc"), *own = load_pair(MUNICIPALITY, "enc");
    struct keypair *signer = load_pair(published->signer, "sign");
    const char *jws = NULL;
    Skp__V1__MailboxRecord record;
    skp__v1__mailbox_record__init(&record);
    memset(published->lost.bytes, LOST_BYTE, HASH_BYTES);
    published->own = cert_thumbprint(keypair_cert(own));
    ProtobufCBinaryData certs[] = {wire_bytes(keypair_der(enc))};
    ProtobufCBinaryData withdrawn[] = {wire_bytes(span_of(published->lost.bytes, HASH_BYTES)),
                                       wire_bytes(span_of(published->own.bytes, HASH_BYTES))};
    record.context = (char *)(uintptr_t)MAILBOX_CONTEXT;
    record.participant = (char *)(uintptr_t)MUNICIPALITY;
    record.version = 4;
    record.created_at_ms = (int64_t)time(NULL) * 1000;
    record.n_encryption_certificates = 1;
    record.encryption_certificates = certs;
    record.n_withdrawn = 2;
    record.withdrawn = withdrawn;
    struct span bytes = wire_pack(&record.base, &fake->arena);
    if (jws_sign(signer, bytes, record.created_at_ms, &fake->arena, &jws))
        fake_die("cannot sign the record");
    skp__v1__signed_record__init(&published->signed_record);
    published->signed_record.record = wire_bytes(bytes);
    published->signed_record.jws = (char *)(uintptr_t)jws;
    keypair_unref(enc);
    keypair_unref(own);
    keypair_unref(signer);
}

static void say_directory(struct fake *fake, struct published *published)
{
    sign_record(fake, published);
    skp__v1__directory_entry__init(&published->entry);
    published->entry.oin = (char *)(uintptr_t)MUNICIPALITY;
    published->records[0] = &published->signed_record;
    published->entry.n_records = 1;
    published->entry.records = published->records;
    desk_directory(fake, &published->entry);
}

static void show_record(struct fake *fake, struct published *published)
{
    fake_session(fake);
    say_directory(fake, published);
}

/* The record that comes next; it is published. */
static const Skp__V1__MailboxRecord *take_record(struct fake *fake)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *record = NULL;
    const Skp__V1__Publish *publish = fake_expect(fake, FRAME_PUBLISH);
    if (wire_unpack(&skp__v1__mailbox_record__descriptor, wire_span(publish->record->record),
                    &fake->arena, path, &record))
        fake_die("no record at %s", path);
    Skp__V1__Published answer;
    skp__v1__published__init(&answer);
    answer.tag = publish->tag;
    answer.version = ((const Skp__V1__MailboxRecord *)record)->version;
    fake_send(fake, FRAME_PUBLISHED, &answer.base);
    fake_expect_end(fake);
    return (const Skp__V1__MailboxRecord *)record;
}

static void expect_nothing_withdrawn(struct fake *fake)
{
    show_record(fake, fake->ctx);
    const Skp__V1__MailboxRecord *record = take_record(fake);
    if (record->version != 5 || record->n_withdrawn != 0)
        fake_die("version %u withdraws %zu", record->version, record->n_withdrawn);
}

static void expect_only_the_lost_one_withdrawn(struct fake *fake)
{
    const struct published *published = fake->ctx;
    show_record(fake, fake->ctx);
    const Skp__V1__MailboxRecord *record = take_record(fake);
    if (record->version != 5 || record->n_withdrawn != 1 ||
        !span_equal(wire_span(record->withdrawn[0]), span_of(published->lost.bytes, HASH_BYTES)))
        fake_die("version %u withdraws %zu", record->version, record->n_withdrawn);
}

/* While the session stands, so that nothing else needs it any more. */
static void garble_the_crl(struct fake *fake)
{
    fake_session(fake);
    if (truncate(desk_of(fake)->crl, 100) != 0)
        fake_die("cannot garble the CRL");
    say_directory(fake, fake->ctx);
    fake_expect_end(fake);
}

static void with_record_of(const char *signer, script_fn script, const char *words,
                           struct told *ret_told)
{
    struct published published = {.signer = signer};
    struct desk *desk = desk_new(script, &published);
    char line[256];
    (void)snprintf(line, sizeof line, "--config %s cert %s", desk->config, words);
    run(line, ret_told);
    desk_free(desk);
}

static void publish(const char *signer, script_fn script, struct told *ret_told)
{
    with_record_of(signer, script, "publish", ret_told);
    assert_int_equal(ret_told->code, EXIT_ALL_OK);
    says(ret_told, "Gepubliceerd: versie 5");
}

static void what_a_stranger_signed_is_not_taken_over(void **state)
{
    struct told told;
    (void)state;
    publish(CREDITOR, expect_nothing_withdrawn, &told);
    says(&told, "niet aantoonbaar van u");
}

static void what_was_withdrawn_stays_so_but_for_a_key_that_came_back(void **state)
{
    struct told told;
    (void)state;
    publish(MUNICIPALITY, expect_only_the_lost_one_withdrawn, &told);
    does_not_say(&told, "niet aantoonbaar van u");
}

static void a_crl_that_cannot_be_read_is_no_stranger(void **state)
{
    struct told told;
    (void)state;
    with_record_of(MUNICIPALITY, garble_the_crl, "publish", &told);
    assert_int_equal(told.code, EXIT_SETTINGS);
    does_not_say(&told, "niet aantoonbaar van u");
    says(&told, "crl.pem");
    with_record_of(MUNICIPALITY, garble_the_crl, "show", &told);
    assert_int_equal(told.code, EXIT_SETTINGS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_stranger_signed_is_not_taken_over),
        cmocka_unit_test(what_was_withdrawn_stays_so_but_for_a_key_that_came_back),
        cmocka_unit_test(a_crl_that_cannot_be_read_is_no_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
