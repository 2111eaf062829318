/* Requests of one bundle: into their case, their page and the creditor's mailbox, or into the wait
 * for a round. */
#include "batch_work.h"

#include "fold.h"
#include "terms.h"

#include <assert.h>
#include <stdio.h>

struct request_run {
    struct batch_run *run;
    struct batch_bundle *bundle;
    const struct registry_participant *creditor;
    plain_date today;
    struct ws_row *pages[BUNDLE_PAGES];
    plain_date due_dates[BUNDLE_MAX_LINES]; /* of lines that leave at once; 0: of no such line */
    uint32_t last_term;                     /* working days; their due date is ... */
    plain_date last_due_date;
    struct line_mask at_once;
    size_t at_once_count;
    size_t taken;
};

/* The page a line belongs to, made when its first line is taken. */
static enum skp_err page_of(struct request_run *requests, size_t line, struct ws_row **ret_row)
{
    struct txn *txn = requests->run->txn;
    unsigned number = (unsigned)(line / PAGE_LINES);
    struct ws_row *row = requests->pages[number];
    if (!row) {
        struct page_row *page = arena_calloc(&txn->arena, 1, sizeof *page);
        enum skp_err err =
            ws_get(&txn->ws, STORE_PAGE, key_page(&requests->bundle->head.bundle_id, number), &row);
        if (err || !page)
            return err ? err : SKP_E_NO_MEMORY;
        size_t left = requests->bundle->head.line_count - (size_t)number * PAGE_LINES;
        page->counsellor = requests->run->work->header.sender;
        page->creditor = requests->creditor->oin;
        snprintf(page->mailbox, sizeof page->mailbox, "%s", requests->bundle->head.mailbox);
        page->bundle_lines = requests->bundle->head.line_count;
        page->head_hash = requests->bundle->head_hash;
        page->count = left < PAGE_LINES ? left : PAGE_LINES;
        row->object = page;
        requests->pages[number] = row;
        ws_changed(row);
    }
    *ret_row = row;
    return SKP_OK;
}

static enum skp_err take_into_case(struct request_run *requests, struct batch_line *line,
                                   struct ws_row **ret_case, bool *ret_taken)
{
    const Skp__V1__RequestFact *fact = line->fact->request;
    struct ws_row *row = map_get(&requests->run->cases, line->item_id.bytes);
    if (!row)
        return SKP_E_REQUEST_NOT_DECLARED;
    if (fact->contains_bsn &&
        !registry_may_read_bsn(requests->run->txn->registry, requests->creditor,
                               requests->bundle->head.mailbox))
        return SKP_E_BSN_NOT_ALLOWED;
    *ret_case = row;
    return case_take(row->object, &line->item_id, line->leaf, &requests->bundle->head.bundle_id,
                     (uint16_t)line->line, &requests->creditor->oin,
                     SKP__V1__REQUEST_STATE__REQUEST_STATE_REGISTERED, ret_taken);
}

/* Of the bundle among all of this commit: batches in their order, bundles in theirs. */
static uint64_t place_of(const struct request_run *requests)
{
    uint64_t batch = requests->run->txn->receipt_count;
    return batch << 32 | (uint64_t)(requests->bundle - requests->run->work->bundles);
}

static enum skp_err wait_for_round(struct request_run *requests, size_t line,
                                   const struct agreement *agreement)
{
    struct txn *txn = requests->run->txn;
    struct ws_row *row;
    struct row_key key =
        key_waiting(&agreement->agreement_id, txn->sequence, place_of(requests),
                    &requests->bundle->head.bundle_id, (unsigned)(line / PAGE_LINES));
    enum skp_err err = ws_get(&txn->ws, STORE_WAITING, key, &row);
    uint64_t bits = 0;
    if (!err && row->value.len > 0)
        err = u64_read(row->value, &bits);
    if (err)
        return err;
    struct span value = u64_pack(bits | UINT64_C(1) << (line % PAGE_LINES), &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(row, value);
    return SKP_OK;
}

/* Neighbours mostly have the same term: counting working days costs more than a line. */
static plain_date due_date_of(struct request_run *requests, const struct agreement *agreement,
                              bool urgent)
{
    uint32_t term = agreement ? agreement->term_working_days : TERMS_DEFAULT_WORKING_DAYS;
    if (urgent)
        term = TERMS_URGENT_WORKING_DAYS;
    if (requests->last_due_date == 0 || requests->last_term != term) {
        requests->last_due_date = terms_due_date(NULL, requests->run->txn->now_ms, term);
        requests->last_term = term;
    }
    return requests->last_due_date;
}

static const struct agreement *agreement_of(const struct request_run *requests,
                                            const struct batch_line *line,
                                            const struct page_row *page,
                                            const struct request_state *request)
{
    return registry_agreement_for(requests->run->txn->registry, &page->counsellor, &page->creditor,
                                  requests->today, request->claim_kinds, request->product,
                                  request->guidance, line->fact->request->brand);
}

static void leave_at_once(struct request_run *requests, const struct batch_line *line,
                          const struct request_state *request, const struct agreement *agreement)
{
    bool urgent = (request->flags & REQUEST_URGENT) != 0;
    mask_set(&requests->at_once, line->line);
    requests->at_once_count++;
    requests->due_dates[line->line] = due_date_of(requests, agreement, urgent);
}

static enum skp_err route(struct request_run *requests, struct batch_line *line,
                          struct ws_row *page_row, size_t slot)
{
    struct txn *txn = requests->run->txn;
    struct page_row *page = page_row->object;
    struct request_state *request = &page->requests[slot];
    const struct agreement *agreement = agreement_of(requests, line, page, request);
    bool urgent = (request->flags & REQUEST_URGENT) != 0;
    if (terms_route(agreement, NULL, urgent, txn->now_ms) == TERMS_WAIT_FOR_ROUND) {
        request_move(request, SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND);
        return wait_for_round(requests, line->line, agreement);
    }
    leave_at_once(requests, line, request, agreement);
    return SKP_OK;
}

/* Sealed again: the request moves to this line and is asked anew, at once, whatever round it waited
 * for before. What was sealed at its old place is of no use to anybody any more. */
static enum skp_err reseal(struct request_run *requests, struct batch_line *line,
                           struct ws_row *case_row, struct ws_row *old_row)
{
    struct txn *txn = requests->run->txn;
    const struct case_request *known = case_find(case_row->object, &line->item_id);
    struct page_row *old_page = old_row->object;
    struct ws_row *page_row = NULL;
    enum skp_err err = page_of(requests, line->line, &page_row);
    if (!err)
        err = txn_destroy_part(txn, &known->bundle_id, known->line);
    if (err)
        return err;
    assert(page_row);
    struct page_row *page = page_row->object;
    struct request_state *request = &page->requests[line->line % PAGE_LINES];
    request_reseal(&old_page->requests[known->line % PAGE_LINES], line->fact->request, request);
    ws_changed(old_row);
    case_reseal(case_row->object, &line->item_id, &requests->bundle->head.bundle_id,
                (uint16_t)line->line);
    ws_changed(case_row);
    batch_take(requests->run, line);
    requests->taken++;
    leave_at_once(requests, line, request, agreement_of(requests, line, page, request));
    return SKP_OK;
}

/* The very same line as before: only a request that waits to be sealed again has use for it. */
static enum skp_err decide_known(struct request_run *requests, struct batch_line *line,
                                 struct ws_row *case_row)
{
    const struct case_request *known = case_find(case_row->object, &line->item_id);
    struct ws_row *old_row;
    struct page_row *old_page;
    enum skp_err err = txn_page(requests->run->txn, &known->bundle_id, known->line / PAGE_LINES,
                                &old_row, &old_page);
    if (err || !old_page)
        return err ? err : SKP_E_DATA_LOSS;
    if (request_awaits_seal(&old_page->requests[known->line % PAGE_LINES]))
        return reseal(requests, line, case_row, old_row);
    batch_no_effect(requests->run);
    return SKP_OK;
}

/* What leaves at once, page by page, all of one due date together. */
static enum skp_err publish_at_once(struct request_run *requests, uint64_t position)
{
    for (size_t first = 0; first < requests->bundle->head.line_count; first++) {
        plain_date due_date = requests->due_dates[first];
        unsigned number = (unsigned)(first / PAGE_LINES);
        size_t end = (size_t)(number + 1) * PAGE_LINES;
        uint8_t slots[PAGE_LINES];
        size_t count = 0;
        if (due_date == 0)
            continue;
        for (size_t line = first; line < end && line < BUNDLE_MAX_LINES; line++) {
            if (requests->due_dates[line] != due_date)
                continue;
            slots[count++] = (uint8_t)(line % PAGE_LINES);
            requests->due_dates[line] = 0;
        }
        struct publication publication = {.bundle_id = &requests->bundle->head.bundle_id,
                                          .page = number,
                                          .position = position,
                                          .due_date = due_date};
        enum skp_err err = publish_requests(requests->run->txn, requests->pages[number],
                                            &publication, slots, count);
        if (err)
            return err;
    }
    return SKP_OK;
}

static enum skp_err decide_request(struct request_run *requests, struct batch_line *line)
{
    struct ws_row *case_row = NULL;
    bool taken = false;
    enum skp_err err = take_into_case(requests, line, &case_row, &taken);
    if (err) {
        batch_refuse(line, err,
                     err == SKP_E_BSN_NOT_ALLOWED ? "request.contains_bsn" : "request.request_id");
        return SKP_OK;
    }
    assert(case_row); /* the line was taken into it */
    if (!taken)
        return decide_known(requests, line, case_row);
    struct ws_row *page_row = NULL;
    err = page_of(requests, line->line, &page_row);
    if (err)
        return err;
    assert(page_row);
    ws_changed(case_row);
    const struct case_file *file = case_row->object;
    struct page_row *page = page_row->object;
    size_t slot = line->line % PAGE_LINES;
    request_register(line->fact->request, &file->case_id, file->place, line->leaf,
                     &page->requests[slot]);
    batch_take(requests->run, line);
    requests->taken++;
    return route(requests, line, page_row, slot);
}

/* The bundle into the mailbox, with what leaves at once. */
static enum skp_err leave(struct request_run *requests)
{
    uint64_t position;
    enum skp_err err = batch_position(requests->run, requests->bundle, &position);
    if (!err)
        err = publish_at_once(requests, position);
    return err ? err
               : batch_deliver(requests->run, requests->bundle, position, &requests->at_once,
                               requests->at_once_count);
}

enum skp_err batch_decide_requests(struct batch_run *run, struct batch_bundle *bundle,
                                   const struct registry_participant *recipient)
{
    struct request_run requests = {.run = run,
                                   .bundle = bundle,
                                   .creditor = recipient,
                                   .today = calendar_date_of_ms(run->txn->now_ms)};
    enum skp_err err = SKP_OK;
    for (size_t n = 0; !err && n < bundle->head.line_count; n++) {
        struct batch_line *line = &run->work->lines[bundle->first_line + n];
        if (!line->err && line->fact->fact_case == SKP__V1__LINE__FACT_REQUEST)
            err = decide_request(&requests, line);
    }
    if (err || requests.taken == 0)
        return err;
    err = batch_save_bundle(run, bundle);
    return err || requests.at_once_count == 0 ? err : leave(&requests);
}
