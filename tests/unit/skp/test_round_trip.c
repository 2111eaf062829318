/* A request and its answer all the way: the office's file, the wire, the creditor's list, the wire, the
 * office's file. */
#include "answers_write.h"
#include "list_csv.h"
#include "post_scene.h"

/* Answers each row of the list with its own amount and one euro more for the second. */
static void fill_in(struct post *post)
{
    char in[128];
    struct csv_problem problem;
    struct csv_problems problems = {.arena = &post->scene->arena};
    struct csv_reader *reader = NULL;
    struct csv_writer *writer = NULL;
    struct csv_row row;
    int64_t more = 0;
    (void)snprintf(in, sizeof in, "%s", scene_file(post->scene, "out.csv", NULL));
    assert_ok(list_reader_open(in, &reader, &problem));
    assert_ok(list_writer_open(scene_file(post->scene, "in.csv", ""), &writer, &problem));
    while (csv_reader_next(reader, &row)) {
        struct list_row taken;
        bool good = false;
        assert_ok(list_row_take(&row, &problems, &taken, &good));
        assert_true(good);
        taken.answer.amount_cents = taken.known_cents + more;
        taken.answer.invoice_number = taken.invoice_number;
        taken.answer.client_number_creditor = "SE-77";
        list_writer_put(writer, &taken);
        more += 100;
    }
    csv_reader_free(reader);
    assert_ok(csv_writer_close(writer, &problem));
}

/* The filled-in file as a signed batch to the office. */
static struct envelope_batch answer(struct post *post)
{
    struct scene *scene = post->scene;
    struct list_answers answers;
    struct csv_problem problem;
    struct question question;
    struct built_answer built;
    struct draft draft;
    struct envelope_batch batch;
    struct target *office = NULL;
    Skp__V1__DirectoryEntry entry;
    skp__v1__directory_entry__init(&entry);
    entry.oin = (char *)(uintptr_t)SCENE_COUNSELLOR;
    assert_ok(
        list_answers_read(scene_file(scene, "in.csv", NULL), &scene->arena, &answers, &problem));
    assert_int_equal(answers.request_count, 1);
    assert_ok(
        questions_load(&scene->creditor, &answers.requests->request_id, &scene->arena, &question));
    assert_ok(answers_build(&question, answers.requests, NULL, 0, 20261103, &scene->settings,
                            &scene->arena, &built, &problem));
    assert_ok(scene_target(scene, &entry, "", &office));
    assert_ok(draft_init(&draft, &scene->arena));
    draft_add(&draft, &office->to, built.line, built.part, 1);
    struct skp_oin self = scene_oin(SCENE_CREDITOR);
    assert_ok(draft_sign(&draft, &self, scene->creditor_sign, SCENE_NOW_MS, &batch));
    return batch;
}

static void an_answer_comes_back_as_it_was_given(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    size_t rows = 0, count = 0;
    (void)state;
    post_request(&post);
    assert_int_equal(post.creditor.problem, SKP_OK);
    assert_int_equal(post.creditor.requests, 1);
    (void)write_list(&post, &rows);
    assert_int_equal(rows, 2);
    assert_non_null(strstr(scene_read(scene, "out.csv"), "Verzonnen"));
    assert_non_null(strstr(scene_read(scene, "out.csv"),
                           "Proefstraat;1;a;;to;1234AB;Proefstad;woonboot Proef;"));
    fill_in(&post);
    struct envelope_batch batch = answer(&post);
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, ANSWERED_MS, &post.office);
    assert_int_equal(post.office.problem, SKP_OK);
    assert_int_equal(post.office.answers, 1);
    assert_ok(
        answers_write(&scene->office, scene_file(scene, "answers.csv", NULL), &count, &problem));
    assert_int_equal(count, 1);
    const char *file = scene_read(scene, "answers.csv");
    assert_non_null(strstr(file, "12,50"));
    assert_non_null(strstr(file, "8,50"));
    assert_non_null(strstr(file, "SE-77"));
    assert_non_null(strstr(file, "2026-1"));
    assert_null(strstr(file, "Verzonnen"));
    struct views views;
    struct request_view view = only_view(&post, &views);
    assert_int_equal(view.state, SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED);
    assert_int_equal(view.total_cents, 2100);
    assert_int_equal(view.consent, SKP__V1__CONSENT__CONSENT_NEEDS_OFFER);
    views_close(&views);
    scene_free(scene);
}

/* The hour is the broker's word. */
static void an_answer_of_an_impossible_hour_is_written_without_a_day(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct csv_problem problem;
    size_t rows = 0, count = 0;
    (void)state;
    post_request(&post);
    (void)write_list(&post, &rows);
    fill_in(&post);
    struct envelope_batch batch = answer(&post);
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, INT64_MAX, &post.office);
    assert_ok(
        answers_write(&scene->office, scene_file(scene, "answers.csv", NULL), &count, &problem));
    assert_int_equal(count, 1);
    assert_non_null(strstr(scene_read(scene, "answers.csv"), ";1;;\r\n"));
    scene_free(scene);
}

static void a_delivery_that_comes_twice_has_no_effect(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    size_t rows = 0;
    (void)state;
    scene_add_entry(scene, SCENE_SECOND, "Een ander", NULL, true, NULL);
    post_request(&post);
    (void)write_list(&post, &rows);
    fill_in(&post);
    struct envelope_batch batch = answer(&post);
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, ANSWERED_MS, &post.office);
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, ANSWERED_MS + 5, &post.office);
    assert_int_equal(post.office.problem, SKP_OK); /* so it is collected again */
    assert_int_equal(post.office.answers, 1);
    assert_int_equal(state_number(&scene->office, 0, "SELECT count(*) FROM answer_in", ""), 1);
    assert_int_equal(state_number(&scene->office, 0, "SELECT stored_at_ms FROM answer_in", ""),
                     ANSWERED_MS);
    scene_free(scene);
}

static void what_does_not_open_is_not_collected(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct question_list lists[4];
    (void)state;
    post.creditor_key.key = scene->office_enc; /* the wrong key */
    post_request(&post);
    assert_err(post.creditor.problem, SKP_E_UNSEAL);
    assert_int_equal(post.creditor.requests, 0);
    assert_int_equal(questions_lists(&scene->creditor, lists, 4), 1); /* as unreadable */
    assert_int_equal(state_number(&scene->creditor, 1, "SELECT whole FROM delivery", ""), 0);
    scene_free(scene);
}

static void an_answer_of_somebody_who_was_not_asked_is_not_believed(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    size_t rows = 0;
    (void)state;
    post_request(&post);
    (void)write_list(&post, &rows);
    fill_in(&post);
    struct envelope_batch batch = answer(&post);
    state_run(&scene->office, "UPDATE request SET creditor = '" SCENE_SECOND "'", "");
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, ANSWERED_MS, &post.office);
    assert_err(post.office.problem, SKP_E_REQUEST_UNKNOWN);
    assert_int_equal(post.office.answers, 0);
    scene_free(scene);
}

static void an_answer_to_another_text_is_not_believed(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    size_t rows = 0;
    (void)state;
    post_request(&post);
    (void)write_list(&post, &rows);
    fill_in(&post);
    struct envelope_batch batch = answer(&post);
    state_run(&scene->office, "UPDATE request SET leaf = zeroblob(32)", "");
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, ANSWERED_MS, &post.office);
    assert_err(post.office.problem, SKP_E_LEAF_MISMATCH);
    scene_free(scene);
}

/* Only the broker says what happened. */
static void an_event_of_a_participant_is_not_believed(void **state)
{
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct draft draft;
    struct envelope_batch batch;
    struct skp_id event_id = id_new(), request_id;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    Skp__V1__EventFact event;
    skp__v1__event_fact__init(&event);
    (void)state;
    post_request(&post);
    sqlite3_stmt *row = state_ask(&scene->office, "SELECT request_id FROM request", "");
    assert_true(state_next(&scene->office, row));
    request_id = state_id(row, 0);
    assert_false(state_next(&scene->office, row));
    ProtobufCBinaryData ids[] = {wire_bytes(span_of(request_id.bytes, ID_BYTES))};
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_bytes(span_of(event_id.bytes, ID_BYTES));
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED;
    event.happened_at_ms = SCENE_NOW_MS;
    event.other = (char *)(uintptr_t)SCENE_CREDITOR;
    event.due_date = 20261116;
    event.calendar_version = 1;
    event.n_request_ids = 1;
    event.request_ids = ids;
    struct addressee to = {.oin = scene_oin(SCENE_COUNSELLOR), .mailbox = ""};
    struct skp_oin self = scene_oin(SCENE_CREDITOR);
    assert_ok(draft_init(&draft, &scene->arena));
    draft_add(&draft, &to, &line, span_of("", 0), 1);
    assert_ok(draft_sign(&draft, &self, scene->creditor_sign, SCENE_NOW_MS, &batch));
    post.office = (struct opening){.db = &scene->office,
                                   .broker = &post.broker,
                                   .open_part = scene_open_part,
                                   .ctx = &post.office_key};
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, SCENE_NOW_MS, &post.office);
    assert_err(post.office.problem, SKP_E_ROLE_FORBIDDEN);
    assert_int_equal(state_number(&scene->office, -1, "SELECT due_date FROM request", ""), 0);
    post.broker = self; /* the same, when it is the broker that says so */
    scene_deliver(scene, &batch, 0, SCENE_COUNSELLOR, SCENE_NOW_MS, &post.office);
    assert_int_equal(post.office.problem, SKP_OK);
    assert_int_equal(state_number(&scene->office, -1, "SELECT due_date FROM request", ""),
                     20261116);
    scene_free(scene);
}

static void a_state_follows_from_what_happened_in_any_order(void **state)
{
    struct request_facts facts = {.stage = STAGE_SENT};
    (void)state;
    assert_int_equal(opening_request_state(&facts), 0);
    facts.stage = STAGE_STORED;
    assert_int_equal(opening_request_state(&facts),
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_REGISTERED);
    facts.published_at_ms = SCENE_NOW_MS;
    assert_int_equal(opening_request_state(&facts),
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED);
    facts.overdue = true;
    facts.due_date = 20261116;
    assert_int_equal(opening_request_state(&facts), SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE);
    facts.answered_at_ms = calendar_term_end_ms(20261116) - 1;
    assert_int_equal(opening_request_state(&facts), SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED);
    facts.answered_at_ms++;
    assert_int_equal(opening_request_state(&facts),
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE);
    facts = (struct request_facts){.stage = STAGE_STORED, .off_network = true};
    assert_int_equal(opening_request_state(&facts),
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_OFF_NETWORK);
    facts.recorded = true;
    assert_int_equal(opening_request_state(&facts), SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_as_it_was_given),
        cmocka_unit_test(an_answer_of_an_impossible_hour_is_written_without_a_day),
        cmocka_unit_test(a_delivery_that_comes_twice_has_no_effect),
        cmocka_unit_test(what_does_not_open_is_not_collected),
        cmocka_unit_test(an_answer_of_somebody_who_was_not_asked_is_not_believed),
        cmocka_unit_test(an_answer_to_another_text_is_not_believed),
        cmocka_unit_test(an_event_of_a_participant_is_not_believed),
        cmocka_unit_test(a_state_follows_from_what_happened_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
