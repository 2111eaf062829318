/* How far 64 cases are, as one row; and the notes that are counted there. */
#include "testing.h"

#include "random.h"
#include "rows.h"

#define ROW_BYTES  (PROGRESS_CASES * 2)
#define NOTE_COUNT 100

static int setup(void **state)
{
    static struct arena arena;
    arena_init(&arena, 1024 * 1024);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_fini(*state);
    return 0;
}

static struct progress_row random_row(void)
{
    struct progress_row row;
    for (size_t i = 0; i < PROGRESS_CASES; i++)
        row.cases[i].waits = (uint16_t)(random_u64() % (CASE_MAX_REQUESTS + 1));
    return row;
}

static void assert_same(const struct progress_row *a, const struct progress_row *b)
{
    for (size_t i = 0; i < PROGRESS_CASES; i++)
        assert_int_equal(a->cases[i].waits, b->cases[i].waits);
}

static void a_packed_row_reads_as_itself(void **state)
{
    struct progress_row again;
    for (int i = 0; i < 200; i++) {
        struct progress_row row = random_row();
        struct span value = progress_row_pack(&row, *state);
        assert_int_equal(value.len, ROW_BYTES);
        assert_ok(progress_row_read(value, &again));
        assert_same(&row, &again);
    }
}

static void no_other_length_reads(void **state)
{
    static const uint8_t zeros[2 * ROW_BYTES];
    struct progress_row row;
    (void)state;
    for (size_t len = 0; len <= sizeof zeros; len++)
        assert_err(progress_row_read(span_of(zeros, len), &row),
                   len == ROW_BYTES ? SKP_OK : SKP_E_DATA_LOSS);
}

static enum skp_err read_with(struct arena *arena, struct progress progress)
{
    struct progress_row row = random_row();
    struct progress_row again = {.cases[0].waits = 77};
    row.cases[random_u64() % PROGRESS_CASES] = progress;
    enum skp_err err = progress_row_read(progress_row_pack(&row, arena), &again);
    if (err)
        assert_int_equal(again.cases[0].waits, 77);
    return err;
}

static void counts_that_cannot_be_do_not_read(void **state)
{
    static const struct progress bad[] = {
        {.waits = CASE_MAX_REQUESTS + 1},
        {.waits = PROGRESS_LOST / 2},
        {.waits = PROGRESS_TOLD - 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(read_with(*state, bad[i]), SKP_E_DATA_LOSS);
    assert_ok(read_with(*state, (struct progress){CASE_MAX_REQUESTS}));
    assert_ok(read_with(*state, (struct progress){PROGRESS_TOLD}));
    assert_ok(read_with(*state, (struct progress){PROGRESS_LOST}));
}

/* There is one form only: what reads packs to the same bytes. */
static void a_changed_byte_is_refused_or_kept(void **state)
{
    struct progress_row row = random_row();
    struct span good = progress_row_pack(&row, *state);
    uint8_t *bytes = arena_copy(*state, good.data, good.len);
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        struct progress_row again;
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum skp_err err = progress_row_read(span_of(bytes, good.len), &again);
        if (err)
            assert_err(err, SKP_E_DATA_LOSS);
        else
            assert_true(span_equal(progress_row_pack(&again, *state), span_of(bytes, good.len)));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void a_lost_row_is_lost_for_each_of_its_cases(void **state)
{
    struct progress_row row = progress_row_lost();
    assert_ok(progress_row_read(progress_row_pack(&row, *state), &row));
    for (size_t i = 0; i < PROGRESS_CASES; i++)
        assert_int_equal(row.cases[i].waits, PROGRESS_LOST);
}

static void sixty_four_places_have_one_key(void **state)
{
    struct row_key first = key_progress(UINT64_C(9) << 24);
    (void)state;
    for (uint64_t n = 0; n < 3 * PROGRESS_CASES; n++) {
        struct row_key key = key_progress((UINT64_C(9) << 24) + n);
        assert_int_equal(key.len, STORE_NUMBER_BYTES);
        assert_int_equal(span_equal(row_key_span(&key), row_key_span(&first)), n < PROGRESS_CASES);
    }
    struct row_key before = key_progress((UINT64_C(9) << 24) - 1);
    assert_false(span_equal(row_key_span(&before), row_key_span(&first)));
}

static void notes_keep_the_place_of_their_case(void **state)
{
    struct note notes[NOTE_COUNT];
    struct note *again;
    size_t count;
    for (size_t i = 0; i < NOTE_COUNT; i++) {
        notes[i] = (struct note){.counsellor = {"00000099000000001000"}, .place = random_u64()};
        random_bytes(notes[i].case_id.bytes, ID_BYTES);
    }
    struct span value = notes_pack(notes, NOTE_COUNT, *state);
    assert_ok(notes_read(value, *state, &again, &count));
    assert_int_equal(count, NOTE_COUNT);
    for (size_t i = 0; i < NOTE_COUNT; i++) {
        assert_true(oin_equal(&again[i].counsellor, &notes[i].counsellor));
        assert_true(id_equal(&again[i].case_id, &notes[i].case_id));
        assert_true(again[i].place == notes[i].place);
    }
    value.len--;
    assert_err(notes_read(value, *state, &again, &count), SKP_E_DATA_LOSS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_packed_row_reads_as_itself),
        TEST(no_other_length_reads),
        TEST(counts_that_cannot_be_do_not_read),
        TEST(a_changed_byte_is_refused_or_kept),
        TEST(a_lost_row_is_lost_for_each_of_its_cases),
        TEST(sixty_four_places_have_one_key),
        TEST(notes_keep_the_place_of_their_case),
    };
    return cmocka_run_group_tests_name("progress of cases", tests, NULL, NULL);
}
