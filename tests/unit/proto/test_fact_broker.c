#include "fact_fixture.h"

#define EVENT(name) SKP__V1__EVENT_KIND__EVENT_KIND_##name
#define AT_MS       1796256000000LL

static void fill_overview(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_OVERVIEW;
    f->line.overview = &f->overview;
    skp__v1__overview_fact__init(&f->overview);
    f->overview.round_id = f->ids[0];
    f->overview.version = 1;
    f->overview.agreement_id = f->ids[1];
    f->overview.agreement_version = 2;
    f->overview.part = 1;
    f->overview.last = 1;
    f->overview.opened_at_ms = AT_MS;
    f->overview.due_date = 20261217;
    f->overview.calendar_version = 1;
    for (size_t i = 0; i <= FACT_MAX_ITEMS; i++) {
        skp__v1__overview_item__init(&f->items[i]);
        f->items[i].request_id = f->ids[i + 2];
        f->items[i].counsellor = f->counsellor;
        f->items[i].bundle_id = f->ids[0];
        f->items[i].due_date = 20261217;
        f->items[i].state = SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED;
        f->item_list[i] = &f->items[i];
    }
    f->overview.items = f->item_list;
    f->overview.n_items = 2;
    f->overview.total_items = 2;
}

static void fill_empty_overview(struct fixture *f)
{
    fill_overview(f);
    f->overview.n_items = 0;
    f->overview.total_items = 0;
}

static void fill_first_of_two_parts(struct fixture *f)
{
    fill_overview(f);
    f->overview.last = 0;
    f->overview.total_items = 0;
    f->overview.n_items = FACT_MAX_ITEMS;
}

static void fill_second_of_two_parts(struct fixture *f)
{
    fill_overview(f);
    f->overview.part = 2;
    f->overview.total_items = FACT_MAX_ITEMS + 2;
}

#define OVERVIEW_RULES(X)                                                                          \
    X(no_round, REQUIRED, "overview.round_id", f->overview.round_id.len = 0)                       \
    X(no_version, REQUIRED, "overview.version", f->overview.version = 0)                           \
    X(no_agreement, REQUIRED, "overview.agreement_id", f->overview.agreement_id.len = 0)           \
    X(no_agreement_version, REQUIRED, "overview.agreement_version",                                \
      f->overview.agreement_version = 0)                                                           \
    X(no_part, REQUIRED, "overview.part", f->overview.part = 0)                                    \
    X(never_opened, REQUIRED, "overview.opened_at_ms", f->overview.opened_at_ms = 0)               \
    X(opened_before_time, DATE_RANGE, "overview.opened_at_ms", f->overview.opened_at_ms = -1)      \
    X(opened_after_time, DATE_RANGE, "overview.opened_at_ms",                                      \
      f->overview.opened_at_ms = FACT_MAX_AT_MS + 1)                                               \
    X(never_due, REQUIRED, "overview.due_date", f->overview.due_date = 0)                          \
    X(no_calendar, REQUIRED, "overview.calendar_version", f->overview.calendar_version = 0)        \
    X(too_many_items, DECODE_ITEMS, "overview.items", f->overview.n_items = FACT_MAX_ITEMS + 1)    \
    X(item_without_request, REQUIRED, "overview.items[1].request_id",                              \
      f->items[1].request_id.len = 0)                                                              \
    X(item_without_counsellor, REQUIRED, "overview.items[0].counsellor", f->counsellor[0] = '\0')  \
    X(item_without_bundle, REQUIRED, "overview.items[1].bundle_id", f->items[1].bundle_id.len = 0) \
    X(item_never_due, REQUIRED, "overview.items[1].due_date", f->items[1].due_date = 0)            \
    X(item_without_state, ENUM_VALUE, "overview.items[1].state", f->items[1].state = 0)            \
    X(item_twice, DUPLICATE_ITEM, "overview.items[1].request_id",                                  \
      f->items[1].request_id = f->items[0].request_id)                                             \
    X(total_of_the_only_part_is_wrong, COUNT_MISMATCH, "overview.total_items",                     \
      f->overview.total_items = 3)                                                                 \
    X(total_is_less_than_the_part, COUNT_MISMATCH, "overview.total_items", f->overview.part = 2,   \
      f->overview.total_items = 1)                                                                 \
    X(total_before_the_last_part, FIELD_UNEXPECTED, "overview.total_items", f->overview.last = 0)
OVERVIEW_RULES(SPOIL_FUNCTION)

static void an_overview_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {OVERVIEW_RULES(SPOIL_ROW)};
    assert_good(fill_overview);
    assert_good(fill_empty_overview);
    assert_good(fill_first_of_two_parts);
    assert_good(fill_second_of_two_parts);
    assert_spoiled(fill_overview, cases, sizeof cases / sizeof cases[0]);
}

/* ---------------------------------------------------------------- events */

static void fill_published(struct fixture *f)
{
    f->line.fact_case = SKP__V1__LINE__FACT_EVENT;
    f->line.event = &f->event;
    skp__v1__event_fact__init(&f->event);
    f->event.event_id = f->ids[0];
    f->event.version = 1;
    f->event.kind = EVENT(PUBLISHED);
    f->event.happened_at_ms = AT_MS;
    f->event.other = f->creditor;
    f->event.due_date = 20261217;
    f->event.calendar_version = 1;
    f->event.request_ids = f->ids + 1;
    f->event.n_request_ids = 2;
}

static void fill_overdue(struct fixture *f)
{
    fill_published(f);
    f->event.kind = EVENT(OVERDUE);
}

static void fill_collected(struct fixture *f)
{
    fill_published(f);
    f->event.kind = EVENT(COLLECTED);
    f->event.due_date = 0;
    f->event.calendar_version = 0;
    f->event.statement = fixture_hash(f);
    (void)strcpy(f->text, "header..signature");
    f->event.jws = f->text;
    for (size_t i = 0; i < 2; i++) {
        skp__v1__proven_item__init(&f->proven[i]);
        f->proven[i].index = (uint32_t)i;
        f->proven[i].position = 1 + i;
        f->proven[i].head_hash = fixture_hash(f);
        f->proven_list[i] = &f->proven[i];
        f->proof[i] = fixture_hash(f);
    }
    f->event.collected = f->proven_list;
    f->event.n_collected = 2;
    f->event.proof = f->proof;
    f->event.n_proof = 2;
}

static void fill_round_closed(struct fixture *f)
{
    fill_published(f);
    f->event.kind = EVENT(ROUND_CLOSED);
    f->event.round_id = f->ids[9];
    f->event.n_request_ids = 0;
}

static void fill_case_complete(struct fixture *f)
{
    fill_published(f);
    f->event.kind = EVENT(CASE_COMPLETE);
    f->event.case_id = f->ids[9];
    f->event.n_request_ids = 0;
    f->creditor[0] = '\0';
}

static void each_event_can_be_told(void **state)
{
    (void)state;
    assert_good(fill_published);
    assert_good(fill_overdue);
    assert_good(fill_collected);
    assert_good(fill_round_closed);
    assert_good(fill_case_complete);
}

#define EVENT_RULES(X)                                                                             \
    X(event_without_id, REQUIRED, "event.event_id", f->event.event_id.len = 0)                     \
    X(event_without_version, REQUIRED, "event.version", f->event.version = 0)                      \
    X(event_without_kind, ENUM_VALUE, "event.kind", f->event.kind = 0)                             \
    X(event_never_happened, REQUIRED, "event.happened_at_ms", f->event.happened_at_ms = 0)         \
    X(event_with_wrong_oin, OIN_FORMAT, "event.other", f->creditor[3] = '-')                       \
    X(event_with_half_a_round, ID_FORMAT, "event.round_id", f->event.round_id = f->ids[4],         \
      f->event.round_id.len = 3)                                                                   \
    X(event_due_on_no_day, DATE_INVALID, "event.due_date", f->event.due_date = 20261232)           \
    X(event_due_by_no_calendar, REQUIRED, "event.calendar_version", f->event.calendar_version = 0) \
    X(event_with_a_calendar_for_nothing, FIELD_UNEXPECTED, "event.calendar_version",               \
      f->event.due_date = 0)                                                                       \
    X(event_with_half_a_case, ID_FORMAT, "event.case_id", f->event.case_id = f->ids[4],            \
      f->event.case_id.len = 3)                                                                    \
    X(event_about_too_many, DECODE_ITEMS, "event.request_ids",                                     \
      f->event.n_request_ids = FACT_MAX_REQUESTS + 1)                                              \
    X(event_about_one_twice, DUPLICATE_ITEM, "event.request_ids[1]", f->ids[2] = f->ids[1])        \
    X(published_nothing, REQUIRED, "event.request_ids", f->event.n_request_ids = 0)                \
    X(published_with_a_statement, FIELD_UNEXPECTED, "event.statement",                             \
      f->event.statement = fixture_hash(f))                                                        \
    X(published_with_items, FIELD_UNEXPECTED, "event.collected",                                   \
      skp__v1__proven_item__init(&f->proven[0]), f->proven_list[0] = &f->proven[0],                \
      f->event.collected = f->proven_list, f->event.n_collected = 1)                               \
    X(published_with_a_proof, FIELD_UNEXPECTED, "event.proof", f->proof[0] = fixture_hash(f),      \
      f->event.proof = f->proof, f->event.n_proof = 1)                                             \
    X(published_with_a_signature, FIELD_UNEXPECTED, "event.jws", f->event.jws = f->creditor)       \
    X(overdue_without_a_date, REQUIRED, "event.due_date", f->event.kind = EVENT(OVERDUE),          \
      f->event.due_date = 0, f->event.calendar_version = 0)                                        \
    X(overdue_about_nothing, REQUIRED, "event.request_ids", f->event.kind = EVENT(OVERDUE),        \
      f->event.n_request_ids = 0)                                                                  \
    X(closed_which_round, REQUIRED, "event.round_id", f->event.kind = EVENT(ROUND_CLOSED))         \
    X(complete_which_case, REQUIRED, "event.case_id", f->event.kind = EVENT(CASE_COMPLETE))
EVENT_RULES(SPOIL_FUNCTION)

static void an_event_follows_its_rules(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {EVENT_RULES(SPOIL_ROW)};
    assert_spoiled(fill_published, cases, sizeof cases / sizeof cases[0]);
}

static uint8_t long_bytes[FACT_MAX_JWS + 2];

static void repeat_proven(struct fixture *f, size_t count)
{
    for (size_t i = 0; i < count; i++)
        f->proven_list[i] = &f->proven[0];
    f->event.n_collected = count;
}

static void repeat_proof(struct fixture *f)
{
    for (size_t i = 0; i <= FACT_MAX_COLLECTED; i++)
        f->proof[i] = f->proof[0];
    f->event.n_proof = FACT_MAX_COLLECTED + 1;
}

#define COLLECTED_RULES(X)                                                                         \
    X(collected_without_statement, REQUIRED, "event.statement", f->event.statement.len = 0)        \
    X(collected_without_signature, REQUIRED, "event.jws", f->text[0] = '\0')                       \
    X(collected_nothing, REQUIRED, "event.collected", f->event.n_collected = 0)                    \
    X(collected_too_much, DECODE_ITEMS, "event.collected",                                         \
      repeat_proven(f, FACT_MAX_COLLECTED + 1))                                                    \
    X(collected_without_a_head, REQUIRED, "event.collected[1].head_hash",                          \
      f->proven[1].head_hash.len = 0)                                                              \
    X(collected_half_a_head, HASH_FORMAT, "event.collected[0].head_hash",                          \
      f->proven[0].head_hash.len = 31)                                                             \
    X(collected_by_half_a_proof, HASH_FORMAT, "event.proof", f->proof[1].len = 16)                 \
    X(collected_by_too_long_a_proof, DECODE_ITEMS, "event.proof", repeat_proof(f))                 \
    X(collected_with_a_long_statement, TEXT_TOO_LONG, "event.statement",                           \
      f->event.statement.data = long_bytes, f->event.statement.len = FACT_MAX_STATEMENT + 1)       \
    X(collected_with_a_long_signature, TEXT_TOO_LONG, "event.jws",                                 \
      memset(long_bytes, 'x', FACT_MAX_JWS + 1), f->event.jws = (char *)long_bytes)
COLLECTED_RULES(SPOIL_FUNCTION)

static void collected_carries_the_addressees_own_signature(void **state)
{
    (void)state;
    static const struct spoiled cases[] = {COLLECTED_RULES(SPOIL_ROW)};
    assert_spoiled(fill_collected, cases, sizeof cases / sizeof cases[0]);
}

static void what_the_broker_says_is_about_a_round_or_an_event(void **state)
{
    (void)state;
    static struct fixture f;
    struct skp_id id;
    struct skp_hash commitment;
    fixture_init(&f);
    fill_overview(&f);
    assert_ok(fact_item_id(&f.line, &id));
    assert_memory_equal(id.bytes, f.id_bytes[0], ID_BYTES);
    fill_published(&f);
    assert_ok(fact_item_id(&f.line, &id));
    assert_memory_equal(id.bytes, f.id_bytes[0], ID_BYTES);
    assert_false(fact_commitment(&f.line, &commitment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overview_follows_its_rules),
        cmocka_unit_test(each_event_can_be_told),
        cmocka_unit_test(an_event_follows_its_rules),
        cmocka_unit_test(collected_carries_the_addressees_own_signature),
        cmocka_unit_test(what_the_broker_says_is_about_a_round_or_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
