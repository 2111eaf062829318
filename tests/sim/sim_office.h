/* What a counsellor of a simulation says: cases and their requests, mended, extended, changed
 * against the rules, said again; what came back on paper; old batches under old ids. One thread. */
#ifndef SKP_SIM_OFFICE_H
#define SKP_SIM_OFFICE_H

#include <stdint.h>

struct sim_party;
struct sim_office;

struct sim_office *office_new(struct sim_party *party);
void office_free(struct sim_office *office);

/* Says the next thing; when that is due. */
void office_work(struct sim_office *office);
int64_t office_due(const struct sim_office *office);

#endif
