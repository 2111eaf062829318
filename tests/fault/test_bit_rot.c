/* Bit rot: the store of a small round, once with all of it in the log and once checkpointed. In a copy one
 * bit flips, or the file ends early; the copy is opened, everything is read, and what comes back is
 * compared with the truth:
 *
 *   at open       the store does not open
 *   by watermark  it opens and ends before what was confirmed
 *   by checksum   the engine or a reader is told of damage
 *   harmless      everything is there, as it was
 *
 * A row that differs, or is missing without a word, fails the test. A sample of the bytes; with
 * SKP_STRIDE=1 a bit of every byte of the database, of every 8th while all is in the log and in the log,
 * where every frame vouches for those before, and every 64th length. */
#include "load.h"
#include "log.h"
#include "power_vfs.h"
#include "random.h"
#include "store_sqlite_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEED       7
#define STEPS      12
#define FILE_COUNT 3
#define SCAN_ROWS  64
#define MARK_BYTES 256 /* more than a watermark has */

enum which_file { FILE_DATABASE, FILE_LOG, FILE_WATERMARK };

enum outcome { AT_OPEN, BY_WATERMARK, BY_CHECKSUM, HARMLESS, OUTCOMES };

static const char *const file_ends[FILE_COUNT] = {"", "-wal", "-watermark"};
static const char *const file_names[FILE_COUNT] = {"database", "log", "watermark"};
static const char *const outcome_names[OUTCOMES] = {"at open", "by watermark", "by checksum",
                                                    "harmless"};

struct bytes {
    uint8_t *data; /* NULL: there is no such file */
    size_t len;
};

struct image {
    const char *name;
    struct bytes files[FILE_COUNT];
};

struct truth {
    struct store_row *rows[STORE_TABLE_END];
    size_t counts[STORE_TABLE_END];
    size_t total;
};

struct sweep {
    struct power_vfs *disk;
    struct load *load;
    uint64_t ids;
    char folder[64];
    char paths[FILE_COUNT][96];
    struct image in_log, checkpointed;
    struct arena truth_arena, arena;
    struct truth truth;
};

/* ---------------------------------------------------------------- files */

static struct bytes bytes_copy(const uint8_t *data, size_t len)
{
    struct bytes copy = {.len = len};
    if (!data)
        return copy;
    copy.data = malloc(len + 1);
    assert_non_null(copy.data);
    memcpy(copy.data, data, len);
    return copy;
}

static struct bytes file_take(struct sweep *sweep, enum which_file which)
{
    uint8_t mark[MARK_BYTES];
    size_t len = 0;
    if (which != FILE_WATERMARK) {
        const uint8_t *data = power_vfs_bytes(sweep->disk, sweep->paths[which], &len);
        return bytes_copy(data, len);
    }
    int fd = open(sweep->paths[which], O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, mark, sizeof mark);
    close(fd);
    assert_in_range(got, 1, MARK_BYTES - 1);
    return bytes_copy(mark, (size_t)got);
}

static void file_lay(struct sweep *sweep, enum which_file which, const uint8_t *data, size_t len)
{
    if (which != FILE_WATERMARK) {
        power_vfs_put(sweep->disk, sweep->paths[which], data, len);
        return;
    }
    int fd = open(sweep->paths[which], O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static struct image image_take(struct sweep *sweep, const char *name)
{
    struct image image = {.name = name};
    for (unsigned i = 0; i < FILE_COUNT; i++)
        image.files[i] = file_take(sweep, (enum which_file)i);
    return image;
}

static void image_lay(struct sweep *sweep, const struct image *image)
{
    for (unsigned i = 0; i < FILE_COUNT; i++)
        file_lay(sweep, (enum which_file)i, image->files[i].data, image->files[i].len);
}

static void image_free(struct image *image)
{
    for (unsigned i = 0; i < FILE_COUNT; i++)
        free(image->files[i].data);
}

/* ---------------------------------------------------------------- opening and reading */

static struct engine *open_copy(struct sweep *sweep, enum outcome *ret_outcome)
{
    struct store *store = NULL;
    struct engine *engine = NULL;
    char why[512] = "";
    *ret_outcome = AT_OPEN;
    if (store_sqlite_open(sweep->paths[FILE_DATABASE], false, &store, why))
        return NULL;
    struct engine_config config = {.store = store,
                                   .clock = &sweep->load->w.clock.clock,
                                   .trust = sweep->load->w.trust,
                                   .signer = sweep->load->w.broker_signs};
    enum skp_err err = engine_open(&config, &engine, why);
    if (!err)
        return engine;
    assert_err(err, SKP_E_DATA_LOSS);
    *ret_outcome = strstr(why, "confirmed") ? BY_WATERMARK : BY_CHECKSUM;
    return NULL;
}

static void assert_same(const struct store_row *row, const struct store_row *truth)
{
    if (!span_equal(row->key, truth->key) || !span_equal(row->value, truth->value) ||
        row->version != truth->version)
        fail_msg("a row is silently wrong");
}

/* False: damage was told. */
static bool read_table(struct sweep *sweep, struct store *store, enum store_table table)
{
    uint8_t after[STORE_KEY_MAX + 1] = {0};
    struct span from = span_of(after, 1);
    for (size_t seen = 0;;) {
        struct store_row *rows;
        size_t count = 0;
        enum skp_err err = store_scan(store, table, from, span_of(NULL, 0), SCAN_ROWS, SIZE_MAX,
                                      &sweep->arena, &rows, &count);
        if (err) {
            assert_err(err, SKP_E_DATA_LOSS);
            return false;
        }
        for (size_t i = 0; i < count; i++, seen++) {
            assert_true(seen < sweep->truth.counts[table]);
            assert_same(&rows[i], &sweep->truth.rows[table][seen]);
        }
        if (count == 0 && seen < sweep->truth.counts[table])
            fail_msg("table %s: rows are silently missing", store_table_name(table));
        if (count == 0)
            return true;
        from = store_key_after(rows[count - 1].key, after);
    }
}

static enum outcome read_all(struct sweep *sweep, struct engine *engine)
{
    bool is_whole = true;
    if (store_begin(engine->store))
        return BY_CHECKSUM;
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        arena_reset(&sweep->arena);
        is_whole &= read_table(sweep, engine->store, (enum store_table)table);
    }
    store_rollback(engine->store);
    return is_whole ? HARMLESS : BY_CHECKSUM;
}

static enum outcome look(struct sweep *sweep)
{
    enum outcome outcome;
    struct engine *engine = open_copy(sweep, &outcome);
    if (!engine)
        return outcome;
    outcome = read_all(sweep, engine);
    engine_close(engine);
    return outcome;
}

/* ---------------------------------------------------------------- the truth */

static void learn_truth(struct sweep *sweep)
{
    static const uint8_t zero;
    struct store *store = sweep->load->w.store;
    assert_ok(store_begin(store));
    for (unsigned table = 1; table < STORE_TABLE_END; table++) {
        assert_ok(store_scan(store, (enum store_table)table, span_of(&zero, 1), span_of(NULL, 0),
                             100000, SIZE_MAX, &sweep->truth_arena, &sweep->truth.rows[table],
                             &sweep->truth.counts[table]));
        sweep->truth.total += sweep->truth.counts[table];
    }
    store_rollback(store);
}

static void random_from(void *ctx, void *ret_bytes, size_t len)
{
    uint8_t *bytes = ret_bytes;
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)power_random(ctx);
}

static void sweep_begin(struct sweep *sweep)
{
    struct store *store = NULL;
    char why[256] = "";
    *sweep = (struct sweep){.disk = power_vfs_new(SEED), .ids = SEED};
    random_steer(random_from, &sweep->ids);
    arena_init(&sweep->truth_arena, (size_t)64 << 20);
    arena_init(&sweep->arena, (size_t)64 << 20);
    (void)snprintf(sweep->folder, sizeof sweep->folder, "/tmp/skp-rot-XXXXXX");
    assert_non_null(mkdtemp(sweep->folder));
    for (size_t i = 0; i < FILE_COUNT; i++)
        (void)snprintf(sweep->paths[i], sizeof sweep->paths[i], "%s/store.db%s", sweep->folder,
                       file_ends[i]);
    assert_ok(store_sqlite_open(sweep->paths[FILE_DATABASE], true, &store, why));
    sweep->load = load_new(store, SEED);
    for (size_t i = 0; i < STEPS; i++)
        assert_true(load_step(sweep->load));
    learn_truth(sweep);
    sweep->in_log = image_take(sweep, "in the log");
    world_close(&sweep->load->w);
    sweep->checkpointed = image_take(sweep, "checkpointed");
}

static void sweep_end(struct sweep *sweep)
{
    static const char *const ends[] = {"", "-lock", "-watermark"};
    load_free(sweep->load);
    random_steer(NULL, NULL);
    power_vfs_free(sweep->disk);
    image_free(&sweep->in_log);
    image_free(&sweep->checkpointed);
    arena_fini(&sweep->truth_arena);
    arena_fini(&sweep->arena);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s", sweep->paths[FILE_DATABASE], ends[i]);
        assert_ok(unlink(name));
    }
    assert_ok(rmdir(sweep->folder));
}

/* ---------------------------------------------------------------- the sweep */

struct tally {
    size_t outcomes[OUTCOMES];
};

/* Odd, so that a sample meets every place of a word. */
static size_t stride(size_t len, size_t samples, size_t coarse)
{
    const char *asked = getenv("SKP_STRIDE");
    if (asked)
        return strtoul(asked, NULL, 10) * coarse;
    return len / samples | 1;
}

static void flip_each(struct sweep *sweep, const struct image *image, enum which_file which,
                      size_t step, struct tally *tally)
{
    const struct bytes *file = &image->files[which];
    for (size_t i = 0; i < file->len; i += step) {
        uint8_t bit = (uint8_t)(1u << (i / step % 8));
        image_lay(sweep, image);
        file->data[i] ^= bit;
        file_lay(sweep, which, file->data, file->len);
        file->data[i] ^= bit;
        tally->outcomes[look(sweep)]++;
    }
}

static void cut_each(struct sweep *sweep, const struct image *image, enum which_file which,
                     size_t step, struct tally *tally)
{
    const struct bytes *file = &image->files[which];
    for (size_t len = 0; len < file->len; len += step) {
        image_lay(sweep, image);
        file_lay(sweep, which, file->data, len);
        tally->outcomes[look(sweep)]++;
    }
}

static void print_tally(const struct image *image, enum which_file which, const char *what,
                        const struct tally *tally)
{
    char text[160] = "";
    size_t used = 0;
    for (size_t i = 0; i < OUTCOMES; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", %zu %s", tally->outcomes[i],
                                 outcome_names[i]);
    print_message("%s, %s, %zu bytes, %s%s; 0 silently wrong, 0 silently missing\n", image->name,
                  file_names[which], image->files[which].len, what, text);
}

static void sweep_file(struct sweep *sweep, const struct image *image, enum which_file which,
                       struct tally *ret_flips, struct tally *ret_cuts)
{
    size_t len = image->files[which].len;
    size_t coarse = image->files[FILE_LOG].data && which != FILE_WATERMARK ? 8 : 1;
    *ret_flips = *ret_cuts = (struct tally){{0}};
    flip_each(sweep, image, which, stride(len, 120, coarse), ret_flips);
    print_tally(image, which, "one bit flipped", ret_flips);
    cut_each(sweep, image, which, stride(len, 50, 64), ret_cuts);
    print_tally(image, which, "cut short", ret_cuts);
}

static void one_flipped_or_missing_bit_is_told_or_harmless(void **state)
{
    struct sweep sweep;
    struct tally flips;
    struct tally cuts;
    (void)state;
    log_set_level(LOG_ERROR);
    sweep_begin(&sweep);
    print_message("a round of %zu rows\n", sweep.truth.total);
    image_lay(&sweep, &sweep.in_log);
    assert_int_equal(look(&sweep), HARMLESS);
    image_lay(&sweep, &sweep.checkpointed);
    assert_int_equal(look(&sweep), HARMLESS);

    sweep_file(&sweep, &sweep.in_log, FILE_DATABASE, &flips, &cuts);
    sweep_file(&sweep, &sweep.in_log, FILE_LOG, &flips, &cuts);
    assert_true(flips.outcomes[BY_WATERMARK] > 0 && cuts.outcomes[BY_WATERMARK] > 0);
    sweep_file(&sweep, &sweep.in_log, FILE_WATERMARK, &flips, &cuts);
    assert_true(flips.outcomes[HARMLESS] > 0 && cuts.outcomes[HARMLESS] > 0);
    sweep_file(&sweep, &sweep.checkpointed, FILE_DATABASE, &flips, &cuts);
    assert_true(flips.outcomes[AT_OPEN] > 0 && flips.outcomes[BY_CHECKSUM] > 0);
    assert_true(cuts.outcomes[AT_OPEN] + cuts.outcomes[BY_CHECKSUM] > 0);
    sweep_end(&sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_flipped_or_missing_bit_is_told_or_harmless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
