#include "testing.h"

#include "workflow.h"

#include <stdio.h>
#include <string.h>

/* Written out by hand, apart from the source's tables. */
struct told_row {
    const char *name; /* "": there is none yet */
    const char *moves;
    bool later;
};

static const struct told_row cases[] = {
    {"", "INCOMPLETE INVENTORY", false},
    {"INCOMPLETE", "INVENTORY COMPLETE ENDED", false},
    {"INVENTORY", "INCOMPLETE COMPLETE ENDED", false},
    {"COMPLETE", "INCOMPLETE INVENTORY CALCULATED ENDED", false},
    {"CALCULATED", "COMPLETE OFFERING ENDED", true},
    {"OFFERING", "CALCULATED AGREED ENDED", true},
    {"AGREED", "CALCULATED RUNNING ENDED", true},
    {"RUNNING", "DISCHARGED ENDED", true},
    {"DISCHARGED", "", true},
    {"ENDED", "", true},
};

static const struct told_row claims[] = {
    {"", "CONFIRMED DISPUTED IN_COLLECTION SOLD", false},
    {"CONFIRMED", "DISPUTED IN_COLLECTION SOLD", false},
    {"DISPUTED", "CONFIRMED IN_COLLECTION SOLD", false},
    {"IN_COLLECTION", "CONFIRMED DISPUTED SOLD", false},
    {"SOLD", "CONFIRMED DISPUTED IN_COLLECTION", false},
};

static const struct told_row offers[] = {
    {"", "OFFERED COURT_ORDERED", false},
    {"OFFERED", "AGREED DECLINED NO_ANSWER SUPERSEDED", true},
    {"AGREED", "SUPERSEDED", true},
    {"DECLINED", "RECONSIDERED COURT_ORDERED SUPERSEDED", true},
    {"NO_ANSWER", "RECONSIDERED COURT_ORDERED SUPERSEDED", true},
    {"RECONSIDERED", "AGREED DECLINED NO_ANSWER SUPERSEDED", true},
    {"COURT_ORDERED", "", true},
    {"SUPERSEDED", "", true},
};

static const struct told_row payments[] = {
    {"", "PAYABLE", false},
    {"PAYABLE", "PAID", true},
    {"PAID", "PAID DISCHARGED", true},
    {"DISCHARGED", "", true},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct told {
    enum workflow workflow;
    const struct told_row *rows;
    size_t count;
    const ProtobufCEnumDescriptor *words;
    const char *prefix;
} all[] = {
    {WORKFLOW_CASE, cases, COUNT(cases), &skp__v1__case_state__descriptor, "CASE_STATE_"},
    {WORKFLOW_CLAIM, claims, COUNT(claims), &skp__v1__claim_state__descriptor, "CLAIM_STATE_"},
    {WORKFLOW_OFFER, offers, COUNT(offers), &skp__v1__offer_state__descriptor, "OFFER_STATE_"},
    {WORKFLOW_PAYMENT, payments, COUNT(payments), &skp__v1__payment_state__descriptor,
     "PAYMENT_STATE_"},
};

static bool has_word(const char *words, const char *word)
{
    char padded[128];
    char wanted[40];
    (void)snprintf(padded, sizeof padded, " %s ", words);
    (void)snprintf(wanted, sizeof wanted, " %s ", word);
    return *word != '\0' && strstr(padded, wanted) != NULL;
}

static void every_pair_of_states_moves_as_the_table_says(void **state)
{
    (void)state;
    for (const struct told *told = all; told < all + COUNT(all); told++)
        for (size_t from = 0; from < told->count; from++)
            for (size_t to = 0; to < told->count; to++)
                if (workflow_may_move(told->workflow, (uint8_t)from, (uint8_t)to) !=
                    has_word(told->rows[from].moves, told->rows[to].name))
                    fail_msg("%s from '%s' to '%s'", told->prefix, told->rows[from].name,
                             told->rows[to].name);
}

static void every_state_has_the_name_of_the_protocol(void **state)
{
    (void)state;
    for (const struct told *told = all; told < all + COUNT(all); told++) {
        assert_int_equal(told->words->n_values, told->count);
        assert_null(workflow_name(told->workflow, 0));
        for (size_t i = 1; i < told->count; i++) {
            const char *word = protobuf_c_enum_descriptor_get_value(told->words, (int)i)->name;
            assert_string_equal(workflow_name(told->workflow, (uint8_t)i), told->rows[i].name);
            assert_string_equal(word + strlen(told->prefix), told->rows[i].name);
            assert_int_equal(workflow_is_later(told->workflow, (uint8_t)i), told->rows[i].later);
        }
    }
}

static void a_state_that_does_not_exist_moves_nowhere(void **state)
{
    (void)state;
    for (const struct told *told = all; told < all + COUNT(all); told++)
        for (unsigned other = 0; other < 256; other++) {
            assert_false(workflow_may_move(told->workflow, (uint8_t)other, 0));
            assert_false(workflow_may_move(told->workflow, (uint8_t)told->count, (uint8_t)other));
            assert_false(workflow_may_move(told->workflow, (uint8_t)other, (uint8_t)told->count));
            assert_false(workflow_may_move(told->workflow, 255, (uint8_t)other));
        }
}

/* A yes that was given is never taken back by a no, nor made of silence. */
static void silence_on_an_offer_is_never_agreed_by_itself(void **state)
{
    (void)state;
    assert_false(workflow_may_move(WORKFLOW_OFFER, SKP__V1__OFFER_STATE__OFFER_STATE_NO_ANSWER,
                                   SKP__V1__OFFER_STATE__OFFER_STATE_AGREED));
    assert_false(workflow_may_move(WORKFLOW_OFFER, SKP__V1__OFFER_STATE__OFFER_STATE_AGREED,
                                   SKP__V1__OFFER_STATE__OFFER_STATE_DECLINED));
}

/* ---------------------------------------------------------------- lines */

static enum skp_err takes_step(Skp__V1__CaseState to)
{
    Skp__V1__Line line;
    Skp__V1__CaseStepFact step;
    skp__v1__line__init(&line);
    skp__v1__case_step_fact__init(&step);
    line.fact_case = SKP__V1__LINE__FACT_CASE_STEP;
    line.case_step = &step;
    step.state = to;
    return workflow_takes(&line);
}

static void every_state_beyond_a_complete_case_is_not_yet_available(void **state)
{
    (void)state;
    for (uint8_t to = 1; to < COUNT(cases); to++)
        assert_err(takes_step((Skp__V1__CaseState)to),
                   cases[to].later ? SKP_E_NOT_YET_AVAILABLE : SKP_OK);
}

static void the_kinds_of_lines_of_this_release_are_taken(void **state)
{
    (void)state;
    Skp__V1__Line line;
    skp__v1__line__init(&line);
    for (int kind = SKP__V1__LINE__FACT_CASE_FACT; kind <= SKP__V1__LINE__FACT_EVENT; kind++) {
        line.fact_case = (Skp__V1__Line__FactCase)kind;
        assert_err(workflow_takes(&line),
                   kind == SKP__V1__LINE__FACT_WITHDRAWAL ? SKP_E_NOT_YET_AVAILABLE : SKP_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_states_moves_as_the_table_says),
        cmocka_unit_test(every_state_has_the_name_of_the_protocol),
        cmocka_unit_test(a_state_that_does_not_exist_moves_nowhere),
        cmocka_unit_test(silence_on_an_offer_is_never_agreed_by_itself),
        cmocka_unit_test(every_state_beyond_a_complete_case_is_not_yet_available),
        cmocka_unit_test(the_kinds_of_lines_of_this_release_are_taken),
    };
    return cmocka_run_group_tests_name("workflow", tests, NULL, NULL);
}
