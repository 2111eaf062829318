#include "unanswered.h"

#include "fact.h"
#include "lists_write.h"
#include "wire.h"

#define MAX_OVERDUE ((size_t)1 << 24)
#define LINE_BYTES  ((size_t)1 << 20)

static enum skp_err note_event(struct map *overdue, struct span fact, struct arena *arena)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    enum skp_err err = fact_read(fact, arena, path, &line);
    if (err || line->fact_case != SKP__V1__LINE__FACT_EVENT)
        return err;
    for (size_t i = 0; !err && i < line->event->n_request_ids; i++) {
        struct skp_id id;
        if (id_take(wire_span(line->event->request_ids[i]), &id))
            err = map_put(overdue, id.bytes, NULL);
    }
    return err;
}

enum skp_err unanswered_load_overdue(struct state_db *db, struct map *map)
{
    enum skp_err err = map_init(map, ID_BYTES, 256, MAX_OVERDUE);
    if (err)
        return err;
    struct arena arena;
    arena_init(&arena, LINE_BYTES);
    sqlite3_stmt *rows = state_ask(db, "SELECT fact FROM event WHERE kind = ?", "i",
                                   (int64_t)SKP__V1__EVENT_KIND__EVENT_KIND_OVERDUE);
    while (!err && state_next(db, rows)) {
        arena_reset(&arena);
        err = note_event(map, state_blob(db, rows, 0, &arena), &arena);
    }
    if (rows)
        (void)sqlite3_reset(rows);
    arena_fini(&arena);
    return err ? err : state_error(db);
}

/* ---------------------------------------------------------------- counting */

struct counting {
    struct state_db *db;
    const struct book *book;
    plain_date today;
    const struct map *told_overdue;
    struct map overdue;
    struct arena arena; /* of one request */
    struct unanswered found;
};

/* The broker's date where an overview gave one. */
static enum skp_err find_due_date(struct counting *counting, sqlite3_stmt *row, plain_date *ret_due)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    *ret_due = sqlite3_column_int(row, 4);
    if (*ret_due != 0)
        return SKP_OK;
    struct span fact = state_blob(counting->db, row, 3, &counting->arena);
    struct skp_oin counsellor = state_oin(row, 1);
    enum skp_err err = fact_read(fact, &counting->arena, path, &line);
    if (err || line->fact_case != SKP__V1__LINE__FACT_REQUEST)
        return err ? err : SKP_E_DECODE;
    *ret_due = lists_request_due_date(counting->book, &counsellor, line->request,
                                      sqlite3_column_int64(row, 2));
    return SKP_OK;
}

static enum skp_err count_row(struct counting *counting, sqlite3_stmt *row)
{
    struct skp_id id = state_id(row, 0);
    plain_date due = 0;
    enum skp_err err = find_due_date(counting, row, &due);
    if (err)
        return err;
    struct unanswered *found = &counting->found;
    bool told = map_has(&counting->overdue, id.bytes) ||
                (counting->told_overdue && map_has(counting->told_overdue, id.bytes));
    found->count++;
    found->overdue += told || (due != 0 && due < counting->today);
    if (due != 0 && (found->due == 0 || due < found->due))
        found->due = due;
    return SKP_OK;
}

static enum skp_err count_all(struct counting *counting, const struct map *asked_again)
{
    struct state_db *db = counting->db;
    enum skp_err err = unanswered_load_overdue(db, &counting->overdue);
    if (err)
        return err;
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT q.request_id, q.counsellor, q.stored_at_ms, q.fact,"
                  " (SELECT i.due_date FROM overview_item AS i JOIN overview_part AS p"
                  "  ON p.round_id = i.round_id AND p.part = i.part"
                  "  WHERE i.request_id = q.request_id ORDER BY p.opened_at_ms DESC LIMIT 1)"
                  " FROM question AS q WHERE q.returned <> 2 AND NOT EXISTS (SELECT 1 FROM"
                  "  answer_out AS o WHERE o.request_id = q.request_id AND o.stage = 2)",
                  "");
    while (!err && state_next(db, rows)) {
        struct skp_id id = state_id(rows, 0);
        arena_reset(&counting->arena);
        if (!asked_again || !map_has(asked_again, id.bytes))
            err = count_row(counting, rows);
    }
    if (rows)
        (void)sqlite3_reset(rows);
    return err ? err : state_error(db);
}

enum skp_err unanswered_count(struct state_db *db, const struct book *book, plain_date today,
                              const struct map *asked_again, const struct map *told_overdue,
                              struct unanswered *ret_unanswered)
{
    struct counting counting = {
        .db = db, .book = book, .today = today, .told_overdue = told_overdue};
    arena_init(&counting.arena, LINE_BYTES);
    enum skp_err err = count_all(&counting, asked_again);
    map_fini(&counting.overdue);
    arena_fini(&counting.arena);
    if (!err)
        *ret_unanswered = counting.found;
    return err;
}
