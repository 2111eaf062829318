/* Publishing: the moment a request is in the creditor's mailbox and its term starts to run. */
#include "batch_work.h"

#include "terms.h"

#define FIRST_IDS 8 /* of an event; doubled when full, so a power of two */

static const struct span nothing = {.data = (const uint8_t *)"", .len = 0};

static enum skp_err remember(struct txn *txn, const struct page_row *page,
                             const struct publication *publication)
{
    struct row_key open =
        key_open(&page->creditor, txn->now_ms, publication->bundle_id, publication->page);
    enum skp_err err = ws_append(&txn->ws, STORE_OPEN, open, nothing);
    if (err)
        return err;
    return txn_deadline(txn, terms_overdue_at_ms(NULL, publication->due_date), DEADLINE_EXPIRE,
                        publication->bundle_id, publication->page);
}

/* The same publication of the same page goes on in the event said last, when there is one. */
static Skp__V1__EventFact *last_event(struct txn *txn, const struct page_row *page,
                                      plain_date due_date, const struct skp_id *round_id)
{
    struct span round = span_of(round_id ? round_id->bytes : NULL, round_id ? ID_BYTES : 0);
    if (txn->said_count == 0)
        return NULL;
    const struct said_line *said = &txn->said[txn->said_count - 1];
    if (said->line->fact_case != SKP__V1__LINE__FACT_EVENT ||
        !oin_equal(&said->recipient, &page->counsellor))
        return NULL;
    Skp__V1__EventFact *event = said->line->event;
    if (event->kind != SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED || event->due_date != due_date ||
        strcmp(event->other, page->creditor.text) != 0 ||
        !span_equal(wire_span(event->round_id), round) || event->n_request_ids >= BUNDLE_MAX_LINES)
        return NULL;
    return event;
}

enum skp_err publish_add_id(struct txn *txn, Skp__V1__EventFact *event,
                            const struct skp_id *request_id)
{
    size_t count = event->n_request_ids;
    if (count == 0 || (count >= FIRST_IDS && (count & (count - 1)) == 0)) {
        size_t room = count > 0 ? 2 * count : FIRST_IDS;
        ProtobufCBinaryData *ids = arena_calloc(&txn->arena, room, sizeof *ids);
        if (!ids)
            return SKP_E_NO_MEMORY;
        if (count > 0)
            memcpy(ids, event->request_ids, count * sizeof *ids);
        event->request_ids = ids;
    }
    uint8_t *copy = arena_copy(&txn->arena, request_id->bytes, ID_BYTES);
    if (!copy)
        return SKP_E_NO_MEMORY;
    event->request_ids[event->n_request_ids++] = wire_bytes(span_of(copy, ID_BYTES));
    return SKP_OK;
}

static enum skp_err tell(struct txn *txn, const struct page_row *page,
                         const struct request_state *request, const struct skp_id *round_id)
{
    Skp__V1__EventFact *event = last_event(txn, page, request->due_date, round_id);
    if (!event) {
        Skp__V1__Line *line;
        event = txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_PUBLISHED, &page->creditor, &line);
        if (!event)
            return SKP_E_NO_MEMORY;
        event->due_date = request->due_date;
        event->calendar_version = CALENDAR_VERSION;
        if (round_id) {
            uint8_t *copy = arena_copy(&txn->arena, round_id->bytes, ID_BYTES);
            if (!copy)
                return SKP_E_NO_MEMORY;
            event->round_id = wire_bytes(span_of(copy, ID_BYTES));
        }
        enum skp_err err = txn_say(txn, &page->counsellor, line);
        if (err)
            return err;
    }
    return publish_add_id(txn, event, &request->request_id);
}

enum skp_err publish_requests(struct txn *txn, struct ws_row *page_row,
                              const struct publication *publication, const uint8_t *slots,
                              size_t slot_count)
{
    struct page_row *page = page_row->object;
    enum skp_err err = SKP_OK;
    ws_changed(page_row);
    for (size_t i = 0; !err && i < slot_count; i++) {
        struct request_state *request = &page->requests[slots[i]];
        err = request_publish(request, publication->position, txn->now_ms, publication->due_date);
        request->last_round = publication->last_round;
        if (!err)
            err = tell(txn, page, request, publication->round_id);
    }
    return err ? err : remember(txn, page, publication);
}

enum skp_err publish_close(struct txn *txn, const struct page_row *page,
                           const struct skp_id *bundle_id, unsigned number, int64_t published_ms)
{
    for (size_t i = 0; i < page->count; i++)
        if (page->requests[i].published_at_ms == published_ms &&
            request_is_open(&page->requests[i]))
            return SKP_OK;
    return ws_forget(&txn->ws, STORE_OPEN,
                     key_open(&page->creditor, published_ms, bundle_id, number));
}
