/* A body from which statements of collection are left out, and its way back. */
#include "engine_mail.h"
#include "statements.h"

#define LONG_BYTES 3000 /* as with certificates */

/* Two that begin alike, as statements of one collector do; one shorter than what is looked for. */
struct story {
    struct world *w;
    struct kept_statement kept[3];
    uint8_t bytes[2][LONG_BYTES];
    struct bundle_row row;
};

static void story_begin(struct story *story, struct world *w)
{
    *story = (struct story){.w = w};
    for (size_t i = 0; i < 2; i++) {
        memset(story->bytes[i], 'a', LONG_BYTES);
        story->bytes[i][100] = (uint8_t)('1' + i);
        story->kept[i].fields = span_of(story->bytes[i], LONG_BYTES);
    }
    story->kept[2].fields = span_text("short");
    assert_ok(store_begin(w->store));
    for (size_t i = 0; i < 3; i++) {
        story->kept[i].number = (UINT64_C(7) << STATEMENT_BITS) + i;
        struct row_key key = key_statement(story->kept[i].number);
        struct store_row row = {.key = row_key_span(&key), .value = story->kept[i].fields};
        assert_ok(store_put(w->store, STORE_STATEMENT, &row, 1));
    }
    assert_ok(store_commit(w->store));
}

/* The pieces, one after the other: 0 to 2 is a statement, anything else a letter between them. */
static struct span body_of(const struct story *story, const char *pieces)
{
    size_t len = 0;
    uint8_t *bytes = arena_alloc(&story->w->arena, 4 * LONG_BYTES);
    assert_non_null(bytes);
    for (; *pieces; pieces++) {
        struct span piece = *pieces >= '0' && *pieces <= '2' ? story->kept[*pieces - '0'].fields
                                                             : span_of(pieces, 1);
        memcpy(bytes + len, piece.data, piece.len);
        len += piece.len;
    }
    return span_of(bytes, len);
}

/* What is left of the body, as it is stored and read. */
static void leave_out(struct story *story, const char *pieces, const char *left)
{
    struct arena *arena = &story->w->arena;
    struct said_line lines[4] = {{.place = 0}};
    size_t count = 0;
    for (const char *piece = pieces; *piece; piece++)
        if (*piece >= '0' && *piece <= '2')
            lines[count++].kept = &story->kept[*piece - '0'];
    story->row = (struct bundle_row){.body = body_of(story, pieces), .line_count = 1};
    assert_ok(statements_leave_out(arena, lines, count, &story->row));
    assert_int_equal(story->row.left_out_count, count);
    assert_true(span_equal(story->row.body, span_text(left)));
    struct span value = bundle_row_pack(&story->row, arena);
    assert_ok(bundle_row_read(value, arena, &story->row));
}

static enum skp_err put_back(struct story *story)
{
    assert_ok(store_begin(story->w->store));
    enum skp_err err = statements_put_back(story->w->store, &story->w->arena, &story->row);
    store_rollback(story->w->store);
    return err;
}

static void what_was_left_out_is_put_back_where_it_stood(void **state)
{
    static const struct {
        const char *pieces, *left;
    } rows[] = {{"x0y", "xy"},  {"0", ""},         {"0xy", "xy"},  {"xy1", "xy"},
                {"x01y", "xy"}, {"x1y0z2", "xyz"}, {"2x2y2", "xy"}};
    static struct story story;
    story_begin(&story, *state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        leave_out(&story, rows[i].pieces, rows[i].left);
        assert_ok(put_back(&story));
        assert_true(span_equal(story.row.body, body_of(&story, rows[i].pieces)));
        assert_int_equal(story.row.left_out_count, 0);
    }
}

static void a_line_without_its_statement_stays_as_it_is(void **state)
{
    static struct story story;
    story_begin(&story, *state);
    struct said_line other = {.kept = &story.kept[0]};
    story.row = (struct bundle_row){.body = body_of(&story, "x1y")};
    assert_ok(statements_leave_out(&story.w->arena, &other, 1, &story.row));
    assert_int_equal(story.row.left_out_count, 0);
    assert_true(span_equal(story.row.body, body_of(&story, "x1y")));
}

static void a_statement_that_is_not_there_is_named(void **state)
{
    static struct story story;
    story_begin(&story, *state);
    leave_out(&story, "x0y2", "xy");
    struct row_key key = key_statement(story.kept[2].number);
    struct store_row row = {.key = row_key_span(&key), .version = STORE_ANY};
    assert_ok(store_begin(story.w->store));
    assert_ok(store_remove(story.w->store, STORE_STATEMENT, &row, 1));
    assert_ok(store_commit(story.w->store));
    assert_err(put_back(&story), SKP_E_DATA_LOSS);
    const struct store_damaged *damaged = &story.w->store->damaged;
    assert_int_equal(damaged->table, STORE_STATEMENT);
    assert_true(span_equal(span_of(damaged->key, damaged->key_len), row.key));
    char words[ROW_WORDS_BYTES];
    row_describe(STORE_STATEMENT, row.key, words, sizeof words);
    assert_string_equal(words, "a statement of collection, of commit 7, number 2");
}

/* Places beyond the body, or not one behind the other. */
static void a_row_that_cannot_be_is_refused(void **state)
{
    static const struct left_out wrong[][2] = {{{.at = 3}, {.at = 3}}, {{.at = 2}, {.at = 1}}};
    struct world *w = *state;
    struct bundle_row read;
    struct bundle_row row = {.body = span_text("xy"), .left_out_count = 2};
    for (size_t i = 0; i < 2; i++) {
        row.left_out = wrong[i];
        struct span value = bundle_row_pack(&row, &w->arena);
        assert_err(bundle_row_read(value, &w->arena, &read), SKP_E_DATA_LOSS);
    }
}

/* ---------------------------------------------------------------- among other news */

static void begin(struct world *w, struct txn *txn)
{
    *txn = (struct txn){.engine = w->engine,
                        .registry = engine_registry(w->engine),
                        .signer = engine_signer_ref(w->engine),
                        .now_ms = clock_business_ms(&w->clock.clock),
                        .real_ms = clock_real_ms(&w->clock.clock),
                        .sequence = 9};
    arena_init(&txn->arena, (size_t)8 << 20);
    assert_ok(ws_init(&txn->ws, w->store, &txn->arena));
    assert_ok(store_begin(w->store));
}

static void end(struct world *w, struct txn *txn)
{
    store_rollback(w->store);
    ws_fini(&txn->ws);
    registry_unref(txn->registry);
    keypair_unref(txn->signer);
    arena_fini(&txn->arena);
}

static void say(struct txn *txn, const struct skp_oin *recipient, Skp__V1__Collect *told)
{
    Skp__V1__Line *line;
    const struct kept_statement *kept = NULL;
    Skp__V1__EventFact *event = txn_event(txn,
                                          told ? SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED
                                               : SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE,
                                          recipient, &line);
    assert_non_null(event);
    if (told) {
        event->statement = told->statement;
        event->jws = told->jws;
        assert_ok(statements_keep(txn, told, &kept));
    }
    assert_ok(txn_say_statement(txn, recipient, line, kept));
}

/* What one commit tells one party: a statement that is damaged later takes no other news with it. */
static void statements_have_bundles_of_their_own(void **state)
{
    struct world *w = *state;
    struct txn txn;
    struct bundle_row rows[2];
    size_t count = 0;
    Skp__V1__Collect collects[2];
    for (size_t i = 0; i < 2; i++) {
        skp__v1__collect__init(&collects[i]);
        collects[i].statement = wire_bytes(span_text(i == 0 ? "one" : "two"));
        collects[i].jws = wire_text("e30..e30");
    }
    begin(w, &txn);
    say(&txn, &w->counsellor.oin, &collects[0]);
    say(&txn, &w->counsellor.oin, NULL);
    say(&txn, &w->counsellor.oin, &collects[1]);
    assert_ok(said_flush(&txn));
    for (const struct ws_row *row = txn.ws.tables[STORE_BUNDLE].first; row; row = row->next) {
        assert_true(count < 2);
        assert_ok(bundle_row_read(row->value, &txn.arena, &rows[count++]));
    }
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].line_count, 1);
    assert_int_equal(rows[0].left_out_count, 0);
    assert_int_equal(rows[1].line_count, 2);
    assert_int_equal(rows[1].left_out_count, 2);
    end(w, &txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_left_out_is_put_back_where_it_stood),
        TEST(a_line_without_its_statement_stays_as_it_is),
        TEST(a_statement_that_is_not_there_is_named),
        TEST(a_row_that_cannot_be_is_refused),
        TEST(statements_have_bundles_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
