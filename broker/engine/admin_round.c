/* Rounds, as the operator sees them: opened or closed by hand only with a reason. */
#include "admin_tally.h"

#include "fact.h"
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUND_LIST_MAX   10000
#define SCAN_ROWS        500
#define SCAN_BYTES       ((size_t)1 << 20)
#define SCAN_ARENA_BYTES ((size_t)4 << 20)

/* The version of the agreement that is in force today. */
static const struct agreement *find_agreement(const struct admin_run *run, const struct skp_id *id)
{
    const struct registry *registry = run->txn->registry;
    plain_date today = calendar_date_of_ms(run->txn->now_ms);
    for (size_t i = 0; i < registry_agreement_count(registry); i++) {
        const struct agreement *agreement = registry_agreement_at(registry, i);
        if (id_equal(&agreement->agreement_id, id) && agreement_is_valid(agreement, today) &&
            !registry_replaced_by(registry, agreement, today))
            return agreement;
    }
    return NULL;
}

/* ---------------------------------------------------------------- walking */

/* Borrows the row until it returns. */
typedef enum skp_err (*round_fn)(struct admin_run *run, const struct round_row *round, void *ctx);

static enum skp_err take_rounds(struct admin_run *run, const struct store_row *rows, size_t count,
                                round_fn each, void *ctx)
{
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < count; i++) {
        struct round_row round;
        if (key_is_round_part(rows[i].key))
            continue;
        err = round_row_read(rows[i].value, &round);
        if (!err)
            err = each(run, &round, ctx);
    }
    return err;
}

static enum skp_err each_round(struct admin_run *run, round_fn each, void *ctx)
{
    uint8_t after[STORE_KEY_MAX + 1] = {0};
    struct span from = {.data = after, .len = 1};
    for (;;) {
        struct arena arena;
        struct store_row *rows;
        size_t count = 0;
        arena_init(&arena, SCAN_ARENA_BYTES);
        enum skp_err err = store_scan(run->txn->ws.store, STORE_ROUND, from, span_of(NULL, 0),
                                      SCAN_ROWS, SCAN_BYTES, &arena, &rows, &count);
        if (!err)
            err = take_rounds(run, rows, count, each, ctx);
        if (!err && count > 0)
            from = store_key_after(rows[count - 1].key, after);
        arena_fini(&arena);
        if (err || count == 0)
            return err;
    }
}

/* ---------------------------------------------------------------- by hand */

/* One that somebody opened and that still runs. */
struct by_hand {
    struct skp_oin creditor;
    bool found;
    struct skp_id round_id;
    int64_t opened_at_ms;
};

static enum skp_err find_by_hand(struct admin_run *run, const struct round_row *round, void *ctx)
{
    struct by_hand *by_hand = ctx;
    (void)run;
    if (round->reason.len > 0 && round->state != ROUND_CLOSED &&
        oin_equal(&round->creditor, &by_hand->creditor)) {
        by_hand->found = true;
        by_hand->round_id = round->round_id;
        by_hand->opened_at_ms = round->opened_at_ms;
    }
    return SKP_OK;
}

static enum skp_err refuse_second(struct admin_run *run, const struct by_hand *first)
{
    char id[ID_TEXT_BYTES];
    char date[CALENDAR_TEXT_BYTES];
    char sentence[200];
    id_print(&first->round_id, id);
    calendar_print_iso(calendar_date_of_ms(first->opened_at_ms), date);
    snprintf(sentence, sizeof sentence,
             "round %s of this creditor was opened by hand on %s and still runs; "
             "say --again to open another",
             id, date);
    return engine_refuse(run->call, SKP_E_STATE_INVALID, "again", sentence);
}

/* A second overview of the same is more often a slip than meant. */
static enum skp_err check_again(struct admin_run *run, const struct agreement *agreement)
{
    struct by_hand first = {.creditor = agreement->creditor};
    if (json_is_true(json_object_get(run->request, "again")))
        return SKP_OK;
    enum skp_err err = each_round(run, find_by_hand, &first);
    return !err && first.found ? refuse_second(run, &first) : err;
}

static enum skp_err open_by_hand(struct admin_run *run)
{
    struct skp_id agreement_id;
    struct skp_id round_id;
    if (!admin_id(run, "agreement_id", &agreement_id) || admin_need_reason(run))
        return SKP_OK;
    const struct agreement *agreement = find_agreement(run, &agreement_id);
    if (!agreement)
        return admin_refuse(run, SKP_E_AGREEMENT_UNKNOWN, "agreement_id",
                            "no such agreement is in force today");
    enum skp_err err = check_again(run, agreement);
    if (run->call->err)
        return SKP_OK;
    if (!err)
        err = round_open(run->txn, agreement, admin_text(run, "reason"), &round_id);
    if (!err)
        json_object_set_new(run->answer, "round_id", admin_json_id(&round_id));
    return err;
}

static enum skp_err close_by_hand(struct admin_run *run)
{
    struct skp_id round_id;
    if (!admin_id(run, "round_id", &round_id) || admin_need_reason(run))
        return SKP_OK;
    enum skp_err err = round_close(run->txn, &round_id);
    if (err == SKP_E_NOT_FOUND || err == SKP_E_STATE_INVALID)
        return admin_refuse(run, err, "round_id", NULL);
    return err;
}

/* ---------------------------------------------------------------- showing */

static const char *creditor_name(const struct admin_run *run, const struct skp_oin *creditor)
{
    const struct registry_participant *who = registry_find(run->txn->registry, creditor);
    return who ? who->entry->name : "";
}

static json_t *describe(const struct admin_run *run, const struct round_row *round)
{
    static const char *const names[] = {"", "OPENING", "PUBLISHED", "CLOSED"};
    return json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:I,s:I,s:s%,s:o}", "opened",
                     admin_json_time(round->opened_at_ms), "name",
                     creditor_name(run, &round->creditor), "creditor", round->creditor.text,
                     "state", names[round->state], "due", admin_json_date(round->due_date),
                     "closed", admin_json_time(round->closed_at_ms), "items",
                     (json_int_t)round->items, "new", (json_int_t)round->published, "reason",
                     (const char *)round->reason.data, round->reason.len, "round_id",
                     admin_json_id(&round->round_id));
}

struct listing {
    json_t **rows;
    size_t count;
    const char *creditor; /* "" = all */
    plain_date since;     /* 0 = all */
};

static enum skp_err list_one(struct admin_run *run, const struct round_row *round, void *ctx)
{
    struct listing *listing = ctx;
    if ((listing->creditor[0] && strcmp(listing->creditor, round->creditor.text) != 0) ||
        calendar_date_of_ms(round->opened_at_ms) < listing->since || run->call->err)
        return SKP_OK;
    if (listing->count == ROUND_LIST_MAX)
        return admin_refuse(run, SKP_E_DECODE_ITEMS, "since",
                            "more rounds than one answer holds: give --creditor or --since");
    listing->rows[listing->count] = describe(run, round);
    return listing->rows[listing->count++] ? SKP_OK : SKP_E_NO_MEMORY;
}

static int by_opening(const void *a, const void *b)
{
    static const char *const members[] = {"opened", "name", "round_id"};
    int order = 0;
    for (size_t i = 0; order == 0 && i < sizeof members / sizeof members[0]; i++) {
        const char *left = json_string_value(json_object_get(*(json_t *const *)a, members[i]));
        const char *right = json_string_value(json_object_get(*(json_t *const *)b, members[i]));
        order = strcmp(left ? left : "", right ? right : "");
    }
    return order;
}

static enum skp_err list_sorted(struct admin_run *run, struct listing *listing)
{
    json_t *rows = admin_rows(run);
    enum skp_err err = rows ? each_round(run, list_one, listing) : SKP_E_NO_MEMORY;
    qsort(listing->rows, listing->count, sizeof(json_t *), by_opening);
    for (size_t i = 0; i < listing->count; i++)
        json_array_append_new(rows, listing->rows[i]);
    return err;
}

/* "2026-12-03". */
static bool read_date(const char *text, plain_date *ret_date)
{
    int year, month, day;
    char rest;
    /* NOLINTNEXTLINE(cert-err34-c): the widths keep every number small, the count says the rest */
    if (sscanf(text, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3)
        return false;
    *ret_date = year * 10000 + month * 100 + day;
    return calendar_date_valid(*ret_date);
}

static enum skp_err list(struct admin_run *run)
{
    struct listing listing = {.creditor = admin_text(run, "creditor")};
    const char *since = admin_text(run, "since");
    if (since[0] && !read_date(since, &listing.since))
        return admin_refuse(run, SKP_E_DATE_INVALID, "since", "give --since 2026-12-03");
    listing.rows = calloc(ROUND_LIST_MAX, sizeof(json_t *));
    enum skp_err err = listing.rows ? list_sorted(run, &listing) : SKP_E_NO_MEMORY;
    free(listing.rows);
    return err;
}

static enum skp_err tally_round(struct admin_run *run, const struct skp_id *round_id,
                                struct admin_tally *tally)
{
    struct row_key from = key_round_part(round_id, 0);
    struct row_key whole = key_round(round_id);
    struct row_key end = key_after_prefix(&whole);
    for (;;) {
        struct arena arena;
        struct store_row *parts;
        size_t count = 0;
        arena_init(&arena, SCAN_ARENA_BYTES);
        enum skp_err err =
            store_scan(run->txn->ws.store, STORE_ROUND, row_key_span(&from), row_key_span(&end),
                       SCAN_ROWS, SCAN_BYTES, &arena, &parts, &count);
        for (size_t i = 0; !err && i < count; i++)
            err = admin_tally_part(run, parts[i].value, tally);
        if (!err && count > 0)
            from.len = store_key_after(parts[count - 1].key, from.bytes).len;
        arena_fini(&arena);
        if (err || count == 0)
            return err;
    }
}

static enum skp_err show(struct admin_run *run)
{
    struct skp_id round_id;
    struct ws_row *row;
    struct round_row round;
    struct admin_tally tally = {0};
    if (!admin_id(run, "round_id", &round_id))
        return SKP_OK;
    enum skp_err err = ws_get(&run->txn->ws, STORE_ROUND, key_round(&round_id), &row);
    if (!err && row->value.len == 0)
        return admin_refuse(run, SKP_E_NOT_FOUND, "round_id", NULL);
    if (!err)
        err = round_row_read(row->value, &round);
    if (!err)
        err = tally_round(run, &round_id, &tally);
    if (err)
        return err;
    json_t *described = describe(run, &round);
    if (!described)
        return SKP_E_NO_MEMORY;
    json_object_set_new(described, "agreement_id", admin_json_id(&round.agreement_id));
    json_object_update(run->answer, described);
    json_decref(described);
    admin_tally_say(&tally, run->answer);
    return SKP_OK;
}

const struct admin_command admin_round_commands[] = {
    {"round.open", open_by_hand, false},
    {"round.close", close_by_hand, false},
    {"round.list", list, true},
    {"round.show", show, true},
    {NULL, NULL, false},
};
