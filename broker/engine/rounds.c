#include "rounds.h"

#include "batch_work.h"
#include "quarantine.h"
#include "terms.h"

#define ROUND_SCAN_ROWS     256
#define OVERVIEW_LINE_ITEMS 128
#define OPEN_SCAN_ROWS      256

static enum skp_err save_round(struct txn *txn, const struct round_row *round)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_ROUND, key_round(&round->round_id), &row);
    if (err)
        return err;
    struct span value = round_row_pack(round, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(row, value);
    return SKP_OK;
}

static enum skp_err load_round(struct txn *txn, const struct skp_id *round_id,
                               struct round_row *ret_round)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_ROUND, key_round(round_id), &row);
    if (err)
        return err;
    return row->value.len == 0 ? SKP_E_NOT_FOUND : round_row_read(row->value, ret_round);
}

enum skp_err round_schedule(struct txn *txn, const struct agreement *agreement)
{
    int64_t opens_ms = agreement_next_opening(agreement, NULL, txn->now_ms);
    if (opens_ms == 0)
        return SKP_OK;
    return txn_deadline(txn, opens_ms, DEADLINE_ROUND_OPEN, &agreement->agreement_id,
                        agreement->version);
}

enum skp_err round_open(struct txn *txn, const struct agreement *agreement, const char *reason,
                        struct skp_id *ret_round_id)
{
    struct round_row round = {.round_id = id_new(),
                              .agreement_id = agreement->agreement_id,
                              .agreement_version = agreement->version,
                              .creditor = agreement->creditor,
                              .state = ROUND_OPENING,
                              .opened_at_ms = txn->now_ms,
                              .due_date =
                                  terms_due_date(NULL, txn->now_ms, agreement->term_working_days),
                              .reason = span_text(reason)};
    enum skp_err err = save_round(txn, &round);
    if (!err)
        err = txn_deadline(txn, txn->now_ms, DEADLINE_ROUND_PUBLISH, &round.round_id, 1);
    if (!err)
        *ret_round_id = round.round_id;
    return err;
}

/* ---------------------------------------------------------------- the overview */

/* The cover list in the making: lines of at most OVERVIEW_LINE_ITEMS items. */
struct overview {
    struct txn *txn;
    struct round_row *round;
    Skp__V1__OverviewFact *fact; /* NULL: none open */
    uint32_t part;
};

static enum skp_err begin_fact(struct overview *overview)
{
    struct txn *txn = overview->txn;
    const struct round_row *round = overview->round;
    Skp__V1__Line *line = arena_calloc(&txn->arena, 1, sizeof *line);
    Skp__V1__OverviewFact *fact = arena_calloc(&txn->arena, 1, sizeof *fact);
    struct skp_id *ids = arena_calloc(&txn->arena, 2, sizeof *ids);
    if (!line || !fact || !ids)
        return SKP_E_NO_MEMORY;
    ids[0] = round->round_id;
    ids[1] = round->agreement_id;
    skp__v1__line__init(line);
    skp__v1__overview_fact__init(fact);
    line->fact_case = SKP__V1__LINE__FACT_OVERVIEW;
    line->overview = fact;
    fact->round_id = wire_id(&ids[0]);
    fact->version = 1;
    fact->agreement_id = wire_id(&ids[1]);
    fact->agreement_version = round->agreement_version;
    fact->part = ++overview->round->parts;
    fact->opened_at_ms = round->opened_at_ms;
    fact->due_date = round->due_date;
    fact->calendar_version = CALENDAR_VERSION;
    fact->items = arena_calloc(&txn->arena, OVERVIEW_LINE_ITEMS, sizeof *fact->items);
    if (!fact->items)
        return SKP_E_NO_MEMORY;
    overview->fact = fact;
    return txn_say(txn, &round->creditor, line);
}

static enum skp_err add_item(struct overview *overview, const struct page_row *page,
                             const struct skp_id *bundle_id, const struct request_state *request)
{
    struct txn *txn = overview->txn;
    enum skp_err err = SKP_OK;
    if (!overview->fact || overview->fact->n_items == OVERVIEW_LINE_ITEMS)
        err = begin_fact(overview);
    Skp__V1__OverviewItem *item = arena_calloc(&txn->arena, 1, sizeof *item);
    struct skp_id *ids = arena_calloc(&txn->arena, 2, sizeof *ids);
    char *counsellor = arena_copy(&txn->arena, page->counsellor.text, sizeof page->counsellor.text);
    if (err || !item || !ids || !counsellor)
        return err ? err : SKP_E_NO_MEMORY;
    ids[0] = request->request_id;
    ids[1] = *bundle_id;
    skp__v1__overview_item__init(item);
    item->request_id = wire_id(&ids[0]);
    item->bundle_id = wire_id(&ids[1]);
    item->counsellor = counsellor;
    item->due_date = request->due_date;
    item->state = (Skp__V1__RequestState)request->state;
    overview->fact->items[overview->fact->n_items++] = item;
    overview->round->items++;
    return SKP_OK;
}

/* Damaged requests stay where they are; the round goes on without them. */
static enum skp_err list_open_page(struct overview *overview, struct span key)
{
    int64_t published_ms;
    struct skp_id bundle_id;
    unsigned number;
    struct ws_row *row;
    struct page_row *page = NULL;
    enum skp_err err = key_read_open(key, &published_ms, &bundle_id, &number);
    if (err)
        return err;
    err = txn_page(overview->txn, &bundle_id, number, &row, &page);
    if (err == SKP_E_DATA_LOSS)
        return quarantine_keep_page(overview->txn, &bundle_id, number, ASIDE_PASSED_OVER);
    for (size_t n = 0; !err && page && n < page->count; n++)
        if (page->requests[n].published_at_ms == published_ms &&
            request_is_open(&page->requests[n]))
            err = add_item(overview, page, &bundle_id, &page->requests[n]);
    return err;
}

/* Where the next part starts among the keys with this prefix. */
static struct row_key next_from(const struct round_row *round, const struct row_key *prefix)
{
    struct row_key key = *prefix;
    if (round->next_from.len >= prefix->len && round->next_from.len <= sizeof key.bytes &&
        memcmp(round->next_from.data, prefix->bytes, prefix->len) == 0) {
        memcpy(key.bytes, round->next_from.data, round->next_from.len);
        key.len = round->next_from.len;
    }
    return key;
}

static enum skp_err go_on_after(struct overview *overview, struct span key)
{
    uint8_t bytes[STORE_KEY_MAX + 1];
    struct span next = store_key_after(key, bytes);
    const uint8_t *copy = arena_copy(&overview->txn->arena, next.data, next.len);
    overview->round->next_from = span_of(copy, next.len);
    return copy ? SKP_OK : SKP_E_NO_MEMORY;
}

/* What is still open from before, oldest first: listed again, not delivered again. A part of it; the
 * round remembers where the next one starts. */
static enum skp_err list_open(struct overview *overview)
{
    struct txn *txn = overview->txn;
    struct round_row *round = overview->round;
    struct row_key whole = key_participant(&round->creditor);
    struct row_key from = next_from(round, &whole);
    struct row_key end = key_open(&round->creditor, round->opened_at_ms, &(struct skp_id){{0}}, 0);
    uint32_t most = round->items + ENGINE_TICK_LINES;
    struct store_row *rows;
    size_t count = 0;
    size_t used = 0;
    enum skp_err err =
        store_scan(txn->ws.store, STORE_OPEN, row_key_span(&from), row_key_span(&end),
                   OPEN_SCAN_ROWS, (size_t)1 << 20, &txn->arena, &rows, &count);
    for (; !err && used < count && round->items < most; used++)
        err = list_open_page(overview, rows[used].key);
    /* These rows are nothing but keys: fewer than asked for are all there are. */
    round->open_listed = used == count && count < OPEN_SCAN_ROWS;
    return err || used == 0 ? err : go_on_after(overview, rows[used - 1].key);
}

/* ---------------------------------------------------------------- what goes out */

/* Pages of one bundle that leave together: one entry in the mailbox. */
struct leaving {
    bool any;
    struct skp_id bundle_id;
    char mailbox[MAILBOX_NAME_MAX + 1];
    uint64_t position; /* there */
    struct entry_row entry;
    size_t lines;
};

static enum skp_err flush_leaving(struct txn *txn, const struct round_row *round,
                                  struct leaving *leaving)
{
    if (!leaving->any)
        return SKP_OK;
    leaving->any = false;
    leaving->entry.partial = leaving->lines < leaving->entry.bundle_lines;
    return txn_deliver(txn, &round->creditor, leaving->mailbox, leaving->position, &leaving->entry);
}

/* A list that was damaged and written again may have named others' too, and these have left with it. */
static uint64_t still_waiting(const struct page_row *page, uint64_t bits)
{
    uint64_t waiting = 0;
    for (size_t n = 0; n < page->count; n++)
        if (page->requests[n].state == SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND)
            waiting |= UINT64_C(1) << n;
    return bits & waiting;
}

/* The page's bundle is the one that leaves now; another goes out first. */
static enum skp_err begin_leaving(struct txn *txn, const struct round_row *round,
                                  const struct page_row *page, const struct skp_id *bundle_id,
                                  struct leaving *leaving)
{
    if (leaving->any && id_equal(&leaving->bundle_id, bundle_id))
        return SKP_OK;
    enum skp_err err = flush_leaving(txn, round, leaving);
    if (err)
        return err;
    *leaving = (struct leaving){.any = true,
                                .bundle_id = *bundle_id,
                                .entry = {.bundle_id = *bundle_id,
                                          .head_hash = page->head_hash,
                                          .bundle_lines = page->bundle_lines,
                                          .lane = page->counsellor,
                                          .stored_at_ms = txn->now_ms}};
    memcpy(leaving->mailbox, page->mailbox, sizeof leaving->mailbox);
    return txn_position(txn, &round->creditor, leaving->mailbox, &leaving->position);
}

/* Of its version, when that was replaced; else 0. */
static uint8_t last_round_mark(const struct txn *txn, const struct round_row *round)
{
    const struct agreement *agreement =
        registry_agreement(txn->registry, &round->agreement_id, round->agreement_version);
    plain_date today = calendar_date_of_ms(txn->now_ms);
    return agreement && registry_replaced_by(txn->registry, agreement, today)
               ? request_round_mark(agreement)
               : 0;
}

static enum skp_err publish_slots(struct overview *overview, struct leaving *leaving,
                                  const struct skp_id *bundle_id, unsigned number,
                                  struct ws_row *row, const uint8_t *slots, size_t count)
{
    struct txn *txn = overview->txn;
    const struct page_row *page = row->object;
    enum skp_err err = begin_leaving(txn, overview->round, page, bundle_id, leaving);
    if (err)
        return err;
    struct publication publication = {.bundle_id = bundle_id,
                                      .page = number,
                                      .position = leaving->position,
                                      .due_date = overview->round->due_date,
                                      .round_id = &overview->round->round_id,
                                      .last_round = last_round_mark(txn, overview->round)};
    err = publish_requests(txn, row, &publication, slots, count);
    if (err)
        return err;
    for (size_t i = 0; !err && i < count; i++) {
        mask_set(&leaving->entry.mask, number * PAGE_LINES + slots[i]);
        err = add_item(overview, page, bundle_id, &page->requests[slots[i]]);
    }
    leaving->lines += count;
    return err;
}

/* Lines of one page that wait for this round. */
struct waiting {
    struct row_key key;
    struct skp_id bundle_id;
    unsigned number;
    uint64_t bits; /* those that are to leave; then those that did, or are damaged */
    bool stays;    /* they may be readable again later, and leave with the next round */
};

static enum skp_err publish_page(struct overview *overview, struct leaving *leaving,
                                 struct waiting *waiting, size_t *ret_lines)
{
    struct txn *txn = overview->txn;
    struct ws_row *row;
    struct page_row *page;
    uint8_t slots[PAGE_LINES];
    size_t count = 0;
    enum skp_err err = txn_page(txn, &waiting->bundle_id, waiting->number, &row, &page);
    if (err == SKP_E_DATA_LOSS || (!err && !page)) {
        waiting->stays = err && !quarantine_is_named(txn, err);
        if (waiting->stays)
            waiting->bits = 0;
        return quarantine_keep_page(txn, &waiting->bundle_id, waiting->number,
                                    waiting->stays ? ASIDE_PASSED_OVER : ASIDE_NOT_DUE);
    }
    if (err)
        return err;
    waiting->bits = still_waiting(page, waiting->bits);
    for (size_t n = 0; n < page->count; n++)
        if (waiting->bits >> n & 1u)
            slots[count++] = (uint8_t)n;
    *ret_lines += count;
    if (count == 0)
        return SKP_OK;
    return publish_slots(overview, leaving, &waiting->bundle_id, waiting->number, row, slots,
                         count);
}

static enum skp_err publish_row(struct overview *overview, struct leaving *leaving,
                                const struct store_row *row, struct waiting *ret_waiting,
                                size_t *ret_lines)
{
    struct waiting waiting = {.key = {.len = row->key.len}};
    memcpy(waiting.key.bytes, row->key.data, row->key.len);
    enum skp_err err = key_read_waiting(row->key, &waiting.bundle_id, &waiting.number);
    if (!err)
        err = u64_read(row->value, &waiting.bits);
    if (!err)
        err = publish_page(overview, leaving, &waiting, ret_lines);
    if (!err && !waiting.stays)
        err = ws_forget(&overview->txn->ws, STORE_WAITING, waiting.key);
    *ret_waiting = waiting;
    return err;
}

/* Which requests left in this part, for reports. */
static enum skp_err remember_part(const struct overview *overview, const struct round_page *pages,
                                  size_t count)
{
    struct txn *txn = overview->txn;
    if (count == 0)
        return SKP_OK;
    struct span value = round_pages_pack(pages, count, &txn->arena);
    return value.data ? ws_append(&txn->ws, STORE_ROUND,
                                  key_round_part(&overview->round->round_id, overview->part), value)
                      : SKP_E_NO_MEMORY;
}

/* Takes what waits, up to a part; *ret_more when something is left. What stays in the list is not met
 * again by the next part. */
static enum skp_err publish_waiting(struct overview *overview, size_t *ret_lines, bool *ret_more)
{
    struct txn *txn = overview->txn;
    struct row_key whole = key_round(&overview->round->agreement_id);
    struct row_key from = next_from(overview->round, &whole);
    struct row_key end = key_after_prefix(&whole);
    struct store_row *rows;
    size_t count = 0;
    size_t used = 0;
    bool stays = false;
    struct leaving leaving = {.any = false};
    struct round_page *pages = arena_calloc(&txn->arena, ROUND_SCAN_ROWS, sizeof *pages);
    if (!pages)
        return SKP_E_NO_MEMORY;
    enum skp_err err =
        store_scan(txn->ws.store, STORE_WAITING, row_key_span(&from), row_key_span(&end),
                   ROUND_SCAN_ROWS, (size_t)1 << 20, &txn->arena, &rows, &count);
    for (; !err && used < count && *ret_lines < ENGINE_TICK_LINES; used++) {
        struct waiting waiting;
        err = publish_row(overview, &leaving, &rows[used], &waiting, ret_lines);
        stays = stays || waiting.stays;
        pages[used] = (struct round_page){.bundle_id = waiting.bundle_id,
                                          .number = (uint16_t)waiting.number,
                                          .bits = (uint32_t)waiting.bits};
    }
    *ret_more = used < count || count == ROUND_SCAN_ROWS;
    if (!err && stays)
        err = go_on_after(overview, rows[used - 1].key);
    if (!err)
        err = remember_part(overview, pages, used);
    return err ? err : flush_leaving(txn, overview->round, &leaving);
}

static enum skp_err finish_overview(struct overview *overview)
{
    struct round_row *round = overview->round;
    enum skp_err err =
        overview->fact ? SKP_OK : begin_fact(overview); /* an empty one is sent too */
    if (err)
        return err;
    overview->fact->last = true;
    overview->fact->total_items = round->items;
    round->state = ROUND_PUBLISHED;
    return txn_deadline(overview->txn, terms_overdue_at_ms(NULL, round->due_date),
                        DEADLINE_ROUND_CLOSE, &round->round_id, 0);
}

enum skp_err round_publish(struct txn *txn, const struct skp_id *round_id, uint32_t part,
                           size_t *ret_lines)
{
    struct round_row round;
    enum skp_err err = load_round(txn, round_id, &round);
    if (err || round.state != ROUND_OPENING)
        return err;
    struct overview overview = {.txn = txn, .round = &round, .part = part};
    bool more = true;
    size_t lines = 0;
    uint32_t items_before = round.items;
    if (!round.open_listed)
        err = list_open(&overview);
    if (!err && round.open_listed)
        err = publish_waiting(&overview, &lines, &more);
    round.published += (uint32_t)lines;
    *ret_lines += round.items - items_before;
    if (!err && more)
        err = txn_deadline(txn, txn->now_ms, DEADLINE_ROUND_PUBLISH, round_id, part + 1);
    else if (!err)
        err = finish_overview(&overview);
    return err ? err : save_round(txn, &round);
}

enum skp_err round_close(struct txn *txn, const struct skp_id *round_id)
{
    struct round_row round;
    enum skp_err err = load_round(txn, round_id, &round);
    if (err)
        return err;
    if (round.state != ROUND_PUBLISHED)
        return SKP_E_STATE_INVALID;
    round.state = ROUND_CLOSED;
    round.closed_at_ms = txn->now_ms;
    Skp__V1__Line *line;
    struct skp_id *id = arena_copy(&txn->arena, round_id, sizeof *round_id);
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_ROUND_CLOSED, NULL, &line);
    if (!event || !id)
        return SKP_E_NO_MEMORY;
    event->round_id = wire_id(id);
    event->due_date = round.due_date;
    event->calendar_version = CALENDAR_VERSION;
    err = txn_say(txn, &round.creditor, line);
    return err ? err : save_round(txn, &round);
}
