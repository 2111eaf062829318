/* Collecting: what an addressee signs, what its senders hear of it, and what is refused. */
#include "engine_mail.h"

#include "fact.h"
#include "statement.h"

/* One case with a request at each of two creditors; both collect it and answer. */
static void answer_from_two(struct world *w, struct told_case *told)
{
    const struct party *creditors[] = {&w->creditor, &w->rsa};
    struct letter letter;
    case_make(told, &w->creditor, 4);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, told);
    for (size_t i = 0; i < 4; i++) {
        told->requests[i].creditor = creditors[i % 2];
        letter_to(&letter, creditors[i % 2]);
        line_request(&letter, &told->requests[i]);
    }
    assert_taken(letter_send(&letter), 5);
    for (size_t i = 0; i < 4; i++) {
        letter_begin(&letter, w, creditors[i % 2]);
        letter_to(&letter, &w->counsellor);
        line_answer(&letter, &told->requests[i], 100);
        assert_taken(letter_send(&letter), 1);
    }
}

/* Mail of `from` in a post. */
static size_t count_from(const struct post *post, const struct party *from)
{
    size_t count = 0;
    for (size_t i = 0; i < post->count; i++)
        count += oin_equal(&post->mails[i].checked.header.sender, &from->oin);
    return count;
}

/* The event tells of each mail of `from` in the post, at its place, and of nothing else. */
static void assert_tells_of(const Skp__V1__EventFact *event, const struct post *post,
                            const struct party *from)
{
    size_t told = 0;
    assert_non_null(event);
    for (size_t i = 0; i < post->count; i++) {
        const struct mail *mail = &post->mails[i];
        if (!oin_equal(&mail->checked.header.sender, &from->oin))
            continue;
        assert_true(told < event->n_collected);
        const Skp__V1__ProvenItem *item = event->collected[told++];
        assert_int_equal(item->index, i);
        assert_int_equal(item->position, mail->delivery->position);
        assert_true(span_equal(wire_span(item->head_hash),
                               span_of(mail->checked.head_hash.bytes, HASH_BYTES)));
    }
    assert_int_equal(event->n_collected, told);
}

static Skp__V1__CollectStatement *statement_of(struct world *w, const Skp__V1__EventFact *event)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message;
    assert_ok(wire_unpack(&skp__v1__collect_statement__descriptor, wire_span(event->statement),
                          &w->arena, path, &message));
    return (Skp__V1__CollectStatement *)(void *)message;
}

static void assert_proves(struct world *w, const Skp__V1__EventFact *event)
{
    struct jws_signer signer;
    const char *why = "";
    assert_ok(jws_verify(w->trust, NULL, span_text(event->jws), wire_span(event->statement),
                         clock_real_ms(&w->clock.clock), &signer, &why));
    assert_true(oin_equal(&signer.oin, &w->counsellor.oin));
    assert_true(statement_holds_items(statement_of(w, event), event));
    event->collected[0]->position++;
    assert_false(statement_holds_items(statement_of(w, event), event));
    event->collected[0]->position--;
}

static void each_sender_hears_of_its_own_mail_and_can_prove_it(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    answer_from_two(w, &told);
    struct post post = fetch_all(w, &w->counsellor);
    assert_int_equal(count_from(&post, &w->creditor), 2);
    assert_int_equal(count_from(&post, &w->rsa), 2);
    assert_true(post.count > 4); /* the broker's own mail is among it */
    assert_int_equal(
        collect(w, &w->counsellor, w->counsellor.session, "", post.mails, post.count)->collected,
        post.count);
    const struct party *creditors[] = {&w->creditor, &w->rsa};
    for (size_t i = 0; i < 2; i++) {
        struct post heard = fetch_all(w, creditors[i]);
        const Skp__V1__EventFact *event =
            find_event(&heard, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0);
        assert_null(find_event(&heard, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 1));
        assert_tells_of(event, &post, creditors[i]);
        assert_int_equal(statement_of(w, event)->item_count, post.count);
        assert_proves(w, event);
    }
}

/* How many rows of a table hold these bytes. */
static size_t rows_with(struct world *w, enum store_table table, struct span bytes)
{
    const uint8_t zero = 0;
    struct store_row *rows;
    size_t count = 0;
    size_t with = 0;
    assert_ok(store_begin(w->store));
    assert_ok(store_scan(w->store, table, span_of(&zero, 1), span_of(NULL, 0), 1000,
                         (size_t)1 << 24, &w->arena, &rows, &count));
    store_rollback(w->store);
    for (size_t i = 0; i < count; i++)
        with += memmem(rows[i].value.data, rows[i].value.len, bytes.data, bytes.len) != NULL;
    return with;
}

static void a_statement_is_kept_once_however_many_hear_of_it(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    answer_from_two(w, &told);
    collect_all(w, &w->counsellor);
    struct post heard[] = {fetch_all(w, &w->creditor), fetch_all(w, &w->rsa)};
    struct span jws = {0};
    for (size_t i = 0; i < 2; i++) {
        const Skp__V1__EventFact *event =
            find_event(&heard[i], SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0);
        assert_true(i == 0 || span_equal(jws, span_text(event->jws)));
        jws = span_text(event->jws);
    }
    assert_int_equal(rows_with(w, STORE_STATEMENT, jws), 1);
    assert_int_equal(rows_with(w, STORE_BUNDLE, jws), 0);
}

/* What only the broker wrote nobody hears of. */
static void a_statement_that_nobody_hears_of_is_not_kept(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    answer_from_two(w, &told);
    collect_all(w, &w->rsa);
    collect_all(w, &w->counsellor);
    size_t before = rows_with(w, STORE_STATEMENT, span_of("", 0));
    assert_true(collect_all(w, &w->rsa).count > 0);
    assert_int_equal(rows_with(w, STORE_STATEMENT, span_of("", 0)), before);
}

/* ---------------------------------------------------------------- spelled as long as it can be */

#define LONGEST_NAME "zuidelijk-kantoor-met-32-letters"

struct spelling {
    uint8_t bytes[1024];
    size_t len;
};

/* A varint in `width` bytes, however small. */
static void spell_number(struct spelling *spelling, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        uint8_t more = i + 1 < width ? 0x80 : 0;
        spelling->bytes[spelling->len++] = (uint8_t)((value & 0x7f) | more);
        value >>= 7;
    }
}

static void spell_value(struct spelling *spelling, unsigned field, uint64_t value)
{
    spell_number(spelling, field << 3, 1);
    spell_number(spelling, value, 10);
}

static void spell_bytes(struct spelling *spelling, unsigned field, struct span bytes)
{
    spell_number(spelling, field << 3 | 2, 1);
    spell_number(spelling, bytes.len, 5);
    memcpy(spelling->bytes + spelling->len, bytes.data, bytes.len);
    spelling->len += bytes.len;
}

/* The same statement in the longest form that the wire takes, signed. */
static void spell_out(struct world *w, Skp__V1__Collect *collect, struct spelling *spelling)
{
    const char *jws;
    const Skp__V1__EventFact as_event = {.statement = collect->statement};
    const Skp__V1__CollectStatement *said = statement_of(w, &as_event);
    spell_bytes(spelling, 1, span_text(said->context));
    spell_bytes(spelling, 2, span_text(said->participant));
    spell_bytes(spelling, 3, span_text(said->mailbox));
    spell_value(spelling, 4, said->item_count);
    spell_value(spelling, 5, (uint64_t)said->collected_at_ms);
    spell_bytes(spelling, 6, wire_span(said->items_root));
    struct span bytes = span_of(spelling->bytes, spelling->len);
    assert_ok(jws_sign(w->creditor.signs, bytes, said->collected_at_ms, &w->arena, &jws));
    collect->statement = wire_bytes(bytes);
    collect->jws = wire_text(jws);
}

/* What the broker takes, the sender's client reads. */
static void a_statement_in_its_longest_form_fits_in_an_event(void **state)
{
    struct world *w = *state;
    static struct told_case told;
    static struct spelling spelling;
    struct letter letter;
    Skp__V1__Collect collect;
    Skp__V1__CollectedItem item;
    assert_ok(publish_record(w, &w->creditor, LONGEST_NAME, 1));
    case_make(&told, &w->creditor, 1);
    letter_begin(&letter, w, &w->counsellor);
    letter_to_broker(&letter);
    line_case(&letter, &told);
    letter_to_mailbox(&letter, &w->creditor, LONGEST_NAME);
    line_request(&letter, &told.requests[0]);
    assert_taken(letter_send(&letter), 2);
    struct post post = fetch_from(w, &w->creditor, w->creditor.session, LONGEST_NAME, 10, 1 << 20);
    assert_int_equal(post.count, 1);
    skp__v1__collected_item__init(&item);
    item.position = post.mails[0].delivery->position;
    item.head_hash = wire_bytes(span_of(post.mails[0].checked.head_hash.bytes, HASH_BYTES));
    assert_ok(statement_make(w->creditor.signs, &w->creditor.oin, LONGEST_NAME, &item, 1,
                             clock_real_ms(&w->clock.clock), &w->arena, &collect));
    spell_out(w, &collect, &spelling);
    assert_ok(world_ask(w, &w->creditor, ENGINE_COLLECT, &collect.base)->err);
    struct post heard = fetch_all(w, &w->counsellor); /* reads every line as a client does */
    const Skp__V1__EventFact *event =
        find_event(&heard, SKP__V1__EVENT_KIND__EVENT_KIND_COLLECTED, 0);
    assert_non_null(event);
    assert_true(statement_holds_items(statement_of(w, event), event));
    assert_in_range(event->statement.len, 140, FACT_MAX_STATEMENT);
}

/* ---------------------------------------------------------------- what is refused */

/* A good Collect over three items that nobody delivered, to be spoiled. */
struct asking {
    struct world *w;
    struct skp_hash heads[FACT_MAX_COLLECTED + 1];
    Skp__V1__CollectedItem items[FACT_MAX_COLLECTED + 1];
    Skp__V1__Collect collect;
};

static void asking_make(struct asking *asking, struct world *w, size_t count)
{
    asking->w = w;
    for (size_t i = 0; i < count; i++) {
        asking->heads[i] = (struct skp_hash){{(uint8_t)i, 7}};
        skp__v1__collected_item__init(&asking->items[i]);
        asking->items[i].position = 1000 + i;
        asking->items[i].head_hash = wire_bytes(span_of(asking->heads[i].bytes, HASH_BYTES));
    }
    assert_ok(statement_make(w->creditor.signs, &w->creditor.oin, "", asking->items, count,
                             clock_real_ms(&w->clock.clock), &w->arena, &asking->collect));
}

static void assert_collect_refused(const struct asking *asking, enum skp_err err, const char *path)
{
    struct answer *answer =
        world_ask(asking->w, &asking->w->creditor, ENGINE_COLLECT, &asking->collect.base);
    assert_err(answer->err, err);
    assert_string_equal(answer->path, path);
}

static void the_items_are_those_that_were_signed(void **state)
{
    static struct asking asking;
    Skp__V1__CollectedItem **items;
    asking_make(&asking, *state, 3);
    asking.collect.items[1]->position++;
    assert_collect_refused(&asking, SKP_E_ROOT_MISMATCH, "items");
    asking_make(&asking, *state, 3);
    asking.collect.items[2]->head_hash = asking.items[0].head_hash;
    assert_collect_refused(&asking, SKP_E_ROOT_MISMATCH, "items");
    asking_make(&asking, *state, 3);
    items = asking.collect.items;
    items[2] = items[1]; /* one of them twice, instead of the third */
    assert_collect_refused(&asking, SKP_E_ROOT_MISMATCH, "items");
    asking_make(&asking, *state, 3);
    items = asking.collect.items;
    Skp__V1__CollectedItem *first = items[0];
    items[0] = items[1];
    items[1] = first;
    assert_collect_refused(&asking, SKP_E_ROOT_MISMATCH, "items");
}

static void as_many_items_come_as_were_signed(void **state)
{
    static struct asking asking;
    asking_make(&asking, *state, 3);
    asking.collect.n_items = 2;
    assert_collect_refused(&asking, SKP_E_COUNT_MISMATCH, "items");
    asking_make(&asking, *state, 3);
    Skp__V1__CollectedItem *four[4];
    memcpy(four, asking.collect.items, 3 * sizeof four[0]);
    four[3] = four[2];
    asking.collect.items = four;
    asking.collect.n_items = 4;
    assert_collect_refused(&asking, SKP_E_COUNT_MISMATCH, "items");
}

static void a_statement_is_about_1_to_256_bundles(void **state)
{
    static struct asking asking;
    asking_make(&asking, *state, 1);
    asking.collect.n_items = 0;
    assert_collect_refused(&asking, SKP_E_DECODE_ITEMS, "items");
    asking_make(&asking, *state, FACT_MAX_COLLECTED + 1);
    assert_collect_refused(&asking, SKP_E_DECODE_ITEMS, "items");
    asking_make(&asking, *state, FACT_MAX_COLLECTED);
    struct world *w = *state;
    struct answer *answer = world_ask(w, &w->creditor, ENGINE_COLLECT, &asking.collect.base);
    assert_ok(answer->err); /* all of them unknown */
}

static void a_head_hash_has_32_bytes(void **state)
{
    static struct asking asking;
    asking_make(&asking, *state, 3);
    asking.collect.items[1]->head_hash.len = 31;
    assert_collect_refused(&asking, SKP_E_HASH_FORMAT, "items[1].head_hash");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_sender_hears_of_its_own_mail_and_can_prove_it),
        TEST(a_statement_is_kept_once_however_many_hear_of_it),
        TEST(a_statement_that_nobody_hears_of_is_not_kept),
        TEST(a_statement_in_its_longest_form_fits_in_an_event),
        TEST(the_items_are_those_that_were_signed),
        TEST(as_many_items_come_as_were_signed),
        TEST(a_statement_is_about_1_to_256_bundles),
        TEST(a_head_hash_has_32_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
