#include "sim_testing.h"

#include "sim_case.h"
#include "sim_files.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct sim_municipality list[SIM_MAX_MUNICIPALITIES];
static size_t list_count;
static struct arena names;

static int setup(void **state)
{
    (void)state;
    struct csv_problem problem;
    arena_init(&names, 1 << 20);
    return sim_municipalities_read(TEST_DATA "/municipalities.csv", &names, list, &list_count,
                                   &problem) == SKP_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&names);
    return 0;
}

static void draw_world(uint64_t seed, uint32_t cases, struct sim_world *ret_world)
{
    assert_ok(sim_world_draw(seed, cases, 20261102, list, list_count, ret_world));
}

static void all_municipalities_are_read(void **state)
{
    (void)state;
    assert_int_equal(list_count, 342);
    assert_string_equal(list[0].name, "Groningen");
    assert_string_equal(list[0].oin.text, "00000099100000014000");
    bool quoted = false;
    for (size_t i = 0; i < list_count; i++)
        quoted = quoted || strcmp(list[i].name, "Nuenen, Gerwen en Nederwetten") == 0;
    assert_true(quoted);
}

static void a_world_grows_with_its_cases(void **state)
{
    (void)state;
    static struct sim_world world;
    static const uint32_t cases[] = {20, 60, 200, 1000, 5000};
    static const size_t counsellors[] = {3, 3, 6, 15, 40};
    static const size_t connected[] = {8, 8, 15, 25, 40};
    for (size_t i = 0; i < 5; i++) {
        draw_world(1, cases[i], &world);
        assert_int_equal(world.counsellor_count, counsellors[i]);
        assert_int_equal(world.connected_count, connected[i]);
        for (size_t k = 0; k < world.counsellor_count; k++)
            assert_int_equal(world.counsellor_of[k], k);
        sim_world_fini(&world);
    }
    assert_true(sim_creditor_count > sim_size_of(1000000).connected);
}

static void counsellors_are_drawn_once(void **state)
{
    (void)state;
    static struct sim_world world;
    draw_world(9, 20000, &world);
    for (size_t i = 0; i < world.counsellor_count; i++) {
        for (size_t k = 0; k < i; k++)
            assert_false(oin_equal(&world.counsellors[i].oin, &world.counsellors[k].oin));
    }
    sim_world_fini(&world);
}

struct tally {
    double creditors, creditors_squared, claims;
    double with_kind[32];
    double mixed, preferent_share, preferent_share_squared; /* of cases with both sorts of claims */
    double largest_share;
    double totals[4000]; /* of each case, euro */
    size_t cases;
};

static void tally_case(const struct register_case *drawn, struct tally *tally)
{
    bool seen[32] = {false};
    double preferent = 0, sum = 0, largest = 0;
    size_t preferents = 0, claims = 0;
    for (const struct register_request *r = drawn->requests; r; r = r->next) {
        for (const struct register_claim *claim = r->claims; claim; claim = claim->next) {
            double cents = (double)claim->amount_cents;
            assert_true(claim->amount_cents >= 1500);
            seen[claim->kind] = true;
            sum += cents;
            claims++;
            largest = fmax(largest, cents);
            if (sim_kind_is_preferent(claim->kind)) {
                preferent += cents;
                preferents++;
            }
        }
    }
    for (size_t i = 0; i < 32; i++)
        tally->with_kind[i] += seen[i];
    double count = (double)drawn->request_count;
    tally->creditors += count;
    tally->creditors_squared += count * count;
    tally->claims += (double)claims;
    tally->largest_share += largest / sum;
    tally->totals[tally->cases++] = sum / 100;
    if (preferents > 0 && preferents < claims) {
        tally->mixed++;
        tally->preferent_share += preferent / sum;
        tally->preferent_share_squared += preferent / sum * (preferent / sum);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void cases_follow_the_calibration(void **state)
{
    (void)state;
    enum { CASES = 4000 };
    static struct sim_world world;
    static struct tally tally;
    struct arena arena;
    struct register_case *drawn = NULL;
    draw_world(11, CASES, &world);
    arena_init(&arena, 1 << 20);
    for (uint32_t i = 0; i < CASES; i++) {
        arena_reset(&arena);
        assert_ok(sim_case_draw(&world, i, &arena, &drawn));
        assert_in_range(drawn->request_count, 1, 60);
        tally_case(drawn, &tally);
    }
    double mean = tally.creditors / CASES;
    expect_near(mean, 13.5, 0.5);
    expect_near(sqrt(tally.creditors_squared / CASES - mean * mean), 7, 0.5);
    qsort(tally.totals, CASES, sizeof tally.totals[0], compare_doubles);
    expect_near(tally.totals[CASES / 2], 27000 * 0.95, 2500);
    double share = tally.preferent_share / tally.mixed;
    expect_near(share, 2.0 / 7, 0.02);
    expect_near(sqrt(tally.preferent_share_squared / tally.mixed - share * share), 0.16, 0.02);
    assert_true(tally.largest_share / CASES > 0.25); /* one or two dominate */
    for (size_t i = 0; i < sim_kind_count; i++) {
        if (sim_kinds[i].chance > 0)
            expect_near(tally.with_kind[sim_kinds[i].kind] / CASES, sim_kinds[i].chance, 0.07);
    }
    arena_fini(&arena);
    sim_world_fini(&world);
}

/* Young people owe less, entrepreneurs more: three lognormals, mixed. */
static void debts_are_three_lognormals(void **state)
{
    (void)state;
    enum { CASES = 20000 };
    static double totals[CASES];
    static struct sim_world world;
    struct arena arena;
    struct register_case *drawn = NULL;
    double sum = 0;
    size_t below = 0, above = 0;
    draw_world(12, CASES, &world);
    arena_init(&arena, 1 << 20);
    for (uint32_t i = 0; i < CASES; i++) {
        arena_reset(&arena);
        assert_ok(sim_case_draw(&world, i, &arena, &drawn));
        for (const struct register_request *r = drawn->requests; r; r = r->next)
            for (const struct register_claim *claim = r->claims; claim; claim = claim->next)
                totals[i] += (double)claim->amount_cents / 100;
        sum += totals[i];
        below += totals[i] < 5000;
        above += totals[i] > 150000;
    }
    /* The means: median times exp(sigma squared / 2). */
    expect_near(sum / CASES, 0.08 * 11480 + 0.86 * 38750 + 0.06 * 89960, 1000);
    /* 0.08 F(5000 of 8000) + 0.86 F(5000 of 27000) + 0.06 F(5000 of 60000), and so on. */
    expect_near((double)below / CASES, 0.08 * 0.290 + 0.86 * 0.0237 + 0.06 * 0.0029, 0.008);
    expect_near((double)above / CASES, 0.08 * 0.0003 + 0.86 * 0.0218 + 0.06 * 0.154, 0.008);
    arena_fini(&arena);
    sim_world_fini(&world);
}

static void generated_texts_say_that_they_are_invented(void **state)
{
    (void)state;
    for (size_t i = 0; i < sim_creditor_count; i++) {
        assert_non_null(strstr(sim_creditors[i].name, "(test)"));
        assert_int_equal(strncmp(sim_creditor_oin(i).text, "00000099", 8), 0);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(sim_creditors[i].name, sim_creditors[k].name);
    }
}

/* ---------------------------------------------------------------- files */

__attribute__((format(printf, 1, 2))) static void run(const char *format, ...)
{
    char command[512];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

static void write_world(uint64_t seed, const char *folder)
{
    static struct sim_world world;
    char path[SIM_PATH_BYTES];
    struct csv_problem problem;
    draw_world(seed, 40, &world);
    assert_ok(sim_files_write(&world, folder, path, &problem));
    sim_world_fini(&world);
}

static void the_same_seed_writes_the_same_bytes(void **state)
{
    (void)state;
    char a[] = "/tmp/skp-sim-a-XXXXXX", b[] = "/tmp/skp-sim-b-XXXXXX";
    assert_non_null(mkdtemp(a));
    assert_non_null(mkdtemp(b));
    write_world(5, a);
    write_world(5, b);
    run("diff -r %s %s", a, b);
    write_world(6, b);
    run("diff -rq %s %s >/dev/null; test $? = 1", a, b);
    run("rm -r %s %s", a, b);
}

static void generated_registrations_are_read_without_a_problem(void **state)
{
    (void)state;
    static struct sim_world world;
    char folder[] = "/tmp/skp-sim-XXXXXX", path[SIM_PATH_BYTES];
    struct csv_problem problem;
    size_t cases = 0;
    assert_non_null(mkdtemp(folder));
    write_world(7, folder);
    draw_world(7, 40, &world);
    for (size_t i = 0; i < world.counsellor_count; i++) {
        struct arena arena;
        struct register_file file;
        arena_init(&arena, 1 << 24);
        snprintf(path, sizeof(path), "%s/counsellor-%s/aanmelding.csv", folder,
                 world.counsellors[i].oin.text);
        assert_ok(register_read(path, &arena, &file, &problem));
        assert_int_equal(file.ignored.count, 0);
        snprintf(path, sizeof(path), "%s/counsellor-%s/bsn.csv", folder,
                 world.counsellors[i].oin.text);
        assert_ok(register_read_bsn(path, &file, &file.problems, &problem));
        assert_int_equal(file.problems.count, 0);
        for (const struct register_case *at = file.cases; at; at = at->next) {
            assert_int_equal(strlen(at->client.bsn), 9);
            assert_true(oin_equal(&at->municipality, &world.counsellors[i].oin));
        }
        cases += file.case_count;
        arena_fini(&arena);
    }
    assert_int_equal(cases, 40);
    sim_world_fini(&world);
    run("rm -r %s", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_municipalities_are_read),
        cmocka_unit_test(a_world_grows_with_its_cases),
        cmocka_unit_test(counsellors_are_drawn_once),
        cmocka_unit_test(cases_follow_the_calibration),
        cmocka_unit_test(debts_are_three_lognormals),
        cmocka_unit_test(generated_texts_say_that_they_are_invented),
        cmocka_unit_test(the_same_seed_writes_the_same_bytes),
        cmocka_unit_test(generated_registrations_are_read_without_a_problem),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
