/* Where a BSN goes, and that the signed line says so. */
#include "bsn_write.h"
#include "lists_write.h"
#include "resealing.h"
#include "skp_scene.h"

#define COUPLE                                                                                     \
    "2026-1;K1;SK;budgetbeheer;02-11-2026;00000099000000001000;V;Verzonnen;05-05-1988;M;Bedacht;"  \
    "06-06-1986;Proefstraat;1;;;1234AB;Proefstad;;"

static const char asked[] = SCENE_HEADER COUPLE "Zeemeeuw;;;F-001;12,50;beiden;telecom\r\n" COUPLE
                                                "De Linde;;;;1;eerste;zorgpremie\r\n";

struct mail {
    struct scene *scene;
    struct skp_oin broker;
    struct scene_opener opener;
    struct opening creditor;
    /* sealed in the place of the file's */
    plain_date birth_date; /* 0: not */
    const char *bsn;       /* NULL: not */
};

static void read_files(struct scene *scene, const char *bsn, struct register_file *ret_file)
{
    struct csv_problem problem;
    scene_read_cases(scene, asked, ret_file);
    assert_ok(register_read_bsn(scene_file(scene, "bsn.csv", bsn), ret_file, &ret_file->problems,
                                &problem));
    assert_int_equal(ret_file->problems.count, 0);
}

static struct target *entitled_creditor(struct scene *scene)
{
    struct target *target = NULL;
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    entry.oin = (char *)(uintptr_t)SCENE_CREDITOR;
    entry.bsn_entitled = true;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    assert_ok(scene_target(scene, &entry, "", &target));
    return target;
}

static void mail_open(struct mail *mail, struct scene *scene)
{
    *mail = (struct mail){.scene = scene,
                          .broker = scene_oin(SCENE_BROKER),
                          .opener = {scene->creditor_enc, scene->trust}};
    mail->creditor = (struct opening){.db = &scene->creditor,
                                      .broker = &mail->broker,
                                      .open_part = scene_open_part,
                                      .ctx = &mail->opener};
}

static void the_bsn_of_the_partner_alone_is_sent_too(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct mail mail;
    struct register_file file;
    struct csv_problem problem;
    struct stat info;
    size_t rows = 0;
    (void)entitled_creditor(scene);
    mail_open(&mail, scene);
    read_files(scene, "Dossier;BSN;PartnerBSN\r\n2026-1;;999990019\r\n", &file);
    struct registering registering = scene_registering(scene);
    assert_ok(registering_run(&registering, &file, false));
    registering_fini(&registering);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_deliver(scene, &batch, 1, SCENE_CREDITOR, SCENE_NOW_MS, &mail.creditor);
    assert_int_equal(mail.creditor.problem, SKP_OK);
    const char *path = scene_file(scene, "out.csv", NULL);
    assert_ok(bsn_write(&scene->creditor, path, &rows, &problem));
    assert_int_equal(rows, 1);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_non_null(strstr(scene_read(scene, "out.csv"), "\r\n;;999990019;"));
    scene_free(scene);
}

static void a_partner_who_owes_nothing_there_is_not_named(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct register_file file;
    read_files(scene, "Dossier;BSN;PartnerBSN\r\n2026-1;;999990019\r\n", &file);
    assert_true(cases_build_has_bsn(file.cases, file.cases->requests));
    assert_false(cases_build_has_bsn(file.cases, file.cases->requests->next));
    scene_free(scene);
}

/* The request of the file, with a flag of one's own. */
static void deliver(struct mail *mail, bool with_bsn, bool flag)
{
    struct scene *scene = mail->scene;
    struct register_file file;
    struct span part;
    struct skp_id ids[] = {id_new(), id_new()};
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    Skp__V1__RequestFact fact;
    skp__v1__request_fact__init(&fact);
    Skp__V1__KnownClaim claim;
    skp__v1__known_claim__init(&claim);
    Skp__V1__KnownClaim *claims[] = {&claim};
    struct target *creditor = entitled_creditor(scene);
    read_files(scene, "Dossier;BSN;PartnerBSN\r\n2026-1;999990019;\r\n", &file);
    if (mail->birth_date != 0)
        file.cases->client.birth_date = file.cases->partner.birth_date = mail->birth_date;
    if (mail->bsn)
        (void)snprintf(file.cases->client.bsn, CSV_BSN_BYTES, "%s", mail->bsn);
    assert_ok(cases_build_part(file.cases, file.cases->requests, with_bsn, &scene->settings,
                               &scene->arena, &part));
    claim.claim_id = wire_bytes(span_of(ids[0].bytes, ID_BYTES));
    claim.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    claim.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.request_id = wire_bytes(span_of(ids[1].bytes, ID_BYTES));
    fact.version = 1;
    fact.contains_bsn = flag;
    fact.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    fact.product = (Skp__V1__Product)file.cases->product;
    fact.guidance = (Skp__V1__Guidance)file.cases->guidance;
    fact.reference_date = 20261102;
    fact.n_claims = 1;
    fact.claims = claims;
    line.fact_case = SKP__V1__LINE__FACT_REQUEST;
    line.request = &fact;
    struct envelope_batch batch =
        scene_say(scene, SCENE_COUNSELLOR, scene->office_sign, &creditor->to, &line, part);
    scene_deliver(scene, &batch, 0, SCENE_CREDITOR, SCENE_NOW_MS, &mail->creditor);
}

static void a_bsn_that_the_line_does_not_tell_of_is_a_problem(void **state)
{
    static const struct {
        bool with_bsn, flag, forbidden;
        enum skp_err err;
    } cases[] = {{true, false, false, SKP_E_FIELD_UNEXPECTED},
                 {false, true, false, SKP_E_FIELD_UNEXPECTED},
                 {true, true, false, SKP_OK},
                 {true, true, true, SKP_E_BSN_NOT_ALLOWED},
                 {false, false, true, SKP_OK}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_new();
        struct mail mail;
        struct csv_problem problem;
        size_t rows = 0;
        mail_open(&mail, scene);
        mail.creditor.bsn_forbidden = cases[i].forbidden;
        deliver(&mail, cases[i].with_bsn, cases[i].flag);
        assert_err(mail.creditor.problem, cases[i].err);
        assert_int_equal(mail.creditor.requests, cases[i].err == SKP_OK);
        assert_ok(bsn_write(&scene->creditor, scene_file(scene, "out.csv", NULL), &rows, &problem));
        assert_int_equal(rows, cases[i].with_bsn && cases[i].err == SKP_OK);
        assert_int_equal(
            state_number(&scene->creditor, -1, "SELECT length(part) = 0 FROM question", ""),
            cases[i].err != SKP_OK); /* what may not be here is not kept */
        scene_free(scene);
    }
}

/* Other software may seal a birth date of which only the year is known, or worse. */
static void a_birth_date_that_is_no_date_is_left_out_and_stops_no_list(void **state)
{
    static const plain_date dates[] = {19800000, 20261345, -1, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        struct scene *scene = scene_new();
        struct mail mail;
        struct csv_problem problem;
        struct question_list list;
        size_t rows = 0;
        mail_open(&mail, scene);
        mail.birth_date = dates[i];
        deliver(&mail, false, false);
        assert_err(mail.creditor.problem, SKP_OK);
        assert_int_equal(questions_lists(&scene->creditor, &list, 1), 1);
        assert_ok(lists_write(&scene->creditor, &scene->book, &list,
                              scene_file(scene, "out.csv", NULL), &rows, &problem));
        assert_int_equal(rows, 1);
        assert_non_null(
            strstr(scene_read(scene, "out.csv"), ";Verzonnen;;M;;;;Bedacht;;Proefstraat;"));
        scene_free(scene);
    }
}

static void what_is_no_bsn_is_unreadable(void **state)
{
    static const char *const texts[] = {"=1+1", "999990010", "99999001", " 99999001", "@9990019"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct scene *scene = scene_new();
        struct mail mail;
        struct csv_problem problem;
        size_t rows = 0;
        mail_open(&mail, scene);
        mail.bsn = texts[i];
        deliver(&mail, true, true);
        assert_err(mail.creditor.problem, SKP_E_BSN_INVALID);
        assert_int_equal(mail.creditor.unreadable, 1);
        assert_ok(bsn_write(&scene->creditor, scene_file(scene, "out.csv", NULL), &rows, &problem));
        assert_int_equal(rows, 0);
        scene_free(scene);
    }
}

/* As an earlier version may have taken it. */
static void a_spreadsheet_keeps_what_stands_in_the_file_of_bsns(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct mail mail;
    struct csv_problem problem;
    Skp__V1__PersonPart part;
    skp__v1__person_part__init(&part);
    Skp__V1__Person client, partner;
    skp__v1__person__init(&client);
    skp__v1__person__init(&partner);
    size_t rows = 0;
    client.bsn = (char *)(uintptr_t) "=1+1";
    partner.bsn = (char *)(uintptr_t) "0999";
    part.client = &client;
    part.partner = &partner;
    mail_open(&mail, scene);
    deliver(&mail, true, true);
    state_run(&scene->creditor, "UPDATE question SET part = ?", "b",
              wire_pack(&part.base, &scene->arena));
    assert_ok(bsn_write(&scene->creditor, scene_file(scene, "out.csv", NULL), &rows, &problem));
    assert_int_equal(rows, 1);
    assert_non_null(strstr(scene_read(scene, "out.csv"), "\r\n;'=1+1;'0999;"));
    scene_free(scene);
}

static void count_left(void *ctx, const struct skp_oin *creditor, const struct skp_id *request_id,
                       enum skp_err err)
{
    enum skp_err *left = ctx;
    (void)creditor, (void)request_id;
    *left = err;
}

static void a_bsn_is_not_sealed_again_for_who_lost_the_right(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct mail mail;
    struct register_file file;
    struct target *creditor = entitled_creditor(scene);
    enum skp_err left = SKP_OK;
    mail_open(&mail, scene);
    read_files(scene, "Dossier;BSN;PartnerBSN\r\n2026-1;;999990019\r\n", &file);
    struct registering registering = scene_registering(scene);
    assert_ok(registering_run(&registering, &file, false));
    registering_fini(&registering);
    state_run(&scene->office,
              "INSERT INTO reseal (request_id, bundle_id, cause, asked_at_ms)"
              " SELECT request_id, bundle_id, 10, 1 FROM request WHERE creditor = '" SCENE_CREDITOR
              "'",
              "");
    creditor->bsn_entitled = false;
    struct resealing resealing = {.db = &scene->office,
                                  .book = &scene->book,
                                  .identity = scene_registering(scene).identity,
                                  .target = scene_target,
                                  .ctx = scene,
                                  .on_left = count_left,
                                  .left_ctx = &left};
    assert_ok(resealing_run(&resealing));
    assert_int_equal(resealing.sealed, 0);
    assert_err(left, SKP_E_BSN_NOT_ALLOWED);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bsn_of_the_partner_alone_is_sent_too),
        cmocka_unit_test(a_partner_who_owes_nothing_there_is_not_named),
        cmocka_unit_test(a_bsn_that_the_line_does_not_tell_of_is_a_problem),
        cmocka_unit_test(a_birth_date_that_is_no_date_is_left_out_and_stops_no_list),
        cmocka_unit_test(what_is_no_bsn_is_unreadable),
        cmocka_unit_test(a_spreadsheet_keeps_what_stands_in_the_file_of_bsns),
        cmocka_unit_test(a_bsn_is_not_sealed_again_for_who_lost_the_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
