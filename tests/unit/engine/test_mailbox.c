/* Mailboxes: order, leases, credit, collecting. */
#include "engine_mail.h"

#include <stdio.h>

/* Puts `count` bundles of one urgent-free request each into the creditor's mailbox. */
static void fill(struct world *w, const struct party *creditor, struct told_case *ret_cases,
                 size_t count)
{
    struct letter letter;
    for (size_t i = 0; i < count; i++) {
        case_make(&ret_cases[i], creditor, 1);
        letter_begin(&letter, w, &w->counsellor);
        case_write(&letter, &ret_cases[i]);
        assert_taken(letter_send(&letter), 2);
    }
}

static void positions_have_no_gaps(void **state)
{
    struct world *w = *state;
    static struct told_case told[5];
    fill(w, &w->creditor, told, 5);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 5);
    for (size_t i = 0; i < post.count; i++) {
        assert_int_equal(post.mails[i].delivery->position, i + 1);
        assert_int_equal(post.mails[i].delivery->attempt, 1);
        assert_true(
            id_equal(&post.mails[i].checked.head.bundle_id, &told[i].requests[0].bundle_id));
    }
    assert_true(post.caught_up && post.told_waiting);
    assert_int_equal(post.waiting, 0);
}

static void an_empty_mailbox_says_so(void **state)
{
    struct world *w = *state;
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 0);
    assert_true(post.caught_up && post.told_waiting);
    post = fetch_from(w, &w->creditor, 2, "never heard of", 10, 10000);
    assert_true(post.caught_up && post.told_waiting);
    assert_int_equal(w->engine->leases.boxes.count, 0);
}

static void collecting_tells_the_sender_with_the_addressees_signature(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    fill(w, &w->creditor, told, 2);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(post.count, 2);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    assert_true(view_request(w, &told[0], 0)->collected);
    struct post events = fetch_all(w, &w->counsellor);
    const Skp__V1__EventFact *event =
        find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0);
    assert_non_null(event);
    assert_null(find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 1));
    assert_string_equal(event->other, OIN_CREDITOR);
    struct jws_signer signer;
    const char *why = "";
    assert_ok(jws_verify(w->trust, NULL, span_text(event->jws), wire_span(event->statement),
                         clock_real_ms(&w->clock.clock), &signer, &why));
    assert_true(oin_equal(&signer.oin, &w->creditor.oin));
    assert_int_equal(event->n_collected, 2);
    assert_int_equal(event->collected[0]->position, 1);
    assert_int_equal(event->collected[1]->position, 2);
}

/* One statement over mail of a counsellor and of the broker, with one position that nobody delivered. */
static void a_sender_hears_which_of_its_own_mail_was_taken(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    fill(w, &w->creditor, told, 2);
    fill_from_broker(w);
    struct post post = fetch_all(w, &w->creditor);
    assert_in_range(post.count, 3, 9);
    post.mails[1].delivery->position = 77;
    assert_int_equal(collect(w, &w->creditor, 2, "", post.mails, post.count)->collected,
                     post.count - 1);
    struct post events = fetch_all(w, &w->counsellor);
    const Skp__V1__EventFact *event =
        find_event(&events, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0);
    assert_non_null(event);
    assert_int_equal(event->n_collected, 1);
    assert_int_equal(event->collected[0]->position, 1);
    assert_true(view_request(w, &told[0], 0)->collected);
    assert_false(view_request(w, &told[1], 0)->collected);
}

static void what_was_not_delivered_to_me_i_cannot_collect(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    fill(w, &w->creditor, told, 2);
    struct post post = fetch_from(w, &w->creditor, 2, "", 1, 1 << 20);
    assert_int_equal(post.count, 1);
    /* Not by a session that does not hold it, not another position, not twice. */
    assert_int_equal(collect(w, &w->creditor, 77, "", post.mails, 1)->n_unknown, 1);
    post.mails[0].delivery->position = 2;
    assert_int_equal(collect(w, &w->creditor, 2, "", post.mails, 1)->n_unknown, 1);
    post.mails[0].delivery->position = 1;
    assert_int_equal(collect(w, &w->creditor, 2, "", post.mails, 1)->n_unknown, 0);
    Skp__V1__Collected *again = collect(w, &w->creditor, 2, "", post.mails, 1);
    assert_int_equal(again->n_unknown, 1);
    assert_int_equal(again->unknown[0], 1);
}

static void a_statement_names_exactly_what_was_delivered(void **state)
{
    struct world *w = *state;
    static struct told_case told[1];
    fill(w, &w->creditor, told, 1);
    struct post post = fetch_all(w, &w->creditor);
    post.mails[0].checked.head_hash.bytes[0] ^= 1;
    assert_int_equal(collect(w, &w->creditor, 2, "", post.mails, 1)->n_unknown, 1);
    post.mails[0].checked.head_hash.bytes[0] ^= 1;
    struct mail twice[] = {post.mails[0], post.mails[0]};
    Skp__V1__Collected *collected = collect(w, &w->creditor, 2, "", twice, 2);
    assert_int_equal(collected->collected, 1);
    assert_int_equal(collected->n_unknown, 1);
}

static void a_statement_is_signed_by_who_collects(void **state)
{
    struct world *w = *state;
    static struct told_case told[1];
    fill(w, &w->creditor, told, 1);
    struct post post = fetch_all(w, &w->creditor);
    struct party thief = w->creditor;
    thief.signs = w->rsa.signs;
    struct answer *answer = collect_ask(w, &thief, 2, "", post.mails, 1);
    assert_err(answer->err, SKP_E_SIGNER_INVALID);
    assert_string_equal(answer->path, "jws");
    assert_err(collect_ask(w, &w->creditor, 2, "", post.mails, 0)->err, SKP_E_DECODE_ITEMS);
    assert_err(
        collect_ask(w, &w->creditor, 2, "a name of more than thirty-two bytes", post.mails, 1)->err,
        SKP_E_TEXT_TOO_LONG);
}

/* The snapshot of a fetch may be older than the collect. */
static void what_was_collected_is_never_delivered_again(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    uint32_t attempt;
    uint64_t generation;
    fill(w, &w->creditor, told, 3);
    struct post post = fetch_all(w, &w->creditor);
    uint64_t snapshot = w->engine->chain.sequence;
    collect(w, &w->creditor, 2, "", post.mails, 3);
    uint64_t from =
        lease_scan_from(&w->engine->leases, &w->creditor.oin, "", snapshot, &generation);
    (void)from;
    for (uint64_t position = 1; position <= 3; position++)
        assert_int_equal(lease_take(&w->engine->leases, &w->creditor.oin, "", position,
                                    &w->counsellor.oin, 5, 1000, &attempt),
                         LEASE_SKIP);
    engine_session_closed(w->engine, 2);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
}

/* A client that comes back says again what it collected, while its first fetch is under way. */
static void what_is_collected_while_on_its_way_is_not_sent_any_more(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    struct party back = w->creditor;
    Skp__V1__Fetch fetch;
    fill(w, &w->creditor, told, 2);
    struct post post = fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    engine_session_closed(w->engine, 10);
    world_pump(w);
    back.session = 11;
    skp__v1__fetch__init(&fetch);
    fetch.messages = 10;
    fetch.bytes = 1 << 20;
    struct answer *late =
        world_submit(w, &back, ENGINE_FETCH, wire_pack(&fetch.base, &w->arena), NULL, 0);
    assert_true(engine_pump(w->engine)); /* read, and not back on the loop yet */
    assert_int_equal(late->times, 0);
    assert_int_equal(collect(w, &w->creditor, 11, "", post.mails, 2)->collected, 2);
    assert_int_equal(late->times, 1);
    for (size_t i = 0; i < late->frame_count; i++)
        assert_int_not_equal(late->frames[i].type, FRAME_DELIVERY);
}

static void a_lease_holds_its_lane(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    fill(w, &w->creditor, told, 3);
    struct post mine = fetch_from(w, &w->creditor, 10, "", 1, 1 << 20);
    assert_int_equal(mine.count, 1);
    struct post others = fetch_from(w, &w->creditor, 11, "", 10, 1 << 20);
    assert_int_equal(others.count, 0);
    assert_true(others.caught_up);
    assert_true(others.waiting > 0);
}

static void who_holds_the_lane_gets_the_rest_of_it(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    fill(w, &w->creditor, told, 3);
    fetch_from(w, &w->creditor, 10, "", 1, 1 << 20);
    assert_int_equal(fetch_from(w, &w->creditor, 11, "", 10, 1 << 20).count, 0);
    struct post rest = fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    assert_int_equal(rest.count, 2);
    assert_int_equal(rest.mails[0].delivery->position, 2);
}

/* One worker fetched a part and collected it; what it left, and the other saw in vain, is for
 * whoever comes. */
static void a_lane_that_is_collected_is_free_for_others(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    fill(w, &w->creditor, told, 3);
    struct post mine = fetch_from(w, &w->creditor, 10, "", 1, 1 << 20);
    assert_int_equal(fetch_from(w, &w->creditor, 11, "", 10, 1 << 20).count, 0);
    world_pump(w);
    w->woken_count = 0;
    collect(w, &w->creditor, 10, "", mine.mails, 1);
    bool woken = false;
    for (size_t i = 0; i < w->woken_count; i++)
        woken = woken || oin_equal(&w->woken[i], &w->creditor.oin);
    assert_true(woken);
    struct post theirs = fetch_from(w, &w->creditor, 11, "", 10, 1 << 20);
    assert_int_equal(theirs.count, 2);
    assert_int_equal(theirs.mails[0].delivery->position, 2);
}

static void two_workers_share_a_mailbox(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    fill(w, &w->creditor, told, 1);
    fill_from_broker(w);
    struct post first = fetch_from(w, &w->creditor, 10, "", 1, 1 << 20);
    struct post second = fetch_from(w, &w->creditor, 11, "", 10, 1 << 20);
    assert_int_equal(first.count, 1);
    assert_int_equal(count_lines(&first, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_int_equal(second.count, 1);
    assert_non_null(find_overview(&second, 0));
}

static void a_closed_sessions_leases_go_to_others(void **state)
{
    struct world *w = *state;
    static struct told_case told[3];
    fill(w, &w->creditor, told, 3);
    assert_int_equal(fetch_from(w, &w->creditor, 10, "", 10, 1 << 20).count, 3);
    w->woken_count = 0;
    engine_session_closed(w->engine, 10);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
    struct post post = fetch_from(w, &w->creditor, 11, "", 10, 1 << 20);
    assert_int_equal(post.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(post.mails[i].delivery->position, i + 1);
        assert_int_equal(post.mails[i].delivery->attempt, 2);
    }
    assert_int_equal(collect(w, &w->creditor, 11, "", post.mails, 3)->collected, 3);
}

static void an_expired_lease_goes_to_others(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    uint64_t positions[] = {1};
    fill(w, &w->creditor, told, 2);
    struct post mine = fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    clock_manual_advance(&w->clock, 200 * 1000);
    assert_ok(engine_extend(w->engine, &w->creditor.oin, 10, "", positions, 1, 300));
    clock_manual_advance(&w->clock, 101 * 1000);
    world_pump(w);
    w->woken_count = 0;
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
    /* The first is extended and holds the lane; the second expired, for its own session too. */
    assert_int_equal(fetch_from(w, &w->creditor, 11, "", 10, 1 << 20).count, 0);
    assert_int_equal(collect(w, &w->creditor, 10, "", &mine.mails[1], 1)->n_unknown, 1);
    clock_manual_advance(&w->clock, 300 * 1000);
    engine_next_tick_ms(w->engine);
    assert_int_equal(fetch_from(w, &w->creditor, 11, "", 10, 1 << 20).count, 2);
    assert_err(engine_extend(w->engine, &w->creditor.oin, 10, "", positions, 1, 300),
               SKP_E_ACK_UNKNOWN);
}

static void when_a_lease_ends_all_are_woken_whoever_fetches_first(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    fill(w, &w->creditor, told, 2);
    assert_int_equal(fetch_from(w, &w->creditor, 10, "", 10, 1 << 20).count, 2);
    clock_manual_advance(&w->clock, 301 * 1000);
    (void)fetch_from(w, &w->creditor, 12, "", 1, 1 << 20);
    w->woken_count = 0;
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
}

static void a_lease_may_be_made_shorter(void **state)
{
    struct world *w = *state;
    static struct told_case told[1];
    fill(w, &w->creditor, told, 1);
    assert_int_equal(fetch_from(w, &w->creditor, 10, "", 10, 1 << 20).count, 1);
    assert_ok(engine_extend(w->engine, &w->creditor.oin, 10, "", &(uint64_t){1}, 1, 10));
    clock_manual_advance(&w->clock, 11 * 1000);
    w->woken_count = 0;
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
}

static void what_is_released_is_delivered_again(void **state)
{
    struct world *w = *state;
    static struct told_case told[2];
    uint64_t positions[] = {1, 2};
    fill(w, &w->creditor, told, 2);
    fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    w->woken_count = 0;
    assert_err(engine_release(w->engine, &w->creditor.oin, 11, "", positions, 2),
               SKP_E_ACK_UNKNOWN);
    world_pump(w);
    assert_int_equal(w->woken_count, 0); /* nothing came back: nobody is asked to look */
    assert_ok(engine_release(w->engine, &w->creditor.oin, 10, "", positions, 2));
    world_pump(w);
    assert_int_equal(w->woken_count, 1);
    struct post post = fetch_from(w, &w->creditor, 11, "", 10, 1 << 20);
    assert_int_equal(post.count, 2);
    assert_int_equal(post.mails[0].delivery->attempt, 2);
}

static void credit_is_counted_in_messages(void **state)
{
    struct world *w = *state;
    static struct told_case told[5];
    fill(w, &w->creditor, told, 5);
    struct post post = fetch_from(w, &w->creditor, 10, "", 2, 1 << 20);
    assert_int_equal(post.count, 2);
    assert_false(post.caught_up);
    assert_false(post.told_waiting);
    post = fetch_from(w, &w->creditor, 10, "", 0, 1 << 20);
    assert_int_equal(post.count, 0);
    assert_false(post.told_waiting);
    post = fetch_from(w, &w->creditor, 10, "", 3, 1 << 20);
    assert_int_equal(post.count, 3);
    assert_int_equal(post.mails[2].delivery->position, 5);
}

static void credit_is_counted_in_bytes(void **state)
{
    struct world *w = *state;
    static struct told_case told[5];
    fill(w, &w->creditor, told, 5);
    struct post post = fetch_from(w, &w->creditor, 10, "", 1, 1 << 20);
    uint32_t one = (uint32_t)post.bytes;
    post = fetch_from(w, &w->creditor, 10, "", 10, one * 2 + 200);
    assert_int_equal(post.count, 2);
    assert_false(post.caught_up);
    /* One goes out however small the credit; what did not fit was never delivered. */
    post = fetch_from(w, &w->creditor, 10, "", 10, 1);
    assert_int_equal(post.count, 1);
    post = fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    assert_int_equal(post.count, 1);
    assert_int_equal(post.mails[0].delivery->position, 5);
    assert_int_equal(post.mails[0].delivery->attempt, 1);
}

static void a_long_mailbox_comes_in_pages(void **state)
{
    struct world *w = *state;
    struct letter letter;
    static struct told_case told[6];
    /* 600 bundles in six batches. */
    for (size_t b = 0; b < 6; b++) {
        case_make(&told[b], &w->creditor, 100);
        letter_begin(&letter, w, &w->counsellor);
        letter_to_broker(&letter);
        line_case(&letter, &told[b]);
        for (size_t i = 0; i < 100; i++) {
            letter_to(&letter, &w->creditor);
            line_request(&letter, &told[b].requests[i]);
        }
        assert_taken(letter_send(&letter), 101);
    }
    struct post post = fetch_to_the_end(w, &w->creditor, 10, 500);
    assert_int_equal(post.count, 600);
    for (size_t i = 0; i < 600; i++)
        assert_int_equal(post.mails[i].delivery->position, i + 1);
    for (size_t at = 0; at < 600; at += 200)
        assert_int_equal(collect(w, &w->creditor, 10, "", &post.mails[at], 200)->collected, 200);
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
}

#define LONGEST_NAME "zuidelijk-kantoor-met-32-letters"

static void each_mailbox_has_its_own_positions(void **state)
{
    assert_int_equal(strlen(LONGEST_NAME), MAILBOX_NAME_MAX);
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    assert_ok(publish_record(w, &w->creditor, LONGEST_NAME, 1));
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to(&letter, &w->creditor);
    line_request(&letter, &told.requests[0]);
    letter_to_mailbox(&letter, &w->creditor, LONGEST_NAME);
    line_request(&letter, &told.requests[1]);
    assert_taken(letter_send(&letter), 3);
    struct post main_box = fetch_from(w, &w->creditor, 10, "", 10, 1 << 20);
    struct post south = fetch_from(w, &w->creditor, 10, LONGEST_NAME, 10, 1 << 20);
    assert_int_equal(main_box.count, 1);
    assert_int_equal(south.count, 1);
    assert_int_equal(south.mails[0].delivery->position, 1);
    assert_string_equal(south.mails[0].delivery->mailbox, LONGEST_NAME);
    assert_int_equal(collect(w, &w->creditor, 10, LONGEST_NAME, south.mails, 1)->collected, 1);
    assert_false(view_request(w, &told, 0)->collected);
    assert_true(view_request(w, &told, 1)->collected);
}

static void nobody_reads_anothers_mailbox(void **state)
{
    struct world *w = *state;
    static struct told_case told[1];
    fill(w, &w->creditor, told, 1);
    assert_int_equal(fetch_all(w, &w->rsa).count, 0);
    assert_null(view_case(w, &w->creditor, &told[0].id));
}

static void count_freed(void *ctx, const struct skp_oin *oin, const char *mailbox)
{
    (void)oin;
    (void)mailbox;
    ++*(size_t *)ctx;
}

static void expiring_wakes_every_mailbox(void **state)
{
    struct lease_table table;
    size_t freed = 0;
    uint32_t attempt;
    (void)state;
    assert_ok(lease_init(&table));
    for (unsigned i = 0; i < 200; i++) {
        struct skp_oin oin;
        (void)snprintf(oin.text, sizeof oin.text, "%020u", i);
        assert_int_equal(lease_take(&table, &oin, "", 1, &oin, 1, 1000, &attempt), LEASE_TAKEN);
    }
    lease_expire(&table, 999, count_freed, &freed);
    assert_int_equal(freed, 0);
    lease_expire(&table, 1000, count_freed, &freed);
    assert_int_equal(freed, 200);
    lease_fini(&table);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(positions_have_no_gaps),
        TEST(an_empty_mailbox_says_so),
        TEST(collecting_tells_the_sender_with_the_addressees_signature),
        TEST(a_sender_hears_which_of_its_own_mail_was_taken),
        TEST(what_was_not_delivered_to_me_i_cannot_collect),
        TEST(a_statement_names_exactly_what_was_delivered),
        TEST(a_statement_is_signed_by_who_collects),
        TEST(what_was_collected_is_never_delivered_again),
        TEST(what_is_collected_while_on_its_way_is_not_sent_any_more),
        TEST(a_lease_holds_its_lane),
        TEST(who_holds_the_lane_gets_the_rest_of_it),
        TEST(a_lane_that_is_collected_is_free_for_others),
        TEST(two_workers_share_a_mailbox),
        TEST(a_closed_sessions_leases_go_to_others),
        TEST(an_expired_lease_goes_to_others),
        TEST(when_a_lease_ends_all_are_woken_whoever_fetches_first),
        TEST(a_lease_may_be_made_shorter),
        TEST(what_is_released_is_delivered_again),
        TEST(credit_is_counted_in_messages),
        TEST(credit_is_counted_in_bytes),
        TEST(a_long_mailbox_comes_in_pages),
        TEST(each_mailbox_has_its_own_positions),
        TEST(nobody_reads_anothers_mailbox),
        cmocka_unit_test(expiring_wakes_every_mailbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
