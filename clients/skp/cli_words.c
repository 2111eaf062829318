#include "cli.h"

static const struct {
    const char *dutch[2], *english[2]; /* one, more */
} nouns[] = {
    [NOUN_CASE] = {{"dossier", "dossiers"}, {"case", "cases"}},
    [NOUN_REQUEST] = {{"saldoverzoek", "saldoverzoeken"}, {"request", "requests"}},
    [NOUN_ROW] = {{"regel", "regels"}, {"row", "rows"}},
    [NOUN_UNUSED_ROW] = {{"regel is niet gebruikt", "regels zijn niet gebruikt"},
                         {"row was not used", "rows were not used"}},
    [NOUN_LIST] = {{"lijst", "lijsten"}, {"list", "lists"}},
    [NOUN_MESSAGE] = {{"bericht", "berichten"}, {"message", "messages"}},
    [NOUN_NEW_ANSWER] = {{"nieuw antwoord", "nieuwe antwoorden"}, {"new answer", "new answers"}},
    [NOUN_LETTER] = {{"brief", "brieven"}, {"letter", "letters"}},
    [NOUN_REPLACED_LETTER] = {{"brief vervangen", "brieven vervangen"},
                              {"letter replaced", "letters replaced"}},
    [NOUN_DIFFERENCE] = {{"verschil", "verschillen"}, {"difference", "differences"}},
    [NOUN_SIGNATURE] = {{"handtekening", "handtekeningen"}, {"signature", "signatures"}},
    [NOUN_WORKING_DAY] = {{"werkdag", "werkdagen"}, {"working day", "working days"}},
    [NOUN_RECEIPT] = {{"ontvangstbewijs", "ontvangstbewijzen"}, {"receipt", "receipts"}},
    [NOUN_BATCH] = {{"verzending", "verzendingen"}, {"batch", "batches"}},
};

const char *cli_noun(const struct cli *cli, size_t count, enum noun noun)
{
    size_t more = count != 1;
    return cli->english ? nouns[noun].english[more] : nouns[noun].dutch[more];
}
