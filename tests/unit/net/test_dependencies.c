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

static struct dependency sqlite_at(uint32_t version, const char *text)
{
    struct dependency found[DEPENDENCY_COUNT];
    dependencies_find(found);
    assert_string_equal(found[0].name, "SQLite");
    found[0].found = version;
    found[0].text = text;
    return found[0];
}

static void sqlite_without_strict_tables_is_refused(void **state)
{
    struct dependency sqlite = sqlite_at(DEPENDENCY_VERSION(3, 36, 0), "3.36.0");
    char why[256];
    (void)state;
    assert_int_equal(dependencies_check(&sqlite, 1, why, sizeof why), SKP_E_CONFIG);
    assert_non_null(strstr(why, "SQLite 3.36.0 is too old: 3.37.0 or newer is needed"));
    assert_non_null(strstr(why, "STRICT tables"));
}

static void sqlite_that_can_lose_commits_runs_and_says_why_it_cannot_here(void **state)
{
    static const char *const words[] = {"before 3.51.3", "lose commits", "#walresetbug",
                                        "only while a part of the log is not copied",
                                        "a second broker on the store is refused"};
    struct dependency debian = sqlite_at(DEPENDENCY_VERSION(3, 40, 1), "3.40.1");
    struct dependency last = sqlite_at(DEPENDENCY_VERSION(3, 51, 2), "3.51.2");
    char why[256];
    (void)state;
    assert_int_equal(dependencies_check(&debian, 1, why, sizeof why), SKP_OK);
    assert_non_null(dependency_fault(&debian));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_non_null(strstr(dependency_fault(&debian), words[i]));
    assert_non_null(dependency_fault(&last));
}

static void sqlite_that_is_mended_and_the_other_libraries_say_nothing(void **state)
{
    struct dependency mended = sqlite_at(DEPENDENCY_VERSION(3, 51, 3), "3.51.3");
    struct dependency found[DEPENDENCY_COUNT];
    (void)state;
    assert_null(dependency_fault(&mended));
    dependencies_find(found);
    for (size_t i = 1; i < DEPENDENCY_COUNT; i++)
        assert_null(dependency_fault(&found[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_has_what_is_needed),
        cmocka_unit_test(each_library_says_a_version_that_it_can_have),
        cmocka_unit_test(one_that_is_too_old_is_named_with_the_reason),
        cmocka_unit_test(sqlite_without_strict_tables_is_refused),
        cmocka_unit_test(sqlite_that_can_lose_commits_runs_and_says_why_it_cannot_here),
        cmocka_unit_test(sqlite_that_is_mended_and_the_other_libraries_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
