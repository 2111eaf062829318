#include "quarantine.h"

#include "log.h"
#include "park.h"

#include <assert.h>
#include <stdio.h>

#define ASIDE_PREFIX       "aside"
#define ASIDE_PREFIX_BYTES (sizeof ASIDE_PREFIX - 1)
#define RETRY_MS           1000
#define LATE_MS            10000 /* so long after a row was set aside somebody may still speak of it */

/* What is kept, to be said after the commit. */
struct aside_note {
    enum store_table table;
    enum aside_cause cause;
    int change; /* of how many there are; below 0: it is over */
    char words[ROW_WORDS_BYTES];
};

const char *aside_cause_name(enum aside_cause cause)
{
    switch (cause) {
    case ASIDE_DAMAGED:
        return "DAMAGED";
    case ASIDE_UNDELIVERABLE:
        return "UNDELIVERABLE";
    case ASIDE_NOT_COUNTED:
        return "NOT_COUNTED";
    case ASIDE_NOT_DUE:
        return "NOT_DUE";
    case ASIDE_PASSED_OVER:
        return "PASSED_OVER";
    }
    return "";
}

const char *aside_means(enum aside_cause cause, enum store_table table)
{
    if (cause == ASIDE_NOT_COUNTED)
        return "the case is not told complete";
    if (cause == ASIDE_NOT_DUE && table == STORE_DEADLINE)
        return "nobody knows what was due then";
    if (cause == ASIDE_PASSED_OVER)
        return "up to 32 requests cannot be answered or shown until they can be read again";
    return row_advice_of(cause == ASIDE_UNDELIVERABLE ? STORE_BUNDLE : table).means;
}

struct row_key quarantine_first(void)
{
    return key_meta(ASIDE_PREFIX);
}

struct row_key quarantine_end(void)
{
    struct row_key prefix = key_meta(ASIDE_PREFIX);
    return key_after_prefix(&prefix);
}

/* The table's number and the row's key behind the prefix. */
struct row_key quarantine_key(enum store_table table, struct span key)
{
    struct row_key aside = key_meta(ASIDE_PREFIX);
    assert(ASIDE_PREFIX_BYTES + 1 + key.len <= sizeof aside.bytes);
    aside.bytes[aside.len++] = (uint8_t)table;
    memcpy(aside.bytes + aside.len, key.data, key.len);
    aside.len += key.len;
    return aside;
}

/* Something was kept, and is damaged itself: it is written anew. */
#define CAUSE_UNREADABLE UINT8_MAX

/* Cause 0: nothing. */
static enum skp_err find_kept(struct txn *txn, const struct row_key *where,
                              struct aside_row *ret_kept)
{
    struct store_row row = {.key = row_key_span(where)};
    *ret_kept = (struct aside_row){.cause = 0};
    enum skp_err err = store_get(txn->ws.store, STORE_META, &row, 1, &txn->arena);
    if (!err && row.version > 0)
        err = aside_row_read(row.value, ret_kept);
    if (err != SKP_E_DATA_LOSS)
        return err;
    *ret_kept = (struct aside_row){.cause = CAUSE_UNREADABLE};
    return SKP_OK;
}

static bool add_note(struct txn *txn, enum store_table table, struct span key,
                     enum aside_cause cause, int change)
{
    struct aside_note *note =
        txn_grow(txn, &txn->asides, &txn->aside_count, &txn->aside_room, sizeof *note);
    if (!note)
        return false;
    *note = (struct aside_note){.table = table, .cause = cause, .change = change};
    row_describe(table, key, note->words, sizeof note->words);
    return true;
}

/* Is there nothing more to keep of it? */
static bool says_all(const struct aside_row *kept, enum aside_cause cause, struct span value)
{
    bool was_passed_over = kept->cause == ASIDE_PASSED_OVER && cause != ASIDE_PASSED_OVER;
    bool is_kept = kept->cause != 0 && kept->cause != CAUSE_UNREADABLE;
    return is_kept && !was_passed_over && !value.data;
}

/* Moves on behind what was kept under this name when it, written again, was hurt before. */
static enum skp_err find_place(struct txn *txn, struct span value, struct row_key *where,
                               struct aside_row *ret_kept)
{
    enum skp_err err = find_kept(txn, where, ret_kept);
    while (!err && value.len > 0 && ret_kept->value.len > 0 &&
           !span_equal(ret_kept->value, value) && where->len < sizeof where->bytes) {
        where->bytes[where->len++] = 0;
        err = find_kept(txn, where, ret_kept);
    }
    return err;
}

enum skp_err quarantine_keep(struct txn *txn, enum store_table table, struct span key,
                             enum aside_cause cause, struct span value)
{
    struct aside_row aside = {.table = (uint8_t)table,
                              .cause = (uint8_t)cause,
                              .at_ms = txn->real_ms,
                              .key = key,
                              .value = value};
    struct row_key where = quarantine_key(table, key);
    struct aside_row kept;
    enum skp_err err = find_place(txn, value, &where, &kept);
    if (err || says_all(&kept, cause, value))
        return err;
    struct store_row row = {.key = row_key_span(&where),
                            .value = aside_row_pack(&aside, &txn->arena),
                            .version = STORE_ANY};
    if (!row.value.data || !add_note(txn, table, key, cause, kept.cause == 0))
        return SKP_E_NO_MEMORY;
    return store_put(txn->ws.store, STORE_META, &row, 1);
}

enum skp_err quarantine_keep_page(struct txn *txn, const struct skp_id *bundle_id, unsigned number,
                                  enum aside_cause cause)
{
    struct row_key key = key_page(bundle_id, number);
    return quarantine_keep(txn, STORE_PAGE, row_key_span(&key), cause, span_of(NULL, 0));
}

enum skp_err quarantine_page_is_read(struct txn *txn, const struct skp_id *bundle_id,
                                     unsigned number)
{
    struct row_key key = key_page(bundle_id, number);
    struct row_key where = quarantine_key(STORE_PAGE, row_key_span(&key));
    struct store_row row = {.key = row_key_span(&where), .version = STORE_ANY};
    struct aside_row kept = {.cause = 0};
    enum skp_err err = SKP_OK;
    if (atomic_load(&txn->engine->asides) > 0)
        err = find_kept(txn, &where, &kept);
    if (err || kept.cause != ASIDE_PASSED_OVER)
        return err;
    if (!add_note(txn, STORE_PAGE, row_key_span(&key), ASIDE_PASSED_OVER, -1))
        return SKP_E_NO_MEMORY;
    err = store_remove(txn->ws.store, STORE_META, &row, 1);
    return err == SKP_E_DATA_LOSS ? SKP_E_INTERNAL : err;
}

enum skp_err quarantine_has_any(struct txn *txn, enum store_table table, bool *ret_has)
{
    struct row_key first = quarantine_key(table, span_of((const uint8_t *)"", 0));
    struct row_key end = key_after_prefix(&first);
    struct store_row *rows;
    size_t count = 0;
    enum skp_err err = SKP_OK;
    if (atomic_load(&txn->engine->asides) > 0)
        err = store_scan(txn->ws.store, STORE_META, row_key_span(&first), row_key_span(&end), 1, 1,
                         &txn->arena, &rows, &count);
    *ret_has = count > 0;
    return err;
}

bool quarantine_is_named(const struct txn *txn, enum skp_err err)
{
    return err == SKP_E_DATA_LOSS && txn->ws.store->damaged.table != 0;
}

void quarantine_committed(struct txn *txn)
{
    for (size_t i = 0; i < txn->aside_count; i++) {
        const struct aside_note *note = &txn->asides[i];
        if (note->change < 0)
            log_line(LOG_INFO, "row_readable", "row=%s", note->words);
        else
            log_line(LOG_ERROR, "row_set_aside", "cause=%s row=%s means=%s",
                     aside_cause_name(note->cause), note->words,
                     aside_means(note->cause, note->table));
        atomic_fetch_add(&txn->engine->asides, (size_t)note->change);
    }
}

enum skp_err quarantine_load(struct engine *engine)
{
    struct row_key first = quarantine_first();
    struct row_key end = quarantine_end();
    size_t count = 0;
    enum skp_err err =
        ws_count(engine->store, STORE_META, row_key_span(&first), row_key_span(&end), &count);
    atomic_store(&engine->asides, count);
    return err;
}

size_t engine_rows_aside(const struct engine *engine)
{
    return atomic_load(&engine->asides);
}

/* ---------------------------------------------------------------- what is written again */

static enum skp_err put_again(struct txn *txn, enum store_table table, struct span key,
                              struct span value)
{
    struct store_row row = {.key = key, .value = value, .version = STORE_ANY};
    return value.data ? store_put(txn->ws.store, table, &row, 1) : SKP_E_NO_MEMORY;
}

/* Lines of this page that wait for rounds of other agreements: their rows have the same key but for
 * the agreement. A damaged one says nothing; its lines leave with the first round. */
static enum skp_err find_elsewhere(struct txn *txn, struct span key, const struct skp_oin *creditor,
                                   uint64_t *ret_bits)
{
    struct row_key other = {.len = key.len};
    memcpy(other.bytes, key.data, key.len);
    for (size_t i = 0; i < registry_agreement_count(txn->registry); i++) {
        const struct agreement *agreement = registry_agreement_at(txn->registry, i);
        struct ws_row *row;
        uint64_t bits = 0;
        memcpy(other.bytes, agreement->agreement_id.bytes, ID_BYTES);
        if (!oin_equal(&agreement->creditor, creditor) || span_equal(row_key_span(&other), key))
            continue;
        enum skp_err err = ws_get(&txn->ws, STORE_WAITING, other, &row);
        if (err == SKP_E_DATA_LOSS)
            continue;
        if (!err && row->version > 0)
            err = u64_read(row->value, &bits);
        if (err)
            return err;
        *ret_bits |= bits;
    }
    return SKP_OK;
}

/* Which lines of the page wait says the page. */
static enum skp_err wait_again(struct txn *txn, struct span key)
{
    struct skp_id bundle_id;
    unsigned number;
    struct ws_row *row;
    struct page_row *page = NULL;
    uint64_t bits = 0;
    uint64_t elsewhere = 0;
    enum skp_err err = key_read_waiting(key, &bundle_id, &number);
    if (!err)
        err = txn_page(txn, &bundle_id, number, &row, &page);
    if (err || !page)
        return err == SKP_E_DATA_LOSS ? SKP_OK : err;
    for (size_t i = 0; i < page->count; i++)
        if (page->requests[i].state == SKP__V1__REQUEST_STATE__REQUEST_STATE_WAITING_FOR_ROUND)
            bits |= UINT64_C(1) << i;
    err = find_elsewhere(txn, key, &page->creditor, &elsewhere);
    bits &= ~elsewhere;
    if (err)
        return err;
    return bits ? put_again(txn, STORE_WAITING, key, u64_pack(bits, &txn->arena)) : SKP_OK;
}

/* Where a whole entry stands at the place that its key says, nobody can tell what this one was. */
static enum skp_err park_unless_another(struct txn *txn, const struct store_row *row)
{
    struct store_row other = {.key = row->key};
    enum skp_err err = store_get(txn->ws.store, STORE_ENTRY, &other, 1, &txn->arena);
    return err || other.version > 0 ? err : park_damaged_entry(txn, row);
}

static enum skp_err make_good(struct txn *txn, enum store_table table, const struct store_row *row)
{
    static const struct span nothing = {.data = (const uint8_t *)"", .len = 0};
    struct progress_row lost = progress_row_lost();
    struct deadline_key ignored;
    if (table == STORE_DEADLINE && key_read_deadline(row->key, &ignored))
        return SKP_OK; /* nobody can tell when it would be due */
    if (table == STORE_DEADLINE)
        return put_again(txn, table, row->key, u64_pack(txn->sequence, &txn->arena));
    if (table == STORE_OPEN)
        return put_again(txn, table, row->key, nothing);
    if (table == STORE_WAITING)
        return wait_again(txn, row->key);
    if (table == STORE_PROGRESS)
        return put_again(txn, table, row->key, progress_row_pack(&lost, &txn->arena));
    if (table == STORE_MAILBOX)
        return put_again(txn, table, row->key, u64_pack(txn_position_beyond(txn), &txn->arena));
    return table == STORE_ENTRY ? park_unless_another(txn, row) : SKP_OK;
}

enum skp_err quarantine_move(struct txn *txn, enum store_table table, struct span key)
{
    struct store_row row = {.key = key};
    enum skp_err err = store_take_damaged(txn->ws.store, table, &row, &txn->arena);
    if (err || row.version == 0)
        return err;
    err = quarantine_keep(txn, table, row.key, ASIDE_DAMAGED, row.value);
    return err ? err : make_good(txn, table, &row);
}

/* ---------------------------------------------------------------- the verb */

/* A key that is longer than any of these tables has is damaged itself. */
static bool can_be_set_aside(const struct store_damaged *damaged)
{
    if (ASIDE_PREFIX_BYTES + 1 + damaged->key_len > STORE_KEY_MAX)
        return false;
    return damaged->table == STORE_ENTRY || damaged->table == STORE_WAITING ||
           damaged->table == STORE_DEADLINE || damaged->table == STORE_JOURNAL ||
           damaged->table == STORE_OPEN || damaged->table == STORE_ROUND ||
           damaged->table == STORE_MAILBOX;
}

struct set_aside {
    struct store_damaged damaged;
    bool moved;           /* else somebody was here before, or only the reader sees damage */
    bool is_beside_whole; /* a whole row stands at the place that its key says */
};

static bool was_just_kept(const struct txn *txn, const struct aside_row *kept)
{
    return kept->cause != 0 && txn->real_ms >= kept->at_ms && txn->real_ms - kept->at_ms < LATE_MS;
}

static enum skp_err decide(struct txn *txn, struct engine_call *call)
{
    struct set_aside *work = call->state;
    const struct store_damaged *damaged = &work->damaged;
    enum store_table table = (enum store_table)damaged->table;
    struct store_row row = {.key = span_of(damaged->key, damaged->key_len)};
    struct row_key where = quarantine_key(table, row.key);
    size_t before = txn->aside_count;
    struct aside_row kept = {.cause = 0};
    enum skp_err err = store_get(txn->ws.store, table, &row, 1, &txn->arena);
    work->is_beside_whole = !err && row.version > 0;
    /* Its damaged key may lead to a place where it does not stand, or where a whole row does. Who looks
     * for it there reads the whole table; not for a reader's older snapshot, soon after it was set aside. */
    if (!err)
        err = find_kept(txn, &where, &kept);
    if (err == SKP_E_DATA_LOSS || (!err && !was_just_kept(txn, &kept)))
        err = quarantine_move(txn, table, row.key);
    work->moved = !err && txn->aside_count > before;
    return err;
}

static bool read_mailbox(struct span key, struct skp_oin *ret_oin, char *ret_mailbox)
{
    size_t len = key.len > OIN_CHARS ? key.data[OIN_CHARS] : MAILBOX_NAME_MAX + 1;
    if (len > MAILBOX_NAME_MAX || key.len < OIN_CHARS + 1 + len)
        return false;
    *ret_oin = (struct skp_oin){{0}};
    memcpy(ret_oin->text, key.data, OIN_CHARS);
    memcpy(ret_mailbox, key.data + OIN_CHARS + 1, len);
    ret_mailbox[len] = '\0';
    return true;
}

static enum skp_err answer(struct txn *txn, struct engine_call *call)
{
    const struct set_aside *work = call->state;
    const struct store_damaged *damaged = &work->damaged;
    struct span key = span_of(damaged->key, damaged->key_len);
    struct skp_oin oin;
    char mailbox[MAILBOX_NAME_MAX + 1];
    uint64_t position;
    if (!work->moved || damaged->table != STORE_ENTRY || !read_mailbox(key, &oin, mailbox) ||
        key_read_entry(key, &position))
        return SKP_OK;
    if (!work->is_beside_whole)
        (void)lease_collected(&txn->engine->leases, &oin, mailbox, position, txn->sequence);
    engine_post_wake(txn->engine, &oin, mailbox);
    return SKP_OK;
}

const struct verb verb_set_aside = {
    .name = "set aside", .runs_when_full = true, .decide = decide, .answer = answer};

static void wake_waiting(struct engine *engine)
{
    struct aside_queue *queue = &engine->aside_queue;
    for (unsigned i = 0; i < queue->count; i++)
        engine_post_wake(engine, &queue->waiting[i].oin, queue->waiting[i].mailbox);
    queue->count = 0;
}

/* Where nothing changed they wait for quarantine_retry(): woken at once they would be back at once. */
static void done(struct engine_call *call)
{
    struct engine *engine = call->engine;
    const struct set_aside *work = call->state;
    atomic_store(&engine->is_setting_aside, false);
    if (!call->err && work->moved)
        wake_waiting(engine);
    engine_call_free(call);
}

bool quarantine_submit(struct engine *engine, const struct store_damaged *damaged)
{
    if (!can_be_set_aside(damaged))
        return false;
    if (atomic_exchange(&engine->is_setting_aside, true))
        return true;
    struct engine_call *call = engine_call_new(engine, ENGINE_SET_ASIDE, NULL, 0, done, NULL);
    struct set_aside *work = call ? arena_calloc(&call->arena, 1, sizeof *work) : NULL;
    if (work) {
        work->damaged = *damaged;
        call->state = work;
        engine_submit_inside(call);
        return true;
    }
    atomic_store(&engine->is_setting_aside, false);
    engine_call_free(call);
    return false;
}

static bool is_waiting(const struct aside_queue *queue, const struct skp_oin *oin,
                       const char *mailbox)
{
    for (unsigned i = 0; i < queue->count; i++)
        if (oin_equal(&queue->waiting[i].oin, oin) &&
            strcmp(queue->waiting[i].mailbox, mailbox) == 0)
            return true;
    return false;
}

void quarantine_wake_later(struct engine *engine, const struct skp_oin *oin, const char *mailbox)
{
    struct aside_queue *queue = &engine->aside_queue;
    if (is_waiting(queue, oin, mailbox))
        return;
    if (queue->count == ENGINE_ASIDE_WAITING)
        wake_waiting(engine); /* so many at once: these ask again */
    if (queue->count == 0)
        queue->since_ms = clock_monotonic_ms(engine->clock);
    queue->waiting[queue->count].oin = *oin;
    (void)snprintf(queue->waiting[queue->count].mailbox, MAILBOX_NAME_MAX + 1, "%s", mailbox);
    queue->count++;
}

void quarantine_mailbox(struct engine *engine, const struct store_damaged *damaged,
                        const struct skp_oin *oin, const char *mailbox)
{
    if (engine->closing || !can_be_set_aside(damaged))
        return;
    quarantine_wake_later(engine, oin, mailbox);
    (void)quarantine_submit(engine, damaged);
}

void quarantine_retry(struct engine *engine)
{
    if (engine->aside_queue.count > 0 &&
        clock_monotonic_ms(engine->clock) - engine->aside_queue.since_ms >= RETRY_MS)
        wake_waiting(engine);
}
