/* What deciding reads and leaves in a transaction: decoded rows, mail, notes, deadlines. */
#include "txn.h"

#include "mutant.h"
#include "quarantine.h"

#include <assert.h>
#include <stdio.h>

void *txn_grow(struct txn *txn, void *array_ptr, size_t *count, size_t *room, size_t element)
{
    uint8_t *array;
    memcpy(&array, array_ptr, sizeof array);
    if (*count == *room) {
        size_t wider = *room ? *room * 2 : 16;
        uint8_t *copy = arena_calloc(&txn->arena, wider, element);
        if (!copy)
            return NULL;
        if (*count > 0)
            memcpy(copy, array, *count * element);
        memcpy(array_ptr, &copy, sizeof copy);
        array = copy;
        *room = wider;
    }
    return array + (*count)++ * element;
}

/* ---------------------------------------------------------------- decoded rows */

enum skp_err txn_page(struct txn *txn, const struct skp_id *bundle_id, unsigned page,
                      struct ws_row **ret_row, struct page_row **ret_page)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_PAGE, key_page(bundle_id, page), &row);
    if (!err && !row->object && row->version > 0) {
        struct page_row *decoded = arena_calloc(&txn->arena, 1, sizeof *decoded);
        err = decoded ? page_row_read(row->value, decoded) : SKP_E_NO_MEMORY;
        if (!err)
            err = quarantine_page_is_read(txn, bundle_id, page);
        if (!err)
            row->object = decoded;
    }
    if (err)
        return err;
    *ret_row = row;
    *ret_page = row->object;
    return SKP_OK;
}

enum skp_err txn_case(struct txn *txn, const struct skp_oin *counsellor,
                      const struct skp_id *case_id, struct ws_row **ret_row,
                      struct case_file **ret_case)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_CASE, key_case(counsellor, case_id), &row);
    if (!err && !row->object && row->version > 0) {
        struct case_file *decoded = arena_calloc(&txn->arena, 1, sizeof *decoded);
        err = decoded ? case_unpack(row->value, &txn->arena, decoded) : SKP_E_NO_MEMORY;
        if (!err)
            row->object = decoded;
    }
    if (err)
        return err;
    *ret_row = row;
    *ret_case = row->object;
    return SKP_OK;
}

/* A place says which commit opened the case, and as which of its cases. */
#define PLACE_BITS       24
#define CASE_BYTES_LEAST 32 /* of a CaseFact: its own id, that of a request */

static_assert(ENGINE_COMMIT_BYTES / CASE_BYTES_LEAST + BATCH_MAX_LINES < 1 << PLACE_BITS,
              "one transaction cannot hold as many cases as a commit has places");

uint64_t txn_place(struct txn *txn)
{
    assert(txn->opened < (size_t)1 << PLACE_BITS && txn->sequence >> (64 - PLACE_BITS) == 0);
    uint64_t number = MUTANT(place_given_twice) ? 0 : txn->opened++;
    return txn->sequence << PLACE_BITS | number;
}

/* Nobody has written the row of a place that this transaction gives: it is not looked for, where a damaged
 * neighbour would be in the way of every case that is opened. */
static bool is_given_now(const struct txn *txn, uint64_t place)
{
    return place >> PLACE_BITS == txn->sequence;
}

/* A damaged row would be in the way of 64 cases; what it counted stands on their pages too. */
static enum skp_err get_progress(struct txn *txn, uint64_t place, struct ws_row **ret_row)
{
    struct row_key key = key_progress(place);
    enum skp_err err = SKP_OK;
    if (is_given_now(txn, place))
        err = ws_append(&txn->ws, STORE_PROGRESS, key, span_of(NULL, 0));
    if (!err)
        err = ws_get(&txn->ws, STORE_PROGRESS, key, ret_row);
    if (!quarantine_is_named(txn, err))
        return err;
    err = quarantine_move(txn, STORE_PROGRESS, row_key_span(&key));
    if (err == SKP_E_DATA_LOSS)
        return SKP_E_INTERNAL; /* the transaction is over, also for who can do without the row */
    return err ? err : ws_get(&txn->ws, STORE_PROGRESS, key, ret_row);
}

/* A row that should be there and is not is lost too. */
static enum skp_err read_progress(struct txn *txn, struct ws_row *row, uint64_t place)
{
    if (row->object)
        return SKP_OK;
    struct progress_row *decoded = arena_calloc(&txn->arena, 1, sizeof *decoded);
    if (!decoded)
        return SKP_E_NO_MEMORY;
    enum skp_err err = SKP_OK;
    if (row->version > 0)
        err = progress_row_read(row->value, decoded);
    else if (!is_given_now(txn, place))
        *decoded = progress_row_lost();
    if (!err)
        row->object = decoded;
    return err;
}

/* On a page that is damaged as a whole nothing is found and nothing is written. */
static enum skp_err no_progress(struct txn *txn, struct ws_row **ret_row,
                                struct progress **ret_progress)
{
    txn->progress_lost = (struct progress){.waits = PROGRESS_LOST};
    *ret_row = NULL;
    *ret_progress = &txn->progress_lost;
    return SKP_OK;
}

enum skp_err txn_progress(struct txn *txn, uint64_t place, struct ws_row **ret_row,
                          struct progress **ret_progress)
{
    struct ws_row *row = txn->progress_row;
    if (!row || !progress_is_shared(place, txn->progress_place)) {
        enum skp_err err = get_progress(txn, place, &row);
        if (!err)
            err = read_progress(txn, row, place);
        if (err == SKP_E_DATA_LOSS)
            return no_progress(txn, ret_row, ret_progress);
        if (err)
            return err;
        txn->progress_row = row;
        txn->progress_place = place;
    }
    struct progress_row *progress = row->object;
    *ret_row = row;
    *ret_progress = &progress->cases[place % PROGRESS_CASES];
    return SKP_OK;
}

static struct span pack_object(const struct ws_row *row, struct arena *arena)
{
    if (row->table == STORE_PAGE)
        return page_row_pack(row->object, arena);
    if (row->table == STORE_CASE)
        return case_pack(row->object, arena);
    return progress_row_pack(row->object, arena);
}

/* Packing waits until all calls have decided: a page that is changed by many is packed once. */
enum skp_err txn_pack_changed(struct txn *txn)
{
    static const enum store_table decoded[] = {STORE_PAGE, STORE_CASE, STORE_PROGRESS};
    for (size_t i = 0; i < sizeof decoded / sizeof decoded[0]; i++)
        for (struct ws_row *row = txn->ws.tables[decoded[i]].first; row; row = row->next) {
            if (!row->dirty || !row->object)
                continue;
            row->value = pack_object(row, &txn->arena);
            if (!row->value.data)
                return SKP_E_NO_MEMORY;
        }
    return SKP_OK;
}

/* ---------------------------------------------------------------- effects */

/* Where a mailbox without a counter begins. A counter that was set aside may have had a bit flipped in its key,
 * and may be the one that is missing. */
static enum skp_err first_position(struct txn *txn, uint64_t *ret_last)
{
    bool has_lost = false;
    enum skp_err err = quarantine_has_any(txn, STORE_MAILBOX, &has_lost);
    *ret_last = has_lost ? txn_position_beyond(txn) : 0;
    return err;
}

enum skp_err txn_position(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                          uint64_t *ret_position)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_MAILBOX, key_mailbox(oin, mailbox), &row);
    if (err)
        return err;
    uint64_t last;
    err = row->value.len > 0 ? u64_read(row->value, &last) : first_position(txn, &last);
    if (err)
        return err;
    struct span value = u64_pack(last + 1, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    ws_put(row, value);
    *ret_position = MUTANT(lane_swapped) ? (last ^ 1) + 1 : last + 1;
    return SKP_OK;
}

/* A commit gives fewer positions than places, so that those of one mailbox are below this of the next,
 * from wherever it began to count. */
uint64_t txn_position_beyond(const struct txn *txn)
{
    return txn->sequence << PLACE_BITS;
}

/* Once for each mailbox: its row, which every delivery asks for a position, holds that it was. */
static enum skp_err wake_later(struct txn *txn, const struct skp_oin *oin, const char *mailbox)
{
    struct ws_row *row;
    enum skp_err err = ws_get(&txn->ws, STORE_MAILBOX, key_mailbox(oin, mailbox), &row);
    if (err || row->object)
        return err;
    struct wake_note *note =
        txn_grow(txn, &txn->wakes, &txn->wake_count, &txn->wake_room, sizeof *note);
    if (!note)
        return SKP_E_NO_MEMORY;
    note->oin = *oin;
    snprintf(note->mailbox, sizeof note->mailbox, "%s", mailbox);
    row->object = note;
    return SKP_OK;
}

enum skp_err txn_deliver(struct txn *txn, const struct skp_oin *oin, const char *mailbox,
                         uint64_t position, const struct entry_row *entry)
{
    struct span value = entry_row_pack(entry, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    enum skp_err err = ws_append(&txn->ws, STORE_ENTRY, key_entry(oin, mailbox, position), value);
    return err ? err : wake_later(txn, oin, mailbox);
}

/* An entry goes away when it is collected, or to the rows that were set aside. */
static enum skp_err was_set_aside(struct workset *ws, const struct row_key *entry, bool *ret_aside)
{
    struct ws_row *row;
    enum skp_err err =
        ws_get(ws, STORE_META, quarantine_key(STORE_ENTRY, row_key_span(entry)), &row);
    if (!err)
        *ret_aside = row->version > 0;
    return err;
}

enum skp_err txn_is_collected(struct workset *ws, const struct page_row *page,
                              const struct request_state *request, bool *ret_collected)
{
    struct row_key key = key_entry(&page->creditor, page->mailbox, request->position);
    struct ws_row *row;
    bool stays = true;
    enum skp_err err = SKP_OK;
    if (request->position != 0) {
        err = ws_get(ws, STORE_ENTRY, key, &row);
        stays = err || row->version > 0;
        if (err == SKP_E_DATA_LOSS && ws->store->damaged.table == STORE_ENTRY)
            err = SKP_OK;
    }
    if (!err && !stays)
        err = was_set_aside(ws, &key, &stays);
    if (!err)
        *ret_collected = !stays;
    return err;
}

enum skp_err txn_note(struct txn *txn, const struct skp_oin *counsellor,
                      const struct request_state *request)
{
    struct note *note = txn_grow(txn, &txn->notes, &txn->note_count, &txn->note_room, sizeof *note);
    if (!note)
        return SKP_E_NO_MEMORY;
    *note = (struct note){
        .counsellor = *counsellor, .case_id = request->case_id, .place = request->case_place};
    return SKP_OK;
}

enum skp_err txn_deadline(struct txn *txn, int64_t due_ms, enum deadline_kind kind,
                          const struct skp_id *object, uint32_t part)
{
    struct span value = u64_pack(txn->sequence, &txn->arena);
    if (!value.data)
        return SKP_E_NO_MEMORY;
    if (due_ms < txn->first_due_ms)
        txn->first_due_ms = due_ms;
    return ws_append(&txn->ws, STORE_DEADLINE, key_deadline(due_ms, (uint8_t)kind, object, part),
                     value);
}

/* Journal rows hold as many notes as fit well in one row. */
#define NOTES_PER_ROW 1024

enum skp_err txn_save_notes(struct txn *txn)
{
    for (size_t at = 0; at < txn->note_count; at += NOTES_PER_ROW) {
        size_t count = txn->note_count - at < NOTES_PER_ROW ? txn->note_count - at : NOTES_PER_ROW;
        struct span value = notes_pack(txn->notes + at, count, &txn->arena);
        if (!value.data)
            return SKP_E_NO_MEMORY;
        enum skp_err err =
            ws_append(&txn->ws, STORE_JOURNAL,
                      key_journal(txn->sequence, (uint32_t)(at / NOTES_PER_ROW)), value);
        if (err)
            return err;
    }
    return SKP_OK;
}
