#include "sim_testing.h"

#include "list_answer.h"
#include "sim_answer.h"
#include "sim_delay.h"
#include "sim_paper.h"
#include "sim_world.h"
#include "skp.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct list_row asked(unsigned client, const char *invoice, bool agreement)
{
    static char number[16];
    struct list_row row = list_row_empty();
    snprintf(number, sizeof number, "%06u", client);
    row.request_id.bytes[0] = 1;
    row.client_number_counsellor = number;
    row.client_number_creditor = "";
    row.invoice_number = invoice;
    row.known_cents = 10000;
    row.agreement = agreement;
    row.due_date = 20261117; /* published on 3 November */
    row.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    return row;
}

static struct sim_answering creditor_of(size_t index)
{
    return (struct sim_answering){.seed = 3, .creditor = sim_creditor_oin(index)};
}

static void answers_follow_the_shares(void **state)
{
    (void)state;
    struct sim_answering creditor = creditor_of(0);
    double none = 0, unknown = 0, refused = 0, sold = 0, open = 0, zero = 0, deviates = 0,
           impeded = 0, agreed = 0, collected = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        struct list_row row = asked(i, "F1", true);
        struct list_answer answer = sim_answer(&creditor, &row);
        none += !list_row_is_answered(&answer);
        unknown += answer.client_unknown;
        refused += answer.no_cooperation != 0;
        sold += answer.debt == LIST_DEBT_TRANSFERRED;
        zero += answer.debt == LIST_DEBT_ZERO;
        open += answer.debt == LIST_DEBT_OPEN;
        agreed += answer.agreed;
        impeded += answer.impediment != 0;
        collected += answer.in_collection;
        if (answer.debt == LIST_DEBT_OPEN) {
            assert_in_range(answer.amount_cents, 10000, 14001);
            deviates += answer.amount_cents != 10000;
        }
        assert_false(answer.agreed && answer.impediment != 0);
        assert_int_equal(!list_row_is_answered(&answer), sim_answer_date(&creditor, &row) == 0);
    }
    double answered = DRAWS - none;
    expect_near(none / DRAWS, 0.03, 0.005);
    expect_near(unknown / answered, 0.06, 0.01);
    expect_near(refused / answered, 0.01, 0.005);
    expect_near(sold / answered, 0.08, 0.01);
    expect_near(open / answered, 0.82, 0.01);
    expect_near(zero / answered, 0.03, 0.01);
    expect_near(deviates / open, 0.6, 0.02);
    expect_near(collected / open, 0.5, 0.02);
    expect_near(impeded / open, 0.05, 0.01);
    expect_near(agreed / open, 0.95, 0.01);
}

static int compare_days(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The logarithm of a lognormal number is normal: its spread is sigma. */
static double spread_of_logs(const uint32_t *days, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        double x = log(days[i]);
        sum += x;
        squares += x * x;
    }
    double mean = sum / (double)count;
    return sqrt(squares / (double)count - mean * mean);
}

static void delays_have_the_median_of_their_creditor(void **state)
{
    (void)state;
    static const double medians[] = {
        [SIM_PUBLIC] = 2, [SIM_LARGE] = 4, [SIM_PORTAL] = 7, [SIM_PAPER] = 15};
    static uint32_t days[DRAWS];
    for (enum sim_link link = SIM_PUBLIC; link <= SIM_PAPER; link++) {
        struct sim_random random = sim_random_new(8, link);
        size_t answered = 0, never = 0;
        for (size_t i = 0; i < DRAWS; i++) {
            uint32_t drawn = sim_delay_draw(&random, link, 0);
            never += drawn == SIM_NO_ANSWER;
            if (drawn != SIM_NO_ANSWER)
                days[answered++] = drawn;
        }
        qsort(days, answered, sizeof days[0], compare_days);
        expect_near(days[answered / 2], medians[link], 0);
        expect_near((double)never / DRAWS, 0.03, 0.005);
        if (link == SIM_PAPER)
            expect_near(spread_of_logs(days, answered), 0.7, 0.02);
    }
}

static void one_in_ten_is_not_answered_in_term(void **state)
{
    (void)state;
    static uint32_t days[DRAWS];
    for (enum sim_link link = SIM_PUBLIC; link <= SIM_PORTAL; link++) {
        struct sim_random random = sim_random_new(9, link);
        double late = 0, never = 0;
        size_t in_term = 0;
        for (size_t i = 0; i < DRAWS; i++) {
            uint32_t drawn = sim_delay_draw(&random, link, 10);
            never += drawn == SIM_NO_ANSWER;
            late += drawn > 10 && drawn != SIM_NO_ANSWER;
            if (drawn <= 10)
                days[in_term++] = drawn;
        }
        expect_near((late + never) / DRAWS, 0.10, 0.01);
        expect_near(never / DRAWS, 0.03, 0.005);
        qsort(days, in_term, sizeof days[0], compare_days);
        expect_near(days[in_term / 2], sim_link_median_days[link], 0);
    }
}

/* The default agreement runs ten working days, this row's was published on 3 November. */
static void the_day_of_an_answer_counts_from_publication(void **state)
{
    (void)state;
    struct sim_answering creditor = creditor_of(1);
    size_t first = 0, in_term = 0, late = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        struct list_row row = asked(i, "F1", true);
        plain_date date = sim_answer_date(&creditor, &row);
        assert_true(date == 0 || date >= 20261103);
        first += date == 20261103;
        in_term += date >= 20261103 && date <= 20261117;
        late += date > 20261117;
    }
    assert_true(first > 0);
    expect_near((double)in_term / DRAWS, 0.90, 0.01);
    expect_near((double)late / DRAWS, 0.07, 0.01);
}

static void without_an_agreement_nothing_is_agreed(void **state)
{
    (void)state;
    struct sim_answering creditor = creditor_of(0);
    for (unsigned i = 0; i < 500; i++) {
        struct list_row row = asked(i, "F1", false);
        struct list_answer answer = sim_answer(&creditor, &row);
        assert_false(answer.agreed);
        assert_int_equal(answer.impediment, 0);
    }
}

static void an_answer_does_not_depend_on_random_ids(void **state)
{
    (void)state;
    struct sim_answering creditor = creditor_of(0);
    for (unsigned i = 0; i < 200; i++) {
        struct list_row row = asked(i, "F1", true);
        struct list_answer a = sim_answer(&creditor, &row);
        plain_date date = sim_answer_date(&creditor, &row);
        memset(row.request_id.bytes, 0x55, sizeof row.request_id.bytes);
        memset(row.claim_id.bytes, 0x66, sizeof row.claim_id.bytes);
        struct list_answer b = sim_answer(&creditor, &row);
        assert_int_equal(a.debt, b.debt);
        assert_true(a.amount_cents == b.amount_cents);
        assert_int_equal(a.client_unknown, b.client_unknown);
        assert_int_equal(sim_answer_date(&creditor, &row), date);
    }
}

/* ---------------------------------------------------------------- files */

struct files {
    char in[32], out[32];
};

static void write_list(struct files *files)
{
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    strcpy(files->in, "/tmp/skp-sim-in-XXXXXX");
    strcpy(files->out, "/tmp/skp-sim-out-XXXXXX");
    close(mkstemp(files->in));
    close(mkstemp(files->out));
    unlink(files->out);
    assert_ok(list_writer_open(files->in, &writer, &problem));
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned k = 0; k < 3; k++) {
            static const char *const invoices[] = {"00001", "00002", "00003"};
            struct list_row row = asked(i, invoices[k], i % 2 == 0);
            memcpy(row.request_id.bytes + 1, &i, sizeof i);
            row.claim_id = row.request_id;
            row.claim_id.bytes[15] = (uint8_t)(k + 1);
            row.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
            list_writer_put(writer, &row);
        }
    }
    assert_ok(csv_writer_close(writer, &problem));
}

static void remove_files(const struct files *files)
{
    unlink(files->in);
    unlink(files->out);
}

static size_t later; /* rows that answer_lists() left for after `until` */

/* The lists given, answered into files->out; how many rows. */
static size_t answer_lists(const struct sim_answering *answering, struct files *files,
                           size_t list_count)
{
    char *lists[] = {files->in, files->in};
    struct csv_problem problem;
    struct sim_answered answered;
    assert_ok(sim_answer_files(answering, lists, list_count, files->out, &answered, &problem));
    assert_int_equal(answered.refused, 0);
    later = answered.later;
    return answered.rows;
}

static void an_answered_list_is_read_without_a_problem(void **state)
{
    (void)state;
    struct files files;
    struct csv_problem problem;
    struct list_answers answers;
    struct arena arena;
    struct sim_answering answering = {.seed = 1, .creditor = sim_creditor_oin(0)};
    write_list(&files);
    assert_int_equal(answer_lists(&answering, &files, 1), 900);
    arena_init(&arena, 1 << 24);
    assert_ok(list_answers_read(files.out, &arena, &answers, &problem));
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(answers.request_count, 300);
    size_t answered = 0, agreed = 0;
    for (const struct list_request *at = answers.requests; at; at = at->next) {
        assert_false(at->broken);
        answered += at->outcome != 0;
        agreed += at->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    }
    expect_near((double)answered / 300, 0.97, 0.03);
    expect_near((double)agreed / 300, 0.42, 0.08);
    arena_fini(&arena);
    remove_files(&files);
}

static void every_claim_is_answered_on_one_day(void **state)
{
    (void)state;
    struct files files;
    struct sim_answering answering = {.seed = 1, .creditor = sim_creditor_oin(0)};
    size_t rows = 0, days_with_answers = 0;
    plain_date day = 20261102;
    write_list(&files);
    answering.after = day;
    answering.until = 21000101;
    size_t whole = answer_lists(&answering, &files, 1);
    unlink(files.out);
    for (int i = 0; i < 60; i++) {
        answering.after = day;
        answering.until = calendar_add_working_days(NULL, day, 1);
        size_t found = answer_lists(&answering, &files, 1);
        assert_int_equal(access(files.out, F_OK) == 0, found > 0);
        unlink(files.out);
        rows += found;
        assert_int_equal(later == 0, rows == whole);
        days_with_answers += found > 0;
        day = answering.until;
    }
    assert_true(days_with_answers >= 10);
    assert_int_equal(rows, whole);
    expect_near((double)rows / 900, 0.97, 0.03);
    remove_files(&files);
}

static void a_claim_in_two_lists_is_answered_once(void **state)
{
    (void)state;
    struct files files;
    struct sim_answering answering = {.seed = 1, .creditor = sim_creditor_oin(0)};
    write_list(&files);
    assert_int_equal(answer_lists(&answering, &files, 2), 900);
    remove_files(&files);
}

static void a_list_with_a_bad_row_is_answered_but_for_that_row(void **state)
{
    (void)state;
    char in[] = "/tmp/skp-sim-in-XXXXXX", out[] = "/tmp/skp-sim-out-XXXXXX";
    struct sim_answering answering = creditor_of(0);
    struct csv_problem problem;
    char *lists[] = {in};
    struct sim_answered answered;
    close(mkstemp(out));
    FILE *file = fdopen(mkstemp(in), "w");
    fputs("ConversatieReferentienummer;Regelkenmerk;SchuldenaarOnbekend;StandaardAkkoord;"
          "SoortSchuld;OpenstaandBedrag\nx;;;;;\n",
          file);
    fclose(file);
    assert_err(sim_answer_files(&answering, lists, 1, out, &answered, &problem),
               SKP_E_VALUE_INVALID);
    assert_int_equal(answered.refused, 1);
    assert_ptr_equal(answered.path, in);
    assert_int_equal(problem.err, SKP_E_ID_FORMAT);
    assert_int_equal(problem.line, 2);
    unlink(in);
    unlink(out);
}

/* ---------------------------------------------------------------- letters */

static void letters_are_answered_by_the_shares(void **state)
{
    (void)state;
    struct sim_letters letters = {.seed = 4, .counsellor = sim_creditor_oin(0), .sent = 20261102};
    double open = 0, unknown = 0, more = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        char dossier[16];
        snprintf(dossier, sizeof dossier, "2026-%06u", i);
        struct sim_letter_answer answer = sim_letter_answer(&letters, dossier, "Garage", 10000);
        unknown += answer.outcome == SKP__V1__OUTCOME__OUTCOME_UNKNOWN_CLIENT;
        if (answer.outcome != SKP__V1__OUTCOME__OUTCOME_CLAIMS) {
            assert_true(answer.total_cents == CSV_NO_AMOUNT);
            continue;
        }
        open++;
        assert_in_range(answer.total_cents, 10000, 14001);
        more += answer.total_cents > 10000;
    }
    expect_near(open / DRAWS, 0.82, 0.01);
    expect_near(unknown / DRAWS, 0.06, 0.01);
    expect_near(more / open, 0.6, 0.02);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void letters_come_back_once_and_with_what_was_known(void **state)
{
    (void)state;
    char folder[] = "/tmp/skp-sim-XXXXXX", list[64], known[64], out[64], line[256];
    struct sim_letters letters = {.seed = 4, .counsellor = sim_creditor_oin(0), .sent = 20261102};
    struct csv_problem problem;
    const char *path = NULL;
    size_t rows = 0, sum = 0;
    assert_non_null(mkdtemp(folder));
    snprintf(list, sizeof list, "%s/brieven.csv", folder);
    snprintf(known, sizeof known, "%s/aanmelding.csv", folder);
    snprintf(out, sizeof out, "%s/papier.csv", folder);
    write_text(list, "Dossier;Schuldeiser;Adres;Reden\nA-1;Garage;;x\nA-1;Bakker;;x\n"
                     "A-2;Garage;;x\n");
    write_text(known, "Dossier;TypeSchuldregeling;Begeleiding;Peildatum;GemeenteOIN;Geslacht;"
                      "Achternaam;Geboortedatum;Straat;Huisnummer;Postcode;Woonplaats;Schuldeiser;"
                      "Bedrag;SoortVordering\n");
    letters.until = 20270601;
    assert_ok(sim_letters_file(&letters, list, known, out, &rows, &path, &problem));
    assert_int_equal(rows, 3);
    FILE *file = fopen(out, "r");
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "\xef\xbb\xbf"
                              "Dossier;Schuldeiser;Bedrag;Akkoord;Ontvangen;Uitkomst\r\n");
    fclose(file);
    unlink(out);
    letters.until = 20261102;
    for (int i = 0; i < 150; i++) {
        letters.after = letters.until;
        letters.until = calendar_add_working_days(NULL, letters.after, 1);
        assert_ok(sim_letters_file(&letters, list, known, out, &rows, &path, &problem));
        sum += rows;
        unlink(out);
    }
    assert_int_equal(sum, 3);
    unlink(list);
    assert_err(sim_letters_file(&letters, list, known, out, &rows, &path, &problem),
               SKP_E_NOT_FOUND);
    assert_ptr_equal(path, list);
    unlink(known);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_follow_the_shares),
        cmocka_unit_test(delays_have_the_median_of_their_creditor),
        cmocka_unit_test(one_in_ten_is_not_answered_in_term),
        cmocka_unit_test(the_day_of_an_answer_counts_from_publication),
        cmocka_unit_test(without_an_agreement_nothing_is_agreed),
        cmocka_unit_test(an_answer_does_not_depend_on_random_ids),
        cmocka_unit_test(an_answered_list_is_read_without_a_problem),
        cmocka_unit_test(every_claim_is_answered_on_one_day),
        cmocka_unit_test(a_claim_in_two_lists_is_answered_once),
        cmocka_unit_test(a_list_with_a_bad_row_is_answered_but_for_that_row),
        cmocka_unit_test(letters_are_answered_by_the_shares),
        cmocka_unit_test(letters_come_back_once_and_with_what_was_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
