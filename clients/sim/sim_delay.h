/* How long a creditor takes.
 *
 * Nobody's answer is drawn twice: of all requests SIM_NO_ANSWER_IN_TERM are not answered in their term, SIM_NEVER of
 * them not at all, whatever the creditor; the others take as long as their kind of creditor does, and who would be
 * late by that draw answers on the last day. So the medians and both shares hold together. Pure. */
#ifndef SKP_SIM_DELAY_H
#define SKP_SIM_DELAY_H

#include "sim_random.h"
#include "sim_table.h"

#define SIM_NO_ANSWER UINT32_MAX

/* Working days from the day of asking to the answer, 0 = the same day; SIM_NO_ANSWER. The term in working days; 0:
 * there is none (letters). */
uint32_t sim_delay_draw(struct sim_random *random, enum sim_link link, uint32_t term);

#endif
