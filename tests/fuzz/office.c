#include "office.h"

#include "fuzz.h"
#include "log.h"

#define ROWS_MAX 64

static struct world world;
static int64_t start_ms; /* within the validity of the certificates; 0: nothing was read yet */

/* The rows of an office whose three participants are known: copied for each input, for making them takes
 * longer than most inputs do. */
static struct {
    struct arena arena;
    struct store_row *rows[STORE_TABLE_END];
    size_t counts[STORE_TABLE_END];
} kept;

static void keep_rows(struct store *store)
{
    struct store *reader;
    EXPECT(store_reader(store, &reader) == SKP_OK && store_begin(reader) == SKP_OK);
    arena_init(&kept.arena, (size_t)1 << 22);
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        EXPECT(store_scan(reader, (enum store_table)table, span_of("", 1), span_of(NULL, 0),
                          ROWS_MAX, (size_t)1 << 20, &kept.arena, &kept.rows[table],
                          &kept.counts[table]) == SKP_OK);
        EXPECT(kept.counts[table] < ROWS_MAX);
        for (size_t i = 0; i < kept.counts[table]; i++)
            kept.rows[table][i].version = 0;
    }
    store_rollback(reader);
    store_close(reader);
}

static struct store *copy_rows(void)
{
    struct store *store;
    EXPECT(store_memory_open(&store) == SKP_OK && store_begin(store) == SKP_OK);
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        if (kept.counts[table] > 0)
            EXPECT(store_put(store, (enum store_table)table, kept.rows[table],
                             kept.counts[table]) == SKP_OK);
    }
    EXPECT(store_commit(store) == SKP_OK);
    return store;
}

static void set_clock(void)
{
    clock_manual_init(&world.clock, start_ms);
    world_set_time(&world, WORLD_MONDAY, WORLD_MINUTE);
}

static void found_office(void)
{
    log_set_level(LOG_ERROR);
    world_init(&world, true);
    start_ms = clock_real_ms(&world.clock.clock);
    world_people(&world);
    keep_rows(world.store);
    world_close(&world);
}

struct world *office_open(void)
{
    fuzz_steer(1);
    if (start_ms == 0)
        found_office();
    arena_reset(&world.arena);
    set_clock();
    world.woken_count = 0;
    EXPECT(world_open(&world, copy_rows(), true) == SKP_OK);
    return &world;
}

void office_close(void)
{
    EXPECT(world.under_way == 0 && engine_failed(world.engine) == NULL);
    world_close(&world);
}

void office_pass(struct world *w, int64_t ms)
{
    clock_set_business_offset(&w->clock.clock, clock_business_offset(&w->clock.clock) + ms);
    world_tick(w);
}

const struct party *office_party(const struct world *w, unsigned n)
{
    const struct party *parties[] = {&w->counsellor, &w->creditor, &w->rsa};
    return parties[n % 3];
}

bool office_may_say(enum skp_err err)
{
    return err != SKP_E_INTERNAL && err != SKP_E_DATA_LOSS && err != SKP_E_OUTCOME_UNKNOWN &&
           err != SKP_E_UNAVAILABLE && err != SKP_E_NO_MEMORY;
}
