/* The libraries this process really runs with, and the oldest of each it may run with.
 *
 * The build looks at headers; a machine may load another library than it was built with. Checked
 * once at start, before anything is opened. Pure; any thread.
 */
#ifndef SKP_DEPENDENCIES_H
#define SKP_DEPENDENCIES_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct dependency {
    const char *name;
    uint32_t found;   /* as DEPENDENCY_VERSION() makes it */
    uint32_t oldest;  /* older is refused */
    const char *text; /* what was found, in the library's own words */
    const char *reason;
    uint32_t mended;     /* 0, or older has a fault that is kept from coming up here */
    const char *avoided; /* with `mended`: the fault, and why it cannot come up */
};

#define DEPENDENCY_VERSION(major, minor, patch)                                                    \
    ((uint32_t)(major)*1000000 + (uint32_t)(minor)*1000 + (uint32_t)(patch))

#define DEPENDENCY_COUNT 4

/* Asks each library for its version. */
void dependencies_find(struct dependency ret_found[DEPENDENCY_COUNT]);

/* CONFIG, with words in ret_why[why_bytes], when one is too old: which, what was found, what is
 * needed and why. */
enum skp_err dependencies_check(const struct dependency *found, size_t count, char *ret_why,
                                size_t why_bytes) SKP_MUST_CHECK;

/* The words of `avoided` when what was found has that fault, for the log at start; else NULL. */
const char *dependency_fault(const struct dependency *one);

#endif
