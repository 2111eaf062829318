#include "sim_testing.h"

#include "list_answer.h"
#include "sim_answer.h"
#include "sim_world.h"
#include "skp.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct list_row asked(unsigned client, const char *invoice, bool agreement)
{
    static char number[16];
    struct list_row row = list_row_empty();
    snprintf(number, sizeof(number), "%06u", client);
    row.request_id.bytes[0] = 1;
    row.client_number_counsellor = number;
    row.client_number_creditor = "";
    row.invoice_number = invoice;
    row.known_cents = 10000;
    row.agreement = agreement;
    row.kind = SKP__V1__CLAIM_KIND__CLAIM_KIND_TELECOM;
    return row;
}

static void answers_follow_the_shares(void **state)
{
    (void)state;
    struct skp_oin creditor = sim_creditor_oin(0);
    double none = 0, unknown = 0, refused = 0, sold = 0, open = 0, zero = 0, deviates = 0,
           impeded = 0, agreed = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        struct list_row row = asked(i, "F1", true);
        struct list_answer answer = sim_answer(3, &creditor, &row);
        none += !list_row_is_answered(&answer);
        unknown += answer.client_unknown;
        refused += answer.no_cooperation != 0;
        sold += answer.debt == LIST_DEBT_TRANSFERRED;
        zero += answer.debt == LIST_DEBT_ZERO;
        open += answer.debt == LIST_DEBT_OPEN;
        agreed += answer.agreed;
        impeded += answer.impediment != 0;
        if (answer.debt == LIST_DEBT_OPEN) {
            assert_in_range(answer.amount_cents, 10000, 14001);
            deviates += answer.amount_cents != 10000;
        }
        assert_false(answer.agreed && answer.impediment != 0);
    }
    double answered = DRAWS - none;
    expect_near(none / DRAWS, 0.10, 0.01);
    expect_near(unknown / answered, 0.06, 0.01);
    expect_near(refused / answered, 0.01, 0.005);
    expect_near(sold / answered, 0.08, 0.01);
    expect_near(open / answered, 0.82, 0.01);
    expect_near(zero / answered, 0.03, 0.01);
    expect_near(deviates / open, 0.6, 0.02);
    expect_near(impeded / open, 0.05, 0.01);
    expect_near(agreed / open, 0.95, 0.01);
}

static void without_an_agreement_nothing_is_agreed(void **state)
{
    (void)state;
    struct skp_oin creditor = sim_creditor_oin(0);
    for (unsigned i = 0; i < 500; i++) {
        struct list_row row = asked(i, "F1", false);
        struct list_answer answer = sim_answer(3, &creditor, &row);
        assert_false(answer.agreed);
        assert_int_equal(answer.impediment, 0);
    }
}

static void an_answer_does_not_depend_on_random_ids(void **state)
{
    (void)state;
    struct skp_oin creditor = sim_creditor_oin(0);
    for (unsigned i = 0; i < 200; i++) {
        struct list_row row = asked(i, "F1", true);
        struct list_answer a = sim_answer(3, &creditor, &row);
        memset(row.request_id.bytes, 0x55, sizeof(row.request_id.bytes));
        memset(row.claim_id.bytes, 0x66, sizeof(row.claim_id.bytes));
        struct list_answer b = sim_answer(3, &creditor, &row);
        assert_int_equal(a.debt, b.debt);
        assert_true(a.amount_cents == b.amount_cents);
        assert_int_equal(a.client_unknown, b.client_unknown);
    }
}

static void an_answered_list_is_read_without_a_problem(void **state)
{
    (void)state;
    char in[] = "/tmp/skp-sim-in-XXXXXX", out[] = "/tmp/skp-sim-out-XXXXXX";
    struct skp_oin creditor = sim_creditor_oin(0);
    struct csv_problem problem;
    struct csv_writer *writer = NULL;
    struct list_answers answers;
    struct arena arena;
    size_t refused = 0;
    close(mkstemp(in));
    close(mkstemp(out));
    assert_ok(list_writer_open(in, &writer, &problem));
    for (unsigned i = 0; i < 300; i++) {
        for (unsigned k = 0; k < 3; k++) {
            static const char *const invoices[] = {"00001", "00002", "00003"};
            struct list_row row = asked(i, invoices[k], i % 2 == 0);
            memcpy(row.request_id.bytes + 1, &i, sizeof(i));
            row.claim_id = row.request_id;
            row.claim_id.bytes[15] = (uint8_t)(k + 1);
            row.debtor = SKP__V1__DEBTOR__DEBTOR_FIRST;
            list_writer_put(writer, &row);
        }
    }
    assert_ok(csv_writer_close(writer, &problem));
    assert_ok(sim_answer_file(1, &creditor, in, out, &refused, &problem));
    arena_init(&arena, 1 << 24);
    assert_ok(list_answers_read(out, &arena, &answers, &problem));
    assert_int_equal(answers.problems.count, 0);
    assert_int_equal(answers.request_count, 300);
    size_t answered = 0, agreed = 0;
    for (const struct list_request *at = answers.requests; at; at = at->next) {
        assert_false(at->broken);
        answered += at->outcome != 0;
        agreed += at->consent == SKP__V1__CONSENT__CONSENT_PRE_AGREED;
    }
    expect_near((double)answered / 300, 0.9, 0.06);
    expect_near((double)agreed / 300, 0.39, 0.08);
    arena_fini(&arena);
    unlink(in);
    unlink(out);
}

static void a_list_with_a_bad_row_is_answered_but_for_that_row(void **state)
{
    (void)state;
    char in[] = "/tmp/skp-sim-in-XXXXXX", out[] = "/tmp/skp-sim-out-XXXXXX";
    struct skp_oin creditor = sim_creditor_oin(0);
    struct csv_problem problem;
    size_t refused = 0;
    close(mkstemp(out));
    FILE *file = fdopen(mkstemp(in), "w");
    fputs("ConversatieReferentienummer;Regelkenmerk;SchuldenaarOnbekend;StandaardAkkoord;"
          "SoortSchuld;OpenstaandBedrag\nx;;;;;\n",
          file);
    fclose(file);
    assert_err(sim_answer_file(1, &creditor, in, out, &refused, &problem), SKP_E_VALUE_INVALID);
    assert_int_equal(refused, 1);
    assert_int_equal(problem.err, SKP_E_ID_FORMAT);
    assert_int_equal(problem.line, 2);
    unlink(in);
    unlink(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_follow_the_shares),
        cmocka_unit_test(without_an_agreement_nothing_is_agreed),
        cmocka_unit_test(an_answer_does_not_depend_on_random_ids),
        cmocka_unit_test(an_answered_list_is_read_without_a_problem),
        cmocka_unit_test(a_list_with_a_bad_row_is_answered_but_for_that_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
