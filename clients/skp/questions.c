#include "questions.h"

#include "fact.h"

static enum skp_err read_line(struct span bytes, struct arena *arena,
                              Skp__V1__Line__FactCase fact_case, Skp__V1__Line **ret_line)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    enum skp_err err = fact_read(bytes, arena, path, &line);
    if (!err && line->fact_case != fact_case)
        err = SKP_E_DECODE;
    if (!err)
        *ret_line = line;
    return err;
}

static enum skp_err load_answered(struct state_db *db, struct arena *arena,
                                  struct question *question)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    ProtobufCMessage *part = NULL;
    struct span fact = {0}, sealed = {0};
    sqlite3_stmt *row = state_ask(db,
                                  "SELECT version, fingerprint, fact, part FROM answer_out"
                                  " WHERE request_id = ? AND stage = 2"
                                  " ORDER BY version DESC LIMIT 1",
                                  "d", &question->request_id);
    while (state_next(db, row)) {
        question->answered_version = (uint32_t)sqlite3_column_int64(row, 0);
        question->answered_fingerprint = state_hash(row, 1);
        fact = state_blob(db, row, 2, arena);
        sealed = state_blob(db, row, 3, arena);
    }
    enum skp_err err = state_error(db);
    if (err || question->answered_version == 0)
        return err;
    err = read_line(fact, arena, SKP__V1__LINE__FACT_ANSWER, &line);
    if (!err && sealed.len > 0)
        err = wire_unpack(&skp__v1__answer_part__descriptor, sealed, arena, path, &part);
    if (err)
        return err;
    question->answered = line->answer;
    question->answered_part = (const Skp__V1__AnswerPart *)part;
    return SKP_OK;
}

enum skp_err questions_load(struct state_db *db, const struct skp_id *request_id,
                            struct arena *arena, struct question *ret_question)
{
    struct question question = {.request_id = *request_id};
    struct span fact = {0};
    bool found = false;
    sqlite3_stmt *row =
        state_ask(db,
                  "SELECT bundle_id, counsellor, line, leaf, fact, err, returned FROM question"
                  " WHERE request_id = ?",
                  "d", request_id);
    while (state_next(db, row)) {
        found = true;
        question.bundle_id = state_id(row, 0);
        question.counsellor = state_oin(row, 1);
        question.line = (uint32_t)sqlite3_column_int64(row, 2);
        question.leaf = state_hash(row, 3);
        fact = state_blob(db, row, 4, arena);
        question.unreadable = (enum skp_err)sqlite3_column_int(row, 5);
        question.returned = sqlite3_column_int(row, 6) == STAGE_STORED;
    }
    enum skp_err err = state_error(db);
    if (!err && !found)
        err = SKP_E_NOT_FOUND;
    Skp__V1__Line *line = NULL;
    if (!err)
        err = read_line(fact, arena, SKP__V1__LINE__FACT_REQUEST, &line);
    if (err)
        return err;
    question.fact = line->request;
    err = load_answered(db, arena, &question);
    if (!err)
        *ret_question = question;
    return err;
}

/* ---------------------------------------------------------------- lists */

static size_t round_lists(struct state_db *db, struct question_list *ret_lists, size_t max)
{
    size_t count = 0;
    sqlite3_stmt *rows = state_ask(
        db,
        "SELECT p.round_id, min(p.opened_at_ms),"
        " (SELECT count(*) FROM overview_item AS i JOIN question AS q"
        "  ON q.request_id = i.request_id WHERE i.round_id = p.round_id AND q.returned <> 2"
        "  AND NOT EXISTS"
        "  (SELECT 1 FROM answer_out AS o WHERE o.request_id = q.request_id AND o.stage = 2))"
        " FROM overview_part AS p GROUP BY p.round_id HAVING min(p.listed) = 0 ORDER BY 2",
        "");
    while (state_next(db, rows)) {
        if (count == max)
            continue;
        ret_lists[count] = (struct question_list){.is_round = true,
                                                  .round_id = state_id(rows, 0),
                                                  .opened_at_ms = sqlite3_column_int64(rows, 1),
                                                  .count = (size_t)sqlite3_column_int64(rows, 2)};
        count++;
    }
    return count;
}

size_t questions_lists(struct state_db *db, struct question_list *ret_lists, size_t max)
{
    size_t count = round_lists(db, ret_lists, max);
    sqlite3_stmt *rows =
        state_ask(db,
                  "SELECT counsellor, min(stored_at_ms), count(*) FROM question AS q"
                  " WHERE listed = 0 AND returned <> 2"
                  " AND request_id NOT IN (SELECT i.request_id FROM overview_item AS i"
                  "  JOIN overview_part AS p ON p.round_id = i.round_id AND p.listed = 0)"
                  " AND NOT EXISTS (SELECT 1 FROM answer_out AS o"
                  "  WHERE o.request_id = q.request_id AND o.stage = 2)"
                  " GROUP BY counsellor ORDER BY 2",
                  "");
    while (state_next(db, rows)) {
        if (count == max)
            continue;
        ret_lists[count] = (struct question_list){.counsellor = state_oin(rows, 0),
                                                  .opened_at_ms = sqlite3_column_int64(rows, 1),
                                                  .count = (size_t)sqlite3_column_int64(rows, 2)};
        count++;
    }
    return count;
}
