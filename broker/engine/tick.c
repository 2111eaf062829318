/* The clock participant: what is due is done, as internal batches with a name that makes each
 * happen once. */
#include "hold.h"
#include "log.h"
#include "mutant.h"
#include "quarantine.h"
#include "rounds.h"
#include "txn.h"

#include "fold.h"

#define TICK_DEADLINES      64
#define UNREADABLE_PAUSE_MS 1000

/* ---------------------------------------------------------------- overdue */

static enum skp_err add_ids(struct txn *txn, const struct page_row *page, const bool *moved,
                            Skp__V1__EventFact *event)
{
    event->request_ids = arena_calloc(&txn->arena, PAGE_LINES, sizeof *event->request_ids);
    if (!event->request_ids)
        return SKP_E_NO_MEMORY;
    for (size_t i = 0; i < page->count; i++)
        if (moved[i]) {
            event->request_ids[event->n_request_ids++] = wire_id(&page->requests[i].request_id);
            event->due_date = page->requests[i].due_date;
        }
    event->calendar_version = CALENDAR_VERSION;
    return SKP_OK;
}

static enum skp_err tell_overdue(struct txn *txn, const struct page_row *page, const bool *moved,
                                 const struct skp_oin *to, const struct skp_oin *other)
{
    Skp__V1__Line *line;
    Skp__V1__EventFact *event =
        txn_event(txn, SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE, other, &line);
    if (!event)
        return SKP_E_NO_MEMORY;
    enum skp_err err = add_ids(txn, page, moved, event);
    return err ? err : txn_say(txn, to, line);
}

static enum skp_err expire_page(struct txn *txn, const struct deadline_key *deadline,
                                size_t *ret_lines)
{
    struct ws_row *row;
    struct page_row *page;
    bool moved[PAGE_LINES] = {false};
    size_t count = 0;
    enum skp_err err = txn_page(txn, &deadline->object, deadline->part, &row, &page);
    /* Damaged, or never there: a bit flipped in the key of the deadline. What cannot be read now may be good
     * again later: the deadline stays. */
    if (quarantine_is_named(txn, err) || (!err && !page))
        return quarantine_keep_page(txn, &deadline->object, deadline->part, ASIDE_NOT_DUE);
    if (err)
        return err;
    for (size_t i = 0; i < page->count; i++) {
        if (page->requests[i].state != SKP__V1__REQUEST_STATE__REQUEST_STATE_REQUESTED)
            continue;
        moved[i] = request_expire(&page->requests[i], txn->now_ms);
        count += moved[i];
    }
    if (count == 0)
        return SKP_OK;
    *ret_lines += count;
    ws_changed(row);
    err = tell_overdue(txn, page, moved, &page->counsellor, &page->creditor);
    return err ? err : tell_overdue(txn, page, moved, &page->creditor, &page->counsellor);
}

/* ---------------------------------------------------------------- deadlines */

static enum skp_err anything_waits(struct txn *txn, const struct skp_id *agreement_id,
                                   bool *ret_waits)
{
    struct row_key whole = key_round(agreement_id);
    struct row_key end = key_after_prefix(&whole);
    struct store_row *rows;
    size_t count = 0;
    enum skp_err err = store_scan(txn->ws.store, STORE_WAITING, row_key_span(&whole),
                                  row_key_span(&end), 1, 1024, &txn->arena, &rows, &count);
    *ret_waits = count > 0;
    return err;
}

/* At the hour that is due or later that day: nobody waits a day longer. */
static bool opens_today(const struct agreement *agreement, int64_t due_ms)
{
    int64_t opens_ms = agreement_next_opening(agreement, NULL, due_ms - 1);
    return opens_ms != 0 && calendar_date_of_ms(opens_ms) == calendar_date_of_ms(due_ms);
}

/* A version that has begun opens the rounds from its first day; it has a deadline of its own. What was
 * promised this hour leaves in it, in one last round of the version that was replaced last, of those that
 * have not ended: its successor may open none, or too late. Unless one of these two opens today. */
static enum skp_err open_last(struct txn *txn, const struct agreement *agreement, int64_t due_ms)
{
    plain_date date = calendar_date_of_ms(due_ms);
    const struct agreement *last = agreement;
    const struct agreement *newest = registry_replaced_by(txn->registry, agreement, date);
    const struct agreement *next;
    struct skp_id ignored;
    bool waits = false;
    while ((next = registry_replaced_by(txn->registry, newest, date))) {
        if (agreement_is_valid(newest, date))
            last = newest;
        newest = next;
    }
    if (opens_today(newest, due_ms) || (last != agreement && opens_today(last, due_ms)))
        return SKP_OK;
    enum skp_err err = anything_waits(txn, &agreement->agreement_id, &waits);
    return err || !waits ? err : round_open(txn, last, "", &ignored);
}

static enum skp_err open_round(struct txn *txn, const struct deadline_key *deadline)
{
    const struct agreement *agreement =
        registry_agreement(txn->registry, &deadline->object, deadline->part);
    struct skp_id ignored;
    /* As of its hour, not of now: what waited for the last round of an agreement still leaves when
     * the broker was not there in time. */
    plain_date date = calendar_date_of_ms(deadline->due_ms);
    if (!agreement || !agreement_is_valid(agreement, date))
        return SKP_OK;
    if (registry_replaced_by(txn->registry, agreement, date))
        return open_last(txn, agreement, deadline->due_ms);
    enum skp_err err = round_open(txn, agreement, "", &ignored);
    return err ? err : round_schedule(txn, agreement);
}

/* The round was damaged and set aside. What waits for it leaves with another, as far as the row still
 * says of which agreement it was; else with the next. */
static enum skp_err open_in_place_of(struct txn *txn, const struct skp_id *round_id)
{
    struct row_key key = key_round(round_id);
    struct ws_row *row;
    struct aside_row aside;
    struct skp_id agreement_id, ignored;
    uint32_t version;
    bool waits = false;
    enum skp_err err =
        ws_get(&txn->ws, STORE_META, quarantine_key(STORE_ROUND, row_key_span(&key)), &row);
    if (!err)
        err = aside_row_read(row->value, &aside);
    if (err)
        return err == SKP_E_DATA_LOSS ? SKP_OK : err;
    const struct agreement *agreement =
        round_row_agreement(aside.value, &agreement_id, &version)
            ? registry_agreement(txn->registry, &agreement_id, version)
            : NULL;
    if (!agreement)
        return SKP_OK;
    err = anything_waits(txn, &agreement_id, &waits);
    return err || !waits ? err : round_open(txn, agreement, "", &ignored);
}

static enum skp_err publish_round(struct txn *txn, const struct deadline_key *deadline,
                                  size_t *ret_lines)
{
    enum skp_err err = round_publish(txn, &deadline->object, deadline->part, ret_lines);
    return err == SKP_E_NOT_FOUND ? open_in_place_of(txn, &deadline->object) : err;
}

static enum skp_err close_round(struct txn *txn, const struct deadline_key *deadline)
{
    enum skp_err err = round_close(txn, &deadline->object);
    bool is_over = err == SKP_E_STATE_INVALID || err == SKP_E_NOT_FOUND; /* by hand, or damaged */
    return is_over ? SKP_OK : err;
}

static enum skp_err keep_deadline(struct txn *txn, struct span key)
{
    return quarantine_keep(txn, STORE_DEADLINE, key, ASIDE_NOT_DUE, span_of(NULL, 0));
}

static enum skp_err act(struct txn *txn, struct span key, const struct deadline_key *deadline,
                        size_t *ret_lines)
{
    switch ((enum deadline_kind)deadline->kind) {
    case DEADLINE_ROUND_OPEN:
        return open_round(txn, deadline);
    case DEADLINE_ROUND_PUBLISH:
        return publish_round(txn, deadline, ret_lines);
    case DEADLINE_EXPIRE:
        return expire_page(txn, deadline, ret_lines);
    case DEADLINE_ROUND_CLOSE:
        return close_round(txn, deadline);
    }
    return keep_deadline(txn, key);
}

/* The internal batch is named after its first deadline: the hash of its key and of the commit that set
 * it, so that it exists once. */
static void name_batch(struct txn *txn, const struct store_row *row)
{
    if (id_is_nil(&txn->said_id)) {
        struct span parts[] = {row->key, row->value};
        struct skp_hash hash = sha256_spans(parts, 2);
        memcpy(txn->said_id.bytes, hash.bytes, ID_BYTES);
    }
}

static enum skp_err do_deadline(struct txn *txn, const struct store_row *row, size_t *ret_lines)
{
    struct deadline_key deadline;
    struct row_key key = {.len = row->key.len};
    memcpy(key.bytes, row->key.data, row->key.len);
    enum skp_err err = ws_forget(&txn->ws, STORE_DEADLINE, key);
    if (err)
        return err;
    if (key_read_deadline(row->key, &deadline))
        return keep_deadline(txn, row->key);
    name_batch(txn, row);
    if (MUTANT(deadline_twice))
        err = act(txn, row->key, &deadline, ret_lines);
    return err ? err : act(txn, row->key, &deadline, ret_lines);
}

/* Which of what is due this tick does: those behind the stuck, or else one of these. */
static size_t choose(struct due_state *due, size_t count, size_t *ret_first)
{
    due->retries = count <= due->stuck;
    if (due->retries) {
        due->stuck = count;
        due->alone = 0;
        *ret_first = count > 0 ? due->retry % count : 0;
        return count > 0;
    }
    *ret_first = due->stuck;
    return due->alone > 0 ? 1 : count - due->stuck;
}

static void due_failed(struct due_state *due)
{
    if (due->retries) {
        due->retry++;
    } else if (due->alone > 0) {
        due->stuck++;
        due->alone--;
    } else {
        due->alone = TICK_DEADLINES;
    }
}

static void due_done(struct due_state *due)
{
    if (due->retries && due->stuck > 0)
        due->stuck--;
    if (due->alone > 0)
        due->alone--;
}

/* While they are held only whether they can be read. */
static enum skp_err do_due(struct txn *txn, bool held, size_t *ret_found)
{
    struct due_state *due = &txn->engine->due;
    struct row_key end = key_deadline(txn->now_ms + 1, 0, &(struct skp_id){{0}}, 0);
    uint8_t zero = 0;
    struct store_row *rows;
    size_t count = 0;
    size_t lines = 0;
    due->is_chosen = false;
    enum skp_err err =
        store_scan(txn->ws.store, STORE_DEADLINE, span_of(&zero, 1), row_key_span(&end),
                   due->stuck + TICK_DEADLINES, (size_t)1 << 20, &txn->arena, &rows, &count);
    due->is_unreadable = err == SKP_E_DATA_LOSS && !quarantine_is_named(txn, err);
    if (err || held)
        return due->is_unreadable ? SKP_OK : err;
    size_t first;
    size_t chosen = choose(due, count, &first);
    due->is_chosen = chosen > 0;
    for (size_t i = first; !err && i < first + chosen && lines < ENGINE_TICK_LINES; i++)
        err = do_deadline(txn, &rows[i], &lines);
    *ret_found = chosen;
    return err;
}

/* Until answer() knows better it failed. */
static enum skp_err do_part(struct txn *txn, enum tick_part part, bool held)
{
    size_t found = 0;
    txn->engine->tick_failed_in = part;
    enum skp_err err = part == TICK_DUE ? do_due(txn, held, &found) : fold_journal(txn);
    return err || held || part == TICK_FOLD ? err : hold_remember(txn, found > 0);
}

/* What cannot be done, or not be counted, ends the transaction: the tick after it rests from that, so that
 * the other is done all the same, and the one that follows tries again. A tick that is tried again does as
 * it did. */
static enum tick_part rests_from(struct engine *engine, struct engine_call *call)
{
    static enum tick_part parts[] = {TICK_NONE, TICK_DUE, TICK_FOLD};
    if (!call->state) {
        call->state = &parts[engine->tick_failed_in];
        if (engine->tick_failed_in == TICK_DUE && engine->due.is_chosen)
            due_failed(&engine->due);
    }
    return *(const enum tick_part *)call->state;
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    bool held = false;
    enum tick_part rests = rests_from(txn->engine, call);
    enum skp_err err = hold_watch(txn, &held);
    txn->engine->tick_failed_in = TICK_NONE;
    if (!err && rests != TICK_DUE)
        err = do_part(txn, TICK_DUE, held);
    else if (!err && !held)
        err = hold_remember(txn, false);
    if (!err && rests != TICK_FOLD)
        err = do_part(txn, TICK_FOLD, held);
    if (!err && !held &&
        rests != TICK_DUE) /* from here on what it leaves behind more likely fails */
        txn->engine->tick_failed_in = TICK_DUE;
    return err;
}

/* ---------------------------------------------------------------- when next */

enum skp_err deadline_first(struct store *store, struct arena *arena, int64_t *ret_due_ms)
{
    uint8_t zero = 0;
    struct store_row *rows;
    struct deadline_key deadline;
    size_t count = 0;
    enum skp_err err = store_scan(store, STORE_DEADLINE, span_of(&zero, 1), span_of(NULL, 0), 1,
                                  1024, arena, &rows, &count);
    *ret_due_ms = INT64_MAX;
    if (!err && count > 0 && !(err = key_read_deadline(rows[0].key, &deadline)))
        *ret_due_ms = deadline.due_ms;
    return err;
}

static enum skp_err find_next(struct engine *engine, struct arena *arena, int64_t *ret_due_ms)
{
    enum skp_err err = store_begin(engine->store);
    if (err)
        return err;
    err = deadline_first(engine->store, arena, ret_due_ms);
    store_rollback(engine->store);
    return err;
}

/* Once, and when it is over. */
static void say_readable(struct engine *engine, bool is_readable)
{
    if (atomic_exchange(&engine->deadlines_unreadable, !is_readable) == !is_readable)
        return;
    if (is_readable)
        log_line(LOG_INFO, "deadlines_readable", "means=%s", "what is due happens again");
    else
        log_line(LOG_ERROR, "deadlines_unreadable", "why=%s means=%s remedy=%s",
                 "a page of the table deadline is damaged or cannot be read",
                 row_advice_of(STORE_DEADLINE).means,
                 "look at the disk; if skpd --verify-store finds the damage too, restore the "
                 "newest backup");
}

/* What no row is to blame for is looked at again after a pause. */
static enum skp_err look_ahead(struct engine *engine, struct arena *arena, int64_t now_ms,
                               int64_t *ret_due_ms)
{
    enum skp_err err = find_next(engine, arena, ret_due_ms);
    bool is_named = err == SKP_E_DATA_LOSS && quarantine_submit(engine, &engine->store->damaged);
    if (is_named || (err && err != SKP_E_DATA_LOSS))
        return err;
    bool is_readable = !err && !engine->due.is_unreadable;
    say_readable(engine, is_readable);
    if (!is_readable)
        *ret_due_ms = now_ms + UNREADABLE_PAUSE_MS;
    return SKP_OK;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    struct engine *engine = txn->engine;
    int64_t due_ms;
    if (engine->tick_failed_in == TICK_DUE && engine->due.is_chosen)
        due_done(&engine->due);
    engine->tick_failed_in = TICK_NONE;
    enum skp_err err = look_ahead(engine, &call->arena, txn->now_ms, &due_ms);
    if (err)
        return err;
    pthread_mutex_lock(&engine->lock);
    engine->next_due_ms = due_ms;
    pthread_mutex_unlock(&engine->lock);
    return SKP_OK;
}

const struct verb verb_tick = {.name = "tick", .decide = decide, .answer = answer};
