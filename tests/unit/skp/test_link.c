/* A session for a command: what ends its waiting and what does not, and what is told when it fails. */
#include "link_scene.h"

#include <sys/stat.h>

#define ASKED                                                                                      \
    SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n" SCENE_CASE(      \
        "2026-1") "Bakker Jansen;;;;30;eerste;overig\r\n"

static void register_cases(struct desk *desk)
{
    scene_add_entry(desk->scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(desk->scene, ASKED, false, NULL);
}

/* ---------------------------------------------------------------- sending */

static void receipts_without_proof_leave_the_batch_where_it_is(void **state)
{
    (void)state;
    struct desk *desk = desk_new(fake_flip_every_receipt, NULL);
    register_cases(desk);
    desk_connect(desk);
    assert_int_equal(link_send_outbox(&desk->link), SKP_E_OUTCOME_UNKNOWN);
    assert_int_equal(desk->link.unsettled, 1);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 1);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM request WHERE err <> 0"), 0);
    link_close(&desk->link);
    desk_free(desk);
}

/* Another run whose report comes just before the batch, or its bundles, are read from the outbox. */
struct other_run {
    struct desk *desk;
    const char *before;
};

static int settle_elsewhere(unsigned event, void *ctx, void *statement, void *sql)
{
    const struct other_run *run = ctx;
    sqlite3 *other = NULL;
    (void)event, (void)statement;
    if (strncmp(sql, run->before, strlen(run->before)) != 0)
        return 0;
    assert_int_equal(sqlite3_open(scene_file(run->desk->scene, "skp.db", NULL), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other,
                                  "BEGIN; DELETE FROM outbox_bundle; DELETE FROM outbox; COMMIT",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    return 0;
}

static void a_batch_that_another_run_settled_is_not_sent(void **state)
{
    static const char *const moments[] = {"SELECT header", "SELECT head,"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct desk *desk = desk_new(welcome_and_wait, NULL);
        struct other_run run = {.desk = desk, .before = moments[i]};
        register_cases(desk);
        desk_connect(desk);
        assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 1);
        assert_int_equal(
            sqlite3_trace_v2(desk->cli.state.db, SQLITE_TRACE_STMT, settle_elsewhere, &run),
            SQLITE_OK);
        assert_ok(link_send_outbox(&desk->link));
        assert_int_equal(desk->link.sent, 0);
        assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 0);
        link_close(&desk->link);
        desk_free(desk);
    }
}

/* ---------------------------------------------------------------- asking */

static void say_later_first(struct fake *fake)
{
    fake_session(fake);
    const Skp__V1__DirectoryGet *get = fake_expect(fake, FRAME_DIRECTORY_GET);
    fake_error_about(fake, SKP_E_UNAVAILABLE, NULL, FRAME_DIRECTORY_GET, get->tag, 20);
    desk_directory(fake, NULL);
    fake_expect_end(fake);
}

static void later_is_news_and_no_answer(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_later_first, NULL);
    desk_connect(desk);
    assert_ok(link_fetch_directory(&desk->link));
    assert_int_equal(desk->link.problems, 0);
    link_close(&desk->link);
    desk_free(desk);
}

static void say_later_for_ever(struct fake *fake)
{
    enum frame_type type;
    const ProtobufCMessage *said;
    fake_session(fake);
    while ((said = fake_receive(fake, &type)) != NULL)
        if (type == FRAME_DIRECTORY_GET)
            fake_error_about(fake, SKP_E_BUSY, NULL, FRAME_DIRECTORY_GET,
                             ((const Skp__V1__DirectoryGet *)said)->tag, 20);
    fake_hang_up(fake);
}

static void nothing_but_later_ends_the_waiting(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_later_for_ever, NULL);
    desk->cli.settings.wait_ms = 1000;
    desk_connect(desk);
    assert_int_equal(link_fetch_directory(&desk->link), SKP_E_NOT_CONNECTED);
    assert_int_equal(link_failed(&desk->link, SKP_E_NOT_CONNECTED), EXIT_UNAVAILABLE);
    link_close(&desk->link);
    desk_free(desk);
}

/* A delivery, a receipt and a head that prove nothing, each while the directory is asked for. */
static void say_what_proves_nothing(struct fake *fake)
{
    Skp__V1__ChainHead head;
    skp__v1__chain_head__init(&head);
    head.commit = wire_bytes(span_text("no commit"));
    head.jws = (char *)(uintptr_t) "no signature";
    fake_session(fake);
    fake_expect(fake, FRAME_FETCH);
    fake_expect(fake, FRAME_DIRECTORY_GET);
    Skp__V1__Delivery *delivery = make_delivery(fake, MUNICIPALITY, 5);
    delivery->jws = (char *)(uintptr_t) "no signature";
    fake_send(fake, FRAME_DELIVERY, &delivery->base);
    fake_send(fake, FRAME_RECEIPT, &fake_make_receipt(fake, &fake->batch, fake->signer)->base);
    fake_hang_up(fake);
    desk_session(fake, SKP__V1__ROLE__ROLE_UNSPECIFIED, &head);
    fake_expect(fake, FRAME_FETCH);
    desk_directory(fake, NULL);
    fake_expect_end(fake);
}

static void what_fails_its_check_meanwhile_is_no_answer(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_what_proves_nothing, NULL);
    desk_connect(desk);
    assert_ok(skp_fetch(desk->link.client, "", 10, 0));
    assert_ok(link_fetch_directory(&desk->link));
    assert_int_equal(desk->link.problems, 3);
    link_close(&desk->link);
    desk_free(desk);
}

/* ---------------------------------------------------------------- telling */

static void a_state_that_fails_is_told_in_its_own_words(void **state)
{
    (void)state;
    struct desk *desk = desk_new(welcome_and_wait, NULL);
    desk_connect(desk);
    (void)snprintf(desk->link.why, sizeof desk->link.why, "the network of an hour ago");
    assert_int_equal(sqlite3_exec(desk->cli.state.db, "DROP TABLE outbox", NULL, NULL, NULL), 0);
    assert_err(link_send_outbox(&desk->link), SKP_E_IO);
    assert_int_equal(link_failed(&desk->link, SKP_E_IO), EXIT_IO);
    const char *said = json_string_value(json_object_get(desk->cli.result, "sentence"));
    assert_non_null(strstr(said, "no such table: outbox"));
    assert_null(strstr(said, "network"));
    link_close(&desk->link);
    desk_free(desk);
}

/* ---------------------------------------------------------------- files that break off */

#define LARGE_BYTES 300000 /* more than a reader holds at once */

static int looks; /* at a large file; the third finds that reading it failed midway */

int __real_ferror(FILE *file);
int __wrap_ferror(FILE *file);

int __wrap_ferror(FILE *file)
{
    struct stat found;
    bool large = fstat(fileno(file), &found) == 0 && found.st_size > LARGE_BYTES;
    looks += large;
    return large && looks == 3 ? 1 : __real_ferror(file);
}

/* The row, and so many blank ones behind it that the file is large. */
static void write_large(struct scene *scene, const char *begin, const char *blank)
{
    size_t room = 2 * (size_t)LARGE_BYTES, used = strlen(begin), len = strlen(blank);
    char *text = malloc(room);
    assert_non_null(text);
    (void)strcpy(text, begin);
    for (; used <= LARGE_BYTES; used += len)
        (void)strcpy(text + used, blank);
    (void)scene_file(scene, "in.csv", text);
    free(text);
    looks = 0;
}

static void say_counsellor(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    fake_expect_end(fake);
}

static void answers_on_paper_that_break_off_are_not_sent(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_counsellor, NULL);
    struct told told;
    char line[512];
    register_cases(desk);
    struct envelope_batch batch = scene_outbox(desk->scene, &desk->scene->office);
    scene_settle(&desk->scene->office, &batch.batch_id, 0, 0, SKP_OK);
    desk_hand_over(desk);
    write_large(desk->scene,
                "Dossier;Schuldeiser;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n"
                "2026-1;Bakker Jansen;250,00;voorstel nodig;16-11-2026;vorderingen\r\n",
                ";;;;;\r\n");
    (void)snprintf(line, sizeof line, "--config %s counsellor record-answer %s/in.csv",
                   desk->config, desk->scene->folder);
    run(line, &told);
    assert_int_equal(told.code, EXIT_IO);
    says(&told, "in.csv: Lezen of schrijven is mislukt");
    assert_int_equal(cli_open_state(&desk->cli), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM recorded"), 0);
    desk_free(desk);
}

static void say_who_is_there(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    desk_directory(fake, NULL);
    fake_expect_end(fake);
}

static void a_relation_list_that_breaks_off_gives_no_file(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_who_is_there, NULL);
    struct told told;
    char line[512];
    write_large(desk->scene, "Schuldeiser;Plaats\r\nZeemeeuw;Proefstad\r\n", ";\r\n");
    (void)snprintf(line, sizeof line, "--config %s counsellor creditors %s/in.csv --out %s/out.csv",
                   desk->config, desk->scene->folder, desk->scene->folder);
    run(line, &told);
    assert_int_equal(told.code, EXIT_IO);
    says(&told, "in.csv: Lezen of schrijven is mislukt");
    assert_int_not_equal(access(scene_file(desk->scene, "out.csv", NULL), F_OK), 0);
    desk_free(desk);
}

static void say_one_creditor(struct fake *fake)
{
    Skp__V1__Role role = SKP__V1__ROLE__ROLE_CREDITOR;
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    entry.oin = (char *)(uintptr_t)SCENE_CREDITOR;
    entry.name = (char *)(uintptr_t) "Zeemeeuw";
    entry.n_roles = 1;
    entry.roles = &role;
    desk_session(fake, SKP__V1__ROLE__ROLE_COUNSELLOR, NULL);
    desk_directory(fake, &entry);
    fake_expect_end(fake);
}

static void an_oin_that_cannot_be_read_is_no_reason_to_go_by_the_name(void **state)
{
    (void)state;
    struct desk *desk = desk_new(say_one_creditor, NULL);
    struct told told;
    char line[512];
    (void)scene_file(desk->scene, "in.csv",
                     "Schuldeiser;SchuldeiserOIN\r\n"
                     "Zeemeeuw;9,9E+13\r\n"
                     "Zeemeeuw;0000009900000000200\r\n"
                     "Zeemeeuw; " SCENE_CREDITOR " \r\n"
                     "Zeemeeuw; \r\n");
    (void)snprintf(line, sizeof line, "--config %s counsellor creditors %s/in.csv --out %s/out.csv",
                   desk->config, desk->scene->folder, desk->scene->folder);
    run(line, &told);
    assert_int_equal(told.code, EXIT_SOME);
    const char *file = scene_read(desk->scene, "out.csv");
    assert_non_null(strstr(file, "2;Zeemeeuw;niet leesbaar;\r\n3;Zeemeeuw;niet leesbaar;\r\n"));
    assert_non_null(strstr(file, "4;Zeemeeuw;gevonden;'" SCENE_CREDITOR
                                 "\r\n5;Zeemeeuw;gevonden;'" SCENE_CREDITOR "\r\n"));
    desk_free(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(receipts_without_proof_leave_the_batch_where_it_is),
        cmocka_unit_test(a_batch_that_another_run_settled_is_not_sent),
        cmocka_unit_test(later_is_news_and_no_answer),
        cmocka_unit_test(nothing_but_later_ends_the_waiting),
        cmocka_unit_test(what_fails_its_check_meanwhile_is_no_answer),
        cmocka_unit_test(a_state_that_fails_is_told_in_its_own_words),
        cmocka_unit_test(answers_on_paper_that_break_off_are_not_sent),
        cmocka_unit_test(a_relation_list_that_breaks_off_gives_no_file),
        cmocka_unit_test(an_oin_that_cannot_be_read_is_no_reason_to_go_by_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
