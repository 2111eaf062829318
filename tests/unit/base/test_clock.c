#include "testing.h"

#include "clock.h"

#define HOUR_MS INT64_C(3600000)

static void business_time_is_real_time_plus_the_offset(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 1000);
    assert_int_equal(clock_business_ms(&manual.clock), 1000);
    clock_set_business_offset(&manual.clock, 24 * HOUR_MS);
    assert_int_equal(clock_business_ms(&manual.clock), 1000 + 24 * HOUR_MS);
    assert_int_equal(clock_business_offset(&manual.clock), 24 * HOUR_MS);
    assert_int_equal(clock_real_ms(&manual.clock), 1000);
    clock_manual_advance(&manual, HOUR_MS);
    assert_int_equal(clock_business_ms(&manual.clock), 1000 + 25 * HOUR_MS);
}

static void a_manual_clock_stands_still_until_told(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 5000);
    assert_int_equal(clock_real_ms(&manual.clock), clock_real_ms(&manual.clock));
    assert_int_equal(clock_monotonic_ms(&manual.clock), 0);
    clock_manual_advance(&manual, 250);
    assert_int_equal(clock_real_ms(&manual.clock), 5250);
    assert_int_equal(clock_monotonic_ms(&manual.clock), 250);
}

static void setting_the_wall_clock_leaves_monotonic_time_alone(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 10 * HOUR_MS);
    clock_manual_advance(&manual, 1000);
    clock_manual_jump(&manual, -2 * HOUR_MS);
    assert_int_equal(clock_real_ms(&manual.clock), 8 * HOUR_MS + 1000);
    assert_int_equal(clock_monotonic_ms(&manual.clock), 1000);
}

static void the_system_clock_is_of_this_century_and_never_goes_back(void **state)
{
    (void)state;
    struct clock *clock = clock_system();
    assert_ptr_equal(clock, clock_system());
    assert_true(clock_real_ms(clock) > INT64_C(1700000000000));
    assert_true(clock_real_ms(clock) < INT64_C(4102444800000));
    assert_int_equal(clock_business_offset(clock), 0);
    int64_t last = clock_monotonic_ms(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_ms(clock);
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(business_time_is_real_time_plus_the_offset),
        cmocka_unit_test(a_manual_clock_stands_still_until_told),
        cmocka_unit_test(setting_the_wall_clock_leaves_monotonic_time_alone),
        cmocka_unit_test(the_system_clock_is_of_this_century_and_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
