#include "answers_write.h"

#include "answers_csv.h"
#include "views.h"
#include "wire.h"

static void fill_part(const Skp__V1__AnswerPart *part, struct answer_row *row)
{
    row->client_number_creditor = part->client_number_creditor;
    row->transferred_to = part->transferred_to;
    row->note = part->note;
    if (part->contact)
        row->contact = (struct csv_contact){.name = part->contact->name,
                                            .phone = part->contact->phone,
                                            .mail = part->contact->mail};
}

static struct answer_row common_row(const struct request_view *view)
{
    struct answer_row row = answers_row_empty();
    const Skp__V1__AnswerFact *answer = view->answer;
    row.dossier = view->dossier;
    row.creditor = view->creditor_name;
    row.request_id = view->request_id;
    row.state = (int)view->state;
    row.outcome = (int)view->outcome;
    row.consent = (int)view->consent;
    row.total_cents =
        view->outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS ? view->total_cents : CSV_NO_AMOUNT;
    row.received_date = view->recorded_date;
    if (answer) {
        row.reason = (int)answer->reason;
        row.one_total = answer->one_total;
        row.balance_date = answer->balance_date;
        row.version = answer->version;
        row.correction = (int)answer->correction;
        if (calendar_ms_valid(view->answered_at_ms))
            row.received_date = calendar_date_of_ms(view->answered_at_ms);
    }
    if (view->part)
        fill_part(view->part, &row);
    return row;
}

/* The creditor's own number, else the one the office knew the claim by. */
static const char *invoice_of(struct state_db *db, const struct request_view *view, size_t index,
                              struct arena *arena)
{
    const char *invoice = "";
    struct skp_id claim_id, request_id;
    if (view->part && index < view->part->n_invoice_numbers)
        invoice = view->part->invoice_numbers[index];
    if (invoice[0] != '\0' ||
        !id_take(wire_span(view->answer->claims[index]->claim_id), &claim_id) ||
        !id_take(wire_span(view->answer->request_id), &request_id))
        return invoice;
    sqlite3_stmt *row =
        state_ask(db, "SELECT invoice_number FROM claim WHERE claim_id = ? AND request_id = ?",
                  "dd", &claim_id, &request_id);
    while (state_next(db, row))
        invoice = state_text(db, row, 0, arena);
    return invoice;
}

static void put_claims(struct csv_writer *writer, struct views *views,
                       const struct request_view *view, struct answer_row *row)
{
    const Skp__V1__AnswerFact *answer = view->answer;
    for (size_t i = 0; i < answer->n_claims; i++) {
        const Skp__V1__Claim *claim = answer->claims[i];
        row->invoice_number = invoice_of(views->db, view, i, &views->arena);
        row->kind = (int)claim->kind;
        row->claim_state = (int)claim->state;
        row->debtor = (int)claim->debtor;
        row->preference = (int)claim->preference;
        row->amount_cents = answer->one_total ? CSV_NO_AMOUNT : claim->amount_cents;
        row->original_cents = claim->original_cents > 0 ? claim->original_cents : CSV_NO_AMOUNT;
        row->deviates = claim->deviates;
        answers_writer_put(writer, row);
    }
}

static size_t put_all(struct state_db *db, struct csv_writer *writer)
{
    struct views views;
    struct request_view view;
    size_t count = 0;
    views_open(&views, db, NULL);
    while (views_next(&views, &view)) {
        if (!views_answered(&view))
            continue;
        struct answer_row row = common_row(&view);
        if (view.answer && view.answer->n_claims > 0)
            put_claims(writer, &views, &view, &row);
        else
            answers_writer_put(writer, &row);
        count++;
    }
    views_close(&views);
    return count;
}

enum skp_err answers_write(struct state_db *db, const char *path, size_t *ret_count,
                           struct csv_problem *ret_problem)
{
    struct csv_writer *writer = NULL;
    enum skp_err err = answers_writer_open(path, &writer, ret_problem);
    if (err)
        return err;
    state_mark_file(db, writer);
    size_t count = put_all(db, writer);
    err = state_error(db);
    if (err) {
        *ret_problem = (struct csv_problem){.err = err};
        csv_writer_abandon(writer);
        return err;
    }
    err = csv_writer_close(writer, ret_problem);
    if (!err)
        *ret_count = count;
    return err;
}
