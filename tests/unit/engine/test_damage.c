/* A bit flips in the file of the store, in one row: it is found, set aside or left to who needs it, and all
 * else goes on. */
#include "engine_mail.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT(name)  SKP__V1__EVENT_KIND__EVENT_KIND_##name
#define STATE(name)  SKP__V1__REQUEST_STATE__REQUEST_STATE_##name
#define NEEDLE_BYTES 120 /* of a value: enough to find it by */
#define CASES        3

static char folder[] = "/tmp/skp-damage-XXXXXX";
static char file[64];

static enum skp_err open_file(struct world *w, bool create)
{
    struct store *store;
    char why[256] = "";
    assert_ok(store_sqlite_open(file, create, &store, why));
    return world_open(w, store, create);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/store.db", folder);
    world_init(w, true);
    world_close(w);
    assert_ok(open_file(w, true));
    world_people(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-watermark"};
    world_teardown(state);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s%s", file, ends[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* ---------------------------------------------------------------- damage */

static struct span value_of(struct world *w, enum store_table table, struct span key)
{
    struct store_row row = {.key = key};
    assert_ok(store_begin(w->store));
    assert_ok(store_get(w->store, table, &row, 1, &w->arena));
    store_rollback(w->store);
    assert_true(row.version > 0 && row.value.len > 0);
    return row.value;
}

/* Where the file has these bytes, and nowhere else. */
static off_t place_of(int fd, struct span needle)
{
    struct stat status;
    assert_ok(fstat(fd, &status));
    size_t len = (size_t)status.st_size;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, len, 0), (ssize_t)len);
    uint8_t *found = memmem(bytes, len, needle.data, needle.len);
    assert_non_null(found);
    assert_null(memmem(found + 1, len - (size_t)(found + 1 - bytes), needle.data, needle.len));
    off_t place = found - bytes;
    free(bytes);
    return place;
}

/* The broker stops, one bit of this row's value flips, the broker starts. */
static void damage(struct world *w, enum store_table table, struct row_key key)
{
    struct span value = value_of(w, table, row_key_span(&key));
    size_t len = value.len < NEEDLE_BYTES ? value.len : NEEDLE_BYTES;
    uint8_t byte = value.data[len - 1] ^ 1;
    world_close(w);
    int fd = open(file, O_RDWR);
    assert_true(fd >= 0);
    off_t place = place_of(fd, span_of(value.data, len));
    assert_int_equal(pwrite(fd, &byte, 1, place + (off_t)len - 1), 1);
    close(fd);
    assert_ok(open_file(w, false));
}

/* How many rows the operator sees set aside for this cause. */
static size_t listed(struct world *w, const char *cause)
{
    json_t *said = world_admin(w, "{'command':'damage.list'}");
    json_t *rows = json_object_get(said, "rows");
    size_t count = 0;
    assert_true(json_is_array(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        assert_true(json_string_length(json_object_get(row, "row")) > 0);
        assert_true(json_string_length(json_object_get(row, "means")) > 0);
        count += strcmp(json_string_value(json_object_get(row, "cause")), cause) == 0;
    }
    json_decref(said);
    return count;
}

static void register_cases(struct world *w, struct told_case *ret_cases)
{
    for (size_t i = 0; i < CASES; i++) {
        case_make(&ret_cases[i], &w->creditor, 1);
        case_register(w, &ret_cases[i]);
    }
}

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
    assert_int_equal(view_request(w, &cases[2], 0)->state, STATE(REQUESTED));
    struct post told = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&told, EVENT(RESEAL_NEEDED)), 1);
    assert_int_equal(engine_rows_aside(w->engine), 1);
}

/* ---------------------------------------------------------------- mailboxes */

static void a_damaged_entry_leaves_a_gap_and_its_sender_seals_again(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_ENTRY, key_entry(&w->creditor.oin, "", 2));
    assert_gap_in_the_middle(w, cases);
    assert_int_equal(listed(w, "DAMAGED"), 1);
    char words[ROW_WORDS_BYTES];
    struct row_key key = key_entry(&w->creditor.oin, "", 2);
    row_describe(STORE_ENTRY, row_key_span(&key), words, sizeof words);
    assert_string_equal(words, "an entry of mailbox \"\" of 00000099000000002000, position 2");
    world_close(w);
    assert_ok(open_file(w, false));
    assert_int_equal(engine_rows_aside(w->engine), 1);
    assert_int_equal(fetch_all(w, &w->creditor).count, 2);
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

/* ---------------------------------------------------------------- the clock */

static struct span first_key(struct world *w, enum store_table table)
{
    static const uint8_t zero;
    struct store_row *rows;
    size_t count = 0;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, table, span_of(&zero, 1), span_of(NULL, 0), 1, 1000, &w->arena,
                         &rows, &count));
    store_rollback(w->store);
    assert_int_equal(count, 1);
    return rows[0].key;
}

static void damage_first(struct world *w, enum store_table table)
{
    struct span key = first_key(w, table);
    struct row_key copy = {.len = key.len};
    memcpy(copy.bytes, key.data, key.len);
    damage(w, table, copy);
}

/* A damaged deadline and a damaged list of what waits are both written again from their keys. */
static void a_round_is_published_though_its_deadline_was_damaged(void **state)
{
    struct world *w = *state;
    struct told_case told;
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct party nobody = {.session = 0};
    agreement_make(w, &w->creditor, &terms);
    case_make(&told, &w->creditor, 2);
    case_register(w, &told);
    damage_first(w, STORE_WAITING);
    damage_first(w, STORE_DEADLINE);
    world_set_time(w, 20270204, TEN_HOURS + 1);
    for (size_t i = 0; i < 8; i++)
        (void)world_ask(w, &nobody, ENGINE_TICK, NULL);
    struct post post = collect_all(w, &w->creditor);
    assert_int_equal(count_lines(&post, SKP__V1__LINE__FACT_REQUEST), 2);
    assert_int_equal(listed(w, "DAMAGED"), 2);
}

static void a_damaged_page_keeps_nothing_else_from_becoming_overdue(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_PAGE, key_page(&cases[1].requests[0].bundle_id, 0));
    world_go_to(w, 20270301, WORLD_MINUTE);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(OVERDUE)), 2);
    assert_int_equal(listed(w, "NOT_DUE"), 1);
}

/* ---------------------------------------------------------------- counting */

static void a_damaged_case_keeps_no_other_from_being_complete(void **state)
{
    struct world *w = *state;
    struct told_case cases[CASES];
    register_cases(w, cases);
    damage(w, STORE_CASE, key_case(&w->counsellor.oin, &cases[1].id));
    for (size_t i = 0; i < CASES; i++)
        request_answer_with(w, &cases[i].requests[0], 100);
    world_tick(w);
    struct post post = collect_all(w, &w->counsellor);
    assert_int_equal(count_events(&post, EVENT(CASE_COMPLETE)), 2);
    assert_int_equal(listed(w, "NOT_COUNTED"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_damaged_entry_leaves_a_gap_and_its_sender_seals_again),
        TEST(a_damaged_bundle_leaves_a_gap_and_its_sender_seals_again),
        TEST(damaged_mail_can_be_sealed_again_and_arrives),
        TEST(a_round_is_published_though_its_deadline_was_damaged),
        TEST(a_damaged_page_keeps_nothing_else_from_becoming_overdue),
        TEST(a_damaged_case_keeps_no_other_from_being_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
