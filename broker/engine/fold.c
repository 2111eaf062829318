#include "fold.h"

#define FOLD_ROWS 16

enum skp_err fold_tell_complete(struct txn *txn, const struct skp_oin *counsellor,
                                struct case_file *file)
{
    if (file->complete_told || case_phase(file) != SKP__V1__CASE_STATE__CASE_STATE_COMPLETE)
        return SKP_OK;
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_CASE_COMPLETE, NULL, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    event->case_id = wire_id(&file->case_id);
    file->complete_told = true;
    return txn_say(txn, counsellor, line);
}

static enum skp_err fold_note(struct txn *txn, const struct note *note)
{
    struct ws_row *row;
    struct case_file *file;
    enum skp_err err = txn_case(txn, &note->counsellor, &note->case_id, &row, &file);
    if (err || !file)
        return err ? err : SKP_E_DATA_LOSS;
    struct request_state request = {.request_id = note->request_id,
                                    .case_id = note->case_id,
                                    .state = note->state,
                                    .outcome = note->outcome,
                                    .consent = note->consent,
                                    .total_cents = note->total_cents};
    case_note(file, &request);
    ws_changed(row);
    return fold_tell_complete(txn, &note->counsellor, file);
}

static enum skp_err fold_row(struct txn *txn, const struct store_row *row)
{
    struct note *notes;
    size_t count;
    enum skp_err err = notes_read(row->value, &txn->arena, &notes, &count);
    for (size_t i = 0; !err && i < count; i++)
        err = ws_want(&txn->ws, STORE_CASE, key_case(&notes[i].counsellor, &notes[i].case_id));
    if (!err)
        err = ws_load(&txn->ws);
    for (size_t i = 0; !err && i < count; i++)
        err = fold_note(txn, &notes[i]);
    return err;
}

enum skp_err fold_journal(struct txn *txn)
{
    uint8_t zero = 0;
    struct store_row *rows;
    size_t count = 0;
    atomic_store(&txn->engine->fold_wanted, false);
    enum skp_err err = store_scan(txn->ws.store, STORE_JOURNAL, span_of(&zero, 1), span_of(NULL, 0),
                                  FOLD_ROWS, (size_t)1 << 20, &txn->arena, &rows, &count);
    for (size_t i = 0; !err && i < count; i++) {
        struct row_key key = {.len = rows[i].key.len};
        memcpy(key.bytes, rows[i].key.data, rows[i].key.len);
        err = fold_row(txn, &rows[i]);
        if (!err)
            err = ws_forget(&txn->ws, STORE_JOURNAL, key);
    }
    if (count == FOLD_ROWS || err)
        atomic_store(&txn->engine->fold_wanted, true);
    return err;
}
