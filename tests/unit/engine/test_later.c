/* What the wire knows and a later release takes. */
#include "engine_mail.h"

/* One of each kind of line that a later release takes. The facts live as long as the next call. */
struct later_line {
    const char *path;
    Skp__V1__Line line;
    bool from_creditor;
    bool to_broker;
};

#define LATER_KINDS 9

static void later_lines(struct later_line ret_lines[LATER_KINDS], const struct skp_id *ids)
{
    static Skp__V1__WithdrawalFact withdrawal;
    static Skp__V1__OfferFact offer, again;
    static Skp__V1__OfferReplyFact reply;
    static Skp__V1__PaymentFact payment;
    static Skp__V1__CaseStepFact step;
    static Skp__V1__DecisionFact decision;
    static Skp__V1__NoticeFact notice;
    static Skp__V1__MandateFact mandate;
    skp__v1__withdrawal_fact__init(&withdrawal);
    skp__v1__offer_fact__init(&offer);
    skp__v1__offer_reply_fact__init(&reply);
    skp__v1__payment_fact__init(&payment);
    skp__v1__case_step_fact__init(&step);
    skp__v1__decision_fact__init(&decision);
    skp__v1__notice_fact__init(&notice);
    skp__v1__mandate_fact__init(&mandate);
    withdrawal.version = offer.version = reply.version = payment.version = step.version = 1;
    decision.version = notice.version = mandate.version = 1;
    withdrawal.request_id = offer.request_id = reply.request_id = payment.request_id =
        decision.request_id = notice.request_id = wire_id(&ids[0]);
    withdrawal.case_id = decision.case_id = step.case_id = mandate.mandate_id = wire_id(&ids[1]);
    offer.state = SKP__V1__OFFER_STATE__OFFER_STATE_OFFERED;
    reply.state = SKP__V1__OFFER_STATE__OFFER_STATE_AGREED;
    payment.state = SKP__V1__PAYMENT_STATE__PAYMENT_STATE_PAID;
    step.state = SKP__V1__CASE_STATE__CASE_STATE_CALCULATED;
    decision.decision = SKP__V1__DECISION__DECISION_ASK_AGAIN;
    again = offer;
    again.state = SKP__V1__OFFER_STATE__OFFER_STATE_RECONSIDERED;
#define LATER(n, arm, case, fact, creditor, broker)                                                \
    skp__v1__line__init(&ret_lines[n].line);                                                       \
    ret_lines[n].line.fact_case = SKP__V1__LINE__FACT_##case;                                      \
    ret_lines[n].line.arm = (fact);                                                                \
    ret_lines[n].path = #arm;                                                                      \
    ret_lines[n].from_creditor = (creditor);                                                       \
    ret_lines[n].to_broker = (broker);
    LATER(0, withdrawal, WITHDRAWAL, &withdrawal, false, true)
    LATER(1, offer, OFFER, &offer, false, false)
    LATER(2, offer, OFFER, &again, false, false)
    LATER(3, offer_reply, OFFER_REPLY, &reply, true, false)
    LATER(4, payment, PAYMENT, &payment, false, false)
    LATER(5, case_step, CASE_STEP, &step, false, true)
    LATER(6, decision, DECISION, &decision, false, true)
    LATER(7, notice, NOTICE, &notice, false, false)
    LATER(8, mandate, MANDATE, &mandate, true, true)
}

static void what_a_later_release_takes_is_refused_by_name(void **state)
{
    struct world *w = *state;
    struct skp_id ids[] = {id_new(), id_new()};
    struct later_line lines[LATER_KINDS];
    later_lines(lines, ids);
    for (size_t i = 0; i < LATER_KINDS; i++) {
        struct letter letter;
        const struct later_line *later = &lines[i];
        letter_begin(&letter, w, later->from_creditor ? &w->creditor : &w->counsellor);
        if (later->to_broker)
            letter_to_broker(&letter);
        else
            letter_to(&letter, later->from_creditor ? &w->counsellor : &w->creditor);
        letter_line(&letter, &lines[i].line, "", NULL);
        Skp__V1__ReceiptBody *body = letter_send(&letter);
        assert_refused(body, 0, 0, SKP_E_NOT_YET_AVAILABLE, later->path);
        assert_int_equal(body->n_texts, 1);
        assert_true(body->texts[0]->sentence[0] != '\0' && body->texts[0]->remedy[0] != '\0');
        test_met(SKP_E_NOT_YET_AVAILABLE);
    }
}

static void a_line_of_a_later_release_is_still_said_by_who_may_say_it(void **state)
{
    struct world *w = *state;
    struct skp_id ids[] = {id_new(), id_new()};
    struct later_line lines[LATER_KINDS];
    struct letter letter;
    later_lines(lines, ids);
    letter_begin(&letter, w, &w->creditor);
    letter_to(&letter, &w->counsellor);
    letter_line(&letter, &lines[1].line, "", NULL);
    assert_refused(letter_send(&letter), 0, 0, SKP_E_ROLE_FORBIDDEN, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_later_release_takes_is_refused_by_name),
        TEST(a_line_of_a_later_release_is_still_said_by_who_may_say_it),
    };
    return cmocka_run_group_tests_name("later releases", tests, NULL, NULL);
}
