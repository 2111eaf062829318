#include "cases_build.h"

#include "wire.h"

#include <string.h>

/* ---------------------------------------------------------------- facts */

static Skp__V1__Line *new_line(struct arena *arena, Skp__V1__Line__FactCase fact_case)
{
    Skp__V1__Line *line = arena_alloc(arena, sizeof *line);
    if (line) {
        skp__v1__line__init(line);
        line->fact_case = fact_case;
    }
    return line;
}

static enum skp_err build_case(const struct plan_case *plan, struct arena *arena,
                               Skp__V1__Line **ret_line)
{
    const struct register_case *asked = plan->asked;
    Skp__V1__Line *line = new_line(arena, SKP__V1__LINE__FACT_CASE_FACT);
    Skp__V1__CaseFact *fact = arena_alloc(arena, sizeof *fact);
    ProtobufCBinaryData *ids = arena_calloc(arena, plan->id_count, sizeof *ids);
    if (!line || !fact || !ids)
        return SKP_E_NO_MEMORY;
    skp__v1__case_fact__init(fact);
    for (size_t i = 0; i < plan->id_count; i++)
        ids[i] = wire_id(&plan->ids[i]);
    fact->case_id = wire_id(&plan->case_id);
    fact->version = plan->version;
    fact->persons = 1 + asked->has_partner;
    fact->product = (Skp__V1__Product)asked->product;
    fact->guidance = (Skp__V1__Guidance)asked->guidance;
    fact->reference_date = asked->reference_date;
    fact->responsible = wire_text(asked->municipality.text);
    fact->n_request_ids = plan->id_count;
    fact->request_ids = ids;
    line->case_fact = fact;
    *ret_line = line;
    return SKP_OK;
}

static enum skp_err build_off_network(const struct plan_request *request, struct arena *arena,
                                      Skp__V1__Line **ret_line)
{
    Skp__V1__Line *line = new_line(arena, SKP__V1__LINE__FACT_OFF_NETWORK);
    Skp__V1__OffNetworkFact *fact = arena_alloc(arena, sizeof *fact);
    if (!line || !fact)
        return SKP_E_NO_MEMORY;
    skp__v1__off_network_fact__init(fact);
    fact->request_id = wire_id(&request->request_id);
    fact->version = 1;
    fact->kind = (Skp__V1__ClaimKind)request->asked->claims->kind;
    line->off_network = fact;
    *ret_line = line;
    return SKP_OK;
}

/* Whose debts these are: one word when all claims agree, else both. */
static Skp__V1__Debtor common_debtor(const struct register_request *asked)
{
    int debtor = asked->claims->debtor;
    for (const struct register_claim *claim = asked->claims; claim; claim = claim->next)
        if (claim->debtor != debtor)
            return SKP__V1__DEBTOR__DEBTOR_BOTH;
    return (Skp__V1__Debtor)debtor;
}

static enum skp_err build_claims(const struct register_request *asked, struct arena *arena,
                                 Skp__V1__RequestFact *fact, struct skp_id *ids)
{
    fact->claims = arena_calloc(arena, asked->claim_count, sizeof(*fact->claims));
    if (!fact->claims)
        return SKP_E_NO_MEMORY;
    for (const struct register_claim *at = asked->claims; at; at = at->next) {
        Skp__V1__KnownClaim *claim = arena_alloc(arena, sizeof *claim);
        if (!claim)
            return SKP_E_NO_MEMORY;
        skp__v1__known_claim__init(claim);
        ids[fact->n_claims] = id_new();
        claim->claim_id = wire_id(&ids[fact->n_claims]);
        claim->kind = (Skp__V1__ClaimKind)at->kind;
        claim->amount_cents = at->amount_cents == CSV_NO_AMOUNT ? 0 : at->amount_cents;
        claim->debtor = (Skp__V1__Debtor)at->debtor;
        fact->claims[fact->n_claims++] = claim;
    }
    return SKP_OK;
}

static enum skp_err build_request(const struct plan_case *plan, const struct plan_request *request,
                                  bool with_bsn, struct arena *arena, struct built_line *built)
{
    const struct register_request *asked = request->asked;
    Skp__V1__Line *line = new_line(arena, SKP__V1__LINE__FACT_REQUEST);
    Skp__V1__RequestFact *fact = arena_alloc(arena, sizeof *fact);
    struct skp_id *claim_ids = arena_calloc(arena, asked->claim_count, sizeof *claim_ids);
    if (!line || !fact || !claim_ids)
        return SKP_E_NO_MEMORY;
    skp__v1__request_fact__init(fact);
    fact->request_id = wire_id(&request->request_id);
    fact->version = 1;
    fact->contains_bsn = with_bsn;
    fact->urgent = asked->urgent;
    fact->debtor = common_debtor(asked);
    fact->product = (Skp__V1__Product)plan->asked->product;
    fact->guidance = (Skp__V1__Guidance)plan->asked->guidance;
    fact->reference_date = plan->asked->reference_date;
    fact->brand = wire_text(asked->brand);
    line->request = fact;
    built->line = line;
    built->claim_ids = claim_ids;
    return build_claims(asked, arena, fact, claim_ids);
}

/* ---------------------------------------------------------------- the sealed part */

static void fill_person(const struct csv_person *person, bool with_bsn, Skp__V1__Person *ret_person)
{
    skp__v1__person__init(ret_person);
    if (with_bsn)
        ret_person->bsn = wire_text(person->bsn);
    ret_person->initials = wire_text(person->initials);
    ret_person->first_names = wire_text(person->first_names);
    ret_person->prefix = wire_text(person->prefix);
    ret_person->surname = wire_text(person->surname);
    ret_person->sex = (Skp__V1__Sex)person->sex;
    ret_person->birth_date = person->birth_date;
}

static void fill_address(const struct csv_address *address, Skp__V1__Address *ret_address)
{
    skp__v1__address__init(ret_address);
    ret_address->street = wire_text(address->street);
    ret_address->number = wire_text(address->number);
    ret_address->letter = wire_text(address->letter);
    ret_address->addition = wire_text(address->addition);
    ret_address->indication = wire_text(address->indication);
    ret_address->postcode = wire_text(address->postcode);
    ret_address->place = wire_text(address->place);
    ret_address->mooring = wire_text(address->mooring);
}

static void fill_contact(const struct csv_contact *contact, const struct settings *settings,
                         Skp__V1__Contact *ret_contact)
{
    skp__v1__contact__init(ret_contact);
    bool given = contact->name[0] != '\0' || contact->phone[0] != '\0' || contact->mail[0] != '\0';
    ret_contact->name = wire_text(given ? contact->name : settings->contact_name);
    ret_contact->phone = wire_text(given ? contact->phone : settings->contact_phone);
    ret_contact->mail = wire_text(given ? contact->mail : settings->contact_mail);
}

static bool concerns_partner(const struct register_request *asked)
{
    for (const struct register_claim *claim = asked->claims; claim; claim = claim->next)
        if (claim->debtor != SKP__V1__DEBTOR__DEBTOR_FIRST)
            return true;
    return false;
}

/* Who, where and under which number: what the office knows of the client. */
struct sealed {
    Skp__V1__PersonPart part;
    Skp__V1__Person client, partner;
    Skp__V1__Address address;
};

static void fill_sealed(const struct register_case *file_case, const struct register_request *asked,
                        bool with_bsn, struct sealed *ret_sealed)
{
    Skp__V1__PersonPart *part = &ret_sealed->part;
    skp__v1__person_part__init(part);
    fill_person(&file_case->client, with_bsn, &ret_sealed->client);
    fill_address(&file_case->address, &ret_sealed->address);
    part->client = &ret_sealed->client;
    part->address = &ret_sealed->address;
    if (file_case->has_partner && concerns_partner(asked)) {
        fill_person(&file_case->partner, with_bsn, &ret_sealed->partner);
        part->partner = &ret_sealed->partner;
    }
    part->client_number_counsellor = wire_text(file_case->client_number);
}

enum skp_err cases_build_part(const struct register_case *file_case,
                              const struct register_request *asked, bool with_bsn,
                              const struct settings *settings, struct arena *arena,
                              struct span *ret_part)
{
    struct sealed sealed;
    Skp__V1__Contact contact;
    char *invoices[REGISTER_MAX_CLAIMS];
    size_t count = 0;
    fill_sealed(file_case, asked, with_bsn, &sealed);
    fill_contact(&file_case->contact, settings, &contact);
    sealed.part.contact = &contact;
    for (const struct register_claim *at = asked->claims; at && count < REGISTER_MAX_CLAIMS;
         at = at->next)
        invoices[count++] = wire_text(at->invoice_number);
    sealed.part.n_invoice_numbers = count;
    sealed.part.invoice_numbers = invoices;
    sealed.part.client_number_creditor = wire_text(asked->client_number_creditor);
    struct span packed = wire_pack(&sealed.part.base, arena);
    if (!packed.data)
        return SKP_E_NO_MEMORY;
    *ret_part = packed;
    return SKP_OK;
}

static void forget_bsn_not_given(const Skp__V1__Person *given, Skp__V1__Person *sent)
{
    if (sent && (!given || given->bsn[0] == '\0'))
        sent->bsn = wire_text("");
}

enum skp_err cases_build_same_client(const struct register_case *file_case,
                                     const struct register_request *asked, bool with_bsn,
                                     struct span sent, struct arena *arena, bool *ret_same)
{
    char path[WIRE_PATH_MAX];
    ProtobufCMessage *message = NULL;
    struct sealed sealed;
    enum skp_err err = wire_unpack(&skp__v1__person_part__descriptor, sent, arena, path, &message);
    if (err)
        return err;
    const Skp__V1__PersonPart *before = (const Skp__V1__PersonPart *)message;
    fill_sealed(file_case, asked, with_bsn, &sealed);
    forget_bsn_not_given(sealed.part.client, before->client);
    forget_bsn_not_given(sealed.part.partner, before->partner);
    Skp__V1__PersonPart compared = sealed.part;
    compared.client = before->client;
    compared.partner = before->partner;
    compared.address = before->address;
    compared.client_number_counsellor = before->client_number_counsellor;
    struct span was = wire_pack(&compared.base, arena), is = wire_pack(&sealed.part.base, arena);
    if (!was.data || !is.data)
        return SKP_E_NO_MEMORY;
    *ret_same = span_equal(was, is);
    return SKP_OK;
}

bool cases_build_has_bsn(const struct register_case *file_case,
                         const struct register_request *asked)
{
    bool partner = file_case->has_partner && concerns_partner(asked);
    return file_case->client.bsn[0] != '\0' || (partner && file_case->partner.bsn[0] != '\0');
}

/* ---------------------------------------------------------------- a case */

static enum skp_err build_item(const struct plan_case *plan, const struct plan_request *request,
                               const struct addressee *broker, const struct settings *settings,
                               struct arena *arena, struct built_line *built)
{
    *built = (struct built_line){.item = request, .to = broker, .version = 1};
    if (request->route == ROUTE_LETTER)
        return build_off_network(request, arena, &built->line);
    bool with_bsn =
        request->target->bsn_entitled && cases_build_has_bsn(plan->asked, request->asked);
    built->to = &request->target->to;
    enum skp_err err = build_request(plan, request, with_bsn, arena, built);
    if (!err)
        err =
            cases_build_part(plan->asked, request->asked, with_bsn, settings, arena, &built->part);
    return err;
}

enum skp_err cases_build(const struct plan_case *plan, const struct addressee *broker,
                         const struct settings *settings, struct arena *arena,
                         struct built_case *ret_built)
{
    struct built_case built = {0};
    if (!plan->say_case) {
        *ret_built = built;
        return SKP_OK;
    }
    built.lines = arena_calloc(arena, plan->to_send + 1, sizeof *built.lines);
    if (!built.lines)
        return SKP_E_NO_MEMORY;
    built.lines[0] = (struct built_line){.to = broker, .version = plan->version};
    enum skp_err err = build_case(plan, arena, &built.lines[0].line);
    built.count = 1;
    for (const struct plan_request *at = plan->requests; !err && at; at = at->next)
        if (plan_must_send(at))
            err = build_item(plan, at, broker, settings, arena, &built.lines[built.count++]);
    if (err)
        return err;
    for (size_t i = 0; i < built.count; i++)
        built.bytes += draft_line_bytes(built.lines[i].line, built.lines[i].part);
    *ret_built = built;
    return SKP_OK;
}
