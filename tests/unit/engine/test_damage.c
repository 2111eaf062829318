/* A bit flips in the file of the store, in one row: it is found, set aside or left to who needs it, and all
 * else goes on. */
#include "damage_fixture.h"

#include "park.h"
#include "quarantine.h"

static bool holds(const struct post *post, const struct skp_id *bundle_id)
{
    for (size_t i = 0; i < post->count; i++)
        if (id_equal(&post->mails[i].checked.head.bundle_id, bundle_id))
            return true;
    return false;
}

/* The first meets the damage; what it set going is done by the second. */
static void assert_gap_in_the_middle(struct world *w, const struct told_case *cases)
{
    struct post first = fetch_all(w, &w->creditor);
    struct post second = fetch_all(w, &w->creditor);
    bool found[CASES];
    for (size_t i = 0; i < CASES; i++)
        found[i] = holds(&first, &cases[i].requests[0].bundle_id) ||
                   holds(&second, &cases[i].requests[0].bundle_id);
    assert_true(found[0] && !found[1] && found[2]);
    assert_true(second.caught_up);
    assert_int_equal(view_request(w, &cases[1], 0)->state, STATE(RESEAL_NEEDED));
    assert_false(view_request(w, &cases[1], 0)->collected); /* gone, but not signed for */
    assert_int_equal(view_request(w, &cases[2], 0)->state, STATE(REQUESTED));
    struct post told = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&told, EVENT(RESEAL_NEEDED)), 1);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* ---------------------------------------------------------------- mailboxes */

/* The first asks for the row and sets it aside, the second goes in. */
static void register_after_damage(struct world *w, struct told_case *told)
{
    struct letter letter;
    case_make(told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, told);
    assert_err(letter_ask(&letter)->err, SKP_E_UNAVAILABLE);
    assert_taken(letter_send(&letter), 2);
}

static void a_mailbox_whose_counter_is_damaged_goes_on_behind_a_gap(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct told_case later[2];
    register_cases(w, cases);
    damage(w, STORE_MAILBOX, key_mailbox(&w->creditor.oin, ""));
    assert_int_equal(fetch_all(w, &w->creditor).count, CASES); /* what is there needs no counter */
    register_after_damage(w, &later[0]);
    case_make(&later[1], &w->creditor, 1);
    case_register(w, &later[1]);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 2);
    assert_true(post.mails[0].delivery->position > CASES);
    assert_int_equal(post.mails[1].delivery->position, post.mails[0].delivery->position + 1);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    damage(w, STORE_MAILBOX, key_mailbox(&w->creditor.oin, ""));
    register_after_damage(w, &cases[0]);
    struct post again = fetch_all(w, &w->creditor);
    assert_true(again.mails[again.count - 1].delivery->position > post.mails[1].delivery->position);
}

/* The flipped bit may be in the name of the mailbox: then the counter was of one that seems new now. */
static void after_a_counter_was_damaged_no_mailbox_begins_at_one(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct told_case first, second;
    register_cases(w, cases);
    damage(w, STORE_MAILBOX, key_mailbox(&w->creditor.oin, ""));
    register_after_damage(w, &first);
    case_make(&second, &w->rsa, 2);
    case_register(w, &second);
    struct post post = fetch_all(w, &w->rsa);
    assert_int_equal(post.count, 1);
    assert_true(post.mails[0].delivery->position > UINT64_C(1) << 24);
}

/* Lines of one bundle that left at different times stand in two entries; the first was collected. */
static void a_damaged_entry_sends_back_only_what_stood_in_it(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 2);
    told.requests[1].urgent = true;
    case_register(w, &told);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    world_go_to(w, 20270204, TEN_HOURS);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 3)); /* 2: it is overdue */
    (void)fetch_all(w, &w->creditor);
    assert_int_equal(engine_rows_aside(w->engine), 1);
    assert_int_equal(view_request(w, &told, 0)->state, STATE(RESEAL_NEEDED));
    assert_int_equal(view_request(w, &told, 1)->state, STATE(OVERDUE));
    assert_true(view_request(w, &told, 1)->collected);
}

static void a_damaged_entry_leaves_a_gap_and_its_sender_seals_again(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 2));
    assert_false(view_request(w, &cases[1], 0)->collected); /* who looks needs no whole entry */
    assert_gap_in_the_middle(w, cases);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    char words[ROW_WORDS_BYTES];
    struct row_key key = key_entry(&w->creditor.oin, "", 2);
    row_describe(STORE_ENTRY, row_key_span(&key), words, sizeof words);
    assert_string_equal(words, "an entry of mailbox \"\" of 00000099000000002000, position 2");
    world_close(w);
    assert_ok(open_file(w));
    assert_int_equal(engine_rows_aside(w->engine), 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 2);
}

/* Nobody can tell any more which bundle it was, so nothing goes back; nobody signed for it either. */
static void an_entry_that_lost_its_bundle_counts_as_not_collected(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage_byte(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 2), 0);
    (void)fetch_all(w, &w->creditor);
    collect_all(w, &w->creditor);
    assert_int_equal(engine_rows_aside(w->engine), 1);
    assert_true(view_request(w, &cases[0], 0)->collected);
    assert_false(view_request(w, &cases[1], 0)->collected);
    assert_true(view_request(w, &cases[2], 0)->collected);
}

static void a_damaged_bundle_leaves_a_gap_and_its_sender_seals_again(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_BUNDLE, key_bundle(&cases[1].requests[0].bundle_id));
    assert_gap_in_the_middle(w, cases);
    assert_int_equal(listed(w, "UNDELIVERABLE"), 1);
}

static struct row_key first_statement(struct world *w)
{
    const uint8_t zero = 0;
    struct row_key key = {.len = STORE_NUMBER_BYTES};
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, STORE_STATEMENT, span_of(&zero, 1), span_of(NULL, 0), 1,
                         (size_t)1 << 20, &w->arena, &rows, &count));
    store_rollback(w->store);
    assert_int_equal(count, 1);
    memcpy(key.bytes, rows[0].key.data, key.len);
    return key;
}

/* The event is not what was signed without it; what came before and after arrives. */
static void an_event_whose_statement_is_damaged_leaves_a_gap(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    collect_all(w, &w->creditor);
    request_answer_with(w, &cases[0].requests[0], 100);
    damage(w, STORE_STATEMENT, first_statement(w));
    struct post post = fetch_all(w, &w->counsellor);
    assert_null(find_event(&post, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0));
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 1);
    assert_int_equal(listed(w, "UNDELIVERABLE"), 1);
    assert_int_equal(listed(w, "DAMAGED"), 1); /* the statement, by name */
    assert_true(view_request(w, &cases[1], 0)->collected);
    assert_null(engine_failed(w->engine));
}

/* A page that no row is to blame for: nothing is given up, and all of it arrives when it is read again. */
static void an_event_whose_statement_cannot_be_read_now_waits(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    collect_all(w, &w->creditor);
    damage_page(w, "statement");
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED), 0);
    assert_int_equal(engine_rows_aside(w->engine), 0);
    damage_page(w, "statement"); /* the bit flips back */
    post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED), 1);
}

static void damaged_mail_can_be_sealed_again_and_arrives(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    struct letter letter;
    register_cases(w, cases);
    damage(w, STORE_BUNDLE, key_bundle(&cases[1].requests[0].bundle_id));
    assert_gap_in_the_middle(w, cases);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &cases[1]);
    letter_to(&letter, &w->creditor);
    line_reseal(&letter, &cases[1].requests[0]);
    assert_taken(letter_send(&letter), 2);
    struct post post = fetch_all(w, &w->creditor);
    assert_true(holds(&post, &cases[1].requests[0].bundle_id));
    request_answer_with(w, &cases[1].requests[0], 100);
}

/* The creditor lost the key to a bundle of which one page is damaged: what that page says is not
 * known, so its requests stay in the mailbox; the others go back, and later mail arrives. */
static void a_damaged_page_of_locked_mail_stops_nothing_behind_it(void **state)
{
    struct world *w = *state;
    struct told_case told, later;
    struct party after = w->creditor;
    struct skp_hash lost = sha256(keypair_der(w->creditor.opens));
    case_make(&told, &w->creditor, PAGE_LINES + 1);
    case_register(w, &told);
    damage(w, STORE_PAGE, key_page(&told.requests[0].bundle_id, 0));
    after.opens = w->rsa.opens;
    assert_ok(publish_withdrawing(w, &after, 2, &lost, 1));
    case_make(&later, &after, 1);
    case_register(w, &later);
    struct post post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_true(holds(&post, &later.requests[0].bundle_id));
    post = fetch_all(w, &w->creditor);
    assert_int_equal(post.count, 1);
    assert_true(holds(&post, &told.requests[0].bundle_id));
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), PAGE_LINES);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(RESEAL_NEEDED)), 1);
}

static bool was_woken(const struct world *w, const struct party *who)
{
    for (size_t i = 0; i < w->woken_count; i++)
        if (oin_equal(&w->woken[i], &who->oin))
            return true;
    return false;
}

static struct answer *fetch_later(struct world *w, const struct party *who)
{
    Skp__V1__Fetch fetch;
    skp__v1__fetch__init(&fetch);
    fetch.mailbox = wire_text("");
    fetch.messages = 10;
    fetch.bytes = 1 << 20;
    return world_submit(w, who, ENGINE_FETCH, wire_pack(&fetch.base, &w->arena), NULL, 0);
}

/* One row is set aside at a time: who comes meanwhile hears when it is worth asking again. */
static void two_mailboxes_with_damage_at_the_same_time_both_go_on(void **state)
{
    struct world *w = *state;
    struct told_case first, second;
    case_make(&first, &w->creditor, 1);
    case_register(w, &first);
    case_make(&second, &w->rsa, 1);
    case_register(w, &second);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 1));
    damage(w, STORE_ENTRY, key_entry(&w->rsa.oin, "", 1));
    w->woken_count = 0;
    struct answer *one = fetch_later(w, &w->creditor);
    struct answer *other = fetch_later(w, &w->rsa);
    world_pump(w);
    assert_true(one->times == 1 && other->times == 1);
    assert_int_equal(engine_rows_aside(w->engine), 1);
    assert_true(was_woken(w, &w->creditor));
    assert_true(was_woken(w, &w->rsa));
    (void)fetch_all(w, &w->rsa);
    assert_int_equal(engine_rows_aside(w->engine), 2);
}

/* By then there is nobody who would set it aside. */
static void a_broker_that_stops_while_a_fetch_meets_damage_just_stops(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 1));
    const struct answer *answer = fetch_later(w, &w->creditor);
    world_close(w);
    assert_int_equal(answer->times, 1);
    assert_ok(open_file(w));
    assert_int_equal(engine_rows_aside(w->engine), 0);
}

static void a_mailbox_whose_damage_could_not_be_set_aside_asks_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 1));
    w->woken_count = 0;
    atomic_store(&w->engine->is_setting_aside, true); /* of another row, which comes to nothing */
    (void)fetch_all(w, &w->creditor);
    atomic_store(&w->engine->is_setting_aside, false);
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_false(was_woken(w, &w->creditor));
    clock_manual_advance(&w->clock, 1000);
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_true(was_woken(w, &w->creditor));
    (void)fetch_all(w, &w->creditor);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* The reader saw damage and the writer sees none: woken at once, the mailbox would be here again at once. */
static void damage_that_only_the_reader_sees_is_looked_at_again_after_a_pause(void **state)
{
    struct world *w = *state;
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct row_key key = key_entry(&w->creditor.oin, "", 1);
    struct store_damaged damaged = {.table = STORE_ENTRY, .key_len = key.len};
    memcpy(damaged.key, key.bytes, key.len);
    w->woken_count = 0;
    quarantine_mailbox(w->engine, &damaged, &w->creditor.oin, "");
    world_pump(w);
    assert_false(was_woken(w, &w->creditor));
    clock_manual_advance(&w->clock, 1000);
    engine_next_tick_ms(w->engine);
    world_pump(w);
    assert_true(was_woken(w, &w->creditor));
    assert_int_equal(engine_rows_aside(w->engine), 0);
    assert_int_equal(fetch_all(w, &w->creditor).count, 1);
}

/* ---------------------------------------------------------------- what is asked for */

/* DATA_LOSS would say that the broker lost what it confirmed: clients hang up, and wait for a restore. */
static void a_damaged_case_is_no_word_about_the_whole_store(void **state)
{
    struct world *w = *state;
    struct told_case told;
    Skp__V1__CasesGet ask;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_CASE, key_case(&w->counsellor.oin, &told.id));
    skp__v1__cases_get__init(&ask);
    ask.tag = 1;
    assert_err(world_ask(w, &w->counsellor, ENGINE_CASES, &ask.base)->err, SKP_E_INTERNAL);
}

/* Whoever asks for it in a loop, fetching or sending. */
static void damage_that_is_met_again_and_again_does_not_fill_the_log(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__CasesGet ask;
    FILE *log = tmpfile();
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_CASE, key_case(&w->counsellor.oin, &told.id));
    skp__v1__cases_get__init(&ask);
    ask.tag = 1;
    log_set_stream(log);
    log_set_clock(NULL); /* the warnings of other tests do not count */
    for (size_t i = 0; i < 2 * LOG_WARN_BURST; i++) {
        (void)world_ask(w, &w->counsellor, ENGINE_CASES, &ask.base);
        letter_begin(&letter, w, &w->counsellor);
        case_write(&letter, &told);
        assert_err(letter_ask(&letter)->err, SKP_E_INTERNAL);
    }
    log_set_stream(NULL);
    assert_int_equal(lines_of(log, " read_failed "), LOG_WARN_BURST);
    assert_int_equal(lines_of(log, " commit_failed "), LOG_WARN_BURST);
    (void)fclose(log);
}

static struct answer *say_hello(struct world *w, Skp__V1__ChainHead *head)
{
    Skp__V1__Hello hello;
    uint32_t version = PROTOCOL_VERSION;
    skp__v1__hello__init(&hello);
    hello.n_versions = 1;
    hello.versions = &version;
    hello.software = wire_text("test");
    hello.latest_head = head;
    return world_ask(w, &w->creditor, ENGINE_HELLO, &hello.base);
}

static Skp__V1__ChainHead *head_of(struct world *w)
{
    Skp__V1__Welcome *welcome =
        world_frame(w, say_hello(w, NULL), 0, FRAME_WELCOME, &skp__v1__welcome__descriptor);
    assert_non_null(welcome->head);
    return welcome->head;
}

/* It is there, and what it said the client's head says, with the signature. */
static void a_damaged_link_sends_nobody_away_who_holds_it(void **state)
{
    struct world *w = *state;
    struct told_case told;
    Skp__V1__ChainHead *head = head_of(w);
    struct row_key key = key_commit(w->engine->chain.sequence);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_COMMIT, key);
    assert_ok(say_hello(w, head)->err);
    head->jws = wire_text("e30..e30");
    assert_err(say_hello(w, head)->err, SKP_E_CHAIN_UNKNOWN);
    assert_null(engine_failed(w->engine));
}

/* Nobody else comes by a mailbox to which nothing is sent. */
static void damage_that_an_operator_meets_is_set_aside(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct party nobody = {.session = 0};
    static const char list[] = "{\"command\":\"mailbox.list\"}";
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    damage(w, STORE_MAILBOX, key_mailbox(&w->creditor.oin, ""));
    struct answer *answer =
        world_submit(w, &nobody, engine_admin_verb("mailbox.list"), span_text(list), NULL, 0);
    world_pump(w);
    assert_err(answer->err, SKP_E_UNAVAILABLE);
    assert_admin_ok(w, "{'command':'mailbox.list'}");
    assert_int_equal(listed(w, "DAMAGED"), 1);
}

/* Too little memory to look is not damage. */
static void a_bundle_that_cannot_be_read_for_want_of_memory_is_not_damaged(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct arena little;
    struct bundle_row bundle;
    struct skp_hash lost = sha256(keypair_der(w->creditor.opens));
    struct registry_record record = {.withdrawn = &lost, .withdrawn_count = 1};
    struct entry_row entry = {.partial = false};
    bool wanted;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    struct row_key key = key_bundle(&told.requests[0].bundle_id);
    assert_ok(bundle_row_read(value_of(w, STORE_BUNDLE, row_key_span(&key)), &w->arena, &bundle));
    arena_init(&little, 16);
    assert_err(park_wanted(w->store, &little, &record, &entry, &bundle, &wanted), SKP_E_NO_MEMORY);
    arena_fini(&little);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mailbox_whose_counter_is_damaged_goes_on_behind_a_gap),
        TEST(after_a_counter_was_damaged_no_mailbox_begins_at_one),
        TEST(a_damaged_entry_sends_back_only_what_stood_in_it),
        TEST(a_damaged_entry_leaves_a_gap_and_its_sender_seals_again),
        TEST(an_entry_that_lost_its_bundle_counts_as_not_collected),
        TEST(a_damaged_bundle_leaves_a_gap_and_its_sender_seals_again),
        TEST(an_event_whose_statement_is_damaged_leaves_a_gap),
        TEST(an_event_whose_statement_cannot_be_read_now_waits),
        TEST(damaged_mail_can_be_sealed_again_and_arrives),
        TEST(a_damaged_page_of_locked_mail_stops_nothing_behind_it),
        TEST(two_mailboxes_with_damage_at_the_same_time_both_go_on),
        TEST(a_broker_that_stops_while_a_fetch_meets_damage_just_stops),
        TEST(a_mailbox_whose_damage_could_not_be_set_aside_asks_again),
        TEST(damage_that_only_the_reader_sees_is_looked_at_again_after_a_pause),
        TEST(a_damaged_case_is_no_word_about_the_whole_store),
        TEST(damage_that_is_met_again_and_again_does_not_fill_the_log),
        TEST(a_damaged_link_sends_nobody_away_who_holds_it),
        TEST(damage_that_an_operator_meets_is_set_aside),
        TEST(a_bundle_that_cannot_be_read_for_want_of_memory_is_not_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
