/* One round of a plan through a broker of its own, measured and checked; one line per thing that was measured. */
#ifndef SKP_ROUND_SCENE_H
#define SKP_ROUND_SCENE_H

#include "round_plan.h"

struct round_scene {
    const char *name; /* of the benchmark, in its lines */
    const char *skpd;
    const struct round_plan *plan;
    const struct round_pki *pki;
    const char *folder; /* must not exist yet, and stays */
    bool has_raw;       /* also what its parts cost without a broker */
    bool starts;        /* the broker again, on what the round left */
};

/* False: something was lost, came twice, or did not open to what was sealed. Ends the process when it cannot go on. */
bool round_scene_run(const struct round_scene *scene);

#endif
