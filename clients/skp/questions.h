/* What a creditor was asked, from the state database: for the lists it gets and the answers it gives. */
#ifndef SKP_QUESTIONS_H
#define SKP_QUESTIONS_H

#include "answers_build.h"
#include "state_db.h"

/* The request with the answer the broker has. All of it lives in `arena`. NOT_FOUND; IO, NO_MEMORY; DECODE
 * when the database was tampered with. */
enum skp_err questions_load(struct state_db *db, const struct skp_id *request_id,
                            struct arena *arena, struct question *ret_question) SKP_MUST_CHECK;

/* Which saldolijsten have not been written yet: one per round, and one per counsellor for what came
 * without a round. */
struct question_list {
    bool is_round;
    struct skp_id round_id;
    struct skp_oin counsellor; /* of a list that is no round */
    int64_t opened_at_ms;
    size_t count; /* requests in it that are not answered yet; a round may have none */
};
#define QUESTIONS_MAX_LISTS 512
size_t questions_lists(struct state_db *db, struct question_list *ret_lists, size_t max);

#endif
