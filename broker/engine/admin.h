/* What operators ask over the control socket: one JSON request, one JSON answer.
 *
 * {"command":"round.open",...} -> {"ok":true,...} or
 * {"ok":false,"error":{code,name,path,sentence,remedy}}; lists are
 * {"ok":true,"rows":[...]}. Commands are rows of one table; each file admin_*.c holds those of one
 * subject. Those that change something run on the store worker, inside the same transactions as
 * everything else; those that only ask run on the read worker, so that no commit waits for a list of a
 * million rows. An operator never decides an outcome. */
#ifndef SKP_ADMIN_H
#define SKP_ADMIN_H

#include "txn.h"

#include <jansson.h>

struct admin_run {
    struct txn *txn; /* of a command that only asks: a snapshot, with nothing to say it with */
    struct engine_call *call;
    json_t *request;
    json_t *answer; /* an object; commands add to it */
};

/* SKP_OK with call->err set = refused. */
typedef enum skp_err (*admin_fn)(struct admin_run *run);

struct admin_command {
    const char *name;
    admin_fn fn;
    bool only_asks; /* its transaction changes nothing */
};

extern const struct admin_command admin_participant_commands[];
extern const struct admin_command admin_agreement_commands[];
extern const struct admin_command admin_round_commands[];
extern const struct admin_command admin_state_commands[];

/* Refuses and returns SKP_OK, so that others of the transaction go on. */
enum skp_err admin_refuse(struct admin_run *run, enum skp_err err, const char *path,
                          const char *sentence);

/* A text of the request, "" when absent. */
const char *admin_text(const struct admin_run *run, const char *name);

/* False (and refused) when it is no id. */
bool admin_id(struct admin_run *run, const char *name, struct skp_id *ret_id);

/* An error (and refused) unless the request has a "reason" of at most 200 characters. */
enum skp_err admin_need_reason(struct admin_run *run) SKP_MUST_CHECK;

/* Adds {"rows":[]} and gives the list, borrowed; NULL: no memory. */
json_t *admin_rows(struct admin_run *run);

/* Texts for answers: ids, and instants as Amsterdam time "2026-12-03T07:00". */
json_t *admin_json_id(const struct skp_id *id);
json_t *admin_json_time(int64_t at_ms);
json_t *admin_json_date(plain_date date);

/* Lists the rows of a table in [from, to), as store_scan(), at most ADMIN_LIST_MAX; how many more there
 * are stands beside them as "more". `each` may stop it with an error. */
#define ADMIN_LIST_MAX 10000
typedef enum skp_err (*admin_row_fn)(struct admin_run *run, json_t *rows,
                                     const struct store_row *row);
enum skp_err admin_each(struct admin_run *run, enum store_table table, struct span from,
                        struct span to, admin_row_fn each) SKP_MUST_CHECK;

#endif
