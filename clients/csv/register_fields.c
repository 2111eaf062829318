#include "register_fields.h"

#include <string.h>

/* clang-format off */
#define CASE(member) offsetof(struct register_case, member)
#define ROW(member)  offsetof(struct register_row, member)

const struct csv_field register_case_fields[REGISTER_CASE_FIELDS] = {
    {"Dossier", CSV_TEXT, CSV_FILLED, CASE(dossier), NULL, REGISTER_DOSSIER_CHARS},
    {"KlantnummerSHV", CSV_TEXT, CSV_OPTIONAL, CASE(client_number), NULL, 40},
    {"TypeSchuldregeling", CSV_WORD, CSV_FILLED, CASE(product), csv_words_product, 0},
    {"Begeleiding", CSV_WORD, CSV_FILLED, CASE(guidance), csv_words_guidance, 0},
    {"Peildatum", CSV_DATE, CSV_FILLED, CASE(reference_date), NULL, 0},
    {"GemeenteOIN", CSV_OIN, CSV_FILLED, CASE(municipality), NULL, 0},
    CSV_PERSON_FIELDS("", struct register_case, client, CSV_FILLED, CSV_OPTIONAL),
    CSV_PERSON_FIELDS("Partner", struct register_case, partner, CSV_OPTIONAL, CSV_OPTIONAL),
    CSV_ADDRESS_FIELDS(struct register_case, address, CSV_FILLED, CSV_OPTIONAL),
    CSV_CONTACT_FIELDS("Contact", struct register_case, contact, CSV_OPTIONAL),
};

/* The last column is one that is never empty: Excel drops empty cells at the end of rows. */
const struct csv_field register_row_fields[REGISTER_ROW_FIELDS] = {
    {"Schuldeiser", CSV_TEXT, CSV_FILLED, ROW(request.creditor_name), NULL, 0},
    {"SchuldeiserOIN", CSV_OIN, CSV_OPTIONAL, ROW(request.creditor), NULL, 0},
    {"Merk", CSV_TEXT, CSV_OPTIONAL, ROW(request.brand), NULL, 80},
    {"KlantnummerSE", CSV_TEXT, CSV_OPTIONAL, ROW(claim.client_number_creditor), NULL, 40},
    {"Factuurnummer", CSV_TEXT, CSV_OPTIONAL, ROW(claim.invoice_number), NULL, 60},
    {"Spoed", CSV_FLAG, CSV_OPTIONAL, ROW(request.urgent), NULL, 0},
    {"Bedrag", CSV_AMOUNT, CSV_OPTIONAL, ROW(claim.amount_cents), NULL, 0},
    {"Schuldenaar", CSV_WORD, CSV_OPTIONAL, ROW(claim.debtor), csv_words_debtor, 0},
    {"SoortVordering", CSV_WORD, CSV_FILLED, ROW(claim.kind), csv_words_kind, 0},
};

const struct csv_field register_bsn_fields[REGISTER_BSN_FIELDS] = {
    {"Dossier", CSV_TEXT, CSV_FILLED, offsetof(struct register_bsn_row, dossier), NULL,
     REGISTER_DOSSIER_CHARS},
    {"PartnerBSN", CSV_BSN, CSV_OPTIONAL, offsetof(struct register_bsn_row, partner_bsn), NULL, 0},
    {"BSN", CSV_BSN, CSV_COLUMN, offsetof(struct register_bsn_row, bsn), NULL, 0},
};
/* clang-format on */

void register_columns(struct csv_column *ret_columns)
{
    csv_record_columns(register_case_fields, REGISTER_CASE_FIELDS, ret_columns);
    csv_record_columns(register_row_fields, REGISTER_ROW_FIELDS,
                       ret_columns + REGISTER_CASE_FIELDS);
}

bool register_dossier_key(const char *dossier, char *ret_key)
{
    size_t len = strlen(dossier);
    if (len > DOSSIER_KEY_BYTES)
        return false;
    memset(ret_key, 0, DOSSIER_KEY_BYTES);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a key of fixed length, not a text */
    memcpy(ret_key, dossier, len);
    return true;
}
