/* Who says what to whom. */
#include "registry.h"

#define COUNSELLOR ROLE_BIT(SKP__V1__ROLE__ROLE_COUNSELLOR)
#define CREDITOR   ROLE_BIT(SKP__V1__ROLE__ROLE_CREDITOR)
#define BROKER     0U

/* Overviews and events have no row: only the broker itself says them. Neither has the operator, who
 * never says an outcome. */
static const struct {
    Skp__V1__Line__FactCase fact;
    uint32_t sender;
    uint32_t recipient;
} table[] = {
    {SKP__V1__LINE__FACT_CASE_FACT, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_OFF_NETWORK, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_REQUEST, COUNSELLOR, CREDITOR},
    {SKP__V1__LINE__FACT_ANSWER, CREDITOR, COUNSELLOR},
    {SKP__V1__LINE__FACT_RECORDED, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_WITHDRAWAL, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_OFFER, COUNSELLOR, CREDITOR},
    {SKP__V1__LINE__FACT_OFFER_REPLY, CREDITOR, COUNSELLOR},
    {SKP__V1__LINE__FACT_PAYMENT, COUNSELLOR, CREDITOR},
    {SKP__V1__LINE__FACT_PAYMENT, CREDITOR, COUNSELLOR},
    {SKP__V1__LINE__FACT_CASE_STEP, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_DECISION, COUNSELLOR, BROKER},
    {SKP__V1__LINE__FACT_NOTICE, COUNSELLOR, CREDITOR},
    {SKP__V1__LINE__FACT_MANDATE, CREDITOR, BROKER},
};

enum skp_err registry_may_say(uint32_t roles, uint32_t recipient_roles,
                              Skp__V1__Line__FactCase fact)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool reaches = table[i].recipient == BROKER ? recipient_roles == 0
                                                    : (recipient_roles & table[i].recipient) != 0;
        if (table[i].fact == fact && (roles & table[i].sender) != 0 && reaches)
            return SKP_OK;
    }
    return SKP_E_ROLE_FORBIDDEN;
}
