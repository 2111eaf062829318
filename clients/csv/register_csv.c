#include "register_csv.h"

#include "register_fields.h"
#include "skp.pb-c.h"

#include <string.h>

#define MAX_CASES ((size_t)1 << 24)

struct reading {
    struct register_file *file;
    struct arena *arena;
    struct map cases; /* by dossier, padded with zeros to DOSSIER_KEY_BYTES */
};

static enum skp_err complain(struct reading *reading, unsigned long line, enum skp_err err,
                             const char *column, bool *ret_good)
{
    *ret_good = false;
    struct csv_problem problem = {.line = line, .err = err, .column = column};
    return csv_problems_add(&reading->file->problems, problem);
}

/* ---------------------------------------------------------------- what one field cannot tell */

static bool person_is_given(const struct csv_person *person)
{
    return person->sex != 0 || person->birth_date != 0 || person->surname[0] != '\0' ||
           person->first_names[0] != '\0' || person->initials[0] != '\0' ||
           person->prefix[0] != '\0';
}

static enum skp_err check_partner(struct reading *reading, struct register_case *row,
                                  bool *ret_good)
{
    enum skp_err err = SKP_OK;
    row->has_partner = person_is_given(&row->partner);
    if (!row->has_partner || !*ret_good)
        return SKP_OK;
    if (row->partner.sex == 0)
        err = complain(reading, row->line, SKP_E_REQUIRED, "PartnerGeslacht", ret_good);
    if (!err && row->partner.surname[0] == '\0')
        err = complain(reading, row->line, SKP_E_REQUIRED, "PartnerAchternaam", ret_good);
    if (!err && row->partner.birth_date == 0)
        err = complain(reading, row->line, SKP_E_REQUIRED, "PartnerGeboortedatum", ret_good);
    return err;
}

static enum skp_err check_case(struct reading *reading, struct register_case *row, bool *ret_good)
{
    enum skp_err err = check_partner(reading, row, ret_good);
    if (!err && row->reference_date != 0 && row->client.birth_date > row->reference_date)
        err = complain(reading, row->line, SKP_E_DATE_RANGE, "Geboortedatum", ret_good);
    if (!err && row->reference_date != 0 && row->partner.birth_date > row->reference_date)
        err = complain(reading, row->line, SKP_E_DATE_RANGE, "PartnerGeboortedatum", ret_good);
    return err;
}

/* An empty Schuldenaar can only mean one person where there is one. */
static enum skp_err check_debtor(struct reading *reading, const struct register_case *row,
                                 struct register_claim *claim, bool *ret_good)
{
    bool of_partner = claim->debtor == SKP__V1__DEBTOR__DEBTOR_PARTNER ||
                      claim->debtor == SKP__V1__DEBTOR__DEBTOR_BOTH;
    if (!*ret_good)
        return SKP_OK;
    if (claim->debtor == 0 && !row->has_partner)
        claim->debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
    if (claim->debtor == 0)
        return complain(reading, row->line, SKP_E_REQUIRED, "Schuldenaar", ret_good);
    if (of_partner && !row->has_partner)
        return complain(reading, row->line, SKP_E_FIELD_UNEXPECTED, "Schuldenaar", ret_good);
    return SKP_OK;
}

/* ---------------------------------------------------------------- joining rows */

static enum skp_err add_case(struct reading *reading, const struct register_case *row,
                             const char *key, struct register_case **ret_case)
{
    struct register_file *file = reading->file;
    struct register_case *added = arena_copy(reading->arena, row, sizeof(*row));
    if (!added ||
        csv_record_keep(register_case_fields, REGISTER_CASE_FIELDS, reading->arena, added) ||
        map_put(&reading->cases, key, added))
        return SKP_E_NO_MEMORY;
    if (file->last_case)
        file->last_case->next = added;
    else
        file->cases = added;
    file->last_case = added;
    file->case_count++;
    *ret_case = added;
    return SKP_OK;
}

/* The case of a row: a new one, or the one of an earlier row, which must say the same. */
static enum skp_err join_case(struct reading *reading, const struct register_case *row,
                              bool good_row, struct register_case **ret_case)
{
    char key[DOSSIER_KEY_BYTES];
    bool ignored = true;
    if (!register_dossier_key(row->dossier, key))
        return complain(reading, row->line, SKP_E_TEXT_TOO_LONG, "Dossier", &ignored);
    struct register_case *present = map_get(&reading->cases, key);
    enum skp_err err = SKP_OK;
    if (!present) {
        err = add_case(reading, row, key, &present);
        if (err)
            return err;
    }
    const struct csv_field *differs =
        csv_record_differs(register_case_fields, REGISTER_CASE_FIELDS, present, row);
    if (differs && good_row) {
        struct csv_problem problem = {.line = row->line,
                                      .err = SKP_E_VALUE_INVALID,
                                      .column = differs->name,
                                      .other_line = present->line};
        err = csv_problems_add(&reading->file->problems, problem);
        good_row = false;
    }
    if (!good_row && present->broken_line == 0)
        present->broken_line = row->line;
    *ret_case = present;
    return err;
}

static bool same_creditor(const struct register_request *a, const struct register_request *b)
{
    if (strcmp(a->brand, b->brand) != 0)
        return false;
    if (a->creditor.text[0] != '\0' && b->creditor.text[0] != '\0')
        return oin_equal(&a->creditor, &b->creditor);
    return a->creditor.text[0] == b->creditor.text[0] &&
           strcmp(a->creditor_name, b->creditor_name) == 0;
}

static struct register_request *find_request(const struct register_case *present,
                                             const struct register_request *row)
{
    struct register_request *request = present->requests;
    while (request && !same_creditor(request, row))
        request = request->next;
    return request;
}

static enum skp_err add_request(struct reading *reading, struct register_case *present,
                                const struct register_row *row,
                                struct register_request **ret_request)
{
    struct register_row kept = *row;
    struct register_request *added = arena_alloc(reading->arena, sizeof(*added));
    if (!added || csv_record_keep(register_row_fields, REGISTER_ROW_FIELDS, reading->arena, &kept))
        return SKP_E_NO_MEMORY;
    *added = kept.request;
    added->line = row->claim.line;
    added->client_number_creditor = "";
    if (present->last_request)
        present->last_request->next = added;
    else
        present->requests = added;
    present->last_request = added;
    present->request_count++;
    reading->file->request_count++;
    *ret_request = added;
    return SKP_OK;
}

static bool claim_is_there(const struct register_request *request, const struct register_claim *row)
{
    if (row->invoice_number[0] == '\0')
        return false;
    for (const struct register_claim *claim = request->claims; claim; claim = claim->next) {
        if (strcmp(claim->invoice_number, row->invoice_number) == 0 && claim->debtor == row->debtor)
            return true;
    }
    return false;
}

static enum skp_err add_claim(struct reading *reading, struct register_request *request,
                              const struct register_row *row)
{
    struct register_row kept = *row;
    struct register_claim *added = arena_alloc(reading->arena, sizeof(*added));
    if (!added || csv_record_keep(register_row_fields, REGISTER_ROW_FIELDS, reading->arena, &kept))
        return SKP_E_NO_MEMORY;
    *added = kept.claim;
    if (request->client_number_creditor[0] == '\0')
        request->client_number_creditor = added->client_number_creditor;
    request->urgent = request->urgent || row->request.urgent;
    if (request->last_claim)
        request->last_claim->next = added;
    else
        request->claims = added;
    request->last_claim = added;
    request->claim_count++;
    return SKP_OK;
}

/* Puts the row in its request; one claim or request too many is reported and breaks what it is for.
 */
static enum skp_err join_request(struct reading *reading, struct register_case *present,
                                 const struct register_row *row, bool good_row)
{
    unsigned long line = row->claim.line;
    struct register_request *request = find_request(present, &row->request);
    bool good = good_row;
    enum skp_err err = SKP_OK;
    if (!request && present->request_count == REGISTER_MAX_REQUESTS) {
        if (present->broken_line == 0)
            present->broken_line = line;
        return complain(reading, line, SKP_E_DECODE_ITEMS, NULL, &good);
    }
    if (!request)
        err = add_request(reading, present, row, &request);
    if (err)
        return err;
    if (good && request->claim_count == REGISTER_MAX_CLAIMS)
        err = complain(reading, line, SKP_E_DECODE_ITEMS, NULL, &good);
    else if (good && claim_is_there(request, &row->claim))
        err = complain(reading, line, SKP_E_DUPLICATE_CLAIM, "Factuurnummer", &good);
    if (!good && request->broken_line == 0)
        request->broken_line = line;
    if (good && !err)
        err = add_claim(reading, request, row);
    return err;
}

/* ---------------------------------------------------------------- the file */

static enum skp_err take_row(struct reading *reading, const struct csv_row *found)
{
    struct register_case row = {.line = found->line};
    struct register_row rest = {.claim = {.line = found->line}};
    struct register_case *present = NULL;
    bool good_case = false, good_rest = false;
    enum skp_err err = csv_record_read(register_case_fields, REGISTER_CASE_FIELDS, found->cells,
                                       found->line, &reading->file->problems, &row, &good_case);
    if (!err)
        err = csv_record_read(register_row_fields, REGISTER_ROW_FIELDS,
                              found->cells + REGISTER_CASE_FIELDS, found->line,
                              &reading->file->problems, &rest, &good_rest);
    if (!err)
        err = check_case(reading, &row, &good_case);
    if (!err && good_case)
        err = check_debtor(reading, &row, &rest.claim, &good_rest);
    if (!err && row.dossier[0] != '\0')
        err = join_case(reading, &row, good_case, &present);
    if (!err && present)
        err = join_request(reading, present, &rest, good_rest);
    return err;
}

static enum skp_err take_rows(struct reading *reading, struct csv_reader *reader)
{
    struct csv_row row;
    bool ignored = true;
    enum skp_err err = SKP_OK;
    while (!err && csv_reader_next(reader, &row)) {
        reading->file->row_count++;
        if (row.err == SKP_E_IO)
            err = SKP_E_IO;
        else if (row.err)
            err = complain(reading, row.line, row.err, row.column, &ignored);
        else
            err = take_row(reading, &row);
    }
    return err;
}

static enum skp_err note_ignored(struct reading *reading, const struct csv_reader *reader)
{
    const char *name = NULL;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && (name = csv_reader_ignored(reader, i)); i++) {
        const char *kept = arena_copy(reading->arena, name, strlen(name) + 1);
        struct csv_problem note = {.line = 1, .err = SKP_E_CSV_HEADER, .column = kept};
        err = kept ? csv_problems_add(&reading->file->ignored, note) : SKP_E_NO_MEMORY;
    }
    return err;
}

enum skp_err register_read(const char *path, struct arena *arena, struct register_file *ret_file,
                           struct csv_problem *ret_problem)
{
    struct csv_column columns[REGISTER_FIELDS];
    register_columns(columns);
    struct csv_reader *reader = NULL;
    enum skp_err err = csv_reader_open(path, columns, REGISTER_FIELDS, &reader, ret_problem);
    if (err)
        return err;
    struct register_file file = {.problems = {.arena = arena}, .ignored = {.arena = arena}};
    struct reading reading = {.file = &file, .arena = arena};
    err = map_init(&reading.cases, DOSSIER_KEY_BYTES, 64, MAX_CASES);
    if (!err)
        err = note_ignored(&reading, reader);
    if (!err)
        err = take_rows(&reading, reader);
    map_fini(&reading.cases);
    csv_reader_free(reader);
    if (err)
        *ret_problem = (struct csv_problem){.err = err};
    else
        *ret_file = file;
    return err;
}
