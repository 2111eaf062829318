#include "sim_paper.h"

#include "calendar.h"
#include "map.h"
#include "register_csv.h"
#include "sim_answer.h"
#include "sim_delay.h"
#include "skp.pb-c.h"

#define REGISTER_ARENA_BYTES ((size_t)1 << 30)
#define MAX_LETTERS          ((size_t)1 << 24)

static uint64_t stream_of(const struct sim_letters *letters, const char *dossier,
                          const char *creditor)
{
    uint64_t stream = sim_hash(SIM_HASH_START, letters->counsellor.text);
    return sim_hash(sim_hash(stream, dossier), creditor);
}

plain_date sim_letter_date(const struct sim_letters *letters, const char *dossier,
                           const char *creditor)
{
    struct sim_random random =
        sim_random_new(letters->seed, sim_hash(stream_of(letters, dossier, creditor), "delay"));
    uint32_t days = sim_delay_draw(&random, SIM_PAPER, 0);
    return days == SIM_NO_ANSWER ? 0 : calendar_add_working_days(NULL, letters->sent, (int)days);
}

/* A letter says less than a list: who sold the claim does not know the debt any more. */
static int draw_outcome(struct sim_random *random)
{
    static const struct {
        double share;
        int outcome;
    } outcomes[] = {
        {SIM_UNKNOWN_CLIENT, SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT},
        {SIM_NO_COOPERATION, SKP__V1__OUTCOME__OUTCOME_NO_COOPERATION},
        {SIM_TRANSFERRED, SKP__V1__OUTCOME__OUTCOME_UNKNOWN_DEBT},
        {SIM_OPEN, SKP__V1__OUTCOME__OUTCOME_CLAIMS},
    };
    double at = sim_random_uniform(random);
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        if (at < outcomes[i].share)
            return outcomes[i].outcome;
        at -= outcomes[i].share;
    }
    return SKP__V1__OUTCOME__OUTCOME_ZERO_BALANCE;
}

struct sim_letter_answer sim_letter_answer(const struct sim_letters *letters, const char *dossier,
                                           const char *creditor, int64_t known_cents)
{
    struct sim_random random = sim_random_new(letters->seed, stream_of(letters, dossier, creditor));
    struct sim_letter_answer answer = {.outcome = draw_outcome(&random),
                                       .total_cents = CSV_NO_AMOUNT};
    if (answer.outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS)
        answer.total_cents = sim_answer_amount(&random, known_cents);
    return answer;
}

/* ---------------------------------------------------------------- files */

struct letter {
    const char *dossier, *creditor;
};

struct letter_row {
    const char *dossier, *creditor;
    int64_t total_cents;
    int consent, outcome;
    plain_date received;
};

/* clang-format off */
static const struct csv_field letter_fields[] = {
    {"Dossier", CSV_TEXT, CSV_FILLED, offsetof(struct letter, dossier), NULL, 0},
    {"Schuldeiser", CSV_TEXT, CSV_FILLED, offsetof(struct letter, creditor), NULL, 0},
};

static const struct csv_field answer_fields[] = {
    {"Dossier", CSV_TEXT, CSV_FILLED, offsetof(struct letter_row, dossier), NULL, 0},
    {"Schuldeiser", CSV_TEXT, CSV_FILLED, offsetof(struct letter_row, creditor), NULL, 0},
    {"Bedrag", CSV_AMOUNT, CSV_OPTIONAL, offsetof(struct letter_row, total_cents), NULL, 0},
    {"Akkoord", CSV_WORD, CSV_OPTIONAL, offsetof(struct letter_row, consent), csv_words_consent, 0},
    {"Ontvangen", CSV_DATE, CSV_FILLED, offsetof(struct letter_row, received), NULL, 0},
    {"Uitkomst", CSV_WORD, CSV_FILLED, offsetof(struct letter_row, outcome), csv_words_outcome, 0},
};
/* clang-format on */

#define LETTER_FIELDS (sizeof(letter_fields) / sizeof(letter_fields[0]))
#define ANSWER_FIELDS (sizeof(answer_fields) / sizeof(answer_fields[0]))

struct letters_work {
    const struct sim_letters *letters;
    struct arena arena;
    struct map known; /* hash of case number and creditor -> its register_request */
    struct csv_writer *writer;
    size_t rows;
};

static uint64_t key_of(const char *dossier, const char *creditor)
{
    return sim_hash(sim_hash(SIM_HASH_START, dossier), creditor);
}

static enum skp_err read_register(struct letters_work *work, const char *path,
                                  struct csv_problem *ret_problem)
{
    struct register_file file;
    enum skp_err err = register_read(path, &work->arena, &file, ret_problem);
    if (err)
        return err;
    err = map_init(&work->known, sizeof(uint64_t), file.request_count + 1, MAX_LETTERS);
    for (const struct register_case *at = file.cases; at && !err; at = at->next) {
        for (struct register_request *r = at->requests; r && !err; r = r->next) {
            uint64_t key = key_of(at->dossier, r->creditor_name);
            err = map_put(&work->known, &key, r);
        }
    }
    ret_problem->err = err;
    return err;
}

static int64_t known_cents(const struct letters_work *work, const struct letter *letter)
{
    uint64_t key = key_of(letter->dossier, letter->creditor);
    const struct register_request *request = map_get(&work->known, &key);
    int64_t sum = CSV_NO_AMOUNT;
    for (const struct register_claim *claim = request ? request->claims : NULL; claim;
         claim = claim->next) {
        if (claim->amount_cents != CSV_NO_AMOUNT)
            sum = (sum == CSV_NO_AMOUNT ? 0 : sum) + claim->amount_cents;
    }
    return sum;
}

static void take_letter(struct letters_work *work, const struct letter *letter)
{
    const struct sim_letters *letters = work->letters;
    plain_date date = sim_letter_date(letters, letter->dossier, letter->creditor);
    if (date <= letters->after || date > letters->until)
        return;
    struct sim_letter_answer answer =
        sim_letter_answer(letters, letter->dossier, letter->creditor, known_cents(work, letter));
    struct letter_row row = {.dossier = letter->dossier,
                             .creditor = letter->creditor,
                             .total_cents = answer.total_cents,
                             .outcome = answer.outcome,
                             .received = date};
    if (row.outcome == SKP__V1__OUTCOME__OUTCOME_CLAIMS)
        row.consent = SKP__V1__CONSENT__CONSENT_NEEDS_OFFER;
    csv_record_write(answer_fields, ANSWER_FIELDS, work->writer, &row);
    csv_writer_end_row(work->writer);
    work->rows++;
}

static enum skp_err take_letters(struct letters_work *work, const char *path,
                                 struct csv_problem *ret_problem)
{
    struct csv_column columns[LETTER_FIELDS];
    struct csv_reader *reader = NULL;
    struct csv_row found;
    csv_record_columns(letter_fields, LETTER_FIELDS, columns);
    enum skp_err err = csv_reader_open(path, columns, LETTER_FIELDS, &reader, ret_problem);
    while (!err && csv_reader_next(reader, &found)) {
        struct csv_problems problems = {.arena = &work->arena};
        struct letter letter = {0};
        bool good = false;
        err = found.err;
        if (!err)
            err = csv_record_read(letter_fields, LETTER_FIELDS, found.cells, found.line, &problems,
                                  &letter, &good);
        if (!err && good)
            take_letter(work, &letter);
        *ret_problem = (struct csv_problem){.err = err, .line = found.line};
    }
    csv_reader_free(reader);
    return err;
}

enum skp_err sim_letters_file(const struct sim_letters *letters, const char *letters_path,
                              const char *register_path, const char *out_path, size_t *ret_rows,
                              const char **ret_path, struct csv_problem *ret_problem)
{
    struct letters_work work = {.letters = letters};
    struct csv_column columns[ANSWER_FIELDS];
    arena_init(&work.arena, REGISTER_ARENA_BYTES);
    csv_record_columns(answer_fields, ANSWER_FIELDS, columns);
    *ret_path = register_path;
    enum skp_err err = read_register(&work, register_path, ret_problem);
    if (!err) {
        *ret_path = out_path;
        err = csv_writer_open(out_path, columns, ANSWER_FIELDS, &work.writer, ret_problem);
    }
    if (!err) {
        *ret_path = letters_path;
        err = take_letters(&work, letters_path, ret_problem);
    }
    if (err || work.rows == 0) {
        csv_writer_abandon(work.writer);
    } else {
        *ret_path = out_path;
        err = csv_writer_close(work.writer, ret_problem);
    }
    map_fini(&work.known);
    arena_fini(&work.arena);
    *ret_rows = work.rows;
    return err;
}
