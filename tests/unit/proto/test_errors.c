#include "testing.h"

#include "errors.h"

#include <string.h>

static void codes_are_unique_and_ascend(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    assert_true(count > 80);
    assert_true(list[0].code >= 100);
    for (unsigned i = 1; i < count; i++)
        assert_true(list[i].code > list[i - 1].code);
    assert_true(list[count - 1].code < 800);
}

static void names_are_unique(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned other = 0; other < i; other++)
            assert_string_not_equal(list[i].name, list[other].name);
    }
}

static void every_error_has_its_words(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        assert_true(strlen(list[i].sentence) > 5);
        assert_true(strlen(list[i].remedy) > 3);
        assert_true(strlen(list[i].dutch) > 5);
        assert_true(list[i].sentence[strlen(list[i].sentence) - 1] != '.');
    }
}

static void every_error_says_when_to_try_again(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++)
        assert_in_range(list[i].retry, SKP_RETRY_NEVER, SKP_RETRY_AFTER_FIX);
}

static void an_error_is_found_by_its_code(void **state)
{
    (void)state;
    unsigned count = 0;
    const struct skp_error_info *list = skp_error_list(&count);
    for (unsigned i = 0; i < count; i++) {
        assert_ptr_equal(skp_error(list[i].code), &list[i]);
        assert_string_equal(skp_error_name(list[i].code), list[i].name);
    }
    assert_string_equal(skp_error_name(SKP_OK), "OK");
}

static void an_unknown_code_is_an_internal_error(void **state)
{
    (void)state;
    assert_int_equal(skp_error((enum skp_err)999)->code, SKP_E_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_unique_and_ascend),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_error_has_its_words),
        cmocka_unit_test(every_error_says_when_to_try_again),
        cmocka_unit_test(an_error_is_found_by_its_code),
        cmocka_unit_test(an_unknown_code_is_an_internal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
