/* Who says what to whom. */
#include "testing.h"

#include "registry.h"

#define C ROLE_BIT(SKP__V1__ROLE__ROLE_COUNSELLOR)
#define S ROLE_BIT(SKP__V1__ROLE__ROLE_CREDITOR)
#define O ROLE_BIT(SKP__V1__ROLE__ROLE_OPERATOR)

/* Written out by hand: what a counsellor or creditor says to the broker (0), a counsellor or a
 * creditor. Whatever is not here is forbidden. */
static const struct {
    Skp__V1__Line__FactCase fact;
    uint32_t from;
    uint32_t to;
    enum skp_err err;
} sayings[] = {
    {SKP__V1__LINE__FACT_CASE_FACT, C, 0, SKP_OK}, {SKP__V1__LINE__FACT_OFF_NETWORK, C, 0, SKP_OK},
    {SKP__V1__LINE__FACT_REQUEST, C, S, SKP_OK},   {SKP__V1__LINE__FACT_ANSWER, S, C, SKP_OK},
    {SKP__V1__LINE__FACT_RECORDED, C, 0, SKP_OK},  {SKP__V1__LINE__FACT_WITHDRAWAL, C, 0, SKP_OK},
    {SKP__V1__LINE__FACT_OFFER, C, S, SKP_OK},     {SKP__V1__LINE__FACT_OFFER_REPLY, S, C, SKP_OK},
    {SKP__V1__LINE__FACT_PAYMENT, C, S, SKP_OK},   {SKP__V1__LINE__FACT_PAYMENT, S, C, SKP_OK},
    {SKP__V1__LINE__FACT_CASE_STEP, C, 0, SKP_OK}, {SKP__V1__LINE__FACT_DECISION, C, 0, SKP_OK},
    {SKP__V1__LINE__FACT_NOTICE, C, S, SKP_OK},    {SKP__V1__LINE__FACT_MANDATE, S, 0, SKP_OK},
};

static enum skp_err expected(Skp__V1__Line__FactCase fact, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < sizeof sayings / sizeof sayings[0]; i++) {
        if (sayings[i].fact == fact && sayings[i].from == from && sayings[i].to == to)
            return sayings[i].err;
    }
    return SKP_E_ROLE_FORBIDDEN;
}

static void every_role_says_what_the_table_says_and_nothing_else(void **state)
{
    (void)state;
    const uint32_t roles[] = {0, C, S, O};
    for (int fact = SKP__V1__LINE__FACT__NOT_SET; fact <= SKP__V1__LINE__FACT_MANDATE; fact++) {
        for (size_t from = 0; from < 4; from++) {
            for (size_t to = 0; to < 4; to++)
                assert_err(registry_may_say(roles[from], roles[to], (Skp__V1__Line__FactCase)fact),
                           expected((Skp__V1__Line__FactCase)fact, roles[from], roles[to]));
        }
    }
}

static void a_municipality_that_is_also_a_creditor_says_both(void **state)
{
    (void)state;
    assert_ok(registry_may_say(C | S, S, SKP__V1__LINE__FACT_REQUEST));
    assert_ok(registry_may_say(C | S, C, SKP__V1__LINE__FACT_ANSWER));
    assert_ok(registry_may_say(C, C | S, SKP__V1__LINE__FACT_REQUEST));
    assert_err(registry_may_say(C | S, S, SKP__V1__LINE__FACT_ANSWER), SKP_E_ROLE_FORBIDDEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_role_says_what_the_table_says_and_nothing_else),
        cmocka_unit_test(a_municipality_that_is_also_a_creditor_says_both),
    };
    return cmocka_run_group_tests_name("registry_say", tests, NULL, NULL);
}
