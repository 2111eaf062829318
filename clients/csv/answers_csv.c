#include "answers_csv.h"

/* clang-format off */
#define ROW(member) offsetof(struct answer_row, member)

static const struct csv_field fields[] = {
    {"Dossier", CSV_TEXT, CSV_OPTIONAL, ROW(dossier), NULL, 0},
    {"Schuldeiser", CSV_TEXT, CSV_OPTIONAL, ROW(creditor), NULL, 0},
    {"SaldoverzoekID", CSV_ID, CSV_OPTIONAL, ROW(request_id), NULL, 0},
    {"Status", CSV_WORD, CSV_OPTIONAL, ROW(state), csv_words_state, 0},
    {"Uitkomst", CSV_WORD, CSV_OPTIONAL, ROW(outcome), csv_words_outcome, 0},
    {"Akkoord", CSV_WORD, CSV_OPTIONAL, ROW(consent), csv_words_consent, 0},
    {"Reden", CSV_WORD, CSV_OPTIONAL, ROW(reason), csv_words_reason, 0},
    {"KlantnummerSE", CSV_TEXT, CSV_OPTIONAL, ROW(client_number_creditor), NULL, 0},
    {"Factuurnummer", CSV_TEXT, CSV_OPTIONAL, ROW(invoice_number), NULL, 0},
    {"SoortVordering", CSV_WORD, CSV_OPTIONAL, ROW(kind), csv_words_kind, 0},
    {"StatusVordering", CSV_WORD, CSV_OPTIONAL, ROW(claim_state), csv_words_claim, 0},
    {"Schuldenaar", CSV_WORD, CSV_OPTIONAL, ROW(debtor), csv_words_debtor, 0},
    {"Preferentie", CSV_WORD, CSV_OPTIONAL, ROW(preference), csv_words_preference, 0},
    {"Bedrag", CSV_AMOUNT, CSV_OPTIONAL, ROW(amount_cents), NULL, 0},
    {"OorspronkelijkBedrag", CSV_AMOUNT, CSV_OPTIONAL, ROW(original_cents), NULL, 0},
    {"Afwijkend", CSV_FLAG, CSV_OPTIONAL, ROW(deviates), NULL, 0},
    {"EenTotaal", CSV_FLAG, CSV_OPTIONAL, ROW(one_total), NULL, 0},
    {"Totaal", CSV_AMOUNT, CSV_OPTIONAL, ROW(total_cents), NULL, 0},
    {"Saldodatum", CSV_DATE, CSV_OPTIONAL, ROW(balance_date), NULL, 0},
    {"OvergedragenAan", CSV_TEXT, CSV_OPTIONAL, ROW(transferred_to), NULL, 0},
    CSV_CONTACT_FIELDS("ContactSE", struct answer_row, contact, CSV_OPTIONAL),
    {"Toelichting", CSV_TEXT, CSV_OPTIONAL, ROW(note), NULL, 500},
    {"Versie", CSV_NUMBER, CSV_OPTIONAL, ROW(version), NULL, 0},
    {"Correctie", CSV_WORD, CSV_OPTIONAL, ROW(correction), csv_words_correction, 0},
    {"Ontvangen", CSV_DATE, CSV_OPTIONAL, ROW(received_date), NULL, 0},
};
/* clang-format on */

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

struct answer_row answers_row_empty(void)
{
    return (struct answer_row){.amount_cents = CSV_NO_AMOUNT,
                               .original_cents = CSV_NO_AMOUNT,
                               .total_cents = CSV_NO_AMOUNT};
}

enum skp_err answers_writer_open(const char *path, struct csv_writer **ret_writer,
                                 struct csv_problem *ret_problem)
{
    struct csv_column columns[FIELD_COUNT];
    csv_record_columns(fields, FIELD_COUNT, columns);
    return csv_writer_open(path, columns, FIELD_COUNT, ret_writer, ret_problem);
}

void answers_writer_put(struct csv_writer *writer, const struct answer_row *row)
{
    csv_record_write(fields, FIELD_COUNT, writer, row);
    csv_writer_end_row(writer);
}
