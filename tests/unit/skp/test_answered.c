/* What creditor answer says of a request that was answered before: at the same moment, or as unreadable. */
#include "link_scene.h"
#include "post_scene.h"

static void only_look_up(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_CREDITOR, NULL);
    desk_directory(fake, NULL);
    fake_expect_end(fake);
}

/* The counsellor, with a mailbox. */
static void show_counsellor(struct fake *fake)
{
    struct keypair *signer = load_pair(MUNICIPALITY, "sign"), *enc = load_pair(MUNICIPALITY, "enc");
    const char *jws = NULL;
    Skp__V1__MailboxRecord record;
    Skp__V1__SignedRecord signed_record, *records[] = {&signed_record};
    Skp__V1__DirectoryEntry entry;
    skp__v1__mailbox_record__init(&record);
    skp__v1__signed_record__init(&signed_record);
    skp__v1__directory_entry__init(&entry);
    uint8_t *issuer = NULL;
    int issuer_len = i2d_X509(sk_X509_value(keypair_chain(enc), 1), &issuer);
    if (issuer_len <= 0)
        fake_die("no chain");
    ProtobufCBinaryData certs[] = {wire_bytes(keypair_der(enc)),
                                   wire_bytes(span_of(issuer, (size_t)issuer_len))};
    record.context = (char *)(uintptr_t)MAILBOX_CONTEXT;
    record.participant = (char *)(uintptr_t)MUNICIPALITY;
    record.version = 1;
    record.created_at_ms = (int64_t)time(NULL) * 1000;
    record.n_encryption_certificates = 2;
    record.encryption_certificates = certs;
    struct span bytes = wire_pack(&record.base, &fake->arena);
    if (jws_sign(signer, bytes, record.created_at_ms, &fake->arena, &jws))
        fake_die("cannot sign the record");
    signed_record.record = wire_bytes(bytes);
    signed_record.jws = (char *)(uintptr_t)jws;
    entry.oin = (char *)(uintptr_t)MUNICIPALITY;
    entry.n_records = 1;
    entry.records = records;
    desk_directory(fake, &entry);
    OPENSSL_free(issuer);
    keypair_unref(signer);
    keypair_unref(enc);
}

static void take_answer(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_CREDITOR, NULL);
    show_counsellor(fake);
    fake_take_batch(fake);
    fake_receipt(fake);
    fake_expect_end(fake);
}

/* A creditor's state with one request, and in.csv that answers it: the client is not known. */
static struct desk *open_desk(script_fn script, struct post *post, struct question *ret_question)
{
    struct desk *desk = desk_new(script, NULL);
    struct scene *scene = desk->scene;
    char text[512], id[ID_TEXT_BYTES], path[128];
    *post = post_open(scene);
    post_request(post);
    sqlite3_stmt *row = state_ask(&scene->creditor, "SELECT request_id FROM question", "");
    assert_true(state_next(&scene->creditor, row));
    struct skp_id request_id = state_id(row, 0);
    assert_false(state_next(&scene->creditor, row));
    assert_ok(questions_load(&scene->creditor, &request_id, &scene->arena, ret_question));
    id_print(&request_id, id);
    (void)snprintf(text, sizeof text,
                   "ConversatieReferentienummer;SchuldenaarOnbekend;StandaardAkkoord;SoortSchuld;"
                   "OpenstaandBedrag;Regelkenmerk\r\n%s;Ja;;;;\r\n",
                   id);
    (void)scene_file(scene, "in.csv", text);
    state_close(&scene->creditor);
    (void)snprintf(path, sizeof path, "%s", scene_file(scene, "creditor.db", NULL));
    assert_int_equal(rename(path, scene_file(scene, "skp.db", NULL)), 0);
    assert_int_equal(cli_open_state(&desk->cli), 0);
    return desk;
}

/* What the other run said, with this content. */
static void put_sent(struct desk *desk, const struct skp_hash *fingerprint)
{
    state_run(&desk->cli.state,
              "INSERT INTO answer_out SELECT request_id, 1, 1, 0, ?, x'07', x'' FROM question", "h",
              fingerprint);
    assert_int_equal(desk->cli.state.err, SKP_OK);
}

static void answer(struct desk *desk, struct told *ret_told)
{
    char line[512];
    (void)snprintf(line, sizeof line, "--config %s creditor answer %s/in.csv --result %s/out.csv",
                   desk->config, desk->scene->folder, desk->scene->folder);
    run(line, ret_told);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 0);
}

/* Nothing goes beside what the other run said. */
static void answer_beside(struct desk *desk)
{
    struct told told;
    answer(desk, &told);
    assert_int_equal(told.code, EXIT_SOME);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM answer_out WHERE fact = x'07'"), 1);
}

static void another_answer_than_the_one_on_its_way_is_refused(void **state)
{
    (void)state;
    struct post post;
    struct question question;
    struct desk *desk = open_desk(only_look_up, &post, &question);
    put_sent(desk, &(struct skp_hash){{7}});
    answer_beside(desk);
    const char *file = scene_read(desk->scene, "out.csv");
    assert_non_null(strstr(file, ";geweigerd;;CONFLICT;"));
    assert_non_null(strstr(file, ";\"Probeer het later opnieuw; "));
    desk_free(desk);
}

static void the_same_answer_on_its_way_is_waited_for(void **state)
{
    (void)state;
    struct post post;
    struct question question;
    struct list_answers answers;
    struct built_answer built;
    struct csv_problem problem;
    struct desk *desk = open_desk(only_look_up, &post, &question);
    struct arena *arena = &desk->scene->arena;
    assert_ok(
        list_answers_read(scene_file(desk->scene, "in.csv", NULL), arena, &answers, &problem));
    assert_ok(answers_build(&question, answers.requests, NULL, 0, 20261103, &desk->cli.settings,
                            arena, &built, &problem));
    put_sent(desk, &built.fingerprint);
    answer_beside(desk);
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"), ";geweigerd;;OUTCOME_UNKNOWN;"));
    desk_free(desk);
}

/* It can be read after all. */
static void a_good_answer_counts_after_a_refused_unreadable(void **state)
{
    (void)state;
    struct post post;
    struct question question;
    struct told told;
    struct desk *desk = open_desk(take_answer, &post, &question);
    state_run(&desk->cli.state, "UPDATE question SET returned = 3, returned_err = ?", "i",
              (int64_t)SKP_E_STATE_INVALID);
    answer(desk, &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"), ";aangemeld;"));
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM answer_out WHERE stage = 2"), 1);
    desk_free(desk);
}

/* The broker takes none until it was sealed again. */
static void
a_good_answer_to_what_was_given_back_as_unreadable_is_not_called_registered(void **state)
{
    (void)state;
    struct post post;
    struct question question;
    struct told told;
    struct desk *desk = open_desk(only_look_up, &post, &question);
    state_run(&desk->cli.state, "UPDATE question SET returned = 2", "");
    answer(desk, &told);
    assert_int_equal(told.code, EXIT_SOME);
    assert_non_null(
        strstr(scene_read(desk->scene, "out.csv"), ";geweigerd;;STATE_INVALID;kolom Onleesbaar: "));
    desk_free(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_answer_than_the_one_on_its_way_is_refused),
        cmocka_unit_test(the_same_answer_on_its_way_is_waited_for),
        cmocka_unit_test(a_good_answer_counts_after_a_refused_unreadable),
        cmocka_unit_test(
            a_good_answer_to_what_was_given_back_as_unreadable_is_not_called_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
