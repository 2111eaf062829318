/* What a creditor is told that waits, before it collects. */
#include "post_scene.h"
#include "unanswered.h"
#include "waiting.h"

static const char asked[] =
    SCENE_HEADER SCENE_CASE("2026-1") "Zeemeeuw;;;F-001;12,50;eerste;telecom\r\n";

static void look_at_one_of(struct scene *scene, const struct envelope_batch *batch, size_t index,
                           int64_t stored_at_ms, struct waiting *waiting)
{
    Skp__V1__Delivery delivery;
    struct envelope_delivery checked;
    scene_check(scene, batch, index, SCENE_CREDITOR, stored_at_ms, &delivery, &checked);
    waiting_look(waiting, &delivery, &checked);
    assert_ok(waiting->err);
}

static void look(struct scene *scene, const struct envelope_batch *batch, size_t index,
                 struct waiting *waiting)
{
    look_at_one_of(scene, batch, index, SCENE_NOW_MS, waiting);
}

static struct envelope_batch request(struct scene *scene)
{
    scene_add_entry(scene, SCENE_CREDITOR, "Telecom Zeemeeuw", "Zeemeeuw", true, NULL);
    scene_register(scene, asked, false, NULL);
    return scene_outbox(scene, &scene->office);
}

/* An event "overdue" about a request; SCENE_COUNSELLOR says it, for here only the line counts. */
static struct envelope_batch overdue(struct scene *scene, const struct skp_id *request_id)
{
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    Skp__V1__EventFact event;
    skp__v1__event_fact__init(&event);
    struct skp_id event_id = id_new();
    ProtobufCBinaryData ids[] = {wire_bytes(span_of(request_id->bytes, ID_BYTES))};
    line.fact_case = SKP__V1__LINE__FACT_EVENT;
    line.event = &event;
    event.event_id = wire_bytes(span_of(event_id.bytes, ID_BYTES));
    event.version = 1;
    event.kind = SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE;
    event.happened_at_ms = SCENE_NOW_MS;
    event.due_date = 20261101;
    event.calendar_version = 1;
    event.n_request_ids = 1;
    event.request_ids = ids;
    struct addressee to = {.oin = scene_oin(SCENE_CREDITOR), .mailbox = ""};
    return scene_say(scene, SCENE_COUNSELLOR, scene->office_sign, &to, &line, span_of("", 0));
}

static void a_request_is_a_list_to_fill_in(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct waiting waiting;
    assert_ok(waiting_init(&waiting, &scene->book));
    struct envelope_batch batch = request(scene);
    waiting.today = 20261102;
    look(scene, &batch, 1, &waiting);
    waiting_finish(&waiting);
    assert_int_equal(waiting.lists.count, 1);
    assert_int_equal(waiting.messages, 1);
    assert_int_equal(waiting.asked.count, 1);
    assert_int_equal(waiting.due, 20261116);
    assert_int_equal(waiting_overdue(&waiting), 0);
    waiting_fini(&waiting);
    scene_free(scene);
}

static void a_request_is_overdue_when_its_term_has_passed(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct waiting waiting;
    assert_ok(waiting_init(&waiting, &scene->book));
    struct envelope_batch batch = request(scene);
    waiting.today = 20261117;
    look(scene, &batch, 1, &waiting);
    waiting_finish(&waiting);
    assert_int_equal(waiting_overdue(&waiting), 1);
    waiting_fini(&waiting);
    scene_free(scene);
}

static void a_notice_asks_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct waiting waiting;
    struct skp_id request_id = id_new();
    assert_ok(waiting_init(&waiting, &scene->book));
    waiting.today = 20261102;
    struct envelope_batch batch = overdue(scene, &request_id);
    look(scene, &batch, 0, &waiting);
    waiting_finish(&waiting);
    assert_int_equal(waiting.lists.count, 0);
    assert_int_equal(waiting.messages, 1);
    assert_int_equal(waiting.overdue.count, 1);
    assert_int_equal(waiting_overdue(&waiting), 0); /* it is not among what waits */
    waiting_fini(&waiting);
    scene_free(scene);
}

static void a_list_is_as_old_as_its_oldest_request_whatever_notices_lie_beside_it(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct waiting waiting;
    struct skp_id request_id = id_new();
    assert_ok(waiting_init(&waiting, &scene->book));
    waiting.today = 20261102;
    struct envelope_batch asking = request(scene), notice = overdue(scene, &request_id);
    look_at_one_of(scene, &notice, 0, SCENE_NOW_MS - INT64_C(86400000), &waiting);
    assert_int_equal(waiting.oldest_ms, 0);
    look(scene, &asking, 1, &waiting);
    look_at_one_of(scene, &asking, 1, SCENE_NOW_MS + 1, &waiting);
    waiting_finish(&waiting);
    assert_int_equal(waiting.oldest_ms, SCENE_NOW_MS);
    waiting_fini(&waiting);
    scene_free(scene);
}

static void a_notice_makes_the_request_beside_it_overdue(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct waiting waiting;
    assert_ok(waiting_init(&waiting, &scene->book));
    struct envelope_batch asking = request(scene);
    waiting.today = 20261102;
    look(scene, &asking, 1, &waiting);
    sqlite3_stmt *row = state_ask(&scene->office, "SELECT request_id FROM request", "");
    assert_true(state_next(&scene->office, row));
    struct skp_id request_id = state_id(row, 0);
    assert_false(state_next(&scene->office, row));
    struct envelope_batch notice = overdue(scene, &request_id);
    look(scene, &notice, 0, &waiting);
    look(scene, &asking, 1, &waiting); /* twice is still one */
    waiting_finish(&waiting);
    assert_int_equal(waiting_overdue(&waiting), 1);
    assert_int_equal(waiting.asked.count, 1);
    waiting_fini(&waiting);
    scene_free(scene);
}

/* An overview of a request, which comes first or last. */
static struct envelope_batch overview(struct scene *scene, const struct skp_id *request_id)
{
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    Skp__V1__OverviewFact fact;
    skp__v1__overview_fact__init(&fact);
    Skp__V1__OverviewItem item;
    skp__v1__overview_item__init(&item);
    Skp__V1__OverviewItem *items[] = {&item};
    struct skp_id ids[] = {id_new(), id_new(), id_new()};
    item.request_id = wire_bytes(span_of(request_id->bytes, ID_BYTES));
    item.counsellor = (char *)(uintptr_t)SCENE_COUNSELLOR;
    item.bundle_id = wire_bytes(span_of(ids[0].bytes, ID_BYTES));
    item.due_date = 20261203;
    item.state = SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED;
    fact.round_id = wire_bytes(span_of(ids[1].bytes, ID_BYTES));
    fact.version = 1;
    fact.agreement_id = wire_bytes(span_of(ids[2].bytes, ID_BYTES));
    fact.agreement_version = 1;
    fact.part = 1;
    fact.last = true;
    fact.opened_at_ms = SCENE_NOW_MS;
    fact.due_date = 20261203;
    fact.calendar_version = 1;
    fact.total_items = 1;
    fact.n_items = 1;
    fact.items = items;
    line.fact_case = SKP__V1__LINE__FACT_OVERVIEW;
    line.overview = &fact;
    struct addressee to = {.oin = scene_oin(SCENE_CREDITOR), .mailbox = ""};
    return scene_say(scene, SCENE_COUNSELLOR, scene->office_sign, &to, &line, span_of("", 0));
}

static void a_request_of_a_round_is_one_list_in_whatever_order_they_come(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct envelope_batch asking = request(scene);
    sqlite3_stmt *row = state_ask(&scene->office, "SELECT request_id FROM request", "");
    assert_true(state_next(&scene->office, row));
    struct skp_id request_id = state_id(row, 0);
    assert_false(state_next(&scene->office, row));
    struct envelope_batch round = overview(scene, &request_id);
    for (int first = 0; first < 2; first++) {
        struct waiting waiting;
        assert_ok(waiting_init(&waiting, &scene->book));
        waiting.today = 20261120; /* behind the usual term, before that of the round */
        look(scene, first ? &round : &asking, first ? 0 : 1, &waiting);
        look(scene, first ? &asking : &round, first ? 1 : 0, &waiting);
        waiting_finish(&waiting);
        assert_int_equal(waiting.lists.count, 1);
        assert_int_equal(waiting.due, 20261203);
        assert_int_equal(waiting_overdue(&waiting), 0);
        waiting_fini(&waiting);
    }
    scene_free(scene);
}

static struct unanswered count(struct scene *scene, plain_date today, const struct map *asked_again,
                               const struct map *told)
{
    struct unanswered found;
    assert_ok(unanswered_count(&scene->creditor, &scene->book, today, asked_again, told, &found));
    return found;
}

static void what_was_collected_waits_until_it_is_answered(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    size_t rows;
    post_request(&post);
    (void)write_list(&post, &rows);
    struct unanswered found = count(scene, 20261102, NULL, NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.due, 20261116);
    assert_int_equal(found.overdue, 0);
    assert_int_equal(count(scene, 20261117, NULL, NULL).overdue, 1);
    state_run(&scene->creditor,
              "INSERT INTO answer_out SELECT request_id, 1, 1, 0, x'00', x'00', x'' FROM question",
              "");
    assert_int_equal(count(scene, 20261117, NULL, NULL).count, 1); /* only signed */
    state_run(&scene->creditor, "UPDATE answer_out SET stage = 2", "");
    found = count(scene, 20261117, NULL, NULL);
    assert_int_equal(found.count + found.overdue + (size_t)found.due, 0);
    scene_free(scene);
}

static void what_was_collected_is_due_when_its_overview_says(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    post_request(&post);
    state_run(&scene->creditor,
              "INSERT INTO overview_part VALUES (x'01', 1, x'02', 1793610000000, 20261203, 1)", "");
    state_run(&scene->creditor,
              "INSERT INTO overview_item SELECT x'01', 1, 1, request_id, 20261203, 3 FROM question",
              "");
    struct unanswered found = count(scene, 20261117, NULL, NULL);
    assert_int_equal(found.due, 20261203);
    assert_int_equal(found.overdue, 0);
    scene_free(scene);
}

static void what_was_collected_counts_once_and_is_overdue_when_the_broker_says(void **state)
{
    (void)state;
    struct scene *scene = scene_new();
    struct post post = post_open(scene);
    struct map ids;
    post_request(&post);
    sqlite3_stmt *row = state_ask(&scene->creditor, "SELECT request_id FROM question", "");
    assert_true(state_next(&scene->creditor, row));
    struct skp_id request_id = state_id(row, 0);
    assert_false(state_next(&scene->creditor, row));
    assert_ok(map_init(&ids, ID_BYTES, 4, 4));
    assert_ok(map_put(&ids, request_id.bytes, NULL));
    assert_int_equal(count(scene, 20261102, &ids, NULL).count, 0); /* it is delivered once more */
    assert_int_equal(count(scene, 20261102, NULL, &ids).overdue, 1);
    map_fini(&ids);
    struct envelope_batch notice = overdue(scene, &request_id);
    post.broker = scene_oin(SCENE_COUNSELLOR); /* only the line counts */
    scene_deliver(scene, &notice, 0, SCENE_CREDITOR, SCENE_NOW_MS, &post.creditor);
    assert_int_equal(count(scene, 20261102, NULL, NULL).overdue, 1);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_a_list_to_fill_in),
        cmocka_unit_test(a_request_is_overdue_when_its_term_has_passed),
        cmocka_unit_test(a_notice_asks_nothing),
        cmocka_unit_test(a_request_of_a_round_is_one_list_in_whatever_order_they_come),
        cmocka_unit_test(a_list_is_as_old_as_its_oldest_request_whatever_notices_lie_beside_it),
        cmocka_unit_test(a_notice_makes_the_request_beside_it_overdue),
        cmocka_unit_test(what_was_collected_waits_until_it_is_answered),
        cmocka_unit_test(what_was_collected_is_due_when_its_overview_says),
        cmocka_unit_test(what_was_collected_counts_once_and_is_overdue_when_the_broker_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
