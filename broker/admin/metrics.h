/* What the broker counts, as Prometheus reads it (text format 0.0.4). Loop thread only. */
#ifndef SKP_METRICS_H
#define SKP_METRICS_H

#include "server.h"

/* Returns owned: free(). NULL: out of memory. */
char *metrics_print(const struct server *server);

#endif
