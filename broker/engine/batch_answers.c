/* Answers of one bundle: each onto the page of the request it answers, the bundle into the
 * counsellor's mailbox. */
#include "batch_work.h"

#include "mutant.h"

struct answer_run {
    struct batch_run *run;
    struct batch_bundle *bundle;
    struct line_mask taken;
    size_t taken_count;
};

/* The request as this creditor got it from this counsellor; REQUEST_UNKNOWN for everybody else. */
static enum skp_err find_request(struct answer_run *answers, const struct batch_line *line,
                                 struct ws_row **ret_row, struct request_state **ret_request)
{
    const Skp__V1__AnswerFact *fact = line->fact->answer;
    struct skp_id bundle_id;
    struct ws_row *row;
    struct page_row *page;
    *ret_request = NULL;
    if (!id_take(wire_span(fact->request_bundle_id), &bundle_id) ||
        fact->request_line >= BUNDLE_MAX_LINES)
        return SKP_OK;
    enum skp_err err =
        txn_page(answers->run->txn, &bundle_id, fact->request_line / PAGE_LINES, &row, &page);
    if (err || !page)
        return err;
    size_t slot = fact->request_line % PAGE_LINES;
    bool is_asked = oin_equal(&page->creditor, &answers->run->work->header.sender);
    if (!(is_asked || MUTANT(stranger_answers)) ||
        !oin_equal(&page->counsellor, &answers->bundle->head.recipient) || slot >= page->count ||
        page->requests[slot].state == 0 ||
        !id_equal(&page->requests[slot].request_id, &line->item_id))
        return SKP_OK;
    *ret_row = row;
    *ret_request = &page->requests[slot];
    return SKP_OK;
}

static enum skp_err close_page(struct answer_run *answers, const struct ws_row *row,
                               const struct batch_line *line, int64_t published_ms)
{
    const Skp__V1__AnswerFact *fact = line->fact->answer;
    struct skp_id bundle_id;
    if (!id_take(wire_span(fact->request_bundle_id), &bundle_id))
        return SKP_E_INTERNAL;
    return publish_close(answers->run->txn, row->object, &bundle_id,
                         fact->request_line / PAGE_LINES, published_ms);
}

/* Whoever was asked under a version may answer under it, also when the next has begun since; who was
 * asked after that may not, but in the last round of that very version. */
static const struct agreement *named_agreement(const struct txn *txn,
                                               const Skp__V1__AnswerFact *fact,
                                               const struct request_state *request)
{
    struct skp_id id;
    if (!id_take(wire_span(fact->agreement_id), &id))
        return NULL;
    const struct agreement *agreement =
        registry_agreement(txn->registry, &id, fact->agreement_version);
    if (!agreement || request->last_round == request_round_mark(agreement))
        return agreement;
    plain_date asked = calendar_date_of_ms(request->published_at_ms);
    return registry_replaced_by(txn->registry, agreement, asked) ? NULL : agreement;
}

static enum skp_err decide_answer(struct answer_run *answers, struct batch_line *line)
{
    struct txn *txn = answers->run->txn;
    const Skp__V1__AnswerFact *fact = line->fact->answer;
    struct ws_row *row;
    struct request_state *request;
    enum skp_err err = find_request(answers, line, &row, &request);
    if (err)
        return err;
    if (!request) {
        batch_refuse(line, SKP_E_REQUEST_UNKNOWN, "answer.request_id");
        return SKP_OK;
    }
    const struct page_row *page = row->object;
    struct answer_context context = {.creditor = &page->creditor,
                                     .counsellor = &page->counsellor,
                                     .agreement = named_agreement(txn, fact, request),
                                     .now_ms = answers->run->call->received_ms};
    enum answer_effect effect = ANSWER_TAKEN;
    bool answered_before = request_is_answered(request);
    enum skp_err refusal = request_answer(request, fact, line->leaf, &context, request, &effect);
    if (refusal) {
        batch_refuse(line, refusal, "answer");
        return SKP_OK;
    }
    if (effect == ANSWER_NO_EFFECT) {
        batch_no_effect(answers->run);
        return SKP_OK;
    }
    batch_take(answers->run, line);
    mask_set(&answers->taken, line->line);
    answers->taken_count++;
    ws_changed(row);
    err = close_page(answers, row, line, request->published_at_ms);
    if (err || answered_before || !request_is_answered(request))
        return err;
    return txn_note(txn, &page->counsellor, request);
}

enum skp_err batch_decide_answers(struct batch_run *run, struct batch_bundle *bundle)
{
    struct answer_run answers = {.run = run, .bundle = bundle};
    enum skp_err err = SKP_OK;
    for (size_t n = 0; !err && n < bundle->head.line_count; n++) {
        struct batch_line *line = &run->work->lines[bundle->first_line + n];
        if (!line->err && line->fact->fact_case == SKP__V1__LINE__FACT_ANSWER)
            err = decide_answer(&answers, line);
    }
    if (err || answers.taken_count == 0)
        return err;
    uint64_t position;
    err = batch_save_bundle(run, bundle);
    if (!err)
        err = batch_position(run, bundle, &position);
    return err ? err : batch_deliver(run, bundle, position, &answers.taken, answers.taken_count);
}
