#include "fact_values.h"

#include <string.h>

/* ---------------------------------------------------------------- what a counsellor says */

static void check_case(struct fact_check *check, const Skp__V1__CaseFact *fact)
{
    fact_need_id(check, "case_id", fact->case_id);
    fact_need_number(check, "version", fact->version);
    fact_expect(check, fact->persons == 1 || fact->persons == 2, SKP_E_PERSONS, "persons");
    fact_need_enum(check, "product", (int)fact->product);
    fact_need_enum(check, "guidance", (int)fact->guidance);
    fact_need_date(check, "reference_date", fact->reference_date);
    fact_need_oin(check, "responsible", fact->responsible);
    fact_expect(check, fact->n_request_ids > 0, SKP_E_REQUIRED, "request_ids");
    fact_id_list(check, "request_ids", fact->request_ids, fact->n_request_ids, FACT_MAX_REQUESTS);
}

static void check_off_network(struct fact_check *check, const Skp__V1__OffNetworkFact *fact)
{
    fact_need_id(check, "request_id", fact->request_id);
    fact_need_number(check, "version", fact->version);
    fact_need_enum(check, "kind", (int)fact->kind);
}

static bool known_before(const Skp__V1__RequestFact *fact, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (memcmp(fact->claims[i]->claim_id.data, fact->claims[index]->claim_id.data, ID_BYTES) ==
            0)
            return true;
    }
    return false;
}

static void check_known_claim(struct fact_check *check, const Skp__V1__RequestFact *fact,
                              size_t index)
{
    const Skp__V1__KnownClaim *claim = fact->claims[index];
    fact_enter(check, "claims", index);
    fact_need_id(check, "claim_id", claim->claim_id);
    fact_need_enum(check, "kind", (int)claim->kind);
    fact_amount(check, "amount_cents", claim->amount_cents);
    fact_need_enum(check, "debtor", (int)claim->debtor);
    /* Ids are compared only when all of them so far are whole. */
    if (!check->err)
        fact_expect(check, !known_before(fact, index), SKP_E_DUPLICATE_CLAIM, "claim_id");
    fact_leave(check);
}

static void check_request(struct fact_check *check, const Skp__V1__RequestFact *fact)
{
    fact_need_id(check, "request_id", fact->request_id);
    fact_need_number(check, "version", fact->version);
    fact_may_hash(check, "commitment", fact->commitment);
    fact_expect(check, !fact->contains_bsn || fact->commitment.len > 0, SKP_E_FIELD_UNEXPECTED,
                "contains_bsn");
    fact_need_enum(check, "debtor", (int)fact->debtor);
    fact_need_enum(check, "product", (int)fact->product);
    fact_need_enum(check, "guidance", (int)fact->guidance);
    fact_need_date(check, "reference_date", fact->reference_date);
    fact_may_text(check, "brand", fact->brand, FACT_MAX_BRAND);
    fact_list(check, "claims", fact->n_claims, FACT_MAX_CLAIMS);
    for (size_t i = 0; i < fact->n_claims && !check->err; i++)
        check_known_claim(check, fact, i);
}

static void check_withdrawal(struct fact_check *check, const Skp__V1__WithdrawalFact *fact)
{
    fact_need_id(check, "request_id", fact->request_id);
    fact_need_number(check, "version", fact->version);
    fact_need_id(check, "case_id", fact->case_id);
}

/* ---------------------------------------------------------------- a line */

const char *fact_name(const Skp__V1__Line *line)
{
    const ProtobufCFieldDescriptor *arm =
        protobuf_c_message_descriptor_get_field(line->base.descriptor, (unsigned)line->fact_case);
    return arm ? arm->name : NULL;
}

static void check_line(struct fact_check *check, const Skp__V1__Line *line)
{
    check->base = fact_name(line);
    switch (line->fact_case) {
    case SKP__V1__LINE__FACT_CASE_FACT:
        check_case(check, line->case_fact);
        return;
    case SKP__V1__LINE__FACT_OFF_NETWORK:
        check_off_network(check, line->off_network);
        return;
    case SKP__V1__LINE__FACT_REQUEST:
        check_request(check, line->request);
        return;
    case SKP__V1__LINE__FACT_ANSWER:
        fact_check_answer(check, line->answer);
        return;
    case SKP__V1__LINE__FACT_RECORDED:
        fact_check_recorded(check, line->recorded);
        return;
    case SKP__V1__LINE__FACT_WITHDRAWAL:
        check_withdrawal(check, line->withdrawal);
        return;
    case SKP__V1__LINE__FACT_OVERVIEW:
        fact_check_overview(check, line->overview);
        return;
    case SKP__V1__LINE__FACT_EVENT:
        fact_check_event(check, line->event);
        return;
    case SKP__V1__LINE__FACT_OFFER:
    case SKP__V1__LINE__FACT_OFFER_REPLY:
    case SKP__V1__LINE__FACT_PAYMENT:
    case SKP__V1__LINE__FACT_CASE_STEP:
    case SKP__V1__LINE__FACT_DECISION:
    case SKP__V1__LINE__FACT_NOTICE:
    case SKP__V1__LINE__FACT_MANDATE:
        fact_check_later(check, line);
        return;
    case SKP__V1__LINE__FACT__NOT_SET:
    case _SKP__V1__LINE__FACT__CASE_IS_INT_SIZE:
        break;
    }
    fact_expect(check, false, SKP_E_BODY_MISSING, "");
}

enum skp_err fact_read(struct span line, struct arena *arena, char *ret_path,
                       Skp__V1__Line **ret_line)
{
    if (line.len > FACT_MAX_LINE) {
        ret_path[0] = '\0';
        return SKP_E_BATCH_TOO_LARGE;
    }
    ProtobufCMessage *message = NULL;
    enum skp_err err = wire_unpack(&skp__v1__line__descriptor, line, arena, ret_path, &message);
    if (err)
        return err;
    Skp__V1__Line *unpacked = (Skp__V1__Line *)message;
    struct fact_check check = {.path = ret_path};
    check_line(&check, unpacked);
    if (check.err)
        return check.err;
    *ret_line = unpacked;
    return SKP_OK;
}

/* ---------------------------------------------------------------- what a line is about */

static ProtobufCBinaryData item_id_bytes(const Skp__V1__Line *line)
{
    switch (line->fact_case) {
    case SKP__V1__LINE__FACT_CASE_FACT:
        return line->case_fact->case_id;
    case SKP__V1__LINE__FACT_OFF_NETWORK:
        return line->off_network->request_id;
    case SKP__V1__LINE__FACT_REQUEST:
        return line->request->request_id;
    case SKP__V1__LINE__FACT_ANSWER:
        return line->answer->request_id;
    case SKP__V1__LINE__FACT_RECORDED:
        return line->recorded->request_id;
    case SKP__V1__LINE__FACT_WITHDRAWAL:
        return line->withdrawal->request_id;
    case SKP__V1__LINE__FACT_OVERVIEW:
        return line->overview->round_id;
    case SKP__V1__LINE__FACT_EVENT:
        return line->event->event_id;
    case SKP__V1__LINE__FACT_OFFER:
    case SKP__V1__LINE__FACT_OFFER_REPLY:
    case SKP__V1__LINE__FACT_PAYMENT:
    case SKP__V1__LINE__FACT_CASE_STEP:
    case SKP__V1__LINE__FACT_DECISION:
    case SKP__V1__LINE__FACT_NOTICE:
    case SKP__V1__LINE__FACT_MANDATE:
        return fact_later_id(line);
    case SKP__V1__LINE__FACT__NOT_SET:
    case _SKP__V1__LINE__FACT__CASE_IS_INT_SIZE:
        break;
    }
    return (ProtobufCBinaryData){0};
}

enum skp_err fact_item_id(const Skp__V1__Line *line, struct skp_id *ret_id)
{
    if (line->fact_case == SKP__V1__LINE__FACT__NOT_SET)
        return SKP_E_BODY_MISSING;
    ProtobufCBinaryData id = item_id_bytes(line);
    return id_take(wire_span(id), ret_id) ? SKP_OK : SKP_E_ID_FORMAT;
}

bool fact_commitment(const Skp__V1__Line *line, struct skp_hash *ret_commitment)
{
    ProtobufCBinaryData commitment = {0};
    if (line->fact_case == SKP__V1__LINE__FACT_REQUEST)
        commitment = line->request->commitment;
    else if (line->fact_case == SKP__V1__LINE__FACT_ANSWER)
        commitment = line->answer->commitment;
    else
        commitment = fact_later_commitment(line);
    return hash_take(wire_span(commitment), ret_commitment);
}
