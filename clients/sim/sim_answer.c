#include "sim_answer.h"

#include "map.h"
#include "sim_delay.h"
#include "sim_world.h"
#include "skp.pb-c.h"

#include <math.h>
#include <string.h>

#define PROBLEM_ARENA_BYTES ((size_t)1 << 20)
#define MAX_CLAIMS          ((size_t)1 << 24)

static int draw_reason(struct sim_random *random)
{
    static const int reasons[] = {SKP__V1__REASON__REASON_NOT_GOOD_FAITH,
                                  SKP__V1__REASON__REASON_RECIDIVISM,
                                  SKP__V1__REASON__REASON_NEW_DEBT};
    return reasons[sim_random_below(random, 3)];
}

static int draw_refusal(struct sim_random *random)
{
    return sim_random_chance(random, SIM_RECENT_DISCHARGE)
               ? SKP__V1__REASON__REASON_RECENT_DISCHARGE
               : SKP__V1__REASON__REASON_NO_COOPERATION_WITH_THIS_COUNSELLOR;
}

int64_t sim_answer_amount(struct sim_random *random, int64_t known_cents)
{
    double costs =
        sim_random_chance(random, SIM_DEVIATES) ? sim_random_uniform(random) * SIM_MAX_COSTS : 0;
    double base = 100 * sim_random_lognormal(random, SIM_UNKNOWN_DEBT_EURO, SIM_UNKNOWN_DEBT_SIGMA);
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
    double at = sim_random_uniform(random) * (1 - SIM_UNKNOWN_CLIENT - SIM_NO_COOPERATION);
    answer->balance_date = row->reference_date;
    answer->client_number_creditor = row->client_number_creditor;
    answer->invoice_number = row->invoice_number;
    if (at < SIM_TRANSFERRED) {
        answer->debt = LIST_DEBT_TRANSFERRED;
        answer->transferred_to = "Vorderingenfonds Zuidpunt (test)";
        return;
    }
    if (at >= SIM_TRANSFERRED + SIM_OPEN) {
        answer->debt = LIST_DEBT_ZERO;
        return;
    }
    answer->debt = LIST_DEBT_OPEN;
    answer->amount_cents = sim_answer_amount(random, row->known_cents);
    answer->original_cents = row->known_cents;
    answer->preference = sim_kind_is_preferent(row->kind)
                             ? SKP__V1__PREFERENCE__PREFERENCE_PREFERENT
                             : SKP__V1__PREFERENCE__PREFERENCE_CONCURRENT;
    answer->in_collection = sim_random_chance(random, SIM_IN_COLLECTION);
}

/* True when the whole request is answered with that. */
static bool answer_whole(struct sim_random *random, struct list_answer *answer)
{
    double at = sim_random_uniform(random);
    answer->client_unknown = at < SIM_UNKNOWN_CLIENT;
    if (at >= SIM_UNKNOWN_CLIENT && at < SIM_UNKNOWN_CLIENT + SIM_NO_COOPERATION)
        answer->no_cooperation = draw_refusal(random);
    return at < SIM_UNKNOWN_CLIENT + SIM_NO_COOPERATION;
}

/* Names the request, without random ids. */
static uint64_t stream_of(const struct sim_answering *answering, const struct list_row *row)
{
    uint64_t stream = sim_hash(SIM_HASH_START, answering->creditor.text);
    return sim_hash(stream, row->client_number_counsellor);
}

/* As an office would be linked that is not in the table. */
static const struct sim_creditor *find_creditor(const struct skp_oin *oin)
{
    for (size_t i = 0; i < sim_creditor_count; i++) {
        struct skp_oin other = sim_creditor_oin(i);
        if (oin_equal(&other, oin))
            return &sim_creditors[i];
    }
    return &sim_creditors[0];
}

static uint32_t term_of(const struct sim_creditor *creditor, const struct list_row *row)
{
    if (row->urgent)
        return SIM_TERM_URGENT;
    return row->agreement ? creditor->term_working_days : SIM_TERM_WITHOUT_AGREEMENT;
}

plain_date sim_answer_date(const struct sim_answering *answering, const struct list_row *row)
{
    const struct sim_creditor *creditor = find_creditor(&answering->creditor);
    struct sim_random random =
        sim_random_new(answering->seed, sim_hash(stream_of(answering, row), "delay"));
    uint32_t term = term_of(creditor, row);
    uint32_t days = sim_delay_draw(&random, creditor->link, term);
    if (days == SIM_NO_ANSWER)
        return 0;
    /* The list tells the last day of the term, not the first. */
    return calendar_add_working_days(NULL, row->due_date, (int)days - (int)term);
}

struct list_answer sim_answer(const struct sim_answering *answering, const struct list_row *row)
{
    struct list_answer answer = list_row_empty().answer;
    uint64_t stream = stream_of(answering, row);
    struct sim_random request = sim_random_new(answering->seed, stream);
    if (row->answer.unreadable)
        return row->answer; /* sent back as it came */
    if (sim_answer_date(answering, row) == 0)
        return answer;
    answer.contact = (struct csv_contact){.name = "Team Schuldregelen (test)",
                                          .phone = "+31 99 0000000",
                                          .mail = "schuldregelen@schuldeiser.example"};
    if (answer_whole(&request, &answer))
        return answer;
    bool impeded = sim_random_chance(&request, SIM_IMPEDIMENT);
    int reason = draw_reason(&request);
    struct sim_random claim =
        sim_random_new(answering->seed, sim_hash(stream, row->invoice_number));
    answer_claim(&claim, row, &answer);
    if (answer.debt == LIST_DEBT_OPEN && row->agreement) {
        answer.agreed = !impeded;
        answer.impediment = impeded ? reason : 0;
    }
    return answer;
}

/* ---------------------------------------------------------------- files */

struct answer_work {
    const struct sim_answering *answering;
    struct csv_writer *writer;
    struct map done; /* request and claim ids */
    struct arena arena;
    struct csv_problems problems;
    struct sim_answered answered;
};

static bool is_due(struct answer_work *work, const struct list_row *row)
{
    const struct sim_answering *answering = work->answering;
    if (answering->until == 0)
        return true;
    plain_date date = sim_answer_date(answering, row);
    work->answered.later += date > answering->until;
    return date > answering->after && date <= answering->until;
}

static enum skp_err answer_row(struct answer_work *work, struct list_row *row)
{
    uint8_t key[2 * ID_BYTES];
    memcpy(key, row->request_id.bytes, ID_BYTES);
    memcpy(key + ID_BYTES, row->claim_id.bytes, ID_BYTES);
    if (map_has(&work->done, key) || !is_due(work, row))
        return SKP_OK;
    row->answer = sim_answer(work->answering, row);
    list_writer_put(work->writer, row);
    work->answered.rows++;
    return map_put(&work->done, key, NULL);
}

static enum skp_err answer_rows(struct answer_work *work, struct csv_reader *reader)
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
                &work->problems,
                (struct csv_problem){.line = found.line, .err = found.err, .column = found.column});
        else
            err = list_row_take(&found, &work->problems, &row, &good);
        if (!err && good)
            err = answer_row(work, &row);
        work->answered.refused += !good;
    }
    return err;
}

static enum skp_err answer_list(struct answer_work *work, const char *path,
                                struct csv_problem *ret_problem)
{
    struct csv_reader *reader = NULL;
    bool complained = work->problems.first != NULL;
    enum skp_err err = list_reader_open(path, &reader, ret_problem);
    if (!err) {
        err = answer_rows(work, reader);
        *ret_problem = (struct csv_problem){.err = err};
    }
    if (err || (!complained && work->problems.first))
        work->answered.path = path;
    csv_reader_free(reader);
    return err;
}

/* Nothing to say is no file. */
static enum skp_err finish(struct answer_work *work, enum skp_err err,
                           struct csv_problem *ret_problem)
{
    if (err || work->answered.rows == 0)
        csv_writer_abandon(work->writer);
    else
        err = csv_writer_close(work->writer, ret_problem);
    if (!err && work->problems.first) {
        *ret_problem = work->problems.first->problem;
        err = SKP_E_VALUE_INVALID;
    }
    map_fini(&work->done);
    arena_fini(&work->arena);
    return err;
}

enum skp_err sim_answer_files(const struct sim_answering *answering, char *const *lists,
                              size_t list_count, const char *out_path,
                              struct sim_answered *ret_answered, struct csv_problem *ret_problem)
{
    struct answer_work work = {.answering = answering};
    arena_init(&work.arena, PROBLEM_ARENA_BYTES);
    work.problems.arena = &work.arena;
    enum skp_err err = list_writer_open(out_path, &work.writer, ret_problem);
    if (!err && (err = map_init(&work.done, sizeof(uint8_t[2 * ID_BYTES]), 256, MAX_CLAIMS)))
        *ret_problem = (struct csv_problem){.err = err};
    for (size_t i = 0; !err && i < list_count; i++)
        err = answer_list(&work, lists[i], ret_problem);
    err = finish(&work, err, ret_problem);
    *ret_answered = work.answered;
    return err;
}
