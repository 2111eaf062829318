/* The broker's signed word, from the state database to a file that stands on its own. */
#include "cli.h"
#include "receipts.h"
#include "skp_scene.h"

#include <glob.h>

#define BROKER_KEY TEST_CERTS "/broker/sign"

struct receipt_scene {
    struct scene *scene;
    struct skp_oin broker, sender;
    struct skp_id batch_id, store_id;
    struct skp_hash batch_root, zeros;
    Skp__V1__ReceiptBody body;
    Skp__V1__CommitHeader commit;
    Skp__V1__Receipt receipt;
    char config[128], out[128];
};

/* A commit of one receipt, so that its leaf is the root. */
static void sign_receipt(struct receipt_scene *made)
{
    struct arena *arena = &made->scene->arena;
    const char *why = "", *jws = NULL;
    struct keypair *signer = NULL;
    if (keypair_load(BROKER_KEY ".pem", BROKER_KEY ".key", &signer, &why))
        fail_msg("%s", why);
    assert_ok(cert_oin(keypair_cert(signer), &made->broker));
    skp__v1__receipt_body__init(&made->body);
    made->body.context = wire_text(RECEIPT_CONTEXT);
    made->body.sender = made->sender.text;
    made->body.batch_id = wire_id(&made->batch_id);
    made->body.batch_root = wire_bytes(span_of(made->batch_root.bytes, HASH_BYTES));
    made->body.stored = 7;
    struct span body = wire_pack(&made->body.base, arena);
    struct skp_hash *root = arena_alloc(arena, sizeof *root);
    *root = merkle_leaf(body);
    skp__v1__commit_header__init(&made->commit);
    made->commit.context = wire_text(COMMIT_CONTEXT);
    made->commit.broker = made->broker.text;
    made->commit.store_id = wire_id(&made->store_id);
    made->commit.sequence = 1;
    made->commit.previous = wire_bytes(span_of(made->zeros.bytes, HASH_BYTES));
    made->commit.taken_root = made->commit.previous;
    made->commit.receipts_root = wire_bytes(span_of(root->bytes, HASH_BYTES));
    made->commit.receipt_count = 1;
    struct span commit = wire_pack(&made->commit.base, arena);
    assert_ok(jws_sign(signer, commit, clock_real_ms(clock_system()), arena, &jws));
    skp__v1__receipt__init(&made->receipt);
    made->receipt.body = wire_bytes(body);
    made->receipt.commit = wire_bytes(commit);
    made->receipt.jws = wire_text(jws);
    keypair_unref(signer);
}

static void write_config(struct receipt_scene *made)
{
    char text[4096];
    const char *me = TEST_CERTS "/participants/" SCENE_COUNSELLOR;
    int len = snprintf(text, sizeof text,
                       "host = localhost\nbroker_oin = %s\nca = %s/ca.pem\ncrl = %s/crl.pem\n"
                       "tls_cert = %s/tls.pem\ntls_key = %s/tls.key\nsign_cert = %s/sign.pem\n"
                       "sign_key = %s/sign.key\nenc_cert = %s/enc.pem\nenc_key = %s/enc.key\n"
                       "state = %s\n",
                       made->broker.text, TEST_CERTS, TEST_CERTS, me, me, me, me, me, me,
                       made->scene->folder);
    assert_in_range(len, 1, (int)sizeof text - 1);
    (void)strcpy(made->config, scene_file(made->scene, "a.conf", text));
    (void)strcpy(made->out, scene_file(made->scene, "receipts", NULL));
}

/* A state folder whose database holds one receipt, and one batch that was refused as a whole. */
static struct receipt_scene *receipt_scene_new(void)
{
    struct receipt_scene *made = calloc(1, sizeof *made);
    struct state_db state;
    assert_non_null(made);
    made->scene = scene_new();
    made->sender = scene_oin(SCENE_COUNSELLOR);
    made->batch_id = id_new();
    made->store_id = id_new();
    made->batch_root = merkle_leaf(span_text("a batch"));
    sign_receipt(made);
    write_config(made);
    assert_ok(state_open(scene_file(made->scene, "skp.db", NULL), &state));
    struct skp_report stored = {
        .batch_id = made->batch_id, .receipt = &made->body, .proof = &made->receipt};
    struct skp_report refused = {.batch_id = id_new(), .err = SKP_E_BATCH_TOO_OLD};
    assert_ok(outbox_settle(&state, &stored, SCENE_NOW_MS));
    assert_ok(outbox_settle(&state, &refused, SCENE_NOW_MS));
    state_close(&state);
    return made;
}

static void remove_all(struct receipt_scene *made, const char *pattern)
{
    char whole[160];
    glob_t found;
    (void)snprintf(whole, sizeof whole, "%s/%s", made->scene->folder, pattern);
    if (glob(whole, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        (void)unlink(found.gl_pathv[i]);
    globfree(&found);
}

static void receipt_scene_free(struct receipt_scene *made)
{
    remove_all(made, "receipts/*");
    remove_all(made, "skp.db*");
    (void)rmdir(made->out);
    scene_free(made->scene);
    free(made);
}

/* Where the receipt is written. Valid until the next call. */
static const char *receipt_path(const struct receipt_scene *made)
{
    static char path[sizeof made->out + ID_TEXT_BYTES + 16];
    char id[ID_TEXT_BYTES];
    id_print(&made->batch_id, id);
    (void)snprintf(path, sizeof path, "%s/%s.receipt", made->out, id);
    return path;
}

static int skp(struct receipt_scene *made, const char *command, const char *first,
               const char *second)
{
    char *argv[] = {wire_text("skp"),
                    wire_text("--config"),
                    made->config,
                    wire_text(command),
                    wire_text(first),
                    second ? wire_text(second) : NULL,
                    NULL};
    return cli_run(second ? 6 : 5, argv);
}

static void an_exported_receipt_is_proof_by_itself(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    struct stat info;
    (void)state;
    assert_int_equal(skp(made, "receipts", "--out", made->out), EXIT_ALL_OK);
    const char *path = receipt_path(made);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(skp(made, "verify-receipt", path, NULL), EXIT_ALL_OK);
    receipt_scene_free(made);
}

static void a_receipt_with_another_number_proves_nothing(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    char why[FILE_WHY_BYTES];
    (void)state;
    assert_int_equal(skp(made, "receipts", "--out", made->out), EXIT_ALL_OK);
    made->body.stored = 8;
    made->receipt.body = wire_bytes(wire_pack(&made->body.base, &made->scene->arena));
    struct span packed = wire_pack(&made->receipt.base, &made->scene->arena);
    assert_ok(file_write_atomic(receipt_path(made), packed, 0600, why));
    assert_int_equal(skp(made, "verify-receipt", receipt_path(made), NULL), EXIT_SOME);
    receipt_scene_free(made);
}

static void what_was_exported_before_is_left_alone(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    struct receipts_count count;
    struct state_db db;
    char why[RECEIPTS_WHY_BYTES];
    (void)state;
    assert_int_equal(mkdir(made->out, 0700), 0);
    assert_ok(state_open(scene_file(made->scene, "skp.db", NULL), &db));
    assert_ok(receipts_export(&db, made->out, &count, why));
    assert_int_equal(count.written, 1);
    assert_int_equal(count.there, 0);
    assert_int_equal(count.without, 1);
    assert_ok(receipts_export(&db, made->out, &count, why));
    assert_int_equal(count.written, 0);
    assert_int_equal(count.there, 1);
    state_close(&db);
    receipt_scene_free(made);
}

static void a_receipt_of_a_play_has_it_in_its_name(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    struct receipts_count count;
    struct state_db db;
    char why[RECEIPTS_WHY_BYTES], path[PATH_MAX];
    const char *plain = receipt_path(made);
    (void)state;
    assert_int_equal(mkdir(made->out, 0700), 0);
    assert_ok(state_open(scene_file(made->scene, "skp.db", NULL), &db));
    state_mark_play(&db);
    assert_ok(receipts_export(&db, made->out, &count, why));
    assert_int_equal(count.written, 1);
    assert_int_not_equal(access(plain, F_OK), 0);
    assert_in_range(snprintf(path, sizeof path, "%.*s.proef.receipt",
                             (int)(strlen(plain) - strlen(".receipt")), plain),
                    1, sizeof path - 1);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    state_close(&db);
    receipt_scene_free(made);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    struct receipts_count count = {.written = 99};
    struct state_db db;
    char why[RECEIPTS_WHY_BYTES] = "";
    (void)state;
    assert_ok(state_open(scene_file(made->scene, "skp.db", NULL), &db));
    assert_err(receipts_export(&db, made->out, &count, why), SKP_E_IO);
    assert_non_null(strstr(why, made->out));
    assert_int_equal(count.written, 99);
    assert_int_equal(state_number(&db, -1, "SELECT count(*) FROM receipt", ""), 2);
    state_close(&db);
    receipt_scene_free(made);
}

static void without_a_folder_the_command_says_what_it_needs(void **state)
{
    struct receipt_scene *made = receipt_scene_new();
    (void)state;
    assert_int_equal(skp(made, "receipts", "--json", NULL), EXIT_USAGE);
    receipt_scene_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exported_receipt_is_proof_by_itself),
        cmocka_unit_test(a_receipt_with_another_number_proves_nothing),
        cmocka_unit_test(what_was_exported_before_is_left_alone),
        cmocka_unit_test(a_receipt_of_a_play_has_it_in_its_name),
        cmocka_unit_test(a_folder_that_is_not_there_is_told),
        cmocka_unit_test(without_a_folder_the_command_says_what_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
