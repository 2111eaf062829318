#include "views.h"

#include "fact.h"
#include "wire.h"

#define ROW_MAX_BYTES ((size_t)1 << 20)

static const char all_requests[] =
    "SELECT r.request_id, r.case_id, c.dossier, r.creditor_name, r.creditor, r.address, r.brand,"
    " r.route, r.letter_reason, r.stage, r.err, r.published_at_ms, r.collected_at_ms, r.due_date,"
    " r.overdue, c.responsible, c.created_at_ms, a.fact, a.part, a.stored_at_ms,"
    " (SELECT stored_at_ms FROM answer_in WHERE request_id = r.request_id"
    "  ORDER BY version LIMIT 1),"
    " d.version, d.outcome, d.consent, d.total_cents, d.received_date,"
    " s.cause, s.stage, s.err"
    " FROM request AS r JOIN case_file AS c ON c.case_id = r.case_id"
    " LEFT JOIN answer_in AS a ON a.request_id = r.request_id AND a.version ="
    "  (SELECT max(version) FROM answer_in WHERE request_id = r.request_id)"
    " LEFT JOIN recorded AS d ON d.request_id = r.request_id AND d.version ="
    "  (SELECT max(version) FROM recorded WHERE request_id = r.request_id AND stage = 2)"
    " LEFT JOIN reseal AS s ON s.request_id = r.request_id AND s.bundle_id ="
    "  (SELECT bundle_id FROM reseal WHERE request_id = r.request_id AND stage <> 2"
    "   ORDER BY asked_at_ms DESC, bundle_id LIMIT 1)"
    " WHERE ?1 = '' OR c.dossier = ?1 ORDER BY c.dossier, r.place";

void views_open(struct views *views, struct state_db *db, const char *dossier)
{
    *views = (struct views){.db = db};
    arena_init(&views->arena, ROW_MAX_BYTES);
    views->rows = state_ask(db, all_requests, "t", dossier ? dossier : "");
}

void views_close(struct views *views)
{
    if (views->rows)
        (void)sqlite3_reset(views->rows);
    arena_fini(&views->arena);
}

static void read_answer(struct views *views, struct request_view *view)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    ProtobufCMessage *part = NULL;
    struct span fact = state_blob(views->db, views->rows, 17, &views->arena);
    struct span sealed = state_blob(views->db, views->rows, 18, &views->arena);
    if (fact_read(fact, &views->arena, path, &line) ||
        line->fact_case != SKP__V1__LINE__FACT_ANSWER)
        return;
    view->answer = line->answer;
    view->outcome = line->answer->outcome;
    view->consent = line->answer->consent;
    view->total_cents = line->answer->total_cents;
    view->answered_at_ms = sqlite3_column_int64(views->rows, 19);
    if (sealed.len > 0 &&
        !wire_unpack(&skp__v1__answer_part__descriptor, sealed, &views->arena, path, &part))
        view->part = (const Skp__V1__AnswerPart *)part;
}

static void read_recorded(struct views *views, struct request_view *view)
{
    view->outcome = (Skp__V1__Outcome)sqlite3_column_int(views->rows, 22);
    view->consent = (Skp__V1__Consent)sqlite3_column_int(views->rows, 23);
    view->total_cents = sqlite3_column_int64(views->rows, 24);
    view->recorded_date = sqlite3_column_int(views->rows, 25);
}

/* For good, or the last time it was tried. */
static bool failed_to_seal(sqlite3_stmt *row)
{
    int stage = sqlite3_column_int(row, 27);
    return stage == STAGE_REFUSED || (stage == STAGE_NEW && sqlite3_column_int(row, 28) != 0);
}

static void read_state(struct views *views, struct request_view *view)
{
    bool recorded = sqlite3_column_type(views->rows, 21) != SQLITE_NULL;
    struct request_facts facts = {
        .stage = view->stage,
        .off_network = view->route == ROUTE_LETTER,
        .recorded = recorded,
        .overdue = view->overdue,
        .published_at_ms = sqlite3_column_int64(views->rows, 11),
        .answered_at_ms = sqlite3_column_int64(views->rows, 20),
        .due_date = view->due_date,
        .reseal = sqlite3_column_int(views->rows, 26),
    };
    if (sqlite3_column_type(views->rows, 17) != SQLITE_NULL)
        read_answer(views, view);
    if (recorded)
        read_recorded(views, view);
    view->state = opening_request_state(&facts);
    if (view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_UNREADABLE)
        view->outcome = SKP__V1__OUTCOME__OUTCOME_UNREADABLE;
    view->unsealable = facts.reseal != 0 && !recorded && failed_to_seal(views->rows);
}

bool views_next(struct views *views, struct request_view *ret_view)
{
    if (!state_next(views->db, views->rows))
        return false;
    sqlite3_stmt *row = views->rows;
    arena_reset(&views->arena);
    struct request_view view = {
        .request_id = state_id(row, 0),
        .case_id = state_id(row, 1),
        .dossier = state_text(views->db, row, 2, &views->arena),
        .creditor_name = state_text(views->db, row, 3, &views->arena),
        .creditor = state_oin(row, 4),
        .address = state_text(views->db, row, 5, &views->arena),
        .brand = state_text(views->db, row, 6, &views->arena),
        .route = (enum route)sqlite3_column_int(row, 7),
        .letter_reason = sqlite3_column_int(row, 8),
        .stage = (enum stage)sqlite3_column_int(row, 9),
        .err = (enum skp_err)sqlite3_column_int(row, 10),
        .collected = sqlite3_column_int64(row, 12) != 0,
        .due_date = sqlite3_column_int(row, 13),
        .overdue = sqlite3_column_int(row, 14) != 0,
        .responsible = state_oin(row, 15),
        .case_created_at_ms = sqlite3_column_int64(row, 16),
    };
    read_state(views, &view);
    *ret_view = view;
    return true;
}

bool views_answered(const struct request_view *view)
{
    return view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED ||
           view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_ANSWERED_LATE ||
           view->state == SKP__V1__REQUEST_STATE__REQUEST_STATE_RECORDED;
}

void views_tally(struct case_tally *tally, const struct request_view *view)
{
    tally->requests++;
    if (view->stage != STAGE_STORED)
        tally->missing++;
    else if (views_answered(view))
        tally->answered++;
    else
        tally->waiting++;
}

Skp__V1__CaseState views_case_state(const struct case_tally *tally)
{
    if (tally->missing > 0)
        return SKP__V1__CASE_STATE__CASE_STATE_INCOMPLETE;
    return tally->waiting > 0 ? SKP__V1__CASE_STATE__CASE_STATE_INVENTORY
                              : SKP__V1__CASE_STATE__CASE_STATE_COMPLETE;
}
