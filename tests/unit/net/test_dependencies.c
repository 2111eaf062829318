#include "testing.h"

#include "dependencies.h"

#include <stdio.h>
#include <string.h>

static void this_machine_has_what_is_needed(void **state)
{
    struct dependency found[DEPENDENCY_COUNT];
    char why[256] = "";
    (void)state;
    dependencies_find(found);
    assert_int_equal(dependencies_check(found, DEPENDENCY_COUNT, why, sizeof why), SKP_OK);
    assert_string_equal(why, "");
}

static void each_library_says_a_version_that_it_can_have(void **state)
{
    struct dependency found[DEPENDENCY_COUNT];
    (void)state;
    dependencies_find(found);
    for (size_t i = 0; i < DEPENDENCY_COUNT; i++) {
        char number[32];
        snprintf(number, sizeof number, "%u.%u.%u", found[i].found / 1000000,
                 found[i].found / 1000 % 1000, found[i].found % 1000);
        assert_non_null(strstr(found[i].text, number));
        assert_true(found[i].reason[0] != '\0');
    }
}

static void one_that_is_too_old_is_named_with_the_reason(void **state)
{
    struct dependency found[DEPENDENCY_COUNT];
    char why[256];
    (void)state;
    dependencies_find(found);
    found[2].found = found[2].oldest - 1;
    assert_int_equal(dependencies_check(found, DEPENDENCY_COUNT, why, sizeof why), SKP_E_CONFIG);
    assert_non_null(strstr(why, "libevent"));
    assert_non_null(strstr(why, "2.1.12 or newer is needed"));
    assert_non_null(strstr(why, "evbuffer_pullup"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_has_what_is_needed),
        cmocka_unit_test(each_library_says_a_version_that_it_can_have),
        cmocka_unit_test(one_that_is_too_old_is_named_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
