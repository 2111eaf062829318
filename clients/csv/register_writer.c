#include "register_fields.h"

enum skp_err register_writer_open(const char *path, struct csv_writer **ret_writer,
                                  struct csv_problem *ret_problem)
{
    struct csv_column columns[REGISTER_FIELDS];
    register_columns(columns);
    return csv_writer_open(path, columns, REGISTER_FIELDS, ret_writer, ret_problem);
}

void register_writer_put(struct csv_writer *writer, const struct register_case *file_case,
                         const struct register_request *request, const struct register_claim *claim)
{
    struct register_row row = {.request = *request, .claim = *claim};
    if (row.claim.client_number_creditor[0] == '\0')
        row.claim.client_number_creditor = request->client_number_creditor;
    csv_record_write(register_case_fields, REGISTER_CASE_FIELDS, writer, file_case);
    csv_record_write(register_row_fields, REGISTER_ROW_FIELDS, writer, &row);
    csv_writer_end_row(writer);
}
