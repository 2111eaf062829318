/* What the broker takes, confirms and refuses line by line. */
#include "engine_mail.h"
#include "fact.h"
#include "statement.h"

static void a_case_is_registered_and_its_receipt_verifies(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__Receipt *receipt;
    case_make(&told, &w->creditor, 3);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    struct answer *answer = letter_ask(&letter);
    Skp__V1__ReceiptBody *body = receipt_of(&letter, answer, &receipt);
    assert_taken(body, 4);
    assert_int_equal(body->without_effect, 0);
    assert_int_equal(body->stored_at_ms, world_now_ms(w));
    assert_false(receipt->duplicate);
    Skp__V1__CaseView *view = view_case(w, &w->counsellor, &told.id);
    assert_int_equal(view->state, SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
    assert_int_equal(view->declared, 3);
    assert_int_equal(view->n_requests, 3);
}

static void a_duplicate_gets_the_original_receipt(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__Receipt *first;
    Skp__V1__Receipt *second;
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    receipt_of(&letter, letter_ask(&letter), &first);
    clock_manual_advance(&w->clock, 3600 * 1000);
    receipt_of(&letter, letter_ask(&letter), &second);
    assert_true(second->duplicate);
    assert_true(span_equal(wire_span(first->body), wire_span(second->body)));
    assert_true(span_equal(wire_span(first->commit), wire_span(second->commit)));
    assert_string_equal(first->jws, second->jws);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
}

static void two_equal_batches_in_one_commit_have_one_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__Receipt *receipt;
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    struct answer *first = letter_submit(&letter);
    struct answer *second = letter_submit(&letter);
    /* Both are verified before the store worker gets its turn. */
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    assert_taken(receipt_of(&letter, first, NULL), 3);
    assert_int_equal(second->times, 1);
    assert_err(second->err, SKP_E_BUSY);
    receipt_of(&letter, letter_ask(&letter), &receipt);
    assert_true(receipt->duplicate);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
}

static void many_batches_in_one_commit_each_get_their_receipt(void **state)
{
    struct world *w = *state;
    static struct told_case told[40];
    static struct letter letters[40];
    struct answer *answers[40];
    for (size_t i = 0; i < 40; i++) {
        case_make(&told[i], &w->creditor, 1);
        letter_begin(&letters[i], w, &w->counsellor);
        case_write(&letters[i], &told[i]);
        answers[i] = letter_submit(&letters[i]);
    }
    while (work_run_one(w->engine->verify_queue))
        continue;
    uint64_t before = w->engine->chain.sequence;
    world_pump(w);
    assert_int_equal(w->engine->chain.sequence, before + 1);
    for (size_t i = 0; i < 40; i++)
        assert_taken(receipt_of(&letters[i], answers[i], NULL), 2);
}

static void other_bytes_under_the_same_batch_id_are_refused(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct letter other;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    letter_send(&letter);
    struct skp_id id = letter.batch.batch_id;
    case_make(&told, &w->creditor, 1);
    other = (struct letter){.world = w, .from = &w->counsellor, .bundle = UINT32_MAX};
    other.writer = envelope_writer_new(&w->arena, &w->counsellor.oin, NULL, &id);
    case_write(&other, &told);
    struct answer *answer = letter_ask(&other);
    assert_err(answer->err, SKP_E_ID_REUSED);
    assert_string_equal(answer->path, "header.batch_id");
    assert_int_equal(answer->frame_count, 0);
    assert_null(view_case(w, &w->counsellor, &told.id));
}

static void the_same_batch_id_of_another_sender_is_another_batch(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    letter_send(&letter);
    struct letter answer = {.world = w, .from = &w->creditor, .bundle = UINT32_MAX};
    answer.writer = envelope_writer_new(&w->arena, &w->creditor.oin, NULL, &letter.batch.batch_id);
    letter_to(&answer, &w->counsellor);
    line_answer(&answer, &told.requests[0], 100);
    assert_taken(letter_send(&answer), 1);
}

static void one_bad_line_never_refuses_a_batch(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct asked stray = {
        .id = id_new(), .brand = "", .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
    case_make(&told, &w->creditor, 3);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[0]);
    line_request(&letter, &stray);
    line_request(&letter, &told.requests[1]);
    line_request(&letter, &told.requests[2]);
    Skp__V1__ReceiptBody *body = letter_send(&letter);
    assert_int_equal(body->stored, 4);
    assert_refused(body, 1, 1, SKP_E_REQUEST_NOT_DECLARED, "request.request_id");
    assert_true(
        span_equal(wire_span(body->refusals[0]->item_id), span_of(stray.id.bytes, ID_BYTES)));
    assert_string_equal(body->texts[0]->name, "REQUEST_NOT_DECLARED");
    assert_true(strlen(body->texts[0]->remedy) > 0);
}

static void refused_lines_are_withheld_from_the_creditor(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct asked stray = {
        .id = id_new(), .brand = "", .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &stray);
    line_request(&letter, &told.requests[0]);
    line_request(&letter, &told.requests[1]);
    letter_send(&letter);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    const Skp__V1__Bundle *bundle = post.mails[0].checked.bundle;
    assert_int_equal(bundle->n_lines, 3);
    assert_int_equal(bundle->lines[0].len, 0);
    assert_int_equal(bundle->sealed[0].len, 0);
    assert_int_equal(bundle->n_withheld, 1);
    assert_int_equal(bundle->withheld[0]->line, 0);
    assert_true(span_equal(wire_span(bundle->withheld[0]->leaf_hash),
                           span_of(stray.leaf.bytes, HASH_BYTES)));
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
}

static void a_batch_of_only_bad_lines_gets_a_receipt_all_the_same(void **state)
{
    struct world *w = *state;
    struct letter letter;
    struct asked stray = {
        .id = id_new(), .brand = "", .product = SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION};
    letter_begin(&letter, w, &w->counsellor);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &stray);
    Skp__V1__ReceiptBody *body = letter_send(&letter);
    assert_int_equal(body->stored, 0);
    assert_refused(body, 0, 0, SKP_E_REQUEST_NOT_DECLARED, "request.request_id");
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
}

static void a_case_said_again_has_no_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    Skp__V1__ReceiptBody *body = letter_send(&letter);
    assert_taken(body, 1);
    assert_int_equal(body->without_effect, 1);
}

static void a_case_is_incomplete_until_its_refused_requests_are_resent(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[0]);
    letter_send(&letter);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[1]);
    Skp__V1__ReceiptBody *body = letter_send(&letter);
    assert_taken(body, 2);
    assert_int_equal(body->without_effect, 1);
    assert_int_equal(view_case(w, &w->counsellor, &told.id)->state,
                     SKP__V1__CASE_STATE__CASE_STATE_INVENTORY);
}

static void what_comes_back_on_paper_counts(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    line_off_network(&letter, &told.requests[0].id);
    assert_taken(letter_send(&letter), 2);
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_OFF_NETWORK);
    assert_string_equal(view_request(w, &told, 0)->creditor, "");
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_recorded(&letter, &told, &told.requests[0].id, 1, 12345);
    assert_taken(letter_send(&letter), 1);
    assert_int_equal(view_request(w, &told, 0)->state,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED);
    assert_int_equal(view_request(w, &told, 0)->total_cents, 12345);
    world_tick(w);
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 1);
}

static void a_letter_recorded_twice_has_no_effect(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    line_off_network(&letter, &told.requests[0].id);
    letter_send(&letter);
    for (uint32_t i = 0; i < 2; i++) {
        letter_begin(&letter, w, &w->counsellor);
        letter_to_broker(&letter);
        line_recorded(&letter, &told, &told.requests[0].id, 1, 12345);
        Skp__V1__ReceiptBody *body = letter_send(&letter);
        assert_taken(body, 1);
        assert_int_equal(body->without_effect, i);
    }
}

/* The longest list of refusals must fit in one frame. */
static void a_receipt_fits_in_a_frame_however_much_it_refuses(void **state)
{
    struct world *w = *state;
    struct letter letter;
    Skp__V1__Claim claims[12];
    Skp__V1__Claim *list[12];
    letter_begin(&letter, w, &w->creditor);
    for (size_t i = 0; i < BATCH_MAX_LINES; i++) {
        struct asked stray = {.id = id_new(), .bundle_id = id_new()};
        struct skp_id ids[12];
        Skp__V1__Line *line = answer_new(w, &stray, 100);
        for (size_t n = 0; n < 12; n++) {
            claims[n] = *line->answer->claims[0];
            ids[n] = id_new();
            claims[n].claim_id = wire_id(&ids[n]);
            claims[n].amount_cents = 1;
            list[n] = &claims[n];
        }
        claims[11].original_cents = -1;
        line->answer->claims = list;
        line->answer->n_claims = 12;
        if (i % 4 == 0)
            letter_to(&letter, &w->counsellor);
        letter_line(&letter, line, "", NULL);
    }
    Skp__V1__ReceiptBody *body = letter_send(&letter);
    assert_int_equal(body->n_refusals, BATCH_MAX_LINES);
    assert_int_equal(body->refusals[BATCH_MAX_LINES - 1]->bundle, BATCH_MAX_BUNDLES - 1);
    assert_int_equal(body->refusals[BATCH_MAX_LINES - 1]->line, 3);
    assert_int_equal(body->refusals[BATCH_MAX_LINES - 1]->code, SKP_E_AMOUNT_RANGE);
}

/* A statement over so many deliveries that nobody has: what it could tell counts before it is known to tell nothing. */
static struct answer *submit_statement(struct world *w, size_t items)
{
    struct skp_hash hash = {{7}};
    Skp__V1__CollectedItem list[FACT_MAX_COLLECTED];
    Skp__V1__Collect request;
    for (size_t i = 0; i < items; i++) {
        skp__v1__collected_item__init(&list[i]);
        list[i].position = 1000;
        list[i].head_hash = wire_bytes(span_of(hash.bytes, HASH_BYTES));
    }
    assert_ok(statement_make(w->creditor.signs, &w->creditor.oin, "", list, items,
                             clock_real_ms(&w->clock.clock), &w->arena, &request));
    return world_submit(w, &w->creditor, ENGINE_COLLECT, wire_pack(&request.base, &w->arena), NULL,
                        0);
}

static uint64_t turns_for_statements(struct world *w, size_t items)
{
    struct work_counters before, after;
    struct answer *answers[4];
    work_queue_counters(w->engine->store_queue, &before);
    for (size_t i = 0; i < 4; i++)
        answers[i] = submit_statement(w, items);
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    work_queue_counters(w->engine->store_queue, &after);
    for (size_t i = 0; i < 4; i++)
        assert_ok(answers[i]->err);
    return after.turns - before.turns;
}

static void statements_that_could_tell_many_are_stored_in_turn(void **state)
{
    assert_int_equal(turns_for_statements(*state, 3), 1);
    assert_int_equal(turns_for_statements(*state, FACT_MAX_COLLECTED), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_case_is_registered_and_its_receipt_verifies),
        TEST(a_duplicate_gets_the_original_receipt),
        TEST(two_equal_batches_in_one_commit_have_one_effect),
        TEST(many_batches_in_one_commit_each_get_their_receipt),
        TEST(other_bytes_under_the_same_batch_id_are_refused),
        TEST(the_same_batch_id_of_another_sender_is_another_batch),
        TEST(one_bad_line_never_refuses_a_batch),
        TEST(refused_lines_are_withheld_from_the_creditor),
        TEST(a_batch_of_only_bad_lines_gets_a_receipt_all_the_same),
        TEST(a_case_said_again_has_no_effect),
        TEST(a_case_is_incomplete_until_its_refused_requests_are_resent),
        TEST(what_comes_back_on_paper_counts),
        TEST(a_letter_recorded_twice_has_no_effect),
        TEST(a_receipt_fits_in_a_frame_however_much_it_refuses),
        TEST(statements_that_could_tell_many_are_stored_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
