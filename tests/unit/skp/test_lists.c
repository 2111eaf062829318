/* Saldolijsten while another run collects, or after one that was cut short. */
#include "link_scene.h"
#include "post_scene.h"

#include <errno.h>

/* ---------------------------------------------------------------- another run */

static sqlite3 *other; /* its connection; NULL: nobody else is there */
static const char *other_file;
static int other_rcs[8]; /* of what it wrote, each time something went to the disk */
static size_t other_count;

static const char *other_sql;

static const char add_question[] =
    "INSERT INTO question SELECT randomblob(16), counsellor, bundle_id, line,"
    " leaf, stored_at_ms, position, fact, part, 0, 0, 0, 0 FROM question LIMIT 1";

static int execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);

/* While the list goes to the disk. */
int __wrap_fsync(int fd)
{
    if (other) {
        assert_true(other_count < sizeof other_rcs / sizeof other_rcs[0]);
        other_rcs[other_count++] = execute(other, other_sql);
    }
    if (other_file) {
        FILE *file = fopen(other_file, "w");
        assert_non_null(file);
        assert_true(fputs("theirs", file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    return __real_fsync(fd);
}

static enum skp_err write_first(struct post *post, const char *name, size_t *ret_rows,
                                struct csv_problem *ret_problem)
{
    struct question_list list;
    struct scene *scene = post->scene;
    *ret_rows = 0;
    assert_int_equal(questions_lists(&scene->creditor, &list, 1), 1);
    return lists_write(&scene->creditor, &scene->book, &list, scene_file(scene, name, NULL),
                       ret_rows, ret_problem);
}

static size_t count_lists(struct scene *scene)
{
    struct question_list lists[2];
    return questions_lists(&scene->creditor, lists, 2);
}

/* ---------------------------------------------------------------- tests */

/* Nobody waits for a list that goes to the disk; when somebody wrote meanwhile it is written once more, and now they do. */
static void what_another_run_collects_meanwhile_comes_in_this_list_or_the_next(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    sqlite3 *db = NULL;
    size_t rows = 0;
    post_request(&post);
    assert_int_equal(sqlite3_open(scene_file(scene, "creditor.db", NULL), &db), SQLITE_OK);
    other_sql = add_question;
    other = db;
    assert_ok(write_first(&post, "out.csv", &rows, &problem));
    other = NULL;
    assert_int_equal(rows, 4);
    assert_true(other_count > 1);
    assert_int_equal(other_rcs[0], SQLITE_OK);
    for (size_t i = 1; i < other_count; i++)
        assert_int_equal(other_rcs[i], SQLITE_BUSY);
    assert_int_equal(execute(db, add_question), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_ok(write_first(&post, "answers.csv", &rows, &problem));
    assert_int_equal(rows, 2);
    assert_int_equal(count_lists(scene), 0);
    scene_free(scene);
}

static void a_list_never_takes_the_place_of_another(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    char path[128];
    size_t rows = 0;
    post_request(&post);
    (void)snprintf(path, sizeof path, "%s", scene_file(scene, "out.csv", NULL));
    other_file = path;
    assert_err(write_first(&post, "out.csv", &rows, &problem), SKP_E_IO);
    other_file = NULL;
    assert_int_equal(problem.os_error, EEXIST);
    assert_string_equal(scene_read(scene, "out.csv"), "theirs");
    assert_int_equal(count_lists(scene), 1); /* it is still to be written */
    assert_ok(write_first(&post, "answers.csv", &rows, &problem));
    assert_int_equal(rows, 2);
    scene_free(scene);
}

static void the_list_of_a_round_that_another_run_wrote_is_not_written_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    struct question_list list;
    size_t rows = 1;
    post_request(&post);
    state_run(&scene->creditor,
              "INSERT INTO overview_part SELECT zeroblob(16), 0, zeroblob(16), stored_at_ms, 0, 0"
              " FROM question",
              "");
    state_run(&scene->creditor,
              "INSERT INTO overview_item SELECT zeroblob(16), 0, 0, request_id, 0, 3 FROM question",
              "");
    assert_int_equal(questions_lists(&scene->creditor, &list, 1), 1);
    assert_true(list.is_round);
    state_run(&scene->creditor, "UPDATE overview_part SET listed = 1",
              ""); /* as another run does */
    assert_ok(lists_write(&scene->creditor, &scene->book, &list, scene_file(scene, "out.csv", NULL),
                          &rows, &problem));
    assert_int_equal(rows, 0);
    assert_int_equal(access(scene_file(scene, "out.csv", NULL), F_OK), -1);
    scene_free(scene);
}

/* Cut short between its place and the mark, and answered since. */
static void a_list_without_open_requests_is_no_file(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    struct question_list list;
    size_t rows = 1;
    post_request(&post);
    assert_int_equal(questions_lists(&scene->creditor, &list, 1), 1);
    state_run(&scene->creditor,
              "INSERT INTO answer_out SELECT request_id, 1, 2, 0, zeroblob(32), x'', x''"
              " FROM question",
              "");
    assert_int_equal(count_lists(scene), 0);
    assert_ok(lists_write(&scene->creditor, &scene->book, &list, scene_file(scene, "out.csv", NULL),
                          &rows, &problem));
    assert_int_equal(rows, 0);
    assert_int_equal(access(scene_file(scene, "out.csv", NULL), F_OK), -1);
    scene_free(scene);
}

/* ---------------------------------------------------------------- the command */

static void say_nothing_new(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_CREDITOR, NULL);
    desk_directory(fake, NULL);
    fake_expect(fake, FRAME_FETCH);
    fake_waiting(fake, 0);
    fake_expect_end(fake);
}

/* What it tells when another run does `sql` while the list goes to the disk. */
static void collect_beside(const char *sql, struct told *ret_told)
{
    struct desk *desk = desk_new(say_nothing_new, NULL);
    struct post post = post_open(desk->scene);
    char from[128], to[128], line[512];
    sqlite3 *db = NULL;
    post_request(&post);
    state_close(&desk->scene->creditor);
    (void)snprintf(from, sizeof from, "%s", scene_file(desk->scene, "creditor.db", NULL));
    (void)snprintf(to, sizeof to, "%s", scene_file(desk->scene, "skp.db", NULL));
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(sqlite3_open(to, &db), SQLITE_OK);
    (void)snprintf(line, sizeof line, "--config %s creditor collect --out %s", desk->config,
                   desk->scene->folder);
    other_count = 0;
    other_sql = sql;
    other = db;
    run(line, ret_told);
    other = NULL;
    assert_int_equal(other_rcs[0], SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    desk_free(desk);
}

static void a_list_that_another_run_wrote_meanwhile_is_not_called_empty(void **state)
{
    struct told told;
    (void)state;
    collect_beside("UPDATE question SET listed = 1", &told);
    assert_int_equal(told.code, EXIT_ALL_OK);
    says(&told, "saldolijst " SCENE_COUNSELLOR ": intussen geschreven door een andere skp");
    does_not_say(&told, ".csv");
}

static void what_ails_the_database_is_not_blamed_on_the_list(void **state)
{
    struct told told;
    (void)state;
    collect_beside("ALTER TABLE question RENAME TO moved", &told);
    assert_int_equal(told.code, EXIT_IO);
    says(&told, "no such table");
    does_not_say(&told, ".csv");
}

/* Other software seals addresses abroad, and a note. */
static void an_address_abroad_and_a_note_reach_the_list(void **state)
{
    static const struct {
        const char *sealed, *written;
    } postcodes[] = {
        {"SW1A 1AA", ";SW1A 1AA;"},
        {"2\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", ";;"}};
    (void)state;
    for (size_t i = 0; i < sizeof postcodes / sizeof postcodes[0]; i++) {
        struct scene *scene = scene_new();
        struct post post = post_open(scene);
        size_t rows = 0;
        char expected[128];
        Skp__V1__PersonPart part;
        skp__v1__person_part__init(&part);
        Skp__V1__Address address;
        skp__v1__address__init(&address);
        address.postcode = (char *)(uintptr_t)postcodes[i].sealed;
        address.place = (char *)(uintptr_t) "Londen";
        address.country = (char *)(uintptr_t) "VK";
        part.address = &address;
        part.note = (char *)(uintptr_t) "=bel eerst";
        post_request(&post);
        state_run(&scene->creditor, "UPDATE question SET part = ?", "b",
                  wire_pack(&part.base, &scene->arena));
        (void)write_list(&post, &rows);
        const char *file = scene_read(scene, "out.csv");
        (void)snprintf(expected, sizeof expected, "%sLonden;", postcodes[i].written);
        assert_non_null(strstr(file, expected));
        assert_non_null(strstr(file, ";gevraagd;VK;'=bel eerst;"));
        scene_free(scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_run_collects_meanwhile_comes_in_this_list_or_the_next),
        cmocka_unit_test(a_list_never_takes_the_place_of_another),
        cmocka_unit_test(the_list_of_a_round_that_another_run_wrote_is_not_written_again),
        cmocka_unit_test(a_list_without_open_requests_is_no_file),
        cmocka_unit_test(a_list_that_another_run_wrote_meanwhile_is_not_called_empty),
        cmocka_unit_test(what_ails_the_database_is_not_blamed_on_the_list),
        cmocka_unit_test(an_address_abroad_and_a_note_reach_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
