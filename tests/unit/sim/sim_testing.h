/* Means of many draws, within bounds. */
#ifndef SKP_SIM_TESTING_H
#define SKP_SIM_TESTING_H

#include "testing.h"

#include <math.h>

#define DRAWS 20000

static inline void expect_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) > tolerance)
        fail_msg("%f is not within %f of %f", value, tolerance, expected);
}

#endif
