#include "testing.h"

#include "domain_facts.h"
#include "random.h"

#include <string.h>

/* Where things stand in a packed case (case_pack.c). */
#define HEADER_BYTES   90
#define REQUEST_BYTES  101
#define AT_PLACE       49
#define AT_PERSONS     61
#define AT_PRODUCT     62
#define AT_GUIDANCE    63
#define AT_DATE        64
#define AT_RESPONSIBLE 68
#define AT_COUNT       88
#define AT_STATE       (HEADER_BYTES + 90)
#define AT_OUTCOME     (HEADER_BYTES + 91)
#define AT_CONSENT     (HEADER_BYTES + 92)
#define AT_TOTAL_TOP   (HEADER_BYTES + 100)

static int setup(void **state)
{
    static struct arena arena;
    arena_init(&arena, 64 * 1024 * 1024);
    *state = &arena;
    return 0;
}

static int teardown(void **state)
{
    arena_fini(*state);
    return 0;
}

static void random_request(struct case_request *request)
{
    if (random_u64() % 4 == 0)
        return; /* declared, not yet taken */
    random_bytes(request->bundle_id.bytes, ID_BYTES);
    random_bytes(request->leaf.bytes, HASH_BYTES);
    request->line = (uint16_t)random_u64();
    request->creditor = oin_of(random_u64() % 2 ? CREDITOR : STRANGER);
    request->recorded_version = (uint32_t)random_u64();
    request->state = (uint8_t)(1 + random_u64() % 12);
    request->outcome = (uint8_t)(random_u64() % 8);
    request->consent = (uint8_t)(random_u64() % 4);
    request->total_cents = (int64_t)(random_u64() >> 1);
}

static struct case_file random_case(struct arena *arena, size_t count)
{
    struct case_file file = {.place = random_u64() | 1,
                             .version = (uint32_t)random_u64(),
                             .persons = (uint8_t)(1 + random_u64() % 2),
                             .product = (uint8_t)(random_u64() % 6),
                             .guidance = (uint8_t)(random_u64() % 7),
                             .reference_date =
                                 calendar_date_of_day((int32_t)(random_u64() % 60000)),
                             .responsible = oin_of(MUNICIPALITY),
                             .request_count = count};
    random_bytes(file.case_id.bytes, ID_BYTES);
    random_bytes(file.leaf.bytes, HASH_BYTES);
    file.requests = arena_calloc(arena, count, sizeof *file.requests);
    for (size_t i = 0; i < count; i++) {
        random_bytes(file.requests[i].request_id.bytes, ID_BYTES);
        file.requests[i].request_id.bytes[0] = (uint8_t)i; /* sorted */
        random_request(&file.requests[i]);
    }
    return file;
}

static void assert_same_request(const struct case_request *a, const struct case_request *b)
{
    assert_true(id_equal(&a->request_id, &b->request_id));
    assert_true(id_equal(&a->bundle_id, &b->bundle_id));
    assert_int_equal(a->line, b->line);
    assert_string_equal(a->creditor.text, b->creditor.text);
    assert_true(hash_equal(&a->leaf, &b->leaf));
    assert_int_equal(a->recorded_version, b->recorded_version);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->consent, b->consent);
    assert_true(a->total_cents == b->total_cents);
}

static void assert_same_case(const struct case_file *a, const struct case_file *b)
{
    assert_true(id_equal(&a->case_id, &b->case_id));
    assert_true(hash_equal(&a->leaf, &b->leaf));
    assert_true(a->place == b->place);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->persons, b->persons);
    assert_int_equal(a->product, b->product);
    assert_int_equal(a->guidance, b->guidance);
    assert_int_equal(a->reference_date, b->reference_date);
    assert_string_equal(a->responsible.text, b->responsible.text);
    assert_int_equal(a->request_count, b->request_count);
    for (size_t i = 0; i < a->request_count; i++)
        assert_same_request(&a->requests[i], &b->requests[i]);
}

static void a_packed_case_unpacks_to_itself(void **state)
{
    struct arena *arena = *state;
    for (size_t count = 1; count <= CASE_MAX_REQUESTS; count += 5) {
        struct case_file file = random_case(arena, count);
        struct case_file again;
        assert_ok(case_unpack(case_pack(&file, arena), arena, &again));
        assert_same_case(&file, &again);
    }
}

static void a_case_of_the_largest_size_is_packed(void **state)
{
    struct arena *arena = *state;
    struct case_file file = random_case(arena, CASE_MAX_REQUESTS);
    struct case_file again;
    struct span bytes = case_pack(&file, arena);
    assert_int_equal(bytes.len, HEADER_BYTES + CASE_MAX_REQUESTS * REQUEST_BYTES);
    assert_ok(case_unpack(bytes, arena, &again));
    assert_same_case(&file, &again);
}

static void no_other_length_unpacks(void **state)
{
    struct arena *arena = *state;
    struct case_file file = random_case(arena, 3);
    struct case_file again;
    struct span bytes = case_pack(&file, arena);
    uint8_t *longer = arena_calloc(arena, 1, bytes.len + 2 * REQUEST_BYTES);
    memcpy(longer, bytes.data, bytes.len);
    for (size_t len = 0; len <= bytes.len + 2 * REQUEST_BYTES; len++)
        assert_err(case_unpack(span_of(longer, len), arena, &again),
                   len == bytes.len ? SKP_OK : SKP_E_DATA_LOSS);
    assert_err(case_unpack((struct span){0}, arena, &again), SKP_E_DATA_LOSS);
}

/* There is one form only: what unpacks packs to the same bytes. */
static void a_changed_byte_is_refused_or_kept(void **state)
{
    struct arena *arena = *state;
    struct case_file file = random_case(arena, 3);
    struct span good = case_pack(&file, arena);
    uint8_t *bytes = arena_copy(arena, good.data, good.len);
    for (size_t bit = 0; bit < good.len * 8; bit++) {
        struct case_file again = {.version = 77};
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum skp_err err = case_unpack(span_of(bytes, good.len), arena, &again);
        if (err)
            assert_err(err, SKP_E_DATA_LOSS);
        else
            assert_true(span_equal(case_pack(&again, arena), span_of(bytes, good.len)));
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void random_bytes_never_unpack(void **state)
{
    struct arena *arena = *state;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[HEADER_BYTES + 2 * REQUEST_BYTES];
        struct case_file file;
        random_bytes(bytes, sizeof bytes);
        bytes[0] = 2;
        bytes[AT_COUNT] = 2;
        bytes[AT_COUNT + 1] = 0;
        assert_err(case_unpack(span_of(bytes, sizeof bytes), arena, &file), SKP_E_DATA_LOSS);
    }
}

/* A case with two requests, the first not taken, as bytes to damage. */
struct sample {
    struct arena *arena;
    uint8_t *bytes;
    size_t len;
};

static struct sample sample_of(struct arena *arena)
{
    struct case_file file = random_case(arena, 2);
    struct skp_id first = file.requests[0].request_id;
    file.requests[0] = (struct case_request){.request_id = first};
    file.requests[1].state = STATE(REQUESTED);
    struct span bytes = case_pack(&file, arena);
    return (struct sample){
        .arena = arena, .bytes = arena_copy(arena, bytes.data, bytes.len), .len = bytes.len};
}

static void assert_damaged(const struct sample *sample, size_t at_byte, uint8_t value)
{
    struct case_file file;
    struct span bytes = span_of(sample->bytes, sample->len);
    uint8_t before = sample->bytes[at_byte];
    assert_ok(case_unpack(bytes, sample->arena, &file));
    sample->bytes[at_byte] = value;
    assert_err(case_unpack(bytes, sample->arena, &file), SKP_E_DATA_LOSS);
    sample->bytes[at_byte] = before;
}

static void values_that_do_not_exist_do_not_unpack(void **state)
{
    struct sample sample = sample_of(*state);
    assert_damaged(&sample, 0, 1);
    assert_damaged(&sample, 0, 3);
    assert_damaged(&sample, AT_PERSONS, 0);
    assert_damaged(&sample, AT_PERSONS, 3);
    assert_damaged(&sample, AT_PRODUCT, 6);
    assert_damaged(&sample, AT_GUIDANCE, 7);
    assert_damaged(&sample, AT_DATE + 3, 0xff);
    assert_damaged(&sample, AT_RESPONSIBLE, 'a');
    assert_damaged(&sample, AT_STATE + REQUEST_BYTES, 13);
    assert_damaged(&sample, AT_OUTCOME + REQUEST_BYTES, 8);
    assert_damaged(&sample, AT_CONSENT + REQUEST_BYTES, 4);
    assert_damaged(&sample, AT_TOTAL_TOP + REQUEST_BYTES, 0x80);
}

static void a_case_without_a_place_does_not_unpack(void **state)
{
    struct sample sample = sample_of(*state);
    struct case_file file;
    memset(sample.bytes + AT_PLACE, 0, 8);
    assert_err(case_unpack(span_of(sample.bytes, sample.len), sample.arena, &file),
               SKP_E_DATA_LOSS);
}

static void what_was_never_taken_tells_nothing(void **state)
{
    struct sample sample = sample_of(*state);
    for (size_t i = HEADER_BYTES + ID_BYTES; i < HEADER_BYTES + REQUEST_BYTES; i++) {
        if (i != AT_STATE)
            assert_damaged(&sample, i, 1);
    }
}

static void requests_stand_in_order_and_once(void **state)
{
    struct arena *arena = *state;
    struct case_file file = random_case(arena, 3);
    struct case_file again;
    struct case_request first = file.requests[0];
    file.requests[0] = file.requests[1];
    assert_err(case_unpack(case_pack(&file, arena), arena, &again), SKP_E_DATA_LOSS);
    file.requests[1] = first;
    assert_err(case_unpack(case_pack(&file, arena), arena, &again), SKP_E_DATA_LOSS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_packed_case_unpacks_to_itself),
        TEST(a_case_of_the_largest_size_is_packed),
        TEST(no_other_length_unpacks),
        TEST(a_changed_byte_is_refused_or_kept),
        TEST(random_bytes_never_unpack),
        TEST(values_that_do_not_exist_do_not_unpack),
        TEST(a_case_without_a_place_does_not_unpack),
        TEST(what_was_never_taken_tells_nothing),
        TEST(requests_stand_in_order_and_once),
    };
    return cmocka_run_group_tests_name("packed cases", tests, NULL, NULL);
}
