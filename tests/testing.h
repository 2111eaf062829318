/* What every cmocka test includes first, in the order cmocka wants. */
#ifndef SKP_TESTING_H
#define SKP_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_ok(expression)     assert_int_equal((expression), 0)
#define assert_err(expression, e) assert_int_equal((expression), (e))

#endif
