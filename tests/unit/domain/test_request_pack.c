#include "testing.h"

#include "random.h"
#include "request_scene.h"

static void random_request(struct request_state *request)
{
    *request = (struct request_state){0};
    random_bytes(request->request_id.bytes, ID_BYTES);
    random_bytes(request->case_id.bytes, ID_BYTES);
    random_bytes(request->leaf.bytes, HASH_BYTES);
    random_bytes(request->answer_leaf.bytes, HASH_BYTES);
    request->case_place = random_u64() | 1;
    request->position = random_u64();
    request->published_at_ms = (int64_t)(random_u64() >> 1);
    request->answered_at_ms = (int64_t)(random_u64() >> 1);
    request->total_cents = (int64_t)(random_u64() >> 1);
    request->brand_mark = random_u64();
    request->due_date = calendar_date_of_day((int32_t)(random_u64() % 60000));
    request->version = (uint32_t)random_u64();
    request->answer_version = (uint32_t)random_u64();
    request->claim_kinds = (uint32_t)random_u64();
    request->state = (uint8_t)(1 + random_u64() % 13);
    request->outcome = (uint8_t)(random_u64() % 8);
    request->consent = (uint8_t)(random_u64() % 4);
    request->product = (uint8_t)(random_u64() % 6);
    request->guidance = (uint8_t)(random_u64() % 7);
    request->flags = (uint8_t)(random_u64() % 4);
    request->last_round = (uint8_t)random_u64();
}

static void assert_same(const struct request_state *a, const struct request_state *b)
{
    assert_true(id_equal(&a->request_id, &b->request_id));
    assert_true(id_equal(&a->case_id, &b->case_id));
    assert_true(hash_equal(&a->leaf, &b->leaf));
    assert_true(hash_equal(&a->answer_leaf, &b->answer_leaf));
    assert_true(a->case_place == b->case_place);
    assert_true(a->position == b->position);
    assert_true(a->published_at_ms == b->published_at_ms);
    assert_true(a->answered_at_ms == b->answered_at_ms);
    assert_true(a->total_cents == b->total_cents);
    assert_true(a->brand_mark == b->brand_mark);
    assert_int_equal(a->due_date, b->due_date);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->answer_version, b->answer_version);
    assert_int_equal(a->claim_kinds, b->claim_kinds);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->consent, b->consent);
    assert_int_equal(a->product, b->product);
    assert_int_equal(a->guidance, b->guidance);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->last_round, b->last_round);
}

static void a_packed_request_unpacks_to_itself(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct request_state request;
        struct request_state again;
        uint8_t bytes[REQUEST_PACKED_BYTES];
        random_request(&request);
        request_pack(&request, bytes);
        assert_ok(request_unpack(bytes, &again));
        assert_same(&request, &again);
    }
}

/* What unpacks packs to the same bytes: there is one form only, so a flipped bit is either refused
 * or another request, never the same one. */
static void a_changed_byte_is_refused_or_kept(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[REQUEST_PACKED_BYTES];
    request_pack(&scene->state, bytes);
    for (size_t bit = 0; bit < REQUEST_PACKED_BYTES * 8; bit++) {
        struct request_state again = {.version = 77};
        uint8_t repacked[REQUEST_PACKED_BYTES];
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum skp_err err = request_unpack(bytes, &again);
        if (err) {
            assert_err(err, SKP_E_DATA_LOSS);
            assert_int_equal(again.version, 77);
        } else {
            request_pack(&again, repacked);
            assert_memory_equal(repacked, bytes, sizeof bytes);
        }
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void assert_damaged(const struct request_state *request)
{
    uint8_t bytes[REQUEST_PACKED_BYTES];
    struct request_state again;
    request_pack(request, bytes);
    assert_err(request_unpack(bytes, &again), SKP_E_DATA_LOSS);
}

/* `good` with one assignment to `bad` made. */
#define assert_damaged_with(assignment)                                                            \
    do {                                                                                           \
        bad = good;                                                                                \
        assignment;                                                                                \
        assert_damaged(&bad);                                                                      \
    } while (0)

static void values_that_do_not_exist_do_not_unpack(void **state)
{
    struct scene *scene = *state;
    const struct request_state good = scene->state;
    struct request_state bad;
    for (unsigned number = 0; number < 256; number++) {
        bad = good;
        bad.state = (uint8_t)number;
        if (number < 1 || number > 13)
            assert_damaged(&bad);
    }
    assert_damaged_with(bad.outcome = 8);
    assert_damaged_with(bad.consent = 4);
    assert_damaged_with(bad.product = 6);
    assert_damaged_with(bad.guidance = 7);
    assert_damaged_with(bad.flags = 4);
    assert_damaged_with(bad.due_date = 20260230);
    assert_damaged_with(bad.total_cents = -1);
    assert_damaged_with(bad.request_id = (struct skp_id){{0}});
    assert_damaged_with(bad.case_id = (struct skp_id){{0}});
    assert_damaged_with(bad.case_place = 0);
}

static void another_format_does_not_unpack(void **state)
{
    struct scene *scene = *state;
    uint8_t bytes[REQUEST_PACKED_BYTES];
    struct request_state again;
    request_pack(&scene->state, bytes);
    bytes[0]++;
    assert_err(request_unpack(bytes, &again), SKP_E_DATA_LOSS);
    bytes[0] = 0;
    assert_err(request_unpack(bytes, &again), SKP_E_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_packed_request_unpacks_to_itself),
        TEST(a_changed_byte_is_refused_or_kept),
        TEST(values_that_do_not_exist_do_not_unpack),
        TEST(another_format_does_not_unpack),
    };
    return cmocka_run_group_tests_name("packed requests", tests, NULL, NULL);
}
