/* The history of a load client: one JSON object per line, "t" in monotonic nanoseconds, "e" what happened.
 * check_history.py says what the events mean and what must hold between them. One thread. */
#ifndef SKP_LOAD_HISTORY_H
#define SKP_LOAD_HISTORY_H

#include "bytes.h"

#include <jansson.h>
#include <stdio.h>

/* Writes {"t":..., "e":event} and the members of `fields`, which it takes; NULL: none. Leaves the
 * program when that fails: a history with a hole proves nothing. */
void history_write(FILE *file, const char *event, json_t *fields);

/* New references. */
json_t *history_hex(const void *data, size_t len);
json_t *history_id(const struct skp_id *id);
json_t *history_text(const char *text); /* any bytes: what is not UTF-8 becomes "?" */

#endif
