#include "receipts.h"

#include "file.h"

#include <stdio.h>
#include <unistd.h>

#define RECEIPT_MAX_BYTES ((size_t)16 << 20)

_Static_assert(RECEIPTS_WHY_BYTES >= FILE_WHY_BYTES, "a reason of file.h fits");

static enum skp_err export_one(struct span proof, const struct skp_id *batch_id, const char *folder,
                               bool play, struct receipts_count *count, char *ret_why)
{
    char path[4096], name[ID_TEXT_BYTES];
    id_print(batch_id, name);
    int len = snprintf(path, sizeof path, "%s/%s%s.receipt", folder, name, play ? ".proef" : "");
    if (len < 0 || (size_t)len >= sizeof path) {
        (void)snprintf(ret_why, RECEIPTS_WHY_BYTES, "%.300s: the path is too long", folder);
        return SKP_E_IO;
    }
    if (access(path, F_OK) == 0) {
        count->there++;
        return SKP_OK;
    }
    enum skp_err err = file_write_atomic(path, proof, 0600, ret_why);
    count->written += err == SKP_OK;
    return err;
}

enum skp_err receipts_export(struct state_db *db, const char *folder,
                             struct receipts_count *ret_count, char *ret_why)
{
    struct receipts_count count = {0};
    struct arena arena;
    enum skp_err err = SKP_OK;
    arena_init(&arena, RECEIPT_MAX_BYTES);
    sqlite3_stmt *rows =
        state_ask(db, "SELECT batch_id, proof FROM receipt ORDER BY settled_at_ms, batch_id", "");
    while (!err && state_next(db, rows)) {
        struct skp_id batch_id = state_id(rows, 0);
        struct span proof = state_blob(db, rows, 1, &arena);
        if (proof.len > 0)
            err = export_one(proof, &batch_id, folder, db->play, &count, ret_why);
        else
            count.without++;
        arena_reset(&arena);
    }
    arena_fini(&arena);
    if (err)
        return err;
    err = state_error(db);
    if (err)
        (void)snprintf(ret_why, RECEIPTS_WHY_BYTES, "%s", db->why);
    else
        *ret_count = count;
    return err;
}
