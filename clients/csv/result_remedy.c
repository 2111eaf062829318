#include "result_csv.h"

#include <string.h>

struct remedy {
    enum skp_err err;
    const char *dutch;
};

/* What a case worker meets most; the others get the sentence of their retry class. */
static const struct remedy remedies[] = {
    {SKP_E_REQUIRED, "Vul de kolom in"},
    {SKP_E_OIN_FORMAT, "Neem het OIN over uit de deelnemerslijst"},
    {SKP_E_DATE_INVALID, "Schrijf de datum als dd-mm-jjjj, bijvoorbeeld 03-12-2026"},
    {SKP_E_DATE_RANGE, "Controleer het jaar en de volgorde van de datums"},
    {SKP_E_AMOUNT_RANGE, "Vul een bedrag in van 0 tot en met 999.999.999,99"},
    {SKP_E_AMOUNT_ZERO, "Kies bij SoortSchuld: saldo nul"},
    {SKP_E_ENUM_VALUE, "Gebruik een woord uit de handleiding van dit bestand"},
    {SKP_E_TEXT_ENCODING, "Bewaar het bestand opnieuw als CSV UTF-8"},
    {SKP_E_TEXT_CONTROL, "Haal regeleinden en onzichtbare tekens weg"},
    {SKP_E_TEXT_TOO_LONG, "Maak de tekst korter"},
    {SKP_E_FIELD_UNEXPECTED, "Maak deze kolom leeg of pas de andere kolommen aan"},
    {SKP_E_DECODE_ITEMS, "Verdeel de regels over meer dossiers of meld ze later aan"},
    {SKP_E_BSN_INVALID, "Controleer het BSN: negen cijfers, ook als het met een nul begint"},
    {SKP_E_POSTCODE_INVALID, "Schrijf de postcode als 1234AB"},
    {SKP_E_CSV_HEADER, "Neem de kopregel over uit de handleiding van dit bestand"},
    {SKP_E_CSV_LINE,
     "Controleer puntkomma's en aanhalingstekens; zonder sluitteken telt de rest als een cel"},
    {SKP_E_VALUE_INVALID, "Verbeter de waarde; zie de handleiding van dit bestand"},
    {SKP_E_CREDITOR_AMBIGUOUS, "Vul in de aanmelding SchuldeiserOIN in"},
    {SKP_E_DUPLICATE_CLAIM, "Haal de dubbele regel weg"},
    {SKP_E_DUPLICATE_ITEM, "Haal de dubbele regel weg"},
    {SKP_E_RECIPIENT_UNKNOWN, "Stuur een brief, of vul het juiste SchuldeiserOIN in"},
    {SKP_E_RECIPIENT_NOT_CONNECTED, "Stuur een brief"},
    {SKP_E_SIGNER_REVOKED,
     "Bel wie ondertekende: die verstuurt het opnieuw met een nieuw certificaat"},
    {SKP_E_CONSENT_INVALID, "Vul bij alle vorderingen van deze klant hetzelfde in"},
    {SKP_E_CLAIM_UNKNOWN, "Vul bij alle regels van deze klant hetzelfde in"},
    {SKP_E_CASE_UNKNOWN, "Controleer het dossiernummer"},
    {SKP_E_CASE_CHANGED,
     "Zet terug wat er eerder stond, en geef de verbetering zelf door aan de schuldeiser"},
    {SKP_E_REQUEST_UNKNOWN, "Gebruik alleen regels van een saldolijst die u zelf hebt opgehaald"},
    {SKP_E_STALE, "Vul in de kolom Correctie waarom het antwoord verandert"},
    {SKP_E_CORRECTION_REASON, "Vul in de kolom Correctie waarom het antwoord verandert"},
    {SKP_E_AGREEMENT_UNKNOWN, "Laat StandaardAkkoord leeg; u krijgt dan een voorstel"},
    {SKP_E_AGREEMENT_SCOPE, "Laat StandaardAkkoord leeg; u krijgt dan een voorstel"},
    {SKP_E_REASON_MISSING, "Vul een reden in uit de handleiding van dit bestand"},
    {SKP_E_NOT_YET_AVAILABLE, "Doe dit voorlopig per brief of telefoon"},
};

const char *result_remedy(enum skp_err err)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (remedies[i].err == err)
            return remedies[i].dutch;
    }
    switch (skp_error(err)->retry) {
    case SKP_RETRY_LATER:
        return "Probeer het later opnieuw; wat al binnen is, telt niet dubbel";
    case SKP_RETRY_AFTER_FIX:
        return "Verbeter de regel en bied hem opnieuw aan";
    case SKP_RETRY_NEVER:
        break;
    }
    return "Vraag uw applicatiebeheerder om hulp en noem de code";
}

/* "Gebruik een van: zorgpremie, huur, ..." as far as it fits; a word that stands for the same as one before is left out. */
static void name_words(const struct csv_word *words, char *ret_text)
{
    size_t used = (size_t)snprintf(ret_text, RESULT_REMEDY_BYTES, "Gebruik een van: ");
    int last = 0;
    for (const struct csv_word *word = words; word->word; word++) {
        if (csv_word_print(words, word->code) != word->word)
            continue;
        int len = snprintf(ret_text + used, RESULT_REMEDY_BYTES - used, "%s%s",
                           last > 0 ? ", " : "", word->word);
        if (len < 0 || (size_t)len >= RESULT_REMEDY_BYTES - used) {
            ret_text[used] = '\0';
            return;
        }
        used += (size_t)len;
        last = len;
    }
}

static bool is_about(const struct csv_problem *problem, const char *column)
{
    return problem->column && strcmp(problem->column, column) == 0;
}

void result_remedy_row(const struct csv_problem *problem, char *ret_text)
{
    const struct csv_field *field = problem->field;
    if (field && field->kind == CSV_WORD && problem->err == SKP_E_ENUM_VALUE)
        name_words(field->words, ret_text);
    else if (field && field->kind == CSV_AMOUNT && problem->err == SKP_E_VALUE_INVALID)
        (void)snprintf(ret_text, RESULT_REMEDY_BYTES,
                       "Schrijf het bedrag als 1234,56, zonder andere tekens");
    else if (problem->err == SKP_E_DUPLICATE_ITEM && is_about(problem, "Merk"))
        (void)snprintf(ret_text, RESULT_REMEDY_BYTES,
                       "Vul Merk in als de regel over de brief voor een merk gaat; haal hem "
                       "anders weg");
    else if (problem->err == SKP_E_REQUEST_UNKNOWN && is_about(problem, "Schuldeiser"))
        (void)snprintf(ret_text, RESULT_REMEDY_BYTES,
                       "Controleer Dossier en Schuldeiser; u legt alleen vast wat u per brief "
                       "gevraagd hebt");
    else
        (void)snprintf(ret_text, RESULT_REMEDY_BYTES, "%s", result_remedy(problem->err));
}
