/* Requests of one bundle: into their case, their page and the creditor's mailbox, or into the wait
 * for a round. */
#include "batch_work.h"

#include "terms.h"

#include <stdio.h>

struct request_run {
    struct batch_run *run;
    struct batch_bundle *bundle;
    const struct registry_participant *creditor;
    struct ws_row *pages[BUNDLE_PAGES];
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

static enum skp_err wait_for_round(struct request_run *requests, size_t line,
                                   const struct agreement *agreement)
{
    struct txn *txn = requests->run->txn;
    struct ws_row *row;
    struct row_key key =
        key_waiting(&agreement->agreement_id, txn->now_ms, &requests->bundle->head.bundle_id,
                    (unsigned)(line / PAGE_LINES));
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

static plain_date due_date_of(const struct txn *txn, const struct agreement *agreement, bool urgent)
{
    uint32_t term = agreement ? agreement->term_working_days : TERMS_DEFAULT_WORKING_DAYS;
    return terms_due_date(NULL, txn->now_ms, urgent ? TERMS_URGENT_WORKING_DAYS : term);
}

static enum skp_err route(struct request_run *requests, struct batch_line *line,
                          struct ws_row *page_row, size_t slot)
{
    struct txn *txn = requests->run->txn;
    struct page_row *page = page_row->object;
    struct request_state *request = &page->requests[slot];
    const Skp__V1__RequestFact *fact = line->fact->request;
    const struct agreement *agreement = registry_agreement_for(
        txn->registry, &page->counsellor, &page->creditor, calendar_date_of_ms(txn->now_ms),
        request->claim_kinds, request->product, request->guidance, fact->brand);
    bool urgent = (request->flags & REQUEST_URGENT) != 0;
    if (terms_route(agreement, NULL, urgent, txn->now_ms) == TERMS_WAIT_FOR_ROUND) {
        request_move(request, SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND);
        return wait_for_round(requests, line->line, agreement);
    }
    mask_set(&requests->at_once, line->line);
    requests->at_once_count++;
    uint8_t slots[] = {(uint8_t)slot};
    return publish_requests(txn, page_row, &requests->bundle->head.bundle_id,
                            (unsigned)(line->line / PAGE_LINES), slots, 1,
                            due_date_of(txn, agreement, urgent), NULL);
}

static enum skp_err decide_request(struct request_run *requests, struct batch_line *line)
{
    struct ws_row *case_row;
    bool taken = false;
    enum skp_err err = take_into_case(requests, line, &case_row, &taken);
    if (err) {
        batch_refuse(line, err, "request.request_id");
        return SKP_OK;
    }
    if (!taken) {
        batch_no_effect(requests->run);
        return SKP_OK;
    }
    struct ws_row *page_row;
    err = page_of(requests, line->line, &page_row);
    if (err)
        return err;
    ws_changed(case_row);
    const struct case_file *file = case_row->object;
    struct page_row *page = page_row->object;
    size_t slot = line->line % PAGE_LINES;
    request_register(line->fact->request, &file->case_id, line->leaf, &page->requests[slot]);
    batch_take(requests->run, line);
    requests->taken++;
    return route(requests, line, page_row, slot);
}

enum skp_err batch_decide_requests(struct batch_run *run, struct batch_bundle *bundle,
                                   const struct registry_participant *recipient)
{
    struct request_run requests = {.run = run, .bundle = bundle, .creditor = recipient};
    enum skp_err err = SKP_OK;
    for (size_t n = 0; !err && n < bundle->head.line_count; n++) {
        struct batch_line *line = &run->work->lines[bundle->first_line + n];
        if (!line->err && line->fact->fact_case == SKP__V1__LINE__FACT_REQUEST)
            err = decide_request(&requests, line);
    }
    if (err || requests.taken == 0)
        return err;
    err = batch_save_bundle(run, bundle);
    if (!err && requests.at_once_count > 0)
        err = batch_deliver(run, bundle, &requests.at_once, requests.at_once_count);
    return err;
}
