/* The rows of one request, made one answer. */
#include "list_answer.h"

#include "skp.pb-c.h"

#include <string.h>

struct settling {
    struct list_request *request;
    struct csv_problems *problems;
    const struct list_row *consent_row; /* the first that says something about consent */
    const struct list_row *total_row;
    const struct list_row *date_row, *impediment_row; /* the first that gives one */
};

static enum skp_err complain(struct settling *settling, const struct list_row *row,
                             enum skp_err err, const char *column, const struct list_row *other)
{
    settling->request->broken = true;
    struct csv_problem problem = {
        .line = row->line, .err = err, .column = column, .other_line = other ? other->line : 0};
    return csv_problems_add(settling->problems, problem);
}

/* What a row says of the whole request; 0: it speaks of one claim, or of nothing. */
static int whole_outcome(const struct list_answer *answer)
{
    if (answer->client_unknown)
        return SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT;
    if (answer->unreadable)
        return SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
    if (answer->deceased)
        return SKP__V1__OUTCOME__OUTCOME_REPORTED_DECEASED;
    if (answer->no_cooperation != 0)
        return SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION;
    return 0;
}

static bool has_amount(const struct list_answer *answer)
{
    return answer->amount_cents != CSV_NO_AMOUNT && answer->amount_cents != 0;
}

/* A column that contradicts an answer without claims; NULL: none. Standaard akkoord filled in all
 * the way down is harmless there: nothing is agreed to. */
static const char *unexpected_column(const struct list_answer *answer)
{
    if (has_amount(answer))
        return "OpenstaandBedrag";
    if (answer->one_total)
        return "EenTotaal";
    if (answer->impediment != 0)
        return "Belemmering";
    return NULL;
}

static enum skp_err check_whole(struct settling *settling, const struct list_row *row,
                                const struct list_row *first)
{
    const struct list_answer *answer = &row->answer;
    const char *column = unexpected_column(answer);
    int said = answer->client_unknown + answer->unreadable + answer->deceased +
               (answer->no_cooperation != 0);
    if (said > 1)
        return complain(settling, row, SKP_E_FIELD_UNEXPECTED,
                        answer->client_unknown ? "SchuldenaarOnbekend"
                        : answer->unreadable   ? "Onleesbaar"
                                               : "Overleden",
                        NULL);
    if (column || answer->debt == LIST_DEBT_OPEN || answer->debt == LIST_DEBT_TRANSFERRED)
        return complain(settling, row, SKP_E_FIELD_UNEXPECTED, column ? column : "SoortSchuld",
                        first == row ? NULL : first);
    if (whole_outcome(answer) != 0 && (whole_outcome(answer) != whole_outcome(&first->answer) ||
                                       answer->no_cooperation != first->answer.no_cooperation))
        return complain(settling, row, SKP_E_CLAIM_UNKNOWN, NULL, first);
    return SKP_OK;
}

/* Client unknown, unreadable, deceased or no cooperation: said once, it holds for all rows. */
static enum skp_err settle_whole(struct settling *settling, const struct list_row *first)
{
    struct list_request *request = settling->request;
    enum skp_err err = SKP_OK;
    for (struct list_answer_row *at = request->rows; !err && at; at = at->next) {
        if (list_row_is_answered(&at->row.answer))
            err = check_whole(settling, &at->row, first);
    }
    request->outcome = whole_outcome(&first->answer);
    request->reason = first->answer.no_cooperation;
    request->complete = true;
    return err;
}

/* ---------------------------------------------------------------- claims */

static enum skp_err check_consent(struct settling *settling, const struct list_row *row)
{
    struct list_request *request = settling->request;
    const struct list_answer *answer = &row->answer;
    if (answer->impediment != 0 && !settling->impediment_row)
        settling->impediment_row = row;
    if (answer->impediment != 0 &&
        settling->impediment_row->answer.impediment != answer->impediment)
        return complain(settling, row, SKP_E_VALUE_INVALID, "Belemmering",
                        settling->impediment_row);
    if (answer->impediment != 0)
        request->reason = answer->impediment;
    if (settling->consent_row && settling->consent_row->answer.agreed != answer->agreed)
        return complain(settling, row, SKP_E_CONSENT_INVALID, "StandaardAkkoord",
                        settling->consent_row);
    settling->consent_row = row;
    return SKP_OK;
}

static int claim_state(const struct list_answer *answer)
{
    if (answer->debt == LIST_DEBT_TRANSFERRED)
        return SKP__V1__CLAIM_STATE__CLAIM_STATE_SOLD;
    if (answer->disputed)
        return SKP__V1__CLAIM_STATE__CLAIM_STATE_DISPUTED;
    if (answer->in_collection)
        return SKP__V1__CLAIM_STATE__CLAIM_STATE_IN_COLLECTION;
    return SKP__V1__CLAIM_STATE__CLAIM_STATE_CONFIRMED;
}

static bool is_there(const struct list_request *request, const struct skp_id *claim_id)
{
    if (id_is_nil(claim_id))
        return false;
    for (const struct list_claim *claim = request->claims; claim; claim = claim->next) {
        if (id_equal(&claim->claim_id, claim_id))
            return true;
    }
    return false;
}

/* Why the row is no claim, with its column; SKP_OK: it is one. */
static enum skp_err check_claim(const struct settling *settling, const struct list_row *row,
                                const char **ret_column)
{
    const struct list_answer *answer = &row->answer;
    bool sold = answer->debt == LIST_DEBT_TRANSFERRED;
    *ret_column = "OpenstaandBedrag";
    if (settling->total_row && answer->amount_cents != CSV_NO_AMOUNT)
        return SKP_E_FIELD_UNEXPECTED;
    if (!settling->total_row && !sold && answer->amount_cents == CSV_NO_AMOUNT)
        return SKP_E_REQUIRED;
    if (!settling->total_row && !sold && answer->amount_cents == 0)
        return SKP_E_AMOUNT_ZERO;
    *ret_column = "SoortVordering";
    if (row->kind == 0)
        return SKP_E_REQUIRED;
    *ret_column = "Schuldenaar";
    if (row->debtor == 0)
        return SKP_E_REQUIRED;
    *ret_column = "Betwist";
    if (answer->disputed + answer->in_collection + sold > 1)
        return SKP_E_FIELD_UNEXPECTED;
    *ret_column = "Regelkenmerk";
    if (is_there(settling->request, &row->claim_id))
        return SKP_E_DUPLICATE_CLAIM;
    *ret_column = NULL;
    return settling->request->claim_count < LIST_MAX_CLAIMS ? SKP_OK : SKP_E_DECODE_ITEMS;
}

static int64_t given_or_zero(int64_t cents)
{
    return cents == CSV_NO_AMOUNT ? 0 : cents;
}

static enum skp_err add_claim(struct settling *settling, const struct list_row *row)
{
    struct list_request *request = settling->request;
    struct list_claim *added = arena_alloc(settling->problems->arena, sizeof(*added));
    if (!added)
        return SKP_E_NO_MEMORY;
    *added = (struct list_claim){
        .line = row->line,
        .claim_id = row->claim_id,
        .state = claim_state(&row->answer),
        .kind = row->kind,
        .debtor = row->debtor,
        .preference = row->answer.preference,
        .amount_cents = given_or_zero(row->answer.amount_cents),
        .original_cents = given_or_zero(row->answer.original_cents),
        .origin_date = row->answer.origin_date,
        .deviates = row->known_cents != CSV_NO_AMOUNT && has_amount(&row->answer) &&
                    row->known_cents != row->answer.amount_cents,
        .invoice_number = row->answer.invoice_number,
    };
    if (added->preference == 0)
        added->preference = SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
    if (request->last_claim)
        request->last_claim->next = added;
    else
        request->claims = added;
    request->last_claim = added;
    request->claim_count++;
    request->total_cents += added->amount_cents;
    return SKP_OK;
}

/* Under one total only sold claims are named: the others have no amount of their own. */
static enum skp_err settle_claim(struct settling *settling, const struct list_row *row)
{
    const char *column = NULL;
    bool sold = row->answer.debt == LIST_DEBT_TRANSFERRED;
    enum skp_err wrong = check_claim(settling, row, &column);
    if (wrong)
        return complain(settling, row, wrong, column, NULL);
    enum skp_err err = sold ? SKP_OK : check_consent(settling, row);
    if (!err && (!settling->total_row || sold))
        err = add_claim(settling, row);
    return err;
}

static enum skp_err settle_total(struct settling *settling, const struct list_row *row)
{
    struct list_request *request = settling->request;
    if (row != settling->total_row)
        return complain(settling, row, SKP_E_FIELD_UNEXPECTED, "EenTotaal", settling->total_row);
    if (!has_amount(&row->answer))
        return complain(settling, row,
                        row->answer.amount_cents == 0 ? SKP_E_AMOUNT_ZERO : SKP_E_REQUIRED,
                        "OpenstaandBedrag", NULL);
    if (row->answer.debt != 0 && row->answer.debt != LIST_DEBT_OPEN)
        return complain(settling, row, SKP_E_FIELD_UNEXPECTED, "EenTotaal", NULL);
    request->one_total = true;
    request->total_cents = row->answer.amount_cents;
    return check_consent(settling, row);
}

static enum skp_err settle_row(struct settling *settling, const struct list_row *row,
                               size_t *unknown_count)
{
    const struct list_answer *answer = &row->answer;
    if (answer->one_total)
        return settle_total(settling, row);
    if (answer->debt != LIST_DEBT_UNKNOWN && answer->debt != LIST_DEBT_ZERO)
        return settle_claim(settling, row);
    const char *column = unexpected_column(answer);
    if (column)
        return complain(settling, row, SKP_E_FIELD_UNEXPECTED, column, NULL);
    *unknown_count += answer->debt == LIST_DEBT_UNKNOWN;
    return SKP_OK;
}

static void decide_outcome(struct settling *settling, size_t unknown_count)
{
    struct list_request *request = settling->request;
    request->complete = request->one_total || request->answered_count == request->row_count;
    if (request->claim_count > 0 || request->one_total) {
        request->outcome = SKP__V1__OUTCOME__OUTCOME_CLAIMS;
        request->consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
        if (settling->consent_row && settling->consent_row->answer.agreed)
            request->consent = SKP__V1__CONSENT__CONSENT_PRE_AGREED;
        if (request->reason != 0)
            request->consent = SKP__V1__CONSENT__CONSENT_IMPEDIMENT;
    } else if (unknown_count == request->answered_count) {
        request->outcome = SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT;
    } else {
        request->outcome = SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE;
    }
}

static enum skp_err settle_claims(struct settling *settling)
{
    size_t unknown_count = 0;
    enum skp_err err = SKP_OK;
    for (struct list_answer_row *at = settling->request->rows; !err && at; at = at->next) {
        if (list_row_is_answered(&at->row.answer))
            err = settle_row(settling, &at->row, &unknown_count);
    }
    decide_outcome(settling, unknown_count);
    return err;
}

/* ---------------------------------------------------------------- the request */

static void take_first_text(const char **ret_text, const char *text)
{
    if (!*ret_text || (*ret_text)[0] == '\0')
        *ret_text = text;
}

/* What holds for the request as a whole is taken from the first row that gives it. */
static enum skp_err take_common(struct settling *settling, const struct list_row *row)
{
    struct list_request *request = settling->request;
    const struct list_answer *answer = &row->answer;
    take_first_text(&request->client_number_creditor, answer->client_number_creditor);
    take_first_text(&request->transferred_to, answer->transferred_to);
    take_first_text(&request->note, answer->note);
    take_first_text(&request->contact.name, answer->contact.name);
    take_first_text(&request->contact.phone, answer->contact.phone);
    take_first_text(&request->contact.mail, answer->contact.mail);
    if (request->correction == 0)
        request->correction = answer->correction;
    if (answer->balance_date == 0)
        return SKP_OK;
    if (!settling->date_row)
        settling->date_row = row;
    if (settling->date_row->answer.balance_date != answer->balance_date)
        return complain(settling, row, SKP_E_VALUE_INVALID, "Datum", settling->date_row);
    request->balance_date = answer->balance_date;
    return SKP_OK;
}

enum skp_err list_request_settle(struct list_request *request, struct csv_problems *problems)
{
    struct settling settling = {.request = request, .problems = problems};
    const struct list_row *whole = NULL;
    enum skp_err err = SKP_OK;
    for (struct list_answer_row *at = request->rows; !err && at; at = at->next) {
        const struct list_answer *answer = &at->row.answer;
        if (!whole && whole_outcome(answer) != 0)
            whole = &at->row;
        if (!settling.total_row && answer->one_total)
            settling.total_row = &at->row;
        if (list_row_is_answered(answer))
            request->answered_count++;
        err = take_common(&settling, &at->row);
    }
    if (err || request->answered_count == 0)
        return err;
    return whole ? settle_whole(&settling, whole) : settle_claims(&settling);
}
