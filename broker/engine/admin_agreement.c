/* Agreements: admitted as the file that creditor and counsellors signed, never typed in here. */
#include "admin.h"

#include "rounds.h"

#include <openssl/evp.h>

static enum skp_err decode_file(struct admin_run *run, struct span *ret_file)
{
    const char *text = admin_text(run, "file_base64");
    size_t len = strlen(text);
    uint8_t *bytes = arena_alloc(&run->txn->arena, len / 4 * 3 + 4);
    if (!bytes)
        return SKP_E_NO_MEMORY;
    int decoded = len > 0 && len % 4 == 0
                      ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len)
                      : -1;
    if (decoded <= 0)
        return engine_refuse(run->call, SKP_E_DECODE, "file_base64", "this is not base64");
    size_t padding = (size_t)(text[len - 1] == '=') + (size_t)(text[len - 2] == '=');
    *ret_file = span_of(bytes, (size_t)decoded - padding);
    if (ret_file->len > STORE_VALUE_MAX)
        return engine_refuse(run->call, SKP_E_BATCH_TOO_LARGE, "file_base64",
                             "the file is larger than a row of the store");
    return SKP_OK;
}

static enum skp_err check_parties(struct admin_run *run, const struct agreement *agreement)
{
    const struct registry *registry = run->txn->registry;
    const struct registry_participant *creditor = registry_find(registry, &agreement->creditor);
    if (!creditor || !(creditor->roles & ROLE_BIT(SKP__V1__ROLE__ROLE_CREDITOR)))
        return engine_refuse(run->call, SKP_E_RECIPIENT_UNKNOWN, "creditor",
                             "the creditor is not registered as one");
    for (size_t i = 0; i < agreement->counsellor_count; i++) {
        const struct registry_participant *who =
            registry_find(registry, &agreement->counsellors[i]);
        if (!who || !(who->roles & ROLE_BIT(SKP__V1__ROLE__ROLE_COUNSELLOR)))
            return engine_refuse(run->call, SKP_E_RECIPIENT_UNKNOWN, "counsellors",
                                 "a counsellor is not registered as one");
    }
    return SKP_OK;
}

static enum skp_err check_other(struct admin_run *run, const struct agreement *agreement,
                                const struct agreement *other)
{
    if (id_equal(&other->agreement_id, &agreement->agreement_id) &&
        !oin_equal(&other->creditor, &agreement->creditor))
        return engine_refuse(run->call, SKP_E_ID_REUSED, "agreement_id",
                             "an agreement of another creditor has this id");
    return SKP_OK;
}

/* All versions of an id share a schedule and what waits for it; also with what this same commit admits. */
static enum skp_err check_creditor(struct admin_run *run, const struct agreement *agreement)
{
    struct txn *txn = run->txn;
    enum skp_err err = SKP_OK;
    for (size_t i = 0; !err && i < registry_agreement_count(txn->registry); i++)
        err = check_other(run, agreement, registry_agreement_at(txn->registry, i));
    const struct ws_row *row = txn->ws.tables[STORE_AGREEMENT].first;
    for (; !err && row; row = row->next) {
        char path[WIRE_PATH_MAX];
        struct agreement other;
        if (!row->dirty)
            continue;
        err = agreement_read(row->value, &txn->arena, path, &other);
        if (!err)
            err = check_other(run, agreement, &other);
    }
    return err;
}

static enum skp_err read_agreement(struct admin_run *run, struct span file,
                                   struct agreement *ret_agreement)
{
    char path[WIRE_PATH_MAX] = "";
    enum skp_err err = agreement_read(file, &run->txn->arena, path, ret_agreement);
    if (err)
        return engine_refuse(run->call, err, path, NULL);
    struct trust *trust = engine_trust_ref(run->txn->engine);
    const char *why = NULL;
    err = agreement_verify(file, trust, run->txn->real_ms, &run->txn->arena, &why);
    if (err)
        engine_refuse(run->call, err, "signatures", why);
    trust_unref(trust);
    return err ? err : check_parties(run, ret_agreement);
}

static enum skp_err agreement_admit(struct admin_run *run)
{
    struct txn *txn = run->txn;
    struct span file = {0};
    struct agreement agreement;
    enum skp_err err = decode_file(run, &file);
    if (!err)
        err = read_agreement(run, file, &agreement);
    if (!err)
        err = check_creditor(run, &agreement);
    if (err)
        return run->call->err ? SKP_OK : err;
    struct ws_row *row;
    err = ws_get(&txn->ws, STORE_AGREEMENT,
                 key_agreement(&agreement.agreement_id, agreement.version), &row);
    if (err)
        return err;
    if (row->value.len > 0 && !span_equal(row->value, file))
        return admin_refuse(run, SKP_E_ID_REUSED, "agreement_id",
                            "this version was admitted before with other bytes");
    bool known = row->value.len > 0;
    if (!known) {
        ws_put(row, file);
        txn->registry_changed = true;
        if ((err = round_schedule(txn, &agreement)))
            return err;
    }
    json_object_set_new(run->answer, "agreement_id", admin_json_id(&agreement.agreement_id));
    json_object_set_new(run->answer, "version", json_integer(agreement.version));
    json_object_set_new(run->answer, "known", json_boolean(known));
    return SKP_OK;
}

static enum skp_err agreement_list(struct admin_run *run)
{
    json_t *rows = admin_rows(run);
    const struct registry *registry = run->txn->registry;
    for (size_t i = 0; rows && i < registry_agreement_count(registry); i++) {
        const struct agreement *agreement = registry_agreement_at(registry, i);
        json_array_append_new(
            rows,
            json_pack("{s:o,s:I,s:s,s:I,s:o,s:o,s:I,s:o}", "agreement_id",
                      admin_json_id(&agreement->agreement_id), "version",
                      (json_int_t)agreement->version, "creditor", agreement->creditor.text,
                      "counsellors", (json_int_t)agreement->counsellor_count, "valid_from",
                      admin_json_date(agreement->valid_from), "valid_until",
                      admin_json_date(agreement->valid_until), "term_working_days",
                      (json_int_t)agreement->term_working_days, "next_round",
                      admin_json_time(agreement_next_opening(agreement, NULL, run->txn->now_ms))));
    }
    return rows ? SKP_OK : SKP_E_NO_MEMORY;
}

const struct admin_command admin_agreement_commands[] = {
    {"agreement.admit", agreement_admit, false},
    {"agreement.list", agreement_list, true},
    {NULL, NULL, false},
};
