/* The plan's facts become batches in files: sealed for who they are for, signed by who sends them.
 *
 * Two processes share the work. A counsellor's batches hold whole cases, as the broker wants them, and are of equal
 * size; a creditor's hold its answers, counsellor by counsellor. */
#ifndef SKP_ROUND_PACK_H
#define SKP_ROUND_PACK_H

#include "round_plan.h"

/* Fills bundle_id, line and leaf of every request, and what parties count. Ends the program when it fails. */
void round_pack_all(struct round_plan *plan);

#endif
