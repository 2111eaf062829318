/* What every cmocka test includes first, in the order cmocka wants. */
#ifndef SKP_TESTING_H
#define SKP_TESTING_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define assert_ok(expression) assert_int_equal((expression), 0)

/* `e` is a code of proto/errors.def: what meets it is written down, see test_met(). */
#define assert_err(expression, e)                                                                  \
    do {                                                                                           \
        assert_int_equal((expression), (e));                                                       \
        test_met((int)(e));                                                                        \
    } while (0)

/* A check held in which the code under test gave this error. Each error goes once, a line with its number, into the
 * file of this program in the folder $SKP_CODES_MET, where tests/check_error_codes reads which errors are provoked.
 * Not for codes that a stand-in gave. */
static inline void test_met(int err)
{
    static bool met[1000];
    const char *folder = getenv("SKP_CODES_MET");
    char path[4096];
    if (folder == NULL || err <= 0 || err >= 1000 || met[err])
        return;
    met[err] = true;
    assert_in_range(snprintf(path, sizeof path, "%s/%s", folder, program_invocation_short_name), 1,
                    sizeof path - 1);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    assert_true(fprintf(file, "%d\n", err) > 0);
    assert_int_equal(fclose(file), 0);
}

#endif
