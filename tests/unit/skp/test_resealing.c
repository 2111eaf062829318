/* What a creditor cannot read goes back as UNREADABLE and comes again, sealed anew by the office. */
#include "answers_write.h"
#include "post_scene.h"
#include "resealing.h"

#define STATE(name) SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define LATER_MS    (SCENE_NOW_MS + INT64_C(3600000))

/* What was left as it is, and why. */
struct left {
    size_t count;
    enum skp_err err;
};

static void on_left(void *ctx, const struct skp_oin *creditor, const struct skp_id *request_id,
                    enum skp_err err)
{
    struct left *left = ctx;
    assert_string_equal(creditor->text, SCENE_CREDITOR);
    assert_false(id_is_nil(request_id));
    left->count++;
    left->err = err;
}

static void open_office(struct post *post)
{
    post->office = (struct opening){.db = &post->scene->office,
                                    .broker = &post->broker,
                                    .open_part = scene_open_part,
                                    .ctx = &post->office_key};
}

/* The registration arrives at a creditor with the wrong key. */
static void post_unreadable(struct scene *scene, struct post *post)
{
    *post = post_open(scene);
    post->creditor_key.key = scene->office_enc;
    post_request(post);
    open_office(post);
}

/* The list sent back as it is, up to the signed batch in the creditor's outbox. */
static struct envelope_batch answer_unreadable(struct post *post)
{
    struct scene *scene = post->scene;
    struct list_answers answers;
    struct csv_problem problem;
    struct question question;
    struct built_answer built;
    struct draft draft;
    struct envelope_batch batch;
    size_t rows = 0;
    struct addressee office = {.oin = scene_oin(SCENE_COUNSELLOR), .mailbox = ""};
    struct skp_oin self = scene_oin(SCENE_CREDITOR);
    (void)write_list(post, &rows);
    assert_int_equal(rows, 2);
    assert_ok(
        list_answers_read(scene_file(scene, "out.csv", NULL), &scene->arena, &answers, &problem));
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(answers.requests->outcome, SKP__V1__OUTCOME__OUTCOME_UNREADABLE);
    assert_ok(
        questions_load(&scene->creditor, &answers.requests->request_id, &scene->arena, &question));
    assert_ok(answers_build(&question, answers.requests, NULL, 0, 20261103, &scene->settings,
                            &scene->arena, &built, &problem));
    assert_int_equal(built.part.len, 0);
    assert_ok(draft_init(&draft, &scene->arena));
    draft_add(&draft, &office, built.line, built.part, 1);
    assert_ok(draft_sign(&draft, &self, scene->creditor_sign, SCENE_NOW_MS, &batch));
    outbox_put(&scene->creditor, &draft, &batch, SCENE_NOW_MS);
    state_run(&scene->creditor, "UPDATE question SET returned = 1", "");
    return batch;
}

/* Signs what waits into the office's outbox. */
static size_t run(struct post *post, struct left *left)
{
    struct scene *scene = post->scene;
    struct registering registering = scene_registering(scene);
    struct resealing resealing = {.db = &scene->office,
                                  .book = &scene->book,
                                  .identity = registering.identity,
                                  .target = scene_target,
                                  .ctx = scene,
                                  .on_left = on_left,
                                  .left_ctx = left};
    *left = (struct left){.count = 0};
    assert_ok(resealing_run(&resealing));
    return resealing.sealed;
}

static Skp__V1__RequestState state_at_office(struct post *post)
{
    struct views views;
    struct request_view view = only_view(post, &views);
    views_close(&views);
    return view.state;
}

/* The creditor says that it cannot read what it has; the office hears it. */
static void say_unreadable(struct post *post, int64_t at_ms)
{
    struct scene *scene = post->scene;
    struct envelope_batch batch = answer_unreadable(post);
    scene_settle(&scene->creditor, &batch.batch_id, 0, 0, SKP_OK);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, at_ms, &post->office);
    assert_int_equal(post->office.problem, SKP_OK);
}

/* The office seals it again and the creditor gets that. */
static struct envelope_batch reseal(struct post *post, int64_t at_ms)
{
    struct scene *scene = post->scene;
    struct left left;
    assert_int_equal(run(post, &left), 1);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 0, 0, SKP_OK);
    scene_deliver(scene, &batch, 1, SCENE_CREDITOR, at_ms, &post->creditor);
    return batch;
}

/* ---------------------------------------------------------------- at the creditor */

static void what_cannot_be_read_is_listed_without_a_name_and_filled_in(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    size_t rows = 0;
    (void)state;
    post_unreadable(scene, &post);
    assert_err(post.creditor.problem, SKP_E_UNSEAL);
    assert_int_equal(post.creditor.unreadable, 1);
    (void)write_list(&post, &rows);
    const char *file = scene_read(scene, "out.csv");
    assert_non_null(strstr(file, "onleesbaar voor schuldeiser"));
    assert_null(strstr(file, "Verzonnen"));
    scene_free(scene);
}

static void what_was_answered_unreadable_is_in_nobodys_way(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct question_list lists[4];
    (void)state;
    post_unreadable(scene, &post);
    struct envelope_batch batch = answer_unreadable(&post);
    scene_settle(&scene->creditor, &batch.batch_id, 0, 0, SKP_OK);
    assert_int_equal(state_number(&scene->creditor, 0, "SELECT returned FROM question", ""),
                     STAGE_STORED);
    state_run(&scene->creditor, "UPDATE question SET listed = 0", "");
    assert_int_equal(questions_lists(&scene->creditor, lists, 4), 0);
    scene_free(scene);
}

static void a_refused_unreadable_is_told_and_can_be_said_again(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    (void)state;
    post_unreadable(scene, &post);
    struct envelope_batch batch = answer_unreadable(&post);
    scene_settle(&scene->creditor, &batch.batch_id, 0, 0, SKP_E_STATE_INVALID);
    assert_int_equal(state_number(&scene->creditor, 0, "SELECT returned FROM question", ""),
                     STAGE_REFUSED);
    assert_int_equal(state_number(&scene->creditor, 0, "SELECT returned_err FROM question", ""),
                     SKP_E_STATE_INVALID);
    scene_free(scene);
}

/* Builds the answer to the only question as the file would say it. */
static enum skp_err build(struct post *post, struct list_request *given, const char **ret_column)
{
    struct scene *scene = post->scene;
    struct question question;
    struct built_answer built;
    struct csv_problem problem;
    sqlite3_stmt *row = state_ask(&scene->creditor, "SELECT request_id FROM question", "");
    assert_true(state_next(&scene->creditor, row));
    given->request_id = state_id(row, 0);
    assert_false(state_next(&scene->creditor, row));
    assert_ok(questions_load(&scene->creditor, &given->request_id, &scene->arena, &question));
    enum skp_err err = answers_build(&question, given, NULL, 0, 20261103, &scene->settings,
                                     &scene->arena, &built, &problem);
    *ret_column = problem.column;
    return err;
}

static void what_cannot_be_read_takes_no_other_answer(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct list_request given = {.outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT};
    const char *column = "";
    (void)state;
    post_unreadable(scene, &post);
    assert_err(build(&post, &given, &column), SKP_E_UNSEAL);
    assert_string_equal(column, "Onleesbaar");
    scene_free(scene);
}

static void a_key_that_is_put_right_opens_what_came_before(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    size_t rows = 0;
    (void)state;
    post.creditor_key.key = scene->office_enc;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(scene, POST_ASKED, false, NULL);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    post.creditor = (struct opening){.db = &scene->creditor,
                                     .broker = &post.broker,
                                     .open_part = scene_open_part,
                                     .ctx = &post.creditor_key};
    scene_deliver(scene, &batch, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    (void)write_list(&post, &rows);
    post.creditor_key.key = scene->creditor_enc;
    scene_deliver(scene, &batch, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    assert_int_equal(post.creditor.problem, SKP_OK);
    (void)write_list(&post, &rows);
    assert_non_null(strstr(scene_read(scene, "out.csv"), "Verzonnen"));
    scene_free(scene);
}

/* ---------------------------------------------------------------- at the office */

static void unreadable_is_no_answer_at_the_office(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct csv_problem problem;
    size_t count = 9;
    (void)state;
    post_unreadable(scene, &post);
    say_unreadable(&post, LATER_MS);
    assert_int_equal(post.office.answers, 0);
    assert_int_equal(post.office.unreadable, 1);
    assert_true(resealing_waits(&scene->office));
    assert_int_equal(state_at_office(&post), STATE(UNREADABLE));
    assert_ok(
        answers_write(&scene->office, scene_file(scene, "answers.csv", NULL), &count, &problem));
    assert_int_equal(count, 0);
    scene_free(scene);
}

static void the_very_same_line_is_sealed_again_and_read(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    size_t rows = 0;
    (void)state;
    post_unreadable(scene, &post);
    say_unreadable(&post, LATER_MS);
    post.creditor_key.key = scene->creditor_enc;
    struct envelope_batch batch = reseal(&post, LATER_MS + 1);
    assert_int_equal(batch.bundle_count, 2); /* the case goes along */
    assert_int_equal(batch.line_count, 2);
    assert_int_equal(post.creditor.problem, SKP_OK);
    assert_false(resealing_waits(&scene->office));
    assert_int_equal(state_at_office(&post), STATE(REGISTERED));
    /* One question, at its new place, about the leaf that was asked in the first place. */
    assert_int_equal(state_number(&scene->creditor, 0, "SELECT count(*) FROM question", ""), 1);
    sqlite3_stmt *row = state_ask(&scene->creditor, "SELECT bundle_id, leaf FROM question", "");
    assert_true(state_next(&scene->creditor, row));
    struct skp_id bundle_id = state_id(row, 0);
    struct skp_hash leaf = state_hash(row, 1);
    assert_false(state_next(&scene->creditor, row));
    assert_int_equal(state_number(&scene->office, 0,
                                  "SELECT count(*) FROM request WHERE leaf = ? AND bundle_id = ?",
                                  "hd", &leaf, &bundle_id),
                     1);
    (void)write_list(&post, &rows);
    assert_non_null(strstr(scene_read(scene, "out.csv"), "Verzonnen"));
    scene_free(scene);
}

static void the_old_bundle_changes_nothing_any_more(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    (void)state;
    post.creditor_key.key = scene->office_enc;
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(scene, POST_ASKED, false, NULL);
    struct envelope_batch first = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &first.batch_id, 0, 0, SKP_OK);
    post.creditor = (struct opening){.db = &scene->creditor,
                                     .broker = &post.broker,
                                     .open_part = scene_open_part,
                                     .ctx = &post.creditor_key};
    open_office(&post);
    scene_deliver(scene, &first, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    assert_err(post.creditor.problem, SKP_E_UNSEAL);
    say_unreadable(&post, LATER_MS);
    scene_deliver(scene, &first, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    assert_int_equal(post.creditor.problem, SKP_OK); /* it may be collected now */
    (void)reseal(&post, LATER_MS + 1);
    assert_err(post.creditor.problem, SKP_E_UNSEAL); /* still the wrong key */
    post.creditor_key.key = scene->creditor_enc;
    scene_deliver(scene, &first, 1, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    assert_int_equal(post.creditor.problem, SKP_OK);
    assert_int_equal(state_number(&scene->creditor, 0,
                                  "SELECT err FROM question WHERE stored_at_ms = ?", "i",
                                  LATER_MS + 1),
                     SKP_E_UNSEAL);
    scene_free(scene);
}

static void what_helps_nothing_is_left_to_a_person(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct left left;
    struct views views;
    (void)state;
    post_unreadable(scene, &post);
    for (int i = 0; i < RESEAL_TIMES; i++) {
        say_unreadable(&post, LATER_MS + 10 * i);
        (void)reseal(&post, LATER_MS + 10 * i + 1);
    }
    say_unreadable(&post, LATER_MS + 100);
    assert_int_equal(run(&post, &left), 0);
    assert_int_equal(left.count, 1);
    assert_err(left.err, SKP_E_UNSEAL);
    assert_false(resealing_waits(&scene->office));
    assert_int_equal(run(&post, &left), 0);
    assert_int_equal(left.count, 0);
    struct request_view view = only_view(&post, &views);
    assert_int_equal(view.state, STATE(UNREADABLE));
    assert_true(view.unsealable); /* it stands among the letters */
    views_close(&views);
    scene_free(scene);
}

static void an_unreadable_answer_that_comes_twice_is_worked_off_once(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct left left;
    (void)state;
    post_unreadable(scene, &post);
    struct envelope_batch batch = answer_unreadable(&post);
    scene_settle(&scene->creditor, &batch.batch_id, 0, 0, SKP_OK);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, LATER_MS, &post.office);
    (void)reseal(&post, LATER_MS + 1);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, LATER_MS, &post.office);
    assert_int_equal(post.office.problem, SKP_OK);
    assert_int_equal(run(&post, &left), 0);
    assert_int_equal(state_at_office(&post), STATE(REGISTERED));
    scene_free(scene);
}

static void what_cannot_be_sealed_now_is_seen_and_tried_again(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct left left;
    struct views views;
    (void)state;
    post_unreadable(scene, &post);
    say_unreadable(&post, LATER_MS);
    struct request_view view = only_view(&post, &views);
    assert_false(view.unsealable);
    views_close(&views);
    struct book known = scene->book;
    book_init(&scene->book);
    assert_int_equal(run(&post, &left), 0);
    assert_err(left.err, SKP_E_RECIPIENT_UNKNOWN);
    view = only_view(&post, &views);
    assert_true(view.unsealable);
    views_close(&views);
    book_fini(&scene->book);
    scene->book = known;
    assert_true(resealing_waits(&scene->office));
    assert_int_equal(run(&post, &left), 1);
    view = only_view(&post, &views);
    assert_false(view.unsealable);
    views_close(&views);
    scene_free(scene);
}

static void what_was_not_kept_is_left_to_a_person(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct left left;
    (void)state;
    post_unreadable(scene, &post);
    say_unreadable(&post, LATER_MS);
    state_run(&scene->office, "DELETE FROM kept_line", "");
    assert_int_equal(run(&post, &left), 0);
    assert_err(left.err, SKP_E_NOT_FOUND);
    scene_free(scene);
}

static void a_refused_reseal_is_not_tried_for_ever(void **state)
{
    struct scene *scene = scene_new();
    struct post post;
    struct left left;
    struct views views;
    (void)state;
    post_unreadable(scene, &post);
    say_unreadable(&post, LATER_MS);
    assert_int_equal(run(&post, &left), 1);
    struct envelope_batch batch = scene_outbox(scene, &scene->office);
    scene_settle(&scene->office, &batch.batch_id, 1, 0, SKP_E_BSN_NOT_ALLOWED);
    assert_int_equal(run(&post, &left), 0);
    struct request_view view = only_view(&post, &views);
    assert_true(view.unsealable);
    assert_int_equal(view.stage, STAGE_STORED); /* the request itself stays registered */
    views_close(&views);
    scene_free(scene);
}

static void what_the_post_office_could_not_deliver_is_sealed_again(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct left left;
    Skp__V1__Line line;
    Skp__V1__EventFact event;
    struct skp_id event_id = id_new();
    (void)state;
    post_request(&post);
    open_office(&post);
    sqlite3_stmt *row = state_ask(&scene->office, "SELECT request_id FROM request", "");
    assert_true(state_next(&scene->office, row));
    struct skp_id request_id = state_id(row, 0);
    assert_false(state_next(&scene->office, row));
    ProtobufCBinaryData ids[] = {wire_id(&request_id)};
    skp__v1__line__init(&line);
    skp__v1__event_fact__init(&event);
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_id(&event_id);
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED;
    event.happened_at_ms = LATER_MS;
    event.other = wire_text(SCENE_CREDITOR);
    event.n_request_ids = 1;
    event.request_ids = ids;
    struct addressee office = {.oin = scene_oin(SCENE_COUNSELLOR), .mailbox = ""};
    post.broker = scene_oin(SCENE_CREDITOR); /* whose key the test has */
    struct envelope_batch batch =
        scene_say(scene, SCENE_CREDITOR, scene->creditor_sign, &office, &line, span_of("", 0));
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, LATER_MS, &post.office);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, LATER_MS, &post.office);
    assert_int_equal(post.office.problem, SKP_OK);
    assert_int_equal(state_at_office(&post), STATE(RESEAL_NEEDED));
    assert_int_equal(run(&post, &left), 1);
    scene_free(scene);
}

static void nothing_is_kept_longer_than_it_is_needed(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    (void)state;
    post_request(&post);
    open_office(&post);
    static const char kept[] =
        "SELECT count(*) FROM kept_line WHERE item_id IN (SELECT request_id FROM request)";
    assert_int_equal(state_number(&scene->office, 0, kept, ""), 1);
    struct list_request given = {.outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT};
    struct question question;
    struct built_answer built;
    struct csv_problem problem;
    sqlite3_stmt *row = state_ask(&scene->creditor, "SELECT request_id FROM question", "");
    assert_true(state_next(&scene->creditor, row));
    given.request_id = state_id(row, 0);
    assert_false(state_next(&scene->creditor, row));
    assert_ok(questions_load(&scene->creditor, &given.request_id, &scene->arena, &question));
    given.client_number_creditor = given.transferred_to = given.note = "";
    given.contact = (struct csv_contact){"", "", ""};
    assert_ok(answers_build(&question, &given, NULL, 0, 20261103, &scene->settings, &scene->arena,
                            &built, &problem));
    struct addressee office = {.oin = scene_oin(SCENE_COUNSELLOR), .mailbox = ""};
    struct envelope_batch batch =
        scene_say(scene, SCENE_CREDITOR, scene->creditor_sign, &office, built.line, built.part);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, LATER_MS, &post.office);
    assert_int_equal(post.office.answers, 1);
    assert_int_equal(state_number(&scene->office, 9, kept, ""), 0);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_read_is_listed_without_a_name_and_filled_in),
        cmocka_unit_test(what_was_answered_unreadable_is_in_nobodys_way),
        cmocka_unit_test(a_refused_unreadable_is_told_and_can_be_said_again),
        cmocka_unit_test(what_cannot_be_read_takes_no_other_answer),
        cmocka_unit_test(a_key_that_is_put_right_opens_what_came_before),
        cmocka_unit_test(unreadable_is_no_answer_at_the_office),
        cmocka_unit_test(the_very_same_line_is_sealed_again_and_read),
        cmocka_unit_test(the_old_bundle_changes_nothing_any_more),
        cmocka_unit_test(what_helps_nothing_is_left_to_a_person),
        cmocka_unit_test(an_unreadable_answer_that_comes_twice_is_worked_off_once),
        cmocka_unit_test(what_cannot_be_sealed_now_is_seen_and_tried_again),
        cmocka_unit_test(what_was_not_kept_is_left_to_a_person),
        cmocka_unit_test(a_refused_reseal_is_not_tried_for_ever),
        cmocka_unit_test(what_the_post_office_could_not_deliver_is_sealed_again),
        cmocka_unit_test(nothing_is_kept_longer_than_it_is_needed),
    };
    return cmocka_run_group_tests_name("sealing again at the office", tests, NULL, NULL);
}
