#include "list_csv.h"

#include "list_fields.h"

const struct csv_word list_words_debt[] = {{LIST_DEBT_OPEN, "openstaande schuld"},
                                           {LIST_DEBT_TRANSFERRED, "overgedragen schuld"},
                                           {LIST_DEBT_UNKNOWN, "schuld onbekend bij SE"},
                                           {LIST_DEBT_ZERO, "saldo nul"},
                                           {LIST_DEBT_OPEN, "openstaand"},
                                           {LIST_DEBT_OPEN, "open"},
                                           {LIST_DEBT_TRANSFERRED, "overgedragen"},
                                           {LIST_DEBT_UNKNOWN, "schuld onbekend"},
                                           {0, NULL}};

/* clang-format off */
#define ROW(member) offsetof(struct list_row, member)

const struct csv_field list_fields[LIST_FIELDS] = {
    {"ConversatieReferentienummer", CSV_ID, CSV_FILLED, ROW(request_id), NULL, 0},

    {"Referentienummer", CSV_TEXT, CSV_OPTIONAL, ROW(reference), NULL, 0},
    {"SHV", CSV_TEXT, CSV_OPTIONAL, ROW(counsellor_name), NULL, 0},
    CSV_CONTACT_FIELDS("ContactSHV", struct list_row, contact, CSV_OPTIONAL),
    {"KlantnummerSHV", CSV_TEXT, CSV_OPTIONAL, ROW(client_number_counsellor), NULL, 40},
    {"KlantnummerSEVolgensSHV", CSV_TEXT, CSV_OPTIONAL, ROW(client_number_creditor), NULL, 40},
    {"TypeSchuldregeling", CSV_WORD, CSV_OPTIONAL, ROW(product), csv_words_product, 0},
    CSV_PERSON_FIELDS("", struct list_row, client, CSV_OPTIONAL, CSV_OPTIONAL),
    CSV_PERSON_FIELDS("Partner", struct list_row, partner, CSV_OPTIONAL, CSV_OPTIONAL),
    CSV_ADDRESS_FIELDS(struct list_row, address, CSV_OPTIONAL, CSV_OPTIONAL),
    {"FactuurnummerVolgensSHV", CSV_TEXT, CSV_OPTIONAL, ROW(invoice_number), NULL, 60},

    {"KlantnummerSE", CSV_TEXT, CSV_OPTIONAL, ROW(answer.client_number_creditor), NULL, 40},
    CSV_CONTACT_FIELDS("ContactSE", struct list_row, answer.contact, CSV_OPTIONAL),
    {"SchuldenaarOnbekend", CSV_FLAG, CSV_COLUMN, ROW(answer.client_unknown), NULL, 0},
    {"StandaardAkkoord", CSV_FLAG, CSV_COLUMN, ROW(answer.agreed), NULL, 0},
    {"Datum", CSV_DATE, CSV_OPTIONAL, ROW(answer.balance_date), NULL, 0},
    {"SoortSchuld", CSV_WORD, CSV_COLUMN, ROW(answer.debt), list_words_debt, 0},
    {"FactuurnummerSE", CSV_TEXT, CSV_OPTIONAL, ROW(answer.invoice_number), NULL, 60},
    {"Ontstaansdatum", CSV_DATE, CSV_OPTIONAL, ROW(answer.origin_date), NULL, 0},
    {"OorspronkelijkBedrag", CSV_AMOUNT, CSV_OPTIONAL, ROW(answer.original_cents), NULL, 0},
    {"OpenstaandBedrag", CSV_AMOUNT, CSV_COLUMN, ROW(answer.amount_cents), NULL, 0},
    {"EenTotaal", CSV_FLAG, CSV_OPTIONAL, ROW(answer.one_total), NULL, 0},
    {"Preferentie", CSV_WORD, CSV_OPTIONAL, ROW(answer.preference), csv_words_preference, 0},
    {"InIncasso", CSV_FLAG, CSV_OPTIONAL, ROW(answer.in_collection), NULL, 0},
    {"Betwist", CSV_FLAG, CSV_OPTIONAL, ROW(answer.disputed), NULL, 0},
    {"OvergedragenAan", CSV_TEXT, CSV_OPTIONAL, ROW(answer.transferred_to), NULL, 0},
    {"GeenMedewerking", CSV_WORD, CSV_OPTIONAL, ROW(answer.no_cooperation), csv_words_reason, 0},
    {"Belemmering", CSV_WORD, CSV_OPTIONAL, ROW(answer.impediment), csv_words_reason, 0},
    {"Overleden", CSV_FLAG, CSV_OPTIONAL, ROW(answer.deceased), NULL, 0},
    {"Onleesbaar", CSV_FLAG, CSV_OPTIONAL, ROW(answer.unreadable), NULL, 0},
    {"Correctie", CSV_WORD, CSV_OPTIONAL, ROW(answer.correction), csv_words_correction, 0},
    {"Toelichting", CSV_TEXT, CSV_OPTIONAL, ROW(answer.note), NULL, 500},

    {"Merk", CSV_TEXT, CSV_OPTIONAL, ROW(brand), NULL, 80},
    {"Spoed", CSV_FLAG, CSV_OPTIONAL, ROW(urgent), NULL, 0},
    {"Begeleiding", CSV_WORD, CSV_OPTIONAL, ROW(guidance), csv_words_guidance, 0},
    {"Overeenkomst", CSV_FLAG, CSV_OPTIONAL, ROW(agreement), NULL, 0},
    {"Peildatum", CSV_DATE, CSV_OPTIONAL, ROW(reference_date), NULL, 0},
    {"Gemeente", CSV_TEXT, CSV_OPTIONAL, ROW(municipality), NULL, 0},
    {"Ronde", CSV_TEXT, CSV_OPTIONAL, ROW(round), NULL, 0},
    {"UitersteDatum", CSV_DATE, CSV_OPTIONAL, ROW(due_date), NULL, 0},
    {"Status", CSV_WORD, CSV_OPTIONAL, ROW(state), csv_words_state, 0},
    {"Land", CSV_TEXT, CSV_OPTIONAL, ROW(country), NULL, 0},
    {"ToelichtingSHV", CSV_TEXT, CSV_OPTIONAL, ROW(note), NULL, 500},

    {"BedragVolgensSHV", CSV_AMOUNT, CSV_OPTIONAL, ROW(known_cents), NULL, 0},
    {"Schuldenaar", CSV_WORD, CSV_OPTIONAL, ROW(debtor), csv_words_debtor, 0},
    {"Regelkenmerk", CSV_ID, CSV_COLUMN, ROW(claim_id), NULL, 0},
    {"Regelversie", CSV_NUMBER, CSV_OPTIONAL, ROW(version), NULL, 0},
    {"SoortVordering", CSV_WORD, CSV_OPTIONAL, ROW(kind), csv_words_kind, 0},
    {"SHVOIN", CSV_OIN, CSV_OPTIONAL, ROW(counsellor), NULL, 0},
};
/* clang-format on */

_Static_assert(LIST_FIELDS <= CSV_MAX_COLUMNS, "a row fits");

void list_answer_row_fields(struct csv_field *ret_fields)
{
    const struct csv_field *answer = list_fields + LIST_ID_FIELDS + LIST_QUESTION_FIELDS;
    ret_fields[0] = list_fields[0];
    for (size_t i = 0; i < LIST_ANSWER_FIELDS; i++)
        ret_fields[LIST_ID_FIELDS + i] = answer[i];
    for (size_t i = 0; i < LIST_KEY_FIELDS; i++)
        ret_fields[LIST_ID_FIELDS + LIST_ANSWER_FIELDS + i] =
            list_fields[LIST_FIELDS - LIST_KEY_FIELDS + i];
}

struct list_row list_row_empty(void)
{
    return (struct list_row){
        .known_cents = CSV_NO_AMOUNT,
        .answer = {.original_cents = CSV_NO_AMOUNT, .amount_cents = CSV_NO_AMOUNT}};
}

enum skp_err list_writer_open(const char *path, struct csv_writer **ret_writer,
                              struct csv_problem *ret_problem)
{
    struct csv_column columns[LIST_FIELDS];
    csv_record_columns(list_fields, LIST_FIELDS, columns);
    return csv_writer_open(path, columns, LIST_FIELDS, ret_writer, ret_problem);
}

void list_writer_put(struct csv_writer *writer, const struct list_row *row)
{
    csv_record_write(list_fields, LIST_FIELDS, writer, row);
    csv_writer_end_row(writer);
}

enum skp_err list_reader_open(const char *path, struct csv_reader **ret_reader,
                              struct csv_problem *ret_problem)
{
    struct csv_column columns[LIST_FIELDS];
    csv_record_columns(list_fields, LIST_FIELDS, columns);
    return csv_reader_open(path, columns, LIST_FIELDS, ret_reader, ret_problem);
}

enum skp_err list_row_take(const struct csv_row *row, struct csv_problems *problems,
                           struct list_row *ret_row, bool *ret_good)
{
    struct list_row taken = {.line = row->line};
    enum skp_err err = csv_record_read(list_fields, LIST_FIELDS, row->cells, row->line, problems,
                                       &taken, ret_good);
    if (!err)
        *ret_row = taken;
    return err;
}
