#include "sim_testing.h"

#include "sim_names.h"
#include "sim_random.h"

#include <stdlib.h>
#include <string.h>

static void one_seed_and_stream_give_one_sequence(void **state)
{
    (void)state;
    struct sim_random a = sim_random_new(42, 54), b = sim_random_new(42, 54);
    struct sim_random other = sim_random_new(42, 55);
    /* The first number of the published PCG32 demonstration, which uses this seed and stream. */
    assert_int_equal(sim_random_u32(&a), 0xa15c02b7);
    assert_int_equal(sim_random_u32(&b), 0xa15c02b7);
    assert_int_not_equal(sim_random_u32(&other), 0xa15c02b7);
    assert_int_equal(sim_random_u32(&a), 0x7b47f409);
}

static void normals_have_mean_nothing_and_deviation_one(void **state)
{
    (void)state;
    struct sim_random random = sim_random_new(1, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = sim_random_normal(&random);
        sum += x;
        squares += x * x;
    }
    expect_near(sum / DRAWS, 0, 0.03);
    expect_near(squares / DRAWS, 1, 0.05);
}

static void gammas_have_their_shape_as_mean_and_variance(void **state)
{
    (void)state;
    static const double shapes[] = {0.5, 1, 5.13};
    for (size_t k = 0; k < 3; k++) {
        struct sim_random random = sim_random_new(2, k);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            double x = sim_random_gamma(&random, shapes[k]);
            sum += x;
            squares += (x - shapes[k]) * (x - shapes[k]);
        }
        expect_near(sum / DRAWS, shapes[k], 0.05 * shapes[k]);
        expect_near(squares / DRAWS, shapes[k], 0.1 * shapes[k]);
    }
}

static void betas_have_their_mean_and_deviation(void **state)
{
    (void)state;
    struct sim_random random = sim_random_new(7, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = sim_random_beta(&random, 2, 5);
        assert_true(x >= 0 && x <= 1);
        sum += x;
        squares += (x - 2.0 / 7) * (x - 2.0 / 7);
    }
    expect_near(sum / DRAWS, 2.0 / 7, 0.005);
    expect_near(sqrt(squares / DRAWS), 0.16, 0.005);
}

static void negative_binomials_have_their_mean_and_deviation(void **state)
{
    (void)state;
    struct sim_random random = sim_random_new(3, 1);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = sim_random_negative_binomial(&random, 13.5, 7);
        sum += x;
        squares += (x - 13.5) * (x - 13.5);
    }
    expect_near(sum / DRAWS, 13.5, 0.2);
    expect_near(sqrt(squares / DRAWS), 7, 0.2);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void lognormals_have_their_median(void **state)
{
    (void)state;
    static double drawn[DRAWS];
    struct sim_random random = sim_random_new(4, 1);
    double sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        drawn[i] = sim_random_lognormal(&random, 27000, 0.85);
        sum += drawn[i];
    }
    qsort(drawn, DRAWS, sizeof(drawn[0]), compare_doubles);
    expect_near(drawn[DRAWS / 2], 27000, 800);
    expect_near(sum / DRAWS, 38700, 1500);
}

static void dirichlet_shares_add_up_to_one(void **state)
{
    (void)state;
    struct sim_random random = sim_random_new(5, 1);
    double shares[20], largest = 0;
    for (int i = 0; i < 1000; i++) {
        double sum = 0, most = 0;
        sim_random_dirichlet(&random, 0.5, 20, shares);
        for (int k = 0; k < 20; k++) {
            assert_true(shares[k] >= 0);
            sum += shares[k];
            most = fmax(most, shares[k]);
        }
        expect_near(sum, 1, 1e-9);
        largest += most;
    }
    /* One or two dominate. */
    assert_true(largest / 1000 > 0.2);
}

static void weights_decide_how_often(void **state)
{
    (void)state;
    static const double weights[] = {1, 0, 3};
    struct sim_random random = sim_random_new(6, 1);
    int counts[3] = {0};
    for (int i = 0; i < DRAWS; i++)
        counts[sim_random_weighted(&random, weights, 3)]++;
    assert_int_equal(counts[1], 0);
    expect_near(counts[0], DRAWS / 4.0, DRAWS / 50.0);
}

static void invented_bsns_are_valid_and_differ(void **state)
{
    (void)state;
    char before[CSV_BSN_BYTES] = "", bsn[CSV_BSN_BYTES], checked[CSV_BSN_BYTES];
    for (uint32_t i = 0; i < 90000; i++) {
        sim_bsn(i, bsn);
        assert_int_equal(strncmp(bsn, "999", 3), 0);
        assert_ok(csv_value_read_bsn(bsn, checked));
        assert_true(strcmp(bsn, before) > 0);
        strcpy(before, bsn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_and_stream_give_one_sequence),
        cmocka_unit_test(normals_have_mean_nothing_and_deviation_one),
        cmocka_unit_test(gammas_have_their_shape_as_mean_and_variance),
        cmocka_unit_test(betas_have_their_mean_and_deviation),
        cmocka_unit_test(negative_binomials_have_their_mean_and_deviation),
        cmocka_unit_test(lognormals_have_their_median),
        cmocka_unit_test(dirichlet_shares_add_up_to_one),
        cmocka_unit_test(weights_decide_how_often),
        cmocka_unit_test(invented_bsns_are_valid_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
