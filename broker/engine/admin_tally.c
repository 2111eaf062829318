#include "admin_tally.h"

#define PART_ARENA_BYTES ((size_t)16 << 20)

void admin_tally_add(struct admin_tally *tally, const struct request_state *request, bool collected)
{
    if (request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_RESEALED) {
        tally->resealed++; /* it counts where it stands now */
        return;
    }
    bool published = request->published_at_ms != 0;
    bool overdue = request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_OVERDUE;
    bool open = request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED;
    bool on_paper = request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED;
    bool answered = published && request_is_answered(request) && !on_paper;
    tally->waiting += request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND;
    tally->published += published;
    tally->collected += published && collected;
    tally->answered += answered;
    tally->late += request->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE;
    tally->overdue += overdue;
    tally->open += open;
    tally->stopped += published && !answered && !overdue && !open;
}

enum skp_err admin_tally_page(struct admin_tally *tally, struct workset *ws,
                              const struct page_row *page, uint32_t bits)
{
    enum skp_err err = SKP_OK;
    for (size_t n = 0; !err && n < page->count; n++) {
        bool collected = false;
        if (!(bits >> n & 1u) || page->requests[n].state == 0)
            continue;
        err = txn_is_collected(ws, page, &page->requests[n], &collected);
        if (!err)
            admin_tally_add(tally, &page->requests[n], collected);
    }
    return err;
}

static enum skp_err load_pages(struct workset *ws, const struct round_page *pages, size_t count,
                               struct store_row **ret_rows)
{
    struct arena *arena = ws->arena;
    struct store_row *rows = arena_calloc(arena, count + 1, sizeof *rows);
    struct row_key *keys = arena_calloc(arena, count + 1, sizeof *keys);
    if (!rows || !keys)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        keys[i] = key_page(&pages[i].bundle_id, pages[i].number);
        rows[i].key = row_key_span(&keys[i]);
    }
    *ret_rows = rows;
    return store_get(ws->store, STORE_PAGE, rows, count, arena);
}

static enum skp_err count_part(struct workset *ws, struct span part, struct admin_tally *tally)
{
    struct round_page *pages = NULL;
    struct store_row *rows = NULL;
    struct page_row page;
    size_t count = 0;
    enum skp_err err = round_pages_read(part, ws->arena, &pages, &count);
    if (!err)
        err = load_pages(ws, pages, count, &rows);
    for (size_t i = 0; !err && i < count; i++) {
        err = rows[i].version == 0 ? SKP_E_DATA_LOSS : page_row_read(rows[i].value, &page);
        if (!err)
            err = admin_tally_page(tally, ws, &page, pages[i].bits);
    }
    return err;
}

enum skp_err admin_tally_part(struct admin_run *run, struct span part, struct admin_tally *tally)
{
    struct arena arena;
    struct workset ws;
    arena_init(&arena, PART_ARENA_BYTES);
    enum skp_err err = ws_init(&ws, run->txn->ws.store, &arena);
    if (!err)
        err = count_part(&ws, part, tally);
    ws_fini(&ws);
    arena_fini(&arena);
    return err;
}

void admin_tally_say(const struct admin_tally *tally, json_t *answer)
{
    const struct {
        const char *name;
        size_t count;
    } counts[] = {
        {"published", tally->published}, {"collected", tally->collected},
        {"answered", tally->answered},   {"answered_late", tally->late},
        {"overdue", tally->overdue},     {"open", tally->open},
        {"stopped", tally->stopped},     {"resealed", tally->resealed},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(answer, counts[i].name, json_integer((json_int_t)counts[i].count));
}
