/* Order and bounds of a scan, alike in every backend. */
#include "store_testing.h"

#define KEY(text)                                                                                  \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

/* In the order the store promises: bytewise, a prefix first. */
static const struct span ordered_keys[] = {
    KEY("\x00"),  KEY("\x00\x00"),  KEY("\x00\xff"), KEY("\x01"),     KEY("a"),
    KEY("a\x00"), KEY("a\x00\x01"), KEY("a\xff"),    KEY("b"),        KEY("\x7f"),
    KEY("\x80"),  KEY("\xff"),      KEY("\xff\x00"), KEY("\xff\xff"),
};
#define KEY_COUNT (sizeof ordered_keys / sizeof *ordered_keys)

/* Puts them in an order that is not the right one; each value is its own key. */
static void commit_ordered_keys(struct store *store)
{
    struct store_row rows[KEY_COUNT];
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct span key = ordered_keys[(i * 5 + 3) % KEY_COUNT];
        rows[i] = (struct store_row){.key = key, .value = key, .version = STORE_NEW};
    }
    assert_ok(store_begin(store));
    assert_ok(store_put(store, STORE_ENTRY, rows, KEY_COUNT));
    assert_ok(store_commit(store));
}

/* Scans table entry and expects the ordered keys from `first`, `count` of them. */
static void assert_scan(struct fixture *fixture, struct span from, struct span to, size_t max_rows,
                        size_t max_bytes, size_t first, size_t count)
{
    struct store_row *rows = NULL;
    size_t found = 99;
    assert_ok(store_scan(fixture->store, STORE_ENTRY, from, to, max_rows, max_bytes,
                         &fixture->arena, &rows, &found));
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(span_equal(rows[i].key, ordered_keys[first + i]));
        assert_true(span_equal(rows[i].value, ordered_keys[first + i]));
        assert_int_equal(rows[i].version, 1);
    }
}

static void a_scan_is_in_order_of_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct span none = {0};
    commit_ordered_keys(fixture->store);
    assert_ok(store_begin(fixture->store));
    assert_scan(fixture, none, none, SIZE_MAX, SIZE_MAX, 0, KEY_COUNT);
    for (size_t from = 0; from < KEY_COUNT; from++) {
        for (size_t to = 0; to < KEY_COUNT; to++)
            assert_scan(fixture, ordered_keys[from], ordered_keys[to], 100, 1000, from,
                        to > from ? to - from : 0);
    }
    store_rollback(fixture->store);
}

static void a_scan_stays_within_its_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct span none = {0};
    struct span two_bytes = ordered_keys[1];
    commit_ordered_keys(fixture->store);
    assert_ok(store_begin(fixture->store));
    assert_scan(fixture, none, none, 1, 1000, 0, 1);
    assert_scan(fixture, none, none, 3, 1000, 0, 3);
    assert_scan(fixture, two_bytes, none, 100, 0, 1, 1);
    assert_scan(fixture, two_bytes, none, 100, 3, 1, 1);
    assert_scan(fixture, two_bytes, none, 100, 4, 1, 2);
    assert_scan(fixture, span_text("c"), span_text("d"), 100, 1000, 0, 0);
    assert_scan(fixture, span_text("d"), span_text("c"), 100, 1000, 0, 0);
    store_rollback(fixture->store);
}

static void a_scan_goes_on_after_its_last_key(void **state)
{
    struct fixture *fixture = *state;
    uint8_t buffer[STORE_KEY_MAX + 1];
    struct span from = {0};
    commit_ordered_keys(fixture->store);
    assert_ok(store_begin(fixture->store));
    for (size_t i = 0; i < KEY_COUNT; i++) {
        assert_scan(fixture, from, (struct span){0}, 1, 1000, i, 1);
        from = store_key_after(ordered_keys[i], buffer);
    }
    assert_scan(fixture, from, (struct span){0}, 1, 1000, 0, 0);
    store_rollback(fixture->store);
}

static const uint8_t numbers[][STORE_NUMBER_BYTES] = {
    {0},
    {0, 0, 0, 0, 0, 0, 0, 1},
    {0, 0, 0, 0, 0, 0, 1, 0},
    {1},
    {0x7f, 255, 255, 255, 255, 255, 255, 255},
    {0x80},
    {255, 255, 255, 255, 255, 255, 255, 255},
};
#define NUMBER_COUNT (sizeof numbers / sizeof *numbers)

static void assert_numbers(struct fixture *fixture, enum store_table table, struct span from,
                           size_t first)
{
    struct store_row *rows = NULL;
    size_t count = 0;
    assert_ok(store_scan(fixture->store, table, from, (struct span){0}, 100, 1000, &fixture->arena,
                         &rows, &count));
    assert_int_equal(count, NUMBER_COUNT - first);
    for (size_t i = 0; i < count; i++)
        assert_true(span_equal(rows[i].key, span_of(numbers[first + i], STORE_NUMBER_BYTES)));
}

static void assert_ordered_numbers(struct fixture *fixture, enum store_table table)
{
    uint8_t buffer[STORE_KEY_MAX + 1];
    assert_ok(store_begin(fixture->store));
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        struct span key = span_of(numbers[(i * 3 + 2) % NUMBER_COUNT], STORE_NUMBER_BYTES);
        struct store_row row = {.key = key, .value = key, .version = STORE_NEW};
        assert_ok(store_put(fixture->store, table, &row, 1));
    }
    assert_ok(store_commit(fixture->store));
    assert_ok(store_begin(fixture->store));
    assert_numbers(fixture, table, (struct span){0}, 0);
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        struct span key = span_of(numbers[i], STORE_NUMBER_BYTES);
        struct store_row row = {.key = key};
        assert_ok(store_get(fixture->store, table, &row, 1, &fixture->arena));
        assert_true(row.version == 1 && span_equal(row.value, key));
        assert_numbers(fixture, table, key, i);
        assert_numbers(fixture, table, store_key_after(key, buffer), i + 1);
    }
    assert_numbers(fixture, table, span_of(numbers[3], 1), 3); /* the beginning of a key */
    store_rollback(fixture->store);
}

/* Links of the chain, progress of cases: a backend may hold their keys as numbers, and their order is
 * that of bytes. */
static void keys_that_are_numbers_are_ordered_as_their_bytes(void **state)
{
    assert_ordered_numbers(*state, STORE_COMMIT);
    assert_ordered_numbers(*state, STORE_PROGRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_scan_is_in_order_of_bytes),
        ON_BOTH(a_scan_stays_within_its_bounds),
        ON_BOTH(a_scan_goes_on_after_its_last_key),
        ON_BOTH(keys_that_are_numbers_are_ordered_as_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
