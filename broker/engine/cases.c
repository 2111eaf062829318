/* How one's own cases stand: the declared list from the case, the truth of each request from its
 * page. */
#include "txn.h"

/* So that an answer fits in one frame, however many requests the cases have. */
#define CASES_PER_PAGE   32
#define CASES_PAGE_BYTES 150000
#define CASES_NAMED_MAX  8

struct cases_run {
    struct engine_call *call;
    struct workset ws;
    Skp__V1__Cases answer;
};

static enum skp_err page_of(struct cases_run *run, const struct case_request *request,
                            const struct page_row **ret_page)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&run->ws, STORE_PAGE,
                              key_page(&request->bundle_id, request->line / PAGE_LINES), &row);
    if (err)
        return err;
    if (row->version == 0)
        return SKP_E_DATA_LOSS;
    if (!row->object) {
        struct page_row *page = arena_calloc(&run->call->arena, 1, sizeof *page);
        if (!page)
            return SKP_E_NO_MEMORY;
        if ((err = page_row_read(row->value, page)))
            return err;
        row->object = page;
    }
    *ret_page = row->object;
    return SKP_OK;
}

/* What the page knows of it. */
static enum skp_err fill_from_page(struct cases_run *run, struct case_file *file,
                                   const struct case_request *request, Skp__V1__RequestView *view)
{
    const struct page_row *page = NULL;
    bool collected = false;
    enum skp_err err = page_of(run, request, &page);
    if (err)
        return err;
    const struct request_state *state = &page->requests[request->line % PAGE_LINES];
    if ((err = txn_is_collected(&run->ws, page, state, &collected)))
        return err;
    case_note(file, state);
    view->due_date = state->due_date;
    view->collected = collected;
    return SKP_OK;
}

static enum skp_err fill_request(struct cases_run *run, struct case_file *file, size_t index,
                                 Skp__V1__RequestView *view)
{
    const struct case_request *request = &file->requests[index];
    enum skp_err err = SKP_OK;
    skp__v1__request_view__init(view);
    if (!id_is_nil(&request->bundle_id))
        err = fill_from_page(run, file, request, view);
    if (err)
        return err;
    view->request_id = wire_id(&request->request_id);
    view->creditor = wire_text(request->creditor.text);
    view->state = (Skp__V1__RequestState)request->state;
    view->outcome = (Skp__V1__Outcome)request->outcome;
    view->consent = (Skp__V1__Consent)request->consent;
    view->total_cents = request->total_cents;
    return SKP_OK;
}

/* The case as it is now, also when its last answers are not counted yet. */
static enum skp_err fill_case(struct cases_run *run, struct case_file *file)
{
    struct arena *arena = &run->call->arena;
    Skp__V1__CaseView *view = arena_calloc(arena, 1, sizeof *view);
    Skp__V1__RequestView *requests = arena_calloc(arena, file->request_count + 1, sizeof *requests);
    if (!view || !requests)
        return SKP_E_NO_MEMORY;
    skp__v1__case_view__init(view);
    view->requests = arena_calloc(arena, file->request_count + 1, sizeof *view->requests);
    uint8_t *id = arena_copy(arena, file->case_id.bytes, ID_BYTES);
    if (!view->requests || !id)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < file->request_count; i++) {
        enum skp_err err = fill_request(run, file, i, &requests[i]);
        if (err)
            return err;
        view->requests[view->n_requests++] = &requests[i];
    }
    view->case_id = wire_bytes(span_of(id, ID_BYTES));
    view->state = case_phase(file);
    view->declared = (uint32_t)file->request_count;
    view->to_decide = case_to_decide(file);
    run->answer.cases[run->answer.n_cases++] = view;
    return SKP_OK;
}

static enum skp_err add_rows(struct cases_run *run, const struct store_row *rows, size_t count)
{
    struct arena *arena = &run->call->arena;
    struct case_file *files = arena_calloc(arena, count + 1, sizeof *files);
    if (!files)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].version == 0)
            continue;
        enum skp_err err = case_unpack(rows[i].value, arena, &files[i]);
        for (size_t n = 0; !err && n < files[i].request_count; n++) {
            const struct case_request *request = &files[i].requests[n];
            if (!id_is_nil(&request->bundle_id))
                err = ws_want(&run->ws, STORE_PAGE,
                              key_page(&request->bundle_id, request->line / PAGE_LINES));
        }
        if (err)
            return err;
    }
    enum skp_err err = ws_load(&run->ws);
    for (size_t i = 0; !err && i < count; i++)
        if (rows[i].version > 0)
            err = fill_case(run, &files[i]);
    return err;
}

static enum skp_err read_named(struct cases_run *run, const Skp__V1__CasesGet *request)
{
    struct arena *arena = &run->call->arena;
    if (request->n_case_ids > CASES_NAMED_MAX)
        return engine_refuse(run->call, SKP_E_DECODE_ITEMS, "case_ids", NULL);
    struct row_key *keys = arena_calloc(arena, request->n_case_ids, sizeof *keys);
    struct store_row *rows = arena_calloc(arena, request->n_case_ids, sizeof *rows);
    if (!keys || !rows)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < request->n_case_ids; i++) {
        struct skp_id id;
        if (!id_take(wire_span(request->case_ids[i]), &id))
            return engine_refuse(run->call, SKP_E_ID_FORMAT, "case_ids", NULL);
        keys[i] = key_case(&run->call->peer, &id);
        rows[i].key = row_key_span(&keys[i]);
    }
    enum skp_err err = store_get(run->ws.store, STORE_CASE, rows, request->n_case_ids, arena);
    return err ? err : add_rows(run, rows, request->n_case_ids);
}

static enum skp_err read_all(struct cases_run *run, const Skp__V1__CasesGet *request)
{
    struct skp_id after = {{0}};
    if (request->after.len > 0 && !id_take(wire_span(request->after), &after))
        return engine_refuse(run->call, SKP_E_ID_FORMAT, "after", NULL);
    struct row_key from = key_case(&run->call->peer, &after);
    if (request->after.len > 0)
        from.bytes[from.len++] = 0; /* strictly after */
    struct row_key whole = key_participant(&run->call->peer);
    struct row_key end = key_after_prefix(&whole);
    struct store_row *rows;
    size_t count = 0;
    enum skp_err err =
        store_scan(run->ws.store, STORE_CASE, row_key_span(&from), row_key_span(&end),
                   CASES_PER_PAGE, CASES_PAGE_BYTES, &run->call->arena, &rows, &count);
    if (err)
        return err;
    run->answer.more = count > 0; /* the last page is an empty one */
    return add_rows(run, rows, count);
}

static enum skp_err read_cases(struct engine_call *call, struct store *reader)
{
    Skp__V1__CasesGet *request;
    enum skp_err err = engine_unpack(call, &skp__v1__cases_get__descriptor, (void *)&request);
    if (err)
        return err;
    call->tag = request->tag;
    struct cases_run run = {.call = call};
    skp__v1__cases__init(&run.answer);
    run.answer.tag = request->tag;
    run.answer.cases = arena_calloc(&call->arena, CASES_PER_PAGE + 1, sizeof(Skp__V1__CaseView *));
    if (!run.answer.cases)
        return SKP_E_NO_MEMORY;
    err = ws_init(&run.ws, reader, &call->arena);
    if (!err)
        err = request->n_case_ids > 0 ? read_named(&run, request) : read_all(&run, request);
    if (!err)
        err = engine_answer(call, FRAME_CASES, &run.answer.base);
    ws_fini(&run.ws);
    return err;
}

const struct verb verb_cases = {.name = "cases", .read = read_cases};
