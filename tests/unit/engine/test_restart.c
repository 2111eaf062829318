/* A disk that fails, and what a new engine finds. */
#include "engine_mail.h"
#include "faulty_store.h"

#include "log.h"
#include "watermark.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---------------------------------------------------------------- a store that fails */

static int faulty_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store *inner;
    world_init(w, true);
    world_close(w);
    assert_ok(store_memory_open(&inner));
    assert_ok(world_open(w, faulty_store_new(inner), true));
    world_people(w);
    *state = w;
    return 0;
}

static void a_conflict_is_decided_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    uint64_t before = w->engine->chain.sequence;
    case_make(&told, &w->creditor, 3);
    faulty_store_fail_commit(w->store, SKP_E_CONFLICT, false);
    case_register(w, &told);
    assert_int_equal(w->engine->chain.sequence, before + 1);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 3);
    faulty_store_fail_commit(w->store, SKP_E_CONFLICT, false);
    request_answer_with(w, &told.requests[0], 100);
    faulty_store_fail_puts(w->store, SKP_E_CONFLICT, 3);
    request_answer_with(w, &told.requests[0], 90);
    faulty_store_fail_commit(w->store, SKP_E_CONFLICT, false);
    post = collect_all(w, &w->counsellor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_ANSWER), 2);
    assert_int_equal(view_request(w, &told, 0)->total_cents, 90);
    faulty_store_fail_commit(w->store, SKP_E_CONFLICT, false);
    assert_admin_ok(w, "{'command':'clock.advance','working_days':1}");
}

static void endless_conflict_is_told_as_unavailable(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    faulty_store_fail_puts(w->store, SKP_E_CONFLICT, 1000);
    assert_err(letter_ask(&letter)->err, SKP_E_UNAVAILABLE);
    faulty_store_fail_puts(w->store, SKP_OK, 0);
    assert_taken(letter_send(&letter), 2);
}

static void what_cannot_be_stored_can_be_sent_again(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__Receipt *receipt;
    uint64_t before = w->engine->chain.sequence;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    faulty_store_fail_commit(w->store, SKP_E_UNAVAILABLE, false);
    struct answer *answer = letter_ask(&letter);
    assert_err(answer->err, SKP_E_UNAVAILABLE);
    assert_int_equal(answer->frame_count, 0);
    assert_int_equal(w->engine->chain.sequence, before);
    assert_null(engine_failed(w->engine));
    assert_int_equal(fetch_all(w, &w->creditor).count, 0);
    receipt_of(&letter, letter_ask(&letter), &receipt);
    assert_false(receipt->duplicate);
    assert_int_equal(w->engine->chain.sequence, before + 1);
}

/* Not as one of the warnings about damage, of which few reach the log. */
static void what_cannot_be_stored_is_told_as_an_error(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    char line[LOG_LINE_MAX];
    FILE *log = tmpfile();
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    faulty_store_fail_commit(w->store, SKP_E_UNAVAILABLE, false);
    log_set_stream(log);
    (void)letter_ask(&letter);
    log_set_stream(NULL);
    rewind(log);
    assert_non_null(fgets(line, sizeof line, log));
    assert_non_null(strstr(line, " error commit_failed "));
    (void)fclose(log);
}

/* The turn that counts the answers cannot be stored, and is done later. */
static void folding_is_not_forgotten_when_the_disk_is_full(void **state)
{
    struct world *w = *state;
    static struct told_case told[20];
    struct party nobody = {.session = 0};
    for (size_t i = 0; i < 20; i++) {
        case_make(&told[i], &w->creditor, 1);
        case_register(w, &told[i]);
    }
    world_tick(w);
    for (size_t i = 0; i < 20; i++)
        request_answer_with(w, &told[i].requests[0], 100);
    faulty_store_fail_commit(w->store, SKP_E_UNAVAILABLE, false);
    assert_err(world_ask(w, &nobody, ENGINE_TICK, NULL)->err, SKP_E_UNAVAILABLE);
    assert_int_equal(engine_next_tick_ms(w->engine), 0);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 20);
}

static void a_failed_sync_is_told_as_it_is_and_ends_all_writing(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    struct letter later;
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    faulty_store_fail_commit(w->store, SKP_E_OUTCOME_UNKNOWN, true);
    struct answer *answer = letter_ask(&letter);
    assert_err(answer->err, SKP_E_OUTCOME_UNKNOWN);
    assert_int_equal(answer->frame_count, 0);
    assert_non_null(engine_failed(w->engine));
    case_make(&told, &w->creditor, 1);
    letter_begin(&later, w, &w->counsellor);
    case_write(&later, &told);
    assert_err(letter_ask(&later)->err, SKP_E_UNAVAILABLE);
}

/* One damaged row is no trouble for the others in the same transaction. */
static void a_damaged_row_hurts_only_who_needs_it(void **state)
{
    struct world *w = *state;
    struct told_case damaged;
    struct told_case whole;
    struct letter letters[2];
    case_make(&damaged, &w->creditor, 1);
    case_register(w, &damaged);
    struct row_key key = key_case(&w->counsellor.oin, &damaged.id);
    struct store_row row = {
        .key = row_key_span(&key), .value = span_text("rubbish"), .version = STORE_ANY};
    assert_ok(store_begin(w->store));
    assert_ok(store_put(w->store, STORE_CASE, &row, 1));
    assert_ok(store_commit(w->store));
    case_make(&whole, &w->creditor, 1);
    letter_begin(&letters[0], w, &w->counsellor);
    letter_to_broker(&letters[0]);
    line_case(&letters[0], &damaged);
    letter_begin(&letters[1], w, &w->counsellor);
    case_write(&letters[1], &whole);
    struct answer *answers[] = {letter_submit(&letters[0]), letter_submit(&letters[1])};
    while (work_run_one(w->engine->verify_queue))
        continue;
    world_pump(w);
    assert_err(answers[0]->err, SKP_E_INTERNAL);
    assert_taken(receipt_of(&letters[1], answers[1], NULL), 2);
}

/* ---------------------------------------------------------------- a new engine */

static char folder[] = "/tmp/skp-engine-XXXXXX";
static char file[64];

static int sqlite_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct store *store;
    char why[256] = "";
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/store.db", folder);
    world_init(w, true);
    world_close(w);
    assert_ok(store_sqlite_open(file, true, &store, why));
    assert_ok(world_open(w, store, true));
    world_people(w);
    *state = w;
    return 0;
}

static int sqlite_teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    world_teardown(state);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", file, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static void open_again(struct world *w)
{
    struct store *store;
    char why[256] = "";
    world_close(w);
    assert_ok(store_sqlite_open(file, false, &store, why));
    assert_ok(world_open(w, store, false));
}

static void a_new_engine_finds_everything_and_goes_on(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct letter letter;
    Skp__V1__Receipt *receipt;
    case_make(&told, &w->creditor, 2);
    letter_begin(&letter, w, &w->counsellor);
    case_write(&letter, &told);
    letter_send(&letter);
    struct post first = fetch_all(w, &w->creditor);
    request_answer_with(w, &told.requests[0], 100);
    request_answer_with(w, &told.requests[1], 200);
    uint64_t sequence = w->engine->chain.sequence;
    struct skp_id store_id = w->engine->store_id;
    open_again(w);
    assert_true(engine_is_play(w->engine));
    assert_true(id_equal(&store_id, &w->engine->store_id));
    assert_int_equal(w->engine->chain.sequence, sequence);
    /* Delivered but not collected: once more, from the first attempt. */
    struct post again = fetch_all(w, &w->creditor);
    assert_int_equal(again.count, first.count);
    assert_int_equal(again.mails[0].delivery->position, first.mails[0].delivery->position);
    /* Sent before: the original receipt. */
    receipt_of(&letter, letter_ask(&letter), &receipt);
    assert_true(receipt->duplicate);
    /* Noted before the end, folded now. */
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE), 1);
    assert_true(w->engine->chain.sequence > sequence);
    open_again(w);
    assert_int_equal(fetch_all(w, &w->counsellor).count, 0);
    assert_int_equal(view_request(w, &told, 1)->total_cents, 200);
}

static void deadlines_and_the_play_clock_survive(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_admin_ok(w, "{'command':'clock.advance','to':'2027-02-04T10:00'}");
    int64_t now = world_now_ms(w);
    clock_set_business_offset(&w->clock.clock, 0);
    open_again(w);
    assert_int_equal(world_now_ms(w), now);
    world_tick(w);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1);
    assert_non_null(find_overview(&post, 0));
}

/* The end of the process between two parts of a round. */
static void a_round_goes_on_where_it_stopped(void **state)
{
    struct world *w = *state;
    static struct told_case cases[6];
    struct party nobody = {.session = 0};
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    agreement_make(w, &w->creditor, &terms);
    for (size_t i = 0; i < 6; i++) {
        case_make(&cases[i], &w->creditor, 250);
        case_register(w, &cases[i]);
    }
    world_tick(w);
    world_set_time(w, 20270204, TEN_HOURS);
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err); /* opens */
    assert_ok(world_ask(w, &nobody, ENGINE_TICK, NULL)->err); /* the first part */
    open_again(w);
    world_set_time(w, 20270204, TEN_HOURS + 5);
    world_tick(w);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 1500);
    size_t last = 0;
    while (find_overview(&post, last + 1))
        last++;
    assert_true(find_overview(&post, last)->last);
    assert_int_equal(find_overview(&post, last)->total_items, 1500);
}

/* A store without its newest link is not served. */
static void a_chain_without_its_end_is_refused(void **state)
{
    struct world *w = *state;
    struct store *store;
    char why[256] = "";
    uint64_t sequence = w->engine->chain.sequence;
    world_close(w);
    assert_ok(store_sqlite_open(file, false, &store, why));
    struct row_key key = key_commit(sequence);
    struct store_row row = {.key = row_key_span(&key), .version = STORE_ANY};
    assert_ok(store_begin(store));
    assert_ok(store_remove(store, STORE_COMMIT, &row, 1));
    assert_ok(store_commit(store));
    assert_err(world_open(w, store, false), SKP_E_DATA_LOSS);
}

/* ---------------------------------------------------------------- what is missing at the end */

static void copy_file(const char *from, const char *to)
{
    char command[256];
    (void)snprintf(command, sizeof command, "cp %s %s", from, to);
    assert_int_equal(system(command), 0);
}

static enum skp_err open_accepting(struct world *w, uint64_t accepted_loss)
{
    struct store *store;
    char why[256] = "";
    if (w->engine)
        world_close(w);
    assert_ok(store_sqlite_open(file, false, &store, why));
    w->accepted_loss = accepted_loss;
    return world_open(w, store, false);
}

/* An older copy takes the place of the store, as a restore does. Returns the number of the last
 * confirmed commit; *ret_kept is that of the copy. */
static uint64_t restore_older(struct world *w, uint64_t *ret_kept)
{
    char backup[80];
    struct told_case told;
    (void)snprintf(backup, sizeof backup, "%s-backup", file);
    *ret_kept = w->engine->chain.sequence;
    world_close(w);
    copy_file(file, backup);
    assert_ok(open_accepting(w, 0));
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    uint64_t confirmed = w->engine->chain.sequence;
    world_close(w);
    copy_file(backup, file);
    assert_ok(unlink(backup));
    return confirmed;
}

static void a_store_without_its_end_is_refused_until_the_loss_is_accepted(void **state)
{
    struct world *w = *state;
    uint64_t kept;
    uint64_t confirmed = restore_older(w, &kept);
    assert_true(confirmed > kept);
    assert_err(open_accepting(w, 0), SKP_E_DATA_LOSS);
    assert_err(open_accepting(w, confirmed + 1), SKP_E_DATA_LOSS);
    assert_err(open_accepting(w, 0), SKP_E_DATA_LOSS);
    assert_ok(open_accepting(w, confirmed));
    struct loss_mark loss = engine_loss(w->engine);
    assert_int_equal(loss.kept, kept);
    assert_int_equal(loss.lost, confirmed);
    assert_int_equal(loss.accepted_ms, clock_real_ms(&w->clock.clock));
    assert_ok(open_accepting(w, 0));
    assert_int_equal(engine_loss(w->engine).lost, confirmed);
    struct told_case told;
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    assert_ok(open_accepting(w, 0));
}

/* Two clients may show theirs at the same moment. */
static void a_head_that_is_older_does_not_hide_a_newer_one(void **state)
{
    struct world *w = *state;
    struct chain_mark heads[] = {{.sequence = 3000}, {.sequence = 2000}};
    for (size_t i = 0; i < 2; i++)
        watermark_raise(w->engine, &heads[i]);
    assert_err(open_accepting(w, 2000), SKP_E_DATA_LOSS);
    assert_ok(open_accepting(w, 3000));
}

static void a_watermark_that_is_gone_damaged_or_behind_is_no_reason_to_stop(void **state)
{
    struct world *w = *state;
    struct told_case told;
    char mark[80];
    (void)snprintf(mark, sizeof mark, "%s-watermark", file);
    world_close(w);
    char old[96];
    (void)snprintf(old, sizeof old, "%s.old", mark);
    copy_file(mark, old);
    assert_ok(open_accepting(w, 0));
    case_make(&told, &w->creditor, 1);
    case_register(w, &told);
    world_close(w);
    copy_file(old, mark);
    assert_ok(unlink(old));
    assert_ok(open_accepting(w, 0));
    world_close(w);
    assert_ok(truncate(mark, 20));
    char text[4096] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    assert_non_null(stream);
    log_set_stream(stream);
    assert_ok(open_accepting(w, 0));
    log_set_stream(NULL);
    fclose(stream);
    assert_non_null(strstr(text, "why=\"it is damaged; the next commit writes it, until then only "
                                 "the clients' chain heads can show a loss\""));
    world_close(w);
    assert_ok(unlink(mark));
    assert_ok(open_accepting(w, 0));
}

/* ---------------------------------------------------------------- the end of an engine */

static struct engine *closing;
static unsigned came_back;

static void ask_again(struct engine_call *call)
{
    struct engine_call *next =
        came_back++ == 0 ? engine_call_new(closing, ENGINE_TICK, NULL, 0, ask_again, NULL) : NULL;
    if (next)
        engine_submit(next);
    else
        assert_err(call->err, SKP_E_GOING_AWAY);
    engine_call_free(call);
}

static void closing_brings_every_call_back(void **state)
{
    struct world *w = *state;
    closing = w->engine;
    came_back = 0;
    struct engine_call *call = engine_call_new(closing, ENGINE_TICK, NULL, 0, ask_again, NULL);
    engine_submit(call);
    world_close(w);
    assert_int_equal(came_back, 2);
}

#define FAULTY(name) cmocka_unit_test_setup_teardown(name, faulty_setup, world_teardown)
#define SQLITE(name) cmocka_unit_test_setup_teardown(name, sqlite_setup, sqlite_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULTY(a_conflict_is_decided_again),
        FAULTY(endless_conflict_is_told_as_unavailable),
        FAULTY(what_cannot_be_stored_can_be_sent_again),
        FAULTY(what_cannot_be_stored_is_told_as_an_error),
        FAULTY(folding_is_not_forgotten_when_the_disk_is_full),
        FAULTY(a_failed_sync_is_told_as_it_is_and_ends_all_writing),
        FAULTY(a_damaged_row_hurts_only_who_needs_it),
        SQLITE(a_new_engine_finds_everything_and_goes_on),
        SQLITE(deadlines_and_the_play_clock_survive),
        SQLITE(a_round_goes_on_where_it_stopped),
        SQLITE(a_chain_without_its_end_is_refused),
        SQLITE(a_store_without_its_end_is_refused_until_the_loss_is_accepted),
        SQLITE(a_head_that_is_older_does_not_hide_a_newer_one),
        SQLITE(a_watermark_that_is_gone_damaged_or_behind_is_no_reason_to_stop),
        SQLITE(closing_brings_every_call_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
