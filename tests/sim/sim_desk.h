/* What a creditor of a simulation says: answers, early and late or never, corrections, and answers
 * that break a rule. One thread. */
#ifndef SKP_SIM_DESK_H
#define SKP_SIM_DESK_H

#include "envelope.h"

struct sim_party;
struct sim_desk;

struct sim_desk *desk_new(struct sim_party *party);
void desk_free(struct sim_desk *desk);

/* A request was delivered; the second time nothing changes. */
void desk_take_request(struct sim_desk *desk, const struct envelope_delivery *checked, size_t index,
                       const Skp__V1__RequestFact *fact);

/* While it works it says more than the one answer that is due. */
void desk_let_work(struct sim_desk *desk, bool working);

void desk_work(struct sim_desk *desk);
int64_t desk_due(const struct sim_desk *desk);

/* Nothing is to be answered any more. */
bool desk_is_quiet(const struct sim_desk *desk);

#endif
