#include "letters_csv.h"

static const struct csv_word words_reason[] = {
    {LETTER_NOT_CONNECTED, "schuldeiser is niet aangesloten"},
    {LETTER_NOT_FOUND, "schuldeiser staat niet in de deelnemerslijst"},
    {LETTER_AMBIGUOUS, "meer dan één schuldeiser met deze naam"},
    {LETTER_UNREADABLE, "schuldeiser kon het bericht niet openen"},
    {0, NULL}};

/* clang-format off */
#define LETTER(member) offsetof(struct letter_row, member)

static const struct csv_field fields[] = {
    {"Dossier", CSV_TEXT, CSV_OPTIONAL, LETTER(dossier), NULL, 0},
    {"Schuldeiser", CSV_TEXT, CSV_OPTIONAL, LETTER(creditor), NULL, 0},
    {"Adres", CSV_TEXT, CSV_OPTIONAL, LETTER(address), NULL, 0},
    {"Reden", CSV_WORD, CSV_OPTIONAL, LETTER(reason), words_reason, 0},
};
/* clang-format on */

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

enum skp_err letters_writer_open(const char *path, struct csv_writer **ret_writer,
                                 struct csv_problem *ret_problem)
{
    struct csv_column columns[FIELD_COUNT];
    csv_record_columns(fields, FIELD_COUNT, columns);
    return csv_writer_open(path, columns, FIELD_COUNT, ret_writer, ret_problem);
}

void letters_writer_put(struct csv_writer *writer, const struct letter_row *row)
{
    csv_record_write(fields, FIELD_COUNT, writer, row);
    csv_writer_end_row(writer);
}
