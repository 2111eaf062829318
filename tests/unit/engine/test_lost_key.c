/* What is sealed for a key that was lost goes back to its sender; the rest is delivered. */
#include "faulty_store.h"
#include "park.h"
#include "reseal_fixture.h"

#include <jansson.h>
#include <stdlib.h>

static struct skp_hash thumbprint_of(const struct party *party)
{
    return sha256(keypair_der(party->opens));
}

/* The creditor has a new key and says that the old one is gone. */
static void lose_the_key(struct world *w, struct party *ret_after)
{
    struct skp_hash lost = thumbprint_of(&w->creditor);
    *ret_after = w->creditor;
    ret_after->opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, ret_after, 2, &lost, 1));
}

static json_int_t open_pages(struct world *w)
{
    json_t *status = world_admin(w, "{'command':'status'}");
    json_int_t count = json_integer_value(json_object_get(status, "open_pages"));
    json_decref(status);
    return count;
}

static void what_is_sealed_for_a_lost_key_goes_back_and_the_lane_goes_on(void **state)
{
    struct world *w = *state;
    struct told_case told, later;
    struct party after;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    lose_the_key(w, &after);
    case_make(&later, &after, 1);
    case_register(w, &later);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->position, 2); /* a visible gap */
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
    assert_state(w, &told, 1, STATE(RESEAL_NEEDED));
    assert_false(view_request(w, &told, 1)->collected);
    assert_int_equal(open_pages(w), 1); /* of the later one */
    assert_state(w, &later, 0, STATE(REQUESTED));
    post = collect_all(w, &w->counsellor);
    const Skp__V1__EventFact *event = find_event(&post, EVENT(RESEAL_NEEDED), 0);
    assert_non_null(event);
    assert_null(find_event(&post, EVENT(RESEAL_NEEDED), 1));
    assert_string_equal(event->other, OIN_CREDITOR);
    assert_int_equal(event->n_request_ids, 2);
}

static void what_went_back_is_sealed_again_and_delivered(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_taken(reseal_to(w, &told, &after, 0, 2), 3);
    assert_state(w, &told, 0, STATE(REQUESTED));
    assert_false(view_request(w, &told, 0)->collected);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_true(view_request(w, &told, 0)->collected);
    assert_ok(open_part(w, &after, &post.mails[0], 0, &told.requests[0]));
    request_answer_with(w, &told.requests[0], 5000);
    request_answer_with(w, &told.requests[1], 5000);
    world_tick(w);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_COMPLETE);
}

static void an_older_key_that_was_not_withdrawn_still_opens(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct skp_hash other = {{7}};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct party after = w->creditor;
    after.opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, &after, 2, &other, 1));
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
    assert_state(w, &told, 0, STATE(REQUESTED));
}

static void only_open_requests_go_back(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 3);
    case_register(w, &told);
    request_answer_with(w, &told.requests[1], 5000);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
    assert_state(w, &told, 1, STATE(ANSWERED));
    struct post post = fetch_all(w, &w->creditor); /* the rest of the bundle */
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->attempt, 1);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_non_null(post.mails[0].lines[1]);
    world_go_to(w, 20270301, WORLD_MINUTE);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED)); /* and its term stands still */
}

static void answers_are_delivered_however_they_were_sealed(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct skp_hash lost = thumbprint_of(&w->counsellor);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, answer_new(w, &told.requests[0], 5000), "TEST", NULL);
    assert_taken(letter_send(&letter), 1);
    struct party after = w->counsellor;
    after.opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, &after, 2, &lost, 1));
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 1);
}

static void a_key_that_is_lost_after_delivery_costs_nothing_that_was_collected(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    collect_all(w, &w->creditor);
    lose_the_key(w, &after);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(REQUESTED));
}

/* ---------------------------------------------------------------- when it cannot be done now */

static int faulty_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store *inner;
    assert_non_null(w);
    world_init(w, true);
    world_close(w);
    assert_ok(store_memory_open(&inner));
    assert_ok(world_open(w, faulty_store_new(inner), true));
    world_people(w);
    *state = w;
    return 0;
}

static size_t held(struct world *w)
{
    return lease_held_by_others(&w->engine->leases, &w->creditor.oin, "", 77);
}

/* The disk is full when it is to go back: it holds nobody up until then, and is tried again after a
 * pause. */
static void what_cannot_go_back_now_is_given_back_and_tried_later(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party after;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    lose_the_key(w, &after);
    faulty_store_fail_commit(w->store, SKP_E_UNAVAILABLE, false);
    w->woken_count = 0;
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(REQUESTED));
    assert_int_equal(held(w), 0);
    assert_int_equal(w->woken_count, 0);
    clock_manual_advance(&w->clock, 1000);
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
}

/* Of the second bundle the broker cannot read whether it is open: the call fails, and nobody parks the
 * first. */
static void a_fetch_that_fails_holds_nothing(void **state)
{
    struct world *w = *state;
    struct told_case told[2];
    struct party after;
    Skp__V1__Fetch fetch;
    for (size_t i = 0; i < 2; i++) {
        case_make(&told[i], &w->creditor, 1);
        case_register(w, &told[i]);
    }
    lose_the_key(w, &after);
    w->engine->reader = faulty_store_new(w->engine->reader);
    /* The counter, the chain, bundles, batches, and the page of the first. */
    faulty_store_fail_get_after(w->engine->reader, 5, SKP_E_UNAVAILABLE);
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = wire_text("");
    fetch.messages = 10;
    fetch.bytes = 1 << 20;
    assert_err(world_ask(w, &w->creditor, ENGINE_FETCH, &fetch.base)->err, SKP_E_UNAVAILABLE);
    assert_int_equal(held(w), 0);
    (void)fetch_all(w, &w->creditor);
    assert_state(w, &told[0], 0, STATE(RESEAL_NEEDED));
    assert_state(w, &told[1], 0, STATE(RESEAL_NEEDED));
}

/* So it is when only the reader found its bundle damaged. */
static void what_is_fine_after_all_is_given_back_and_woken_after_a_pause(void **state)
{
    struct world *w = *state;
    struct told_case told;
    uint64_t positions[] = {1};
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
    world_pump(w);
    w->woken_count = 0;
    park_submit(w->engine, &w->creditor.oin, "", w->creditor.session, positions, 1);
    world_pump(w);
    assert_int_equal(held(w), 0);
    assert_int_equal(w->woken_count, 0);
    clock_manual_advance(&w->clock, 1000);
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
}

/* Each may read a bundle and tell of its lines. */
static void so_many_that_go_back_have_a_transaction_of_their_own(void **state)
{
    struct world *w = *state;
    uint64_t positions[256];
    struct work_counters before, after;
    for (size_t i = 0; i < 256; i++)
        positions[i] = 1000 + i;
    work_queue_counters(w->engine->store_queue, &before);
    for (int i = 0; i < 2; i++)
        park_submit(w->engine, &w->creditor.oin, "", w->creditor.session, positions, 256);
    world_pump(w);
    work_queue_counters(w->engine->store_queue, &after);
    assert_int_equal(after.turns - before.turns, 2);
}

#define LARGE_PART 1950 /* bytes */
#define MANY       250 /* bundles, as large as that makes one: more than a fetch has memory for at once */

/* In an entry after the other; to what is read it is no difference whether they are one bundle. */
static void fill_with_copies(struct world *w)
{
    struct row_key first = key_entry(&w->creditor.oin, "", 1);
    struct store_row row = {.key = row_key_span(&first)};
    assert_ok(store_begin(w->store));
    assert_ok(store_get(w->store, STORE_ENTRY, &row, 1, &w->arena));
    for (uint64_t position = 2; position <= MANY; position++) {
        struct row_key key = key_entry(&w->creditor.oin, "", position);
        row.key = row_key_span(&key);
        row.version = STORE_NEW;
        assert_ok(store_put(w->store, STORE_ENTRY, &row, 1));
    }
    assert_ok(store_commit(w->store));
}

/* What cannot be opened uses no credit. */
static void a_mailbox_full_of_large_bundles_for_a_lost_key_is_read(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct party after;
    char *part = arena_calloc(&w->arena, 1, LARGE_PART + 1);
    assert_non_null(part);
    memset(part, 'x', LARGE_PART);
    case_make(&told, &w->creditor, 100);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    for (size_t i = 0; i < told.count; i++)
        line_request_part(&letter, &told.requests[i], part);
    assert_taken(letter_send(&letter), 101);
    fill_with_copies(w);
    lose_the_key(w, &after);
    (void)fetch_from(w, &w->creditor, w->creditor.session, "", 512, 1 << 20);
    assert_state(w, &told, 0, STATE(RESEAL_NEEDED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_sealed_for_a_lost_key_goes_back_and_the_lane_goes_on),
        TEST(what_went_back_is_sealed_again_and_delivered),
        TEST(an_older_key_that_was_not_withdrawn_still_opens),
        TEST(only_open_requests_go_back),
        TEST(answers_are_delivered_however_they_were_sealed),
        TEST(a_key_that_is_lost_after_delivery_costs_nothing_that_was_collected),
        cmocka_unit_test_setup_teardown(what_cannot_go_back_now_is_given_back_and_tried_later,
                                        faulty_setup, world_teardown),
        TEST(a_fetch_that_fails_holds_nothing),
        TEST(what_is_fine_after_all_is_given_back_and_woken_after_a_pause),
        TEST(a_mailbox_full_of_large_bundles_for_a_lost_key_is_read),
        TEST(so_many_that_go_back_have_a_transaction_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
