/* One drawn case: a household, its creditors, its claims. */
#ifndef SKP_SIM_CASE_H
#define SKP_SIM_CASE_H

#include "register_csv.h"
#include "sim_world.h"

/* Draws case `index` of the world; it lives in `arena`. Each case has a stream of its own, so that
 * the order of drawing does not matter. NO_MEMORY. */
enum skp_err sim_case_draw(const struct sim_world *world, uint32_t index, struct arena *arena,
                           struct register_case **ret_case) SKP_MUST_CHECK;

#endif
