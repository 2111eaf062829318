/* The world that the cases live in: counsellors drawn from the municipalities, creditors from the
 * table, agreements between them. Deterministic: cases, seed and date decide everything. */
#ifndef SKP_SIM_WORLD_H
#define SKP_SIM_WORLD_H

#include "arena.h"
#include "bytes.h"
#include "calendar.h"
#include "csv.h"
#include "sim_random.h"
#include "sim_table.h"

#define SIM_MAX_MUNICIPALITIES 400

struct sim_municipality {
    const char *name;
    uint32_t code; /* CBS: GM0034 is 34 */
    uint32_t inhabitants;
    struct skp_oin oin; /* invented, prefix 00000099 */
};

struct sim_world {
    uint64_t seed;
    uint32_t case_count;
    plain_date date; /* reference date of the cases */
    size_t counsellor_count;
    struct sim_municipality counsellors[SIM_MAX_MUNICIPALITIES];
    size_t connected_count;  /* of sim_creditors, the first ones */
    uint32_t *counsellor_of; /* per case; owned */
};

/* Reads cbs_code,name,inhabitants. Names live in `arena`. NOT_FOUND, IO, VALUE_INVALID with the
 * line. */
enum skp_err sim_municipalities_read(const char *path, struct arena *arena,
                                     struct sim_municipality *ret_list, size_t *ret_count,
                                     struct csv_problem *ret_problem) SKP_MUST_CHECK;

/* Draws the counsellors by their inhabitants and gives every case one; each has at least one case
 * when there are enough. Names are borrowed from `list`. NO_MEMORY. */
enum skp_err sim_world_draw(uint64_t seed, uint32_t case_count, plain_date date,
                            const struct sim_municipality *list, size_t count,
                            struct sim_world *ret_world) SKP_MUST_CHECK;
void sim_world_fini(struct sim_world *world);

/* The OIN of sim_creditors[index]. */
struct skp_oin sim_creditor_oin(size_t index);

/* Whether the agreement of creditor `index`, if it has one, is also with this counsellor:
 * SIM_AGREED of them. */
bool sim_world_agreed(const struct sim_world *world, size_t index, size_t counsellor);

#endif
