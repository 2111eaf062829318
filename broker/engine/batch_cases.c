/* Facts addressed to the broker itself: cases, what goes by letter, what came back on paper. */
#include "batch_work.h"

#include "fold.h"

#include <assert.h>

static struct skp_oin sender_of(const struct batch_run *run)
{
    return run->work->header.sender;
}

/* Requests of this batch find their case by their id, whether the case was new, changed or known.
 */
static enum skp_err declare(struct batch_run *run, const struct case_file *file, struct ws_row *row)
{
    for (size_t i = 0; i < file->request_count; i++) {
        enum skp_err err = map_put(&run->cases, file->requests[i].request_id.bytes, row);
        if (err)
            return err;
    }
    return SKP_OK;
}

static enum skp_err open_or_update(struct batch_run *run, const struct batch_line *line,
                                   const struct case_file *present, struct case_file *ret_file,
                                   bool *ret_changed)
{
    struct arena *arena = &run->txn->arena;
    const Skp__V1__CaseFact *fact = line->fact->case_fact;
    *ret_changed = true;
    if (present)
        return case_update(present, fact, line->leaf, arena, ret_file, ret_changed);
    return case_open(fact, line->leaf, txn_place(run->txn), arena, ret_file);
}

static enum skp_err decide_case(struct batch_run *run, struct batch_line *line)
{
    struct txn *txn = run->txn;
    struct skp_oin sender = sender_of(run);
    struct ws_row *row;
    struct case_file *present;
    enum skp_err err = txn_case(txn, &sender, &line->item_id, &row, &present);
    if (err)
        return err;
    struct case_file *file = arena_calloc(&txn->arena, 1, sizeof *file);
    if (!file)
        return SKP_E_NO_MEMORY;
    bool changed;
    err = open_or_update(run, line, present, file, &changed);
    if (err == SKP_E_NO_MEMORY)
        return err;
    if (err) {
        batch_refuse(line, err, "");
        return SKP_OK;
    }
    if (!changed) {
        batch_no_effect(run);
        return declare(run, present, row);
    }
    row->object = file;
    batch_take(run, line);
    ws_changed(row);
    err = fold_declared(txn, &sender, present, file);
    return err ? err : declare(run, file, row);
}

static enum skp_err decide_off_network(struct batch_run *run, struct batch_line *line)
{
    static const struct skp_id no_bundle;
    static const struct skp_oin no_creditor;
    struct ws_row *row = map_get(&run->cases, line->item_id.bytes);
    if (!row) {
        batch_refuse(line, SKP_E_REQUEST_NOT_DECLARED, "off_network.request_id");
        return SKP_OK;
    }
    bool taken;
    enum skp_err err =
        case_take(row->object, &line->item_id, line->leaf, &no_bundle, 0, &no_creditor,
                  SKP__V1__REQUEST_STATE__REQUEST_STATE_OFF_NETWORK, &taken);
    if (err) {
        batch_refuse(line, err, "off_network.request_id");
        return SKP_OK;
    }
    if (!taken) {
        batch_no_effect(run);
        return SKP_OK;
    }
    batch_take(run, line);
    ws_changed(row);
    return SKP_OK;
}

/* A connected request stands on its page; what became of it there is noted in the case. NULL: off
 * network. */
static enum skp_err note_connected(struct batch_run *run, struct case_file *file,
                                   const struct case_request *request, struct ws_row **ret_row,
                                   struct request_state **ret_state)
{
    struct page_row *page;
    *ret_state = NULL;
    if (id_is_nil(&request->bundle_id))
        return SKP_OK;
    enum skp_err err =
        txn_page(run->txn, &request->bundle_id, request->line / PAGE_LINES, ret_row, &page);
    if (err || !page)
        return err ? err : SKP_E_DATA_LOSS;
    *ret_state = &page->requests[request->line % PAGE_LINES];
    case_note(file, *ret_state);
    return SKP_OK;
}

/* It could not be read, and came back on paper: nobody needs its sealed part any more. */
static enum skp_err record_connected(struct batch_run *run, const struct batch_line *line,
                                     const struct case_request *request, struct ws_row *page_row,
                                     struct request_state *state)
{
    struct skp_oin sender = sender_of(run);
    bool first = !request_is_answered(state);
    request_record(state, line->fact->recorded, run->txn->now_ms);
    ws_changed(page_row);
    if (!first)
        return SKP_OK;
    enum skp_err err = txn_destroy_part(run->txn, &request->bundle_id, request->line);
    return err ? err : txn_note(run->txn, &sender, state);
}

/* What the sender would change. */
static const char *path_of_refusal(enum skp_err refusal)
{
    if (refusal == SKP_E_CASE_UNKNOWN)
        return "recorded.case_id";
    return refusal == SKP_E_STALE ? "recorded.version" : "recorded.request_id";
}

static enum skp_err decide_recorded(struct batch_run *run, struct batch_line *line)
{
    struct skp_oin sender = sender_of(run);
    struct skp_id case_id;
    struct ws_row *row;
    struct case_file *file;
    if (!id_take(wire_span(line->fact->recorded->case_id), &case_id))
        return SKP_E_INTERNAL;
    enum skp_err err = txn_case(run->txn, &sender, &case_id, &row, &file);
    if (err)
        return err;
    const struct case_request *request = file ? case_find(file, &line->item_id) : NULL;
    uint32_t version_before = request ? request->recorded_version : 0;
    struct ws_row *page_row = NULL;
    struct request_state *state = NULL;
    if (request && (err = note_connected(run, file, request, &page_row, &state)))
        return err;
    enum skp_err refusal = file ? case_record(file, line->fact->recorded) : SKP_E_CASE_UNKNOWN;
    if (refusal) {
        batch_refuse(line, refusal, path_of_refusal(refusal));
        return SKP_OK;
    }
    assert(request); /* it was recorded */
    if (request->recorded_version == version_before) {
        batch_no_effect(run);
        return SKP_OK;
    }
    batch_take(run, line);
    ws_changed(row);
    if (state)
        return record_connected(run, line, request, page_row, state);
    return version_before == 0 ? fold_recorded(run->txn, &sender, file) : SKP_OK;
}

static enum skp_err decide_line(struct batch_run *run, struct batch_line *line)
{
    switch (line->fact->fact_case) {
    case SKP__V1__LINE__FACT_CASE_FACT:
        return decide_case(run, line);
    case SKP__V1__LINE__FACT_OFF_NETWORK:
        return decide_off_network(run, line);
    case SKP__V1__LINE__FACT_RECORDED:
        return decide_recorded(run, line);
    case SKP__V1__LINE__FACT_REQUEST:
    case SKP__V1__LINE__FACT_ANSWER:
    case SKP__V1__LINE__FACT_WITHDRAWAL:
    case SKP__V1__LINE__FACT_OVERVIEW:
    case SKP__V1__LINE__FACT_EVENT:
    case SKP__V1__LINE__FACT_OFFER:
    case SKP__V1__LINE__FACT_OFFER_REPLY:
    case SKP__V1__LINE__FACT_PAYMENT:
    case SKP__V1__LINE__FACT_CASE_STEP:
    case SKP__V1__LINE__FACT_DECISION:
    case SKP__V1__LINE__FACT_NOTICE:
    case SKP__V1__LINE__FACT_MANDATE:
    case SKP__V1__LINE__FACT__NOT_SET:
    case _SKP__V1__LINE__FACT__CASE_IS_INT_SIZE:
        break;
    }
    batch_refuse(line, SKP_E_ROLE_FORBIDDEN, "");
    return SKP_OK;
}

/* Cases first: what goes by letter needs them, whatever the order in the bundle. */
enum skp_err batch_decide_own(struct batch_run *run, struct batch_bundle *bundle)
{
    enum skp_err err = SKP_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t n = 0; !err && n < bundle->head.line_count; n++) {
            struct batch_line *line = &run->work->lines[bundle->first_line + n];
            if (line->err)
                continue;
            bool is_case = line->fact->fact_case == SKP__V1__LINE__FACT_CASE_FACT;
            if (is_case == (pass == 0))
                err = decide_line(run, line);
        }
    return err;
}
