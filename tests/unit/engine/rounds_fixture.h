/* Cases that are registered on a Monday, and a creditor whose rounds are on Thursdays. */
#ifndef SKP_ROUNDS_FIXTURE_H
#define SKP_ROUNDS_FIXTURE_H

#include "engine_mail.h"

#define TUESDAY  20270202
#define THURSDAY 20270204
#define FRIDAY   20270205

/* Rounds on Thursdays at ten, answers within ten working days. */
static inline struct skp_id thursdays(struct world *w)
{
    struct agreement_terms terms = {.weekdays = THURSDAYS, .minute_of_day = TEN_HOURS};
    struct skp_id id = agreement_make(w, &w->creditor, &terms);
    world_tick(w);
    return id;
}

/* A case with so many requests to the creditor, in a batch of its own. */
static inline void register_one(struct world *w, struct told_case *told, size_t requests)
{
    case_make(told, &w->creditor, requests);
    case_register(w, told);
}

static inline void register_many(struct world *w, struct told_case *cases, size_t count,
                                 size_t requests)
{
    for (size_t i = 0; i < count; i++)
        register_one(w, &cases[i], requests);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
