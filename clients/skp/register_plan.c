#include "register_plan.h"

#include "cases_build.h"
#include "letters_csv.h"
#include "merkle.h"
#include "seal.h"

#include <stdlib.h>
#include <string.h>

/* Working days that a request waits for its round at most; agreements may say otherwise, and then the
 * broker's choice differs from what is foretold here, not what happens. */
#define ROUND_WAIT_DAYS 5

/* ---------------------------------------------------------------- what was asked before */

struct known_request {
    struct skp_id request_id;
    const char *name_key, *brand;
    struct skp_oin creditor;
    enum route route;
    int letter_reason;
    enum stage stage;
    enum skp_err err;
    struct skp_hash fingerprint;
    const struct plan_request *row; /* of the file, that is about it; NULL: none */
};

struct known_case {
    struct skp_id case_id;
    bool found;
    uint32_t version, stored_version;
    int persons, product, guidance;
    plain_date reference_date;
    struct skp_oin responsible;
    struct known_request requests[REGISTER_MAX_REQUESTS];
    size_t count;
};

static void load_requests(struct planning *planning, struct known_case *known)
{
    struct state_db *db = planning->db;
    sqlite3_stmt *rows = state_ask(db,
                                   "SELECT request_id, name_key, brand, creditor, route, "
                                   "letter_reason, stage, err, fingerprint"
                                   " FROM request WHERE case_id = ? ORDER BY place",
                                   "d", &known->case_id);
    while (state_next(db, rows)) {
        if (known->count == REGISTER_MAX_REQUESTS)
            continue;
        known->requests[known->count++] = (struct known_request){
            .request_id = state_id(rows, 0),
            .name_key = state_text(db, rows, 1, planning->arena),
            .brand = state_text(db, rows, 2, planning->arena),
            .creditor = state_oin(rows, 3),
            .route = (enum route)sqlite3_column_int(rows, 4),
            .letter_reason = sqlite3_column_int(rows, 5),
            .stage = (enum stage)sqlite3_column_int(rows, 6),
            .err = (enum skp_err)sqlite3_column_int(rows, 7),
            .fingerprint = state_hash(rows, 8),
        };
    }
}

static void load_case(struct planning *planning, const char *dossier, struct known_case *known)
{
    struct state_db *db = planning->db;
    sqlite3_stmt *row = state_ask(
        db,
        "SELECT case_id, stored_version, persons, product, guidance, reference_date, responsible,"
        " version"
        " FROM case_file WHERE dossier = ?",
        "t", dossier);
    while (state_next(db, row)) {
        known->found = true;
        known->case_id = state_id(row, 0);
        known->stored_version = (uint32_t)sqlite3_column_int64(row, 1);
        known->persons = sqlite3_column_int(row, 2);
        known->product = sqlite3_column_int(row, 3);
        known->guidance = sqlite3_column_int(row, 4);
        known->reference_date = sqlite3_column_int(row, 5);
        known->responsible = state_oin(row, 6);
        known->version = (uint32_t)sqlite3_column_int64(row, 7);
    }
    if (known->found)
        load_requests(planning, known);
}

/* The office may add the OIN later, or the name of somebody who was not connected then. */
static bool is_same(const struct known_request *known, const struct register_request *asked,
                    const char *name_key, const struct skp_oin *creditor)
{
    if (known->row || strcmp(known->brand, asked->brand) != 0)
        return false;
    if (known->creditor.text[0] != '\0' && creditor->text[0] != '\0')
        return oin_equal(&known->creditor, creditor);
    return strcmp(known->name_key, name_key) == 0;
}

/* One that no other row is about. */
static void recognise(struct known_case *known, const struct plan_request *row, bool by_name)
{
    char key[MATCHING_KEY_BYTES];
    struct skp_oin creditor = row->asked->creditor;
    if (row->creditor)
        (void)oin_take(span_text(row->creditor->oin), &creditor);
    matching_key(row->asked->creditor_name, key);
    for (size_t i = 0; i < known->count; i++) {
        struct known_request *request = &known->requests[i];
        if (is_same(request, row->asked, key, &creditor) &&
            (!by_name || strcmp(request->name_key, key) == 0)) {
            request->row = row;
            return;
        }
    }
}

static const struct known_request *recognised(const struct known_case *known,
                                              const struct plan_request *row)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->requests[i].row == row)
            return &known->requests[i];
    return NULL;
}

/* One creditor may be asked under several of its names: each row takes the request of its own name, before any takes
 * that of another. */
static void recognise_all(struct known_case *known, const struct plan_case *plan)
{
    for (const struct plan_request *row = plan->requests; row; row = row->next)
        recognise(known, row, true);
    for (const struct plan_request *row = plan->requests; row; row = row->next)
        if (!recognised(known, row))
            recognise(known, row, false);
}

/* ---------------------------------------------------------------- what is asked */

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, HASH_BYTES);
}

static struct skp_hash claim_hash(const struct register_claim *claim)
{
    int64_t numbers[] = {claim->kind, claim->amount_cents, claim->debtor};
    struct span parts[] = {span_of(numbers, sizeof numbers),
                           span_of(claim->invoice_number, strlen(claim->invoice_number) + 1),
                           span_text(claim->client_number_creditor)};
    return sha256_spans(parts, sizeof parts / sizeof parts[0]);
}

/* The same for a file whose rows were sorted otherwise. A BSN that is given and may not go to this creditor leaves a
 * mark, which tells nothing of the BSN. */
static struct skp_hash fingerprint_of(const struct register_request *asked, bool bsn_withheld)
{
    struct skp_hash hashes[REGISTER_MAX_CLAIMS];
    size_t count = 0;
    for (const struct register_claim *claim = asked->claims; claim && count < REGISTER_MAX_CLAIMS;
         claim = claim->next)
        hashes[count++] = claim_hash(claim);
    /* cppcheck-suppress uninitvar ; the first `count` are filled, and no other is read */
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    uint8_t urgent = asked->urgent;
    struct span parts[] = {span_of(hashes, count * sizeof *hashes), span_of(&urgent, 1),
                           span_text(asked->brand), bsn_withheld ? span_of("", 1) : span_of("", 0)};
    return sha256_spans(parts, sizeof parts / sizeof parts[0]);
}

/* The kinds of claims of a request, a bit each. */
static uint32_t kinds_of(const struct register_request *request)
{
    uint32_t kinds = 0;
    for (const struct register_claim *claim = request->claims; claim; claim = claim->next)
        kinds |= 1U << (unsigned)claim->kind;
    return kinds;
}

/* ---------------------------------------------------------------- deciding */

static plain_date round_date(const struct planning *planning, const struct register_case *file_case,
                             const struct plan_request *request)
{
    struct book_scope scope = {.kinds = kinds_of(request->asked),
                               .product = file_case->product,
                               .guidance = file_case->guidance,
                               .brand = request->asked->brand};
    plain_date today = calendar_date_of_ms(planning->now_ms);
    const Skp__V1__AgreementSummary *agreement = book_agreement(request->creditor, &scope, today);
    if (request->asked->urgent || !agreement || agreement->next_round_at_ms <= 0 ||
        !calendar_ms_valid(agreement->next_round_at_ms))
        return 0;
    plain_date opening = calendar_date_of_ms(agreement->next_round_at_ms);
    return calendar_count_working_days(NULL, today, opening) > ROUND_WAIT_DAYS ? 0 : opening;
}

static void by_letter(struct plan_request *request, enum letter_reason reason)
{
    request->route = ROUTE_LETTER;
    request->letter_reason = (int)reason;
}

static void refuse(struct plan_request *request, enum skp_err err)
{
    request->route = ROUTE_REFUSED;
    request->err = err;
}

static void find_route(struct planning *planning, const struct register_case *file_case,
                       struct plan_request *request, enum match match)
{
    if (request->asked->broken_line > 0) {
        refuse(request, SKP_E_VALUE_INVALID);
    } else if (match == MATCH_AMBIGUOUS) {
        request->route = ROUTE_AMBIGUOUS;
        request->err = SKP_E_CREDITOR_AMBIGUOUS;
    } else if (match == MATCH_NOT_FOUND) {
        by_letter(request, LETTER_NOT_FOUND);
    } else if (!book_record(request->creditor, request->asked->brand)) {
        by_letter(request, LETTER_NOT_CONNECTED);
    } else {
        enum skp_err err = planning->target(planning->ctx, request->creditor, request->asked->brand,
                                            &request->target);
        request->route = ROUTE_DIGITAL;
        if (err)
            refuse(request, err);
        else
            request->round_date = round_date(planning, file_case, request);
    }
}

#define PART_MAX_BYTES ((size_t)1 << 20)

/* Persons and address are held against what was sealed: that is kept until the answer is in, and a fingerprint of a BSN
 * would tell it to who tries them all. */
static enum skp_err compare_client(struct planning *planning, const struct register_case *file_case,
                                   struct plan_request *request, bool with_bsn, bool *ret_same)
{
    struct state_db *db = planning->db;
    struct arena arena;
    enum skp_err err = SKP_OK;
    arena_init(&arena, PART_MAX_BYTES);
    *ret_same = request->not_compared = true;
    sqlite3_stmt *row = state_ask(db, "SELECT plaintext FROM kept_line WHERE item_id = ?", "d",
                                  &request->request_id);
    while (state_next(db, row)) {
        struct span kept = state_blob(db, row, 0, &arena);
        request->not_compared = false;
        if (!err && kept.len > SEAL_SALT_BYTES)
            err = cases_build_same_client(
                file_case, request->asked, with_bsn,
                span_of(kept.data + SEAL_SALT_BYTES, kept.len - SEAL_SALT_BYTES), &arena, ret_same);
    }
    arena_fini(&arena);
    return err ? err : state_error(db);
}

static bool withholds_bsn(const struct register_case *file_case, const struct plan_request *request)
{
    return request->target && !request->target->bsn_entitled &&
           cases_build_has_bsn(file_case, request->asked);
}

/* What the broker has stays as it is; what it refused, or never got, is decided anew. */
static enum skp_err join_known(struct planning *planning, struct plan_case *plan,
                               struct plan_request *request, const struct known_request *known)
{
    request->request_id = known->request_id;
    request->stage = known->stage;
    if ((known->stage != STAGE_STORED && known->stage != STAGE_SENT) ||
        request->asked->broken_line > 0)
        return SKP_OK;
    bool same = false, entitled = request->target && request->target->bsn_entitled;
    struct skp_hash given = fingerprint_of(request->asked, false);
    struct skp_hash withheld = fingerprint_of(request->asked, true);
    /* Who may have the BSN by now does not change what the office said. */
    bool was_withheld = hash_equal(&known->fingerprint, &withheld);
    enum skp_err err =
        compare_client(planning, plan->asked, request, entitled && !was_withheld, &same);
    if (err)
        return err;
    if (!same) /* the client is of the case: a new request would go with other words than these */
        plan->err = SKP_E_CASE_CHANGED;
    if (!was_withheld && !hash_equal(&known->fingerprint, &given)) {
        refuse(request, SKP_E_CASE_CHANGED);
        return SKP_OK;
    }
    request->route = known->route;
    request->letter_reason = known->letter_reason;
    request->err = SKP_OK;
    return SKP_OK;
}

static enum skp_err add_request(struct planning *planning, struct plan_case *plan,
                                const struct register_request *asked)
{
    struct plan_request *request = arena_calloc(planning->arena, 1, sizeof *request);
    if (!request)
        return SKP_E_NO_MEMORY;
    request->asked = asked;
    enum match match =
        matching_find(planning->book, asked->creditor_name, &asked->creditor, &request->creditor);
    find_route(planning, plan->asked, request, match);
    request->fingerprint = fingerprint_of(asked, withholds_bsn(plan->asked, request));
    if (plan->last)
        plan->last->next = request;
    else
        plan->requests = request;
    plan->last = request;
    return SKP_OK;
}

static enum skp_err join(struct planning *planning, struct plan_case *plan,
                         const struct known_case *known, struct plan_request *request)
{
    const struct known_request *before = recognised(known, request);
    enum skp_err err = SKP_OK;
    if (before) {
        request->place = (size_t)(before - known->requests);
        err = join_known(planning, plan, request, before);
    } else if (plan->id_count == REGISTER_MAX_REQUESTS) {
        refuse(request, SKP_E_DECODE_ITEMS);
    } else {
        request->request_id = id_new();
        request->place = plan->id_count;
        plan->ids[plan->id_count++] = request->request_id;
    }
    return err ? err : state_error(planning->db);
}

static enum skp_err plan_requests(struct planning *planning, struct plan_case *plan,
                                  struct known_case *known)
{
    enum skp_err err = SKP_OK;
    for (const struct register_request *at = plan->asked->requests; !err && at; at = at->next)
        err = add_request(planning, plan, at);
    if (!err)
        recognise_all(known, plan);
    for (struct plan_request *at = plan->requests; !err && at; at = at->next)
        err = join(planning, plan, known, at);
    return err;
}

static bool has_changed(const struct known_case *known, const struct register_case *asked)
{
    return known->persons != 1 + asked->has_partner || known->product != asked->product ||
           known->guidance != asked->guidance || known->reference_date != asked->reference_date ||
           !oin_equal(&known->responsible, &asked->municipality);
}

bool plan_must_send(const struct plan_request *request)
{
    return (request->route == ROUTE_DIGITAL || request->route == ROUTE_LETTER) &&
           (request->stage == STAGE_NEW || request->stage == STAGE_REFUSED);
}

static void count_to_send(struct plan_case *plan, const struct known_case *known)
{
    if (plan->asked->broken_line > 0)
        plan->err = SKP_E_VALUE_INVALID;
    else if (known->found && known->stored_version > 0 && has_changed(known, plan->asked))
        plan->err = SKP_E_CASE_CHANGED;
    /* More requests than were stored make a next version; else it is said again as it was. */
    bool grew = plan->id_count > plan->known_count || known->version > known->stored_version ||
                known->stored_version == 0;
    plan->version = known->stored_version + grew;
    for (const struct plan_request *request = plan->requests; request; request = request->next)
        plan->to_send += !plan->err && plan_must_send(request);
    plan->say_case = !plan->err && plan->id_count > 0 && (grew || plan->to_send > 0);
}

enum skp_err plan_case(struct planning *planning, const struct register_case *asked,
                       struct plan_case **ret_plan)
{
    struct plan_case *plan = arena_calloc(planning->arena, 1, sizeof *plan);
    struct known_case *known = calloc(1, sizeof *known);
    enum skp_err err = plan && known ? SKP_OK : SKP_E_NO_MEMORY;
    if (!err) {
        plan->asked = asked;
        plan->ids = arena_calloc(planning->arena, REGISTER_MAX_REQUESTS, sizeof *plan->ids);
        err = plan->ids ? SKP_OK : SKP_E_NO_MEMORY;
    }
    if (!err) {
        load_case(planning, asked->dossier, known);
        plan->known = known->found;
        plan->case_id = known->found ? known->case_id : id_new();
        for (size_t i = 0; i < known->count; i++)
            plan->ids[plan->id_count++] = known->requests[i].request_id;
        plan->known_count = known->count;
        err = state_error(planning->db);
    }
    if (!err)
        err = plan_requests(planning, plan, known);
    if (!err) {
        count_to_send(plan, known);
        *ret_plan = plan;
    }
    free(known);
    return err;
}

/* ---------------------------------------------------------------- remembering */

static void remember_request(struct state_db *db, const struct plan_case *plan,
                             const struct plan_request *request)
{
    char key[MATCHING_KEY_BYTES];
    const Skp__V1__DirectoryEntry *creditor = request->creditor;
    matching_key(request->asked->creditor_name, key);
    state_run(db,
              "INSERT INTO request (request_id, case_id, place, creditor_name, name_key, brand,"
              " creditor, address, route, letter_reason, err, fingerprint)"
              " VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
              " ON CONFLICT (request_id) DO UPDATE SET creditor = excluded.creditor,"
              " address = excluded.address, route = excluded.route,"
              " letter_reason = excluded.letter_reason, err = excluded.err,"
              " fingerprint = excluded.fingerprint WHERE stage IN (0, 3)",
              "ddittttt"
              "iiih",
              &request->request_id, &plan->case_id, (int64_t)request->place,
              request->asked->creditor_name, key, request->asked->brand,
              creditor ? creditor->oin : "", creditor ? creditor->postal_address : "",
              (int64_t)request->route, (int64_t)request->letter_reason, (int64_t)request->err,
              &request->fingerprint);
}

void plan_remember(struct planning *planning, const struct plan_case *plan)
{
    const struct register_case *asked = plan->asked;
    if (plan->err)
        return;
    state_run(planning->db,
              "INSERT INTO case_file (case_id, dossier, version, persons, product, guidance,"
              " reference_date, responsible, created_at_ms) VALUES (?,?,?,?,?,?,?,?,?)"
              " ON CONFLICT (case_id) DO UPDATE SET version = excluded.version,"
              " persons = excluded.persons, product = excluded.product,"
              " guidance = excluded.guidance, reference_date = excluded.reference_date,"
              " responsible = excluded.responsible",
              "dtiiiiiti", &plan->case_id, asked->dossier, (int64_t)plan->version,
              (int64_t)(1 + asked->has_partner), (int64_t)asked->product, (int64_t)asked->guidance,
              (int64_t)asked->reference_date, asked->municipality.text, planning->now_ms);
    for (const struct plan_request *request = plan->requests; request; request = request->next)
        if (!id_is_nil(&request->request_id) &&
            (request->stage == STAGE_NEW || request->stage == STAGE_REFUSED))
            remember_request(planning->db, plan, request);
}
