#include "park.h"

#include "batch_work.h"
#include "quarantine.h"
#include "statements.h"

#include <stdio.h>

#define PARK_ITEM_BYTES 8192 /* in a transaction: 256 of them are as many as one takes */

struct parked {
    uint64_t position;
    bool gone; /* from the mailbox */
};

struct park_work {
    char mailbox[MAILBOX_NAME_MAX + 1];
    struct parked *items;
    size_t count;
};

/* ---------------------------------------------------------------- is it deliverable? */

static bool is_withdrawn(const struct registry_record *record, const struct skp_hash *thumbprint)
{
    for (size_t i = 0; i < record->withdrawn_count; i++)
        if (hash_equal(&record->withdrawn[i], thumbprint))
            return true;
    return false;
}

/* None of the key boxes is for a certificate that somebody may still open with. */
static enum skp_err is_locked(const struct registry_record *record, struct span body,
                              struct arena *arena, bool *ret_locked)
{
    char path[WIRE_PATH_MAX] = "";
    ProtobufCMessage *message;
    enum skp_err err = wire_unpack(&skp__v1__bundle__descriptor, body, arena, path, &message);
    if (err)
        return err == SKP_E_NO_MEMORY ? err : SKP_E_DATA_LOSS;
    const Skp__V1__Bundle *bundle = (const Skp__V1__Bundle *)(void *)message;
    bool locked = bundle->n_key_boxes > 0;
    for (size_t i = 0; locked && i < bundle->n_key_boxes; i++) {
        struct skp_hash thumbprint;
        bool known = jwe_recipient(span_text(bundle->key_boxes[i]), &thumbprint) == SKP_OK;
        locked = !known || is_withdrawn(record, &thumbprint);
    }
    *ret_locked = locked;
    return SKP_OK;
}

static bool is_for_recipient(const struct entry_row *entry, size_t line)
{
    return !entry->partial || mask_has(&entry->mask, line);
}

static unsigned page_count(uint32_t lines)
{
    return (lines + PAGE_LINES - 1) / PAGE_LINES;
}

static bool has_open(const struct entry_row *entry, const struct page_row *page, unsigned number)
{
    for (size_t n = 0; n < page->count; n++)
        if (is_for_recipient(entry, number * PAGE_LINES + n) && request_is_open(&page->requests[n]))
            return true;
    return false;
}

/* Page by page: a damaged one cannot go back, and stops nobody else's mail. */
static enum skp_err find_open(struct store *reader, struct arena *arena,
                              const struct entry_row *entry, const struct bundle_row *bundle,
                              bool *ret_open)
{
    struct page_row *page = arena_calloc(arena, 1, sizeof *page);
    enum skp_err err = page ? SKP_OK : SKP_E_NO_MEMORY;
    for (unsigned i = 0; !err && !*ret_open && i < page_count(bundle->line_count); i++) {
        struct row_key key = key_page(&entry->bundle_id, i);
        struct store_row row = {.key = row_key_span(&key)};
        err = store_get(reader, STORE_PAGE, &row, 1, arena);
        if (err == SKP_E_DATA_LOSS && reader->damaged.table != 0) {
            err = SKP_OK;
            continue;
        }
        if (!err && row.version > 0 && !(err = page_row_read(row.value, page)))
            *ret_open = has_open(entry, page, i);
    }
    return err;
}

enum skp_err park_wanted(struct store *reader, struct arena *arena,
                         const struct registry_record *record, const struct entry_row *entry,
                         const struct bundle_row *bundle, bool *ret_wanted)
{
    bool locked = false;
    bool open = false;
    enum skp_err err = SKP_OK;
    if (record && record->withdrawn_count > 0)
        err = is_locked(record, bundle->body, arena, &locked);
    if (!err && locked)
        err = find_open(reader, arena, entry, bundle, &open);
    if (!err)
        *ret_wanted = open;
    return err;
}

/* ---------------------------------------------------------------- going back */

/* One entry on its way out. */
struct going_back {
    struct txn *txn;
    struct span key; /* of the entry */
    struct entry_row entry;
    uint32_t lines;        /* of the bundle */
    struct line_mask left; /* still for the recipient */
    size_t left_count;
    Skp__V1__EventFact *event; /* NULL: nothing went back yet */
};

static enum skp_err tell(struct going_back *going, const struct page_row *page,
                         const struct skp_id *request_id)
{
    if (!going->event) {
        Skp__V1__Line *line;
        going->event = txn_event(going->txn, SKP__V1__EVENT_KIND__EVENT_KIND_RESEAL_NEEDED,
                                 &page->creditor, &line);
        if (!going->event)
            return SKP_E_NO_MEMORY;
        enum skp_err err = txn_say(going->txn, &page->counsellor, line);
        if (err)
            return err;
    }
    return publish_add_id(going->txn, going->event, request_id);
}

static enum skp_err send_back(struct going_back *going, struct ws_row *row, unsigned number,
                              const struct request_state *request)
{
    const struct page_row *page = row->object;
    ws_changed(row);
    enum skp_err err = tell(going, page, &request->request_id);
    if (!err)
        err = publish_close(going->txn, page, &going->entry.bundle_id, number,
                            request->published_at_ms);
    return err;
}

/* Lines of one bundle may stand in several entries, and those of a damaged one are not known: a request
 * says itself at which position it was put. */
static bool stands_there(const struct going_back *going, const struct page_row *page, size_t n)
{
    struct row_key key = key_entry(&page->creditor, page->mailbox, page->requests[n].position);
    return span_equal(row_key_span(&key), going->key);
}

/* After an error the rest of the page stays for the recipient. */
static enum skp_err send_page_back(struct going_back *going, unsigned number)
{
    struct ws_row *row;
    struct page_row *page;
    enum skp_err err = txn_page(going->txn, &going->entry.bundle_id, number, &row, &page);
    for (size_t n = 0; n < PAGE_LINES; n++) {
        size_t line = (size_t)number * PAGE_LINES + n;
        if (line >= going->lines || !is_for_recipient(&going->entry, line))
            continue;
        if (!err && page && n < page->count && stands_there(going, page, n) &&
            request_undeliverable(&page->requests[n])) {
            err = send_back(going, row, number, &page->requests[n]);
        } else {
            mask_set(&going->left, line);
            going->left_count++;
        }
    }
    return err;
}

static enum skp_err keep_rest(struct going_back *going, struct ws_row *entry_row, bool *ret_gone)
{
    *ret_gone = going->left_count == 0;
    if (*ret_gone) {
        ws_remove(entry_row);
        return SKP_OK;
    }
    going->entry.partial = true;
    going->entry.mask = going->left;
    struct span value = entry_row_pack(&going->entry, &going->txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(entry_row, value);
    return SKP_OK;
}

/* A damaged page keeps its requests; the others go. */
static enum skp_err send_pages_back(struct going_back *going)
{
    enum skp_err err = SKP_OK;
    for (unsigned number = 0; !err && number < page_count(going->lines); number++) {
        err = send_page_back(going, number);
        if (quarantine_is_named(going->txn, err))
            err = SKP_OK;
    }
    return err;
}

static enum skp_err send_entry_back(struct going_back *going, struct ws_row *entry_row,
                                    bool *ret_gone)
{
    enum skp_err err = send_pages_back(going);
    return err || !going->event ? err : keep_rest(going, entry_row, ret_gone);
}

/* Other than a damaged bundle or batch, which its entry names, a statement is in the way of many. */
static enum skp_err name_statement(struct txn *txn)
{
    const struct store_damaged damaged = txn->ws.store->damaged;
    if (damaged.table != STORE_STATEMENT)
        return SKP_OK;
    return quarantine_keep(txn, STORE_STATEMENT, span_of(damaged.key, damaged.key_len),
                           ASIDE_DAMAGED, span_of(NULL, 0));
}

/* Nothing of it can be delivered, now or later. */
static enum skp_err set_entry_aside(struct going_back *going, struct ws_row *entry_row,
                                    bool *ret_gone)
{
    enum skp_err err = send_pages_back(going);
    if (!err)
        err = quarantine_keep(going->txn, STORE_ENTRY, row_key_span(&entry_row->key),
                              ASIDE_UNDELIVERABLE, entry_row->value);
    if (err)
        return err;
    ws_remove(entry_row);
    *ret_gone = true;
    return SKP_OK;
}

/* What no row is to blame for may be read again later. */
static enum skp_err unless_it_passes(const struct txn *txn, enum skp_err err)
{
    return err == SKP_E_DATA_LOSS && !quarantine_is_named(txn, err) ? SKP_E_UNAVAILABLE : err;
}

/* The bundle and the batch it came in, as delivery needs them. DATA_LOSS: nobody will ever read them;
 * UNAVAILABLE: nobody can now. */
static enum skp_err read_mail(struct txn *txn, const struct skp_id *bundle_id,
                              struct bundle_row *ret_bundle)
{
    struct ws_row *row;
    struct batch_row batch;
    enum skp_err err =
        unless_it_passes(txn, ws_get(&txn->ws, STORE_BUNDLE, key_bundle(bundle_id), &row));
    if (!err)
        err = bundle_row_read(row->value, &txn->arena, ret_bundle);
    if (!err)
        err = unless_it_passes(txn, statements_put_back(txn->ws.store, &txn->arena, ret_bundle));
    if (!err)
        err = unless_it_passes(txn,
                               ws_get(&txn->ws, STORE_BATCH,
                                      key_batch(&ret_bundle->sender, &ret_bundle->batch_id), &row));
    return err ? err : batch_row_read(row->value, &batch);
}

enum skp_err park_damaged_entry(struct txn *txn, const struct store_row *row)
{
    struct going_back going = {.txn = txn, .key = row->key};
    struct bundle_row bundle;
    /* The bundle's id comes first; of the rest nothing is believed. */
    if (row->value.len < ID_BYTES)
        return SKP_OK;
    memcpy(going.entry.bundle_id.bytes, row->value.data, ID_BYTES);
    enum skp_err err = read_mail(txn, &going.entry.bundle_id, &bundle);
    if (err)
        return err == SKP_E_DATA_LOSS || err == SKP_E_UNAVAILABLE ? SKP_OK : err;
    if (row->key.len < OIN_CHARS || memcmp(row->key.data, bundle.recipient.text, OIN_CHARS) != 0)
        return SKP_OK;
    going.lines = bundle.line_count;
    return send_pages_back(&going);
}

static enum skp_err park(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                         struct parked *item)
{
    struct going_back going = {.txn = txn};
    struct ws_row *row;
    struct bundle_row bundle;
    bool locked = false;
    const struct registry_participant *who = registry_find(txn->registry, oin);
    const struct registry_record *record = who ? registry_record_of(who, mailbox) : NULL;
    item->gone = false;
    enum skp_err err = ws_get(&txn->ws, STORE_ENTRY, key_entry(oin, mailbox, item->position), &row);
    if (err || row->version == 0 || row->gone)
        return err;
    if ((err = entry_row_read(row->value, &going.entry)))
        return err;
    going.key = row_key_span(&row->key);
    going.lines = going.entry.bundle_lines;
    err = read_mail(txn, &going.entry.bundle_id, &bundle);
    if (err == SKP_E_DATA_LOSS && !(err = name_statement(txn)))
        return set_entry_aside(&going, row, &item->gone);
    if (err == SKP_E_UNAVAILABLE)
        return SKP_OK;
    if (err || !record || (err = is_locked(record, bundle.body, &txn->arena, &locked)))
        return err;
    return locked ? send_entry_back(&going, row, &item->gone) : SKP_OK;
}

/* ---------------------------------------------------------------- the verb */

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    struct park_work *work = call->state;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < work->count; i++)
        err = park(txn, &call->peer, work->mailbox, &work->items[i]);
    return err;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    const struct park_work *work = call->state;
    struct lease_table *leases = &txn->engine->leases;
    for (size_t i = 0; i < work->count; i++)
        if (work->items[i].gone)
            lease_collected(leases, &call->peer, work->mailbox, work->items[i].position,
                            txn->sequence);
    return SKP_OK;
}

/* Wants nothing beforehand: what it looks at may be damaged, and is then met one by one. */
const struct verb verb_park = {.name = "park", .decide = decide, .answer = answer};

static void give_back(struct engine *engine, const struct skp_oin *oin, const char *mailbox,
                      uint64_t session, uint64_t position)
{
    (void)lease_undo(&engine->leases, oin, mailbox, position, session);
}

/* What stays is given back. Where nothing went the next fetch would be here again at once: after an error,
 * or when the reader sees damage that the writer does not. */
static void done(struct engine_call *call)
{
    const struct park_work *work = call->state;
    size_t gone = 0;
    for (size_t i = 0; i < work->count; i++)
        if (!call->err && work->items[i].gone)
            gone++;
        else
            give_back(call->engine, &call->peer, work->mailbox, call->session,
                      work->items[i].position);
    if (gone > 0)
        engine_post_wake(call->engine, &call->peer, work->mailbox);
    else
        quarantine_wake_later(call->engine, &call->peer, work->mailbox);
    engine_call_free(call);
}

static struct park_work *make_work(struct engine_call *call, const char *mailbox,
                                   const uint64_t *positions, size_t count)
{
    struct park_work *work = arena_calloc(&call->arena, 1, sizeof *work);
    struct parked *items = arena_calloc(&call->arena, count + 1, sizeof *items);
    if (!work || !items)
        return NULL;
    (void)snprintf(work->mailbox, sizeof work->mailbox, "%s", mailbox);
    for (size_t i = 0; i < count; i++)
        items[i].position = positions[i];
    work->items = items;
    work->count = count;
    return work;
}

void park_submit(struct engine *engine, const struct skp_oin *oin, const char *mailbox,
                 uint64_t session, const uint64_t *positions, size_t count)
{
    struct engine_call *call = engine_call_new(engine, ENGINE_PARK, oin, session, done, NULL);
    if (call)
        call->state = make_work(call, mailbox, positions, count);
    if (call && call->state) {
        call->work.weight = count * PARK_ITEM_BYTES;
        engine_submit(call);
        return;
    }
    for (size_t i = 0; i < count; i++)
        give_back(engine, oin, mailbox, session, positions[i]);
    quarantine_wake_later(engine, oin, mailbox);
    engine_call_free(call);
}
