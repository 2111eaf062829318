/* The broker as a service: opens everything in order, runs the loop, closes in reverse.
 *
 * Each function prints what went wrong once, to the log, and returns the exit code of sysexits.h.
 * One thread. */
#ifndef SKP_SERVICE_H
#define SKP_SERVICE_H

#include "options.h"

/* In one sentence what the last of these functions found well or wrong; "": nothing to say. */
const char *service_said(void);

/* Runs until SIGTERM, SIGINT, skpctl stop, or a failed store. */
int service_run(const struct options *options);

/* Checks certificates and CRLs without opening the store. */
int service_check(const struct options *options);

/* Makes the store (marked for play) if there is none, and leaves. */
int service_init(const struct options *options);

/* Goes on with a store that is behind what was confirmed up to commit `lost`: remembered for
 * ever. */
int service_accept_loss(const struct options *options, uint64_t lost);

/* Reads everything in the store and checks every checksum and the chain; changes nothing but what
 * opening a store after a crash does. */
int service_verify(const struct options *options);

#endif
