#include "lists_write.h"

#include "fact.h"
#include "list_csv.h"

#include <stdio.h>
#include <string.h>

#define ROW_MAX_BYTES ((size_t)4 << 20)

/* Working days to answer in without an agreement (algemene procesafspraken), and when it is urgent. */
#define TERM_DAYS        10
#define TERM_URGENT_DAYS 1

void lists_name(const struct question_list *list, int number, char ret_name[LISTS_NAME_BYTES])
{
    char id[ID_TEXT_BYTES] = "";
    int date = calendar_ms_valid(list->opened_at_ms) ? calendar_date_of_ms(list->opened_at_ms) : 0;
    if (list->is_round)
        id_print(&list->round_id, id);
    (void)snprintf(ret_name, LISTS_NAME_BYTES, "saldolijst-%08d-%s%.*s-%d.csv", date,
                   list->is_round ? "ronde-" : "", list->is_round ? 8 : OIN_CHARS,
                   list->is_round ? id : list->counsellor.text, number);
}

plain_date lists_due_date(const Skp__V1__AgreementSummary *agreement, bool urgent,
                          int64_t stored_at_ms)
{
    uint32_t days =
        agreement && agreement->term_working_days > 0 ? agreement->term_working_days : TERM_DAYS;
    if (!calendar_ms_valid(stored_at_ms))
        return 0;
    return calendar_add_working_days(NULL, calendar_date_of_ms(stored_at_ms),
                                     urgent ? TERM_URGENT_DAYS : (int)days);
}

const Skp__V1__AgreementSummary *lists_agreement(const struct book *book,
                                                 const struct skp_oin *counsellor,
                                                 const Skp__V1__RequestFact *fact,
                                                 int64_t stored_at_ms)
{
    const Skp__V1__DirectoryEntry *entry = book_find(book, counsellor->text);
    struct book_scope scope = {
        .product = (int)fact->product, .guidance = (int)fact->guidance, .brand = fact->brand};
    for (size_t i = 0; i < fact->n_claims; i++)
        scope.kinds |= 1U << (unsigned)fact->claims[i]->kind;
    plain_date stored = calendar_ms_valid(stored_at_ms) ? calendar_date_of_ms(stored_at_ms) : 0;
    return entry ? book_agreement(entry, &scope, stored) : NULL;
}

plain_date lists_request_due_date(const struct book *book, const struct skp_oin *counsellor,
                                  const Skp__V1__RequestFact *fact, int64_t stored_at_ms)
{
    return lists_due_date(lists_agreement(book, counsellor, fact, stored_at_ms), fact->urgent,
                          stored_at_ms);
}

/* ---------------------------------------------------------------- a row */

static struct csv_person person_of(const Skp__V1__Person *person)
{
    struct csv_person none = {.initials = "", .first_names = "", .prefix = "", .surname = ""};
    if (!person)
        return none;
    return (struct csv_person){.sex = (int)person->sex,
                               .initials = person->initials,
                               .first_names = person->first_names,
                               .prefix = person->prefix,
                               .surname = person->surname,
                               .birth_date = person->birth_date};
}

static struct csv_address address_of(const Skp__V1__Address *address)
{
    struct csv_address row = {.street = "",
                              .number = "",
                              .letter = "",
                              .addition = "",
                              .indication = "",
                              .place = "",
                              .mooring = ""};
    if (!address)
        return row;
    row = (struct csv_address){.street = address->street,
                               .number = address->number,
                               .letter = address->letter,
                               .addition = address->addition,
                               .indication = address->indication,
                               .place = address->place,
                               .mooring = address->mooring};
    if (strlen(address->postcode) < sizeof row.postcode) /* nowhere in the world is one longer */
        (void)snprintf(row.postcode, sizeof row.postcode, "%s", address->postcode);
    return row;
}

static struct csv_contact contact_of(const Skp__V1__Contact *contact)
{
    struct csv_contact none = {.name = "", .phone = "", .mail = ""};
    return contact ? (struct csv_contact){contact->name, contact->phone, contact->mail} : none;
}

static struct list_answer nothing_answered(void)
{
    return (struct list_answer){.client_number_creditor = "",
                                .contact = {.name = "", .phone = "", .mail = ""},
                                .invoice_number = "",
                                .original_cents = CSV_NO_AMOUNT,
                                .amount_cents = CSV_NO_AMOUNT,
                                .transferred_to = "",
                                .note = ""};
}

static void fill_claim(const Skp__V1__RequestFact *fact, const Skp__V1__PersonPart *part,
                       size_t index, struct list_row *row)
{
    row->known_cents = CSV_NO_AMOUNT;
    row->debtor = (int)fact->debtor;
    row->invoice_number = index < part->n_invoice_numbers ? part->invoice_numbers[index] : "";
    if (index >= fact->n_claims)
        return;
    const Skp__V1__KnownClaim *claim = fact->claims[index];
    if (claim->amount_cents > 0)
        row->known_cents = claim->amount_cents;
    row->debtor = (int)claim->debtor;
    row->kind = (int)claim->kind;
    (void)id_take(wire_span(claim->claim_id), &row->claim_id);
}

/* The row of one claim (0 when there is none); texts point into fact and part. Counsellor, round and due
 * date are the caller's to fill. */
static struct list_row row_of(const struct skp_id *request_id, const Skp__V1__RequestFact *fact,
                              const Skp__V1__PersonPart *part, size_t claim)
{
    struct list_row row = {
        .request_id = *request_id,
        .reference = "",
        .counsellor_name = "",
        .contact = contact_of(part->contact),
        .client_number_counsellor = part->client_number_counsellor,
        .client_number_creditor = part->client_number_creditor,
        .product = (int)fact->product,
        .client = person_of(part->client),
        .partner = person_of(part->partner),
        .address = address_of(part->address),
        .answer = nothing_answered(),
        .brand = fact->brand,
        .urgent = fact->urgent,
        .guidance = (int)fact->guidance,
        .reference_date = fact->reference_date,
        .municipality = "",
        .round = "",
        .state = SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED,
        .country = part->address ? part->address->country : "",
        .note = part->note,
        .version = fact->version,
    };
    fill_claim(fact, part, claim, &row);
    return row;
}

/* ---------------------------------------------------------------- a list */

struct writing {
    struct state_db *db;
    const struct book *book;
    const struct question_list *list;
    struct csv_writer *writer;
    struct arena arena; /* of one request */
    char round[CALENDAR_TEXT_BYTES];
    size_t rows;
};

/* Columns: request, bundle, counsellor, stored at, fact, part, due date, state, why it cannot be read. */
static sqlite3_stmt *ask(struct writing *writing)
{
    static const char in_round[] =
        "SELECT q.request_id, q.bundle_id, q.counsellor, q.stored_at_ms, q.fact, q.part,"
        " i.due_date, i.state, q.err FROM overview_item AS i"
        " JOIN question AS q ON q.request_id = i.request_id WHERE i.round_id = ?"
        " AND q.returned <> 2"
        " AND EXISTS (SELECT 1 FROM overview_part AS p"
        "  WHERE p.round_id = i.round_id AND p.listed = 0)"
        " AND NOT EXISTS (SELECT 1 FROM answer_out AS o"
        "  WHERE o.request_id = q.request_id AND o.stage = 2)"
        " ORDER BY i.part, i.place";
    static const char at_once[] =
        "SELECT q.request_id, q.bundle_id, q.counsellor, q.stored_at_ms, q.fact, q.part, 0, 3,"
        " q.err FROM question AS q WHERE q.counsellor = ? AND q.listed = 0 AND q.returned <> 2"
        " AND q.request_id NOT IN (SELECT i.request_id FROM overview_item AS i"
        "  JOIN overview_part AS p ON p.round_id = i.round_id AND p.listed = 0)"
        " AND NOT EXISTS (SELECT 1 FROM answer_out AS o"
        "  WHERE o.request_id = q.request_id AND o.stage = 2)"
        " ORDER BY q.stored_at_ms, q.bundle_id, q.line";
    const struct question_list *list = writing->list;
    return list->is_round ? state_ask(writing->db, in_round, "d", &list->round_id)
                          : state_ask(writing->db, at_once, "t", list->counsellor.text);
}

static void fill_context(const struct writing *writing, sqlite3_stmt *row,
                         const Skp__V1__RequestFact *fact, struct list_row *ret_row)
{
    struct skp_oin counsellor = state_oin(row, 2);
    int64_t stored_at_ms = sqlite3_column_int64(row, 3);
    const Skp__V1__DirectoryEntry *entry = book_find(writing->book, counsellor.text);
    const Skp__V1__AgreementSummary *agreement =
        lists_agreement(writing->book, &counsellor, fact, stored_at_ms);
    ret_row->counsellor = counsellor;
    ret_row->counsellor_name = entry ? entry->name : "";
    ret_row->agreement = agreement != NULL;
    ret_row->round = writing->round;
    ret_row->due_date = sqlite3_column_int(row, 6);
    ret_row->state = sqlite3_column_int(row, 7);
    if (sqlite3_column_int(row, 8) != SKP_OK) {
        ret_row->state = SKP__V1__REQUEST_STATE__REQUEST_STATE_UNREADABLE;
        ret_row->answer.unreadable =
            true; /* sending the list back as it is asks to seal it again */
    }
    if (ret_row->due_date == 0)
        ret_row->due_date = lists_due_date(agreement, fact->urgent, stored_at_ms);
}

static enum skp_err put_request(struct writing *writing, sqlite3_stmt *row)
{
    char path[WIRE_PATH_MAX], reference[ID_TEXT_BYTES];
    Skp__V1__Line *line = NULL;
    ProtobufCMessage *message = NULL;
    struct skp_id request_id = state_id(row, 0), bundle_id = state_id(row, 1);
    struct span fact = state_blob(writing->db, row, 4, &writing->arena);
    struct span sealed = state_blob(writing->db, row, 5, &writing->arena);
    enum skp_err err = fact_read(fact, &writing->arena, path, &line);
    if (!err)
        err =
            wire_unpack(&skp__v1__person_part__descriptor, sealed, &writing->arena, path, &message);
    if (err || line->fact_case != SKP__V1__LINE__FACT_REQUEST)
        return err ? err : SKP_E_DECODE;
    const Skp__V1__PersonPart *part = (const Skp__V1__PersonPart *)message;
    id_print(&bundle_id, reference);
    size_t claims = line->request->n_claims > 0 ? line->request->n_claims : 1;
    for (size_t i = 0; i < claims; i++) {
        struct list_row out = row_of(&request_id, line->request, part, i);
        fill_context(writing, row, line->request, &out);
        out.reference = reference;
        list_writer_put(writing->writer, &out);
        writing->rows++;
    }
    return SKP_OK;
}

static enum skp_err put_all(struct writing *writing)
{
    enum skp_err err = SKP_OK;
    sqlite3_stmt *rows = ask(writing);
    while (!err && state_next(writing->db, rows)) {
        arena_reset(&writing->arena);
        err = put_request(writing, rows);
    }
    if (rows)
        (void)sqlite3_reset(rows);
    return err ? err : state_error(writing->db);
}

/* All of it: what came since the transaction began is not there yet. */
static void mark(struct state_db *db, const struct question_list *list)
{
    if (list->is_round) {
        state_run(db,
                  "UPDATE question SET listed = 1 WHERE request_id IN"
                  " (SELECT request_id FROM overview_item WHERE round_id = ?)",
                  "d", &list->round_id);
        state_run(db, "UPDATE overview_part SET listed = 1 WHERE round_id = ?", "d",
                  &list->round_id);
    } else {
        state_run(db,
                  "UPDATE question SET listed = 1 WHERE counsellor = ? AND request_id NOT IN"
                  " (SELECT i.request_id FROM overview_item AS i JOIN overview_part AS p"
                  "  ON p.round_id = i.round_id AND p.listed = 0)",
                  "t", list->counsellor.text);
    }
}

/* Puts the file in its place, when there is something in it. */
static enum skp_err finish(struct writing *writing, struct csv_problem *ret_problem)
{
    if (writing->rows > 0)
        return csv_writer_close_new(writing->writer, ret_problem);
    csv_writer_abandon(writing->writer);
    return SKP_OK;
}

/* Changes when another connection has written. */
static int64_t data_version(struct state_db *db)
{
    return state_number(db, -1, "PRAGMA data_version", "");
}

static enum skp_err write_rows(struct writing *writing, struct csv_problem *ret_problem)
{
    arena_init(&writing->arena, ROW_MAX_BYTES);
    enum skp_err err = put_all(writing);
    arena_fini(&writing->arena);
    *ret_problem = (struct csv_problem){.err = err};
    return err ? err : csv_writer_sync(writing->writer, ret_problem);
}

/* CONFLICT: another run wrote since `version`. */
static enum skp_err lock_unchanged(struct state_db *db, int64_t version)
{
    state_begin(db);
    bool same = data_version(db) == version;
    enum skp_err err = state_error(db);
    if (!err && !same)
        err = SKP_E_CONFLICT;
    return err;
}

/* `locked`: all the while, and not only once the rows are on the disk. */
static enum skp_err try_write(struct writing *writing, const char *path, bool locked,
                              struct csv_problem *ret_problem)
{
    struct state_db *db = writing->db;
    enum skp_err err = list_writer_open(path, &writing->writer, ret_problem);
    if (err)
        return err;
    state_mark_file(db, writing->writer);
    writing->rows = 0;
    if (locked)
        state_begin(db);
    int64_t version = data_version(db);
    err = write_rows(writing, ret_problem);
    if (!err && !locked)
        err = lock_unchanged(db, version);
    if (err)
        csv_writer_abandon(writing->writer);
    else
        err = finish(writing, ret_problem);
    if (err) {
        state_rollback(db);
        return err;
    }
    mark(db, writing->list);
    return state_commit(db);
}

/* Without the lock first: others would wait as long as the file takes to the disk, which may be a slow share. */
enum skp_err lists_write(struct state_db *db, const struct book *book,
                         const struct question_list *list, const char *path, size_t *ret_rows,
                         struct csv_problem *ret_problem)
{
    struct writing writing = {.db = db, .book = book, .list = list};
    if (list->is_round && calendar_ms_valid(list->opened_at_ms))
        calendar_print_dutch(calendar_date_of_ms(list->opened_at_ms), writing.round);
    enum skp_err err = try_write(&writing, path, false, ret_problem);
    if (err == SKP_E_CONFLICT)
        err = try_write(&writing, path, true, ret_problem);
    if (err && !ret_problem->err)
        *ret_problem = (struct csv_problem){.err = err};
    if (!err)
        *ret_rows = writing.rows;
    return err;
}
