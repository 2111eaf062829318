/* Rounds, as the operator sees them: opened or closed by hand only with a reason. */
#include "admin.h"

#include "fact.h"
#include "rounds.h"

#define ROUND_LIST_MAX 10000

static enum skp_err need_reason(struct admin_run *run)
{
    const char *reason = admin_text(run, "reason");
    enum skp_err err = reason[0] ? fact_check_text(reason, 200) : SKP_E_REASON_MISSING;
    return err ? engine_refuse(run->call, err, "reason", NULL) : SKP_OK;
}

/* The newest version of the agreement that is in force today. */
static const struct agreement *find_agreement(const struct admin_run *run, const struct skp_id *id)
{
    const struct registry *registry = run->txn->registry;
    const struct agreement *newest = NULL;
    plain_date today = calendar_date_of_ms(run->txn->now_ms);
    for (size_t i = 0; i < registry_agreement_count(registry); i++) {
        const struct agreement *agreement = registry_agreement_at(registry, i);
        if (id_equal(&agreement->agreement_id, id) && agreement_is_valid(agreement, today) &&
            (!newest || agreement->version > newest->version))
            newest = agreement;
    }
    return newest;
}

static enum skp_err open_by_hand(struct admin_run *run)
{
    struct skp_id agreement_id;
    struct skp_id round_id;
    if (!admin_id(run, "agreement_id", &agreement_id) || need_reason(run))
        return SKP_OK;
    const struct agreement *agreement = find_agreement(run, &agreement_id);
    if (!agreement)
        return admin_refuse(run, SKP_E_AGREEMENT_UNKNOWN, "agreement_id",
                            "no such agreement is in force today");
    enum skp_err err = round_open(run->txn, agreement, admin_text(run, "reason"), &round_id);
    if (!err)
        json_object_set_new(run->answer, "round_id", admin_json_id(&round_id));
    return err;
}

static enum skp_err close_by_hand(struct admin_run *run)
{
    struct skp_id round_id;
    if (!admin_id(run, "round_id", &round_id) || need_reason(run))
        return SKP_OK;
    enum skp_err err = round_close(run->txn, &round_id);
    if (err == SKP_E_NOT_FOUND || err == SKP_E_STATE_INVALID)
        return admin_refuse(run, err, "round_id", NULL);
    return err;
}

static enum skp_err list_one(struct admin_run *run, json_t *rows, const struct store_row *row)
{
    static const char *const names[] = {"", "OPENING", "PUBLISHED", "CLOSED"};
    struct round_row round;
    (void)run;
    enum skp_err err = round_row_read(row->value, &round);
    if (err)
        return err;
    json_array_append_new(
        rows,
        json_pack("{s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:I,s:I,s:s%}", "round_id",
                  admin_json_id(&round.round_id), "agreement_id",
                  admin_json_id(&round.agreement_id), "creditor", round.creditor.text, "state",
                  names[round.state], "opened", admin_json_time(round.opened_at_ms), "due",
                  admin_json_date(round.due_date), "closed", admin_json_time(round.closed_at_ms),
                  "items", (json_int_t)round.items, "new", (json_int_t)round.published, "reason",
                  (const char *)round.reason.data, round.reason.len));
    return SKP_OK;
}

static enum skp_err list(struct admin_run *run)
{
    return admin_each(run, STORE_ROUND, ROUND_LIST_MAX, list_one);
}

const struct admin_command admin_round_commands[] = {
    {"round.open", open_by_hand},
    {"round.close", close_by_hand},
    {"round.list", list},
    {NULL, NULL},
};
