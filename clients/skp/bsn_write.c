#include "bsn_write.h"

#include "fact.h"
#include "opening.h"
#include "wire.h"

#define ROW_MAX_BYTES ((size_t)4 << 20)

/* The last column is one that is never empty, as in all our files. */
static const struct csv_column columns[] = {{"KlantnummerSE", true},
                                            {"BSN", true},
                                            {"PartnerBSN", true},
                                            {"ConversatieReferentienummer", true}};

#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

static void put_row(struct csv_writer *writer, const struct skp_id *request_id,
                    const Skp__V1__PersonPart *part)
{
    char id[ID_TEXT_BYTES];
    id_print(request_id, id);
    csv_writer_text(writer, part->client_number_creditor);
    csv_writer_text(writer, part->client ? part->client->bsn : "");
    csv_writer_text(writer, part->partner ? part->partner->bsn : "");
    csv_writer_plain(writer, id);
    csv_writer_end_row(writer);
}

/* The part of a request that came with a BSN, as its signed line says; NULL: without. */
static enum skp_err read_part(struct state_db *db, sqlite3_stmt *row, struct arena *arena,
                              const Skp__V1__PersonPart **ret_part)
{
    char path[WIRE_PATH_MAX];
    Skp__V1__Line *line = NULL;
    ProtobufCMessage *message = NULL;
    *ret_part = NULL;
    enum skp_err err = fact_read(state_blob(db, row, 1, arena), arena, path, &line);
    if (err || line->fact_case != SKP__V1__LINE__FACT_REQUEST)
        return err ? err : SKP_E_DECODE;
    if (!line->request->contains_bsn)
        return SKP_OK;
    err = wire_unpack(&skp__v1__person_part__descriptor, state_blob(db, row, 2, arena), arena, path,
                      &message);
    if (!err && opening_has_bsn((const Skp__V1__PersonPart *)message))
        *ret_part = (const Skp__V1__PersonPart *)message;
    return err;
}

static enum skp_err put_all(struct state_db *db, struct csv_writer *writer, struct arena *arena,
                            size_t *ret_rows)
{
    const Skp__V1__PersonPart *part = NULL;
    enum skp_err err = SKP_OK;
    size_t count = 0;
    sqlite3_stmt *rows = state_ask(db,
                                   "SELECT request_id, fact, part FROM question AS q WHERE NOT"
                                   " EXISTS (SELECT 1 FROM answer_out AS o"
                                   "  WHERE o.request_id = q.request_id AND o.stage = 2)"
                                   " ORDER BY stored_at_ms, bundle_id, line",
                                   "");
    while (!err && state_next(db, rows)) {
        struct skp_id request_id = state_id(rows, 0);
        arena_reset(arena);
        err = read_part(db, rows, arena, &part);
        if (err || !part)
            continue;
        put_row(writer, &request_id, part);
        count++;
    }
    if (rows)
        (void)sqlite3_reset(rows);
    if (!err)
        err = state_error(db);
    if (!err)
        *ret_rows = count;
    return err;
}

enum skp_err bsn_write(struct state_db *db, const char *path, size_t *ret_rows,
                       struct csv_problem *ret_problem)
{
    struct csv_writer *writer = NULL;
    struct arena arena;
    size_t rows = 0;
    enum skp_err err = csv_writer_open(path, columns, COLUMN_COUNT, &writer, ret_problem);
    if (err)
        return err;
    state_mark_file(db, writer);
    arena_init(&arena, ROW_MAX_BYTES);
    err = put_all(db, writer, &arena, &rows);
    arena_fini(&arena);
    if (err) {
        csv_writer_abandon(writer);
        *ret_problem = (struct csv_problem){.err = err};
        return err;
    }
    err = csv_writer_close(writer, ret_problem);
    if (!err)
        *ret_rows = rows;
    return err;
}
