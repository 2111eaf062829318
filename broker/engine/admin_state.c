/* How the post office stands: status, mailboxes, deadlines, the clock. */
#include "admin.h"
#include "hold.h"
#include "quarantine.h"

#include <stdio.h>

#define MINUTE_MS 60000

/* Before every key. */
static const uint8_t zero;

/* ---------------------------------------------------------------- counting */

/* Null where damage keeps from counting: the rest is told all the same. */
static enum skp_err count_table(struct admin_run *run, enum store_table table, const char *name)
{
    struct store *store = run->txn->ws.store;
    size_t count;
    enum skp_err err = ws_count(store, table, span_of(&zero, 1), span_of(NULL, 0), &count);
    if (err && err != SKP_E_DATA_LOSS)
        return err;
    if (err)
        (void)quarantine_submit(run->txn->engine, &store->damaged);
    json_object_set_new(run->answer, name, err ? json_null() : json_integer((json_int_t)count));
    return SKP_OK;
}

static json_t *loss_json(const struct loss_mark *loss)
{
    if (loss->lost == 0)
        return json_null();
    return json_pack("{s:I,s:I,s:o}", "confirmed_up_to", (json_int_t)loss->lost, "kept_up_to",
                     (json_int_t)loss->kept, "accepted_at", admin_json_time(loss->accepted_ms));
}

static enum skp_err status(struct admin_run *run)
{
    struct engine *engine = run->txn->engine;
    json_object_set_new(run->answer, "broker", json_string(engine->broker.text));
    json_object_set_new(run->answer, "name", json_string(engine->name));
    json_object_set_new(run->answer, "play", json_boolean(engine->play));
    json_object_set_new(run->answer, "business_time", admin_json_time(run->txn->now_ms));
    json_object_set_new(run->answer, "commits", json_integer((json_int_t)run->txn->sequence - 1));
    json_object_set_new(run->answer, "participants",
                        json_integer((json_int_t)registry_count(run->txn->registry)));
    json_object_set_new(run->answer, "agreements",
                        json_integer((json_int_t)registry_agreement_count(run->txn->registry)));
    json_object_set_new(run->answer, "deadlines_held", json_boolean(hold_mark(engine).held));
    json_object_set_new(run->answer, "deadlines_unreadable",
                        json_boolean(engine_deadlines_unreadable(engine)));
    json_object_set_new(run->answer, "data_loss", loss_json(&engine->loss));
    json_object_set_new(run->answer, "rows_set_aside",
                        json_integer((json_int_t)engine_rows_aside(engine)));
    enum skp_err err = count_table(run, STORE_ENTRY, "waiting_in_mailboxes");
    if (!err)
        err = count_table(run, STORE_WAITING, "waiting_for_round");
    if (!err)
        err = count_table(run, STORE_OPEN, "open_pages");
    return err ? err : count_table(run, STORE_DEADLINE, "deadlines");
}

/* ---------------------------------------------------------------- lists */

static enum skp_err mailbox_one(struct admin_run *run, json_t *rows, const struct store_row *row)
{
    uint64_t last;
    size_t waiting;
    enum skp_err err = u64_read(row->value, &last);
    struct row_key prefix = {.len = row->key.len};
    memcpy(prefix.bytes, row->key.data, row->key.len);
    struct row_key end = key_after_prefix(&prefix);
    if (!err)
        err = ws_count(run->txn->ws.store, STORE_ENTRY, row_key_span(&prefix), row_key_span(&end),
                       &waiting);
    if (err)
        return err;
    struct store_row *oldest;
    size_t count = 0;
    struct entry_row entry = {.stored_at_ms = 0};
    err = store_scan(run->txn->ws.store, STORE_ENTRY, row_key_span(&prefix), row_key_span(&end), 1,
                     1024, &run->txn->arena, &oldest, &count);
    if (!err && count > 0)
        err = entry_row_read(oldest[0].value, &entry);
    const char *key = (const char *)row->key.data;
    json_array_append_new(rows, json_pack("{s:s%,s:s%,s:I,s:I,s:o}", "participant", key,
                                          (size_t)OIN_CHARS, "mailbox", key + OIN_CHARS + 1,
                                          row->key.len - OIN_CHARS - 1, "waiting",
                                          (json_int_t)waiting, "delivered_so_far", (json_int_t)last,
                                          "oldest", admin_json_time(entry.stored_at_ms)));
    return err;
}

static enum skp_err mailbox_list(struct admin_run *run)
{
    return admin_each(run, STORE_MAILBOX, span_of(&zero, 1), span_of(NULL, 0), mailbox_one);
}

static enum skp_err deadline_one(struct admin_run *run, json_t *rows, const struct store_row *row)
{
    static const char *const names[] = {"", "ROUND_OPEN", "ROUND_PUBLISH", "EXPIRE", "ROUND_CLOSE"};
    struct deadline_key deadline;
    enum skp_err err = key_read_deadline(row->key, &deadline);
    if (!err && (deadline.kind < DEADLINE_ROUND_OPEN || deadline.kind > DEADLINE_ROUND_CLOSE))
        err = SKP_E_DATA_LOSS;
    if (!err)
        json_array_append_new(
            rows,
            json_pack("{s:o,s:b,s:s,s:o,s:I}", "due", admin_json_time(deadline.due_ms), "is_due",
                      deadline.due_ms <= run->txn->now_ms, "kind", names[deadline.kind], "object",
                      admin_json_id(&deadline.object), "part", (json_int_t)deadline.part));
    return err;
}

static enum skp_err deadline_list(struct admin_run *run)
{
    size_t due = 0;
    enum skp_err err =
        admin_each(run, STORE_DEADLINE, span_of(&zero, 1), span_of(NULL, 0), deadline_one);
    if (!err)
        err = hold_count_due(run->txn->ws.store, run->txn->now_ms, &due);
    if (!err)
        json_object_set_new(run->answer, "due_now", json_integer((json_int_t)due));
    return err;
}

/* The count is how a person shows to have seen the list as it is now. */
static enum skp_err deadline_release(struct admin_run *run)
{
    struct txn *txn = run->txn;
    char sentence[160];
    size_t count;
    json_t *seen = json_object_get(run->request, "count");
    if (!hold_mark(txn->engine).held)
        return admin_refuse(run, SKP_E_STATE_INVALID, "command", "no deadlines are held");
    if (admin_need_reason(run))
        return SKP_OK;
    enum skp_err err = hold_count_due(txn->ws.store, txn->now_ms, &count);
    if (err)
        return err;
    if (!json_is_integer(seen) || json_integer_value(seen) != (json_int_t)count) {
        snprintf(sentence, sizeof sentence,
                 "deadlines due now: %zu; look at skpctl deadline list, then give that number",
                 count);
        return admin_refuse(run, SKP_E_COUNT_MISMATCH, "count", sentence);
    }
    json_object_set_new(run->answer, "released", json_integer((json_int_t)count));
    return hold_release(txn, count, admin_text(run, "reason"));
}

/* ---------------------------------------------------------------- damage */

static enum skp_err damage_one(struct admin_run *run, json_t *rows, const struct store_row *row)
{
    (void)run;
    struct aside_row aside;
    char words[ROW_WORDS_BYTES];
    enum skp_err err = aside_row_read(row->value, &aside);
    if (err)
        return err;
    enum store_table table = (enum store_table)aside.table;
    enum aside_cause cause = (enum aside_cause)aside.cause;
    row_describe(table, aside.key, words, sizeof words);
    json_array_append_new(
        rows, json_pack("{s:o,s:s,s:s,s:s}", "since", admin_json_time(aside.at_ms), "row", words,
                        "cause", aside_cause_name(cause), "means", aside_means(cause, table)));
    return SKP_OK;
}

static enum skp_err damage_list(struct admin_run *run)
{
    struct row_key first = quarantine_first();
    struct row_key end = quarantine_end();
    return admin_each(run, STORE_META, row_key_span(&first), row_key_span(&end), damage_one);
}

/* ---------------------------------------------------------------- the clock */

static enum skp_err clock_show(struct admin_run *run)
{
    json_object_set_new(run->answer, "play", json_boolean(run->txn->engine->play));
    json_object_set_new(run->answer, "business_time", admin_json_time(run->txn->now_ms));
    json_object_set_new(run->answer, "business_ms", json_integer(run->txn->now_ms));
    json_object_set_new(run->answer, "today",
                        admin_json_date(calendar_date_of_ms(run->txn->now_ms)));
    return SKP_OK;
}

/* "2026-12-03T07:00" in Amsterdam. */
static bool read_time(const char *text, int64_t *ret_ms)
{
    int year, month, day, hour, minute;
    char rest;
    /* NOLINTNEXTLINE(cert-err34-c): the widths keep every number small, the count says the rest */
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d%c", &year, &month, &day, &hour, &minute, &rest) != 5)
        return false;
    plain_date date = year * 10000 + month * 100 + day;
    if (!calendar_date_valid(date) || year < 1970 || year > 2200 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59)
        return false;
    *ret_ms = calendar_ms_of(date, hour * 60 + minute);
    return true;
}

static bool read_target(struct admin_run *run, int64_t *ret_ms)
{
    json_t *days = json_object_get(run->request, "working_days");
    if (json_is_integer(days) && json_integer_value(days) > 0 && json_integer_value(days) <= 400) {
        int64_t now = run->txn->now_ms;
        plain_date date = calendar_add_working_days(NULL, calendar_date_of_ms(now),
                                                    (int)json_integer_value(days));
        *ret_ms = calendar_ms_of(date, calendar_minute_of_ms(now));
        return true;
    }
    return read_time(admin_text(run, "to"), ret_ms);
}

/* A play store in which nothing has happened yet may start at any moment, also in the past. Later
 * time never goes back. */
static int64_t earliest(const struct txn *txn)
{
    return txn->engine->chain.sequence == 0 ? 0 : txn->now_ms;
}

/* Time never jumps over a deadline: it moves up to the first one that is due before the target, so
 * that everything happens at its own hour; ask again until "reached". */
static enum skp_err clock_advance(struct admin_run *run)
{
    struct txn *txn = run->txn;
    int64_t target_ms;
    int64_t due_ms;
    if (!txn->engine->play)
        return admin_refuse(run, SKP_E_ROLE_FORBIDDEN, "command",
                            "only a store made for play has a clock that can be steered");
    if (!read_target(run, &target_ms))
        return admin_refuse(run, SKP_E_DATE_INVALID, "to", "give to=2026-12-03T07:00");
    /* Times are told in whole minutes: asking again within the minute that was reached is fine. */
    if (target_ms / MINUTE_MS < earliest(txn) / MINUTE_MS)
        return admin_refuse(run, SKP_E_DATE_RANGE, "to", "time never goes back");
    enum skp_err err = deadline_first(run->txn->ws.store, &run->txn->arena, &due_ms);
    if (err)
        return err;
    int64_t now = target_ms < due_ms ? target_ms : due_ms;
    if (now > earliest(txn)) {
        struct ws_row *row;
        txn->offset_ms = now - txn->real_ms;
        txn->offset_changed = true;
        if ((err = ws_get(&txn->ws, STORE_META, key_meta(META_OFFSET), &row)))
            return err;
        struct span value = u64_pack((uint64_t)txn->offset_ms, &txn->arena);
        if (!value.data)
            return SKP_E_NO_MEMORY;
        ws_put(row, value);
    } else {
        now = txn->now_ms;
    }
    json_object_set_new(run->answer, "business_time", admin_json_time(now));
    json_object_set_new(run->answer, "target", admin_json_time(target_ms));
    json_object_set_new(run->answer, "reached", json_boolean(now >= target_ms && due_ms > now));
    return SKP_OK;
}

const struct admin_command admin_state_commands[] = {
    {"status", status, true},
    {"mailbox.list", mailbox_list, true},
    {"deadline.list", deadline_list, true},
    {"deadline.release", deadline_release, false},
    {"damage.list", damage_list, true},
    {"clock.show", clock_show, true},
    {"clock.advance", clock_advance, false},
    {NULL, NULL, false},
};
