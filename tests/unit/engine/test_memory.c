/* What a transaction holds in memory, where it meets many large bundles. */
#include "engine_mail.h"
#include "quarantine.h"

#define BUNDLES    40
#define BODY_BYTES ((size_t)200 << 10)
#define ROOM_BYTES ((size_t)8 << 20) /* 40 such bundles are as large */

/* Numbered, so that the ids of one test are known. */
static struct skp_id numbered(size_t n)
{
    struct skp_id id = {{0}};
    id.bytes[0] = (uint8_t)(n + 1);
    return id;
}

static struct span large_bundle(struct arena *arena)
{
    Skp__V1__Bundle bundle;
    struct bundle_row row = {.line_count = 2};
    uint8_t *part = arena_calloc(arena, 1, BODY_BYTES / 2);
    ProtobufCBinaryData lines[] = {wire_bytes(span_text("one")), wire_bytes(span_text("two"))};
    ProtobufCBinaryData sealed[2];
    for (size_t i = 0; i < 2; i++)
        sealed[i] = wire_bytes(span_of(part, BODY_BYTES / 2));
    skp__v1__bundle__init(&bundle);
    bundle.n_lines = bundle.n_sealed = 2;
    bundle.lines = lines;
    bundle.sealed = sealed;
    row.sender = row.recipient = (struct skp_oin){OIN_CREDITOR};
    row.body = wire_pack(&bundle.base, arena);
    return bundle_row_pack(&row, arena);
}

static void store_bundles(struct world *w)
{
    struct arena arena;
    arena_init(&arena, ROOM_BYTES);
    struct span value = large_bundle(&arena);
    assert_true(value.len > BODY_BYTES);
    assert_ok(store_begin(w->store));
    for (size_t n = 0; n < BUNDLES; n++) {
        struct skp_id id = numbered(n);
        struct row_key key = key_bundle(&id);
        struct store_row row = {.key = row_key_span(&key), .value = value};
        assert_ok(store_put(w->store, STORE_BUNDLE, &row, 1));
    }
    assert_ok(store_commit(w->store));
    arena_fini(&arena);
}

/* As the store worker's, with less room. */
static void begin(struct world *w, struct txn *txn)
{
    *txn = (struct txn){.engine = w->engine};
    arena_init(&txn->arena, ROOM_BYTES);
    assert_ok(ws_init(&txn->ws, w->store, &txn->arena));
    assert_ok(store_begin(w->store));
}

static void end(struct world *w, struct txn *txn)
{
    assert_ok(store_commit(w->store));
    ws_fini(&txn->ws);
    arena_fini(&txn->arena);
}

static void whether_a_bundle_exists_is_told_without_its_bytes(void **state)
{
    struct world *w = *state;
    struct txn txn;
    store_bundles(w);
    begin(w, &txn);
    for (size_t n = 0; n <= BUNDLES; n++) {
        struct skp_id id = numbered(n);
        assert_ok(ws_want_version(&txn.ws, STORE_BUNDLE, key_bundle(&id)));
    }
    assert_ok(ws_load(&txn.ws));
    assert_true(txn.arena.used_bytes < BODY_BYTES);
    struct skp_id last = numbered(BUNDLES - 1);
    struct row_key key = key_bundle(&last);
    struct store_row gone = {.key = row_key_span(&key), .version = STORE_ANY};
    assert_ok(store_remove(w->store, STORE_BUNDLE, &gone, 1));
    assert_ok(ws_load(&txn.ws)); /* what is known is not asked again */
    for (size_t n = 0; n <= BUNDLES; n++) {
        struct skp_id id = numbered(n);
        bool exists = false;
        assert_ok(ws_exists(&txn.ws, STORE_BUNDLE, key_bundle(&id), &exists));
        assert_int_equal(exists, n < BUNDLES);
    }
    struct skp_id first = numbered(0);
    struct ws_row *row;
    assert_ok(ws_get(&txn.ws, STORE_BUNDLE, key_bundle(&first), &row));
    assert_true(row->value.len > BODY_BYTES); /* who wants it whole gets it */
    end(w, &txn);
}

static void parts_of_any_number_of_bundles_are_destroyed_in_the_room_of_one(void **state)
{
    struct world *w = *state;
    struct txn txn;
    store_bundles(w);
    begin(w, &txn);
    for (size_t n = 0; n < BUNDLES; n++) {
        struct skp_id id = numbered(n);
        assert_ok(txn_destroy_part(&txn, &id, 1));
    }
    assert_ok(parts_flush(&txn));
    end(w, &txn);
    begin(w, &txn);
    for (size_t n = 0; n < BUNDLES; n++) {
        struct skp_id id = numbered(n);
        struct ws_row *row;
        assert_ok(ws_get(&txn.ws, STORE_BUNDLE, key_bundle(&id), &row));
        assert_in_range(row->value.len, BODY_BYTES / 2, BODY_BYTES);
    }
    end(w, &txn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whether_a_bundle_exists_is_told_without_its_bytes),
        TEST(parts_of_any_number_of_bundles_are_destroyed_in_the_room_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
