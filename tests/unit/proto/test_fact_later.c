/* Lines that this release knows by name only. */
#include "testing.h"

#include "fact_fixture.h"

#define OFFER(name) SKP__V1__OFFER_STATE__OFFER_STATE_##name

struct later {
    Skp__V1__OfferFact offer;
    Skp__V1__OfferReplyFact reply;
    Skp__V1__PaymentFact payment;
    Skp__V1__CaseStepFact step;
    Skp__V1__DecisionFact decision;
    Skp__V1__NoticeFact notice;
    Skp__V1__MandateFact mandate;
};

static struct later later;

#define FILL(function, arm, case, field, type, id)                                                 \
    static void function(struct fixture *f)                                                        \
    {                                                                                              \
        skp__v1__##type##__init(&later.field);                                                     \
        f->line.fact_case = SKP__V1__LINE__FACT_##case;                                            \
        f->line.arm = &later.field;                                                                \
        later.field.version = 1;                                                                   \
        later.field.id = f->ids[0];                                                                \
        fill_state();                                                                              \
    }

static void fill_state(void)
{
    later.offer.state = OFFER(OFFERED);
    later.reply.state = OFFER(DECLINED);
    later.payment.state = SKP__V1__PAYMENT_STATE__PAYMENT_STATE_PAYABLE;
    later.step.state = SKP__V1__CASE_STATE__CASE_STATE_ENDED;
    later.decision.decision = SKP__V1__DECISION__DECISION_ESTIMATE;
}

FILL(fill_offer, offer, OFFER, offer, offer_fact, request_id)
FILL(fill_reply, offer_reply, OFFER_REPLY, reply, offer_reply_fact, request_id)
FILL(fill_payment, payment, PAYMENT, payment, payment_fact, request_id)
FILL(fill_step, case_step, CASE_STEP, step, case_step_fact, case_id)
FILL(fill_decision, decision, DECISION, decision, decision_fact, request_id)
FILL(fill_notice, notice, NOTICE, notice, notice_fact, request_id)
FILL(fill_mandate, mandate, MANDATE, mandate, mandate_fact, mandate_id)

static void (*const fills[])(struct fixture *) = {
    fill_offer, fill_reply, fill_payment, fill_step, fill_decision, fill_notice, fill_mandate};

#define FILLS (sizeof fills / sizeof fills[0])

static void each_line_of_later_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < FILLS; i++)
        assert_good(fills[i]);
}

#define OFFER_RULES(X)                                                                             \
    X(offer_without_id, REQUIRED, "offer.request_id", f->line.offer->request_id.len = 0)           \
    X(offer_without_version, REQUIRED, "offer.version", f->line.offer->version = 0)                \
    X(offer_without_state, ENUM_VALUE, "offer.state", f->line.offer->state = 0)                    \
    X(offer_that_agrees, ENUM_VALUE, "offer.state", f->line.offer->state = OFFER(AGREED))          \
    X(offer_in_no_such_state, ENUM_VALUE, "offer.state", f->line.offer->state = 8)
OFFER_RULES(SPOIL_FUNCTION)
#define REPLY_RULES(X)                                                                             \
    X(reply_without_id, REQUIRED, "offer_reply.request_id",                                        \
      f->line.offer_reply->request_id.len = 0)                                                     \
    X(reply_that_offers, ENUM_VALUE, "offer_reply.state",                                          \
      f->line.offer_reply->state = OFFER(OFFERED))
REPLY_RULES(SPOIL_FUNCTION)
#define STEP_RULES(X)                                                                              \
    X(step_without_id, REQUIRED, "case_step.case_id", f->line.case_step->case_id.len = 0)          \
    X(step_that_the_requests_tell, ENUM_VALUE, "case_step.state",                                  \
      f->line.case_step->state = SKP__V1__CASE_STATE__CASE_STATE_COMPLETE)
STEP_RULES(SPOIL_FUNCTION)
#define PAYMENT_RULES(X)                                                                           \
    X(payment_in_no_state, ENUM_VALUE, "payment.state", f->line.payment->state = 0)
PAYMENT_RULES(SPOIL_FUNCTION)
#define DECISION_RULES(X)                                                                          \
    X(decision_of_nothing, ENUM_VALUE, "decision.decision", f->line.decision->decision = 0)
DECISION_RULES(SPOIL_FUNCTION)
#define NOTICE_RULES(X)                                                                            \
    X(notice_without_version, REQUIRED, "notice.version", f->line.notice->version = 0)
NOTICE_RULES(SPOIL_FUNCTION)
#define MANDATE_RULES(X)                                                                           \
    X(mandate_without_id, REQUIRED, "mandate.mandate_id", f->line.mandate->mandate_id.len = 0)
MANDATE_RULES(SPOIL_FUNCTION)

#define ASSERT_RULES(fill, RULES)                                                                  \
    do {                                                                                           \
        static const struct spoiled cases[] = {RULES(SPOIL_ROW)};                                  \
        assert_spoiled(fill, cases, sizeof cases / sizeof cases[0]);                               \
    } while (0)

static void each_names_what_it_is_about_and_where_to(void **state)
{
    (void)state;
    ASSERT_RULES(fill_offer, OFFER_RULES);
    ASSERT_RULES(fill_reply, REPLY_RULES);
    ASSERT_RULES(fill_step, STEP_RULES);
    ASSERT_RULES(fill_payment, PAYMENT_RULES);
    ASSERT_RULES(fill_decision, DECISION_RULES);
    ASSERT_RULES(fill_notice, NOTICE_RULES);
    ASSERT_RULES(fill_mandate, MANDATE_RULES);
}

static void each_is_about_its_item(void **state)
{
    (void)state;
    static struct fixture f;
    struct skp_id id;
    for (size_t i = 0; i < FILLS; i++) {
        fixture_init(&f);
        fills[i](&f);
        assert_ok(fact_item_id(&f.line, &id));
        assert_memory_equal(id.bytes, f.id_bytes[0], ID_BYTES);
    }
}

static void offers_replies_and_payments_can_seal(void **state)
{
    (void)state;
    static struct fixture f;
    struct skp_hash commitment;
    for (size_t i = 0; i < FILLS; i++) {
        fixture_init(&f);
        fills[i](&f);
        assert_false(fact_commitment(&f.line, &commitment));
        later.offer.commitment = later.reply.commitment = later.payment.commitment =
            fixture_hash(&f);
        assert_int_equal(fact_commitment(&f.line, &commitment), i < 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_of_later_can_be_read),
        cmocka_unit_test(each_names_what_it_is_about_and_where_to),
        cmocka_unit_test(each_is_about_its_item),
        cmocka_unit_test(offers_replies_and_payments_can_seal),
    };
    return cmocka_run_group_tests_name("lines of later releases", tests, NULL, NULL);
}
