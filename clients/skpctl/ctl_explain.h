/* The error list, for people. Needs no broker. */
#ifndef SKP_CTL_EXPLAIN_H
#define SKP_CTL_EXPLAIN_H

#include <stdbool.h>
#include <stdio.h>

/* `what` is a number, a name or the beginning of names in any case; NULL: all. `json`: one object {"ok":true,"rows":[...]}
 * in one line. False: nothing fits. */
bool ctl_explain(FILE *stream, const char *what, bool json);

#endif
