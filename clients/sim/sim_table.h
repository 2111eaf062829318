/* The invented creditors of the generated world, and the numbers that the calibration leaves open.
 *
 * Every name ends in "(test)" and is made up. The order is the order in which they join: a world
 * with n connected creditors connects the first n. Within a kind, earlier ones have more clients.
 */
#ifndef SKP_SIM_TABLE_H
#define SKP_SIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How an agreement of this creditor reads. */
enum sim_consent {
    SIM_NO_AGREEMENT,
    SIM_PER_REQUEST,       /* collective: Ja per request */
    SIM_UNLESS_IMPEDIMENT, /* covenant */
};

struct sim_creditor {
    const char *name;
    const char *search_names; /* comma separated, "" = none */
    const char *brands;       /* the same */
    int kind;                 /* Skp__V1__ClaimKind */
    bool bsn_entitled;
    enum sim_consent consent;
    uint32_t term_working_days;
    const char *schedule; /* "di 07:00", or "hand" */
    const char *products; /* "SK" or "SK,SB"; "" = all */
};

extern const struct sim_creditor sim_creditors[];
extern const size_t sim_creditor_count;

/* A kind of creditor in a case: the chance that a case has one at all, and the weight with which
 * further creditors of a case are of this kind once it has one (0: one at most; kinds without a chance of
 * their own come in this way only). */
struct sim_kind {
    int kind;
    double chance;
    double more_weight;
    double preferent; /* the chance that a claim of this kind is preferent */
};

extern const struct sim_kind sim_kinds[];
extern const size_t sim_kind_count;

/* How a world grows with its number of cases. */
struct sim_size {
    uint32_t max_cases;
    uint32_t counsellors;
    uint32_t connected;
};

/* The size of a world of `cases`. */
struct sim_size sim_size_of(uint32_t cases);

#endif
