/* Two runs that answer one request at the same moment. */
#include "link_scene.h"
#include "post_scene.h"

static void only_look_up(struct fake *fake)
{
    desk_session(fake, SKP__V1__ROLE__ROLE_CREDITOR, NULL);
    desk_directory(fake, NULL);
    fake_expect_end(fake);
}

/* A creditor's state with one request, and in.csv that answers it: the client is not known. */
static struct desk *open_desk(struct post *post, struct question *ret_question)
{
    struct desk *desk = desk_new(only_look_up, NULL);
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
    assert_int_equal(ret_told->code, EXIT_SOME);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM outbox"), 0);
    assert_int_equal(desk_count(desk, "SELECT count(*) FROM answer_out WHERE fact = x'07'"), 1);
}

static void another_answer_than_the_one_on_its_way_is_refused(void **state)
{
    (void)state;
    struct post post;
    struct question question;
    struct told told;
    struct desk *desk = open_desk(&post, &question);
    put_sent(desk, &(struct skp_hash){{7}});
    answer(desk, &told);
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
    struct told told;
    struct list_answers answers;
    struct built_answer built;
    struct csv_problem problem;
    struct desk *desk = open_desk(&post, &question);
    struct arena *arena = &desk->scene->arena;
    assert_ok(
        list_answers_read(scene_file(desk->scene, "in.csv", NULL), arena, &answers, &problem));
    assert_ok(answers_build(&question, answers.requests, NULL, 0, 20261103, &desk->cli.settings,
                            arena, &built, &problem));
    put_sent(desk, &built.fingerprint);
    answer(desk, &told);
    assert_non_null(strstr(scene_read(desk->scene, "out.csv"), ";geweigerd;;OUTCOME_UNKNOWN;"));
    desk_free(desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_answer_than_the_one_on_its_way_is_refused),
        cmocka_unit_test(the_same_answer_on_its_way_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
