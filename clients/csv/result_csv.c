#include "result_csv.h"

/* A row as it is written. */
struct result_text {
    struct result_row row;
    const char *code, *sentence, *remedy;
};

static const struct csv_word words_status[] = {
    {RESULT_REGISTERED, "aangemeld"},     {RESULT_UNCHANGED, "al aangemeld"},
    {RESULT_DIGITAL, "digitaal, meteen"}, {RESULT_NEXT_ROUND, "digitaal, volgende ronde"},
    {RESULT_LETTER, "per brief"},         {RESULT_AMBIGUOUS, "niet eenduidig"},
    {RESULT_REFUSED, "geweigerd"},        {0, NULL}};

const char *result_status_word(enum result_status status)
{
    return csv_word_print(words_status, (int)status);
}

/* clang-format off */
#define TEXT(member) offsetof(struct result_text, member)

static const struct csv_field fields[] = {
    {"Regel", CSV_NUMBER, CSV_OPTIONAL, TEXT(row.line), NULL, 0},
    {"Dossier", CSV_TEXT, CSV_OPTIONAL, TEXT(row.dossier), NULL, 0},
    {"Schuldeiser", CSV_TEXT, CSV_OPTIONAL, TEXT(row.creditor), NULL, 0},
    {"Status", CSV_WORD, CSV_OPTIONAL, TEXT(row.status), words_status, 0},
    {"Datum", CSV_DATE, CSV_OPTIONAL, TEXT(row.date), NULL, 0},
    {"Code", CSV_TEXT, CSV_OPTIONAL, TEXT(code), NULL, 0},
    {"Melding", CSV_TEXT, CSV_OPTIONAL, TEXT(sentence), NULL, 0},
    {"Oplossing", CSV_TEXT, CSV_OPTIONAL, TEXT(remedy), NULL, 0},
    {"SaldoverzoekID", CSV_ID, CSV_OPTIONAL, TEXT(row.request_id), NULL, 0},
};
/* clang-format on */

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

enum skp_err result_writer_open(const char *path, struct csv_writer **ret_writer,
                                struct csv_problem *ret_problem)
{
    struct csv_column columns[FIELD_COUNT];
    csv_record_columns(fields, FIELD_COUNT, columns);
    return csv_writer_open(path, columns, FIELD_COUNT, ret_writer, ret_problem);
}

void result_writer_put(struct csv_writer *writer, const struct result_row *row)
{
    struct result_text text = {.row = *row, .code = "", .sentence = "", .remedy = ""};
    char sentence[CSV_PROBLEM_TEXT_BYTES], remedy[RESULT_REMEDY_BYTES];
    if (row->cause_line > 0) {
        (void)snprintf(sentence, sizeof sentence, "Niet verstuurd, want regel %u klopt niet",
                       row->cause_line);
        (void)snprintf(remedy, sizeof remedy, "Verbeter regel %u en meld het bestand opnieuw aan",
                       row->cause_line);
        text.code = skp_error_name(row->problem.err);
        text.sentence = sentence;
        text.remedy = remedy;
    } else if (row->problem.err != SKP_OK) {
        /* The line has a column of its own. */
        struct csv_problem problem = row->problem;
        problem.line = 0;
        csv_problem_print(&problem, sentence);
        text.code = skp_error_name(problem.err);
        text.sentence = sentence;
        result_remedy_row(&problem, remedy);
        text.remedy = remedy;
    } else if (row->not_compared) {
        text.sentence = "Al beantwoord: persoonsgegevens, adres en BSN in dit bestand zijn niet "
                        "vergeleken en gaan niet naar de schuldeiser";
    } else if (row->brand_too) {
        text.sentence = "Vastgelegd bij de brief zonder merk; er is ook een brief voor een merk";
        text.remedy = "Vul Merk in als dit het antwoord op die brief is";
    }
    csv_record_write(fields, FIELD_COUNT, writer, &text);
    csv_writer_end_row(writer);
}
