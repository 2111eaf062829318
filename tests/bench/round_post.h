/* After the clock: opens everything a desk has kept. */
#ifndef SKP_ROUND_POST_H
#define SKP_ROUND_POST_H

#include "round_desk.h"

/* Counts each request in seen[], by its number, and gives how many lines are wrong: came twice, to somebody else,
 * or do not open to what was sealed. */
unsigned round_post_open(struct round_desk *desk, unsigned char *seen);

#endif
