#include "sim_answer.h"

#include "sim_random.h"
#include "sim_table.h"
#include "skp.pb-c.h"

#include <math.h>

#define NO_ANSWER      0.10
#define UNKNOWN_CLIENT 0.06
#define NO_COOPERATION 0.01
#define TRANSFERRED    0.08
#define OPEN           0.82
#define DEVIATES       0.60
#define MAX_COSTS      0.40
#define IMPEDIMENT     0.05
#define IN_COLLECTION  0.50

#define REFUSED_ARENA_BYTES ((size_t)1 << 20)

static int draw_reason(struct sim_random *random)
{
    static const int reasons[] = {SKP__V1__REASON__REASON_NOT_GOOD_FAITH,
                                  SKP__V1__REASON__REASON_RECIDIVISM,
                                  SKP__V1__REASON__REASON_NEW_DEBT};
    return reasons[sim_random_below(random, 3)];
}

static int draw_refusal(struct sim_random *random)
{
    return sim_random_chance(random, 0.5)
               ? SKP__V1__REASON__REASON_RECENT_DISCHARGE
               : SKP__V1__REASON__REASON_NO_COOPERATION_WITH_THIS_COUNSELLOR;
}

static int draw_preference(struct sim_random *random, int kind)
{
    double preferent = 0;
    for (size_t i = 0; i < sim_kind_count; i++) {
        if (sim_kinds[i].kind == kind)
            preferent = sim_kinds[i].preferent;
    }
    return sim_random_chance(random, preferent) ? SKP__V1__PREFERENCE__PREFERENCE_PREFERENT
                                                : SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
}

/* What the client said, plus costs the client did not know of in 6 of 10 lines. */
static int64_t draw_amount(struct sim_random *random, int64_t known_cents)
{
    double costs = sim_random_chance(random, DEVIATES) ? sim_random_uniform(random) * MAX_COSTS : 0;
    double base = sim_random_lognormal(random, 25000, 0.5);
    if (known_cents != CSV_NO_AMOUNT && known_cents > 0)
        base = (double)known_cents;
    int64_t cents = llround(base * (1 + costs));
    /* A deviation that rounds away is none. */
    return costs > 0 && cents == known_cents ? cents + 1 : cents;
}

static void answer_claim(struct sim_random *random, const struct list_row *row,
                         struct list_answer *answer)
{
    /* The shares are of all lines; here it is sure that the client is known and there is
     * cooperation. */
    double at = sim_random_uniform(random) * (1 - UNKNOWN_CLIENT - NO_COOPERATION);
    answer->balance_date = row->reference_date;
    answer->client_number_creditor = row->client_number_creditor;
    answer->invoice_number = row->invoice_number;
    if (at < TRANSFERRED) {
        answer->debt = LIST_DEBT_TRANSFERRED;
        answer->transferred_to = "Vorderingenfonds Zuidpunt (test)";
        return;
    }
    if (at >= TRANSFERRED + OPEN) {
        answer->debt = LIST_DEBT_ZERO;
        return;
    }
    answer->debt = LIST_DEBT_OPEN;
    answer->amount_cents = draw_amount(random, row->known_cents);
    answer->original_cents = row->known_cents;
    answer->preference = draw_preference(random, row->kind);
    answer->in_collection = sim_random_chance(random, IN_COLLECTION);
}

/* True when the whole request is answered with that. */
static bool answer_whole(struct sim_random *random, struct list_answer *answer)
{
    double at = sim_random_uniform(random);
    answer->client_unknown = at < UNKNOWN_CLIENT;
    if (at >= UNKNOWN_CLIENT && at < UNKNOWN_CLIENT + NO_COOPERATION)
        answer->no_cooperation = draw_refusal(random);
    return at < UNKNOWN_CLIENT + NO_COOPERATION;
}

struct list_answer sim_answer(uint64_t seed, const struct skp_oin *creditor,
                              const struct list_row *row)
{
    struct list_answer answer = list_row_empty().answer;
    uint64_t stream = sim_hash(SIM_HASH_START, creditor->text);
    stream = sim_hash(stream, row->client_number_counsellor);
    struct sim_random request = sim_random_new(seed, stream);
    if (sim_random_chance(&request, NO_ANSWER))
        return answer;
    answer.contact = (struct csv_contact){.name = "Team Schuldregelen (test)",
                                          .phone = "+31 99 0000000",
                                          .mail = "schuldregelen@schuldeiser.example"};
    if (answer_whole(&request, &answer))
        return answer;
    bool impeded = sim_random_chance(&request, IMPEDIMENT);
    int reason = draw_reason(&request);
    struct sim_random claim = sim_random_new(seed, sim_hash(stream, row->invoice_number));
    answer_claim(&claim, row, &answer);
    if (answer.debt == LIST_DEBT_OPEN && row->agreement) {
        answer.agreed = !impeded;
        answer.impediment = impeded ? reason : 0;
    }
    return answer;
}

static enum skp_err answer_rows(uint64_t seed, const struct skp_oin *creditor,
                                struct csv_reader *reader, struct csv_writer *writer,
                                struct csv_problems *problems, size_t *ret_refused)
{
    struct csv_row found;
    enum skp_err err = SKP_OK;
    while (!err && csv_reader_next(reader, &found)) {
        struct list_row row;
        bool good = false;
        if (found.err == SKP_E_IO)
            return SKP_E_IO;
        if (found.err)
            err = csv_problems_add(
                problems,
                (struct csv_problem){.line = found.line, .err = found.err, .column = found.column});
        else
            err = list_row_take(&found, problems, &row, &good);
        if (!err && good) {
            row.answer = sim_answer(seed, creditor, &row);
            list_writer_put(writer, &row);
        }
        *ret_refused += !good;
    }
    return err;
}

enum skp_err sim_answer_file(uint64_t seed, const struct skp_oin *creditor, const char *list_path,
                             const char *out_path, size_t *ret_refused,
                             struct csv_problem *ret_problem)
{
    struct csv_reader *reader = NULL;
    struct csv_writer *writer = NULL;
    struct arena arena;
    enum skp_err err = list_reader_open(list_path, &reader, ret_problem);
    if (err)
        return err;
    arena_init(&arena, REFUSED_ARENA_BYTES);
    struct csv_problems problems = {.arena = &arena};
    *ret_refused = 0;
    err = list_writer_open(out_path, &writer, ret_problem);
    if (!err) {
        err = answer_rows(seed, creditor, reader, writer, &problems, ret_refused);
        *ret_problem = (struct csv_problem){.err = err};
    }
    if (err)
        csv_writer_abandon(writer);
    else
        err = csv_writer_close(writer, ret_problem);
    if (!err && problems.first) {
        *ret_problem = problems.first->problem;
        err = SKP_E_VALUE_INVALID;
    }
    arena_fini(&arena);
    csv_reader_free(reader);
    return err;
}
