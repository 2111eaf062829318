#include "fold.h"

#include "mutant.h"
#include "quarantine.h"

#define FOLD_ROWS  256
#define FOLD_BYTES ((size_t)256 << 10) /* of notes: some 6,000 */

static enum skp_err tell_complete(struct txn *txn, const struct skp_oin *counsellor,
                                  const struct skp_id *case_id)
{
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE, NULL, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    event->case_id = wire_id(case_id);
    return txn_say(txn, counsellor, line);
}

/* ---------------------------------------------------------------- when the count is lost */

/* The pages say it again, for as long as the case lives. */
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

/* A case, or a page of its requests, is damaged: that keeps nobody else waiting. */
static enum skp_err keep_uncounted(struct txn *txn, const struct skp_oin *counsellor,
                                   const struct skp_id *case_id)
{
    struct row_key key = key_case(counsellor, case_id);
    return quarantine_keep(txn, STORE_CASE, row_key_span(&key), ASIDE_NOT_COUNTED,
                           span_of(NULL, 0));
}

static void set_waits(struct ws_row *row, struct progress *progress, size_t waits)
{
    progress->waits = (uint16_t)waits;
    if (row)
        ws_changed(row);
}

static bool was_told(const struct txn *txn, const struct case_file *file)
{
    for (size_t i = 0; i < txn->told_count; i++)
        if (txn->told[i] == file)
            return true;
    return false;
}

/* Notes of one case come many at a time, and say it once where its row cannot. */
static enum skp_err remember_told(struct txn *txn, const struct case_file *file)
{
    const struct case_file **told =
        txn_grow(txn, &txn->told, &txn->told_count, &txn->told_room, sizeof *told);
    if (!told)
        return SKP_E_NO_MEMORY;
    *told = file;
    return SKP_OK;
}

/* Pages are ahead of notes: what is left of these when it is told counts for nothing. */
static enum skp_err look_at_pages(struct txn *txn, const struct skp_oin *counsellor,
                                  const struct case_file *file, struct ws_row *row,
                                  struct progress *progress)
{
    size_t answered = 0;
    if (!row && was_told(txn, file))
        return SKP_OK;
    enum skp_err err = count_on_pages(txn, file, &answered);
    if (err == SKP_E_DATA_LOSS)
        return keep_uncounted(txn, counsellor, &file->case_id);
    if (err || !case_is_complete(file, answered))
        return err;
    set_waits(row, progress, PROGRESS_TOLD);
    if (!row && (err = remember_told(txn, file)))
        return err;
    return tell_complete(txn, counsellor, &file->case_id);
}

static enum skp_err look_at_case(struct txn *txn, const struct note *note, struct ws_row *row,
                                 struct progress *progress)
{
    struct ws_row *case_row;
    struct case_file *file;
    enum skp_err err = txn_case(txn, &note->counsellor, &note->case_id, &case_row, &file);
    if (err == SKP_E_DATA_LOSS || (!err && !file))
        return keep_uncounted(txn, &note->counsellor, &note->case_id);
    return err ? err : look_at_pages(txn, &note->counsellor, file, row, progress);
}

/* ---------------------------------------------------------------- counting */

enum skp_err fold_declared(struct txn *txn, const struct skp_oin *counsellor,
                           const struct case_file *present, const struct case_file *file)
{
    struct ws_row *row;
    struct progress *progress;
    size_t before = present ? present->request_count : 0;
    size_t now = file->request_count;
    if (now == before && !MUTANT(complete_told_again))
        return SKP_OK;
    enum skp_err err = txn_progress(txn, file->place, &row, &progress);
    if (err)
        return err;
    if (progress->waits == PROGRESS_LOST && now < before)
        return look_at_pages(txn, counsellor, file, row, progress);
    if (progress->waits == PROGRESS_TOLD || progress->waits == PROGRESS_LOST) {
        set_waits(row, progress, PROGRESS_LOST);
        return SKP_OK;
    }
    if (progress->waits + now < before)
        return SKP_E_DATA_LOSS;
    set_waits(row, progress, progress->waits + now - before);
    return progress->waits == 0 ? tell_complete(txn, counsellor, &file->case_id) : SKP_OK;
}

/* One came back; 0: what came too much was counted before. */
static enum skp_err count_down(struct txn *txn, const struct note *note, struct ws_row *row,
                               struct progress *progress)
{
    if (progress->waits == 0 || progress->waits == PROGRESS_TOLD)
        return SKP_OK;
    set_waits(row, progress,
              MUTANT(note_counted_twice) && progress->waits > 1 ? progress->waits - 2U
                                                                : progress->waits - 1U);
    return progress->waits == 0 ? tell_complete(txn, &note->counsellor, &note->case_id) : SKP_OK;
}

enum skp_err fold_recorded(struct txn *txn, const struct skp_oin *counsellor,
                           const struct case_file *file)
{
    struct ws_row *row;
    struct progress *progress;
    struct note note = {.counsellor = *counsellor, .case_id = file->case_id};
    enum skp_err err = txn_progress(txn, file->place, &row, &progress);
    if (err)
        return err;
    return progress->waits == PROGRESS_LOST ? look_at_pages(txn, counsellor, file, row, progress)
                                            : count_down(txn, &note, row, progress);
}

static enum skp_err fold_note(struct txn *txn, const struct note *note)
{
    struct ws_row *row;
    struct progress *progress;
    enum skp_err err = txn_progress(txn, note->place, &row, &progress);
    if (err)
        return err;
    return progress->waits == PROGRESS_LOST ? look_at_case(txn, note, row, progress)
                                            : count_down(txn, note, row, progress);
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
    if (err == SKP_E_DATA_LOSS)
        err = SKP_OK; /* whose note it is meets it by itself */
    for (size_t i = 0; !err && i < count; i++)
        err = fold_note(txn, &notes[i]);
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
