/* A counsellor and a creditor without a broker in between: two state databases, a directory by hand, and
 * the certificates of the test PKI. */
#ifndef SKP_SCENE_H
#define SKP_SCENE_H

#include "testing.h"

#include "clock.h"
#include "fact.h"
#include "file.h"
#include "opening.h"
#include "outbox.h"
#include "registering.h"
#include "skp_internal.h"
#include "wire.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCENE_BROKER     "00000099000000000001"
#define SCENE_COUNSELLOR "00000099000000001000"
#define SCENE_CREDITOR   "00000099000000002000"
#define SCENE_SECOND     "00000099000000003000"
#define SCENE_NOW_MS     INT64_C(1793610000000) /* 2026-11-02T09:00 Amsterdam */

struct scene {
    char folder[64];
    struct state_db office, creditor;
    struct settings settings;
    struct book book;
    struct trust *trust;
    struct keypair *office_sign, *office_enc, *creditor_sign, *creditor_enc;
    struct target targets[2];
    size_t target_count;
    struct arena arena; /* for the test itself */
};

static inline struct skp_oin scene_oin(const char *text)
{
    struct skp_oin oin;
    assert_true(oin_take(span_text(text), &oin));
    return oin;
}

static inline struct keypair *scene_key(const char *oin, const char *what)
{
    char cert[PATH_MAX], key[PATH_MAX];
    const char *why = "";
    struct keypair *pair = NULL;
    (void)snprintf(cert, sizeof cert, "%s/participants/%s/%s.pem", TEST_CERTS, oin, what);
    (void)snprintf(key, sizeof key, "%s/participants/%s/%s.key", TEST_CERTS, oin, what);
    if (keypair_load(cert, key, &pair, &why))
        fail_msg("%s", why);
    return pair;
}

/* `search` may be NULL; `connected` gives it a record (of which only the presence counts here). */
static inline void scene_add_entry(struct scene *scene, const char *oin, const char *name,
                                   const char *search, bool connected,
                                   Skp__V1__AgreementSummary *agreement)
{
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    Skp__V1__Role roles[] = {SKP__V1__ROLE__ROLE_CREDITOR, SKP__V1__ROLE__ROLE_COUNSELLOR};
    Skp__V1__SignedRecord record;
    skp__v1__signed_record__init(&record);
    Skp__V1__SignedRecord *records[] = {&record};
    Skp__V1__AgreementSummary *agreements[] = {agreement};
    char *names[] = {(char *)(uintptr_t)search};
    entry.oin = (char *)(uintptr_t)oin;
    entry.name = (char *)(uintptr_t)name;
    entry.n_roles = 2;
    entry.roles = roles;
    entry.n_search_names = search != NULL;
    entry.search_names = names;
    entry.n_records = connected;
    entry.records = records;
    entry.n_agreements = agreement != NULL;
    entry.agreements = agreements;
    entry.postal_address = (char *)(uintptr_t) "Postbus 1, 1000 AA Proefstad";
    assert_ok(book_add(&scene->book, &entry));
}

static inline struct scene *scene_new(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    char path[128];
    assert_non_null(scene);
    (void)strcpy(scene->folder, "/tmp/skp_scene_XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    (void)snprintf(path, sizeof path, "%s/office.db", scene->folder);
    assert_ok(state_open(path, &scene->office));
    (void)snprintf(path, sizeof path, "%s/creditor.db", scene->folder);
    assert_ok(state_open(path, &scene->creditor));
    const char *why = "";
    if (trust_load(TEST_CERTS "/ca.pem", TEST_CERTS "/crl.pem", &scene->trust, &why))
        fail_msg("%s", why);
    scene->office_sign = scene_key(SCENE_COUNSELLOR, "sign");
    scene->office_enc = scene_key(SCENE_COUNSELLOR, "enc");
    scene->creditor_sign = scene_key(SCENE_CREDITOR, "sign");
    scene->creditor_enc = scene_key(SCENE_CREDITOR, "enc");
    book_init(&scene->book);
    arena_init(&scene->arena, (size_t)64 << 20);
    return scene;
}

static inline void scene_free(struct scene *scene)
{
    static const char *const names[] = {"office.db",   "office.db-wal",   "office.db-shm",
                                        "creditor.db", "creditor.db-wal", "creditor.db-shm",
                                        "in.csv",      "bsn.csv",         "out.csv",
                                        "answers.csv", "a.conf",          "a.skp"};
    char path[128];
    state_close(&scene->office);
    state_close(&scene->creditor);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", scene->folder, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(scene->folder), 0);
    for (size_t i = 0; i < scene->target_count; i++)
        addressee_fini(&scene->targets[i].to);
    keypair_unref(scene->office_sign);
    keypair_unref(scene->office_enc);
    keypair_unref(scene->creditor_sign);
    keypair_unref(scene->creditor_enc);
    trust_unref(scene->trust);
    book_fini(&scene->book);
    arena_fini(&scene->arena);
    free(scene);
}

/* The path of a file in the scene's folder; written when `text` is not NULL. Valid until the next call. */
static inline const char *scene_file(struct scene *scene, const char *name, const char *text)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", scene->folder, name);
    if (text) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return path;
}

/* The whole of a file, in the scene's arena. */
static inline const char *scene_read(struct scene *scene, const char *name)
{
    char why[FILE_WHY_BYTES];
    char *data = NULL;
    size_t len = 0;
    assert_ok(file_read(scene_file(scene, name, NULL), 1 << 20, &data, &len, why));
    const char *copy = arena_copy(&scene->arena, data, len + 1);
    free(data);
    return copy;
}

static inline enum skp_err scene_target(void *ctx, const Skp__V1__DirectoryEntry *entry,
                                        const char *brand, struct target **ret_target)
{
    struct scene *scene = ctx;
    (void)brand;
    for (size_t i = 0; i < scene->target_count; i++) {
        if (strcmp(scene->targets[i].to.oin.text, entry->oin) == 0) {
            *ret_target = &scene->targets[i];
            return SKP_OK;
        }
    }
    assert_true(scene->target_count < 2);
    struct target *target = &scene->targets[scene->target_count++];
    struct keypair *pair = scene_key(entry->oin, "enc");
    *target = (struct target){.to = {.oin = scene_oin(entry->oin), .mailbox = "", .cert_count = 1},
                              .bsn_entitled = entry->bsn_entitled};
    target->to.certs[0] = keypair_cert(pair);
    assert_int_equal(X509_up_ref(target->to.certs[0]), 1);
    keypair_unref(pair);
    *ret_target = target;
    return SKP_OK;
}

#define SCENE_HEADER                                                                               \
    "Dossier;KlantnummerSHV;TypeSchuldregeling;Begeleiding;Peildatum;GemeenteOIN;Geslacht;"        \
    "Achternaam;Geboortedatum;PartnerGeslacht;PartnerAchternaam;PartnerGeboortedatum;Straat;"      \
    "Huisnummer;Huisletter;Aanduiding;Postcode;Woonplaats;WoonbootWoonwagen;Schuldeiser;"          \
    "SchuldeiserOIN;Merk;Factuurnummer;Bedrag;Schuldenaar;SoortVordering\r\n"
#define SCENE_CASE(dossier)                                                                        \
    dossier ";K1;SK;budgetbeheer;02-11-2026;00000099000000001000;V;Verzonnen;05-05-1988;;;;"       \
            "Proefstraat;1;a;to;1234AB;Proefstad;woonboot Proef;"

static inline void scene_read_cases(struct scene *scene, const char *csv,
                                    struct register_file *ret_file)
{
    struct csv_problem problem;
    assert_ok(register_read(scene_file(scene, "in.csv", csv), &scene->arena, ret_file, &problem));
}

static inline struct registering scene_registering(struct scene *scene)
{
    return (struct registering){
        .planning = {.db = &scene->office,
                     .book = &scene->book,
                     .now_ms = SCENE_NOW_MS,
                     .target = scene_target,
                     .ctx = scene},
        .identity = {.self = scene_oin(SCENE_COUNSELLOR),
                     .broker = {.oin = scene_oin(SCENE_BROKER), .mailbox = "", .is_broker = true},
                     .signer = scene->office_sign,
                     .now_ms = SCENE_NOW_MS},
        .settings = &scene->settings,
    };
}

/* Registers the text and leaves what was signed in the outbox; the results are counted. */
static inline void scene_register(struct scene *scene, const char *csv, bool check,
                                  struct results *results)
{
    struct register_file file;
    scene_read_cases(scene, csv, &file);
    struct registering registering = scene_registering(scene);
    assert_ok(registering_run(&registering, &file, check));
    if (results)
        assert_ok(registering_results(&registering, &file, check, results));
    registering_fini(&registering);
}

/* The only batch that waits. */
static inline struct envelope_batch scene_outbox(struct scene *scene, struct state_db *db)
{
    struct skp_id ids[4];
    struct envelope_batch batch;
    assert_int_equal(outbox_list(db, ids, 4), 1);
    assert_ok(outbox_load(db, &ids[0], &scene->arena, &batch));
    return batch;
}

/* The broker stored all of it, but for one refused line when `code` is not 0. */
static inline void scene_settle(struct state_db *db, const struct skp_id *batch_id, size_t bundle,
                                size_t line, enum skp_err code)
{
    Skp__V1__ReceiptBody body;
    skp__v1__receipt_body__init(&body);
    Skp__V1__Receipt proof;
    skp__v1__receipt__init(&proof);
    Skp__V1__Refusal refusal;
    skp__v1__refusal__init(&refusal);
    Skp__V1__Refusal *refusals[] = {&refusal};
    refusal.bundle = (uint32_t)bundle;
    refusal.line = (uint32_t)line;
    refusal.code = (uint32_t)code;
    body.n_refusals = code != SKP_OK;
    body.refusals = refusals;
    struct skp_report report = {.batch_id = *batch_id, .receipt = &body, .proof = &proof};
    assert_ok(outbox_settle(db, &report, SCENE_NOW_MS));
}

/* ---------------------------------------------------------------- from one to the other */

struct scene_opener {
    struct keypair *key;
    struct trust *trust; /* for what others signed; may be NULL */
};

static inline enum skp_err scene_check_collected(void *ctx, const Skp__V1__EventFact *event)
{
    const struct scene_opener *opener = ctx;
    const char *why = "";
    struct skp_oin signer;
    return collected_check(opener->trust, NULL, event, clock_real_ms(clock_system()), &signer,
                           &why);
}

static inline enum skp_err scene_open_part(void *ctx, const Skp__V1__Delivery *delivery,
                                           const struct envelope_delivery *checked, size_t index,
                                           struct arena *arena, struct span *ret_part)
{
    struct scene_opener *opener = ctx;
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    struct skp_id item_id;
    struct skp_hash commitment;
    struct seal_key key;
    struct span box = span_text(checked->bundle->key_boxes[0]);
    struct seal_place place = {.sender = checked->header.sender,
                               .recipient = checked->head.recipient,
                               .batch_id = checked->header.batch_id,
                               .bundle_id = checked->head.bundle_id};
    (void)delivery;
    assert_ok(fact_read(wire_span(checked->bundle->lines[index]), arena, path, &line));
    assert_ok(fact_item_id(line, &item_id));
    assert_true(fact_commitment(line, &commitment));
    enum skp_err err = unseal_box(&opener->key, 1, &box, 1, &place, arena, &key);
    if (err)
        return err;
    return unseal_part(&key, &place, &item_id, &commitment,
                       wire_span(checked->bundle->sealed[index]), arena, ret_part);
}

/* Bundle `index` of a batch as the broker delivers it to `me`, checked as libskp checks it. */
static inline void scene_check(struct scene *scene, const struct envelope_batch *batch,
                               size_t index, const char *me, int64_t stored_at_ms,
                               Skp__V1__Delivery *ret_delivery,
                               struct envelope_delivery *ret_checked)
{
    struct skp_hash leaves[BATCH_MAX_BUNDLES], path[MERKLE_MAX_PATH];
    ProtobufCBinaryData *steps = arena_calloc(&scene->arena, MERKLE_MAX_PATH, sizeof *steps);
    struct skp_oin oin = scene_oin(me);
    const char *why = "";
    for (size_t i = 0; i < batch->bundle_count; i++)
        leaves[i] = merkle_leaf(batch->heads[i]);
    size_t len = merkle_path(leaves, batch->bundle_count, index, path);
    const struct skp_hash *kept = arena_copy(&scene->arena, path, sizeof path);
    for (size_t i = 0; i < len; i++)
        steps[i] = wire_bytes(span_of(kept[i].bytes, HASH_BYTES));
    skp__v1__delivery__init(ret_delivery);
    ret_delivery->position = index + 1;
    ret_delivery->attempt = 1;
    ret_delivery->stored_at_ms = stored_at_ms;
    ret_delivery->header = wire_bytes(batch->header);
    ret_delivery->jws = (char *)(uintptr_t)batch->jws;
    ret_delivery->n_path = len;
    ret_delivery->path = steps;
    ret_delivery->bundle_index = (uint32_t)index;
    ret_delivery->bundle = wire_bytes(batch->bundles[index]);
    int64_t now_ms = clock_real_ms(clock_system());
    if (envelope_check_delivery(scene->trust, NULL, ret_delivery, &oin, now_ms, &scene->arena,
                                ret_checked, &why))
        fail_msg("%s", why);
}

/* Delivers bundle `index` of a batch to `me` into `opening`. */
static inline void scene_deliver(struct scene *scene, const struct envelope_batch *batch,
                                 size_t index, const char *me, int64_t stored_at_ms,
                                 struct opening *opening)
{
    Skp__V1__Delivery delivery;
    struct envelope_delivery checked;
    scene_check(scene, batch, index, me, stored_at_ms, &delivery, &checked);
    state_begin(opening->db);
    opening_take(opening, &delivery, &checked);
    assert_ok(state_commit(opening->db));
}

/* One line of `self` to somebody else, as a signed batch. */
static inline struct envelope_batch scene_say(struct scene *scene, const char *self,
                                              struct keypair *signer, const struct addressee *to,
                                              Skp__V1__Line *line, struct span part)
{
    struct draft draft;
    struct envelope_batch batch;
    struct skp_oin sender = scene_oin(self);
    assert_ok(draft_init(&draft, &scene->arena));
    draft_add(&draft, to, line, part, 1);
    assert_ok(draft_sign(&draft, &sender, signer, SCENE_NOW_MS, &batch));
    return batch;
}

#endif
