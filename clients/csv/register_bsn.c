/* The file of BSNs, apart from the rest: only who may use the BSN makes one. */
#include "register_fields.h"

#include <assert.h>
#include <string.h>

static enum skp_err index_cases(const struct register_file *file, struct map *ret_map)
{
    enum skp_err err = map_init(ret_map, DOSSIER_KEY_BYTES, file->case_count, file->case_count + 1);
    for (struct register_case *at = file->cases; !err && at; at = at->next) {
        char key[DOSSIER_KEY_BYTES];
        if (register_dossier_key(at->dossier, key))
            err = map_put(ret_map, key, at);
    }
    return err;
}

/* Why the row does not fit, with its column; SKP_OK: it does. */
static enum skp_err check_row(const struct register_bsn_row *row, const struct register_case *found,
                              const char **ret_column)
{
    *ret_column = "Dossier";
    if (!found)
        return SKP_E_CASE_UNKNOWN;
    if (found->client.bsn[0] != '\0' || found->partner.bsn[0] != '\0')
        return SKP_E_DUPLICATE_ITEM;
    *ret_column = "BSN";
    if (row->bsn[0] == '\0' && row->partner_bsn[0] == '\0')
        return SKP_E_REQUIRED;
    *ret_column = "PartnerBSN";
    if (row->partner_bsn[0] != '\0' && !found->has_partner)
        return SKP_E_FIELD_UNEXPECTED;
    if (strcmp(row->bsn, row->partner_bsn) == 0)
        return SKP_E_BSN_INVALID;
    return SKP_OK;
}

static enum skp_err take_row(const struct map *cases, const struct csv_row *found,
                             struct csv_problems *problems)
{
    struct register_bsn_row row;
    bool good = false;
    enum skp_err err = csv_record_read(register_bsn_fields, REGISTER_BSN_FIELDS, found->cells,
                                       found->line, problems, &row, &good);
    if (err || !good)
        return err;
    char key[DOSSIER_KEY_BYTES];
    struct register_case *present =
        register_dossier_key(row.dossier, key) ? map_get(cases, key) : NULL;
    struct csv_problem problem = {.line = found->line};
    problem.err = check_row(&row, present, &problem.column);
    if (problem.err)
        return csv_problems_add(problems, problem);
    assert(present);
    memcpy(present->client.bsn, row.bsn, sizeof(row.bsn));
    memcpy(present->partner.bsn, row.partner_bsn, sizeof(row.partner_bsn));
    return SKP_OK;
}

enum skp_err register_read_bsn(const char *path, struct register_file *file,
                               struct csv_problems *problems, struct csv_problem *ret_problem)
{
    struct csv_column columns[REGISTER_BSN_FIELDS];
    csv_record_columns(register_bsn_fields, REGISTER_BSN_FIELDS, columns);
    struct csv_reader *reader = NULL;
    enum skp_err err = csv_reader_open(path, columns, REGISTER_BSN_FIELDS, &reader, ret_problem);
    if (err)
        return err;
    struct map cases = {0};
    struct csv_row row;
    err = index_cases(file, &cases);
    while (!err && csv_reader_next(reader, &row)) {
        if (row.err == SKP_E_IO)
            err = SKP_E_IO;
        else if (row.err)
            err = csv_problems_add(
                problems,
                (struct csv_problem){.line = row.line, .err = row.err, .column = row.column});
        else
            err = take_row(&cases, &row, problems);
    }
    map_fini(&cases);
    csv_reader_free(reader);
    if (err)
        *ret_problem = (struct csv_problem){.err = err};
    return err;
}

enum skp_err register_bsn_writer_open(const char *path, struct csv_writer **ret_writer,
                                      struct csv_problem *ret_problem)
{
    struct csv_column columns[REGISTER_BSN_FIELDS];
    csv_record_columns(register_bsn_fields, REGISTER_BSN_FIELDS, columns);
    return csv_writer_open(path, columns, REGISTER_BSN_FIELDS, ret_writer, ret_problem);
}

void register_bsn_writer_put(struct csv_writer *writer, const struct register_case *file_case)
{
    struct register_bsn_row row = {.dossier = file_case->dossier};
    memcpy(row.bsn, file_case->client.bsn, sizeof(row.bsn));
    memcpy(row.partner_bsn, file_case->partner.bsn, sizeof(row.partner_bsn));
    csv_record_write(register_bsn_fields, REGISTER_BSN_FIELDS, writer, &row);
    csv_writer_end_row(writer);
}
