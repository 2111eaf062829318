#include "fold.h"

#include "mutant.h"
#include "quarantine.h"

#define FOLD_ROWS  256
#define FOLD_BYTES ((size_t)256 << 10) /* of notes: some 6,000 */

/* What was counted is lost: the pages say it again, for as long as the case lives. */
static enum skp_err count_on_pages(struct txn *txn, const struct case_file *file,
                                   size_t *ret_answered)
{
    size_t answered = 0;
    for (size_t i = 0; i < file->request_count; i++) {
        const struct case_request *request = &file->requests[i];
        struct ws_row *row;
        struct page_row *page;
        if (id_is_nil(&request->bundle_id))
            continue;
        enum skp_err err =
            txn_page(txn, &request->bundle_id, request->line / PAGE_LINES, &row, &page);
        if (err || !page)
            return err ? err : SKP_E_DATA_LOSS;
        answered += request_is_answered(&page->requests[request->line % PAGE_LINES]);
    }
    *ret_answered = answered;
    return SKP_OK;
}

static enum skp_err count_answered(struct txn *txn, const struct case_file *file,
                                   size_t *ret_answered)
{
    struct ws_row *row;
    struct progress *progress;
    enum skp_err err = txn_progress(txn, file->place, &row, &progress);
    if (err)
        return err;
    if (progress_is_lost(progress))
        return count_on_pages(txn, file, ret_answered);
    *ret_answered = progress->answered;
    return SKP_OK;
}

enum skp_err fold_tell_complete(struct txn *txn, const struct skp_oin *counsellor,
                                struct ws_row *row)
{
    struct case_file *file = row->object;
    size_t answered = 0;
    if (file->complete_told)
        return SKP_OK;
    enum skp_err err = count_answered(txn, file, &answered);
    if (err || !case_is_complete(file, answered))
        return err;
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE, NULL, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    event->case_id = wire_id(&file->case_id);
    file->complete_told = !MUTANT(complete_told_again);
    ws_changed(row);
    return txn_say(txn, counsellor, line);
}

enum skp_err fold_asked(struct txn *txn, const struct case_file *file)
{
    struct ws_row *row;
    struct progress *progress;
    enum skp_err err = txn_progress(txn, file->place, &row, &progress);
    if (err || progress_is_lost(progress))
        return err;
    progress->asked++;
    ws_changed(row);
    return SKP_OK;
}

static enum skp_err look_at_case(struct txn *txn, const struct note *note)
{
    struct ws_row *row;
    struct case_file *file;
    enum skp_err err = txn_case(txn, &note->counsellor, &note->case_id, &row, &file);
    if (!err && !file)
        err = SKP_E_DATA_LOSS;
    return err ? err : fold_tell_complete(txn, &note->counsellor, row);
}

static enum skp_err fold_note(struct txn *txn, const struct note *note)
{
    struct ws_row *row;
    struct progress *progress;
    enum skp_err err = txn_progress(txn, note->place, &row, &progress);
    if (err)
        return err;
    if (progress_is_lost(progress))
        return look_at_case(txn, note);
    if (progress->answered >= progress->asked)
        return SKP_E_DATA_LOSS;
    progress->answered = (uint16_t)(progress->answered + (MUTANT(note_counted_twice) ? 2 : 1));
    ws_changed(row);
    return progress->answered == progress->asked ? look_at_case(txn, note) : SKP_OK;
}

/* One damaged case keeps nobody else's answers waiting. */
static enum skp_err keep_note(struct txn *txn, const struct note *note)
{
    struct row_key key = key_case(&note->counsellor, &note->case_id);
    return quarantine_keep(txn, STORE_CASE, row_key_span(&key), ASIDE_NOT_COUNTED,
                           span_of(NULL, 0));
}

static enum skp_err fold_row(struct txn *txn, const struct store_row *row)
{
    struct note *notes;
    size_t count;
    enum skp_err err = notes_read(row->value, &txn->arena, &notes, &count);
    for (size_t i = 0; !err && i < count; i++)
        if (i == 0 || !progress_is_shared(notes[i].place, notes[i - 1].place))
            err = ws_want(&txn->ws, STORE_PROGRESS, key_progress(notes[i].place));
    if (!err)
        err = ws_load(&txn->ws);
    if (quarantine_is_named(txn, err))
        err = SKP_OK; /* whose note it is meets it by itself */
    for (size_t i = 0; !err && i < count; i++) {
        err = fold_note(txn, &notes[i]);
        if (quarantine_is_named(txn, err))
            err = keep_note(txn, &notes[i]);
    }
    return err;
}

/* A pause lets notes come together: many of one case, and many in one transaction. */
enum skp_err fold_journal(struct txn *txn)
{
    struct engine *engine = txn->engine;
    uint8_t zero = 0;
    struct store_row *rows;
    size_t count = 0;
    size_t bytes = 0;
    int64_t now_ms = clock_monotonic_ms(engine->clock);
    if (now_ms < atomic_load(&engine->fold_from_ms))
        return SKP_OK;
    atomic_store(&engine->fold_wanted, false);
    enum skp_err err = store_scan(txn->ws.store, STORE_JOURNAL, span_of(&zero, 1), span_of(NULL, 0),
                                  FOLD_ROWS, FOLD_BYTES, &txn->arena, &rows, &count);
    for (size_t i = 0; !err && i < count; i++) {
        struct row_key key = {.len = rows[i].key.len};
        memcpy(key.bytes, rows[i].key.data, rows[i].key.len);
        bytes += rows[i].value.len;
        err = fold_row(txn, &rows[i]);
        if (!err)
            err = ws_forget(&txn->ws, STORE_JOURNAL, key);
    }
    bool full = count == FOLD_ROWS || bytes > FOLD_BYTES / 2;
    atomic_store(&engine->fold_from_ms, full || err ? now_ms : now_ms + engine->fold_pause_ms);
    if (full || err)
        atomic_store(&engine->fold_wanted, true);
    return err;
}
