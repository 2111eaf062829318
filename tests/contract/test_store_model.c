/* The same 20,000 random operations on both backends: every answer and, after every transaction,
 * every row must be the same. The seed is fixed; a failure prints the operation's number. */
#include "store_testing.h"

#define OPERATIONS 20000
#define MAX_ROWS   4096

struct pair {
    struct store *memory;
    struct store *sqlite;
    struct arena arena;
    uint64_t random;
    unsigned operation;
    unsigned commits;
    unsigned conflicts;
    bool is_open;
};

static uint32_t next_random(struct pair *pair, uint32_t below)
{
    pair->random = pair->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(pair->random >> 33) % below;
}

static void assert_same_err(struct pair *pair, enum skp_err memory, enum skp_err sqlite)
{
    if (memory != sqlite)
        fail_msg("operation %u: memory %s, sqlite %s", pair->operation, skp_error_name(memory),
                 skp_error_name(sqlite));
}

static void assert_same_row(struct pair *pair, const struct store_row *a, const struct store_row *b)
{
    if (!span_equal(a->key, b->key) || !span_equal(a->value, b->value) || a->version != b->version)
        fail_msg("operation %u: the rows differ", pair->operation);
}

/* One to three bytes of four kinds: few enough keys to meet again, many prefixes of each other. */
static struct span random_key(struct pair *pair)
{
    static const uint8_t kinds[] = {0x00, 0x41, 0x80, 0xff};
    size_t len = 1 + next_random(pair, 5);
    uint8_t *bytes = arena_alloc(&pair->arena, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = kinds[next_random(pair, 4)];
    return span_of(bytes, len);
}

static struct span random_value(struct pair *pair)
{
    size_t len = next_random(pair, 20) == 0 ? next_random(pair, 20000) : next_random(pair, 40);
    uint8_t *bytes = arena_alloc(&pair->arena, len + 1);
    memset(bytes, (int)next_random(pair, 256), len + 1);
    return span_of(bytes, len);
}

static enum store_table random_table(struct pair *pair)
{
    return next_random(pair, 2) ? STORE_PAGE : STORE_ENTRY;
}

static struct store_row get_both(struct pair *pair, enum store_table table, struct span key)
{
    struct store_row memory = {.key = key};
    struct store_row sqlite = {.key = key};
    assert_same_err(pair, store_get(pair->memory, table, &memory, 1, &pair->arena),
                    store_get(pair->sqlite, table, &sqlite, 1, &pair->arena));
    assert_same_row(pair, &memory, &sqlite);
    return memory;
}

/* Mostly the version that is there, else one that is not or does not matter. */
static uint64_t random_version(struct pair *pair, uint64_t present)
{
    switch (next_random(pair, 60)) {
    case 0:
        return STORE_NEW;
    case 1:
        return present + 1;
    case 2:
    case 3:
    case 4:
        return STORE_ANY;
    default:
        return present;
    }
}

static void end_of_write(struct pair *pair, enum skp_err memory, enum skp_err sqlite)
{
    assert_same_err(pair, memory, sqlite);
    if (memory != SKP_OK) {
        assert_err(memory, SKP_E_CONFLICT);
        pair->conflicts++;
        pair->is_open = false;
    }
}

static void put_both(struct pair *pair)
{
    enum store_table table = random_table(pair);
    struct store_row row = {.key = random_key(pair), .value = random_value(pair)};
    row.version = random_version(pair, get_both(pair, table, row.key).version);
    enum skp_err memory = store_put(pair->memory, table, &row, 1);
    end_of_write(pair, memory, store_put(pair->sqlite, table, &row, 1));
}

static void remove_both(struct pair *pair)
{
    enum store_table table = random_table(pair);
    struct store_row row = {.key = random_key(pair)};
    row.version = random_version(pair, get_both(pair, table, row.key).version);
    enum skp_err memory = store_remove(pair->memory, table, &row, 1);
    end_of_write(pair, memory, store_remove(pair->sqlite, table, &row, 1));
}

static void scan_both(struct pair *pair, enum store_table table, struct span from, struct span to,
                      size_t max_rows, size_t max_bytes)
{
    struct store_row *memory = NULL;
    struct store_row *sqlite = NULL;
    size_t memory_count = 0;
    size_t sqlite_count = 0;
    assert_same_err(pair,
                    store_scan(pair->memory, table, from, to, max_rows, max_bytes, &pair->arena,
                               &memory, &memory_count),
                    store_scan(pair->sqlite, table, from, to, max_rows, max_bytes, &pair->arena,
                               &sqlite, &sqlite_count));
    assert_int_equal(memory_count, sqlite_count);
    for (size_t i = 0; i < memory_count; i++)
        assert_same_row(pair, &memory[i], &sqlite[i]);
}

static void scan_something(struct pair *pair)
{
    struct span none = {0};
    struct span from = next_random(pair, 5) ? random_key(pair) : none;
    struct span to = next_random(pair, 5) ? random_key(pair) : none;
    scan_both(pair, random_table(pair), from, to, 1 + next_random(pair, 50),
              next_random(pair, 2000));
}

static void compare_everything(struct pair *pair)
{
    struct span none = {0};
    for (unsigned table = 1; table < STORE_TABLE_END; table++)
        scan_both(pair, (enum store_table)table, none, none, MAX_ROWS, SIZE_MAX);
}

static void begin_both(struct pair *pair)
{
    assert_ok(store_begin(pair->memory));
    assert_ok(store_begin(pair->sqlite));
    pair->is_open = true;
}

static void end_both(struct pair *pair)
{
    if (next_random(pair, 4) == 0) {
        store_rollback(pair->memory);
        store_rollback(pair->sqlite);
    } else {
        enum skp_err memory = store_commit(pair->memory);
        assert_same_err(pair, memory, store_commit(pair->sqlite));
        pair->commits++;
    }
    pair->is_open = false;
}

static void step(struct pair *pair)
{
    uint32_t choice = next_random(pair, 100);
    if (!pair->is_open) {
        begin_both(pair);
        compare_everything(pair);
    } else if (choice < 55) {
        put_both(pair);
    } else if (choice < 75) {
        remove_both(pair);
    } else if (choice < 85) {
        (void)get_both(pair, random_table(pair), random_key(pair));
    } else if (choice < 97) {
        scan_something(pair);
    } else {
        end_both(pair);
    }
    arena_reset(&pair->arena);
}

static void both_backends_answer_alike(void **state)
{
    struct fixture *fixture = *state;
    struct pair pair = {.sqlite = fixture->store, .random = 20260105};
    assert_ok(store_memory_open(&pair.memory));
    arena_init(&pair.arena, (size_t)64 * 1024 * 1024);
    for (pair.operation = 0; pair.operation < OPERATIONS; pair.operation++)
        step(&pair);
    assert_true(pair.commits > 100);
    assert_true(pair.conflicts > 100);
    store_close(pair.memory);
    arena_fini(&pair.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {ON_SQLITE(both_backends_answer_alike)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
