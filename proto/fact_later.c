/* Lines of later releases. */
#include "fact_values.h"

static bool can_offer(Skp__V1__OfferState state)
{
    return state == SKP__V1__OFFER_STATE__OFFER_STATE_OFFERED ||
           state == SKP__V1__OFFER_STATE__OFFER_STATE_RECONSIDERED ||
           state == SKP__V1__OFFER_STATE__OFFER_STATE_COURT_ORDERED;
}

static bool can_reply(Skp__V1__OfferState state)
{
    return state == SKP__V1__OFFER_STATE__OFFER_STATE_AGREED ||
           state == SKP__V1__OFFER_STATE__OFFER_STATE_DECLINED;
}

/* What comes before is told by the requests themselves. */
static bool can_step(Skp__V1__CaseState state)
{
    return state >= SKP__V1__CASE_STATE__CASE_STATE_CALCULATED;
}

static void check_state(struct fact_check *check, const Skp__V1__Line *line)
{
    if (line->fact_case == SKP__V1__LINE__FACT_OFFER)
        fact_expect(check, can_offer(line->offer->state), SKP_E_ENUM_VALUE, "state");
    else if (line->fact_case == SKP__V1__LINE__FACT_OFFER_REPLY)
        fact_expect(check, can_reply(line->offer_reply->state), SKP_E_ENUM_VALUE, "state");
    else if (line->fact_case == SKP__V1__LINE__FACT_PAYMENT)
        fact_need_enum(check, "state", (int)line->payment->state);
    else if (line->fact_case == SKP__V1__LINE__FACT_CASE_STEP)
        fact_expect(check, can_step(line->case_step->state), SKP_E_ENUM_VALUE, "state");
    else if (line->fact_case == SKP__V1__LINE__FACT_DECISION)
        fact_need_enum(check, "decision", (int)line->decision->decision);
}

/* Of each kind: what it is about, under which name, and its version. */
struct later {
    const char *id_name;
    ProtobufCBinaryData id;
    uint32_t version;
};

static struct later about_request(ProtobufCBinaryData request_id, uint32_t version)
{
    return (struct later){"request_id", request_id, version};
}

static struct later read_later(const Skp__V1__Line *line)
{
    if (line->fact_case == SKP__V1__LINE__FACT_OFFER)
        return about_request(line->offer->request_id, line->offer->version);
    if (line->fact_case == SKP__V1__LINE__FACT_OFFER_REPLY)
        return about_request(line->offer_reply->request_id, line->offer_reply->version);
    if (line->fact_case == SKP__V1__LINE__FACT_PAYMENT)
        return about_request(line->payment->request_id, line->payment->version);
    if (line->fact_case == SKP__V1__LINE__FACT_DECISION)
        return about_request(line->decision->request_id, line->decision->version);
    if (line->fact_case == SKP__V1__LINE__FACT_NOTICE)
        return about_request(line->notice->request_id, line->notice->version);
    if (line->fact_case == SKP__V1__LINE__FACT_CASE_STEP)
        return (struct later){"case_id", line->case_step->case_id, line->case_step->version};
    if (line->fact_case == SKP__V1__LINE__FACT_MANDATE)
        return (struct later){"mandate_id", line->mandate->mandate_id, line->mandate->version};
    return (struct later){.id_name = ""};
}

void fact_check_later(struct fact_check *check, const Skp__V1__Line *line)
{
    struct later later = read_later(line);
    fact_need_id(check, later.id_name, later.id);
    fact_need_number(check, "version", later.version);
    check_state(check, line);
}

ProtobufCBinaryData fact_later_id(const Skp__V1__Line *line)
{
    return read_later(line).id;
}

ProtobufCBinaryData fact_later_commitment(const Skp__V1__Line *line)
{
    if (line->fact_case == SKP__V1__LINE__FACT_OFFER)
        return line->offer->commitment;
    if (line->fact_case == SKP__V1__LINE__FACT_OFFER_REPLY)
        return line->offer_reply->commitment;
    if (line->fact_case == SKP__V1__LINE__FACT_PAYMENT)
        return line->payment->commitment;
    return (ProtobufCBinaryData){0};
}
