#include "csv_words.h"

#include "skp.pb-c.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

const struct csv_word csv_words_product[] = {
    {SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN, "SK"},
    {SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION, "SB"},
    {SKP__V1__PRODUCT__PRODUCT_NO_CAPACITY, "SA"},
    {SKP__V1__PRODUCT__PRODUCT_PAYMENT_PLAN, "BR"},
    {SKP__V1__PRODUCT__PRODUCT_REFINANCING, "HF"},
    {SKP__V1__PRODUCT__PRODUCT_RESTRUCTURING_LOAN, "saneringskrediet"},
    {SKP__V1__PRODUCT__PRODUCT_DEBT_MEDIATION, "schuldbemiddeling"},
    {SKP__V1__PRODUCT__PRODUCT_PAYMENT_PLAN, "betalingsregeling"},
    {SKP__V1__PRODUCT__PRODUCT_REFINANCING, "herfinanciering"},
    {0, NULL}};

const struct csv_word csv_words_guidance[] = {
    {SKP__V1__GUIDANCE__GUIDANCE_NONE, "geen"},
    {SKP__V1__GUIDANCE__GUIDANCE_BUDGET_COACHING, "budgetcoaching"},
    {SKP__V1__GUIDANCE__GUIDANCE_BUDGET_MANAGEMENT, "budgetbeheer"},
    {SKP__V1__GUIDANCE__GUIDANCE_PROTECTIVE, "beschermingsbewind"},
    {SKP__V1__GUIDANCE__GUIDANCE_LONG_TERM, "lange termijn begeleiding"},
    {SKP__V1__GUIDANCE__GUIDANCE_BUDGET, "budgetbegeleiding"},
    {SKP__V1__GUIDANCE__GUIDANCE_LONG_TERM, "langetermijnbegeleiding"},
    {0, NULL}};

const struct csv_word csv_words_sex[] = {{SKP__V1__SEX__SEX_FEMALE, "V"},
                                         {SKP__V1__SEX__SEX_MALE, "M"},
                                         {SKP__V1__SEX__SEX_UNKNOWN, "X"},
                                         {SKP__V1__SEX__SEX_FEMALE, "vrouw"},
                                         {SKP__V1__SEX__SEX_MALE, "man"},
                                         {SKP__V1__SEX__SEX_UNKNOWN, "onbekend"},
                                         {0, NULL}};

const struct csv_word csv_words_debtor[] = {{SKP__V1__DEBTOR__DEBTOR_FIRST, "eerste"},
                                            {SKP__V1__DEBTOR__DEBTOR_PARTNER, "partner"},
                                            {SKP__V1__DEBTOR__DEBTOR_BOTH, "beiden"},
                                            {SKP__V1__DEBTOR__DEBTOR_UNKNOWN, "onbekend"},
                                            {0, NULL}};

const struct csv_word csv_words_kind[] = {
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_HEALTH, "zorgpremie"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_TAX, "belasting"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_FINE, "boete"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_STUDY, "studieschuld"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_BENEFIT, "uitkering"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_CAK, "CAK"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_MUNICIPAL, "gemeente"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_RENT, "huur"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_ENERGY, "energie"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_WATER, "water"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM, "telecom"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_CREDIT, "krediet"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_SHOP, "webwinkel"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_INSURANCE, "verzekering"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_PRIVATE, "particulier"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_OTHER, "overig"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_TAX, "toeslagen"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_FINE, "CJIB"},
    {SKP__V1__CLAIM_KIND__CLAIM_KIND_STUDY, "DUO"},
    {0, NULL}};

const struct csv_word csv_words_preference[] = {
    {SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT, "concurrent"},
    {SKP__V1__PREFERENCE__PREFERENCE_PREFERENT, "preferent"},
    {SKP__V1__PREFERENCE__PREFERENCE_SECURED, "zekerheid"},
    {0, NULL}};

const struct csv_word csv_words_reason[] = {
    {SKP__V1__REASON__REASON_CLIENT_UNKNOWN, "klant onbekend"},
    {SKP__V1__REASON__REASON_RECENT_DISCHARGE, "recente kwijting"},
    {SKP__V1__REASON__REASON_RECENT_STABILISATION, "recente stabilisatie"},
    {SKP__V1__REASON__REASON_NO_COOPERATION_WITH_THIS_COUNSELLOR,
     "geen samenwerking met schuldhulpverlener"},
    {SKP__V1__REASON__REASON_CLAIM_DISPUTED, "vordering betwist"},
    {SKP__V1__REASON__REASON_NOT_GOOD_FAITH, "niet te goeder trouw"},
    {SKP__V1__REASON__REASON_RECIDIVISM, "recidive"},
    {SKP__V1__REASON__REASON_NEW_DEBT, "nieuwe schuld"},
    {SKP__V1__REASON__REASON_SECURED_CLAIM, "zekerheid"},
    {SKP__V1__REASON__REASON_CLAIM_TRANSFERRED, "vordering overgedragen"},
    {SKP__V1__REASON__REASON_LEGAL_BAR, "wettelijk beletsel"},
    {SKP__V1__REASON__REASON_OTHER, "anders"},
    {0, NULL}};

const struct csv_word csv_words_correction[] = {
    {SKP__V1__CORRECTION_REASON__CORRECTION_REASON_TYPING_ERROR, "typefout"},
    {SKP__V1__CORRECTION_REASON__CORRECTION_REASON_PAYMENT_RECEIVED, "betaling ontvangen"},
    {SKP__V1__CORRECTION_REASON__CORRECTION_REASON_COSTS_REMOVED, "kosten vervallen"},
    {SKP__V1__CORRECTION_REASON__CORRECTION_REASON_CLAIM_FOUND, "vordering gevonden"},
    {SKP__V1__CORRECTION_REASON__CORRECTION_REASON_OTHER, "anders"},
    {0, NULL}};

const struct csv_word csv_words_outcome[] = {
    {SKP__V1__OUTCOME__OUTCOME_CLAIMS, "vorderingen"},
    {SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT, "klant onbekend"},
    {SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT, "schuld onbekend"},
    {SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE, "saldo nul"},
    {SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION, "geen medewerking"},
    {SKP__V1__OUTCOME__OUTCOME_REPORTED_DECEASED, "overleden gemeld"},
    {SKP__V1__OUTCOME__OUTCOME_UNREADABLE, "onleesbaar"},
    {0, NULL}};

const struct csv_word csv_words_consent[] = {
    {SKP__V1__CONSENT__CONSENT_PRE_AGREED, "vooraf akkoord"},
    {SKP__V1__CONSENT__CONSENT_NEEDS_OFFER, "voorstel nodig"},
    {SKP__V1__CONSENT__CONSENT_IMPEDIMENT, "belemmering"},
    {0, NULL}};

const struct csv_word csv_words_state[] = {
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_REGISTERED, "aangemeld"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND, "wacht op ronde"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED, "gevraagd"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE, "te laat"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED, "beantwoord"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE, "te laat beantwoord"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_OFF_NETWORK, "per brief"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED, "antwoord vastgelegd"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEAL_NEEDED, "opnieuw versturen nodig"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_UNREADABLE, "onleesbaar voor schuldeiser"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_WITHDRAWN, "ingetrokken"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_ENDED, "gestopt"},
    {SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEALED, "opnieuw verstuurd"},
    {0, NULL}};

const struct csv_word csv_words_claim[] = {
    {SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED, "bevestigd"},
    {SKP__V1__CLAIM_STATE__CLAIM_STATE_DISPUTED, "betwist"},
    {SKP__V1__CLAIM_STATE__CLAIM_STATE_IN_COLLECTION, "in incasso"},
    {SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD, "overgedragen"},
    {0, NULL}};

enum skp_err csv_word_read(const struct csv_word *words, const char *text, int *ret_code)
{
    text += strspn(text, " ");
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ')
        len--;
    if (len == 0) {
        *ret_code = 0;
        return SKP_OK;
    }
    for (; words->word; words++) {
        if (strlen(words->word) == len && strncasecmp(words->word, text, len) == 0) {
            *ret_code = words->code;
            return SKP_OK;
        }
    }
    return SKP_E_ENUM_VALUE;
}

const char *csv_word_print(const struct csv_word *words, int code)
{
    for (; words->word; words++) {
        if (words->code == code)
            return words->word;
    }
    return "";
}
