#include "sim_delay.h"

#include <math.h>

#define MAX_DAYS 1000

static uint32_t draw_days(struct sim_random *random, enum sim_link link)
{
    double days = sim_random_lognormal(random, sim_link_median_days[link], SIM_DELAY_SIGMA);
    return (uint32_t)lround(fmin(days, MAX_DAYS));
}

uint32_t sim_delay_draw(struct sim_random *random, enum sim_link link, uint32_t term)
{
    double at = sim_random_uniform(random);
    uint32_t days = draw_days(random, link);
    if (at < SIM_NEVER)
        return SIM_NO_ANSWER;
    if (term == 0)
        return days > 0 ? days : 1; /* no letter comes back the same day */
    if (at < SIM_NO_ANSWER_IN_TERM)
        return term + (days > 0 ? days : 1);
    return days < term ? days : term;
}
